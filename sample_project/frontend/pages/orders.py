"""Orders: what a `ModelState` of a few lines gives a page."""

from __future__ import annotations

import reflex as rx

from frontend.components.layout import page_header, shell, sign_in_link
from frontend.components.ui import code_behind, empty_state, field, invalid, panel, problem
from frontend.states.orders import OrderState
from frontend.states.user import UserState


def orders() -> rx.Component:
    return shell(
        page_header(
            "Orders",
            "A ModelState in a few lines: the viewset, the form and the handlers are made from "
            "the model. Everyone sees their own orders.",
        ),
        rx.cond(
            UserState.is_authenticated,
            rx.box(problem(OrderState.error), panel(_list(), overflow="hidden")),
            panel(
                empty_state(
                    "lock",
                    "Orders are private",
                    "Every customer sees their own. Sign in to see yours.",
                    sign_in_link("/orders"),
                )
            ),
        ),
        _note_dialog(),
        code_behind(OrderState),
        path="/orders",
    )


def _list() -> rx.Component:
    return rx.cond(
        OrderState.orders,
        rx.box(
            rx.box(_table(), class_name="wide-only"),
            rx.el.ul(rx.foreach(OrderState.orders, _card), class_name="rows narrow-only"),
            _pages(),
        ),
        rx.cond(
            OrderState.loading,
            rx.box(*(rx.box(rx.skeleton(height="20px"), padding="16px") for _ in range(8))),
            empty_state("receipt-text", "No orders yet", "What you order in the shop stands here."),
        ),
    )


def _table() -> rx.Component:
    return rx.table.root(
        rx.table.header(
            rx.table.row(
                rx.table.column_header_cell("Order"),
                rx.table.column_header_cell("Placed"),
                rx.table.column_header_cell("Status"),
                rx.table.column_header_cell("Items", justify="end"),
                rx.table.column_header_cell("Total", justify="end"),
                rx.table.column_header_cell("Delivery note"),
            )
        ),
        rx.table.body(rx.foreach(OrderState.orders, _row)),
        class_name="table",
        size="2",
    )


def _row(row: rx.Var) -> rx.Component:
    return rx.table.row(
        rx.table.row_header_cell(rx.text(row["number"], class_name="mono", weight="medium")),
        rx.table.cell(_placed(row)),
        rx.table.cell(_status(row)),
        rx.table.cell(rx.text(row["item_count"].to(int), class_name="number")),
        rx.table.cell(_total(row)),
        rx.table.cell(_note(row)),
        align="center",
    )


def _card(row: rx.Var) -> rx.Component:
    return rx.el.li(
        rx.flex(
            rx.text(row["number"], class_name="mono", weight="medium"),
            _total(row),
            justify="between",
        ),
        rx.flex(
            _status(row),
            _placed(row),
            rx.text(row["item_count"].to(int), " items", size="2", color="var(--gray-11)"),
            align="center",
            spacing="3",
            margin="6px 0",
        ),
        _note(row),
        style={"padding": "14px 16px"},
    )


def _placed(row: rx.Var) -> rx.Component:
    return rx.text(row["placed_at"].to(str)[:10], size="2", color="var(--gray-11)")


def _total(row: rx.Var) -> rx.Component:
    return rx.text(f"${row['total'].to(float):,.2f}", weight="medium", class_name="number")


def _status(row: rx.Var) -> rx.Component:
    return rx.match(
        row["status"],
        ("pending", rx.badge("Pending", color_scheme="amber")),
        ("paid", rx.badge("Paid", color_scheme="indigo")),
        ("shipped", rx.badge("Shipped", color_scheme="green")),
        rx.badge("Cancelled", color_scheme="gray"),
    )


def _note(row: rx.Var) -> rx.Component:
    return rx.flex(
        rx.text(
            rx.cond(row["note"], row["note"], "No note"),
            size="2",
            color=rx.cond(row["note"], "var(--gray-12)", "var(--gray-10)"),
        ),
        rx.icon_button(
            rx.icon("pencil", size=15),
            on_click=OrderState.start_edit(row["id"].to(int)),
            variant="ghost",
            color_scheme="gray",
            custom_attrs={"aria-label": f"Edit the note of {row['number']}"},
        ),
        align="center",
        justify="between",
        spacing="4",
    )


def _pages() -> rx.Component:
    return rx.flex(
        rx.text(
            f"{OrderState.total_count} orders, page {OrderState.page} of {OrderState.page_count}",
            size="2",
            color="var(--gray-11)",
            role="status",
        ),
        rx.flex(
            rx.button(
                "Previous",
                on_click=OrderState.prev_page,
                disabled=OrderState.page <= 1,
                variant="soft",
                color_scheme="gray",
            ),
            rx.button(
                "Next",
                on_click=OrderState.next_page,
                disabled=OrderState.page >= OrderState.page_count,
                variant="soft",
                color_scheme="gray",
            ),
            spacing="2",
        ),
        align="center",
        justify="between",
        padding="12px 16px",
        class_name="list-foot",
    )


def _note_dialog() -> rx.Component:
    error = OrderState.field_errors.get("note", "")
    return rx.dialog.root(
        rx.dialog.content(
            rx.dialog.title("Delivery note"),
            rx.dialog.description(
                "What should we tell the carrier?",
                size="2",
                color="var(--gray-11)",
                margin_bottom="16px",
            ),
            rx.form(
                field(
                    "Note",
                    rx.input(
                        id="note",
                        value=OrderState.note,
                        on_change=OrderState.set_note,
                        custom_attrs=invalid("note", error),
                    ),
                    "note",
                    error,
                ),
                rx.flex(
                    rx.dialog.close(
                        rx.button("Cancel", type="button", variant="soft", color_scheme="gray")
                    ),
                    rx.button("Save", type="submit"),
                    justify="end",
                    spacing="3",
                    margin_top="20px",
                ),
                on_submit=lambda _: OrderState.save(),
            ),
            max_width="440px",
        ),
        open=OrderState.editing_id.bool(),
        on_open_change=lambda _: OrderState.cancel_edit(),
    )
