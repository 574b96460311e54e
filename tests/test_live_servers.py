"""Live lists of running servers: one worker, and three with Redis or PostgreSQL between them."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from tests.servers import LEFT_OUT, SAMPLE, Server, _environment, _running
from tests.services import OwnPostgres, OwnRedis, OwnServer
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


@dataclass
class Office:
    """Three workers of the sample project, and the server that their changes go through."""

    server: Server
    environment: dict[str, str]
    between: OwnServer

    @property
    def has_triggers(self) -> bool:
        """Whether its database is PostgreSQL: the one that its changes go through."""
        return "POSTGRES_DB" in self.environment

    def manage(self, *command: str) -> None:
        """Run a command of the project in a process of its own."""
        subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=self.server.directory,
            env=self.environment,
            check=True,
            capture_output=True,
        )

    def doctor(self) -> tuple[int, dict[str, Any]]:
        """Ask what keeps changes from arriving."""
        done = subprocess.run(
            [sys.executable, "manage.py", "live_doctor", "--json", "--wait", "4"],
            cwd=self.server.directory,
            env=self.environment,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    def write_sql(self, sku: str) -> None:
        """Write to the table of products as another program does."""
        with psycopg.connect(self.between.url) as connection:
            connection.execute(
                "UPDATE shop_product SET sku = %s WHERE id = (SELECT max(id) FROM shop_product)",
                [sku],
            )


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("redis", marks=pytest.mark.redis),
        pytest.param("postgres", marks=[pytest.mark.redis, pytest.mark.postgres]),
        # The sample's database is PostgreSQL too, and its products tell of themselves.
        pytest.param("triggers", marks=[pytest.mark.redis, pytest.mark.postgres]),
    ],
)
def office(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    """Three workers; Reflex keeps their states in Redis, whatever their changes go through."""
    directory = tmp_path_factory.mktemp("workers") / "sample_project"
    shutil.copytree(SAMPLE, directory, ignore=LEFT_OUT)
    kind = OwnRedis if request.param == "redis" else OwnPostgres
    with kind.running() as between:
        environment = {
            **_environment(),
            "REFLEX_REDIS_URL": "redis://127.0.0.1:6379/7",
            "GRANIAN_WORKERS": "3",
            "LIVE_TRANSPORT": "redis" if request.param == "redis" else "postgres",
            "LIVE_URL": between.url,
        }
        if request.param == "triggers":
            environment |= {"POSTGRES_DB": "postgres", "POSTGRES_PORT": str(between.port)}
        office = Office(Server("", directory, directory), environment, between)
        office.manage("migrate", "--verbosity", "0")
        office.manage("seed_demo", "--verbosity", "0")
        with _running(directory, environment, pages=False) as office.server:
            yield office


@pytest.fixture
async def tabs(office: Office) -> AsyncIterator[list[Wire]]:
    """Nine tabs, so that no worker is likely to have none."""
    stacks = [AsyncExitStack() for _ in range(9)]
    try:
        opened = [await stack.enter_async_context(open_wire(office.server)) for stack in stacks]
        for wire in opened:
            await watch(wire)
        yield opened
    finally:
        # Each takes a second to close.
        await asyncio.gather(*(stack.aclose() for stack in stacks))


async def test_those_who_edit_one_product_in_different_workers_know_of_each_other(
    office: Office,
) -> None:
    async with AsyncExitStack() as stack:
        # So many that they are hardly all with one worker.
        staff = [
            await stack.enter_async_context(open_wire(office.server, "admin")) for _ in range(4)
        ]
        owner = await stack.enter_async_context(open_wire(office.server, "alice"))
        product = await create_product(owner)
        for wire in [*staff, owner]:
            await wire.call("product_state", "start_edit", pk=product["id"])
        for wire in staff:
            await wire.until(lambda wire=wire: presence(wire) == ["Alice"], 20)  # type: ignore[misc]
        await owner.until(lambda: presence(owner) == ["Avery"], 20)
        await owner.send("product_state", "set_stock", value="11")
        await owner.call("product_state", "save")
        for wire in staff:
            await wire.until(lambda wire=wire: presence(wire) == [], 20)  # type: ignore[misc]
            await wire.until(
                lambda wire=wire: wire.var("product_state", "editing_conflict_by") == "Alice",  # type: ignore[misc]
                20,
            )


def presence(wire: Wire) -> list[str]:
    return wire.var("product_state", "presence") or []


async def test_the_doctor_asks_every_worker(office: Office, tabs: list[Wire]) -> None:
    code, found = await asyncio.to_thread(office.doctor)
    assert (code, found["problems"]) == (0, [])
    assert found["round_trip"] is not None
    counts = [worker["subscribers"]["shop.product"] for worker in found["workers"]]
    assert sum(counts) == len(tabs)
    assert len(found["viewers"]) == len(tabs)
    assert found["triggers"] == ({"default": ["shop.product"]} if office.has_triggers else {})


async def all_show(tabs: list[Wire], wanted: Callable[[list[str]], object], seconds: float) -> None:
    """Wait until every tab shows something."""
    for wire in tabs:
        await wire.until(lambda wire=wire: wanted(skus(wire)), seconds)  # type: ignore[misc]


def shell_line(sku: str, number: int = 0) -> str:
    return (
        f"from shop.models import Product; product = Product.objects.all()[{number}]; "
        f"product.sku = {sku!r}; product.save()"
    )


def fresh(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8].upper()}"


async def test_every_worker_shows_what_is_written_anywhere(
    office: Office, tabs: list[Wire]
) -> None:
    # Each by a connection of its own, to whichever worker takes it.
    for _ in range(4):
        async with open_wire(office.server, "alice") as alice:
            product = await create_product(alice)
        await all_show(tabs, lambda shown, sku=product["sku"]: sku in shown, 20)  # type: ignore[misc]
    sku = fresh("SHELL")
    await asyncio.to_thread(office.manage, "shell", "-c", shell_line(sku))
    await all_show(tabs, lambda shown: sku in shown, 20)
    # Rows saved in a transaction, and rows made in bulk.
    known = {sku for sku in skus(tabs[0]) if sku.startswith("NEW-")}
    await asyncio.to_thread(office.manage, "stir")
    await all_show(tabs, lambda shown: len(news(shown) - known) == 3, 20)
    if office.has_triggers:
        sku = fresh("SQL")
        await asyncio.to_thread(office.write_sql, sku)
        await all_show(tabs, lambda shown: sku in shown, 20)


def news(shown: list[str]) -> set[str]:
    return {sku for sku in shown if sku.startswith("NEW-")}


async def test_nothing_is_lost_while_the_transport_is_away(
    office: Office, tabs: list[Wire]
) -> None:
    await asyncio.to_thread(office.between.kill)
    back = time.monotonic() + 5
    code, found = await asyncio.to_thread(office.doctor)
    assert code == 1
    assert any("The transport cannot be used" in problem for problem in found["problems"])
    written: list[str] = []
    if not office.has_triggers:
        # Written while nobody can tell of it: in a worker, and in a process that ends meanwhile.
        async with open_wire(office.server, "alice") as alice:
            written.append((await create_product(alice))["sku"])
        written.append(fresh("SHELL"))
        await asyncio.to_thread(office.manage, "shell", "-c", shell_line(written[-1], 1))
    await asyncio.sleep(back - time.monotonic())
    await asyncio.to_thread(office.between.start)
    if office.has_triggers:
        # The database itself was away. Who writes first now finds nobody listening yet.
        written.append(fresh("SQL"))
        await asyncio.to_thread(office.write_sql, written[-1])
    await all_show(tabs, lambda shown: set(written) <= set(shown), 60)
    # And all is as it was before.
    async with open_wire(office.server, "alice") as alice:
        product = await create_product(alice)
    await all_show(tabs, lambda shown: product["sku"] in shown, 20)
