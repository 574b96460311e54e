"""Django and Reflex on one port: dispatching, streaming, static files, the guard and CORS."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.test import override_settings
from django.urls import path, reverse
from django.views.decorators.csrf import csrf_exempt
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles as PageFiles

from reflex_drf.asgi import (
    Dispatcher,
    StaticFiles,
    django_application,
    hand_over_cors,
    spare_collector,
)
from reflex_drf.errors import ConfigurationError
from reflex_drf.guard import Guard
from reflex_drf.seam import upload_headers

CSS = "/static/admin/css/base.css"
released = threading.Event()


def echo(request: HttpRequest) -> HttpResponse:
    files = {name: file.size for name, file in request.FILES.items()}
    return JsonResponse(
        {
            "path": request.path,
            "info": request.path_info,
            "admin": reverse("admin:index"),
            "url": request.build_absolute_uri(),
            "files": files,
        }
    )


def stream(request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[str]:
        yield "first"
        # Only true if the first part has left before the second one is asked for.
        yield " streamed" if released.wait(5) else " collected"

    return StreamingHttpResponse(parts())


def stream_async(request: HttpRequest) -> StreamingHttpResponse:
    async def parts() -> AsyncIterator[str]:
        yield "one "
        yield "two"

    return StreamingHttpResponse(parts())


def stream_broken(request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[str]:
        yield "first"
        raise ValueError("in the middle")

    return StreamingHttpResponse(parts())


urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/echo/", csrf_exempt(echo)),
    path("api/stream/", stream),
    path("api/async/", stream_async),
    path("api/broken/", stream_broken),
]
pytestmark = pytest.mark.urls(__name__)


async def project_sockets(scope: Any, receive: Any, send: Any) -> None:
    """Stand for a project's own ASGI application, such as one of Channels."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": f"project {scope['path']}"})


class ReflexSide:
    """Answers for Reflex and keeps what it was asked."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.headers: list[dict[str, str] | None] = []
        self.received = 0
        self.disconnected = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.paths.append(scope["path"])
        self.headers.append(upload_headers.get())
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            return
        while True:
            message = await receive()
            self.disconnected = message["type"] == "http.disconnect"
            self.received += len(message.get("body", b""))
            if not message.get("more_body"):
                break
        allow = [(b"access-control-allow-origin", b"*"), (b"x-reflex", b"1")]
        await send({"type": "http.response.start", "status": 200, "headers": allow})
        await send({"type": "http.response.body", "body": b"reflex"})


@pytest.fixture
def reflex() -> ReflexSide:
    return ReflexSide()


@pytest.fixture
def dispatcher(reflex: ReflexSide) -> Dispatcher:
    prefixes = ["/admin", "/api", "/static"]
    return Dispatcher(reflex, prefixes=prefixes, guard=Guard(), django=django_application())


def client(app: Any, root_path: str = "") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, root_path=root_path)
    return httpx.AsyncClient(transport=transport, base_url="http://testserver")


async def connect(app: Any, path: str, **headers: str) -> list[dict[str, Any]]:
    """Open a websocket, and give what the server sent."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    pairs = [(k.lower().encode(), v.encode()) for k, v in {"Host": "testserver", **headers}.items()]
    await app({"type": "websocket", "path": path, "headers": pairs}, receive, send)
    return sent


# Dispatching


@pytest.mark.parametrize(
    "path_", ["/", "/apicture", "/administration", "/shop", "/ping", "/a/api/"]
)
async def test_what_is_not_djangos_reaches_reflex(
    dispatcher: Dispatcher, reflex: ReflexSide, path_: str
) -> None:
    async with client(dispatcher) as http:
        assert (await http.get(path_)).text == "reflex"
    assert reflex.paths == [path_]


async def test_what_is_djangos_does_not_reach_reflex(
    dispatcher: Dispatcher, reflex: ReflexSide
) -> None:
    async with client(dispatcher) as http:
        assert (await http.get("/api/echo/")).json()["path"] == "/api/echo/"
        assert (await http.get("/api/none/")).status_code == 404
        assert (await http.get("/admin/")).headers["location"].startswith("/admin/login/")
    assert reflex.paths == []


@pytest.mark.parametrize("path_", ["/admin", "/api/echo"])
async def test_append_slash_works(dispatcher: Dispatcher, path_: str) -> None:
    async with client(dispatcher) as http:
        answer = await http.get(path_)
    assert (answer.status_code, answer.headers["location"]) == (301, f"{path_}/")


async def test_a_file_reaches_a_django_view(dispatcher: Dispatcher) -> None:
    async with client(dispatcher) as http:
        answer = await http.post("/api/echo/", files={"photo": b"x" * 100_000})
    assert answer.json()["files"] == {"photo": 100_000}


@pytest.mark.parametrize("sent", ["/app/api/echo/", "/api/echo/"])
async def test_a_mounted_server_is_djangos_script_name(dispatcher: Dispatcher, sent: str) -> None:
    """The proxy in front may hand on the path with the mount point, or without it."""
    async with client(dispatcher, root_path="/app") as http:
        found = (await http.get(sent)).json()
    assert (found["info"], found["admin"]) == ("/api/echo/", "/app/admin/")


async def test_a_mounted_server_still_tells_djangos_paths(
    dispatcher: Dispatcher, reflex: ReflexSide
) -> None:
    async with client(dispatcher, root_path="/api") as http:
        assert (await http.get("/api/shop")).text == "reflex"
        assert (await http.get("/apicture")).text == "reflex"


async def test_the_host_is_the_browsers(dispatcher: Dispatcher) -> None:
    async with client(dispatcher) as http:
        found = (await http.get("/api/echo/", headers={"Host": "localhost:3000"})).json()
    assert found["url"] == "http://localhost:3000/api/echo/"


@pytest.mark.parametrize(
    ("told", "said", "leads_to"),
    [
        (("HTTP_X_FORWARDED_PROTO", "https"), "https", "https://testserver/shop/"),
        (("HTTP_X_FORWARDED_PROTO", "https"), "http", "http://testserver/shop/"),
        # Without the setting anybody could have sent the header.
        (None, "https", "http://testserver/shop/"),
    ],
)
async def test_a_page_behind_a_proxy_leads_to_the_site_that_the_browser_sees(
    tmp_path: Path, told: tuple[str, str] | None, said: str, leads_to: str
) -> None:
    """The server that Reflex runs in knows nothing of what a proxy says about TLS."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "index.html").write_text("The shop")
    pages = Starlette(routes=[Mount("/", PageFiles(directory=tmp_path, html=True))])
    app = Dispatcher(pages, prefixes=["/api"], guard=Guard())
    headers = {"X-Forwarded-Proto": said}
    with override_settings(SECURE_PROXY_SSL_HEADER=told):
        async with client(app) as http:
            answer = await http.get("/shop", headers=headers)
            assert (answer.status_code, answer.headers["location"]) == (307, leads_to)
            assert (await http.get("/shop/", headers=headers)).text == "The shop"


# Websockets


async def test_without_an_asgi_application_websockets_are_reflexs(
    dispatcher: Dispatcher, reflex: ReflexSide
) -> None:
    await connect(dispatcher, "/api/ws/")
    assert reflex.paths == ["/api/ws/"]


async def test_the_projects_asgi_application_gets_its_websockets(reflex: ReflexSide) -> None:
    with override_settings(ASGI_APPLICATION=f"{__name__}.project_sockets"):
        app = Dispatcher(reflex, prefixes=["/ws"], guard=Guard())
        sent = await connect(app, "/ws/chat/")
        assert sent[-1]["text"] == "project /ws/chat/"
        assert (await connect(app, "/_event/"))[0]["type"] == "websocket.accept"
    assert reflex.paths == ["/_event/"]


def test_a_wrong_asgi_application_names_the_setting() -> None:
    with (
        override_settings(ASGI_APPLICATION="tests.nowhere.application"),
        pytest.raises(ConfigurationError, match=r"ASGI_APPLICATION = 'tests\.nowhere"),
    ):
        django_application()


# Streaming


async def test_a_plain_iterator_is_streamed(dispatcher: Dispatcher) -> None:
    """Guards against collecting a response, which hangs server-sent events for ever."""
    released.clear()
    body = b""

    async def send(message: Any) -> None:
        nonlocal body
        if part := message.get("body", b""):
            body += part
            released.set()

    messages = [{"type": "http.request"}]

    async def receive() -> Any:
        return messages.pop() if messages else await asyncio.Future()

    scope = {"type": "http", "method": "GET", "path": "/api/stream/", "query_string": b""}
    scope |= {"headers": [(b"host", b"testserver")], "scheme": "http"}
    async with asyncio.timeout(20):
        await dispatcher(scope, receive, send)
    assert body == b"first streamed"


async def test_an_async_iterator_is_left_alone(dispatcher: Dispatcher) -> None:
    async with client(dispatcher) as http:
        assert (await http.get("/api/async/")).text == "one two"


# Django leaves the file of a request's body open when the stream of its answer fails.
@pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
async def test_an_error_in_a_stream_is_not_swallowed(dispatcher: Dispatcher) -> None:
    async with client(dispatcher) as http:
        with pytest.raises(ValueError, match="in the middle"):
            await http.get("/api/broken/")
    gc.collect()


# Static files


@pytest.mark.parametrize("debug", [True, False])
async def test_the_admins_static_files_are_served(dispatcher: Dispatcher, debug: bool) -> None:
    with override_settings(DEBUG=debug):
        async with client(dispatcher) as http:
            answer = await http.get(CSS)
            assert (await http.get("/static/none.css")).status_code == 404
    assert answer.headers["content-type"].startswith("text/css")
    assert len(answer.content) == int(answer.headers["content-length"]) > 10_000


@pytest.mark.parametrize("name", ["..%2f..%2fsettings.py", "%2fetc%2fpasswd", "a%00b", ""])
@pytest.mark.parametrize("collected", [True, False])
async def test_nothing_but_static_files_is_served(
    reflex: ReflexSide, tmp_path: Path, name: str, collected: bool
) -> None:
    with override_settings(STATIC_ROOT=str(tmp_path) if collected else None):
        app = Dispatcher(reflex, prefixes=["/static"], guard=Guard())
        async with client(app) as http:
            assert (await http.get(f"/static/{name}")).status_code in (400, 404)
    assert reflex.paths == []


@pytest.mark.parametrize(("debug", "text"), [(False, "collected"), (True, "DJANGO Admin styles")])
async def test_collected_files_come_first_in_production(
    reflex: ReflexSide, tmp_path: Path, debug: bool, text: str
) -> None:
    collected = tmp_path / "admin/css/base.css"
    collected.parent.mkdir(parents=True)
    collected.write_text("/* collected */")
    with override_settings(DEBUG=debug, STATIC_ROOT=str(tmp_path)):
        app = Dispatcher(reflex, prefixes=["/static"], guard=Guard())
        async with client(app) as http:
            assert text in (await http.get(CSS)).text
            assert (await http.get("/static/admin/js/theme.js")).status_code == 200


async def test_an_unchanged_static_file_is_not_sent_again(dispatcher: Dispatcher) -> None:
    async with client(dispatcher) as http:
        stamp = (await http.get(CSS)).headers["last-modified"]
        again = await http.get(CSS, headers={"If-Modified-Since": stamp})
    assert (again.status_code, again.content) == (304, b"")


def test_whitenoise_serves_its_own_files_in_production(settings: Any) -> None:
    middleware = [*settings.MIDDLEWARE, "whitenoise.middleware.WhiteNoiseMiddleware"]
    application = f"{__name__}.project_sockets"
    with override_settings(MIDDLEWARE=middleware, ASGI_APPLICATION=application):
        assert django_application() is project_sockets
        with override_settings(DEBUG=True):
            assert isinstance(django_application(), StaticFiles)


# The guard

EVIL = {"Origin": "http://evil.example", "Cookie": "sessionid=secret"}


@pytest.mark.parametrize("path_", ["/_event", "/_event/", "/_event/?token=x"])
async def test_a_foreign_page_cannot_open_the_event_socket(
    dispatcher: Dispatcher, reflex: ReflexSide, path_: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "reflex_drf.asgi"):
        sent = await connect(dispatcher, path_.partition("?")[0], **EVIL)
    assert [message["type"] for message in sent] == ["websocket.close"]
    assert reflex.paths == []
    assert "evil.example" in caplog.text
    assert "secret" not in caplog.text


async def test_a_forged_host_cannot_open_the_event_socket(
    dispatcher: Dispatcher, reflex: ReflexSide
) -> None:
    sent = await connect(dispatcher, "/_event/", Host="evil.example")
    assert [message["type"] for message in sent] == ["websocket.close"]
    assert reflex.paths == []


async def test_the_sites_own_page_opens_the_event_socket(dispatcher: Dispatcher) -> None:
    sent = await connect(dispatcher, "/_event/", Origin="http://testserver")
    assert sent[0]["type"] == "websocket.accept"


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize("path_", ["/_upload", "/_upload/a.png", "/_event/?transport=polling"])
async def test_a_foreign_page_cannot_upload_or_poll(
    dispatcher: Dispatcher, reflex: ReflexSide, method: str, path_: str
) -> None:
    async with client(dispatcher) as http:
        answer = await http.request(method, path_, headers=EVIL)
    assert (answer.status_code, answer.text) == (403, "Forbidden.")
    assert reflex.paths == []


async def test_the_guard_follows_a_backend_path(reflex: ReflexSide) -> None:
    paths = {"events": "/back/_event", "uploads": "/back/_upload"}
    app = Dispatcher(reflex, prefixes=["/api"], guard=Guard(), **paths)
    async with client(app) as http:
        assert (await http.post("/back/_upload", headers=EVIL)).status_code == 403
        assert (await http.post("/_upload", headers=EVIL)).text == "reflex"


async def test_the_guard_follows_a_mounted_server(dispatcher: Dispatcher) -> None:
    async with client(dispatcher, root_path="/app") as http:
        assert (await http.post("/app/_upload", headers=EVIL)).status_code == 403


# Uploads to Reflex


async def test_the_event_of_an_upload_can_see_its_request(
    dispatcher: Dispatcher, reflex: ReflexSide
) -> None:
    async with client(dispatcher) as http:
        cookies = [("Cookie", "a=1"), ("Cookie", "b=2"), ("X-Y", "z")]
        await http.post("/_upload", headers=cookies)
        await http.get("/")
    headers, none = reflex.headers
    assert headers is not None
    assert (headers["cookie"], headers["x-y"]) == ("a=1; b=2", "z")
    assert headers["asgi-scope-client"] == "127.0.0.1"
    assert none is None
    assert upload_headers.get() is None


async def test_an_upload_that_is_too_large_is_refused_at_once(
    dispatcher: Dispatcher, reflex: ReflexSide
) -> None:
    with override_settings(REFLEX_DRF={"MAX_UPLOAD_BYTES": 1000}):
        async with client(dispatcher) as http:
            assert (await http.post("/_upload", content=b"x" * 1000)).status_code == 200
            assert (await http.post("/_upload", content=b"x" * 1001)).status_code == 413
    assert reflex.received == 1000


async def test_an_upload_without_a_length_is_cut_off(
    dispatcher: Dispatcher, reflex: ReflexSide, caplog: pytest.LogCaptureFixture
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while not reflex.disconnected:
            yield b"x" * 400

    with override_settings(REFLEX_DRF={"MAX_UPLOAD_BYTES": 1000}):
        async with client(dispatcher) as http:
            await http.post("/_upload", content=endless())
    assert reflex.disconnected
    assert reflex.received == 800
    assert "MAX_UPLOAD_BYTES" in caplog.text


async def test_uploads_can_be_unlimited(dispatcher: Dispatcher, reflex: ReflexSide) -> None:
    with override_settings(REFLEX_DRF={"MAX_UPLOAD_BYTES": None}):
        async with client(dispatcher) as http:
            await http.post("/_upload", content=b"x" * 5_000_000)
    assert reflex.received == 5_000_000


# CORS


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [("http://evil.example", None), ("http://testserver", "*"), (None, None)],
)
async def test_reflexs_answers_are_not_readable_from_everywhere(
    dispatcher: Dispatcher, origin: str | None, allowed: str | None
) -> None:
    async with client(dispatcher) as http:
        answer = await http.get("/ping", headers={"Origin": origin} if origin else {})
    assert answer.headers.get("access-control-allow-origin") == allowed
    assert answer.headers["x-reflex"] == "1"


def wrapped_as_reflex_does(app: Any) -> Starlette:
    top = Starlette(lifespan=hand_over_cors, routes=[Mount("", app)])
    top.add_middleware(CORSMiddleware, allow_origins=["*"], allow_credentials=True)
    return top


async def started(app: Starlette) -> None:
    """Run the start of a server's life, and then its end."""
    messages = [{"type": "lifespan.shutdown"}, {"type": "lifespan.startup"}]

    async def receive() -> Any:
        return messages.pop()

    async def send(message: Any) -> None:
        assert message["type"] in ("lifespan.startup.complete", "lifespan.shutdown.complete")

    await app({"type": "lifespan"}, receive, send)


async def test_a_foreign_page_cannot_read_the_api(dispatcher: Dispatcher) -> None:
    """Reflex's CORS middleware would repeat the origin of a request that has a cookie."""
    top = wrapped_as_reflex_does(dispatcher)
    await started(top)
    async with client(top) as http:
        answer = await http.get("/api/echo/", headers=EVIL)
        asked = {**EVIL, "Access-Control-Request-Method": "DELETE"}
        preflight = await http.options("/api/echo/", headers=asked)
    for response in (answer, preflight):
        assert not [name for name in response.headers if name.startswith("access-control")]


async def test_the_projects_own_cors_rules_are_the_only_ones() -> None:
    async def api(request: Any) -> PlainTextResponse:
        return PlainTextResponse("x", headers={"Access-Control-Allow-Origin": "http://partner"})

    top = wrapped_as_reflex_does(Starlette(routes=[Route("/api/", api)]))
    await started(top)
    async with client(top) as http:
        answer = await http.get("/api/", headers={"Origin": "http://partner"})
    found = {k: v for k, v in answer.headers.items() if k.startswith("access-control")}
    assert found == {"access-control-allow-origin": "http://partner"}


# The garbage collector


@pytest.fixture
def thresholds() -> Iterator[tuple[int, int, int]]:
    before = gc.get_threshold()
    yield before
    gc.set_threshold(*before)


@pytest.mark.parametrize(("young", "meanwhile"), [(700, 10_000), (50_000, 50_000), (0, 0)])
async def test_a_server_collects_less_often_unless_somebody_chose_otherwise(
    young: int, meanwhile: int, thresholds: tuple[int, int, int]
) -> None:
    gc.set_threshold(young, *thresholds[1:])
    async with spare_collector():
        assert gc.get_threshold() == (meanwhile, *thresholds[1:])
        assert gc.get_freeze_count() > 0
    assert gc.get_threshold() == (young, *thresholds[1:])
    assert gc.get_freeze_count() == 0
