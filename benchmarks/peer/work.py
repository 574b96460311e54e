"""What is timed on each side: the same work, in units that can take turns with another process.

A side reads names of work from its standard input and answers each with milliseconds.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import sync_to_async
from items import rows
from items.models import Item
from tabs import Enqueue, Switchboard, Tab

# Never the same twice, on whichever side.
COUNTER = itertools.count()


class Work:
    """The work of one side; `states` has the events by their names."""

    def __init__(self, enqueue: Enqueue, board: Switchboard, states: Any) -> None:
        self.enqueue, self.board, self.states = enqueue, board, states

    async def open(self, count: int, load: Any) -> list[Tab]:
        """Open tabs of the logged-in viewer, each with the list on its screen."""
        self.cookie = await sync_to_async(rows.cookie)()
        tabs = [Tab(self.enqueue, self.cookie) for _ in range(count)]
        for tab in tabs:
            self.board.connect(tab)
            await tab.send(load)
        return tabs

    async def prepare(self) -> None:
        """Open all tabs once."""
        self.tabs = await self.open(50, self.states.load)
        await self.check()
        self.visitor = Tab(self.enqueue)
        self.board.connect(self.visitor)
        self.followers: list[Tab] = []

    async def check(self) -> None:
        """Be sure that the events do what they say, before they are timed."""
        tab, count = self.tabs[0], await Item.objects.acount()
        tab.bytes = 0
        await tab.send(self.save())
        assert await Item.objects.acount() == count + 1, "a save is to create a row"
        assert tab.bytes > 4000, f"a save is to send the list, not {tab.bytes} bytes"

    # -- The units ----------------------------------------------------------------------------

    async def serializer(self) -> float:
        return await repeated(5, self.states.serialize)

    async def drf(self) -> float:
        return await repeated(5, self.states.serialize_by_drf)

    async def trivial(self) -> float:
        return await repeated(100, lambda: self.tabs[0].send(self.states.trivial))

    async def visitor_trivial(self) -> float:
        return await repeated(100, lambda: self.visitor.send(self.states.trivial))

    async def list_1(self) -> float:
        return await repeated(40, lambda: self.tabs[0].send(self.states.load))

    async def countless_1(self) -> float:
        return await repeated(40, lambda: self.tabs[0].send(self.states.countless))

    async def list_50(self) -> float:
        return await self.together(lambda tab: tab.send(self.states.load), rounds=3)

    async def save_1(self) -> float:
        return await repeated(20, lambda: self.tabs[0].send(self.save()))

    async def save_50(self) -> float:
        return await self.together(lambda tab: tab.send(self.save()), rounds=3)

    async def views_1(self) -> float:
        """Do what is a save with its list without an event, as this package does its requests."""
        return await repeated(20, lambda: self.states.call_views(self.cookie, self.sku()))

    async def slow_20(self) -> float:
        return 20 * await self.together(lambda tab: tab.send(self.states.slow), self.tabs[:20])

    async def live_200(self) -> float:
        """Have 200 tabs follow the list, write one row, and wait until all show it."""
        if not self.followers:
            self.followers = await self.open(200, self.states.watched)
            for tab in self.followers:
                await tab.start(self.states.follow)
            await asyncio.sleep(1)
        marker = f"Written {next(COUNTER)} {time.time_ns()}"
        found = [tab.wait_for(marker).wait() for tab in self.followers]
        # The newest row is on everybody's first page.
        newest = await Item.objects.order_by("-id").afirst()
        newest.name = marker
        start = time.perf_counter()
        await newest.asave()
        await asyncio.wait_for(asyncio.gather(*found), 15)
        return (time.perf_counter() - start) * 1000

    # -- How they are timed -------------------------------------------------------------------

    def save(self) -> Any:
        return self.states.save(self.sku())

    def sku(self) -> str:
        return f"{time.time_ns() % 10**13}-{next(COUNTER)}"

    async def together(
        self, work: Callable[[Tab], Any], tabs: list[Tab] | None = None, rounds: int = 1
    ) -> float:
        tabs = tabs or self.tabs

        async def once() -> None:
            await asyncio.gather(*(work(tab) for tab in tabs))

        return await repeated(rounds, once) / len(tabs)


async def repeated(count: int, work: Callable[[], Awaitable[Any]]) -> float:
    """Give the time of one, out of several in a row."""
    start = time.perf_counter()
    for _ in range(count):
        await work()
    return (time.perf_counter() - start) * 1000 / count


async def answer(work: Work) -> None:
    """Do what is asked for, line by line, until nothing more is asked."""
    await work.prepare()
    print(json.dumps({"ready": True}), flush=True)
    loop = asyncio.get_running_loop()
    while name := (await loop.run_in_executor(None, sys.stdin.readline)).strip():
        try:
            result: dict[str, Any] = {"ms": await getattr(work, name)()}
        except Exception as error:  # noqa: BLE001 - said to whoever asked
            result = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(result), flush=True)
