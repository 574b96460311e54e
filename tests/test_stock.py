"""A visitor's event makes its request when somebody asks for it, and not before."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest
import reflex as rx
from asgiref.sync import sync_to_async
from django.contrib import messages
from django.contrib.sessions.models import Session
from django.utils import translation
from django.utils.translation import gettext

from reflex_drf import bridge
from reflex_drf.bridge.chain import chains
from reflex_drf.bridge.phases import SESSION, Member
from reflex_drf.bridge.requests import EventRequest
from reflex_drf.bridge.visits import Visit, Visits
from reflex_drf.errors import NoRequestError
from reflex_drf.state import DjangoUserState
from reflex_drf.testing import Tab, create_session
from tests.bridge_chain import log
from tests.bridging import Viewer, sign_in

pytestmark = pytest.mark.django_db(transaction=True)


class QuietState(rx.State):
    count: int = 0
    seen: list[str] = []

    @rx.event
    def count_up(self) -> None:
        self.count += 1

    @rx.event
    def translate(self) -> None:
        self.seen.append(gettext("Monday"))

    @rx.event
    def ask_for_the_user(self) -> None:
        self.seen.append(f"{bridge.current_user()} {bridge.current_user().is_authenticated}")

    @rx.event
    async def write_into_the_mirror(self) -> None:
        mirror = await self.get_state(DjangoUserState)
        mirror.username = "somebody"

    @rx.event
    async def ask_twice(self) -> None:
        # In a thread and on the loop it is the same request.
        first = await sync_to_async(bridge.current_request)()
        self.seen.append(str(first is bridge.current_request()))

    @rx.event
    async def leave_a_task(self) -> None:
        later = asyncio.Event()

        async def query() -> str:
            await later.wait()
            try:
                return str(await sync_to_async(str)("done"))
            except RuntimeError as error:
                return str(error)

        tasks.append((later, asyncio.create_task(query())))


tasks: list[tuple[asyncio.Event, asyncio.Task[str]]] = []


class Made:
    def __init__(self) -> None:
        self.requests = self.phases = self.responses = 0


@contextmanager
def counted() -> Iterator[Made]:
    """Count the requests that are made for events, and the request phases that they go through."""
    made = Made()
    make, answer, finish = EventRequest.__init__, Member.answer, Member.finish

    def making(self: Any, *args: Any, **kwargs: Any) -> None:
        made.requests += 1
        make(self, *args, **kwargs)

    def answering(self: Member, request: Any) -> Any:
        made.phases += self.path == SESSION and isinstance(request, EventRequest)
        return answer(self, request)

    def finishing(self: Member, request: Any, response: Any) -> Any:
        made.responses += self.path == SESSION and isinstance(request, EventRequest)
        return finish(self, request, response)

    with (
        mock.patch.object(EventRequest, "__init__", making),
        mock.patch.object(Member, "answer", answering),
        mock.patch.object(Member, "finish", finishing),
    ):
        yield made


# What is made


@pytest.mark.parametrize("event", [QuietState.count_up, QuietState.ask_for_the_user])
async def test_an_event_that_reads_no_request_makes_none(event: Any) -> None:
    async with Tab() as tab:
        await tab.send(event)
        with counted() as made:
            await tab.send(event)
    assert (made.requests, made.phases) == (0, 0)


async def test_the_request_is_made_once_however_often_it_is_asked_for() -> None:
    async with Tab() as tab:
        await tab.send(QuietState.count_up)
        with counted() as made:
            await tab.send(QuietState.ask_twice)
        assert tab.get(QuietState, "seen") == ["True"]
    assert (made.requests, made.phases) == (1, 1)


async def test_a_session_cookie_makes_a_request_for_every_event() -> None:
    key = await sync_to_async(create_session)(cart=[1])
    async with Tab(cookies={"sessionid": key}) as tab:
        with counted() as made:
            await tab.send(QuietState.count_up)
            await tab.send(QuietState.count_up)
    assert (made.requests, made.phases) == (2, 2)


async def test_the_response_phase_is_run_only_where_there_is_something_to_save() -> None:
    key = await sync_to_async(create_session)(cart=[1])
    viewer = Viewer(f"sessionid={key}", key=key)

    async def buy() -> None:
        bridge.current_session()["cart"] = [1, 2]

    async def look() -> None:
        assert bridge.current_session()["cart"] == [1, 2]

    with counted() as made:
        await viewer.send(buy)
        assert made.responses == 1
        await viewer.send(look)
    assert made.responses == 1


async def test_a_middleware_of_the_project_sees_every_event(settings: Any) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.bridge_chain.Hooks"]
    async with Tab() as tab:
        log.clear()
        await tab.send(QuietState.count_up)
    assert [line.split()[:2] for line in log] == [["hooks", "in"], ["hooks", "out"]]


# What the handler finds


async def test_the_user_is_a_visitor() -> None:
    async with Tab() as tab:
        await tab.send(QuietState.ask_for_the_user)
        assert tab.get(QuietState, "seen") == ["AnonymousUser False"]


async def test_a_handler_translates_without_asking_for_the_request() -> None:
    async with Tab(headers={"accept-language": "de"}) as german, Tab() as english:
        for tab in (german, english, german):
            await tab.send(QuietState.translate)
        assert german.get(QuietState, "seen") == ["Montag", "Montag"]
        assert english.get(QuietState, "seen") == ["Monday"]


async def test_a_path_as_long_as_a_message_is_not_remembered_with_its_language() -> None:
    async with Tab(headers={"accept-language": "de"}) as tab:
        tab.path = "/" + "x" * 10_000
        await tab.send(QuietState.translate)
        await tab.send(QuietState.translate)
        assert tab.get(QuietState, "seen") == ["Montag", "Montag"]
        chain = chains.current(innermost=mock.AsyncMock())
        assert chain.stock is not None
        assert all(len(path) < 10_000 for _, _, path in chain.stock._languages)


async def test_each_event_of_a_user_has_the_language_of_its_own_request() -> None:
    viewer = await sync_to_async(sign_in)("ann")
    seen: list[Any] = []

    async def look() -> None:
        request: Any = bridge.current_request()
        threads = await sync_to_async(translation.get_language)()
        seen.append((request.LANGUAGE_CODE, translation.get_language(), threads, gettext("Monday")))

    for language in ("de", "en", "de", "de", "xx", "en"):
        await viewer.send(look, accept_language=language)
    german, english = ("de", "de", "de", "Montag"), ("en", "en", "en", "Monday")
    assert seen == [german, english, german, german, english, english]


@pytest.mark.parametrize("kind", ["fallback.FallbackStorage", "cookie.CookieStorage"])
async def test_a_user_is_told_once_whatever_storage_of_djangos_there_is(
    kind: str, settings: Any
) -> None:
    settings.MESSAGE_STORAGE = f"django.contrib.messages.storage.{kind}"
    viewer = await sync_to_async(sign_in)("ann")
    seen: list[list[str]] = []

    async def tell() -> None:
        messages.success(bridge.current_request(), "Saved.")

    async def look() -> None:
        seen.append([str(message) for message in bridge.current_messages()])

    for handler in (tell, look, look):
        await viewer.send(handler)
    assert seen == [["Saved."], []]


async def test_asking_for_the_request_leaves_the_handlers_own_language() -> None:
    seen: list[str] = []

    async def handler() -> None:
        with translation.override("de"):
            seen.append(str(bridge.current_request().LANGUAGE_CODE))  # type: ignore[attr-defined]
            seen.append(gettext("Monday"))

    await Viewer().send(handler, accept_language="en")
    assert seen == ["en", "Montag"]


async def test_a_language_left_in_the_servers_context_reaches_no_event() -> None:
    with translation.override("de"):
        async with Tab() as tab:
            await tab.send(QuietState.translate)
            assert tab.get(QuietState, "seen") == ["Monday"]


async def test_the_user_stays_the_same_when_the_request_is_made() -> None:
    users: list[Any] = []

    async def handler() -> None:
        users.append(bridge.current_user())
        users.append(await bridge.current_request().auser())
        users.append(bridge.current_user())

    await Viewer().send(handler)
    assert users[0] is users[1]
    assert not users[2].is_authenticated


async def test_the_mirror_shows_a_visitor_again_whatever_was_written_into_it() -> None:
    async with Tab() as tab:
        await tab.send(QuietState.write_into_the_mirror)
        assert tab.get(DjangoUserState, "username") == "somebody"
        await tab.send(QuietState.count_up)
        assert tab.get(DjangoUserState, "username") == ""


async def test_a_visitor_in_a_users_tab_is_noticed(django_user_model: Any) -> None:
    ann = await django_user_model.objects.acreate_user("ann")
    async with Tab(user=ann) as tab:
        await tab.send(QuietState.count_up)
        async with Tab(token=tab.token, hydrate=False) as stolen:
            await stolen.send(QuietState.count_up)
            assert stolen.deltas == []
        assert tab.get(QuietState, "count") == 1


# What it leaves behind


async def test_a_session_that_a_visitor_begins_is_saved() -> None:
    async def handler() -> None:
        bridge.current_session()["cart"] = [1]

    scope = await Viewer().send(handler)
    (session,) = [session async for session in Session.objects.all()]
    assert session.get_decoded() == {"cart": [1]}
    assert scope.cookies["sessionid"].value == session.session_key


async def test_a_session_of_a_failed_handler_is_not_saved() -> None:
    async def handler() -> None:
        bridge.current_session()["cart"] = [1]
        raise LookupError("late")

    with pytest.raises(LookupError, match="late"):
        await Viewer().send(handler)
    assert not await Session.objects.aexists()


async def test_a_cookie_set_without_asking_for_the_request_is_kept_for_the_browser() -> None:
    async def handler() -> None:
        bridge.current_response().set_cookie("theme", "dark")

    scope = await Viewer().send(handler)
    assert scope.cookies["theme"].value == "dark"


async def test_a_message_for_a_visitor_is_kept_for_the_browser() -> None:
    async def handler() -> None:
        messages.success(bridge.current_request(), "Welcome")

    scope = await Viewer().send(handler)
    cookie = f"messages={scope.cookies['messages'].value}"
    seen: list[str] = []

    async def later() -> None:
        seen.extend(str(message) for message in bridge.current_messages())

    await Viewer(cookie).send(later)
    assert seen == ["Welcome"]


async def test_nobody_finds_a_request_after_the_event() -> None:
    async def handler() -> None:
        found.append(asyncio.ensure_future(ask()))

    async def ask() -> Any:
        await ended.wait()
        return bridge.current_user()

    found: list[Any] = []
    ended = asyncio.Event()
    await Viewer().send(handler)
    ended.set()
    with pytest.raises(NoRequestError, match="has ended"):
        await found[0]


async def test_a_task_that_outlives_its_event_gets_no_thread_of_another() -> None:
    tasks.clear()
    async with Tab() as tab:
        await tab.send(QuietState.leave_a_task)
        later, task = tasks.pop()
        later.set()
        assert "has ended" in await task


# Visits


def router_data(**changes: Any) -> dict[str, Any]:
    headers = {"host": "testserver", "cookie": "a=1", **changes.pop("headers", {})}
    return {"asPath": "/shop?page=2#top", "ip": "10.0.0.7", **changes, "headers": headers}


def test_events_of_one_connection_and_page_share_a_visit() -> None:
    visits = Visits()
    assert visits.of("tab", router_data()) is visits.of("tab", router_data())


@pytest.mark.parametrize(
    "changes",
    [
        {"headers": {"cookie": "a=2"}},
        {"headers": {"authorization": "Token x"}},
        {"headers": {"accept-language": "de"}},
        {"asPath": "/"},
        {"ip": "10.0.0.8"},
    ],
)
def test_a_token_leads_to_nobody_elses_visit(changes: dict[str, Any]) -> None:
    visits = Visits()
    first = visits.of("tab", router_data())
    second = visits.of("tab", router_data(**changes))
    assert (first.META, first.credentials) != (second.META, second.credentials)
    assert visits.of("tab", router_data()).COOKIES == {"a": "1"}


def test_headers_that_a_handler_changes_do_not_change_the_visit() -> None:
    visits, data = Visits(), router_data()
    visit = visits.of("tab", data)
    data["headers"]["cookie"] = "a=forged"
    assert visit.request().COOKIES == {"a": "1"}
    assert visits.of("tab", data) is not visit


def test_a_closed_connection_is_forgotten() -> None:
    visits = Visits()
    visit = visits.of("tab", router_data())
    visits.forget("tab")
    assert visits.of("tab", router_data()) is not visit


def test_visits_of_connections_that_never_end_are_bounded(monkeypatch: Any) -> None:
    monkeypatch.setattr("reflex_drf.bridge.visits.MOST", 3)
    visits = Visits()
    for number in range(10):
        visits.of(str(number), router_data())
    assert len(visits) <= 3


def test_each_request_of_a_visit_is_its_own() -> None:
    visit = Visit(router_data()["headers"], "10.0.0.7", "/shop?page=2")
    first, second = visit.request(), visit.request()
    first.COOKIES["a"] = first.META["HTTP_COOKIE"] = "changed"
    assert (second.COOKIES, second.META["HTTP_COOKIE"]) == ({"a": "1"}, "a=1")
    assert second.get_full_path() == "/shop?page=2"


def test_cookies_of_since_the_handshake_replace_those_of_it() -> None:
    visit = Visit(router_data(headers={"cookie": "a=1; b=2; c="})["headers"], "", "/")
    given = visit.given({"a": "3", "b": ""})
    assert given.COOKIES == {"a": "3", "c": ""}
    assert given.credentials == visit.credentials
