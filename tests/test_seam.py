"""Every event becomes a Django request, whatever kind of handler it runs."""

from __future__ import annotations

import asyncio
import functools
import logging
import threading
from collections.abc import AsyncGenerator, Generator
from typing import Any, ClassVar

import pytest
import reflex as rx
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.core.exceptions import SynchronousOnlyOperation
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from reflex_base.event import Event

from reflex_drf import bridge, seam
from reflex_drf.bridge.threads import database_thread
from reflex_drf.errors import ConfigurationError, NoRequestError
from reflex_drf.state.gate import OwnerMiddleware
from reflex_drf.testing import Tab, Worker, create_session


class SeamState(rx.State):
    seen: list[str] = []
    chained: bool = False

    def _look(self) -> str:
        return str(bridge.current_user().get_username() or "anonymous")

    @rx.event
    def sync(self) -> None:
        self.seen.append(self._look())

    @rx.event
    async def asynchronous(self) -> None:
        await asyncio.sleep(0)
        self.seen.append(self._look())

    @rx.event
    def generator(self) -> Generator[Any]:
        self.seen.append(self._look())
        yield
        self.seen.append(self._look())

    @rx.event
    async def async_generator(self) -> AsyncGenerator[Any]:
        self.seen.append(self._look())
        yield
        self.seen.append(self._look())

    @rx.event(background=True)
    async def background(self) -> None:
        name = str(bridge.current_user().get_username() or "anonymous")
        async with self:
            self.seen.append(name)

    @rx.event
    def chain(self) -> Any:
        self.chained = True
        return SeamState.asynchronous

    @rx.event
    async def upload(self, files: list[rx.UploadFile], note: str = "") -> None:
        self.seen.append(f"{self._look()} {note} {len(files)}".strip())

    @rx.event
    def chain_from_upload(self, files: list[rx.UploadFile]) -> Any:
        return SeamState.asynchronous

    @rx.event
    async def orm(self) -> None:
        self.seen.append(str(await get_user_model().objects.acount()))

    @rx.event
    def query_on_the_loop(self) -> None:
        get_user_model().objects.count()

    @rx.event
    async def write_session(self, value: str) -> None:
        bridge.current_session()["note"] = value

    @rx.event
    def write_session_and_fail(self) -> None:
        bridge.current_session()["note"] = "kept"
        raise ValueError("after the write")

    @rx.event
    def read_session(self) -> None:
        self.seen.append(bridge.current_session().get("note", "nothing"))

    @rx.event
    async def slowly(self, first: bool) -> None:
        before = bridge.current_request()
        if first:
            gates["entered"].set()
            await gates["go"].wait()
        else:
            gates["go"].set()
        assert bridge.current_request() is before
        self.seen.append(self._look())

    @rx.event
    def describe(self) -> None:
        request = bridge.current_request()
        self.seen = [request.get_host(), request.path, request.GET.urlencode(), request.scheme]
        self.seen.append(request.META["REMOTE_ADDR"])


class SeamPlainState(rx.State):
    django_bridge: ClassVar[bool] = False
    outcome: str = ""

    @rx.event
    def look(self) -> None:
        try:
            self.outcome = str(bridge.current_user())
        except NoRequestError:
            self.outcome = "no request"


def deferred(function: Any) -> Any:
    function.__reflex_drf_deferred__ = True
    return function


class SeamDeferredState(rx.State):
    outcome: str = ""

    @rx.event
    @deferred
    async def look(self) -> None:
        scope = bridge.current_scope()
        self.outcome = f"{scope.deferred} {scope.request is None} {bridge.event_origin().path}"


gates: dict[str, asyncio.Event] = {}
SYNC_KINDS = ["sync", "asynchronous", "generator", "async_generator", "background", "chain"]


@pytest.fixture
async def alice() -> Any:
    return await get_user_model().objects.acreate_user("alice", password="secret")


@pytest.fixture
async def bob() -> Any:
    return await get_user_model().objects.acreate_user("bob", password="secret")


@pytest.mark.parametrize("kind", SYNC_KINDS)
@pytest.mark.django_db(transaction=True)
async def test_the_user_is_known_in_every_kind_of_handler(kind: str, alice: Any) -> None:
    async with Tab(user=alice) as tab:
        await tab.send(getattr(SeamState, kind))
        assert set(tab.get(SeamState, "seen")) == {"alice"}
    async with Tab() as tab:
        await tab.send(getattr(SeamState, kind))
        assert set(tab.get(SeamState, "seen")) == {"anonymous"}


@pytest.mark.django_db(transaction=True)
async def test_the_asynchronous_orm_works_in_a_handler(alice: Any) -> None:
    async with Tab(user=alice) as tab:
        await tab.send(SeamState.orm)
        assert tab.get(SeamState, "seen") == ["1"]


@pytest.mark.django_db(transaction=True)
async def test_session_writes_are_saved_before_the_next_event(alice: Any) -> None:
    async with Tab(user=alice) as tab:
        await tab.send(SeamState.write_session("one"))
        row = await Session.objects.aget(session_key=tab.cookies["sessionid"])
        assert row.get_decoded()["note"] == "one"
        await tab.send([SeamState.write_session("two"), SeamState.read_session])
        assert tab.get(SeamState, "seen") == ["two"]


@pytest.mark.django_db(transaction=True)
async def test_the_response_phase_runs_when_the_handler_raises(settings: Any, alice: Any) -> None:
    settings.MIDDLEWARE = ["tests.test_seam.recording_middleware", *settings.MIDDLEWARE]
    statuses.clear()
    async with Tab(user=alice) as tab:
        with pytest.raises(ValueError, match="after the write"):
            await tab.send(SeamState.write_session_and_fail)
        await tab.send(SeamState.read_session)
        # As after a view that failed, Django keeps nothing of the session.
        assert tab.get(SeamState, "seen") == ["nothing"]
    assert statuses == [200, 500, 200]


@pytest.mark.django_db(transaction=True)
async def test_an_exception_reaches_the_exception_handler_of_the_app(alice: Any) -> None:
    caught: list[Exception] = []
    async with Worker(exception_handler=caught.append), Tab(user=alice) as tab:
        await tab.send(SeamState.write_session_and_fail, raises=False)
        assert [str(error) for error in caught] == ["after the write"]


@pytest.mark.django_db(transaction=True)
async def test_interleaved_events_never_see_each_other(alice: Any, bob: Any) -> None:
    gates.update(entered=asyncio.Event(), go=asyncio.Event())
    async with Tab(user=alice) as first, Tab(user=bob) as second:
        waiting = await first.start(SeamState.slowly(True))
        await gates["entered"].wait()
        await second.send(SeamState.slowly(False))
        await waiting.join()
        assert first.errors == []
        assert first.get(SeamState, "seen") == ["alice"]
        assert second.get(SeamState, "seen") == ["bob"]


@pytest.mark.django_db(transaction=True)
async def test_a_deleted_session_is_noticed_at_the_next_event(alice: Any) -> None:
    async with Tab(user=alice) as tab:
        await Session.objects.all().adelete()
        await tab.send(SeamState.sync)
        assert tab.get(SeamState, "seen") == []
        assert "sessionStorage.removeItem" in str(tab.events)


async def test_the_request_describes_handshake_and_page() -> None:
    headers = {"host": "localhost:3000", "origin": "https://localhost:3000"}
    async with Tab(headers=headers, path="/shop/caf%C3%A9?page=2#top") as tab:
        await tab.send(SeamState.describe)
        expected = ["localhost:3000", "/shop/café", "page=2", "https", "127.0.0.1"]
        assert tab.get(SeamState, "seen") == expected


@pytest.mark.parametrize("path", ["//evil.example/x", "\\evil", "/a?b=%zz#?c", "?"])
async def test_a_forged_page_breaks_nothing(path: str) -> None:
    async with Tab() as tab:
        data = tab.router_data | {"asPath": path, seam.UPLOAD: True, "pathname": "/"}
        event = Event(name=f"{SeamState.get_full_name()}.describe", router_data=data)
        await (await tab.worker.processor.enqueue(tab.token, event)).wait_all()
        host, described, *_ = tab.get(SeamState, "seen")
        assert host == "testserver"
        assert described.startswith("/")
        # Not taken for an upload, whose router data would have been left out of the state.
        assert tab.state(SeamState).router_data["asPath"] == path


async def test_the_orm_is_refused_on_the_loop_as_ever() -> None:
    async with Tab() as tab:
        with pytest.raises(SynchronousOnlyOperation):
            await tab.send(SeamState.query_on_the_loop)


async def test_nothing_of_an_event_is_left_after_it() -> None:
    async with Tab() as tab:
        await tab.send(SeamState.sync)
    with pytest.raises(NoRequestError):
        bridge.current_request()


async def test_a_state_can_opt_out() -> None:
    async with Tab() as tab:
        await tab.send(SeamPlainState.look)
        assert tab.get(SeamPlainState, "outcome") == "no request"


@pytest.mark.django_db(transaction=True)
async def test_a_deferred_handler_starts_without_a_request(alice: Any) -> None:
    async with Tab(user=alice, path="/items") as tab:
        await tab.send(SeamDeferredState.look)
        assert tab.get(SeamDeferredState, "outcome") == "True True /items"


def test_deferred_handlers_are_found_below_wrappers() -> None:
    def wrap(function: Any) -> Any:
        @functools.wraps(function)
        def wrapper(*args: Any) -> Any:
            return function(*args)

        wrapper.__dict__.pop("__reflex_drf_deferred__", None)
        return wrapper

    @deferred
    def written(self: Any) -> None: ...

    def plain(self: Any) -> None: ...

    def handler(function: Any) -> Any:
        return rx.event.EventHandler(fn=function)

    assert seam.is_deferred(handler(wrap(written)))
    assert seam.is_deferred(handler(functools.partial(written)))
    assert not seam.is_deferred(handler(wrap(plain)))


# Unknown events


async def test_an_unknown_event_is_refused_without_logging_headers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Tab(cookies={"sessionid": "secret-key"}, hydrate=False) as tab:
        with caplog.at_level(logging.DEBUG):
            for _ in range(5):
                await tab.send_name("no.such\nhandler", {"password": "hidden"})
        assert tab.worker.processor._futures == {}
        assert [record.message for record in caplog.records] == [
            "Refused the unknown event no.such handler."
        ] * 5
        assert "secret-key" not in caplog.text
        assert "hidden" not in caplog.text


@pytest.mark.parametrize("name", [7, None, ["a"], {"a": 1}])
async def test_an_event_whose_name_is_no_string_is_refused(name: Any) -> None:
    async with Tab() as tab:
        assert await tab.send_name(name) == []
        assert tab.worker.processor._futures == {}


async def test_helpers_are_not_remotely_callable() -> None:
    async with Tab() as tab:
        await tab.send_name(f"{SeamState.get_full_name()}._look")
        assert tab.get(SeamState, "seen") == []


# Uploads


def upload_file() -> rx.UploadFile:
    import io

    return rx.UploadFile(file=io.BytesIO(b"content"))


@pytest.mark.django_db(transaction=True)
async def test_an_upload_has_the_authority_of_its_own_cookies(alice: Any) -> None:
    async with Tab(user=alice) as tab:
        await tab.upload(SeamState.upload(note="mine"), [upload_file()])
        assert tab.get(SeamState, "seen") == ["alice mine 1"]
        await tab.upload(SeamState.chain_from_upload, [upload_file()])
        assert tab.get(SeamState, "seen") == ["alice mine 1", "alice"]


@pytest.mark.django_db(transaction=True)
async def test_an_upload_leaves_the_headers_of_the_socket_alone(alice: Any) -> None:
    async with Tab(user=alice, headers={"x-socket": "1"}) as tab:
        await tab.upload(SeamState.upload, [], headers={"x-upload": "1"})
        headers = tab.state(SeamState).router_data["headers"]
        assert "x-socket" in headers
        assert "x-upload" not in headers


@pytest.mark.parametrize("cookies", [{}, {"sessionid": "unknown"}])
@pytest.mark.django_db(transaction=True)
async def test_an_upload_with_only_the_token_is_refused(alice: Any, cookies: Any) -> None:
    async with Tab(user=alice) as tab:
        await tab.send(SeamState.sync)
        tab.clear()
        await tab.upload(SeamState.upload, [upload_file()], cookies=cookies)
        await tab.upload(SeamState.upload, [], cookies=cookies)
        assert tab.get(SeamState, "seen") == ["alice"]
        assert tab.deltas == []
        # The tab of the user goes on as if nothing had happened.
        assert "removeItem" not in str(tab.events)
        await tab.send(SeamState.sync)
        assert tab.get(SeamState, "seen") == ["alice", "alice"]


@pytest.mark.django_db(transaction=True)
async def test_an_upload_whose_headers_nobody_noted_is_anonymous(alice: Any) -> None:
    async with Tab(user=alice) as tab:
        name = f"{SeamState.get_full_name()}.upload"
        future = await tab.worker.processor.enqueue(
            tab.token, Event(name=name, payload={"files": []})
        )
        await future.wait_all()
        assert tab.get(SeamState, "seen") == []


@pytest.mark.django_db(transaction=True)
async def test_an_event_of_the_server_itself_runs_as_the_user_of_the_tab(alice: Any) -> None:
    async with Tab(user=alice) as tab:
        event = Event(name=f"{SeamState.get_full_name()}.sync")
        future = await tab.worker.processor.enqueue(tab.token, event)
        await future.wait_all()
        assert tab.get(SeamState, "seen") == ["alice"]


# Middleware that answers


statuses: list[int] = []


def recording_middleware(get_response: Any) -> Any:
    def middleware(request: HttpRequest) -> Any:
        response = get_response(request)
        statuses.append(response.status_code)
        return response

    return middleware


def redirect_middleware(get_response: Any) -> Any:
    def middleware(request: HttpRequest) -> Any:
        return HttpResponseRedirect('/accounts/login/?next=</script>"')

    return middleware


def forbid_middleware(get_response: Any) -> Any:
    def middleware(request: HttpRequest) -> Any:
        return HttpResponse("internal details", status=403)

    return middleware


def script_middleware(get_response: Any) -> Any:
    def middleware(request: HttpRequest) -> Any:
        response = HttpResponse(status=302)
        response["Location"] = "javascript:alert(1)"
        return response

    return middleware


def failing_middleware(get_response: Any) -> Any:
    def middleware(request: HttpRequest) -> Any:
        raise RuntimeError("broken middleware")

    return middleware


async def test_a_redirect_of_the_middleware_leads_the_browser_there(settings: Any) -> None:
    settings.MIDDLEWARE = ["tests.test_seam.redirect_middleware"]
    async with Tab(hydrate=False) as tab:
        await tab.send(SeamState.sync)
        assert "window.location.assign" in str(tab.events)
        assert "/accounts/login/" in str(tab.events)
        assert tab.deltas == []


@pytest.mark.parametrize("name", ["forbid", "script"])
async def test_a_refusal_of_the_middleware_stops_the_handler(settings: Any, name: str) -> None:
    settings.MIDDLEWARE = [f"tests.test_seam.{name}_middleware"]
    async with Tab() as tab:
        await tab.send(SeamState.sync)
        assert "The server refused this" in str(tab.events)
        assert "internal details" not in str(tab.events)
        assert "javascript:" not in str(tab.events)
        assert tab.deltas == []
        assert tab.token not in tab.worker.state_manager.states  # type: ignore[attr-defined]


async def test_an_event_fails_with_its_middleware(settings: Any) -> None:
    settings.MIDDLEWARE = ["tests.test_seam.failing_middleware"]
    async with Tab(hydrate=False) as tab:
        with pytest.raises(RuntimeError, match="broken middleware"):
            await tab.send(SeamState.sync)
        assert tab.deltas == []


# Installing


def test_an_unsupported_reflex_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("0.9.11", "0.10.0", "0.11.0", "1.0"):
        monkeypatch.setattr("importlib.metadata.version", lambda name, found=version: found)
        with pytest.raises(ConfigurationError, match=f"{version} is installed") as caught:
            seam.check_version()
        assert "reflex>=0.10.1,<0.11" in str(caught.value)
    monkeypatch.setattr("importlib.metadata.version", lambda name: "0.10.7.post1")
    seam.check_version()


@pytest.fixture
def app() -> Generator[rx.App]:
    from reflex_base.registry import RegistrationContext

    token = RegistrationContext.set(RegistrationContext.ensure_context().fork())
    yield rx.App()
    RegistrationContext.reset(token)


async def test_installing_twice_bridges_once(app: rx.App) -> None:
    tasks = len(app.get_lifespan_tasks())
    seam.install(app)
    seam.install(app)
    assert len(app.get_lifespan_tasks()) == tasks + 1
    assert sum(isinstance(item, OwnerMiddleware) for item in app._middlewares) == 1


async def test_the_processor_takes_its_place_while_the_server_runs(app: rx.App) -> None:
    seam.install(app)
    async with app._run_lifespan_tasks(app._api):  # type: ignore[arg-type]
        assert isinstance(app.event_processor, seam.ReflexDRFEventProcessor)
    assert not isinstance(app._event_processor, seam.ReflexDRFEventProcessor)


async def test_the_end_of_the_server_closes_the_database_threads(app: rx.App) -> None:
    async with seam.bridge_events(app), database_thread():
        thread = await sync_to_async(threading.current_thread)()
        assert thread.is_alive()
    assert not thread.is_alive()


@pytest.mark.django_db
def test_a_session_can_be_prepared() -> None:
    key = create_session(note="prepared")
    assert Session.objects.get(session_key=key).get_decoded() == {"note": "prepared"}


class UnbridgedQueryState(rx.State):
    """Has nothing to do with Django's requests, and asks its database all the same."""

    django_bridge: ClassVar[bool] = False
    found: int = -1

    @rx.event
    async def count_users(self) -> None:
        self.found = await get_user_model().objects.acount()


@pytest.mark.django_db(transaction=True)
async def test_an_event_outside_the_bridge_may_ask_the_database() -> None:
    await sync_to_async(get_user_model().objects.create_user)("ann")
    async with Tab() as tab, Tab() as other:
        for _ in range(2):
            await asyncio.gather(
                tab.send(UnbridgedQueryState.count_users),
                other.send(UnbridgedQueryState.count_users),
            )
        assert tab.get(UnbridgedQueryState, "found") == 1
