"""The rows of a state as a table: typed cells, sorting, and what can be done with a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import reflex as rx
from django.utils.translation import gettext_lazy as _

from reflex_drf.state.columns import Column
from reflex_drf.state.description import Description, describe
from reflex_drf.ui import browser
from reflex_drf.ui.cells import NUMERIC, cell
from reflex_drf.ui.links import Links
from reflex_drf.ui.parts import HIDDEN, Style, styled
from reflex_drf.ui.refusals import refusal
from reflex_drf.ui.rowactions import ActionInputs, row_actions
from reflex_drf.ui.texts import capital, text

__all__ = ["table"]

Slot = Callable[[Any], rx.Component]
Shown = str | tuple[str, Slot]

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
    "& [data-buttons]": {"width": "1px"},
    "& tbody tr:hover": {"background": "var(--gray-a2)"},
}
# On a phone a row is a card: each value beside its label, and what sorts stands above them.
_NARROW: Style = {
    "@media (max-width: 640px)": {
        "&, & tbody, & tbody tr": {"display": "block"},
        "& thead, & thead tr": {"display": "flex", "flex_wrap": "wrap", "gap": "4px"},
        "& thead th": {"display": "none"},
        "& thead th[data-sorts]": {"display": "block", "padding": "4px 8px", "border": "0"},
        "& tbody tr": {"padding": "10px 4px", "border_bottom": "1px solid var(--gray-a5)"},
        "& tbody th, & tbody td": {
            "display": "flex",
            "justify_content": "space-between",
            "gap": "16px",
            "padding": "4px 8px",
            "border": "0",
            "text_align": "end",
        },
        "& tbody th": {"font_size": "var(--font-size-3)", "text_align": "start"},
        "& tbody td::before": {
            "content": "attr(data-label)",
            "color": "var(--gray-11)",
            "text_align": "start",
            "flex_shrink": "0",
        },
        "& tbody td[data-buttons]": {"width": "auto", "padding_top": "10px"},
        "& tbody td[data-buttons]::before": {"content": "none"},
    }
}


def table(
    state: type[Any],
    *,
    columns: Sequence[Shown] | None = None,
    cells: Mapping[str, Slot] | None = None,
    actions: Sequence[str] | ActionInputs | None = None,
    row_slot: Slot | None = None,
    writable: bool | rx.Var[bool] = True,
    empty: rx.Component | None = None,
    no_match: rx.Component | None = None,
    errors: bool = True,
    links: Links | None = None,
    **props: Any,
) -> rx.Component:
    """The rows of a state, with what can be done with each of them.

    `columns` are names of fields, or pairs of a heading and a function of the row; `cells` gives
    columns another look by their field. `actions` names the row's extra actions, all that write
    if it is not given; `writable` says when rows may be changed. With `links`, rows are opened and
    edited on pages of their own.
    """
    known = describe(state)
    chosen = _choose(known, columns, _linked(known, links) | dict(cells or {}))
    rows = getattr(state, known.list_var)
    return rx.box(
        refusal(state) if errors else rx.fragment(),
        rx.cond(
            rows,
            _grid(
                state, known, chosen, row_actions(state, known, actions, row_slot, writable, links)
            ),
            _instead(state, known, empty, no_match),
        ),
        **styled({"width": "100%", "overflow_x": "auto"}, props),
    )


def _linked(known: Description, links: Links | None) -> dict[str, Slot]:
    """The cell of the title as a link to the page of its row."""
    if links is None or not links.detail or not _has(known, known.key):
        return {}

    def title(row: Any) -> rx.Component:
        name = browser.words(row[known.title])
        return rx.link(name, href=links.to(row[known.key]), weight="medium", underline="hover")

    return {known.title: title} if _has(known, known.title) else {}


def _choose(
    known: Description, columns: Sequence[Shown] | None, cells: Mapping[str, Slot]
) -> list[tuple[Column, Slot | None]]:
    for name in cells:
        known.column(name)
    if columns is None:
        major = [column for column in known.columns if not column.minor]
        return [(column, cells.get(column.name)) for column in major or known.columns]
    return [
        (known.column(shown), cells.get(shown))
        if isinstance(shown, str)
        else (Column(name="", label=shown[0]), shown[1])
        for shown in columns
    ]


def _grid(
    state: type[Any],
    known: Description,
    chosen: list[tuple[Column, Slot | None]],
    act: Slot | None,
) -> rx.Component:
    heading = rx.el.th(
        rx.el.span(text(_("Actions")), style=HIDDEN), scope="col", role="columnheader"
    )
    # Roles by name: as cards, the elements would lose those they have as a table.
    return rx.el.table(
        rx.el.caption(text(capital(known.label_plural)), style=HIDDEN),
        rx.el.thead(
            rx.el.tr(
                *(_heading(state, column) for column, _ in chosen),
                *([heading] if act else []),
                role="row",
            ),
            role="rowgroup",
        ),
        rx.el.tbody(
            rx.foreach(getattr(state, known.list_var), lambda row: _row(known, chosen, act, row)),
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


def _row(
    known: Description,
    chosen: list[tuple[Column, Slot | None]],
    act: Slot | None,
    row: Any,
) -> rx.Component:
    return rx.el.tr(
        *(_cell(known, column, slot, row) for column, slot in chosen),
        *([_buttons(act, row)] if act else []),
        # A row keeps its dialogs when another one before it goes.
        key=row[known.key].to_string() if _has(known, known.key) else None,
        role="row",
    )


def _buttons(act: Slot, row: Any) -> rx.Component:
    return rx.el.td(act(row), role="cell", custom_attrs={"data-buttons": "true"})


def _has(known: Description, name: str) -> bool:
    return any(column.name == name for column in known.columns)


def _cell(known: Description, column: Column, slot: Slot | None, row: Any) -> rx.Component:
    content = slot(row) if slot is not None else cell(column, row[column.name])
    align = {"data-align": "end"} if column.kind in NUMERIC else {}
    if column.name == known.title:
        return rx.el.th(content, scope="row", role="rowheader", custom_attrs=align)
    return rx.el.td(content, role="cell", custom_attrs={**align, "data-label": text(column.label)})


# -- Instead of rows ------------------------------------------------------------------------


def _instead(
    state: type[Any], known: Description, empty: rx.Component | None, no_match: rx.Component | None
) -> rx.Component:
    narrowed = (state.search != "") | (state.filters.length() > 0)
    name = known.label_plural
    clear = (
        rx.button(text(_("Clear search and filters")), on_click=state.clear_filter, variant="soft")
        if known.searches or known.filters
        else rx.fragment()
    )
    return rx.cond(
        state.loading,
        rx.box(*(_skeleton() for _ in range(5)), custom_attrs={"aria-busy": "true"}),
        rx.cond(
            state.error,
            rx.fragment(),
            rx.cond(
                narrowed,
                no_match or _message("search-x", text(_("No %(names)s match."), names=name), clear),
                empty
                or _message(
                    "inbox", text(_("There are no %(names)s yet."), names=name), rx.fragment()
                ),
            ),
        ),
    )


def _message(icon: str, said: Any, *actions: rx.Component) -> rx.Component:
    return rx.flex(
        rx.icon(icon, size=28, color="var(--gray-9)"),
        rx.text(said, color="var(--gray-11)", role="status"),
        *actions,
        direction="column",
        align="center",
        spacing="3",
        padding="48px 16px",
    )


def _skeleton() -> rx.Component:
    return rx.flex(
        *(rx.skeleton(height="16px", width=width) for width in ("34%", "18%", "12%")),
        justify="between",
        padding="14px 12px",
    )
