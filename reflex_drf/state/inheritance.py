"""What a state below another concrete state gets as its own: vars, computed vars and handlers.

For Reflex a subclass shares the vars of its parent, and the parent's handlers act on the parent.
Two lists must never be one, so a state over a viewset takes copies of all that its users wrote.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from types import FunctionType
from typing import Any

from reflex.istate.storage import ClientStorageBase
from reflex_base.vars.base import ComputedVar

__all__ = ["copy_function", "inherit_members", "take_computed"]


def copy_function(owner: str, name: str, function: Callable[..., Any]) -> FunctionType:
    """A function of the state's own; Reflex ties a handler to the class that holds it."""
    source: Any = function
    copied = FunctionType(
        source.__code__, source.__globals__, name, source.__defaults__, source.__closure__
    )
    copied.__kwdefaults__ = source.__kwdefaults__
    copied.__annotations__ = source.__annotations__
    copied.__doc__ = source.__doc__
    copied.__module__ = source.__module__
    copied.__qualname__ = f"{owner}.{name}"
    vars(copied).update(vars(source))
    return copied


def take_computed(namespace: MutableMapping[str, Any]) -> dict[str, Any]:
    """Take the computed vars out of an abstract class body, for the classes below it.

    They look at vars that only those have, and Reflex asks those of each class for their values.
    """
    names = [name for name, value in namespace.items() if isinstance(value, ComputedVar)]
    return {name: namespace.pop(name) for name in names}


def inherit_members(owner: str, namespace: MutableMapping[str, Any], order: list[type]) -> None:
    """Copy into the class body what the model states above it were given by their authors."""
    for klass in order:
        is_state = hasattr(klass, "get_full_name") and not getattr(klass, "_mixin", False)
        if is_state and "_declared_options" in vars(klass):
            _inherit_fields(namespace, klass)
            _inherit_functions(owner, namespace, klass)


def _inherit_fields(namespace: MutableMapping[str, Any], klass: Any) -> None:
    annotations = namespace.setdefault("__annotations__", {})
    given = getattr(vars(klass).get("_plan"), "variables", ())
    for name, field in klass.__own_fields__.items():
        if name in namespace or name in annotations or name in given:
            continue
        default = field.default_value()
        # One cookie or storage key has one owner.
        if not isinstance(default, ClientStorageBase):
            annotations[name] = field.annotated_type
            namespace[name] = default


def _inherit_functions(owner: str, namespace: MutableMapping[str, Any], klass: Any) -> None:
    given = getattr(vars(klass).get("_plan"), "handlers", ())
    for name, value in {**vars(klass), **klass._kept_computed}.items():
        if name in namespace or name in given or name == "setvar":
            continue
        if isinstance(value, ComputedVar):
            fget = copy_function(owner, name, value.fget)
            namespace[name] = value._replace(fget=fget, _var_data=None)
        elif isinstance(getattr(value, "fn", None), FunctionType):
            namespace[name] = copy_function(owner, name, value.fn)
