from __future__ import annotations

from django.apps import AppConfig


class GuideInventoryConfig(AppConfig):
    name = "tests.guide.inventory"
    label = "guide_inventory"
    default_auto_field = "django.db.models.AutoField"
