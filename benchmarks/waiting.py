"""The states of the benchmark of the database threads."""

from __future__ import annotations

from typing import ClassVar

import reflex as rx
from asgiref.sync import sync_to_async
from django.db import connection


def sleep() -> None:
    """Have the database take its time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.05)")


class WaitingState(rx.State):
    count: int = 0

    @rx.event
    async def wait(self) -> None:
        await sync_to_async(sleep)()

    @rx.event
    async def count_up(self) -> None:
        self.count += 1


class PlainCounter(rx.State):
    django_bridge: ClassVar[bool] = False
    count: int = 0

    @rx.event
    async def count_up(self) -> None:
        self.count += 1
