"""Page 3 of the guide, "Database Integration": bootstrap, models, migrations, search, admin."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest
import reflex as rx
from asgiref.sync import sync_to_async
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import SynchronousOnlyOperation
from django.db import models, transaction
from django.test import Client
from django.urls import reverse

from reflex_drf.testing import Tab
from tests.guide.frontend.states.catalog import CatalogState
from tests.guide.frontend.states.orders import OrderState
from tests.guide.helpers import Project, executed_sql, toasts
from tests.guide.shop.admin import ProductAdmin
from tests.guide.shop.models import Customer, Item, Order, Product

GUIDE = Path(__file__).parent / "guide"
SETTINGS = """
SECRET_KEY = "only-for-tests"
ROOT_URLCONF = "mysite.urls"
USE_TZ = True
INSTALLED_APPS = [
    "django.contrib.auth", "django.contrib.contenttypes", "reflex_drf", "shop", "inventory",
]
"""
CONFIG = """
import reflex as rx
from reflex_drf import ReflexDjangoPlugin

config = rx.Config(app_name="frontend", plugins=[ReflexDjangoPlugin({arguments})])
"""
SHOW_DATABASE = "from django.db import connection; print('uses', connection.settings_dict['NAME'])"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """The project of the page: no DATABASES, and models on the base class of the package."""
    return Project(
        tmp_path,
        {
            "rxconfig.py": CONFIG.format(arguments="'mysite.settings'"),
            "frontend/__init__.py": "",
            "frontend/frontend.py": "import reflex as rx\n\napp = rx.App()\n",
            "mysite/__init__.py": "",
            "mysite/settings.py": SETTINGS,
            "mysite/other.py": SETTINGS,
            "mysite/urls.py": "urlpatterns = []\n",
            "shop/__init__.py": "",
            "shop/models.py": (GUIDE / "pricelist" / "models.py").read_text(),
            "shop/migrations/__init__.py": "",
            "inventory/__init__.py": "",
            "inventory/models.py": (GUIDE / "inventory" / "models.py").read_text(),
        },
    )


def columns(database: Path, table: str) -> dict[str, str]:
    """Give the columns of a table and their types."""
    connection = sqlite3.connect(database)
    try:
        rows: Sequence[tuple[str, str]] = connection.execute(
            "SELECT name, type FROM pragma_table_info(?)", [table]
        ).fetchall()
    finally:
        connection.close()
    return dict(rows)


class TestConfigureDjango:
    CALL = "from reflex_drf import configure_django; print('is', configure_django({argument}));"

    def test_the_environment_comes_first(self, project: Project) -> None:
        call = self.CALL.format(argument="'mysite.settings'")
        assert "is mysite.other" in project.python(call, DJANGO_SETTINGS_MODULE="mysite.other")

    def test_then_the_argument(self, project: Project) -> None:
        assert "is mysite.settings" in project.python(
            self.CALL.format(argument="'mysite.settings'")
        )

    def test_it_can_be_repeated(self, project: Project) -> None:
        said = project.python(
            self.CALL.format(argument="'mysite.settings'")
            + "from django.apps import apps; before = apps.get_app_config('shop');"
            + self.CALL.format(argument="'mysite.other'")
            + "print(before is apps.get_app_config('shop'), apps.ready)"
        )
        assert said.split() == ["is", "mysite.settings", "is", "mysite.settings", "True", "True"]

    def test_models_are_registered_afterwards(self, project: Project) -> None:
        said = project.python(
            self.CALL.format(argument="'mysite.settings'")
            + "from django.apps import apps; print([m._meta.label for m in apps.get_models()])"
        )
        assert "'shop.Product'" in said
        assert "'inventory.Product'" in said

    def test_rxconfig_configures_by_itself(self, project: Project) -> None:
        said = project.python("import rxconfig; from django.apps import apps; print(apps.ready)")
        assert said.split()[-1] == "True"

    def test_importing_the_model_base_configures_too(self, project: Project) -> None:
        said = project.python(
            "from shop.models import Product; print(Product._meta.label)",
            DJANGO_SETTINGS_MODULE="mysite.settings",
        )
        assert said.split() == ["shop.Product"]


class TestDatabaseRouting:
    URL = "sqlite:///environment.sqlite3"

    def read(self, project: Project, **environment: str) -> str:
        said = project.python(f"import rxconfig; {SHOW_DATABASE}", **environment)
        return Path(said.split()[-1]).name

    def test_databases_in_the_settings_come_first(self, project: Project) -> None:
        with (project.root / "mysite" / "settings.py").open("a") as settings:
            settings.write(
                "DATABASES = {'default': "
                "{'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'own.sqlite3'}}\n"
            )
        assert self.read(project, REFLEX_DJANGO_DATABASE_URL=self.URL) == "own.sqlite3"

    def test_then_the_option_of_the_plugin(self, project: Project) -> None:
        arguments = "'mysite.settings', database_url='sqlite:///option.sqlite3'"
        (project.root / "rxconfig.py").write_text(CONFIG.format(arguments=arguments))
        assert self.read(project, REFLEX_DJANGO_DATABASE_URL=self.URL) == "option.sqlite3"

    def test_then_the_url_in_the_environment(self, project: Project) -> None:
        assert self.read(project, REFLEX_DJANGO_DATABASE_URL=self.URL) == "environment.sqlite3"

    def test_else_a_local_sqlite_file(self, project: Project) -> None:
        assert self.read(project) == "db.sqlite3"


class TestMigrationWorkflow:
    def test_the_wrapper_makes_and_applies_migrations(self, project: Project) -> None:
        said = project.run("reflex", "django", "makemigrations")
        assert "Create model Product" in said
        assert (project.root / "shop" / "migrations" / "0001_initial.py").exists()
        # Page 4 names its app, which has no migrations package yet.
        project.run("reflex", "django", "makemigrations", "inventory")
        said = project.run("reflex", "django", "migrate")
        assert "Applying shop.0001_initial... OK" in said
        made = columns(project.root / "db.sqlite3", "shop_product")
        assert made == {"id": "INTEGER", "name": "varchar(200)", "price": "decimal"}
        made = columns(project.root / "db.sqlite3", "inventory_product")
        assert {"id", "owner_id", "name", "sku", "price", "category"} < set(made)

    def test_the_package_adds_no_tables(self, project: Project) -> None:
        assert "No changes detected" in project.run(
            "reflex", "django", "makemigrations", "reflex_drf", "--dry-run"
        )

    def test_a_failing_command_fails(self, project: Project) -> None:
        said = project.run("reflex", "django", "migrate", "nowhere", check=False)
        assert "No installed app with label 'nowhere'" in said


class TestModelBase:
    def test_the_key_is_a_big_one(self) -> None:
        assert isinstance(Product._meta.pk, models.BigAutoField)
        assert Product._meta.pk.name == "id"

    def test_it_has_its_own_name(self) -> None:
        assert str(Product(name="lamp", price=Decimal("12.50"))) == "lamp ($12.50)"


@pytest.mark.django_db(transaction=True)
class TestSearchCatalog:
    async def create(self, *names: str) -> None:
        for number, name in enumerate(names):
            await Product.objects.acreate(
                name=name, description="Shines.", price="12.50", sku=f"S-{number}"
            )

    async def test_finds_the_newest_first_and_as_plain_values(self) -> None:
        await self.create("Desk lamp", "Table", "LAMP")
        async with Tab() as tab:
            tab.state(CatalogState).search_query = " lamp "
            await tab.send(CatalogState.search_catalog)
            rows = tab.seen(CatalogState, "products")
            assert [row["name"] for row in rows] == ["LAMP", "Desk lamp"]
            assert set(rows[0]) == {"id", "name", "description", "price", "sku"}
            assert rows[0]["price"] == 12.5
            assert tab.seen(CatalogState, "total_matches") == 2

    async def test_counts_all_but_shows_twenty(self) -> None:
        await self.create(*(f"lamp {number}" for number in range(25)))
        async with Tab() as tab:
            await tab.send(CatalogState.search_catalog)
            assert tab.seen(CatalogState, "total_matches") == 25
            assert len(tab.seen(CatalogState, "products")) == 20

    async def test_shows_that_it_is_loading_meanwhile(self) -> None:
        async with Tab() as tab:
            tab.clear()
            await tab.send(CatalogState.search_catalog)
            parts = [delta.get(CatalogState.get_full_name(), {}) for delta in tab.deltas]
            flags = [value for part in parts for name, value in part.items() if "loading" in name]
            assert flags == [True, False]

    async def test_a_failing_search_shows_a_toast(self) -> None:
        await self.create("lamp")
        async with Tab() as tab:
            # More than any database takes for a pattern.
            tab.state(CatalogState).search_query = "\0" + "x" * 60_000
            await tab.send(CatalogState.search_catalog)
            assert "Search failed: " in toasts(tab)
            assert tab.seen(CatalogState, "loading") is False

    def test_returning_the_toast_as_printed_is_a_syntax_error(self) -> None:
        with pytest.raises(SyntaxError, match="'return' with value in async generator"):
            compile("async def search():\n    yield\n    return 'toast'\n", "printed", "exec")


@pytest.mark.django_db(transaction=True)
class TestRegisterAdmin:
    @pytest.fixture
    def client(self) -> Client:
        client = Client()
        client.force_login(User.objects.create_superuser("root"))
        return client

    def test_registers_the_class_for_the_model(self) -> None:
        assert type(admin.site._registry[Product]) is ProductAdmin

    def test_lists_the_rows_with_its_columns_search_and_filter(self, client: Client) -> None:
        Product.objects.create(name="Desk lamp", price="12.50", sku="S-1")
        Product.objects.create(name="Table", price="80", sku="S-2")
        page = client.get(reverse("admin:guide_shop_product_changelist"), {"q": "lamp"})
        html = page.content.decode()
        assert page.status_code == 200
        for part in ("Desk lamp", "12.50", "S-1", "By created at"):
            assert part in html
        assert "S-2" not in html

    def test_stands_where_the_url_says(self, client: Client) -> None:
        assert client.get("/admin/guide_shop/product/").status_code == 200


@pytest.mark.django_db(transaction=True)
class TestOrderState:
    async def create(self, count: int) -> None:
        items = [await Item.objects.acreate(price=price) for price in ("1.50", "2.00")]
        for number in range(count):
            customer = await Customer.objects.acreate(name=f"customer {number}")
            order = await Order.objects.acreate(customer=customer)
            await order.items.aset(items)

    async def test_lists_what_the_fields_name(self) -> None:
        await self.create(1)
        async with Tab() as tab:
            await tab.send(OrderState.load)
            (row,) = tab.seen(OrderState, "data")
            assert row["customer_name"] == "customer 0"
            assert Decimal(str(row["total_price"])) == Decimal("3.50")
            assert row["id"] == (await Order.objects.aget()).pk

    async def test_related_rows_cost_two_queries_however_many_rows(self) -> None:
        await self.create(4)
        async with Tab() as tab:
            with executed_sql() as statements:
                await tab.send(OrderState.load)
            assert len(tab.seen(OrderState, "data")) == 4
            rows = [sql for sql in statements if "guide_shop_" in sql and "COUNT(" not in sql]
            assert len(rows) == 2
            assert 'JOIN "guide_shop_customer"' in rows[0]


class PitfallState(rx.State):
    """What the page's last section warns of."""

    count: int = -1

    @rx.event
    async def count_sync(self) -> None:
        self.count = Product.objects.count()

    @rx.event
    async def count_async(self) -> None:
        self.count = await Product.objects.acount()

    @rx.event
    async def write_in_sync_block(self) -> None:
        with transaction.atomic():
            await Product.objects.acreate(name="lamp", price=1, sku="S-1")


@pytest.mark.django_db(transaction=True)
class TestPitfalls:
    async def test_a_sync_query_in_an_async_handler_is_refused(self) -> None:
        async with Tab() as tab:
            with pytest.raises(SynchronousOnlyOperation):
                await tab.send(PitfallState.count_sync)
            await tab.send(PitfallState.count_async)
            assert tab.seen(PitfallState, "count") == 0

    async def test_an_atomic_block_around_async_writes_is_refused(self) -> None:
        async with Tab() as tab:
            with pytest.raises(SynchronousOnlyOperation):
                await tab.send(PitfallState.write_in_sync_block)
        assert await Product.objects.acount() == 0

    async def test_atomic_does_not_become_an_async_context_by_wrapping(self) -> None:
        wrapped = sync_to_async(transaction.atomic)()
        with pytest.raises(TypeError, match="asynchronous context manager"):
            async with wrapped:
                pass
        wrapped.close()
