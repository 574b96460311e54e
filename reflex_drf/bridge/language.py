"""The language of an event: what its middleware chose, or would choose."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils import translation

from reflex_drf.bridge.scope import current_scope, scope_var

__all__ = ["event_language", "note_language", "say"]

LOCALE = "django.middleware.locale.LocaleMiddleware"


def note_language() -> None:
    """Remember the language that is active in the thread of a call, for what is said after it."""
    current_scope().language = translation.get_language() or ""


def event_language() -> str:
    """Give the language in which the viewer of this event is spoken to."""
    scope = scope_var.get()
    if scope is not None and scope.language:
        return scope.language
    if scope is not None and not scope.has_request and LOCALE in settings.MIDDLEWARE:
        # A deferred event has not been through the middleware yet.
        return translation.get_language_from_request(scope.origin)
    return translation.get_language() or settings.LANGUAGE_CODE


def say(message: Any) -> str:
    """Give a lazy text in the language of this event."""
    with translation.override(event_language()):
        return str(message)
