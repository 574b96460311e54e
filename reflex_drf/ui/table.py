"""The rows of a state as a table: typed cells, sorting, and what can be done with a row."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import reflex as rx
from django.utils.translation import gettext_lazy as _

from reflex_drf.state.columns import Column
from reflex_drf.state.description import Description, describe
from reflex_drf.ui import browser
from reflex_drf.ui.browser import address_watch
from reflex_drf.ui.cells import NUMERIC, cell
from reflex_drf.ui.deletion import FocusKeeper, undo_bar
from reflex_drf.ui.emptiness import instead_of_rows
from reflex_drf.ui.inline import Inline
from reflex_drf.ui.links import Links
from reflex_drf.ui.parts import HIDDEN, Style, styled
from reflex_drf.ui.refusals import refusal
from reflex_drf.ui.rowactions import ActionInputs, RowActions, row_actions
from reflex_drf.ui.selection import Selection
from reflex_drf.ui.texts import capital, text
from reflex_drf.ui.tools import Columns

__all__ = ["table"]

Slot = Callable[[Any], rx.Component]
Shown = str | tuple[str, Slot]
# The route below which the rows of a relation have their pages, or the address for a row.
Link = str | Callable[[Any], Any]

_TABLE: Style = {
    "width": "100%",
    "border_collapse": "collapse",
    "font_size": "var(--font-size-2)",
    "& th, & td": {
        "padding": "10px 12px",
        "text_align": "start",
        "vertical_align": "middle",
        "border_bottom": "1px solid var(--gray-a5)",
    },
    "& thead th": {"color": "var(--gray-11)", "font_weight": "500", "white_space": "nowrap"},
    "& tbody th": {"font_weight": "500"},
    "& [data-align='end']": {"text_align": "end"},
    "& [data-buttons], & [data-check]": {"width": "1px"},
    "& [data-check] input": {
        "width": "18px",
        "height": "18px",
        "accent_color": "var(--accent-9)",
        "vertical_align": "middle",
    },
    "& tbody tr:hover": {"background": "var(--gray-a2)"},
    "& tbody tr:focus-visible": {"outline": "2px solid var(--focus-8)", "outline_offset": "-2px"},
}
# What only screen readers see lies out of the flow: it has to scroll along, or it widens the page.
_SCROLLED: Style = {"overflow_x": "auto", "position": "relative"}
# On a phone a row is a card: each value beside its label, and what sorts stands above them.
_NARROW: Style = {
    "@media (max-width: 640px)": {
        "&, & tbody, & tbody tr": {"display": "block"},
        "& thead, & thead tr": {"display": "flex", "flex_wrap": "wrap", "gap": "4px"},
        "& thead th": {"display": "none"},
        "& thead th[data-sorts], & thead th[data-check]": {
            "display": "block",
            "width": "auto",
            "padding": "4px 8px",
            "border": "0",
        },
        "& tbody tr": {"padding": "10px 4px", "border_bottom": "1px solid var(--gray-a5)"},
        "& tbody th, & tbody td": {
            "display": "flex",
            "justify_content": "space-between",
            "gap": "16px",
            "padding": "4px 8px",
            "border": "0",
            "text_align": "end",
        },
        # A long word wraps beside its label, instead of going past the edge.
        "& tbody td > *": {"min_width": "0"},
        "& tbody th": {"font_size": "var(--font-size-3)", "text_align": "start"},
        "& tbody td::before": {
            "content": "attr(data-label)",
            "color": "var(--gray-11)",
            "text_align": "start",
            "flex_shrink": "0",
        },
        "& tbody td[data-buttons]": {"width": "auto", "padding_top": "10px"},
        "& tbody td[data-check]": {"width": "auto", "justify_content": "start"},
        "& tbody td[data-buttons]::before, & tbody td[data-check]::before": {"content": "none"},
    }
}


@dataclass(frozen=True, kw_only=True)
class _Grid:
    """Everything that the cells of one table are made by."""

    state: type[Any]
    known: Description
    chosen: list[tuple[Column, Slot | None]]
    act: RowActions | None
    writable: bool | rx.Var[bool]
    selection: Selection | None
    columns: Columns | None
    inline: Inline | None
    links: Links | None
    relations: Mapping[str, Link]

    def shown(self, column: Column, content: rx.Component) -> rx.Component:
        """A cell or heading, unless its column is hidden."""
        if self.columns is None or column.name in ("", self.known.title):
            return content
        return rx.cond(self.columns.shows(column), content)

    def checks(self, make: Callable[[Selection], rx.Component]) -> list[rx.Component]:
        """The cell or heading with a checkbox, where there are any."""
        if self.selection is None:
            return []
        check = rx.cond(self.selection.offered, make(self.selection))
        return [check if self.writable is True else rx.cond(self.writable, check)]


def table(
    state: type[Any],
    *,
    columns: Sequence[Shown] | None = None,
    cells: Mapping[str, Slot] | None = None,
    actions: Sequence[str] | ActionInputs | None = None,
    row_slot: Slot | None = None,
    writable: bool | rx.Var[bool] = True,
    select: bool | Sequence[str] | ActionInputs = False,
    inline: bool | Sequence[str] = False,
    tools: bool = False,
    empty: rx.Component | None = None,
    no_match: rx.Component | None = None,
    errors: bool = True,
    links: Links | None = None,
    relations: Mapping[str, Link] | None = None,
    **props: Any,
) -> rx.Component:
    """The rows of a state, with what can be done with each of them.

    `columns` are names of fields, or pairs of a heading and a function of the row; `cells` gives
    columns another look by their field. `actions` names the row's extra actions, all that write
    if it is not given; `writable` says when rows may be changed. `select` is for rows to be chosen
    and worked on together, `inline` for cells to be changed where they stand, `tools` for the
    choice of columns and the export. With `links`, rows are opened and edited on pages of their
    own; `relations` says where the rows of relations have theirs.
    """
    known = describe(state)
    every = _choose(known, columns, cells or {}, minor=tools)
    keyed = writable is not False and _has(known, known.key)
    selection = Selection(state, known, select) if keyed and select else None
    grid = _Grid(
        state=state,
        known=known,
        chosen=every,
        act=row_actions(state, known, actions, row_slot, writable, links),
        writable=writable,
        selection=selection if selection is not None and selection.actions else None,
        columns=Columns(state, known, [column for column, _slot in every]) if tools else None,
        inline=Inline(state, known, inline) if keyed and inline else None,
        links=links,
        relations=_known_relations(known, relations or {}),
    )
    return rx.box(
        address_watch(state.load) if known.addressed else rx.fragment(),
        refusal(state) if errors else rx.fragment(),
        _above(grid),
        rx.cond(
            getattr(state, known.list_var),
            rx.box(_table(grid), style=_SCROLLED),
            instead_of_rows(state, known, empty, no_match),
        ),
        undo_bar(state, known) if writable is not False else rx.fragment(),
        grid.act.dialogs.content() if grid.act is not None else rx.fragment(),
        **styled({"width": "100%"}, props),
    )


def _above(grid: _Grid) -> rx.Component:
    bar = grid.selection.bar() if grid.selection else rx.fragment()
    return rx.fragment(
        FocusKeeper.create(),
        rx.flex(grid.columns.tools(), justify="end", padding="0 4px 8px")
        if grid.columns
        else rx.fragment(),
        bar if grid.writable is True else rx.cond(grid.writable, bar),
        grid.inline.client if grid.inline else rx.fragment(),
    )


def _choose(
    known: Description,
    columns: Sequence[Shown] | None,
    cells: Mapping[str, Slot],
    *,
    minor: bool,
) -> list[tuple[Column, Slot | None]]:
    for name in cells:
        known.column(name)
    if columns is None:
        major = [column for column in known.columns if minor or not column.minor]
        return [(column, cells.get(column.name)) for column in major or known.columns]
    return [
        (known.column(shown), cells.get(shown))
        if isinstance(shown, str)
        else (Column(name="", label=shown[0]), shown[1])
        for shown in columns
    ]


def _known_relations(known: Description, relations: Mapping[str, Link]) -> Mapping[str, Link]:
    for name in relations:
        known.column(name)
    return relations


def _table(grid: _Grid) -> rx.Component:
    known, state = grid.known, grid.state
    heading = rx.el.th(
        rx.el.span(text(_("Actions")), style=HIDDEN), scope="col", role="columnheader"
    )
    # Roles by name: as cards, the elements would lose those they have as a table.
    return rx.el.table(
        rx.el.caption(text(capital(known.label_plural)), style=HIDDEN),
        rx.el.thead(
            rx.el.tr(
                *grid.checks(Selection.heading),
                *(grid.shown(column, _heading(state, column)) for column, _slot in grid.chosen),
                *([heading] if grid.act else []),
                role="row",
            ),
            role="rowgroup",
        ),
        rx.el.tbody(
            rx.foreach(getattr(state, known.list_var), lambda row: _row(grid, row)),
            role="rowgroup",
        ),
        role="table",
        custom_attrs={"aria-busy": rx.cond(state.loading, "true", "false")},
        style={**_TABLE, **_NARROW},
    )


def _heading(state: type[Any], column: Column) -> rx.Component:
    align = {"data-align": "end"} if column.kind in NUMERIC else {}
    if not column.ordering:
        return rx.el.th(text(column.label), scope="col", role="columnheader", custom_attrs=align)
    up = state.ordering == column.ordering
    down = state.ordering == f"-{column.ordering}"
    sort = rx.cond(up, "ascending", rx.cond(down, "descending", "none"))
    return rx.el.th(
        rx.el.button(
            text(column.label),
            _arrow(up, down),
            type="button",
            on_click=state.set_ordering(rx.cond(up, f"-{column.ordering}", column.ordering)),
            style=_SORT,
        ),
        scope="col",
        role="columnheader",
        custom_attrs={**align, "aria-sort": sort, "data-sorts": "true"},
    )


_SORT: Style = {
    "display": "inline-flex",
    "align_items": "center",
    "gap": "4px",
    "padding": "4px",
    "margin": "-4px",
    "border": "0",
    "border_radius": "var(--radius-2)",
    "background": "none",
    "color": "inherit",
    "font": "inherit",
    "cursor": "pointer",
    "&:hover": {"color": "var(--gray-12)"},
    "&:focus-visible": {"outline": "2px solid var(--focus-8)"},
}


def _arrow(up: rx.Var[bool], down: rx.Var[bool]) -> rx.Component:
    unsorted = rx.icon("chevrons-up-down", size=14, color="var(--gray-9)")
    return rx.cond(
        up, rx.icon("arrow-up", size=14), rx.cond(down, rx.icon("arrow-down", size=14), unsorted)
    )


def _row(grid: _Grid, row: Any) -> rx.Component:
    known = grid.known
    shown = rx.el.tr(
        *grid.checks(lambda selection: selection.cell(row)),
        *(grid.shown(column, _cell(grid, column, slot, row)) for column, slot in grid.chosen),
        *([_buttons(grid.act, row)] if grid.act is not None else []),
        # A row keeps its dialogs when another one before it goes.
        key=row[known.key].to_string() if _has(known, known.key) else None,
        role="row",
    )
    if not known.undo_seconds or not _has(known, known.key):
        return shown
    leaves = browser.expression(
        "String($0) in ($1 ?? {})", row[known.key], grid.state.pending_deletes, kind=bool
    )
    return rx.cond(leaves, rx.fragment(), shown)


def _buttons(act: Slot, row: Any) -> rx.Component:
    return rx.el.td(act(row), role="cell", custom_attrs={"data-buttons": "true"})


def _has(known: Description, name: str) -> bool:
    return any(column.name == name for column in known.columns)


def _cell(grid: _Grid, column: Column, slot: Slot | None, row: Any) -> rx.Component:
    content = slot(row) if slot is not None else _content(grid, column, row)
    if grid.inline is not None and slot is None:
        content = grid.inline.cell(column, row, content)
    align = {"data-align": "end"} if column.kind in NUMERIC else {}
    if column.name == grid.known.title:
        return rx.el.th(content, scope="row", role="rowheader", custom_attrs=align)
    return rx.el.td(content, role="cell", custom_attrs={**align, "data-label": text(column.label)})


def _content(grid: _Grid, column: Column, row: Any) -> rx.Component:
    known, links = grid.known, grid.links
    if column.name == known.title and links is not None and links.detail and _has(known, known.key):
        name, href = browser.words(row[known.title]), links.to(row[known.key])
        return rx.link(name, href=href, weight="medium", underline="hover")
    content = cell(column, row[column.name])
    link = grid.relations.get(column.name)
    return content if link is None else _linked(link, column, row, content)


def _linked(link: Link, column: Column, row: Any, content: rx.Component) -> rx.Component:
    if callable(link):
        return rx.link(content, href=link(row))
    value = row[column.name]
    key = browser.expression("typeof $0 === 'object' ? $0?.id ?? $0?.pk : $0", value)
    href = browser.expression(f"{json.dumps(link.rstrip('/') + '/')} + encodeURIComponent($0)", key)
    there = browser.expression("($0 ?? '') !== ''", key, kind=bool)
    return rx.cond(there, rx.link(content, href=href), content)
