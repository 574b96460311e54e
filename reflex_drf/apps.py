"""The Django app: what `manage.py` needs to know of the package."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

from django.apps import AppConfig

__all__ = ["ReflexDRFConfig"]


class ReflexDRFConfig(AppConfig):
    """Brings the system checks, and the default database of a project that configures none."""

    name = "reflex_drf"
    verbose_name = "Reflex over Django REST framework"

    def __init__(self, app_name: str, app_module: ModuleType | Any) -> None:
        from reflex_drf.conf import use_database

        super().__init__(app_name, app_module)
        # Not in `ready()`: importing the first model already opens Django's list of databases.
        use_database()

    def ready(self) -> None:
        """Register the system checks, and publish what the settings say is live."""
        from reflex_drf.checks import register_checks

        register_checks()
        # By name: this is the only call from here to modules that stand so far above.
        import_module("reflex_drf.live.checks").register_live_checks()
        import_module("reflex_drf.live.registry").live_models.follow_settings()
        import_module("reflex_drf.live.sessions").connect()
