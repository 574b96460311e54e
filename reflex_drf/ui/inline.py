"""A cell that can be changed where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import reflex as rx
from django.utils.translation import gettext_lazy as _

from reflex_drf.errors import ConfigurationError
from reflex_drf.state.columns import Column
from reflex_drf.state.description import Description
from reflex_drf.ui import browser
from reflex_drf.ui.cells import NUMERIC
from reflex_drf.ui.parts import CONTROL, Style, allowed
from reflex_drf.ui.scripting import Scripted
from reflex_drf.ui.texts import text

__all__ = ["Inline"]

#: Kinds of columns whose value a control in a cell can hold.
_KINDS = frozenset({"text", "number", "decimal", "boolean", "choice", "date", "time", "url"})
_EDITOR: Style = {
    "& form": {"display": "flex", "flex_wrap": "wrap", "align_items": "center", "gap": "4px"},
    "& input:not([type='checkbox']), & select": {
        **CONTROL,
        "width": "auto",
        "flex": "1 1 90px",
        "min_width": "70px",
        "max_width": "180px",
    },
    "& input[inputmode='decimal']": {"max_width": "110px"},
    "& input[type='checkbox']": {"width": "18px", "height": "18px"},
    "& button": {
        "min_width": "28px",
        "min_height": "28px",
        "border": "0",
        "border_radius": "var(--radius-2)",
        "background": "var(--gray-a3)",
        "color": "var(--gray-12)",
        "cursor": "pointer",
        "&:focus-visible": {"outline": "2px solid var(--focus-8)"},
    },
    "& [role='alert']": {
        "flex_basis": "100%",
        "color": "var(--red-11)",
        "font_size": "var(--font-size-1)",
        "text_align": "start",
    },
}
_OPEN: Style = {
    "display": "inline-flex",
    "padding": "4px",
    "border": "0",
    "border_radius": "var(--radius-2)",
    "background": "none",
    "color": "var(--gray-11)",
    "cursor": "pointer",
    "opacity": "0.45",
    "td:hover &, th:hover &, &:focus-visible": {"opacity": "1"},
    "&:focus-visible": {"outline": "2px solid var(--focus-8)"},
}


class CellEditor(Scripted):
    """One cell as a control."""

    tag = "ReflexDrfCell"
    _script_name: str = "table"

    cell_id: rx.Var[str]
    kind: rx.Var[str]
    choices: rx.Var[list[list[str]]]
    value: rx.Var[Any]
    message: rx.Var[str]
    label: rx.Var[str]
    texts: rx.Var[dict[str, str]]
    close: rx.Var[Any]
    on_save: rx.EventHandler[rx.event.passthrough_event_spec(Any)]  # type: ignore[type-arg,valid-type]
    on_cancel: rx.EventHandler[rx.event.no_args_event_spec]  # type: ignore[type-arg,valid-type]


class Inline:
    """The cells of a table that can be changed, of which one at a time is open."""

    def __init__(self, state: type[Any], known: Description, wanted: bool | Sequence[str]) -> None:
        self.state, self.known = state, known
        self.names = _editable(known, wanted)
        self.client = browser.client_value(state, "cell", default="")
        self._close = browser.setter(self.client)

    def cell(self, column: Column, row: Any, content: rx.Component) -> rx.Component:
        """The content of a cell, and the way to change it for whoever may."""
        if column.name not in self.names:
            return content
        state, key = self.state, row[self.known.key]
        own = browser.expression(f"String($0) + '.{column.name}'", key)
        wrong = browser.expression(
            f"$0?.key === String($1) && $0?.field === '{column.name}'",
            state.cell_error,
            key,
            kind=bool,
        )
        is_open = (self.client.value == own) | wrong
        name = row[self.known.title].to_string(use_json=False)
        label = text(_("Change %(field)s of %(name)s"), field=text(column.label), name=name)
        opener = rx.el.button(
            rx.icon("pencil-line", size=13),
            type="button",
            on_click=self.client.set_value(own),
            custom_attrs={"aria-label": label, "data-cell": own},
            style=_OPEN,
        )
        offered = rx.cond(allowed(state, "partial_update", key), opener)
        # Digits stand under digits, whether or not their row can be changed.
        parts = (offered, content) if column.kind in NUMERIC else (content, offered)
        style = {"display": "inline-flex", "align_items": "center", "gap": "4px"}
        shown = rx.el.span(*parts, style=style)
        return rx.cond(is_open, self._editor(column, row, own, wrong, label), shown)

    def _editor(self, column: Column, row: Any, own: Any, wrong: Any, label: Any) -> rx.Component:
        state, key = self.state, row[self.known.key]
        choices = [[str(value), text(word)] for value, word in column.choices]
        field, typed = self.known.field(column.name), state.cell_error
        if choices and not field.required and "" not in {value for value, _word in choices}:
            choices.insert(0, ["", "—"])
        editor = CellEditor.create(
            cell_id=own,
            kind=column.kind,
            choices=choices,
            value=browser.expression("$0 ? $1?.value : $2", wrong, typed, row[column.name]),
            message=browser.expression("$0 ? $1?.message : ''", wrong, typed),
            label=label,
            texts={"save": text(_("Save")), "cancel": text(_("Cancel"))},
            close=self._close,
            on_save=lambda value: state.edit_cell(key, column.name, value),
            on_cancel=state.cancel_cell,
        )
        return rx.box(editor, style=_EDITOR)


def _editable(known: Description, wanted: bool | Sequence[str]) -> frozenset[str]:
    fields = {field.name for field in known.fields}
    fit = {c.name for c in known.columns if c.kind in _KINDS and c.name in fields}
    if not known.edits_cells:
        fit = set()
    if isinstance(wanted, bool):
        return frozenset(fit if wanted else ())
    unknown = [name for name in wanted if name not in fit]
    if unknown:
        raise ConfigurationError(
            f"{known.name} has no column {unknown[0]!r} that can be changed in its cell; known are "
            f"{', '.join(sorted(fit))}."
        )
    return frozenset(wanted)
