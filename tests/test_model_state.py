"""States over a viewset, driven as a browser tab drives them."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission

from reflex_drf.state.model import ModelState
from reflex_drf.testing import Tab
from tests.shop.models import Product, Task
from tests.shop.views import ProductViewSet, TaskViewSet

pytestmark = pytest.mark.django_db(transaction=True)


class ProductState(ModelState):
    viewset = ProductViewSet


class TaskState(ModelState):
    viewset = TaskViewSet


def make_user(name: str = "alice", *permissions: str) -> Any:
    user = get_user_model().objects.create_user(name, password="secret")
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


@sync_to_async
def a_user(name: str = "alice", *permissions: str) -> Any:
    return make_user(name, *permissions)


async def products(count: int) -> list[Product]:
    return [
        await Product.objects.acreate(name=f"P{n}", sku=f"s{n}", price="1.10", stock=n)
        for n in range(count)
    ]


async def test_loads_the_list_of_the_viewset() -> None:
    await products(2)
    async with Tab() as tab:
        await tab.send(ProductState.load)
        assert [row["name"] for row in tab.get(ProductState, "data")] == ["P0", "P1"]
        assert tab.get(ProductState, "total_count") == 2
        assert tab.get(ProductState, "data")[0]["price"] == "1.10"


async def test_creates_edits_and_deletes_a_row() -> None:
    user = await a_user()
    async with Tab(user=user) as tab:
        await tab.send(TaskState.set_title("First"))
        await tab.send(TaskState.save)
        assert tab.get(TaskState, "error") == ""
        assert [row["title"] for row in tab.get(TaskState, "data")] == ["First"]
        assert tab.get(TaskState, "title") == ""
        key = tab.get(TaskState, "data")[0]["id"]
        await tab.send(TaskState.start_edit(key))
        assert tab.get(TaskState, "editing_id") == key
        await tab.send(TaskState.set_title("Second"))
        await tab.send(TaskState.save)
        assert [row["title"] for row in tab.get(TaskState, "data")] == ["Second"]
        assert tab.get(TaskState, "editing_id") is None
        await tab.send(TaskState.delete(key))
        assert tab.get(TaskState, "data") == []
    assert not await Task.objects.aexists()
