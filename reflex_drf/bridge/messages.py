"""Django's messages without Set-Cookie: what an event adds or shows is kept in the session.

Django's default storage keeps messages in a cookie. An event can read the cookies of the handshake
but cannot change them, so a message would be shown again in each event, and a new one be lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from django.conf import settings as django_settings
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.messages.storage.base import BaseStorage, Message
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import cached_property
from django.utils.module_loading import import_string

__all__ = ["SEEN_KEY", "EventMessageMiddleware", "EventMessages", "keep_messages"]

# Session key: which messages cookie has been dealt with, although the browser still has it.
SEEN_KEY = "_reflex_drf_messages_seen"
# What belongs to a storage object itself and not to the messages it was given.
OWN_ATTRIBUTES = frozenset({"request", "storages", "_used_storages"})
# Django's storages that need Set-Cookie.
REPLACED = (FallbackStorage, CookieStorage)


class EventMessages(FallbackStorage):
    """Messages read from cookie and session, and written to the session.

    A viewer without a session keeps Django's behaviour: the cookie waits on the response.
    """

    storage_classes = (CookieStorage, SessionStorage)

    def __init__(self, request: HttpRequest) -> None:
        # As Django's own begins, but for the storages.
        BaseStorage.__init__(self, request)
        self._used_storages: set[Any] = set()

    @cached_property
    def storages(self) -> list[Any]:
        """Where messages are kept, made when somebody looks: few events have to do with any."""
        return [kind(self.request) for kind in self.storage_classes]

    def _get(self, *args: Any, **kwargs: Any) -> tuple[list[Any], bool]:
        cookie, session = self.storages
        found: list[Any] = []
        if not self._cookie_is_seen():
            found += self._read(cookie)
        if self._has_session():
            found += self._read(session)
        return found, True

    def _read(self, storage: Any) -> list[Any]:
        messages = storage._get()[0]
        if messages:
            # Django's storage empties those that were used, also when nothing is left to store.
            self._used_storages.add(storage)
        return messages or []

    def _store(
        self, messages: Iterable[Message], response: HttpResponseBase, *args: Any, **kwargs: Any
    ) -> list[Message]:
        messages = list(messages)
        if not self._has_session():
            return list(super()._store(messages, response))  # type: ignore[misc]
        self.storages[1]._store(messages, response)
        if self._cookie and not self._cookie_is_seen():
            self.request.session[SEEN_KEY] = self._digest()
            self.storages[0]._store([], response)
        return []

    def take_over(self, other: Any) -> None:
        """Queue what was added to another storage of the same event."""
        self._queued_messages.extend(other._queued_messages)  # type: ignore[attr-defined]
        self.added_new = self.added_new or other.added_new

    @property
    def _cookie(self) -> str:
        return self.request.COOKIES.get(CookieStorage.cookie_name, "")

    def _has_session(self) -> bool:
        session = getattr(self.request, "session", None)
        return session is not None and session.session_key is not None

    def _digest(self) -> str:
        return hashlib.sha256(self._cookie.encode()).hexdigest()[:32]

    def _cookie_is_seen(self) -> bool:
        if not self._cookie or not self._has_session():
            return False
        return bool(self.request.session.get(SEEN_KEY) == self._digest())


class EventMessageMiddleware(MessageMiddleware):
    """Django's message middleware with a storage that works on a websocket."""

    def process_request(self, request: HttpRequest) -> None:
        kind = import_string(django_settings.MESSAGE_STORAGE)
        if kind in REPLACED and hasattr(request, "session"):
            # What `keep_messages` makes of a new storage of these.
            request._messages = EventMessages(request)  # type: ignore[attr-defined]
        else:
            super().process_request(request)
            keep_messages(request)


def keep_messages(request: HttpRequest, earlier: HttpRequest | None = None) -> None:
    """Replace a storage that needs Set-Cookie; a storage of the project's own stays.

    With an earlier request of the same event, both share one storage: what is added to either is
    stored by whichever has its response phase last.
    """
    storage = getattr(request, "_messages", None)
    shared = getattr(earlier, "_messages", None)
    if type(storage) not in REPLACED or not hasattr(request, "session"):
        return
    if isinstance(shared, EventMessages):
        shared.take_over(storage)
    else:
        shared = EventMessages(request)
        shared.__dict__.update(
            {name: value for name, value in vars(storage).items() if name not in OWN_ATTRIBUTES}
        )
    request._messages = shared  # type: ignore[attr-defined]
