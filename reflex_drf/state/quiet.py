"""Vars that are sent when they change, and not whenever they are set.

Reflex sends each var that was set during an event, whether or not it is another value than before.
A list that was read again, and is the same, is nothing that a browser has to hear of.
"""

from __future__ import annotations

import marshal
from functools import lru_cache
from typing import Any

__all__ = ["held", "put", "set_quietly"]

ATOMS = frozenset({str, int, float, bool, type(None)})


def set_quietly(self: Any, name: str, value: Any) -> None:
    """Set an attribute of a state, unless it is a var of its list and would not change.

    It is put into each concrete state: among the bases, Reflex's own would come first.
    """
    cls: Any = type(self)
    if name in cls._plan.quiet and stays(held(self, name), value):
        return
    next_setter(cls)(self, name, value)


@lru_cache(maxsize=1024)
def next_setter(cls: Any) -> Any:
    """Give the way in which attributes of a state class would be set without this module."""
    setters = (vars(klass).get("__setattr__", set_quietly) for klass in cls.__mro__)
    return next(setter for setter in setters if setter is not set_quietly)


def put(state: Any, name: str, value: Any) -> None:
    """Set a var to a value that nothing else holds, unless it is the same by its content."""
    if not same_json(held(state, name), value):
        setattr(state, name, value)


def held(state: Any, name: str) -> Any:
    """Give what a var holds, to be looked at and not to be changed.

    Reflex hands out a new proxy at each look, also at each item of it.
    """
    try:
        return state.__dict__[name]
    except KeyError:
        # A var that was never set, or one of a class above, whose state keeps it.
        return unwrapped(getattr(state, name))


def unwrapped(value: Any) -> Any:
    """Give what Reflex hands out a proxy of."""
    return getattr(value, "__wrapped__", value)


def stays(old: Any, new: Any) -> bool:
    """Tell whether a var would be the same, also to somebody who holds on to what it was set to.

    The content of a container may have been changed behind the state's back, or be changed after
    it was set, so that setting it always counts.
    """
    return type(old) is type(new) and type(old) in ATOMS and bool(old == new)


def same_json(old: Any, new: Any) -> bool:
    """Tell whether two values are written the same, to whom 1 and True are not the same."""
    return bool(old == new) and written(old) == written(new)


def written(value: Any) -> Any:
    """Give what differs where two values are equal, but not of the same kind throughout."""
    try:
        # Faster than any text; this version of the format has no references between its parts.
        return marshal.dumps(value, 2)
    except ValueError:
        return repr(value)
