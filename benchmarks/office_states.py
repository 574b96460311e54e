"""The live lists of the office, and a view that fails from time to time."""

from __future__ import annotations

from typing import Any, ClassVar

import reflex as rx

from reflex_drf.live import LiveListMixin
from reflex_drf.state import ModelState
from tests.shop.models import Product
from tests.shop.views import ProductViewSet, TaskViewSet


class OfficeViewSet(ProductViewSet):
    # So many of the next lists end in an error.
    failing: ClassVar[int] = 0

    def list(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        if OfficeViewSet.failing:
            OfficeViewSet.failing -= 1
            raise ConnectionError("The office is on fire.")
        return super().list(request, *args, **kwargs)


class OfficeState(LiveListMixin, ModelState):
    viewset = OfficeViewSet

    @rx.event(background=True)
    async def import_rows(self) -> None:
        """Write beside the other events of the tab, as an import does."""
        await Product.objects.acreate(name="imported", sku=f"imported {id(self)}", price=1)


class DeskState(LiveListMixin, ModelState):
    viewset = TaskViewSet
