"""The scope of one event: its request, its response, and where both can be found from anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from http.cookies import Morsel

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from reflex_drf.bridge.messages import keep_messages
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


@dataclass(slots=True, eq=False, weakref_slot=True)
class EventScope:
    """What belongs to one event and to nothing else.

    `origin` is the request as the handshake gives it. `request` is the one that went through the
    middleware; a deferred event has none until its own call has made it.
    """

    origin: HttpRequest
    deferred: bool = False
    # A background event may run for hours; see `run_chain` for what that changes.
    background: bool = False
    request: HttpRequest | None = None
    response: HttpResponseBase = field(default_factory=HttpResponse)
    # What a middleware answered instead of letting the handler run.
    answer: HttpResponseBase | None = None
    # What the response sets as cookies and the browser has to hear of.
    cookies: dict[str, Morsel[str]] = field(default_factory=dict)
    # Whether the handler has signed somebody in or out.
    changes_user: bool = False
    # The language of a call that became the event's request; its thread knew it.
    language: str = ""
    # Where the handler then sends the browser, which first has to have its cookies.
    target: str = ""
    closed: bool = False


scope_var: ContextVar[EventScope | None] = ContextVar("reflex_drf.event_scope", default=None)


@contextmanager
def event_scope(
    origin: HttpRequest, deferred: bool = False, *, background: bool = False
) -> Iterator[EventScope]:
    """Open the scope of one event, and close it for good at the end."""
    scope = EventScope(origin, deferred, background)
    before = scope_var.get()
    scope_var.set(scope)
    try:
        yield scope
    finally:
        # A task that outlives the event keeps a copy of the context and so still finds this
        # object: it must find it closed, and must not keep the user and the session alive.
        scope.closed = True
        scope.request = None
        # Not `reset(token)`: asgiref copies values between contexts, and a token only fits the
        # context it was made in.
        scope_var.set(before)


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
    scope = current_scope()
    keep_messages(request, scope.request)
    scope.request = request
