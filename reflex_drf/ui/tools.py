"""Which columns a table shows, and the whole of it as a file."""

from __future__ import annotations

from typing import Any

import reflex as rx
from django.utils.translation import gettext_lazy as _

from reflex_drf.state.columns import Column
from reflex_drf.state.description import Description
from reflex_drf.ui import browser
from reflex_drf.ui.parts import SMALL_BOX, Style
from reflex_drf.ui.scripting import Scripted
from reflex_drf.ui.texts import text

__all__ = ["Columns"]

_BOXES: Style = {
    "& fieldset": {"border": "0", "margin": "0", "padding": "0", "min_width": "180px"},
    "& legend": {"font_weight": "500", "margin_bottom": "8px"},
    "& label": {
        "display": "flex",
        "align_items": "center",
        "gap": "8px",
        "padding": "5px 0",
        "font_size": "var(--font-size-2)",
    },
    "& input": SMALL_BOX,
}


class ColumnMemory(Scripted):
    """What the browser remembers of the hidden columns."""

    tag = "ReflexDrfColumnMemory"
    _script_name: str = "table"

    name: rx.Var[str]
    hide: rx.Var[Any]


class ColumnBoxes(Scripted):
    """A checkbox for each column."""

    tag = "ReflexDrfColumns"
    _script_name: str = "table"

    name: rx.Var[str]
    hidden: rx.Var[list[str]]
    hide: rx.Var[Any]
    columns: rx.Var[list[list[str]]]
    label: rx.Var[str]
    fixed: rx.Var[str]


class Columns:
    """The columns of one table that can be hidden, which the browser remembers."""

    def __init__(self, state: type[Any], known: Description, columns: list[Column]) -> None:
        self.state, self.known = state, known
        self.columns = [column for column in columns if column.name]
        usual = [column.name for column in self.columns if self._is_minor(column)]
        self._client = browser.client_value(state, "hidden", default=usual)
        self._hide = browser.setter(self._client)

    @property
    def _name(self) -> str:
        return f"reflex_drf.columns.{self.state.get_full_name()}"

    def _is_minor(self, column: Column) -> bool:
        return column.minor and column.name != self.known.title

    def shows(self, column: Column) -> rx.Var[bool]:
        """Whether a column is not hidden."""
        if column.name in ("", self.known.title):
            return rx.Var.create(True)
        return browser.expression(f"!$0.includes('{column.name}')", self._client.value, kind=bool)

    def tools(self) -> rx.Component:
        """The buttons for the columns and for the file."""
        return rx.flex(
            self._client,
            ColumnMemory.create(name=self._name, hide=self._hide),
            self._chooser(),
            self._export() if self.known.exports else rx.fragment(),
            rx.el.span(
                role="alert",
                custom_attrs={"data-export-problem": "true"},
                style={"color": "var(--red-11)", "font_size": "var(--font-size-2)"},
            ),
            align="center",
            spacing="4",
            wrap="wrap",
        )

    def _chooser(self) -> rx.Component:
        boxes = ColumnBoxes.create(
            name=self._name,
            hidden=self._client.value,
            hide=self._hide,
            columns=[[column.name, text(column.label)] for column in self.columns],
            label=text(_("Columns")),
            fixed=self.known.title,
        )
        return rx.popover.root(
            rx.popover.trigger(_tool("columns-3", text(_("Columns")))),
            rx.popover.content(
                rx.box(boxes, style=_BOXES),
                align="end",
                # On a small screen it scrolls, instead of going past the edge.
                max_height="var(--radix-popover-content-available-height)",
                custom_attrs={"aria-label": text(_("Columns"))},
            ),
        )

    def _export(self) -> rx.Component:
        names = [column.name for column in self.columns]
        shown = browser.expression(
            f"$0.filter((name) => name === '{self.known.title}' || !$1.includes(name))",
            rx.Var.create(names),
            self._client.value,
            kind=list[str],
        )
        return _tool("download", text(_("Export")), on_click=self.state.export(shown))


def _tool(icon: str, label: Any, **props: Any) -> rx.Component:
    return rx.button(
        rx.icon(icon, size=16), label, variant="ghost", color_scheme="gray", type="button", **props
    )
