"""How cookies that an event has set reach the browser: a script fetches them over HTTP."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

import reflex as rx
from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from django.http import parse_cookie
from reflex_base.config import get_config
from reflex_base.event import Event
from reflex_base.event.context import EmitEventProtocol, EventContext
from reflex_base.event.processor import BaseStateEventProcessor

from reflex_drf.bridge.cookies import CookieOverlay, unsent_cookies
from reflex_drf.bridge.fingerprints import fingerprint, session_key
from reflex_drf.bridge.scope import EventScope, scope_var
from reflex_drf.bridge.threads import database_thread
from reflex_drf.bridge.tickets import Connection, can_keep, issue
from reflex_drf.bridge.visits import Visit
from reflex_drf.prefixes import under
from reflex_drf.state.answers import answer_event, is_navigable, leave_page

__all__ = ["PATH", "DeliveringProcessor"]

logger = logging.getLogger(__name__)

RouterData = Mapping[str, Any]

# Where the browser fetches cookies; below the path of the backend.
PATH = "/_reflex_drf/cookies"
# Below that, where it asks which session it has.
SESSION = "/session"
# The key in the browser's local storage whose change tells other tabs that somebody signed in.
EPOCH = "reflex_drf.user_changed"

# Runs where Reflex applies events, so `socket` is the tab's own. The ticket goes into the body of
# the request: URLs end up in logs. With `keepalive` it survives leaving the page.
FETCH = """
(async (ticket, path, changed, target, told, session) => {
  if (session !== null) window.__reflex_drf_session = session;
  const answer = await fetch(path, {
    method: "POST", credentials: "same-origin", cache: "no-store", keepalive: true,
    headers: {"content-type": "application/json"},
    body: JSON.stringify({ticket, sid: socket.id, token: window.sessionStorage.getItem("token")}),
  });
  if (!answer.ok) {
    console.error("The server refused to set its cookies:", answer.status);
    return;
  }
  if (told) {
    try { window.localStorage.setItem(%(epoch)s, `${Date.now()} ${Math.random()}`); } catch {}
  }
  if (!changed) return;
  if (target) { window.location.assign(target); return; }
  socket.disconnect();
  socket.reconnect();
})(%(arguments)s)
"""

# Listens once for each page; socket and session are the tab's latest. A new connection carries the
# new cookies, and its page load drops what the tab held for the former user. Other tabs say so in
# the local storage; a page of Django's does not, but its login changes the CSRF cookie, and whoever
# comes back from it gives the tab the focus.
FOLLOW = """
(() => {
  const first = !window.__reflex_drf_socket;
  window.__reflex_drf_socket = socket;
  window.__reflex_drf_session = %(session)s;
  if (!first) return;
  const renew = () => {
    window.__reflex_drf_session = null;
    window.__reflex_drf_socket.disconnect();
    window.__reflex_drf_socket.reconnect();
  };
  let asking = false, again = false;
  const ask = async () => {
    const known = window.__reflex_drf_session;
    if (known === null) return;
    again = asking;
    if (asking) return;
    asking = true;
    try {
      const answer = await fetch(%(path)s, {
        method: "POST", credentials: "same-origin", cache: "no-store", body: "{}",
        headers: {"content-type": "application/json"},
      });
      const found = await answer.text();
      if (answer.ok && known === window.__reflex_drf_session && found !== known) renew();
    } catch {
    } finally {
      asking = false;
    }
    if (again) { again = false; ask(); }
  };
  window.__reflex_drf_follow = () => [0, 400, 1500].forEach((wait) => setTimeout(ask, wait));
  window.addEventListener("storage", (event) => { if (event.key === %(epoch)s) renew(); });
  window.addEventListener("focus", ask);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) ask(); });
  window.cookieStore?.addEventListener("change", ask);
})()
"""


class DeliveringProcessor(BaseStateEventProcessor):
    """Brings the cookies of events to the browsers behind the sockets of this process.

    Part of the seam: what it uses of Reflex's own are the root context and `_on_disconnect`.
    """

    def configure(self, **options: Any) -> Self:
        """Configure, and see what handlers send to browsers."""
        super().configure(**options)
        root = self._root_context
        if root is not None and root.emit_event_impl is not None:
            emit = hold_redirects(root.emit_event_impl)
            self._root_context = replace(root, emit_event_impl=emit)
        return self

    async def start(self) -> None:
        """Start with browsers that have no more cookies than their handshakes say."""
        self._overlay = CookieOverlay()
        await super().start()

    def complete(self, visit: Visit, token: str, router_data: RouterData) -> Visit:
        """Add the cookies that the browser was given since the handshake."""
        cookies = self._overlay.of(token, router_data.get("sid") or "")
        return visit.given(cookies) if cookies else visit

    async def deliver(
        self, scope: EventScope, context: EventContext, router_data: RouterData, *, follow: bool
    ) -> None:
        """Send the browser what an ended event still has for it.

        That is the way to its cookies, what a middleware answered, and with `follow` the script
        that notices sign-ins of other tabs.
        """
        held = session_key(scope.source.COOKIES)
        given = scope.cookies.get(django_settings.SESSION_COOKIE_NAME)
        events = [follow_sign_ins(held)] if follow else []
        if scope.cookies:
            events += await self._fetch(scope, context.token, router_data)
        elif scope.target:
            events.append(leave_page(scope.target))
        if scope.answer is not None:
            logger.info("Middleware answered an event: %s.", scope.answer.status_code)
            events.append(answer_event(scope.answer))
        # A tab that is about to connect anew has no session worth following.
        key = "" if scope.changes_user else held if given is None else given.value
        self.note_session(context.token, str(router_data.get("sid") or ""), key, scope)
        # What is sent from here on is not held back again.
        scope.changes_user = False
        if events:
            await context.emit_event(*Event.from_event_type(events))

    def note_session(self, token: str, sid: str, key: str, scope: EventScope) -> None:
        """Called with the key of the session that a connection has from now on."""

    def is_connected(self, token: str, sid: str) -> bool:
        """Tell whether a tab still has the connection of this id."""
        return bool(sid)

    async def _fetch(self, scope: EventScope, token: str, router_data: RouterData) -> list[Any]:
        sid = str(router_data.get("sid") or "")
        if not sid or not can_keep():
            unsent_cookies.report(scope.cookies)
            return []
        headers = router_data.get("headers") or {}
        connection = Connection(token, sid, headers.get("user-agent", ""))
        held = (parse_cookie(headers.get("cookie", "")), scope.origin.COOKIES)
        async with database_thread():
            ticket = await sync_to_async(issue)(scope.cookies, held, connection)
        if not scope.changes_user and self.is_connected(token, sid):
            # Who signs in or out gets a new connection instead: this one stays the former user's,
            # so that no event on it fills the tab for the next one.
            self._overlay.add(token, sid, scope.cookies)
        return [rx.call_script(fetch_script(ticket, scope))]

    def _on_disconnect(self, token: str) -> None:
        self._overlay.forget(token)
        super()._on_disconnect(token)


def hold_redirects(emit: EmitEventProtocol) -> EmitEventProtocol:
    """Keep a redirect of an event that signs in or out until the browser has its cookies.

    The page it leads to would otherwise load as the former user.
    """

    async def emit_others(token: str, *events: Event) -> None:
        scope = scope_var.get()
        if scope is not None and scope.changes_user:
            events = tuple(event for event in events if not is_held(scope, event))
        if events:
            await emit(token, *events)

    return emit_others


def is_held(scope: EventScope, event: Event) -> bool:
    """Tell whether an event is a redirect within this window, and remember where it leads."""
    path = event.payload.get("path")
    if event.name != "_redirect" or event.payload.get("external") or not isinstance(path, str):
        return False
    if not is_navigable(path) or path.startswith("#"):
        return False
    # What the browser says its page is has the prefix of the front end, a route has not.
    prefix = get_config().frontend_path.rstrip("/")
    known = not path.startswith("/") or (prefix and under(path.partition("?")[0], prefix))
    scope.target = path if known else get_config().prepend_frontend_path(path)
    return True


def fetch_script(ticket: str, scope: EventScope) -> str:
    """Write the script that exchanges a ticket."""
    path = get_config().prepend_backend_path(PATH)
    told = scope.changes_user or scope.renews_session
    session = scope.cookies.get(django_settings.SESSION_COOKIE_NAME)
    named = None if session is None else fingerprint(session.value)
    values = (ticket, path, scope.changes_user, scope.target, told, named)
    arguments = [json.dumps(value) for value in values]
    return FETCH % {"epoch": json.dumps(EPOCH), "arguments": ", ".join(arguments)}


def follow_sign_ins(key: str) -> Any:
    """Let a tab notice when its browser signs in or out elsewhere, be it on a page of Django's."""
    values = {
        "epoch": EPOCH,
        "path": get_config().prepend_backend_path(PATH + SESSION),
        "session": fingerprint(key),
    }
    return rx.call_script(FOLLOW % {name: json.dumps(value) for name, value in values.items()})
