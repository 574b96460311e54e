"""Page 4 of the guide, "Building CRUD Flows Without Mixins": the inventory of each user."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import reflex as rx
from django.contrib.auth.models import User
from reflex_base.registry import RegistrationContext

from reflex_drf.testing import Tab, Worker
from tests.guide.app import InventoryState, inventory_view
from tests.guide.helpers import create_user, render, toasts
from tests.guide.inventory.models import Product
from tests.guide.inventory.serializers import ProductSerializer

pytestmark = pytest.mark.django_db(transaction=True)


async def create_product(owner: User, name: str, **values: Any) -> Product:
    given = {"sku": name.upper(), "price": "9.99", **values}
    return await Product.objects.acreate(owner=owner, name=name, **given)


async def fill(tab: Tab, **values: Any) -> None:
    """Type into the form, through the setters that the page's inputs use."""
    for name, value in values.items():
        await tab.send(getattr(InventoryState, f"set_{name}")(value))


def shown(tab: Tab) -> list[str]:
    return [row["name"] for row in tab.get(InventoryState, "products")]


def form(tab: Tab) -> dict[str, Any]:
    names = ("name", "sku", "price", "category", "is_active", "editing_id")
    return {name: tab.get(InventoryState, name) for name in names}


EMPTY = {
    "name": "",
    "sku": "",
    "price": "",
    "category": "",
    "is_active": True,
    "editing_id": -1,
}


class TestSerializer:
    async def test_gives_json_values_and_takes_no_read_only_field(self) -> None:
        product = await create_product(await create_user("ann"), "lamp")
        data = await ProductSerializer(product).adata()
        assert data == {
            "id": product.pk,
            "name": "lamp",
            "sku": "LAMP",
            "price": "9.99",
            "category": "",
            "is_active": True,
            "created_at": product.created_at.isoformat().replace("+00:00", "Z"),
        }
        fields = ProductSerializer().fields
        assert {name for name, field in fields.items() if field.read_only} == {"id", "created_at"}


class TestLoadInventory:
    async def test_lists_own_products_newest_first(self) -> None:
        ann, bob = await create_user("ann"), await create_user("bob")
        await create_product(ann, "lamp")
        await create_product(bob, "hidden")
        await create_product(ann, "table")
        async with Tab(user=ann) as tab:
            await tab.send(InventoryState.load_inventory)
            assert [row["name"] for row in tab.seen(InventoryState, "products")] == [
                "table",
                "lamp",
            ]
            assert tab.get(InventoryState, "error_message") == ""

    async def test_tells_an_anonymous_viewer(self) -> None:
        await create_product(await create_user("ann"), "lamp")
        async with Tab() as tab:
            await tab.send(InventoryState.load_inventory)
            message = "Failed to load inventory: Authentication required."
            assert tab.seen(InventoryState, "error_message") == message
            assert shown(tab) == []

    @pytest.mark.parametrize("query", ["LAM", " x-1 ", "ligh"])
    async def test_searches_name_sku_and_category(self, query: str) -> None:
        ann = await create_user("ann")
        await create_product(ann, "lamp", sku="X-1", category="light")
        await create_product(ann, "table", sku="Y-2", category="wood")
        async with Tab(user=ann) as tab:
            await tab.send(InventoryState.set_search(query))
            await tab.send(InventoryState.load_inventory)
            assert shown(tab) == ["lamp"]

    async def test_pages_forth_and_back_within_the_bounds(self) -> None:
        ann = await create_user("ann")
        for number in range(10):
            await create_product(ann, f"p{number}")
        async with Tab(user=ann) as tab:
            await tab.send(InventoryState.load_inventory)
            assert tab.seen(InventoryState, "total_pages") == 2
            assert shown(tab) == [f"p{number}" for number in range(9, 1, -1)]
            await tab.send(InventoryState.prev_page)
            assert tab.get(InventoryState, "page") == 1
            for _ in range(2):
                await tab.send(InventoryState.next_page)
                assert tab.get(InventoryState, "page") == 2
                assert shown(tab) == ["p1", "p0"]
            await tab.send(InventoryState.prev_page)
            assert len(shown(tab)) == 8

    async def test_a_new_search_begins_on_the_first_page(self) -> None:
        ann = await create_user("ann")
        for number in range(10):
            await create_product(ann, f"p{number}")
        async with Tab(user=ann) as tab:
            await tab.send(InventoryState.load_inventory)
            await tab.send(InventoryState.next_page)
            await tab.send(InventoryState.set_search("p3"))
            assert tab.seen(InventoryState, "page") == 1
            await tab.send(InventoryState.load_inventory)
            assert (shown(tab), tab.get(InventoryState, "total_pages")) == (["p3"], 1)

    async def test_a_page_past_the_end_becomes_the_last(self) -> None:
        ann = await create_user("ann")
        await create_product(ann, "lamp")
        async with Tab(user=ann) as tab:
            await tab.send(InventoryState.set_page(7))
            await tab.send(InventoryState.load_inventory)
            assert tab.get(InventoryState, "page") == 1
            assert shown(tab) == ["lamp"]


class TestSaveProduct:
    async def test_creates_for_the_user_and_clears_the_form(self) -> None:
        ann = await create_user("ann")
        async with Tab(user=ann) as tab:
            values = {"name": " lamp ", "sku": " x-1 ", "price": "12.50", "category": " light "}
            await fill(tab, **values, is_active=False)
            await tab.send(InventoryState.save_product)
            product = await Product.objects.aget()
            assert (product.name, product.sku, product.category) == ("lamp", "X-1", "light")
            assert (product.price, product.is_active, product.owner_id) == (
                Decimal("12.50"),
                False,
                ann.pk,
            )
            assert form(tab) == EMPTY
            assert shown(tab) == ["lamp"]
            assert "Product 'lamp' added successfully." in toasts(tab)

    async def test_updates_the_product_that_is_being_edited(self) -> None:
        ann = await create_user("ann")
        product = await create_product(ann, "lamp")
        async with Tab(user=ann) as tab:
            await tab.send(InventoryState.start_editing(product.pk))
            await fill(tab, name="torch")
            await tab.send(InventoryState.save_product)
            await product.arefresh_from_db()
            assert (product.name, product.sku) == ("torch", "LAMP")
            assert await Product.objects.acount() == 1
            assert form(tab) == EMPTY
            assert "Product 'torch' updated successfully." in toasts(tab)

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({}, "Product name is required."),
            ({"name": "lamp"}, "SKU code is required."),
            ({"name": "lamp", "sku": "X"}, "Please enter a valid price."),
            ({"name": "lamp", "sku": "X", "price": "much"}, "Please enter a valid price."),
            ({"name": "lamp", "sku": "X", "price": "0"}, "Price must be a positive number."),
        ],
    )
    async def test_says_what_the_form_lacks(self, values: dict[str, str], message: str) -> None:
        async with Tab(user=await create_user("ann")) as tab:
            await fill(tab, **values)
            await tab.send(InventoryState.save_product)
            assert tab.seen(InventoryState, "error_message") == message
            assert tab.get(InventoryState, "name") == values.get("name", "")
        assert await Product.objects.acount() == 0

    async def test_says_that_a_sku_is_taken(self) -> None:
        ann = await create_user("ann")
        await create_product(ann, "lamp", sku="X-1")
        async with Tab(user=ann) as tab:
            await fill(tab, name="torch", sku="x-1", price="5")
            await tab.send(InventoryState.save_product)
            assert tab.seen(InventoryState, "error_message").startswith("Save failed: ")
            assert tab.get(InventoryState, "name") == "torch"
        assert await Product.objects.acount() == 1

    async def test_asks_an_anonymous_viewer_to_sign_in(self) -> None:
        async with Tab() as tab:
            await fill(tab, name="lamp", sku="X", price="1")
            await tab.send(InventoryState.save_product)
            assert "Please sign in to save products." in toasts(tab)
        assert await Product.objects.acount() == 0


class TestEditing:
    async def test_start_fills_the_form_and_reset_clears_it(self) -> None:
        ann = await create_user("ann")
        product = await create_product(ann, "lamp", category="light", is_active=False)
        async with Tab(user=ann) as tab:
            await tab.send(InventoryState.start_editing(product.pk))
            assert form(tab) == {
                "name": "lamp",
                "sku": "LAMP",
                "price": "9.99",
                "category": "light",
                "is_active": False,
                "editing_id": product.pk,
            }
            await tab.send(InventoryState.reset_form)
            assert form(tab) == EMPTY

    async def test_delete_removes_the_row_and_reloads(self) -> None:
        ann = await create_user("ann")
        lamp, table = await create_product(ann, "lamp"), await create_product(ann, "table")
        async with Tab(user=ann) as tab:
            await tab.send(InventoryState.load_inventory)
            await tab.send(InventoryState.delete_product(lamp.pk))
            assert shown(tab) == ["table"]
            assert "Deleted product 'lamp'." in toasts(tab)
        assert [product.pk async for product in Product.objects.all()] == [table.pk]


class TestForeignProducts:
    """The page's claim: no one reaches the records of others by naming their key."""

    @pytest.fixture
    async def product(self) -> Product:
        return await create_product(await create_user("ann"), "lamp")

    @pytest.fixture(params=["bob", None])
    async def viewer(self, request: pytest.FixtureRequest) -> User | None:
        return await create_user(request.param) if request.param else None

    async def test_editing_shows_nothing(self, product: Product, viewer: User | None) -> None:
        async with Tab(user=viewer) as tab:
            await tab.send(InventoryState.start_editing(product.pk))
            assert "Could not fetch product." in toasts(tab)
            assert form(tab) == EMPTY

    async def test_deleting_does_nothing(self, product: Product, viewer: User | None) -> None:
        async with Tab(user=viewer) as tab:
            await tab.send(InventoryState.delete_product(product.pk))
            assert "Deletion failed: " in toasts(tab)
        assert await Product.objects.acount() == 1

    async def test_saving_under_the_key_changes_nothing(
        self, product: Product, viewer: User | None
    ) -> None:
        async with Tab(user=viewer) as tab:
            await fill(tab, editing_id=product.pk, name="mine", sku="MINE", price="1")
            await tab.send(InventoryState.save_product)
            said = tab.get(InventoryState, "error_message") + toasts(tab)
            assert "does not exist" in said or "Please sign in" in said
        await product.arefresh_from_db()
        assert product.name == "lamp"
        assert await Product.objects.acount() == 1

    @pytest.mark.parametrize("helper", ["_filtered_qs", "_validate_form"])
    async def test_the_helpers_cannot_be_called_from_outside(
        self, helper: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with Tab(user=await create_user("bob")) as tab:
            before = len(tab.deltas)
            await tab.send_name(f"{InventoryState.get_full_name()}.{helper}", raises=False)
            assert tab.deltas[before:] == []


class TestPage:
    @pytest.fixture
    def app(self) -> Iterator[rx.App]:
        """An app with the page as its last lines register it, apart from other tests' apps."""
        token = RegistrationContext.set(RegistrationContext.ensure_context().fork())
        app = rx.App(enable_state=False)
        app.add_page(inventory_view, route="/inventory", on_load=InventoryState.load_inventory)
        yield app
        RegistrationContext.reset(token)

    def test_compiles(self) -> None:
        code = render(inventory_view)
        for part in ("My Private Inventory", "Add New Product", "Search by name, SKU, or category"):
            assert part in code

    @pytest.mark.parametrize(
        "handler",
        [
            "set_name",
            "set_sku",
            "set_price",
            "set_category",
            "set_is_active",
            "set_search",
            "save_product",
            "reset_form",
            "load_inventory",
            "start_editing",
            "delete_product",
            "prev_page",
            "next_page",
        ],
    )
    def test_wires_each_handler(self, handler: str) -> None:
        assert f"{InventoryState.get_full_name()}.{handler}" in render(inventory_view)

    async def test_loads_when_it_is_opened(self, app: rx.App) -> None:
        ann = await create_user("ann")
        await create_product(ann, "lamp")
        async with Worker(app), Tab(user=ann, path="/inventory") as tab:
            assert [row["name"] for row in tab.seen(InventoryState, "products")] == ["lamp"]
