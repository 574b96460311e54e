"""Events for which the project's middleware has nothing to do until somebody asks.

Without a session cookie, Django's own session, authentication, message and locale middleware only
put lazy objects on the request. So the request is made when it is first asked for, and an event
that never asks for it costs nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextvars import copy_context
from typing import Any

from django.conf import settings as django_settings
from django.http import HttpRequest
from django.utils import translation

from reflex_drf.bridge.phases import AUTHENTICATION, LOCALE, MESSAGES, SESSION, Group, Member
from reflex_drf.bridge.scope import EventScope
from reflex_drf.bridge.visits import Visit

__all__ = ["QuietMiddleware"]

QUIET = frozenset({SESSION, AUTHENTICATION, MESSAGES, LOCALE})
# How many combinations of language cookie, Accept-Language and path are remembered.
MOST = 1024


class QuietMiddleware:
    """The members of a chain all of which can wait."""

    def __init__(self, members: Sequence[Member]) -> None:
        # Models need a configured Django, which this module's import does not.
        from django.contrib.auth.models import AnonymousUser

        self._visitor = AnonymousUser
        self.group = Group(members, lambda request: None)
        self._locale = next((member for member in members if member.path == LOCALE), None)
        self._knows_user = any(member.path == AUTHENTICATION for member in members)
        self._languages: dict[tuple[Any, ...], str] = {}
        self._lock = threading.RLock()

    @classmethod
    def of(cls, members: Sequence[Member]) -> QuietMiddleware | None:
        """Give the members as quiet ones, None if one of them has to see every event."""
        is_quiet = all(member.path in QUIET and member.is_stock for member in members)
        return cls(members) if is_quiet else None

    def lets_wait(self, scope: EventScope) -> bool:
        """Tell whether nothing of this event depends on a session."""
        source = scope.source
        return django_settings.SESSION_COOKIE_NAME not in source.COOKIES and (
            isinstance(source, Visit) or not hasattr(source, "_cached_user")
        )

    def begin(self, scope: EventScope) -> None:
        """Do what cannot wait: a handler may translate without looking at the request."""
        scope.opener = self
        if self._locale is not None:
            language = self.language(scope)
            if language != django_settings.LANGUAGE_CODE:
                translation.activate(language)

    def language(self, scope: EventScope) -> str:
        """Give the language that the locale middleware chooses, asked once for equal requests."""
        source = scope.source
        key = (
            source.COOKIES.get(django_settings.LANGUAGE_COOKIE_NAME),
            source.META.get("HTTP_ACCEPT_LANGUAGE"),
            source.META.get("PATH_INFO"),
        )
        language = self._languages.get(key)
        if language is None:
            if len(self._languages) >= MOST:
                self._languages.clear()
            language = self._languages[key] = copy_context().run(self._choose, scope.origin)
        return language

    def _choose(self, request: HttpRequest) -> str:
        assert self._locale is not None, "only a locale middleware chooses a language"
        self._locale.answer(request)
        return str(request.LANGUAGE_CODE)

    def open(self, scope: EventScope) -> None:
        """Make the request, now that somebody asks for it; any thread of the event may."""
        with self._lock:
            if scope.opener is None:
                return
            request: Any = scope.origin
            for member in self.group.members:
                if member is self._locale:
                    # Not activated again: a handler may meanwhile use another language.
                    request.LANGUAGE_CODE = self.language(scope)
                else:
                    member.answer(request)
            if scope.visitor is not None:
                request._cached_user = request._acached_user = scope.visitor
            scope.request = request
            scope.opener = None

    def user(self, scope: EventScope) -> Any:
        """Give the visitor, without a request where there is none yet."""
        if scope.visitor is None and self._knows_user:
            scope.visitor = self._visitor()
        return scope.visitor
