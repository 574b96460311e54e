"""Side by side: this package, its nearest peer, and the same page written by hand.

Each side is a process of its own with a database of its own, and they take turns: `serve` asks
one after the other for the same unit of work. The peer is installed into an environment of its
own, since it needs other versions of Reflex, Django and Python.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from benchmarks.table import Row

HERE = Path(__file__).parent
PEER = HERE / "peer"
ENVIRONMENT = Path(tempfile.gettempdir()) / "reflex-drf-benchmarks-peer"
NAME = "reflex-django 4.0.3"
HAND = "a plain `rx.State` by hand"
REPEATS = 15

# The unit of work, what it is called, and how many times as fast as the peer it is to be.
AGAINST_PEER = [
    ("serializer", "`adata()` of 1,000 rows", "≥ 5"),
    ("trivial", "trivial event, logged in", "≥ 8"),
    ("visitor_trivial", "trivial event of a visitor", "≥ 8"),
    ("list_1", "list event, 25 of 10,000 rows, 1 tab", "≥ 4"),
    ("list_50", "list event, 50 tabs at once", "≥ 4"),
    ("save_1", "save with its list, 1 tab", "≥ 4"),
    ("save_50", "save with its list, 50 tabs at once", "≥ 4"),
    ("slow_20", "20 users at once, a query of 50 ms each", "≥ 5"),
    ("live_200", "one save until 200 tabs show it", "≥ 4"),
]
# What of a save is Django's and DRF's own doing, and so the most that could be reached.
VIEWS = ("views_1", "the two requests of a save with its list, bare in a thread", "")
BY_HAND = [
    ("list_1", "list event, 25 of 10,000 rows, 1 tab", "> 1"),
    ("list_50", "list event, 50 tabs at once", "> 1"),
    ("save_1", "save with its list, 1 tab", "> 1"),
    ("save_50", "save with its list, 50 tabs at once", "> 1"),
]


class Side:
    """A process that does a unit of work when it is asked to."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: IO[bytes]) -> None:
        self.name, self.process, self.log = name, process, log

    @classmethod
    async def start(cls, name: str, folder: Path, *command: str, **environment: str) -> Side:
        """Start a side and wait until it is ready."""
        log = tempfile.TemporaryFile()  # noqa: SIM115 - open for as long as the side
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )
        side = cls(name, process, log)
        await side.read()
        return side

    async def read(self) -> dict[str, Any]:
        """Give the next answer, among whatever else is printed."""
        assert self.process.stdout is not None
        while line := await asyncio.wait_for(self.process.stdout.readline(), 120):
            if line.startswith(b"{"):
                return dict(json.loads(line))
        self.log.seek(0)
        said = self.log.read().decode(errors="replace").strip().splitlines()
        raise RuntimeError(f"{self.name} ended without an answer. {said[-1] if said else ''}")

    async def do(self, work: str) -> float | None:
        """Have a unit of work done and give its milliseconds, or None where it failed."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{work}\n".encode())
        await self.process.stdin.drain()
        return (await self.read()).get("ms")

    async def stop(self) -> None:
        """End the process."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


async def compare(
    ours: Side, other: Side, work: str, what: str, aim: str, *, its_work: str = ""
) -> Row:
    """Let two sides take turns at a unit of work, or the other one at another."""
    samples: dict[Side, list[float]] = {ours: [], other: []}
    for turn in range(REPEATS + 1):
        for side, times in samples.items():
            taken = await side.do(its_work or work if side is other else work)
            # The first of each is to warm up.
            if taken is not None and turn:
                times.append(taken)
    if not all(samples.values()):
        failed = next(side.name for side, times in samples.items() if not times)
        return Row(what, other.name, aim=aim, note=f"{failed} did not finish this")
    return Row(what, other.name, *map(statistics.median, samples.values()), aim=aim)


async def comparison_rows() -> AsyncIterator[Row]:
    """Give the rows against the page written by hand, and against the peer."""
    with tempfile.TemporaryDirectory() as folder:
        names = ("ours", "hand", "peer", "single")
        databases = {name: f"{folder}/{name}.sqlite3" for name in names}
        fill(databases["ours"])
        for name in names[1:]:
            shutil.copy(databases["ours"], databases[name])
        ours = await start_own("ours", databases["ours"])
        try:
            hand = await start_own("by hand", databases["hand"])
            hand.name = HAND
            for unit in BY_HAND:
                yield await compare(ours, hand, *unit)
            await hand.stop()
            async for row in thread_rows(ours, databases["single"]):
                yield row
            async for row in peer_rows(ours, databases["peer"]):
                yield row
        finally:
            await ours.stop()


async def thread_rows(ours: Side, database: str) -> AsyncIterator[Row]:
    """Give the rows of one database thread against eight, for queries that take no time."""
    single = await start_own("ours", database, BENCHMARK_THREADS="1")
    try:
        for unit, what, _ in BY_HAND:
            if unit.endswith("50"):
                row = await compare(single, ours, unit, f"{what}, 1 database thread", "")
                yield replace(row, against="8 of them")
    finally:
        await single.stop()


def fill(database: str, size: int = 10_000) -> None:
    """Make a database that all sides begin with."""
    run_own("fill", database, BENCHMARK_ROWS=str(size))


def run_own(command: str, database: str, **environment: str) -> str:
    """Run a command of this package's side to its end, and give what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.side", command],
        check=True,
        cwd=HERE.parent,
        env={**os.environ, "BENCHMARK_DATABASE": database, **environment},
        stdout=subprocess.PIPE,
    )
    return done.stdout.decode()


async def start_own(name: str, database: str, **environment: str) -> Side:
    """Start this package's side, or that of the page written by hand."""
    command = (sys.executable, "-m", "benchmarks.side", name)
    return await Side.start(name, HERE.parent, *command, BENCHMARK_DATABASE=database, **environment)


async def peer_rows(ours: Side, database: str) -> AsyncIterator[Row]:
    """Give the rows against the peer, or say that it is not to be had here."""
    try:
        python = await asyncio.to_thread(install_peer)
        peer = await start_peer(python, database)
    except (OSError, RuntimeError, TimeoutError, subprocess.SubprocessError) as error:
        reason = str(error).splitlines()[-1] if str(error) else type(error).__name__
        print(f"The peer cannot be measured here: {reason}", file=sys.stderr)
        for _, what, aim in AGAINST_PEER:
            yield Row(what, NAME, aim=aim, note="not installed here")
        return
    try:
        row = await compare(ours, peer, *VIEWS, its_work="save_1")
        yield replace(row, against=f"{NAME}, save with its list, 1 tab")
        # The last one opens tabs that hear of every save from then on.
        for unit in AGAINST_PEER:
            yield await compare(ours, peer, *unit)
    finally:
        await peer.stop()


async def start_peer(python: str, database: str) -> Side:
    environment = {"BENCHMARK_DATABASE": database, "DJANGO_SETTINGS_MODULE": "peer_settings"}
    # Nothing of this project's own environment may be found by the peer's.
    return await Side.start(NAME, PEER, python, "peer_side.py", **environment, PYTHONPATH="")


def install_peer() -> str:
    """Install the peer into an environment of its own, once, and give its interpreter."""
    python, stamp = ENVIRONMENT / "bin" / "python", ENVIRONMENT / "installed"
    wanted = (PEER / "requirements.txt").read_text()
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([find_python(), "-m", "venv", "--clear", ENVIRONMENT], check=True)
        install = [python, "-m", "pip", "install", "--quiet", "-r", PEER / "requirements.txt"]
        subprocess.run(install, check=True, capture_output=True, timeout=600)
        stamp.write_text(wanted)
    return str(python)


def find_python() -> str:
    """Find a Python 3.12, which is the newest that the peer is known to work on."""
    if named := os.environ.get("BENCHMARK_PEER_PYTHON"):
        return named
    # Before what is on the path: pyenv puts a stand-in there for each version, chosen or not.
    managed = sorted(Path.home().glob(".pyenv/versions/3.12*/bin/python"))
    found = str(managed[-1]) if managed else shutil.which("python3.12")
    if found is None:
        raise OSError("There is no Python 3.12; name one in BENCHMARK_PEER_PYTHON.")
    return found
