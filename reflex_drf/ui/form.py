"""The form of a state, built from what its serializer says about its fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import reflex as rx
from django.utils.translation import gettext_lazy as _

from reflex_drf.errors import ConfigurationError
from reflex_drf.state.description import Description, Field, describe
from reflex_drf.ui import browser
from reflex_drf.ui.inputs import LEFT_OUT, field_control
from reflex_drf.ui.parts import problem
from reflex_drf.ui.texts import capital, text

__all__ = ["form"]

# After this long a save that nothing came back from may be tried again.
PATIENCE = 10_000


def form(
    state: type[Any],
    *,
    fields: Sequence[str] | None = None,
    controls: Mapping[str, rx.Component] | None = None,
    relations: Mapping[str, type[Any]] | None = None,
    submit: Any = "",
    cancel: bool = True,
    **props: Any,
) -> rx.Component:
    """A form for what the state's serializer lets one write.

    `fields` names those to show, `controls` replaces the control of a field, and `relations`
    names the state whose rows a relation is chosen from.
    """
    known = describe(state)
    if known.save is None:
        raise ConfigurationError(f"{known.name} has no form: nothing can be written with it.")
    own, chosen = controls or {}, _choose(known, fields, controls or {})
    pickers = _pickers(known, relations or {})
    busy = browser.client_value(state, "saving", default=-1)
    searched = any(f.relation and f.name not in {*own, *pickers} for f in chosen)
    return rx.el.form(
        problem(rx.cond(state.error, state.error, _unshown(state, chosen))),
        rx.grid(
            *(field_control(state, known, f, own.get(f.name), pickers.get(f.name)) for f in chosen),
            columns=rx.breakpoints(initial="1", sm="2"),
            spacing="4",
            margin_top="4px",
        ),
        _buttons(state, busy, submit or text(_("Save")), cancel),
        # What uncontrolled inputs hold is forgotten when the form is emptied or filled.
        key=state.form_reset_key.to_string(),
        on_submit=getattr(state, known.save),
        custom_attrs={
            "noValidate": True,
            "aria-label": text(_("%(name)s form"), name=capital(known.label)),
            "onSubmitCapture": _send_once(state, busy),
        },
        **({"on_mount": state.name_relations} if searched else {}),
        **{"width": "100%", **props},
    )


def _choose(
    known: Description, fields: Sequence[str] | None, controls: Mapping[str, Any]
) -> list[Field]:
    for name in controls:
        known.field(name)
    if fields is not None:
        return [known.field(name) for name in fields]
    return [f for f in known.fields if f.kind not in LEFT_OUT or f.name in controls]


def _pickers(known: Description, relations: Mapping[str, type[Any]]) -> dict[str, type[Any]]:
    for name in relations:
        if known.field(name).kind not in ("key", "keys"):
            raise ConfigurationError(f"{known.name}'s field {name!r} is no relation.")
    return dict(relations)


def _unshown(state: type[Any], chosen: list[Field]) -> rx.Var[str]:
    """Errors of what has no control here must not get lost."""
    return browser.expression(
        "Object.entries($0).filter(([name]) => !$1.includes(name))"
        ".map(([name, text]) => name + ': ' + text).join(' ')",
        state.field_errors,
        rx.Var.create([field.name for field in chosen]),
    )


def _send_once(state: type[Any], busy: Any) -> rx.Var[Any]:
    """Keep a form that was sent from being sent again before its answer came.

    The element remembers it, because two clicks can come before React draws the button anew.
    """
    return browser.expression(
        "(event) => { const form = event.currentTarget, count = String($1); "
        "if (form.dataset.sent === count) "
        "{ event.preventDefault(); event.stopPropagation(); return; } "
        "form.dataset.sent = count; $0($1); "
        "setTimeout(() => { if (form.dataset.sent === count) "
        f"{{ delete form.dataset.sent; $0(-1); }} }}, {PATIENCE}); }}",
        busy.set,
        state.save_count,
        kind=Any,
    )


def _buttons(state: type[Any], busy: Any, submit: Any, cancel: bool) -> rx.Component:
    waits = busy.value == state.save_count
    leave = rx.button(
        text(_("Cancel")),
        type="button",
        variant="soft",
        color_scheme="gray",
        on_click=state.cancel_edit,
    )
    return rx.flex(
        busy,
        leave if cancel else rx.fragment(),
        rx.button(submit, type="submit", loading=waits, disabled=waits),
        justify="end",
        spacing="3",
        margin_top="20px",
    )
