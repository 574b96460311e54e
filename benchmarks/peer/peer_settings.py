"""Django's settings of the peer's side."""

from __future__ import annotations

from common_settings import *  # noqa: F403
from common_settings import APPS

INSTALLED_APPS = ["django.contrib.admin", *APPS, "django.contrib.staticfiles", "reflex_django"]
