"""The one HTTP endpoint: a browser shows a ticket and gets the cookies of an event."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from asgiref.sync import sync_to_async
from django.http import parse_cookie

from reflex_drf.bridge.fingerprints import fingerprint, session_key
from reflex_drf.bridge.threads import database_thread
from reflex_drf.bridge.tickets import Connection, redeem
from reflex_drf.guard import Guard, read_headers

__all__ = ["CookieExchange"]

logger = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
# A ticket, a token and a session id; far less.
LONGEST_BODY = 4096
FIELDS = ("ticket", "token", "sid")


class CookieExchange:
    """Sets the cookies of an event for the browser whose socket the event came by."""

    def __init__(self, guard: Guard) -> None:
        self.guard = guard

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        lines = None
        if (reason := self._refusal(scope)) is not None:
            # The reason quotes Host or Origin only.
            logger.warning("Refused a request for cookies: %s.", reason)
        elif (shown := await read_body(receive)) is not None:
            lines = await exchange(read_headers(scope), shown)
        await answer(send, lines)

    async def tell(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Name the session that the browser has now, so that a tab sees whether it is its own."""
        if self._refusal(scope) is not None:
            await answer(send, None)
            return
        held = parse_cookie("; ".join(read_headers(scope).get("cookie", [])))
        await answer(send, [], fingerprint(session_key(held)).encode())

    def _refusal(self, scope: Mapping[str, Any]) -> str | None:
        headers = read_headers(scope)
        if scope.get("method") != "POST":
            return "it is not a POST"
        if "origin" not in headers:
            # Every browser names it with a POST. Scripts without one have no cookies to set.
            return "it has no Origin"
        if headers.get("content-type", [""])[0].partition(";")[0].strip() != "application/json":
            # A form of another site could not send this type without asking first.
            return "it is not JSON"
        return self.guard.refusal(scope)


async def read_body(receive: Receive) -> dict[str, str] | None:
    """Read what the browser shows, None if that is not a ticket with its connection."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] != "http.request" or len(body) > LONGEST_BODY:
            return None
        if not message.get("more_body"):
            break
    try:
        shown = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(shown, dict) or not all(isinstance(shown.get(n), str) for n in FIELDS):
        return None
    return {name: shown[name] for name in FIELDS}


async def exchange(headers: Mapping[str, list[str]], shown: Mapping[str, str]) -> list[str] | None:
    """Give the `Set-Cookie` lines for what a browser shows."""
    agent = ", ".join(headers.get("user-agent", []))
    connection = Connection(shown["token"], shown["sid"], agent)
    held = parse_cookie("; ".join(headers.get("cookie", [])))
    async with database_thread():
        return await sync_to_async(redeem)(shown["ticket"], connection, held)


async def answer(send: Send, lines: list[str] | None, body: bytes = b"") -> None:
    """Send the cookies, or a refusal that says nothing."""
    length = str(len(body)).encode()
    headers = [(b"cache-control", b"no-store"), (b"content-length", length)]
    headers += [(b"set-cookie", line.encode("latin-1", "ignore")) for line in lines or ()]
    status = 403 if lines is None else 200
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
