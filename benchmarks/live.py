"""How fast a change reaches many open tabs, and what a burst of changes costs.

`python -m benchmarks.live` prints the figures. The tabs are those of `reflex_drf.testing`: the
whole way of an event but for the socket, on one event loop of one process.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.data import prepare

if TYPE_CHECKING:
    from reflex_drf.live import ModelChange
    from reflex_drf.testing import Tab, Worker

TABS = 200
CHANGES = 1000
# How often one save is timed.
ROUNDS = 5
# The tabs of a visitor, and of one user in as many browsers.
KINDS = ("visitors", "tabs of one user", "users")


@dataclass(frozen=True)
class Burst:
    """What many changes within a second have cost."""

    # Seconds that the writing took, and until the last tab was up to date.
    written: float
    done: float
    # Of one tab, the most; and of all tabs together.
    refreshes: int
    reads: int


async def find_users(kind: str, count: int) -> list[Any]:
    """Give whose the tabs are."""
    from django.contrib.auth.models import User

    if kind == "visitors":
        return [None] * count
    if kind == "tabs of one user":
        user, _ = await User.objects.aget_or_create(username="viewer")
        return [user] * count
    return [(await User.objects.aget_or_create(username=f"user {n}"))[0] for n in range(count)]


@asynccontextmanager
async def open_tabs(kind: str, count: int = TABS) -> AsyncIterator[tuple[Worker, list[Tab]]]:
    """Open tabs that all look at the same list."""
    from benchmarks.live_states import LiveProductState
    from reflex_drf.testing import Tab, Worker

    users = await find_users(kind, count)
    async with AsyncExitStack() as stack:
        worker = await stack.enter_async_context(Worker())
        tabs = [await stack.enter_async_context(Tab(user)) for user in users]
        for tab in tabs:
            await tab.send(LiveProductState.live_subscribe)
        await worker.settle()
        yield worker, tabs


@contextmanager
def counted_reads() -> Iterator[list[int]]:
    """Count how often the viewset makes a list."""
    from tests.shop.views import ProductViewSet

    original, reads = ProductViewSet.list, [0]

    def counting(self: Any, *args: Any, **kwargs: Any) -> Any:
        reads[0] += 1
        return original(self, *args, **kwargs)

    ProductViewSet.list = counting
    try:
        yield reads
    finally:
        ProductViewSet.list = original


async def one_save(worker: Worker) -> tuple[float, int]:
    """Give the seconds until one save has reached all tabs, the median, and its queries."""
    from tests.counting import count_queries
    from tests.shop.models import Product

    row = await Product.objects.order_by("-pk").afirst()
    assert row is not None
    times = []
    for number in range(ROUNDS):
        # As after a pause, in which nothing has happened.
        await asyncio.sleep(0.5)
        row.name = f"Product {number}"
        start = time.perf_counter()
        await row.asave()
        await worker.settle()
        times.append(time.perf_counter() - start)
    await asyncio.sleep(0.5)
    with count_queries() as queries:
        await row.asave()
        await worker.settle()
    return statistics.median(times), len(queries)


def write(publish: Callable[[list[ModelChange]], None]) -> float:
    """Tell of changes one by one, evenly over a second, and give how long it took."""
    from reflex_drf.live import ModelChange

    start = time.perf_counter()
    for number in range(CHANGES):
        publish([ModelChange("shop.product", "updated", number % 50)])
        if (ahead := start + number / CHANGES - time.perf_counter()) > 0:
            time.sleep(ahead)
    return time.perf_counter() - start


async def burst(worker: Worker, tabs: list[Tab]) -> Burst:
    """Publish a thousand changes within a second."""
    from benchmarks.live_states import LiveProductState
    from reflex_drf.live.relay import publish

    await asyncio.sleep(0.5)
    LiveProductState.refreshes.clear()
    start = time.perf_counter()
    with counted_reads() as reads:
        written = await asyncio.to_thread(write, publish)
        await worker.settle()
    done = time.perf_counter() - start
    return Burst(written, done, max(LiveProductState.refreshes.values()), reads[0])


async def measure(count: int = TABS) -> list[str]:
    """Open the tabs, write one row, then a thousand within a second."""
    lines = []
    for kind in KINDS:
        async with open_tabs(kind, count) as (worker, tabs):
            seconds, queries = await one_save(worker)
            heavy = await burst(worker, tabs)
        lines += [
            f"{count} {kind}: one save after {seconds:.3f} s, {queries} queries",
            f"{count} {kind}: {CHANGES} changes in {heavy.written:.2f} s, done after "
            f"{heavy.done:.2f} s: {heavy.refreshes} refreshes for each tab at most, "
            f"{heavy.reads} reads in all",
        ]
    return lines


if __name__ == "__main__":
    prepare()
    print("\n".join(asyncio.run(measure())))
