"""The peer, set up as its documentation says."""

from __future__ import annotations

import reflex as rx
from reflex_django.plugins import ReflexDjangoPlugin

config = rx.Config(
    app_name="peer_page",
    app_module_import="peer_page",
    telemetry_enabled=False,
    plugins=[ReflexDjangoPlugin(config={"settings_module": "peer_settings"})],
)
