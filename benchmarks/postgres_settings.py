"""The settings of the tests, on a PostgreSQL database for this benchmark alone."""

from __future__ import annotations

import os

from tests.settings import *  # noqa: F403

# One for each run, so that two at a time do not meet.
NAME = f"reflex_drf_benchmark_{os.getpid()}"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": NAME,
        "USER": os.environ.get("PGUSER", "postgres"),
        "PASSWORD": os.environ.get("PGPASSWORD", ""),
        "HOST": os.environ.get("PGHOST", "127.0.0.1"),
    }
}
