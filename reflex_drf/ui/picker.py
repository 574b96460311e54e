"""A combobox that chooses rows of a relation, which the server finds."""

from __future__ import annotations

from typing import Any

import reflex as rx
from django.utils.translation import gettext_lazy as _

from reflex_drf.ui import browser
from reflex_drf.ui.parts import CONTROL, HIDDEN, Style
from reflex_drf.ui.scripting import Scripted
from reflex_drf.ui.texts import text

__all__ = ["KEEP_LIST", "picker"]

#: For a dialog around a form: Escape closes an open list of choices first.
KEEP_LIST = "document.querySelector('[role=combobox][aria-expanded=true]')"
_BUTTON: Style = {
    "border": "0",
    "border_radius": "var(--radius-1)",
    "background": "none",
    "color": "inherit",
    "cursor": "pointer",
    "line_height": "1",
    "min_width": "24px",
    "min_height": "24px",
    "&:focus-visible": {"outline": "2px solid var(--focus-8)"},
}
_STYLE: Style = {
    "position": "relative",
    "& input[role='combobox']": {**CONTROL, "padding_inline_end": "28px"},
    "& [data-clear]": {
        **_BUTTON,
        "position": "absolute",
        "inset_inline_end": "4px",
        "inset_block_start": "calc((var(--space-6) - 24px) / 2)",
    },
    "& [data-popup='true']": {
        "position": "absolute",
        "z_index": "10",
        "inset_inline": "0",
        "margin": "2px 0 0",
        "border_radius": "var(--radius-3)",
        "background": "var(--color-panel-solid)",
        "box_shadow": "var(--shadow-5)",
        "font_size": "var(--font-size-2)",
    },
    "& [role='listbox']": {
        "max_height": "240px",
        "overflow_y": "auto",
        "margin": "0",
        "padding": "4px",
        "list_style": "none",
    },
    "& [role='option']": {
        "padding": "6px 8px",
        "border_radius": "var(--radius-2)",
        "cursor": "pointer",
        "overflow_wrap": "anywhere",
    },
    "& [role='option'][aria-selected='true']": {"font_weight": "600"},
    "& [role='option'][aria-selected='true']::after": {"content": "' ✓'"},
    "& [role='option'][data-active='true'], & [role='option']:hover": {
        "background": "var(--accent-9)",
        "color": "var(--accent-contrast)",
    },
    "& [data-status]": {"font_size": "var(--font-size-1)", "color": "var(--gray-11)"},
    "& [data-status]:not(:empty):not(:has(span))": {"padding": "6px 12px"},
    "& [data-status] span": HIDDEN,
    "& [data-chips]": {
        "display": "flex",
        "flex_wrap": "wrap",
        "gap": "4px",
        "margin": "0 0 4px",
        "padding": "0",
        "list_style": "none",
    },
    "& [data-chips] li": {
        "display": "inline-flex",
        "align_items": "center",
        "padding_inline_start": "8px",
        "border_radius": "var(--radius-2)",
        "background": "var(--accent-a3)",
        "color": "var(--accent-11)",
        "font_size": "var(--font-size-2)",
    },
    "& [data-chips] button": _BUTTON,
}


class Combobox(Scripted):
    """The browser's part of a picker."""

    tag = "ReflexDrfCombobox"
    _script_name: str = "combobox"

    input_id: rx.Var[str]
    name: rx.Var[str]
    value: rx.Var[Any]
    many: rx.Var[bool]
    found: rx.Var[Any]
    labels: rx.Var[Any]
    texts: rx.Var[dict[str, str]]
    attributes: rx.Var[dict[str, Any]]
    removable: rx.Var[bool]
    on_search: rx.EventHandler[rx.event.passthrough_event_spec(str)]  # type: ignore[type-arg,valid-type]
    on_choose: rx.EventHandler[rx.event.passthrough_event_spec(Any)]  # type: ignore[type-arg,valid-type]
    on_name: rx.EventHandler[rx.event.no_args_event_spec]  # type: ignore[type-arg,valid-type]


def picker(
    state: type[Any],
    relation: str,
    *,
    control_id: str | rx.Var[str],
    value: rx.Var[Any],
    label: Any,
    many: bool = False,
    attributes: dict[str, Any] | None = None,
    removable: bool = True,
    name: str | rx.Var[str] = "",
    on_choose: Any = None,
    names: bool = False,
) -> rx.Component:
    """Choose rows for a relation of a state; with a `name`, as a control that a form reads.

    `names` finds out by itself what the rows are called that are chosen elsewhere.
    """
    known = rx.Var.create(relation)
    more = {} if on_choose is None else {"on_choose": on_choose}
    if names:
        more["on_name"] = state.name_relations
    return rx.box(
        Combobox.create(
            input_id=control_id,
            name=name,
            value=value,
            many=many,
            found=browser.expression("$0[$1]", state.relation_choices, known, kind=Any),
            labels=browser.expression("$0[$1]", state.relation_labels, known, kind=Any),
            texts=_texts(text(label)),
            attributes=attributes or {},
            removable=removable,
            on_search=lambda typed: state.search_relation(relation, typed),
            **more,
        ),
        style=_STYLE,
    )


def _texts(label: Any) -> dict[str, Any]:
    return {
        "placeholder": text(_("Type to search")),
        "searching": text(_("Searching…")),
        "none": text(_("Nothing found.")),
        "more": text(_("There are more: type to narrow them down.")),
        "count": text(_("found")),
        "chosen": text(_("Chosen: %(label)s"), label=label),
        "list": label,
        "remove": text(_("Remove")),
        "clear": text(_("Clear")),
        "unnamed": text(_("No.")),
    }
