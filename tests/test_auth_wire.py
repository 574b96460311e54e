"""Signing in over a real socket and real HTTP: what a ticket is good for, and what not."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import socketio

from tests.servers import Server
from tests.signing import CALL
from tests.signing_browser import manage

pytestmark = pytest.mark.server
NAMESPACE = "/_event"
ROOT = "reflex___state____state"
AGENT = "wire"


class Browser:
    """One tab, its socket, and the cookies of its browser."""

    def __init__(self, server: Server, cookies: httpx.Cookies | None = None) -> None:
        self.server = server
        self.token = str(uuid.uuid4())
        self.http = httpx.AsyncClient(
            base_url=server.url,
            cookies=cookies,
            headers={"User-Agent": AGENT, "Origin": server.url},
        )
        self.vars: dict[str, dict[str, Any]] = {}
        self.scripts: list[str] = []
        self.changed = asyncio.Condition()

    async def connect(self) -> None:
        self.socket = socketio.AsyncClient(reconnection=False)
        self.socket.on("event", self.receive, namespace=NAMESPACE)
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.http.cookies.jar)
        await self.socket.connect(
            f"{self.server.url}?token={self.token}",
            headers={"Origin": self.server.url, "Cookie": cookies, "User-Agent": AGENT},
            transports=["websocket"],
            namespaces=[NAMESPACE],
            socketio_path=NAMESPACE,
            wait_timeout=10,
        )
        self.vars.clear()
        await self.emit(f"{ROOT}.hydrate")
        await self.until(lambda: self.name("sign_in_state"))

    async def disconnect(self) -> None:
        await self.socket.disconnect()
        await self.socket.wait()

    async def receive(self, update: dict[str, Any]) -> None:
        async with self.changed:
            for name, values in (update.get("delta") or {}).items():
                self.vars.setdefault(name, {}).update(values)
            for event in update.get("events") or []:
                self.scripts.append(event["payload"].get("javascript_code", ""))
            self.changed.notify_all()

    async def until(self, reached: Callable[[], object]) -> None:
        async with asyncio.timeout(10), self.changed:
            await self.changed.wait_for(reached)

    def name(self, state: str) -> str:
        return next((name for name in self.vars if name.endswith(f"____{state}")), "")

    def var(self, state: str, name: str) -> Any:
        return self.vars[self.name(state)].get(f"{name}_rx_state_")

    async def emit(self, name: str, **payload: Any) -> None:
        page = {"pathname": "/", "asPath": "/", "query": {}}
        event = {"name": name, "payload": payload, "router_data": page}
        await self.socket.emit("event", event, namespace=NAMESPACE)

    async def send(self, handler: str, **payload: Any) -> None:
        await self.emit(f"{self.name('sign_in_state')}.{handler}", **payload)

    def tickets(self) -> list[str]:
        found = [CALL.search(code) for code in self.scripts if "JSON.stringify({ticket" in code]
        return [json.loads(f"[{match['arguments']}]")[0] for match in found if match]

    async def ask_for_ticket(self, username: str = "ann") -> str:
        """Sign in and keep the ticket that the script would use."""
        self.scripts.clear()
        await self.send("sign_in", username=username, password=f"{username}-demo")
        await self.until(self.tickets)
        return self.tickets()[0]

    async def exchange(self, ticket: str, **headers: str) -> httpx.Response:
        shown = {
            "ticket": ticket,
            "token": self.token,
            "sid": self.socket.get_sid(NAMESPACE),
        }
        return await self.http.post("/_reflex_drf/cookies", json=shown, headers=headers)


@asynccontextmanager
async def open_browser(
    server: Server, cookies: httpx.Cookies | None = None
) -> AsyncIterator[Browser]:
    browser = Browser(server, cookies)
    await browser.connect()
    try:
        yield browser
    finally:
        await browser.disconnect()
        await browser.http.aclose()


async def test_the_cookie_is_httponly_and_signs_in_everywhere(signing_server: Server) -> None:
    async with open_browser(signing_server) as browser:
        answer = await browser.exchange(await browser.ask_for_ticket())
        (line,) = answer.headers.get_list("set-cookie")
        assert line.startswith("sessionid=")
        assert "HttpOnly" in line
        assert "SameSite=Lax" in line
        assert answer.headers["cache-control"] == "no-store"
        assert browser.var("sign_in_state", "result") == "in"
        # Nothing of the key ever went over the socket.
        key = browser.http.cookies["sessionid"]
        assert key not in str(browser.vars) + str(browser.scripts)
        await browser.disconnect()
        await browser.connect()
        await browser.until(lambda: browser.var("django_user_state", "username") == "ann")


async def test_a_ticket_works_once(signing_server: Server) -> None:
    async with open_browser(signing_server) as browser:
        ticket = await browser.ask_for_ticket()
        answers = await asyncio.gather(*(browser.exchange(ticket) for _ in range(5)))
        assert sorted(answer.status_code for answer in answers) == [200, 403, 403, 403, 403]
        assert sum("set-cookie" in answer.headers for answer in answers) == 1
        replayed = await browser.exchange(ticket)
        assert (replayed.status_code, replayed.content) == (403, b"")


async def test_a_ticket_is_for_its_own_socket(signing_server: Server) -> None:
    async with (
        open_browser(signing_server) as victim,
        open_browser(signing_server) as thief,
    ):
        stolen = await thief.exchange(await victim.ask_for_ticket())
        assert stolen.status_code == 403
        assert "set-cookie" not in stolen.headers
        assert "sessionid" not in thief.http.cookies


async def test_a_ticket_is_for_the_socket_that_is_open_now(signing_server: Server) -> None:
    async with open_browser(signing_server) as browser:
        ticket = await browser.ask_for_ticket()
        await browser.disconnect()
        await browser.connect()
        assert (await browser.exchange(ticket)).status_code == 403


async def test_a_ticket_is_for_its_own_browser(signing_server: Server) -> None:
    async with open_browser(signing_server) as browser:
        ticket = await browser.ask_for_ticket()
        assert (await browser.exchange(ticket, **{"User-Agent": "curl"})).status_code == 403


# The server is another process, whose clock cannot be moved: its tickets are made older instead.
AGE = """
from django.contrib.sessions.models import Session
for row in Session.objects.all():
    data = row.get_decoded()
    if kept := data.get("_reflex_drf_ticket"):
        print(kept["expires"])
        kept["expires"] -= {seconds}
        row.session_data = type(row).get_session_store_class()().encode(data)
        row.save()
"""


@pytest.mark.parametrize(("seconds", "status"), [(0, 200), (15, 200), (31, 403)])
async def test_a_ticket_is_good_for_thirty_seconds(
    signing_server: Server, seconds: int, status: int
) -> None:
    manage(
        signing_server,
        "from django.contrib.sessions.models import Session as S;"
        "[s.delete() for s in S.objects.all() if '_reflex_drf_ticket' in s.get_decoded()]",
    )
    async with open_browser(signing_server) as browser:
        before = time.time()
        ticket = await browser.ask_for_ticket()
        after = time.time()
        ends = float(manage(signing_server, AGE.format(seconds=seconds)))
        assert before + 30 <= ends <= after + 30
        answer = await browser.exchange(ticket)
        assert answer.status_code == status
        assert ("set-cookie" in answer.headers) is (status == 200)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Host": "evil.example"},
        {"Content-Type": "text/plain"},
    ],
)
async def test_another_site_cannot_use_a_ticket(
    signing_server: Server, headers: dict[str, str]
) -> None:
    async with open_browser(signing_server) as browser:
        ticket = await browser.ask_for_ticket()
        refused = await browser.exchange(ticket, **headers)
        assert refused.status_code == 403
        assert "set-cookie" not in refused.headers
        assert "access-control-allow-origin" not in refused.headers
        assert (await browser.exchange(ticket)).status_code == 200


async def test_a_login_cycles_the_key_and_a_logout_ends_it(signing_server: Server) -> None:
    async with open_browser(signing_server) as browser:
        await browser.send("count")
        await browser.until(browser.tickets)
        await browser.exchange(browser.tickets()[0])
        visitor = browser.http.cookies["sessionid"]
        await browser.exchange(await browser.ask_for_ticket())
        signed_in = browser.http.cookies["sessionid"]
        assert signed_in != visitor
        await browser.disconnect()
        await browser.connect()
        browser.scripts.clear()
        await browser.send("sign_out")
        await browser.until(browser.tickets)
        assert (await browser.exchange(browser.tickets()[0])).status_code == 200
        assert "sessionid" not in browser.http.cookies
    async with open_browser(signing_server, httpx.Cookies({"sessionid": signed_in})) as old:
        assert old.var("django_user_state", "is_authenticated") is False


async def test_a_wrong_password_sets_nothing(signing_server: Server) -> None:
    async with open_browser(signing_server) as browser:
        await browser.send("sign_in", username="ann", password="wrong")
        await browser.until(lambda: browser.var("sign_in_state", "result") == "refused")
        assert browser.tickets() == []


async def test_a_login_cannot_be_called_by_a_client(signing_server: Server) -> None:
    async with open_browser(signing_server) as browser:
        for handler in ("login", "logout"):
            await browser.send(handler, username="ann", password="ann-demo")
        await browser.send("count")
        await browser.until(lambda: browser.var("sign_in_state", "held") == "1")
        assert browser.var("django_user_state", "is_authenticated") is False
        assert "unknown event" in signing_server.log.read_text()


async def test_no_ticket_and_no_key_is_logged(signing_server: Server) -> None:
    async with open_browser(signing_server) as browser:
        ticket = await browser.ask_for_ticket()
        await browser.exchange(ticket)
        await browser.exchange(ticket)
        log = signing_server.log.read_text()
        assert "Refused a ticket" in log
        assert ticket not in log
        assert browser.http.cookies["sessionid"] not in log
