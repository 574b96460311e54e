"""One row in full: all that the viewset's `retrieve` shows, with what can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import reflex as rx

from reflex_drf.errors import ConfigurationError
from reflex_drf.state.columns import Column
from reflex_drf.state.description import Description, describe
from reflex_drf.ui import browser
from reflex_drf.ui.cells import cell
from reflex_drf.ui.deletion import undo_bar
from reflex_drf.ui.links import Links
from reflex_drf.ui.parts import Style, styled
from reflex_drf.ui.refusals import progress, refusal
from reflex_drf.ui.rowactions import ActionInputs, row_actions
from reflex_drf.ui.texts import capital, text

__all__ = ["detail"]

Slot = Callable[[Any], rx.Component]

_LIST: Style = {
    "display": "grid",
    "grid_template_columns": "minmax(120px, 240px) minmax(0, 1fr)",
    "margin": "0",
    "font_size": "var(--font-size-2)",
    "& > div": {
        "display": "grid",
        "grid_template_columns": "subgrid",
        "grid_column": "1 / -1",
        "gap": "16px",
        "padding": "12px 4px",
        "border_bottom": "1px solid var(--gray-a5)",
    },
    "& > div:last-child": {"border_bottom": "0"},
    "& dt": {"color": "var(--gray-11)"},
    "& dd": {"margin": "0", "min_width": "0", "overflow_wrap": "anywhere"},
    "@media (max-width: 640px)": {
        "grid_template_columns": "minmax(0, 1fr)",
        "& > div": {"grid_template_columns": "minmax(0, 1fr)", "gap": "4px"},
    },
}
_NESTED: Style = {
    "border_collapse": "collapse",
    "font_size": "var(--font-size-2)",
    "& th, & td": {"padding": "4px 16px 4px 0", "text_align": "start", "vertical_align": "top"},
    "& th": {"color": "var(--gray-11)", "font_weight": "500"},
}


def detail(
    state: type[Any],
    *,
    columns: Sequence[str] | None = None,
    cells: Mapping[str, Slot] | None = None,
    actions: Sequence[str] | ActionInputs | None = None,
    buttons: Slot | None = None,
    writable: bool | rx.Var[bool] = True,
    key: rx.Var[Any] | None = None,
    heading: str = "h2",
    links: Links | None = None,
    **props: Any,
) -> rx.Component:
    """The row that `open_row` or `load_detail` has read, with its title and its actions.

    `key` is the key that the page is about: until that row is there, a skeleton stands for it.
    `columns`, `cells`, `actions` and `writable` are those of `table`; `buttons` adds to them.
    """
    known = describe(state)
    if not hasattr(state, "detail_row"):
        raise ConfigurationError(f"{known.name} has no single rows: its viewset has no `retrieve`.")
    row, own = state.detail_row, cells or {}
    shown = _choose(known, columns, own)
    there = (state.detail_key != "") if key is None else (state.detail_key == key)
    there = there & browser.filled(row)
    act = row_actions(state, known, actions, buttons, writable, links, place="row")
    content = rx.fragment(
        _header(known, row, heading, act),
        rx.el.dl(
            *(_entry(column, row[column.name], own.get(column.name), row) for column in shown),
            style=_LIST,
        ),
    )
    return rx.box(
        progress(state),
        refusal(state, retry=state.load_detail, margin_bottom="12px"),
        rx.cond(there, content, rx.cond(state.error == "", _skeleton(len(shown)))),
        act.dialogs.content() if act is not None else rx.fragment(),
        # Beside a table, the table has it.
        undo_bar(state, known) if key is not None else rx.fragment(),
        **styled({"width": "100%"}, props),
    )


def _choose(known: Description, columns: Sequence[str] | None, cells: Mapping[str, Slot]) -> Any:
    named = {column.name: column for column in known.details}
    unknown = [name for name in (*(columns or ()), *cells) if name not in named]
    if unknown:
        raise ConfigurationError(
            f"{known.name} has no column {unknown[0]!r} in full; known are {', '.join(named)}."
        )
    return [named[name] for name in columns] if columns is not None else list(known.details)


def _header(known: Description, row: Any, heading: str, act: Slot | None) -> rx.Component:
    named = any(column.name == known.title for column in known.details)
    title = browser.words(row[known.title]) if named else text(capital(known.label))
    return rx.flex(
        rx.heading(title, as_=heading, size="6", style={"overflow_wrap": "anywhere"}),
        rx.box(act(row), flex_shrink="0") if act is not None else rx.fragment(),
        align="center",
        justify="between",
        wrap="wrap",
        spacing="4",
        margin_bottom="12px",
    )


def _entry(column: Column, value: Any, slot: Slot | None, row: Any) -> rx.Component:
    shown = slot(row) if slot is not None else _value(column, value)
    return rx.el.div(rx.el.dt(text(column.label)), rx.el.dd(shown))


def _value(column: Column, value: Any) -> rx.Component:
    if column.kind == "rows" and column.columns:
        nested = browser.expression("Array.isArray($0) ? $0 : []", value, kind=list[dict[str, Any]])
        return rx.cond(browser.filled(nested), _nested(column, nested), cell(column, value))
    if column.kind == "record" and column.columns:
        return rx.cond(browser.filled(value), _record(column, value), cell(column, value))
    if column.kind == "json":
        return _json(value)
    if column.kind == "text":
        return rx.el.span(cell(column, value), style={"white_space": "pre-wrap"})
    return cell(column, value)


def _nested(column: Column, rows: Any) -> rx.Component:
    head = rx.el.tr(*(rx.el.th(text(item.label), scope="col") for item in column.columns))
    return rx.box(
        rx.el.table(
            rx.el.thead(head),
            rx.el.tbody(
                rx.foreach(
                    rows,
                    lambda row: rx.el.tr(
                        *(rx.el.td(cell(item, row[item.name])) for item in column.columns)
                    ),
                )
            ),
            style=_NESTED,
        ),
        overflow_x="auto",
        tab_index=0,
        role="region",
        custom_attrs={"aria-label": text(column.label)},
    )


def _record(column: Column, value: Any) -> rx.Component:
    held = value.to(dict[str, Any])
    return rx.el.dl(
        *(_entry(item, held[item.name], None, held) for item in column.columns),
        style={**_LIST, "& > div": {**_LIST["& > div"], "padding": "2px 0", "border_bottom": "0"}},
    )


def _json(value: Any) -> rx.Component:
    written = browser.expression("JSON.stringify($0, null, 2) ?? '—'", value)
    style = {
        "margin": "0",
        "white_space": "pre-wrap",
        "font_family": "var(--code-font-family)",
        "font_size": "var(--font-size-1)",
    }
    return rx.el.pre(written, style=style)


def _skeleton(lines: int) -> rx.Component:
    return rx.box(
        rx.skeleton(height="28px", width="40%", margin_bottom="20px"),
        *(
            rx.skeleton(height="18px", width=("60%", "82%", "45%")[line % 3], margin_bottom="18px")
            for line in range(max(lines, 3))
        ),
        custom_attrs={"aria-busy": "true"},
    )
