"""What becomes of cookies that middleware sets during an event."""

from __future__ import annotations

import logging
import threading
from http.cookies import Morsel

from django.conf import settings as django_settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpRequest
from django.http.response import HttpResponseBase

__all__ = ["UnsentCookies", "unsent_cookies"]

logger = logging.getLogger("reflex_drf.bridge")


class UnsentCookies:
    """Says once for each name that a websocket cannot carry a cookie to the browser."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: set[str] = set()

    def report(self, request: HttpRequest, response: HttpResponseBase) -> None:
        """Look at the cookies of an event's response."""
        for name, morsel in response.cookies.items():
            if not is_harmless(request, name, morsel) and self._is_new(name):
                logger.warning(
                    "The cookie %r was set during an event. A websocket cannot carry Set-Cookie, "
                    "so the browser does not get it; set it in a Django view instead. "
                    "current_response() still holds it. This is said once for each name.",
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


def is_harmless(request: HttpRequest, name: str, morsel: Morsel[str]) -> bool:
    """Tell whether nothing is lost when the browser does not hear of a cookie."""
    if name == django_settings.SESSION_COOKIE_NAME:
        # The same key again, or the end of a session whose row is gone anyway.
        return not morsel.value or morsel.value == request.COOKIES.get(name)
    # The event's own message storage remembers that the old cookie was dealt with.
    return name == CookieStorage.cookie_name and not morsel.value


unsent_cookies = UnsentCookies()
