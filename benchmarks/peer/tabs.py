"""Tabs of a browser, as far as a server's event queue sees them, on any version of Reflex.

Only the socket is left out: an event goes through the queue with its handshake, and what comes
back is written as JSON, as it would be sent.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from reflex_base.event import Event
from reflex_base.utils.format import json_dumps

Enqueue = Callable[[str, Event], Awaitable[Any]]


class Tab:
    """One tab: sends events, and keeps what the server sent."""

    def __init__(self, enqueue: Enqueue, cookie: str = "") -> None:
        self.enqueue = enqueue
        self.token, self.sid = str(uuid.uuid4()), uuid.uuid4().hex
        headers = {"host": "localhost", "user-agent": "benchmark", "origin": "http://localhost"}
        self.router_data = {
            "pathname": "/",
            "asPath": "/",
            "query": {},
            "token": self.token,
            "sid": self.sid,
            "headers": {**headers, **({"cookie": cookie} if cookie else {})},
            "ip": "127.0.0.1",
        }
        self.awaited = ""
        self.found = asyncio.Event()
        self.bytes = 0

    def receive(self, update: Any) -> None:
        """Write what the server sends, and look for what is waited for."""
        text = json_dumps(update)
        self.bytes += len(text)
        if self.awaited and self.awaited in text:
            self.found.set()

    def wait_for(self, text: str) -> asyncio.Event:
        """Give an event that is set once a text arrives."""
        self.awaited, self.found = text, asyncio.Event()
        return self.found

    async def start(self, event: Any) -> list[Any]:
        """Send an event without waiting for its end."""
        return [
            await self.enqueue(
                self.token,
                Event(name=one.name, payload=one.payload, router_data=dict(self.router_data)),
            )
            for one in Event.from_event_type(event)
        ]

    async def send(self, event: Any) -> None:
        """Send an event and wait for it and all it chains."""
        pending = await self.start(event)
        while pending:
            future = pending.pop(0)
            await asyncio.wait([future])
            if error := future.exception():
                raise error
            pending.extend(future.children)


class Switchboard:
    """Stands for the namespace of a server: hands what is sent to the tab it is for."""

    def __init__(self) -> None:
        self.tabs: dict[str, Tab] = {}
        self.sids: dict[str, str] = {}

    def connect(self, tab: Tab) -> None:
        """Know a tab by its token, and its token by its connection."""
        self.tabs[tab.token] = tab
        self.sids[tab.sid] = tab.token

    async def emit_update(self, update: Any, token: str) -> None:
        if (tab := self.tabs.get(token)) is not None:
            tab.receive(update)
