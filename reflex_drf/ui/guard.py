"""What watches over a form in the browser: it is sent once, and not left by mistake."""

from __future__ import annotations

import dataclasses
from typing import Any

import reflex as rx
from django.utils.translation import gettext_lazy as _

from reflex_drf.ui.parts import Style
from reflex_drf.ui.scripting import Scripted
from reflex_drf.ui.texts import text

__all__ = ["LEAVE", "guard"]

#: JavaScript that leaves the innermost form, after a question where something would get lost.
LEAVE = "[...document.querySelectorAll('form[data-guarded]')].pop()?.leave?.()"
# After this long without an answer, a form may be sent again.
PATIENCE = 10_000
_STYLE: Style = {
    "& [data-progress]": {
        "display": "flex",
        "align_items": "center",
        "gap": "12px",
        "margin_top": "12px",
        "font_size": "var(--font-size-2)",
    },
    "& progress": {"flex": "1", "accent_color": "var(--accent-9)"},
    "& [data-silent]": {"color": "var(--red-11)", "font_size": "var(--font-size-2)"},
}


class FormGuard(Scripted):
    """The browser's part of a form."""

    tag = "ReflexDrfGuard"
    _script_name: str = "guard"

    answer: rx.Var[int]
    failed: rx.Var[bool]
    guarded: rx.Var[bool]
    patience: rx.Var[int]
    set_busy: rx.Var[Any]
    texts: rx.Var[dict[str, str]]
    on_leave: rx.EventHandler[rx.event.no_args_event_spec]  # type: ignore[type-arg,valid-type]
    on_done: rx.EventHandler[rx.event.no_args_event_spec]  # type: ignore[type-arg,valid-type]
    on_upload: rx.EventHandler[rx.event.passthrough_event_spec(list, dict, Any)]  # type: ignore[type-arg,valid-type]

    def add_imports(self) -> dict[str, Any]:
        """What the script uses besides React's hooks."""
        return {
            "react-router": ["useBlocker"],
            str(rx.alert_dialog.root().library): [
                rx.ImportVar(tag=name, alias=f"RadixThemes{name}")
                for name in ("AlertDialog", "Button", "Flex")
            ],
        }


def guard(
    state: type[Any],
    busy: Any,
    *,
    guarded: bool,
    leave: Any,
    uploads: bool,
    answer: Any = None,
    failed: Any = None,
    done: Any = None,
) -> rx.Component:
    """Watch over the form around it.

    `answer` changes with each answer to it, `failed` says what that was, and `done` is what comes
    after a good one; without them it is the form of the state.
    """
    events: dict[str, Any] = {"on_leave": leave, **({} if done is None else {"on_done": done})}
    if failed is None:
        failed = (state.error != "") | (state.field_errors.length() > 0)
    if uploads:
        events["on_upload"] = lambda files, data, progress: _upload(state, files, data, progress)
    return rx.box(
        FormGuard.create(
            answer=state.save_count if answer is None else answer,
            failed=failed,
            guarded=guarded,
            patience=PATIENCE,
            set_busy=busy.set,
            texts={
                "title": text(_("Leave without saving?")),
                "description": text(_("What you have changed here is not saved.")),
                "stay": text(_("Keep editing")),
                "leave": text(_("Leave")),
                "progress": text(_("Upload")),
                "silent": text(_("No answer came. Please try again.")),
            },
            **events,
        ),
        style=_STYLE,
    )


def _upload(state: type[Any], files: Any, data: Any, progress: Any) -> Any:
    """The event that uploads the form's own files, instead of those of an `rx.upload`."""
    # Reflex takes uploads only where a page asks for it.
    rx.get_upload_url("")
    spec = state.save_files(rx.upload_files(upload_id=state.get_full_name()), form_data=data)
    args = tuple((name, files if str(name) == "files" else value) for name, value in spec.args)
    return dataclasses.replace(spec, args=(*args, (rx.Var("on_upload_progress"), progress)))
