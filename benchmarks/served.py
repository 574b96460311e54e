"""The project in `site/` as `reflex run --env prod` serves it, and clients of its one port."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from shutil import copytree
from typing import Any

import httpx
import socketio

HERE = Path(__file__).parent
NAMESPACE = "/_event"
ROOT = "reflex___state____state"


class Served:
    """A running server."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    async def ready(self) -> None:
        """Wait until it answers."""
        async with httpx.AsyncClient(base_url=self.url) as client, asyncio.timeout(60):
            while True:
                try:
                    await client.get("/api/rows/")
                    return
                except httpx.TransportError:
                    await asyncio.sleep(0.1)


@asynccontextmanager
async def served(database: Path | str, **environment: str) -> AsyncIterator[Served]:
    """Serve the project on a database."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as log:
        copytree(HERE / "site", folder, dirs_exist_ok=True)
        paths = [str(HERE.parent), os.environ.get("PYTHONPATH", "")]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "reflex", "run", "--env", "prod", "--backend-only"),
            *("--backend-port", str(port)),
            cwd=folder,
            env={
                **{k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"},
                "PYTHONPATH": os.pathsep.join(paths),
                "BENCHMARK_DATABASE": str(database),
                "REFLEX_TELEMETRY_ENABLED": "false",
                **environment,
            },
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            server = Served(port)
            await server.ready()
            yield server
        finally:
            # With the workers that it has started.
            os.killpg(process.pid, signal.SIGTERM)
            await process.wait()


class Wire:
    """One browser tab, reduced to its socket: sends an event, and waits for what it changes."""

    def __init__(self, server: Served, session: str = "") -> None:
        self.server, self.session = server, session
        self.socket = socketio.AsyncClient(reconnection=False)
        self.socket.on("event", self._receive, namespace=NAMESPACE)
        self._arrived: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def __aenter__(self) -> Wire:
        cookie = f"sessionid={self.session}" if self.session else "theme=dark"
        await self.socket.connect(
            f"{self.server.url}?token={uuid.uuid4()}",
            headers={"Origin": self.server.url, "Cookie": cookie, "Accept-Language": "en"},
            transports=["websocket"],
            namespaces=[NAMESPACE],
            socketio_path=NAMESPACE,
        )
        await self.send(f"{ROOT}.hydrate")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.socket.disconnect()

    async def _receive(self, update: dict[str, Any]) -> None:
        if delta := update.get("delta"):
            self._arrived.put_nowait(delta)

    async def send(self, name: str, var: str = "", **payload: Any) -> Any:
        """Send an event and wait for the delta that answers it, with the var that is named."""
        router = {"pathname": "/", "asPath": "/", "query": {}}
        event = {"name": name, "payload": payload, "router_data": router}
        await self.socket.emit("event", event, namespace=NAMESPACE)
        state = name.rpartition(".")[0]
        async with asyncio.timeout(30):
            while True:
                values = (await self._arrived.get()).get(state, {})
                if not var or f"{var}_rx_state_" in values:
                    return values.get(f"{var}_rx_state_")
