from __future__ import annotations

from django.apps import AppConfig


class ReflexDRFConfig(AppConfig):
    """Lets `manage.py` know the package: its system checks and the default database."""

    name = "reflex_drf"
    verbose_name = "Reflex over Django REST framework"

    def ready(self) -> None:
        """Register the system checks, and give `manage.py` the database that the plugin gives."""
        from reflex_drf import checks
        from reflex_drf.conf import use_database

        use_database()
        checks.register_checks()
