"""How fast a change reaches many open tabs, and what a burst of changes costs.

`python -m benchmarks.live` prints the figures. The tabs are those of `reflex_drf.testing`: the
whole way of an event but for the socket, on one event loop of one process.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from benchmarks.data import prepare

if TYPE_CHECKING:
    from reflex_drf.live import ModelChange

TABS = 200
CHANGES = 1000


def write(publish: Callable[[list[ModelChange]], None]) -> float:
    """Tell of changes one by one, in a thread as a database does, and give how long it took."""
    from reflex_drf.live import ModelChange

    start = time.perf_counter()
    for number in range(CHANGES):
        publish([ModelChange("shop.product", "updated", number % 50)])
    return time.perf_counter() - start


async def measure() -> list[str]:
    """Open the tabs, write one row, then a thousand within a second."""
    from benchmarks.live_states import LiveProductState
    from reflex_drf.live.relay import publish
    from reflex_drf.testing import Tab, Worker
    from tests.counting import count_queries
    from tests.shop.models import Product

    async with AsyncExitStack() as stack:
        worker = await stack.enter_async_context(Worker())
        tabs = [await stack.enter_async_context(Tab()) for _ in range(TABS)]
        for tab in tabs:
            await tab.send(LiveProductState.live_subscribe)
        await worker.settle()
        row = await Product.objects.afirst()
        with count_queries() as queries:
            start = time.perf_counter()
            await row.asave()
            await worker.settle()
            one = time.perf_counter() - start
        saved = len(queries)
        LiveProductState.refreshes = 0
        start = time.perf_counter()
        said = await asyncio.to_thread(write, publish)
        await worker.settle()
        burst = time.perf_counter() - start
    return [
        f"one save to {TABS} tabs: {one:.2f} s, {saved} queries",
        f"{CHANGES} changes in {said:.2f} s to {TABS} tabs: "
        f"{LiveProductState.refreshes / TABS:.1f} refreshes for each, done after {burst:.2f} s",
    ]


if __name__ == "__main__":
    prepare()
    print("\n".join(asyncio.run(measure())))
