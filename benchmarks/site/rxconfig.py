"""A project small enough to time: one viewset, one list of it, and two counters."""

from __future__ import annotations

import reflex as rx

from reflex_drf import ReflexDjangoPlugin

config = rx.Config(
    app_name="served",
    telemetry_enabled=False,
    show_built_with_reflex=False,
    plugins=[ReflexDjangoPlugin(settings_module="served.settings")],
    disable_plugins=[rx.plugins.SitemapPlugin],
)
