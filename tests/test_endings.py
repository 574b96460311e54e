"""A handler that has returned keeps its work, also where the page is left before it is stored."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import reflex as rx
from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponseBase
from reflex.istate.manager.memory import StateManagerMemory
from reflex.state import StateUpdate

from reflex_drf.state.user import AppState
from reflex_drf.testing import Sent, Tab, Worker
from tests.signing import fetch_cookies, scripts

pytestmark = pytest.mark.django_db(transaction=True)
gates: dict[str, asyncio.Event] = {}


class LeavingState(AppState):
    seen: list[str] = []

    @rx.event
    def sync(self) -> Any:
        self.session["step"] = "sync"
        return rx.redirect("/next")

    @rx.event
    async def asynchronous(self) -> Any:
        self.session["step"] = "asynchronous"
        return [rx.redirect("/next"), LeavingState.look]

    @rx.event
    def generator(self) -> Generator[Any, None, Any]:
        self.session["step"] = "generator"
        yield
        return rx.redirect("/next")

    @rx.event
    async def async_generator(self) -> AsyncGenerator[Any]:
        self.session["step"] = "async_generator"
        yield rx.redirect("/next")

    @rx.event(background=True)
    async def background(self) -> Any:
        self.session["step"] = "background"
        return rx.redirect("/next")

    @rx.event
    async def sign_in(self) -> Any:
        await self.login("ann", "pw")
        self.session["step"] = "sign_in"
        gates["returned"].set()

    @rx.event
    async def go_and_wait(self) -> AsyncGenerator[Any]:
        self.session["step"] = "unfinished"
        yield rx.redirect("/next")
        gates["entered"].set()
        await gates["never"].wait()

    @rx.event
    async def wait(self) -> None:
        self.session["step"] = "unfinished"
        gates["entered"].set()
        await gates["never"].wait()

    @rx.event
    def look(self) -> None:
        self.seen.append(self.session.get("step", "nothing"))

    @rx.event
    def nothing(self) -> None:
        """Have nothing to store."""


KINDS = ["sync", "asynchronous", "generator", "async_generator", "background"]


class Leaver(Tab):
    """A browser that is on the next page the moment it hears of it, which ends the former load."""

    leaving: Sent | None = None

    def receive(self, update: StateUpdate) -> None:
        super().receive(update)
        if self.leaving is not None and any(e.name == "_redirect" for e in update.events):
            self.leaving.cancel()

    async def leave(self, event: Any) -> None:
        """Send an event, and wait for its end although it was cancelled."""
        self.leaving = await self.start(event)
        await self.leaving.join()


class Slow(StateManagerMemory):
    """A store of states that takes its time, as one in another process does."""

    @asynccontextmanager
    async def modify_state_with_links(self, *args: Any, **context: Any) -> AsyncIterator[Any]:
        async with super().modify_state_with_links(*args, **context) as state:
            yield state
            await turns()


class Saving:
    """Holds what saves a session in its thread until the loop says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.loop = asyncio.get_running_loop()
        self.begun, self.go = asyncio.Event(), threading.Event()
        self._save = SessionStore.save
        monkeypatch.setattr(SessionStore, "save", lambda store, **kw: self.hold(store, **kw))

    def hold(self, store: SessionStore, **options: Any) -> None:
        self.loop.call_soon_threadsafe(self.begun.set)
        self.go.wait(10)
        self._save(store, **options)


def lasting(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """A middleware of the project's own, with a response phase on the loop."""

    async def middleware(request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = await get_response(request)
        if "answered" in gates:
            gates["answering"].set()
            await gates["answered"].wait()
        return response

    middleware._is_coroutine = True  # type: ignore[attr-defined]
    return middleware


lasting.async_capable, lasting.sync_capable = True, False  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def ann() -> Any:
    gates.clear()
    gates.update({name: asyncio.Event() for name in ("entered", "never", "returned")})
    return get_user_model().objects.create_user("ann", password="pw")


async def steps() -> list[str]:
    """Give what is stored in sessions, save for the tickets that lead to cookies."""
    stored = [row.get_decoded() async for row in Session.objects.all()]
    return [data["step"] for data in stored if "step" in data]


async def turns() -> None:
    """Give the loop the turns that Reflex takes from a cancelled future to its task."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize("manager", [StateManagerMemory, Slow])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_redirect_does_not_cost_the_session(kind: str, manager: Any) -> None:
    async with Worker(state_manager=manager()), Leaver() as tab:
        await tab.leave(getattr(LeavingState, kind))
        await tab.send(LeavingState.nothing)
        assert await steps() == [kind]
        # What it has chained belongs to the page that was left.
        assert tab.get(LeavingState, "seen") == []
        await tab.send(LeavingState.look)
        assert tab.get(LeavingState, "seen") == [kind]
        await fetch_cookies(tab)
        assert "sessionid" in tab.cookies


@pytest.mark.parametrize("middleware", [[], ["tests.test_endings.lasting"]])
async def test_a_login_is_told_although_the_page_is_left(
    middleware: list[str], settings: Any
) -> None:
    settings.MIDDLEWARE = [*middleware, *settings.MIDDLEWARE]
    async with Tab() as tab:
        sent = await tab.start(LeavingState.sign_in)
        await gates["returned"].wait()
        sent.cancel()
        # As a second navigation does.
        sent.cancel()
        await tab.send(LeavingState.nothing)
        assert len(scripts(tab)) == 1
        await fetch_cookies(tab)
        await tab.send(LeavingState.look)
        assert tab.get(LeavingState, "seen") == ["sign_in"]


async def test_a_session_being_stored_reaches_the_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Tab() as tab:
        saving = Saving(monkeypatch)
        sent = await tab.start(LeavingState.sync)
        await saving.begun.wait()
        sent.cancel()
        await turns()
        saving.go.set()
        await tab.send(LeavingState.nothing)
        assert await steps() == ["sync"]
        assert len(scripts(tab)) == 1


@pytest.mark.parametrize("handler", ["wait", "go_and_wait"])
async def test_a_handler_that_was_still_at_work_stores_nothing(handler: str) -> None:
    async with Leaver() as tab:
        sent = await tab.start(getattr(LeavingState, handler))
        await gates["entered"].wait()
        sent.cancel()
        await tab.send(LeavingState.look)
        assert tab.get(LeavingState, "seen") == ["nothing"]
        assert await steps() == []
        assert not scripts(tab)


async def test_an_event_that_did_not_begin_does_not() -> None:
    async with Tab() as tab:
        first = await tab.start(LeavingState.wait)
        second = await tab.start(LeavingState.sync)
        await gates["entered"].wait()
        second.cancel()
        first.cancel()
        await tab.send(LeavingState.look)
        assert tab.get(LeavingState, "seen") == ["nothing"]


async def test_the_end_of_the_server_waits_for_no_middleware(settings: Any) -> None:
    settings.MIDDLEWARE = ["tests.test_endings.lasting", *settings.MIDDLEWARE]
    async with Worker() as worker, Tab() as tab:
        gates.update(answering=asyncio.Event(), answered=asyncio.Event())
        sent = await tab.start(LeavingState.sync)
        await gates["answering"].wait()
        sent.cancel()
        await turns()
        assert worker.processor._tasks
    assert not worker.processor._tasks
    assert not worker.processor._returned
