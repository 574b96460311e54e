"""The live state that the benchmarks drive."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

from reflex_drf.live import LiveListMixin
from reflex_drf.state import ModelState
from tests.shop.views import ProductViewSet


class LiveProductState(LiveListMixin, ModelState):
    viewset = ProductViewSet
    # How often each tab was refreshed.
    refreshes: ClassVar[Counter[int]] = Counter()

    async def _reread(self) -> Any:
        LiveProductState.refreshes[id(self)] += 1
        return await super()._reread()
