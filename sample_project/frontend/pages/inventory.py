"""Inventory: the same CRUD written by hand, for those who want full control."""

from __future__ import annotations

import reflex as rx

from frontend.components.layout import page_header, shell, sign_in_link
from frontend.components.ui import code_behind, empty_state, field, panel, problem
from frontend.states.inventory import InventoryState
from frontend.states.user import UserState


def inventory() -> rx.Component:
    return shell(
        page_header(
            "Inventory",
            "The products you own. Every handler is written by hand on AppState, "
            "with the async ORM.",
        ),
        rx.cond(
            UserState.is_authenticated,
            rx.grid(
                _form(),
                _list(),
                columns=rx.breakpoints(initial="1", md="340px 1fr"),
                spacing="5",
                align="start",
            ),
            panel(
                empty_state(
                    "lock",
                    "This is your private stock list",
                    "Sign in as alice or bob to see the products that they own.",
                    sign_in_link("/inventory"),
                )
            ),
        ),
        code_behind(InventoryState),
        path="/inventory",
    )


def _form() -> rx.Component:
    state = InventoryState
    editing = state.editing_id >= 0
    return panel(
        rx.heading(
            rx.cond(editing, "Edit product", "Add a product"),
            as_="h2",
            size="4",
            margin_bottom="16px",
        ),
        rx.form(
            rx.flex(
                problem(state.error_message),
                field(
                    "Name",
                    rx.input(id="inv-name", value=state.name, on_change=state.set_name),
                    "inv-name",
                ),
                rx.grid(
                    field(
                        "SKU",
                        rx.input(id="inv-sku", value=state.sku, on_change=state.set_sku),
                        "inv-sku",
                    ),
                    field(
                        "Price",
                        rx.input(
                            rx.input.slot("$"),
                            id="inv-price",
                            value=state.price,
                            on_change=state.set_price,
                            input_mode="decimal",
                        ),
                        "inv-price",
                    ),
                    columns="2",
                    spacing="3",
                ),
                field(
                    "Category",
                    rx.select.root(
                        rx.select.trigger(id="inv-category", placeholder="Choose…", width="100%"),
                        rx.select.content(
                            rx.foreach(
                                state.categories,
                                lambda row: rx.select.item(
                                    row["name"].to(str), value=row["id"].to(str)
                                ),
                            )
                        ),
                        value=state.category,
                        on_change=state.set_category,
                    ),
                    "inv-category",
                ),
                rx.el.label(
                    "On sale",
                    rx.switch(checked=state.is_active, on_change=state.set_is_active),
                    style={
                        "display": "flex",
                        "justifyContent": "space-between",
                        "alignItems": "center",
                        "fontSize": "14px",
                        "fontWeight": 600,
                    },
                ),
                rx.flex(
                    rx.button("Save product", type="submit", flex="1"),
                    rx.cond(
                        editing,
                        rx.button(
                            "Cancel",
                            type="button",
                            variant="soft",
                            color_scheme="gray",
                            on_click=state.reset_form,
                        ),
                    ),
                    spacing="3",
                    margin_top="4px",
                ),
                direction="column",
                spacing="4",
            ),
            on_submit=lambda _: state.save_product(),
        ),
        padding="20px",
    )


def _list() -> rx.Component:
    state = InventoryState
    return panel(
        rx.box(
            rx.debounce_input(
                rx.input(
                    rx.input.slot(rx.icon("search", size=16)),
                    placeholder="Search name, SKU or category",
                    value=state.search_query,
                    on_change=state.set_search,
                    type="search",
                    custom_attrs={"aria-label": "Search your products"},
                ),
                debounce_timeout=250,
            ),
            padding="16px",
            border_bottom="1px solid var(--gray-a4)",
        ),
        rx.cond(
            state.products,
            rx.el.ul(rx.foreach(state.products, _product), class_name="rows"),
            rx.cond(
                state.loaded,
                empty_state("package-search", "No products", "Nothing matches your search."),
                rx.box(*(_skeleton() for _ in range(5))),
            ),
        ),
        rx.flex(
            rx.text(
                f"Page {state.page} of {state.total_pages}",
                size="2",
                color="var(--gray-11)",
                role="status",
            ),
            rx.flex(
                rx.button(
                    "Previous",
                    on_click=state.prev_page,
                    disabled=state.page <= 1,
                    variant="soft",
                    color_scheme="gray",
                ),
                rx.button(
                    "Next",
                    on_click=state.next_page,
                    disabled=state.page >= state.total_pages,
                    variant="soft",
                    color_scheme="gray",
                ),
                spacing="2",
            ),
            justify="between",
            align="center",
            padding="12px 16px",
            class_name="list-foot",
        ),
        min_width="0",
    )


def _product(row: rx.Var[dict]) -> rx.Component:
    name = row["name"].to(str)
    return rx.el.li(
        rx.flex(
            rx.box(
                rx.text(name, weight="medium", size="2", truncate=True),
                rx.flex(
                    rx.text(row["sku"].to(str), class_name="mono", size="1", white_space="nowrap"),
                    rx.text("·", size="1"),
                    rx.text(row["stock"].to(int), " in stock", size="1"),
                    rx.cond(row["is_active"], rx.fragment(), rx.badge("Off sale", size="1")),
                    spacing="2",
                    align="center",
                    wrap="wrap",
                    color="var(--gray-11)",
                    margin_top="2px",
                ),
                flex="1",
                min_width="0",
            ),
            rx.text(f"${row['price']}", size="2", weight="medium", class_name="number"),
            rx.flex(
                rx.icon_button(
                    rx.icon("pencil", size=16),
                    on_click=InventoryState.start_editing(row["id"].to(int)),
                    variant="ghost",
                    color_scheme="gray",
                    custom_attrs={"aria-label": f"Edit {name}"},
                ),
                rx.icon_button(
                    rx.icon("trash-2", size=16),
                    on_click=InventoryState.delete_product(row["id"].to(int)),
                    variant="ghost",
                    color_scheme="gray",
                    custom_attrs={"aria-label": f"Delete {name}"},
                ),
                spacing="4",
            ),
            align="center",
            spacing="4",
            padding="11px 20px 11px 16px",
        ),
    )


def _skeleton() -> rx.Component:
    return rx.box(rx.skeleton(height="34px"), padding="11px 16px")
