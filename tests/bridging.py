"""Events for the tests of the bridge: a viewer, and a handler that runs inside the middleware."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest

from reflex_drf import bridge
from reflex_drf.bridge.middleware import run_event
from reflex_drf.bridge.requests import build_request
from reflex_drf.bridge.threads import database_thread

BACKEND = "django.contrib.auth.backends.ModelBackend"


@dataclass
class Viewer:
    """Somebody with a browser."""

    cookie: str = ""
    user: Any = None
    key: str = ""

    def request(self, **headers: str) -> HttpRequest:
        base = {"host": "localhost:8000", "origin": "http://localhost:3000"}
        cookies = "; ".join(c for c in (self.cookie, headers.pop("cookie", "")) if c)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return build_request(
            {**base, "cookie": cookies, **named}, client_ip="10.0.0.7", path="/shop", query="page=2"
        )

    async def send(
        self,
        handler: Callable[[], Awaitable[Any]],
        *,
        deferred: bool = False,
        background: bool = False,
        **headers: str,
    ) -> bridge.EventScope:
        request = self.request(**headers)
        with bridge.event_scope(request, deferred, background=background) as scope:
            async with database_thread():
                await run_event(scope, handler)
        return scope

    def stored(self) -> dict[str, Any]:
        """Give what the session holds now, freshly read."""
        return SessionStore(self.key).load()


def sign_in(name: str, **data: Any) -> Viewer:
    """Make a user with a real session."""
    user = get_user_model().objects.create_user(name, password="pw", **data)
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = BACKEND
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    assert session.session_key
    return Viewer(f"sessionid={session.session_key}", user, session.session_key)
