"""Tabs follow what happens to their session and their user, whoever did it and wherever."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator
from http.cookies import SimpleCookie
from typing import Any, ClassVar

import pytest
import reflex as rx
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import transaction
from django.test import AsyncClient, override_settings

from reflex_drf.bridge import current_response
from reflex_drf.bridge.fingerprints import fingerprint
from reflex_drf.live import followers
from reflex_drf.live.changes import ModelChange
from reflex_drf.live.followers import Followers
from reflex_drf.live.relay import live_broadcaster, publish
from reflex_drf.live.sessions import SESSION, USER
from reflex_drf.state.user import AppState
from reflex_drf.testing import Sent, Tab, Worker
from tests.living import Cable
from tests.test_auth_session import SignInState

pytestmark = pytest.mark.django_db(transaction=True)
User: Any = get_user_model()
DROPPED = "window.sessionStorage.removeItem('token')"
ASKED = "__reflex_drf_follow?.()"


class BakingState(rx.State):
    @rx.event
    def bake(self) -> None:
        current_response().set_cookie("flavour", "pear")


@pytest.fixture
def ann() -> Any:
    return User.objects.create_user("ann", password="pw")


@pytest.fixture
def bob() -> Any:
    return User.objects.create_user("bob", password="pw")


def told(tab: Tab) -> list[str]:
    """What the server has told a tab since it was last cleared."""
    codes = [str(payload.get("javascript_code", "")) for _, payload in tab.events]
    return [name for code in codes for name, part in KINDS.items() if part in code]


KINDS = {"dropped": DROPPED, "asked": ASKED}


async def reach(condition: Callable[[], object]) -> None:
    """Wait for what other threads and timers bring about."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - nothing says when
            await asyncio.sleep(0.01)


async def settle(*tabs: Tab) -> None:
    for worker in {tab.worker for tab in tabs}:
        await worker.settle()


def delete_session(tab: Tab) -> None:
    Session.objects.get(pk=tab.cookies["sessionid"]).delete()


def delete_sessions_of_all(tab: Tab) -> None:
    Session.objects.all().delete()


def flush_session(tab: Tab) -> None:
    SessionStore(tab.cookies["sessionid"]).flush()


def change_password(tab: Tab) -> None:
    user = User.objects.get(username="ann")
    user.set_password("other")
    user.save()


def deactivate(tab: Tab) -> None:
    user = User.objects.get(username="ann")
    user.is_active = False
    user.save(update_fields=["is_active"])


def delete_user(tab: Tab) -> None:
    User.objects.get(username="ann").delete()


ENDS = [
    delete_session,
    delete_sessions_of_all,
    flush_session,
    change_password,
    deactivate,
    delete_user,
]


@pytest.mark.parametrize("end", ENDS)
async def test_a_tab_is_emptied_when_its_session_ends_on_the_server(
    ann: Any, bob: Any, end: Any
) -> None:
    async with Tab(user=ann) as tab, Tab(user=bob) as other, Tab() as visitor:
        await tab.send(SignInState.look)
        for each in (tab, other, visitor):
            each.clear()
        await sync_to_async(end)(tab)
        await settle(tab)
        # A changed password also ends the session, with which the tab is asked once more.
        assert set(told(tab)) == {"dropped"}
        # No var of the former user is sent any more.
        assert tab.deltas == []
        assert told(visitor) == []
        if end is not delete_sessions_of_all:
            assert told(other) == []


async def test_a_sign_out_on_a_page_of_django_reaches_every_tab_of_the_browser(ann: Any) -> None:
    async with Tab(user=ann) as tab, Tab(cookies=tab.cookies) as beside, Tab(user=ann) as elsewhere:
        for each in (tab, beside, elsewhere):
            each.clear()
        client = AsyncClient()
        client.cookies["sessionid"] = tab.cookies["sessionid"]
        await client.alogout()
        await settle(tab)
        assert told(tab) == ["dropped"]
        assert told(beside) == ["dropped"]
        # Another browser has a session of its own.
        assert told(elsewhere) == []


async def test_what_is_rolled_back_reaches_nobody(ann: Any) -> None:
    def undo() -> None:
        with transaction.atomic():
            deactivate(tab)
            delete_session(tab)
            transaction.set_rollback(True)

    async with Tab(user=ann) as tab:
        tab.clear()
        await sync_to_async(undo)()
        await settle(tab)
        assert told(tab) == []


async def test_a_change_that_ends_nothing_leaves_the_tab_alone(ann: Any) -> None:
    def rename() -> None:
        ann.first_name = "Ann"
        ann.save()

    async with Tab(user=ann) as tab:
        await tab.send(SignInState.look)
        tab.clear()
        await sync_to_async(rename)()
        await settle(tab)
        assert told(tab) == ["asked"]
        assert tab.get(SignInState, "result").startswith("ann")


async def test_a_visitor_whose_session_gets_another_key_looks_for_it(ann: Any) -> None:
    """A sign-in on a page of Django's: only the browser knows its new cookie."""
    async with Tab(session={"cart": 1}) as tab:
        tab.clear()
        await sync_to_async(SessionStore(tab.cookies["sessionid"]).cycle_key)()
        await settle(tab)
        assert told(tab) == ["asked"]


async def test_a_session_that_ends_by_itself_is_noticed(
    ann: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followers, "remaining", lambda request: -0.9)
    async with Tab(user=ann) as tab:
        await sync_to_async(Session.objects.update)(expire_date="2020-01-01T00:00:00Z")
        tab.clear()
        await reach(lambda: told(tab))
        assert told(tab) == ["dropped"]


async def test_the_end_of_a_session_is_known_to_the_tab(ann: Any) -> None:
    async with Tab(user=ann) as tab:
        (follower,) = Followers.of(tab.worker.processor)._tabs.values()
        assert follower.expiry is not None
        lasts = follower.expiry.when() - asyncio.get_running_loop().time()
        assert 1209590 < lasts < 1209610


async def test_several_changes_are_one_question(ann: Any) -> None:
    # At once, whatever else the machine does: what is far apart is asked about again.
    @transaction.atomic
    def save() -> None:
        for name in "abc":
            ann.first_name = name
            ann.save()

    async with Tab(user=ann) as tab:
        tab.clear()
        await sync_to_async(save)()
        await settle(tab)
        assert told(tab) == ["asked"]


async def test_an_event_that_ends_meanwhile_does_not_take_the_question_back(ann: Any) -> None:
    async with Tab(user=ann) as tab:
        tab.clear()
        publish([ModelChange(USER, "updated", str(ann.pk))])
        # It brings the tab a cookie, and may have begun before the change.
        await tab.send(BakingState.bake)
        await settle(tab)
        assert told(tab) == ["asked"]


async def test_a_new_connection_follows_its_new_session(ann: Any, bob: Any) -> None:
    async with Tab(user=ann) as tab:
        old = tab.cookies["sessionid"]
        await tab.log_in(bob)
        await tab.reconnect()
        tab.clear()
        await sync_to_async(Session.objects.filter(pk=old).delete)()
        await sync_to_async(deactivate)(tab)
        await settle(tab)
        assert told(tab) == []
        await sync_to_async(delete_session)(tab)
        await settle(tab)
        assert told(tab) == ["dropped"]


async def test_nothing_is_left_of_tabs_that_are_closed(ann: Any) -> None:
    async with Worker() as worker:
        async with Tab(user=ann) as tab, Tab(cookies=tab.cookies), Tab():
            found = Followers.of(worker.processor)
            assert len(found) == 2
            assert live_broadcaster().count(SESSION) == 1
            await tab.reconnect()
            assert len(found) == 2
            await sync_to_async(deactivate)(tab)
        assert (len(found), found._names) == (0, {})
        assert live_broadcaster().count(SESSION) == 0
        assert live_broadcaster().count(USER) == 0


class CookieState(AppState):
    """Sets a cookie, and waits before it ends."""

    started: ClassVar[asyncio.Event]
    waits: ClassVar[asyncio.Event]

    @rx.event
    async def choose(self) -> None:
        response: Any = current_response()
        response.set_cookie("choice", uuid.uuid4().hex)
        self.started.set()
        await self.waits.wait()

    @rx.event(background=True)
    async def choose_in_background(self) -> None:
        await CookieState.choose.fn(self)

    @rx.event
    async def take(self, files: list[rx.UploadFile]) -> None:
        response: Any = current_response()
        response.set_cookie("choice", uuid.uuid4().hex)


async def begin(tab: Tab, event: Any) -> Sent:
    CookieState.started, CookieState.waits = asyncio.Event(), asyncio.Event()
    sent = await tab.start(event)
    await CookieState.started.wait()
    return sent


async def test_nothing_is_left_of_a_tab_that_is_closed_during_an_event(ann: Any) -> None:
    async with Worker() as worker, Tab(user=ann) as tab:
        sent = await begin(tab, CookieState.choose)
        tab.disconnect()
        CookieState.waits.set()
        await sent.join()
        assert len(Followers.of(worker.processor)) == 0
        assert worker.processor._overlay.of(tab.token, tab.sid) == {}


async def test_an_event_of_a_former_connection_changes_nothing_of_the_next(ann: Any) -> None:
    async with Tab(user=ann) as tab:
        sent = await begin(tab, CookieState.choose_in_background)
        await tab.reconnect()
        overlay = tab.worker.processor._overlay
        overlay.add(tab.token, tab.sid, SimpleCookie({"choice": "new"}))
        CookieState.waits.set()
        await sent.join()
        assert overlay.of(tab.token, tab.sid) == {"choice": "new"}
        tab.clear()
        await sync_to_async(delete_session)(tab)
        await settle(tab)
        assert told(tab) == ["dropped"]


async def test_an_upload_that_sets_a_cookie_leaves_its_tab_followed(ann: Any) -> None:
    async with Tab(user=ann) as tab:
        await tab.upload(CookieState.take)
        tab.clear()
        await sync_to_async(delete_session)(tab)
        await settle(tab)
        assert told(tab) == ["dropped"]


async def test_other_processes_are_told_without_the_key(ann: Any) -> None:
    cable = Cable()
    with override_settings(REFLEX_DRF={"LIVE_TRANSPORT": cable}):
        async with Tab(user=ann) as tab:
            key = tab.cookies["sessionid"]
            await sync_to_async(delete_session)(tab)
            await settle(tab)
            await reach(lambda: any(SESSION in message for message in cable.sent))
    said = "".join(cable.sent)
    assert key not in said
    assert fingerprint(key) in said


async def test_what_another_process_says_is_followed(ann: Any) -> None:
    cable = Cable()
    with override_settings(REFLEX_DRF={"LIVE_TRANSPORT": cable}):
        async with Tab(user=ann) as tab:
            await reach(lambda: cable._ends)
            await sync_to_async(Session.objects.all()._raw_delete)("default")
            tab.clear()
            name = fingerprint(tab.cookies["sessionid"])
            cable.say(f'["elsewhere", "{SESSION}", 1, [["deleted", "{name}"]]]')
            await reach(lambda: told(tab))


async def test_after_a_lost_connection_every_tab_is_asked(
    ann: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followers, "SPREAD", 0.0)
    async with Tab(user=ann) as tab:
        await sync_to_async(Session.objects.all()._raw_delete)("default")
        tab.clear()
        publish([ModelChange(SESSION, "updated")])
        await settle(tab)
        assert told(tab) == ["dropped"]


async def test_it_can_be_turned_off(ann: Any) -> None:
    with override_settings(REFLEX_DRF={"FOLLOW_SESSIONS": False}):
        async with Tab(user=ann) as tab:
            tab.clear()
            await sync_to_async(delete_session)(tab)
            await settle(tab)
            assert told(tab) == []


@pytest.fixture(autouse=True)
def _no_transport_is_left() -> Iterator[None]:
    yield
    assert live_broadcaster().count(SESSION) == 0
