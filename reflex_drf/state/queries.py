"""What a list of a viewset can be asked for: pages, search, ordering and filters by their names.

Everything a browser sends is looked up here before it becomes part of a query.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rest_framework import filters, pagination
from rest_framework.settings import api_settings

from reflex_drf.backends import Page
from reflex_drf.pagination import CountlessPageNumberPagination
from reflex_drf.routing import paginator_parameters, reserved_parameters
from reflex_drf.state.viewsets import viewset_model

__all__ = ["ListQuery"]


@dataclass(frozen=True)
class ListQuery:
    """The query parameters that a viewset's own paginator and filters read."""

    viewset: type[Any]
    extra_filters: tuple[str, ...] = ()

    @property
    def paginator(self) -> type[Any] | None:
        """The paginator class, if lists come in pages at all."""
        paginator: Any = getattr(self.viewset, "pagination_class", None)
        if paginator is None:
            return None
        stock = pagination.PageNumberPagination
        sized = not issubclass(paginator, stock) or paginator.get_page_size != stock.get_page_size
        # The stock paginator without a size answers with everything.
        sized = sized or paginator.page_size or paginator.page_size_query_param
        return paginator if sized else None

    def _is(self, kind: type[Any]) -> bool:
        return self.paginator is not None and issubclass(self.paginator, kind)

    @property
    def has_pages(self) -> bool:
        """Whether one can go on from a page to the next."""
        return self.paginator is not None

    @cached_property
    def has_numbers(self) -> bool:
        """Whether one can go to a page by its number."""
        kinds = pagination.PageNumberPagination, pagination.LimitOffsetPagination
        return any(self._is(kind) for kind in kinds)

    @property
    def has_count(self) -> bool:
        """Whether the paginator says how many rows there are in all."""
        countless = pagination.CursorPagination, CountlessPageNumberPagination
        return not any(self._is(kind) for kind in countless)

    @property
    def size_param(self) -> str | None:
        """The parameter for the size of a page, if the client may choose it."""
        if self._is(pagination.LimitOffsetPagination):
            name: str | None = self.paginator.limit_query_param  # type: ignore[union-attr]
            return name
        return getattr(self.paginator, "page_size_query_param", None)

    @property
    def max_size(self) -> int | None:
        """The largest page the viewset gives."""
        limit = "max_limit" if self._is(pagination.LimitOffsetPagination) else "max_page_size"
        return getattr(self.paginator, limit, None)

    @property
    def default_size(self) -> int:
        """The size of a page that nobody chose, 0 where there are no pages."""
        limit = "default_limit" if self._is(pagination.LimitOffsetPagination) else "page_size"
        return getattr(self.paginator, limit, None) or 0

    def page_params(self, number: int, size: int) -> dict[str, str]:
        """The parameters that lead to a page by its number."""
        params: dict[str, str] = {}
        if size and size != self.default_size and self.size_param is not None:
            params[self.size_param] = str(size)
        if number > 1 and self._is(pagination.PageNumberPagination):
            params[self.paginator.page_query_param] = str(number)  # type: ignore[union-attr]
        elif number > 1 and self._is(pagination.LimitOffsetPagination):
            offset = (number - 1) * (size or self.default_size)
            params[self.paginator.offset_query_param] = str(offset)  # type: ignore[union-attr]
        return params

    @property
    def position_params(self) -> set[str]:
        """The parameters by which the paginator knows where it stands."""
        return paginator_parameters(self.paginator)

    def read_page(self, params: Mapping[str, str], size: int) -> int | None:
        """The number of the page that these parameters lead to; None for what is no page."""
        offsets = self._is(pagination.LimitOffsetPagination)
        attribute = "offset_query_param" if offsets else "page_query_param"
        given = params.get(getattr(self.paginator, attribute), "1" if not offsets else "0")
        if not (given.isascii() and given.isdigit() and len(given) < 10):
            return None
        number = int(given)
        if offsets:
            return number // (size or self.default_size or 1) + 1
        return number if number > 0 else None

    def last_params(self, size: int) -> dict[str, str]:
        """The parameters that lead to the last page, or to the first where that has no name."""
        words = getattr(self.paginator, "last_page_strings", ())
        if not self._is(pagination.PageNumberPagination) or not words:
            return {}
        page = {self.paginator.page_query_param: str(words[0])}  # type: ignore[union-attr]
        return self.page_params(1, size) | page

    def step_params(self, page: Page | None, forward: bool) -> dict[str, str] | None:
        """The paginator's own parameters that lead to the neighbouring page, if there is one."""
        step = None if page is None else page.next if forward else page.previous
        if step is None:
            return None
        own = paginator_parameters(self.paginator)
        # A paginator of the project's own may use any name, so what no filter uses is its.
        return {k: v for k, v in step.items() if k in own or (not own and not self._is_filter(k))}

    def _is_filter(self, name: str) -> bool:
        return name in self.filter_names or name in (self.search_param, self.ordering_param)

    # -- Filters ----------------------------------------------------------------------------

    @property
    def _backends(self) -> list[type[Any]]:
        return [b for b in getattr(self.viewset, "filter_backends", ()) if isinstance(b, type)]

    @property
    def search_param(self) -> str | None:
        """The parameter of the viewset's search, if it searches."""
        for backend in self._backends:
            if issubclass(backend, filters.SearchFilter) and self._searches(backend):
                name: str = backend.search_param
                return name
        return None

    def _searches(self, backend: type[filters.SearchFilter]) -> bool:
        own = backend.get_search_fields is not filters.SearchFilter.get_search_fields
        return bool(own or getattr(self.viewset, "search_fields", None))

    @property
    def ordering_param(self) -> str | None:
        """The parameter of the viewset's ordering, if the client may choose it."""
        for backend in self._backends:
            if issubclass(backend, filters.OrderingFilter):
                name: str = backend.ordering_param
                return name
        return None

    def orders_by(self, term: str, serializer: Any) -> bool:
        """Whether the viewset's own ordering filter would accept a term."""
        return bool(self.known_terms([term], serializer))

    def known_terms(self, terms: list[str], serializer: Any) -> list[str]:
        """The terms that the viewset's own ordering filter would accept, in one question to it."""
        backend = next(b for b in self._backends if issubclass(b, filters.OrderingFilter))
        model = viewset_model(self.viewset)
        view = self.viewset()
        view.get_serializer_class = lambda: type(serializer)
        queryset: Any = model._default_manager.all() if model is not None else None
        try:
            valid = backend().get_valid_fields(queryset, view, {"request": None, "view": view})
        except (AttributeError, KeyError, TypeError):
            # A filter that needs the request decides when it has one; it ignores what it refuses.
            return terms
        names = {name for name, _ in valid}
        return [term for term in terms if term.removeprefix("-") in names]

    @cached_property
    def filter_names(self) -> frozenset[str]:
        """The parameters that the viewset's filters know, besides search, ordering and pages."""
        names = set(self._filterset_names) | set(self.extra_filters)
        for backend in self._backends:
            if issubclass(backend, filters.SearchFilter | filters.OrderingFilter):
                continue
            describe = getattr(backend, "get_schema_operation_parameters", None)
            if describe is not None and not self._is_django_filter(backend):
                names |= {
                    parameter["name"]
                    for parameter in backend().get_schema_operation_parameters(self.viewset())
                }
        return frozenset(names - reserved_parameters(self.viewset))

    @staticmethod
    def _is_django_filter(backend: type[Any]) -> bool:
        return hasattr(backend, "get_filterset_class")

    @cached_property
    def _filterset(self) -> Any:
        model = viewset_model(self.viewset)
        queryset = model._default_manager.all() if model is not None else None
        for backend in self._backends:
            if self._is_django_filter(backend):
                return backend().get_filterset_class(self.viewset(), queryset)
        return None

    @cached_property
    def declared_filters(self) -> dict[str, Any]:
        """The filter of django-filter behind each parameter; a range has two parameters."""
        names: dict[str, Any] = {}
        for name, declared in getattr(self._filterset, "base_filters", {}).items():
            for suffix in getattr(declared.field.widget, "suffixes", None) or [None]:
                names[name if suffix is None else f"{name}_{suffix}"] = declared
        return names

    @cached_property
    def _filterset_names(self) -> dict[str, bool]:
        # Name by name, and whether it takes several values.
        return {
            name: getattr(declared.field.widget, "allow_multiple_selected", False)
            for name, declared in self.declared_filters.items()
        }

    def filter_params(self, chosen: Mapping[str, str]) -> dict[str, Any]:
        """The query for filters that were chosen; several values stand with commas between."""
        return {
            name: value.split(",") if self._filterset_names.get(name) else value
            for name, value in chosen.items()
            if name in self.filter_names and name != api_settings.URL_FORMAT_OVERRIDE
        }
