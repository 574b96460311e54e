"""Products: filters, search, ordering, pages, forms and actions, all of them the viewset's."""

from __future__ import annotations

import reflex as rx

from frontend.components.layout import page_header, shell, sign_in_link
from frontend.components.ui import code_behind, empty_state, panel, problem
from frontend.pages.product_form import delete_dialog, form_dialog
from frontend.states.products import CategoryState, ProductState
from frontend.states.user import UserState

ALL = "all"
PAGE_SIZES = ("10", "25", "50")
AVAILABILITY = (("in", "In stock"), ("low", "Low stock"), ("out", "Sold out"))


def products() -> rx.Component:
    return shell(
        page_header(
            "Products",
            "A ModelState over the project's own ProductViewSet. What you may see and change here "
            "is what you may see and change at /api/products/.",
            rx.cond(
                UserState.is_authenticated,
                rx.button(rx.icon("plus", size=16), "New product", on_click=ProductState.open_form),
                sign_in_link("/products", "Sign in to edit"),
            ),
        ),
        problem(rx.cond(ProductState.form_open, "", ProductState.error)),
        panel(_toolbar(), _rows(), _footer(), overflow="hidden"),
        form_dialog(),
        delete_dialog(),
        code_behind(CategoryState, ProductState),
        path="/products",
    )


def _toolbar() -> rx.Component:
    return rx.flex(
        rx.box(
            rx.debounce_input(
                rx.input(
                    rx.input.slot(rx.icon("search", size=16)),
                    placeholder="Search name, SKU or category",
                    value=ProductState.search,
                    on_change=ProductState.set_search,
                    type="search",
                    custom_attrs={"aria-label": "Search products"},
                ),
                debounce_timeout=250,
            ),
            flex="1 1 240px",
        ),
        _filter(
            "category",
            "Category",
            "All categories",
            rx.foreach(
                CategoryState.categories,
                lambda row: rx.select.item(row["name"], value=row["id"].to_string()),
            ),
        ),
        _filter(
            "availability",
            "Availability",
            "Any stock",
            *(rx.select.item(label, value=value) for value, label in AVAILABILITY),
        ),
        _filter(
            "is_active",
            "Sale",
            "On and off sale",
            rx.select.item("On sale", value="true"),
            rx.select.item("Off sale", value="false"),
        ),
        rx.cond(
            UserState.is_authenticated,
            _filter("mine", "Owner", "All owners", rx.select.item("Mine", value="true")),
        ),
        spacing="3",
        wrap="wrap",
        padding="16px",
        class_name="toolbar",
    )


def _filter(name: str, label: str, everything: str, *items: rx.Component) -> rx.Component:
    # A Radix select has no empty value, so "all" stands for no filter.
    chosen = ProductState.filters.get(name, "")
    return rx.select.root(
        rx.select.trigger(custom_attrs={"aria-label": label}, flex="1 1 140px"),
        rx.select.content(rx.select.item(everything, value=ALL), *items),
        value=rx.cond(chosen == "", ALL, chosen),
        on_change=lambda value: ProductState.filter({name: rx.cond(value == ALL, "", value)}),
    )


def _rows() -> rx.Component:
    return rx.cond(
        ProductState.products,
        rx.box(
            rx.box(_table(), class_name="wide-only"),
            rx.el.ul(rx.foreach(ProductState.products, _card), class_name="rows narrow-only"),
            class_name=rx.cond(ProductState.loading, "busy", ""),
            custom_attrs={"aria-busy": rx.cond(ProductState.loading, "true", "false")},
        ),
        rx.cond(
            ProductState.loading,
            rx.box(*(_skeleton() for _ in range(8))),
            empty_state(
                "package-search",
                "No products found",
                "Nothing matches this search and these filters.",
                rx.button(
                    "Clear search and filters",
                    variant="soft",
                    on_click=ProductState.clear_filter,
                ),
            ),
        ),
    )


def _table() -> rx.Component:
    return rx.table.root(
        rx.table.header(
            rx.table.row(
                _column("Product", "name"),
                _column("Category", "category__name"),
                _column("Price", "price", align="end"),
                _column("Stock", "stock", align="end"),
                rx.table.column_header_cell("Owner"),
                rx.table.column_header_cell(
                    rx.el.span("Actions", class_name="visually-hidden"), width="1px"
                ),
            )
        ),
        rx.table.body(rx.foreach(ProductState.products, _row)),
        class_name="table",
        size="2",
    )


def _column(label: str, key: str, align: str = "start") -> rx.Component:
    up, down = ProductState.ordering == key, ProductState.ordering == f"-{key}"
    icon = rx.cond(
        up,
        rx.icon("arrow-up", size=14),
        rx.cond(
            down,
            rx.icon("arrow-down", size=14),
            rx.icon("chevrons-up-down", size=14, color="var(--gray-8)"),
        ),
    )
    return rx.table.column_header_cell(
        rx.el.button(
            label,
            icon,
            type="button",
            class_name="sort",
            on_click=ProductState.set_ordering(rx.cond(up, f"-{key}", key)),
        ),
        justify=align,
        custom_attrs={"aria-sort": rx.cond(up, "ascending", rx.cond(down, "descending", "none"))},
    )


def _row(row: rx.Var) -> rx.Component:
    return rx.table.row(
        rx.table.row_header_cell(_name(row)),
        rx.table.cell(rx.badge(row["category_name"], color_scheme="gray", variant="soft")),
        rx.table.cell(_price(row), justify="end"),
        rx.table.cell(_stock(row), justify="end"),
        rx.table.cell(rx.text(row["owner_name"], color="var(--gray-11)")),
        rx.table.cell(_actions(row)),
        align="center",
    )


def _card(row: rx.Var) -> rx.Component:
    return rx.el.li(
        rx.flex(
            _name(row),
            _price(row),
            justify="between",
            spacing="3",
        ),
        rx.flex(
            rx.flex(
                _stock(row),
                rx.text(row["category_name"], size="1", color="var(--gray-11)"),
                align="center",
                spacing="3",
            ),
            _actions(row),
            justify="between",
            align="center",
            margin_top="10px",
            min_height="28px",
        ),
        style={"padding": "14px 16px"},
    )


def _name(row: rx.Var) -> rx.Component:
    return rx.box(
        rx.flex(
            rx.text(row["name"], weight="medium"),
            rx.cond(
                row["is_active"], rx.fragment(), rx.badge("Off sale", color_scheme="gray", size="1")
            ),
            align="center",
            spacing="2",
        ),
        rx.text(row["sku"], size="1", color="var(--gray-11)", class_name="mono"),
        min_width="0",
    )


def _price(row: rx.Var) -> rx.Component:
    return rx.text(f"${row['price']}", weight="medium", class_name="number")


def _stock(row: rx.Var) -> rx.Component:
    stock = row["stock"].to(int)
    return rx.cond(
        stock == 0,
        rx.badge("Sold out", color_scheme="red"),
        rx.cond(
            stock < 10,
            rx.badge(f"{stock} left", color_scheme="amber"),
            rx.badge(f"{stock} in stock", color_scheme="green"),
        ),
    )


def _actions(row: rx.Var) -> rx.Component:
    """Shown to those who may use them; the viewset asks again at every call."""
    pk, name = row["id"].to(int), row["name"]
    return rx.cond(
        row["can_edit"],
        rx.flex(
            rx.tooltip(
                rx.button(
                    rx.icon("package-plus", size=15),
                    "Restock",
                    on_click=ProductState.restock(pk, {"amount": 10}),
                    size="1",
                    variant="soft",
                    custom_attrs={"aria-label": f"Restock {name}"},
                ),
                content="Add 10 to the stock",
            ),
            rx.cond(
                UserState.is_staff & row["is_active"],
                rx.tooltip(
                    rx.icon_button(
                        rx.icon("archive", size=16),
                        on_click=ProductState.discontinue(pk),
                        variant="ghost",
                        color_scheme="gray",
                        custom_attrs={"aria-label": f"Discontinue {name}"},
                    ),
                    content="Take off sale",
                ),
            ),
            rx.icon_button(
                rx.icon("pencil", size=16),
                on_click=[ProductState.start_edit(pk), ProductState.open_form],
                variant="ghost",
                color_scheme="gray",
                custom_attrs={"aria-label": f"Edit {name}"},
            ),
            rx.icon_button(
                rx.icon("trash-2", size=16),
                on_click=ProductState.ask_delete(pk, name),
                variant="ghost",
                color_scheme="gray",
                custom_attrs={"aria-label": f"Delete {name}"},
            ),
            align="center",
            justify="end",
            spacing="4",
            padding_right="6px",
        ),
    )


def _footer() -> rx.Component:
    state = ProductState
    return rx.flex(
        rx.text(
            rx.cond(
                state.total_count == 1,
                "1 product",
                f"{state.total_count} products",
            ),
            size="2",
            color="var(--gray-11)",
            role="status",
        ),
        rx.flex(
            rx.flex(
                rx.text("Rows", size="2", color="var(--gray-11)", as_="span"),
                rx.select.root(
                    rx.select.trigger(custom_attrs={"aria-label": "Rows per page"}),
                    rx.select.content(*(rx.select.item(size, value=size) for size in PAGE_SIZES)),
                    value=state.page_size.to_string(),
                    on_change=lambda size: state.set_page_size(size.to(int)),
                ),
                align="center",
                spacing="2",
            ),
            rx.text(f"Page {state.page} of {state.page_count}", size="2", white_space="nowrap"),
            rx.flex(
                _turn("chevron-left", "Previous page", state.prev_page, state.page <= 1),
                _turn(
                    "chevron-right", "Next page", state.next_page, state.page >= state.page_count
                ),
                spacing="2",
            ),
            align="center",
            spacing="4",
        ),
        align="center",
        justify="between",
        wrap="wrap",
        spacing="3",
        padding="12px 16px",
        class_name="list-foot",
    )


def _turn(icon: str, label: str, event: rx.EventHandler, disabled: rx.Var[bool]) -> rx.Component:
    return rx.icon_button(
        rx.icon(icon, size=18),
        on_click=event,
        disabled=disabled,
        variant="soft",
        color_scheme="gray",
        custom_attrs={"aria-label": label},
    )


def _skeleton() -> rx.Component:
    return rx.flex(
        rx.skeleton(height="18px", width="34%"),
        rx.skeleton(height="18px", width="16%"),
        rx.skeleton(height="18px", width="12%"),
        justify="between",
        padding="18px 16px",
    )
