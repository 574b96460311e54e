"""Signing in and out during an event, through Django's own authentication."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from django.contrib import auth
from django.http import HttpRequest
from django.middleware.csrf import CsrfViewMiddleware
from django.views.decorators.debug import sensitive_variables

from reflex_drf.bridge.phases import unreachable
from reflex_drf.bridge.scope import EventScope, current_scope
from reflex_drf.bridge.tickets import can_keep
from reflex_drf.errors import ConfigurationError

__all__ = ["go_to", "is_plain", "keep_session", "login", "login_user", "logout"]

CSRF = "django.middleware.csrf.CsrfViewMiddleware"
# Longer than any name or password that a form of Django's takes.
LONGEST = 4096


@sensitive_variables("password", "credentials")
async def login(username: Any, password: Any, **credentials: Any) -> bool:
    """Sign in whoever has these credentials, and tell whether somebody has.

    The project's authentication backends decide, and its signals are sent. A wrong password
    changes nothing: a visitor keeps the session, and so does who was signed in before.
    """
    scope, request = signing()
    texts = (username, password)
    if not all(isinstance(text, str) and is_plain(text) for text in texts):
        # What a client sends need not be text, and what is not would be an error of the database.
        return False

    @sensitive_variables()
    def attempt() -> Any:
        return auth.authenticate(request, username=username, password=password, **credentials)

    user = await sync_to_async(attempt)()
    if user is None:
        return False
    await change_user(scope, request, user, None)
    return True


async def login_user(user: Any, backend: str | None = None) -> None:
    """Sign in a user whose identity was proved in another way, such as a link sent by mail.

    With several authentication backends, `backend` names the one that is to load the user.
    """
    scope, request = signing()
    await change_user(scope, request, user, backend)


async def logout() -> None:
    """End the session of this event, with everything in it; Django's signal is sent."""
    scope, request = signing()
    await sync_to_async(auth.logout)(request)
    take_user(request, request.user)
    scope.changes_user = True


async def keep_session(user: Any) -> None:
    """Keep the session of this event when the password of its user has changed.

    It gets another key; the user's other sessions end, because they hold a hash of the old one.
    """
    scope, request = signing()
    await sync_to_async(auth.update_session_auth_hash)(request, user)
    take_user(request, user)
    scope.renews_session = True


def go_to(location: str) -> None:
    """Send the browser to a location of this site, once it has the cookies of this event."""
    current_scope().target = location


def signing() -> tuple[EventScope, HttpRequest]:
    """Give the scope and the request of an event that may sign in."""
    scope = current_scope()
    request = scope.request
    if request is None or not hasattr(request, "session") or not can_keep():
        raise ConfigurationError(
            "Signing in during an event needs a session that the server keeps: put "
            "SessionMiddleware and AuthenticationMiddleware into MIDDLEWARE, set SESSION_ENGINE "
            "to a backend other than signed_cookies, and in a hook of a ModelState sign in after "
            "the call."
        )
    return scope, request


async def change_user(
    scope: EventScope, request: HttpRequest, user: Any, backend: str | None
) -> None:
    """Let a user sign in: the session gets another key, and the browser hears of it."""
    await sync_to_async(auth.login)(request, user, backend)
    take_user(request, user)
    scope.changes_user = True
    if CSRF in django_settings.MIDDLEWARE:
        # This middleware does not see events, so the new token it asks for is set here.
        CsrfViewMiddleware(unreachable).process_response(request, scope.response)


def take_user(request: HttpRequest, user: Any) -> None:
    """Let everything that asks the request for its user find this one."""
    request._cached_user = request._acached_user = user  # type: ignore[attr-defined]


def is_plain(text: str) -> bool:
    """Tell whether a text can be a name or a password."""
    return len(text) <= LONGEST and "\x00" not in text
