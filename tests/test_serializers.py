"""The async serializer means what DRF's means, and its values are JSON."""

from __future__ import annotations

import asyncio
import copy
import datetime
import json
import threading
import uuid
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth import get_user_model
from django.db import connection, connections
from django.db.models import QuerySet
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils.translation import gettext_lazy
from rest_framework import serializers, viewsets
from rest_framework.test import APIClient

from reflex_drf.serializers import AsyncListSerializer, ReflexDjangoModelSerializer, adata
from tests.shop.models import Category, Order, OrderLine, Product, Tag, Task
from tests.shop.serializers import OrderLineSerializer, ProductSerializer


class CategorySerializer(ReflexDjangoModelSerializer[Category]):
    class Meta:
        model = Category
        fields = ["id", "name"]


class TaskSerializer(ReflexDjangoModelSerializer[Task]):
    class Meta:
        model = Task
        fields = ["id", "title", "done", "created_at"]
        read_only_fields = ["id", "created_at"]


class CatalogSerializer(ReflexDjangoModelSerializer[Product]):
    """The same fields as the DRF serializer of the shop, on our base."""

    category_name = serializers.CharField(source="category.name", read_only=True)
    label = serializers.SerializerMethodField()

    class Meta(ProductSerializer.Meta):
        pass

    def get_label(self, product: Product) -> str:
        return f"{product.name} ({product.sku})"


class NestedSerializer(ReflexDjangoModelSerializer[Order]):
    lines = OrderLineSerializer(many=True, read_only=True)

    class Meta:
        model = Order
        fields = ["id", "customer", "lines"]


class RawSerializer(ReflexDjangoModelSerializer[Product]):
    """Values that DRF itself only turns into JSON when it renders."""

    raw = serializers.SerializerMethodField()

    class Meta:
        model = Product
        fields = ["name", "raw", "tags"]

    def get_raw(self, product: Product) -> dict[Any, Any]:
        return {
            "price": Decimal("1.50"),
            "key": uuid.UUID(int=7),
            "day": datetime.date(2026, 1, 2),
            "lazy": gettext_lazy("Yes"),
            "pair": (1, 2),
            7: "number as key",
        }


class ShoutingListSerializer(serializers.ListSerializer[Any]):
    def to_representation(self, data: Any) -> list[Any]:
        return [{**row, "name": row["name"].upper()} for row in super().to_representation(data)]


class ShoutingSerializer(CategorySerializer):
    class Meta(CategorySerializer.Meta):
        list_serializer_class = ShoutingListSerializer


class BulkListSerializer(AsyncListSerializer):
    def create(self, validated_data: Any) -> Any:
        return Category.objects.bulk_create([Category(**row) for row in validated_data])


class BulkSerializer(CategorySerializer):
    class Meta(CategorySerializer.Meta):
        list_serializer_class = BulkListSerializer


class OverridingSerializer(CategorySerializer):
    def to_representation(self, instance: Category) -> dict[str, Any]:
        return {"shown": instance.name, "for": self.context.get("reader")}


class LinkedSerializer(ReflexDjangoModelSerializer[Category]):
    url = serializers.HyperlinkedIdentityField(view_name="category-detail")

    class Meta:
        model = Category
        fields = ["url", "name"]


@pytest.fixture
def tea(db: None) -> Category:
    return Category.objects.create(name="Tea")


@pytest.fixture
def product(tea: Category) -> Product:
    product = Product.objects.create(
        name="Assam", sku="T-1", price=Decimal("4.50"), category=tea, attrs={"origin": "IN"}
    )
    product.tags.add(Tag.objects.create(name="black"))
    return product


def is_json(value: Any) -> bool:
    return json.loads(json.dumps(value)) == value


@async_to_sync
async def read(serializer: Any) -> Any:
    """What `adata()` gives, run so that the database thread is the test's own."""
    return await serializer.adata()


def test_one_row_reads_as_drf_renders_it(product: Product) -> None:
    data = read(CatalogSerializer(product))

    assert data == ProductSerializer(product).data
    assert data["price"] == "4.50"
    assert data["category_name"] == "Tea"
    assert data["label"] == "Assam (T-1)"
    assert type(data) is dict
    assert is_json(data)


def test_a_queryset_reads_as_a_plain_list(product: Product) -> None:
    data = read(CatalogSerializer(Product.objects.all(), many=True))

    assert data == [ProductSerializer(product).data]
    assert type(data) is list
    assert {type(row) for row in data} == {dict}


def test_a_list_of_rows_reads_like_a_queryset(product: Product, tea: Category) -> None:
    rows = list(Category.objects.all())

    assert read(CategorySerializer(rows, many=True)) == [{"id": tea.pk, "name": "Tea"}]


def test_values_that_only_the_renderer_would_encode_are_json(product: Product) -> None:
    data = read(RawSerializer(product))

    assert is_json(data)
    assert data["raw"]["key"] == "00000000-0000-0000-0000-000000000007"
    assert data["raw"]["day"] == "2026-01-02"
    assert data["raw"]["lazy"] == "Yes"
    assert data["raw"]["pair"] == [1, 2]
    assert data["raw"]["7"] == "number as key"


def test_what_adata_gives_is_what_the_api_sends(product: Product) -> None:
    class CatalogViewSet(viewsets.ReadOnlyModelViewSet[Product]):
        queryset = Product.objects.all()
        serializer_class = RawSerializer

    request = RequestFactory().get("/")
    response: Any = CatalogViewSet.as_view({"get": "retrieve"})(request, pk=product.pk)

    assert read(RawSerializer(product)) == json.loads(response.render().content)


def test_no_serializer_hides_behind_the_data(product: Product) -> None:
    data = read(NestedSerializer(Order.objects.create(customer="Ada")))

    assert not hasattr(data, "serializer")
    assert not hasattr(data["lines"], "serializer")


def test_nested_rows_are_plain(product: Product) -> None:
    order = Order.objects.create(customer="Ada")
    line = OrderLine.objects.create(order=order, product=product, quantity=3)

    assert read(NestedSerializer(order)) == {
        "id": order.pk,
        "customer": "Ada",
        "lines": [{"id": line.pk, "product": product.pk, "quantity": 3}],
    }


def test_to_representation_and_context_hold(tea: Category) -> None:
    serializer = OverridingSerializer(tea, context={"reader": "Ada"})

    assert read(serializer) == {"shown": "Tea", "for": "Ada"}


def test_a_hyperlink_takes_host_and_scheme_from_the_request(tea: Category) -> None:
    request = RequestFactory().get("/", secure=True)

    data = read(LinkedSerializer(tea, context={"request": request}))

    assert data["url"] == f"https://testserver/api/categories/{tea.pk}/"


def test_a_hyperlink_without_a_request_is_drfs_own_error(tea: Category) -> None:
    with pytest.raises(AssertionError, match="HyperlinkedIdentityField"):
        read(LinkedSerializer(tea))


def test_initial_data_that_was_not_validated_is_drfs_own_error() -> None:
    with pytest.raises(AssertionError, match="is_valid"):
        read(CategorySerializer(data={"name": "Tea"}))


def test_validated_data_reads_before_it_is_saved(db: None) -> None:
    serializer = CategorySerializer(data={"name": "Tea"})

    assert async_to_sync(serializer.ais_valid)()
    assert read(serializer) == {"name": "Tea"}


def test_invalid_data_reads_back_as_it_came(db: None) -> None:
    serializer = CategorySerializer(data={"name": ""})

    assert not async_to_sync(serializer.ais_valid)()
    assert read(serializer) == {"name": ""}
    assert serializer.errors["name"][0].code == "blank"


def test_validators_that_ask_the_database_run(tea: Category) -> None:
    serializer = CategorySerializer(data={"name": "Tea"})

    assert not async_to_sync(serializer.ais_valid)()
    assert serializer.errors["name"][0].code == "unique"


def test_ais_valid_raises_when_asked(db: None) -> None:
    with pytest.raises(serializers.ValidationError) as caught:
        async_to_sync(CategorySerializer(data={}).ais_valid)(raise_exception=True)

    assert caught.value.detail["name"][0].code == "required"  # type: ignore[index,union-attr,call-overload]


def test_asave_creates_with_further_values(django_user_model: Any, db: None) -> None:
    owner = django_user_model.objects.create_user("ada")
    serializer = TaskSerializer(data={"title": "Write"})

    @async_to_sync
    async def save() -> Task:
        await serializer.ais_valid(raise_exception=True)
        task: Task = await serializer.asave(owner=owner)
        return task

    task = save()
    assert Task.objects.get() == task
    assert task.owner == owner
    assert read(serializer)["title"] == "Write"


def test_asave_updates_the_instance(tea: Category) -> None:
    serializer = CategorySerializer(tea, data={"name": "Coffee"}, partial=True)
    async_to_sync(serializer.ais_valid)(raise_exception=True)
    async_to_sync(serializer.asave)()

    tea.refresh_from_db()
    assert tea.name == "Coffee"


def test_asave_of_several_rows_gives_several(db: None) -> None:
    serializer = CategorySerializer(data=[{"name": "Tea"}, {"name": "Coffee"}], many=True)

    @async_to_sync
    async def save() -> list[Category]:
        await serializer.ais_valid(raise_exception=True)
        return await serializer.asave()

    assert [row.name for row in save()] == ["Tea", "Coffee"]
    assert Category.objects.count() == 2


def test_errors_of_several_rows_are_drfs(db: None) -> None:
    serializer = CategorySerializer(data=[{"name": "Tea"}, {}], many=True)

    assert not async_to_sync(serializer.ais_valid)()
    # DRF 3.18 keys them by index, earlier versions leave holes in a list.
    assert serializer.errors[1]["name"][0].code == "required"


def test_alist_is_the_short_way(tea: Category) -> None:
    rows = async_to_sync(CategorySerializer.alist)(Category.objects.all())

    assert rows == [{"id": tea.pk, "name": "Tea"}]


def test_alist_passes_the_context_on(tea: Category) -> None:
    rows = async_to_sync(OverridingSerializer.alist)([tea], context={"reader": "Bo"})

    assert rows == [{"shown": "Tea", "for": "Bo"}]


def test_alist_of_nothing_is_an_empty_list(db: None) -> None:
    assert async_to_sync(CategorySerializer.alist)(Category.objects.none()) == []


def test_many_gives_the_async_list_serializer() -> None:
    assert type(CategorySerializer([], many=True)) is AsyncListSerializer


def test_the_projects_list_serializer_class_is_kept(tea: Category) -> None:
    serializer = ShoutingSerializer([tea], many=True)

    assert isinstance(serializer, ShoutingListSerializer)
    assert read(serializer) == [{"id": tea.pk, "name": "TEA"}]
    assert type(serializer) is type(ShoutingSerializer([], many=True))


def test_a_list_class_on_our_base_is_used_as_it_is(db: None) -> None:
    serializer = BulkSerializer(data=[{"name": "Tea"}], many=True)

    assert type(serializer) is BulkListSerializer
    async_to_sync(serializer.ais_valid)(raise_exception=True)
    async_to_sync(serializer.asave)()
    assert Category.objects.get().name == "Tea"


def test_arguments_of_the_list_reach_it() -> None:
    serializer = CategorySerializer(data=[], many=True, allow_empty=False)

    assert not async_to_sync(serializer.ais_valid)()
    assert serializer.errors["non_field_errors"][0].code == "empty"


def test_a_list_serializer_inside_another_copies_with_its_class() -> None:
    class ParentSerializer(serializers.Serializer[Any]):
        rows = ShoutingSerializer(many=True)

    rows = ParentSerializer().fields["rows"]

    assert isinstance(rows, ShoutingListSerializer)
    assert type(copy.deepcopy(rows)) is type(rows)


def test_a_plain_drf_serializer_reads_the_same_way(product: Product) -> None:
    @async_to_sync
    async def rows() -> Any:
        return await adata(ProductSerializer(Product.objects.all(), many=True))

    data = rows()
    assert data == [ProductSerializer(product).data]
    assert type(data[0]) is dict


def test_reading_a_list_is_one_query(product: Product, tea: Category) -> None:
    Category.objects.create(name="Coffee")

    with CaptureQueriesContext(
        connection,
    ) as queries:
        read(CategorySerializer(Category.objects.all(), many=True))

    assert len(queries) == 1


def test_a_view_uses_it_as_its_serializer_class(tea: Category, settings: Any) -> None:
    class CategoryViewSet(viewsets.ModelViewSet[Category]):
        queryset = Category.objects.order_by("id")
        serializer_class = CategorySerializer

    view = CategoryViewSet.as_view({"get": "list"})
    response: Any = view(RequestFactory().get("/"))

    assert response.data["results"] == APIClient().get("/api/categories/").json()["results"]


@pytest.fixture
async def _database_thread(transactional_db: None) -> AsyncIterator[None]:
    """The thread of the hops outlives the test; its connection must not."""
    yield
    await sync_to_async(connections.close_all)()


@pytest.mark.usefixtures("_database_thread")
async def test_the_query_runs_off_the_loop_in_one_hop() -> None:
    threads: list[int] = []

    class WatchingSerializer(CategorySerializer):
        def to_representation(self, instance: Category) -> dict[str, Any]:
            threads.append(threading.get_ident())
            return super().to_representation(instance)

    await Category.objects.abulk_create([Category(name="Tea"), Category(name="Coffee")])

    # The queryset is lazy until here: an await on the loop itself would be refused by Django.
    rows = await WatchingSerializer(Category.objects.order_by("name"), many=True).adata()

    assert [row["name"] for row in rows] == ["Coffee", "Tea"]
    assert len(set(threads)) == 1
    assert threading.get_ident() not in threads


@pytest.mark.usefixtures("_database_thread")
async def test_the_task_manager_of_the_guide_reads_its_tasks() -> None:
    owner = await get_user_model().objects.acreate(username="ada")
    await Task.objects.acreate(owner=owner, title="Older")
    await Task.objects.acreate(owner=owner, title="Newer")

    queryset: QuerySet[Task] = Task.objects.filter(owner=owner).order_by("-created_at")
    tasks = await TaskSerializer(queryset, many=True).adata()

    assert [task["title"] for task in tasks] == ["Newer", "Older"]
    assert is_json(tasks)


@pytest.mark.usefixtures("_database_thread")
async def test_serializers_of_one_loop_do_not_mix() -> None:
    await Category.objects.abulk_create([Category(name=f"C{number}") for number in range(20)])
    readers = [
        CategorySerializer(Category.objects.filter(name=f"C{n}"), many=True) for n in range(20)
    ]

    results = await asyncio.gather(*(reader.adata() for reader in readers))

    assert [rows[0]["name"] for rows in results] == [f"C{number}" for number in range(20)]
