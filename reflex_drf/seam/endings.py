"""The end of an event whose handler has done its work: it comes, whatever the browser does next.

When a tab loads another page, connects anew or closes, Reflex cancels the futures of its former
page load, and with each the task of its event. A handler of such a load that returns a redirect
brings that about itself, while its session is still being stored: the session would be lost, or
stored without the browser ever getting its cookie. So a task is left alone from the moment its
handler has returned: what is left to do is short. Whoever cancels the task itself, as the end of
the server does, still ends it at once.

Of Reflex's own it uses `_on_future_done`, where a cancelled future reaches its task.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import functools
import inspect
from collections.abc import AsyncGenerator, Generator
from types import AsyncGeneratorType, GeneratorType
from typing import Any

from reflex_base.event.context import EventContext
from reflex_base.event.processor import BaseStateEventProcessor
from reflex_base.event.processor.future import EventFuture
from reflex_base.registry import RegisteredEventHandler

__all__ = ["EndingProcessor", "noting_end"]
current = EventContext.get


class EndingProcessor(BaseStateEventProcessor):
    """Cancels no event whose handler has returned."""

    async def start(self) -> None:
        """Start with no handler at work."""
        # The ids of the events whose handlers have returned, and which go on for a moment.
        self._returned: set[str] = set()
        await super().start()

    def _on_future_done(self, future: EventFuture) -> None:
        if future.txid not in self._returned:
            super()._on_future_done(future)
        elif future.cancelled():
            # What the handler has chained belongs to the page that was left.
            for child in future.children:
                child.cancel()


def noting_end(registered: RegisteredEventHandler, returned: set[str]) -> RegisteredEventHandler:
    """Give a handler that, called by Reflex, adds the id of its event when it has returned.

    Reflex's own call ends later: first it sends what has changed and stores the state.
    """
    # Not `dataclasses.replace`: the handler of `setvar` has a constructor of its own.
    handler = copy.copy(registered.handler)
    object.__setattr__(handler, "fn", noting(handler.fn, returned))
    return dataclasses.replace(registered, handler=handler)


def noting(fn: Any, returned: set[str]) -> Any:
    """Wrap the function of a handler into one that Reflex runs in the same way."""

    async def run_async(*args: Any, **values: Any) -> Any:
        events = await fn(*args, **values)
        if events is None:
            # As most do; each step here is one of every event.
            returned.add(current().txid)
            return None
        return noted(events, returned)

    def run(*args: Any, **values: Any) -> Any:
        return noted(fn(*args, **values), returned)

    return functools.wraps(fn)(run_async if inspect.iscoroutinefunction(fn) else run)


def noted(events: Any, returned: set[str]) -> Any:
    """Give what a handler gave; with a generator it has not returned before that has ended."""
    kind = type(events)
    if kind is AsyncGeneratorType:
        return run_async_generator(events, returned)
    if kind is GeneratorType:
        return run_generator(events, returned)
    returned.add(current().txid)
    return events


async def run_async_generator(
    steps: AsyncGenerator[Any, Any], returned: set[str]
) -> AsyncGenerator[Any]:
    """Go through the steps of a handler, and note their end."""
    # Whoever leaves off in between ends the handler as well, with its `finally`.
    async with contextlib.aclosing(steps):
        async for events in steps:
            yield events
    returned.add(current().txid)


def run_generator(steps: Generator[Any, Any, Any], returned: set[str]) -> Generator[Any, Any, Any]:
    """Do the same for a handler that does not wait."""
    events = yield from steps
    returned.add(current().txid)
    return events
