"""Nested rows and records of a form: which of their values a browser sent, and what they mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reflex_drf.state.forms import FormField

__all__ = [
    "MAX_ROWS",
    "accept_nested",
    "accept_value",
    "empty_record",
    "is_blank",
    "parse_nested",
]

#: How many nested rows a form grows to.
MAX_ROWS = 100


def accept_nested(
    field: FormField, held: Any, keys: list[int], sent: Mapping[str, Any]
) -> tuple[Any, dict[str, str]]:
    """What the var of a nested field holds after a form was sent, and errors by dotted names.

    A value is sent under the name of its field: `box.width`, or `lines.3.amount` for the row that
    the page knows by the key 3. A name ending in a dot says that the whole record was on the page.
    """
    errors: dict[str, str] = {}
    if field.kind == "record":
        return _accept_record(field, held, field.name, field.name, sent, errors), errors
    rows = [
        _accept_record(field, row, f"{field.name}.{key}", f"{field.name}.{index}", sent, errors)
        for index, (row, key) in enumerate(zip(held, keys, strict=False))
    ]
    return [*rows, *held[len(rows) :]], errors


def _accept_record(
    field: FormField,
    held: Mapping[str, Any],
    place: str,
    path: str,
    sent: Mapping[str, Any],
    errors: dict[str, str],
) -> dict[str, Any]:
    record = dict(held)
    if f"{place}." not in sent:
        return record
    for child in field.children:
        name = f"{place}.{child.name}"
        if name in sent:
            try:
                record[child.name] = accept_value(child, sent[name])
            except ValueError as error:
                errors[f"{path}.{child.name}"] = str(error)
        elif child.kind == "bool":
            # A box that is not checked is not sent.
            record[child.name] = False
    return record


def accept_value(child: FormField, value: Any) -> Any:
    """What a field holds of the value that a control of a form has sent."""
    return child.accept(_listed(child, value))


def _listed(child: FormField, value: Any) -> Any:
    """A list, which a control of a form sends as text."""
    if child.kind != "list" or not isinstance(value, str):
        return value
    if value.startswith("["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return [item.strip() for item in value.split(",") if item.strip()]


def parse_nested(field: FormField, value: Any, omit: Any) -> Any:
    """What goes to the serializer for nested rows or a record; errors carry their dotted names."""
    errors: dict[str, str] = {}
    if field.kind == "record":
        parsed: Any = _parse_record(field, value, "", omit, errors)
    else:
        parsed = [
            _parse_record(field, row, f"{index}.", omit, errors) for index, row in enumerate(value)
        ]
    return parsed, errors


def _parse_record(
    field: FormField, record: Any, path: str, omit: Any, errors: dict[str, str]
) -> Any:
    if not isinstance(record, Mapping):
        return record
    parsed = dict(record)
    for child in field.children:
        # What is no text came from the API or from the state's own code, and means what it is.
        if isinstance(parsed.get(child.name), str):
            try:
                value = child.parse(parsed.pop(child.name), partial=False)
            except ValueError as error:
                errors[f"{path}{child.name}"] = str(error)
            else:
                if value is not omit:
                    parsed[child.name] = value
    return parsed


def is_blank(field: FormField, record: Any) -> bool:
    """Whether nothing was written into a record."""
    if not isinstance(record, Mapping):
        return False
    started = empty_record(field)
    return all(value in ("", None, [], started.get(name)) for name, value in record.items())


def empty_record(field: FormField) -> dict[str, Any]:
    """A nested row to begin with."""
    return {child.name: child.fresh() for child in field.children}
