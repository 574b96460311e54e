"""A database with rows in it, and a function in it that takes its time."""

from __future__ import annotations

import os
import time
from datetime import date
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.db import connection
from django.db.backends.signals import connection_created
from django.db.models.expressions import RawSQL

ROWS = int(os.environ.get("BENCHMARK_ROWS", 10_000))
SLOW = 0.05


def add_sleep(connection: Any, **kwargs: Any) -> None:
    """Let a query wait as one does that a database works on: without holding the interpreter."""
    connection.connection.create_function("wait", 1, lambda seconds: time.sleep(seconds) or 0)


def slow_query() -> Any:
    """Give a queryset whose one row takes 50 ms."""
    from items.models import Item

    if connection.vendor == "sqlite":
        wait = RawSQL("SELECT wait(%s)", [SLOW])
    else:
        wait = RawSQL("SELECT pg_sleep(%s)::text", [SLOW])
    return Item.objects.annotate(waited=wait).order_by("id")[:1]


def fill() -> None:
    """Make the tables and the rows."""
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from items.models import Item

    call_command("migrate", verbosity=0, run_syncdb=True)
    User.objects.create_superuser("viewer", password="viewer")
    Item.objects.bulk_create(
        [
            Item(
                name=f"Item {n}",
                sku=f"I{n}",
                size="sl"[n % 2],
                price=f"{n % 977}.{n % 89:02}",
                stock=n,
                active=n % 3 > 0,
                weight=n / 8,
                released=date(2026, 1, 1 + n % 28) if n % 5 else None,
                attrs={"n": n, "label": f"no. {n}"},
            )
            for n in range(ROWS)
        ],
        batch_size=5000,
    )


def cookie() -> str:
    """Log the viewer in and give the cookie of the session."""
    from django.contrib.auth.models import User

    user: Any = User.objects.get(username="viewer")
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


connection_created.connect(
    lambda connection, **kwargs: connection.vendor == "sqlite" and add_sleep(connection),
    weak=False,
)
