"""Events that the server itself sends to a tab, and what it learns of the tab's end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import pytest
import reflex as rx
from django.contrib.auth import get_user_model
from reflex_base.event import Event

from reflex_drf import bridge
from reflex_drf.seam.tabs import Tab as Connection
from reflex_drf.seam.tabs import current_tab
from reflex_drf.testing import Tab, Worker
from tests.living import let_states_be_pickled


class ConnectedState(rx.State):
    seen: ClassVar[list[Connection | None]] = []
    users: ClassVar[list[str]] = []

    @rx.event
    async def look(self) -> None:
        ConnectedState.seen.append(current_tab())
        ConnectedState.users.append(str(bridge.current_user()))

    @rx.event
    async def look_on_behalf(self) -> Any:
        return ConnectedState.look

    @rx.event
    async def fail(self) -> None:
        raise ZeroDivisionError

    @rx.event
    async def poke_others(self) -> None:
        """Make the other tabs look, in the middle of an event of this one."""
        for connection in connections:
            tasks.append(connection.send(LOOK))


LOOK = f"{ConnectedState.get_full_name()}.look"
FAIL = f"{ConnectedState.get_full_name()}.fail"
connections: list[Connection] = []
tasks: list[asyncio.Task[None]] = []


class Listener:
    def __init__(self) -> None:
        self.ended: list[str] = []
        self.closed = 0

    def end_tab(self, token: str) -> None:
        self.ended.append(token)

    async def close(self) -> None:
        self.closed += 1

    async def settle(self) -> None:
        """Nothing of it is ever under way."""


@pytest.fixture(autouse=True)
def nothing_seen() -> None:
    for collected in (ConnectedState.seen, ConnectedState.users, connections, tasks):
        collected.clear()


@pytest.fixture
async def tab() -> AsyncIterator[Tab]:
    async with Tab() as tab:
        yield tab


async def connection(tab: Tab) -> Connection:
    await tab.send(ConnectedState.look)
    found = ConnectedState.seen.pop()
    ConnectedState.users.pop()
    assert found is not None
    return found


def test_outside_of_events_there_is_no_tab() -> None:
    assert current_tab() is None


async def test_an_event_knows_its_tab(tab: Tab) -> None:
    found = await connection(tab)
    assert (found.token, found.sid) == (tab.token, tab.sid)
    assert found.processor is tab.worker.processor
    assert found.connected


async def test_chained_events_know_it_too(tab: Tab) -> None:
    await tab.send(ConnectedState.look_on_behalf)
    (found,) = ConnectedState.seen
    assert found is not None
    assert (found.token, found.sid) == (tab.token, tab.sid)


async def test_an_event_without_a_handshake_finds_the_connection(tab: Tab) -> None:
    future = await tab.worker.processor.enqueue(tab.token, Event(name=LOOK, payload={}))
    await future
    assert ConnectedState.seen[0] is not None
    assert ConnectedState.seen[0].sid == tab.sid


async def test_a_connection_that_was_replaced_is_not_connected(tab: Tab) -> None:
    before = await connection(tab)
    await tab.reconnect()
    assert not before.connected
    assert (await connection(tab)).connected
    tab.disconnect()
    assert not before.connected


async def test_the_server_sends_an_event(tab: Tab) -> None:
    found = await connection(tab)
    await found.send(LOOK)
    assert ConnectedState.seen[0] is not None
    assert ConnectedState.seen[0].sid == tab.sid
    assert tab.worker.processor._own_events == {}


async def test_what_it_raises_comes_out(tab: Tab) -> None:
    found = await connection(tab)
    with pytest.raises(ZeroDivisionError):
        await found.send(FAIL)
    assert tab.worker.processor._own_events == {}


@pytest.mark.django_db(transaction=True)
async def test_whoever_causes_it_lends_nothing() -> None:
    alice = await get_user_model().objects.acreate_user("alice")
    bob = await get_user_model().objects.acreate_user("bob")
    async with Worker(), Tab(alice) as hers, Tab(bob) as his, Tab() as nobodys:
        for other in (his, nobodys):
            connections.append(await connection(other))
        sent = await hers.start(ConnectedState.poke_others)
        assert await sent.join() == []
        # It belongs to nobody's chain, so the cause is over before they are.
        await asyncio.gather(*tasks)
        assert sorted(ConnectedState.users) == ["AnonymousUser", "bob"]
        assert {seen.token for seen in ConnectedState.seen if seen} == {his.token, nobodys.token}


async def test_ending_the_task_does_not_end_the_handler(tab: Tab) -> None:
    found = await connection(tab)
    task = found.send(LOOK)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    await tab.send(ConnectedState.look)
    assert len(ConnectedState.seen) == 2


async def test_companions_hear_of_tabs_and_of_the_end() -> None:
    listener = Listener()
    async with Worker() as worker:
        worker.processor.companions[Listener] = listener
        async with Tab() as tab:
            token = tab.token
        assert listener.ended == [token]
        assert listener.closed == 0
    assert listener.closed == 1


async def test_what_is_attached_while_the_server_ends_ends_as_well() -> None:
    found: list[Listener] = []

    class Slow(Listener):
        async def close(self) -> None:
            # A handler goes on while this one takes its time.
            found.append(worker.processor.companion(Listener))

    async with Worker() as worker:
        worker.processor.companions[Slow] = Slow()
    assert [each.closed for each in found] == [1]


async def test_states_in_memory_are_not_shared(tab: Tab) -> None:
    assert not tab.worker.processor.shares_states


@pytest.mark.redis
async def test_states_in_redis_are_shared() -> None:
    from redis.asyncio import Redis
    from reflex.istate.manager.redis import StateManagerRedis

    let_states_be_pickled()
    redis = Redis.from_url("redis://127.0.0.1:6379/5")
    async with Worker(state_manager=StateManagerRedis(redis=redis)) as worker:  # type: ignore[abstract]
        assert worker.processor.shares_states
