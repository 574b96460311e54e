"""A tab is told while its call still runs, if that takes long."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.test import override_settings
from rest_framework.exceptions import ValidationError

from reflex_drf.state import ModelState
from reflex_drf.testing import Tab
from tests.living import until
from tests.shop.views import ProductViewSet

pytestmark = pytest.mark.django_db(transaction=True)
gate = threading.Event()


class GatedViewSet(ProductViewSet):
    fails = False

    def list(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        gate.wait(30)
        if self.fails:
            raise ValidationError("No.")
        return super().list(request, *args, **kwargs)


class FailingViewSet(GatedViewSet):
    fails = True


class WorkingState(ModelState):
    viewset = GatedViewSet


class FailingWorkState(ModelState):
    viewset = FailingViewSet


def told(tab: Tab, state: Any) -> list[bool]:
    name = state.get_full_name()
    deltas = [delta.get(name, {}) for delta in tab.deltas]
    return [delta["working_rx_state_"] for delta in deltas if "working_rx_state_" in delta]


@pytest.mark.parametrize("state", [WorkingState, FailingWorkState])
async def test_a_call_that_takes_long_is_shown_until_it_ends(state: Any) -> None:
    gate.clear()
    with override_settings(REFLEX_DRF={"PROGRESS_DELAY": 20}):
        async with Tab() as tab:
            tab.clear()
            sent = await tab.start(state.load)
            await until(tab, lambda: told(tab, state) == [True])
            assert tab.get(state, "working") is False
            gate.set()
            await sent.join()
            assert told(tab, state) == [True, False]


async def test_a_call_that_is_quick_says_nothing() -> None:
    gate.set()
    with override_settings(REFLEX_DRF={"PROGRESS_DELAY": 30_000}):
        async with Tab() as tab:
            tab.clear()
            await tab.send(WorkingState.load)
            assert told(tab, WorkingState) == []


async def test_none_says_nothing_at_all() -> None:
    gate.set()
    with override_settings(REFLEX_DRF={"PROGRESS_DELAY": None}):
        async with Tab() as tab:
            tab.clear()
            await tab.send(WorkingState.load)
            assert told(tab, WorkingState) == []
