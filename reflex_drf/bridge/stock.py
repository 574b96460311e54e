"""Events in a project whose middleware is Django's own: as few steps as these need.

Session, authentication, message and locale middleware only put objects on the request. With a
session cookie the user is looked up before the handler, in one hop. Without one, the request is
made when somebody asks for it, and an event that never asks for it costs nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextvars import copy_context
from functools import cached_property
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from django.http import HttpRequest
from django.utils import translation

from reflex_drf.bridge.gathering import Gathering
from reflex_drf.bridge.phases import (
    AUTHENTICATION,
    LOCALE,
    LOGIN_REQUIRED,
    MESSAGES,
    SESSION,
    Group,
    Member,
    resolve,
)
from reflex_drf.bridge.scope import EventScope
from reflex_drf.bridge.threads import briefly
from reflex_drf.bridge.visits import Visit
from reflex_drf.viewers import are_djangos

__all__ = ["StockMiddleware"]

# What never answers a request by itself, and leaves a response as good as it was.
STOCK = frozenset({SESSION, AUTHENTICATION, MESSAGES, LOCALE, LOGIN_REQUIRED})
# How many combinations of language cookie, Accept-Language and path are remembered, and how many
# characters of one: the path is what a client says, and may be as long as a message.
MOST, LONG = 1024, 1024


class StockMiddleware:
    """The members of a chain of which none is the project's own."""

    def __init__(self, members: Sequence[Member]) -> None:
        # Models need a configured Django, which this module's import does not.
        from django.contrib.auth.models import AnonymousUser

        self._visitor = AnonymousUser
        # A chain lives as long as the settings stay as they are.
        self._session_cookie = django_settings.SESSION_COOKIE_NAME
        self._language_cookie = django_settings.LANGUAGE_COOKIE_NAME
        self._language = django_settings.LANGUAGE_CODE
        self.group = Group(members, lambda request: None)
        self._locale = next((member for member in members if member.path == LOCALE), None)
        self._knows_user = any(member.path == AUTHENTICATION for member in members)
        self._languages: dict[tuple[Any, ...], str] = {}
        self._lock = threading.RLock()
        self._gathering = Gathering(self._put_on)
        self._look_up = sync_to_async(self._enter)

    @classmethod
    def of(cls, members: Sequence[Member]) -> StockMiddleware | None:
        """Give the members as stock ones, None if one of them is something else."""
        is_stock = all(member.path in STOCK and member.is_stock for member in members)
        return cls(members) if is_stock else None

    @staticmethod
    def takes(scope: EventScope) -> bool:
        """Tell whether the request of an event is a new one."""
        return isinstance(scope.source, Visit) or not hasattr(scope.source, "_cached_user")

    def needs_user(self, scope: EventScope) -> bool:
        """Tell whether the user of an event has to be looked up before its handler."""
        return self._session_cookie in scope.source.COOKIES

    @cached_property
    def _gathers(self) -> bool:
        # Anything else may be slow, or wait for the event loop.
        return self._knows_user and are_djangos()

    async def look_up(self, scope: EventScope) -> None:
        """Make the request, with session and user, in one hop."""
        if self._gathers:
            await self._gathering.look_up(scope)
            if self._locale is not None:
                translation.activate(self.language(scope))
            scope.request = scope.origin
            return
        # Nothing but two short queries: they need not wait until a slow one of another user ends.
        with briefly():
            await self._look_up(scope)

    def postpone(self, scope: EventScope) -> None:
        """Let the request wait until somebody asks for it, and do what cannot wait."""
        scope.opener = self
        if self._locale is not None:
            # A handler may translate without looking at the request.
            language = self.language(scope)
            if language != self._language:
                translation.activate(language)

    def _enter(self, scope: EventScope) -> None:
        request = scope.origin
        self._put_on(request, scope)
        if self._locale is not None:
            translation.activate(request.LANGUAGE_CODE)
        resolve(request)
        scope.request = request

    def _put_on(self, request: Any, scope: EventScope) -> None:
        """Put on a request what the middleware puts there."""
        for member in self.group.members:
            if member is self._locale:
                request.LANGUAGE_CODE = self.language(scope)
            else:
                member.answer(request)

    def language(self, scope: EventScope) -> str:
        """Give the language that the locale middleware chooses, asked once for equal requests."""
        source = scope.source
        key = (
            source.COOKIES.get(self._language_cookie),
            source.META.get("HTTP_ACCEPT_LANGUAGE"),
            source.META.get("PATH_INFO"),
        )
        language = self._languages.get(key)
        if language is None:
            language = copy_context().run(self._choose, scope.origin)
            if len(self._languages) >= MOST:
                self._languages.clear()
            if sum(len(part) for part in key if part) <= LONG:
                self._languages[key] = language
        return language

    def _choose(self, request: Any) -> str:
        assert self._locale is not None, "only a locale middleware chooses a language"
        self._locale.answer(request)
        return str(request.LANGUAGE_CODE)

    def open(self, scope: EventScope) -> None:
        """Make the request, now that somebody asks for it; any thread of the event may."""
        with self._lock:
            if scope.opener is None:
                return
            request: Any = scope.origin
            # No language is activated again: a handler may meanwhile use another.
            self._put_on(request, scope)
            if scope.visitor is not None:
                request._cached_user = request._acached_user = scope.visitor
            scope.request = request
            scope.opener = None

    def user(self, scope: EventScope) -> Any:
        """Give the visitor, without a request where there is none yet."""
        if scope.visitor is None and self._knows_user:
            scope.visitor = self._visitor()
        return scope.visitor

    @staticmethod
    def has_work_left(scope: EventScope) -> bool:
        """Tell whether the response phase would do anything that anybody could notice."""
        if scope.has_response or scope.changes_user:
            return True
        return scope.opener is None and is_changed(scope.origin)


def is_changed(request: HttpRequest) -> bool:
    """Tell whether session or messages of a request are to be saved."""
    session = getattr(request, "session", None)
    if session is not None and (session.modified or django_settings.SESSION_SAVE_EVERY_REQUEST):
        return True
    storage = getattr(request, "_messages", None)
    return storage is not None and (storage.used or storage.added_new)
