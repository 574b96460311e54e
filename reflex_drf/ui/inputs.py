"""One control of a form for each kind of field that the form reads when it is sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import reflex as rx
from django.utils.translation import gettext_lazy as _

from reflex_drf.state.description import Field, Upload
from reflex_drf.ui import browser
from reflex_drf.ui.parts import CONTROL, SMALL_BOX, describe_control, options
from reflex_drf.ui.scripting import Scripted
from reflex_drf.ui.texts import text

__all__ = ["UNSENT", "Bound", "below", "checkbox", "control_of", "hints"]

Control = Callable[["Bound"], rx.Component]
_TYPES = {"email": "email", "url": "url", "date": "date", "time": "time"}
_MODES = {"integer": "numeric", "number": "decimal"}
_HINTS = {
    "key": _("The key of a row."),
    "keys": _("Keys of rows, with commas between."),
    "list": _("Values, with commas between."),
    "duration": _("Days and a time, like 2 03:30:00."),
    "json": _("JSON."),
}
# A form sends no control without a name, and Reflex wants one on each that has an id.
UNSENT = ""
_AREA = {
    **CONTROL,
    "display": "block",
    "padding": "var(--space-2)",
    "resize": "vertical",
    "line_height": "1.5",
}


@dataclass(frozen=True, kw_only=True)
class Bound:
    """A field at its place in a form: what it is called there, holds, and what is wrong with it."""

    state: type[Any]
    field: Field
    name: Any
    value: rx.Var[Any]
    error: rx.Var[str]
    control_id: Any

    @property
    def attributes(self) -> dict[str, Any]:
        """What tells assistive technology about the control, besides its label."""
        return describe_control(self.control_id, self.error, required=self.field.required)


def control_of(bound: Bound) -> rx.Component:
    """The control of a field, which the form reads by its name."""
    make: Control = _CONTROLS.get(bound.field.kind, _input)
    return make(bound)


def hints(field: Field | Upload, *, related: bool = False) -> list[Any]:
    """What is said below a field: its help text, its limits and how it is written."""
    kind = "" if related else _HINTS.get(getattr(field, "kind", ""), "")
    limits = _limits(field) if isinstance(field, Field) else ""
    said = (text(field.help), limits, text(kind))
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


def below(
    field: Field | Upload, control_id: Any, error: Any, *, related: bool = False
) -> tuple[rx.Component, rx.Component]:
    """What stands below a control: its help, and what is wrong with it."""
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


# -- The controls ---------------------------------------------------------------------------


def _input(bound: Bound) -> rx.Component:
    field, attributes = bound.field, bound.attributes
    extra: dict[str, Any] = {}
    if field.max_length is not None:
        extra["max_length"] = field.max_length
    if field.secret:
        attributes = {**attributes, "autoComplete": "new-password"}
    if field.kind in _MODES:
        attributes = {**attributes, "inputMode": _MODES[field.kind]}
    return rx.el.input(
        type="password" if field.secret else _TYPES.get(field.kind, "text"),
        name=bound.name,
        default_value=bound.value,
        custom_attrs=attributes,
        style=CONTROL,
        **extra,
    )


def checkbox(bound: Bound, checked: rx.Var[bool]) -> rx.Component:
    """A box with its label, which the form sends only if it is checked."""
    return rx.el.label(
        rx.el.input(
            type="checkbox",
            name=bound.name,
            default_checked=checked,
            custom_attrs=bound.attributes,
            style=SMALL_BOX,
        ),
        text(bound.field.label),
        style={
            "display": "inline-flex",
            "align_items": "center",
            "gap": "8px",
            "font_size": "var(--font-size-2)",
        },
    )


def _textarea(bound: Bound) -> rx.Component:
    return rx.el.textarea(
        name=bound.name,
        default_value=bound.value,
        rows=4,
        custom_attrs=bound.attributes,
        style=_AREA,
    )


class JsonArea(Scripted):
    """A text area that says at once what is wrong with the JSON in it."""

    tag = "ReflexDrfJson"
    _script_name: str = "json"

    name: rx.Var[str]
    value: rx.Var[str]
    attributes: rx.Var[dict[str, Any]]
    texts: rx.Var[dict[str, str]]


def _json(bound: Bound) -> rx.Component:
    code = {"font_family": "var(--code-font-family)"}
    wrong = {"font_size": "var(--font-size-1)", "color": "var(--red-11)"}
    return rx.box(
        JsonArea.create(
            name=bound.name,
            value=bound.value,
            attributes=bound.attributes,
            texts={"invalid": text(_("This is no valid JSON:"))},
        ),
        style={"& textarea": {**_AREA, **code}, "& [data-wrong]": wrong},
    )


def _select(bound: Bound) -> rx.Component:
    choices: Any = bound.field.choices
    if bound.field.kind == "nullbool":
        choices = (("true", _("Yes")), ("false", _("No")))
    return rx.el.select(
        *options(choices, empty="—"),
        name=bound.name,
        default_value=bound.value,
        custom_attrs=bound.attributes,
        style=CONTROL,
    )


def _datetime(bound: Bound) -> rx.Component:
    # The control knows no zones: it shows the browser's. What is sent is the moment it means, and
    # of what was not touched, the moment as the API gave it, to the second.
    shown = browser.expression(
        "((text) => { const at = new Date(text); if (!text || Number.isNaN(at.getTime())) "
        "return ''; return new Date(at.getTime() - at.getTimezoneOffset() * 60000)"
        ".toISOString().slice(0, 16); })($0)",
        bound.value,
    )
    sent = "value && new Date(value).toISOString()" if bound.field.aware else "value"
    keep: rx.Var[Any] = rx.Var(
        f"(({{target: {{value, nextSibling}}}}) => {{ nextSibling.value = {sent}; }})"
    )
    return rx.fragment(
        rx.el.input(
            type="datetime-local",
            name=UNSENT,
            default_value=shown,
            custom_attrs={**bound.attributes, "onInput": keep},
            style=CONTROL,
        ),
        # Not of the type "hidden": of that, React puts the first value back when it draws anew.
        rx.el.input(
            type="text",
            name=bound.name,
            default_value=bound.value,
            custom_attrs={"hidden": True, "aria-hidden": "true"},
        ),
    )


_CONTROLS: dict[str, Control] = {
    "textarea": _textarea,
    "json": _json,
    "choice": _select,
    "nullbool": _select,
    "datetime": _datetime,
}
