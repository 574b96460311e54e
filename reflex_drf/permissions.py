"""DRF's permission classes, and what the user of a view may do: with an action, with a row."""

from __future__ import annotations

from copy import copy
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
    "allowed_actions",
    "may",
    "may_object",
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
_REFUSALS = (APIException, PermissionDenied, Http404)


def may(view: APIView, action: str, *, method: str | None = None) -> bool:
    """Whether the user of the view's request may run the action, before any row is known.

    The view must be set up, as it is in a hook or a handler; it is left as it was.
    """
    acting = _acting(view, action, method)
    try:
        acting.check_permissions(acting.request)
    except _REFUSALS:
        return False
    return True


def may_object(view: APIView, action: str, obj: Any, *, method: str | None = None) -> bool:
    """Whether the user of the view's request may run the action on this row."""
    acting = _acting(view, action, method)
    try:
        acting.check_permissions(acting.request)
        acting.check_object_permissions(acting.request, obj)
    except _REFUSALS:
        return False
    return True


def allowed_actions(view: APIView, obj: Any = None) -> frozenset[str]:
    """The names of the view's actions that its user may run, on the row when one is given."""
    names = {name for name in METHODS if name != "metadata" and hasattr(view, name)}
    if isinstance(view, ViewSetMixin):
        names |= {extra.__name__ for extra in view.get_extra_actions()}
    if obj is None:
        return frozenset(name for name in names if may(view, name))
    return frozenset(name for name in names if may_object(view, name, obj))


def _acting(view: APIView, action: str, method: str | None) -> APIView:
    """A copy of the view as it would stand had the request asked for the action."""
    handler = getattr(type(view), action, None)
    if action != "metadata" and not callable(handler):
        raise UnknownAction(f"{type(view).__name__} has no action {action!r}.")
    method = (method or _method_of(action, handler)).upper()
    acting = copy(view)
    _swap_options(acting, handler)
    acting.request = clone_request(view.request, method)
    if isinstance(acting, ViewSetMixin):
        acting.action = action
        acting.action_map = {method.lower(): action}
    return acting


def _method_of(action: str, handler: Any) -> str:
    mapping = getattr(handler, "mapping", None)
    if mapping:
        return str(next(iter(mapping)))
    # A plain APIView names its handlers by the verb.
    return METHODS.get(action, action)


def _swap_options(acting: Any, handler: Any) -> None:
    """Take off what the current `@action` laid over the class, put on what the asked one does."""
    current = getattr(type(acting), str(getattr(acting, "action", "")), None)
    for name in getattr(current, "kwargs", {}):
        acting.__dict__.pop(name, None)
    for name, value in getattr(handler, "kwargs", {}).items():
        setattr(acting, name, value)
    if hasattr(handler, "detail"):
        acting.detail = handler.detail
