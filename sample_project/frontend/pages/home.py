"""Home: what this is, who is signed in, and where to go."""

from __future__ import annotations

import reflex as rx

from frontend.components.layout import shell, sign_in_link
from frontend.components.ui import django_link, panel
from frontend.states.home import HomeState
from frontend.states.user import UserState
from shop.demo import USERS

TOUR = (
    (
        "/products",
        "package",
        "Products",
        "A ModelState over the viewset that answers at /api/products/: filters, search, "
        "ordering, pages, forms with field errors, and the viewset's own actions.",
    ),
    (
        "/catalogue",
        "image",
        "Catalogue",
        "The same viewset, and the whole page made by ui.crud: rows to choose, cells to change "
        "in place, columns to hide, a file of all rows, and deletions that can be undone.",
    ),
    (
        "/orders",
        "receipt-text",
        "Orders",
        "A ModelState in a few lines. The viewset, the form and the handlers are made from it.",
    ),
    (
        "/inventory",
        "clipboard-list",
        "Inventory",
        "The same kind of page by hand: AppState, the async ORM and a serializer.",
    ),
    (
        "/tasks",
        "list-checks",
        "Tasks",
        "A plain rx.State that asks current_user() who is there. Nothing is generated.",
    ),
)


def home() -> rx.Component:
    return shell(
        _welcome(),
        _figures(),
        rx.heading("Five pages, five ways to write one", as_="h2", size="5", margin="40px 0 16px"),
        rx.grid(
            *(_stop(*stop) for stop in TOUR),
            columns=rx.breakpoints(initial="1", sm="2"),
            spacing="4",
        ),
        path="/",
    )


def _welcome() -> rx.Component:
    return rx.grid(
        rx.box(
            rx.badge("reflex_drf sample project", size="2", radius="full"),
            rx.heading(
                "Your Django project, with a live interface.",
                as_="h1",
                size="8",
                letter_spacing="-0.03em",
                margin_top="16px",
            ),
            rx.text(
                "Harbor & Pine is an ordinary Django shop with a REST API. These pages run on its "
                "own viewsets: the same permissions, filters and validation as at /api/, with the "
                "same login as the admin, on one port.",
                size="4",
                color="var(--gray-11)",
                margin_top="14px",
                max_width="54ch",
            ),
            rx.flex(
                rx.button(
                    rx.link("Browse products", href="/products", underline="none"),
                    as_child=True,
                    size="3",
                ),
                rx.button(
                    django_link("Open the API", href="/api/"),
                    as_child=True,
                    size="3",
                    variant="soft",
                    color_scheme="gray",
                ),
                rx.button(
                    django_link("Django admin", href="/admin/"),
                    as_child=True,
                    size="3",
                    variant="soft",
                    color_scheme="gray",
                ),
                spacing="3",
                wrap="wrap",
                margin_top="24px",
            ),
        ),
        _who(),
        columns=rx.breakpoints(initial="1", md="1fr 380px"),
        spacing="7",
        align="center",
    )


def _who() -> rx.Component:
    return panel(
        rx.cond(
            UserState.is_authenticated,
            rx.flex(
                rx.avatar(fallback=UserState.username[0].upper(), size="3", radius="full"),
                rx.box(
                    rx.text("Signed in as ", rx.text.strong(UserState.username), size="3"),
                    rx.text(
                        rx.cond(UserState.is_staff, "Staff: may change everything", "Customer"),
                        size="2",
                        color="var(--gray-11)",
                    ),
                ),
                align="center",
                spacing="3",
            ),
            rx.flex(
                rx.box(
                    rx.text("You are not signed in", weight="bold", size="3"),
                    rx.text("Pick one of the demo users.", size="2", color="var(--gray-11)"),
                ),
                sign_in_link("/"),
                align="center",
                justify="between",
                spacing="3",
            ),
        ),
        rx.el.table(
            rx.el.caption("Demo users", class_name="visually-hidden"),
            rx.el.thead(
                rx.el.tr(
                    rx.el.th("User", scope="col"),
                    rx.el.th("Password", scope="col"),
                )
            ),
            rx.el.tbody(
                *(
                    rx.el.tr(
                        rx.el.td(
                            rx.text(user.username, weight="medium", size="2"),
                            rx.text(user.role, size="1", color="var(--gray-11)"),
                        ),
                        rx.el.td(rx.code(user.password, variant="soft", color_scheme="gray")),
                    )
                    for user in USERS
                )
            ),
            class_name="users",
        ),
        padding="22px",
    )


def _figures() -> rx.Component:
    signed_in = UserState.is_authenticated
    return rx.grid(
        _figure("Products on sale", HomeState.products),
        _figure("Low on stock", HomeState.low_stock),
        _figure("Your open orders", HomeState.open_orders, signed_in),
        _figure("Your open tasks", HomeState.open_tasks, signed_in),
        columns=rx.breakpoints(initial="2", sm="4"),
        spacing="4",
        margin_top="40px",
    )


def _figure(label: str, value: rx.Var[int], known: rx.Var[bool] | bool = True) -> rx.Component:
    return panel(
        rx.text(label, size="2", color="var(--gray-11)"),
        rx.skeleton(
            rx.text(
                rx.cond(known, value.to(str), "-"),
                size="7",
                weight="bold",
                letter_spacing="-0.02em",
                margin_top="4px",
                style={"fontVariantNumeric": "tabular-nums"},
            ),
            loading=~HomeState.loaded,
        ),
        padding="16px 18px",
    )


def _stop(href: str, icon: str, title: str, text: str) -> rx.Component:
    return rx.link(
        rx.flex(
            rx.flex(
                rx.icon(icon, size=20, color="var(--accent-11)"),
                align="center",
                justify="center",
                flex_shrink="0",
                width="42px",
                height="42px",
                border_radius="12px",
                background="var(--accent-a3)",
            ),
            rx.box(
                rx.text(title, weight="bold", size="3", color="var(--gray-12)"),
                rx.text(text, size="2", color="var(--gray-11)", margin_top="4px"),
            ),
            spacing="4",
        ),
        href=href,
        underline="none",
        class_name="panel tour",
        padding="20px",
    )
