"""What the sign-in pages are built of: a form of Django's as components, and a frame around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import reflex as rx
from django import forms

from reflex_drf.ui import browser
from reflex_drf.ui.parts import (
    CONTROL,
    HIDDEN,
    describe_control,
    element_id,
    labelled,
    problem,
)
from reflex_drf.ui.texts import capital, text

__all__ = ["AuthPage", "Frame", "card", "django_form", "link"]

# After this long a form that nothing came back from may be sent again.
PATIENCE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthPage:
    """The parts of a sign-in page, for a frame to put where it likes."""

    # Its name, such as "login".
    name: str
    # Texts in the language of the reader.
    title: Any
    lead: Any
    # The form, or what is said in its place.
    body: rx.Component
    # Links to the other pages of signing in.
    links: tuple[rx.Component, ...] = ()


Frame = Callable[[AuthPage], rx.Component]


def card(page: AuthPage) -> rx.Component:
    """The frame of a page that is given no other: a card in the middle."""
    return rx.el.main(
        rx.card(
            rx.heading(page.title, as_="h1", size="6"),
            rx.cond(
                page.lead,
                rx.text(page.lead, size="2", color="var(--gray-11)", margin_top="6px"),
            ),
            rx.box(page.body, margin_top="20px"),
            rx.flex(*page.links, justify="between", wrap="wrap", spacing="3", margin_top="20px")
            if page.links
            else rx.fragment(),
            size="4",
            width="100%",
            max_width="420px",
        ),
        style={
            "display": "flex",
            "justifyContent": "center",
            "alignItems": "flex-start",
            "minHeight": "100vh",
            "padding": "clamp(24px, 12vh, 120px) 16px 48px",
        },
    )


def link(label: Any, route: str, *, keep_next: bool = False) -> rx.Component:
    """A link to another page of signing in; `keep_next` takes the way back along."""
    target: Any = route
    shown: dict[str, Any] = {}
    if keep_next:
        # The browser's own address, so that the page needs no event to know it.
        query = rx.State.router.url.query_parameters.get("next", "")
        suffix = browser.expression("$0 ? '?next=' + encodeURIComponent($0) : ''", query)
        target = rx.Var.create(route) + suffix.to(str)
        # Nobody is to follow it before it knows the way back.
        shown = {"visibility": rx.cond(rx.State.is_hydrated, "visible", "hidden")}
    return rx.link(text(label), href=target, size="2", underline="always", **shown)


def django_form(
    state: type[Any],
    form: Any,
    submit: Any,
    *,
    controls: Mapping[str, rx.Component] | None = None,
    **props: Any,
) -> rx.Component:
    """A form of Django's, sent to the state's `submit`.

    `controls` replaces the control of a field, such as a captcha. What is typed stays in the
    browser's own inputs, passwords above all, and is a var nowhere.
    """
    own = dict(controls or {})
    busy = browser.client_value(state, "sending", default=-1)
    waits = busy.value == state.answers
    return rx.el.form(
        busy,
        problem(state.error),
        *(form_field(state, name, form.fields[name], own.get(name)) for name in form.fields),
        rx.button(
            text(submit), type="submit", loading=waits, disabled=waits, width="100%", size="3"
        ),
        on_submit=state.submit,
        custom_attrs={"noValidate": True, "onSubmitCapture": send_once(busy, state.answers)},
        **{
            "display": "flex",
            "flex_direction": "column",
            "gap": "16px",
            "width": "100%",
            **props,
        },
    )


def send_once(busy: Any, answers: rx.Var[int]) -> rx.Var[Any]:
    """Keep a form that was sent from being sent again before its answer came."""
    return browser.expression(
        "(event) => { const form = event.currentTarget, count = String($1); "
        "if (form.dataset.sent === count) "
        "{ event.preventDefault(); event.stopPropagation(); return; } "
        "form.dataset.sent = count; $0($1); "
        "setTimeout(() => { if (form.dataset.sent === count) "
        f"{{ delete form.dataset.sent; $0(-1); }} }}, {PATIENCE}); }}",
        busy.set,
        answers,
        kind=Any,
    )


def form_field(
    state: type[Any], name: str, field: forms.Field, own: rx.Component | None
) -> rx.Component:
    """One field: its label, its control, its help and what is wrong with it."""
    control_id = element_id(state.__name__, name)
    widget: Any = field.widget
    if widget.is_hidden:
        return rx.el.input(type="hidden", name=name, default_value=str(field.initial or ""))
    error = state.field_errors.get(name, "").to(str)
    described = describe_control(control_id, error, required=field.required)
    control = own or form_control(name, field, described)
    label = capital(field.label or name.replace("_", " "))
    return rx.box(
        labelled(label, control, control_id, required=field.required),
        help_text(field, f"{control_id}-help"),
        rx.box(
            rx.cond(error, rx.text(error, size="2", color_scheme="red", margin_top="4px")),
            id=f"{control_id}-error",
            role="alert",
        ),
    )


def help_text(field: forms.Field, element: str) -> rx.Component:
    """The help of a field; Django's own for passwords is a list in HTML."""
    style = {"font_size": "var(--font-size-1)", "color": "var(--gray-11)", "margin_top": "4px"}
    said = str(field.help_text)
    if not said:
        return rx.el.span(id=element, style=HIDDEN)
    # As in Django's templates, the help of a field may be the project's own HTML.
    content = text(field.help_text)
    shown = rx.html(content) if "<" in said else content
    return rx.box(shown, id=element, style=style)


def form_control(name: str, field: forms.Field, described: Mapping[str, Any]) -> rx.Component:
    """The control of a field, by its widget."""
    widget: Any = field.widget
    attributes = {**field.widget_attrs(widget), **widget.attrs}
    kept = {key: attributes[key] for key in ATTRIBUTES if key in attributes}
    common: dict[str, Any] = {"name": name, "custom_attrs": {**kept, **described}, "style": CONTROL}
    if attributes.get("autofocus"):
        common["auto_focus"] = True
    if isinstance(widget, forms.CheckboxInput):
        return rx.el.input(type="checkbox", **{**common, "style": {}})
    if isinstance(widget, forms.Textarea):
        return rx.el.textarea(**common)
    if isinstance(widget, forms.Select) and not widget.allow_multiple_selected:
        choices = [rx.el.option(text(label), value=str(key)) for key, label in widget.choices]
        return rx.el.select(*choices, **common)
    return rx.el.input(type=getattr(widget, "input_type", None) or "text", **common)


# Of what a widget says about itself, that which means something to a browser.
ATTRIBUTES = (
    "autocapitalize",
    "autocomplete",
    "inputmode",
    "maxlength",
    "minlength",
    "pattern",
    "placeholder",
)
