"""The form of a state, built from what its serializer says about its fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import reflex as rx
from django.utils.translation import gettext_lazy as _

from reflex_drf.errors import ConfigurationError
from reflex_drf.state.description import Description, Field, Upload, describe
from reflex_drf.state.draft import FORM_KEY
from reflex_drf.ui import browser
from reflex_drf.ui.cells import cell
from reflex_drf.ui.editing import conflict
from reflex_drf.ui.fields import LEFT_OUT, field_control, upload_control
from reflex_drf.ui.guard import guard
from reflex_drf.ui.parts import Style, problem
from reflex_drf.ui.refusals import sign_in_link
from reflex_drf.ui.texts import capital, text

__all__ = ["form"]


def form(
    state: type[Any],
    *,
    fields: Sequence[str] | None = None,
    controls: Mapping[str, rx.Component] | None = None,
    relations: Mapping[str, type[Any]] | None = None,
    submit: Any = "",
    cancel: bool = True,
    on_cancel: Any = None,
    more: bool = True,
    guarded: bool = True,
    read_only: bool = True,
    footer: rx.Component | None = None,
    writable: bool | rx.Var[bool] = True,
    **props: Any,
) -> rx.Component:
    """A form for what the state's serializer lets one write.

    `fields` names those to show, `controls` replaces the control of a field, and `relations`
    names the state whose rows a relation is chosen from. `more` offers to go on after saving,
    `guarded` asks before what was typed gets lost, `read_only` shows an edited row's other fields,
    `footer` stands above the buttons, and `writable` says when anything may be changed.
    """
    known = describe(state)
    if known.save is None:
        raise ConfigurationError(f"{known.name} has no form: nothing can be written with it.")
    own, uploads = controls or {}, {upload.name: upload for upload in known.uploads}
    chosen = _choose(known, fields, own)
    pickers = _pickers(known, relations or {})
    busy = browser.client_value(state, "saving", default=-1)
    leave = state.cancel_edit if on_cancel is None else on_cancel
    written = [f for f in chosen if isinstance(f, Field)]
    searched = any(_searches(f) for f in written if f.name not in {*own, *pickers})
    files = any(f.name in uploads for f in chosen)
    return rx.el.form(
        conflict(state, margin_bottom="12px"),
        # A save that was stopped for the choice above is said there.
        problem(
            rx.cond(
                (state.error != "") & (state.refusal != "outdated"),
                state.error,
                _unshown(state, chosen),
            )
        ),
        rx.cond(state.refusal == "signed_out", sign_in_link()),
        _fields(
            [_shown(state, known, f, own.get(f.name), pickers.get(f.name)) for f in chosen],
            writable,
        ),
        _read_only(state, known) if read_only and fields is None else rx.fragment(),
        # Which form it is, so that it is not saved twice.
        rx.el.input(type="hidden", name=FORM_KEY, default_value=state.form_reset_key.to_string()),
        guard(state, busy, guarded=guarded, leave=leave, uploads=files),
        footer or rx.fragment(),
        _buttons(state, known, busy, submit or text(_("Save")), cancel, more, writable),
        # What uncontrolled inputs hold is forgotten when the form is emptied or filled.
        key=state.form_reset_key.to_string(),
        on_submit=getattr(state, known.save),
        custom_attrs={
            "noValidate": True,
            "data-guarded": "true",
            "aria-label": text(_("%(name)s form"), name=capital(known.label)),
        },
        **({"on_mount": state.name_relations} if searched else {}),
        **{"width": "100%", **props},
    )


def _fields(shown: list[rx.Component], writable: bool | rx.Var[bool]) -> rx.Component:
    grid = rx.grid(
        *shown, columns=rx.breakpoints(initial="1", sm="2"), spacing="4", margin_top="4px"
    )
    if writable is True:
        return grid
    plain: Style = {"border": "0", "padding": "0", "margin": "0", "min_width": "0"}
    return rx.el.fieldset(grid, disabled=rx.cond(writable, False, True), style=plain)


def _shown(
    state: type[Any],
    known: Description,
    field: Field | Upload,
    control: rx.Component | None,
    rows: type[Any] | None,
) -> rx.Component:
    if isinstance(field, Upload):
        return upload_control(state, known, field)
    return field_control(state, known, field, control, rows)


def _searches(field: Field) -> bool:
    return bool(field.relation) or any(child.relation for child in field.children)


def _choose(
    known: Description, fields: Sequence[str] | None, controls: Mapping[str, Any]
) -> list[Field | Upload]:
    uploads = {upload.name: upload for upload in known.uploads}
    for name in controls:
        known.field(name)
    if fields is not None:
        return [uploads[name] if name in uploads else known.field(name) for name in fields]
    written = [
        f for f in known.fields if f.kind not in LEFT_OUT or f.children or f.name in controls
    ]
    return [*written, *known.uploads]


def _pickers(known: Description, relations: Mapping[str, type[Any]]) -> dict[str, type[Any]]:
    for name in relations:
        if known.field(name).kind not in ("key", "keys"):
            raise ConfigurationError(f"{known.name}'s field {name!r} is no relation.")
    return dict(relations)


def _unshown(state: type[Any], chosen: Sequence[Field | Upload]) -> rx.Var[str]:
    """Errors of what has no control here must not get lost."""
    return browser.expression(
        "Object.entries($0)"
        ".filter(([name]) => !$1.includes(name) && !$2.includes(name.split('.')[0]))"
        ".map(([name, text]) => name + ': ' + text).join(' ')",
        state.field_errors,
        rx.Var.create([field.name for field in chosen]),
        rx.Var.create([f.name for f in chosen if isinstance(f, Field) and f.children]),
    )


def _read_only(state: type[Any], known: Description) -> rx.Component:
    """What else the edited row shows, as text."""
    if not known.read_only or known.edit is None:
        return rx.fragment()
    entries = (
        rx.el.div(rx.el.dt(text(column.label)), rx.el.dd(cell(column, state.form_row[column.name])))
        for column in known.read_only
    )
    return rx.cond(
        (state.form_mode == "edit") & state.editing_id.is_not_none(),
        rx.el.dl(*entries, style=_TEXTS),
    )


_TEXTS: Style = {
    "display": "grid",
    "grid_template_columns": "repeat(auto-fit, minmax(180px, 1fr))",
    "gap": "12px 16px",
    "margin": "16px 0 0",
    "font_size": "var(--font-size-2)",
    "& dt": {"color": "var(--gray-11)"},
    "& dd": {"margin": "0", "overflow_wrap": "anywhere"},
}


def _buttons(
    state: type[Any],
    known: Description,
    busy: Any,
    submit: Any,
    cancel: bool,
    more: bool,
    writable: bool | rx.Var[bool],
) -> rx.Component:
    waits = busy.value == state.save_count
    leave = rx.button(
        text(_("Cancel")),
        type="button",
        variant="soft",
        color_scheme="gray",
        custom_attrs={"onClick": rx.Var("((event) => event.currentTarget.form.leave())")},
    )
    saves = rx.fragment(
        # The first that submits is what Enter does, though it stands at the end.
        rx.button(submit, type="submit", loading=waits, disabled=waits),
        _more(state, known, waits) if more else rx.fragment(),
    )
    return rx.flex(
        busy,
        rx.cond(writable, saves),
        leave if cancel else rx.fragment(),
        direction="row-reverse",
        wrap="wrap",
        spacing="3",
        margin_top="20px",
    )


def _more(state: type[Any], known: Description, waits: Any) -> rx.Component:
    """To go on after saving: with the same row where one is edited, else with another."""

    def button(label: Any, step: str) -> rx.Component:
        return rx.button(
            label,
            type="submit",
            variant="soft",
            disabled=waits,
            custom_attrs={"data-next": step},
        )

    another = button(text(_("Save and add another")), "add") if known.create else rx.fragment()
    if known.edit is None:
        return another
    same = button(text(_("Save and continue editing")), "continue")
    return rx.cond(state.editing_id.is_not_none(), same, another)
