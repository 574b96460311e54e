"""Hands changes to those in this process who asked for a model's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from threading import Lock
from typing import Any

from reflex_drf.live.changes import ModelChange, unknown_rows

__all__ = ["LiveBroadcaster"]

QUEUE_SIZE = 1000
Listener = Callable[[ModelChange], None]
Demand = Callable[[asyncio.AbstractEventLoop, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Subscriber:
    """Who is told of changes, on which loop; a listener is called in the publisher's thread."""

    key: Any
    tell: Listener
    loop: asyncio.AbstractEventLoop


class LiveBroadcaster:
    """The changes of this process: `publish` from any thread, `subscribe` on an event loop.

    `demand` is told when subscribers of a loop come and go.
    """

    def __init__(self, demand: Demand | None = None) -> None:
        self._lock = Lock()
        self._subscribers: dict[str, list[Subscriber]] = {}
        self._demand = demand

    def subscribe(self, model_label: str) -> asyncio.Queue[ModelChange]:
        """Give a queue of the changes of a model, for the running loop.

        A queue that nobody empties is bounded: then all it holds is a change without a key.
        """
        loop = asyncio.get_running_loop()
        mailbox = Mailbox(loop)
        self._add(model_label, Subscriber(mailbox.queue, mailbox.tell, loop))
        return mailbox.queue

    def unsubscribe(self, model_label: str, queue: asyncio.Queue[ModelChange]) -> None:
        """End a subscription; one that has ended stays ended."""
        self._remove(model_label, queue)

    def listen(self, model_label: str, listener: Listener, loop: asyncio.AbstractEventLoop) -> None:
        """Call a function with each change, in the thread that publishes it."""
        self._add(model_label, Subscriber(listener, listener, loop))

    def unlisten(self, model_label: str, listener: Listener) -> None:
        """Call it no longer."""
        self._remove(model_label, listener)

    def publish(
        self, change: ModelChange, *, loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        """Tell the subscribers in this process of a change, all or those of one loop."""
        with self._lock:
            subscribers = list(self._subscribers.get(change.model_label, ()))
        for subscriber in subscribers:
            if loop is None or subscriber.loop is loop:
                subscriber.tell(change)

    def resync(self, loop: asyncio.AbstractEventLoop) -> None:
        """Tell the subscribers of a loop that anything may have changed."""
        for label in self.labels:
            self.publish(unknown_rows(label), loop=loop)

    @property
    def labels(self) -> list[str]:
        """The models that somebody here wants to know about."""
        with self._lock:
            return list(self._subscribers)

    def count(self, model_label: str) -> int:
        """Give how many subscribers a model has."""
        with self._lock:
            return len(self._subscribers.get(model_label, ()))

    def _add(self, label: str, subscriber: Subscriber) -> None:
        with self._lock:
            self._subscribers.setdefault(label, []).append(subscriber)
        if self._demand is not None:
            self._demand(subscriber.loop, 1)

    def _remove(self, label: str, key: Any) -> None:
        with self._lock:
            here = self._subscribers.get(label, [])
            found = next((subscriber for subscriber in here if subscriber.key == key), None)
            if found is None:
                return
            here.remove(found)
            if not here:
                del self._subscribers[label]
        if self._demand is not None:
            self._demand(found.loop, -1)


class Mailbox:
    """The way of changes from any thread to a queue of one loop, bounded on both sides."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.queue: asyncio.Queue[ModelChange] = asyncio.Queue(QUEUE_SIZE)
        self._loop = loop
        self._lock = Lock()
        # Told and not yet in the queue, as while the loop is busy with something else.
        self._told: list[ModelChange] = []

    def tell(self, change: ModelChange) -> None:
        """Have a change put into the queue."""
        with self._lock:
            first = not self._told
            if len(self._told) >= QUEUE_SIZE:
                self._told = [unknown_rows(change.model_label)]
            else:
                self._told.append(change)
        if first:
            call_in(self._loop, self._deliver)

    def _deliver(self) -> None:
        with self._lock:
            told, self._told = self._told, []
        for change in told:
            put(self.queue, change)


def call_in(loop: asyncio.AbstractEventLoop, function: Callable[..., None], *args: Any) -> None:
    """Call a function on a loop, from any thread and with nothing of the caller's context."""
    if running_loop() is loop:
        Context().run(function, *args)
        return
    try:
        loop.call_soon_threadsafe(function, *args, context=Context())
    except RuntimeError:
        # The loop has ended, and whoever listened on it did not say so.
        if not loop.is_closed():
            raise


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Give the loop that runs in this thread, if one does."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def put(queue: asyncio.Queue[ModelChange], change: ModelChange) -> None:
    """Put a change into a queue; if it is full, say in place of all that rows have changed."""
    if queue.full():
        while not queue.empty():
            queue.get_nowait()
        change = unknown_rows(change.model_label)
    queue.put_nowait(change)
