"""One row in full, as the viewset's `retrieve` shows it: read for its own page, and kept there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from reflex_drf.backends import Call, Reply
from reflex_drf.state.answers import drop_tab
from reflex_drf.state.calls import Calls, Key, operation
from reflex_drf.state.quiet import put

__all__ = ["DETAIL_PARAM", "DetailHandlers"]

#: The part of a page's route that names the row which `load_detail` opens.
DETAIL_PARAM = "row_key"
# For these a row is gone, also for those who may no longer read it.
GONE = (401, 403, 404, 410)


class DetailHandlers(Calls):
    """Handlers for a single row that a page shows in full."""

    if TYPE_CHECKING:
        detail_row: dict[str, Any]
        detail_key: str

    @operation
    async def open_row(self, pk: Key) -> Any:
        """Show one row in full."""
        if (key := self._key_of(pk)) is None:
            return None
        replies = await self._or_give_up(self._run(self._make("retrieve", key)))
        if replies is None:
            return drop_tab()
        self.error = ""
        self.detail_key = str(key)
        return await self._take_detail(replies[0])

    @operation
    async def load_detail(self) -> Any:
        """Show the row that the page's route names as `[row_key]`, once the page is loaded."""
        key = self.rx_router_page.params.get(DETAIL_PARAM, "")
        if not isinstance(key, str) or not key:
            self.detail_row, self.detail_key = {}, ""
            return self._fail(_("Not found."))
        return await DetailHandlers.open_row(self, key)

    @operation
    async def close_row(self) -> None:
        """Show no single row any longer."""
        self._close_row()

    def _close_row(self) -> None:
        self.detail_row, self.detail_key = {}, ""

    def _is_open(self, key: Any) -> bool:
        has_any = "retrieve" in self._plan.actions and key is not None
        return has_any and self.detail_key == str(key)

    def _detail_calls(self) -> list[Call]:
        """The call that reads the open row again, for a trip that changes it or hears of it."""
        shows = "retrieve" in self._plan.actions and self.detail_key
        return [self._make("retrieve", self.detail_key)] if shows else []

    async def _take_opened(self, key: Any, saved: Any, *replies: Reply) -> None:
        """Take over the open row, read again beside a write to the row of this key.

        `saved` is what a save has answered, which may have given its row another key.
        """
        if self._is_open(key):
            now = saved.get(self._plan.key, key) if isinstance(saved, Mapping) else key
            if str(now) != self.detail_key:
                self.detail_key = str(now)
                replies = tuple(await self._run(*self._detail_calls()) or ())
        elif any(reply.status in GONE for reply in replies):
            # Somebody has taken it away; what was done now was not refused.
            self._close_row()
            return
        await self._take_detail(*replies)

    async def _take_detail(self, *replies: Reply) -> Any:
        for reply in replies:
            self._take_rights(reply)
            if reply.ok:
                row = self._row(reply.data) if isinstance(reply.data, dict) else {}
                put(self, "detail_row", row)
            elif reply.status in GONE:
                self.detail_row = {}
                return await self._refuse(reply, form=False)
            else:
                return await self._refuse(reply, form=False)
        return None
