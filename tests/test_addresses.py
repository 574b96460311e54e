"""What a list is asked for stands in the page's address, and is read from there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from rest_framework import filters, pagination
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory

from reflex_drf.state import ModelState
from reflex_drf.state.addresses import read_address
from reflex_drf.testing import Tab
from tests.shop.models import Product
from tests.shop.views import ProductViewSet

pytestmark = pytest.mark.django_db(transaction=True)


class Numbered(pagination.PageNumberPagination):
    page_size = 2
    page_query_param = "p"
    page_size_query_param = "rows"
    max_page_size = 4


class Offsets(pagination.LimitOffsetPagination):
    default_limit = 2
    max_limit = 4


class Steps(pagination.CursorPagination):
    page_size = 2
    ordering = "name"


class OwnSteps(pagination.BasePagination):
    """One of the project's own, of whose parameters nobody knows."""

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> Any:
        after = int(request.query_params.get("after", 0))
        self.rows = list(queryset.filter(price__gt=after).order_by("price")[:2])
        return self.rows

    def get_next_link(self) -> str:
        return f"http://testserver/?after={int(self.rows[-1].price)}"

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self.get_next_link(), "results": data})


class OwnStepsViewSet(ProductViewSet):
    pagination_class = OwnSteps


class OwnStepsState(ModelState):
    viewset = OwnStepsViewSet
    url_params = True


class NumberedViewSet(ProductViewSet):
    pagination_class = Numbered


class OffsetViewSet(ProductViewSet):
    pagination_class = Offsets


class SteppingViewSet(ProductViewSet):
    pagination_class = Steps
    filter_backends = [filters.SearchFilter]


class AddressState(ModelState):
    viewset = NumberedViewSet
    url_params = True


class OffsetAddressState(ModelState):
    viewset = OffsetViewSet
    url_params = True


class SteppingAddressState(ModelState):
    viewset = SteppingViewSet
    url_params = True


class NoAddressState(ModelState):
    viewset = NumberedViewSet


@pytest.fixture
def products(transactional_db: None) -> list[Product]:
    return [
        Product.objects.create(name=f"Chair {number}", sku=f"c{number}", price=number)
        for number in range(1, 7)
    ]


def names(tab: Tab, state: Any = AddressState) -> list[str]:
    return [row["name"].removeprefix("Chair ") for row in tab.get(state, "data")]


def addressed(tab: Tab) -> tuple[dict[str, str], bool] | None:
    """The parameters that the browser was told to show, and whether as a step."""
    scripts = [payload.get("javascript_code", "") for _, payload in tab.events]
    calls = [
        script.rpartition("})(")[2].removesuffix(")") for script in scripts if "pushState" in script
    ]
    _, _, params, step = json.loads(calls[-1]) if calls else (None, None, None, None)
    return (params, step) if calls else None


async def opened(tab: Tab, path: str, state: Any = AddressState) -> None:
    tab.path = path
    await tab.send(state.load)


class TestReading:
    @pytest.mark.parametrize(
        ("query", "shown"),
        [
            ("", ["1", "2"]),
            ("?p=2", ["3", "4"]),
            ("?rows=4", ["1", "2", "3", "4"]),
            ("?rows=4&p=2", ["5", "6"]),
            ("?search=chair%205", ["5"]),
            ("?ordering=-name", ["6", "5"]),
            ("?other=1", ["1", "2"]),
        ],
    )
    async def test_a_page_shows_what_its_address_says(
        self, products: list[Product], query: str, shown: list[str]
    ) -> None:
        async with Tab() as tab:
            await opened(tab, f"/{query}")
            assert names(tab) == shown
            assert tab.get(AddressState, "error") == ""
            assert addressed(tab) is None

    async def test_a_filter_is_read_by_the_viewsets_own_name(self, products: list[Product]) -> None:
        await sync_to_async(Product.objects.filter(name="Chair 3").update)(active=False)
        async with Tab() as tab:
            await opened(tab, "/?active=false")
            assert names(tab) == ["3"]
            assert tab.get(AddressState, "filters") == {"active": "false"}

    @pytest.mark.parametrize(
        "query",
        ["?p=0", "?p=-1", "?p=x", "?p=99999999999", "?rows=1000", "?rows=x", "?ordering=password"],
    )
    async def test_what_cannot_be_is_refused_and_the_rest_shown(
        self, products: list[Product], query: str
    ) -> None:
        async with Tab() as tab:
            await opened(tab, f"/{query}&search=chair")
            assert names(tab) == ["1", "2"]
            assert "cannot be shown" in tab.get(AddressState, "error")
            assert addressed(tab) == ({"search": "chair"}, False)

    async def test_a_page_that_is_gone_becomes_the_last_one(self, products: list[Product]) -> None:
        async with Tab() as tab:
            await opened(tab, "/?p=9")
            assert names(tab) == ["5", "6"]
            assert addressed(tab) == ({"p": "3"}, False)

    async def test_what_the_state_held_gives_way_to_the_address(
        self, products: list[Product]
    ) -> None:
        async with Tab() as tab:
            await opened(tab, "/?search=chair%205")
            await opened(tab, "/")
            assert names(tab) == ["1", "2"]
            assert tab.get(AddressState, "search") == ""

    async def test_offsets_are_pages(self, products: list[Product]) -> None:
        async with Tab() as tab:
            await opened(tab, "/?offset=4", OffsetAddressState)
            assert names(tab, OffsetAddressState) == ["5", "6"]
            assert tab.get(OffsetAddressState, "page") == 3
            await tab.send(OffsetAddressState.prev_page)
            assert addressed(tab) == ({"offset": "2"}, True)

    async def test_a_cursor_stands_in_the_address_and_a_wrong_one_is_no_harm(
        self, products: list[Product]
    ) -> None:
        async with Tab() as tab:
            await opened(tab, "/", SteppingAddressState)
            await tab.send(SteppingAddressState.next_page)
            told = addressed(tab)
            assert told is not None
            assert told[1]
            await opened(tab, f"/?cursor={told[0]['cursor']}", SteppingAddressState)
            assert names(tab, SteppingAddressState) == ["3", "4"]
            await opened(tab, "/?cursor=nonsense", SteppingAddressState)
            assert names(tab, SteppingAddressState) == ["1", "2"]


class TestLeaving:
    async def test_what_no_address_can_be_read_by_is_in_none(self, products: list[Product]) -> None:
        async with Tab() as tab:
            await opened(tab, "/", OwnStepsState)
            await tab.send(OwnStepsState.next_page)
            assert names(tab, OwnStepsState) == ["3", "4"]
            assert addressed(tab) is None
            await tab.send(OwnStepsState.set_ordering("-price"))
            assert addressed(tab) == ({"ordering": "-price"}, True)

    async def test_each_choice_is_a_step_that_can_be_taken_back(
        self, products: list[Product]
    ) -> None:
        async with Tab() as tab:
            await opened(tab, "/")
            for event, params in [
                (AddressState.set_page_size(4), {"rows": "4"}),
                (AddressState.go_to_page(2), {"rows": "4", "p": "2"}),
                (AddressState.set_ordering("-price"), {"rows": "4", "ordering": "-price"}),
            ]:
                tab.clear()
                await tab.send(event)
                assert addressed(tab) == (params, True)
                tab.path = "/?" + "&".join(f"{name}={value}" for name, value in params.items())

    async def test_typing_is_one_step(self, products: list[Product]) -> None:
        async with Tab() as tab:
            await opened(tab, "/")
            await tab.send(AddressState.set_search("c"))
            assert addressed(tab) == ({"search": "c"}, True)
            tab.path = "/?search=c"
            await tab.send(AddressState.set_search("ch"))
            assert addressed(tab) == ({"search": "ch"}, False)

    async def test_a_refresh_leaves_the_address_alone(self, products: list[Product]) -> None:
        async with Tab() as tab:
            await opened(tab, "/?p=2")
            await tab.send(AddressState.refresh)
            assert addressed(tab) is None

    async def test_a_search_cannot_break_out_of_the_script(self, products: list[Product]) -> None:
        async with Tab() as tab:
            await opened(tab, "/")
            hostile = "</script>\"'`${alert(1)}\\"
            await tab.send(AddressState.set_search(hostile))
            assert addressed(tab) == ({"search": hostile}, True)

    async def test_a_state_without_the_option_has_no_address(self, products: list[Product]) -> None:
        async with Tab() as tab:
            await opened(tab, "/?p=2", NoAddressState)
            assert names(tab, NoAddressState) == ["1", "2"]
            await tab.send(NoAddressState.next_page)
            assert addressed(tab) is None


HARMLESS = [
    "search=chair", "search=%20%20", "search=CHAIR%203", "search=%25", "search=_", "search=%5C",
    "search='%3B--", "search=\"", "active=true", "active=false", "active=maybe", "size=s",
    "ordering=name", "ordering=-price", "ordering=-price,name", "ordering=name,name", "p=2",
    "rows=3",
    "rows=3&p=2", "search=chair&ordering=-name&active=true&rows=1&p=3", "unknown=1", "format=json",
    "owner=1", "owner__password__startswith=p", "id__in=1", "name=Chair%201", "page=2", "limit=1",
    "offset=3", "cursor=x",
]  # fmt: skip
REFUSED = [
    "ordering=owner__password", "ordering=-owner__password", "ordering=password", "ordering=%3F",
    "ordering=--name", "ordering=sku", "ordering=name,owner__password", "ordering=name%00", "p=1.5",
    "p=%D9%A3", "p=0x2", "p=1e0", "p=%2B1", "p=%201", "p=9999999999", "rows=0", "rows=-1",
    "rows=5", "rows=%D9%A3", "rows=1e1", "rows=all",
]  # fmt: skip


class TestHostileAddresses:
    """The address is the client's; it says no more than a request of HTTP could."""

    async def over_http(self, query: str) -> Any:
        view = NumberedViewSet.as_view({"get": "list"})
        return await sync_to_async(view)(APIRequestFactory().get(f"/?{query}"))

    @pytest.mark.parametrize("query", HARMLESS)
    async def test_a_page_shows_what_the_same_query_gives_over_http(
        self, products: list[Product], query: str
    ) -> None:
        answer = await self.over_http(query)
        async with Tab() as tab:
            await opened(tab, f"/?{query}")
            assert tab.errors == []
            if answer.status_code == 200:
                assert tab.get(AddressState, "data") == json.loads(
                    json.dumps(answer.data["results"], default=str)
                )
                assert tab.get(AddressState, "error") == ""
            else:
                assert answer.status_code == 400
                assert tab.get(AddressState, "data") == []
                assert tab.get(AddressState, "error")

    @pytest.mark.parametrize("query", REFUSED)
    async def test_what_the_viewset_would_not_take_is_left_out_and_said(
        self, products: list[Product], query: str
    ) -> None:
        async with Tab() as tab:
            await opened(tab, f"/?{query}")
            assert tab.errors == []
            assert names(tab) == ["1", "2"]
            assert "cannot be shown" in tab.get(AddressState, "error")
            assert "password" not in tab.get(AddressState, "ordering")
            # Neither does it stay in the address.
            found = addressed(tab)
            assert found is not None
            assert set(found[0]) <= {"ordering"}
            assert found[0].get("ordering", "name") == "name"

    @pytest.mark.parametrize("size", [10, 10_000])
    async def test_no_password_is_found_by_the_order_of_rows(self, size: int) -> None:
        """Two rows whose owners differ in their password only always stand in the same order."""
        make = sync_to_async(get_user_model().objects.create)
        for number, password in ((1, "b"), (2, "a"), (3, "c")):
            user = await make(username=f"u{number}", password=password)
            await Product.objects.acreate(
                name=f"Chair {number}", sku=str(number), price=1, owner=user
            )
        async with Tab() as tab:
            for term in ("owner__password", "-owner__password", "owner", "-owner"):
                await opened(tab, f"/?ordering={','.join([term] * (size // 10))}&rows=4")
                assert names(tab) == ["1", "2", "3"]
                assert tab.get(AddressState, "ordering") == ""

    @pytest.mark.parametrize("value", [["1"], {"a": "1"}, 7, None, True, 1.5], ids=repr)
    @pytest.mark.parametrize("name", ["p", "rows", "search", "ordering", "active"])
    async def test_a_client_that_sends_no_text_as_its_query_is_not_heard(
        self, products: list[Product], name: str, value: Any
    ) -> None:
        wanted, _ = read_address(AddressState._plan, {name: value})
        assert wanted == read_address(AddressState._plan, {})[0]

    async def test_what_one_address_asked_for_is_not_asked_for_in_another_tab(
        self, products: list[Product]
    ) -> None:
        async with Tab() as tab, Tab() as other:
            await opened(tab, "/?search=chair%205")
            await opened(other, "/")
            assert names(tab) == ["5"]
            assert names(other) == ["1", "2"]
            assert tab.get(AddressState, "search") == "chair 5"
            assert other.get(AddressState, "search") == ""
