"""What goes over the wire, what is read from it, and what happens when the API is not there."""

from __future__ import annotations

import asyncio
import datetime
import gc
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from http.cookies import SimpleCookie
from io import BytesIO
from typing import Any

import httpx
import pytest
from asgiref.sync import async_to_sync
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.test import override_settings
from django.urls import set_script_prefix
from rest_framework import pagination, parsers, viewsets
from rest_framework.decorators import action

from reflex_drf.backends import Backend, Call, Page
from reflex_drf.backends.encoding import encode_body, form_fields
from reflex_drf.backends.envelope import read_page
from reflex_drf.backends.http import HttpBackend
from reflex_drf.errors import BackendUnavailable, ConfigurationError, UnknownAction
from tests.origin import make_origin
from tests.parity.rows import make_rows
from tests.parity.views import BrokenViewSet
from tests.parity.ways import keep_connection
from tests.shop.models import Category, Product
from tests.shop.views import CategoryViewSet, ProductViewSet

LIST = Call(view=CategoryViewSet, action="list")
CREATE = Call(view=CategoryViewSet, action="create", data={"name": "Tea"})


class Recorder:
    """An API that notes each request and gives the same answer to all."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers = list(answers) or [httpx.Response(200, json={})]
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.answers[min(len(self.requests), len(self.answers)) - 1]

    @property
    def last(self) -> httpx.Request:
        return self.requests[-1]

    def backend(self, kind: type[HttpBackend] = HttpBackend, base: str = "") -> HttpBackend:
        return kind(base or "https://api.example.com", transport=httpx.MockTransport(self))


def cookies_of(request: httpx.Request) -> dict[str, str]:
    return {name: morsel.value for name, morsel in SimpleCookie(request.headers["Cookie"]).items()}


async def send(recorder: Recorder, call: Call = LIST, origin: HttpRequest | None = None) -> Any:
    return (await recorder.backend().run(origin or make_origin(), call))[0]


# The address.


@pytest.mark.parametrize("address", [None, "", "api.example.com", "ftp://api", "https://"])
def test_an_address_that_cannot_work_names_the_setting(address: str | None) -> None:
    with pytest.raises(ConfigurationError, match=r"REFLEX_DRF\['API_BASE_URL'\]"):
        HttpBackend(address)


@override_settings(REFLEX_DRF={"API_BASE_URL": "https://set.example.com/", "HTTP_TIMEOUT": 3})
def test_address_and_timeout_come_from_the_settings() -> None:
    backend = HttpBackend()

    assert backend.base_url == "https://set.example.com"
    assert backend.timeout == 3
    assert HttpBackend("http://given", timeout=1).base_url == "http://given"
    assert HttpBackend("http://given", timeout=1).timeout == 1


async def test_the_path_of_the_address_stays_in_front() -> None:
    api = Recorder()

    await api.backend(base="https://example.com/shop/").run(make_origin(), LIST)

    assert api.last.url == "https://example.com/shop/api/categories/"


async def test_where_this_side_is_mounted_is_not_where_the_api_is() -> None:
    api = Recorder()
    set_script_prefix("/mounted/")
    try:
        await send(api)
    finally:
        set_script_prefix("/")

    assert api.last.url.path == "/api/categories/"


def test_it_is_a_backend_that_runs_no_middleware_here() -> None:
    assert issubclass(HttpBackend, Backend)
    assert not HttpBackend.runs_middleware


# The request.


async def test_query_parameters_are_spelled_for_drf() -> None:
    api = Recorder()

    query = {"active": True, "tags": [1, 2], "search": "ä &", "none": None, "page": 2}
    await send(api, Call(view=ProductViewSet, action="list", query=query))

    assert sorted(api.last.url.params.multi_items()) == [
        ("active", "true"),
        ("page", "2"),
        ("search", "ä &"),
        ("tags", "1"),
        ("tags", "2"),
    ]


async def test_data_are_json_by_drfs_rules() -> None:
    api = Recorder()
    data = {"price": Decimal("1.5"), "day": datetime.date(2026, 1, 2), "key": uuid.UUID(int=1)}

    await send(api, Call(view=CategoryViewSet, action="create", data=data))

    assert api.last.method == "POST"
    assert api.last.headers["Content-Type"] == "application/json"
    assert json.loads(api.last.content) == {
        "price": 1.5,
        "day": "2026-01-02",
        "key": "00000000-0000-0000-0000-000000000001",
    }


async def test_a_call_without_data_has_no_body() -> None:
    api = Recorder()

    await send(api)

    assert api.last.content == b""
    assert "Content-Type" not in api.last.headers


async def test_only_the_cookies_that_concern_the_api_go_along() -> None:
    api = Recorder()
    origin = make_origin("the-key", cookies={"django_language": "de", "tracker": "x", "token": "y"})

    await send(api, origin=origin)

    sent = cookies_of(api.last)
    assert sent.pop("csrftoken")
    assert sent == {"sessionid": "the-key", "django_language": "de"}


async def test_csrf_cookie_and_header_agree_and_are_new_each_time() -> None:
    api = Recorder()
    origin = make_origin(cookies={"csrftoken": "the-viewers-own"})

    await send(api, CREATE, origin)
    await send(api, CREATE, origin)

    first, second = api.requests
    assert cookies_of(first)["csrftoken"] == first.headers["X-CSRFToken"]
    assert first.headers["X-CSRFToken"] != second.headers["X-CSRFToken"]
    assert "the-viewers-own" not in str(first.headers)
    assert first.headers["Referer"] == "https://api.example.com/"


@override_settings(
    CSRF_COOKIE_NAME="xsrf", CSRF_HEADER_NAME="HTTP_X_XSRF", SESSION_COOKIE_NAME="sid"
)
async def test_the_projects_names_of_cookies_and_headers_hold() -> None:
    api = Recorder()

    await send(api, CREATE, make_origin("k"))

    assert cookies_of(api.last) == {"xsrf": api.last.headers["X-XSRF"], "sid": "k"}


async def test_a_cookie_value_cannot_smuggle_in_another_cookie() -> None:
    api = Recorder()

    await send(api, origin=make_origin("key; admin=1"))

    assert "admin" not in cookies_of(api.last)
    assert cookies_of(api.last)["sessionid"] == "key; admin=1"


async def test_what_no_header_can_hold_stays_behind() -> None:
    api = Recorder()

    reply = await send(api, origin=make_origin("茶", HTTP_ACCEPT_LANGUAGE="茶"))

    assert reply.ok
    assert set(cookies_of(api.last)) == {"csrftoken"}
    assert "Accept-Language" not in api.last.headers


async def test_the_viewers_language_goes_along() -> None:
    api = Recorder()

    await send(api, origin=make_origin(HTTP_ACCEPT_LANGUAGE="de"))

    assert api.last.headers["Accept-Language"] == "de"


async def test_the_viewers_address_goes_along_only_when_asked_for() -> None:
    api = Recorder()
    origin = make_origin(REMOTE_ADDR="203.0.113.7")

    await send(api, origin=origin)
    assert "X-Forwarded-For" not in api.last.headers

    with override_settings(REFLEX_DRF={"FORWARD_CLIENT_ADDRESS": True}):
        await send(api, origin=origin)
    assert api.last.headers["X-Forwarded-For"] == "203.0.113.7"


class TokenBackend(HttpBackend):
    forwards_session = False

    def get_credentials(self, origin: HttpRequest) -> Mapping[str, str]:
        return {"Authorization": "Token " + origin.COOKIES["tenant"]}


class AsyncTokenBackend(HttpBackend):
    def get_credentials(self, origin: HttpRequest) -> Awaitable[Any]:
        return self.fetch()

    async def fetch(self) -> dict[str, str]:
        return {"Authorization": "Bearer fetched"}


async def test_a_token_hook_takes_the_place_of_the_session() -> None:
    api = Recorder()
    origin = make_origin("the-key", cookies={"tenant": "tea"})

    await api.backend(TokenBackend).run(origin, LIST)

    assert api.last.headers["Authorization"] == "Token tea"
    assert "sessionid" not in cookies_of(api.last)


async def test_a_token_hook_may_be_async() -> None:
    api = Recorder()

    await api.backend(AsyncTokenBackend).run(make_origin(), LIST)

    assert api.last.headers["Authorization"] == "Bearer fetched"


async def test_one_viewers_cookies_never_reach_another() -> None:
    """The client is shared by all viewers, and httpx's would keep every cookie it is given."""
    answer = {"Set-Cookie": "sessionid=of-ada; Path=/"}
    api = Recorder(httpx.Response(200, json={}, headers=answer))
    backend = api.backend()

    reply = (await backend.run(make_origin("key-of-ada"), LIST))[0]
    await backend.run(make_origin(), LIST)

    assert "sessionid" not in cookies_of(api.last)
    assert "of-ada" not in str(api.last.headers)
    assert "set-cookie" not in {name.lower() for name in reply.headers}


# Forms.


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        ({"name": "Tea"}, {"name": "Tea"}),
        ({"tags": [1, 2]}, {"tags": ["1", "2"]}),
        ({"active": True, "old": False}, {"active": "true", "old": "false"}),
        ({"stock": None}, {"stock": ""}),
        ({"price": Decimal("1.5"), "n": 3}, {"price": "1.5", "n": "3"}),
        ({"day": datetime.date(2026, 1, 2)}, {"day": "2026-01-02"}),
        ({"attrs": {"a": 1}}, {"attrs": '{"a": 1}', "attrs.a": "1"}),
        (
            {"lines": [{"product": 1}, {"product": 2, "quantity": 3}]},
            {"lines[0]product": "1", "lines[1]product": "2", "lines[1]quantity": "3"},
        ),
    ],
)
def test_data_beside_files_are_spelled_as_drf_reads_forms(data: Any, fields: Any) -> None:
    assert dict(form_fields(data)) == fields


async def test_files_go_as_multipart_with_name_and_type() -> None:
    api = Recorder()
    files = {"photo": SimpleUploadedFile("a b.gif", b"GIF89a", "image/gif")}
    call = Call(view=ProductViewSet, action="create", data={"name": "Tea"}, files=files)

    await send(api, call)

    body = api.last.content
    assert api.last.headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert b'name="photo"; filename="a b.gif"' in body
    assert b"Content-Type: image/gif" in body
    assert b"GIF89a" in body


async def test_a_file_may_be_any_open_file_and_several() -> None:
    api = Recorder()
    call = Call(view=ProductViewSet, action="create", files={"photo": [BytesIO(b"1"), b"22"]})

    await send(api, call)

    assert api.last.content.count(b'name="photo"; filename="photo"') == 2


async def test_a_file_can_be_sent_again_after_a_refusal() -> None:
    api = Recorder(httpx.Response(400, json={"name": ["Missing."]}), httpx.Response(201, json={}))
    files = {"photo": SimpleUploadedFile("a.gif", b"GIF89a")}
    call = Call(view=ProductViewSet, action="create", files=files)

    assert (await send(api, call)).status == 400
    assert (await send(api, call)).status == 201
    assert b"GIF89a" in api.last.content


def test_a_view_without_a_json_parser_gets_a_form() -> None:
    class FormViewSet(CategoryViewSet):
        parser_classes = [parsers.FormParser]

        @action(detail=False, methods=["post"], parser_classes=[parsers.JSONParser])
        def bulk(self, request: Any) -> None: ...

    assert encode_body(Call(view=FormViewSet, action="create", data={"name": "Tea"})) == {
        "data": {"name": "Tea"}
    }
    bulk = encode_body(Call(view=FormViewSet, action="bulk", data={"name": "Tea"}))
    assert bulk["headers"] == {"Content-Type": "application/json"}


# The answer.


async def test_a_redirect_is_told_and_not_followed() -> None:
    api = Recorder(httpx.Response(302, headers={"Location": "https://elsewhere.example.com/"}))

    reply = await send(api, origin=make_origin("the-key"))

    assert len(api.requests) == 1
    assert (reply.status, reply.ok) == (302, False)
    assert reply.headers["Location"] == "https://elsewhere.example.com/"
    assert reply.errors.code == "redirect"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/html", "<h1>ProgrammingError</h1><pre>Traceback: secret = 1</pre>"),
        ("text/plain", "ProgrammingError at /api/\nTraceback: secret = 1"),
        ("application/json", "{'Traceback': secret"),
    ],
)
@pytest.mark.parametrize("status", [500, 502])
async def test_a_server_error_never_shows_its_page(
    status: int, content_type: str, body: str
) -> None:
    headers = {"Content-Type": content_type}

    reply = await send(Recorder(httpx.Response(status, text=body, headers=headers)))

    assert reply.status == status
    assert reply.data is None
    assert reply.errors.message in ("Internal Server Error", "Bad Gateway")
    assert "secret" not in repr(reply)


async def test_a_server_error_in_json_is_read() -> None:
    reply = await send(Recorder(httpx.Response(503, json={"detail": "Back at noon."})))

    assert reply.errors.message == "Back at noon."


async def test_a_page_of_html_is_no_message() -> None:
    answer = httpx.Response(404, html="<html>Not here</html>")

    reply = await send(Recorder(answer))

    assert reply.errors.message == "Not Found"


@pytest.mark.parametrize("body", ["{", ""])
async def test_json_that_is_none_gives_no_rows(body: str) -> None:
    headers = {"Content-Type": "application/json"}

    reply = await send(Recorder(httpx.Response(200, text=body, headers=headers)))

    assert reply.ok
    assert reply.rows is None


async def test_field_errors_and_the_wait_are_read() -> None:
    errors = {"name": ["This field is required."], "lines": {"0": {"qty": ["Too many."]}}}
    reply = await send(Recorder(httpx.Response(400, json=errors)))
    assert reply.errors.fields == {
        "name": "This field is required.",
        "lines.0.qty": "Too many.",
    }

    throttled = httpx.Response(429, json={"detail": "Slow down."}, headers={"Retry-After": "17"})
    reply = await send(Recorder(throttled))
    assert (reply.errors.code, reply.errors.wait) == ("throttled", 17.0)


async def test_headers_are_found_whatever_their_case() -> None:
    reply = await send(Recorder(httpx.Response(200, json={}, headers={"ETag": "x"})))

    assert reply.headers["etag"] == reply.headers["ETag"] == "x"


async def test_calls_end_after_the_first_that_failed() -> None:
    api = Recorder(httpx.Response(201, json={}), httpx.Response(400, json={}))

    replies = await api.backend().run(make_origin(), CREATE, CREATE, LIST)

    assert [reply.status for reply in replies] == [201, 400]
    assert len(api.requests) == 2


# What can be known without asking.


async def test_a_hook_that_narrows_is_refused_by_name_and_nothing_is_sent() -> None:
    api = Recorder()

    def only_mine(view: Any) -> None: ...

    with pytest.raises(ConfigurationError, match=r"CategoryViewSet\.list cannot run .*only_mine"):
        await send(api, Call(view=CategoryViewSet, action="list", prepare=only_mine))
    assert api.requests == []


async def test_a_viewset_without_a_url_is_refused_by_name() -> None:
    class LooseViewSet(viewsets.ModelViewSet[Category]):
        queryset = Category.objects.all()

    with pytest.raises(ConfigurationError, match="LooseViewSet has no URL"):
        await send(Recorder(), Call(view=LooseViewSet, action="list"))


async def test_an_unknown_action_is_refused() -> None:
    with pytest.raises(UnknownAction, match="explode"):
        await send(Recorder(), Call(view=CategoryViewSet, action="explode"))


@pytest.mark.parametrize(
    ("action", "inputs"),
    [
        ("list", {"query": {"search": "x" * 100_000}}),
        ("retrieve", {"kwargs": {"pk": "x" * 100_000}}),
    ],
)
async def test_a_url_is_no_longer_than_servers_take(action: str, inputs: Any) -> None:
    api = Recorder()

    reply = await send(api, Call(view=CategoryViewSet, action=action, **inputs))

    assert (reply.status, reply.errors.message) == (414, "The request is too long.")
    assert api.requests == []


async def test_a_key_that_no_url_can_hold_is_a_missing_row() -> None:
    api = Recorder()

    reply = await send(api, Call(view=CategoryViewSet, action="retrieve", kwargs={"pk": "a/b"}))

    assert (reply.status, reply.data) == (404, {"detail": "Not found."})
    assert api.requests == []


# Pages. That they equal those of the in-process backend is for the parity cases.


class Sized(pagination.PageNumberPagination):
    page_size = 5
    page_size_query_param = "size"
    max_page_size = 20


class Own(Sized):
    def get_results(self, data: Any) -> Any:
        return data["data"]["items"]


class Strange(pagination.BasePagination):
    pass


def page_of(paginator: Any, body: Any, query: Any = None, name: str = "list") -> Any:
    class PagedViewSet(CategoryViewSet):
        pagination_class = paginator

    return read_page(Call(view=PagedViewSet, action=name, query=query or {}), body)


def envelope(count: int = 12, **links: str) -> dict[str, Any]:
    return {"count": count, "next": None, "previous": None, **links, "results": [{"id": 1}]}


def test_a_numbered_page() -> None:
    body = envelope(next="http://x/?page=3&size=5&tag=1&tag=2", previous="http://x/")

    rows, page = page_of(Sized, body, {"page": 2})

    assert rows == [{"id": 1}]
    assert page == Page(
        count=12,
        number=2,
        size=5,
        pages=3,
        next={"page": "3", "size": "5", "tag": ["1", "2"]},  # type: ignore[dict-item]
        previous={},
    )


@pytest.mark.parametrize(
    ("query", "number", "size", "pages"),
    [
        ({}, 1, 5, 3),
        ({"page": ""}, 1, 5, 3),
        ({"page": "last"}, 3, 5, 3),
        ({"size": "500"}, 1, 20, 1),
        ({"size": "x", "page": "2"}, 2, 5, 3),
    ],
)
def test_the_query_says_which_page(query: Any, number: int, size: int, pages: int) -> None:
    page = page_of(Sized, envelope(), query)[1]

    assert (page.number, page.size, page.pages) == (number, size, pages)


def test_no_rows_are_one_page() -> None:
    page = page_of(Sized, envelope(0))[1]

    assert (page.count, page.pages) == (0, 1)


def test_rows_are_found_in_an_envelope_of_the_projects_own() -> None:
    assert page_of(Own, {"data": {"items": [{"id": 1}]}})[0] == [{"id": 1}]
    assert page_of(Sized, {"meta": {}, "items": [{"id": 1}]})[0] == [{"id": 1}]
    assert page_of(Sized, {"a": [{"id": 1}], "b": [{"id": 2}]}) == (None, None)


def test_a_paginator_of_no_known_kind_has_rows_and_no_numbers() -> None:
    rows, page = page_of(Strange, envelope())

    assert rows == [{"id": 1}]
    assert (page.count, page.number, page.size, page.pages) == (12, None, None, None)


def test_a_list_that_is_put_into_an_envelope_by_hand_has_rows() -> None:
    rows, page = page_of(None, envelope())

    assert rows == [{"id": 1}]
    assert page.count == 12


@pytest.mark.parametrize("name", ["retrieve", "create", "update", "partial_update"])
def test_a_row_that_looks_like_a_page_is_a_row(name: str) -> None:
    assert page_of(Sized, envelope(), name=name) == (None, None)


def test_a_bare_list_has_rows_and_no_page() -> None:
    assert page_of(None, [{"id": 1}]) == ([{"id": 1}], None)
    assert page_of(None, {"results": [{"id": 1}]}, name="summary") == (None, None)
    assert page_of(Sized, None) == (None, None)
    assert page_of(Sized, "text") == (None, None)


# An API that is not there, over real sockets.


@asynccontextmanager
async def served(answer: Callable[..., Awaitable[None]]) -> AsyncIterator[str]:
    """A server that does one thing to every connection."""
    done = asyncio.Event()
    connections: list[Any] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(asyncio.current_task())
        await reader.readuntil(b"\r\n\r\n")
        await answer(writer, done)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        done.set()
        server.close()
        await server.wait_closed()
        # The server does not wait for its connections, which would end unclosed with the loop.
        if connections:
            await asyncio.wait(connections)


async def stay_silent(writer: asyncio.StreamWriter, done: asyncio.Event) -> None:
    await done.wait()


async def drip(writer: asyncio.StreamWriter, done: asyncio.Event) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while not done.is_set() and not writer.is_closing():
        writer.write(b" ")
        try:
            await asyncio.wait_for(done.wait(), 0.02)
        except TimeoutError:
            continue


async def hang_up(writer: asyncio.StreamWriter, done: asyncio.Event) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")


async def answer_json(writer: asyncio.StreamWriter, done: asyncio.Event) -> None:
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]"
    )
    await writer.drain()


async def test_nobody_at_the_address_is_told_with_address_and_setting() -> None:
    async with served(stay_silent) as url:
        pass

    with pytest.raises(BackendUnavailable, match=r"cannot be reached.*REFLEX_DRF") as caught:
        await HttpBackend(url).run(make_origin(), LIST)
    assert url in str(caught.value)


@pytest.mark.parametrize("way", [stay_silent, drip])
async def test_an_answer_that_takes_too_long_is_told_with_the_setting(way: Any) -> None:
    async with served(way) as url:
        backend = HttpBackend(url, timeout=0.2)
        with pytest.raises(
            BackendUnavailable, match=r"within 0\.2 seconds \(REFLEX_DRF\['HTTP_TIMEOUT'\]\)"
        ):
            await backend.run(make_origin(), LIST)
        await backend.aclose()


async def test_a_connection_that_breaks_is_told() -> None:
    async with served(hang_up) as url:
        backend = HttpBackend(url)
        with pytest.raises(BackendUnavailable, match="RemoteProtocolError"):
            await backend.run(make_origin(), LIST)
        await backend.aclose()


async def test_the_error_does_not_hold_the_viewers_session() -> None:
    with pytest.raises(BackendUnavailable) as caught:
        await HttpBackend("http://127.0.0.1:1").run(make_origin("secret-key"), LIST)

    assert "secret-key" not in str(caught.value)


# One client for each loop.


def test_connections_close_with_the_loop_and_leave_nothing_behind() -> None:
    clients = []

    async def use() -> None:
        from reflex_drf.backends import http

        async with served(answer_json) as url:
            backend = HttpBackend(url)
            for _ in range(2):
                assert (await backend.run(make_origin(), LIST))[0].rows == []
            clients.append(await http._open_client(backend._client_key, None))
            assert clients[-1] is await http._open_client(HttpBackend(url)._client_key, None)

    asyncio.run(use())
    asyncio.run(use())

    assert clients[0] is not clients[1]
    assert all(client.is_closed for client in clients)
    # An unclosed socket would be a ResourceWarning, which is an error here.
    gc.collect()


async def test_a_closed_backend_opens_again() -> None:
    api = Recorder()
    backend = api.backend()

    await backend.run(make_origin(), LIST)
    await backend.aclose()
    await backend.aclose()
    await backend.run(make_origin(), LIST)

    assert len(api.requests) == 2


async def test_calls_at_the_same_time_share_a_client() -> None:
    api = Recorder()
    backend = api.backend()

    replies = await asyncio.gather(*(backend.run(make_origin(), LIST) for _ in range(10)))

    assert [reply[0].status for reply in replies] == [200] * 10


# The real API, with its real CSRF check.


class WithoutPair(HttpBackend):
    def get_credentials(self, origin: HttpRequest) -> Mapping[str, str]:
        return {"X-CSRFToken": "x" * 32}


class SendsNoReferer(HttpBackend):
    def get_credentials(self, origin: HttpRequest) -> Mapping[str, str]:
        return {"Referer": ""}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "base", "status"),
    [
        (HttpBackend, "http://testserver", 201),
        (HttpBackend, "https://testserver", 201),
        (WithoutPair, "http://testserver", 403),
        (SendsNoReferer, "https://testserver", 403),
    ],
)
def test_the_csrf_pair_is_enough_and_needed(kind: Any, base: str, status: int) -> None:
    session = make_rows()["superuser"]
    backend = kind(base, transport=httpx.ASGITransport(ASGIHandler()))
    data = {"name": "Kettle", "sku": "K-1", "price": "1.00"}
    call = Call(view=ProductViewSet, action="create", data=data)

    with keep_connection():
        replies = async_to_sync(backend.run)(make_origin(session), call)

    assert replies[0].status == status
    assert Product.objects.filter(sku="K-1").exists() is (status == 201)


@pytest.mark.django_db
@pytest.mark.parametrize("debug", [False, True])
@override_settings(ROOT_URLCONF="tests.parity.urls")
def test_an_error_in_the_view_is_a_500_that_says_nothing(debug: bool) -> None:
    with override_settings(DEBUG=debug), keep_connection():
        backend = HttpBackend("http://testserver", transport=httpx.ASGITransport(ASGIHandler()))
        call = Call(view=BrokenViewSet, action="list")
        reply = async_to_sync(backend.run)(make_origin(), call)[0]

    assert reply.status == 500
    assert reply.errors
    assert reply.errors.message == "Internal Server Error"
    assert "secret" not in repr(reply)
