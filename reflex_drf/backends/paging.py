"""Where a list stands among its pages, read from the view's paginator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.core.paginator import Page as DjangoPage
from rest_framework.pagination import (
    CursorPagination,
    LimitOffsetPagination,
    PageNumberPagination,
)
from rest_framework.response import Response

from reflex_drf.backends import Call, Page, Reply

__all__ = ["last_page", "made_links", "read_page"]

Links = Mapping[str, Any]
# Each calls both methods for its links, and puts what they give into its response.
ENVELOPES = frozenset(
    kind.get_paginated_response
    for kind in (PageNumberPagination, LimitOffsetPagination, CursorPagination)
)
# What a paginator of the project's own may raise when asked like one of DRF's.
NOT_LIKE_DRF = (AttributeError, KeyError, NotImplementedError, TypeError, ValueError)


def read_page(paginator: Any, links: Links | None = None) -> Page:
    """Read the position from the paginator that made the page, not from its envelope.

    `links` are those that it has made already.
    """
    position = read_position(paginator)
    ways = links or {name: ask_link(paginator, f"get_{name}_link") for name in ("next", "previous")}
    return Page(
        count=position.get("count"),
        number=position.get("number"),
        size=position.get("size"),
        pages=position.get("pages"),
        next=read_link(ways["next"]),
        previous=read_link(ways["previous"]),
    )


def read_position(paginator: Any) -> dict[str, int | None]:
    """Read what a paginator of any kind knows."""
    page = getattr(paginator, "page", None)
    if isinstance(page, DjangoPage):
        return numbered(page)
    limit, count = whole(paginator, "limit"), whole(paginator, "count")
    if limit:
        return by_offset(limit, whole(paginator, "offset") or 0, count)
    return {"count": count, "size": whole(paginator, "page_size")}


def numbered(page: DjangoPage[Any]) -> dict[str, int | None]:
    """Read one of Django's own pages."""
    pages: Any = page.paginator
    return {
        "count": whole(pages, "count"),
        "number": whole(page, "number"),
        "size": whole(pages, "per_page"),
        "pages": whole(pages, "num_pages"),
    }


def by_offset(limit: int, offset: int, count: int | None) -> dict[str, int | None]:
    """Count pages where the paginator counts rows."""
    pages = None if count is None else max(1, -(-count // limit))
    return {"count": count, "number": offset // limit + 1, "size": limit, "pages": pages}


def whole(owner: Any, name: str) -> int | None:
    """Give an attribute where it is a whole number."""
    try:
        value = getattr(owner, name, None)
    except NOT_LIKE_DRF:
        return None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def ask_link(paginator: Any, name: str) -> Any:
    """Let a paginator make a link to another page."""
    try:
        return getattr(paginator, name)()
    except NOT_LIKE_DRF:
        return None


def read_link(url: Any) -> Mapping[str, Any] | None:
    """Give the query parameters of a link to another page."""
    if not isinstance(url, str):
        return None
    try:
        query = parse_qs(urlsplit(url).query, keep_blank_values=True)
    except ValueError:
        return None
    return {name: values[0] if len(values) == 1 else values for name, values in query.items()}


def made_links(paginator: Any, response: Any) -> Links | None:
    """Give the links in an envelope that DRF's own paginators have made, as they do nothing else.

    To be asked before anybody else can change the envelope.
    """
    own = getattr(type(paginator), "get_paginated_response", None)
    if own not in ENVELOPES or not isinstance(response, Response):
        return None
    return {"next": response.data["next"], "previous": response.data["previous"]}


def last_page(call: Call, reply: Reply) -> Call | None:
    """Give the call for the last page, where a reply says that the page asked for is gone.

    That happens when the last row of the last page was deleted.
    """
    paginator = getattr(call.view, "pagination_class", None)
    name = str(getattr(paginator, "page_query_param", ""))
    words = getattr(paginator, "last_page_strings", ())
    if reply.status != 404 or not words or str(call.query.get(name, "")) in ("", "1", *words):
        return None
    return replace(call, query={**call.query, name: words[0]})
