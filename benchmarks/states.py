"""The states that the benchmarks drive."""

from __future__ import annotations

from typing import ClassVar

import reflex as rx

from reflex_drf import current_user
from reflex_drf.state import ModelState
from tests.shop.views import ProductViewSet


class PlainState(rx.State):
    django_bridge: ClassVar[bool] = False
    count: int = 0

    @rx.event
    async def count_up(self) -> None:
        self.count += 1


class BridgedState(rx.State):
    name: str = ""

    @rx.event
    async def read_user(self) -> None:
        self.name = str(current_user())


class ProductListState(ModelState):
    viewset = ProductViewSet
