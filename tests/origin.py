"""The request behind an event, as a browser's handshake brings it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.http import HttpRequest


def log_in(user: Any) -> str:
    """Give the key of a new session of the user, as the login view makes one."""
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    store[SESSION_KEY] = str(user.pk)
    store[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.save()
    return str(store.session_key)


def make_origin(
    session_key: str | None = None,
    *,
    host: str = "testserver",
    secure: bool = False,
    cookies: dict[str, str] | None = None,
    **meta: str,
) -> HttpRequest:
    """Give a request with the host, address and cookies of a browser, seen by no middleware."""
    origin = HttpRequest()
    name, _, port = host.partition(":")
    origin.META = {
        "SERVER_NAME": name,
        "SERVER_PORT": port or ("443" if secure else "80"),
        "HTTP_HOST": host,
        "REMOTE_ADDR": "127.0.0.1",
        **meta,
    }
    origin.method, origin.path, origin.path_info = "GET", "/_event", "/_event"
    origin.COOKIES = dict(cookies or {})
    if session_key:
        origin.COOKIES[settings.SESSION_COOKIE_NAME] = session_key
    if secure:
        origin._get_scheme = lambda: "https"  # type: ignore[method-assign]
    return origin
