"""The project in `site/` as `reflex run --env prod` serves it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from shutil import copytree

import httpx

HERE = Path(__file__).parent


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
            await end(process.pid, process.wait())


async def end(group: int, ended: Awaitable[object]) -> None:
    """End a server with its workers."""
    task = asyncio.ensure_future(ended)
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGTERM)
    await asyncio.wait([task], timeout=10)
    # A worker of Granian 2.8 sometimes locks itself up where a connection closes at that moment.
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    await task
