from __future__ import annotations

from django.apps import AppConfig


class GuideCatalogConfig(AppConfig):
    name = "tests.guide.catalog"
    label = "guide_catalog"
    default_auto_field = "django.db.models.AutoField"
