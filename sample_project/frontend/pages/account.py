"""The pages of signing in, in the frame of the shop: what is in them comes from Django's forms."""

from __future__ import annotations

import reflex as rx
from reflex_drf.auth import AuthPage

from frontend.components.layout import shell
from frontend.components.ui import code_behind, panel
from shop.demo import USERS


def account(page: AuthPage) -> rx.Component:
    """One page of signing in."""
    return shell(
        rx.box(
            panel(
                rx.heading(page.title, as_="h1", size="6", letter_spacing="-0.02em"),
                rx.text(page.lead, color="var(--gray-11)", size="2", margin_top="6px"),
                rx.box(page.body, margin_top="20px"),
                rx.flex(
                    *page.links, justify="between", wrap="wrap", spacing="3", margin_top="18px"
                ),
                _demo_users() if page.name == "login" else rx.fragment(),
                padding="clamp(20px, 4vw, 32px)",
            ),
            code_behind(account),
            max_width="440px",
            margin="clamp(0px, 5vh, 48px) auto 0",
        ),
        path="/",
    )


def _demo_users() -> rx.Component:
    return rx.box(
        rx.heading("Demo users", as_="h2", size="2"),
        rx.el.table(
            rx.el.thead(rx.el.tr(rx.el.th("User", scope="col"), rx.el.th("Password", scope="col"))),
            rx.el.tbody(
                *(rx.el.tr(rx.el.td(user.username), rx.el.td(user.password)) for user in USERS)
            ),
            class_name="users",
        ),
        margin_top="24px",
    )
