"""One Django request for each event: what handlers read, and what the seam and the states use.

No Reflex is imported here. The seam opens a scope and a database thread for an event and lets
`middleware.run_event` run the handler inside; handlers call the `current_*` functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from reflex_drf.bridge.scope import (
    EventScope,
    bind_request,
    current_request,
    current_scope,
    event_origin,
    event_scope,
    scope_var,
)
from reflex_drf.errors import ConfigurationError, NotAuthenticatedError

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser
    from django.contrib.messages.storage.base import Message
    from django.contrib.sessions.backends.base import SessionBase
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

__all__ = [
    "EventScope",
    "bind_request",
    "current_language",
    "current_messages",
    "current_request",
    "current_response",
    "current_scope",
    "current_session",
    "current_user",
    "event_origin",
    "event_scope",
    "login",
    "logout",
    "request",
    "require_login_user",
    "scope_var",
]


def current_user() -> AbstractBaseUser | AnonymousUser:
    """Give the user of this event, looked up anew for it."""
    opener = current_scope().opener
    # A visitor is known to be one before anybody has made the request.
    user = opener.user(current_scope()) if opener is not None else None
    if user is None:
        user = attribute("user", AUTHENTICATION)
    return cast("AbstractBaseUser | AnonymousUser", user)


def current_session() -> SessionBase:
    """Give the Django session of this event; what is changed in it is saved when the event ends."""
    return cast("SessionBase", attribute("session", SESSION))


def current_messages() -> list[Message]:
    """Give Django's messages for the viewer; as in a template, reading them takes them away."""
    from django.contrib.messages import get_messages

    return list(get_messages(current_request()))


def current_language() -> str:
    """Give the language code this event runs in."""
    from reflex_drf.bridge.language import event_language

    if not current_scope().has_request:
        # Says what is missing.
        current_request()
    return event_language()


def current_response() -> HttpResponseBase:
    """Give the response that the middleware gets to see when the handler has ended."""
    return current_scope().response


def require_login_user() -> AbstractBaseUser:
    """Give the logged-in user, or raise NotAuthenticatedError."""
    user = current_user()
    if not user.is_authenticated:
        raise NotAuthenticatedError("This needs a logged-in user.")
    return user


async def login(username: Any, password: Any, **credentials: Any) -> bool:
    """Sign in whoever has these credentials, and tell whether somebody has."""
    from reflex_drf.bridge import session

    return await session.login(username, password, **credentials)


async def logout() -> None:
    """End the session of this event, with everything in it."""
    from reflex_drf.bridge import session

    await session.logout()


AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
SESSION = "django.contrib.sessions.middleware.SessionMiddleware"


def attribute(name: str, middleware: str) -> Any:
    """Read what a middleware has put on the request."""
    try:
        return getattr(current_request(), name)
    except AttributeError as error:
        raise ConfigurationError(
            f"The request of this event has no `{name}`: add {middleware!r} to MIDDLEWARE in the "
            'Django settings, and take it out of REFLEX_DRF["EXCLUDED_MIDDLEWARE"].'
        ) from error


class RequestProxy:
    """The request of whichever event uses it; true inside an event that has one."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        return getattr(current_request(), name)

    def __bool__(self) -> bool:
        scope = scope_var.get()
        return scope is not None and not scope.closed and scope.has_request

    def __repr__(self) -> str:
        return f"<request proxy: {current_request()!r}>" if self else "<request proxy: no event>"


request: HttpRequest = cast("HttpRequest", RequestProxy())
