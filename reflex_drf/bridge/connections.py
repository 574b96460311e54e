"""Threads with database connections of their own, and how long those connections live."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from django.db import Error, connections
from django.db.backends.signals import connection_created

from reflex_drf.conf import settings

__all__ = ["DatabaseThread", "Sweeper"]

logger = logging.getLogger("reflex_drf.bridge")


class DatabaseThread:
    """One thread with database connections of its own."""

    def __init__(self, number: int | str) -> None:
        # The thread itself starts with the first call.
        name = f"reflex_drf-database-{number}"
        self.executor = ThreadPoolExecutor(1, name, initializer=mark_thread)
        # Calls handed over and not finished, and open events that have used the thread. Both are
        # changed under the pool's lock: calls end in the thread, events on the loop.
        self.pending = 0
        self.events = 0
        # When the call began that runs now, and what the process had computed until then.
        self.since = self.processor = 0.0
        self.used = False
        # Whether nothing was asked of it for a while before the event that it was given to last.
        self.rested = False
        # Whether a synchronous middleware blocks it until its event ends.
        self.held = False
        # The event whose transaction is open between two calls, and calls of others until it ends.
        self.transaction_of: Any = None
        self.postponed: list[Any] = []
        # Whether it may hold a connection that is to be closed one day.
        self.unswept = False
        self.closed = False

    @property
    def is_taken(self) -> bool:
        """Whether it is for one event alone."""
        return self.held or self.transaction_of is not None

    def has_transaction(self) -> bool:
        """Tell in the thread whether a call has left a transaction open."""
        return any(each.in_atomic_block for each in connections.all(initialized_only=True))

    def roll_back(self) -> None:
        """End in the thread the transactions that nobody is left to end."""
        for connection in connections.all(initialized_only=True):
            if connection.in_atomic_block:
                logger.error("An event has left a transaction open; it was rolled back.")
                # Else Django leaves a closed connection to whoever is in the transaction, and all
                # that comes later fails.
                connection.in_atomic_block = connection.closed_in_transaction = False
                with suppress(Error):
                    connection.close()

    def tidy(self, others: int) -> None:
        """Do in the thread what Django does with connections between two requests."""
        try:
            if self.events <= others:
                # What `reset_queries` and `close_old_connections` do, in one go.
                for connection in connections.all(initialized_only=True):
                    connection.queries_log.clear()
                    connection.close_if_unusable_or_obsolete()
                    if not (self.rested or connection.settings_dict["CONN_HEALTH_CHECKS"]):
                        connection.health_check_done = True  # type: ignore[attr-defined]
            else:
                self._close_broken()
        except Error:
            logger.exception("A database connection could not be closed")

    def _close_broken(self) -> None:
        # Another event is between two calls here and may be in the middle of `aiterator()`, whose
        # cursor dies with its connection: a connection that is merely old has to wait.
        for connection in connections.all(initialized_only=True):
            if connection.errors_occurred and not connection.in_atomic_block:
                connection.close_if_unusable_or_obsolete()

    def sweep(self) -> None:
        """Close in the thread what is too old, and say whether anything is left to grow old."""
        self.tidy(0)
        for connection in connections.all(initialized_only=True):
            if connection.connection is not None and connection.close_at is not None:
                self.unswept = True

    def close(self) -> None:
        """Close the connections in their thread and let the thread end; nothing waits for it."""
        if self.closed:
            return
        self.closed = True
        if self.used:
            self.executor.submit(connections.close_all)
        self.executor.shutdown(wait=False)


class Sweeper:
    """Closes what idle threads have left open, now and then, as long as there is anything."""

    def __init__(self, threads: Callable[[], Sequence[DatabaseThread]]) -> None:
        self._threads = threads
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def wake(self) -> None:
        """Look after the threads again; called on the event loop."""
        loop = asyncio.get_running_loop()
        # A loop that has ended has taken its timer with it.
        if self._timer is None or self._loop is not loop:
            self._loop = loop
            self._timer = loop.call_later(settings.CONNECTION_SECONDS, self._sweep)

    def _sweep(self) -> None:
        self._timer = None
        left = [thread for thread in self._threads() if thread.unswept]
        for thread in left:
            if not thread.events:
                thread.unswept = False
                # One that has ended has closed its connections itself.
                with suppress(RuntimeError):
                    thread.executor.submit(thread.sweep)
        if left:
            self.wake()


_here = threading.local()


def mark_thread() -> None:
    """Say that the connections of this thread are few and stay with it."""
    _here.is_database_thread = True


def give_age(sender: Any, connection: Any, **kwargs: Any) -> None:
    """Let a new connection serve several events, also where Django closes it after each request.

    Django's default is right for threads that come and go; these are few, and stay. A request over
    HTTP would not notice that the server has ended a connection meanwhile, so neither may an event.
    """
    is_ours = getattr(_here, "is_database_thread", False)
    if is_ours and connection.settings_dict["CONN_MAX_AGE"] == 0:
        connection.close_at = time.monotonic() + settings.CONNECTION_SECONDS
        connection.health_check_enabled = True


connection_created.connect(give_age, dispatch_uid="reflex_drf.bridge.connections")
