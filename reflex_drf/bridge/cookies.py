"""What becomes of cookies that an event's response sets: a websocket cannot carry them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from http.cookies import Morsel
from typing import TYPE_CHECKING, Any

from django.conf import settings as django_settings
from django.contrib.auth.signals import user_logged_in, user_logged_out

from reflex_drf.backends import answer_watchers
from reflex_drf.bridge.requests import EventRequest
from reflex_drf.bridge.scope import scope_var

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase

    from reflex_drf.bridge.scope import EventScope

__all__ = ["CookieOverlay", "UnsentCookies", "collect_cookies", "unsent_cookies"]

logger = logging.getLogger("reflex_drf.bridge")


def collect_cookies(scope: EventScope, response: HttpResponseBase) -> None:
    """Keep the cookies of a response that the browser has to hear of."""
    for name, morsel in response.cookies.items():
        if is_harmless(scope, name, morsel):
            continue
        scope.cookies[name] = morsel
        if name == django_settings.SESSION_COOKIE_NAME and morsel.value:
            # Another key in the place of one that the browser's other tabs have too.
            scope.renews_session = name in scope.source.COOKIES


def collect_answer(request: Any) -> None:
    """Keep the cookies of a view that an event has called."""
    scope = scope_var.get()
    if scope is not None and not scope.closed:
        collect_cookies(scope, request.response)


def note_user_change(*, request: Any, **ignored: Any) -> None:
    """Note that the handler of an event, or a view it has called, has signed somebody in or out."""
    scope = scope_var.get()
    # DRF's request stands around Django's; one that is neither an event nor a call of one, such
    # as that of a test client, has cookies of its own.
    request = getattr(request, "_request", request)
    own = isinstance(request, EventRequest) or hasattr(request, "origin")
    if scope is not None and not scope.closed and own:
        scope.changes_user = True


answer_watchers.append(collect_answer)
for signal in (user_logged_in, user_logged_out):
    signal.connect(note_user_change, dispatch_uid="reflex_drf.bridge.note_user_change")


def is_harmless(scope: EventScope, name: str, morsel: Morsel[str]) -> bool:
    """Tell whether nothing is lost when the browser does not hear of a cookie."""
    held = scope.origin.COOKIES.get(name)
    if morsel.value == held or not (morsel.value or held):
        # The same value again, or the end of a cookie that the browser does not have.
        return True
    # The end of a session whose row is gone anyway, maybe because another tab signed in.
    is_session = name == django_settings.SESSION_COOKIE_NAME
    return is_session and not morsel.value and not scope.changes_user


class UnsentCookies:
    """Says once for each name that a cookie did not reach the browser."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: set[str] = set()

    def report(self, cookies: Mapping[str, Any]) -> None:
        """Name cookies that could not be sent."""
        for name in cookies:
            if self._is_new(name):
                logger.warning(
                    "The cookie %r was set during an event and cannot reach the browser: the event "
                    "came without a socket of its own, or the project keeps no sessions on the "
                    "server. Set it in a Django view instead. This is said once for each name.",
                    name,
                )

    def clear(self) -> None:
        """Forget what has been said."""
        with self._lock:
            self._names.clear()

    def _is_new(self, name: str) -> bool:
        with self._lock:
            is_new = name not in self._names
            self._names.add(name)
        return is_new


unsent_cookies = UnsentCookies()


NONE: tuple[str, dict[str, str]] = ("", {})


class CookieOverlay:
    """What the browser has been given since a socket was opened, and the socket does not show.

    A socket's cookies are those of its handshake. Without this, a visitor's first session would be
    lost on the next event, which would begin another.
    """

    def __init__(self) -> None:
        # The events of a socket all run in the process that holds it, on its one event loop.
        self._cookies: dict[str, tuple[str, dict[str, str]]] = {}

    def add(self, token: str, sid: str, cookies: Mapping[str, Morsel[str]]) -> None:
        """Remember cookies for the events of one socket."""
        values = {name: morsel.value for name, morsel in cookies.items()}
        self._cookies[token] = (sid, {**self.of(token, sid), **values})

    def of(self, token: str, sid: str) -> dict[str, str]:
        """Give the cookies by which a socket differs from its handshake."""
        known, cookies = self._cookies.get(token, NONE)
        return cookies if sid and known == sid else {}

    def forget(self, token: str) -> None:
        """Drop what is known of a tab whose socket is closed."""
        self._cookies.pop(token, None)
