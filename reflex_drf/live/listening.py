"""Listens to what the triggers of PostgreSQL databases say, whichever transport is chosen."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from contextvars import Context
from typing import Any, cast

from django.apps import apps
from django.db import connections

from reflex_drf.live.broadcaster import LiveBroadcaster
from reflex_drf.live.changes import heard_change, model_label, unknown_rows
from reflex_drf.live.journal import journal
from reflex_drf.live.triggers import CHANNEL, FIND_TABLES, can_listen, known_tables, table_name

__all__ = ["TriggerListener", "TriggerListeners", "labels_of"]

APPLICATION = "reflex_drf live rows"
logger = logging.getLogger("reflex_drf.live")


class TriggerListener:
    """What the triggers of one database say, for the subscribers of one event loop."""

    def __init__(
        self, alias: str, loop: asyncio.AbstractEventLoop, broadcaster: LiveBroadcaster
    ) -> None:
        self.alias = alias
        self._loop = loop
        self._broadcaster = broadcaster
        self.connected = asyncio.Event()
        self.task = loop.create_task(self._run(), context=Context(), name="reflex_drf.live.rows")

    async def _run(self) -> None:
        import psycopg

        # The relay owns the pace of all that connects again, and imports this module.
        from reflex_drf.live.relay import pause

        attempt = 0
        while True:
            try:
                if not await self._follow():
                    return
            except (OSError, psycopg.Error) as error:
                if self.connected.is_set():
                    attempt = 0
                if not attempt:
                    logger.warning(
                        "What the triggers of %r say is not heard: %s", self.alias, error
                    )
            self.connected.clear()
            await asyncio.sleep(pause(attempt))
            attempt += 1

    async def _follow(self) -> bool:
        """Hand on what the database says; False if it has no triggers."""
        messages = cast("AsyncGenerator[str | frozenset[str]]", self._listen())
        async with aclosing(messages):
            async for message in messages:
                if isinstance(message, str):
                    self.receive(message)
                    continue
                if not message:
                    return False
                self.connected.set()
                for label in {label for table in message for label in labels_of(table)}:
                    # Whatever was said meanwhile, nobody here has heard.
                    self._broadcaster.publish(unknown_rows(label), loop=self._loop)
        return True

    async def _listen(self) -> AsyncIterator[str | frozenset[str]]:
        """Give the tables that have triggers, once it listens, and then each message."""
        from reflex_drf.live.transports.postgres import QUIET, connected, connection_parameters

        # A name for those who look at what is connected.
        parameters = connection_parameters(self.alias) | {"application_name": APPLICATION}
        async with connected(parameters) as connection:
            standby = await connection.execute("SELECT pg_is_in_recovery()")
            if await standby.fetchone() == (True,):
                # It cannot listen, and only repeats what the server behind it has said.
                yield frozenset()
                return
            await connection.execute(f"LISTEN {CHANNEL}")
            found = await connection.execute(FIND_TABLES.encode())
            yield frozenset(name for (name,) in await found.fetchall())
            while True:
                async for message in connection.notifies(timeout=QUIET):
                    yield message.payload
                # Nothing came for a while; a server that is gone fails to answer this.
                await connection.execute("SELECT 1")

    def receive(self, message: str) -> None:
        """Hand on what a trigger says has changed."""
        try:
            table, *rest = json.loads(message)
            if table is None:
                known_tables.clear()
                return
            action, keys = rest
            keys = [None] if keys is None else list(keys)
        except (TypeError, ValueError, RecursionError):
            logger.warning("A message on the channel of the triggers is not one of theirs.")
            return
        for label in labels_of(table):
            changes = [
                unknown_rows(label) if key is None else heard_change(label, action, key)
                for key in keys
            ]
            journal.receive(changes, "triggers")
            for change in changes:
                self._broadcaster.publish(change, loop=self._loop)


class TriggerListeners:
    """The listeners of each event loop on which somebody wants to know of changes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[asyncio.AbstractEventLoop, int] = {}
        self._listeners: dict[asyncio.AbstractEventLoop, list[TriggerListener]] = {}
        self.ending: dict[asyncio.AbstractEventLoop, set[asyncio.Task[None]]] = {}

    def demand(
        self, loop: asyncio.AbstractEventLoop, by: int, broadcaster: LiveBroadcaster
    ) -> None:
        """Begin to listen for the first subscriber of a loop, end with the last."""
        with self._lock:
            count = self._counts[loop] = self._counts.get(loop, 0) + by
            if count > 0 and loop not in self._listeners:
                self._listeners[loop] = [
                    TriggerListener(alias, loop, broadcaster) for alias in databases()
                ]
            elif count <= 0:
                del self._counts[loop]
                for listener in self._listeners.pop(loop, []):
                    self._end(listener, loop)

    def _end(self, listener: TriggerListener, loop: asyncio.AbstractEventLoop) -> None:
        ending = self.ending.setdefault(loop, set())
        ending.add(listener.task)

        def ended(task: asyncio.Task[None]) -> None:
            ending.discard(task)
            if not ending and self.ending.get(loop) is ending:
                del self.ending[loop]

        listener.task.add_done_callback(ended)
        listener.task.cancel()

    def get(self, loop: asyncio.AbstractEventLoop) -> list[TriggerListener]:
        """Give the listeners of a loop."""
        return list(self._listeners.get(loop, ()))


def databases() -> list[str]:
    """Give the databases that may have triggers."""
    if not can_listen():
        return []
    places: dict[tuple[Any, ...], str] = {}
    for alias in connections:
        connection = connections[alias]
        if connection.vendor == "postgresql":
            # Two names of one database would say everything twice.
            place = tuple(connection.settings_dict[part] for part in ("HOST", "PORT", "NAME"))
            places.setdefault(place, alias)
    return list(places.values())


def labels_of(table: str) -> list[str]:
    """Give the models whose rows are in a table: its own, and those that extend it."""
    owners = [
        model
        for model in apps.get_models(include_auto_created=True)
        if not model._meta.proxy and table_name(model) == table
    ]
    # A proxy's changes go by the name of the model it stands for.
    return [
        model_label(model)
        for model in apps.get_models(include_auto_created=True)
        if not model._meta.proxy and any(issubclass(model, owner) for owner in owners)
    ]


def ending_tasks(loop: asyncio.AbstractEventLoop) -> set[asyncio.Task[Any]]:
    """Give what is still closing its connection."""
    return set(listeners.ending.get(loop, ()))


listeners = TriggerListeners()
