"""Live lists of running servers: one worker, and three with Redis or PostgreSQL between them."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest

from tests.servers import LEFT_OUT, Server, _environment, _running
from tests.test_wire import Wire, create_product, open_wire

pytestmark = pytest.mark.server


async def watch(wire: Wire) -> None:
    """Show the newest products, and let the list be kept up to date."""
    await wire.call("product_state", "set_ordering", value="-created_at")
    await wire.call("product_state", "live_subscribe")


def skus(wire: Wire) -> list[str]:
    return [row["sku"] for row in wire.var("product_state", "products") or []]


async def test_a_tab_shows_what_another_user_saves(sample_server: Server) -> None:
    async with open_wire(sample_server, "alice") as alice, open_wire(sample_server) as visitor:
        await watch(visitor)
        product = await create_product(alice)
        await visitor.until(lambda: product["sku"] in skus(visitor))
        await alice.call("product_state", "delete", pk=product["id"])
        await visitor.until(lambda: product["sku"] not in skus(visitor))
        assert visitor.var("product_state", "total_count") == visitor.api("/api/products/")["count"]


async def test_a_tab_that_left_is_not_sent_to(sample_server: Server) -> None:
    async with open_wire(sample_server) as visitor:
        await watch(visitor)
    async with open_wire(sample_server, "alice") as alice:
        await watch(alice)
        product = await create_product(alice)
        await alice.until(lambda: product["sku"] in skus(alice))
    assert f"disconnected client {visitor.token!r}" not in sample_server.log.read_text()


TRANSPORTS = {
    "redis": "redis://127.0.0.1:6379/6",
    "postgres": f"postgresql://{os.environ.get('PGUSER', 'postgres')}@127.0.0.1:5432/postgres",
}


@pytest.fixture(
    params=[
        pytest.param("redis", marks=pytest.mark.redis),
        pytest.param("postgres", marks=[pytest.mark.redis, pytest.mark.postgres]),
    ]
)
def workers(
    request: pytest.FixtureRequest, sample_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, dict[str, str]]]:
    """Three workers of the sample project, whose states Reflex keeps in Redis."""
    directory = tmp_path_factory.mktemp("workers") / "sample_project"
    shutil.copytree(sample_server.directory, directory, ignore=LEFT_OUT)
    environment = {
        **_environment(),
        "REFLEX_REDIS_URL": "redis://127.0.0.1:6379/7",
        "GRANIAN_WORKERS": "3",
        "LIVE_TRANSPORT": request.param,
        "LIVE_URL": TRANSPORTS[request.param],
        "LIVE_CHANNEL": f"test-{uuid.uuid4().hex}",
    }
    for command in (["migrate", "--verbosity", "0"], ["seed_demo", "--verbosity", "0"]):
        subprocess.run(
            [sys.executable, "manage.py", *command], cwd=directory, env=environment, check=True
        )
    with _running(directory, environment) as server:
        yield server, environment


@pytest.fixture
async def tabs(workers: tuple[Server, dict[str, str]]) -> AsyncIterator[list[Wire]]:
    """Nine tabs, so that no worker is likely to have none."""
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(open_wire(workers[0])) for _ in range(9)]
        for wire in opened:
            await watch(wire)
        yield opened


async def test_every_worker_shows_what_is_written_anywhere(
    workers: tuple[Server, dict[str, str]], tabs: list[Wire]
) -> None:
    server, environment = workers
    async with open_wire(server, "alice") as alice:
        product = await create_product(alice)
    for wire in tabs:
        await wire.until(lambda wire=wire: product["sku"] in skus(wire))  # type: ignore[misc]
    # And by a command: rows saved in a transaction, and rows made in bulk.
    await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "manage.py", "stir"],
        cwd=server.directory,
        env=environment,
        check=True,
        capture_output=True,
    )
    for wire in tabs:
        await wire.until(
            lambda wire=wire: sum(sku.startswith("NEW-") for sku in skus(wire)) == 3  # type: ignore[misc]
        )
