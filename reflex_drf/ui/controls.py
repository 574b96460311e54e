"""What a list is asked for: its search, its filters and its pages, and actions on the whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import reflex as rx
from django.utils.translation import gettext_lazy as _

from reflex_drf.errors import ConfigurationError
from reflex_drf.state.description import Description, Filter, describe
from reflex_drf.ui import browser
from reflex_drf.ui.parts import CONTROL, allowed, element_id, labelled, options, styled
from reflex_drf.ui.picker import picker
from reflex_drf.ui.rowactions import ActionInputs, action_dialogs, choose_actions
from reflex_drf.ui.texts import capital, text

__all__ = ["actions", "filters", "pagination", "search"]

DEBOUNCE = 300
_INPUT_TYPES = {"number": "number", "date": "date", "time": "time"}


def search(
    state: type[Any], *, label: Any = "", placeholder: Any = "", **props: Any
) -> rx.Component:
    """The search field of a list; nothing where the viewset does not search."""
    known = describe(state)
    if not known.searches:
        return rx.fragment()
    named = label or text(_("Search %(names)s"), names=known.label_plural)
    return rx.box(
        rx.debounce_input(
            rx.input(
                rx.input.slot(rx.icon("search", size=16)),
                placeholder=placeholder or named,
                value=state.search,
                on_change=state.set_search,
                type="search",
                custom_attrs={"aria-label": named},
            ),
            debounce_timeout=DEBOUNCE,
        ),
        **{"role": "search", "flex": "1 1 220px", **props},
    )


# -- Filters --------------------------------------------------------------------------------


def filters(state: type[Any], *, only: Sequence[str] | None = None, **props: Any) -> rx.Component:
    """A control for each filter of a list, and a chip for each that is set."""
    known = describe(state)
    chosen = _chosen_filters(known, only)
    if not chosen:
        return rx.fragment()
    return rx.box(
        rx.flex(*(_filter(state, known, item) for item in chosen), spacing="3", wrap="wrap"),
        _chips(state, chosen),
        **{
            "role": "group",
            "custom_attrs": {"aria-label": text(_("Filters"))},
            **styled({"width": "100%"}, props),
        },
    )


def _chosen_filters(known: Description, only: Sequence[str] | None) -> list[Filter]:
    if only is None:
        return list(known.filters)
    named = {item.name: item for item in known.filters}
    unknown = [name for name in only if name not in named]
    if unknown:
        raise ConfigurationError(
            f"{known.name} has no filter {unknown[0]!r}; known are {', '.join(named)}."
        )
    return [named[name] for name in only]


def _filter(state: type[Any], known: Description, item: Filter) -> rx.Component:
    control_id = element_id(known.name, f"filter-{item.name}")
    value = state.filters.get(item.name, "")

    def change(chosen: rx.Var[str]) -> Any:
        return state.filter({item.name: chosen})

    if item.relation:
        control = _row_filter(state, item, control_id, value)
    elif item.choices:
        control = rx.el.select(
            *options(item.choices, empty=text(_("Any"))),
            value=value,
            on_change=change,
            custom_attrs={"id": control_id},
            style=CONTROL,
        )
    else:
        control = rx.debounce_input(
            rx.el.input(
                type=_INPUT_TYPES.get(item.kind, "text"),
                value=value,
                on_change=change,
                custom_attrs={"id": control_id},
                style=CONTROL,
            ),
            debounce_timeout=DEBOUNCE,
        )
    return labelled(text(item.label), control, control_id, flex="1 1 140px", max_width="240px")


def _row_filter(
    state: type[Any], item: Filter, control_id: str, value: rx.Var[str]
) -> rx.Component:
    many = item.kind == "keys"
    split = browser.expression("$0 ? $0.split(',') : []", value, kind=list[str])

    def choose(chosen: rx.Var[Any]) -> Any:
        # Several values stand with commas between, as one parameter.
        return state.filter({item.name: browser.expression("[$0].flat().join(',')", chosen)})

    return picker(
        state,
        item.relation,
        control_id=control_id,
        value=split if many else value,
        label=item.label,
        many=many,
        on_choose=choose,
        names=True,
    )


def _chips(state: type[Any], chosen: list[Filter]) -> rx.Component:
    labels = {item.name: text(item.label) for item in chosen}
    words = {f"{i.name}={value}": text(word) for i in chosen for value, word in i.choices}
    rows = any(item.relation for item in chosen)

    def chip(entry: Any) -> rx.Component:
        name, value = entry[0].to(str), entry[1].to(str)
        label = browser.lookup(labels, name)
        shown = browser.expression(
            "$2.split(',').map((one) => $0[$1 + '=' + one] ?? $3['filter:' + $1]?.[one] ?? one)"
            ".join(', ')",
            rx.Var.create(words),
            name,
            value,
            state.relation_labels if rows else rx.Var.create({}),
        )
        # The name is only known in the browser.
        off = browser.expression("{[$0]: ''}", name, kind=dict[str, str])
        return rx.badge(
            f"{label}: {shown}",
            rx.el.button(
                rx.icon("x", size=12),
                type="button",
                on_click=state.filter(off),
                custom_attrs={"aria-label": text(_("Remove filter %(name)s"), name=label)},
                style=_CHIP_BUTTON,
            ),
            variant="soft",
            size="2",
        )

    return rx.cond(
        state.filters.length() > 0,
        rx.flex(
            rx.foreach(state.filters.entries(), chip),
            rx.button(text(_("Clear all")), on_click=state.clear_filter, variant="ghost", size="1"),
            align="center",
            spacing="3",
            wrap="wrap",
            margin_top="12px",
        ),
    )


_CHIP_BUTTON = {
    "display": "inline-flex",
    "padding": "2px",
    "border": "0",
    "border_radius": "var(--radius-1)",
    "background": "none",
    "color": "inherit",
    "cursor": "pointer",
    "&:focus-visible": {"outline": "2px solid var(--focus-8)"},
}


# -- Pages ----------------------------------------------------------------------------------


def pagination(state: type[Any], *, sizes: Sequence[int] | None = None, **props: Any) -> Any:
    """Where the list stands among its pages, and the way to the others."""
    known = describe(state)
    return rx.flex(
        _count(state, known),
        rx.flex(
            _sizes(state, known, known.page_sizes if sizes is None else tuple(sizes)),
            _pages(state, known) if known.pages != "none" else rx.fragment(),
            align="center",
            spacing="4",
            wrap="wrap",
        ),
        **{
            "align": "center",
            "justify": "between",
            "wrap": "wrap",
            "spacing": "3",
            "width": "100%",
            **props,
        },
    )


def _count(state: type[Any], known: Description) -> rx.Component:
    # A cursor has no count, and what is on the page is not all there is.
    counted = rx.cond(
        state.total_count == 1,
        text(_("%(count)s %(name)s"), count=1, name=known.label),
        text(
            _("%(count)s %(name)s"),
            count=browser.number(state.total_count),
            name=known.label_plural,
        ),
    )
    # Nobody counted what is not there yet or was refused.
    unknown = state.loading | ((state.error != "") & (state.total_count == 0))
    shown = rx.fragment() if known.pages == "steps" else rx.cond(unknown, "", counted)
    return rx.text(shown, size="2", color="var(--gray-11)", role="status")


def _sizes(state: type[Any], known: Description, sizes: tuple[int, ...]) -> rx.Component:
    if not known.page_sizes or len(sizes) < 2:
        return rx.fragment()
    control_id = element_id(known.name, "page-size")
    return rx.flex(
        rx.el.label(
            text(_("Rows")),
            html_for=control_id,
            style={"font_size": "14px", "color": "var(--gray-11)"},
        ),
        rx.el.select(
            *options(tuple((size, str(size)) for size in sizes), empty=None),
            value=state.page_size.to_string(),
            on_change=lambda size: state.set_page_size(size.to(int)),
            custom_attrs={"id": control_id},
            style={**CONTROL, "width": "auto"},
        ),
        align="center",
        spacing="2",
    )


def _pages(state: type[Any], known: Description) -> rx.Component:
    # Where nobody counts, the last page has no number.
    here = rx.text(text(_("Page %(number)s"), number=state.page), size="2", color="var(--gray-11)")
    numbers = _numbers(state) if known.pages == "numbers" else here
    return rx.el.nav(
        _turn("chevron-left", text(_("Previous page")), state.prev_page, ~state.has_previous),
        numbers,
        _turn("chevron-right", text(_("Next page")), state.next_page, ~state.has_next),
        custom_attrs={"aria-label": text(_("Pages"))},
        style={"display": "flex", "align_items": "center", "gap": "6px"},
    )


def _turn(icon: str, label: Any, event: Any, disabled: Any) -> rx.Component:
    return rx.icon_button(
        rx.icon(icon, size=18),
        on_click=event,
        disabled=disabled,
        variant="soft",
        color_scheme="gray",
        custom_attrs={"aria-label": label},
    )


def _numbers(state: type[Any]) -> rx.Component:
    # The first, the last and those around the current page; 0 stands for those left out.
    shown = browser.expression(
        "((page, count) => { const near = [1, page - 1, page, page + 1, count]"
        ".filter((n, i, all) => n >= 1 && n <= count && all.indexOf(n) === i)"
        ".sort((a, b) => a - b); return near.flatMap((n, i) => "
        "i && n - near[i - 1] > 1 ? [0, n] : [n]); })($0, $1)",
        state.page,
        state.page_count,
        kind=list[int],
    )
    return rx.foreach(shown, lambda number: _number(state, number))


def _number(state: type[Any], number: Any) -> rx.Component:
    current = number == state.page
    return rx.cond(
        number == 0,
        rx.el.span("…", aria_hidden="true", style={"color": "var(--gray-11)"}),
        rx.button(
            number,
            on_click=state.go_to_page(number),
            variant=rx.cond(current, "solid", "ghost"),
            color_scheme=rx.cond(current, "", "gray"),
            min_width="32px",
            custom_attrs={
                "aria-label": text(_("Page %(number)s"), number=number),
                "aria-current": rx.cond(current, "page", "false"),
            },
            style={"margin": "0", "height": "32px"},
        ),
    )


# -- Actions --------------------------------------------------------------------------------


def actions(
    state: type[Any], *, only: Sequence[str] | ActionInputs | None = None, **props: Any
) -> rx.Component:
    """A button for each extra action on the whole list; those that only read have to be named."""
    known = describe(state)
    chosen = choose_actions(known, only, detail=False)
    if not chosen:
        return rx.fragment()
    dialogs = action_dialogs(state, known, "list", chosen)
    buttons = []
    for action, data in chosen:
        handler = getattr(state, action.handler)
        event = handler() if data is None else handler(data)
        if action in dialogs:
            event = dialogs.open(action, action.name, text(capital(known.label_plural)))
        mark = dialogs.mark(action.name)
        button = rx.button(text(action.label), on_click=event, variant="soft", custom_attrs=mark)
        buttons.append(rx.cond(allowed(state, action.name), button))
    return rx.flex(*buttons, dialogs.content(), **{"spacing": "3", "wrap": "wrap", **props})
