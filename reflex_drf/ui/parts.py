"""Small parts that the components share."""

from __future__ import annotations

from typing import Any

import reflex as rx

from reflex_drf.ui import browser
from reflex_drf.ui.texts import text

__all__ = [
    "CONTROL",
    "DANGER",
    "HIDDEN",
    "SMALL_BOX",
    "Style",
    "allowed",
    "describe_control",
    "element_id",
    "icon_button",
    "labelled",
    "notice",
    "options",
    "problem",
    "styled",
]

Style = dict[str, Any]

# A checkbox of the browser's own.
SMALL_BOX: Style = {"width": "16px", "height": "16px", "accent_color": "var(--accent-9)"}
# Seen by screen readers only.
HIDDEN: Style = {
    "position": "absolute",
    "width": "1px",
    "height": "1px",
    "overflow": "hidden",
    "clip_path": "inset(50%)",
    "white_space": "nowrap",
}
# A button that takes something away; white on the theme's red is too pale to be read by everyone.
DANGER: dict[str, Any] = {"color_scheme": "red", "variant": "soft", "high_contrast": True}
# Native controls in the colours and sizes of the theme's own: they work with every keyboard,
# screen reader and phone, and take an empty value.
CONTROL: Style = {
    "width": "100%",
    "min_height": "var(--space-6)",
    "padding": "0 var(--space-2)",
    "border": "0",
    "border_radius": "max(var(--radius-2), var(--radius-full))",
    "box_shadow": "inset 0 0 0 1px var(--gray-a7)",
    "background": "var(--color-surface)",
    "color": "var(--gray-12)",
    "font_family": "inherit",
    "font_size": "var(--font-size-2)",
    "&:focus-visible": {"outline": "2px solid var(--focus-8)", "outline_offset": "-1px"},
    "&:disabled": {"background": "var(--gray-a2)", "color": "var(--gray-11)"},
    "&[aria-invalid='true']": {"box_shadow": "inset 0 0 0 1px var(--red-8)"},
    "&[aria-invalid='true']:focus-visible": {"outline_color": "var(--red-8)"},
    ".dark &": {"color_scheme": "dark"},
    "& option": {"color": "var(--gray-12)", "background": "var(--color-panel-solid)"},
}


def styled(style: Style, props: dict[str, Any]) -> dict[str, Any]:
    """Props of a component whose `style` counts more than its own."""
    return {**props, "style": {**style, **props.get("style", {})}}


def allowed(state: type[Any], action: str, key: rx.Var[Any] | None = None) -> rx.Var[bool]:
    """Whether the user may run an action, on the row of a key where one is given.

    It decides what is offered, and nothing else: the viewset is asked again when it is done.
    """
    if key is None:
        return browser.expression(f"$0?.['{action}'] ?? false", state.may, kind=bool)
    return browser.expression(
        f"$0[String($1)]?.['{action}'] ?? $2?.['{action}'] ?? false",
        state.row_may,
        key,
        state.may,
        kind=bool,
    )


def icon_button(
    icon: str,
    label: Any,
    link: rx.Component | None = None,
    attributes: dict[str, Any] | None = None,
    **props: Any,
) -> rx.Component:
    """A button, or a link, with nothing but an icon to see, and a name to hear."""
    return rx.icon_button(
        link or rx.icon(icon, size=16),
        **({"as_child": True} if link else {"type": "button"}),
        variant="ghost",
        color_scheme="gray",
        custom_attrs={"aria-label": label, **(attributes or {})},
        **props,
    )


def element_id(state: str, name: str) -> str:
    """The id of a control; two states on one page have different ones."""
    return f"{state}-{name}".lower().replace("_", "-")


def describe_control(control_id: str, error: rx.Var[str], *, required: bool) -> dict[str, Any]:
    """What tells assistive technology about a control, besides its label."""
    return {
        "id": control_id,
        "aria-invalid": rx.cond(error, "true", "false"),
        "aria-describedby": f"{control_id}-help {control_id}-error",
        "aria-required": "true" if required else "false",
    }


def labelled(
    label: Any, control: rx.Component, control_id: str, *, required: bool = False, **props: Any
) -> rx.Component:
    """A control with its label above it."""
    star = rx.el.span(" *", aria_hidden="true", style={"color": "var(--red-11)"})
    return rx.box(
        rx.el.label(
            text(label),
            star if required else rx.fragment(),
            html_for=control_id,
            style={
                "display": "block",
                "font_size": "var(--font-size-2)",
                "font_weight": "500",
                "margin_bottom": "var(--space-1)",
            },
        ),
        control,
        **{"min_width": "0", **props},
    )


def options(choices: tuple[tuple[Any, Any], ...], *, empty: Any) -> list[rx.Component]:
    """The options of a native select, the empty one first."""
    first = [] if empty is None else [rx.el.option(empty, value="")]
    return [*first, *(rx.el.option(text(label), value=str(value)) for value, label in choices)]


def problem(message: rx.Var[str] | Any, **props: Any) -> rx.Component:
    """What is wrong with the whole; its place is always there, so that it is read out."""
    return rx.box(
        rx.cond(
            message,
            rx.callout(
                message,
                icon="triangle-alert",
                color_scheme="red",
                high_contrast=True,
                size="1",
                width="100%",
            ),
        ),
        **{"role": "alert", **props},
    )


def notice(icon: rx.Component, said: rx.Component, color: Any, **props: Any) -> rx.Component:
    """A callout that may hold links and buttons besides words."""
    return rx.callout.root(
        rx.callout.icon(icon),
        # Not the text of the callout, which is a paragraph and can hold no buttons.
        rx.box(said, font_size="var(--font-size-2)", line_height="var(--line-height-2)"),
        color_scheme=color,
        # The usual text of a callout is too pale to be read by everyone.
        high_contrast=True,
        size="1",
        width="100%",
        **props,
    )
