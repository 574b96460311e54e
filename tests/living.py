"""What the tests of live updates share: a transport within the process, and ways to wait."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from reflex_base.registry import RegistrationContext

from reflex_drf.live.transports import Transport
from reflex_drf.testing import Tab


def let_states_be_pickled() -> None:
    """Let the states that tests make be found by their names, as a manager like Redis needs it.

    It loads and stores every state there is, whichever test has made it.
    """
    for state in RegistrationContext.ensure_context().base_states.values():
        state.__qualname__ = state.__name__
        setattr(sys.modules[state.__module__], state.__name__, state)


# What the lists of these tests may wait between two refreshes.
QUICK = {"LIVE_REFRESH_INTERVAL": 50}


class Cable(Transport):
    """A transport whose connections can be cut, with both of its ends in this process."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.attempts = 0
        self.cut = threading.Event()
        self.slow: threading.Event | None = None
        self.closed = 0
        self._ends: list[tuple[asyncio.AbstractEventLoop, asyncio.Queue[Any]]] = []

    def send(self, messages: Sequence[str]) -> None:
        self.attempts += 1
        if self.slow is not None:
            self.slow.wait(10)
        if self.cut.is_set():
            raise ConnectionError("The cable is cut.")
        self.sent.extend(messages)

    def say(self, message: str) -> None:
        """Let everyone who listens hear a message."""
        for loop, queue in self._ends:
            loop.call_soon_threadsafe(queue.put_nowait, message)

    def lose(self, error: Exception | None = None) -> None:
        """Cut the connections of those who listen; they may connect again at once."""
        for loop, queue in self._ends:
            lost = error or ConnectionError("The cable is cut.")
            loop.call_soon_threadsafe(queue.put_nowait, lost)

    async def listen(self) -> AsyncIterator[str | None]:
        if self.cut.is_set():
            raise ConnectionError("The cable is cut.")
        queue: asyncio.Queue[Any] = asyncio.Queue()
        end = (asyncio.get_running_loop(), queue)
        self._ends.append(end)
        try:
            yield None
            while True:
                message = await queue.get()
                if isinstance(message, Exception):
                    raise message
                yield message
        finally:
            self._ends.remove(end)

    def close(self) -> None:
        self.closed += 1


async def until(tab: Tab, condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for what the next updates of a tab bring about."""
    arrived = asyncio.Event()
    receive = tab.receive

    def watched(update: Any) -> None:
        receive(update)
        arrived.set()

    tab.receive = watched  # type: ignore[method-assign]
    try:
        async with asyncio.timeout(seconds):
            while not condition():
                arrived.clear()
                await arrived.wait()
    finally:
        tab.receive = receive  # type: ignore[method-assign]
