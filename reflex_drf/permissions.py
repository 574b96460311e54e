"""DRF's permission classes, and what the user of a view may do: with an action, with a row."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from functools import lru_cache
from types import FunctionType
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework.exceptions import APIException
from rest_framework.permissions import (
    SAFE_METHODS,
    AllowAny,
    BasePermission,
    DjangoModelPermissions,
    DjangoModelPermissionsOrAnonReadOnly,
    DjangoObjectPermissions,
    IsAdminUser,
    IsAuthenticated,
    IsAuthenticatedOrReadOnly,
)
from rest_framework.request import clone_request
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSetMixin

from reflex_drf.errors import UnknownAction

__all__ = [
    "SAFE_METHODS",
    "AllowAny",
    "BasePermission",
    "DjangoModelPermissions",
    "DjangoModelPermissionsOrAnonReadOnly",
    "DjangoObjectPermissions",
    "IsAdminUser",
    "IsAuthenticated",
    "IsAuthenticatedOrReadOnly",
    "acting_view",
    "allowed_actions",
    "has_action",
    "may",
    "may_object",
    "takes_method",
]

# The verb a router gives each of the standard actions.
METHODS = {
    "list": "GET",
    "retrieve": "GET",
    "create": "POST",
    "update": "PUT",
    "partial_update": "PATCH",
    "destroy": "DELETE",
    "metadata": "OPTIONS",
}
# How a permission says no: DRF's way, Django's way, and hiding that the row exists.
REFUSALS = (APIException, PermissionDenied, Http404)


def may(view: APIView, action: str, *, method: str | None = None) -> bool:
    """Whether the user of the view's request may run the action, before any row is known.

    The view must be set up, as it is in a hook or a handler; it is left as it was.
    """
    acting = acting_view(view, action, method=method)
    try:
        acting.check_permissions(acting.request)
    except REFUSALS:
        return False
    return True


def may_object(view: APIView, action: str, obj: Any, *, method: str | None = None) -> bool:
    """Whether the user of the view's request may run the action on this row."""
    acting = acting_view(view, action, method=method)
    try:
        acting.check_permissions(acting.request)
        acting.check_object_permissions(acting.request, obj)
    except REFUSALS:
        return False
    return True


def allowed_actions(view: APIView, obj: Any = None) -> frozenset[str]:
    """The names of the view's actions that its user may run, on the row when one is given."""
    names = {name for name in METHODS if name != "metadata" and has_action(view, name)}
    if isinstance(view, ViewSetMixin):
        extras: list[Any] = view.get_extra_actions()
        names |= {
            name
            for extra in extras
            for method, name in extra.mapping.items()
            if takes_method(view, method)
        }
    if obj is None:
        return frozenset(name for name in names if may(view, name))
    return frozenset(name for name in names if may_object(view, name, obj))


def has_action(view: Any, name: str) -> bool:
    """Whether a view, or its class, has one of the standard actions, and answers its verb."""
    return hasattr(view, name) and takes_method(view, METHODS[name])


def takes_method(view: Any, method: str) -> bool:
    """Whether a view, or its class, answers a verb: `http_method_names` may leave some out."""
    return method.lower() in view.http_method_names


def acting_view(
    view: APIView,
    action: str,
    *,
    method: str | None = None,
    kwargs: Mapping[str, Any] | None = None,
) -> Any:
    """A copy of the view as it would stand had the request asked for the action.

    `kwargs` are added to the arguments of its URL.
    """
    handler = getattr(type(view), action, None)
    if action != "metadata" and not callable(handler):
        raise UnknownAction(f"{type(view).__name__} has no action {action!r}.")
    declared = declaration(view, action)
    method = (method or _method_of(action, declared)).upper()
    acting = copy(view)
    _drop_hooks(acting)
    _swap_options(acting, declared)
    acting.request = clone_request(view.request, method)
    if kwargs:
        acting.kwargs = {**getattr(view, "kwargs", {}), **kwargs}
    if isinstance(acting, ViewSetMixin):
        acting.action = action
        acting.action_map = {method.lower(): action}
    return acting


def declaration(view: Any, action: str) -> Any:
    """The method that declares an action: `@restock.mapping.put` takes over what restock says."""
    cls: Any = type(view)
    return _declared(cls).get(action) or getattr(cls, action, None)


@lru_cache(maxsize=512)
def _declared(cls: Any) -> Mapping[str, Any]:
    # DRF looks through all attributes of the class for them, each time it is asked.
    extras: list[Any] = getattr(cls, "get_extra_actions", list)()
    # Where two declare the same one, the first does.
    return {name: extra for extra in reversed(extras) for name in extra.mapping.values()}


def _method_of(action: str, handler: Any) -> str:
    mapping = getattr(handler, "mapping", None)
    if mapping:
        return str(next(verb for verb, name in mapping.items() if name == action))
    # A plain APIView names its handlers by the verb.
    return METHODS.get(action, action)


def _drop_hooks(acting: Any) -> None:
    """Take off what this package put over methods of the copied view: it still acts on that one.

    A hook with an attribute `again` is put on the copy anew.
    """
    for name, value in list(vars(acting).items()):
        if isinstance(value, FunctionType) and value.__module__.startswith("reflex_drf."):
            del acting.__dict__[name]
            if (again := getattr(value, "again", None)) is not None:
                again(acting)


def _swap_options(acting: Any, handler: Any) -> None:
    """Take off what the current `@action` laid over the class, put on what the asked one does."""
    current = getattr(type(acting), str(getattr(acting, "action", "")), None)
    for name in getattr(current, "kwargs", {}):
        acting.__dict__.pop(name, None)
    for name, value in getattr(handler, "kwargs", {}).items():
        setattr(acting, name, value)
    if hasattr(handler, "detail"):
        acting.detail = handler.detail
