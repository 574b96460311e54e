"""The server that a crowd of clients is sent to."""

from __future__ import annotations

import reflex as rx

from reflex_drf.plugin import ReflexDjangoPlugin

config = rx.Config(
    app_name="crowd_page",
    app_module_import="crowd_page",
    telemetry_enabled=False,
    plugins=[ReflexDjangoPlugin(settings_module="benchmarks.side_settings")],
)
