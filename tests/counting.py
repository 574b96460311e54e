"""Counts of what an event costs: database queries and hops to a thread, in all threads together."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from asgiref.sync import SyncToAsync
from django.db.backends.utils import CursorWrapper

from reflex_drf.bridge.gathering import Gathering

TRANSACTION_CONTROL = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA")


class Queries:
    """The statements that were run; `len()` leaves transaction control out."""

    def __init__(self) -> None:
        self.all: list[str] = []

    @property
    def statements(self) -> list[str]:
        return [sql for sql in self.all if not sql.upper().startswith(TRANSACTION_CONTROL)]

    def __len__(self) -> int:
        return len(self.statements)

    def __repr__(self) -> str:
        return "\n".join([f"{len(self)} queries:", *self.statements])


@contextmanager
def count_queries() -> Iterator[Queries]:
    """Count the queries of every connection of every thread."""
    queries = Queries()
    # Each statement of each connection goes through this method, also on connections that a
    # thread opens only later; `execute_wrapper` would see the connection of one thread.
    execute = CursorWrapper._execute
    execute_many = CursorWrapper._executemany

    def counting(self: Any, sql: Any, params: Any, *ignored: Any) -> Any:
        queries.all.append(str(sql))
        return execute(self, sql, params, *ignored)

    def counting_many(self: Any, sql: Any, params: Any, *ignored: Any) -> Any:
        queries.all.append(str(sql))
        return execute_many(self, sql, params, *ignored)

    with (
        mock.patch.object(CursorWrapper, "_execute", counting),
        mock.patch.object(CursorWrapper, "_executemany", counting_many),
    ):
        yield queries


class Hops:
    """How many calls were handed from an event loop to a thread, and to which."""

    def __init__(self) -> None:
        self.threads: list[str] = []

    def __len__(self) -> int:
        return len(self.threads)

    @property
    def count(self) -> int:
        return len(self.threads)


@contextmanager
def count_hops() -> Iterator[Hops]:
    """Count the calls that go to a thread, whichever one they run in."""
    hops = Hops()
    handle = SyncToAsync.thread_handler

    def counting(self: Any, *args: Any, **kwargs: Any) -> Any:
        hops.threads.append(threading.current_thread().name)
        return handle(self, *args, **kwargs)

    # Look-ups of several events are one call, of none of them.
    gather = Gathering._work

    def counting_together(self: Any, *args: Any) -> None:
        hops.threads.append(threading.current_thread().name)
        gather(self, *args)

    with (
        mock.patch.object(SyncToAsync, "thread_handler", counting),
        mock.patch.object(Gathering, "_work", counting_together),
    ):
        yield hops
