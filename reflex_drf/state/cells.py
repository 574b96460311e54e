"""One cell of one row, changed where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from reflex_drf.backends import Reply
from reflex_drf.bridge.language import say
from reflex_drf.state.answers import drop_tab
from reflex_drf.state.calls import Key, operation
from reflex_drf.state.forms import OMIT, InvalidValueError
from reflex_drf.state.writing import WriteHandlers

__all__ = ["CellHandlers"]


class CellHandlers(WriteHandlers):
    """Handlers that change one field of a row."""

    if TYPE_CHECKING:
        cell_error: dict[str, str]

    @operation
    async def edit_cell(self, pk: Key, field: str, value: Any) -> Any:
        """Save one field of a row, and leave all others as they are."""
        if (key := self._key_of(pk)) is None:
            return None
        held = self._plan.form.by_name(field) if isinstance(field, str) else None
        if held is None:
            return self._fail(_("There is no such field to change."))
        try:
            parsed = held.parse(held.accept(value), partial=True)
        except InvalidValueError as error:
            return self._mark(key, field, value, str(error))
        if parsed is OMIT:
            return self._mark(key, field, value, say(_("This field may not be blank.")))
        wanted = self._wanted()
        call = self._make("partial_update", key, data={field: parsed})
        calls = self._with_list(call, wanted)
        replies = await self._run(*calls, *self._detail_calls())
        if replies is None:
            return drop_tab()
        if not replies[0].ok:
            return await self._refuse_cell(key, field, value, replies[0])
        self.cell_error, self.error = {}, ""
        await self._take_opened(key, replies[0].data, *replies[len(calls) :])
        if len(calls) > 1:
            return await self._settle(wanted, replies[1])
        self._replace_row(key, replies[0].data)
        return None

    @operation
    async def cancel_cell(self) -> None:
        """Forget what was wrong with a cell."""
        self.cell_error = {}

    async def _refuse_cell(self, key: Key, field: str, value: Any, reply: Reply) -> Any:
        if reply.status != 400 or reply.errors is None:
            # Nothing about the value: what any other refused call leads to.
            self.cell_error = {}
            return await self._refuse(reply, form=False)
        message = reply.errors.fields.get(field, "")
        others = self._message(reply.errors, frozenset({field}))
        self._mark(key, field, value, " ".join(filter(None, (message, others))))
        return None

    def _mark(self, key: Key, field: str, value: Any, message: str) -> None:
        shown = value if isinstance(value, str) else "" if value is None else str(value)
        # What was typed stays, to be corrected.
        self.cell_error = {
            "key": str(key), "field": field, "value": shown[:1000], "message": message,
        }  # fmt: skip
