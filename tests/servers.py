"""The sample project as a process of its own, for the tests that talk to a running server."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

SAMPLE = Path(__file__).resolve().parent.parent / "sample_project"
# A build from nothing takes about ten seconds; a machine that runs other tests takes longer.
START_SECONDS = 240
PASSWORDS = {"admin": "admin", "alice": "alice-demo", "bob": "bob-demo"}
LEFT_OUT = shutil.ignore_patterns(
    ".web", ".states", "db.sqlite3*", "media", "__pycache__", "reflex.lock"
)


@dataclass(frozen=True)
class Server:
    """A running copy of the sample project."""

    url: str
    directory: Path
    log: Path

    def sign_in(self, username: str) -> dict[str, str]:
        """Log in as the browsable API does, and give the cookies a browser would have then."""
        login = f"{self.url}/api/auth/login/"
        with httpx.Client(follow_redirects=False) as client:
            client.get(login).raise_for_status()
            answer = client.post(
                login,
                data={
                    "username": username,
                    "password": PASSWORDS[username],
                    "csrfmiddlewaretoken": client.cookies["csrftoken"],
                },
                headers={"Origin": self.url},
            )
            assert answer.status_code == 302, answer.text
            return dict(client.cookies)


@pytest.fixture(scope="session")
def sample_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The production build of a copy of the sample project, with its own seeded database."""
    directory = tmp_path_factory.mktemp("server") / "sample_project"
    shutil.copytree(SAMPLE, directory, ignore=LEFT_OUT)
    environment = _environment()
    for command in (["migrate", "--verbosity", "0"], ["seed_demo", "--verbosity", "0"]):
        subprocess.run(
            [sys.executable, "manage.py", *command], cwd=directory, env=environment, check=True
        )
    with _running(directory, environment) as server:
        yield server


def _environment() -> dict[str, str]:
    # The tests' own settings module must not reach the project.
    kept = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    # The `reflex` command and the Bun binary stand beside the interpreter.
    kept["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"
    return {**kept, "REFLEX_TELEMETRY_ENABLED": "false", "NO_COLOR": "1"}


@contextmanager
def _running(
    directory: Path, environment: dict[str, str], pages: bool = True, page: str = "/products"
) -> Iterator[Server]:
    """Run a project; without `pages` all but those, which spares the build."""
    port = _free_port()
    log = directory.parent / "server.log"
    command = [sys.executable, "-m", "reflex", "run", "--env", "prod"]
    command += ["--frontend-port"] if pages else ["--backend-only", "--backend-port"]
    command += [str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # A group of its own, so that stopping it reaches the workers it starts.
            start_new_session=True,
        )
    try:
        server = Server(f"http://localhost:{port}", directory, log)
        _wait(process, server, page if pages else "/api/auth/login/")
        yield server
    finally:
        _stop(process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], server: Server, page: str) -> None:
    """Ask until pages and API both answer; a process that ended is noticed at once."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.1)
            pytest.fail(f"The sample project ended by itself:\n{server.log.read_text()}")
        if _answers(f"{server.url}{page}") and _answers(f"{server.url}/api/products/"):
            return
    pytest.fail(f"The sample project does not answer:\n{server.log.read_text()}")


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, follow_redirects=True).is_success
    except httpx.TransportError:
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        pass
    finally:
        # Workers that outlived their parent are still in its group, and a worker of Granian 2.8
        # sometimes locks itself up where a connection closes at that moment.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
