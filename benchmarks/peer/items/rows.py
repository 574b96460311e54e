"""A database with rows in it, and a function in it that takes its time."""

from __future__ import annotations

import os
import time
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
    with connection.cursor() as cursor:
        cursor.execute(FILL[connection.vendor], [ROWS])
        if connection.vendor == "postgresql":
            cursor.execute("ANALYZE items_item")
    assert Item.objects.count() == ROWS


# Made by the database itself, so that a million rows take seconds.
COLUMNS = "name, sku, size, price, stock, active, weight, released, attrs, created_at"
FILL = {
    "sqlite": f"""
        INSERT INTO items_item ({COLUMNS})
        WITH RECURSIVE numbers(n) AS (
            SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < %s
        )
        SELECT 'Item ' || n, 'I' || n, CASE n %% 2 WHEN 0 THEN 's' ELSE 'l' END,
            (n %% 977) + (n %% 89) / 100.0, n, n %% 3 > 0, n / 8.0,
            CASE n %% 5 WHEN 0 THEN NULL ELSE date('2026-01-01', '+' || (n %% 28) || ' days') END,
            '{{"n": ' || n || ', "label": "no. ' || n || '"}}',
            strftime('%%Y-%%m-%%d %%H:%%M:%%S', 1767225600 + n, 'unixepoch')
                || printf('.%%06d', 1 + n %% 999999)
        FROM numbers
    """,
    "postgresql": f"""
        INSERT INTO items_item ({COLUMNS})
        SELECT 'Item ' || n, 'I' || n, CASE n %% 2 WHEN 0 THEN 's' ELSE 'l' END,
            (n %% 977) + (n %% 89) / 100.0, n, n %% 3 > 0, n / 8.0,
            CASE n %% 5 WHEN 0 THEN NULL ELSE date '2026-01-01' + n %% 28 END,
            jsonb_build_object('n', n, 'label', 'no. ' || n),
            timestamptz '2026-01-01 00:00Z' + n * interval '1.000001 second'
        FROM generate_series(0, %s - 1) AS numbers(n)
    """,
}


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
