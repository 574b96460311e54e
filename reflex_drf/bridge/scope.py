"""The scope of one event: its request, its response, and where both can be found from anywhere."""

from __future__ import annotations

from asyncio import CancelledError
from contextvars import ContextVar
from http.cookies import Morsel
from typing import Any, Protocol

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from reflex_drf.bridge.messages import keep_messages
from reflex_drf.bridge.visits import Visit
from reflex_drf.errors import NoRequestError

__all__ = [
    "EventScope",
    "bind_request",
    "current_request",
    "current_scope",
    "event_origin",
    "event_scope",
    "scope_var",
]


class Opener(Protocol):
    """Makes the request of an event at the moment somebody asks for it."""

    def open(self, scope: EventScope) -> None:
        """Put the request, as the middleware leaves it, into the scope."""

    def user(self, scope: EventScope) -> Any:
        """Give its user without making it, or None if that is not known."""


class EventScope:
    """What belongs to one event and to nothing else.

    `origin` is the request as the handshake gives it. `request` is the one that went through the
    middleware; a deferred event has none until its own call has made it.
    """

    # Makes the request later, where nothing has to be done before somebody asks.
    opener: Opener | None = None
    # The user of an event whose request was not made yet.
    visitor: Any = None
    # What a middleware answered instead of letting the handler run.
    answer: HttpResponseBase | None = None
    # Whether the handler has signed somebody in or out.
    changes_user = False
    # Whether he stays and the session has a new key, which the browser's other tabs need.
    renews_session = False
    # The language of a call that became the event's request; its thread knew it.
    language = ""
    # Where the handler then sends the browser, which first has to have its cookies.
    target = ""
    closed = False
    # Its database thread, where it has needed one and runs in a task of the queue.
    executor: Any = None
    _request: HttpRequest | None = None
    _response: HttpResponseBase | None = None
    _outer: EventScope | None = None

    def __init__(
        self, source: HttpRequest | Visit, deferred: bool = False, background: bool = False
    ) -> None:
        # What the origin is made from, when somebody asks; or the origin itself.
        self.source = source
        self._origin: HttpRequest | None = None if isinstance(source, Visit) else source
        self.deferred = deferred
        # A background event may run for hours; see `run_chain` for what that changes.
        self.background = background
        # What the response sets as cookies and the browser has to hear of.
        self.cookies: dict[str, Morsel[str]] = {}

    @property
    def origin(self) -> HttpRequest:
        """The request as the handshake gives it, the same object in the whole event."""
        if self._origin is None:
            assert isinstance(self.source, Visit), "only a visit is made into a request later"
            self._origin = self.source.request()
        return self._origin

    @property
    def request(self) -> HttpRequest | None:
        """The request that went through the middleware."""
        if self._request is None and self.opener is not None:
            self.opener.open(self)
        return self._request

    @request.setter
    def request(self, request: HttpRequest | None) -> None:
        self._request = request

    @property
    def made_request(self) -> HttpRequest | None:
        """The same, but None as long as nobody has asked for it."""
        return self._request

    @property
    def has_request(self) -> bool:
        """Whether whoever asks for the request gets one."""
        return self._request is not None or self.opener is not None

    @property
    def has_response(self) -> bool:
        """Whether anybody has asked for the response."""
        return self._response is not None

    @property
    def is_eventful(self) -> bool:
        """Whether the browser has to hear of something when the event has ended."""
        return bool(self.cookies or self.target or self.changes_user) or self.answer is not None

    @property
    def response(self) -> HttpResponseBase:
        """What the middleware gets to see when the handler has ended."""
        if self._response is None:
            self._response = HttpResponse()
        return self._response

    @response.setter
    def response(self, response: HttpResponseBase) -> None:
        self._response = response

    def release_thread(self) -> None:
        """Give its database thread back, if it has one; nothing of the event may use it after."""
        if self.executor is not None:
            self.executor.release()

    def __enter__(self) -> EventScope:
        self._outer = scope_var.get()
        scope_var.set(self)
        return self

    def __exit__(self, *exc_info: object) -> None:
        # A task that outlives the event keeps a copy of the context and so still finds this
        # object: it must find it closed, and must not keep the user and the session alive.
        self.closed = True
        self._request = self.opener = self.visitor = None
        # Not `reset(token)`: asgiref copies values between contexts, and a token only fits the
        # context it was made in.
        scope_var.set(self._outer)
        self._outer = None


scope_var: ContextVar[EventScope | None] = ContextVar("reflex_drf.event_scope", default=None)


def event_scope(
    source: HttpRequest | Visit, deferred: bool = False, *, background: bool = False
) -> EventScope:
    """Give the scope of one event: open inside a `with` block, and closed for good after it."""
    return EventScope(source, deferred, background)


def current_scope() -> EventScope:
    """Give the open scope of the event this code runs in."""
    scope = scope_var.get()
    if scope is None:
        raise NoRequestError(
            "There is no Django request here: this code does not run inside a Reflex event. Use "
            "current_request() and its relatives in event handlers; is ReflexDjangoPlugin in the "
            "plugins of rxconfig.py?"
        )
    if scope.closed:
        raise NoRequestError(
            "The event this task was started from has ended, and its Django request with it. "
            "Await the task inside the handler, or use a background event: @rx.event"
            "(background=True) has a request of its own."
        )
    return scope


def current_request() -> HttpRequest:
    """Give the Django request of this event, as the project's middleware left it."""
    request = current_scope().request
    if request is None:
        raise NoRequestError(
            "This event has no Django request yet: the viewset's own call makes it, and nothing "
            "before that may trust a user. Read the request in a hook that runs inside the call, "
            "or after the call."
        )
    return request


def event_origin() -> HttpRequest:
    """Give the request that calls of this event derive from, before or after the middleware."""
    scope = current_scope()
    return scope.request or scope.origin


def bind_request(request: HttpRequest) -> None:
    """Make the request of a call, which went through the middleware, the request of this event.

    Any thread may call it: the scope is one object, whichever context it was found in.
    """
    known = scope_var.get()
    if known is not None and known.closed:
        # Whoever waited for this call was cancelled in the middle of it, as when a tab is closed.
        # An exception would be the view's, which is logged, and mailed, as an error of the server.
        raise CancelledError
    scope = current_scope()
    keep_messages(request, scope.made_request)
    scope.request = request
