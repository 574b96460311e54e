"""The same project over HTTP, as a process of its own: `uvicorn benchmarks.server:app`."""

from __future__ import annotations

import os

import django
from django.conf import settings
from django.core.asgi import get_asgi_application

settings.DATABASES["default"]["NAME"] = os.environ["BENCHMARK_DATABASE"]
django.setup()
app = get_asgi_application()
