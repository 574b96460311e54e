"""Page 5 of the guide, "Live updates": a list that follows what is written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import reflex as rx
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from reflex_base.registry import RegistrationContext
from rest_framework import permissions

import reflex_drf.live
from reflex_drf.live import (
    ACTION_CREATED,
    ACTION_DELETED,
    ACTION_UPDATED,
    LiveBroadcaster,
    LiveListMixin,
    ModelChange,
    is_live_model,
    live_broadcaster,
    model_label,
    register_live_model,
    unregister_live_model,
)
from reflex_drf.state import ModelState, UserScopedMixin
from reflex_drf.testing import Tab, Worker
from tests.counting import count_queries
from tests.guide.frontend.states import live, live_changes
from tests.shop.models import Category, Product, Tag, Task

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("quick")]
User = get_user_model()


class ScopedTaskState(LiveListMixin, UserScopedMixin, ModelState):
    model = Task
    fields = ["title"]
    permission_classes = [permissions.AllowAny]


def products_page() -> rx.Component:
    return rx.foreach(live.ProductState.data, lambda row: rx.text(row["name"]))


@pytest.fixture
def app() -> Iterator[rx.App]:
    token = RegistrationContext.set(RegistrationContext.ensure_context().fork())
    app = rx.App(enable_state=False)
    app.add_page(
        products_page,
        route="/products",
        on_load=[live.ProductState.load, live.ProductState.live_subscribe],
    )
    yield app
    RegistrationContext.reset(token)


@pytest.fixture
async def tab(app: rx.App) -> AsyncIterator[Tab]:
    """A tab that shows the page."""
    async with Worker(app) as worker, Tab(path="/products") as tab:
        await worker.settle()
        yield tab


async def make(name: str) -> Product:
    return await Product.objects.acreate(name=name, sku=name, price=1)


def names(tab: Tab, state: Any = live.ProductState) -> list[str]:
    return [row["name"] for row in tab.seen(state, "data")]


class TestBasicUsage:
    async def test_the_page_follows_creates_updates_and_deletes(self, tab: Tab) -> None:
        assert names(tab) == []
        chair = await make("Chair")
        await tab.worker.settle()
        assert names(tab) == ["Chair"]
        chair.name = "Stool"
        await chair.asave()
        await tab.worker.settle()
        assert names(tab) == ["Stool"]
        await chair.adelete()
        await tab.worker.settle()
        assert names(tab) == []

    async def test_rows_have_the_fields_of_the_state(self, tab: Tab) -> None:
        await make("Chair")
        await tab.worker.settle()
        (row,) = tab.seen(live.ProductState, "data")
        assert {"name": "Chair", "price": "1.00", "active": True}.items() <= row.items()
        assert "sku" not in row

    async def test_another_tabs_write_arrives(self, tab: Tab) -> None:
        root = await User.objects.acreate_superuser("root")
        async with Tab(root) as writer:
            await writer.send(live.ProductState.save({"name": "Chair", "price": "2"}))
            await tab.worker.settle()
        assert names(tab) == ["Chair"]

    async def test_it_ends_with_the_connection(self, tab: Tab) -> None:
        assert live_broadcaster().count("shop.product") > 0
        # Leaving the page's tab is what the fixture does; a second one stands for it here.
        async with Tab() as other:
            await other.send(live.ProductState.live_subscribe)
        await tab.worker.settle()
        other.clear()
        await make("Chair")
        await tab.worker.settle()
        assert other.deltas == []
        assert names(tab) == ["Chair"]


class TestScope:
    async def test_a_row_out_of_scope_leaves_the_list(self) -> None:
        alice, bob = [await User.objects.acreate_user(name) for name in ("alice", "bob")]
        async with Tab(alice) as tab:
            await tab.send(ScopedTaskState.load)
            await tab.send(ScopedTaskState.live_subscribe)
            task = await Task.objects.acreate(owner=alice, title="mine")
            await tab.worker.settle()
            assert [row["title"] for row in tab.seen(ScopedTaskState, "data")] == ["mine"]
            task.owner = bob
            await task.asave()
            await tab.worker.settle()
            assert tab.seen(ScopedTaskState, "data") == []


class TestCustomizedChanges:
    async def test_the_example_as_it_stands(self, tab: Tab) -> None:
        state = live_changes.ProductState
        await tab.send(state.load)
        await tab.send(state.live_subscribe)
        await tab.worker.settle()
        chair, _ = await make("Chair"), await make("Table")
        await tab.worker.settle()
        assert names(tab, state) == ["Chair", "Table"]
        tab.clear()
        await sync_to_async(live_broadcaster().publish)(
            ModelChange(model_label="shop.product", action=ACTION_DELETED, pk=chair.pk)
        )
        await tab.worker.settle()
        # The row goes because the change says so, without asking the API, where it still is.
        assert names(tab, state) == ["Table"]
        await tab.send(state.load)
        assert names(tab, state) == ["Chair", "Table"]


class TestPublicApi:
    def test_every_name_of_the_page_is_there(self) -> None:
        for name in (
            "ACTION_CREATED",
            "ACTION_DELETED",
            "ACTION_UPDATED",
            "LiveBroadcaster",
            "LiveListMixin",
            "ModelChange",
            "is_live_model",
            "live_broadcaster",
            "model_label",
            "register_live_model",
            "unregister_live_model",
        ):
            assert name in reflex_drf.live.__all__
            assert hasattr(reflex_drf.live, name)
        for name in ("refresh_list", "remove_list_row", "get_scoped_queryset", "refresh"):
            assert hasattr(live.ProductState, name)

    async def test_registering_publishes_and_unregistering_ends_it(self) -> None:
        queue = live_broadcaster().subscribe(model_label(Category))
        try:
            assert not is_live_model(Category)
            await Category.objects.acreate(name="unheard")
            register_live_model(Category)
            assert is_live_model(Category)
            chairs = await Category.objects.acreate(name="Chairs")
            key = chairs.pk
            await chairs.asave()
            await chairs.adelete()
            unregister_live_model(Category)
            assert not is_live_model(Category)
            await Category.objects.acreate(name="unheard too")
            heard = [queue.get_nowait() for _ in range(queue.qsize())]
        finally:
            live_broadcaster().unsubscribe(model_label(Category), queue)
        assert heard == [
            ModelChange("shop.category", action, key)
            for action in (ACTION_CREATED, ACTION_UPDATED, ACTION_DELETED)
        ]

    async def test_a_model_nobody_registered_costs_nothing(self) -> None:
        with count_queries() as queries:
            await Tag.objects.acreate(name="oak")
        assert len(queries) == 1
        assert not is_live_model(Tag)

    def test_a_models_label(self) -> None:
        assert model_label(Product) == model_label(Product(name="Chair")) == "shop.product"

    def test_a_change_says_what_happened(self) -> None:
        change = ModelChange(model_label="shop.product", action="updated", pk=42)
        assert (change.model_label, change.action, change.pk) == ("shop.product", "updated", 42)
        assert (change.is_create, change.is_update, change.is_delete) == (False, True, False)


class TestBroadcaster:
    async def test_a_listener_of_ones_own_can_publish(self, tab: Tab) -> None:
        # Written past Django, as by another process, and told here by a hand-made listener.
        rows = [Product(name="Chair", sku="a", price=1)]
        await Product.objects.abulk_create(rows)
        live_broadcaster().publish(
            ModelChange(model_label="shop.product", action="created", pk=rows[0].pk)
        )
        await tab.worker.settle()
        assert names(tab) == ["Chair"]

    async def test_subscribe_gives_a_queue_and_unsubscribe_ends_it(self) -> None:
        broadcaster = live_broadcaster()
        assert isinstance(broadcaster, LiveBroadcaster)
        assert broadcaster is live_broadcaster()
        queue = broadcaster.subscribe("shop.product")
        assert isinstance(queue, asyncio.Queue)
        change = ModelChange(model_label="shop.product", action="updated", pk=42)
        await asyncio.to_thread(broadcaster.publish, change)
        assert await asyncio.wait_for(queue.get(), 20) == change
        broadcaster.unsubscribe("shop.product", queue)
        broadcaster.publish(change)
        assert queue.empty()
