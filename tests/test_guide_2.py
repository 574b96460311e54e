"""Page 2 of the guide, "Talking to the database": the async ORM, plain values, related rows."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import reflex as rx
from django.core.exceptions import SynchronousOnlyOperation
from django.db import models, transaction
from reflex_base.utils.serializers import serialize

from reflex_drf.state import AppState, ModelState
from reflex_drf.testing import Tab
from tests.guide.catalog.models import Account, Category, Product, Tag
from tests.guide.catalog.serializers import ProductSerializer
from tests.guide.frontend.states.pricelist import ProductState
from tests.guide.frontend.states.products import CatalogState, LazyCatalogState
from tests.guide.frontend.states.rows import RowState
from tests.guide.frontend.states.views import AuthoredView, NaiveView
from tests.guide.helpers import Project, create_user, executed_sql
from tests.guide.pricelist.models import Product as PricedProduct

pytestmark = pytest.mark.django_db(transaction=True)


async def names() -> list[str]:
    return [product.name async for product in Product.objects.order_by("pk")]


def reads(statements: Iterable[str], *tables: str) -> list[str]:
    """Give the SELECTs that begin at one of the tables."""
    pattern = re.compile(r'SELECT .*? FROM "guide_catalog_(\w+)"')
    found = [(pattern.match(sql), sql) for sql in statements]
    return [sql for match, sql in found if match and match[1] in tables]


class OrmState(AppState):
    """Each line of the page's tables of async methods, in the order in which they can run."""

    seen: dict[str, list[str]] = {}

    @rx.event
    async def use_async_methods(self) -> None:
        objects = Category.objects
        made = await objects.acreate(name="a")
        read = await objects.aget(pk=made.pk)
        _, new = await objects.aget_or_create(name="a")
        updated, _ = await objects.aupdate_or_create(name="a", defaults={"name": "b"})
        read.name = "c"
        await read.asave()
        first = await objects.filter(name="c").afirst()
        assert first is not None
        await objects.abulk_create([Category(name="d"), Category(name="e")])
        listed = [row async for row in objects.order_by("pk")[:50]]
        for row in listed:
            row.name += "!"
        await objects.abulk_update(listed, fields=["name"])
        await objects.filter(name="d!").aupdate(name="f")
        counted = await objects.all().acount()
        there = await objects.filter(name="e!").aexists()
        await first.adelete()
        left = [row.name async for row in objects.order_by("pk")]
        self.seen = {
            "made": [made.name, updated.name, first.name, str(new)],
            "listed": [row.name for row in listed],
            "counted": [str(counted), str(there)],
            "left": left,
        }

    @rx.event
    async def use_sync_methods(self) -> None:
        Category.objects.create(name="a")


class TestAsyncOrm:
    async def test_each_async_method_of_the_tables_works(self) -> None:
        async with Tab() as tab:
            await tab.send(OrmState.use_async_methods)
            assert tab.seen(OrmState, "seen") == {
                "made": ["a", "b", "c", "False"],
                "listed": ["c!", "d!", "e!"],
                "counted": ["3", "True"],
                "left": ["f", "e!"],
            }

    async def test_a_sync_method_in_an_async_handler_is_refused(self) -> None:
        async with Tab() as tab:
            with pytest.raises(SynchronousOnlyOperation):
                await tab.send(OrmState.use_sync_methods)
        assert await Category.objects.acount() == 0


class PrintedCatalogState(AppState):
    """A handler that awaits one that yields, as the page prints it."""

    @rx.event
    async def load(self) -> AsyncIterator[None]:
        yield

    @rx.event
    async def add_product(self) -> None:
        await self.load()  # type: ignore[misc]


class TestCatalogState:
    async def test_load_shows_the_flag_first_and_then_the_rows(self) -> None:
        for name, active in (("old", True), ("gone", False), ("new", True)):
            await Product.objects.acreate(name=name, price="1.50", is_active=active)
        async with Tab() as tab:
            tab.clear()
            await tab.send(CatalogState.load)
            deltas = [delta[CatalogState.get_full_name()] for delta in tab.deltas if delta]
            flags = [value for delta in deltas for key, value in delta.items() if "loading" in key]
            assert flags == [True, False]
            assert not any("products" in key for key in deltas[0])
            rows = tab.seen(CatalogState, "products")
            assert [(row["name"], row["price"]) for row in rows] == [
                ("new", "1.50"),
                ("old", "1.50"),
            ]

    async def test_load_reads_no_more_than_a_slice(self) -> None:
        await Product.objects.abulk_create(Product(name=str(n), price=1) for n in range(60))
        async with Tab() as tab:
            await tab.send(CatalogState.load)
            assert len(tab.seen(CatalogState, "products")) == 50

    async def test_add_product_stores_it_for_the_user_and_reloads(self) -> None:
        ann = await create_user("ann")
        async with Tab(user=ann) as tab:
            state = tab.state(CatalogState)
            state.new_name, state.new_price = " lamp ", "12.50"
            await tab.send(CatalogState.add_product)
            product = await Product.objects.aget()
            assert (product.name, product.price, product.owner_id) == (
                "lamp",
                Decimal("12.50"),
                ann.pk,
            )
            assert tab.seen(CatalogState, "new_name") == ""
            assert [row["name"] for row in tab.seen(CatalogState, "products")] == ["lamp"]

    async def test_add_product_asks_for_a_name(self) -> None:
        async with Tab(user=await create_user("ann")) as tab:
            await tab.send(CatalogState.add_product)
            assert tab.seen(CatalogState, "error") == "Name is required."
        assert await names() == []

    async def test_rename_saves_and_reloads(self) -> None:
        ann = await create_user("ann")
        product = await Product.objects.acreate(name="lamp", price=1, owner=ann)
        async with Tab(user=ann) as tab:
            await tab.send(CatalogState.rename(product.pk, "torch"))
            assert [row["name"] for row in tab.seen(CatalogState, "products")] == ["torch"]
        assert await names() == ["torch"]

    async def test_rename_does_not_find_the_product_of_another_user(self) -> None:
        product = await Product.objects.acreate(
            name="lamp", price=1, owner=await create_user("ann")
        )
        async with Tab(user=await create_user("bob")) as tab:
            with pytest.raises(Product.DoesNotExist):
                await tab.send(CatalogState.rename(product.pk, "mine"))
        assert await names() == ["lamp"]

    async def test_delete_removes_the_own_product_only(self) -> None:
        ann, bob = await create_user("ann"), await create_user("bob")
        own = await Product.objects.acreate(name="own", price=1, owner=bob)
        other = await Product.objects.acreate(name="other", price=1, owner=ann)
        async with Tab(user=bob) as tab:
            await tab.send(CatalogState.delete(other.pk))
            assert await names() == ["own", "other"]
            await tab.send(CatalogState.delete(own.pk))
            assert await names() == ["other"]
            assert [row["name"] for row in tab.seen(CatalogState, "products")] == ["other"]

    async def test_a_handler_that_yields_cannot_be_awaited_as_printed(self) -> None:
        async with Tab() as tab:
            with pytest.raises(TypeError, match="async_generator can't be used in 'await'"):
                await tab.send(PrintedCatalogState.add_product)


class TestPlainValues:
    async def test_a_model_instance_does_not_reach_the_browser(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        await Product.objects.acreate(name="lamp", price="12.50")
        async with Tab() as tab:
            await tab.send(RowState.keep_instance)
            # No crash, as the page has it: Reflex logs the wrong type and shows nothing.
            assert tab.seen(RowState, "product") is None
            assert "Expected field 'RowState.product' to receive type" in caplog.text

    async def test_primitives_do(self) -> None:
        product = await Product.objects.acreate(name="lamp", price="12.50")
        async with Tab() as tab:
            await tab.send(RowState.keep_primitives)
            assert tab.seen(RowState, "product") == {
                "id": product.pk,
                "name": "lamp",
                "price": "12.50",
                "created_at": product.created_at.isoformat(),
            }

    async def test_a_serializer_gives_what_it_would_answer_over_http(self) -> None:
        product = await Product.objects.acreate(name="lamp", price="12.50")
        await Product.objects.acreate(name="gone", price="1", is_active=False)
        async with Tab() as tab:
            await tab.send(RowState.keep_serialized)
            assert tab.seen(RowState, "products") == [
                {
                    "id": product.pk,
                    "name": "lamp",
                    "price": "12.50",
                    "created_at": product.created_at.isoformat().replace("+00:00", "Z"),
                }
            ]
            assert tab.seen(RowState, "products") == [await ProductSerializer(product).adata()]


@pytest.fixture
async def authored() -> list[str]:
    """Three products of three authors, with two tags each; gives the authors' names."""
    tags = [await Tag.objects.acreate(name=name) for name in ("red", "blue")]
    authors = [await create_user(name) for name in ("ann", "bob", "cid")]
    for author in authors:
        product = await Product.objects.acreate(name=f"of {author}", price=1, author=author)
        await product.tags.aset(tags)
    return [author.username for author in authors]


class TestRelatedRows:
    async def test_the_naive_loop_is_refused_because_it_reads_in_between(
        self, authored: list[str]
    ) -> None:
        async with Tab() as tab:
            with pytest.raises(SynchronousOnlyOperation):
                await tab.send(RowState.load_naively)

    async def test_select_related_reads_all_in_one_query(self, authored: list[str]) -> None:
        async with Tab() as tab:
            with executed_sql() as statements:
                await tab.send(RowState.load_joined)
            assert [row["author"] for row in tab.seen(RowState, "rows")] == authored
            assert len(reads(statements, "product")) == 1
            assert "JOIN" in reads(statements, "product")[0]

    async def test_prefetch_related_reads_the_other_side_in_one_more(self) -> None:
        for name in ("lamps", "tables"):
            category = await Category.objects.acreate(name=name)
            await Product.objects.acreate(name=f"one of {name}", price=1, category=category)
        async with Tab() as tab:
            with executed_sql() as statements:
                await tab.send(RowState.load_categories)
            assert tab.seen(RowState, "rows") == [
                {"name": "lamps", "products": ["one of lamps"]},
                {"name": "tables", "products": ["one of tables"]},
            ]
            assert len(reads(statements, "category", "product")) == 2

    async def test_meta_options_of_a_crud_view_do_both(self, authored: list[str]) -> None:
        async with Tab() as tab:
            with executed_sql() as statements:
                await tab.send(AuthoredView.load)
            rows = tab.seen(AuthoredView, "data")
            assert sorted(row["author_name"] for row in rows) == authored
            assert [len(row["tags"]) for row in rows] == [2, 2, 2]
            listed = [sql for sql in reads(statements, "product", "tag") if "COUNT" not in sql]
            assert len(listed) == 2
            assert 'JOIN "auth_user"' in listed[0]

    async def test_without_them_the_serializer_says_what_is_read_along(
        self, authored: list[str]
    ) -> None:
        async with Tab() as tab:
            with executed_sql() as statements:
                await tab.send(NaiveView.load)
            rows = tab.seen(NaiveView, "data")
            assert sorted(row["author_name"] for row in rows) == authored
            assert len(reads(statements, "tag")) == 1

    async def test_without_that_each_row_costs_more(
        self, authored: list[str], settings: Any
    ) -> None:
        settings.REFLEX_DRF = {"FETCH_RELATED": False}
        async with Tab() as tab:
            with executed_sql() as statements:
                await tab.send(NaiveView.load)
            rows = tab.seen(NaiveView, "data")
            assert sorted(row["author_name"] for row in rows) == authored
            assert len(reads(statements, "tag")) == len(authored)


class TestImports:
    MODELS = "from django.db import models\n\nclass Product(models.Model):\n    pass\n"
    SETTINGS = "SECRET_KEY = 'x'\nINSTALLED_APPS = ['shop']\nUSE_TZ = True\n"

    @pytest.fixture
    def project(self, tmp_path: Path) -> Project:
        files = {"shop/__init__.py": "", "shop/models.py": self.MODELS}
        return Project(tmp_path, {**files, "mysite.py": self.SETTINGS})

    def test_models_imported_before_django_is_ready_are_an_error(self, project: Project) -> None:
        said = project.python(
            "from shop.models import Product", check=False, DJANGO_SETTINGS_MODULE="mysite"
        )
        assert "AppRegistryNotReady" in said

    def test_models_import_once_django_is_configured(self, project: Project) -> None:
        said = project.python(
            "from reflex_drf import configure_django; configure_django('mysite');"
            "from shop.models import Product; print(Product._meta.label)"
        )
        assert said.split() == ["shop.Product"]

    async def test_models_can_be_imported_inside_the_handler(self) -> None:
        await Product.objects.acreate(name="lamp", price=1)
        async with Tab() as tab:
            await tab.send(LazyCatalogState.load)
            assert tab.seen(LazyCatalogState, "products") == [{"name": "lamp"}]


class TestModelBase:
    def test_the_key_is_a_big_one_and_a_plain_models_is_not(self) -> None:
        assert isinstance(PricedProduct._meta.pk, models.BigAutoField)
        # The app's own default, which the base class does not follow.
        assert not isinstance(Product._meta.pk, models.BigAutoField)

    def test_reflex_can_serialize_an_instance(self) -> None:
        product = PricedProduct.objects.create(name="lamp", price=Decimal("12.50"))
        # No field: what may be seen is for a serializer to say.
        assert serialize(product) == {"pk": product.pk, "str": str(product)}

    def test_the_table_is_a_plain_one(self) -> None:
        assert [field.name for field in PricedProduct._meta.get_fields()] == ["id", "name", "price"]


class TestTransaction:
    async def test_transfer_moves_the_amount(self) -> None:
        first, second = [await Account.objects.acreate(balance=100) for _ in range(2)]
        async with Tab() as tab:
            await tab.send(CatalogState.transfer(first.pk, second.pk, 30))
        balances = [account.balance async for account in Account.objects.order_by("pk")]
        assert balances == [70, 130]

    async def test_transfer_changes_nothing_if_one_side_is_missing(self) -> None:
        first = await Account.objects.acreate(balance=100)
        async with Tab() as tab:
            with pytest.raises(Account.DoesNotExist):
                await tab.send(CatalogState.transfer(first.pk, first.pk + 1, 30))
        await first.arefresh_from_db()
        assert first.balance == 100

    async def test_atomic_itself_cannot_stand_in_an_async_handler(self) -> None:
        with pytest.raises(SynchronousOnlyOperation), transaction.atomic():
            pass


class TestModelStateInFiveLines:
    async def test_lists_creates_edits_and_deletes(self) -> None:
        await PricedProduct.objects.acreate(name="lamp", price="12.50")
        async with Tab(user=await create_user("ann")) as tab:
            await tab.send(ProductState.load)
            (row,) = tab.seen(ProductState, "products")
            assert (row["name"], row["price"]) == ("lamp", "12.50")
            await tab.send(ProductState.start_edit(row["id"]))
            assert tab.get(ProductState, "name") == "lamp"
            await tab.send(ProductState.set_name("torch"))
            await tab.send(ProductState.save)
            assert [row["name"] for row in tab.seen(ProductState, "products")] == ["torch"]
            await tab.send(ProductState.set_name("table"))
            await tab.send(ProductState.set_price("80"))
            await tab.send(ProductState.save)
            stored = [(p.name, str(p.price)) async for p in PricedProduct.objects.order_by("pk")]
            assert stored == [("torch", "12.50"), ("table", "80.00")]
            await tab.send(ProductState.delete(row["id"]))
            assert [row["name"] for row in tab.seen(ProductState, "products")] == ["table"]

    async def test_shows_what_is_wrong_with_a_field(self) -> None:
        async with Tab(user=await create_user("ann")) as tab:
            await tab.send(ProductState.set_name("lamp"))
            await tab.send(ProductState.set_price("much"))
            await tab.send(ProductState.save)
            assert "price" in tab.seen(ProductState, "field_errors")
        assert await PricedProduct.objects.acount() == 0

    async def test_an_anonymous_viewer_changes_nothing(self) -> None:
        async with Tab() as tab:
            await tab.send(ProductState.set_name("lamp"))
            await tab.send(ProductState.set_price("1"))
            await tab.send(ProductState.save)
            assert tab.seen(ProductState, "error") != ""
        assert await PricedProduct.objects.acount() == 0

    def test_is_itself_an_app_state(self) -> None:
        assert issubclass(ProductState, ModelState)
        assert issubclass(ModelState, AppState)
