"""Paginators for big tables, where counting all rows costs more than reading a page of them."""

from __future__ import annotations

from typing import Any

from django.core.paginator import EmptyPage, Page, PageNotAnInteger, Paginator
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import NotFound
from rest_framework.pagination import PageNumberPagination
from rest_framework.response import Response

__all__ = ["CountlessPageNumberPagination", "CountlessPaginator"]

# Beyond it no database counts rows; what a client asks for becomes an OFFSET.
LARGEST_OFFSET = 2**63 - 1


class CountlessPage(Page):  # type: ignore[type-arg]
    """A page that knows whether there is another one, and no more than that."""

    def __init__(self, rows: list[Any], number: int, paginator: CountlessPaginator) -> None:
        self._more = len(rows) > paginator.per_page
        super().__init__(rows[: paginator.per_page], number, paginator)

    def __repr__(self) -> str:
        return f"<Page {self.number}>"

    def has_next(self) -> bool:
        """Whether there was a row after those of the page."""
        return self._more

    def next_page_number(self) -> int:
        """The number of the next page."""
        if not self._more:
            raise EmptyPage(_("That page contains no results"))
        return self.number + 1

    def previous_page_number(self) -> int:
        """The number of the page before."""
        if self.number <= 1:
            raise EmptyPage(_("That page number is less than 1"))
        return self.number - 1

    def start_index(self) -> int:
        """The place of the first row of the page among all rows."""
        return self.paginator.per_page * (self.number - 1) + 1 if self.object_list else 0

    def end_index(self) -> int:
        """The place of the last row of the page among all rows."""
        return self.paginator.per_page * (self.number - 1) + len(self.object_list)


class CountlessPaginator(Paginator):  # type: ignore[type-arg]
    """Django's paginator without its count: it reads one row more than a page has."""

    # Nobody counted.
    count: Any = None
    num_pages: Any = None
    page_range: Any = None

    def validate_number(self, number: Any) -> int:
        """Give the number of a page that may exist; the largest one is not known."""
        try:
            if isinstance(number, float) and not number.is_integer():
                raise ValueError
            number = int(number)
        except (TypeError, ValueError):
            raise PageNotAnInteger(_("That page number is not an integer")) from None
        if number < 1:
            raise EmptyPage(_("That page number is less than 1"))
        if number * self.per_page > LARGEST_OFFSET:
            raise EmptyPage(_("That page contains no results"))
        return int(number)

    def page(self, number: Any) -> CountlessPage:
        """Give a page; one without rows exists only as the first."""
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        rows = list(self.object_list[start : start + self.per_page + 1])
        if not rows and (number > 1 or not self.allow_empty_first_page):
            raise EmptyPage(_("That page contains no results"))
        return CountlessPage(rows, number, self)


class CountlessPageNumberPagination(PageNumberPagination):
    """DRF's numbered pages without a count, for tables of which counting takes too long.

    The envelope has `next`, `previous` and `results`. There is no last page to ask for by name.
    """

    django_paginator_class = CountlessPaginator
    last_page_strings: Any = ()
    template = "rest_framework/pagination/previous_and_next.html"

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> list[Any] | None:
        """Give the rows of the page that was asked for, or None where lists have no pages."""
        self.request = request
        if not (size := self.get_page_size(request)):
            return None
        paginator = self.django_paginator_class(queryset, size)
        number = self.get_page_number(request, paginator)
        try:
            self.page = paginator.page(number)
        except (EmptyPage, PageNotAnInteger) as error:
            message = self.invalid_page_message.format(page_number=number, message=str(error))
            raise NotFound(message) from error
        self.display_page_controls = self.template is not None and self.page.has_other_pages()
        return list(self.page)

    def get_paginated_response(self, data: Any) -> Response:
        """Put the rows into an envelope without a count."""
        return Response(
            {"next": self.get_next_link(), "previous": self.get_previous_link(), "results": data}
        )

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Describe that envelope."""
        described: dict[str, Any] = super().get_paginated_response_schema(schema)
        links = {k: v for k, v in described["properties"].items() if k != "count"}
        return {**described, "required": ["results"], "properties": links}

    def get_html_context(self) -> Any:
        """What the browsable API shows: the links to the neighbouring pages."""
        return {"previous_url": self.get_previous_link(), "next_url": self.get_next_link()}
