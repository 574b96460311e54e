"""All rows of a list as a CSV file, which the browser fetches over HTTP with a ticket."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import reflex as rx
from asgiref.sync import sync_to_async
from django.utils.translation import gettext_lazy as _
from reflex_base.config import get_config

from reflex_drf.bridge.language import say
from reflex_drf.bridge.tickets import EXPORTS, can_keep, keep_last
from reflex_drf.state.acting import ActionHandlers
from reflex_drf.state.calls import is_pointer, operation
from reflex_drf.state.columns import Column, describe_columns
from reflex_drf.state.handlers import Wanted
from reflex_drf.state.owner import TabOwner, find_part
from reflex_drf.state.quiet import held

__all__ = ["PURPOSE", "ExportHandlers", "csv_lines", "wanted_of"]

PURPOSE = "export"
# A form, so that the file goes to the disk and not into the page's memory; in a frame, so that a
# refusal does not take the place of the page; the ticket in its body, because URLs end up in logs.
FETCH = """
((path, ticket) => {
  const frame = document.createElement("iframe");
  frame.name = "export" + ticket; frame.hidden = true;
  const form = document.createElement("form");
  form.method = "POST"; form.action = path; form.hidden = true; form.target = frame.name;
  const field = document.createElement("input");
  field.name = "ticket"; field.value = ticket;
  form.append(field);
  document.body.append(frame, form);
  frame.addEventListener("load", () => {
    // Only a refusal is a document; a file leaves the frame as it is.
    const text = frame.contentDocument?.body?.textContent;
    const place = document.querySelector("[data-export-problem]");
    if (text && place) place.textContent = text;
  });
  form.submit(); form.remove();
  setTimeout(() => frame.remove(), 600000);
})(%s)
"""
# What a spreadsheet would take for a formula. A number may begin so, and stays one.
FORMULA = re.compile(r"^[\s\x00]*[=+\-@\t\r\uff0b\uff0d\uff1d\uff20]")
# What begins a cell, or a line of them, where a spreadsheet takes the semicolon or the tab for
# what separates them, as it does in many languages. A run of them is looked at once, from its
# beginning: a text may be nothing but a million line ends.
INNER = re.compile(
    r"(?<![;\s\x00])((?:[^\S\t\r\n]|\x00)*[;\t\r\n][;\s\x00]*)(?=[=+\-@\uff0b\uff0d\uff1d\uff20])"
)
NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?")


class ExportHandlers(ActionHandlers):
    """A handler that lets the browser fetch the whole list."""

    if TYPE_CHECKING:
        # Where the tickets that were asked for are kept, and not the tickets themselves.
        _export_tickets: list[str]

    @operation
    async def export(self, columns: list[str] | None = None) -> Any:
        """Send the browser for a file of all that matches, with these columns."""
        known = {column.name for column in describe_columns(self._plan)}
        names = None if is_pointer(columns) else columns
        if names is not None and not (
            isinstance(names, list | tuple) and all(isinstance(n, str) for n in names)
        ):
            return self._fail(_("Columns are given by name."))
        if names and not known.issuperset(names):
            return self._fail(_("There is no such column."))
        if not can_keep():
            return self._fail(_("This server keeps nothing that a file could be fetched with."))
        wanted = self._wanted()
        kept = {
            "state": type(self).get_full_name(),  # type: ignore[attr-defined]
            "token": self.router.session.client_token,  # type: ignore[attr-defined]
            # Each once: a file grows with its columns, and not with how often they are named.
            "columns": list(dict.fromkeys(names or ())),
            "search": wanted.search,
            "ordering": wanted.ordering,
            "filters": wanted.filters,
            "owner": (await find_part(self, TabOwner))._owner,  # type: ignore[arg-type]
        }
        waiting = held(self, "_export_tickets")
        ticket, self._export_tickets = await sync_to_async(keep_last)(kept, PURPOSE, waiting)
        arguments = [json.dumps(get_config().prepend_backend_path(EXPORTS)), json.dumps(ticket)]
        return rx.call_script(FETCH % ", ".join(arguments))


def wanted_of(kept: Mapping[str, Any]) -> Wanted:
    """The list that a ticket stands for."""
    return Wanted(
        page=1,
        size=0,
        search=kept["search"],
        ordering=kept["ordering"],
        filters=dict(kept["filters"]),
        position={},
    )


# -- The file -------------------------------------------------------------------------------


def csv_lines(columns: Iterable[Column], pages: Iterable[Iterable[Any]]) -> Iterator[str]:
    """The lines of the file: a heading, then each page as one piece."""
    shown = list(columns)
    # Labels may be translations, which are said once and not in each row.
    words = {c.name: {str(value): say(word) for value, word in c.choices} for c in shown}
    yield _written([[_safe(say(column.label)) for column in shown]])
    for rows in pages:
        yield _written(
            [[_cell(column, words[column.name], row) for column in shown] for row in rows]
        )


def _written(rows: list[list[str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()


def _cell(column: Column, words: Mapping[str, str], row: Any) -> str:
    value = row.get(column.name) if isinstance(row, Mapping) else None
    return _safe(_text(column, words, value))


def _text(column: Column, words: Mapping[str, str], value: Any) -> str:
    if value is None:
        return ""
    if words:
        values = value if isinstance(value, list) else [value]
        return ", ".join(words.get(str(item), str(item)) for item in values)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return str(value[column.title]) if value.get(column.title) else _json(value)
    if isinstance(value, list):
        return ", ".join(_json(v) if isinstance(v, Mapping | list) else str(v) for v in value)
    return str(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _safe(text: str) -> str:
    """Text that a spreadsheet shows instead of running it."""
    if NUMBER.fullmatch(text):
        return text
    begins = "'" if FORMULA.match(text) else ""
    return begins + INNER.sub(r"\1'", text)
