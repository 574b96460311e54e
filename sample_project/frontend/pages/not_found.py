"""What stands where no page is."""

from __future__ import annotations

import reflex as rx

from frontend.components.layout import shell
from frontend.components.ui import empty_state, panel


def not_found() -> rx.Component:
    return shell(
        rx.heading("Page not found", as_="h1", class_name="visually-hidden"),
        panel(
            empty_state(
                "compass",
                "There is no such page",
                "It may have moved, or its address has a slip of the pen.",
                rx.button(
                    rx.link("Back to the shop", href="/", underline="none"),
                    as_child=True,
                ),
            )
        ),
        path="/404",
    )
