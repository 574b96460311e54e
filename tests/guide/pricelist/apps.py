from __future__ import annotations

from django.apps import AppConfig


class GuidePricelistConfig(AppConfig):
    name = "tests.guide.pricelist"
    label = "guide_pricelist"
    default_auto_field = "django.db.models.AutoField"
