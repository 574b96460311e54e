"""Tickets: once, for one connection, for a short time, and never in the place of newer cookies."""

from __future__ import annotations

import asyncio
import threading
from http.cookies import SimpleCookie
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.models import Session
from django.test import override_settings

from reflex_drf.bridge import tickets
from reflex_drf.bridge.tickets import Connection, can_keep, issue, redeem
from tests.counting import count_queries

pytestmark = pytest.mark.django_db(transaction=True)
HERE = Connection("token", "sid", "Firefox")
# Parts of characters, which JSON can hold and no text can.
HALVES = ["\ud800", "\udfff" * 43, "a" * 42 + "\udc80"]
ENGINES = ["db", "cached_db", "cache", "file"]


def cookies(**values: str) -> SimpleCookie:
    jar = SimpleCookie(values)
    for morsel in jar.values():
        morsel["httponly"] = True
    return jar


def ticket_for(**values: str) -> str:
    return issue(cookies(**values), [{}], HERE)


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, settings: Any, tmp_path: Any) -> str:
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{request.param}"
    settings.SESSION_FILE_PATH = str(tmp_path)
    return str(request.param)


def test_a_ticket_gives_its_cookies_once(engine: str) -> None:
    ticket = ticket_for(sessionid="abc", lang="de")
    lines = redeem(ticket, HERE, {})
    assert sorted(lines or ()) == ["lang=de; HttpOnly", "sessionid=abc; HttpOnly"]
    assert redeem(ticket, HERE, {}) is None


def test_nothing_is_left_of_a_used_ticket() -> None:
    ticket = ticket_for(a="1")
    assert Session.objects.count() == 1
    redeem(ticket, HERE, {})
    redeem(ticket, HERE, {})
    assert Session.objects.count() == 0


def test_tickets_are_long_random_and_not_in_the_storage() -> None:
    made = {ticket_for(a="1") for _ in range(20)}
    assert len(made) == 20
    assert all(len(ticket) >= 43 for ticket in made)
    stored = {(row.session_key, row.session_data) for row in Session.objects.all()}
    assert not any(ticket in key or ticket in data for ticket in made for key, data in stored)


@pytest.mark.parametrize(
    "elsewhere",
    [
        Connection("other", "sid", "Firefox"),
        Connection("token", "other", "Firefox"),
        Connection("token", "sid", "Chrome"),
        # The same letters, cut in other places.
        Connection("tokens", "id", "Firefox"),
        Connection("", "", ""),
    ],
)
def test_a_stolen_ticket_is_refused_and_spent(
    elsewhere: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    ticket = ticket_for(a="1")
    assert redeem(ticket, elsewhere, {}) is None
    assert redeem(ticket, HERE, {}) is None
    assert "made for another connection" in caplog.text
    assert ticket not in caplog.text


@pytest.mark.parametrize(("later", "good"), [(0, True), (29, True), (31, False), (3600, False)])
def test_a_ticket_is_good_for_thirty_seconds(
    later: float, good: bool, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    now = tickets.time.time()
    ticket = ticket_for(a="1")
    monkeypatch.setattr(tickets.time, "time", lambda: now + later)
    assert (redeem(ticket, HERE, {}) is not None) is good


def test_how_long_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    now = tickets.time.time()
    with override_settings(REFLEX_DRF={"TICKET_SECONDS": 2}):
        ticket = ticket_for(a="1")
        monkeypatch.setattr(tickets.time, "time", lambda: now + 3)
        assert redeem(ticket, HERE, {}) is None


def test_an_unused_ticket_goes_with_the_expired_sessions() -> None:
    ticket_for(a="1")
    row = Session.objects.get()
    assert 0 < row.get_decoded()[tickets.ROW]["expires"] - tickets.time.time() <= 30
    assert tickets.open_row("x").get_expiry_age() > 30
    assert tickets.open_row("x", "ticket").get(tickets.ROW) is None


@pytest.mark.parametrize("ticket", ["", "x", "a" * 43, "\x00", "ü", "a" * 4000, *HALVES])
def test_what_is_no_ticket_is_refused(ticket: str, engine: str) -> None:
    assert redeem(ticket, HERE, {}) is None


@pytest.mark.parametrize(("ticket", "looks"), [("x", 0), ("a" * 43, 1)])
def test_guessing_costs_one_look_at_most(ticket: str, looks: int) -> None:
    with count_queries() as queries:
        assert redeem(ticket, HERE, {}) is None
    assert len(queries) == looks
    assert Session.objects.count() == 0


def test_a_ticket_has_256_bits() -> None:
    assert len(ticket_for(a="1")) == tickets.LENGTH == len(tickets.secrets.token_urlsafe(32))


def test_the_key_of_a_real_session_is_no_ticket() -> None:
    ticket_for(a="1")
    assert redeem(Session.objects.get().session_key, HERE, {}) is None


def test_another_secret_key_knows_no_ticket_of_this_one() -> None:
    ticket = ticket_for(a="1")
    with override_settings(SECRET_KEY="another-" * 8):
        assert redeem(ticket, HERE, {}) is None


async def test_of_many_at_once_one_gets_the_cookies() -> None:
    ticket = await sync_to_async(ticket_for)(a="1")
    start = threading.Barrier(4)

    def ask() -> list[str] | None:
        from django.db import connections

        start.wait(10)
        try:
            return redeem(ticket, HERE, {})
        finally:
            connections.close_all()

    answers = await asyncio.gather(*(asyncio.to_thread(ask) for _ in range(4)))
    assert [answer for answer in answers if answer is not None] == [["a=1; HttpOnly"]]


@pytest.mark.parametrize(
    ("has_now", "gets"),
    [
        ({"sessionid": "old"}, True),
        ({"sessionid": "since"}, True),
        # Another tab has signed in meanwhile, or somebody else shows the ticket.
        ({"sessionid": "newer"}, False),
        ({}, False),
    ],
)
def test_a_cookie_only_takes_the_place_of_what_the_event_saw(
    has_now: dict[str, str], gets: bool
) -> None:
    held = [{"sessionid": "old"}, {"sessionid": "since"}]
    ticket = issue(cookies(sessionid="new"), held, HERE)
    assert redeem(ticket, HERE, has_now) == (["sessionid=new; HttpOnly"] if gets else [])


def test_each_cookie_is_judged_by_itself() -> None:
    ticket = issue(cookies(sessionid="new", lang="de"), [{"sessionid": "old"}], HERE)
    assert redeem(ticket, HERE, {"sessionid": "newer"}) == ["lang=de; HttpOnly"]


def test_sessions_in_cookies_cannot_keep_tickets(settings: Any) -> None:
    assert can_keep()
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    assert not can_keep()


def test_without_session_middleware_nothing_is_kept(settings: Any) -> None:
    settings.MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
    assert not can_keep()


@pytest.mark.parametrize("half", HALVES)
def test_a_connection_of_half_characters_is_another_one(half: str, engine: str) -> None:
    for elsewhere in (Connection(half, "sid", "Firefox"), Connection("token", half, "Firefox")):
        ticket = ticket_for(a="1")
        assert redeem(ticket, elsewhere, {}) is None
        assert redeem(ticket, HERE, {}) is None


@pytest.mark.parametrize("half", HALVES)
def test_half_characters_are_not_all_the_same(half: str) -> None:
    made = Connection(half, "sid", "Firefox")
    assert redeem(issue(cookies(a="1"), [{}], made), made, {}) == ["a=1; HttpOnly"]
    other = Connection("\ud801" + half[1:], "sid", "Firefox")
    assert redeem(issue(cookies(a="1"), [{}], made), other, {}) is None


@pytest.mark.parametrize(
    "value",
    ["a\r\nSet-Cookie: b=2", "a\nb", "a\rb", "a; Domain=evil.example", "a, b=2", 'a"; b="2'],
)
def test_a_value_makes_no_line_and_no_attribute(value: str, engine: str) -> None:
    """A view may set what a visitor has typed, such as the name of a theme."""
    (line,) = redeem(ticket_for(theme=value), HERE, {}) or ()
    assert "\r" not in line
    assert "\n" not in line
    read = SimpleCookie(line)
    assert set(read) == {"theme"}
    assert read["theme"].value == value
    assert read["theme"]["domain"] == ""


@pytest.mark.parametrize("purpose", ["export", "ticket", "claim", "connection", ""])
def test_what_is_kept_for_one_purpose_is_nothing_for_another(purpose: str, engine: str) -> None:
    kept = tickets.keep({"state": "x"}, "export")
    expected = {"state": "x"} if purpose == "export" else None
    found = tickets.take_kept(kept, purpose)
    assert (found and {"state": found["state"]}) == expected


def test_a_ticket_for_a_file_sets_no_cookies(engine: str) -> None:
    kept = tickets.keep({"cookies": [{"name": "a", "set": "a=1", "instead_of": []}]}, "export")
    assert redeem(kept, HERE, {}) is None
    # And is not spent by it.
    assert tickets.take_kept(kept, "export") is not None
    assert tickets.take_kept(kept, "export") is None


def test_a_ticket_for_cookies_gives_no_file(engine: str) -> None:
    ticket = ticket_for(a="1")
    assert tickets.take_kept(ticket, "export") is None
    assert redeem(ticket, HERE, {}) == ["a=1; HttpOnly"]


@pytest.mark.parametrize(("later", "good"), [(0, True), (29, True), (31, False)])
def test_what_is_kept_is_good_for_thirty_seconds_and_gone_then(
    later: float, good: bool, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    now = tickets.time.time()
    kept = tickets.keep({"state": "x"}, "export")
    monkeypatch.setattr(tickets.time, "time", lambda: now + later)
    assert (tickets.take_kept(kept, "export") is not None) is good
    # Asked for too late, it is spent as well.
    monkeypatch.setattr(tickets.time, "time", lambda: now)
    assert tickets.take_kept(kept, "export") is None


def test_a_ticket_is_no_session(engine: str, client: Any) -> None:
    """Neither what the browser has nor where it lies opens anything at a Django view."""
    ticket = ticket_for(sessionid="abc")
    for value in (ticket, tickets.storage_key(ticket)):
        client.cookies["sessionid"] = value
        answer = client.get("/api/tasks/")
        assert answer.status_code in (401, 403)
        assert "abc" not in answer.content.decode()


def test_a_session_is_no_ticket(engine: str) -> None:
    row = tickets.open_row("x" * 43)
    row.clear()
    row["_auth_user_id"] = "1"
    row.save(must_create=True)
    assert redeem("x" * 43, HERE, {}) is None
