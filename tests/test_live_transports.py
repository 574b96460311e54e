"""The transports over real servers, with their connections cut and other processes writing."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest
from django.db import connections
from django.test import override_settings

from reflex_drf.errors import ConfigurationError
from reflex_drf.live import LiveListMixin, ModelChange, is_live_model
from reflex_drf.live.relay import publish, receivers, sender
from reflex_drf.live.transports import Transport, current_transport, is_shared
from reflex_drf.live.transports.memory import MemoryTransport
from reflex_drf.state import ModelState
from reflex_drf.testing import Tab, Worker
from tests.living import until
from tests.shop.models import Product

ROOT = Path(__file__).resolve().parent.parent
# A name for the connections of these tests, so that no other run loses its own.
OURS = f"test-{uuid4().hex}"
REDIS = f"redis://127.0.0.1:6379/5?client_name={OURS}"
POSTGRES = "postgresql://{user}@127.0.0.1:5432/{name}?application_name={ours}".format(
    ours=OURS,
    user=os.environ.get("PGUSER", "postgres"),
    name=os.environ.get("PGDATABASE", "postgres"),
)
SERVERS = [
    pytest.param("redis", marks=pytest.mark.redis),
    pytest.param("postgres", marks=pytest.mark.postgres),
]


class SharedProductState(LiveListMixin, ModelState):
    model = Product
    fields = ["name"]


def choose(name: str) -> dict[str, Any]:
    return {
        "LIVE_TRANSPORT": name,
        "LIVE_URL": REDIS if name == "redis" else POSTGRES,
        "LIVE_CHANNEL": f"test-{uuid4().hex}",
        "LIVE_REFRESH_INTERVAL": 50,
    }


@pytest.fixture
def chosen(request: pytest.FixtureRequest, settings: Any) -> str:
    name: str = request.param
    settings.REFLEX_DRF = choose(name)
    return name


def cut_connections(name: str) -> None:
    """End every connection of others to the server's channels, as a restart of it does."""
    if name == "redis":
        from redis import Redis

        with Redis.from_url(REDIS) as client:
            mine = client.client_id()
            for kind in ("pubsub", "normal"):
                for each in client.client_list(_type=kind):
                    if each["name"] == OURS and int(each["id"]) != mine:
                        client.execute_command("CLIENT", "KILL", "ID", each["id"])
    else:
        import psycopg

        with psycopg.connect(POSTGRES, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND application_name = %s",
                [OURS],
            )


def listen(transport: Transport) -> Any:
    return aclosing(cast("Any", transport.listen()))


@pytest.mark.parametrize("chosen", SERVERS, indirect=True)
class TestServers:
    async def test_texts_arrive_in_their_order(self, chosen: str) -> None:
        transport = current_transport()
        assert is_shared()
        texts = [f"{number} ä" for number in range(50)] + ["x" * (transport.max_bytes - 10)]
        async with listen(transport) as messages:
            assert await anext(messages) is None
            await asyncio.to_thread(transport.send, texts)
            async with asyncio.timeout(10):
                assert [await anext(messages) for _ in texts] == texts

    async def test_channels_are_apart(self, chosen: str) -> None:
        transport = current_transport()
        async with listen(transport) as messages:
            assert await anext(messages) is None
            with override_settings(REFLEX_DRF=choose(chosen)):
                other = current_transport()
                await asyncio.to_thread(other.send, ["theirs"])
            await asyncio.to_thread(transport.send, ["ours"])
            async with asyncio.timeout(10):
                assert await anext(messages) == "ours"
        # The settings have chosen anew since.
        transport.close()

    async def test_a_cut_connection_is_an_error_that_it_names(self, chosen: str) -> None:
        transport = current_transport()
        async with listen(transport) as messages:
            assert await anext(messages) is None
            await asyncio.to_thread(cut_connections, chosen)
            async with asyncio.timeout(30):
                with pytest.raises(transport.errors):
                    await anext(messages)

    async def test_it_sends_again_after_a_cut(self, chosen: str) -> None:
        transport = current_transport()
        await asyncio.to_thread(transport.send, ["before"])
        await asyncio.to_thread(cut_connections, chosen)
        publish([ModelChange("shop.product", "updated", 1)])
        assert await asyncio.to_thread(sender.flush, 10)

    async def test_a_server_that_is_not_there(self, chosen: str, settings: Any) -> None:
        url = REDIS if chosen == "redis" else POSTGRES
        settings.REFLEX_DRF = {
            **choose(chosen),
            "LIVE_URL": url.replace(":6379", ":1").replace(":5432", ":1"),
        }
        transport = current_transport()
        with pytest.raises(transport.errors):
            await asyncio.to_thread(transport.send, ["lost"])
        async with listen(transport) as messages:
            with pytest.raises(transport.errors):
                await anext(messages)


@pytest.mark.redis
async def test_bytes_that_are_no_text_do_not_end_the_listening(settings: Any) -> None:
    from redis import Redis

    settings.REFLEX_DRF = choose("redis")
    transport = current_transport()
    async with listen(transport) as messages:
        assert await anext(messages) is None
        with Redis.from_url(REDIS) as client:
            client.publish(settings.REFLEX_DRF["LIVE_CHANNEL"], b"\xff\x00")
        await asyncio.to_thread(transport.send, ["ours"])
        async with asyncio.timeout(10):
            await anext(messages)
            assert await anext(messages) == "ours"


@pytest.fixture
async def watching(chosen: str) -> AsyncIterator[Tab]:
    """A tab with a live list, in a worker that listens."""
    async with Worker() as worker, Tab() as tab:
        await tab.send(SharedProductState.live_subscribe)
        await worker.settle()
        receiver = receivers.get(asyncio.get_running_loop())
        assert receiver is not None
        await asyncio.wait_for(receiver.connected.wait(), 10)
        await worker.settle()
        yield tab
    assert receivers.get(asyncio.get_running_loop()) is None


def shows(tab: Tab, *names: str) -> Callable[[], bool]:
    return lambda: [row["name"] for row in tab.seen(SharedProductState, "data")] == list(names)


OTHER = """
import sys
import django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
settings.REFLEX_DRF = {"LIVE_MODELS": ["shop.Product"], **eval(sys.argv[2])}
django.setup()
from reflex_drf.live import notify
from tests.shop.models import Product
Product.objects.create(name="saved", sku="saved", price=1)
notify(Product.objects.bulk_create([Product(name="bulk", sku="bulk", price=1)]), "created")
assert not any(name == "reflex" or name.startswith("reflex.") for name in sys.modules)
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("chosen", SERVERS, indirect=True)
class TestProcesses:
    async def test_what_another_process_writes_reaches_tabs(
        self, chosen: str, watching: Tab, settings: Any
    ) -> None:
        database = str(connections["default"].settings_dict["NAME"])
        command = [sys.executable, "-c", OTHER, database, repr(settings.REFLEX_DRF)]
        environ = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
        done = await asyncio.to_thread(
            subprocess.run, command, cwd=ROOT, env=environ, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        await until(watching, shows(watching, "saved", "bulk"))

    async def test_what_was_written_while_the_connection_was_lost_is_shown(
        self, chosen: str, watching: Tab
    ) -> None:
        # Nobody says anything of these rows; only reading everything anew shows them.
        await Product.objects.abulk_create([Product(name="unsaid", sku="a", price=1)])
        await asyncio.to_thread(cut_connections, chosen)
        await until(watching, shows(watching, "unsaid"), 30)

    async def test_a_worker_publishes_what_its_states_show(
        self, chosen: str, watching: Tab
    ) -> None:
        assert is_live_model(Product)
        await Product.objects.acreate(name="Chair", sku="a", price=1)
        await until(watching, shows(watching, "Chair"))
        assert await asyncio.to_thread(sender.flush, 10)


async def test_memory_reaches_nobody_else() -> None:
    transport = current_transport()
    assert isinstance(transport, MemoryTransport)
    assert not is_shared()
    transport.send(["lost"])
    assert [message async for message in transport.listen()] == []


@pytest.mark.postgres
def test_postgres_without_an_address_needs_the_default_database(settings: Any) -> None:
    settings.REFLEX_DRF = {"LIVE_TRANSPORT": "postgres"}
    if connections["default"].vendor == "postgresql":
        assert current_transport().shared
    else:
        with pytest.raises(ConfigurationError, match="LIVE_URL"):
            current_transport()


def test_a_transport_is_made_once_and_closed_with_the_settings(settings: Any) -> None:
    from tests.living import Cable

    cable = Cable()
    settings.REFLEX_DRF = {"LIVE_TRANSPORT": cable}
    assert current_transport() is cable
    assert current_transport() is cable
    settings.REFLEX_DRF = {}
    assert cable.closed == 1
    settings.REFLEX_DRF = {"LIVE_TRANSPORT": "tests.living.Cable"}
    assert isinstance(current_transport(), Cable)


@pytest.mark.postgres
async def test_listening_that_is_cancelled_twice_leaves_no_connection_open(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from psycopg import AsyncConnection, waiting

    settings.REFLEX_DRF = choose("postgres")
    made: list[AsyncConnection[Any]] = []
    connect = AsyncConnection.connect

    async def connect_known(**parameters: Any) -> AsyncConnection[Any]:
        made.append(await connect(**parameters))
        return made[-1]

    monkeypatch.setattr(AsyncConnection, "connect", connect_known)
    listening = aiter(current_transport().listen())
    assert await anext(listening) is None
    task = asyncio.create_task(anext(listening))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    # It lets others run after each statement, as it does on a loop that is busy.
    monkeypatch.setattr(waiting, "MAX_BUSY_TIME", 0, raising=False)
    while not task.done():
        task.cancel()
        await asyncio.sleep(0)
    (connection,) = made
    assert connection.closed
