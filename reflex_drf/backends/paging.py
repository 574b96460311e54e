"""Where a list stands among its pages, read from the view's paginator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.core.paginator import Page as DjangoPage

from reflex_drf.backends import Page

__all__ = ["read_page"]

# What a paginator of the project's own may raise when asked like one of DRF's.
NOT_LIKE_DRF = (AttributeError, KeyError, NotImplementedError, TypeError, ValueError)


def read_page(paginator: Any) -> Page:
    """Read the position from the paginator that made the page, not from its envelope."""
    links = {
        "next": read_link(paginator, "get_next_link"),
        "previous": read_link(paginator, "get_previous_link"),
    }
    page = getattr(paginator, "page", None)
    if isinstance(page, DjangoPage):
        return Page(**numbered(page), **links)
    limit, count = number(paginator, "limit"), number(paginator, "count")
    if limit:
        return Page(**by_offset(limit, number(paginator, "offset") or 0, count), **links)
    return Page(count=count, size=number(paginator, "page_size"), **links)


def numbered(page: DjangoPage[Any]) -> dict[str, Any]:
    """Read one of Django's own pages."""
    whole: Any = page.paginator
    return {
        "count": number(whole, "count"),
        "number": page.number,
        "size": number(whole, "per_page"),
        "pages": number(whole, "num_pages"),
    }


def by_offset(limit: int, offset: int, count: int | None) -> dict[str, Any]:
    """Count pages where the paginator counts rows."""
    pages = None if count is None else max(1, -(-count // limit))
    return {"count": count, "number": offset // limit + 1, "size": limit, "pages": pages}


def number(owner: Any, name: str) -> int | None:
    """Give an attribute where it is a number."""
    try:
        value = getattr(owner, name, None)
    except NOT_LIKE_DRF:
        return None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def read_link(paginator: Any, name: str) -> Mapping[str, Any] | None:
    """Give the query parameters of a link to another page."""
    try:
        url = getattr(paginator, name)()
    except NOT_LIKE_DRF:
        return None
    if not isinstance(url, str):
        return None
    query = parse_qs(urlsplit(url).query, keep_blank_values=True)
    return {name: values[0] if len(values) == 1 else values for name, values in query.items()}
