"""The same call over HTTP, for a Reflex front end that runs apart from its Django API."""

from __future__ import annotations

import asyncio
import inspect
import secrets
import threading
from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextvars import copy_context
from dataclasses import replace
from http.cookiejar import CookieJar, DefaultCookiePolicy
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import httpx
from django.conf import settings as django_settings
from django.http.request import HttpHeaders
from django.urls import set_script_prefix
from django.utils import translation
from django.utils.datastructures import CaseInsensitiveMapping
from rest_framework.exceptions import NotFound

from reflex_drf.backends import Backend, Call, Reply
from reflex_drf.backends.encoding import encode_body
from reflex_drf.backends.envelope import read_page
from reflex_drf.backends.limits import is_too_long, too_long
from reflex_drf.backends.request import JSON_FIRST, encode_query
from reflex_drf.conf import settings
from reflex_drf.errors import (
    BackendUnavailable,
    ConfigurationError,
    ErrorReport,
    RouteNotFound,
    report_errors,
)
from reflex_drf.routing import Route, find_route

if TYPE_CHECKING:
    from django.http import HttpRequest

__all__ = ["HttpBackend"]

SETTING = "REFLEX_DRF['API_BASE_URL']"


class HttpBackend(Backend):
    """Carries calls to an API at another address, as the viewer behind the event.

    The address is the argument, else `REFLEX_DRF["API_BASE_URL"]`; both sides share the URLconf.
    Override `get_credentials` where the API wants a token and not the session.
    """

    # Whether the viewer's session cookie goes along. Turn it off where the API is not your own.
    forwards_session = True

    def __init__(
        self,
        base_url: str | None = None,
        *,
        timeout: float | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.base_url = _check_base(base_url or settings.API_BASE_URL)
        self.timeout = settings.HTTP_TIMEOUT if timeout is None else timeout
        self.transport = transport

    async def run(self, origin: HttpRequest, *calls: Call) -> list[Reply]:
        """Make the calls in order and give their replies, up to one that failed or stops them."""
        replies: list[Reply] = []
        for call in calls:
            replies.append(await self._run_one(origin, call))
            if not call.leads_on(replies[-1]):
                break
        return replies

    def get_credentials(self, origin: HttpRequest) -> Mapping[str, str] | Awaitable[Any]:
        """Give headers that say who the viewer is, such as `Authorization`; may be async."""
        return {}

    async def aclose(self) -> None:
        """Close this loop's connections now; without it they close when the loop ends."""
        await _close_client(self._client_key)

    @property
    def _client_key(self) -> Any:
        # A transport belongs to whoever gave it; without one a class shares its connections.
        return self.transport or type(self)

    async def _run_one(self, origin: HttpRequest, call: Call) -> Reply:
        _refuse_prepare(call)
        route = find_public_route(call)
        try:
            path = copy_context().run(_reverse, route, call, origin)
        except RouteNotFound as error:
            return missing(error)
        if is_too_long(path, ""):
            # Of a longer one httpx makes an error of its own, and no request.
            return too_long()
        client = await _open_client(self._client_key, self.transport)
        content = encode_body(call)
        headers = {**content.pop("headers", {}), **await self._headers(origin)}
        url = self.base_url + path
        request = client.build_request(route.method, url, headers=headers, **content)
        return read_reply(call, await self._send(client, request))

    async def _send(self, client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
        try:
            # httpx limits each step; the viewer waits for the sum.
            async with asyncio.timeout(self.timeout):
                return await client.send(request)
        except TimeoutError as error:
            raise BackendUnavailable(
                f"The API at {self.base_url} did not answer within {self.timeout:g} seconds "
                "(REFLEX_DRF['HTTP_TIMEOUT'])."
            ) from error
        except httpx.TransportError as error:
            raise BackendUnavailable(
                f"The API at {self.base_url} cannot be reached ({type(error).__name__}: {error}). "
                f"Is it running, and is {SETTING} right?"
            ) from error

    async def _headers(self, origin: HttpRequest) -> dict[str, str]:
        headers = {"Accept": JSON_FIRST, **self._csrf_and_cookies(origin)}
        language = str(origin.META.get("HTTP_ACCEPT_LANGUAGE", ""))
        if language and language.isascii():
            headers["Accept-Language"] = language
        if settings.FORWARD_CLIENT_ADDRESS and (address := origin.META.get("REMOTE_ADDR")):
            headers["X-Forwarded-For"] = address
        credentials = self.get_credentials(origin)
        headers.update(await credentials if inspect.isawaitable(credentials) else credentials)
        return headers

    def _csrf_and_cookies(self, origin: HttpRequest) -> dict[str, str]:
        # The viewer's own CSRF cookie proves nothing here: the socket's Origin was checked. The
        # API only wants a cookie and a header that agree, so each request has a fresh pair.
        token = secrets.token_hex(16)
        names = [django_settings.LANGUAGE_COOKIE_NAME]
        if self.forwards_session:
            names.append(django_settings.SESSION_COOKIE_NAME)
        # The viewer can send anything; what no header can hold is nobody's session.
        cookies = {name: origin.COOKIES.get(name, "") for name in names}
        cookies = {name: value for name, value in cookies.items() if value and value.isascii()}
        jar = SimpleCookie({**cookies, django_settings.CSRF_COOKIE_NAME: token})
        header = HttpHeaders.parse_header_name(django_settings.CSRF_HEADER_NAME) or "X-CSRFToken"
        return {
            "Cookie": "; ".join(f"{morsel.key}={morsel.coded_value}" for morsel in jar.values()),
            header: token,
            "Referer": self.base_url + "/",
        }


def _check_base(base_url: str | None) -> str:
    parts = urlsplit(base_url or "")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(
            f"HttpBackend needs the address of the API and has {base_url!r}: set {SETTING}, such "
            'as "https://api.example.com", or give it to the backend, HttpBackend("https://…").'
        )
    return str(base_url).rstrip("/")


def _refuse_prepare(call: Call) -> None:
    """Stop where a hook would narrow what the view gives, because here it could not run."""
    if call.prepare is not None:
        hook = getattr(call.prepare, "__qualname__", repr(call.prepare))
        raise ConfigurationError(
            f"{call.view.__name__}.{call.action} cannot run {hook} over HTTP: hooks such as "
            "get_queryset and filter_queryset run inside the view, and that is on the other side. "
            "Move what they narrow into the viewset, or use the in-process backend."
        )


def find_public_route(call: Call) -> Route:
    """Find where the API has the call's action; the URLconf is the same on this side."""
    writes = call.data is not None or bool(call.files)
    route = find_route(
        call.view, call.action, kwargs=frozenset(call.kwargs), method=call.method, writes=writes
    )
    if route.private:
        raise ConfigurationError(
            f"{call.view.__name__} has no URL, so no HTTP request can reach it: register it with "
            "the API's router, or use the in-process backend."
        )
    return route


def missing(error: RouteNotFound) -> Reply:
    """Answer for a URL that cannot exist, such as one of an empty or malformed key."""
    data = {"detail": str(NotFound.default_detail)}
    return Reply(status=404, data=data, errors=report_errors(404, data, error), exception=error)


def _reverse(route: Route, call: Call, origin: HttpRequest) -> str:
    """The path and query of a call, made in a context of its own."""
    # Where this side is mounted is not where the API is.
    set_script_prefix("/")
    if django_settings.USE_I18N:
        translation.activate(translation.get_language_from_request(origin))
    query = encode_query(call.query)
    return route.url(call.kwargs) + (f"?{query}" if query else "")


def read_reply(call: Call, response: httpx.Response) -> Reply:
    """Turn an answer into a reply, whatever a server, a proxy or a middleware sent."""
    data, status = _read_data(response), response.status_code
    headers = CaseInsensitiveMapping(
        {
            name: value
            for name, value in response.headers.items()
            if name not in ("set-cookie", "content-length")
        }
    )
    if not response.is_success:
        report = _report(response, data)
        return Reply(status=status, data=data, errors=report, headers=headers)
    rows, page = read_page(call, data)
    return Reply(status=status, data=data, rows=rows, page=page, headers=headers)


def _read_data(response: httpx.Response) -> Any:
    kind = response.headers.get("content-type", "")
    if "json" in kind:
        try:
            return response.json() if response.content else None
        except ValueError:
            # Cut off, or JSON by name only.
            pass
    # The page of a server error may show a traceback, which is nobody's business here.
    return response.text if kind and not response.is_server_error else None


def _report(response: httpx.Response, data: Any) -> ErrorReport:
    report = report_errors(response.status_code, data)
    wait = response.headers.get("retry-after", "")
    return replace(report, wait=float(wait)) if wait.isdecimal() else report


_lock = threading.Lock()
_clients: WeakKeyDictionary[Any, dict[Any, _OpenClient]] = WeakKeyDictionary()


class _OpenClient:
    """A client and the generator that closes it when the event loop ends."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None) -> None:
        # One client serves every viewer, so it must not remember anyone's cookies.
        nobody = CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))
        self.client = httpx.AsyncClient(transport=transport, cookies=nobody, timeout=None)  # noqa: S113
        self.lifetime = self._live()

    async def _live(self) -> AsyncGenerator[None]:
        # A loop closes the async generators that were begun in it before it ends, under
        # asyncio.run() and uvicorn alike: nobody needs to remember to close the client.
        try:
            yield
        finally:
            await self.client.aclose()


async def _open_client(key: Any, transport: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient:
    """Give the client of this event loop, for connections cannot move between loops."""
    with _lock:
        clients = _clients.setdefault(asyncio.get_running_loop(), {})
    opened = clients.get(key)
    if opened is None:
        # No await between the look and the entry, so one loop never opens two.
        opened = clients[key] = _OpenClient(transport)
        await anext(opened.lifetime)
    return opened.client


async def _close_client(key: Any) -> None:
    with _lock:
        opened = _clients.get(asyncio.get_running_loop(), {}).pop(key, None)
    if opened is not None:
        await opened.lifetime.aclose()
