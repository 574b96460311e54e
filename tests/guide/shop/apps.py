from __future__ import annotations

from django.apps import AppConfig


class GuideShopConfig(AppConfig):
    name = "tests.guide.shop"
    label = "guide_shop"
    default_auto_field = "django.db.models.AutoField"
