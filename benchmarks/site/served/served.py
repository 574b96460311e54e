"""The Reflex app: one page that knows the states."""

from __future__ import annotations

import reflex as rx

from served.states import BridgedState, PlainState, RowState


def index() -> rx.Component:
    return rx.el.div(
        rx.text(PlainState.count),
        rx.text(BridgedState.count),
        rx.foreach(RowState.data, lambda row: rx.text(row["name"])),
    )


app = rx.App()
app.add_page(index)
