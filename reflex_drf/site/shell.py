"""The frame around each page of a site: its menu, the viewer, and word of a lost connection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import reflex as rx
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from reflex_drf import ui
from reflex_drf.site.states import SiteState
from reflex_drf.ui import browser
from reflex_drf.ui.parts import Style
from reflex_drf.ui.refusals import sign_in_link
from reflex_drf.ui.texts import text

__all__ = ["Menu", "MenuItem", "home", "shell"]

_PAGE: Style = {
    "display": "grid",
    "grid_template_columns": "232px minmax(0, 1fr)",
    # The menu goes down to the foot of a short page: no other row shares in what room is left.
    "grid_template_rows": "1fr",
    "min_height": "100vh",
    "@media (max-width: 820px)": {
        "grid_template_columns": "minmax(0, 1fr)",
        # A short page leaves its room below itself, not in the bar above it.
        "grid_template_rows": "auto 1fr",
    },
}
_SIDE: Style = {
    "border_inline_end": "1px solid var(--gray-a5)",
    "background": "var(--gray-a2)",
    "padding": "20px 12px",
    "@media (max-width: 820px)": {
        "border_inline_end": "0",
        "border_bottom": "1px solid var(--gray-a5)",
        "padding": "12px 16px",
    },
}
# One menu for all widths: on a phone it is folded under its title.
_FOLDED: Style = {
    "& > summary": {
        "list_style": "none",
        "font_weight": "600",
        "font_size": "var(--font-size-4)",
        "cursor": "pointer",
        "display": "flex",
        "align_items": "center",
        "gap": "8px",
        "border_radius": "var(--radius-2)",
    },
    "& > summary:focus-visible": {"outline": "2px solid var(--focus-8)"},
    "& > summary::-webkit-details-marker": {"display": "none"},
    "@media (min-width: 821px)": {"display": "none"},
}
_WIDE: Style = {"@media (max-width: 820px)": {"display": "none"}}
_ITEM: Style = {
    "display": "flex",
    "align_items": "center",
    "gap": "10px",
    "padding": "8px 10px",
    "border_radius": "var(--radius-3)",
    "color": "var(--gray-12)",
    "font_size": "var(--font-size-2)",
    "text_decoration": "none",
    "&:hover": {"background": "var(--gray-a3)"},
    "&:focus-visible": {"outline": "2px solid var(--focus-8)"},
    "&[aria-current='page']": {"background": "var(--accent-a4)", "color": "var(--accent-12)"},
}


@dataclass(frozen=True)
class MenuItem:
    """A section in the menu; its name is the address of its first page."""

    name: str
    label: Any
    icon: str


@dataclass(frozen=True)
class Menu:
    """What all pages of a site lead to."""

    title: Any
    path: str
    items: Sequence[MenuItem]


def shell(menu: Menu, content: rx.Component, route: str) -> rx.Component:
    """A page in its frame."""
    return rx.box(
        ui.page_language(),
        rx.el.a(
            text(_("Skip to the content")),
            href="#content",
            # The router follows the link, but leaves the focus where it is.
            on_click=rx.call_script("document.getElementById('content').focus()"),
            style=_SKIP,
        ),
        rx.el.header(_side(menu, route), style=_SIDE),
        rx.box(
            rx.el.main(content, id="content", custom_attrs={"tabIndex": -1}, style=_MAIN),
            min_width="0",
        ),
        ui.connection(),
        style=_PAGE,
    )


_MAIN: Style = {
    "max_width": "1240px",
    "margin": "0 auto",
    "padding": "clamp(20px, 3vw, 36px) clamp(16px, 3vw, 32px) 64px",
    "outline": "none",
}
_SKIP: Style = {
    "position": "absolute",
    "inset_inline_start": "-10000px",
    "&:focus": {
        "inset_inline_start": "16px",
        "top": "8px",
        "z_index": "60",
        "padding": "8px 12px",
        "border_radius": "var(--radius-2)",
        "background": "var(--accent-9)",
        "color": "var(--accent-contrast)",
    },
}


def _side(menu: Menu, route: str) -> rx.Component:
    brand = rx.link(
        text(menu.title),
        href=menu.path,
        underline="none",
        color="var(--gray-12)",
        style={"display": "block", "padding": "0 10px 16px", "font_weight": "600"},
        size="4",
    )
    return rx.fragment(
        rx.box(brand, _content(menu, route), style=_WIDE),
        rx.el.details(
            rx.el.summary(rx.icon("menu", size=18), text(menu.title)),
            rx.box(_content(menu, route), padding_top="12px"),
            style=_FOLDED,
        ),
    )


def _content(menu: Menu, route: str) -> rx.Component:
    return rx.fragment(
        rx.el.nav(
            rx.el.ul(
                *(_entry(item, route) for item in menu.items),
                style={"list_style": "none", "margin": "0", "padding": "0"},
            ),
            custom_attrs={"aria-label": text(_("Sections"))},
        ),
        rx.box(_viewer(), margin_top="20px", padding_top="12px", border_top=_LINE),
    )


_LINE = "1px solid var(--gray-a5)"


def _entry(item: MenuItem, route: str) -> rx.Component:
    within = route == item.name or route.startswith(f"{item.name}/")
    link = rx.link(
        rx.icon(item.icon, size=16),
        text(item.label),
        href=item.name,
        underline="none",
        style=_ITEM,
        custom_attrs={"aria-current": "page"} if within else {},
    )
    return rx.cond(_offered(item), rx.el.li(link))


def _offered(item: MenuItem) -> rx.Var[bool]:
    return browser.expression("$0?.[$1] ?? false", _offers(), rx.Var.create(item.name), kind=bool)


def _viewer() -> rx.Component:
    signed_in = rx.fragment(
        rx.box(
            rx.el.span(text(_("Signed in as")), style={"color": "var(--gray-11)"}),
            " ",
            rx.el.strong(SiteState.username),
            padding="8px 10px",
            font_size="var(--font-size-2)",
        ),
        *_admin_link(),
        _button("log-out", text(_("Sign out")), SiteState.sign_out),
    )
    signed_out = rx.box(sign_in_link(), padding="8px 10px", font_size="var(--font-size-2)")
    return rx.fragment(
        rx.cond(SiteState.is_authenticated, signed_in, rx.cond(SiteState.looked, signed_out)),
        _button("sun-moon", text(_("Light or dark")), rx.toggle_color_mode),
    )


def _button(icon: str, label: Any, event: Any) -> rx.Component:
    style = {**_ITEM, "background": "none", "border": "0", "width": "100%", "cursor": "pointer"}
    return rx.el.button(rx.icon(icon, size=16), label, type="button", on_click=event, style=style)


def _admin_link() -> list[rx.Component]:
    try:
        url = reverse("admin:index")
    except NoReverseMatch:
        return []
    link = rx.el.a(
        rx.icon("shield", size=16),
        text(_("Administration")),
        href=url,
        reload_document=True,
        style=_ITEM,
    )
    return [rx.cond(SiteState.is_staff, link)]


def home(menu: Menu) -> Callable[[], rx.Component]:
    """The first page: the sections that the viewer may open."""

    def content() -> rx.Component:
        cards = [rx.cond(_offered(item), _card(item)) for item in menu.items]
        nothing = rx.cond(
            SiteState.is_authenticated,
            rx.text(text(_("There is nothing here that you may see.")), role="status"),
            rx.flex(rx.text(text(_("Please sign in."))), sign_in_link(), spacing="2"),
        )
        some = browser.expression(
            "$1.some((name) => $0?.[name])",
            _offers(),
            rx.Var.create([item.name for item in menu.items]),
            kind=bool,
        )
        return rx.fragment(
            rx.heading(text(menu.title), as_="h1", size="7", margin_bottom="20px"),
            rx.grid(*cards, columns=rx.breakpoints(initial="1", xs="2", md="3"), spacing="4"),
            rx.cond(SiteState.looked & ~some, nothing),
        )

    return content


def _card(item: MenuItem) -> rx.Component:
    inner = rx.link(
        rx.flex(
            rx.icon(item.icon, size=20, color="var(--accent-11)"),
            rx.text(text(item.label), weight="medium"),
            align="center",
            spacing="3",
        ),
        href=item.name,
        underline="none",
        color="var(--gray-12)",
    )
    return rx.card(inner, as_child=True, size="2")


def _offers() -> Any:
    return SiteState.offered
