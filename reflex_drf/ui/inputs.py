"""One control of a form for each kind of field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import reflex as rx
from django.utils.translation import gettext_lazy as _

from reflex_drf.state.description import Description, Field, describe
from reflex_drf.ui import browser
from reflex_drf.ui.parts import CONTROL, describe_control, element_id, labelled, options
from reflex_drf.ui.picker import picker
from reflex_drf.ui.texts import text

__all__ = ["LEFT_OUT", "field_control", "hints"]

#: Kinds that no control is made for.
LEFT_OUT = frozenset({"rows", "record"})
Control = Callable[[type[Any], Field, dict[str, Any]], rx.Component]
_TYPES = {"email": "email", "url": "url", "date": "date", "time": "time"}
_MODES = {"integer": "numeric", "number": "decimal"}
_HINTS = {
    "key": _("The key of a row."),
    "keys": _("Keys of rows, with commas between."),
    "list": _("Values, with commas between."),
    "json": _("JSON."),
}
# A form sends no control without a name, and Reflex wants one on each that has an id.
_UNSENT = ""
_AREA = {
    **CONTROL,
    "display": "block",
    "padding": "var(--space-2)",
    "resize": "vertical",
    "line_height": "1.5",
}


def field_control(
    state: type[Any],
    known: Description,
    field: Field,
    control: rx.Component | None = None,
    rows: type[Any] | None = None,
) -> rx.Component:
    """A field with its label, its help and its error; `control` stands in for the usual one."""
    control_id = element_id(known.name, field.name)
    error = state.field_errors.get(field.name, "")
    attributes = describe_control(control_id, error, required=field.required)
    below = _below(field, control_id, error, related=rows is not None or bool(field.relation))
    if control is None and field.kind == "bool":
        return rx.box(_checkbox(state, field, attributes), *below, align_self="center")
    if control is None and (field.kind == "choices" or (rows and field.kind == "keys")):
        return _group(state, field, attributes, _choices(field, rows), below)
    if control is None and rows is None and field.relation:
        control = _picker(state, field, attributes)
    elif control is None and rows is not None:
        control = _relation(state, field, attributes, rows)
    elif control is None:
        make: Control = _CONTROLS.get(field.kind, _input)
        control = make(state, field, attributes)
    labelled_control = labelled(field.label, control, control_id, required=field.required)
    wide = {"grid_column": "1 / -1"} if field.kind in ("textarea", "json") else {}
    return rx.box(labelled_control, *below, min_width="0", **wide)


def hints(field: Field, *, related: bool = False) -> list[Any]:
    """What is said below a field: its help text, its limits and how it is written."""
    kind = "" if related else _HINTS.get(field.kind, "")
    said = (text(field.help), _limits(field), text(kind))
    shown = [part for part in said if isinstance(part, rx.Var) or part]
    # Texts of several languages cannot be joined here.
    return [part for text in shown for part in (" ", text)][1:]


def _limits(field: Field) -> Any:
    values = {"least": field.minimum, "most": field.maximum}
    if field.minimum and field.maximum:
        return text(_("From %(least)s to %(most)s."), **values)
    if field.minimum:
        return text(_("At least %(least)s."), **values)
    return text(_("At most %(most)s."), **values) if field.maximum else ""


def _below(
    field: Field, control_id: str, error: Any, *, related: bool
) -> tuple[rx.Component, rx.Component]:
    small = {"font_size": "var(--font-size-1)", "margin_top": "4px"}
    return (
        rx.el.div(
            *hints(field, related=related),
            custom_attrs={"id": f"{control_id}-help"},
            style={**small, "color": "var(--gray-11)"},
        ),
        rx.el.div(
            error,
            custom_attrs={"id": f"{control_id}-error", "aria-live": "polite"},
            style={**small, "color": "var(--red-11)"},
        ),
    )


# -- Controls that the form reads when it is submitted --------------------------------------


def _input(state: type[Any], field: Field, attributes: dict[str, Any]) -> rx.Component:
    extra: dict[str, Any] = {}
    if field.max_length is not None:
        extra["max_length"] = field.max_length
    if field.secret:
        attributes = {**attributes, "autoComplete": "new-password"}
    if field.kind in _MODES:
        attributes = {**attributes, "inputMode": _MODES[field.kind]}
    return rx.el.input(
        type="password" if field.secret else _TYPES.get(field.kind, "text"),
        name=field.name,
        default_value=getattr(state, field.var),
        custom_attrs=attributes,
        style=CONTROL,
        **extra,
    )


def _textarea(state: type[Any], field: Field, attributes: dict[str, Any]) -> rx.Component:
    code = {"font_family": "var(--code-font-family)"} if field.kind == "json" else {}
    return rx.el.textarea(
        name=field.name,
        default_value=getattr(state, field.var),
        rows=4,
        custom_attrs=attributes,
        style={**_AREA, **code},
    )


def _select(state: type[Any], field: Field, attributes: dict[str, Any]) -> rx.Component:
    choices = field.choices
    if field.kind == "nullbool":
        choices = (("true", "Yes"), ("false", "No"))
    return rx.el.select(
        *options(choices, empty="—"),
        name=field.name,
        default_value=getattr(state, field.var),
        custom_attrs=attributes,
        style=CONTROL,
    )


def _datetime(state: type[Any], field: Field, attributes: dict[str, Any]) -> rx.Component:
    # The control knows no zones: it shows the browser's. What is sent is the moment it means, and
    # of what was not touched, the moment as the API gave it, to the second.
    held = getattr(state, field.var)
    shown = browser.expression(
        "((text) => { const at = new Date(text); if (!text || Number.isNaN(at.getTime())) "
        "return ''; return new Date(at.getTime() - at.getTimezoneOffset() * 60000)"
        ".toISOString().slice(0, 16); })($0)",
        held,
    )
    sent = "value && new Date(value).toISOString()" if field.aware else "value"
    keep: rx.Var[Any] = rx.Var(
        f"(({{target: {{value, nextSibling}}}}) => {{ nextSibling.value = {sent}; }})"
    )
    return rx.fragment(
        rx.el.input(
            type="datetime-local",
            name=_UNSENT,
            default_value=shown,
            custom_attrs={**attributes, "onInput": keep},
            style=CONTROL,
        ),
        # Not of the type "hidden": of that, React puts the first value back when it draws anew.
        rx.el.input(
            type="text",
            name=field.name,
            default_value=held,
            custom_attrs={"hidden": True, "aria-hidden": "true"},
        ),
    )


# -- Controls that set their var at once ----------------------------------------------------


def _list(state: type[Any], field: Field, attributes: dict[str, Any]) -> rx.Component:
    code = "$0.split(',').map((item) => item.trim()).filter((item) => item)"
    return rx.el.input(
        type="text",
        name=_UNSENT,
        default_value=browser.words(getattr(state, field.var)),
        on_change=lambda value: getattr(state, field.setter)(
            browser.expression(code, value, kind=list[str])
        ),
        custom_attrs=attributes,
        style=CONTROL,
    )


def _checkbox(state: type[Any], field: Field, attributes: dict[str, Any]) -> rx.Component:
    return rx.el.label(
        rx.checkbox(
            name=_UNSENT,
            checked=getattr(state, field.var),
            on_change=getattr(state, field.setter),
            custom_attrs=attributes,
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


def _picker(state: type[Any], field: Field, attributes: dict[str, Any]) -> rx.Component:
    return picker(
        state,
        field.relation,
        control_id=attributes["id"],
        value=getattr(state, field.var),
        label=field.label,
        many=field.kind == "keys",
        attributes={name: value for name, value in attributes.items() if name != "id"},
        removable=not field.required,
        on_choose=getattr(state, field.setter),
    )


def _relation(
    state: type[Any], field: Field, attributes: dict[str, Any], rows: type[Any]
) -> rx.Component:
    known, held = describe(rows), getattr(state, field.var)
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
        name=_UNSENT,
        value=held,
        on_change=getattr(state, field.setter),
        custom_attrs=attributes,
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


def _group(
    state: type[Any],
    field: Field,
    attributes: dict[str, Any],
    pairs: Pairs,
    below: tuple[rx.Component, rx.Component],
) -> rx.Component:
    held, setter = getattr(state, field.var), getattr(state, field.setter)

    def box(value: Any, label: Any) -> rx.Component:
        toggled = browser.expression(
            "$0.includes($1) ? $0.filter((item) => item !== $1) : [...$0, $1]",
            held,
            value,
            kind=list[str],
        )
        return rx.el.label(
            rx.checkbox(checked=held.contains(value), on_change=lambda _: setter(toggled)),
            label,
            style={"display": "inline-flex", "gap": "6px", "font_size": "var(--font-size-2)"},
        )

    legend = {"font_size": "var(--font-size-2)", "font_weight": "500", "padding": "0"}
    return rx.el.fieldset(
        rx.el.legend(text(field.label), style=legend),
        rx.flex(*pairs(box), wrap="wrap", spacing="4", margin_top="6px"),
        *below,
        custom_attrs={name: attributes[name] for name in ("id", "aria-describedby")},
        style={"border": "0", "padding": "0", "margin": "0", "min_width": "0"},
    )


_CONTROLS: dict[str, Control] = {
    "textarea": _textarea,
    "json": _textarea,
    "choice": _select,
    "nullbool": _select,
    "datetime": _datetime,
    "list": _list,
    "keys": _list,
}
