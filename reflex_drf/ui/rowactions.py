"""What can be done with one row: edit it, delete it after a question, and its extra actions."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import reflex as rx
from django.utils.translation import gettext_lazy as _

from reflex_drf.errors import ConfigurationError
from reflex_drf.state.description import Action, Description
from reflex_drf.ui.actionform import ActionDialogs
from reflex_drf.ui.deletion import delete_button
from reflex_drf.ui.links import Links
from reflex_drf.ui.parts import allowed, icon_button
from reflex_drf.ui.texts import text

__all__ = ["ActionInputs", "RowActions", "action_dialogs", "choose_actions", "row_actions"]

#: Actions by name, each with the input that its button sends.
ActionInputs = Mapping[str, Mapping[str, Any] | None]
Slot = Callable[[Any], rx.Component]
Chosen = list[tuple[Action, dict[str, Any] | None]]


def choose_actions(
    known: Description, wanted: Sequence[str] | ActionInputs | None, *, detail: bool
) -> Chosen:
    """The actions that get a button, with what the button sends."""
    offered = {action.name: action for action in known.actions if action.detail is detail}
    if wanted is None:
        return [(action, None) for action in offered.values() if action.writes]
    unknown = [name for name in wanted if name not in offered]
    if unknown:
        what = "rows have" if detail else "list has"
        raise ConfigurationError(
            f"{known.name}'s {what} no action {unknown[0]!r}; known are {', '.join(offered)}."
        )
    inputs = wanted if isinstance(wanted, Mapping) else dict.fromkeys(wanted)
    return [(offered[name], None if data is None else dict(data)) for name, data in inputs.items()]


def action_dialogs(
    state: type[Any], known: Description, place: str, chosen: Chosen
) -> ActionDialogs:
    """The dialogs of those actions that ask for their input."""

    def run(action: Action, key: Any, data: Any) -> Any:
        handler = getattr(state, action.handler)
        return handler(key, data) if action.detail else handler(data)

    asking = [action for action, data in chosen if action.fields and data is None]
    return ActionDialogs(state, known, place, asking, run)


@dataclass(frozen=True)
class RowActions:
    """A function from a row to its buttons, and the dialogs that these open."""

    make: Slot
    dialogs: ActionDialogs

    def __call__(self, row: Any) -> rx.Component:
        """The buttons of a row."""
        return self.make(row)


def row_actions(
    state: type[Any],
    known: Description,
    actions: Sequence[str] | ActionInputs | None,
    slot: Slot | None,
    writable: bool | rx.Var[bool],
    links: Links | None = None,
    place: str = "rows",
) -> RowActions | None:
    """What makes the buttons of a row, or None where there are none.

    `place` tells the dialogs of a table from those of a row in full.
    """
    chosen = choose_actions(known, actions, detail=True)
    keyed = any(column.name == known.key for column in known.columns)
    writes = keyed and writable is not False and (chosen or known.edit or known.delete)
    if not writes and slot is None:
        return None

    dialogs = action_dialogs(state, known, place, chosen if writes else [])

    def buttons(row: Any) -> rx.Component:
        own = _buttons(state, known, chosen, row, links, dialogs) if writes else []
        return rx.flex(
            slot(row) if slot is not None else rx.fragment(),
            rx.cond(writable, rx.fragment(*own)) if own else rx.fragment(),
            align="center",
            justify="end",
            spacing="4",
            width="100%",
        )

    return RowActions(buttons, dialogs)


def _buttons(
    state: type[Any],
    known: Description,
    chosen: Chosen,
    row: Any,
    links: Links | None,
    dialogs: ActionDialogs,
) -> list[rx.Component]:
    name, key = row[known.title].to_string(use_json=False), row[known.key]
    buttons = []
    if chosen:
        some = [allowed(state, action.name, key) for action, _ in chosen]
        menu = _menu(state, known, chosen, row, dialogs)
        buttons.append(rx.cond(functools.reduce(operator.or_, some), menu))
    if known.edit is not None and (links is None or links.edit):
        label = text(_("Edit %(name)s"), name=name)
        if links is None:
            edit = icon_button("pencil", label, on_click=getattr(state, known.edit)(key))
        else:
            link = rx.link(rx.icon("pencil", size=16), href=links.to(key, "/edit"))
            edit = icon_button("pencil", label, link=link)
        buttons.append(rx.cond(allowed(state, str(known.update_action), key), edit))
    if known.clone is not None and (links is None or links.new):
        label = text(_("Copy %(name)s"), name=name)
        if links is None:
            clone = icon_button("copy", label, on_click=getattr(state, known.clone)(key))
        else:
            link = rx.link(rx.icon("copy", size=16), href=links.to(key, "/copy"))
            clone = icon_button("copy", label, link=link)
        buttons.append(rx.cond(allowed(state, "create"), clone))
    if known.delete is not None:
        buttons.append(rx.cond(allowed(state, "destroy", key), delete_button(state, known, row)))
    return buttons


def _menu(
    state: type[Any],
    known: Description,
    chosen: Chosen,
    row: Any,
    dialogs: ActionDialogs,
) -> rx.Component:
    name, key = row[known.title].to_string(use_json=False), row[known.key]

    def event(action: Action, data: dict[str, Any] | None) -> Any:
        if action in dialogs:
            return dialogs.open(action, key, name)
        handler = getattr(state, action.handler)
        return handler(key) if data is None else handler(key, data)

    items = [
        rx.cond(
            allowed(state, action.name, key),
            rx.dropdown_menu.item(text(action.label), on_select=event(action, data)),
        )
        for action, data in chosen
    ]
    label = text(_("Actions for %(name)s"), name=name)
    trigger = icon_button("ellipsis", label, attributes=dialogs.mark(key))
    return rx.dropdown_menu.root(
        rx.dropdown_menu.trigger(trigger),
        rx.dropdown_menu.content(*items, align="end"),
    )
