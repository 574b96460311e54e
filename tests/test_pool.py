"""The pool of database threads: calls that compute take turns, calls that wait do not."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from reflex_drf.bridge import pool
from reflex_drf.bridge.threads import (
    briefly,
    database_thread,
    detached,
    hold_thread,
    pools,
    shutdown,
)
from tests.test_threads import call, name_of_thread, settled, until

pytestmark = pytest.mark.usefixtures("new_threads")

HOUR = 3600


@pytest.fixture
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take turns on any database, and every call for one that computes on any machine."""
    monkeypatch.setattr(pool, "is_sqlite_alone", lambda: True)
    monkeypatch.setattr(pool, "PATIENCE", HOUR)
    monkeypatch.setattr(pool, "LONG_PATIENCE", HOUR)


class Occupied:
    """A thread that is at work until it is let go."""

    def __init__(self) -> None:
        self.free, self.started = threading.Event(), threading.Event()

    def work(self) -> str:
        self.started.set()
        assert self.free.wait(30)
        return threading.current_thread().name

    async def __aenter__(self) -> Occupied:
        self.task = asyncio.create_task(call(self.work))
        await asyncio.to_thread(self.started.wait, 10)
        return self

    async def __aexit__(self, *exc_info: Any) -> None:
        self.free.set()
        await self.task


# Turns


@pytest.mark.usefixtures("_patient")
async def test_calls_that_compute_take_turns() -> None:
    running: list[int] = [0, 0]

    def compute() -> None:
        running[0] += 1
        running[1] = max(running)
        # Hands the interpreter over, as a query does.
        time.sleep(0.001)
        running[0] -= 1

    await asyncio.gather(*(call(compute) for _ in range(30)))
    assert running == [0, 1]
    await settled()
    assert [(thread.pending, thread.events) for thread in pools.current().threads] == [(0, 0)] * 8


@pytest.mark.usefixtures("_patient")
async def test_calls_run_in_the_order_in_which_they_came() -> None:
    order: list[int] = []
    async with Occupied():
        calls = [asyncio.create_task(call(lambda n=n: order.append(n))) for n in range(5)]  # type: ignore[misc]
        await until(lambda: len(pools.current().waiting) == 5)
    await asyncio.gather(*calls)
    assert order == [0, 1, 2, 3, 4]


async def test_a_call_that_waits_lets_others_begin(settings: Any) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 6}
    meeting = threading.Barrier(6, timeout=20)
    await asyncio.gather(*(call(meeting.wait) for _ in range(6)))


async def test_a_call_that_computes_for_long_lets_others_begin() -> None:
    found = threading.Event()

    def compute() -> None:
        while not found.is_set():
            pass

    async with asyncio.timeout(20):
        await asyncio.gather(call(compute), call(found.set))


async def test_calls_of_another_database_begin_at_once(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 3}
    monkeypatch.setattr(pool, "PATIENCE", HOUR)
    monkeypatch.setattr(pool, "is_sqlite_alone", lambda: False)
    meeting = threading.Barrier(3, timeout=20)
    await asyncio.gather(*(call(meeting.wait) for _ in range(3)))
    async with Occupied(), Occupied(), Occupied(), database_thread():
        with briefly():
            assert await sync_to_async(name_of_thread)() == "reflex_drf-database-spare_0"


@pytest.mark.parametrize(
    ("engines", "alone"),
    [
        (["django.db.backends.sqlite3"], True),
        (["django.db.backends.sqlite3", "django.db.backends.postgresql"], False),
    ],
)
def test_turns_are_for_sqlite_alone(
    engines: list[str], alone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    databases = {str(number): {"ENGINE": engine} for number, engine in enumerate(engines)}
    monkeypatch.setattr(pool.connections, "settings", databases)
    assert pool.is_sqlite_alone() is alone


async def test_more_calls_than_threads_are_all_made(settings: Any) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 2}
    async with Occupied(), Occupied():
        calls = [asyncio.create_task(call()) for _ in range(20)]
        await until(lambda: len(pools.current().waiting) == 20)
    assert len(await asyncio.gather(*calls)) == 20


# Results


@pytest.mark.usefixtures("_patient")
async def test_the_loop_hears_of_several_calls_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, told = asyncio.get_running_loop(), []
    tell = loop.call_soon_threadsafe

    def count(*args: Any, **kwargs: Any) -> Any:
        told.append(args)
        return tell(*args, **kwargs)

    async with Occupied():
        calls = [asyncio.create_task(hand_over_detached(name_of_thread)) for _ in range(9)]
        await until(lambda: len(pools.current().waiting) == 9)
        monkeypatch.setattr(loop, "call_soon_threadsafe", count)
    names = await asyncio.gather(*calls)
    # One message for each of them would be nine.
    assert len(told) < 5
    assert len(set(names)) == 1


@pytest.mark.usefixtures("_patient")
async def test_a_result_does_not_wait_for_what_begins_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # It looks often enough, and no call begins beside another, however slow the machine is.
    monkeypatch.setattr(pool, "PATIENCE", 0.004)
    monkeypatch.setattr(pool, "is_waiting", lambda thread: False)
    found = threading.Event()

    async def find() -> None:
        await call()
        # Only now the calls that began after it can end.
        found.set()

    async with Occupied():
        first = asyncio.create_task(find())
        await until(lambda: len(pools.current().waiting) == 1)
        others = [asyncio.create_task(call(lambda: found.wait(20))) for _ in range(3)]
        await until(lambda: len(pools.current().waiting) == 4)
    await first
    assert await asyncio.gather(*others) == [True] * 3


async def test_results_go_to_the_loops_that_wait_for_them() -> None:
    def elsewhere() -> str:
        return asyncio.run(call())

    async with Occupied():
        names = await asyncio.gather(call(), *(asyncio.to_thread(elsewhere) for _ in range(3)))
    assert all(name.startswith("reflex_drf-database-") for name in names)


async def hand_over_detached(function: Any) -> Any:
    async with database_thread():
        with detached():
            return await sync_to_async(function)()


# Events and their threads


@pytest.mark.usefixtures("_patient")
async def test_calls_that_an_event_makes_at_once_share_its_thread(settings: Any) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 4}
    async with Occupied(), database_thread() as executor:
        calls = [asyncio.create_task(sync_to_async(name_of_thread)()) for _ in range(6)]
        await until(lambda: len(pools.current().waiting) == 6)
        pool_ = pools.current()
        # Whatever else was to begin now would be in another thread.
        pool_.threads[0].since = -HOUR * 2
        pool_._look()
        names = set(await asyncio.gather(*calls))
        assert len(names) == 1
        assert executor.thread is pool_.threads[1]
        assert executor.thread.events == 1


@pytest.mark.usefixtures("_patient")
async def test_a_thread_that_an_event_goes_on_in_is_bound_to_another_one_last() -> None:
    occupied = Occupied()
    async with database_thread():
        mine = asyncio.create_task(sync_to_async(occupied.work)())
        await asyncio.to_thread(occupied.started.wait, 10)
        other = asyncio.create_task(call())
        await until(lambda: len(pools.current().waiting) == 1)
        occupied.free.set()
        assert await other != await mine


@pytest.mark.parametrize("mark", [briefly, detached])
async def test_a_brief_or_detached_call_binds_its_event_to_no_thread(mark: Any) -> None:
    async with database_thread() as executor:
        with mark():
            await sync_to_async(name_of_thread)()
        assert executor.thread is None
        assert [thread.events for thread in pools.current().threads] == [0] * 8
        own = await sync_to_async(name_of_thread)()
        assert executor.thread is not None
        with mark():
            assert await sync_to_async(name_of_thread)() == own


async def test_only_the_call_that_was_meant_is_detached() -> None:
    async with database_thread() as executor:
        with detached():
            calls = [asyncio.create_task(sync_to_async(name_of_thread)()) for _ in range(2)]
            await asyncio.gather(*calls)
        assert executor.thread is not None
    async with database_thread() as executor:
        with detached():
            pass
        await sync_to_async(name_of_thread)()
        assert executor.thread is not None


async def test_an_event_that_holds_a_thread_has_it_for_detached_calls_too() -> None:
    async with database_thread() as executor:
        hold_thread()
        with detached():
            held = await sync_to_async(name_of_thread)()
        assert executor.thread is not None
        assert await sync_to_async(name_of_thread)() == held
    assert not any(thread.held or thread.events for thread in pools.current().threads)


async def test_detached_calls_are_not_made_in_the_spare_thread(settings: Any) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 1}
    async with Occupied():
        waiting = asyncio.create_task(hand_over_detached(name_of_thread))
        await until(lambda: len(pools.current().waiting) == 1)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(waiting), 0.2)
    assert await waiting == "reflex_drf-database-0_0"


@pytest.mark.django_db(transaction=True)
async def test_a_connection_of_detached_calls_is_closed_in_time(settings: Any) -> None:
    settings.REFLEX_DRF = {"CONNECTION_SECONDS": 0.05}

    def is_open() -> bool:
        return connection.connection is not None

    def connect() -> None:
        connection.ensure_connection()

    await hand_over_detached(connect)
    thread = pools.current().threads[0]
    async with asyncio.timeout(10):
        while await asyncio.wrap_future(thread.executor.submit(is_open)):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def test_a_detached_call_needs_no_event() -> None:
    with detached():
        assert pools.known() is None


@pytest.mark.usefixtures("_patient")
async def test_a_call_that_was_cancelled_before_its_turn_is_not_made() -> None:
    made: list[str] = []
    async with Occupied():
        waiting = asyncio.create_task(call(lambda: made.append("late")))
        await until(lambda: len(pools.current().waiting) == 1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    await call()
    await settled()
    assert made == []
    assert [thread.events for thread in pools.current().threads] == [0] * 8


async def test_a_second_call_that_was_cancelled_before_its_turn_is_not_made() -> None:
    made: list[str] = []
    free, started = threading.Event(), threading.Event()

    def block() -> None:
        started.set()
        assert free.wait(30)

    async with database_thread() as executor:
        await sync_to_async(name_of_thread)()
        first = asyncio.create_task(sync_to_async(block)())
        await asyncio.to_thread(started.wait, 10)
        second = asyncio.create_task(sync_to_async(made.append)("late"))
        await until(lambda: executor.thread is not None and executor.thread.pending == 2)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        free.set()
        await first
    await settled()
    assert made == []
    assert [thread.pending for thread in pools.current().threads] == [0] * 8


async def test_an_error_is_raised_where_the_call_is_awaited_and_the_thread_goes_on() -> None:
    def fail() -> None:
        raise LookupError("nothing there")

    results = await asyncio.gather(call(fail), call(), return_exceptions=True)
    assert isinstance(results[0], LookupError)
    assert results[1].startswith("reflex_drf-database-")


# Changes of the pool


@pytest.mark.usefixtures("_patient")
async def test_calls_that_wait_are_taken_over_by_a_pool_of_another_size(settings: Any) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 1}
    async with Occupied() as occupied:
        waiting = asyncio.create_task(call())
        await until(lambda: len(pools.current().waiting) == 1)
        settings.REFLEX_DRF = {"DATABASE_THREADS": 2}
        await call()
        assert await asyncio.wait_for(waiting, 10)
        assert not occupied.task.done()


async def test_at_the_end_no_call_is_left_waiting(settings: Any) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 1}
    async with Occupied() as occupied:
        waiting = asyncio.create_task(call())
        await until(lambda: len(pools.current().waiting) == 1)
        ending = asyncio.create_task(asyncio.to_thread(shutdown))
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(waiting, 10)
        occupied.free.set()
        await ending


async def test_a_call_that_comes_as_the_pool_ends_is_made_by_the_next_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ending = pools.current()

    def current() -> Any:
        # Another thread ends the pool between being asked for it and being given the call.
        monkeypatch.undo()
        shutdown()
        return ending

    monkeypatch.setattr(pools, "current", current)
    assert await asyncio.wait_for(call(), 10) == "reflex_drf-database-0_0"
    assert not ending.waiting


async def test_events_whose_threads_are_all_held_get_another_one(settings: Any) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 1}
    async with database_thread():
        hold_thread()
        held = await sync_to_async(name_of_thread)()
        assert await asyncio.wait_for(call(), 10) != held
