"""The one file Reflex asks for; `ReflexDjangoPlugin` is all that Django adds to it."""

from __future__ import annotations

import reflex as rx
from reflex_drf import ReflexDjangoPlugin

config = rx.Config(
    app_name="frontend",
    telemetry_enabled=False,
    show_built_with_reflex=False,
    plugins=[
        ReflexDjangoPlugin(settings_module="config.settings"),
        rx.plugins.RadixThemesPlugin(
            theme=rx.theme(accent_color="indigo", gray_color="slate", radius="large")
        ),
    ],
    disable_plugins=[rx.plugins.SitemapPlugin],
)
