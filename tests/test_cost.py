"""What events cost, counted in queries and in hops to a thread, with Django's stock middleware."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import reflex as rx
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model

from reflex_drf import current_user
from reflex_drf.bridge.threads import pools
from reflex_drf.state import AppState, ModelState
from reflex_drf.testing import Tab, create_session
from tests.counting import Hops, Queries, count_hops, count_queries
from tests.shop.models import Product, Task
from tests.shop.views import ProductViewSet, TaskViewSet

pytestmark = pytest.mark.django_db(transaction=True)

SESSION, USER, GROUPS = '"django_session"', '"auth_user"', '"auth_group"'


class CostProductState(ModelState):
    viewset = ProductViewSet


class CostTaskState(ModelState):
    viewset = TaskViewSet


class CostPlainState(rx.State):
    seen: str = ""
    before: list[int] = []

    @rx.event
    def look(self) -> None:
        self.seen = current_user().get_username()

    @rx.event
    async def look_asynchronously(self) -> None:
        self.seen = current_user().get_username()


class CostAppState(AppState):
    name: str = ""

    @rx.event
    def look(self) -> None:
        self.name = self.user.get_username()


class CostThreadState(ModelState):
    viewset = ProductViewSet
    events: list[int] = []

    @rx.event
    async def look(self) -> None:
        """Note how many events have a thread to themselves: after a call, and after a query."""
        await self.load()
        self.events = [sum(thread.events for thread in pools.current().all)]
        await Product.objects.acount()
        await self.load()
        self.events = [*self.events, sum(thread.events for thread in pools.current().all)]


class CostOverrideState(ModelState):
    """Looks at the user before the call, which is the handler's own to pay for."""

    viewset = TaskViewSet
    name: str = ""

    @rx.event
    async def save(self, form_data: dict[str, Any] | None = None) -> Any:
        self.name = self.user.get_username()
        return await super().save(form_data)


class CostNestedState(ModelState):
    """A route's arguments are asked for before the call, so its user is looked up up front."""

    viewset = TaskViewSet

    def get_url_kwargs(self) -> dict[str, Any]:
        assert self.user is not None
        return {}


class Cost:
    def __init__(self, queries: Queries, hops: Hops) -> None:
        self.queries, self.hops = queries, hops

    def of(self, table: str) -> int:
        """How many queries read or write a table."""
        return sum(table in statement for statement in self.queries.statements)

    @property
    def summary(self) -> tuple[int, int, int]:
        """Hops, and queries for the session and the user: 1, 1, 1 is a call at its best."""
        return self.hops.count, self.of(SESSION), self.of(USER)


@contextmanager
def counted() -> Iterator[Cost]:
    with count_queries() as queries, count_hops() as hops:
        yield Cost(queries, hops)


@pytest.fixture
def admin() -> Any:
    # A superuser, so that no permission needs a query of its own.
    return get_user_model().objects.create_superuser("root")


@pytest.fixture
def products(admin: Any) -> list[Product]:
    return [Product.objects.create(name=f"Product {n:02}", sku=str(n), price=1) for n in range(25)]


LOOKS = [CostPlainState.look, CostPlainState.look_asynchronously, CostAppState.look]


class TestEvents:
    @pytest.mark.parametrize("handler", LOOKS)
    async def test_a_visitor_without_cookie_costs_no_query_and_no_hop(self, handler: Any) -> None:
        async with Tab() as tab:
            with counted() as cost:
                await tab.send(handler)
        assert (len(cost.queries), cost.hops.count) == (0, 0), cost.queries

    async def test_another_cookie_is_no_session(self) -> None:
        async with Tab(cookies={"theme": "dark"}) as tab:
            with counted() as cost:
                await tab.send(CostPlainState.look)
        assert (len(cost.queries), cost.hops.count) == (0, 0), cost.queries

    @pytest.mark.parametrize("handler", LOOKS)
    async def test_a_user_costs_two_queries_in_one_hop(self, handler: Any, admin: Any) -> None:
        async with Tab(user=admin) as tab:
            with counted() as cost:
                await tab.send(handler)
        assert len(cost.queries) == 2
        assert cost.summary == (1, 1, 1), cost.queries

    async def test_a_session_without_user_costs_one_query(self) -> None:
        key = await sync_to_async(create_session)(cart=[1])
        async with Tab(cookies={"sessionid": key}) as tab:
            with counted() as cost:
                await tab.send(CostPlainState.look)
        assert len(cost.queries) == 1
        assert cost.summary == (1, 1, 0), cost.queries

    async def test_hydrating_looks_the_user_up_once_and_reads_the_groups(self, admin: Any) -> None:
        async with Tab(user=admin, hydrate=False) as tab:
            with counted() as cost:
                await tab.hydrate()
        assert (cost.of(SESSION), cost.of(USER), cost.of(GROUPS)) == (1, 1, 1), cost.queries
        assert len(cost.queries) == 3, cost.queries

    async def test_hydrating_costs_a_visitor_no_query(self) -> None:
        async with Tab(hydrate=False) as tab:
            with counted() as cost:
                await tab.hydrate()
        assert len(cost.queries) == 0, cost.queries


class TestCalls:
    """A call to the viewset is one hop, and its own middleware looks the user up."""

    @pytest.mark.parametrize(
        "event",
        [
            lambda row: CostProductState.load(),
            lambda row: CostProductState.refresh(),
            lambda row: CostProductState.next_page(),
            lambda row: CostProductState.prev_page(),
            lambda row: CostProductState.go_to_page(3),
            lambda row: CostProductState.set_search("Product 1"),
            lambda row: CostProductState.set_ordering("-price"),
            lambda row: CostProductState.filter({"active": "true"}),
            lambda row: CostProductState.clear_filter(),
            lambda row: CostProductState.start_edit(row.pk),
            lambda row: CostProductState.update(row.pk),
            lambda row: CostProductState.delete(row.pk),
            lambda row: CostProductState.create({"name": "N", "sku": "new", "price": "1"}),
            lambda row: CostProductState.save({"name": "N", "sku": "new", "price": "1"}),
            lambda row: CostProductState.save({"name": "", "sku": "0", "price": "x"}),
            lambda row: CostProductState.discontinue(row.pk),
            lambda row: CostProductState.restock(row.pk, {"amount": 3}),
            lambda row: CostProductState.summary(),
            lambda row: CostProductState.delete(10**6),
        ],
        ids=["load", "refresh", "next_page", "prev_page", "go_to_page", "search", "ordering",
             "filter", "clear_filter", "start_edit", "update", "delete", "create", "save",
             "refused save", "action", "action with input", "list action", "missing row"],
    )  # fmt: skip
    async def test_a_call_is_one_hop_and_looks_nobody_up_twice(
        self, event: Any, admin: Any, products: list[Product]
    ) -> None:
        async with Tab(user=admin) as tab:
            await tab.send(CostProductState.go_to_page(2))
            with counted() as cost:
                await tab.send(event(products[0]))
        assert cost.summary == (1, 1, 1), cost.queries

    async def test_a_call_leaves_its_thread_to_anybody(self, admin: Any) -> None:
        async with Tab(user=admin) as tab:
            await tab.send(CostThreadState.look)
            assert tab.state(CostThreadState).events == [0, 1]
        assert sum(thread.events for thread in pools.current().all) == 0

    async def test_saving_a_row_that_is_edited_is_one_hop(
        self, admin: Any, products: list[Product]
    ) -> None:
        async with Tab(user=admin) as tab:
            await tab.send(CostProductState.start_edit(products[3].pk))
            await tab.send(CostProductState.set_name("Renamed"))
            with counted() as cost:
                await tab.send(CostProductState.save)
            assert "Renamed" in str(tab.get(CostProductState, "data"))
        assert cost.summary == (1, 1, 1), cost.queries

    async def test_a_page_costs_what_its_rows_cost(
        self, admin: Any, products: list[Product]
    ) -> None:
        async with Tab(user=admin) as tab:
            with counted() as cost:
                await tab.send(CostProductState.load)
        # Session, user, how many there are, the rows, their tags.
        assert len(cost.queries) == 5, cost.queries

    async def test_a_visitors_call_asks_for_no_session_and_no_user(
        self, products: list[Product]
    ) -> None:
        async with Tab() as tab:
            with counted() as cost:
                await tab.send(CostProductState.load)
        assert cost.summary == (1, 0, 0), cost.queries

    async def test_a_page_that_is_gone_costs_a_second_call_but_no_second_look(
        self, admin: Any, products: list[Product]
    ) -> None:
        async with Tab(user=admin) as tab:
            await tab.send(CostProductState.go_to_page(3))
            await Product.objects.filter(pk__gt=products[4].pk).adelete()
            with counted() as cost:
                await tab.send(CostProductState.refresh)
            assert tab.get(CostProductState, "page") == 1
        assert cost.summary == (2, 1, 1), cost.queries

    @pytest.mark.parametrize("state", [CostOverrideState, CostNestedState])
    async def test_a_user_who_was_looked_up_before_the_call_is_not_looked_up_again(
        self, state: Any, admin: Any
    ) -> None:
        async with Tab(user=admin) as tab:
            with counted() as cost:
                await tab.send(state.save({"title": "T"}))
        assert await Task.objects.filter(title="T").aexists()
        # One hop before the handler, one for the call and its list.
        assert cost.summary == (2, 1, 1), cost.queries

    async def test_the_form_costs_no_call(self, admin: Any) -> None:
        async with Tab(user=admin) as tab:
            with counted() as cost:
                await tab.send(CostTaskState.set_title("T"))
                await tab.send(CostTaskState.cancel_edit)
        # Two ordinary events of a user.
        assert cost.summary == (2, 2, 2), cost.queries

    async def test_many_tabs_cost_no_more_than_each_alone(
        self, admin: Any, products: list[Product]
    ) -> None:
        async with Tab(user=admin) as first, Tab(user=admin) as second:
            with counted() as cost:
                for tab in (first, second):
                    await tab.send(CostProductState.load)
        assert cost.summary == (2, 2, 2), cost.queries
