"""During development: which field of a serializer asks the database again for each row."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any

from django.conf import settings as django_settings
from django.db import connections

from reflex_drf.conf import settings

__all__ = ["is_watching", "watched", "watching"]

logger = logging.getLogger("reflex_drf.queries")
# The field that is being read, as "ProductSerializer.label".
_field: ContextVar[str] = ContextVar("reflex_drf_watched_field", default="")
# Each is told of once: a page is read many times.
_told: set[str] = set()


def is_watching() -> bool:
    """Tell whether queries are counted: the setting says so, or else `DEBUG`."""
    wanted = settings.WARN_OF_QUERIES
    return bool(django_settings.DEBUG if wanted is None else wanted)


def watched(name: str, function: Callable[[Any], Any] | None) -> Any:
    """Let a function be known as reading a field for as long as it runs."""
    if function is None:
        return None

    @wraps(function)
    def read(value: Any) -> Any:
        token = _field.set(name)
        try:
            return function(value)
        finally:
            _field.reset(token)

    return read


@contextmanager
def watching(count: int) -> Iterator[None]:
    """Count the queries of each field while so many rows are read, and tell of the many."""
    if count < 2 or not is_watching():
        yield
        return
    found: Counter[str] = Counter()

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        found[_field.get()] += 1
        return execute(sql, params, many, context)

    with ExitStack() as stack:
        for connection in connections.all(initialized_only=True):
            stack.enter_context(connection.execute_wrapper(note))
        yield
    for name, queries in found.items():
        if name and queries >= count:
            tell(name, queries, count)


def tell(name: str, queries: int, count: int) -> None:
    """Say which field it is, and what to do about it."""
    if name in _told:
        return
    _told.add(name)
    logger.warning(
        "%s made %d queries for %d rows. Have the view's queryset load what it reads, with "
        "select_related(), prefetch_related() or annotate().",
        name,
        queries,
        count,
    )
