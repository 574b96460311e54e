"""What a browser is sent: the page that is shown, and of that what has changed."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from typing import Any, ClassVar

import pytest
import reflex as rx
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model

from reflex_drf.live import LiveListMixin
from reflex_drf.state import ModelState
from reflex_drf.state.quiet import held, same_json, stays
from reflex_drf.testing import Tab
from tests.shop.models import Product, Task
from tests.shop.views import ProductViewSet, TaskViewSet

pytestmark = pytest.mark.django_db(transaction=True)


class QuietProductState(LiveListMixin, ModelState):
    viewset = ProductViewSet

    @rx.event
    async def keep_and_change(self) -> None:
        rows = [{"id": 1, "name": "old"}]
        self.data = rows
        rows[0]["name"] = "new"
        self.data = rows


class QuietTaskState(ModelState):
    viewset = TaskViewSet


@sync_to_async
def some_products(count: int) -> None:
    Product.objects.bulk_create(
        Product(name=f"P{n:02}", sku=f"q{n}", price="1.10", stock=n) for n in range(count)
    )


def sent(tab: Tab, state: Any) -> dict[str, Any]:
    """The vars of a state that arrived since the last look."""
    values: dict[str, Any] = {}
    for delta in tab.deltas:
        values |= delta.get(state.get_full_name(), {})
    tab.deltas.clear()
    return {name.partition("_rx_state_")[0]: value for name, value in values.items()}


async def test_only_the_page_is_sent() -> None:
    await some_products(30)
    async with Tab() as tab:
        tab.clear()
        await tab.send(QuietProductState.load)
        assert len(sent(tab, QuietProductState)["data"]) == 10


async def test_a_list_that_is_the_same_is_not_sent_again() -> None:
    await some_products(12)
    async with Tab() as tab:
        await tab.send(QuietProductState.load)
        for event in (QuietProductState.refresh, QuietProductState.load):
            tab.clear()
            await tab.send(event)
            assert tab.deltas == []


async def test_of_a_changed_row_only_the_list_is_sent() -> None:
    await some_products(12)
    async with Tab() as tab:
        await tab.send(QuietProductState.load)
        tab.clear()
        await Product.objects.filter(sku="q3").aupdate(name="Changed")
        await tab.send(QuietProductState.refresh)
        assert set(sent(tab, QuietProductState)) == {"data"}


async def test_going_on_sends_the_page_and_where_it_stands() -> None:
    await some_products(30)
    async with Tab() as tab:
        await tab.send(QuietProductState.load)
        tab.clear()
        await tab.send(QuietProductState.next_page)
        assert set(sent(tab, QuietProductState)) == {"data", "page", "has_previous"}


async def test_a_value_of_another_kind_is_a_change() -> None:
    await some_products(1)
    async with Tab() as tab:
        await Product.objects.aupdate(attrs={"n": 1})
        await tab.send(QuietProductState.load)
        tab.clear()
        await Product.objects.aupdate(attrs={"n": True})
        await tab.send(QuietProductState.refresh)
        assert json.dumps(sent(tab, QuietProductState)["data"][0]["attrs"]) == '{"n": true}'


async def test_a_live_change_of_what_is_not_shown_sends_nothing() -> None:
    await some_products(12)
    async with Tab() as tab:
        await tab.send(QuietProductState.load)
        await tab.send(QuietProductState.live_subscribe)
        await tab.worker.settle()
        tab.clear()
        # On the second page, and no reason to send the first one again.
        last = await Product.objects.aget(sku="q11")
        last.name = "Out of sight"
        await last.asave()
        await tab.worker.settle()
        assert tab.deltas == []


async def test_saving_sends_what_the_save_changed() -> None:
    user = await sync_to_async(get_user_model().objects.create_user)("quiet", password="x")
    async with Tab(user=user) as tab:
        await tab.send(QuietTaskState.load)
        await tab.send(QuietTaskState.save({"title": "First"}))
        tab.clear()
        await tab.send(QuietTaskState.save({"title": "Second"}))
        assert await Task.objects.acount() == 2
        changed = set(sent(tab, QuietTaskState))
        assert {"data", "total_count", "save_count", "form_reset_key"} <= changed
        assert not {"page", "page_size", "search", "ordering", "filters", "error"} & changed


async def test_what_was_changed_behind_the_states_back_is_sent() -> None:
    async with Tab() as tab:
        tab.clear()
        await tab.send(QuietProductState.keep_and_change)
        assert sent(tab, QuietProductState)["data"] == [{"id": 1, "name": "new"}]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (1, 1, True),
        (1, True, False),
        (0.0, 0, False),
        ("a", "b", False),
        ({}, {}, False),
        ({}, [], False),
        ([1], [1], False),
        (None, None, True),
    ],
)
def test_what_stays(old: Any, new: Any, expected: bool) -> None:
    assert stays(old, new) is expected


def test_the_same_container_may_have_changed_inside() -> None:
    rows: list[int] = []
    assert not stays(rows, rows)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([{"a": 1}], [{"a": 1}], True),
        ([{"a": 1}], [{"a": 1.0}], False),
        ([{"a": 1}], [{"a": 2}], False),
        ([{"a": {"b": [True]}}], [{"a": {"b": [1]}}], False),
        ([{"a": 0.0}], [{"a": -0.0}], False),
        ([{"a": 1, "b": 2}], [{"b": 2, "a": 1}], False),
        ([{"a": "\ud800"}], [{"a": "\ud800"}], True),
        ([10**40], [10**40], True),
        ([float("inf")], [float("inf")], True),
        # What only a state of one's own could hold, which no format knows.
        ([Decimal("1.0")], [Decimal("1.0")], True),
        ([Decimal("1.0")], [Decimal("1.00")], False),
    ],
)
def test_values_are_the_same_when_they_are_written_the_same(
    old: Any, new: Any, expected: bool
) -> None:
    assert same_json(old, new) is expected
    assert same_json(new, old) is expected


def test_equal_values_are_the_same_whoever_else_holds_their_parts() -> None:
    word = "".join(["sha", "red"])
    assert same_json([word, word], ["".join(["sha", "red"]), "".join(["sha", "red"])])
    deep: Any = []
    for _ in range(50):
        deep = [deep]
    assert same_json(deep, copy.deepcopy(deep))


async def test_a_look_at_what_a_var_holds_is_one_at_the_thing_itself() -> None:
    await some_products(3)
    async with Tab() as tab:
        await tab.send(QuietProductState.load)
        state = tab.state(QuietProductState)
        rows = held(state, "data")
        assert type(rows) is list
        assert rows == state.data
        assert held(state, "_next") == {}


class LoudState(ModelState):
    """Sees all that is set on it."""

    viewset = ProductViewSet
    noted: ClassVar[list[str]] = []

    def __setattr__(self, name: str, value: Any) -> None:
        self.noted.append(name)
        super().__setattr__(name, value)


class QuietLoudState(LoudState):
    """Sees what is not held back."""

    ordering = ("name",)


async def test_the_own_way_of_a_class_to_set_attributes_is_kept() -> None:
    await some_products(2)
    async with Tab() as tab:
        for state in (LoudState, QuietLoudState):
            LoudState.noted.clear()
            await tab.send(state.load)
            assert {"data", "total_count"} <= set(LoudState.noted)
            assert len(tab.get(state, "data")) == 2
        LoudState.noted.clear()
        await tab.send(QuietLoudState.refresh)
        assert not {"data", "total_count", "page"} & set(LoudState.noted)
