"""Django beside Reflex on one port: a dispatcher by path, with the guard in front of Reflex."""

from __future__ import annotations

import gc
import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterator, MutableMapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.apps import apps
from django.conf import settings as django_settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.exceptions import SuspiciousOperation
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.exception import response_for_exception
from django.http import Http404
from django.utils.module_loading import import_string
from django.views.static import serve as serve_file

from reflex_drf.auth.exchange import CookieExchange
from reflex_drf.bridge.tickets import EXPORTS
from reflex_drf.conf import settings
from reflex_drf.errors import ConfigurationError
from reflex_drf.guard import Guard, is_secure, read_headers
from reflex_drf.prefixes import under
from reflex_drf.seam import upload_headers
from reflex_drf.seam.delivery import PATH, SESSION
from reflex_drf.seam.downloads import ExportEndpoint

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from django.http import FileResponse, HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase
    from starlette.applications import Starlette

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

__all__ = ["Dispatcher", "django_application", "hand_over_cors"]

logger = logging.getLogger(__name__)

WHITENOISE = "whitenoise.middleware.WhiteNoiseMiddleware"
END = object()
# How many new objects the garbage collector lets pass before it looks at them; Python's is 700.
YOUNG = 10_000


class Dispatcher:
    """Sends each request to Django or to Reflex, by its path.

    Websockets below Django's prefixes go to the project's `ASGI_APPLICATION`, if it has one.
    """

    def __init__(
        self,
        reflex: ASGIApp,
        *,
        prefixes: Collection[str],
        guard: Guard,
        events: str = "/_event",
        uploads: str = "/_upload",
        cookies: str = PATH,
        exports: str = EXPORTS,
        states: Callable[[], Any] | None = None,
        django: ASGIApp | None = None,
    ) -> None:
        self.reflex = reflex
        self.django = django or django_application()
        self.prefixes = tuple(prefixes)
        self.guard = guard
        self.events = events
        self.uploads = uploads
        self.cookies = cookies
        self.exchange = CookieExchange(guard)
        self.exports = exports
        # Gives the manager of the app's states; without one there is nothing to export.
        self.export = None if states is None else ExportEndpoint(guard, states)
        self.websockets = bool(getattr(django_settings, "ASGI_APPLICATION", None))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = local_path(scope)
        if self._is_django(scope, path):
            await self.django(scope, receive, send)
        elif scope["type"] == "http" and path == self.cookies:
            await self.exchange(scope, receive, send)
        elif scope["type"] == "http" and path == self.exports and self.export is not None:
            await self.export(scope, receive, send)
        elif scope["type"] == "http" and path == f"{self.cookies}{SESSION}":
            await self.exchange.tell(scope, receive, send)
        elif self._is_guarded(path) and (reason := self.guard.refusal(scope)):
            # The reason quotes Host or Origin only; cookies and the query stay out of the log.
            logger.warning("Refused %s %s: %s.", scope["type"], path, reason)
            await refuse(scope, receive, send)
        else:
            await self._run_reflex(path, scope, receive, send)

    def _is_django(self, scope: Scope, path: str) -> bool:
        if scope["type"] == "websocket" and not self.websockets:
            return False
        return any(under(path, prefix) for prefix in self.prefixes)

    def _is_guarded(self, path: str) -> bool:
        return under(path, self.events) or under(path, self.uploads)

    async def _run_reflex(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.reflex(scope, receive, send)
            return
        headers = read_headers(scope)
        if is_secure(scope, headers):
            # To a page without its slash Reflex answers with a whole address.
            scope = {**scope, "scheme": "https"}
        if not self.guard.trusts(scope, headers):
            send = without_cors(send)
        if not under(path, self.uploads):
            await self.reflex(scope, receive, send)
        elif is_too_large(scope):
            logger.warning("Refused %s: larger than REFLEX_DRF['MAX_UPLOAD_BYTES'].", path)
            await answer(send, 413, b"The upload is too large.")
        else:
            await self._run_upload(scope, limited(receive), send)

    async def _run_upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        # An upload event does not carry the headers of its own request; the event processor
        # picks them up here, in the task of the request.
        # Under the name that Reflex gives the address of a websocket's peer.
        peer = {"asgi-scope-client": (scope.get("client") or [""])[0]}
        token = upload_headers.set(joined_headers(scope) | peer)
        try:
            await self.reflex(scope, receive, send)
        finally:
            upload_headers.reset(token)


def local_path(scope: Scope) -> str:
    """Give the path below the one the whole server is mounted at."""
    path, root = str(scope.get("path", "")), str(scope.get("root_path", "")).rstrip("/")
    return path.removeprefix(root) if root and under(path, root) else path


def joined_headers(scope: Scope) -> dict[str, str]:
    """Give each header as one value; HTTP/2 may send the cookies in several."""
    return {
        name: ("; " if name == "cookie" else ", ").join(values)
        for name, values in read_headers(scope).items()
    }


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """End a request with 403; a websocket before it is accepted."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
    else:
        await answer(send, 403, b"Forbidden.")


async def answer(send: Send, status: int, body: bytes) -> None:
    """Send one plain text response."""
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def without_cors(send: Send) -> Send:
    """Drop the permission that Reflex, by its default, gives to every origin."""

    async def send_plain(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [h for h in message["headers"] if not h[0].lower().startswith(b"access-control")]
            message = {**message, "headers": kept}
        await send(message)

    return send_plain


def is_too_large(scope: Scope) -> bool:
    """Tell whether a request announces a larger body than uploads may have."""
    length = read_headers(scope).get("content-length", [""])[0]
    limit = settings.MAX_UPLOAD_BYTES
    return bool(limit is not None and length.isdigit() and int(length) > limit)


def limited(receive: Receive) -> Receive:
    """End the body of an upload that does not announce its size where the limit is reached."""
    received = 0

    async def receive_limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if settings.MAX_UPLOAD_BYTES is not None and received > settings.MAX_UPLOAD_BYTES:
            logger.warning("Cut off an upload: larger than REFLEX_DRF['MAX_UPLOAD_BYTES'].")
            return {"type": "http.disconnect"}
        return message

    return receive_limited


@asynccontextmanager
async def hand_over_cors(starlette_app: Starlette) -> AsyncIterator[None]:
    """Leave cross-origin rules to whoever answers; a lifespan task of the Reflex app.

    Reflex puts its own CORS middleware around everything, by default for every origin and with
    credentials, and so around the API. Its own endpoints keep theirs inside the dispatcher.
    """
    from starlette.middleware.cors import CORSMiddleware

    cors: Any = CORSMiddleware
    kept = [entry for entry in starlette_app.user_middleware if entry.cls is not cors]
    starlette_app.user_middleware = kept
    starlette_app.middleware_stack = starlette_app.build_middleware_stack()
    yield


@asynccontextmanager
async def spare_collector() -> AsyncIterator[None]:
    """Keep Python's garbage collector off all that was imported; a lifespan task of the Reflex app.

    That is nearly all that a worker holds, and it stays to the end. To go through it again stops
    every event, for as long as some twenty of them take. And it looks less often for what is young
    and forgotten: an event makes thousands of objects, and leaves hardly any of them to it.
    """
    young, *older = thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()
    # None at all, and more, is what somebody has chosen.
    if 0 < young < YOUNG:
        gc.set_threshold(YOUNG, *older)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def django_application() -> ASGIApp:
    """Build the project's ASGI application, with its static files in front."""
    name = getattr(django_settings, "ASGI_APPLICATION", None)
    application: Any = import_application(name) if name else StreamingHandler()
    # WhiteNoise serves collected files better, with compression and far-future caching.
    whitenoise = WHITENOISE in django_settings.MIDDLEWARE and not django_settings.DEBUG
    if apps.is_installed("django.contrib.staticfiles") and not whitenoise:
        application = StaticFiles(application)
    built: ASGIApp = application
    return built


def import_application(name: str) -> ASGIApp:
    """Import what `ASGI_APPLICATION` names."""
    try:
        application: ASGIApp = import_string(name)
    except ImportError as error:
        raise ConfigurationError(
            f"ASGI_APPLICATION = {name!r} cannot be imported: {error}. Correct the path, or "
            "remove the setting if the project has no websockets of its own."
        ) from error
    return application


class StreamingHandler(ASGIHandler):
    """Django's ASGI handler, which also streams responses made of a plain iterator.

    Django itself collects such a response in memory before the first byte is sent.
    """

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request with a response that never needs to be collected."""
        return streamed(await super().get_response_async(request))


class StaticFiles(ASGIStaticFilesHandler):
    """Serves static files with `DEBUG` on and off: collected ones first, else the apps' own."""

    def serve(self, request: HttpRequest) -> HttpResponse | FileResponse:
        """Serve one file."""
        root = django_settings.STATIC_ROOT
        if root and not django_settings.DEBUG:
            try:
                return serve_file(request, self.file_path(request.path), document_root=root)
            except Http404:
                logger.debug("%s is not collected; asking the finders.", request.path)
        return super().serve(request)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """Serve one file, chunk by chunk; Django would read it whole, and fail on `..`."""
        try:
            response: Any = await sync_to_async(self.serve, thread_sensitive=False)(request)
        except (Http404, SuspiciousOperation) as error:
            respond = sync_to_async(response_for_exception, thread_sensitive=False)
            response = await respond(request, error)
        response._resource_closers.append(request.close)
        return streamed(response)


def streamed(response: Any) -> HttpResponseBase:
    """Let a response made of a plain iterator be iterated from the event loop."""
    if response.streaming and not response.is_async:
        response.streaming_content = iterate(iter(response.streaming_content))
    answer: HttpResponseBase = response
    return answer


async def iterate(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Take chunk after chunk in the thread of the request, where the view itself ran."""
    step: Any = sync_to_async(next)
    while (chunk := await step(chunks, END)) is not END:
        yield chunk
