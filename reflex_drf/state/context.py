"""The project's template context, language and messages as vars, for pages to show."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import reflex as rx
from asgiref.sync import sync_to_async
from django.contrib import messages as django_messages
from django.http import HttpRequest
from django.template import engines
from django.template.backends.django import DjangoTemplates
from django.utils import translation
from django.utils.module_loading import import_string
from reflex.state import BaseState

from reflex_drf.representation import plain

__all__ = ["DjangoContextState", "mirror_context"]

logger = logging.getLogger(__name__)

# How many messages wait until a page takes them off: all are sent again with each new one.
MOST_MESSAGES = 100
# They give objects that only a template can use, or what must not be sent: the CSRF token is made
# anew in each request and is a secret, the list of queries shows the database.
LEFT_OUT = frozenset(
    {
        "django.template.context_processors.csrf",
        "django.template.context_processors.debug",
        "django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    }
)


class DjangoContextState(rx.State):
    """Mirrors what the project's context processors give to templates, as JSON.

    Importing it is what turns it on: it is brought up to date at each page load, and after every
    event for the messages that its handler added. As in a template, a message is shown once.
    """

    context: dict[str, Any] = {}
    language: str = ""
    language_bidi: bool = False
    messages: list[dict[str, str]] = []

    @rx.event
    def clear_messages(self) -> None:
        """Take the messages off the page."""
        self.messages = []


def read_context(request: HttpRequest) -> dict[str, Any]:
    """Run the context processors of the project's template engine; needs a database thread."""
    # None where the project renders no Django templates.
    backend = next((item for item in engines.all() if isinstance(item, DjangoTemplates)), None)
    found: dict[str, Any] = {}
    for path in backend.engine.context_processors if backend else ():
        if path not in LEFT_OUT:
            found.update(keep_json(path, import_string(path)(request)))
    return found


def keep_json(path: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Give what JSON can hold of the values of a context processor."""
    kept: dict[str, Any] = {}
    for name, value in values.items():
        try:
            if isinstance(value, (HttpRequest, Iterator)):
                # Both would pass as lists: of the lines of the body, or of what is then used up.
                raise TypeError(f"{type(value).__name__} is not a value")
            kept[str(name)] = plain(value)
        except (TypeError, ValueError) as error:
            logger.debug("%s: %r is not sent to pages: %s", path, name, error)
    return kept


def read_messages(request: HttpRequest) -> list[dict[str, str]]:
    """Take the messages that wait for the viewer."""
    return [
        {"level": message.level_tag, "tags": message.tags, "text": str(message.message)}
        for message in django_messages.get_messages(request)
    ]


def read_all(request: HttpRequest) -> dict[str, Any]:
    """Give all that the state mirrors."""
    return {
        "context": read_context(request),
        "language": translation.get_language() or "",
        "language_bidi": translation.get_language_bidi(),
        "messages": read_messages(request),
    }


async def mirror_context(root: BaseState, request: HttpRequest) -> None:
    """Bring the mirror up to date at a page load."""
    # Context processors may ask the database, and a storage of messages may too.
    values = await sync_to_async(read_all)(request)
    mirror = await root.get_state(DjangoContextState)
    for name, value in values.items():
        if getattr(mirror, name) != value:
            setattr(mirror, name, value)


def has_new_messages(request: HttpRequest) -> bool:
    """Tell whether a handler has added messages that nobody has shown yet."""
    storage = getattr(request, "_messages", None)
    return bool(getattr(storage, "added_new", False) and not getattr(storage, "used", False))


async def show_messages(root: BaseState, request: HttpRequest) -> None:
    """Show what a handler has said, after it and before its messages would be stored."""
    found = await sync_to_async(read_messages)(request)
    mirror = await root.get_state(DjangoContextState)
    mirror.messages = [*mirror.messages, *found][-MOST_MESSAGES:]
