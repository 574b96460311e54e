"""The frame around every page: header, navigation, the user's menu and the footer."""

from __future__ import annotations

import reflex as rx
from reflex_drf.auth.states.logout import LogoutState

from frontend.components.ui import django_link
from frontend.states.user import UserState

PAGES = (
    ("Products", "/products", "package"),
    ("Catalogue", "/catalogue", "image"),
    ("Orders", "/orders", "receipt-text"),
    ("Inventory", "/inventory", "clipboard-list"),
    ("Tasks", "/tasks", "list-checks"),
    ("Office", "/office", "building-2"),
)
WIDTH = "1160px"


def shell(*children: rx.Component, path: str) -> rx.Component:
    """Put a page into the frame."""
    return rx.box(
        rx.el.a("Skip to content", href="#content", class_name="skip"),
        _header(path),
        rx.el.main(
            *children,
            id="content",
            style={
                "width": "100%",
                "maxWidth": WIDTH,
                "margin": "0 auto",
                "padding": "clamp(24px, 4vw, 44px) clamp(16px, 3vw, 24px) 64px",
            },
        ),
        _footer(),
        min_height="100vh",
        display="flex",
        flex_direction="column",
        class_name="page",
    )


def page_header(title: str, lead: str, *actions: rx.Component) -> rx.Component:
    """Title of a page with what can be done there."""
    return rx.flex(
        rx.box(
            rx.heading(title, as_="h1", size="7", letter_spacing="-0.02em"),
            rx.text(lead, color="var(--gray-11)", margin_top="6px", max_width="72ch"),
        ),
        *([rx.flex(*actions, spacing="3", flex_shrink="0")] if actions else []),
        direction=rx.breakpoints(initial="column", sm="row"),
        align=rx.breakpoints(initial="start", sm="end"),
        justify="between",
        spacing="4",
        margin_bottom="24px",
    )


def _header(path: str) -> rx.Component:
    return rx.el.header(
        rx.flex(
            _brand(),
            _navigation(path),
            rx.spacer(),
            rx.flex(
                rx.icon_button(
                    rx.color_mode.icon(
                        light_component=rx.icon("sun", size=18),
                        dark_component=rx.icon("moon", size=18),
                    ),
                    on_click=rx.toggle_color_mode,
                    variant="ghost",
                    color_scheme="gray",
                    custom_attrs={"aria-label": "Switch between light and dark"},
                ),
                _user_menu(path),
                _mobile_menu(path),
                align="center",
                spacing="4",
            ),
            align="center",
            spacing="6",
            height="60px",
            max_width=WIDTH,
            margin="0 auto",
            padding="0 clamp(16px, 3vw, 24px)",
        ),
        class_name="site-header",
    )


def _brand() -> rx.Component:
    return rx.link(
        rx.image(src="/favicon.svg", alt="", width="28px", height="28px"),
        rx.text("Harbor & Pine", weight="bold", size="3", letter_spacing="-0.01em"),
        href="/",
        underline="none",
        color="var(--gray-12)",
        display="flex",
        align_items="center",
        gap="10px",
        white_space="nowrap",
    )


def _navigation(path: str) -> rx.Component:
    return rx.el.nav(
        *(
            rx.link(
                label,
                href=href,
                underline="none",
                class_name="nav-link",
                custom_attrs={"aria-current": "page"} if href == path else {},
            )
            for label, href, _ in PAGES
        ),
        class_name="desktop-only nav",
        custom_attrs={"aria-label": "Pages"},
    )


def sign_in_link(path: str, label: str = "Sign in") -> rx.Component:
    """Lead to the sign-in page, and from there back."""
    return rx.button(rx.link(label, href=f"/login?next={path}"), as_child=True, size="2")


def _user_menu(path: str) -> rx.Component:
    menu = rx.dropdown_menu.root(
        rx.dropdown_menu.trigger(
            rx.button(
                rx.avatar(fallback=UserState.username[0].upper(), size="1", radius="full"),
                rx.text(UserState.username, size="2", weight="medium", color="var(--gray-12)"),
                rx.icon("chevron-down", size=14, color="var(--gray-10)"),
                variant="ghost",
                color_scheme="gray",
                custom_attrs={"aria-label": "Your account"},
            )
        ),
        rx.dropdown_menu.content(
            rx.text(
                rx.cond(UserState.is_staff, "Signed in as staff", "Signed in"),
                size="1",
                color="var(--gray-11)",
                padding="6px 12px",
            ),
            rx.dropdown_menu.separator(),
            rx.cond(UserState.is_staff, _menu_anchor("Django admin", "/admin/")),
            _menu_anchor("API", "/api/"),
            rx.dropdown_menu.item("Change password", on_select=rx.redirect("/password-change")),
            rx.dropdown_menu.separator(),
            rx.dropdown_menu.item("Sign out", on_select=LogoutState.sign_out, color="red"),
            align="end",
            min_width="180px",
        ),
    )
    return rx.cond(UserState.is_authenticated, menu, sign_in_link(path))


def _mobile_menu(path: str) -> rx.Component:
    return rx.box(
        rx.dropdown_menu.root(
            rx.dropdown_menu.trigger(
                rx.icon_button(
                    rx.icon("menu", size=20),
                    variant="ghost",
                    color_scheme="gray",
                    custom_attrs={"aria-label": "Menu"},
                )
            ),
            rx.dropdown_menu.content(
                *(
                    rx.dropdown_menu.item(
                        rx.icon(icon, size=16), label, on_select=rx.redirect(href)
                    )
                    for label, href, icon in PAGES
                ),
                rx.dropdown_menu.separator(),
                _menu_anchor("Django admin", "/admin/"),
                _menu_anchor("API", "/api/"),
                align="end",
                min_width="200px",
                size="2",
            ),
        ),
        class_name="mobile-only",
    )


def _menu_anchor(label: str, href: str) -> rx.Component:
    return rx.dropdown_menu.item(django_link(label, href=href), as_child=True)


def _footer() -> rx.Component:
    return rx.el.footer(
        rx.flex(
            rx.text("A sample of reflex_drf: one Django project, one port, no API client."),
            rx.flex(
                django_link("Django admin", href="/admin/"),
                django_link("API", href="/api/"),
                spacing="4",
            ),
            justify="between",
            wrap="wrap",
            spacing="3",
            max_width=WIDTH,
            margin="0 auto",
            padding="20px clamp(16px, 3vw, 24px)",
        ),
        class_name="site-footer",
    )
