"""A browser tab reduced to its websocket, lean enough for hundreds of them beside the server.

It speaks just enough of Engine.IO and Socket.IO to send an event and to see what comes back.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from typing import Any

import aiohttp

NAMESPACE = "/_event"
ANSWER = f'42{NAMESPACE},["event",'
TIMEOUT = 60


class Client:
    """One tab: it has one event under way at a time, as somebody who waits for the page."""

    def __init__(self, session: aiohttp.ClientSession, url: str, cookie: str) -> None:
        self.session, self.url, self.cookie = session, url, cookie
        self.arrived: asyncio.Queue[str] = asyncio.Queue()
        self.bytes = 0
        self.state = ""

    async def open(self) -> None:
        """Open the socket, and have the page's state made."""
        query = f"EIO=4&transport=websocket&token={uuid.uuid4()}"
        headers = {"Cookie": self.cookie, "Origin": self.url}
        address = f"{self.url.replace('http', 'ws', 1)}{NAMESPACE}/?{query}"
        self.socket = await self.session.ws_connect(address, headers=headers, max_msg_size=0)
        await self.socket.receive_str()
        await self.socket.send_str(f"40{NAMESPACE},")
        await self.socket.receive_str()
        self.reader = asyncio.create_task(self.read())
        await self.emit("reflex___state____state.hydrate")

    async def connect(self, suffix: str) -> None:
        """Open the socket, and learn the full name of the state with this ending."""
        await self.open()
        while not self.state:
            names = json.loads(await self.answer())[1].get("delta", {})
            self.state = next((name for name in names if name.endswith(suffix)), "")

    async def read(self) -> None:
        """Take what arrives, and answer the server's heartbeat."""
        async for message in self.socket:
            text = message.data
            if text == "2":
                await self.socket.send_str("3")
            elif text.startswith(ANSWER):
                self.bytes += len(text)
                self.arrived.put_nowait(text)

    async def emit(self, name: str, **payload: Any) -> None:
        page = {"pathname": "/", "asPath": "/", "query": {}}
        event = {"name": name, "payload": payload, "router_data": page}
        await self.socket.send_str(f"42{NAMESPACE},{json.dumps(['event', event])}")

    async def answer(self) -> str:
        """Wait for the next message, as JSON."""
        text = await asyncio.wait_for(self.arrived.get(), TIMEOUT)
        return text[len(f"42{NAMESPACE},") :]

    async def ask(self, handler: str, **payload: Any) -> tuple[float, str]:
        """Send an event and give the milliseconds until its answer, and the answer."""
        start = time.perf_counter()
        await self.emit(f"{self.state}.{handler}", **payload)
        while self.state not in (text := await self.answer()):
            pass
        return (time.perf_counter() - start) * 1000, text

    async def close(self) -> None:
        self.reader.cancel()
        await self.socket.close()


class Wire(Client):
    """A tab whose page shows what comes back: it reads each answer as a whole."""

    async def __aenter__(self) -> Wire:
        await self.open()
        await self.read_change("")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def read_change(self, state: str) -> dict[str, Any]:
        """Wait for the next message that changes something, and give what it changes of a state."""
        while not (delta := json.loads(await self.answer())[1].get("delta")):
            pass
        changed: dict[str, Any] = delta.get(state, {})
        return changed

    async def send(self, name: str, var: str, **payload: Any) -> Any:
        """Send an event and wait until it changes a var, which is given."""
        await self.emit(name, **payload)
        while True:
            changed = await self.read_change(name.rpartition(".")[0])
            if f"{var}_rx_state_" in changed:
                return changed[f"{var}_rx_state_"]
