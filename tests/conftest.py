"""Groups of tests that need a service, and what every test shares."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
from collections.abc import AsyncIterator, Generator
from typing import Any

import pytest
from asgiref.sync import SyncToAsync
from django.contrib.auth import get_user_model
from django.db import connections
from django.utils import timezone, translation

from reflex_drf.bridge import threads
from reflex_drf.testing import Worker
from tests.living import QUICK

pytest_plugins = ["tests.servers", "tests.signing_app", "tests.ui_visitor"]

# Tests of what only one kind of database has are collected where that is the tests' own.
collect_ignore = (
    [] if os.environ.get("REFLEX_DRF_TEST_DATABASE") == "postgres" else ["test_live_triggers.py"]
)
# Whether the group can run here, and what to do when it cannot.
GROUPS = {
    "postgres": "start PostgreSQL on 127.0.0.1:5432 and install the `services` extra",
    "redis": "start Redis on 127.0.0.1:6379 and install the `services` extra",
    "browser": "install Chromium and the `browser` extra",
}


def _listens(port: int, package: str) -> bool:
    if importlib.util.find_spec(package) is None:
        return False
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _available(group: str) -> bool:
    if group == "postgres":
        return _listens(5432, "psycopg")
    if group == "redis":
        return _listens(6379, "redis")
    return bool(shutil.which("chromium")) and importlib.util.find_spec("playwright") is not None


_not_run: dict[str, int] = {}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the groups whose service is missing, and fail for it where CI asks for all."""
    kept = list(items)
    for group, remedy in GROUPS.items():
        members = [item for item in kept if item.get_closest_marker(group)]
        if not members or _available(group):
            continue
        if os.environ.get("CI"):
            raise pytest.UsageError(f"The group {group!r} cannot run, and CI runs all: {remedy}.")
        _not_run[group] = len(members)
        kept = [item for item in kept if item not in members]
        config.hook.pytest_deselected(items=members)
    items[:] = kept


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for group, count in _not_run.items():
        terminalreporter.write_line(
            f"NOT RUN: {count} tests of the group {group!r}. To run them, {GROUPS[group]}.",
            red=True,
            bold=True,
        )


@pytest.fixture(autouse=True)
def _language_of_the_project() -> None:
    """Begin without the language that the last test's requests have left in this thread."""
    translation.deactivate()
    timezone.deactivate()


@pytest.fixture(scope="session", autouse=True)
def _close_connections_of_threads(django_db_setup: None) -> Generator[None]:
    """Close what threads hold open, or PostgreSQL refuses to drop the database of the tests."""
    yield
    threads.shutdown()
    SyncToAsync.single_thread_executor.submit(connections.close_all).result()


@pytest.fixture(autouse=True)
def _close_connections_of_idle_threads(request: pytest.FixtureRequest) -> Generator[None]:
    """Leave no connection behind for a test that may have none."""
    yield
    if request.node.get_closest_marker("django_db"):
        threads.close_idle()


@pytest.fixture
def new_threads() -> Generator[None]:
    """Begin without database threads, and leave none."""
    threads.shutdown()
    yield
    threads.shutdown()


@pytest.fixture
def quick(settings: Any) -> None:
    """Live updates without long waits."""
    settings.REFLEX_DRF = QUICK


@pytest.fixture
async def root() -> Any:
    """A superuser."""
    return await get_user_model().objects.acreate_superuser("root")


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    """A server process without a page."""
    async with Worker() as worker:
        yield worker
