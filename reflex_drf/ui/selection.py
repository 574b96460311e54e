"""Rows that are chosen, and what can be done with all of them."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping, Sequence
from typing import Any

import reflex as rx
from django.utils.translation import gettext_lazy as _

from reflex_drf.errors import ConfigurationError
from reflex_drf.state.description import Action, Description
from reflex_drf.ui import browser
from reflex_drf.ui.actionform import ActionDialogs
from reflex_drf.ui.parts import allowed
from reflex_drf.ui.rowactions import ActionInputs
from reflex_drf.ui.scripting import Scripted
from reflex_drf.ui.texts import ntext, text

__all__ = ["Selection"]

_EMPTY = {"keys": [], "all": False, "last": None}


class RowCheck(Scripted):
    """The checkbox of one row."""

    tag = "ReflexDrfRowCheck"
    _script_name: str = "table"

    row_key: rx.Var[str]
    keys: rx.Var[list[str]]
    held: rx.Var[dict[str, Any]]
    hold: rx.Var[Any]
    label: rx.Var[str]


class PageCheck(Scripted):
    """The checkbox of all rows of the page."""

    tag = "ReflexDrfPageCheck"
    _script_name: str = "table"

    keys: rx.Var[list[str]]
    held: rx.Var[dict[str, Any]]
    hold: rx.Var[Any]
    label: rx.Var[str]


class Release(Scripted):
    """Takes the selection off once something was done with it."""

    tag = "ReflexDrfRelease"
    _script_name: str = "table"

    result: rx.Var[Any]
    hold: rx.Var[Any]


class Selection:
    """The chosen rows of one state, which only the browser knows until something is done."""

    def __init__(
        self, state: type[Any], known: Description, wanted: bool | Sequence[str] | ActionInputs
    ) -> None:
        self.state, self.known = state, known
        self.actions = _chosen_actions(known, wanted)
        given = {name: data for name, _label, data in self.actions}
        asking = [a for a in known.actions if a.fields and given.get(a.name, ...) is None]
        self._asking = {action.name: action for action in asking}
        self._dialogs = ActionDialogs(
            state, known, "chosen", asking, lambda action, _key, data: self._run(action.name, data)
        )
        self._client = browser.client_value(state, "chosen", default=_EMPTY)
        self.held = self._client.value
        self._hold = browser.setter(self._client)
        rows = getattr(state, known.list_var)
        self._page = browser.expression(
            f"($0 ?? []).map((row) => String(row['{known.key}']))", rows, kind=list[str]
        )

    def heading(self) -> rx.Component:
        """The heading of the column with the checkboxes."""
        label = text(_("Choose all %(names)s of this page"), names=self.known.label_plural)
        check = PageCheck.create(keys=self._page, held=self.held, hold=self._hold, label=label)
        attributes = {"data-check": "true"}
        return rx.el.th(check, scope="col", role="columnheader", custom_attrs=attributes)

    def cell(self, row: Any) -> rx.Component:
        """The cell with the checkbox of a row."""
        name = row[self.known.title].to_string(use_json=False)
        check = RowCheck.create(
            row_key=browser.expression("String($0)", row[self.known.key]),
            keys=self._page,
            held=self.held,
            hold=self._hold,
            label=text(_("Choose %(name)s"), name=name),
        )
        return rx.el.td(check, role="cell", custom_attrs={"data-check": "true"})

    @property
    def offered(self) -> rx.Var[bool]:
        """Whether there is anything that the user may do with rows."""
        may = [allowed(self.state, name) for name, _label, _data in self.actions]
        return functools.reduce(operator.or_, may)

    @property
    def count(self) -> Any:
        """How many rows are chosen."""
        return browser.expression(
            "$0.all ? $1 : $0.keys.length", self.held, self.state.total_count
        ).to(int)

    def bar(self) -> rx.Component:
        """What can be done with the chosen rows, while there are any."""
        known, state = self.known, self.state
        chosen = ntext("%(count)s row chosen", "%(count)s rows chosen", self.count)
        unknown = browser.expression("$0.all && !$1", self.held, state.total_known, kind=bool)
        said = rx.cond(unknown, text(_("All that match are chosen")), chosen)
        more = browser.expression(
            "!$0.all && $1.length > 0 && $1.every((key) => $0.keys.includes(key)) "
            "&& ($2 > $0.keys.length || $3)",
            self.held,
            self._page,
            state.total_count,
            state.has_next,
            kind=bool,
        )
        counted = text(
            _("Choose all %(count)s %(names)s"),
            count=browser.number(state.total_count),
            names=known.label_plural,
        )
        everything = rx.cond(state.total_known, counted, text(_("Choose all that match")))
        whole = self._set({"keys": [], "all": True, "last": None})
        bar = rx.flex(
            rx.text(rx.cond(self.count > 0, said, ""), size="2", role="status"),
            rx.cond(more, rx.button(everything, on_click=whole, size="1", variant="ghost"))
            if known.matches
            else rx.fragment(),
            rx.cond(self.count > 0, rx.fragment(*self._buttons())),
            align="center",
            wrap="wrap",
            spacing="4",
            style={
                "min_height": rx.cond(self.count > 0, "44px", "0"),
                "padding": rx.cond(self.count > 0, "8px 12px", "0"),
                "margin_bottom": rx.cond(self.count > 0, "8px", "0"),
                "border_radius": "var(--radius-3)",
                "background": "var(--accent-a3)",
            },
            custom_attrs={"role": "group", "aria-label": text(_("Selection"))},
        )
        return rx.fragment(
            self._client,
            Release.create(result=state.bulk_result, hold=self._hold),
            rx.cond(self.offered, bar),
            self._dialogs.content(),
            _report(state),
        )

    def _set(self, value: Mapping[str, Any]) -> Any:
        return self._client.set_value(dict(value))

    def _buttons(self) -> list[rx.Component]:
        buttons = [
            rx.cond(allowed(self.state, name), self._button(name, label, data))
            for name, label, data in self.actions
        ]
        clear = rx.button(
            text(_("Choose none")),
            on_click=self._set(_EMPTY),
            size="1",
            variant="ghost",
            color_scheme="gray",
        )
        return [*buttons, clear]

    def _button(self, name: str, label: Any, data: dict[str, Any] | None) -> rx.Component:
        if name in self._asking:
            return self._opening(self._asking[name])
        run = self._run(name, data)
        if name != "destroy":
            return rx.button(text(label), on_click=run, size="1", variant="soft")
        question = ntext("Delete %(count)s row?", "Delete %(count)s rows?", self.count)
        return rx.alert_dialog.root(
            rx.alert_dialog.trigger(
                rx.button(
                    rx.icon("trash-2", size=14), text(_("Delete")), size="1", color_scheme="red",
                    variant="soft",
                )
            ),
            rx.alert_dialog.content(
                rx.alert_dialog.title(question),
                rx.alert_dialog.description(text(self._warning())),
                rx.flex(
                    rx.alert_dialog.cancel(
                        rx.button(text(_("Keep them")), variant="soft", color_scheme="gray")
                    ),
                    rx.alert_dialog.action(
                        rx.button(
                            text(_("Delete")), color_scheme="red", high_contrast=True, on_click=run
                        )
                    ),
                    justify="end",
                    spacing="3",
                    margin_top="20px",
                ),
                max_width="440px",
            ),
        )  # fmt: skip

    def _warning(self) -> Any:
        if self.state._plan.options.bulk_atomic:
            return _("All of them, or none if one may not be deleted. There is no undo.")
        return _("Those that may not be deleted stay. There is no undo.")

    def _opening(self, action: Action) -> rx.Component:
        said = ntext("%(count)s row chosen", "%(count)s rows chosen", self.count)
        return rx.button(
            text(action.label),
            on_click=self._dialogs.open(action, action.name, said),
            size="1",
            variant="soft",
            custom_attrs=self._dialogs.mark(action.name),
        )

    def _run(self, name: str, data: Any) -> Any:
        keys = browser.expression("$0.keys", self.held, kind=list[str])
        some = self.state.bulk(name, keys, data)
        if not self.known.matches:
            return some
        whole = browser.expression("$0.all", self.held, kind=bool)
        return rx.cond(whole, self.state.bulk_matching(name, data), some)


def _chosen_actions(
    known: Description, wanted: bool | Sequence[str] | ActionInputs
) -> list[tuple[str, Any, dict[str, Any] | None]]:
    labels: dict[str, Any] = {"destroy": _("Delete")} if "destroy" in known.bulk else {}
    labels |= {a.name: a.label for a in known.actions if a.name in known.bulk}
    if isinstance(wanted, bool):
        return [(name, label, None) for name, label in labels.items()]
    unknown = [name for name in wanted if name not in labels]
    if unknown:
        raise ConfigurationError(
            f"{known.name} has nothing to do with many rows called {unknown[0]!r}; known are "
            f"{', '.join(labels)}."
        )
    inputs = wanted if isinstance(wanted, Mapping) else dict.fromkeys(wanted)
    return [(n, labels[n], None if d is None else dict(d)) for n, d in inputs.items()]


def _report(state: type[Any]) -> rx.Component:
    done: Any = browser.expression("$0?.done ?? 0", state.bulk_result).to(int)
    refused = browser.expression("$0?.refused ?? []", state.bulk_result, kind=list[dict[str, str]])
    said = ntext("Done for %(count)s row.", "Done for %(count)s rows.", done)
    return rx.box(
        rx.cond(done > 0, rx.text(said, size="2", color="var(--gray-11)")),
        rx.foreach(
            refused,
            lambda row: rx.text(row["name"], ": ", row["message"], size="2", color="var(--red-11)"),
        ),
        role="status",
    )
