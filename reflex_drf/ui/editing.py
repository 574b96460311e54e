"""The row under edit on a page: who else has it open, and what has become of it meanwhile."""

from __future__ import annotations

from typing import Any

import reflex as rx
from django.utils.translation import gettext_lazy as _

from reflex_drf.ui.parts import DANGER, notice
from reflex_drf.ui.texts import text

__all__ = ["conflict", "presence"]


def presence(state: type[Any], **props: Any) -> rx.Component:
    """The names of others who have the same row open; nothing for a state that is not live."""
    if not hasattr(state, "presence"):
        return rx.fragment()
    names = rx.foreach(
        state.presence, lambda name: rx.badge(name, variant="soft", color_scheme="amber")
    )
    shown = rx.flex(
        rx.icon("users", size=16, color="var(--gray-11)"),
        rx.el.span(text(_("Also open at:")), style={"color": "var(--gray-11)"}),
        names,
        align="center",
        wrap="wrap",
        spacing="2",
        font_size="var(--font-size-2)",
    )
    return rx.box(
        rx.cond(state.presence.length() > 0, shown),
        **{"custom_attrs": {"aria-live": "polite"}, **props},
    )


def conflict(state: type[Any], **props: Any) -> rx.Component:
    """What has become of the row under edit, with the ways out; nothing where nothing has."""
    if not hasattr(state, "editing_conflict"):
        return rx.fragment()
    return rx.box(
        rx.cond(state.editing_conflict != "", _conflict(state)),
        **{"role": "alert", "custom_attrs": {"data-conflict": "true"}, **props},
    )


def _conflict(state: type[Any]) -> rx.Component:
    somebody = text(_("Somebody has changed this while you were editing."))
    named = text(
        _("%(name)s has changed this while you were editing."), name=state.editing_conflict_by
    )
    deleted = text(_("This has been deleted, or may no longer be read."))
    said = rx.cond(
        state.editing_conflict == "deleted",
        deleted,
        rx.cond(state.editing_conflict_by != "", named, somebody),
    )
    content = rx.fragment(
        rx.el.div(said),
        rx.cond(
            state.overwrite_asked, rx.el.div(text(_("It has not been saved. What shall be kept?")))
        ),
        _ways_out(state),
    )
    return notice(rx.icon("git-compare", size=16), content, "amber")


def _ways_out(state: type[Any]) -> rx.Component:
    reload = rx.cond(
        state.editing_conflict == "changed",
        rx.button(
            text(_("Show what is stored now")),
            type="button",
            size="1",
            variant="soft",
            on_click=state.reload_edit,
        ),
    )
    overwrite = rx.cond(
        state.overwrite_asked,
        rx.button(
            rx.cond(
                state.editing_conflict == "deleted",
                text(_("Save it as a new one")),
                text(_("Save mine in its place")),
            ),
            type="button",
            size="1",
            on_click=state.overwrite,
            **DANGER,
        ),
    )
    return rx.flex(reload, overwrite, wrap="wrap", spacing="2", margin_top="8px")
