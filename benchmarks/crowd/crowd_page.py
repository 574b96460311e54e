"""One list with its form, as a page for a crowd."""

from __future__ import annotations

import reflex as rx

from benchmarks.side_states import CrowdState


def index() -> rx.Component:
    return rx.box(
        rx.foreach(CrowdState.data, lambda row: rx.text(row["name"])),
        rx.button("Next", on_click=CrowdState.next_page),
        rx.button("Add", on_click=CrowdState.add("")),
    )


app = rx.App()
app.add_page(index, route="/", on_load=CrowdState.load)
