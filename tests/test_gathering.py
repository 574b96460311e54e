"""Sessions and users that are looked up together: as if each event had asked alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from typing import Any

import pytest
import reflex as rx
from asgiref.sync import sync_to_async
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connections
from django.db.models.signals import post_init
from django.test import override_settings
from django.utils import timezone

from reflex_drf import bridge
from reflex_drf import viewers as viewers_module
from reflex_drf.bridge import pool as pool_module
from reflex_drf.bridge.chain import chains
from reflex_drf.bridge.connections import DatabaseThread
from reflex_drf.bridge.gathering import Gathering
from reflex_drf.bridge.middleware import run_handler
from reflex_drf.bridge.scope import EventScope
from reflex_drf.bridge.threads import pools, shutdown
from reflex_drf.errors import ConfigurationError
from reflex_drf.testing import Tab
from reflex_drf.viewers import are_djangos
from tests.bridging import BACKEND, Viewer, sign_in
from tests.counting import count_hops, count_queries
from tests.test_threads import until

pytestmark = pytest.mark.django_db(transaction=True)

sign_in_async = sync_to_async(sign_in)
SLOW = "tests.test_gathering.SlowBackend"
SESSIONS, USERS = 'FROM "django_session"', 'FROM "auth_user"'


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let calls take turns, however long one takes: the second one begins when the first ends."""
    monkeypatch.setattr(pool_module, "PATIENCE", 60)
    monkeypatch.setattr(pool_module, "LONG_PATIENCE", 60)
    monkeypatch.setattr(pools.current(), "takes_turns", True)


class Crowd:
    """Events that come at once: all have asked before the look-up of the second one begins."""

    def __init__(self) -> None:
        stock = chains.current(run_handler).stock
        assert stock is not None
        self.put_on = stock._put_on
        self.gate, self.begun = threading.Event(), threading.Event()
        self.gathering = Gathering(self._enter)

    def _enter(self, request: Any, scope: EventScope) -> None:
        self.begun.set()
        assert self.gate.wait(10)
        self.put_on(request, scope)

    async def look_up(
        self, viewers: Sequence[Viewer], before: Callable[[], None] = lambda: None
    ) -> list[Any]:
        """Give the request of each viewer, or the error that it got."""
        scopes = [EventScope(viewer.request()) for viewer in (Viewer(), *viewers)]
        first = asyncio.create_task(self.gathering.look_up(scopes[0]))
        assert await asyncio.to_thread(self.begun.wait, 10)
        others = [asyncio.create_task(self.gathering.look_up(scope)) for scope in scopes[1:]]
        # Each of them has run until it waits.
        await asyncio.sleep(0)
        before()
        self.gate.set()
        await first
        answers = await asyncio.gather(*others, return_exceptions=True)
        pairs = zip(answers, scopes[1:], strict=True)
        return [scope.origin if answer is None else answer for answer, scope in pairs]


async def look_up(*viewers: Viewer) -> list[Any]:
    return await Crowd().look_up(viewers)


def names(requests: Sequence[Any]) -> list[str]:
    return [request.user.username for request in requests]


def count(statements: Sequence[str], part: str) -> int:
    return sum(part in statement for statement in statements)


class TestTheSame:
    async def test_tabs_of_one_user_ask_once(self) -> None:
        viewer = await sign_in_async("ann")
        with count_queries() as queries, count_hops() as hops:
            requests = await look_up(*[viewer] * 5)
        assert names(requests) == ["ann"] * 5
        assert (count(queries.all, SESSIONS), count(queries.all, USERS)) == (1, 1)
        # That of the first visitor, and theirs.
        assert len(hops) == 2

    async def test_each_has_a_user_and_a_session_of_its_own(self) -> None:
        viewer = await sign_in_async("ann")
        one, other = await look_up(viewer, viewer)
        one.user.username, one.session["cart"] = "changed", [1]
        one.session["_auth_user_backend"] += "!"
        assert other.user.username == "ann"
        assert "cart" not in other.session
        assert other.session["_auth_user_backend"] == "django.contrib.auth.backends.ModelBackend"

    async def test_users_are_told_apart(self) -> None:
        viewers = [await sign_in_async(f"user {number}") for number in range(6)]
        with count_queries() as queries:
            requests = await look_up(*viewers, *reversed(viewers))
        expected = [f"user {number}" for number in range(6)]
        assert names(requests) == expected + expected[::-1]
        keys = [request.session.session_key for request in requests[:6]]
        assert keys == [viewer.key for viewer in viewers]
        assert (count(queries.all, SESSIONS), count(queries.all, USERS)) == (1, 1)

    async def test_more_than_go_on_at_once(self) -> None:
        viewers = [await sign_in_async(f"user {number}") for number in range(4)]
        requests = await look_up(*viewers * 20)
        assert names(requests) == [f"user {number}" for number in range(4)] * 20

    async def test_who_has_no_session_or_none_that_is_valid_is_a_visitor(self) -> None:
        viewers = [await sign_in_async(name) for name in ("ann", "bob", "cid", "dan", "eve")]
        late, gone, inactive = viewers[1:4]
        hour = timedelta(hours=1)
        await Session.objects.filter(pk=late.key).aupdate(expire_date=timezone.now() - hour)
        await Session.objects.filter(pk=gone.key).adelete()
        await User.objects.filter(pk=inactive.user.pk).aupdate(is_active=False)
        requests = await look_up(Viewer(), *viewers)
        assert names(requests) == ["", "ann", "", "", "", "eve"]

    async def test_a_changed_password_ends_the_session(self) -> None:
        viewers = [await sign_in_async(name) for name in ("ann", "bob", "cid")]
        user = await User.objects.aget(username="bob")
        user.set_password("another")
        await user.asave()
        requests = await look_up(*viewers, viewers[1])
        assert names(requests) == ["ann", "", "cid", ""]
        assert not await Session.objects.filter(pk=viewers[1].key).aexists()

    @pytest.mark.parametrize(
        "key", ["\x00" * 12, "x", "ä" * 32, "A" * 32, "a" * 4000, "' OR 1=1 --"]
    )
    async def test_what_a_browser_sends_as_a_key_is_nobody_elses_concern(self, key: str) -> None:
        viewers = [await sign_in_async(name) for name in ("ann", "bob", "cid")]
        odd = Viewer(cookie=f"sessionid={key}")
        requests = await look_up(odd, *viewers)
        assert names(requests[1:]) == ["ann", "bob", "cid"]
        # PostgreSQL refuses some of them.
        among, alone = requests[0], (await look_up(odd))[0]
        assert type(among) is type(alone)
        assert isinstance(among, DatabaseError) or isinstance(among.user, AnonymousUser)

    async def test_a_language_is_that_of_each_event(self) -> None:
        viewer = await sign_in_async("ann")
        seen: list[str] = []

        async def look() -> None:
            seen.append(bridge.current_request().LANGUAGE_CODE)  # type: ignore[attr-defined]

        languages = ["de", "en"] * 4
        await asyncio.gather(*(viewer.send(look, accept_language=each) for each in languages))
        assert sorted(seen) == sorted(languages)


class TestFresh:
    async def test_what_was_written_before_the_look_up_is_seen(self) -> None:
        viewer = await sign_in_async("ann")
        crowd = Crowd()

        def rename() -> None:
            # All have asked, and none has read.
            User.objects.filter(pk=viewer.user.pk).update(username="anna")

        requests = await crowd.look_up([viewer] * 3, before=in_a_thread(rename))
        assert names(requests) == ["anna"] * 3

    async def test_nothing_is_kept_for_who_comes_later(self) -> None:
        viewer = await sign_in_async("ann")
        assert names(await look_up(viewer, viewer)) == ["ann", "ann"]
        await User.objects.filter(pk=viewer.user.pk).aupdate(username="anna")
        assert names(await look_up(viewer, viewer)) == ["anna", "anna"]
        await User.objects.filter(pk=viewer.user.pk).aupdate(is_active=False)
        assert names(await look_up(viewer, viewer)) == ["", ""]

    async def test_one_alone_asks_as_ever(self) -> None:
        viewer = await sign_in_async("ann")
        with count_queries() as queries, count_hops() as hops:
            await viewer.send(nothing)
        assert (len(queries), len(hops)) == (2, 1)


class TestErrors:
    async def test_an_error_is_raised_where_it_belongs(self) -> None:
        viewers = [await sign_in_async(name) for name in ("ann", "bob", "cid", "dan")]

        def refuse(instance: Any, **kwargs: Any) -> None:
            if instance.username == "bob":
                raise DatabaseError("not this one")

        post_init.connect(refuse, sender=User)
        try:
            answers = await look_up(*viewers)
        finally:
            post_init.disconnect(refuse, sender=User)
        assert str(answers.pop(1)) == "not this one"
        assert names(answers) == ["ann", "cid", "dan"]

    async def test_a_request_that_gets_no_session_is_nobody_elses_concern(self) -> None:
        viewers = [await sign_in_async(name) for name in ("ann", "bob", "cid")]
        crowd = Crowd()
        put_on = crowd.put_on

        def refuse(request: Any, scope: EventScope) -> None:
            if viewers[1].key in request.COOKIES.values():
                raise ValueError("not this one")
            put_on(request, scope)

        crowd.put_on = refuse
        answers = await crowd.look_up(viewers)
        assert str(answers.pop(1)) == "not this one"
        assert names(answers) == ["ann", "cid"]

    async def test_a_key_of_a_user_that_is_none(self) -> None:
        viewers = [await sign_in_async(name) for name in ("ann", "bob", "cid", "dan")]
        await sync_to_async(claim)(viewers[2], "nobody")
        await sync_to_async(claim)(viewers[3], 2**80)
        answers = await look_up(*viewers)
        assert names(answers[:2]) == ["ann", "bob"]
        assert isinstance(answers[2], ValidationError)
        assert names(answers[3:]) == [""]

    @pytest.mark.parametrize("error", [DatabaseError, ValueError])
    async def test_where_reading_together_fails_each_reads_alone(
        self,
        error: type[Exception],
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        viewers = [await sign_in_async(name) for name in ("ann", "bob", "cid")]

        def fail(requests: Any) -> None:
            raise error("not together")

        monkeypatch.setattr(viewers_module, "read_sessions", fail)
        assert names(await look_up(*viewers)) == ["ann", "bob", "cid"]
        assert "failed together" in caplog.text

    async def test_a_call_that_cannot_be_made_keeps_nobody_waiting(self) -> None:
        viewer = await sign_in_async("ann")
        crowd = Crowd()
        crowd.gate.set()
        with override_settings(REFLEX_DRF={"DATABASE_THREADS": 0}):
            for _ in range(2):
                with pytest.raises(ConfigurationError, match="DATABASE_THREADS"):
                    await crowd.gathering.look_up(EventScope(viewer.request()))
        scope = EventScope(viewer.request())
        await crowd.gathering.look_up(scope)
        assert names([scope.origin]) == ["ann"]

    async def test_a_call_that_fails_before_it_begins_keeps_nobody_waiting(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        viewer = await sign_in_async("ann")
        crowd = Crowd()
        crowd.gate.set()

        def fail(thread: DatabaseThread, others: int) -> None:
            raise OSError("no thread to be had")

        with monkeypatch.context() as patch:
            patch.setattr(DatabaseThread, "tidy", fail)
            with pytest.raises(OSError, match="no thread"):
                await asyncio.wait_for(crowd.gathering.look_up(EventScope(viewer.request())), 10)
        scope = EventScope(viewer.request())
        await asyncio.wait_for(crowd.gathering.look_up(scope), 10)
        assert names([scope.origin]) == ["ann"]

    async def test_events_of_another_loop_keep_nobody_waiting(self) -> None:
        viewer = await sign_in_async("ann")
        crowd = Crowd()
        scopes = [EventScope(viewer.request()) for _ in range(3)]
        first = asyncio.create_task(crowd.gathering.look_up(scopes[0]))
        assert await asyncio.to_thread(crowd.begun.wait, 10)
        # The first of all has been taken, these wait for their turns.
        here = asyncio.create_task(crowd.gathering.look_up(scopes[1]))
        await until(lambda: len(pools.current().waiting) == 1)
        look_up = crowd.gathering.look_up(scopes[2])
        there = asyncio.create_task(asyncio.to_thread(asyncio.run, look_up))
        await until(lambda: len(pools.current().waiting) == 2)
        crowd.gate.set()
        await asyncio.wait_for(asyncio.gather(first, here, there), 10)
        assert names([scope.origin for scope in scopes]) == ["ann"] * 3

    async def test_who_is_cancelled_keeps_nobody_waiting(self) -> None:
        viewer = await sign_in_async("ann")
        crowd = Crowd()
        scopes = [EventScope(viewer.request()) for _ in range(3)]
        tasks = [asyncio.create_task(crowd.gathering.look_up(scope)) for scope in scopes]
        await asyncio.sleep(0)
        tasks[0].cancel()
        tasks[2].cancel()
        crowd.gate.set()
        await tasks[1]
        assert names([scopes[1].origin]) == ["ann"]
        with pytest.raises(asyncio.CancelledError):
            await tasks[2]

    async def test_the_end_of_the_pool_ends_the_wait(self) -> None:
        viewer = await sign_in_async("ann")
        begun, gate = threading.Event(), threading.Event()

        def hold() -> None:
            begun.set()
            assert gate.wait(10)

        async def hold_the_thread() -> None:
            await sync_to_async(hold)()

        holder = asyncio.create_task(viewer.send(hold_the_thread))
        assert await asyncio.to_thread(begun.wait, 10)
        crowd = Crowd()
        waiting = asyncio.create_task(crowd.gathering.look_up(EventScope(viewer.request())))
        await asyncio.sleep(0)
        end = asyncio.create_task(asyncio.to_thread(shutdown))
        with pytest.raises(asyncio.CancelledError):
            await waiting
        gate.set()
        await asyncio.gather(end, holder)

    def test_a_loop_that_has_ended_leaves_nothing_behind(self) -> None:
        crowd, viewer = Crowd(), sign_in("ann")

        async def leave() -> None:
            with suppress(TimeoutError):
                await asyncio.wait_for(
                    crowd.gathering.look_up(EventScope(viewer.request())), timeout=0.01
                )

        asyncio.run(leave())
        crowd.gate.set()
        scope = EventScope(viewer.request())
        asyncio.run(crowd.gathering.look_up(scope))
        assert names([scope.origin]) == ["ann"]


class NoUsersBackend:
    def has_perm(self, user: Any, perm: str, obj: Any = None) -> bool:
        return False


class SlowBackend(ModelBackend):
    def get_user(self, user_id: Any) -> Any:
        return super().get_user(user_id)


class TestOthers:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("SESSION_ENGINE", "django.contrib.sessions.backends.cached_db"),
            ("AUTHENTICATION_BACKENDS", [SLOW]),
            ("AUTHENTICATION_BACKENDS", [BACKEND, "tests.test_gathering.NoUsersBackend"]),
        ],
    )
    async def test_what_is_not_djangos_own_is_asked_for_each_event(
        self, name: str, value: Any, settings: Any
    ) -> None:
        assert are_djangos()
        setattr(settings, name, value)
        assert not are_djangos()
        viewer = await sign_in_async("ann")
        with count_hops() as hops:
            await asyncio.gather(*(viewer.send(nothing) for _ in range(4)))
        assert len(hops) == 4


class CrowdState(rx.State):
    names: list[str] = []

    @rx.event
    def look(self) -> None:
        self.names.append(str(bridge.current_user()))


async def test_events_of_many_tabs_at_once_are_each_their_own_viewers() -> None:
    users = [await User.objects.acreate_user(f"user {number}") for number in range(12)]
    async with AsyncExitStack() as stack:
        visitor, *tabs = [await stack.enter_async_context(Tab(user)) for user in (None, *users)]
        for _ in range(3):
            await asyncio.gather(*(tab.send(CrowdState.look) for tab in (visitor, *tabs)))
        seen = [tab.get(CrowdState, "names") for tab in tabs]
        assert visitor.get(CrowdState, "names") == ["AnonymousUser"] * 3
    assert seen == [[f"user {number}"] * 3 for number in range(12)]


async def nothing() -> None:
    """Be a handler that does nothing."""


def claim(viewer: Viewer, key: Any) -> None:
    """Let a session say that it is somebody else's."""
    from django.contrib.sessions.backends.db import SessionStore

    session = SessionStore(viewer.key)
    session["_auth_user_id"] = str(key)
    session.save()


def in_a_thread(function: Callable[[], None]) -> Callable[[], None]:
    """Let a function run in a thread of its own, and leave no connection behind."""

    def call() -> None:
        try:
            function()
        finally:
            connections.close_all()

    def run() -> None:
        with ThreadPoolExecutor(1) as threads:
            threads.submit(call).result()

    return run
