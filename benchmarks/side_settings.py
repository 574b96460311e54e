"""Django's settings of this package's side of the comparison."""

from __future__ import annotations

import os

from common_settings import *  # noqa: F403
from common_settings import APPS

INSTALLED_APPS = ["django.contrib.admin", *APPS, "django.contrib.staticfiles", "rest_framework"]
INSTALLED_APPS.append("reflex_drf")
REFLEX_DRF = {"DATABASE_THREADS": int(os.environ.get("BENCHMARK_THREADS", 8))}
