"""Where a list answer stands among its pages, read from the body that a client gets.

The view's paginator tells the names of its parameters and the size of a page; that it is DRF's
own code that reads them keeps this equal to what the view itself did.
"""

from __future__ import annotations

from math import ceil
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.http import HttpRequest, QueryDict
from rest_framework.pagination import (
    BasePagination,
    CursorPagination,
    LimitOffsetPagination,
    PageNumberPagination,
)
from rest_framework.request import Request

from reflex_drf.backends import Call, Page
from reflex_drf.backends.request import encode_query

__all__ = ["read_page", "view_option"]

# Actions whose answer is one row, whatever keys the row may have.
ROW_ACTIONS = frozenset({"create", "retrieve", "update", "partial_update", "destroy", "metadata"})


def view_option(call: Call, name: str) -> Any:
    """Give what the view has for the action: the `@action`'s own, else the class's."""
    own = getattr(handler_of(call), "kwargs", {})
    return own.get(name, getattr(call.view, name, None))


def handler_of(call: Call) -> Any:
    """Give the method of the view class, where an `@action` left its options."""
    return getattr(call.view, call.action, None)


def read_page(call: Call, body: Any) -> tuple[list[Any] | None, Page | None]:
    """Give the rows of a list answer, and its page where it is paginated."""
    if isinstance(body, list):
        return body, None
    if call.action in ROW_ACTIONS or getattr(handler_of(call), "detail", False):
        return None, None
    paginator_class = view_option(call, "pagination_class")
    if paginator_class is None and call.action == "list":
        # A view that makes its pages by hand has an envelope all the same.
        paginator_class = BasePagination
    if paginator_class is None or not isinstance(body, dict):
        return None, None
    paginator = paginator_class()
    rows = find_rows(paginator, body)
    return rows, None if rows is None else make_page(paginator, call, body)


def find_rows(paginator: BasePagination, body: dict[str, Any]) -> list[Any] | None:
    """Find the list in an envelope: where the paginator says, else the only list there is."""
    try:
        rows = paginator.get_results(body)
    except (KeyError, TypeError):
        rows = None
    if isinstance(rows, list):
        return rows
    lists = [value for value in body.values() if is_rows(value)]
    return lists[0] if len(lists) == 1 else None


def is_rows(value: Any) -> bool:
    """Tell a list of rows from a list of words."""
    return isinstance(value, list) and all(isinstance(row, dict) for row in value)


def make_page(paginator: BasePagination, call: Call, body: dict[str, Any]) -> Page:
    """Put together what the envelope, the call's query and the paginator know."""
    request = ask(call)
    count = body.get("count")
    number, size = place(paginator, request)
    pages = max(1, ceil(count / size)) if isinstance(count, int) and size else None
    if number == "last":
        number = pages
    return Page(
        count=count,
        number=number,
        size=size,
        pages=pages,
        next=parameters(body.get("next")),
        previous=parameters(body.get("previous")),
    )


def ask(call: Call) -> Request:
    """Make the part of the request that a paginator reads."""
    request = HttpRequest()
    request.GET = QueryDict(encode_query(call.query))
    return Request(request)


def place(paginator: BasePagination, request: Request) -> tuple[Any, int | None]:
    """Give the number and the size of the page that was asked for."""
    if isinstance(paginator, PageNumberPagination):
        asked = request.query_params.get(paginator.page_query_param) or "1"
        return int(asked) if asked.isdecimal() else asked, paginator.get_page_size(request)
    if isinstance(paginator, LimitOffsetPagination):
        limit = paginator.get_limit(request)
        return (paginator.get_offset(request) // limit + 1 if limit else None), limit
    if isinstance(paginator, CursorPagination):
        return None, paginator.get_page_size(request)
    return None, None


def parameters(link: Any) -> dict[str, Any] | None:
    """Give the query parameters of a link to another page."""
    if not isinstance(link, str):
        return None
    query = parse_qs(urlsplit(link).query, keep_blank_values=True)
    return {name: values[0] if len(values) == 1 else values for name, values in query.items()}
