"""What a tab held for one user is never shown to, or used by, the next."""

from __future__ import annotations

import asyncio
import json
import pickle
from typing import Any, ClassVar

import pytest
import reflex as rx
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from reflex_base.event import Event

from reflex_drf import bridge
from reflex_drf.state.owner import (
    TabOwner,
    Verdict,
    check_owner,
    credentials_digest,
    identify,
    judge,
    known_user,
)
from reflex_drf.testing import Tab, Worker
from tests.living import let_states_be_pickled

SECRET = "alice's salary"


class OwnedState(rx.State):
    rows: list[str] = []
    draft: str = ""
    written: ClassVar[list[str]] = []

    @rx.var(cache=False)
    def summary(self) -> str:
        return f"{self.draft} in a computed var"

    @rx.event
    async def load(self) -> None:
        self.rows = [SECRET]
        self.draft = SECRET

    @rx.event
    def fail_with_rows(self) -> None:
        self.rows = [SECRET]
        raise ValueError("before the rows were sent")

    @rx.event
    def save(self) -> None:
        OwnedState.written.append(self.draft)

    @rx.event(background=True)
    async def save_in_background(self) -> None:
        async with self:
            OwnedState.written.append(self.draft)

    @rx.event(background=True)
    async def load_slowly(self) -> None:
        gates["started"].set()
        try:
            await gates["go"].wait()
        except asyncio.CancelledError:
            gates["cancelled"].set()
            raise
        async with self:
            self.rows = [SECRET]

    @rx.event
    async def log_out(self) -> None:
        await bridge.current_session().aflush()


class OwnedPlainState(rx.State):
    django_bridge: ClassVar[bool] = False
    note: str = ""

    @rx.event
    def write(self, text: str) -> None:
        self.note = text


class OwnedDeferredState(rx.State):
    result: str = ""

    @rx.event
    async def load(self) -> Any:
        request = bridge.event_origin()
        request.user = await get_user_model().objects.aget(username="alice")  # type: ignore[attr-defined]
        request._cached_user = request.user  # type: ignore[attr-defined]
        bridge.bind_request(request)
        self.result = "loaded" if await check_owner(self, request) else "refused"

    load.__reflex_drf_deferred__ = True  # type: ignore[attr-defined]


gates: dict[str, asyncio.Event] = {}


@pytest.fixture(autouse=True)
def nothing_written() -> None:
    OwnedState.written.clear()
    gates.update(started=asyncio.Event(), go=asyncio.Event(), cancelled=asyncio.Event())


@pytest.fixture
async def alice() -> Any:
    return await get_user_model().objects.acreate_user("alice", password="secret")


@pytest.fixture
async def bob() -> Any:
    return await get_user_model().objects.acreate_user("bob", password="secret")


def received(tab: Tab) -> str:
    return json.dumps([tab.deltas, tab.events])


def is_dropped(tab: Tab) -> bool:
    return "removeItem('token')" in str(tab.events)


pytestmark = pytest.mark.django_db(transaction=True)

HANDLERS = [OwnedState.load, OwnedState.save, OwnedState.save_in_background]


@pytest.mark.parametrize("intruder", ["bob", "nobody", "expired"])
@pytest.mark.parametrize("handler", HANDLERS, ids=lambda handler: handler.fn.__name__)
async def test_a_stolen_token_opens_nothing(
    alice: Any, bob: Any, intruder: str, handler: Any
) -> None:
    cookies = {"sessionid": "no-such-session"} if intruder == "expired" else {}
    async with Tab(user=alice) as mine:
        await mine.send(OwnedState.load)
        user = bob if intruder == "bob" else None
        async with Tab(user=user, cookies=cookies, token=mine.token, hydrate=False) as stolen:
            await stolen.send(handler)
            assert SECRET not in received(stolen)
            assert is_dropped(stolen)
            assert stolen.deltas == []
            assert OwnedState.written == []


@pytest.mark.parametrize("hydrate", [rx.State.hydrate, rx.State.hydrate_and_load])
async def test_hydration_by_another_user_gives_defaults(alice: Any, bob: Any, hydrate: Any) -> None:
    async with Tab(user=alice) as mine:
        await mine.send(OwnedState.load)
        async with Tab(user=bob, token=mine.token, hydrate=False) as theirs:
            await theirs.send(hydrate)
            assert SECRET not in received(theirs)
            assert theirs.seen(OwnedState, "rows") == []
            assert theirs.seen(OwnedState, "summary") == " in a computed var"
            # From now on the tab is theirs.
            await theirs.send(OwnedState.save)
            assert OwnedState.written == [""]
            assert not is_dropped(theirs)
        mine.worker.tabs[mine.token] = mine
        await mine.send(OwnedState.save)
        assert is_dropped(mine)


@pytest.mark.parametrize(
    "name", ["on_load_internal_state.set_is_hydrated", "on_load_internal_state.on_load_internal"]
)
async def test_framework_events_send_nothing_to_a_thief(alice: Any, bob: Any, name: str) -> None:
    """They are not bridged, but every delta carries what a failed handler left behind."""
    prefix = "reflex___state____state.reflex___state____"
    payload = {"value": True} if name.endswith("set_is_hydrated") else {}
    async with Tab(user=alice) as mine:
        await mine.send(OwnedState.load)
        await mine.send(OwnedState.fail_with_rows, raises=False)
        async with Tab(user=bob, token=mine.token, hydrate=False) as stolen:
            await stolen.send_name(prefix + name, payload)
            assert SECRET not in received(stolen)
            assert is_dropped(stolen)


async def test_client_storage_of_another_user_is_not_written(alice: Any, bob: Any) -> None:
    name = "reflex___state____state.reflex___state____update_vars_internal_state"
    async with Tab(user=alice) as mine, Tab(user=bob, token=mine.token, hydrate=False) as stolen:
        await stolen.send_name(f"{name}.update_vars_internal", {"vars": {}})
        assert is_dropped(stolen)


async def test_states_outside_the_bridge_are_guarded_too(alice: Any, bob: Any) -> None:
    async with Tab(user=alice) as mine:
        await mine.send(OwnedPlainState.write(SECRET))
        async with Tab(user=bob, token=mine.token, hydrate=False) as stolen:
            await stolen.send(OwnedPlainState.write("overwritten"))
            assert is_dropped(stolen)
        assert mine.get(OwnedPlainState, "note") == SECRET


async def test_a_tab_that_began_outside_the_bridge_belongs_to_its_credentials(
    alice: Any, bob: Any
) -> None:
    async with Tab(user=alice, hydrate=False) as mine:
        await mine.send_name(f"{OwnedPlainState.get_full_name()}.write", {"text": SECRET})
        async with Tab(user=bob, token=mine.token, hydrate=False) as stolen:
            await stolen.send(rx.State.hydrate)
            assert SECRET not in received(stolen)
            assert stolen.get(OwnedPlainState, "note") == ""


async def test_deferred_handlers_of_a_thief_never_begin(alice: Any, bob: Any) -> None:
    async with Tab(user=alice) as mine:
        await mine.send(OwnedDeferredState.load)
        assert mine.get(OwnedDeferredState, "result") == "loaded"
        mine.state(OwnedDeferredState).result = "unchanged"
        async with Tab(user=bob, token=mine.token, hydrate=False) as stolen:
            await stolen.send(OwnedDeferredState.load)
            assert is_dropped(stolen)
            assert stolen.deltas == []
        assert mine.get(OwnedDeferredState, "result") == "unchanged"


async def test_a_deferred_call_by_another_user_is_noticed_after_it(bob: Any, alice: Any) -> None:
    # The credentials are the tab's own, but the user behind them has changed meanwhile.
    async with Tab(user=bob) as tab:
        await tab.send(OwnedDeferredState.load)
        assert tab.get(OwnedDeferredState, "result") == "refused"


async def test_a_deferred_call_names_the_owner_of_a_new_tab(alice: Any) -> None:
    async with Tab(user=alice, hydrate=False) as tab:
        await tab.send(OwnedDeferredState.load)
        assert tab.get(TabOwner, "_owner") == identify(alice)


async def test_logging_in_with_new_cookies_empties_the_tab(alice: Any, bob: Any) -> None:
    async with Tab(user=alice) as tab:
        await tab.send(OwnedState.load)
        await tab.log_in(bob)
        tab.clear()
        await tab.reconnect()
        assert SECRET not in received(tab)
        assert tab.get(OwnedState, "rows") == []
        assert not is_dropped(tab)


async def test_the_same_user_keeps_his_tab_over_reconnects_and_new_sessions(alice: Any) -> None:
    async with Tab(user=alice) as tab:
        await tab.send(OwnedState.load)
        await tab.reconnect()
        await tab.log_in(alice)
        await tab.reconnect()
        assert tab.get(OwnedState, "rows") == [SECRET]
        assert tab.seen(OwnedState, "rows") == [SECRET]
        assert not is_dropped(tab)


async def test_logging_out_elsewhere_drops_the_tab(alice: Any) -> None:
    async with Tab(user=alice) as tab:
        await tab.send(OwnedState.load)
        await Session.objects.all().adelete()
        tab.clear()
        await tab.send(OwnedState.save)
        assert is_dropped(tab)
        assert tab.deltas == []
        assert OwnedState.written == []


async def test_logging_out_in_a_handler_drops_the_tab_at_the_next_event(alice: Any) -> None:
    async with Tab(user=alice) as tab:
        await tab.send(OwnedState.log_out)
        await tab.send(OwnedState.save)
        assert is_dropped(tab)


async def test_background_work_of_the_former_user_ends(alice: Any, bob: Any) -> None:
    async with Tab(user=alice) as mine:
        running = await mine.start(OwnedState.load_slowly)
        await gates["started"].wait()
        async with Tab(user=bob, token=mine.token) as theirs:
            await gates["cancelled"].wait()
            gates["go"].set()
            await running.join()
            assert theirs.get(OwnedState, "rows") == []
            assert SECRET not in received(theirs)


async def test_background_work_of_other_tabs_goes_on(alice: Any, bob: Any) -> None:
    async with Tab(user=alice) as mine, Tab(user=alice) as other:
        running = await mine.start(OwnedState.load_slowly)
        await gates["started"].wait()
        await other.log_in(bob)
        await other.reconnect()
        gates["go"].set()
        await running.join()
        assert mine.get(OwnedState, "rows") == [SECRET]
        assert mine.worker.processor._running_background == {}


async def test_an_event_of_the_server_is_refused_once_the_session_is_gone(alice: Any) -> None:
    async with Tab(user=alice) as tab:
        await tab.send(OwnedState.load)
        await Session.objects.all().adelete()
        event = Event(name=f"{OwnedState.get_full_name()}.save")
        await (await tab.worker.processor.enqueue(tab.token, event)).wait_all()
        assert OwnedState.written == []


async def test_the_credentials_themselves_are_not_kept(alice: Any) -> None:
    async with Tab(user=alice) as tab:
        await tab.send(OwnedState.load)
        owner = tab.state(TabOwner)
        assert tab.cookies["sessionid"].encode() not in pickle.dumps(owner.__getstate__())
        assert TabOwner.get_full_name() not in json.dumps(
            [delta for delta in tab.deltas if delta.get(TabOwner.get_full_name())]
        )


async def test_other_managers_write_the_owner_in_every_event(
    alice: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from reflex.istate.manager.disk import StateManagerDisk

    monkeypatch.chdir(tmp_path)

    async with Worker(state_manager=StateManagerDisk()) as worker, Tab(user=alice) as tab:  # type: ignore[abstract]
        await tab.send(OwnedState.load)
        writes: list[str] = []
        original = worker.state_manager.set_state

        async def set_state(token: Any, state: Any, **context: Any) -> None:
            writes.extend(sub for sub, item in state.substates.items() if item._was_touched)
            await original(token, state, **context)

        worker.state_manager.set_state = set_state  # type: ignore[method-assign, assignment]
        await tab.send(OwnedState.save)
        assert TabOwner.get_name() in writes


@pytest.mark.redis
async def test_with_redis_the_owner_outlives_what_was_filled_for_him(alice: Any, bob: Any) -> None:
    from redis.asyncio import Redis
    from reflex.istate.manager.redis import StateManagerRedis

    let_states_be_pickled()
    redis = Redis.from_url("redis://127.0.0.1:6379/5")
    manager: Any = StateManagerRedis(redis=redis)  # type: ignore[abstract]
    async with Worker(state_manager=manager), Tab(user=alice) as mine:
        await mine.send(OwnedState.load)
        names = [TabOwner.get_full_name(), OwnedState.get_full_name()]
        before = [await redis.pttl(f"{mine.token}_{name}") for name in names]
        await mine.send(OwnedState.save)
        after = [await redis.pttl(f"{mine.token}_{name}") for name in names]
        assert before[0] > 0
        assert after[0] + 50 >= after[1]
        async with Tab(user=bob, token=mine.token, hydrate=False) as theirs:
            await theirs.send(OwnedState.load)
            assert is_dropped(theirs)
            await theirs.send(rx.State.hydrate_and_load)
            assert SECRET not in received(theirs)
            await theirs.send(OwnedState.save)
            assert OwnedState.written == [SECRET, ""]


async def test_a_background_event_is_refused_inside_synchronous_middleware(
    alice: Any, bob: Any, settings: Any
) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.test_owner.plain_middleware"]
    async with Tab(user=alice) as mine:
        await mine.send(OwnedState.load)
        async with Tab(user=bob, token=mine.token, hydrate=False) as stolen:
            await stolen.send(OwnedState.save_in_background)
            assert is_dropped(stolen)
            assert OwnedState.written == []


def plain_middleware(get_response: Any) -> Any:
    def middleware(request: HttpRequest) -> Any:
        return get_response(request)

    return middleware


def test_users_and_visitors_have_names_that_cannot_meet() -> None:
    class Named:
        is_authenticated = True
        pk = "anonymous"

    assert identify(None) == identify(AnonymousUser()) == "anonymous"
    assert identify(Named()) == "user anonymous"


def test_credentials_are_cookies_and_authorization() -> None:
    base = credentials_digest({"cookie": "a=1"})
    assert base == credentials_digest({"cookie": "a=1", "user-agent": "x"})
    assert base != credentials_digest({"cookie": "a=2"})
    assert base != credentials_digest({"cookie": "a=1", "authorization": "Token x"})
    assert credentials_digest({}) != credentials_digest({"cookie": "\n"})


def test_a_user_that_nobody_asked_for_is_not_looked_up() -> None:
    from django.utils.functional import SimpleLazyObject

    def look() -> Any:
        raise AssertionError("this is a query")

    request = HttpRequest()
    assert known_user(request) is None
    request.user = SimpleLazyObject(look)  # type: ignore[assignment]
    assert known_user(request) is None
    request._cached_user = AnonymousUser()  # type: ignore[attr-defined]
    assert known_user(request) == AnonymousUser()


def test_verdicts() -> None:
    owner = TabOwner(_reflex_internal_init=True)  # type: ignore[call-arg]
    assert judge(owner, None, "x") is Verdict.NEW
    owner._owner, owner._credentials = "unnamed", "x"
    assert judge(owner, AnonymousUser(), "x") is Verdict.SAME
    assert judge(owner, AnonymousUser(), "y") is Verdict.CHANGED
    owner._owner = "anonymous"
    assert judge(owner, AnonymousUser(), "y") is Verdict.SAME
    assert judge(owner, None, "y") is Verdict.CHANGED
