"""What only the browser knows or does: its locale and zone, and values that no server needs."""

from __future__ import annotations

from typing import Any

import reflex as rx
from reflex.experimental.client_state import ClientStateVar
from reflex_base.vars import VarData

__all__ = ["RETURN_FOCUS", "client_value", "expression", "lookup", "moment", "number", "words"]

_FORMATS = {
    # A date has no zone, so it is read and written in the same one.
    "date": ("$0", "{dateStyle: 'medium', timeZone: 'UTC'}"),
    "datetime": ("$0", "{dateStyle: 'medium', timeStyle: 'short'}"),
    "time": ("'1970-01-01T' + $0 + 'Z'", "{timeStyle: 'short', timeZone: 'UTC'}"),
}


# A dialog that no trigger opens does not know by itself what had the focus before.
RETURN_FOCUS: dict[str, Any] = {
    "onOpenAutoFocus": rx.Var("(() => { globalThis.dialogOpener = document.activeElement; })"),
    "onCloseAutoFocus": rx.Var(
        "((event) => { event.preventDefault(); globalThis.dialogOpener?.focus(); })"
    ),
}


def expression(code: str, *values: rx.Var[Any], kind: Any = str) -> rx.Var[Any]:
    """JavaScript over vars, which stand in it as `$0`, `$1` and so on."""
    for index, value in reversed(list(enumerate(values))):
        code = code.replace(f"${index}", f"({value!s})")
    data = VarData.merge(*(value._get_all_var_data() for value in values))
    return rx.Var(_js_expr=f"({code})", _var_type=kind, _var_data=data)


def moment(value: rx.Var[Any], kind: str) -> rx.Var[str]:
    """A date, a time or both as the browser's user writes them; what is none stays as it is."""
    read, options = _FORMATS[kind]
    return expression(
        f"((text) => {{ const at = new Date({read.replace('$0', 'text')}); "
        f"return Number.isNaN(at.getTime()) ? text : "
        f"new Intl.DateTimeFormat(undefined, {options}).format(at); }})($0)",
        value,
    )


def number(value: rx.Var[Any]) -> rx.Var[str]:
    """A number as the browser's user writes it, with the digits that the API sent."""
    return expression(
        "((sent) => { const digits = (String(sent).split('.')[1] ?? '').length; "
        "return /^-?[0-9]+([.][0-9]{1,20})?$/.test(String(sent)) "
        "? new Intl.NumberFormat(undefined, {minimumFractionDigits: digits, "
        "maximumFractionDigits: digits}).format(sent) : String(sent); })($0)",
        value,
    )


def words(value: rx.Var[Any]) -> rx.Var[str]:
    """Any value as text, a list with commas between."""
    return expression(
        "((sent) => Array.isArray(sent) ? sent.map((item) => typeof item === 'object' "
        "? JSON.stringify(item) : String(item)).join(', ') "
        ": typeof sent === 'object' ? JSON.stringify(sent) : String(sent))($0)",
        value,
    )


def lookup(known: dict[str, Any], value: rx.Var[Any]) -> rx.Var[str]:
    """The text that stands for a value, or the value itself."""
    return expression("$0[String($1)] ?? String($1)", rx.Var.create(known), value)


def client_value(state: type[Any], name: str, default: Any) -> ClientStateVar:
    """A value of a state that lives in the browser alone, known to all that stands on a page."""
    full_name = f"{state.get_full_name()}_{name}".replace(".", "_")
    return ClientStateVar.create(full_name, default=default)
