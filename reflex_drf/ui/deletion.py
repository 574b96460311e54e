"""The question before a row is deleted, with what goes along; and the way to take it back."""

from __future__ import annotations

from typing import Any

import reflex as rx
from django.utils.translation import gettext_lazy as _

from reflex_drf.state.description import Description
from reflex_drf.ui import browser
from reflex_drf.ui.parts import icon_button
from reflex_drf.ui.scripting import Scripted
from reflex_drf.ui.texts import text

__all__ = ["FocusKeeper", "delete_button", "undo_bar"]


class FocusKeeper(Scripted):
    """Gives the focus on to the next row when what had it is gone from the element around it."""

    tag = "ReflexDrfFocusKeeper"
    _script_name: str = "table"


def delete_button(state: type[Any], known: Description, row: Any) -> rx.Component:
    """The button that deletes a row: after a question, or with a way back."""
    label = text(_("Delete %(name)s"), name=_name(known, row))
    if known.undo_seconds:
        return icon_button("trash-2", label, on_click=state.delete_later(row[known.key]))
    return confirm_delete(state, known, row, label)


def confirm_delete(state: type[Any], known: Description, row: Any, label: Any) -> rx.Component:
    """The delete button of a row, and the question before it."""
    key = row[known.key]
    delete = getattr(state, str(known.delete))(key)
    # Not on the button: a trigger that does something of its own is wrapped by Reflex in an
    # element that has no role.
    ask = (
        {"on_open_change": lambda opened: rx.cond(opened, state.preview_delete(key), rx.noop())}
        if known.previews
        else {}
    )
    said = text(_("%(name)s will be deleted. This cannot be undone."), name=_name(known, row))
    action = rx.alert_dialog.action(
        rx.button(text(_("Delete")), color_scheme="red", high_contrast=True, on_click=delete)
    )
    kept = _listed(state, key, "protected") if known.previews else None
    return rx.alert_dialog.root(
        rx.alert_dialog.trigger(icon_button("trash-2", label)),
        rx.alert_dialog.content(
            rx.alert_dialog.title(text(_("Delete this %(name)s?"), name=known.label)),
            rx.alert_dialog.description(
                said if kept is None else rx.cond(kept != "", _protected(known, row, kept), said)
            ),
            _along(state, key) if known.previews else rx.fragment(),
            rx.flex(
                rx.alert_dialog.cancel(
                    rx.button(text(_("Keep it")), variant="soft", color_scheme="gray")
                ),
                action if kept is None else rx.cond(kept == "", action),
                justify="end",
                spacing="3",
                margin_top="20px",
            ),
            max_width="440px",
        ),
        **ask,
    )


def _name(known: Description, row: Any) -> Any:
    return row[known.title].to_string(use_json=False)


def _listed(state: type[Any], key: Any, what: str) -> rx.Var[str]:
    """Numbers and names of what the server has found, once it has."""
    return browser.expression(
        f"$0?.key === String($1) ? $0.{what}.map((found) => "
        "new Intl.NumberFormat().format(found.count) + ' ' + found.name).join(', ') : ''",
        state.delete_preview,
        key,
    )


def _protected(known: Description, row: Any, kept: rx.Var[str]) -> Any:
    return text(
        _("%(name)s cannot be deleted, because of %(others)s that need it."),
        name=_name(known, row),
        others=kept,
    )


def _along(state: type[Any], key: Any) -> rx.Component:
    along = _listed(state, key, "counts")
    return rx.box(
        rx.cond(
            along != "",
            rx.callout(
                text(_("Deleted with it: %(others)s"), others=along),
                icon="triangle-alert",
                color_scheme="amber",
                high_contrast=True,
                size="1",
                margin_top="12px",
            ),
        ),
        role="status",
    )


def undo_bar(state: type[Any], known: Description) -> rx.Component:
    """Rows that are about to be deleted, each with the way to keep it."""
    if not known.undo_seconds:
        return rx.fragment()
    waiting = browser.expression(
        "Object.entries($0 ?? {}).filter(([, name]) => name)",
        state.pending_deletes,
        kind=list[list[str]],
    )

    def toast(entry: Any) -> rx.Component:
        return rx.flex(
            rx.text(text(_("%(name)s is deleted."), name=entry[1]), size="2"),
            rx.button(
                text(_("Undo")),
                on_click=state.undo_delete(entry[0]),
                # The button that had the focus went with its row.
                auto_focus=True,
                size="1",
                variant="soft",
                custom_attrs={"aria-label": text(_("Undo: keep %(name)s"), name=entry[1])},
            ),
            align="center",
            justify="between",
            spacing="4",
            key=entry[0],
            style={
                "padding": "10px 14px",
                "border_radius": "var(--radius-3)",
                "background": "var(--color-panel-solid)",
                "box_shadow": "var(--shadow-5)",
            },
        )

    return rx.box(
        rx.foreach(waiting, toast),
        role="status",
        style={
            "position": "fixed",
            "inset_block_end": "16px",
            "inset_inline": "16px",
            "max_width": "420px",
            "margin_inline": "auto",
            # Above the badge of Reflex, which would lie on the button on a phone.
            "z_index": "9999",
            "display": "grid",
            "gap": "8px",
            "pointer_events": "none",
            "& > *": {"pointer_events": "auto"},
        },
    )
