"""The methods of a `ModelState` that users override, kept out of the browser's reach."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Container, Iterable, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet

from reflex_drf.errors import ConfigurationError, NoRequestError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reflex_drf.backends import Reply

__all__ = [
    "THREAD_HOOKS",
    "Hook",
    "ModelHooks",
    "is_declared",
    "is_overridden",
    "serving",
    "wrap_hooks",
]

#: Hooks that run beside the view, in its thread, where the ORM may be used.
THREAD_HOOKS = frozenset(
    {
        "after_delete",
        "after_save",
        "before_delete",
        "before_save",
        "filter_queryset",
        "get_create_kwargs",
        "get_queryset",
        "get_scoped_queryset",
        "get_update_kwargs",
        "validate_state",
    }
)
CLEAN = "clean_"
# The queryset that the view itself would use, while a hook looks at it.
_viewset_queryset: ContextVar[QuerySet[Any] | None] = ContextVar(
    "reflex_drf_viewset_queryset", default=None
)


class Hook:
    """A method of a state that is not an event handler.

    Reflex makes a remote entry point of every function in a state's class body. This descriptor
    is no function, so Python finds the method and the browser does not.
    """

    __slots__ = ("function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self.function if instance is None else MethodType(self.function, instance)


class ModelHooks:
    """What a `ModelState` lets its author change, with what each does when left alone."""

    def get_queryset(self) -> QuerySet[Any]:
        """The rows this state may see at all: every read and write starts here.

        `super().get_queryset()` is the queryset of the viewset. What an existing viewset does not
        show is not shown here either, whatever this returns.
        """
        queryset = _viewset_queryset.get()
        if queryset is None:
            raise NoRequestError(
                f"{type(self).__name__}.get_queryset() works only while a view is being called; "
                "use get_scoped_queryset() elsewhere."
            )
        return queryset

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow what the viewset's own filters left."""
        return queryset

    def get_url_kwargs(self) -> Mapping[str, Any]:
        """Arguments of the viewset's route besides the key of a row."""
        return {}

    def get_create_kwargs(self, serializer: Any) -> Mapping[str, Any]:
        """Values to save a new row with; what the viewset sets itself counts more."""
        return {}

    def get_update_kwargs(self, serializer: Any) -> Mapping[str, Any]:
        """Values to save an existing row with; what the viewset sets itself counts more."""
        return {}

    def validate_state(self, attrs: dict[str, Any]) -> dict[str, Any] | None:
        """Check validated values together; raise `ValidationError` or give them back."""
        return attrs

    def before_save(self, serializer: Any) -> None:
        """Called with the valid serializer just before it saves."""

    def after_save(self, instance: Any) -> None:
        """Called with the saved row, within the request's transaction if there is one."""

    def before_delete(self, instance: Any) -> None:
        """Called with the row that is about to be deleted; raise to keep it."""

    def after_delete(self, instance: Any) -> None:
        """Called with the row that was deleted."""

    def on_saved(self, row: Mapping[str, Any]) -> Any:
        """Called once a row is saved, with what the API answered; may return an event."""
        return None

    def on_deleted(self, key: str) -> Any:
        """Called once a row is deleted, with its key; may return an event, and may be `async`."""
        return None

    def on_permission_denied(self, reply: Reply) -> Any:
        """Called when the API refused the user; may return an event, and may be `async`."""
        return None

    def on_not_authenticated(self, reply: Reply) -> Any:
        """Called when the API asked for a login; may return an event, and may be `async`."""
        return None

    @classmethod
    def _planned(cls) -> None:
        """Called once for each concrete class."""

    # Called by the machinery around the hooks, so that an override of a hook cannot undo it.
    def _scope_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset

    def _scope_kwargs(self, serializer: Any) -> Mapping[str, Any]:
        return {}


@contextmanager
def serving(queryset: QuerySet[Any]) -> Iterator[None]:
    """Let `super().get_queryset()` of a hook give this queryset."""
    token = _viewset_queryset.set(queryset)
    try:
        yield
    finally:
        _viewset_queryset.reset(token)


def hook_names(order: Iterable[type]) -> frozenset[str]:
    """The public methods of the plain base classes that are no event handlers."""
    return frozenset(
        name
        for klass in order
        if ModelHooks in klass.__mro__ and not hasattr(klass, "get_full_name")
        for name, value in vars(klass).items()
        if isinstance(value, FunctionType)
        and name[0] != "_"
        and not hasattr(value, "__reflex_drf_operation__")
    )


def wrap_hooks(
    owner: str,
    namespace: MutableMapping[str, Any],
    order: list[type],
    fields: frozenset[str] | None,
) -> None:
    """Replace the hooks of a class body, and those its state mixins bring, by descriptors.

    `fields` are those of the form, or None where only a subclass will have one.
    """
    names = hook_names(order)
    for name, value in list(namespace.items()):
        if isinstance(value, FunctionType) and _is_hook(owner, name, names, fields):
            _check_kind(owner, name, value)
            namespace[name] = Hook(value)
    for name in names | {CLEAN + field for field in fields or ()}:
        if name not in namespace and (found := _inherited(owner, name, order)) is not None:
            # Reflex would copy a mixin's function as a handler; a descriptor in front stops it.
            _check_kind(owner, name, found)
            namespace[name] = Hook(found)


def _is_hook(owner: str, name: str, names: frozenset[str], fields: frozenset[str] | None) -> bool:
    if name in names:
        return True
    if not name.startswith(CLEAN):
        return False
    field = name.removeprefix(CLEAN)
    if fields is not None and field not in fields:
        near = difflib.get_close_matches(field, fields, n=1)
        hint = f"did you mean {CLEAN + near[0]!r}?" if near else "give a handler another name."
        raise ConfigurationError(f"{owner}.{name}() cleans no field of the form; {hint}")
    return True


def _inherited(owner: str, name: str, order: list[type]) -> FunctionType | None:
    for klass in order:
        if name not in vars(klass):
            continue
        value = vars(klass)[name]
        if not hasattr(klass, "get_full_name"):
            return None
        if isinstance(value, FunctionType):
            return value
        if hasattr(value, "fn") and getattr(value, "state", None) is not None:
            raise ConfigurationError(
                f"{klass.__name__}.{name}() is an event handler that any browser can call, and "
                f"{owner} would use it as a hook. Move it to {owner} or to a plain class."
            )
        return None
    return None


def _check_kind(owner: str, name: str, function: FunctionType) -> None:
    if not (name in THREAD_HOOKS or name.startswith(CLEAN)):
        return
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise ConfigurationError(
            f"{owner}.{name}() is async, but runs in the view's thread: "
            "write it as a plain method and use the ORM as in a view."
        )


def is_overridden(cls: type, name: str) -> bool:
    """Whether the state has a hook of its own, so that calling it makes a difference."""
    return getattr(cls, name, None) is not getattr(ModelHooks, name, None)


def is_declared(name: str, order: Iterable[type], body: Container[str] = ()) -> bool:
    """The same of a class that is still to be made, from its body and what it derives from."""
    return name in body or any(name in vars(klass) for klass in order if klass is not ModelHooks)
