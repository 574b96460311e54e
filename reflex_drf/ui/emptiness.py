"""What stands in the place of rows: a skeleton while they load, or why there are none."""

from __future__ import annotations

from typing import Any

import reflex as rx
from django.utils.translation import gettext_lazy as _

from reflex_drf.state.description import Description
from reflex_drf.ui.texts import text

__all__ = ["instead_of_rows"]


def instead_of_rows(
    state: type[Any], known: Description, empty: rx.Component | None, no_match: rx.Component | None
) -> rx.Component:
    """A skeleton, nothing where an error is said, or that nothing matches or is there."""
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
