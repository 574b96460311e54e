"""Hooks and options of a state, put around one view in its own thread: they only ever narrow."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.db.models import Model, QuerySet
from django.http import Http404
from rest_framework.generics import GenericAPIView

from reflex_drf.state.hooks import CLEAN, is_overridden, serving

if TYPE_CHECKING:
    from reflex_drf.state.hooks import ModelHooks
    from reflex_drf.state.plan import Plan

__all__ = ["narrow"]

_WRITING = {"create", "update", "partial_update"}


def narrow(state: ModelHooks, plan: Plan, action: str, view: Any) -> None:
    """Put the state's hooks around a view that is set up and not yet dispatched."""
    _narrow_permissions(plan, view)
    if isinstance(view, GenericAPIView):
        _narrow_rows(state, plan, action, view)
    if action in _WRITING:
        _narrow_writes(state, plan, action, view)
    elif action == "destroy" and hasattr(view, "perform_destroy"):
        _narrow_deletes(state, plan, view)


def _narrow_permissions(plan: Plan, view: Any) -> None:
    extra = plan.options.permission_classes
    if plan.generated or not extra:
        return
    permissions = view.get_permissions

    def get_permissions() -> list[Any]:
        # On top of the viewset's own, each of which still has to agree.
        return [*permissions(), *(klass() for klass in extra)]

    # A copy of the view, made to ask what its user may do, has to ask the same.
    vars(get_permissions)["again"] = functools.partial(_narrow_permissions, plan)
    view.get_permissions = get_permissions


# -- Reading --------------------------------------------------------------------------------


def _narrow_rows(state: ModelHooks, plan: Plan, action: str, view: Any) -> None:
    own = is_overridden(type(state), "get_queryset")
    scoped = is_overridden(type(state), "_scope_queryset")
    prefetches = not plan.generated and plan.prefetches
    if own or scoped or prefetches:
        view.get_queryset = _scoped(state, plan, view.get_queryset, own)
    filtered = is_overridden(type(state), "filter_queryset")
    orders = action == "list" and not plan.generated and plan.options.ordering
    if filtered or orders:
        view.filter_queryset = _filtered(state, plan, view, filtered, bool(orders))
    if (own or scoped or filtered) and not _uses_queryset(view):
        view.get_object = _checked(view, view.get_object)


def _scoped(state: ModelHooks, plan: Plan, original: Callable[[], Any], own: bool) -> Any:
    def get_queryset() -> QuerySet[Any]:
        queryset = base = state._scope_queryset(original())
        if own:
            with serving(base):
                queryset = _within(base, state.get_queryset(), plan)
        return plan.prefetch(queryset) if not plan.generated else queryset

    return get_queryset


def _within(base: QuerySet[Any], narrowed: QuerySet[Any], plan: Plan) -> QuerySet[Any]:
    if narrowed is base:
        return base
    if plan.generated and not plan.scoped:
        # The hook is the only one to say what this state shows.
        return narrowed
    # Whatever the hook started from, only rows that the viewset shows are left.
    visible: QuerySet[Any] = base.filter(pk__in=narrowed.order_by().values("pk"))
    return visible


def _filtered(state: ModelHooks, plan: Plan, view: Any, hook: bool, orders: bool) -> Any:
    original = view.filter_queryset

    def filter_queryset(queryset: QuerySet[Any]) -> QuerySet[Any]:
        result: QuerySet[Any] = original(queryset)
        if hook:
            result = _within(result, state.filter_queryset(result), plan)
        # What the user chose to sort by has been applied by the viewset's own filter.
        if orders and plan.query.ordering_param not in view.request.query_params:
            result = result.order_by(*plan.options.ordering)
        return result

    return filter_queryset


def _uses_queryset(view: Any) -> bool:
    return type(view).get_object is GenericAPIView.get_object


def _checked(view: Any, original: Callable[[], Any]) -> Any:
    # A viewset that finds its rows in a way of its own may look past the narrowed queryset.
    def get_object() -> Any:
        instance = original()
        if isinstance(instance, Model):
            visible = view.filter_queryset(view.get_queryset())
            if not visible.filter(pk=instance.pk).exists():
                raise Http404
        return instance

    return get_object


# -- Writing --------------------------------------------------------------------------------


def _narrow_writes(state: ModelHooks, plan: Plan, action: str, view: Any) -> None:
    saved: list[Any] = []
    if hasattr(view, "get_serializer"):
        get_serializer = view.get_serializer

        def narrowed_serializer(*args: Any, **kwargs: Any) -> Any:
            serializer = get_serializer(*args, **kwargs)
            if hasattr(serializer, "initial_data") and not kwargs.get("many"):
                _narrow_serializer(state, plan, serializer, saved)
            return serializer

        view.get_serializer = narrowed_serializer
    if is_overridden(type(state), "after_save"):
        _call_after(view, action, lambda: state.after_save(saved[-1]) if saved else None)


def _narrow_serializer(state: ModelHooks, plan: Plan, serializer: Any, saved: list[Any]) -> None:
    for name in plan.field_names:
        if hasattr(type(state), CLEAN + name):
            _chain(serializer, f"validate_{name}", getattr(state, CLEAN + name))
    for field in serializer.fields.values() if plan.scoped else ():
        if field.source in plan.scope_names:
            # Whose row it is, is neither asked nor to be said.
            field.read_only, field.required = True, False
    if is_overridden(type(state), "validate_state"):
        _chain(serializer, "validate", state.validate_state)
    save = serializer.save

    def narrowed_save(**kwargs: Any) -> Any:
        creates = serializer.instance is None
        hook = state.get_create_kwargs if creates else state.get_update_kwargs
        state.before_save(serializer)
        scope = state._scope_kwargs(serializer)
        instance = save(**{**(hook(serializer) or {}), **scope, **kwargs})
        saved.append(instance)
        return instance

    serializer.save = narrowed_save


def _chain(serializer: Any, name: str, hook: Callable[[Any], Any]) -> None:
    # The serializer's own validation comes first, so that the hook can rely on it.
    first = getattr(serializer, name, None)

    def validate(value: Any) -> Any:
        value = first(value) if first is not None else value
        cleaned = hook(value)
        return value if name == "validate" and cleaned is None else cleaned

    setattr(serializer, name, validate)


def _call_after(view: Any, action: str, after: Callable[[], Any]) -> None:
    for method, name in dict(view.action_map).items():
        if name != action:
            continue
        handler = getattr(view, method)

        def narrowed(*args: Any, _handler: Any = handler, **kwargs: Any) -> Any:
            response = _handler(*args, **kwargs)
            # Inside the handler's own error handling: refusing here rolls back like any refusal.
            after()
            return response

        setattr(view, method, narrowed)


def _narrow_deletes(state: ModelHooks, plan: Plan, view: Any) -> None:
    perform_destroy = view.perform_destroy

    def narrowed(instance: Any) -> None:
        state.before_delete(instance)
        perform_destroy(instance)
        state.after_delete(instance)

    view.perform_destroy = narrowed
