"""A field of a form with its label, its help and its error, and the controls that act at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import reflex as rx
from django.utils.translation import gettext_lazy as _

from reflex_drf.state.description import Description, Field, Upload, describe
from reflex_drf.ui import browser
from reflex_drf.ui.files import file_control
from reflex_drf.ui.inputs import UNSENT, Bound, below, control_of
from reflex_drf.ui.nested import nested_control
from reflex_drf.ui.parts import CONTROL, describe_control, element_id, labelled
from reflex_drf.ui.picker import picker
from reflex_drf.ui.texts import text

__all__ = ["LEFT_OUT", "WIDE", "field_control", "upload_control"]

#: Kinds that have no control where their own fields are not known.
LEFT_OUT = frozenset({"rows", "record"})
WIDE = {"grid_column": "1 / -1"}


def field_control(
    state: type[Any],
    known: Description,
    field: Field,
    control: rx.Component | None = None,
    rows: type[Any] | None = None,
) -> rx.Component:
    """A field with its label, its help and its error; `control` stands in for the usual one."""
    bound = Bound(
        state=state,
        field=field,
        name=field.name,
        value=getattr(state, field.var),
        error=state.field_errors.get(field.name, ""),
        control_id=element_id(known.name, field.name),
    )
    around = below(
        field, bound.control_id, bound.error, related=rows is not None or bool(field.relation)
    )
    if control is None and field.children:
        return nested_control(bound, around)
    if control is None and field.kind == "bool":
        return rx.box(_checkbox(bound), *around, align_self="center")
    if control is None and (field.kind == "choices" or (rows and field.kind == "keys")):
        return _group(bound, _choices(field, rows), around)
    if control is None:
        control = _control(bound, rows)
    shown = labelled(field.label, control, bound.control_id, required=field.required)
    return rx.box(
        shown, *around, min_width="0", **(WIDE if field.kind in ("textarea", "json") else {})
    )


def _control(bound: Bound, rows: type[Any] | None) -> rx.Component:
    if rows is not None:
        return _relation(bound, rows)
    if bound.field.relation:
        return _picker(bound)
    if bound.field.kind in ("list", "keys"):
        return _list(bound)
    return control_of(bound)


def upload_control(state: type[Any], known: Description, upload: Upload) -> rx.Component:
    """A file with its label, its help and its error."""
    control_id = element_id(known.name, upload.name)
    error = state.field_errors.get(upload.name, "")
    attributes = describe_control(control_id, error, required=upload.required)
    control = file_control(state, upload, attributes)
    return rx.box(
        labelled(upload.label, control, control_id, required=upload.required),
        *below(upload, control_id, error),
        min_width="0",
    )


# -- Controls that set their var at once ----------------------------------------------------


def _list(bound: Bound) -> rx.Component:
    state, field = bound.state, bound.field
    code = "$0.split(',').map((item) => item.trim()).filter((item) => item)"
    return rx.el.input(
        type="text",
        name=UNSENT,
        default_value=browser.words(bound.value),
        on_change=lambda value: getattr(state, field.setter)(
            browser.expression(code, value, kind=list[str])
        ),
        custom_attrs=bound.attributes,
        style=CONTROL,
    )


def _checkbox(bound: Bound) -> rx.Component:
    state, field = bound.state, bound.field
    return rx.el.label(
        rx.checkbox(
            name=UNSENT,
            checked=bound.value,
            on_change=getattr(state, field.setter),
            custom_attrs={**bound.attributes, "aria-label": text(field.label)},
        ),
        text(field.label),
        style={
            "display": "inline-flex",
            "align_items": "center",
            "gap": "8px",
            "font_size": "var(--font-size-2)",
            "font_weight": "500",
        },
    )


def _picker(bound: Bound) -> rx.Component:
    state, field, attributes = bound.state, bound.field, bound.attributes
    return picker(
        state,
        field.relation,
        control_id=attributes["id"],
        value=bound.value,
        label=field.label,
        many=field.kind == "keys",
        attributes={name: value for name, value in attributes.items() if name != "id"},
        removable=not field.required,
        on_choose=getattr(state, field.setter),
    )


def _relation(bound: Bound, rows: type[Any]) -> rx.Component:
    known, held = describe(rows), bound.value
    listed = browser.expression(
        "$0.some((row) => String(row[$1]) === String($2))",
        getattr(rows, known.list_var),
        rx.Var.create(known.key),
        held,
        kind=bool,
    )
    return rx.el.select(
        rx.el.option("—", value=""),
        # A row that is not on the page of the list stays chosen.
        rx.cond(
            listed | (held == ""),
            rx.fragment(),
            rx.el.option(text(_("No. %(key)s"), key=held), value=held),
        ),
        _row_options(rows, known),
        name=UNSENT,
        value=held,
        on_change=getattr(bound.state, bound.field.setter),
        custom_attrs=bound.attributes,
        style=CONTROL,
    )


def _row_options(rows: type[Any], known: Description) -> rx.Component:
    return rx.foreach(
        getattr(rows, known.list_var),
        lambda row: rx.el.option(
            row[known.title].to_string(use_json=False),
            value=row[known.key].to_string(use_json=False),
        ),
    )


Pairs = Callable[[Callable[[Any, Any], rx.Component]], list[rx.Component]]


def _choices(field: Field, rows: type[Any] | None) -> Pairs:
    if rows is None:
        return lambda box: [box(rx.Var.create(str(v)), text(label)) for v, label in field.choices]
    known = describe(rows)
    return lambda box: [
        rx.foreach(
            getattr(rows, known.list_var),
            lambda row: box(
                row[known.key].to_string(use_json=False),
                row[known.title].to_string(use_json=False),
            ),
        )
    ]


def _group(bound: Bound, pairs: Pairs, around: tuple[rx.Component, rx.Component]) -> rx.Component:
    field, held, attributes = bound.field, bound.value.to(list[str]), bound.attributes
    setter = getattr(bound.state, field.setter)

    def box(value: Any, label: Any) -> rx.Component:
        toggled = browser.expression(
            "$0.includes($1) ? $0.filter((item) => item !== $1) : [...$0, $1]",
            held,
            value,
            kind=list[str],
        )
        return rx.el.label(
            rx.checkbox(
                checked=held.contains(value),
                on_change=lambda _: setter(toggled),
                custom_attrs={"aria-label": label},
            ),
            label,
            style={"display": "inline-flex", "gap": "6px", "font_size": "var(--font-size-2)"},
        )

    legend = {"font_size": "var(--font-size-2)", "font_weight": "500", "padding": "0"}
    return rx.el.fieldset(
        rx.el.legend(text(field.label), style=legend),
        rx.flex(*pairs(box), wrap="wrap", spacing="4", margin_top="6px"),
        *around,
        custom_attrs={name: attributes[name] for name in ("id", "aria-describedby")},
        style={"border": "0", "padding": "0", "margin": "0", "min_width": "0"},
    )
