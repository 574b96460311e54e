"""Python values as the JSON values that a client of the API reads.

The rules are those of DRF's own encoder, so that `plain(data)` equals what a client gets from
the rendered body, without a body being rendered.
"""

from __future__ import annotations

from math import isfinite
from typing import Any

from django.utils.functional import Promise
from rest_framework.settings import api_settings
from rest_framework.utils.encoders import JSONEncoder

__all__ = ["plain", "plain_float"]

ATOMS = frozenset({str, int, bool, type(None)})
ENCODER = JSONEncoder()


def plain(value: Any) -> Any:
    """Give a value as JSON has it: only `dict`, `list`, `str`, `int`, `float`, `bool`, `None`.

    Nothing of the result leads back to a serializer, a request or a model. What JSON cannot
    hold raises the error that DRF's renderer raises.
    """
    # Most values of most rows are atoms, and a call for each would cost more than the rest.
    if type(value) in ATOMS:
        return value
    if isinstance(value, dict):
        return {
            key if type(key) is str else plain_key(key): item
            if type(item) in ATOMS
            else plain(item)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [item if type(item) in ATOMS else plain(item) for item in value]
    return plain_scalar(value)


def plain_scalar(value: Any) -> Any:
    """Give a value that is no container of JSON's, or a subclass of one of its atoms."""
    if isinstance(value, str):
        # Not str(value): an enumeration's member prints its name but is encoded by its text.
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return plain_float(float.__float__(value))
    return plain(ENCODER.default(value))


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
