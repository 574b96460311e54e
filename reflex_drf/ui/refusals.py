"""What a page makes of a refusal, of a call that takes its time, and of a lost connection."""

from __future__ import annotations

from typing import Any

import reflex as rx
from django.conf import settings
from django.shortcuts import resolve_url
from django.utils.translation import gettext_lazy as _

from reflex_drf.state.description import describe
from reflex_drf.ui import browser
from reflex_drf.ui.parts import Style, element_id, notice, styled
from reflex_drf.ui.texts import text

__all__ = ["connection", "progress", "refusal", "sign_in_link"]

_ICONS = (
    ("signed_out", "log-in", "blue"),
    ("forbidden", "lock", "amber"),
    ("missing", "search-x", "gray"),
    ("throttled", "hourglass", "amber"),
    ("unavailable", "server-off", "amber"),
)


def refusal(
    state: type[Any], *, shown: bool | rx.Var[bool] = True, retry: Any = None, **props: Any
) -> rx.Component:
    """Why a call was refused, with what can be done: sign in, or try again after the wait.

    Its place is always there, so that it is read out. `retry` is the event of the button.
    """
    again = retry or getattr(state, "load" if hasattr(state, "load") else "load_detail", None)
    said = rx.flex(
        rx.el.span(state.error, style={"overflow_wrap": "anywhere"}),
        rx.cond(state.refusal == "signed_out", sign_in_link()),
        _try_again(state, again) if again is not None else rx.fragment(),
        align="center",
        wrap="wrap",
        spacing="3",
    )
    return rx.box(
        rx.cond((state.error != "") & shown, _pictured(state, said)),
        **{"role": "alert", **props},
    )


def _pictured(state: type[Any], said: rx.Component) -> rx.Component:
    icon = rx.icon("triangle-alert", size=16)
    color: Any = "red"
    for kind, name, scheme in _ICONS:
        icon = rx.cond(state.refusal == kind, rx.icon(name, size=16), icon)
        color = rx.cond(state.refusal == kind, scheme, color)
    return notice(icon, said, color, align="center")


def sign_in_link(**props: Any) -> rx.Component:
    """A link to the project's sign-in page, and from there back to this one."""
    url = resolve_url(settings.LOGIN_URL)
    href = browser.expression("$0 + $1", rx.Var.create(f"{url}?next="), browser.here())
    return rx.el.a(
        text(_("Sign in")),
        href=href,
        reload_document=True,
        **styled({"font_weight": "500", "color": "inherit", "text_decoration": "underline"}, props),
    )


def _try_again(state: type[Any], event: Any) -> rx.Component:
    name = element_id(describe(state).name, "wait").replace("-", "_")
    left = browser.countdown(state.retry_after, name)
    return rx.cond(
        (state.refusal == "throttled") | (state.refusal == "unavailable"),
        rx.button(
            rx.cond(
                left > 0, text(_("Try again in %(seconds)s s"), seconds=left), text(_("Try again"))
            ),
            on_click=event,
            disabled=left > 0,
            size="1",
            variant="soft",
            color_scheme="gray",
        ),
    )


def progress(state: type[Any], **props: Any) -> rx.Component:
    """A bar that moves while a call of the state takes its time; room for it is always kept."""
    bar = rx.box(
        role="progressbar",
        custom_attrs={"aria-label": text(_("The server is at work"))},
        style=_BAR,
    )
    return rx.box(
        rx.cond(state.working, bar),
        **styled({"height": "3px", "width": "100%", "overflow": "hidden"}, props),
    )


_BAR: Style = {
    "height": "100%",
    "width": "40%",
    "border_radius": "2px",
    "background": "var(--accent-9)",
    "animation": "reflex-drf-progress 1.2s ease-in-out infinite",
    "@keyframes reflex-drf-progress": {
        "from": {"transform": "translateX(-100%)"},
        "to": {"transform": "translateX(250%)"},
    },
    "@media (prefers-reduced-motion: reduce)": {"animation": "none", "width": "100%"},
}


def connection(**props: Any) -> rx.Component:
    """Word that the network or the server is away, as long as it is; once for a page."""
    offline, lost = browser.offline(), browser.reconnecting()
    said = rx.cond(
        offline,
        text(_("You are offline. What you see may be out of date.")),
        text(_("The connection is lost and being made again.")),
    )
    shown = rx.flex(
        rx.icon("wifi-off", size=16), rx.el.span(said), align="center", spacing="2", style=_NOTE
    )
    return rx.box(
        rx.cond(offline | lost, shown),
        **{"role": "status", "custom_attrs": {"data-connection": "true"}, **props},
    )


_NOTE: Style = {
    "position": "fixed",
    "bottom": "16px",
    "left": "50%",
    "transform": "translateX(-50%)",
    "z_index": "50",
    "max_width": "calc(100vw - 32px)",
    "padding": "8px 16px",
    "border_radius": "var(--radius-4)",
    "background": "var(--gray-12)",
    "color": "var(--gray-1)",
    "font_size": "var(--font-size-2)",
    "box_shadow": "var(--shadow-4)",
}
