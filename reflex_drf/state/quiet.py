"""Vars that are sent when they change, and not whenever they are set.

Reflex sends each var that was set during an event, whether or not it is another value than before.
A list that was read again, and is the same, is nothing that a browser has to hear of.
"""

from __future__ import annotations

from typing import Any

__all__ = ["put", "set_quietly"]

ATOMS = frozenset({str, int, float, bool, type(None)})


def set_quietly(self: Any, name: str, value: Any) -> None:
    """Set an attribute of a state, unless it is a var of its list and would not change.

    It is put into each concrete state: among the bases, Reflex's own would come first.
    """
    if name in type(self)._plan.quiet and stays(unwrapped(getattr(self, name)), value):
        return
    for klass in type(self).__mro__:
        original = vars(klass).get("__setattr__", set_quietly)
        if original is not set_quietly:
            original(self, name, value)
            break


def put(state: Any, name: str, value: Any) -> None:
    """Set a var to a value that nothing else holds, unless it is the same by its content."""
    if not same_json(unwrapped(getattr(state, name)), value):
        setattr(state, name, value)


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
    return bool(old == new) and repr(old) == repr(new)
