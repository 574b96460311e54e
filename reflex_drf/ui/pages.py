"""A whole page over one state: its list with all that belongs to it, and a dialog to write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import reflex as rx
from django.utils.translation import gettext_lazy as _

from reflex_drf.state.description import Description, describe
from reflex_drf.ui import browser
from reflex_drf.ui.controls import actions, filters, pagination, search
from reflex_drf.ui.editing import presence
from reflex_drf.ui.form import form
from reflex_drf.ui.guard import LEAVE
from reflex_drf.ui.links import Links
from reflex_drf.ui.parts import allowed
from reflex_drf.ui.picker import KEEP_LIST
from reflex_drf.ui.refusals import progress, refusal
from reflex_drf.ui.table import table
from reflex_drf.ui.texts import capital, page_language, text

__all__ = ["crud"]


def crud(
    state: type[Any],
    *,
    title: Any = "",
    writable: bool | rx.Var[bool] = True,
    table_options: Mapping[str, Any] | None = None,
    form_options: Mapping[str, Any] | None = None,
    links: Links | None = None,
    **props: Any,
) -> rx.Component:
    """List, search, filters, pages and actions of a state, with dialogs to create and edit.

    `writable` says when anything may be changed; the options go to `table` and `form`. With
    `links`, rows have pages of their own, and there are no dialogs.
    """
    known = describe(state)
    opened = browser.client_value(state, "opened", default=-1)
    # A form that was opened is open until it is saved or cancelled, which changes its key.
    is_open = (
        (opened.value == state.form_reset_key)
        | (state.form_mode != "")
        | state.editing_id.is_not_none()
    )
    writes = known.save is not None and writable is not False and links is None
    return rx.box(
        page_language(),
        opened,
        _header(state, known, title or text(capital(known.label_plural)), opened, writable, links),
        progress(state, margin_bottom="6px"),
        refusal(state, shown=~is_open, margin_bottom="12px"),
        rx.card(
            _toolbar(state),
            table(
                state,
                writable=writable,
                links=links,
                **{"errors": False, "select": True, "tools": True, **(table_options or {})},
            ),
            rx.box(pagination(state), padding_top="12px"),
            size="2",
        ),
        _dialog(state, known, is_open, form_options or {}) if writes else rx.fragment(),
        **{"width": "100%", **props},
    )


def _header(
    state: type[Any],
    known: Description,
    title: Any,
    opened: Any,
    writable: bool | rx.Var[bool],
    links: Links | None,
) -> rx.Component:
    new = rx.fragment()
    if known.create is not None and writable is not False:
        new = rx.cond(allowed(state, "create"), _new(state, known, opened, links))
    offered = rx.flex(actions(state), new, spacing="3", wrap="wrap")
    return rx.flex(
        rx.heading(title, as_="h1", size="6"),
        rx.cond(writable, offered),
        align="center",
        justify="between",
        wrap="wrap",
        spacing="3",
        margin_bottom="16px",
    )


def _new(state: type[Any], known: Description, opened: Any, links: Links | None) -> rx.Component:
    content = rx.icon("plus", size=16), text(_("New %(name)s"), name=known.label)
    if links is None:
        return rx.button(*content, on_click=opened.set_value(state.form_reset_key))
    if not links.new:
        return rx.fragment()
    return rx.button(rx.link(*content, href=links.new_path), as_child=True)


def _toolbar(state: type[Any]) -> rx.Component:
    return rx.flex(
        search(state, max_width="420px"),
        filters(state),
        wrap="wrap",
        spacing="3",
        margin_bottom="12px",
    )


# Escape closes an open list of choices before the dialog around it.
_ESCAPE: rx.Var[Any] = rx.Var(
    f"((event) => {{ event.preventDefault(); if (!{KEEP_LIST}) {LEAVE}; }})"
)
_OUTSIDE: rx.Var[Any] = rx.Var(f"((event) => {{ event.preventDefault(); {LEAVE}; }})")


def _dialog(
    state: type[Any], known: Description, is_open: Any, options: Mapping[str, Any]
) -> rx.Component:
    edit = text(_("Edit %(name)s"), name=known.label)
    new = text(_("New %(name)s"), name=known.label)
    copy = text(_("Copy %(name)s"), name=known.label)
    created = rx.cond(state.form_mode == "clone", copy, new)
    title = rx.cond(state.editing_id.is_not_none(), edit, created) if known.create else edit
    return rx.dialog.root(
        rx.dialog.content(
            rx.dialog.title(title),
            rx.dialog.description(
                text(_("Fields with a star have to be filled in.")), size="2", margin_bottom="16px"
            ),
            presence(state, margin_bottom="12px"),
            form(state, **options),
            max_width="640px",
            custom_attrs={
                **browser.RETURN_FOCUS,
                "onEscapeKeyDown": _ESCAPE,
                "onPointerDownOutside": _OUTSIDE,
            },
        ),
        open=is_open,
        on_open_change=lambda _: state.cancel_edit(),
    )
