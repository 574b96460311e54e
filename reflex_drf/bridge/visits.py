"""What all events of one connection on one page have in common, worked out once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from django.http import parse_cookie

from reflex_drf.bridge.requests import EventRequest, build_meta

__all__ = ["Visit", "Visits", "credentials_digest"]

# How many connections are remembered at most; those that end are forgotten anyway.
MOST = 10_000


class Visit:
    """A browser's connection, on the page it is on; never changed.

    `META` and `COOKIES` are what a request of it begins with, and are to be copied before use.
    """

    __slots__ = ("COOKIES", "META", "credentials", "headers", "ip", "page", "secure")

    def __init__(self, headers: Mapping[str, str], ip: str, page: str) -> None:
        # A handler can change the headers it finds in its state's router data.
        self.headers, self.ip, self.page = dict(headers), ip, page
        self.credentials = credentials_digest(self.headers)
        known = dict(self.headers)
        # Reflex adds this one itself; `ip` has it too, or what a trusted proxy says.
        peer = known.pop("asgi-scope-client", "")
        path, _, query = page.partition("#")[0].partition("?")
        self.META, self.secure = build_meta(known, ip or peer, unquote(path), query)
        self.COOKIES: dict[str, str] = parse_cookie(self.META.get("HTTP_COOKIE", ""))

    def request(self) -> EventRequest:
        """Build the request of one event."""
        request = EventRequest(self.META.copy(), self.META["PATH_INFO"], secure=self.secure)
        request.COOKIES = self.COOKIES.copy()
        return request

    def given(self, cookies: Mapping[str, str]) -> Visit:
        """Give the same with the cookies that the browser got since; an empty one is gone."""
        if not cookies:
            return self
        visit = Visit(self.headers, self.ip, self.page)
        held = {**self.COOKIES, **cookies}
        visit.COOKIES = {
            name: value for name, value in held.items() if value or name not in cookies
        }
        return visit


class Visits:
    """The latest visit of each tab of a process; used on its one event loop."""

    def __init__(self) -> None:
        self._visits: dict[str, Visit] = {}

    def of(self, token: str, router_data: Mapping[str, Any]) -> Visit:
        """Give the visit that an event belongs to, the same object as long as nothing changed."""
        headers = router_data.get("headers") or {}
        # What the client says its page is.
        page, ip = str(router_data.get("asPath") or "/"), router_data.get("ip") or ""
        visit = self._visits.get(token)
        # Compared as a whole: a token proves nothing, and must lead to nobody else's cookies.
        known = visit is not None and visit.headers == headers
        if visit is None or not known or visit.page != page or visit.ip != ip:
            if len(self._visits) >= MOST:
                self._visits.clear()
            visit = self._visits[token] = Visit(headers, ip, page)
        return visit

    def __len__(self) -> int:
        return len(self._visits)

    def forget(self, token: str) -> None:
        """Drop what is known of a tab whose connection has ended."""
        self._visits.pop(token, None)


def credentials_digest(headers: Mapping[str, str]) -> str:
    """Digest all that a request may prove an identity with."""
    parts = [headers.get(name, "") for name in ("cookie", "authorization")]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
