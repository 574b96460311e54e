"""The same state in process and over HTTP: one line differs, and nothing that a viewer sees."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from django.contrib.auth.models import Permission, User
from django.core.asgi import get_asgi_application
from django.test import override_settings
from rest_framework import viewsets
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from reflex_drf.backends.http import HttpBackend
from reflex_drf.state import ModelState
from reflex_drf.testing import Tab
from tests.shop.models import Category, Product, Task
from tests.shop.serializers import CategorySerializer
from tests.shop.views import CategoryViewSet, ProductViewSet, TaskViewSet

pytestmark = pytest.mark.django_db(transaction=True)


class RemoteApi(HttpBackend):
    """The test project itself, behind HTTP."""

    def __init__(self) -> None:
        transport = httpx.ASGITransport(app=get_asgi_application())
        super().__init__("http://testserver", transport=transport)


class NearTaskState(ModelState):
    viewset = TaskViewSet


class RemoteTaskState(ModelState):
    viewset = TaskViewSet
    backend_class = RemoteApi


class NearProductState(ModelState):
    viewset = ProductViewSet


class RemoteProductState(ModelState):
    viewset = ProductViewSet
    backend_class = RemoteApi


class ByHandViewSet(viewsets.ViewSet):
    """Makes its pages without the help of DRF's generic views."""

    permission_classes = [AllowAny]
    pagination_class = LimitOffsetPagination

    def list(self, request: Request) -> Response:
        paginator = self.pagination_class()
        rows = paginator.paginate_queryset(Category.objects.order_by("id"), request, view=self)
        return paginator.get_paginated_response(CategorySerializer(rows, many=True).data)


class WrappedViewSet(CategoryViewSet):
    pagination_class = None
    permission_classes = [AllowAny]

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response({"ok": True, "data": super().list(request, *args, **kwargs).data})


class NearByHandState(ModelState):
    viewset = ByHandViewSet


class RemoteByHandState(ModelState):
    viewset = ByHandViewSet
    backend_class = RemoteApi


class NearWrappedState(ModelState):
    viewset = WrappedViewSet


class RemoteWrappedState(ModelState):
    viewset = WrappedViewSet
    backend_class = RemoteApi


router = SimpleRouter()
router.register("by-hand", ByHandViewSet, basename="by-hand")
router.register("wrapped", WrappedViewSet, basename="wrapped")
urlpatterns = router.urls

TASK_STATES = pytest.mark.parametrize("state", [NearTaskState, RemoteTaskState])
PRODUCT_STATES = pytest.mark.parametrize("state", [NearProductState, RemoteProductState])


async def make_user(name: str, *permissions: str) -> User:
    user = await User.objects.acreate_user(name, password="secret")
    granted = Permission.objects.filter(content_type__app_label="shop", codename__in=permissions)
    await user.user_permissions.aset([permission async for permission in granted])
    return user


async def make_products(count: int) -> None:
    await Product.objects.abulk_create(
        Product(name=f"P{n:02}", sku=f"S{n}", price="1.10") for n in range(count)
    )


def values(tab: Tab, state: Any, *names: str) -> list[Any]:
    return [tab.get(state, name) for name in names]


@TASK_STATES
async def test_a_user_creates_changes_and_deletes(state: Any) -> None:
    alice = await make_user("alice")
    async with Tab(user=alice) as tab:
        await tab.send(state.set_title("Water the plants"))
        await tab.send(state.save)
        (row,) = tab.get(state, "data")
        assert row["title"] == "Water the plants"
        assert await Task.objects.aget() == await Task.objects.aget(owner=alice, pk=row["id"])
        await tab.send(state.start_edit(row["id"]))
        await tab.send(state.set_done(True))
        await tab.send(state.save)
        assert tab.get(state, "data")[0]["done"] is True
        await tab.send(state.delete(row["id"]))
        assert values(tab, state, "data", "error") == [[], ""]
    assert not await Task.objects.aexists()


@TASK_STATES
async def test_errors_of_fields_arrive_and_nothing_is_saved(state: Any) -> None:
    async with Tab(user=await make_user("alice")) as tab:
        await tab.send(state.set_title("x" * 201))
        await tab.send(state.save)
        assert tab.get(state, "title") == "x" * 201
    assert not await Task.objects.aexists()


@TASK_STATES
async def test_a_visitor_is_told_to_sign_in(state: Any) -> None:
    async with Tab() as tab:
        await tab.send(state.load)
        assert tab.get(state, "data") == []
        assert tab.get(state, "error") == "Authentication credentials were not provided."


@TASK_STATES
async def test_rows_of_another_do_not_exist(state: Any) -> None:
    task = await Task.objects.acreate(owner=await make_user("alice"), title="Private")
    async with Tab(user=await make_user("bob")) as tab:
        for event in (state.load, state.start_edit(task.pk), state.delete(task.pk)):
            await tab.send(event)
        assert "Private" not in str(tab.deltas)
    assert await Task.objects.filter(title="Private").aexists()


@PRODUCT_STATES
async def test_pages_search_and_order_are_the_same(state: Any) -> None:
    await make_products(25)
    async with Tab() as tab:
        await tab.send(state.load)
        await tab.send(state.go_to_page(3))
        assert values(tab, state, "page", "page_count", "total_count", "has_next") == [
            3,
            3,
            25,
            False,
        ]
        assert [row["name"] for row in tab.get(state, "data")] == [f"P{n}" for n in range(20, 25)]
        await tab.send(state.set_ordering("-name"))
        assert [row["name"] for row in tab.get(state, "data")][:2] == ["P24", "P23"]
        await tab.send(state.set_search("P07"))
        assert [row["price"] for row in tab.get(state, "data")] == ["1.10"]


@PRODUCT_STATES
async def test_an_action_keeps_its_own_permission(state: Any) -> None:
    await make_products(1)
    product = await Product.objects.aget()
    async with Tab(user=await make_user("alice", "change_product")) as tab:
        await tab.send(state.discontinue(product.pk))
        assert tab.get(state, "error") == "You do not have permission to perform this action."
        await tab.send(state.restock(product.pk, {"amount": 5}))
        assert tab.get(state, "data")[0]["stock"] == 5
    await product.arefresh_from_db()
    assert (product.active, product.stock) == (True, 5)


@PRODUCT_STATES
async def test_rows_of_a_relation_are_searched_and_named(state: Any) -> None:
    names = ("Wood", "Cloth", "Woollen cloth")
    _, cloth, wool = [await Category.objects.acreate(name=name) for name in names]
    product = await Product.objects.acreate(name="Chair", sku="1", price=1, category=wool)
    alice = await make_user("alice", "change_product")
    async with Tab(user=alice) as tab:
        await tab.send(state.search_relation("category", "cloth"))
        found = tab.get(state, "relation_choices")["category"]
        assert [choice["value"] for choice in found["choices"]] == [str(cloth.pk), str(wool.pk)]
        await tab.send(state.start_edit(product.pk))
        await tab.send(state.name_relations())
        assert tab.get(state, "relation_labels")["category"][str(wool.pk)] == "Woollen cloth"
        await tab.send(state.set_category("12345"))
        await tab.send(state.name_relations())
        assert "12345" not in tab.get(state, "relation_labels")["category"]
        assert tab.errors == []


@override_settings(ROOT_URLCONF=__name__)
@pytest.mark.parametrize("state", [NearByHandState, RemoteByHandState])
async def test_pages_that_a_view_makes_by_hand_are_pages(state: Any) -> None:
    await Category.objects.abulk_create(Category(name=f"C{n:02}") for n in range(12))
    async with Tab() as tab:
        await tab.send(state.load)
        assert values(tab, state, "page", "page_count", "total_count") == [1, 2, 12]
        assert len(tab.get(state, "data")) == 10
        await tab.send(state.next_page)
        assert [row["name"] for row in tab.get(state, "data")] == ["C10", "C11"]


@override_settings(ROOT_URLCONF=__name__)
@pytest.mark.parametrize("state", [NearWrappedState, RemoteWrappedState])
async def test_rows_are_found_in_an_envelope_without_pages(state: Any) -> None:
    await Category.objects.acreate(name="Toys")
    async with Tab() as tab:
        await tab.send(state.load)
        assert [row["name"] for row in tab.get(state, "data")] == ["Toys"]
