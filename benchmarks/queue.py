"""What is timed: ours, and the same work done without us."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator

import httpx
import reflex as rx
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from benchmarks.data import DATABASE
from benchmarks.states import BridgedState, PlainState, ProductListState
from benchmarks.table import Row, Work, time_pair
from reflex_drf.testing import Tab, Worker, create_session


async def event_rows() -> AsyncIterator[Row]:
    """Give the rows about events, on an event queue without a socket."""
    async with Worker(rx.App(enable_state=False)):
        async for what, against, ours, theirs, repeats in event_figures():
            yield Row(what, against, *await time_pair(ours, theirs, repeats))


async def event_figures() -> AsyncIterator[tuple[str, str, Work, Work, int]]:
    user = await User.objects.aget(username="viewer")
    async with Tab() as visitor, Tab(user=user) as viewer:

        async def plain_event() -> object:
            return await visitor.send(PlainState.count_up)

        async def visitor_event() -> object:
            return await visitor.send(BridgedState.read_user)

        async def viewer_event() -> object:
            return await viewer.send(BridgedState.read_user)

        async def list_event() -> object:
            return await viewer.send(ProductListState.load)

        other = "an event of a state without the bridge"
        yield "event of a visitor without a session", other, visitor_event, plain_event, 300
        yield "event of a logged-in user", other, viewer_event, plain_event, 300
        async for request in http_list(user):
            yield "list event, 10 of 10,000 rows", "the same over HTTP", list_event, request, 50


async def http_list(user: User) -> AsyncIterator[Work]:
    """Serve the same project on loopback and give the same list request, with a kept connection."""
    key = await sync_to_async(create_session)(user)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uvicorn", "benchmarks.server:app"),
        *("--port", str(port), "--log-level", "error"),
        env={**os.environ, "BENCHMARK_DATABASE": str(DATABASE)},
    )
    base = f"http://127.0.0.1:{port}"
    transport = httpx.AsyncHTTPTransport(retries=8)
    async with httpx.AsyncClient(
        base_url=base, cookies={"sessionid": key}, transport=transport
    ) as client:

        async def request() -> object:
            response = await client.get("/api/products/")
            response.raise_for_status()
            return response.json()

        yield request
    server.terminate()
    await server.wait()
