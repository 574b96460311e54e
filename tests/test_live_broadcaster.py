"""Subscribers get the changes of their model, on their loop, and never too many."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar

import pytest

from reflex_drf.live import LiveBroadcaster, ModelChange, live_broadcaster
from reflex_drf.live.broadcaster import QUEUE_SIZE
from reflex_drf.live.changes import unknown_rows

CHANGE = ModelChange(model_label="shop.product", action="updated", pk=42)
marked: ContextVar[str] = ContextVar("marked", default="nobody")


@pytest.fixture
def broadcaster() -> LiveBroadcaster:
    return LiveBroadcaster()


async def test_the_broadcaster_of_a_process_is_one() -> None:
    queue = live_broadcaster().subscribe("shop.product")
    try:
        live_broadcaster().publish(CHANGE)
        assert await queue.get() == CHANGE
    finally:
        live_broadcaster().unsubscribe("shop.product", queue)
    assert live_broadcaster().count("shop.product") == 0


async def test_each_subscriber_gets_the_changes_of_his_model(broadcaster: LiveBroadcaster) -> None:
    first, second = broadcaster.subscribe("shop.product"), broadcaster.subscribe("shop.product")
    other = broadcaster.subscribe("shop.task")
    broadcaster.publish(CHANGE)
    assert (await first.get(), await second.get()) == (CHANGE, CHANGE)
    assert other.empty()


async def test_whoever_has_left_gets_nothing(broadcaster: LiveBroadcaster) -> None:
    queue = broadcaster.subscribe("shop.product")
    broadcaster.unsubscribe("shop.product", queue)
    broadcaster.unsubscribe("shop.product", queue)
    broadcaster.publish(CHANGE)
    assert queue.empty()
    assert broadcaster.labels == []


async def test_a_change_from_another_thread_arrives_on_the_loop(
    broadcaster: LiveBroadcaster,
) -> None:
    queue = broadcaster.subscribe("shop.product")
    thread = threading.Thread(target=broadcaster.publish, args=(CHANGE,))
    thread.start()
    assert await asyncio.wait_for(queue.get(), 5) == CHANGE
    thread.join()


async def test_a_queue_that_nobody_empties_is_bounded(broadcaster: LiveBroadcaster) -> None:
    queue = broadcaster.subscribe("shop.product")
    for pk in range(QUEUE_SIZE + 1):
        broadcaster.publish(ModelChange("shop.product", "updated", pk))
    assert queue.qsize() == 1
    assert queue.get_nowait() == unknown_rows("shop.product")


async def test_what_a_busy_loop_has_not_taken_is_bounded(broadcaster: LiveBroadcaster) -> None:
    queue = broadcaster.subscribe("shop.product")
    scheduled: list[object] = []

    def write() -> None:
        for pk in range(QUEUE_SIZE * 3):
            broadcaster.publish(ModelChange("shop.product", "updated", pk))

    thread = threading.Thread(target=write)
    thread.start()
    # Not awaited: the loop is busy all the time.
    thread.join()
    loop = asyncio.get_running_loop()
    scheduled.extend(loop._ready)  # type: ignore[attr-defined]
    assert len(scheduled) < 10
    assert await asyncio.wait_for(queue.get(), 5) == unknown_rows("shop.product")
    assert queue.qsize() < QUEUE_SIZE


def test_a_loop_that_has_ended_gets_nothing(broadcaster: LiveBroadcaster) -> None:
    async def subscribe() -> asyncio.Queue[ModelChange]:
        return broadcaster.subscribe("shop.product")

    queue = asyncio.run(subscribe())
    broadcaster.publish(CHANGE)
    assert queue.empty()


async def test_a_listener_is_called_in_the_thread_that_publishes(
    broadcaster: LiveBroadcaster,
) -> None:
    threads: list[int] = []

    def listener(change: ModelChange) -> None:
        threads.append(threading.get_ident())

    broadcaster.listen("shop.product", listener, asyncio.get_running_loop())
    await asyncio.to_thread(broadcaster.publish, CHANGE)
    broadcaster.unlisten("shop.product", listener)
    broadcaster.publish(CHANGE)
    assert len(threads) == 1
    assert threads[0] != threading.get_ident()


async def test_demand_follows_the_first_and_the_last() -> None:
    told: list[int] = []
    broadcaster = LiveBroadcaster(lambda loop, by: told.append(by))
    queue = broadcaster.subscribe("shop.product")
    broadcaster.unsubscribe("shop.product", queue)
    broadcaster.unsubscribe("shop.product", queue)
    assert told == [1, -1]


async def test_after_a_gap_everybody_on_the_loop_is_told(broadcaster: LiveBroadcaster) -> None:
    first, second = broadcaster.subscribe("shop.product"), broadcaster.subscribe("shop.task")
    broadcaster.resync(asyncio.get_running_loop())
    assert await first.get() == unknown_rows("shop.product")
    assert await second.get() == unknown_rows("shop.task")


async def test_nothing_of_the_publishers_context_comes_along(broadcaster: LiveBroadcaster) -> None:
    seen: list[str] = []
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def look() -> None:
        seen.append(marked.get())
        done.set()

    from reflex_drf.live.broadcaster import call_in

    token = marked.set("alice")
    try:
        call_in(loop, look)
        await asyncio.to_thread(call_in, loop, look)
        await done.wait()
    finally:
        marked.reset(token)
    assert seen[0] == "nobody"
    assert set(seen) == {"nobody"}
