"""The endpoint for cookies: who may ask, with what, and what the answer says."""

from __future__ import annotations

import json
from http.cookies import SimpleCookie
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.models import Session
from django.test import override_settings

from reflex_drf.bridge.fingerprints import fingerprint
from reflex_drf.bridge.tickets import Connection, issue
from tests.signing import URL, dispatcher, post

pytestmark = pytest.mark.django_db(transaction=True)
HERE = Connection("t", "s", "reflex_drf.testing")


def jar() -> SimpleCookie:
    made = SimpleCookie({"sessionid": "abc"})
    made["sessionid"].update(
        {"httponly": True, "secure": True, "samesite": "Lax", "path": "/", "max-age": 60}
    )
    return made


async def body() -> dict[str, str]:
    return {"ticket": await sync_to_async(issue)(jar(), [{}], HERE), "token": "t", "sid": "s"}


async def test_a_ticket_is_exchanged_for_the_cookie_as_it_was_set() -> None:
    answer = await post(await body())
    assert answer.status_code == 200
    (line,) = answer.headers.get_list("set-cookie")
    assert {part.strip() for part in line.split(";")} == {
        "sessionid=abc",
        "HttpOnly",
        "Secure",
        "SameSite=Lax",
        "Path=/",
        "Max-Age=60",
    }
    assert answer.headers["cache-control"] == "no-store"
    assert answer.content == b""


async def test_a_replayed_ticket_is_refused() -> None:
    shown = await body()
    assert (await post(shown)).status_code == 200
    again = await post(shown)
    assert again.status_code == 403
    assert "set-cookie" not in again.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://sub.testserver"},
        {"origin": "http://testserver:8080"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "", "sec_fetch_site": "same-origin"},
        {"host": "evil.example"},
        {"host": "evil.example", "origin": "http://evil.example"},
        {"content_type": "text/plain"},
        {"content_type": "application/x-www-form-urlencoded"},
        {"content_type": ""},
    ],
)
async def test_a_request_of_another_site_is_refused_and_spends_nothing(
    headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    shown = await body()
    answer = await post(shown, **headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert "access-control-allow-origin" not in answer.headers
    assert shown["ticket"] not in caplog.text
    assert (await post(shown)).status_code == 200


async def test_a_trusted_origin_may_ask() -> None:
    shown = await body()
    with override_settings(CSRF_TRUSTED_ORIGINS=["https://shop.example"]):
        assert (await post(shown, origin="https://shop.example")).status_code == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "OPTIONS", "DELETE"])
async def test_only_a_post_is_answered(method: str) -> None:
    shown = await body()
    assert (await post(shown, method=method)).status_code == 403
    assert (await post(shown)).status_code == 200


@pytest.mark.parametrize("field", ["ticket", "token", "sid"])
async def test_ticket_token_and_socket_are_all_needed(field: str) -> None:
    shown = await body()
    del shown[field]
    assert (await post(shown)).status_code == 403


@pytest.mark.parametrize(("field", "value"), [("token", "other"), ("sid", "other"), ("sid", "")])
async def test_a_stolen_ticket_is_refused(field: str, value: str) -> None:
    shown = {**await body(), field: value}
    assert (await post(shown)).status_code == 403


async def test_another_browser_is_refused() -> None:
    assert (await post(await body(), user_agent="curl/8")).status_code == 403


async def test_a_browser_that_has_another_session_by_now_keeps_it() -> None:
    answer = await post(await body(), cookies={"sessionid": "newer"})
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"ticket": 1, "token": "t", "sid": "s"}',
        b"[" * 4000,
        json.dumps({"ticket": "x" * 5000, "token": "t", "sid": "s"}).encode(),
    ],
)
async def test_a_malformed_body_is_refused_without_a_query(content: bytes) -> None:
    assert (await post(content)).status_code == 403
    assert not await Session.objects.aexists()


async def test_a_body_that_comes_in_pieces_is_read() -> None:
    whole = json.dumps(await body()).encode()

    async def pieces() -> Any:
        yield whole[:10]
        yield whole[10:]

    transport = httpx.ASGITransport(app=dispatcher())
    headers = {
        "origin": URL,
        "user-agent": "reflex_drf.testing",
        "content-type": "application/json",
    }
    async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
        answer = await client.post("/_reflex_drf/cookies", content=pieces(), headers=headers)
    assert answer.status_code == 200


async def test_a_connection_that_ends_early_is_no_error() -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"testserver"), (b"origin", b"http://testserver")]
    headers.append((b"content-type", b"application/json"))
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/_reflex_drf/cookies",
        "headers": headers,
    }
    await dispatcher()(scope, receive, send)
    assert sent[0]["status"] == 403


async def test_other_paths_below_are_not_the_endpoint() -> None:
    for path in ("/_reflex_drf/cookies/x", "/_reflex_drf/"):
        with pytest.raises(AssertionError, match="Reflex was asked"):
            await post(await body(), path=path)


async def test_the_session_of_a_browser_is_named_without_its_key() -> None:
    path = "/_reflex_drf/cookies/session"
    answer = await post({}, path=path, cookies={"sessionid": "abc"})
    assert (answer.status_code, answer.text) == (200, fingerprint("abc"))
    assert "abc" not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in answer.headers
    assert (await post({}, path=path)).text == ""


@pytest.mark.parametrize(
    "headers", [{"origin": "https://evil.example"}, {"origin": ""}, {"host": "evil.example"}]
)
async def test_the_session_is_named_to_no_other_site(headers: dict[str, str]) -> None:
    path = "/_reflex_drf/cookies/session"
    answer = await post({}, path=path, cookies={"sessionid": "abc"}, **headers)
    assert (answer.status_code, answer.content) == (403, b"")


@pytest.mark.parametrize("field", ["ticket", "token", "sid"])
@pytest.mark.parametrize("value", ["\ud800", "\udc80" * 43, "\x00" * 43, "\uffff" * 43, "\u202e"])
async def test_letters_that_are_none_are_refused_as_any_others(field: str, value: str) -> None:
    answer = await post({**await body(), field: value})
    assert answer.status_code == 403
    assert answer.content == b""
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "extra",
    [
        {"cookies": [{"name": "sessionid", "set": "sessionid=evil", "instead_of": []}]},
        {"expires": 10**12},
        {"user_agent": "another"},
        {"held": {"sessionid": "x"}, "purpose": "export"},
    ],
)
async def test_what_else_is_sent_means_nothing(extra: Any) -> None:
    answer = await post({**await body(), **extra})
    assert answer.status_code == 200
    assert len(answer.headers.get_list("set-cookie")) == 1
    assert "sessionid=abc" in answer.headers["set-cookie"]


@pytest.mark.parametrize("field", ["ticket", "token", "sid"])
@pytest.mark.parametrize("value", [None, 1, True, ["x"], {"x": "y"}, 1.5])
async def test_only_text_is_a_ticket(field: str, value: Any) -> None:
    shown = await body()
    assert (await post({**shown, field: value})).status_code == 403
    # Nothing was spent by what is no ticket at all.
    assert (await post(shown)).status_code == 200


async def test_every_refusal_looks_the_same() -> None:
    """Nobody learns whether a ticket exists, is too old, or was made for another browser."""
    shown = await body()
    answers = [
        await post({**shown, "ticket": "x" * 43}),
        await post({**shown, "sid": "other"}),
        await post(shown),
        await post(b"{}"),
        await post(shown, origin="https://evil.example"),
    ]
    assert {answer.status_code for answer in answers} == {403}
    assert {answer.content for answer in answers} == {b""}
    assert len({tuple(sorted(answer.headers.items())) for answer in answers}) == 1
