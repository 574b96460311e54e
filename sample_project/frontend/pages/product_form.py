"""The dialogs of the products page: its form, and the question before a delete."""

from __future__ import annotations

import reflex as rx

from frontend.components.ui import field, invalid, problem
from frontend.states.products import CategoryState, ProductState


def form_dialog() -> rx.Component:
    return rx.dialog.root(
        rx.dialog.content(
            rx.dialog.title(rx.cond(ProductState.editing_id, "Edit product", "New product")),
            rx.dialog.description(
                "The serializer of the API checks what you enter.",
                size="2",
                color="var(--gray-11)",
                margin_bottom="20px",
            ),
            rx.form(
                _company(),
                rx.cond(
                    ProductState.editing_conflict == "",
                    problem(ProductState.error),
                    _meanwhile(),
                ),
                rx.grid(
                    _text("Name", "name", grid_column="1 / -1"),
                    _text("SKU", "sku"),
                    _category(),
                    _text("Price", "price", rx.input.slot("$"), input_mode="decimal"),
                    _text("Stock", "stock", input_mode="numeric"),
                    _description(),
                    columns=rx.breakpoints(initial="1", xs="2"),
                    spacing="4",
                ),
                _on_sale(),
                rx.flex(
                    rx.dialog.close(
                        rx.button("Cancel", type="button", variant="soft", color_scheme="gray")
                    ),
                    rx.button("Save", type="submit"),
                    justify="end",
                    spacing="3",
                    margin_top="24px",
                ),
                on_submit=lambda _: ProductState.save(),
            ),
            max_width="560px",
        ),
        open=ProductState.form_open,
        on_open_change=ProductState.close_form,
    )


def _company() -> rx.Component:
    """Who else has the product open."""
    return rx.cond(
        ProductState.presence,
        rx.flex(
            rx.icon("users", size=16),
            rx.text(f"Also editing: {ProductState.presence.join(', ')}", size="2", as_="span"),
            align="center",
            spacing="2",
            color="var(--accent-11)",
            margin_bottom="16px",
            role="status",
        ),
    )


def _meanwhile() -> rx.Component:
    """What has become of the product since the form was opened, and what to do about it."""
    gone = ProductState.editing_conflict == "deleted"
    by = rx.cond(ProductState.editing_conflict_by, ProductState.editing_conflict_by, "Somebody")
    return rx.callout.root(
        rx.callout.icon(rx.icon("git-compare", size=16)),
        rx.callout.text(
            rx.cond(
                gone,
                "This product has been deleted meanwhile.",
                f"{by} has changed this product meanwhile.",
            ),
            rx.cond(ProductState.overwrite_asked, " Nothing has been saved yet.", ""),
            flex="1 1 0",
        ),
        rx.flex(
            rx.cond(
                gone,
                rx.fragment(),
                _answer("Show the changes", ProductState.reload_edit, variant="soft"),
            ),
            rx.cond(
                ProductState.overwrite_asked,
                _answer(
                    rx.cond(gone, "Save as new", "Overwrite"),
                    ProductState.overwrite,
                    variant="solid",
                ),
            ),
            spacing="2",
            wrap="wrap",
            flex_basis="100%",
        ),
        color_scheme="amber",
        flex_wrap="wrap",
        role="alert",
        margin_bottom="16px",
        width="100%",
    )


def _answer(label: str | rx.Var[str], event: rx.EventHandler, **props) -> rx.Component:
    return rx.button(label, type="button", size="1", on_click=event, color_scheme="amber", **props)


def _error(name: str) -> rx.Var[str]:
    return ProductState.field_errors.get(name, "")


def _text(label: str, name: str, *slots: rx.Component, **props) -> rx.Component:
    control = rx.input(
        *slots,
        id=name,
        value=getattr(ProductState, name),
        on_change=getattr(ProductState, f"set_{name}"),
        custom_attrs=invalid(name, _error(name)),
        **{key: props.pop(key) for key in ("input_mode",) if key in props},
    )
    return field(label, control, name, _error(name), **props)


def _category() -> rx.Component:
    return field(
        "Category",
        rx.select.root(
            rx.select.trigger(
                id="category",
                placeholder="Choose…",
                width="100%",
                custom_attrs=invalid("category", _error("category")),
            ),
            rx.select.content(
                rx.foreach(
                    CategoryState.categories,
                    lambda row: rx.select.item(row["name"], value=row["id"].to_string()),
                )
            ),
            value=ProductState.category,
            on_change=ProductState.set_category,
        ),
        "category",
        _error("category"),
    )


def _description() -> rx.Component:
    return field(
        "Description",
        rx.text_area(
            id="description",
            value=ProductState.description,
            on_change=ProductState.set_description,
            rows="3",
            custom_attrs=invalid("description", _error("description")),
        ),
        "description",
        _error("description"),
        grid_column="1 / -1",
    )


def _on_sale() -> rx.Component:
    return rx.el.label(
        rx.switch(checked=ProductState.is_active, on_change=ProductState.set_is_active),
        "On sale",
        style={
            "display": "inline-flex",
            "alignItems": "center",
            "gap": 10,
            "marginTop": 18,
            "fontSize": "14px",
            "fontWeight": 600,
        },
    )


def delete_dialog() -> rx.Component:
    return rx.alert_dialog.root(
        rx.alert_dialog.content(
            rx.alert_dialog.title("Delete this product?"),
            rx.alert_dialog.description(
                rx.text.strong(ProductState.deleting_name),
                " disappears from the shop and from the orders that hold it.",
            ),
            rx.flex(
                rx.alert_dialog.cancel(rx.button("Keep it", variant="soft", color_scheme="gray")),
                rx.alert_dialog.action(
                    rx.button(
                        "Delete",
                        color_scheme="red",
                        on_click=ProductState.delete(ProductState.deleting_id),
                    )
                ),
                justify="end",
                spacing="3",
                margin_top="20px",
            ),
            max_width="440px",
        ),
        open=ProductState.deleting_id > 0,
        on_open_change=ProductState.keep,
    )
