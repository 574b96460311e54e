"""What a list may be asked for, read off the paginator and the filters of a viewset."""

from __future__ import annotations

from typing import Any

import django_filters
import pytest
from django_filters.rest_framework import DjangoFilterBackend, FilterSet
from rest_framework import filters, pagination

from reflex_drf.backends import Page
from reflex_drf.state.queries import ListQuery
from tests.shop.models import Product
from tests.shop.serializers import ProductSerializer
from tests.shop.views import OrderViewSet, ProductViewSet


class Sized(pagination.PageNumberPagination):
    page_size = 5
    page_query_param = "p"
    page_size_query_param = "n"
    max_page_size = 20


class Limited(pagination.LimitOffsetPagination):
    default_limit = 5
    max_limit = 20


class Cursor(pagination.CursorPagination):
    page_size = 5


class Unpaged(pagination.PageNumberPagination):
    page_size = None


class Own(pagination.BasePagination):
    pass


def query(paginator: Any = None, **attributes: Any) -> ListQuery:
    extra = attributes.pop("extra", ())
    viewset = type("V", (ProductViewSet,), {"pagination_class": paginator, **attributes})
    return ListQuery(viewset, extra)


class TestPages:
    @pytest.mark.parametrize(
        ("paginator", "pages", "numbers", "size_param", "max_size", "default"),
        [
            (None, False, False, None, None, 0),
            (Unpaged, False, False, None, None, 0),
            (Sized, True, True, "n", 20, 5),
            (Limited, True, True, "limit", 20, 5),
            (Cursor, True, False, None, None, 5),
            (Own, True, False, None, None, 0),
        ],
    )
    def test_what_a_paginator_can(
        self,
        paginator: Any,
        pages: bool,
        numbers: bool,
        size_param: Any,
        max_size: Any,
        default: int,
    ) -> None:
        asked = query(paginator)
        assert (asked.has_pages, asked.has_numbers) == (pages, numbers)
        assert (asked.size_param, asked.max_size) == (size_param, max_size)
        assert asked.default_size == default

    def test_parameters_of_a_page(self) -> None:
        assert query(Sized).page_params(1, 5) == {}
        assert query(Sized).page_params(3, 10) == {"n": "10", "p": "3"}
        assert query(Limited).page_params(3, 0) == {"offset": "10"}
        assert query(Limited).page_params(3, 10) == {"limit": "10", "offset": "20"}
        assert query(Cursor).page_params(3, 10) == {}
        assert query().page_params(3, 10) == {}

    def test_the_last_page_has_a_name_only_with_numbers(self) -> None:
        assert query(Sized).last_params(10) == {"n": "10", "p": "last"}
        assert query(Limited).last_params(10) == {}

    def test_steps_take_the_paginators_own_parameters_only(self) -> None:
        page = Page(next={"cursor": "abc", "search": "x", "evil": "1"})
        assert query(Cursor).step_params(page, True) == {"cursor": "abc"}
        assert query(Cursor).step_params(page, False) is None
        assert query(Cursor).step_params(None, True) is None
        assert query(Own).step_params(Page(next={"after": "7", "search": "x"}), True) == {
            "after": "7"
        }


class TestFilters:
    def test_of_a_viewset_with_all_three(self) -> None:
        asked = ListQuery(ProductViewSet)
        assert (asked.search_param, asked.ordering_param) == ("search", "ordering")
        assert asked.filter_names == {"category", "active", "size"}

    def test_of_a_viewset_without(self) -> None:
        asked = ListQuery(OrderViewSet)
        assert (asked.search_param, asked.ordering_param) == (None, None)
        assert asked.filter_names == frozenset()

    def test_a_search_without_fields_is_none(self) -> None:
        assert (
            query(filter_backends=[filters.SearchFilter], search_fields=None).search_param is None
        )

        class Dynamic(filters.SearchFilter):
            search_param = "q"

            def get_search_fields(self, view: Any, request: Any) -> list[str]:
                return ["name"]

        assert query(filter_backends=[Dynamic], search_fields=None).search_param == "q"

    def test_parameters_of_ranges_and_of_several_values(self) -> None:
        class Ranges(FilterSet):
            price = django_filters.RangeFilter()
            sizes = django_filters.MultipleChoiceFilter(
                field_name="size", choices=Product.Size.choices
            )
            page = django_filters.NumberFilter(field_name="stock")
            format = django_filters.CharFilter(field_name="name")

            class Meta:
                model = Product
                fields = ["active"]

        asked = query(
            Sized,
            filter_backends=[DjangoFilterBackend],
            filterset_class=Ranges,
            filterset_fields=None,
        )
        # `format` would be read by DRF itself; `page` is free here, the paginator's is `p`.
        assert asked.filter_names == {"price_min", "price_max", "sizes", "page", "active"}
        chosen = {"sizes": "s,l", "active": "true", "format": "api", "unknown": "1"}
        assert asked.filter_params(chosen) == {"sizes": ["s", "l"], "active": "true"}

    def test_further_names_by_option(self) -> None:
        asked = query(extra=("since", "page", "format"))
        assert "since" in asked.filter_names
        assert "format" not in asked.filter_names


class TestOrdering:
    @pytest.mark.parametrize(
        ("term", "known"),
        [("name", True), ("-price", True), ("sku", False), ("owner__password", False), ("", False)],
    )
    def test_only_what_the_filter_allows(self, term: str, known: bool) -> None:
        assert ListQuery(ProductViewSet).orders_by(term, ProductSerializer()) is known

    def test_of_several_terms_those_are_left(self) -> None:
        terms = ["sku", "-price", "owner__password", "name", "name"]
        known = ListQuery(ProductViewSet).known_terms(terms, ProductSerializer())
        assert known == ["-price", "name", "name"]

    def test_by_default_what_the_rows_show(self) -> None:
        asked = query(ordering_fields=None)
        assert asked.orders_by("sku", ProductSerializer())
        assert not asked.orders_by("owner", ProductSerializer())
