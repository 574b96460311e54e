"""Pages of a list whose rows are not read before the serializer reads them.

DRF's paginator makes objects of a page's rows. Where nothing sees them but a serializer that shows
nothing else than columns, the page is handed on unread: then no objects need to be made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property
from rest_framework.generics import GenericAPIView
from rest_framework.mixins import ListModelMixin
from rest_framework.pagination import PageNumberPagination
from rest_framework.serializers import BaseSerializer, Serializer

from reflex_drf import statements
from reflex_drf.columns import gives_columns
from reflex_drf.conf import settings
from reflex_drf.fieldsets import sets_of, shows_as_drf
from reflex_drf.reading import give_away

__all__ = ["unread_pages"]

# As DRF and Django have them, should somebody patch their classes later on.
LISTING = {
    "list": ListModelMixin.list,
    "paginate_queryset": GenericAPIView.paginate_queryset,
    "get_serializer": GenericAPIView.get_serializer,
    "get_paginated_response": GenericAPIView.get_paginated_response,
}
PAGING = {
    "paginate_queryset": PageNumberPagination.paginate_queryset,
    "get_paginated_response": PageNumberPagination.get_paginated_response,
    "django_paginator_class": Paginator,
}
DATA = Serializer.data
MANY: Any = BaseSerializer.many_init


class UnreadPage(Page):  # type: ignore[type-arg]
    """A page that seems empty for as long as DRF would read it."""

    is_closed = True

    def __len__(self) -> int:
        return 0 if self.is_closed else super().__len__()

    def __iter__(self) -> Iterator[Any]:
        return iter(()) if self.is_closed else super().__iter__()


class UnreadPaginator(Paginator):  # type: ignore[type-arg]
    """Django's paginator with such pages, and a count that is compiled once."""

    @cached_property
    def count(self) -> int:
        """The number of rows on all pages."""
        return statements.count(cast("QuerySet[Any]", self.object_list))

    def _get_page(self, *args: Any, **kwargs: Any) -> UnreadPage:
        return UnreadPage(*args, **kwargs)


def unread_pages(
    view: Any, is_bare: Callable[[], bool], original: Callable[..., Any]
) -> Callable[..., Any]:
    """Let a view's `paginate_queryset` give the page's queryset where its objects are of no use.

    `is_bare` tells whether nothing around the view could see its response's data either.
    """

    def paginate_queryset(*args: Any, **kwargs: Any) -> Any:
        # A view's own may take anything; DRF's list gives the queryset and nothing else.
        queryset = args[0] if len(args) == 1 and not kwargs else None
        if not (isinstance(queryset, QuerySet) and is_seen_by_nobody(view, queryset)):
            return original(*args, **kwargs)
        if view.paginator is not None:
            # All else is DRF's own: the size, the number, the count, and a word on a wrong one.
            view.paginator.django_paginator_class = UnreadPaginator
        if original(queryset) is None:
            # Without pages the view gives its serializer the queryset itself.
            give_away(queryset, as_json=is_bare())
            return None
        page = view.paginator.page
        page.is_closed = False
        return give_away(cast("QuerySet[Any]", page.object_list), as_json=is_bare())

    return paginate_queryset


def is_seen_by_nobody(view: Any, queryset: QuerySet[Any]) -> bool:
    """Tell whether the rows of a list go straight to a serializer that may read columns."""
    return (
        getattr(view, "action", None) == "list"
        and is_of(view, LISTING)
        and (view.paginator is None or is_of(view.paginator, PAGING))
        and gives_columns(queryset)
        and is_planned(view.get_serializer_class())
    )


def is_planned(cls: Any) -> bool:
    """Tell whether a plan reads for all serializers of a class, none of which looks at its rows."""
    return (
        settings.COMPILED_REPRESENTATION
        and issubclass(cls, Serializer)
        and cls.data is DATA
        and cls.many_init.__func__ is MANY.__func__
        and not hasattr(getattr(cls, "Meta", None), "list_serializer_class")
        and shows_as_drf(cls)
        and sets_of(cls) is not None
    )


def is_of(owner: Any, known: dict[str, Any]) -> bool:
    """Tell whether what an object's class has under some names is still DRF's own."""
    return all(getattr(type(owner), name, None) is own for name, own in known.items())
