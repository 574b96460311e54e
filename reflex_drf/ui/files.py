"""The control of a file: the stored one with its picture, and the one to upload."""

from __future__ import annotations

from typing import Any

import reflex as rx
from django.utils.translation import gettext_lazy as _

from reflex_drf.state.description import Upload
from reflex_drf.ui import browser
from reflex_drf.ui.parts import Style
from reflex_drf.ui.scripting import Scripted
from reflex_drf.ui.texts import text

__all__ = ["file_control"]

_BUTTON: Style = {
    "padding": "2px 8px",
    "min_height": "24px",
    "border": "0",
    "border_radius": "var(--radius-2)",
    "background": "var(--gray-a3)",
    "color": "var(--gray-12)",
    "font": "inherit",
    "cursor": "pointer",
    "&:focus-visible": {"outline": "2px solid var(--focus-8)"},
}
_STYLE: Style = {
    "font_size": "var(--font-size-2)",
    "& [data-stored], & [data-chosen], & [data-cleared]": {
        "display": "flex",
        "align_items": "center",
        "flex_wrap": "wrap",
        "gap": "8px",
        "margin_bottom": "6px",
    },
    "& img": {
        "width": "64px",
        "height": "64px",
        "object_fit": "cover",
        "border_radius": "var(--radius-2)",
    },
    "& a": {"color": "var(--accent-11)"},
    "& a, & span": {"overflow_wrap": "anywhere"},
    "& button": _BUTTON,
    "& input[type='file']": {"max_width": "100%", "color": "var(--gray-12)"},
    "& input[type='file']::file-selector-button": {**_BUTTON, "margin_inline_end": "8px"},
    "& input[type='file']:focus-visible": {"outline": "2px solid var(--focus-8)"},
}


class FileControl(Scripted):
    """The browser's part of a file control."""

    tag = "ReflexDrfFile"
    _script_name: str = "files"

    field: rx.Var[str]
    stored: rx.Var[Any]
    image: rx.Var[bool]
    clearable: rx.Var[bool]
    attributes: rx.Var[dict[str, Any]]
    accept: rx.Var[str]
    texts: rx.Var[dict[str, str]]


def file_control(state: type[Any], upload: Upload, attributes: dict[str, Any]) -> rx.Component:
    """Choose a file for a field, which is sent when the form is."""
    label = text(upload.label)
    return rx.box(
        FileControl.create(
            field=upload.name,
            stored=browser.expression("$0?.[$1]", state.form_row, rx.Var.create(upload.name)),
            image=upload.image,
            clearable=upload.clearable,
            attributes=attributes,
            accept="image/*" if upload.image else "",
            texts={
                "stored": text(_("Stored: %(label)s"), label=label),
                "chosen": text(_("Chosen: %(label)s"), label=label),
                "clear": text(_("Remove")),
                "cleared": text(_("Will be removed.")),
                "keep": text(_("Keep it")),
                "forget": text(_("Do not upload")),
            },
        ),
        style=_STYLE,
    )
