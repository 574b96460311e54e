"""The two phases of grouped middleware, and what one run through the chain has to remember."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject, empty

from reflex_drf.bridge.scope import EventScope
from reflex_drf.viewers import find_user, load_session

__all__ = [
    "Group",
    "Member",
    "Run",
    "activated",
    "active_run",
    "is_unresolved",
    "resolve",
    "session_changed",
    "status_of",
    "unreachable",
]

logger = logging.getLogger("reflex_drf.bridge")

SESSION = "django.contrib.sessions.middleware.SessionMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
MESSAGES = "django.contrib.messages.middleware.MessageMiddleware"
LOCALE = "django.middleware.locale.LocaleMiddleware"
LOGIN_REQUIRED = "django.contrib.auth.middleware.LoginRequiredMiddleware"
# Django's own middleware whose hooks touch no database, besides what a session cookie leads to.
STOCK = frozenset(
    {
        SESSION,
        AUTHENTICATION,
        MESSAGES,
        LOGIN_REQUIRED,
        LOCALE,
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
        "django.middleware.csp.ContentSecurityPolicyMiddleware",
        "django.middleware.http.ConditionalGetMiddleware",
    }
)
STATUS = {
    Http404: 404,
    PermissionDenied: 403,
    SuspiciousOperation: 400,
    BadRequest: 400,
}


@dataclass(slots=True, eq=False)
class Run:
    """One event on its way through the chain."""

    scope: EventScope
    handler: Callable[[], Awaitable[Any]]
    handled: bool = False
    error: Exception | None = None

    def fail(self, error: Exception) -> HttpResponseBase:
        """Keep an exception for the end and give the layers around a response in its place."""
        if self.error is None:
            self.error = error
        elif self.error is not error:
            # Only one can be raised: the first, which is the cause more often than not.
            logger.error("A further error while an event failed", exc_info=error)
        return HttpResponse(status=status_of(error))


# The chain is built once and serves all events: its innermost step finds its event here. Asgiref
# carries the variable into threads and back.
active_run: ContextVar[Run] = ContextVar("reflex_drf.active_run")


@contextmanager
def activated(run: Run) -> Iterator[None]:
    """Let the chain find its run, and the chain around it, if any, its own again afterwards."""
    outer = active_run.get(None)
    active_run.set(run)
    try:
        yield
    finally:
        # An exception of an outer event would otherwise be kept by a run that nobody reads.
        if outer is not None:
            active_run.set(outer)


def status_of(error: Exception) -> int:
    """Give the status that Django answers an exception with."""
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)


class Member:
    """One middleware of a group."""

    def __init__(self, path: str, instance: Any) -> None:
        self.path = path
        self.instance = instance
        self.enter: Callable[[HttpRequest], Any] | None = getattr(instance, "process_request", None)
        self.leave: Callable[[HttpRequest, HttpResponseBase], Any] | None = getattr(
            instance, "process_response", None
        )
        self.is_stock = is_stock(path)

    def answer(self, request: HttpRequest) -> HttpResponseBase | None:
        """Run the request phase."""
        return self.enter(request) if self.enter else None

    def finish(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Run the response phase; an exception becomes the response of this layer."""
        if self.leave is None:
            return response
        try:
            result = self.leave(request, response)
            if not isinstance(result, HttpResponseBase):
                raise TypeError(f"{self.path}.process_response() must return an HttpResponse.")
        except Exception as error:  # noqa: BLE001 - kept by the run, which raises it at the end
            return active_run.get().fail(error)
        return result


def is_stock(path: str) -> bool:
    """Tell whether a middleware is Django's own and known not to use the database by itself."""
    storage = django_settings.MESSAGE_STORAGE
    if path == MESSAGES and not storage.startswith("django.contrib.messages.storage."):
        return False
    return path in STOCK


class Group:
    """Neighbouring middleware that consists of hooks alone."""

    def __init__(self, members: Sequence[Member], get_response: Callable[[HttpRequest], Any]):
        self.members = list(members)
        self.get_response = get_response
        paths = {member.path for member in members}
        self.reads_session = bool(paths & {SESSION, AUTHENTICATION})
        self.custom_enter = any(member.enter and not member.is_stock for member in members)
        self.custom_leave = any(member.leave and not member.is_stock for member in members)

    async def run_async(self, request: HttpRequest) -> HttpResponseBase:
        """Run both phases around the rest of the chain, in a thread only where one is needed."""
        if self.custom_enter or (self.reads_session and has_session_cookie(request)):
            entered, response = await sync_to_async(self.enter_and_resolve)(request)
        else:
            entered, response = self.enter(request)
        if response is None:
            response = await self.get_response(request)
        if self.custom_leave:
            return await sync_to_async(self.leave)(request, response, entered)
        return await self.leave_stock(request, response, entered)

    def run_sync(self, request: HttpRequest) -> HttpResponseBase:
        """Run inside a synchronous middleware, in the thread that one holds."""
        entered, response = self.enter_and_resolve(request)
        if response is None:
            response = self.get_response(request)
        return self.leave(request, response, entered)

    def enter_and_resolve(self, request: HttpRequest) -> tuple[int, HttpResponseBase | None]:
        """Run the request phase, and load session and user while a database thread is at hand."""
        entered, response = self.enter(request)
        if response is None:
            try:
                resolve(request)
            except Exception as error:  # noqa: BLE001 - kept by the run, which raises it
                return entered, active_run.get().fail(error)
        return entered, response

    def enter(self, request: HttpRequest) -> tuple[int, HttpResponseBase | None]:
        """Run the request phase; give how many members take part in the response phase."""
        for index, member in enumerate(self.members):
            try:
                response = member.answer(request)
            except Exception as error:  # noqa: BLE001 - kept by the run, which raises it at the end
                # As in Django, the layer that failed has no response phase.
                return index, active_run.get().fail(error)
            if response is not None:
                return index + 1, response
        return len(self.members), None

    def leave(
        self, request: HttpRequest, response: HttpResponseBase, entered: int
    ) -> HttpResponseBase:
        """Run the response phase of all members that were entered, the innermost first."""
        for member in reversed(self.members[:entered]):
            response = member.finish(request, response)
        return response

    async def leave_stock(
        self, request: HttpRequest, response: HttpResponseBase, entered: int
    ) -> HttpResponseBase:
        """Run the response phase on the loop, but save a changed session in the thread."""
        for member in reversed(self.members[:entered]):
            if member.path == SESSION and session_changed(request):
                response = await sync_to_async(member.finish)(request, response)
            else:
                response = member.finish(request, response)
        return response


def has_session_cookie(request: HttpRequest) -> bool:
    """Tell whether the viewer claims to have a session."""
    return django_settings.SESSION_COOKIE_NAME in request.COOKIES


def session_changed(request: HttpRequest) -> bool:
    """Tell whether the session middleware would write to the session's storage."""
    session = getattr(request, "session", None)
    return session is not None and (
        session.modified or (django_settings.SESSION_SAVE_EVERY_REQUEST and not session.is_empty())
    )


def resolve(request: HttpRequest) -> None:
    """Load session and user, so that a handler on the event loop can use both without a query."""
    session = getattr(request, "session", None)
    if session is not None:
        load_session(session)
        # Any lookup loads it, where that is another kind.
        session.get("")
    user = getattr(request, "user", None)
    if user is not None:
        find_user(request)
        # Any attribute makes the lazy object ask for the user.
        _ = user.is_authenticated
    if hasattr(request, "_cached_user"):
        # What `await request.auser()` would look up a second time.
        request._acached_user = request._cached_user  # type: ignore[attr-defined]


def is_unresolved(request: HttpRequest) -> bool:
    """Tell whether session or user would still have to be loaded."""
    session = getattr(request, "session", None)
    if session is not None and session.session_key and not hasattr(session, "_session_cache"):
        return True
    user = getattr(request, "user", None)
    return isinstance(user, SimpleLazyObject) and user.__dict__.get("_wrapped") is empty


def unreachable(request: HttpRequest) -> HttpResponseBase:
    """Stand for the rest of the chain around a middleware of which only a hook is used."""
    raise NotImplementedError("Only process_response() is called.")
