"""States over a DRF viewset: declared in a few lines, with vars and handlers of their own."""

from __future__ import annotations

from collections.abc import Mapping
from types import GenericAlias
from typing import TYPE_CHECKING, Any, get_args

import reflex as rx
from django.db.models import Model, QuerySet
from rest_framework.exceptions import NotAuthenticated

from reflex_drf.state.assembly import assemble
from reflex_drf.state.bulk import BulkHandlers
from reflex_drf.state.cells import CellHandlers
from reflex_drf.state.deleting import DeletionHandlers
from reflex_drf.state.exporting import ExportHandlers
from reflex_drf.state.hooks import ModelHooks, wrap_hooks
from reflex_drf.state.inheritance import take_computed
from reflex_drf.state.options import (
    combine_options,
    inherited_options,
    lookup_order,
    resolve_options,
    take_options,
)
from reflex_drf.state.planning import check_kept_back, make_plan
from reflex_drf.state.quiet import set_quietly
from reflex_drf.state.user import AppState
from reflex_drf.state.viewsets import scope_field, viewset_model

if TYPE_CHECKING:
    from reflex_drf.state.plan import Plan

__all__ = ["ModelCRUDView", "ModelListView", "ModelState", "ModelStateMeta", "UserScopedMixin"]

if TYPE_CHECKING:
    from reflex_base.vars.base import BaseStateMeta
else:
    # Deriving from the class of `rx.State` is what Reflex supports, wherever that class lives.
    BaseStateMeta = type(rx.State)


class ModelStateMeta(BaseStateMeta):
    """Makes vars and handlers of what a class declares, before Reflex looks at it."""

    def __new__(
        mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **kwargs: Any
    ) -> Any:
        order = lookup_order(bases)
        declared = take_options(name, namespace) | _subscripted_model(namespace)
        plan = None
        if _is_state(order) and not kwargs.get("mixin"):
            plan = _make_plan(
                name, order, combine_options(inherited_options(bases), declared), namespace
            )
        if plan is not None:
            check_kept_back(plan, declared)
        if ModelHooks in order:
            wrap_hooks(name, namespace, order, plan.field_names if plan else None)
        kept: dict[str, Any] = {}
        if plan is not None:
            plan = assemble(plan, namespace, order)
            namespace.setdefault("__setattr__", set_quietly)
        elif declared.get("abstract"):
            kept = take_computed(namespace)
        cls = super().__new__(mcs, name, bases, namespace, **kwargs)
        # Set past Reflex: none of them is a var.
        type.__setattr__(cls, "_declared_options", declared)
        type.__setattr__(cls, "_kept_computed", kept)
        if plan is not None:
            type.__setattr__(cls, "_plan", plan)
            cls._planned()  # type: ignore[attr-defined]
        return cls

    def __init__(
        cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **kwargs: Any
    ) -> None:
        super().__init__(name, bases, namespace)


def _is_state(order: list[type]) -> bool:
    return any(isinstance(base, BaseStateMeta) and issubclass(base, rx.State) for base in order)


def _subscripted_model(namespace: Mapping[str, Any]) -> dict[str, Any]:
    for base in namespace.get("__orig_bases__", ()):
        for argument in get_args(base):
            if isinstance(argument, type) and issubclass(argument, Model):
                return {"model": argument}
    return {}


def _make_plan(
    name: str, order: list[type], declared: dict[str, Any], namespace: Mapping[str, Any]
) -> Plan | None:
    options = resolve_options(name, declared)
    shows = options.viewset or options.serializer_class or options.model
    if options.abstract or (not shows and namespace.get("__module__") == __name__):
        return None
    return make_plan(name, options, order, namespace)


class ModelListView(ExportHandlers, metaclass=ModelStateMeta):
    """Adds a list to a state: `class TaskState(AppState, ModelListView)`. It cannot write."""

    def __class_getitem__(cls, model: Any) -> GenericAlias:
        # As in `ModelState[Product]`; the metaclass finds the model in the original bases.
        return GenericAlias(cls, (model,))


class ModelCRUDView(BulkHandlers, CellHandlers, DeletionHandlers, ModelListView):
    """Adds a list, a form and their handlers to a state."""


class ModelState(AppState, ModelCRUDView):
    """A state with the rows, the form and the handlers of one DRF viewset.

    Give a subclass `viewset`, or `serializer_class`, or `model` and `fields`.
    """


class UserScopedMixin(ModelHooks):
    """Limits a state to the rows of the logged-in user, and makes new rows theirs.

    `scope_field` names the foreign key to the user; without it the model's only one is taken.
    """

    if TYPE_CHECKING:
        _plan: Plan
        user: Any

    def _scope_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.user.is_authenticated:
            return queryset.none()
        field = scope_field(type(self).__name__, queryset.model, self._plan.options.scope_field)
        return queryset.filter(**{field.name: self.user})

    def _scope_kwargs(self, serializer: Any) -> Mapping[str, Any]:
        if not self.user.is_authenticated:
            raise NotAuthenticated
        known = viewset_model(self._plan.viewset)
        model = known or serializer.context["view"].get_queryset().model
        field = scope_field(type(self).__name__, model, self._plan.options.scope_field)
        return {field.name: self.user}
