"""Pages of big tables: no row is counted, over HTTP, in a state and on a page."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from asgiref.sync import sync_to_async
from django.core.paginator import EmptyPage, PageNotAnInteger
from rest_framework import pagination, viewsets
from rest_framework.test import APIRequestFactory

from reflex_drf.pagination import CountlessPageNumberPagination, CountlessPaginator
from reflex_drf.state import ModelState
from reflex_drf.testing import Tab
from reflex_drf.ui import describe
from tests.counting import count_queries
from tests.shop.models import Product
from tests.shop.views import ProductViewSet

pytestmark = pytest.mark.django_db(transaction=True)


class Countless(CountlessPageNumberPagination):
    page_size = 3
    page_size_query_param = "size"
    max_page_size = 5


class CountlessViewSet(viewsets.ReadOnlyModelViewSet[Product]):
    queryset = Product.objects.all()
    serializer_class = ProductViewSet.serializer_class
    pagination_class = Countless


class CountlessState(ModelState):
    viewset = CountlessViewSet


class BuiltCountlessState(ModelState):
    model = Product
    fields = ["name"]
    ordering = ("name",)
    pagination_class = CountlessPageNumberPagination
    paginate_by = 4


class BuiltCursorState(ModelState):
    model = Product
    fields = ["name", "stock"]
    ordering = ("-stock",)
    pagination_class = pagination.CursorPagination
    paginate_by = 4


class OwnCursor(pagination.CursorPagination):
    page_size = 2
    ordering = "sku"


class OwnCursorState(ModelState):
    model = Product
    fields = ["name"]
    pagination_class: ClassVar[Any] = OwnCursor


class SizedByRequest(pagination.PageNumberPagination):
    page_size = None

    def get_page_size(self, request: Any) -> int:
        return 3


class SizedByRequestViewSet(CountlessViewSet):
    pagination_class = SizedByRequest


class SizedByRequestState(ModelState):
    viewset = SizedByRequestViewSet


@sync_to_async
def some_products(count: int) -> None:
    Product.objects.bulk_create(
        Product(name=f"P{n:02}", sku=f"p{n}", price="1.10", stock=n // 3) for n in range(count)
    )


def names(tab: Tab, state: Any) -> list[str]:
    return [row["name"] for row in tab.get(state, "data")]


def place(tab: Tab, state: Any) -> tuple[Any, ...]:
    """Where the list stands: page, pages and rows known so far, and whether that is all."""
    found = (tab.get(state, name) for name in ("page", "page_count", "total_count", "total_known"))
    return tuple(found)


async def test_a_list_without_a_count() -> None:
    await some_products(8)
    async with Tab() as tab:
        with count_queries() as queries:
            await tab.send(CountlessState.load)
        assert not [sql for sql in queries.statements if "COUNT(" in sql.upper()]
        assert (names(tab, CountlessState), place(tab, CountlessState)) == (
            ["P00", "P01", "P02"],
            (1, 2, 3, False),
        )
        await tab.send(CountlessState.next_page)
        assert place(tab, CountlessState) == (2, 3, 6, False)
        await tab.send(CountlessState.next_page)
        assert names(tab, CountlessState) == ["P06", "P07"]
        # Whoever has come to the end knows how many there are.
        assert place(tab, CountlessState) == (3, 3, 8, True)
        assert tab.get(CountlessState, "has_next") is False
        await tab.send(CountlessState.next_page)
        assert tab.get(CountlessState, "page") == 3
        await tab.send(CountlessState.prev_page)
        assert names(tab, CountlessState) == ["P03", "P04", "P05"]
        await tab.send(CountlessState.set_page_size(5))
        assert place(tab, CountlessState) == (1, 2, 5, False)
        await tab.send(CountlessState.go_to_page(2))
        assert names(tab, CountlessState) == ["P05", "P06", "P07"]


async def test_a_page_that_is_gone() -> None:
    await some_products(8)
    async with Tab() as tab:
        await tab.send(CountlessState.go_to_page(3))
        await Product.objects.filter(name__in=["P06", "P07"]).adelete()
        await tab.send(CountlessState.refresh)
        assert (tab.get(CountlessState, "page"), tab.get(CountlessState, "error")) == (2, "")
        assert names(tab, CountlessState) == ["P03", "P04", "P05"]
        await tab.send(CountlessState.go_to_page(99))
        assert (tab.get(CountlessState, "page"), tab.get(CountlessState, "error")) == (1, "")


async def test_nothing_at_all() -> None:
    async with Tab() as tab:
        await tab.send(CountlessState.load)
        assert (names(tab, CountlessState), place(tab, CountlessState)) == ([], (1, 1, 0, True))


async def test_pages_whose_size_the_request_decides() -> None:
    await some_products(5)
    async with Tab() as tab:
        await tab.send(SizedByRequestState.load)
        assert place(tab, SizedByRequestState) == (1, 2, 5, True)
        await tab.send(SizedByRequestState.next_page)
        assert names(tab, SizedByRequestState) == ["P03", "P04"]
        assert tab.get(SizedByRequestState, "page_size") == 3


async def test_a_built_viewset_without_a_count() -> None:
    await some_products(6)
    async with Tab() as tab:
        await tab.send(BuiltCountlessState.load)
        assert place(tab, BuiltCountlessState) == (1, 2, 4, False)
        await tab.send(BuiltCountlessState.next_page)
        assert names(tab, BuiltCountlessState) == ["P04", "P05"]


async def test_a_built_viewset_with_a_keyset() -> None:
    # Three rows of each stock: the key has to tell them apart.
    await some_products(9)
    async with Tab() as tab:
        with count_queries() as queries:
            await tab.send(BuiltCursorState.load)
            await tab.send(BuiltCursorState.next_page)
        assert not [sql for sql in queries.statements if "COUNT(" in sql.upper()]
        assert names(tab, BuiltCursorState) == ["P04", "P03", "P02", "P01"]
        assert place(tab, BuiltCursorState)[3] is False
        await tab.send(BuiltCursorState.next_page)
        assert names(tab, BuiltCursorState) == ["P00"]
        assert tab.get(BuiltCursorState, "has_next") is False


async def test_a_cursor_with_an_order_of_its_own_keeps_it() -> None:
    await some_products(3)
    async with Tab() as tab:
        await tab.send(OwnCursorState.load)
        await tab.send(OwnCursorState.next_page)
        assert names(tab, OwnCursorState) == ["P02"]
        await tab.send(OwnCursorState.prev_page)
        assert names(tab, OwnCursorState) == ["P00", "P01"]
        assert OwnCursorState._plan.viewset.pagination_class.ordering == "sku"


def test_a_page_of_components_shows_steps_and_no_total() -> None:
    assert describe(CountlessState).pages == "steps"
    assert describe(BuiltCursorState).pages == "steps"


def envelope(**query: Any) -> Any:
    view: Any = CountlessViewSet.as_view({"get": "list"})
    response = view(APIRequestFactory().get("/products/", query))
    response.render()
    return response


@pytest.mark.parametrize("page", ["0", "-1", "x", "last", str(10**30), "1.5"])
def test_pages_that_cannot_be(page: str) -> None:
    assert envelope(page=page).status_code == 404


async def test_the_envelope() -> None:
    await some_products(4)
    body = (await sync_to_async(envelope)(page=1)).data
    assert set(body) == {"next", "previous", "results"}
    assert (body["next"], body["previous"]) == ("http://testserver/products/?page=2", None)
    body = (await sync_to_async(envelope)(page=2)).data
    assert (body["next"], body["previous"]) == (None, "http://testserver/products/")
    schema = Countless().get_paginated_response_schema({"type": "array"})
    assert set(schema["properties"]) == {"next", "previous", "results"}
    assert schema["required"] == ["results"]


def test_the_paginator_by_itself() -> None:
    paginator = CountlessPaginator(list("abcde"), 2)
    page = paginator.page(2)
    assert (list(page), page.start_index(), page.end_index()) == (["c", "d"], 3, 4)
    assert (page.next_page_number(), page.previous_page_number()) == (3, 1)
    last = paginator.page("3")
    assert (list(last), last.has_next(), last.end_index()) == (["e"], False, 5)
    for step in (last.next_page_number, paginator.page(1).previous_page_number):
        with pytest.raises(EmptyPage):
            step()
    with pytest.raises(PageNotAnInteger):
        paginator.page(1.5)
    with pytest.raises(EmptyPage):
        CountlessPaginator([], 2, allow_empty_first_page=False).page(1)
