"""The handler of an event runs inside the project's middleware, as a view does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib import messages
from django.contrib.auth import alogout
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.models import Session
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone, translation

from reflex_drf import bridge
from reflex_drf.bridge import threads
from reflex_drf.bridge.cookies import unsent_cookies
from reflex_drf.bridge.middleware import run_event
from reflex_drf.errors import NoRequestError
from tests import bridge_chain
from tests.bridge_chain import log, tenant
from tests.bridging import Viewer, sign_in
from tests.counting import count_hops, count_queries

pytestmark = pytest.mark.django_db(transaction=True)

STOCK = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]


def own(*names: str) -> list[str]:
    return [f"tests.bridge_chain.{name}" for name in names]


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    log.clear()
    unsent_cookies.clear()
    yield
    threads.shutdown()


@pytest.fixture
def ann(transactional_db: None) -> Viewer:
    return sign_in("ann")


@pytest.fixture
def anonymous() -> Viewer:
    return Viewer()


async def nothing() -> None:
    pass


class Seen:
    """A handler that records what it found."""

    def __init__(self) -> None:
        self.calls = 0
        self.user: Any = None
        self.language = ""
        self.messages: list[str] = []

    async def __call__(self) -> None:
        self.calls += 1
        self.user = bridge.current_user()
        self.language = bridge.current_language()
        self.messages = [str(message) for message in bridge.current_messages()]


# What an event costs


async def test_event_without_session_cookie_makes_no_query_and_no_hop(anonymous: Viewer) -> None:
    seen = Seen()
    with count_queries() as queries, count_hops() as hops:
        await anonymous.send(seen)
    assert seen.user == AnonymousUser()
    assert (len(queries), len(hops)) == (0, 0)


async def test_event_with_session_makes_two_queries_and_one_hop_in_all(ann: Viewer) -> None:
    async def handler() -> None:
        assert (len(queries), len(hops)) == (2, 1)
        assert bridge.current_user() == ann.user
        assert (await bridge.current_request().auser()) == ann.user
        assert bridge.current_session().get("cart") is None

    with count_queries() as queries, count_hops() as hops:
        await ann.send(handler)
    assert (len(queries), len(hops)) == (2, 1)


async def test_session_cookie_of_no_session_costs_at_most_one_query(anonymous: Viewer) -> None:
    seen = Seen()
    with count_queries() as queries:
        await anonymous.send(seen, cookie="sessionid=" + "a" * 32)
    assert seen.user == AnonymousUser()
    assert len(queries) == 1


async def test_own_hook_middleware_costs_one_hop_before_the_handler(
    ann: Viewer, settings: Any
) -> None:
    settings.MIDDLEWARE = [*STOCK, *own("Hooks", "Outer")]
    before: list[int] = []

    async def handler() -> None:
        before.append(len(hops))
        assert bridge.current_user() == ann.user

    with count_hops() as hops, count_queries() as queries:
        await ann.send(handler)
    assert before == [1]
    assert len(queries) == 2
    # Its response phase may use the database, so that is the second.
    assert len(hops) == 2


async def test_reading_no_messages_costs_no_hop(ann: Viewer) -> None:
    seen = Seen()
    with count_hops() as hops:
        await ann.send(seen)
    assert seen.messages == []
    assert len(hops) == 1


# The user


async def test_user_is_looked_up_anew_for_each_event(ann: Viewer) -> None:
    await ann.send(nothing)
    await type(ann.user).objects.filter(pk=ann.user.pk).aupdate(first_name="Anna")
    names: list[str] = []

    async def handler() -> None:
        names.append(bridge.current_user().first_name)  # type: ignore[union-attr]

    await ann.send(handler)
    assert names == ["Anna"]


async def test_deactivated_user_is_anonymous_in_the_next_event(ann: Viewer) -> None:
    seen = Seen()
    await ann.send(seen)
    assert seen.user == ann.user
    await type(ann.user).objects.filter(pk=ann.user.pk).aupdate(is_active=False)
    await ann.send(seen)
    assert seen.user == AnonymousUser()


async def test_changed_password_ends_the_session_as_in_django(ann: Viewer) -> None:
    await sync_to_async(ann.user.set_password)("new")
    await ann.user.asave()
    seen = Seen()
    await ann.send(seen)
    assert seen.user == AnonymousUser()
    assert not await Session.objects.filter(session_key=ann.key).aexists()


async def test_session_deleted_elsewhere_is_noticed_in_the_next_event(ann: Viewer) -> None:
    await Session.objects.all().adelete()
    seen = Seen()
    await ann.send(seen)
    assert seen.user == AnonymousUser()


async def test_logout_in_a_handler_deletes_the_session(
    ann: Viewer, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler() -> None:
        await alogout(bridge.current_request())

    await ann.send(handler)
    seen = Seen()
    await ann.send(seen)
    assert seen.user == AnonymousUser()
    # The browser keeps a cookie that leads nowhere, which is no reason for a warning.
    assert not caplog.records


async def test_request_that_served_an_event_is_refused_for_another(ann: Viewer) -> None:
    request = ann.request()
    for expected in (None, ValueError):
        with bridge.event_scope(request) as scope:
            async with threads.database_thread():
                if expected is None:
                    await run_event(scope, Seen())
                else:
                    with pytest.raises(expected, match="a request of its own"):
                        await run_event(scope, nothing)


# The session


async def test_session_write_of_a_handler_is_saved(ann: Viewer) -> None:
    async def handler() -> None:
        bridge.current_session()["cart"] = [1]

    await ann.send(handler)
    assert (await sync_to_async(ann.stored)())["cart"] == [1]


async def test_change_inside_a_session_value_needs_modified_as_in_django(ann: Viewer) -> None:
    async def fill() -> None:
        bridge.request.session["cart"] = {"a": 1}

    async def change() -> None:
        bridge.request.session["cart"]["a"] = 2
        bridge.request.session.modified = True

    await ann.send(fill)
    await ann.send(change)
    assert (await sync_to_async(ann.stored)())["cart"] == {"a": 2}


async def test_unchanged_session_is_not_saved(ann: Viewer) -> None:
    with count_queries() as queries:
        await ann.send(nothing)
    assert not [sql for sql in queries.statements if sql.startswith("UPDATE")]


async def test_session_is_saved_on_every_event_when_settings_say_so(
    ann: Viewer, settings: Any
) -> None:
    settings.SESSION_SAVE_EVERY_REQUEST = True
    with count_queries() as queries:
        await ann.send(nothing)
    assert [sql for sql in queries.statements if sql.startswith("UPDATE")]


async def test_session_of_a_failed_handler_is_not_saved(ann: Viewer) -> None:
    async def handler() -> None:
        bridge.current_session()["cart"] = [1]
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        await ann.send(handler)
    assert "cart" not in await sync_to_async(ann.stored)()


async def test_session_deleted_during_the_event_is_not_brought_back(ann: Viewer) -> None:
    async def handler() -> None:
        await Session.objects.all().adelete()
        bridge.current_session()["cart"] = [1]

    with pytest.raises(SessionInterrupted):
        await ann.send(handler)
    assert not await Session.objects.aexists()


async def test_middleware_that_writes_the_session_is_saved(ann: Viewer, settings: Any) -> None:
    settings.MIDDLEWARE = [*STOCK, *own("Numbering")]
    await ann.send(nothing)
    await ann.send(nothing)
    assert (await sync_to_async(ann.stored)())["events"] == 2


async def test_signed_cookie_sessions_are_read(ann: Viewer, settings: Any) -> None:
    from django.contrib.sessions.backends.signed_cookies import SessionStore

    stored = await sync_to_async(ann.stored)()
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    session = SessionStore()
    session.update(stored)
    await session.asave()
    seen = Seen()
    await Viewer(f"sessionid={session.session_key}").send(seen)
    assert seen.user == ann.user


# Messages


async def add_message() -> None:
    messages.info(bridge.current_request(), "saved")


async def test_message_of_a_handler_is_shown_once_by_a_later_event(ann: Viewer) -> None:
    await ann.send(add_message)
    first, second = Seen(), Seen()
    await ann.send(first)
    await ann.send(second)
    assert (first.messages, second.messages) == (["saved"], [])


async def test_message_shown_in_its_own_event_is_gone(ann: Viewer) -> None:
    async def handler() -> None:
        await add_message()
        assert [str(message) for message in bridge.current_messages()] == ["saved"]

    await ann.send(handler)
    seen = Seen()
    await ann.send(seen)
    assert seen.messages == []


async def test_unread_message_survives_an_event_that_does_not_look(ann: Viewer) -> None:
    await ann.send(add_message)
    await ann.send(nothing)
    seen = Seen()
    await ann.send(seen)
    assert seen.messages == ["saved"]


def message_cookie() -> str:
    from django.contrib.messages.storage.base import Message
    from django.contrib.messages.storage.cookie import CookieStorage

    request = Viewer().request()
    encoded = CookieStorage(request)._encode([Message(messages.INFO, "from a view")])
    return f"messages={encoded}"


async def test_message_of_a_django_view_is_shown_once_although_its_cookie_stays(
    ann: Viewer, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = Seen(), Seen()
    cookie = message_cookie()
    await ann.send(first, cookie=cookie)
    await ann.send(second, cookie=cookie)
    assert (first.messages, second.messages) == (["from a view"], [])
    assert not caplog.records


async def test_another_messages_cookie_is_shown_after_the_first(ann: Viewer) -> None:
    await ann.send(Seen(), cookie=message_cookie())
    from django.contrib.messages.storage.base import Message
    from django.contrib.messages.storage.cookie import CookieStorage

    encoded = CookieStorage(Viewer().request())._encode([Message(messages.INFO, "second")])
    seen = Seen()
    await ann.send(seen, cookie=f"messages={encoded}")
    assert seen.messages == ["second"]


async def test_unread_cookie_message_is_kept_beside_a_new_one(ann: Viewer) -> None:
    cookie = message_cookie()
    await ann.send(add_message, cookie=cookie)
    seen = Seen()
    await ann.send(seen, cookie=cookie)
    assert seen.messages == ["from a view", "saved"]


async def test_messages_in_the_session_are_seen_by_django_views_with_that_storage(
    ann: Viewer, settings: Any
) -> None:
    settings.MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
    await ann.send(add_message)
    assert "saved" in (await sync_to_async(ann.stored)())["_messages"]


async def test_anonymous_message_makes_no_session_and_is_kept_for_the_browser(
    anonymous: Viewer,
) -> None:
    scope = await anonymous.send(add_message)
    assert set(scope.cookies) == {"messages"}
    assert not await Session.objects.aexists()


# Language and timezone


async def test_language_comes_from_the_browser(anonymous: Viewer) -> None:
    seen = Seen()
    await anonymous.send(seen, accept_language="de-AT,de;q=0.9")
    assert seen.language == "de"


async def test_language_cookie_wins_over_the_browser(anonymous: Viewer) -> None:
    seen = Seen()
    await anonymous.send(seen, accept_language="de", cookie="django_language=en")
    assert seen.language == "en"


async def test_language_activated_in_a_thread_reaches_handler_and_its_threads(
    ann: Viewer, settings: Any
) -> None:
    settings.MIDDLEWARE = [*STOCK, *own("Hooks")]
    found: list[str | None] = []

    async def handler() -> None:
        found.append(translation.get_language())
        found.append(await sync_to_async(translation.get_language)())

    await ann.send(handler, accept_language="de")
    assert found == ["de", "de"]


async def test_language_ends_with_its_event(anonymous: Viewer, settings: Any) -> None:
    await anonymous.send(nothing, accept_language="de")
    assert translation.get_language() == "en"
    # Without the middleware nothing would overwrite what an event had left behind.
    settings.MIDDLEWARE = [path for path in STOCK if "locale" not in path]
    seen = Seen()
    await anonymous.send(seen, accept_language="de")
    assert seen.language == "en"


async def test_language_left_by_the_caller_does_not_reach_an_event(
    anonymous: Viewer, settings: Any
) -> None:
    settings.MIDDLEWARE = [path for path in STOCK if "locale" not in path]
    translation.activate("de")
    seen = Seen()
    await anonymous.send(seen)
    assert seen.language == "en"


async def test_interleaved_events_keep_language_timezone_and_user_apart(
    ann: Viewer, anonymous: Viewer, settings: Any
) -> None:
    settings.MIDDLEWARE = [*STOCK, *own("Zone")]
    both = asyncio.Barrier(2)
    found: dict[str, tuple[Any, ...]] = {}

    async def look(name: str) -> None:
        async def handler() -> None:
            await both.wait()
            in_thread = await sync_to_async(timezone.get_current_timezone_name)()
            found[name] = (
                bridge.current_language(),
                in_thread,
                bridge.current_user().is_authenticated,
            )
            await both.wait()

        viewer, zone = (ann, "Europe/Vienna") if name == "de" else (anonymous, "Asia/Tokyo")
        await viewer.send(handler, accept_language=name, cookie=f"zone={zone}")

    await asyncio.gather(look("de"), look("en"))
    assert found == {"de": ("de", "Europe/Vienna", True), "en": ("en", "Asia/Tokyo", False)}


async def test_timezone_ends_with_its_event(anonymous: Viewer, settings: Any) -> None:
    settings.MIDDLEWARE = [*STOCK, *own("Zone")]
    await anonymous.send(nothing, cookie="zone=Asia/Tokyo")
    assert timezone.get_current_timezone_name() == "UTC"


# Kinds of middleware


@pytest.mark.parametrize("kind", ["Hooks", "sync_only", "async_only", "either"])
async def test_every_kind_of_middleware_surrounds_the_handler(
    ann: Viewer, settings: Any, kind: str
) -> None:
    settings.MIDDLEWARE = [*STOCK, *own("Outer", kind)]

    async def handler() -> None:
        log.append(f"handler {bridge.current_user()}")

    await ann.send(handler)
    assert log[0] == "outer in"
    assert log[2] == "handler ann"
    assert log[-1] == "outer out 200"


async def test_middleware_adds_to_the_request(anonymous: Viewer, settings: Any) -> None:
    settings.MIDDLEWARE = [*STOCK, *own("Hooks")]
    found: list[str] = []

    async def handler() -> None:
        found.append(bridge.request.organisation)  # type: ignore[attr-defined]

    await anonymous.send(handler)
    assert found == ["acme"]


async def test_asynchronous_middleware_runs_on_the_loop(anonymous: Viewer, settings: Any) -> None:
    settings.MIDDLEWARE = own("async_only", "either")
    with count_hops() as hops:
        await anonymous.send(nothing)
    assert log == [f"async in {threading.current_thread().name}", "either in", "async out 200"]
    assert not len(hops)


@pytest.mark.parametrize("kind", ["sync_only", "async_only"])
async def test_context_variable_of_a_middleware_is_seen_by_the_handler_and_its_threads(
    ann: Viewer, settings: Any, kind: str
) -> None:
    settings.MIDDLEWARE = [*STOCK, *own(kind)]
    found: list[str] = []

    async def handler() -> None:
        found.append(tenant.get())
        found.append(await sync_to_async(tenant.get)())

    await ann.send(handler, cookie="tenant=acme")
    assert found == ["acme", "acme"]


async def test_neighbouring_synchronous_middleware_shares_one_thread_and_hop(
    ann: Viewer, settings: Any
) -> None:
    settings.MIDDLEWARE = [*STOCK, *own("sync_only", "sync_only_inner", "Hooks")]
    hops_before: list[int] = []

    async def handler() -> None:
        hops_before.append(len(hops))
        in_thread = await sync_to_async(threading.current_thread)()
        log.append(f"handler {in_thread.name}")

    with count_hops() as hops, count_queries() as queries:
        await ann.send(handler)
    name = hops.threads[0]
    assert set(hops.threads) == {name}
    assert name.startswith("reflex_drf-database-")
    assert log[:3] == [f"sync in {name}", "inner in", f"hooks in {name}"]
    assert f"handler {name}" in log
    assert len(queries) == 2


async def test_session_middleware_behind_synchronous_middleware_is_loaded(
    ann: Viewer, settings: Any
) -> None:
    settings.MIDDLEWARE = [*own("sync_only"), *STOCK]
    seen = Seen()

    async def handler() -> None:
        await seen()
        bridge.current_session()["cart"] = [2]

    with count_queries() as queries:
        await ann.send(handler)
    assert seen.user == ann.user
    assert (await sync_to_async(ann.stored)())["cart"] == [2]
    assert len([sql for sql in queries.statements if sql.startswith("SELECT")]) == 2


async def test_unused_middleware_is_left_out(anonymous: Viewer, settings: Any) -> None:
    settings.MIDDLEWARE = own("NotUsed", "sync_only")
    await anonymous.send(nothing)
    assert log[-1] == "sync out 200"


async def test_excluded_middleware_does_not_see_events(anonymous: Viewer, settings: Any) -> None:
    settings.MIDDLEWARE = [*STOCK, *own("Hooks", "Redirecting")]
    settings.REFLEX_DRF = {"EXCLUDED_MIDDLEWARE": own("Redirecting")}
    seen = Seen()
    await anonymous.send(seen)
    assert seen.calls == 1
    assert len(log) == 2


async def test_tls_redirect_of_the_project_does_not_stop_events(
    anonymous: Viewer, settings: Any
) -> None:
    settings.SECURE_SSL_REDIRECT = True
    seen = Seen()
    scope = await anonymous.send(seen)
    assert (seen.calls, scope.answer) == (1, None)


async def test_cache_middleware_of_the_project_is_not_asked(
    anonymous: Viewer, settings: Any
) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.db.DatabaseCache",
            "LOCATION": "no_such_table",
        }
    }
    settings.MIDDLEWARE = [
        "django.middleware.cache.UpdateCacheMiddleware",
        *STOCK,
        "django.middleware.cache.FetchFromCacheMiddleware",
    ]
    seen = Seen()
    with count_queries() as queries:
        await anonymous.send(seen)
    assert (seen.calls, len(queries)) == (1, 0)


async def test_middleware_setting_that_names_nothing_fails_the_event(
    anonymous: Viewer, settings: Any
) -> None:
    settings.MIDDLEWARE = own("NoSuchThing")
    with pytest.raises(ImportError, match="NoSuchThing"):
        await anonymous.send(Seen())


async def test_hook_that_calls_the_rest_of_the_chain_is_told_what_to_do(
    anonymous: Viewer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MIDDLEWARE = own("Hooks")
    monkeypatch.setattr(
        bridge_chain.Hooks, "process_request", lambda self, request: self.get_response(request)
    )
    with pytest.raises(ImproperlyConfigured, match="from one of its hooks"):
        await anonymous.send(nothing)


# Answers and failures


@pytest.mark.parametrize(("kind", "status"), [("Redirecting", 302), ("refusing_function", 403)])
async def test_answer_of_a_middleware_stops_the_handler(
    anonymous: Viewer, settings: Any, kind: str, status: int
) -> None:
    settings.MIDDLEWARE = own("Outer", kind, "Hooks")
    seen = Seen()
    scope = await anonymous.send(seen)
    assert seen.calls == 0
    assert scope.answer is not None
    assert scope.answer.status_code == status
    assert log[0] == "outer in"
    assert log[-1] == f"outer out {status}"
    assert not [entry for entry in log if entry.startswith("hooks")]


async def test_middleware_that_answers_has_its_own_response_phase_as_in_django(
    anonymous: Viewer, settings: Any
) -> None:
    settings.MIDDLEWARE = own("Redirecting")
    await anonymous.send(nothing)
    assert log == ["redirecting out"]


async def test_failing_middleware_fails_the_event_and_the_handler_is_not_run(
    anonymous: Viewer, settings: Any
) -> None:
    settings.MIDDLEWARE = own("Outer", "Refusing", "Hooks")
    seen = Seen()
    with pytest.raises(PermissionDenied, match="not from here"):
        await anonymous.send(seen)
    assert seen.calls == 0
    assert log == ["outer in", "outer out 403"]


async def test_failure_in_the_response_phase_fails_the_event(
    anonymous: Viewer, settings: Any
) -> None:
    settings.MIDDLEWARE = own("Outer", "FailingOnTheWayOut")
    with pytest.raises(ValueError, match="out"):
        await anonymous.send(nothing)
    assert log[-1] == "outer out 500"


async def test_first_of_two_failures_is_raised_and_the_other_logged(
    anonymous: Viewer, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.MIDDLEWARE = own("FailingOnTheWayOut")

    async def handler() -> None:
        raise LookupError("first")

    with pytest.raises(LookupError, match="first"):
        await anonymous.send(handler)
    assert "A further error" in caplog.text


@pytest.mark.parametrize(
    ("error", "status"), [(RuntimeError("x"), 500), (PermissionDenied("x"), 403)]
)
@pytest.mark.parametrize("kind", ["Hooks", "sync_only", "async_only"])
async def test_response_phase_runs_when_the_handler_raises(
    anonymous: Viewer, settings: Any, kind: str, error: Exception, status: int
) -> None:
    settings.MIDDLEWARE = own("Outer", kind)

    async def handler() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        await anonymous.send(handler)
    assert raised.value is error
    assert log[-2].endswith(f"out {status}")
    assert log[-1] == f"outer out {status}"


async def test_exception_hook_sees_the_exception_and_may_answer_it(
    anonymous: Viewer, settings: Any
) -> None:
    settings.MIDDLEWARE = own("Outer", "Rescuing")

    async def handler() -> None:
        raise LookupError("gone")

    scope = await anonymous.send(handler)
    assert scope.answer is not None
    assert scope.answer.status_code == 409
    assert log == ["outer in", "rescuing gone", "outer out 409"]


async def test_exception_hook_that_does_not_answer_lets_the_exception_through(
    anonymous: Viewer, settings: Any
) -> None:
    settings.MIDDLEWARE = own("Rescuing")

    async def handler() -> None:
        raise RuntimeError("other")

    with pytest.raises(RuntimeError, match="other"):
        await anonymous.send(handler)
    assert log == ["rescuing other"]


@pytest.mark.parametrize("kind", ["Forgetful", "returning_nothing"])
async def test_middleware_that_returns_nothing_is_named(
    anonymous: Viewer, settings: Any, kind: str
) -> None:
    settings.MIDDLEWARE = own(kind)
    with pytest.raises(TypeError, match=r"must return an HttpResponse"):
        await anonymous.send(nothing)


async def test_database_failure_while_loading_the_user_fails_the_event(
    ann: Viewer, settings: Any
) -> None:
    settings.MIDDLEWARE = [*own("Outer"), *STOCK]
    settings.SESSION_ENGINE = "tests.broken_sessions"
    seen = Seen()
    with pytest.raises(RuntimeError, match="session store is down"):
        await ann.send(seen)
    assert seen.calls == 0
    assert log[-1] == "outer out 500"


async def test_cancelled_event_leaves_nothing_behind(anonymous: Viewer) -> None:
    started = asyncio.Event()

    async def handler() -> None:
        started.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(anonymous.send(handler))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(NoRequestError):
        bridge.current_request()


# Responses and cookies


async def test_cookie_of_a_middleware_is_kept_for_the_browser(
    anonymous: Viewer, settings: Any
) -> None:
    settings.MIDDLEWARE = own("CookieSetting")
    scope = await anonymous.send(nothing)
    assert scope.response.cookies["banner"].value == "1"
    assert set(scope.cookies) == {"banner"}


async def test_handler_reaches_the_response_the_middleware_will_see(
    anonymous: Viewer, settings: Any
) -> None:
    settings.MIDDLEWARE = own("Outer")

    async def handler() -> None:
        bridge.current_response().status_code = 202

    await anonymous.send(handler)
    assert log[-1] == "outer out 202"


async def test_refreshed_session_cookie_need_not_reach_the_browser(ann: Viewer) -> None:
    async def handler() -> None:
        bridge.current_session()["cart"] = [1]

    scope = await ann.send(handler)
    assert scope.response.cookies["sessionid"].value == ann.key
    assert scope.cookies == {}


@pytest.mark.parametrize("background", [False, True])
async def test_new_session_of_an_anonymous_viewer_is_kept_for_the_browser(
    anonymous: Viewer, background: bool
) -> None:
    async def handler() -> None:
        bridge.current_session()["cart"] = [1]

    scope = await anonymous.send(handler, background=background)
    assert set(scope.cookies) == {"sessionid"}
    anonymous.key = scope.cookies["sessionid"].value
    assert await sync_to_async(anonymous.stored)() == {"cart": [1]}


# Deferred and background events


async def test_deferred_event_costs_nothing_before_its_call(ann: Viewer) -> None:
    async def handler() -> None:
        with pytest.raises(NoRequestError, match="viewset's own call"):
            bridge.current_user()
        assert not hasattr(bridge.event_origin(), "user")

    with count_queries() as queries, count_hops() as hops:
        await ann.send(handler, deferred=True)
    assert (len(queries), len(hops)) == (0, 0)


def through_django(viewer: Viewer) -> Any:
    """Give a request that Django's own handler has processed, as a view's call does."""
    found: list[Any] = []
    client = Client()
    client.cookies.load(viewer.cookie)

    def view(request: Any) -> HttpResponse:
        found.append(request)
        assert request.user.is_authenticated
        return HttpResponse()

    from django.core.handlers.base import BaseHandler

    handler = BaseHandler()
    handler._get_response = view  # type: ignore[attr-defined]
    handler.load_middleware()
    request = viewer.request()
    handler.get_response(request)
    return found[0]


async def test_deferred_event_saves_what_its_handler_changes_after_the_call(ann: Viewer) -> None:
    async def handler() -> None:
        bridge.bind_request(await sync_to_async(through_django)(ann))
        assert bridge.current_user() == ann.user
        bridge.current_session()["cart"] = [3]
        messages.info(bridge.current_request(), "bought")

    await ann.send(handler, deferred=True)
    stored = await sync_to_async(ann.stored)()
    assert stored["cart"] == [3]
    seen = Seen()
    await ann.send(seen)
    assert seen.messages == ["bought"]


async def test_deferred_event_that_changes_nothing_saves_nothing(ann: Viewer) -> None:
    async def handler() -> None:
        bridge.bind_request(await sync_to_async(through_django)(ann))

    with count_queries() as queries:
        await ann.send(handler, deferred=True)
    assert not [sql for sql in queries.statements if sql.startswith("UPDATE")]


async def test_deferred_event_that_fails_saves_nothing(ann: Viewer) -> None:
    async def handler() -> None:
        bridge.bind_request(await sync_to_async(through_django)(ann))
        bridge.current_session()["cart"] = [3]
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        await ann.send(handler, deferred=True)
    assert "cart" not in await sync_to_async(ann.stored)()


async def test_background_event_does_not_hold_a_thread_of_synchronous_middleware(
    ann: Viewer, settings: Any
) -> None:
    settings.MIDDLEWARE = [*STOCK, *own("sync_only")]
    settings.REFLEX_DRF = {"DATABASE_THREADS": 1}
    running, go_on = asyncio.Event(), asyncio.Event()

    async def background() -> None:
        assert log[-1] == "sync out 200"
        running.set()
        await go_on.wait()
        assert bridge.current_user() == ann.user
        bridge.current_session()["done"] = True

    task = asyncio.create_task(ann.send(background, background=True))
    await running.wait()
    seen = Seen()
    await ann.send(seen)
    assert seen.user == ann.user
    go_on.set()
    await task
    assert (await sync_to_async(ann.stored)())["done"] is True


async def test_background_event_that_a_middleware_answers_does_not_run(
    anonymous: Viewer, settings: Any
) -> None:
    settings.MIDDLEWARE = own("sync_only", "refusing_function")
    seen = Seen()
    scope = await anonymous.send(seen, background=True)
    assert seen.calls == 0
    assert scope.answer is not None
    assert scope.answer.status_code == 403


async def test_handler_behind_synchronous_middleware_may_wait_for_another_event(
    ann: Viewer, settings: Any
) -> None:
    settings.MIDDLEWARE = [*STOCK, *own("sync_only")]
    settings.REFLEX_DRF = {"DATABASE_THREADS": 1}
    seen = Seen()

    async def waiting() -> None:
        # Its one thread is blocked by the first event: without another, this never ends.
        await asyncio.wait_for(asyncio.create_task(ann.send(seen)), 10)

    await ann.send(waiting)
    assert seen.user == ann.user


async def test_messages_of_event_and_call_are_kept_together(ann: Viewer) -> None:
    async def handler() -> None:
        messages.info(bridge.current_request(), "before the call")
        bridge.bind_request(await sync_to_async(through_django)(ann))
        messages.info(bridge.current_request(), "after the call")

    await ann.send(handler)
    seen = Seen()
    await ann.send(seen)
    assert seen.messages == ["before the call", "after the call"]


async def test_message_that_a_call_added_before_it_was_bound_is_kept(ann: Viewer) -> None:
    from django.contrib.messages.storage import default_storage

    async def handler() -> None:
        call = ann.request()
        call.session = bridge.current_session()
        call._messages = default_storage(call)  # type: ignore[attr-defined]
        messages.info(call, "from the call's middleware")
        bridge.bind_request(call)

    await ann.send(handler)
    seen = Seen()
    await ann.send(seen)
    assert seen.messages == ["from the call's middleware"]


async def test_storage_of_the_projects_own_is_left_alone(ann: Viewer, settings: Any) -> None:
    settings.MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

    async def handler() -> None:
        storage = bridge.current_request()._messages  # type: ignore[attr-defined]
        assert type(storage).__name__ == "SessionStorage"

    await ann.send(handler)


async def test_deferred_event_keeps_a_message_when_nothing_else_changes(ann: Viewer) -> None:
    async def handler() -> None:
        bridge.bind_request(await sync_to_async(through_django)(ann))
        await add_message()

    await ann.send(handler, deferred=True)
    seen = Seen()
    await ann.send(seen)
    assert seen.messages == ["saved"]


async def test_logout_in_a_deferred_event_leaves_no_session_behind(ann: Viewer) -> None:
    async def handler() -> None:
        bridge.bind_request(await sync_to_async(through_django)(ann))
        await alogout(bridge.current_request())

    await ann.send(handler, deferred=True)
    assert not await Session.objects.aexists()


async def test_user_that_a_middleware_finds_lazily_is_there_on_the_loop(
    ann: Viewer, settings: Any
) -> None:
    settings.MIDDLEWARE = own("lazy_user")
    found: list[str] = []

    async def handler() -> None:
        found.append(bridge.current_user().email)  # type: ignore[union-attr]

    with count_hops() as hops:
        await Viewer().send(handler, cookie="name=ann")
    assert found == [""]
    assert len(hops) == 1


async def test_replaced_response_is_kept_and_stops_nothing(
    anonymous: Viewer, settings: Any
) -> None:
    seen = Seen()
    settings.MIDDLEWARE = [*STOCK, *own("Replacing")]
    scope = await anonymous.send(seen)
    assert (seen.calls, scope.answer) == (1, None)
    assert scope.response.content == b"another"  # type: ignore[attr-defined]


async def test_redirect_that_a_middleware_makes_afterwards_is_an_answer(
    anonymous: Viewer, settings: Any
) -> None:
    settings.MIDDLEWARE = [*STOCK, *own("Replacing")]
    seen = Seen()
    scope = await anonymous.send(seen, cookie="target=/next/")
    assert seen.calls == 1
    assert scope.answer is not None
    assert scope.answer.headers["Location"] == "/next/"


@pytest.mark.parametrize(
    ("names", "mode", "expected"),
    [
        # Around a synchronous one it stays in that one's thread instead of going to and fro.
        (["flexible", "sync_only"], "flexible sync", 1),
        (["sync_only", "flexible"], "flexible async", 1),
        (["flexible", "async_only"], "flexible async", 0),
        (["async_only", "sync_only"], "sync in", 1),
    ],
)
async def test_middleware_for_both_worlds_takes_the_cheaper_one(
    anonymous: Viewer, settings: Any, names: list[str], mode: str, expected: int
) -> None:
    settings.MIDDLEWARE = own(*names)
    with count_hops() as hops:
        await anonymous.send(nothing)
    assert [entry for entry in log if entry.startswith(mode)]
    assert len(hops) == expected


async def test_shown_cookie_message_is_taken_from_the_browser(anonymous: Viewer) -> None:
    seen = Seen()
    scope = await anonymous.send(seen, cookie=message_cookie())
    assert seen.messages == ["from a view"]
    assert scope.cookies["messages"].value == ""


async def test_message_that_a_deferred_call_added_before_it_was_bound_is_kept(ann: Viewer) -> None:
    async def handler() -> None:
        call = await sync_to_async(through_django)(ann)
        messages.info(call, "from the call")
        bridge.bind_request(call)

    await ann.send(handler, deferred=True)
    seen = Seen()
    await ann.send(seen)
    assert seen.messages == ["from the call"]
