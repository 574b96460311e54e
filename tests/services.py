"""Redis and PostgreSQL servers of a test's own, which may be killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.servers import _free_port

__all__ = ["OwnPostgres", "OwnRedis", "OwnServer"]

START_SECONDS = 60


class OwnServer(ABC):
    """A server process on a port of its own, with its data in a directory of its own."""

    # What ends it at once, with nothing said to anybody.
    deadly = signal.SIGKILL

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = _free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def command(self) -> list[str]:
        """What runs it, in the foreground."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it is up."""

    def start(self) -> None:
        """Start it, once more if need be, and wait until it answers."""
        with (self.directory / "log").open("ab") as log:
            deadline = time.monotonic() + START_SECONDS
            while time.monotonic() < deadline:
                if self.process is None or self.process.poll() is not None:
                    # One that was killed may hold its memory a moment longer.
                    self.process = subprocess.Popen(
                        self.command, stdout=log, stderr=log, cwd="/", **owner(self.directory)
                    )
                if self.answers():
                    return
                time.sleep(0.05)
        raise TimeoutError((self.directory / "log").read_text())

    def kill(self) -> None:
        """End it as a power cut does."""
        if self.process is not None:
            self.process.send_signal(self.deadly)
            self.process.wait(START_SECONDS)

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[OwnServer]:
        """Run one for as long as a test needs it."""
        # Not pytest's directory: it is closed to other users, and too long for a socket's name.
        directory = Path(tempfile.mkdtemp(prefix="rdrf-"))
        server = cls(directory)
        try:
            server.prepare()
            server.start()
            yield server
        finally:
            server.kill()
            shutil.rmtree(directory, ignore_errors=True)

    def prepare(self) -> None:  # noqa: B027 - most need nothing
        """Make what it needs before it starts for the first time."""


class OwnRedis(OwnServer):
    """Redis, which keeps nothing."""

    @property
    def command(self) -> list[str]:
        return ["redis-server", "--port", str(self.port), "--save", "", "--bind", "127.0.0.1"]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def answers(self) -> bool:
        asked = subprocess.run(
            ["redis-cli", "-p", str(self.port), "ping"], capture_output=True, check=False
        )
        return asked.stdout.strip() == b"PONG"


class OwnPostgres(OwnServer):
    """A PostgreSQL cluster."""

    # To every process of it at once; they end without tidying up.
    deadly = signal.SIGQUIT

    @property
    def command(self) -> list[str]:
        data = str(self.directory / "data")
        return [
            program("postgres"),
            *("-D", data, "-p", str(self.port), "-k", str(self.directory)),
            *("-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"),
        ]

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def prepare(self) -> None:
        if os.getuid() == 0:
            shutil.chown(self.directory, "postgres", "postgres")
        subprocess.run(
            [
                program("initdb"),
                "-D",
                str(self.directory / "data"),
                "-U",
                "postgres",
                "-A",
                "trust",
            ],
            check=True,
            capture_output=True,
            cwd="/",
            **owner(self.directory),
        )

    def answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.Error:
            return False
        return True


def owner(directory: Path) -> dict[str, str]:
    """PostgreSQL does not run as root: run a program as whoever the directory belongs to."""
    return {"user": directory.owner()} if os.getuid() == 0 else {}


def program(name: str) -> str:
    """Find a program of the newest PostgreSQL that is installed; Debian keeps it off the path."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = shutil.which(name) or (str(installed[-1]) if installed else None)
    assert found, f"{name} of PostgreSQL is not installed"
    return found
