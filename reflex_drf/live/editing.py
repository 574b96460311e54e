"""The row under edit: what becomes of it elsewhere, and who else has it open."""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from reflex_drf.backends import Call, Reply
from reflex_drf.bridge.language import say
from reflex_drf.conf import settings
from reflex_drf.live.changes import model_label
from reflex_drf.live.looking import Look
from reflex_drf.live.openrows import OpenRow, OpenRows, present_names
from reflex_drf.seam.tabs import current_tab
from reflex_drf.state.answers import drop_tab
from reflex_drf.state.calls import operation
from reflex_drf.state.handlers import ListHandlers
from reflex_drf.state.owner import TabOwner
from reflex_drf.state.viewsets import viewset_model
from reflex_drf.state.writing import WriteHandlers

if TYPE_CHECKING:
    from reflex_drf.state.calls import Key

__all__ = ["PASSING", "EditingHandlers", "UnansweredError", "looking"]

# What the API answers while it cannot answer; what is shown stays, and is read again later.
PASSING = (429, 502, 503, 504)
SEND_AGAIN = _("Send the file again once that is settled.")
CHANGED, DELETED = "changed", "deleted"
# True while a save runs whose author knows what it overwrites.
overwriting: ContextVar[bool] = ContextVar("reflex_drf_live_overwriting", default=False)
# True while the server itself looks at the row under edit.
looking: ContextVar[bool] = ContextVar("reflex_drf_live_looking", default=False)


class UnansweredError(Exception):
    """The API cannot answer just now."""


class EditingHandlers(ListHandlers):
    """What a live state adds to its form: conflicts with what others write, and presence."""

    if TYPE_CHECKING:
        editing_conflict: str
        editing_conflict_by: str
        overwrite_asked: bool
        presence: list[str]
        _editing_pk: str
        _editing_seen: str

    # The vars of states that can read a row into a form and save it again.
    _editing_variables = {
        "editing_conflict": (str, ""),
        "editing_conflict_by": (str, ""),
        "overwrite_asked": (bool, False),
        "presence": (list[str], []),
        # The row's own key, which changes are told by, and a digest of what the form began with.
        "_editing_pk": (str, ""),
        "_editing_seen": (str, ""),
    }

    @operation
    async def overwrite(self) -> Any:
        """Save the form in spite of what has become of its row; one that is gone is made anew."""
        if self.editing_id is None:
            return None
        gone = self.editing_conflict == DELETED and "create" in self._plan.actions
        token = overwriting.set(True)
        try:
            submit = WriteHandlers._submit
            return await submit(self, None if gone else self.editing_id, None)  # type: ignore[arg-type]
        finally:
            overwriting.reset(token)

    @operation
    async def reload_edit(self) -> Any:
        """Read the row under edit into the form anew, in place of what was typed."""
        if self.editing_id is None:
            return None
        return await WriteHandlers.start_edit(self, self.editing_id)  # type: ignore[arg-type]

    @operation
    async def live_look(self) -> Any:
        """Show what has become of the row under edit; nothing unless the server asks for it."""
        tab = current_tab()
        rows = None if tab is None else OpenRows.of(tab.processor)
        entry = None if rows is None or tab is None else rows.find(tab, type(self))
        if rows is None or entry is None or not entry.take():
            return None
        token = looking.set(True)
        try:
            answer = await self._look_again()
        except UnansweredError:
            rows.fail(entry)
            return None
        finally:
            looking.reset(token)
        entry.failures = 0
        return answer

    # -- Conflicts --------------------------------------------------------------------------

    async def _read_row(self, key: Key) -> list[Reply] | None:
        if not self._plan.edits:
            return await super()._read_row(key)
        look = Look(self, key, "", counts=True)
        replies = await self._run(look.call)
        if replies and replies[0].ok:
            self._editing_pk, self._editing_seen = look.pk, look.digest
        return replies

    async def _run_save(self, key: Key | None, *calls: Call) -> list[Reply] | None:
        if not self._plan.edits:
            return await super()._run_save(key, *calls)
        if key is None or str(key) != str(self.editing_id):
            replies = await super()._run_save(key, *calls)
            if replies and replies[0].ok:
                # Should the form stay on what was saved, that is another row than it has read.
                self._editing_pk = self._editing_seen = ""
            return replies
        if self.editing_conflict and not overwriting.get():
            return self._ask(calls[0])
        looks = [] if overwriting.get() else [Look(self, key, self._editing_seen)]
        afterwards = [] if self._plan.options.reset_after_save else [Look(self, key, "")]
        if (tab := current_tab()) is not None:
            OpenRows.of(tab.processor).hold(tab, type(self))
        # One trip: between the look and the write there is no more than between two queries.
        every = [*(look.call for look in looks), *calls, *(look.call for look in afterwards)]
        replies = await self._run(*every)
        if replies and looks:
            first, *replies = replies
            self._judge(looks[0], first)
            if self.editing_conflict:
                return self._ask(calls[0])
            if not first.ok:
                return [first]
        if replies and afterwards:
            # Read by the same action as the next look, whose answer may differ from a save's.
            self._editing_seen = afterwards[0].digest
            replies = replies[: len(calls)]
        return replies

    def _ask(self, call: Call) -> list[Reply]:
        self.overwrite_asked = True
        if self.editing_conflict == DELETED:
            said = say(_("This has been deleted, or may no longer be read."))
        elif self.editing_conflict_by:
            text = say(_("%(name)s has changed this while you were editing."))
            said = text % {"name": self.editing_conflict_by}
        else:
            said = say(_("Somebody has changed this while you were editing."))
        # What was sent is not kept.
        self.field_errors = dict.fromkeys(call.files, say(SEND_AGAIN))
        self._fail(said)
        self.refusal = "outdated"
        return []

    def _judge(self, look: Look, reply: Reply, gone: Iterable[int] = (404, 410)) -> None:
        """Take over what a look has found."""
        if not reply.ok and reply.status not in gone:
            return
        if reply.ok and not self._editing_seen:
            self._editing_seen = look.digest
        self._editing_pk = self._editing_pk or look.pk
        self.editing_conflict = (CHANGED if look.changed else "") if reply.ok else DELETED
        self.editing_conflict_by = look.changed_by
        if not self.editing_conflict:
            # Back to what it was.
            self.overwrite_asked = False

    async def _look_again(self) -> Any:
        """Read the row under edit once more, to say what has become of it and who is there."""
        if self.editing_id is None:
            return None
        look = Look(self, self.editing_id, self._editing_seen)
        replies = await self._run(look.call)
        if replies is None:
            return drop_tab()
        if replies[0].status in PASSING:
            raise UnansweredError
        # For those who may no longer read a row, it is gone.
        self._judge(look, replies[0], gone=(401, 403, 404, 410))
        await self._show_presence()
        return None

    # -- Presence ---------------------------------------------------------------------------

    async def _edits(self) -> None:
        if not self._plan.edits:
            return
        self.editing_conflict = self.editing_conflict_by = ""
        self.overwrite_asked = False
        if self.editing_id is None:
            self._editing_pk = self._editing_seen = ""
        await self._show_presence()

    async def _show_presence(self) -> None:
        """Say who has which row open, and show it to those who have the same one open."""
        tab = current_tab()
        if tab is None:
            return
        rows = OpenRows.of(tab.processor)
        # A form stays a form when its row is gone, but nobody has that row open.
        model = viewset_model(self._plan.viewset)
        if self.editing_id is None or model is None or not tab.connected:
            rows.leave(tab.token, type(self))
            self.presence = []
            return
        owner = (await self.get_state(TabOwner))._owner  # type: ignore[attr-defined]
        # A proxy's changes go by the name of the model it stands for.
        model = model._meta.concrete_model or model
        row = (model_label(model), self._editing_pk)
        # Visitors without a user are not told who works on what they may read.
        visible = self._shows_presence() and owner.startswith("user ")
        rows.enter(OpenRow(tab, type(self), model, row, owner, visible))
        self.presence = await present_names(rows.others(row, owner)) if visible else []

    def _shows_presence(self) -> bool:
        shows = settings.LIVE_PRESENCE and self._plan.options.show_presence
        return bool(shows and self._editing_pk and self.editing_conflict != DELETED)
