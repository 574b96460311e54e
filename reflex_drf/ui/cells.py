"""One value of a row, shown as its kind asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import reflex as rx
from django.utils.translation import gettext_lazy as _

from reflex_drf.state.columns import Column
from reflex_drf.ui import browser
from reflex_drf.ui.texts import text

__all__ = ["NUMERIC", "cell"]

#: Kinds that stand at the end of their cell, digit under digit.
NUMERIC = frozenset({"number", "decimal"})
_MUTED = {"color": "var(--gray-11)"}


def cell(column: Column, value: rx.Var[Any]) -> rx.Component:
    """The value of a column, or a dash where there is none."""
    shown = _CELLS.get(column.kind, _text)(column, value)
    missing = browser.expression("($0 ?? '') === '' || $0?.length === 0", value, kind=bool)
    return rx.cond(missing, rx.el.span("—", style=_MUTED), shown)


def _text(column: Column, value: rx.Var[Any]) -> rx.Component:
    # Wraps where it has to, but lets no column shrink to the width of a letter.
    style = {
        "display": "inline-block",
        "max_width": "min(48ch, 60vw)",
        "overflow_wrap": "break-word",
    }
    return rx.el.span(browser.words(value), style=style)


def _number(column: Column, value: rx.Var[Any]) -> rx.Component:
    style = {"font_variant_numeric": "tabular-nums", "white_space": "nowrap"}
    return rx.el.span(browser.number(value), style=style)


def _boolean(column: Column, value: rx.Var[Any]) -> rx.Component:
    return rx.cond(
        value.bool(),
        rx.badge(text(_("Yes")), color_scheme="green", variant="soft"),
        rx.badge(text(_("No")), color_scheme="gray", variant="soft"),
    )


def _choice(column: Column, value: rx.Var[Any]) -> rx.Component:
    known = {str(choice): text(label) for choice, label in column.choices}
    return rx.badge(browser.lookup(known, value), color_scheme="gray", variant="soft")


def _moment(column: Column, value: rx.Var[Any]) -> rx.Component:
    return rx.el.time(
        browser.moment(value, column.kind),
        date_time=value.to(str),
        style={"white_space": "nowrap"},
    )


def _json(column: Column, value: rx.Var[Any]) -> rx.Component:
    style = {
        "display": "inline-block",
        "max_width": "24ch",
        "overflow": "hidden",
        "text_overflow": "ellipsis",
        "white_space": "nowrap",
        "vertical_align": "bottom",
        "font_family": "var(--code-font-family)",
        "font_size": "var(--font-size-1)",
    }
    shown = browser.words(value)
    return rx.el.code(shown, title=shown, style=style)


def _record(column: Column, value: rx.Var[Any]) -> rx.Component:
    name = browser.expression("$0?.[$1] ?? $0", value, rx.Var.create(column.title))
    return _text(column, name)


def _rows(column: Column, value: rx.Var[Any]) -> rx.Component:
    count = browser.expression("Array.isArray($0) ? $0.length : $0", value, kind=int)
    return rx.badge(count, color_scheme="gray", variant="soft")


def _image(column: Column, value: rx.Var[Any]) -> rx.Component:
    style = {"width": "40px", "height": "40px", "object_fit": "cover", "border_radius": "6px"}
    return rx.el.img(src=value.to(str), alt=text(column.label), loading="lazy", style=style)


def _file(column: Column, value: rx.Var[Any]) -> rx.Component:
    name = browser.expression("decodeURI(String($0).split('?')[0].split('/').pop())", value)
    return _link(name, value)


def _url(column: Column, value: rx.Var[Any]) -> rx.Component:
    # A row may hold any text; only an address of the web becomes a link.
    web = browser.expression("/^https?:[/][/]/i.test(String($0))", value, kind=bool)
    return rx.cond(web, _link(browser.words(value), value), _text(column, value))


def _link(shown: rx.Var[str], value: rx.Var[Any]) -> rx.Component:
    return rx.el.a(
        shown,
        href=value.to(str),
        target="_blank",
        rel="noopener noreferrer",
        style={"color": "var(--accent-11)", "overflow_wrap": "anywhere"},
    )


_CELLS: dict[str, Callable[[Column, rx.Var[Any]], rx.Component]] = {
    "number": _number,
    "decimal": _number,
    "boolean": _boolean,
    "choice": _choice,
    "date": _moment,
    "datetime": _moment,
    "time": _moment,
    "json": _json,
    "record": _record,
    "rows": _rows,
    "image": _image,
    "file": _file,
    "url": _url,
}
