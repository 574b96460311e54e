"""What handlers read about their viewer, and what they are told where there is none."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse

from reflex_drf import bridge
from reflex_drf.bridge import threads
from reflex_drf.errors import ConfigurationError, NoRequestError, NotAuthenticatedError
from tests.bridging import Viewer, sign_in

READERS: list[Callable[[], Any]] = [
    bridge.current_request,
    bridge.current_user,
    bridge.current_session,
    bridge.current_messages,
    bridge.current_language,
    bridge.current_response,
    bridge.require_login_user,
    bridge.event_origin,
    lambda: bridge.request.user,
]


@pytest.fixture(autouse=True)
def _threads_end() -> Iterator[None]:
    yield
    threads.shutdown()


@pytest.fixture
def ann(transactional_db: None) -> Viewer:
    return sign_in("ann", email="ann@example.com")


@pytest.mark.parametrize("read", READERS)
def test_outside_an_event_every_reader_says_so(read: Callable[[], Any]) -> None:
    with pytest.raises(NoRequestError, match="does not run inside a Reflex event"):
        read()


@pytest.mark.parametrize("read", READERS)
def test_after_the_event_every_reader_says_so(read: Callable[[], Any]) -> None:
    with bridge.event_scope(Viewer().request()) as scope:
        scope.request = scope.origin
    bridge.scope_var.set(scope)
    try:
        with pytest.raises(NoRequestError, match="has ended"):
            read()
    finally:
        bridge.scope_var.set(None)


def test_deferred_event_has_no_request_before_its_call() -> None:
    with bridge.event_scope(Viewer().request(), deferred=True) as scope:
        with pytest.raises(NoRequestError, match="the viewset's own call makes it"):
            bridge.current_request()
        assert bridge.event_origin() is scope.origin
        assert not bridge.request


def test_bound_request_is_the_events_request_in_every_thread() -> None:
    with bridge.event_scope(Viewer().request(), deferred=True):
        call = Viewer().request()
        import contextvars

        # A call runs in its database thread, in a copy of the event's context.
        thread = threading.Thread(
            target=contextvars.copy_context().run, args=(bridge.bind_request, call)
        )
        thread.start()
        thread.join()
        assert bridge.current_request() is call
        assert bridge.event_origin() is call


def test_binding_outside_an_event_is_refused() -> None:
    with pytest.raises(NoRequestError):
        bridge.bind_request(Viewer().request())


async def test_handler_reads_its_viewer(ann: Viewer) -> None:
    async def handler() -> None:
        request = bridge.current_request()
        assert bridge.current_user() is request.user
        assert bridge.current_session() is request.session
        assert bridge.current_session().session_key == ann.key
        assert bridge.current_language() == "en"
        assert bridge.require_login_user() == ann.user
        assert isinstance(bridge.current_response(), HttpResponse)
        messages.success(request, "done")
        assert [message.tags for message in bridge.current_messages()] == ["success"]

    await ann.send(handler)


async def test_readers_work_in_a_thread_of_the_event(ann: Viewer) -> None:
    async def handler() -> None:
        assert await sync_to_async(bridge.current_user)() == ann.user
        assert await asyncio.to_thread(bridge.current_user) == ann.user

    await ann.send(handler)


async def test_readers_work_in_a_task_that_the_handler_awaits(ann: Viewer) -> None:
    async def read() -> Any:
        return bridge.current_user()

    async def handler() -> None:
        assert await asyncio.gather(read(), read()) == [ann.user, ann.user]

    await ann.send(handler)


async def test_task_that_outlives_its_event_gets_no_stale_user(ann: Viewer) -> None:
    ended = asyncio.Event()
    tasks: list[asyncio.Task[Any]] = []

    async def later() -> Any:
        await ended.wait()
        return bridge.current_user()

    async def handler() -> None:
        tasks.append(asyncio.create_task(later()))

    await ann.send(handler)
    ended.set()
    with pytest.raises(NoRequestError, match="has ended"):
        await tasks[0]


async def test_ended_scope_keeps_no_request_alive(ann: Viewer) -> None:
    async def handler() -> None:
        assert bridge.current_request().user.is_authenticated

    scope = await ann.send(handler)
    assert scope.closed
    assert scope.request is None


async def test_event_inside_an_event_has_its_own_viewer(ann: Viewer) -> None:
    async def inner() -> None:
        assert not bridge.current_user().is_authenticated

    async def handler() -> None:
        await Viewer().send(inner)
        assert bridge.current_user() == ann.user

    await ann.send(handler)


async def test_failure_after_an_inner_event_fails_the_outer_one(ann: Viewer) -> None:
    async def inner() -> None:
        assert not bridge.current_user().is_authenticated

    async def handler() -> None:
        await Viewer().send(inner)
        raise LookupError("outer")

    with pytest.raises(LookupError, match="outer"):
        await ann.send(handler)


async def test_end_of_an_event_leaves_none_behind(ann: Viewer) -> None:
    async def handler() -> None:
        assert bridge.request

    await ann.send(handler)
    with pytest.raises(NoRequestError, match="does not run inside"):
        bridge.current_request()


async def test_proxy_is_the_request_of_whoever_asks(ann: Viewer) -> None:
    assert not bridge.request
    assert repr(bridge.request) == "<request proxy: no event>"

    async def handler() -> None:
        assert bridge.request
        assert bridge.request.user.email == "ann@example.com"  # type: ignore[union-attr]
        assert bridge.request.GET["page"] == "2"
        assert bridge.request.COOKIES["sessionid"] == ann.key
        assert bridge.request.META["REMOTE_ADDR"] == "10.0.0.7"
        assert bridge.request.headers["Host"] == "localhost:8000"
        assert (bridge.request.method, bridge.request.path) == ("GET", "/shop")
        assert "GET '/shop?page=2'" in repr(bridge.request)
        with pytest.raises(AttributeError, match="no_such_thing"):
            bridge.request.no_such_thing  # type: ignore[attr-defined]  # noqa: B018

    await ann.send(handler)


async def test_anonymous_viewer_is_no_logged_in_user(transactional_db: None) -> None:
    async def handler() -> None:
        with pytest.raises(NotAuthenticatedError, match="logged-in user") as raised:
            bridge.require_login_user()
        assert isinstance(raised.value, PermissionDenied)

    await Viewer().send(handler)


async def test_missing_middleware_is_named(settings: Any) -> None:
    settings.MIDDLEWARE = []

    async def handler() -> None:
        with pytest.raises(ConfigurationError, match=r"no `user`.*AuthenticationMiddleware"):
            bridge.current_user()
        with pytest.raises(ConfigurationError, match=r"no `session`.*SessionMiddleware"):
            bridge.current_session()
        assert bridge.current_messages() == []
        assert bridge.current_language() == "en"

    await Viewer().send(handler)


async def test_language_falls_back_on_the_projects_own(settings: Any) -> None:
    from django.utils import translation

    settings.MIDDLEWARE = []

    async def handler() -> None:
        translation.deactivate_all()
        assert bridge.current_language() in ("en", "en-us")

    await Viewer().send(handler)


def test_package_can_be_imported_without_settings() -> None:
    code = "import reflex_drf.bridge.middleware, reflex_drf.bridge.requests, sys;"
    code += "assert not [m for m in sys.modules if m.split('.')[0] in ('reflex', 'reflex_base')]"
    done = subprocess.run([sys.executable, "-c", code], env={}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
