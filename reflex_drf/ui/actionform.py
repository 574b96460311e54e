"""Dialogs that ask for the input of extra actions, from what their serializers say."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import reflex as rx
from django.utils.translation import gettext_lazy as _

from reflex_drf.state.actionforms import RUN
from reflex_drf.state.description import Action, Description, Field
from reflex_drf.ui import browser
from reflex_drf.ui.guard import guard
from reflex_drf.ui.inputs import UNSENT, Bound, below, checkbox, control_of
from reflex_drf.ui.parts import SMALL_BOX, element_id, labelled, problem
from reflex_drf.ui.refusals import sign_in_link
from reflex_drf.ui.texts import text

__all__ = ["ActionDialogs"]

# From the key of what the action is about and the form's data to the event.
Run = Callable[[Action, rx.Var[Any], Any], Any]
_CLOSED: dict[str, Any] = {}


class ActionDialogs:
    """The dialogs of one place: of the rows of a table, of one row, of a list, of chosen rows."""

    def __init__(
        self, state: type[Any], known: Description, place: str, actions: list[Action], run: Run
    ) -> None:
        self.state, self.known, self.place = state, known, place
        self._actions, self._run = actions, run
        self._client = browser.client_value(state, f"{place}_action", default=_CLOSED)
        self._busy = browser.client_value(state, f"{place}_acting", default=-1)

    def __contains__(self, action: Action) -> bool:
        """Whether an action has a dialog."""
        return action in self._actions

    def open(self, action: Action, key: Any = "", name: Any = "") -> Any:
        """The event that opens the dialog of an action, about what has this key and name."""
        held = {"action": action.name, "key": key, "name": name, "count": self.state.action_count}
        return self._client.set_value(held)

    def mark(self, key: Any = "") -> dict[str, Any]:
        """What a button or menu has so that the dialog gives it the focus back."""
        if not self._actions:
            return {}
        return {"data-opens": browser.expression("$0 + ':' + $1", _var(self.place), _var(key))}

    def content(self) -> rx.Component:
        """The dialogs, for a place on the page that stays when rows come and go."""
        if not self._actions:
            return rx.fragment()
        return rx.fragment(self._client, self._busy, *(self._dialog(a) for a in self._actions))

    # -- What the browser knows --------------------------------------------------------------

    def _opened(self, code: str, *values: Any, kind: Any = str) -> rx.Var[Any]:
        return browser.expression(code, self._client.value, *values, kind=kind)

    @property
    def _waits(self) -> Any:
        return self._busy.value == self.state.action_count

    def _wrong(self, code: str, *values: Any) -> rx.Var[str]:
        """Something about the errors, if they are those of this dialog's own run."""
        state = self.state
        return self._opened(
            f"$0?.count === $1 ? '' : {code}", state.action_count, state.action_errors, *values
        )

    # -- Their parts -------------------------------------------------------------------------

    def _dialog(self, action: Action) -> rx.Component:
        close = self._client.set_value(_CLOSED)
        mark = self._opened("$1 + ':' + ($0?.key ?? '')", _var(self.place))
        return rx.dialog.root(
            rx.dialog.content(
                rx.dialog.title(text(action.label), margin_bottom="4px"),
                self._description(action),
                self._form(action, close),
                max_width="480px",
                custom_attrs={**browser.RETURN_FOCUS, "onOpenAutoFocus": _remember(mark)},
            ),
            open=self._opened("$0?.action === $1", _var(action.name), kind=bool),
            # While the action runs, its answer has to find the dialog.
            custom_attrs={
                "onOpenChange": browser.expression("(() => { if (!$0) $1(); })", self._waits, close)
            },
        )

    def _description(self, action: Action) -> rx.Component:
        stars = text(_("Fields with a star have to be filled in."))
        required = any(field.required for field in action.fields)
        return rx.dialog.description(
            rx.el.span(self._opened("$0?.name ?? ''"), style={"overflow_wrap": "anywhere"}),
            rx.el.span(stars, style={"display": "block", "color": "var(--gray-11)"})
            if required
            else rx.fragment(),
            size="2",
            margin_bottom="8px",
            style={"font_size": "var(--font-size-2)", "& > span": {"font_size": "inherit"}},
        )

    def _form(self, action: Action, close: Any) -> rx.Component:
        key = self._opened("$0?.key ?? ''")
        return rx.el.form(
            problem(self._whole(action)),
            rx.cond(self.state.refusal == "signed_out", sign_in_link()),
            rx.grid(
                *(self._field(action, field) for field in action.fields),
                spacing="4",
                margin_top="12px",
            ),
            # Which run it is, so that it is not run twice.
            rx.el.input(
                type="hidden", name=RUN, value=self.state.action_count.to_string(), read_only=True
            ),
            guard(
                self.state,
                self._busy,
                guarded=False,
                leave=close,
                uploads=False,
                answer=self.state.action_count,
                failed=self.state.action_errors.length() > 0,
                done=close,
            ),
            self._buttons(action),
            on_submit=lambda data: self._run(action, key, data),
            custom_attrs={"noValidate": True, "aria-label": text(action.label)},
        )

    def _whole(self, action: Action) -> rx.Var[str]:
        """What is wrong with the whole, and with what has no control here."""
        code = (
            "Object.entries($2).filter(([name]) => !$3.includes(name))"
            ".sort(([one], [other]) => one.length - other.length)"
            ".map(([name, text]) => name ? name + ': ' + text : text).join(' ')"
        )
        return self._wrong(code, _var([field.name for field in action.fields]))

    def _field(self, action: Action, field: Field) -> rx.Component:
        control_id = element_id(f"{self.known.name}-{self.place}-{action.name}", field.name)
        bound = Bound(
            state=self.state,
            field=field,
            name=field.name,
            value=_var(_written(field.initial)),
            error=self._wrong("$2[$3] ?? ''", _var(field.name)),
            control_id=control_id,
        )
        around = below(field, control_id, bound.error)
        if field.kind == "bool":
            return rx.box(checkbox(bound, _var(bool(field.initial))), *around)
        if field.kind == "choices":
            return _choices(bound, around)
        plain = replace(field, kind="list") if field.kind == "keys" else field
        control = control_of(replace(bound, field=plain))
        return rx.box(
            labelled(field.label, control, control_id, required=field.required),
            *around,
            min_width="0",
        )

    def _buttons(self, action: Action) -> rx.Component:
        cancel = rx.dialog.close(
            rx.button(
                text(_("Cancel")),
                type="button",
                variant="soft",
                color_scheme="gray",
                disabled=self._waits,
            )
        )
        return rx.flex(
            # The first that submits is what Enter does, though it stands at the end.
            rx.button(text(action.label), type="submit", loading=self._waits, disabled=self._waits),
            cancel,
            direction="row-reverse",
            wrap="wrap",
            spacing="3",
            margin_top="20px",
        )


def _choices(bound: Bound, around: tuple[rx.Component, rx.Component]) -> rx.Component:
    """A box for each choice, which are sent together as a list of JSON."""
    field, held = bound.field, [str(value) for value in bound.field.initial]
    gather: rx.Var[Any] = rx.Var(
        "(({currentTarget}) => { const set = currentTarget.closest('fieldset'); "
        "set.querySelector('input[hidden]').value = JSON.stringify("
        "[...set.querySelectorAll('input:checked')].map((box) => box.value)); })"
    )
    boxes = (
        rx.el.label(
            rx.el.input(
                type="checkbox",
                name=UNSENT,
                value=str(value),
                default_checked=str(value) in held,
                custom_attrs={"onClick": gather},
                style=SMALL_BOX,
            ),
            text(label),
            style={"display": "inline-flex", "gap": "6px", "font_size": "var(--font-size-2)"},
        )
        for value, label in field.choices
    )
    legend = {"font_size": "var(--font-size-2)", "font_weight": "500", "padding": "0"}
    attributes = bound.attributes
    return rx.el.fieldset(
        rx.el.legend(text(field.label), style=legend),
        rx.flex(*boxes, wrap="wrap", spacing="4", margin_top="6px"),
        rx.el.input(
            type="text",
            name=bound.name,
            default_value=json.dumps(held),
            custom_attrs={"hidden": True, "aria-hidden": "true"},
        ),
        *around,
        custom_attrs={name: attributes[name] for name in ("id", "aria-describedby")},
        style={"border": "0", "padding": "0", "margin": "0", "min_width": "0"},
    )


def _written(value: Any) -> str:
    """What a control holds as text; items that commas would not tell apart stand as JSON."""
    if not isinstance(value, list):
        return str(value)
    plain = all(item and item == item.strip() and not set(item) & {",", "["} for item in value)
    return ", ".join(value) if plain else json.dumps(value)


def _remember(mark: rx.Var[str]) -> rx.Var[Any]:
    # A menu is gone by then, so that what had the focus last is no place to go back to.
    return browser.expression(
        "(() => { globalThis.dialogOpener = document.querySelector("
        "'[data-opens=\"' + CSS.escape($0) + '\"]') ?? document.activeElement; })",
        mark,
        kind=Any,
    )


def _var(value: Any) -> rx.Var[Any]:
    made: rx.Var[Any] = rx.Var.create(value)
    return made
