"""Python values as the JSON values that a client of the API reads.

The rules are those of DRF's own encoder, so that `plain(data)` equals what a client gets from
the rendered body, without a body being rendered.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from math import isfinite
from typing import Any

from django.utils.functional import Promise
from rest_framework.settings import api_settings
from rest_framework.utils.encoders import JSONEncoder

__all__ = ["plain", "plain_float"]

ATOMS = frozenset({str, int, bool, type(None)})
# From how many rows on it pays to go through them column by column.
SEVERAL = 4
ENCODER = JSONEncoder()
# Containers within containers; what lies deeper would exhaust the stack of whoever walks through it
# or copies it, and one such row would keep all others from everybody. This stands for it.
DEEPEST, REST = 200, "\N{HORIZONTAL ELLIPSIS}"


def plain(value: Any, depth: int = DEEPEST) -> Any:
    """Give a value as JSON has it: only `dict`, `list`, `str`, `int`, `float`, `bool`, `None`.

    Nothing of the result leads back to a serializer, a request or a model. What JSON cannot
    hold raises the error that DRF's renderer raises.
    """
    # Most values of most rows are atoms, and a call for each would cost more than the rest.
    if type(value) in ATOMS:
        return value
    if not depth and isinstance(value, (dict, list, tuple)):
        return REST
    if isinstance(value, dict):
        return {
            key if type(key) is str else plain_key(key): item
            if type(item) in ATOMS
            else plain(item, depth - 1)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        if len(value) >= SEVERAL and (rows := plain_rows(value, depth)) is not None:
            return rows
        return [item if type(item) in ATOMS else plain(item, depth - 1) for item in value]
    return plain_scalar(value, depth)


def plain_rows(rows: Sequence[Any], depth: int) -> list[dict[str, Any]] | None:
    """Give rows of the same names as JSON has them, or None where these are no such rows.

    What kinds of values a column has is found out all at once, and most need no more.
    """
    if not are_of(dict, rows):
        return None
    names, keys = list(rows[0]), list(chain.from_iterable(rows))
    if keys != names * len(rows) or not are_of(str, keys):
        return None
    copies = list(map(dict.copy, rows))
    try:
        for name, column in zip(names, zip(*map(dict.values, rows), strict=True), strict=True):
            plain_column(name, column, copies, depth)
    except Exception:  # noqa: BLE001 - row by row, the error of the first value comes out
        return None
    return copies


def plain_column(name: str, column: Sequence[Any], rows: list[dict[str, Any]], depth: int) -> None:
    """Replace the values of one name by what JSON has for them."""
    first = type(column[0])
    if are_of(first, column):
        if first in ATOMS or (first is float and all(map(isfinite, column))):
            return
    elif set(map(type, column)) <= ATOMS:
        return
    # A column of dictionaries is as likely as not one of rows itself. It lies in the rows of a
    # list, as deep as it would in a list of its own.
    for row, value in zip(rows, plain(column, depth - 1), strict=True):
        row[name] = value


def are_of(kind: type, values: Sequence[Any]) -> bool:
    """Tell whether all values are of one type, and of no class below it."""
    # The fastest way there is, by far: nothing is hashed and no step is interpreted.
    return list(map(type, values)).count(kind) == len(values)


def plain_scalar(value: Any, depth: int) -> Any:
    """Give a value that is no container of JSON's, or a subclass of one of its atoms."""
    if isinstance(value, str):
        # Not str(value): an enumeration's member prints its name but is encoded by its text.
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return plain_float(float.__float__(value))
    return plain(ENCODER.default(value), depth)


def plain_float(value: float) -> float:
    """Refuse what JSON has no number for, unless the project allows it."""
    if api_settings.STRICT_JSON and not isfinite(value):
        raise ValueError(f"Out of range float values are not JSON compliant: {value!r}")
    return value


def plain_key(key: Any) -> str:
    """Give a key of a mapping as JSON writes it."""
    if isinstance(key, str):
        return str.__str__(key)
    if key is None or isinstance(key, bool):
        return {None: "null", True: "true", False: "false"}[key]
    if isinstance(key, int):
        return int.__repr__(key)
    if isinstance(key, float):
        return float.__repr__(plain_float(key))
    if isinstance(key, Promise):
        return str(key)
    raise TypeError(f"keys must be str, int, float, bool or None, not {type(key).__name__}")
