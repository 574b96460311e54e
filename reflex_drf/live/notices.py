"""What processes say to each other besides changes: short notices, which may get lost."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any

__all__ = ["CONNECTED", "Outbox", "notices"]

# Told here, and by nobody else, when this process hears the others from now on.
CONNECTED = "connected"
Handler = Callable[[str, Any], None]


class Notices:
    """Who wants which kind of notice; called on the loop of the one who does."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._handlers: list[tuple[str, asyncio.AbstractEventLoop, Handler]] = []

    def add(self, kind: str, loop: asyncio.AbstractEventLoop, handler: Handler) -> None:
        """Call a function with the sender and the body of each notice of a kind."""
        with self._lock:
            self._handlers.append((kind, loop, handler))

    def remove(self, kind: str, loop: asyncio.AbstractEventLoop, handler: Handler) -> None:
        """Call it no longer."""
        with self._lock:
            self._handlers = [each for each in self._handlers if each != (kind, loop, handler)]

    def hand_out(self, kind: str, sender: str, body: Any, loop: asyncio.AbstractEventLoop) -> None:
        """Hand a notice to those on one loop, which is the running one."""
        with self._lock:
            handlers = [
                call for each, where, call in self._handlers if (each, where) == (kind, loop)
            ]
        for handler in handlers:
            handler(sender, body)


class Outbox:
    """Notices that wait to be sent: of those with one key the last, and never more than a bound.

    Not safe for threads. Whoever sends them says again later what counts for long.
    """

    def __init__(self, bound: int = 1000) -> None:
        self._bound = bound
        self._waiting: OrderedDict[tuple[str, Any], str] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, sender: str, kind: str, body: Any, key: Any) -> None:
        """Keep a notice."""
        self._waiting.pop((kind, key), None)
        self._waiting[(kind, key)] = json.dumps({"from": sender, "kind": kind, "body": body})
        while len(self._waiting) > self._bound:
            self._waiting.popitem(last=False)

    def take(self) -> list[str]:
        """Give what waits."""
        taken, self._waiting = list(self._waiting.values()), OrderedDict()
        return taken


notices = Notices()
