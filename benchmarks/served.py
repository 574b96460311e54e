"""The project in `site/` as `reflex run --env prod` serves it."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from shutil import copytree
from typing import IO

import httpx

from tests.servers import _stop

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
        process = start(folder, port, log, BENCHMARK_DATABASE=str(database), **environment)
        try:
            server = Served(port)
            await server.ready()
            yield server
        finally:
            await asyncio.to_thread(_stop, process)


def start(folder: str, port: int, log: IO[bytes], **environment: str) -> subprocess.Popen[bytes]:
    """Start the server in a group of its own, with the workers that it starts."""
    paths = [str(HERE.parent), os.environ.get("PYTHONPATH", "")]
    command = [sys.executable, "-m", "reflex", "run", "--env", "prod", "--backend-only"]
    return subprocess.Popen(
        [*command, "--backend-port", str(port)],
        cwd=folder,
        env={
            **{k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"},
            "PYTHONPATH": os.pathsep.join(paths),
            "REFLEX_TELEMETRY_ENABLED": "false",
            **environment,
        },
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
