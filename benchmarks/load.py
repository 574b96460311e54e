"""Hundreds of websocket clients on one server: how long events take, and what a client costs.

The server is a worker of Reflex's production server, in a process of its own; the clients are in
this process, so both share the machine.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from benchmarks.comparison import HERE, PEER, fill, run_own
from benchmarks.sockets import Client
from benchmarks.table import Row
from tests.servers import _stop

CLIENTS = int(os.environ.get("BENCHMARK_CLIENTS", 500))
SECONDS = int(os.environ.get("BENCHMARK_SECONDS", 120))
# What somebody thinks about between two events, in seconds.
PAUSE = (3.0, 9.0)
SAVES = 0.2
PAGES = 300
STATE = "____crowd_state"
ERROR = re.compile(r'"error_rx_state_": ?"[^"]')


@dataclass
class Server:
    """A running worker with its database."""

    url: str
    process: subprocess.Popen[bytes]
    database: str
    cookie: str
    log: Path

    @property
    def memory(self) -> float:
        """The MiB that the server and its workers hold by themselves."""
        return sum(map(resident, descendants(self.process.pid))) / 1024

    def count(self) -> int:
        with sqlite3.connect(self.database) as connection:
            return int(connection.execute("SELECT count(*) FROM items_item").fetchone()[0])


def descendants(pid: int) -> list[int]:
    """Give a process and all that it has started."""
    found = [pid]
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in path.read_text().split():
            found += descendants(int(child))
    return found


def resident(pid: int) -> int:
    """Give the KiB of a process, and its part of what it shares."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return int(re.findall(r"^Pss: +(\d+)", text, re.M)[0])


@asynccontextmanager
async def serve() -> AsyncIterator[Server]:
    """Start one worker of the production server, without a front end."""
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
        probe.close()
        project, database = Path(folder) / "crowd", f"{folder}/crowd.sqlite3"
        shutil.copytree(HERE / "crowd", project)
        await asyncio.to_thread(fill, database)
        cookie = (await asyncio.to_thread(run_own, "cookie", database)).strip()
        log = Path(folder) / "server.log"
        process = start_server(project, database, port, log)
        server = Server(f"http://localhost:{port}", process, database, cookie, log)
        try:
            await until_up(server)
            yield server
        finally:
            await asyncio.to_thread(_stop, process)


def start_server(project: Path, database: str, port: int, log: Path) -> subprocess.Popen[bytes]:
    path = os.pathsep.join([str(HERE.parent), str(PEER), os.environ.get("PYTHONPATH", "")])
    reflex = str(Path(sys.executable).with_name("reflex"))
    return subprocess.Popen(
        [reflex, "run", "--env", "prod", "--backend-only", "--backend-port", str(port)],
        cwd=project,
        env={
            **os.environ,
            "PYTHONPATH": path,
            "BENCHMARK_DATABASE": database,
            "DJANGO_SETTINGS_MODULE": "benchmarks.side_settings",
        },
        stdout=log.open("wb"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


async def until_up(server: Server) -> None:
    """Wait until the server answers."""
    async with aiohttp.ClientSession() as session:
        for _ in range(600):
            try:
                async with session.get(f"{server.url}/ping") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            if server.process.poll() is not None:
                break
            await asyncio.sleep(0.1)
    raise RuntimeError(f"The server did not start: {server.log.read_text()[-500:]}")


@dataclass
class Tally:
    """What a crowd has seen."""

    times: dict[str, list[float]] = field(default_factory=lambda: {"list": [], "save": []})
    errors: list[str] = field(default_factory=list)
    asked: int = 0

    @property
    def all(self) -> list[float]:
        return sorted(self.times["list"] + self.times["save"])

    def percentiles(self, times: list[float]) -> str:
        ordered = sorted(times)
        picked = [ordered[min(len(ordered) - 1, int(len(ordered) * p))] for p in (0.5, 0.95, 0.99)]
        return " / ".join(f"{value:.0f}" for value in picked)


async def load_rows() -> AsyncIterator[Row]:
    """Give the rows about a crowd, and those about what goes over the wire."""
    # Each client has a connection of its own, and so more than a session has by itself.
    connector = aiohttp.TCPConnector(limit=0)
    async with serve() as server, aiohttp.ClientSession(connector=connector) as session:
        async for row in wire_rows(server, session):
            yield row
        before = server.memory
        clients = [Client(session, server.url, server.cookie) for _ in range(CLIENTS)]
        for start in range(0, CLIENTS, 25):
            await asyncio.gather(*(one.connect(STATE) for one in clients[start : start + 25]))
            await asyncio.gather(*(one.ask("load") for one in clients[start : start + 25]))
        held = (server.memory - before) / CLIENTS
        async for row in crowd_rows(server, clients):
            yield row
        yield Row("memory of the worker for each client, with its list", "", note=f"{held:.2f} MiB")
        yield Row("memory of the worker without clients", "", note=f"{before:.0f} MiB")
        await asyncio.gather(*(one.close() for one in clients))


async def crowd_rows(server: Server, clients: list[Client]) -> AsyncIterator[Row]:
    """Let the crowd work for two minutes, and then as fast as it can."""
    rows, what = server.count(), f"{CLIENTS} clients, {SECONDS} s"
    tally = await crowd(clients, SECONDS, PAUSE)
    for kind, times in tally.times.items():
        name = f"{what}, {kind}: 50th / 95th / 99th percentile"
        yield Row(name, "", note=f"{tally.percentiles(times)} ms")
    yield Row(f"{what}: events a second", "", note=f"{len(tally.all) / SECONDS:.0f}")
    saved = server.count() - rows
    lost = tally.asked - len(tally.all) - len(tally.errors)
    wrong = len(tally.times["save"]) - saved
    broken = server.log.read_text().count("Traceback")
    said = f"{len(tally.errors) + broken} errors, {lost} lost, {wrong} saves too many or too few"
    yield Row(f"{what}: errors", "", note=said, aim="none")
    burst = await crowd(clients[:50], 15, (0, 0))
    per_second = f"{len(burst.all) / 15:.0f}"
    yield Row("50 clients without a pause: events a second, one worker", "", note=per_second)


async def crowd(clients: list[Client], seconds: float, pause: tuple[float, float]) -> Tally:
    """Have each client list and save, with pauses, until the time is over."""
    tally, end = Tally(), time.perf_counter() + seconds
    await asyncio.gather(*(visit(client, end, pause, tally) for client in clients))
    return tally


async def visit(client: Client, end: float, pause: tuple[float, float], tally: Tally) -> None:
    page = 1
    await asyncio.sleep(random.uniform(0, pause[1]))
    while time.perf_counter() < end:
        tally.asked += 1
        kind = "save" if random.random() < SAVES else "list"
        try:
            if kind == "save":
                taken, text = await client.ask("add", sku=f"{time.time_ns() % 10**15}")
            else:
                # Always another page: one that has not changed would not be sent.
                page = page % PAGES + random.randint(1, 9)
                taken, text = await client.ask("paginate", page=page)
        except (TimeoutError, ConnectionError) as error:
            tally.errors.append(repr(error))
            return
        if ERROR.search(text):
            tally.errors.append(text)
        else:
            tally.times[kind].append(taken)
        await asyncio.sleep(random.uniform(*pause))


async def wire_rows(server: Server, session: aiohttp.ClientSession) -> AsyncIterator[Row]:
    """Count the bytes that the server sends to one client."""
    client = Client(session, server.url, server.cookie)
    await client.connect(STATE)
    sent = {}
    for what, prepare in (("page", None), ("same", None), ("row", change_row), ("next", None)):
        if prepare is not None:
            prepare(server.database)
        client.bytes = 0
        if what == "same":
            # Events of a tab are answered in their order, so what is sent for this one is here
            # before the answer to the next; the form's var is the least to be answered.
            await client.emit(f"{client.state}.refresh")
            _, text = await client.ask("set_name", value="x")
            sent[what] = client.bytes - len(text) - len("42/_event,")
            continue
        await client.ask({"page": "load", "row": "refresh", "next": "next_page"}[what])
        sent[what] = client.bytes
    await client.close()
    size = f"{sent['page']:,} bytes"
    yield Row("sent for a page of 25 rows, first", "", note=size)
    yield Row("sent for the next page", "", note=f"{sent['next']:,} bytes")
    yield Row("sent after one row of 25 has changed", "", note=f"{sent['row']:,} bytes")
    yield Row("sent after nothing has changed", "", note=f"{sent['same']:,} bytes", aim="0")


def change_row(database: str) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute(
            "UPDATE items_item SET name = 'Changed' WHERE id = (SELECT max(id) FROM items_item)"
        )
