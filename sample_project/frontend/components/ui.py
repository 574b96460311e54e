"""Small parts that the pages share."""

from __future__ import annotations

import inspect
import textwrap
from typing import Any

import reflex as rx


def panel(*children: rx.Component, **props: Any) -> rx.Component:
    """A surface on the page."""
    return rx.box(*children, class_name="panel", **props)


def django_link(label: str, href: str, **props: Any) -> rx.Component:
    """A link to one of Django's own pages.

    Every link of Reflex is a step within its pages, where a URL of Django leads to a 404; this
    one lets the browser load the page.
    """
    return rx.el.a(label, href=href, reload_document=True, **props)


def field(
    label: str, control: rx.Component, name: str, error: rx.Var[str] | None = None, **props: Any
) -> rx.Component:
    """A labelled control with what is wrong with it underneath; the control's id is `name`."""
    message = rx.fragment() if error is None else _field_error(name, error)
    return rx.box(
        rx.el.label(
            label,
            html_for=name,
            style={"display": "block", "fontSize": "14px", "fontWeight": 600, "marginBottom": 6},
        ),
        control,
        message,
        width="100%",
        **props,
    )


def _field_error(name: str, error: rx.Var[str]) -> rx.Component:
    return rx.cond(
        error,
        rx.text(
            error, id=f"{name}-error", role="alert", size="2", color_scheme="red", margin_top="4px"
        ),
    )


def invalid(name: str, error: rx.Var[str]) -> dict[str, Any]:
    """What tells assistive technology that a control has an error."""
    return {
        "aria-invalid": rx.cond(error, "true", "false"),
        "aria-describedby": f"{name}-error",
    }


def problem(message: rx.Var[str]) -> rx.Component:
    """An error that belongs to the whole page or form."""
    return rx.cond(
        message,
        rx.callout(
            message,
            icon="triangle-alert",
            color_scheme="red",
            role="alert",
            margin_bottom="16px",
            width="100%",
        ),
    )


def empty_state(icon: str, title: str, text: str, *actions: rx.Component) -> rx.Component:
    """Said instead of a list that has no rows."""
    return rx.flex(
        rx.flex(
            rx.icon(icon, size=24, color="var(--accent-11)"),
            align="center",
            justify="center",
            width="52px",
            height="52px",
            border_radius="14px",
            background="var(--accent-a3)",
        ),
        rx.box(
            rx.text(title, weight="bold", size="3"),
            rx.text(text, color="var(--gray-11)", size="2", margin_top="4px", max_width="44ch"),
            text_align="center",
        ),
        *actions,
        direction="column",
        align="center",
        justify="center",
        spacing="4",
        padding="56px 24px",
    )


def code_behind(*sources: Any) -> rx.Component:
    """The Python that runs the page, for those who want to see how little it is."""
    text = "\n\n".join(textwrap.dedent(inspect.getsource(source)).strip() for source in sources)
    return rx.el.details(
        rx.el.summary("The code behind this page"),
        rx.el.pre(text, class_name="panel mono", tab_index=0),
        class_name="code",
    )
