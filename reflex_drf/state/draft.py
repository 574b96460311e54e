"""The form of a state while it is being filled: what it holds, and which form it is."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from reflex_drf.backends import Reply
from reflex_drf.state.acting import ActionHandlers
from reflex_drf.state.answers import drop_tab
from reflex_drf.state.calls import Key, is_pointer, operation
from reflex_drf.state.detail import DETAIL_PARAM
from reflex_drf.state.forms import FormField, InvalidValueError
from reflex_drf.state.nesting import MAX_ROWS, accept_nested, empty_record

__all__ = ["CLEARED", "FORM_KEY", "NEXT_STEP", "DraftHandlers"]

# What a form sends besides its fields; no field of a serializer has such a name.
FORM_KEY = "form:key"
NEXT_STEP = "form:next"
CLEARED = "form:clear:"
_STEPS = ("add", "continue")


class DraftHandlers(ActionHandlers):
    """Handlers for the form before it is saved, and what saving leaves of it."""

    @operation
    async def start_clone(self, pk: Key) -> Any:
        """Fill the form with a row, to save it as a new one."""
        if (key := self._key_of(pk)) is None:
            return None
        replies = await self._or_give_up(self._run(self._make("retrieve", key)))
        if replies is None:
            return drop_tab()
        self._take_rights(replies[0])
        if not replies[0].ok:
            return await self._refuse(replies[0])
        self._edit(key, replies[0].data)
        # Files stay with the row they belong to.
        self.editing_id, self.form_row, self.form_mode = None, {}, "clone"
        await self._edits()
        return None

    @operation
    async def load_clone(self) -> Any:
        """Fill the form with the row that the page's route names, to save it as a new one."""
        return await DraftHandlers.start_clone(self, self.rx_router_page.params.get(DETAIL_PARAM))

    @operation
    async def cancel_edit(self) -> None:
        """Empty the form and stop editing."""
        self._reset_form()
        self.error, self.field_errors = "", {}
        await self._edits()

    @operation
    async def load_new(self) -> None:
        """Have an empty form for a new row; in one that is empty already, nothing typed is lost."""
        if not self._is_empty():
            self._reset_form()
        self.error, self.field_errors = "", {}
        await self._edits()

    @operation
    async def add_nested(self, name: str) -> Any:
        """Add an empty row to a nested field of the form."""
        field = self._nested(name)
        if field is None:
            return self._fail(_("The form has no such rows."))
        rows, keys = getattr(self, field.var), list(self.nested_keys.get(field.name, []))
        if len(rows) >= MAX_ROWS:
            return self._fail(_("The form has no room for more rows."))
        keys = keys if len(keys) == len(rows) else list(range(len(rows)))
        setattr(self, field.var, [*copy.deepcopy(rows), empty_record(field)])
        self.nested_keys = {**self.nested_keys, field.name: [*keys, max(keys, default=-1) + 1]}
        return None

    @operation
    async def remove_nested(self, name: str, key: int) -> Any:
        """Take a row of a nested field off the form, by the key that the page knows it by."""
        field = self._nested(name)
        keys = [] if field is None else list(self.nested_keys.get(field.name, []))
        if field is None or type(key) is not int or key not in keys:
            return self._fail(_("The form has no such rows."))
        index = keys.index(key)
        rows = list(copy.deepcopy(getattr(self, field.var)))
        setattr(self, field.var, [*rows[:index], *rows[index + 1 :]])
        self.nested_keys = {**self.nested_keys, field.name: [*keys[:index], *keys[index + 1 :]]}
        # Errors are those of places, and those behind this one have moved.
        gone = f"{field.name}."
        errors = {k: v for k, v in self.field_errors.items() if not k.startswith(gone)}
        self.field_errors = errors
        return None

    def _nested(self, name: Any) -> FormField | None:
        field = self._plan.form.by_name(name) if isinstance(name, str) else None
        return field if field is not None and field.kind == "rows" else None

    # -- What the form holds ----------------------------------------------------------------

    def _edit(self, key: Key, data: Any) -> None:
        row = data if isinstance(data, dict) else {}
        for field in self._plan.form.fields:
            value = field.populate(row[field.name]) if field.name in row else field.fresh()
            setattr(self, field.var, value)
        self.editing_id = row.get(self._plan.key, key)
        self.form_row, self.form_mode = self._row(row), "edit"
        self.error, self.field_errors = "", {}
        self._begin_form()
        self.loading = False

    def _is_empty(self) -> bool:
        fields = self._plan.form.fields
        held = all(getattr(self, field.var) == field.fresh() for field in fields)
        return held and self.editing_id is None and not self.form_mode

    def _reset_form(self) -> None:
        for field in self._plan.form.fields:
            setattr(self, field.var, field.fresh())
        self.editing_id = None
        self.form_row, self.form_mode = {}, ""
        self._begin_form()

    def _begin_form(self) -> None:
        # A new key makes the browser forget what uncontrolled inputs hold.
        self.form_reset_key += 1
        if self._plan.form.nested:
            self.nested_keys = {
                field.name: list(range(len(getattr(self, field.var))))
                for field in self._plan.form.nested
                if field.kind == "rows"
            }

    def _fill(self, form_data: Any) -> bool:
        """Take over a submitted form; what is no field of the form is not looked at."""
        if form_data is None or is_pointer(form_data):
            return True
        if not isinstance(form_data, Mapping):
            self._fail(_("A form is given by its fields."))
            return False
        errors: dict[str, str] = {}
        for field in self._plan.form.fields:
            errors |= self._fill_field(field, form_data)
        if errors:
            self.error, self.field_errors = "", errors
        return not errors

    def _fill_field(self, field: FormField, form_data: Mapping[str, Any]) -> dict[str, str]:
        if field.name in form_data:
            try:
                setattr(self, field.var, field.accept(form_data[field.name]))
            except InvalidValueError as error:
                return {field.name: str(error)}
        elif field.children:
            held = copy.deepcopy(getattr(self, field.var))
            keys = self.nested_keys.get(field.name, [])
            value, errors = accept_nested(field, held, list(keys), form_data)
            setattr(self, field.var, value)
            return errors
        return {}

    # -- Which form it is -------------------------------------------------------------------

    def _is_outdated(self, form_data: Any) -> bool:
        """Whether a form was sent that the state has done with; that changes nothing."""
        sent = form_data.get(FORM_KEY) if isinstance(form_data, Mapping) else None
        if sent is None or str(sent) == str(self.form_reset_key):
            return False
        if str(sent) != str(self._saved_key):
            # Not the second of two clicks: what it would be saved to is another row by now.
            self._fail(_("This form has changed meanwhile. Look at it and save it again."))
        return True

    def _leave_form(self, form_data: Any, key: Any, reply: Reply) -> None:
        """Go on to the form that comes after the one that was saved."""
        self._saved_key = self.form_reset_key
        step = form_data.get(NEXT_STEP) if isinstance(form_data, Mapping) else None
        step = step if step in _STEPS else ""
        saved = reply.data if isinstance(reply.data, dict) else {}
        stays = step == "continue" or (not step and not self._plan.options.reset_after_save)
        if stays and self._plan.key in saved:
            # The form stays on what it saved, so that saving again changes that row.
            self._edit(saved[self._plan.key], saved)
        elif not stays or key is None:
            # Without its key a new row could only be made a second time.
            self._reset_form()
        if step == "add":
            self.form_mode = "add"
