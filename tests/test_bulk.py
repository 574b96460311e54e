"""Many rows at once, one cell at once, and deletions that can be looked at and taken back."""

from __future__ import annotations

import asyncio
import itertools
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import connection, models
from django.test.utils import isolate_apps
from rest_framework import pagination, permissions, serializers, throttling
from rest_framework.decorators import action
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate

from reflex_drf.errors import ConfigurationError
from reflex_drf.state import ModelState
from reflex_drf.testing import Tab
from tests.counting import count_hops, count_queries
from tests.shop.models import Category, Order, OrderLine, Product, Tag, Task
from tests.shop.serializers import ProductSerializer
from tests.shop.views import CategoryViewSet, OrderViewSet, ProductViewSet, TaskViewSet

pytestmark = pytest.mark.django_db(transaction=True)


NEEDED = "It cannot be deleted, because other rows need it."


class OwnerOrReadOnly(permissions.BasePermission):
    message = "It is somebody else's."

    def has_object_permission(self, request: Any, view: Any, obj: Any) -> bool:
        return request.method in permissions.SAFE_METHODS or obj.owner_id == request.user.pk


class Pages(pagination.PageNumberPagination):
    page_size = 4
    page_size_query_param = "per_page"
    max_page_size = 5


class Steps(pagination.CursorPagination):
    page_size = 4
    ordering = "id"


class StockSerializer(ProductSerializer):
    stock = serializers.IntegerField(min_value=0, max_value=1000, allow_null=True, required=False)


class BulkViewSet(ProductViewSet):
    permission_classes = [permissions.IsAuthenticatedOrReadOnly, OwnerOrReadOnly]
    serializer_class = StockSerializer
    pagination_class: Any = Pages

    @action(detail=True, methods=["post"])
    def sell(self, request: Any, pk: Any = None) -> Response:
        product = self.get_object()
        amount = serializers.IntegerField(min_value=1).run_validation(request.data.get("amount", 1))
        Product.objects.filter(pk=product.pk).update(stock=(product.stock or 0) - amount)
        if product.name == "Product 3":
            raise serializers.ValidationError({"amount": ["Not that one."]})
        return Response()

    @action(detail=True, methods=["get"])
    def label(self, request: Any, pk: Any = None) -> Response:
        return Response()


class SteppingViewSet(BulkViewSet):
    pagination_class = Steps


class ThrottledViewSet(BulkViewSet):
    class Few(throttling.UserRateThrottle):
        scope = "few_bulk"
        THROTTLE_RATES = {"few_bulk": "4/day"}

    throttle_classes = [Few]


class FailingViewSet(BulkViewSet):
    def perform_destroy(self, instance: Any) -> None:
        instance.delete()
        if instance.name == "Product 2":
            raise RuntimeError("The disk is full.")


class SoftViewSet(BulkViewSet):
    def perform_destroy(self, instance: Any) -> None:
        instance.active = False
        instance.save()


class BulkState(ModelState):
    viewset = BulkViewSet


class BulkPartlyState(ModelState):
    viewset = BulkViewSet

    class Meta:
        bulk_atomic = False


class BulkSteppingState(ModelState):
    viewset = SteppingViewSet


class BulkTaskState(ModelState):
    viewset = TaskViewSet


class BulkCategoryState(ModelState):
    viewset = CategoryViewSet


class BulkCategoryPartlyState(ModelState):
    viewset = CategoryViewSet

    class Meta:
        bulk_atomic = False


class BulkOrderState(ModelState):
    viewset = OrderViewSet


class UndoState(ModelState):
    viewset = BulkViewSet

    class Meta:
        undo_seconds = 0.3


NUMBERS = itertools.count()


def state_over(viewset: type[Any], **options: Any) -> Any:
    name = f"Bulk{next(NUMBERS)}State"
    body = {"viewset": viewset, "__module__": __name__, "Meta": type("Meta", (), options)}
    # By its name, because a manager like Redis pickles every state there is.
    globals()[name] = type(ModelState)(name, (ModelState,), body)
    return globals()[name]


@pytest.fixture
def owner() -> User:
    return get_user_model().objects.create_user("owner")


@pytest.fixture
def rows(owner: User) -> list[Product]:
    return [
        Product.objects.create(name=f"Product {n}", sku=str(n), price=n, stock=10, owner=owner)
        for n in range(6)
    ]


@pytest.fixture
def foreign() -> Product:
    other = get_user_model().objects.create_user("other")
    return Product.objects.create(name="Foreign", sku="foreign", price=9, stock=9, owner=other)


def keys(rows: list[Any]) -> list[int]:
    return [row.pk for row in rows]


async def stocks() -> list[int]:
    return [stock async for stock in Product.objects.order_by("id").values_list("stock", flat=True)]


class TestBulk:
    async def test_some_rows_are_deleted_in_one_hop(self, rows: Any, owner: User) -> None:
        async with Tab(user=owner) as tab:
            await tab.send(BulkState.load)
            with count_hops() as hops:
                await tab.send(BulkState.bulk("destroy", keys(rows[:3])))
            assert hops.count == 1
            assert tab.get(BulkState, "bulk_result") == {
                "action": "destroy", "done": 3, "refused": [],
            }  # fmt: skip
            assert [row["name"] for row in tab.get(BulkState, "data")] == [
                "Product 3", "Product 4", "Product 5",
            ]  # fmt: skip
            assert tab.get(BulkState, "total_count") == 3

    async def test_one_refused_row_keeps_all(
        self, rows: Any, foreign: Product, owner: User
    ) -> None:
        async with Tab(user=owner) as tab:
            await tab.send(BulkState.load)
            await tab.send(BulkState.bulk("destroy", [rows[0].pk, foreign.pk, rows[1].pk]))
            result = tab.get(BulkState, "bulk_result")
            assert result["done"] == 0
            assert result["refused"] == [
                {
                    "key": str(foreign.pk),
                    "name": str(foreign.pk),
                    "message": OwnerOrReadOnly.message,
                }
            ]
            assert "Nothing was changed" in tab.get(BulkState, "error")
            assert OwnerOrReadOnly.message in tab.get(BulkState, "error")
        assert await Product.objects.acount() == 7

    @pytest.mark.parametrize(("partly", "left"), [(False, ["A", "B", "C"]), (True, ["B"])])
    async def test_a_row_that_others_need_is_refused(
        self, partly: bool, left: list[str], owner: User
    ) -> None:
        state = BulkCategoryPartlyState if partly else BulkCategoryState
        kept = {name: await Category.objects.acreate(name=name) for name in "ABC"}
        await Product.objects.acreate(name="P", sku="p", price=1, category=kept["B"])
        async with Tab(user=owner) as tab:
            await tab.send(state.load)
            await tab.send(state.bulk("destroy", [row.pk for row in kept.values()]))
            (refused,) = tab.get(state, "bulk_result")["refused"]
        assert (refused["name"], refused["message"]) == ("B", NEEDED)
        assert [row.name async for row in Category.objects.order_by("name")] == left

    async def test_alone_it_is_refused_too(self, owner: User) -> None:
        kept = await Category.objects.acreate(name="B")
        await Product.objects.acreate(name="P", sku="p", price=1, category=kept)
        async with Tab(user=owner) as tab:
            await tab.send(BulkCategoryState.delete(kept.pk))
            assert tab.get(BulkCategoryState, "error") == NEEDED
            assert tab.get(BulkCategoryState, "refusal") == "conflict"

    async def test_a_state_may_want_what_can_be_done(
        self, rows: Any, foreign: Product, owner: User
    ) -> None:
        async with Tab(user=owner) as tab:
            await tab.send(BulkPartlyState.load)
            chosen = [rows[0].pk, foreign.pk, rows[3].pk, 10_000]
            await tab.send(BulkPartlyState.bulk("sell", chosen))
            result = tab.get(BulkPartlyState, "bulk_result")
            assert result["done"] == 1
            assert [(row["key"], row["name"]) for row in result["refused"]] == [
                (str(foreign.pk), str(foreign.pk)),
                (str(rows[3].pk), "Product 3"),
                ("10000", "10000"),
            ]
        # What the third had written before it was refused is gone too.
        assert await stocks() == [9, 10, 10, 10, 10, 10, 9]

    async def test_a_field_is_changed_through_the_serializer(self, rows: Any, owner: User) -> None:
        async with Tab(user=owner) as tab:
            await tab.send(BulkState.load)
            await tab.send(BulkState.bulk("partial_update", keys(rows[:2]), {"stock": "7"}))
            assert tab.get(BulkState, "bulk_result")["done"] == 2
            await tab.send(BulkState.bulk("partial_update", keys(rows[:2]), {"stock": "7000"}))
            assert "less than or equal to 1000" in tab.get(BulkState, "error")
        assert await stocks() == [7, 7, 10, 10, 10, 10]

    async def test_an_action_takes_its_input(self, rows: Any, owner: User) -> None:
        async with Tab(user=owner) as tab:
            await tab.send(BulkState.bulk("sell", keys(rows[:2]), {"amount": 4}))
            assert await stocks() == [6, 6, 10, 10, 10, 10]
            await tab.send(BulkState.bulk("sell", keys(rows[:4]), {"amount": 4}))
            assert "Product 3: " in tab.get(BulkState, "error")
            assert "Not that one." in tab.get(BulkState, "error")
        assert await stocks() == [6, 6, 10, 10, 10, 10]

    async def test_an_unexpected_error_undoes_all(self, rows: Any, owner: User) -> None:
        state = state_over(FailingViewSet)
        async with Tab(user=owner) as tab:
            (error,) = await tab.send(state.bulk("destroy", keys(rows)), raises=False)
            assert str(error) == "The disk is full."
            tab.clear()
        assert await Product.objects.acount() == 6

    async def test_each_row_counts_for_the_throttle(self, rows: Any, owner: User) -> None:
        state = state_over(ThrottledViewSet)
        async with Tab(user=owner) as tab:
            await tab.send(state.bulk("destroy", keys(rows)))
            assert "throttled" in tab.get(state, "error")
        assert await Product.objects.acount() == 6

    async def test_hooks_of_the_state_run_for_each(self, rows: Any, owner: User) -> None:
        seen: list[str] = []

        class BulkHookState(ModelState):
            viewset = BulkViewSet

            def before_delete(self, instance: Any) -> None:
                seen.append(instance.name)
                if instance.name == "Product 1":
                    raise serializers.ValidationError("Never that one.")

        async with Tab(user=owner) as tab:
            await tab.send(BulkHookState.bulk("destroy", keys(rows[:3])))
            assert "Never that one." in tab.get(BulkHookState, "error")
        assert seen == ["Product 0", "Product 1"]
        assert await Product.objects.acount() == 6


class TestMatching:
    @pytest.mark.parametrize("state", [BulkState, BulkSteppingState])
    async def test_all_that_matches_is_found_by_the_viewset(
        self, state: Any, rows: Any, owner: User
    ) -> None:
        await Product.objects.filter(pk__in=keys(rows[1:])).aupdate(size="s")
        async with Tab(user=owner) as tab:
            await tab.send(state.filter({"size": "s"}))
            assert len(tab.get(state, "data")) == 4
            await tab.send(state.bulk_matching("destroy"))
            assert tab.get(state, "bulk_result")["done"] == 5
            assert tab.get(state, "data") == []
        assert await Product.objects.acount() == 1

    async def test_what_the_viewset_hides_is_not_found(self, owner: User) -> None:
        other = await get_user_model().objects.acreate(username="other")
        for user in (owner, other):
            await Task.objects.acreate(title="A task", owner=user)
        async with Tab(user=owner) as tab:
            await tab.send(BulkTaskState.load)
            await tab.send(BulkTaskState.bulk_matching("destroy"))
            assert tab.get(BulkTaskState, "bulk_result")["done"] == 1
        assert [task.owner_id async for task in Task.objects.all()] == [other.pk]

    async def test_too_many_are_left_alone(self, rows: Any, owner: User) -> None:
        state = state_over(BulkViewSet, bulk_limit=5)
        async with Tab(user=owner) as tab:
            await tab.send(state.load)
            with count_queries() as queries:
                await tab.send(state.bulk_matching("destroy"))
            assert "No more than 5 rows" in tab.get(state, "error")
            # Session, user, count, one page with its tags: the rest was not even read.
            assert len(queries) == 5, queries
        assert await Product.objects.acount() == 6

    async def test_it_is_one_question_to_the_throttle(self, rows: Any, owner: User) -> None:
        class ReadingViewSet(ThrottledViewSet):
            pagination_class = type("Two", (Pages,), {"page_size": 2, "max_page_size": 2})

        state = state_over(ReadingViewSet, bulk_limit=6)
        async with Tab(user=owner) as tab:
            # Three pages are one question; then the first three rows, and no budget is left.
            await tab.send(state.bulk_matching("destroy"))
            assert tab.get(state, "bulk_result")["refused"][0]["key"] == str(rows[3].pk)
        assert await Product.objects.acount() == 6

    async def test_an_empty_list_says_so(self, owner: User) -> None:
        async with Tab(user=owner) as tab:
            await tab.send(BulkState.bulk_matching("destroy"))
            assert tab.get(BulkState, "error") == "There are no rows to work on."

    async def test_a_refused_list_refuses(self) -> None:
        async with Tab() as tab:
            await tab.send(BulkTaskState.bulk_matching("destroy"))
            assert "credentials were not provided" in tab.get(BulkTaskState, "error")


HOSTILE_KEYS: list[Any] = [
    None, "", [], {}, 7, "12", [None], [True], [[1]], [{"pk": 1}], [""], list(range(501)),
]  # fmt: skip
HOSTILE_ACTIONS: list[Any] = [
    None, "", "list", "create", "retrieve", "summary", "label", "get_queryset", "delete",
    "__class__", ["destroy"], {"a": 1}, 3,
]  # fmt: skip
HOSTILE_DATA: list[Any] = [
    [], "stock=1", 4, {}, {"owner": 1}, {"id": 5}, {"created_at": "2020-01-01"}, {"photo": "x"},
    {"price": {"a": 1}}, {"__class__": 1}, {"nothing": 1},
]  # fmt: skip


class TestHostileInput:
    @pytest.mark.parametrize("chosen", HOSTILE_KEYS, ids=repr)
    async def test_keys(self, chosen: Any, rows: Any, owner: User) -> None:
        name = f"{BulkState.get_full_name()}.bulk"
        async with Tab(user=owner) as tab:
            await tab.send_name(name, {"action": "destroy", "keys": chosen})
            assert tab.errors == []
        assert await Product.objects.acount() == 6

    @pytest.mark.parametrize("wanted", HOSTILE_ACTIONS, ids=repr)
    async def test_actions(self, wanted: Any, rows: Any, owner: User) -> None:
        async with Tab(user=owner) as tab:
            for name, more in (("bulk", {"keys": keys(rows)}), ("bulk_matching", {})):
                await tab.send_name(
                    f"{BulkState.get_full_name()}.{name}", {"action": wanted, **more}
                )
                assert tab.errors == []
                assert tab.get(BulkState, "bulk_result") == {}
        assert await Product.objects.acount() == 6

    @pytest.mark.parametrize("data", HOSTILE_DATA, ids=repr)
    async def test_data(self, data: Any, rows: Any, owner: User) -> None:
        before = [row async for row in Product.objects.order_by("id").values()]
        name = f"{BulkState.get_full_name()}.bulk"
        async with Tab(user=owner) as tab:
            await tab.send_name(
                name, {"action": "partial_update", "keys": keys(rows), "data": data}
            )
            assert tab.errors == []
            assert tab.get(BulkState, "error") != ""
        assert [row async for row in Product.objects.order_by("id").values()] == before

    async def test_foreign_rows(self, foreign: Product, owner: User) -> None:
        async with Tab(user=owner) as tab:
            for wanted in ("destroy", "sell", "partial_update"):
                await tab.send(BulkState.bulk(wanted, [foreign.pk], {"name": "Mine"}))
                assert tab.get(BulkState, "bulk_result")["done"] == 0
            await tab.send(BulkState.edit_cell(foreign.pk, "name", "Mine"))
            await tab.send(BulkState.preview_delete(foreign.pk))
            assert tab.get(BulkState, "delete_preview") == {}
            await tab.send(UndoState.delete_later(foreign.pk))
            assert tab.get(UndoState, "pending_deletes") == {}
        found = await Product.objects.aget(pk=foreign.pk)
        assert (found.name, found.stock) == ("Foreign", 9)

    @pytest.mark.parametrize("field", ["owner", "id", "created_at", "photo", "__class__", "", None])
    async def test_fields_of_a_cell(self, field: Any, rows: Any, owner: User) -> None:
        name = f"{BulkState.get_full_name()}.edit_cell"
        before = await Product.objects.filter(pk=rows[0].pk).values().afirst()
        async with Tab(user=owner) as tab:
            await tab.send_name(name, {"pk": rows[0].pk, "field": field, "value": "1"})
            assert tab.errors == []
        assert await Product.objects.filter(pk=rows[0].pk).values().afirst() == before

    async def test_vars_cannot_be_set(self, rows: Any, owner: User) -> None:
        name = f"{BulkState.get_full_name()}.setvar"
        async with Tab(user=owner) as tab:
            for var in ("may", "row_may", "bulk_result", "cell_error", "delete_preview"):
                await tab.send_name(name, {"var_name": var, "value": {"destroy": True}})
                assert tab.get(BulkState, var) in (
                    {},
                    dict.fromkeys(tab.get(BulkState, var), False),
                )


def test_over_http_nothing_is_done_in_bulk() -> None:
    from reflex_drf.backends.http import HttpBackend

    state = state_over(TaskViewSet, backend_class=HttpBackend(base_url="http://localhost:9"))
    with pytest.raises(AttributeError, match="has no handler 'bulk'"):
        _ = state.bulk
    with pytest.raises(AttributeError, match="has no handler 'preview_delete'"):
        _ = state.preview_delete


@pytest.mark.parametrize(
    "options", [{"bulk_limit": 0}, {"bulk_limit": "9"}, {"undo_seconds": -1}, {"undo_seconds": 61}]
)
def test_wrong_options_are_errors_at_once(options: Any) -> None:
    with pytest.raises(ConfigurationError):
        state_over(BulkViewSet, **options)


class TestCells:
    async def test_one_field_is_saved(self, rows: Any, owner: User) -> None:
        async with Tab(user=owner) as tab:
            await tab.send(BulkState.load)
            await tab.send(BulkState.edit_cell(rows[1].pk, "stock", "12"))
            assert tab.get(BulkState, "cell_error") == {}
            assert tab.get(BulkState, "data")[1]["stock"] == 12
            await tab.send(BulkState.edit_cell(rows[1].pk, "active", False))
            assert tab.get(BulkState, "data")[1]["active"] is False
            assert tab.get(BulkState, "editing_id") is None
        assert await stocks() == [10, 12, 10, 10, 10, 10]

    async def test_what_is_wrong_is_said_at_the_cell(self, rows: Any, owner: User) -> None:
        async with Tab(user=owner) as tab:
            await tab.send(BulkState.load)
            await tab.send(BulkState.edit_cell(rows[1].pk, "stock", "many"))
            assert tab.get(BulkState, "cell_error") == {
                "key": str(rows[1].pk),
                "field": "stock",
                "value": "many",
                "message": "A valid integer is required.",
            }
            assert tab.get(BulkState, "error") == ""
            await tab.send(BulkState.cancel_cell)
            assert tab.get(BulkState, "cell_error") == {}
            await tab.send(BulkState.edit_cell(rows[1].pk, "name", {"a": 1}))
            assert tab.get(BulkState, "cell_error")["message"] == "Not a valid value."
            await tab.send(BulkState.edit_cell(rows[1].pk, "name", "Fine"))
            assert tab.get(BulkState, "cell_error") == {}
        assert await stocks() == [10, 10, 10, 10, 10, 10]

    async def test_another_refusal_is_said_above(self, foreign: Product, owner: User) -> None:
        async with Tab(user=owner) as tab:
            await tab.send(BulkState.edit_cell(foreign.pk, "stock", "12"))
            assert tab.get(BulkState, "cell_error") == {}
            assert tab.get(BulkState, "error") == OwnerOrReadOnly.message
            await tab.send(BulkState.edit_cell(99_999, "stock", "12"))
            assert "No Product matches" in tab.get(BulkState, "error")


def make_tables(*kinds: Any) -> None:
    with connection.schema_editor() as editor:
        for kind in kinds:
            editor.create_model(kind)


def drop_tables(*kinds: Any) -> None:
    with connection.schema_editor() as editor:
        for kind in kinds:
            editor.delete_model(kind)


class TestPreview:
    async def test_it_counts_what_goes_along(self) -> None:
        order = await Order.objects.acreate(customer="Ann")
        product = await Product.objects.acreate(name="Chair", sku="c", price=1)
        await product.tags.aadd(await Tag.objects.acreate(name="new"))
        for number in range(3):
            await OrderLine.objects.acreate(order=order, product=product, quantity=number + 1)
        admin = await get_user_model().objects.acreate(username="root", is_superuser=True)
        async with Tab(user=admin) as tab:
            await tab.send(BulkOrderState.preview_delete(order.pk))
            assert tab.get(BulkOrderState, "delete_preview") == {
                "key": str(order.pk),
                "counts": [{"count": 3, "name": "order lines"}],
                "protected": [],
            }
        assert await OrderLine.objects.acount() == 3

    @pytest.mark.skipif(not hasattr(models, "DB_CASCADE"), reason="DB_CASCADE is of Django 6.1")
    @isolate_apps("tests.shop")
    async def test_it_counts_what_the_database_deletes_by_itself(self) -> None:
        by_itself: Any = models.DB_CASCADE  # type: ignore[attr-defined]

        class Shelf(models.Model):  # noqa: DJ008 - nobody shows it
            class Meta:
                app_label = "shop"

        class Board(models.Model):  # noqa: DJ008 - nobody shows it
            shelf = models.ForeignKey(Shelf, by_itself)

            class Meta:
                app_label = "shop"

        class ShelfState(ModelState):
            model = Shelf
            fields = ["id"]
            permission_classes = [permissions.AllowAny]

        await sync_to_async(make_tables)(Shelf, Board)
        try:
            shelf = await Shelf.objects.acreate()
            for _ in range(2):
                await Board.objects.acreate(shelf=shelf)
            async with Tab() as tab:
                await tab.send(ShelfState.preview_delete(shelf.pk))
                preview = tab.get(ShelfState, "delete_preview")
            assert preview["counts"] == [{"count": 2, "name": "boards"}]
        finally:
            await sync_to_async(drop_tables)(Board, Shelf)

    async def test_it_says_what_keeps_a_row(self) -> None:
        category = await Category.objects.acreate(name="Wood")
        await Product.objects.acreate(name="Chair", sku="c", price=1, category=category)
        async with Tab() as tab:
            await tab.send(BulkCategoryState.preview_delete(category.pk))
            assert tab.get(BulkCategoryState, "delete_preview") == {
                "key": str(category.pk),
                "counts": [],
                "protected": [{"count": 1, "name": "product"}],
            }

    async def test_where_the_viewset_deletes_in_a_way_of_its_own_nothing_is_said(
        self, rows: Any, owner: User
    ) -> None:
        state = state_over(SoftViewSet)
        await OrderLine.objects.acreate(
            order=await Order.objects.acreate(customer="Ann"), product=rows[0]
        )
        async with Tab(user=owner) as tab:
            await tab.send(state.preview_delete(rows[0].pk))
            assert tab.get(state, "delete_preview") == {
                "key": str(rows[0].pk), "counts": [], "protected": [],
            }  # fmt: skip

    async def test_it_looks_where_the_viewset_would_delete(self, rows: Any, owner: User) -> None:
        class ByActionViewSet(BulkViewSet):
            def get_queryset(self) -> Any:
                queryset = super().get_queryset()
                return queryset.none() if self.action == "destroy" else queryset

        state = state_over(ByActionViewSet)
        async with Tab(user=owner) as tab:
            await tab.send(state.preview_delete(rows[0].pk))
            assert tab.get(state, "delete_preview") == {}
            assert "No Product matches" in tab.get(state, "error")

    async def test_rows_that_the_state_hides_are_not_looked_at(
        self, rows: Any, owner: User
    ) -> None:
        class HidingState(ModelState):
            viewset = BulkViewSet

            def get_queryset(self) -> Any:
                return super().get_queryset().exclude(name="Product 0")

        async with Tab(user=owner) as tab:
            await tab.send(HidingState.preview_delete(rows[0].pk))
            assert tab.get(HidingState, "delete_preview") == {}
            await tab.send(HidingState.preview_delete(rows[1].pk))
            assert tab.get(HidingState, "delete_preview") != {}


async def until(condition: Any) -> None:
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.02)


def is_gone(pk: int) -> Any:
    async def gone() -> bool:
        return not await Product.objects.filter(pk=pk).aexists()

    return gone


class TestUndo:
    async def test_a_row_waits_and_is_deleted(self, rows: Any, owner: User) -> None:
        async with Tab(user=owner) as tab:
            await tab.send(UndoState.load)
            await tab.send(UndoState.delete_later(rows[0].pk))
            assert await Product.objects.acount() in (5, 6)
            await until(is_gone(rows[0].pk))

            async def settled() -> bool:
                return tab.get(UndoState, "pending_deletes") == {}

            await until(settled)
            names = [row["name"] for row in tab.get(UndoState, "data")]
            assert "Product 0" not in names

    async def test_it_can_be_taken_back(self, rows: Any, owner: User) -> None:
        state = state_over(BulkViewSet, undo_seconds=0.5)
        async with Tab(user=owner) as tab:
            await tab.send(state.load)
            started = await tab.start(state.delete_later(rows[0].pk))

            async def pending() -> bool:
                return tab.get(state, "pending_deletes") == {str(rows[0].pk): "Product 0"}

            await until(pending)
            await tab.send(state.undo_delete(rows[0].pk))
            assert tab.get(state, "pending_deletes") == {}
            await started.join()
        assert await Product.objects.acount() == 6

    async def test_who_asks_again_has_the_whole_while_again(self, rows: Any, owner: User) -> None:
        state = state_over(BulkViewSet, undo_seconds=60)
        key = str(rows[0].pk)
        timers: list[asyncio.Future[None]] = []

        async def sleep(seconds: float) -> None:
            timers.append(asyncio.get_running_loop().create_future())
            await timers[-1]

        async def waiting(count: int) -> None:
            async def begun() -> bool:
                return len(timers) >= count

            await until(begun)

        with patch("reflex_drf.state.deleting.asyncio", SimpleNamespace(sleep=sleep)):
            async with Tab(user=owner) as tab:
                await tab.send(state.load)
                first = await tab.start(state.delete_later(key))
                await waiting(1)
                await tab.send(state.undo_delete(key))
                second = await tab.start(state.delete_later(key))
                await waiting(2)
                timers[0].set_result(None)
                await first.join()
                assert tab.get(state, "pending_deletes") == {key: "Product 0"}
                assert await Product.objects.acount() == 6
                timers[1].set_result(None)
                await second.join()
                assert tab.get(state, "pending_deletes") == {}
        assert await Product.objects.acount() == 5

    async def test_it_is_done_also_when_the_tab_is_closed(self, rows: Any, owner: User) -> None:
        state = state_over(BulkViewSet, undo_seconds=0.5)
        async with Tab(user=owner) as tab:
            await tab.send(state.load)
            started = await tab.start(state.delete_later(rows[0].pk))

            async def pending() -> bool:
                return bool(tab.get(state, "pending_deletes"))

            await until(pending)
            tab.disconnect()
            await started.join()
            await until(is_gone(rows[0].pk))

    async def test_the_page_of_a_row_knows_its_name(self, rows: Any, owner: User) -> None:
        state = state_over(BulkViewSet, undo_seconds=0.5)
        async with Tab(user=owner) as tab:
            await tab.send(state.open_row(rows[2].pk))
            started = await tab.start(state.delete_later(rows[2].pk))

            async def pending() -> bool:
                return tab.get(state, "pending_deletes") == {str(rows[2].pk): "Product 2"}

            await until(pending)
            await tab.send(state.undo_delete(rows[2].pk))
            await started.join()

    async def test_who_may_not_delete_is_told_at_once(self, foreign: Any, owner: User) -> None:
        async with Tab(user=owner) as tab:
            await tab.send(UndoState.delete_later(foreign.pk))
            assert tab.get(UndoState, "error") == OwnerOrReadOnly.message
            assert tab.get(UndoState, "pending_deletes") == {}

    async def test_the_right_is_asked_again_when_it_is_done(self, rows: Any, owner: User) -> None:
        async with Tab(user=owner) as tab:
            await tab.send(UndoState.load)
            await tab.start(UndoState.delete_later(rows[0].pk))

            async def pending() -> bool:
                return bool(tab.get(UndoState, "pending_deletes"))

            await until(pending)
            await Product.objects.filter(pk=rows[0].pk).aupdate(owner=None)

            async def refused() -> bool:
                return tab.get(UndoState, "error") == OwnerOrReadOnly.message

            await until(refused)
        assert await Product.objects.filter(pk=rows[0].pk).aexists()

    async def test_nobody_can_make_it_due(self, rows: Any, owner: User) -> None:
        async with Tab(user=owner) as tab:
            await tab.send(UndoState.delete_when_due(rows[0].pk))
            await tab.send(UndoState.settle_delete(rows[0].pk))
            await tab.send(UndoState.undo_delete(rows[0].pk))
            assert tab.get(UndoState, "pending_deletes") == {}
            assert tab.errors == []
        assert await Product.objects.acount() == 6

    def test_it_is_only_there_where_it_is_wanted(self) -> None:
        with pytest.raises(AttributeError, match="has no handler 'delete_later'"):
            _ = BulkState.delete_later


VALUES: list[tuple[str, Any]] = [
    ("name", "Fine"), ("name", "  spaced  "), ("name", ""), ("name", "   "), ("name", "x" * 81),
    ("name", "a\x00b"), ("name", "<b>x</b>"), ("name", "\u202eevil"), ("sku", "1"), ("sku", "0"),
    ("sku", "new"), ("sku", ""), ("sku", "x" * 21), ("size", "s"), ("size", "x"), ("size", ""),
    ("price", "1.50"), ("price", "1.555"), ("price", "-3"), ("price", "NaN"), ("price", "Infinity"),
    ("price", "1e3"), ("price", "1000000"), ("price", "x"), ("price", ""), ("stock", "7"),
    ("stock", "-1"), ("stock", "1001"), ("stock", "9" * 40), ("stock", "1.5"), ("stock", "x"),
    ("active", "true"), ("active", "false"), ("active", "maybe"), ("released", "2026-02-30"),
    ("released", "2026-02-28"), ("released", "yesterday"), ("category", "99999"), ("category", "x"),
]  # fmt: skip


class TestParity:
    """What is sent for a cell or for many rows is judged as the same PATCH over HTTP."""

    def over_http(self, user: Any, method: str, pk: Any, data: Any = None) -> Any:
        actions = {"patch": "partial_update", "delete": "destroy"}
        request = getattr(APIRequestFactory(), method)("/", data, format="json")
        force_authenticate(request, user)
        answer = BulkViewSet.as_view({method: actions[method]})(request, pk=str(pk))
        answer.render()
        return answer

    @pytest.mark.parametrize(("field", "value"), VALUES, ids=repr)
    async def test_a_cell(self, field: str, value: Any, rows: Any, owner: User) -> None:
        pk = rows[0].pk
        before = await Product.objects.filter(pk=pk).values().afirst()
        async with Tab(user=owner) as tab:
            await tab.send(BulkState.edit_cell(pk, field, value))
            assert tab.errors == []
            wrong = tab.get(BulkState, "cell_error")
            assert tab.get(BulkState, "error") == ""
        saved = await Product.objects.filter(pk=pk).values().afirst()
        await Product.objects.filter(pk=pk).aupdate(**(before or {}))
        answer = await sync_to_async(self.over_http)(owner, "patch", pk, {field: value})
        assert answer.status_code == (400 if wrong else 200)
        assert saved == await Product.objects.filter(pk=pk).values().afirst()
        if wrong:
            assert saved == before
            assert wrong["message"]
            assert (wrong["key"], wrong["field"]) == (str(pk), field)

    @pytest.mark.parametrize(("field", "value"), VALUES, ids=repr)
    async def test_many_rows(self, field: str, value: Any, rows: Any, owner: User) -> None:
        """All are changed where each of them would be, and none where one would not."""
        before = [row async for row in Product.objects.order_by("pk").values()]
        async with Tab(user=owner) as tab:
            await tab.send(BulkState.bulk("partial_update", keys(rows), {field: value}))
            assert tab.errors == []
            failed = tab.get(BulkState, "error")
        saved = [row async for row in Product.objects.order_by("pk").values()]
        for row in before:
            await Product.objects.filter(pk=row["id"]).aupdate(**row)
        patch_row = sync_to_async(self.over_http)
        answers = [
            (await patch_row(owner, "patch", r.pk, {field: value})).status_code for r in rows
        ]
        if failed:
            assert 400 in answers
            assert saved == before
        else:
            assert set(answers) == {200}
            assert saved == [row async for row in Product.objects.order_by("pk").values()]

    @pytest.mark.parametrize("who", ["owner", "other", "staff", "visitor"])
    async def test_a_preview_is_for_whoever_could_delete(
        self, who: str, rows: Any, owner: User
    ) -> None:
        make = sync_to_async(get_user_model().objects.create_user)
        user = owner if who == "owner" else None
        if who in ("other", "staff"):
            user = await make(who, is_staff=who == "staff")
        pk = rows[0].pk
        async with Tab(user=user) as tab:
            await tab.send(BulkState.preview_delete(pk))
            shown = tab.get(BulkState, "delete_preview")
            said = tab.get(BulkState, "error")
        answer = await sync_to_async(self.over_http)(user, "delete", pk)
        assert bool(shown) is (answer.status_code == 204)
        assert said == ("" if answer.status_code == 204 else str(answer.data["detail"]))

    @pytest.mark.parametrize(
        "pk", ["0", "-1", "99999", "x", "9" * 60, "1 or 1=1", "a/b", "..", "%"]
    )
    async def test_a_key_of_no_row(self, pk: str, rows: Any, owner: User) -> None:
        """Nothing is changed, nothing is shown, and it is an answer rather than an error."""
        before = [row async for row in Product.objects.order_by("pk").values()]
        async with Tab(user=owner) as tab:
            for event in (
                BulkState.edit_cell(pk, "name", "Mine"),
                BulkState.preview_delete(pk),
                BulkState.bulk("destroy", [pk]),
                BulkState.bulk("destroy", [*keys(rows), pk]),
                BulkState.bulk("sell", [pk], {"amount": 1}),
                UndoState.delete_later(pk),
            ):
                await tab.send(event)
                state = UndoState if "undo" in str(event.handler.state_full_name) else BulkState
                assert tab.get(state, "error")
            assert tab.errors == []
            assert tab.get(BulkState, "delete_preview") == {}
            assert tab.get(UndoState, "pending_deletes") == {}
        assert [row async for row in Product.objects.order_by("pk").values()] == before


NO_VALUES: list[Any] = [
    ["a"], {"a": {"b": 1}}, None, True, 1, 1.5, 10**400, [[]], "\ud800", [None], "x" * 100_000,
]  # fmt: skip
FIELDS = ["name", "stock", "price", "active", "released", "attrs", "category", "tags", "size"]


class TestHostileValues:
    @pytest.mark.parametrize("field", FIELDS)
    async def test_a_value_of_any_kind_is_taken_or_refused(
        self, field: str, rows: Any, owner: User
    ) -> None:
        """It never is an error of the server, and what is refused has changed nothing."""
        name, pk = BulkState.get_full_name(), rows[0].pk
        columns = [f.attname for f in Product._meta.concrete_fields if f.name != field]
        others = await Product.objects.values(*columns).aget(pk=pk)
        async with Tab(user=owner) as tab:
            for value in NO_VALUES:
                before = await Product.objects.values().aget(pk=pk)
                cell = {"pk": pk, "field": field, "value": value}
                await tab.send_name(f"{name}.edit_cell", cell)
                if tab.get(BulkState, "cell_error"):
                    assert len(tab.get(BulkState, "cell_error")["value"]) <= 1000
                    assert await Product.objects.values().aget(pk=pk) == before
                before = await Product.objects.values().aget(pk=pk)
                many = {"action": "partial_update", "keys": [pk], "data": {field: value}}
                await tab.send_name(f"{name}.bulk", many)
                if tab.get(BulkState, "error"):
                    assert await Product.objects.values().aget(pk=pk) == before
            assert tab.errors == []
        assert await Product.objects.values(*columns).aget(pk=pk) == others

    async def test_a_deletion_of_the_tabs_former_user_is_not_done_for_the_next(
        self, rows: Any, owner: User
    ) -> None:
        """Not even where the next one may delete the row himself."""
        state = state_over(ProductViewSet, undo_seconds=0.3)
        make = sync_to_async(get_user_model().objects.create_superuser)
        first, second = await make("first"), await make("second")
        async with Tab(user=first) as tab:
            await tab.send(state.load)
            started = await tab.start(state.delete_later(rows[0].pk))

            async def pending() -> bool:
                return bool(tab.get(state, "pending_deletes"))

            await until(pending)
            await tab.log_in(second)
            await tab.reconnect()
            assert tab.get(state, "pending_deletes") == {}
            await started.join()
        assert await Product.objects.acount() == 6
