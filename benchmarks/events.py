"""What an event costs: against a plain Reflex event, against HTTP, and against its bare queries.

"By driver" means on an event queue without a socket, in one process; "over the wire" means a real
websocket to a running production server.
"""

from __future__ import annotations

import asyncio
import importlib
import itertools
import sys
from collections.abc import AsyncIterator
from contextvars import copy_context
from typing import Any, ClassVar

import aiohttp
import httpx
import reflex as rx
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.http import HttpRequest
from reflex.app_mixins.middleware import MiddlewareMixin
from reflex.istate.manager.memory import StateManagerMemory
from reflex_base.event import Event
from reflex_base.event.processor import BaseStateEventProcessor
from reflex_base.utils.format import json_dumps

from benchmarks.data import DATABASE
from benchmarks.rows import FlatSerializer
from benchmarks.served import HERE, Served, served
from benchmarks.sockets import Wire
from benchmarks.table import Row, Work, time_pair
from reflex_drf.compiled import plain_data
from reflex_drf.testing import Tab, Worker, create_session
from tests.shop.models import Product

# As a browser sends them.
HEADERS = {
    "accept-encoding": "gzip, deflate, br",
    "accept-language": "en-US,en;q=0.9",
    "cache-control": "no-cache",
    "connection": "Upgrade",
    "origin": "http://testserver",
    "pragma": "no-cache",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-version": "13",
    "upgrade": "websocket",
}
PLAIN = "an event of Reflex alone"
COST = "by driver"
WIRE = "over the wire"


def find_states() -> Any:
    """Import the states of the served project, without a server."""
    sys.path.insert(0, str(HERE / "site"))
    return importlib.import_module("served.states")


class Silent:
    """What Reflex takes for the sockets of its browsers: writes what is to be sent, as JSON."""

    sid_to_token: ClassVar[dict[str, str]] = {}

    async def emit_update(self, update: Any, token: str) -> None:
        """Write what would be sent."""
        json_dumps(update)


class Plain:
    """Reflex's own event processor, with nothing of this package around it."""

    async def start(self) -> None:
        """Start it in a context of its own, as its events are to find no other processor."""
        self.processor = BaseStateEventProcessor(middleware=MiddlewareMixin())
        self.processor.configure(state_manager=StateManagerMemory(), event_namespace=Silent())  # type: ignore[abstract, arg-type]
        start = asyncio.get_running_loop().create_task(
            self.processor.start(), context=copy_context()
        )
        await start

    async def send(self, name: str, router_data: dict[str, Any]) -> None:
        """Queue an event and wait until it is done."""
        root = self.processor._root_context
        assert root is not None
        event = Event(name=name, payload={}, router_data={**router_data})
        await (await self.processor.enqueue("plain", event, root.fork(token="plain")))


def name_of(event: Any) -> str:
    """Give the full name of an event."""
    (message,) = Event.from_event_type(event)
    return message.name


def sender(worker: Worker, tab: Tab, event: Any) -> Work:
    """Give what queues an event of a tab, as the server does for one that comes by a socket."""
    name, router_data = name_of(event), tab.router_data

    async def send() -> None:
        message = Event(name=name, payload={}, router_data={**router_data})
        await (await worker.processor.enqueue(tab.token, message))

    return send


async def driver_rows() -> AsyncIterator[Row]:
    """Give the rows by driver."""
    states, user = find_states(), await User.objects.aget(username="viewer")
    plain = Plain()
    async with Worker(rx.App(enable_state=False)) as worker:
        worker.emit_update = Silent().emit_update  # type: ignore[method-assign]
        async with Tab(headers=HEADERS) as visitor, Tab(user=user, headers=HEADERS) as viewer:
            await plain.start()
            router_data = visitor.router_data
            counted, name = states.BridgedState.count_up, name_of(states.PlainState.count_up)

            async def plain_event() -> None:
                await plain.send(name, router_data)

            async def plain_and_queries() -> None:
                await plain_event()
                await sync_to_async(look_up)(viewer.cookies["sessionid"])

            event = sender(worker, visitor, counted)
            yield await row(f"event of a visitor, {COST}", PLAIN, event, plain_event, 2000, "≤ 1.2")
            event = sender(worker, viewer, counted)
            what = f"event of a logged-in user, {COST}"
            yield await row(
                what, f"{PLAIN} and its two queries in one hop", event, plain_and_queries, 500
            )
    yield await list_row()


async def list_row() -> Row:
    """Give the row of a list event by driver, on whichever database it is."""
    states, user = find_states(), await User.objects.aget(username="viewer")
    async with Worker() as worker, Tab(user=user, headers=HEADERS) as tab:
        worker.emit_update = Silent().emit_update  # type: ignore[method-assign]

        async def bare() -> None:
            await sync_to_async(read)(tab.cookies["sessionid"])

        event = sender(worker, tab, states.RowState.load)
        what = f"list event, 25 of 100,000 rows, {COST}, {connection.vendor}"
        against = "its queries and its rows, bare in a thread"
        return await row(what, against, event, bare, 300, "≤ 1.5")


async def row(what: str, against: str, ours: Work, other: Work, repeats: int, aim: str = "") -> Row:
    """Time an event whose cost is a multiple of something."""
    for _ in range(30):
        await ours()
        await other()
    return Row(what, against, *await time_pair(ours, other, repeats), aim=aim, cost=True)


def look_up(session: str) -> HttpRequest:
    """Find session and user, as Django's middleware does."""
    request = HttpRequest()
    request.session = SessionStore(session)
    request.user = get_user(request)
    assert request.user.is_authenticated
    return request


def read(session: str) -> Any:
    """Do with Django's own means what a list event comes to."""
    look_up(session)
    queryset = Product.objects.order_by("id")
    queryset.count()
    return plain_data(FlatSerializer(queryset[:25], many=True))


async def wire_rows() -> AsyncIterator[Row]:
    """Give the rows over the wire."""
    states, user = find_states(), await User.objects.aget(username="viewer")
    key = await sync_to_async(create_session)(user)
    async with (
        served(DATABASE) as server,
        aiohttp.ClientSession() as session,
        Wire(session, server.url, "theme=dark") as visitor,
        Wire(session, server.url, f"sessionid={key}") as viewer,
        client_of(server, key) as client,
    ):
        bridged, plain = map(name_of, (states.BridgedState.count_up, states.PlainState.count_up))
        outside = "one outside the bridge"

        yield await row(
            f"event of a visitor, {WIRE}",
            outside,
            lambda: visitor.send(bridged, "count"),
            lambda: visitor.send(plain, "count"),
            500,
            "≤ 1.2",
        )
        yield await row(
            f"event of a logged-in user, {WIRE}",
            outside,
            lambda: viewer.send(bridged, "count"),
            lambda: viewer.send(plain, "count"),
            500,
        )
        list_event, request = lists(viewer, client, states)
        # After its answer, a request over HTTP still ends a thread and its connections.
        times = await time_pair(list_event, request, 300, in_a_row=10)
        what = f"list event, 25 of 100,000 rows, {WIRE}"
        yield Row(what, "the same viewset of the same server over HTTP", *times, aim="≥ 3")


def lists(viewer: Wire, client: httpx.AsyncClient, states: Any) -> tuple[Work, Work]:
    """Give the work of a list event, and of the same request: one page and then the next."""
    turn = name_of(states.RowState.go_to_page(1))
    numbers = itertools.cycle((1, 2)), itertools.cycle((1, 2))

    async def list_event() -> None:
        rows = await viewer.send(turn, "data", page=next(numbers[0]))
        assert len(rows) == 25

    async def request() -> None:
        answer = await client.get("/api/rows/", params={"page": next(numbers[1])})
        assert len(answer.json()["results"]) == 25

    return list_event, request


def client_of(server: Served, session: str) -> httpx.AsyncClient:
    """Give a client that keeps its connection and is signed in."""
    return httpx.AsyncClient(base_url=server.url, cookies={"sessionid": session})
