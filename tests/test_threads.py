"""The database threads: few, shared fairly, kept by an event, and tidy."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError, connection, connections, transaction

from reflex_drf.bridge import current_user
from reflex_drf.bridge.threads import (
    EventExecutor,
    briefly,
    close_idle,
    database_thread,
    hold_thread,
    pools,
    shutdown,
)
from reflex_drf.errors import ConfigurationError
from tests.bridging import sign_in
from tests.counting import count_hops
from tests.shop.models import Category

pytestmark = pytest.mark.usefixtures("new_threads")


class Gate:
    """Holds calls in their threads until all expected ones have come."""

    def __init__(self, parties: int) -> None:
        self.barrier = threading.Barrier(parties, timeout=10)

    def pass_through(self) -> str:
        self.barrier.wait()
        return threading.current_thread().name


def name_of_thread() -> str:
    return threading.current_thread().name


def threads_alive() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("reflex_drf-database")]


async def call(function: Any = name_of_thread) -> Any:
    async with database_thread():
        return await sync_to_async(function)()


def events_open() -> int:
    return sum(thread.events for thread in pools.current().threads)


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop go on until something that needs no time of its own has happened."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for gives no event
            await asyncio.sleep(0)


async def settled() -> None:
    """Wait until the threads have done what events left to them."""
    for thread in pools.current().threads:
        if thread.used:
            await asyncio.wrap_future(thread.executor.submit(lambda: None))


# Which thread


async def test_event_that_needs_no_thread_starts_none() -> None:
    async with database_thread() as executor:
        assert executor.thread is None
    assert threads_alive() == []
    assert [thread.events for thread in pools.current().threads] == [0] * 8


async def test_event_keeps_its_thread() -> None:
    async with database_thread():
        names = {await sync_to_async(name_of_thread)() for _ in range(5)}
    assert len(names) == 1
    assert names.pop().startswith("reflex_drf-database-")


async def test_events_at_the_same_time_run_in_different_threads(settings: Any) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 4}
    gate = Gate(4)
    # With fewer than four threads the barrier would break.
    names = await asyncio.gather(*(call(gate.pass_through) for _ in range(4)))
    assert len(set(names)) == 4


async def test_no_more_threads_than_the_setting_says(settings: Any) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 3}
    names = await asyncio.gather(*(call() for _ in range(30)))
    assert len(set(names)) <= 3
    assert len(threads_alive()) <= 3


async def test_work_goes_to_an_idle_thread_and_not_behind_a_slow_query(settings: Any) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 2}
    free = threading.Event()
    slow = asyncio.create_task(call(lambda: free.wait(10)))
    await until(lambda: pools.current().threads[0].pending == 1)
    for _ in range(5):
        assert await asyncio.wait_for(call(), 5) == "reflex_drf-database-1_0"
    free.set()
    assert await slow


async def test_thread_is_chosen_at_first_use_and_not_when_the_event_begins(settings: Any) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 2}
    # Events that only begin must not make their threads look busy.
    async with database_thread() as early, database_thread() as late:
        await sync_to_async(name_of_thread)()
        assert early.thread is None
        assert late.thread is pools.current().threads[0]


async def test_thread_of_an_ended_event_is_free_for_the_next(settings: Any) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 1}
    assert await call() == await call()
    await settled()
    thread = pools.current().threads[0]
    assert (thread.events, thread.pending) == (0, 0)


async def test_failed_call_is_counted_out() -> None:
    def fail() -> None:
        raise LookupError("x")

    with pytest.raises(LookupError):
        await call(fail)
    await settled()
    assert [thread.pending for thread in pools.current().threads] == [0] * 8


async def test_cancelled_call_is_counted_out(settings: Any) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 1}
    free, started = threading.Event(), threading.Event()

    def block() -> None:
        started.set()
        free.wait(10)

    running = asyncio.create_task(call(block))
    await asyncio.to_thread(started.wait, 10)
    waiting = asyncio.create_task(call())
    await until(lambda: len(pools.current().waiting) == 1)
    waiting.cancel()
    await asyncio.sleep(0)
    free.set()
    await running
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await settled()
    thread = pools.current().threads[0]
    assert (thread.pending, thread.events) == (0, 0)


async def test_task_that_outlives_its_event_cannot_use_the_thread() -> None:
    ended = asyncio.Event()

    async def later() -> str:
        await ended.wait()
        return await sync_to_async(name_of_thread)()

    async with database_thread():
        task = asyncio.create_task(later())
    ended.set()
    with pytest.raises(RuntimeError, match="must finish before"):
        await task


async def test_event_inside_an_event_has_a_thread_of_its_own() -> None:
    async with database_thread():
        outer = await sync_to_async(name_of_thread)()
        assert await call() != outer
        assert await sync_to_async(name_of_thread)() == outer


async def test_hops_of_an_event_can_be_counted() -> None:
    with count_hops() as hops:
        async with database_thread():
            await sync_to_async(name_of_thread)()
            await sync_to_async(name_of_thread)()
    assert len(hops) == 2


# What is known to be short


@pytest.mark.django_db(transaction=True)
async def test_user_is_looked_up_while_all_threads_are_busy(settings: Any) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 2}
    ann = await sync_to_async(sign_in)("ann")
    free = threading.Event()
    slow = [asyncio.create_task(call(lambda: free.wait(30))) for _ in range(2)]
    await until(lambda: all(thread.pending for thread in pools.current().threads))
    found: list[str] = []

    async def handler() -> None:
        found.append(current_user().get_username())

    try:
        async with asyncio.timeout(10):
            await ann.send(handler)
        assert not any(task.done() for task in slow)
    finally:
        free.set()
        await asyncio.gather(*slow)
    assert found == ["ann"]


@pytest.mark.django_db(transaction=True)
async def test_spare_thread_is_left_alone_while_another_is_idle(settings: Any) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 2}
    ann = await sync_to_async(sign_in)("ann")

    async def handler() -> None:
        assert current_user().is_authenticated

    await ann.send(handler)
    assert not pools.current().spare.used


async def test_short_calls_do_not_wait_for_one_that_is_not(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 1}
    monkeypatch.setattr(pools.current(), "takes_turns", False)

    async def call_briefly(function: Any = name_of_thread) -> Any:
        async with database_thread():
            with briefly():
                return await sync_to_async(function)()

    free, never = threading.Event(), threading.Event()
    own = asyncio.create_task(call(lambda: free.wait(30)))
    await until(lambda: pools.current().threads[0].pending == 1)
    long = asyncio.create_task(call_briefly(lambda: never.wait(30)))
    await until(lambda: pools.current().spare.pending == 1)
    short = asyncio.create_task(call_briefly())
    await asyncio.sleep(0)
    free.set()
    assert await asyncio.wait_for(short, 10) == "reflex_drf-database-0_0"
    assert not long.done()
    never.set()
    await asyncio.gather(own, long)


async def test_handlers_own_work_waits_for_a_thread_of_its_own(settings: Any) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 1}
    free = threading.Event()
    slow = asyncio.create_task(call(lambda: free.wait(30)))
    await until(lambda: pools.current().threads[0].pending == 1)
    async with database_thread():
        with briefly():
            assert await sync_to_async(name_of_thread)() == "reflex_drf-database-spare_0"
        own = asyncio.create_task(sync_to_async(name_of_thread)())
        await until(lambda: len(pools.current().waiting) == 1)
        assert not own.done()
        free.set()
        assert await own == "reflex_drf-database-0_0"
    await slow


# Threads that an event holds


async def hold(end: asyncio.Event) -> str:
    async with database_thread():
        hold_thread()
        name: str = await sync_to_async(name_of_thread)()
        await end.wait()
        return name


async def test_held_thread_is_given_to_nobody_else(settings: Any) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 2}
    end = asyncio.Event()
    holders = [asyncio.create_task(hold(end)) for _ in range(3)]
    await until(lambda: events_open() == 3)
    other = await call()
    end.set()
    assert len({*await asyncio.gather(*holders), other}) == 4


async def test_extra_threads_end_with_their_events(settings: Any) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 2}
    end = asyncio.Event()
    holders = [asyncio.create_task(hold(end)) for _ in range(5)]
    await until(lambda: events_open() == 5)
    assert len(pools.current().threads) == 5
    end.set()
    await asyncio.gather(*holders)
    assert len(pools.current().threads) == 2
    await asyncio.wait_for(call(), 5)


async def test_extra_thread_whose_event_was_cancelled_in_a_call_takes_no_other_event(
    settings: Any,
) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 1}
    end, free, started = asyncio.Event(), threading.Event(), threading.Event()
    holder = asyncio.create_task(hold(end))
    await until(lambda: events_open() == 1)

    def block() -> None:
        started.set()
        assert free.wait(10)

    async def call_twice() -> set[str]:
        async with database_thread():
            return {await sync_to_async(name_of_thread)() for _ in range(2)}

    cancelled = asyncio.create_task(call(block))
    await asyncio.to_thread(started.wait, 10)
    waiting = asyncio.create_task(call_twice())
    await until(lambda: len(pools.current().waiting) == 1)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    free.set()
    # The thread that the cancelled call was made in ends with it.
    assert len(await asyncio.wait_for(waiting, 10)) == 1
    end.set()
    await holder
    assert len(pools.current().threads) == 1


async def test_event_that_holds_a_thread_takes_none_that_others_still_use(settings: Any) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 1}
    end = asyncio.Event()
    end.set()
    async with database_thread():
        shared = await sync_to_async(name_of_thread)()
        assert await hold(end) != shared


async def test_thread_is_free_again_when_its_holder_has_ended(settings: Any) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 1}
    end = asyncio.Event()
    end.set()
    assert await hold(end) == await call()
    assert len(pools.current().threads) == 1


def test_holding_outside_an_event_does_nothing() -> None:
    hold_thread()
    assert EventExecutor(pools).hold is False


# Connections


@pytest.mark.django_db(transaction=True)
async def test_connection_is_closed_after_the_event_when_it_may_not_live_on(settings: Any) -> None:
    settings.REFLEX_DRF = {"CONNECTION_SECONDS": 0}
    found: list[Any] = []

    def query() -> None:
        Category.objects.count()
        found.append(connection._connections[connection._alias])  # type: ignore[attr-defined]

    await call(query)
    await settled()
    assert found[0].connection is None


def raw_connection() -> Any:
    connection.ensure_connection()
    return connection.connection


@pytest.mark.django_db(transaction=True)
async def test_connection_that_django_would_close_serves_the_next_event(settings: Any) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 1}
    assert connections.settings["default"]["CONN_MAX_AGE"] == 0
    assert await call(raw_connection) is await call(raw_connection)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="nobody ends connections of others")
@pytest.mark.parametrize("rested", [True, False])
@pytest.mark.django_db(transaction=True)
async def test_connection_that_its_server_has_ended_is_noticed_after_a_rest(
    rested: bool, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 1}
    monkeypatch.setattr("reflex_drf.bridge.pool.REST", 0 if rested else 60)
    ended = await call(lambda: raw_connection().info.backend_pid)
    await sync_to_async(end_backend)(ended)
    counted = call(Category.objects.count)
    if rested:
        assert await counted == 0
    else:
        with pytest.raises(OperationalError):
            await counted
    # An error is the end of a broken connection in any case.
    assert await call(Category.objects.count) == 0


def end_backend(pid: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        # It ends on its own, soon.
        while cursor.execute("SELECT FROM pg_stat_activity WHERE pid = %s", [pid]).rowcount:
            pass


@pytest.mark.django_db(transaction=True)
async def test_connection_that_django_would_close_is_closed_in_time(settings: Any) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 1, "CONNECTION_SECONDS": 0.02}
    found: list[Any] = []

    def query() -> None:
        connection.ensure_connection()
        found.append(connections["default"])

    await call(query)
    # By nothing but time: no other event follows.
    async with asyncio.timeout(10):
        while found[0].connection is not None:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.005)


@pytest.mark.django_db(transaction=True)
async def test_connection_is_not_closed_under_an_event_that_still_uses_it(settings: Any) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 1, "CONNECTION_SECONDS": 0.02}
    await call(raw_connection)
    async with database_thread():
        mine = await sync_to_async(raw_connection)()
        # The first one's time is up meanwhile.
        await asyncio.sleep(0.1)
        await settled()
        assert await sync_to_async(raw_connection)() is mine


@pytest.mark.django_db(transaction=True)
async def test_idle_connections_can_be_closed_at_once() -> None:
    found: list[Any] = []

    def query() -> None:
        connection.ensure_connection()
        found.append(connections["default"])

    await call(query)
    await asyncio.to_thread(close_idle)
    assert found[0].connection is None


@pytest.mark.django_db(transaction=True)
async def test_connection_of_another_thread_keeps_djangos_age() -> None:
    def age() -> Any:
        try:
            connection.ensure_connection()
            return connection.close_at - time.monotonic()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as executor:
        assert executor.submit(age).result(10) <= 0


@pytest.mark.django_db(transaction=True)
async def test_connection_with_an_age_stays_open_for_the_next_event(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 1}
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 600)

    def raw() -> Any:
        connection.ensure_connection()
        return connection.connection

    assert await call(raw) is await call(raw)


@pytest.mark.django_db(transaction=True)
async def test_connection_is_left_to_an_event_between_two_chunks(settings: Any) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 1}
    await Category.objects.abulk_create([Category(name=str(number)) for number in range(6)])
    names = []
    async with database_thread():
        async for category in Category.objects.order_by("id").aiterator(chunk_size=2):
            names.append(category.name)
            # Another event begins and ends in the same thread; the open cursor must survive it.
            await asyncio.create_task(call(Category.objects.count))
            await settled()
    assert names == ["0", "1", "2", "3", "4", "5"]


@pytest.mark.django_db(transaction=True)
async def test_broken_connection_is_replaced_although_another_event_uses_the_thread(
    settings: Any,
) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 1}

    def break_connection() -> None:
        connection.ensure_connection()
        connection.errors_occurred = True
        connection.is_usable = lambda: False  # type: ignore[method-assign]

    def restore() -> Any:
        del connection.is_usable  # type: ignore[attr-defined]
        return connection.connection

    async with database_thread():
        await sync_to_async(name_of_thread)()
        await call(break_connection)
        assert await sync_to_async(restore)() is None


@pytest.mark.django_db(transaction=True)
async def test_query_log_does_not_grow_for_ever_in_debug(settings: Any) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 1}
    settings.DEBUG = True

    def query() -> int:
        Category.objects.count()
        return len(connection.queries_log)

    assert await call(query) == await call(query) == 1


@pytest.mark.django_db(transaction=True)
async def test_shutdown_closes_the_connections_of_every_thread(settings: Any) -> None:
    open_connections: list[Any] = []

    def query() -> None:
        connection.ensure_connection()
        open_connections.append(connections["default"])

    async with database_thread():
        await sync_to_async(query)()
        assert open_connections[0].connection is not None
        await asyncio.to_thread(shutdown)
        assert open_connections[0].connection is None
    assert threads_alive() == []


# Transactions that are open between two calls


async def begin() -> Any:
    block = transaction.atomic()
    await sync_to_async(block.__enter__)()
    return block


def write(name: str) -> None:
    Category.objects.create(name=name)


async def written() -> list[str]:
    return await call(lambda: list(Category.objects.values_list("name", flat=True)))


@pytest.mark.django_db(transaction=True)
async def test_nobody_else_gets_the_thread_of_a_transaction_that_is_open(settings: Any) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 1}

    def is_in_transaction() -> bool:
        return connection.in_atomic_block

    async with database_thread():
        block = await begin()
        assert not await asyncio.create_task(call(is_in_transaction))
        assert await sync_to_async(is_in_transaction)()
        await sync_to_async(block.__exit__)(None, None, None)
    assert len(pools.current().threads) == 1


@asynccontextmanager
async def a_call_in_the_transaction_of_another_event() -> AsyncIterator[tuple[Any, Any]]:
    """Let an event write in the thread that it shares with one whose transaction is open."""
    bound, begun = asyncio.Event(), asyncio.Event()

    async def other() -> None:
        async with database_thread():
            await sync_to_async(name_of_thread)()
            bound.set()
            await begun.wait()
            await sync_to_async(write)("other")

    task = asyncio.create_task(other())
    await bound.wait()
    async with database_thread() as executor:
        block = await begin()
        begun.set()
        await until(lambda: executor.thread is not None and len(executor.thread.postponed) == 1)
        yield block, task


@pytest.mark.django_db(transaction=True)
async def test_whoever_shares_the_thread_waits_for_the_end_of_a_transaction(settings: Any) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 1}
    async with a_call_in_the_transaction_of_another_event() as (block, other):
        await sync_to_async(write)("mine")
        await sync_to_async(block.__exit__)(LookupError, LookupError(), None)
        await asyncio.wait_for(other, 10)
    assert await written() == ["other"]


@pytest.mark.django_db(transaction=True)
async def test_no_call_waits_for_a_transaction_at_the_end(settings: Any) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 1}
    async with a_call_in_the_transaction_of_another_event() as (_, other):
        await asyncio.to_thread(shutdown)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(other, 10)


@pytest.mark.django_db(transaction=True)
async def test_transaction_that_an_event_leaves_open_ends_with_it(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 1}
    async with database_thread():
        await begin()
        await sync_to_async(write)("lost")
    await call(lambda: write("kept"))
    assert await written() == ["kept"]
    assert caplog.messages == ["An event has left a transaction open; it was rolled back."]


@pytest.mark.django_db(transaction=True)
async def test_transaction_of_an_event_that_is_cancelled_as_it_begins_one_ends_with_it(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 1}
    free, started = threading.Event(), threading.Event()

    def begin_slowly() -> None:
        transaction.atomic().__enter__()
        started.set()
        assert free.wait(10)

    cancelled = asyncio.create_task(call(begin_slowly))
    await asyncio.to_thread(started.wait, 10)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    free.set()
    await call(lambda: write("kept"))
    assert await written() == ["kept"]
    assert len(caplog.messages) == 1


# The pool


async def test_pool_is_made_anew_when_the_setting_changes(settings: Any) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 2}
    before = pools.current()
    await call()
    settings.REFLEX_DRF = {"DATABASE_THREADS": 5}
    assert len(pools.current().threads) == 5
    before.join()
    assert len(threads_alive()) == 0


async def test_event_that_runs_while_the_setting_changes_keeps_its_thread(settings: Any) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": 2}
    old = pools.current()
    async with database_thread():
        name = await sync_to_async(name_of_thread)()
        settings.REFLEX_DRF = {"DATABASE_THREADS": 3}
        assert pools.current() is not old
        assert await sync_to_async(name_of_thread)() == name
    old.join()
    assert name not in threads_alive()


async def test_event_works_after_a_shutdown() -> None:
    await call()
    await asyncio.to_thread(shutdown)
    assert await call() == "reflex_drf-database-0_0"


@pytest.mark.django_db(transaction=True)
async def test_a_loop_that_goes_on_after_a_shutdown_has_nothing_left_to_close(
    settings: Any,
) -> None:
    settings.REFLEX_DRF = {"CONNECTION_SECONDS": 0.02}
    loop, errors = asyncio.get_running_loop(), list[Any]()
    loop.set_exception_handler(lambda loop, context: errors.append(context["message"]))
    await call(raw_connection)
    thread = pools.current().threads[0]
    await asyncio.to_thread(shutdown)
    await until(lambda: not thread.unswept)
    # The step that looked after it has ended, one way or the other.
    await asyncio.sleep(0)
    assert errors == []


async def test_event_open_during_a_shutdown_ends_without_an_error() -> None:
    async with database_thread() as executor:
        await sync_to_async(name_of_thread)()
        await asyncio.to_thread(shutdown)
    assert executor.thread is None


def test_pool_of_a_parent_process_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    parent = pools.current()
    monkeypatch.setattr("os.getpid", lambda: parent.process + 1)
    child = pools.current()
    assert child is not parent
    # A retired pool would refuse this: its threads belong to the other process.
    assert parent.threads[0].executor.submit(lambda: 7).result(10) == 7
    parent.join()


@pytest.mark.parametrize("size", [0, -1, "8", 2.5, None, True])
def test_senseless_number_of_threads_is_refused(settings: Any, size: Any) -> None:
    settings.REFLEX_DRF = {"DATABASE_THREADS": size}
    with pytest.raises(ConfigurationError, match=r"DATABASE_THREADS.*whole number"):
        pools.current()


def test_shutdown_without_a_pool_does_nothing() -> None:
    shutdown()
    assert pools.clear() is None
