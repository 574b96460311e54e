"""The live state that the benchmarks drive."""

from __future__ import annotations

from typing import Any, ClassVar

from reflex_drf.live import LiveListMixin
from reflex_drf.state import ModelState
from tests.shop.views import ProductViewSet


class LiveProductState(LiveListMixin, ModelState):
    viewset = ProductViewSet
    refreshes: ClassVar[int] = 0

    async def _reread(self) -> Any:
        LiveProductState.refreshes += 1
        return await super()._reread()
