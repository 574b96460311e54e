"""From the data of a websocket handshake to a Django request."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.http import HttpRequest, QueryDict, parse_cookie
from django.utils.datastructures import MultiValueDict
from django.utils.functional import cached_property

__all__ = ["EventRequest", "build_meta", "build_request"]

# What only describes the websocket itself and would mislead a middleware.
HANDSHAKE_HEADERS = frozenset({"connection", "upgrade", "content-length", "content-type"})
HOST = re.compile(r"^(?P<name>[a-z0-9._-]+|\[[a-f0-9:.]+\])(?::(?P<port>\d{1,5}))?$", re.I)
Query = str | Mapping[str, Any]


class EventRequest(HttpRequest):
    """The Django request of one event.

    It is a GET of the page the viewer is on, with host, cookies and client of the websocket. A
    project's middleware can tell it from others by `is_reflex_event`.
    """

    is_reflex_event = True

    def __init__(self, meta: dict[str, Any], path: str, *, secure: bool) -> None:
        # As Django's own WSGIRequest, this leaves out `super().__init__()`: it would assign
        # GET and COOKIES, and what else is made here only when somebody asks.
        self.META = meta
        self.path = self.path_info = path
        self.method = "GET"
        self.resolver_match = None
        self.content_type = ""
        self.content_params = {}
        self._secure = secure
        self._stream = io.BytesIO()
        self._body = b""
        self._read_started = False

    @cached_property
    def GET(self) -> QueryDict:  # type: ignore[override]  # noqa: N802
        return QueryDict(self.META["QUERY_STRING"], encoding=self.encoding)

    @cached_property
    def POST(self) -> QueryDict:  # type: ignore[override]  # noqa: N802
        return QueryDict("")

    @cached_property
    def FILES(self) -> MultiValueDict[str, Any]:  # type: ignore[override]  # noqa: N802
        return MultiValueDict()

    @cached_property
    def COOKIES(self) -> dict[str, str]:  # type: ignore[override]  # noqa: N802
        return parse_cookie(self.META.get("HTTP_COOKIE", ""))

    def _get_scheme(self) -> str:
        # `HttpRequest.scheme` asks SECURE_PROXY_SSL_HEADER first and comes here for the rest.
        return "https" if self._secure else "http"


def build_request(
    headers: Mapping[str, str],
    *,
    client_ip: str,
    path: str,
    query: Query = "",
    secure: bool | None = None,
) -> HttpRequest:
    """Build the request of an event from the headers of its handshake.

    `client_ip` is the peer of the socket; what a client claims in X-Forwarded-For stays a header.
    """
    meta, secure = build_meta(headers, client_ip, path, query, secure)
    return EventRequest(meta, meta["PATH_INFO"], secure=secure)


def build_meta(
    headers: Mapping[str, str],
    client_ip: str,
    path: str,
    query: Query = "",
    secure: bool | None = None,
) -> tuple[dict[str, Any], bool]:
    """Give the META of such a request, and whether its page came over TLS."""
    if secure is None:
        secure = is_secure_origin(headers.get("origin", ""))
    meta = {
        **header_meta(headers),
        **server_meta(headers.get("host", ""), secure),
        "REMOTE_ADDR": client_ip,
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": rooted(path),
        "QUERY_STRING": query if isinstance(query, str) else encode_query(query),
    }
    return meta, secure


def header_meta(headers: Mapping[str, str]) -> dict[str, str]:
    """Turn headers into META entries, by the rules of WSGI."""
    return {
        f"HTTP_{name.upper().replace('-', '_')}": str(value)
        for name, value in headers.items()
        # `x_forwarded_for` would become the same key as `x-forwarded-for`, which a proxy has
        # checked: names with an underscore are dropped, as Django's own servers do.
        if "_" not in name and name.lower() not in HANDSHAKE_HEADERS and not is_websocket(name)
    }


def is_websocket(name: str) -> bool:
    """Tell whether a header only serves the websocket protocol."""
    return name.lower().startswith("sec-websocket-")


def server_meta(host: str, secure: bool) -> dict[str, str]:
    """Read name and port of the server out of the Host header, which may be anything."""
    match = HOST.match(host)
    if match is None:
        # `request.get_host()` still sees HTTP_HOST and refuses it, where it is asked.
        return {"SERVER_NAME": "unknown", "SERVER_PORT": "0"}
    port = match["port"] or ("443" if secure else "80")
    return {"SERVER_NAME": match["name"], "SERVER_PORT": port}


def is_secure_origin(origin: str) -> bool:
    """Tell whether the page that opened the socket came over TLS, which then the socket did too.

    Browsers forbid an unencrypted socket from an encrypted page. Any other client can claim what it
    likes here, as it can choose its own connection, and gains nothing by it.
    """
    try:
        return urlsplit(origin).scheme.lower() == "https"
    except ValueError:
        return False


def rooted(path: str) -> str:
    """Make a path begin with one slash."""
    return "/" + path.lstrip("/")


def encode_query(query: Mapping[str, Any]) -> str:
    """Write Reflex's query parameters as a query string."""
    return urlencode([(name, item) for name, value in query.items() for item in items_of(value)])


def items_of(value: Any) -> Iterable[Any]:
    """Give each value of a parameter that may have several."""
    if isinstance(value, (list, tuple)):
        return value
    return () if value is None else (value,)
