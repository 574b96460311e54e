"""Looks up the sessions and users of events; of those that come at once, in one hop to a thread.

When a change reaches hundreds of tabs, each asks who its viewer is. One by one, that would be most
of their work: a hop and two queries each. Together, a row that several ask for is read once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextvars import Context, copy_context
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any

from django.db import close_old_connections

from reflex_drf import viewers
from reflex_drf.bridge.jobs import tell
from reflex_drf.bridge.phases import resolve
from reflex_drf.bridge.scope import EventScope
from reflex_drf.bridge.threads import EventExecutor, pools
from reflex_drf.lookups import FEW, shared_rows

__all__ = ["Gathering"]
logger = logging.getLogger(__name__)
Loop = asyncio.AbstractEventLoop

# How many are looked up before the first of them goes on.
SLICE = 25


@dataclass(slots=True, eq=False)
class Entry:
    """An event that waits for its session and its user."""

    scope: EventScope
    # Signals of the user's model, and whatever watches queries, find the event they belong to.
    context: Context
    done: asyncio.Future[None]
    error: BaseException | None = None

    def run(self, step: Callable[..., None], *args: Any) -> None:
        """Do a step for this event; an error is its own, and ends no other."""
        if self.error is None:
            try:
                self.context.run(step, *args)
            except BaseException as error:  # noqa: BLE001 - raised where it is awaited
                self.error = error
                # A connection that broke must not break those that follow.
                close_old_connections()

    def finish(self) -> None:
        """Let the event go on, unless it was cancelled meanwhile."""
        if self.done.done():
            return
        if self.error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(self.error)


class Gathering:
    """The events of each event loop that are about to be looked up.

    `put_on` puts session and user on the request of an event, as the middleware does.
    """

    def __init__(self, put_on: Callable[[Any, EventScope], None]) -> None:
        self._put_on = put_on
        # Entries are added on the loop and taken in a thread.
        self._lock = Lock()
        self._waiting: dict[Loop, list[Entry]] = {}
        # A call of no event's own: it may run in any thread, and binds nobody to it.
        self._executor = EventExecutor(pools)
        self._executor.is_brief = True

    async def look_up(self, scope: EventScope) -> None:
        """Put session and user on an event's request, both looked up from now on."""
        loop = asyncio.get_running_loop()
        entry = Entry(scope, copy_context(), loop.create_future())
        with self._lock:
            waiting = self._waiting.setdefault(loop, [])
            waiting.append(entry)
            is_first = len(waiting) == 1
        if is_first:
            self._hand_over(loop)
        await entry.done

    def _hand_over(self, loop: Loop) -> None:
        """Have them looked up; until a thread takes them, others may still join."""
        try:
            call = self._executor.submit(self._work, loop)
        except BaseException:
            # Nobody else must wait for a call that was never made.
            self._take(loop)
            raise
        call.add_done_callback(partial(self._ended, loop))

    def _take(self, loop: Loop) -> list[Entry]:
        with self._lock:
            return self._waiting.pop(loop, [])

    # -- In the thread --------------------------------------------------------------------------

    def _work(self, loop: Loop) -> None:
        entries = self._take(loop)
        for start in range(0, len(entries), SLICE):
            part = entries[start : start + SLICE]
            try:
                look_up_together(part, self._put_on)
            except BaseException as error:  # noqa: BLE001 - raised where it is awaited
                for entry in part:
                    entry.error = entry.error or error
            tell(loop, finish, part)

    def _ended(self, loop: Loop, call: Future[None]) -> None:
        """Let nobody wait for a call that the end of the pool has cancelled, or that failed."""
        error = asyncio.CancelledError() if call.cancelled() else call.exception()
        # One that has begun has taken them, and tells each of its own error.
        if error is not None:
            entries = self._take(loop)
            for entry in entries:
                entry.error = error
            finish(entries)


def finish(entries: Sequence[Entry]) -> None:
    """Let events go on; on their loop."""
    for entry in entries:
        entry.finish()


def look_up_together(entries: Sequence[Entry], put_on: Callable[[Any, EventScope], None]) -> None:
    """Look up sessions and users; all have asked for it before the first row is read."""
    with shared_rows():
        for entry in entries:
            entry.run(put_on, entry.scope.origin, entry.scope)
        if len(entries) >= FEW:
            read_ahead(viewers.read_sessions, entries)
            for entry in entries:
                entry.run(load_session, entry.scope.origin)
            read_ahead(viewers.read_users, entries)
        for entry in entries:
            entry.run(resolve, entry.scope.origin)


def load_session(request: Any) -> None:
    """Load the session of a request; where it has none, the error is its own."""
    viewers.load_session(request.session)


def read_ahead(read: Callable[[Sequence[Any]], None], entries: Sequence[Entry]) -> None:
    """Read what several events need in one query; if that fails, each asks by itself."""
    requests = [entry.scope.origin for entry in entries if entry.error is None]
    try:
        read(requests)
    except Exception:
        logger.warning("Look-ups of several events failed together", exc_info=True)
        close_old_connections()
