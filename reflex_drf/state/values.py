"""What the var of a form field takes from a browser, and holds of a value from the API, by kind."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from rest_framework import serializers

from reflex_drf.state.payload import is_sound, mend

__all__ = ["ACCEPT", "EMPTY", "PARSE", "POPULATE", "VAR_TYPES", "InvalidValueError"]


class InvalidValueError(ValueError):
    """A value that the field's var cannot hold, or whose text cannot be sent.

    `nested` has the messages for values within it, by their dotted names.
    """

    def __init__(self, message: str = "", nested: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.nested = dict(nested or {})


# -- What each kind of var takes from the browser -------------------------------------------


def _accept_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise InvalidValueError("Not a valid value.")


def _accept_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str | int):
        word = value.strip().lower() if isinstance(value, str) else value
        if word in serializers.BooleanField.TRUE_VALUES:
            return True
        if word in serializers.BooleanField.FALSE_VALUES or word == "":
            return False
    raise InvalidValueError("Must be a valid boolean.")


def _accept_nullbool(value: Any) -> str:
    if value is None or value == "" or value == "null":
        return ""
    return "true" if _accept_bool(value) else "false"


def _accept_list(value: Any) -> list[str]:
    if value is None or value == "":
        return []
    if isinstance(value, str):
        return [value]
    if isinstance(value, list | tuple):
        return [_accept_text(item) for item in value]
    raise InvalidValueError("Expected a list of items.")


def _accept_json(value: Any) -> str:
    return value if isinstance(value, str) else _dump(value)


def _accept_rows(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return value
    raise InvalidValueError("Expected a list of items.")


def _accept_record(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise InvalidValueError("Expected a dictionary of items.")


# -- What each kind of var holds of a value from the API ------------------------------------


def _populate_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _populate_list(value: Any) -> list[str]:
    items = value if isinstance(value, list | tuple | set) else []
    return [_populate_text(item) for item in items]


def _dump(value: Any) -> str:
    if value is None:
        return ""
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise InvalidValueError("Value must be valid JSON.") from error


def _parse_json(value: Any) -> Any:
    try:
        parsed = json.loads(value, parse_constant=_refuse_constant)
        # What holds for all that a client sends holds for what a text of it says.
        return parsed if is_sound(parsed) else mend(parsed)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidValueError("Value must be valid JSON.") from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is Python's, not JSON's.")


VAR_TYPES: dict[str, Any] = {
    "text": str,
    "bool": bool,
    "nullbool": str,
    "list": list[str],
    "json": str,
    "rows": list[dict[str, Any]],
    "record": dict[str, Any],
}
EMPTY: dict[str, Any] = {
    "text": "",
    "bool": False,
    "nullbool": "",
    "list": [],
    "json": "",
    "rows": [],
    "record": {},
}
ACCEPT: dict[str, Callable[[Any], Any]] = {
    "text": _accept_text,
    "bool": _accept_bool,
    "nullbool": _accept_nullbool,
    "list": _accept_list,
    "json": _accept_json,
    "rows": _accept_rows,
    "record": _accept_record,
}
POPULATE: dict[str, Callable[[Any], Any]] = {
    "text": _populate_text,
    "bool": bool,
    "nullbool": _accept_nullbool,
    "list": _populate_list,
    "json": _dump,
    "rows": lambda value: list(value or []),
    "record": lambda value: dict(value or {}),
}
PARSE: dict[str, Callable[[Any], Any]] = {
    "json": _parse_json,
    "nullbool": lambda value: value == "true",
}
