"""The states: a list of the viewset, and the same counter with and without the bridge."""

from __future__ import annotations

from typing import ClassVar

import reflex as rx

from reflex_drf.state import ModelState
from served.views import RowViewSet


class RowState(ModelState):
    viewset = RowViewSet


class PlainState(rx.State):
    django_bridge: ClassVar[bool] = False
    count: int = 0

    @rx.event
    async def count_up(self) -> None:
        self.count += 1


class BridgedState(rx.State):
    count: int = 0

    @rx.event
    async def count_up(self) -> None:
        self.count += 1
