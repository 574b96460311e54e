"""Nested rows and records in a form: their fields, and rows to add and to take off."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import reflex as rx
from django.utils.translation import gettext_lazy as _

from reflex_drf.state.description import Field
from reflex_drf.ui import browser
from reflex_drf.ui.inputs import Bound, below, checkbox, control_of
from reflex_drf.ui.parts import Style, labelled
from reflex_drf.ui.picker import picker
from reflex_drf.ui.texts import text

__all__ = ["nested_control"]

_BOX: Style = {
    "border": "1px solid var(--gray-a5)",
    "border_radius": "var(--radius-3)",
    "padding": "12px",
    "margin": "0",
    "min_width": "0",
}
_LEGEND: Style = {
    "font_size": "var(--font-size-2)",
    "font_weight": "500",
    "padding": "0 4px",
}


def nested_control(bound: Bound, around: tuple[rx.Component, rx.Component]) -> rx.Component:
    """The fields of a nested record, or of each nested row."""
    make = _rows if bound.field.kind == "rows" else _record
    return rx.el.fieldset(
        rx.el.legend(text(bound.field.label), style=_LEGEND),
        make(bound),
        *around,
        rx.el.div(_unshown(bound), role="status", style={"color": "var(--red-11)"}),
        custom_attrs={
            "id": bound.control_id,
            "aria-describedby": f"{bound.control_id}-help {bound.control_id}-error",
        },
        style={**_BOX, "grid_column": "1 / -1"},
    )


def _record(bound: Bound) -> rx.Component:
    return _fields(bound, bound.value, bound.field.name, bound.field.name, bound.control_id)


def _rows(bound: Bound) -> rx.Component:
    state, field = bound.state, bound.field

    def row(record: Any, index: Any) -> rx.Component:
        # A row keeps its inputs, with what was typed, when others come and go.
        key = browser.expression(
            "$0[$1]?.[$2] ?? $2", state.nested_keys, rx.Var.create(field.name), index, kind=int
        )
        place = browser.expression("$0 + '.' + $1", rx.Var.create(field.name), key)
        path = browser.expression("$0 + '.' + $1", rx.Var.create(field.name), index)
        control_id = browser.expression("$0 + '-' + $1", rx.Var.create(bound.control_id), key)
        number = browser.expression("$0 + 1", index, kind=int)
        named = text(_("%(label)s %(number)s"), label=text(field.label), number=number)
        remove = rx.icon_button(
            rx.icon("trash-2", size=16),
            type="button",
            variant="ghost",
            color_scheme="gray",
            on_click=state.remove_nested(field.name, key),
            custom_attrs={"aria-label": text(_("Remove %(name)s"), name=named)},
        )
        return rx.flex(
            rx.box(_fields(bound, record, place, path, control_id), flex="1", min_width="0"),
            remove,
            key=key.to_string(),
            role="group",
            custom_attrs={
                "aria-label": text(
                    _("%(label)s %(number)s"), label=text(field.label), number=number
                )
            },
            align="start",
            spacing="4",
            style={"padding_bottom": "12px"},
        )

    return rx.box(
        rx.foreach(getattr(state, field.var), row),
        rx.button(
            rx.icon("plus", size=16),
            text(_("Add to %(label)s"), label=text(field.label)),
            type="button",
            variant="soft",
            size="1",
            on_click=state.add_nested(field.name),
        ),
    )


def _fields(bound: Bound, record: Any, place: Any, path: Any, control_id: Any) -> rx.Component:
    """The fields of one record; the marker says that all of them are on the page."""
    name = browser.expression("$0 + '.'", rx.Var.create(place))
    return rx.grid(
        rx.el.input(type="hidden", name=name, default_value="1"),
        *(_field(bound, child, record, place, path, control_id) for child in bound.field.children),
        columns=rx.breakpoints(initial="1", sm="2", md="3"),
        spacing="3",
    )


def _field(
    parent: Bound, child: Field, record: Any, place: Any, path: Any, control_id: Any
) -> rx.Component:
    def under(base: Any, mark: str) -> rx.Var[str]:
        return browser.expression(f"$0 + '{mark}' + $1", rx.Var.create(base), _name(child))

    bound = Bound(
        state=parent.state,
        field=child,
        name=under(place, "."),
        value=_text_of(record, child),
        error=browser.expression("$0[$1] ?? ''", parent.state.field_errors, under(path, ".")),
        control_id=under(control_id, "-"),
    )
    around = below(child, bound.control_id, bound.error, related=bool(child.relation))
    if child.kind == "bool":
        checked = browser.expression("!!$0?.[$1]", record, _name(child), kind=bool)
        return rx.box(checkbox(bound, checked), *around, align_self="center")
    control = _control(bound, record)
    return rx.box(
        labelled(child.label, control, bound.control_id, required=child.required),
        *around,
        min_width="0",
    )


def _name(child: Field) -> rx.Var[str]:
    return rx.Var.create(child.name)


def _text_of(record: Any, child: Field) -> rx.Var[str]:
    return browser.expression(
        # Items that commas would not tell apart stand as a list of JSON.
        "((held) => held === null || held === undefined ? '' : Array.isArray(held) && !$2 "
        "? (held.some((item) => !/^[^,\\[\\s]([^,]*[^,\\s])?$/.test(String(item))) "
        "? JSON.stringify(held.map(String)) : held.join(', ')) "
        ": typeof held === 'object' ? JSON.stringify(held) : String(held))"
        "($0?.[$1])",
        record,
        _name(child),
        rx.Var.create(child.kind == "json"),
    )


def _control(bound: Bound, record: Any) -> rx.Component:
    child = bound.field
    if not child.relation:
        plain = replace(child, kind="list") if child.kind in ("choices", "keys") else child
        return control_of(replace(bound, field=plain))
    return picker(
        bound.state,
        child.relation,
        control_id=bound.control_id,
        name=bound.name,
        value=browser.expression("$0?.[$1] ?? ''", record, _name(child), kind=Any),
        label=child.label,
        many=child.kind == "keys",
        attributes={name: value for name, value in bound.attributes.items() if name != "id"},
        removable=not child.required,
    )


def _unshown(bound: Bound) -> rx.Var[str]:
    """Errors of what is nested here and has no control must not get lost."""
    return browser.expression(
        "Object.entries($0).filter(([path]) => path.startsWith($1 + '.') "
        "&& !$2.includes(path.split('.').pop())).map(([path, text]) => text).join(' ')",
        bound.state.field_errors,
        rx.Var.create(bound.field.name),
        rx.Var.create([child.name for child in bound.field.children]),
    )
