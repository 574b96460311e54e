"""Works out what a state is made of, and whether that can work, when its class is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import FunctionType
from typing import Any

from rest_framework import serializers

from reflex_drf.backends import Backend
from reflex_drf.errors import ConfigurationError
from reflex_drf.permissions import has_action, takes_method
from reflex_drf.state.actionforms import action_form, own_serializer
from reflex_drf.state.fieldnames import check_field_names
from reflex_drf.state.forms import Form, build_form
from reflex_drf.state.hooks import CLEAN, THREAD_HOOKS, is_declared
from reflex_drf.state.options import Options
from reflex_drf.state.plan import ActionPlan, Plan
from reflex_drf.state.queries import ListQuery
from reflex_drf.state.relations import find_relations
from reflex_drf.state.viewsets import build_viewset, describe_serializer, scope_field, viewset_model

__all__ = ["check_kept_back", "is_ours", "make_plan", "offered_handlers", "writing_serializer"]

STANDARD = ("list", "create", "retrieve", "update", "partial_update", "destroy")


def make_plan(
    owner: str, options: Options, order: list[type], namespace: Mapping[str, Any]
) -> Plan:
    """Work out what a concrete state is made of."""
    writes = "save" in offered_handlers(order)
    viewset = build_viewset(owner, options, read_only=not writes)
    actions = frozenset(name for name in STANDARD if has_action(viewset, name))
    if not writes:
        actions &= {"list", "retrieve"}
    query = _query(owner, options, viewset)
    scoped = is_declared("_scope_queryset", order)
    names = _scope_names(owner, options, viewset, scoped)
    rows = _describe(owner, options, viewset, "list")
    form = _form(owner, options, viewset, actions, names) if writes else Form()
    plan = Plan(
        owner=owner,
        options=options,
        viewset=viewset,
        actions=actions,
        extra_actions=_extra_actions(options, viewset, writes),
        form=form,
        rows=rows,
        detail=_describe(owner, options, viewset, "retrieve") if "retrieve" in actions else None,
        query=query,
        backend=_backend(owner, options),
        scoped=scoped,
        scope_names=names,
        relations=find_relations(
            owner,
            options,
            writing_serializer(owner, options, viewset, actions),
            [field.name for field in form.fields],
            query,
        ),
    )
    if plan.edits:
        plan = replace(plan, extra_variables=_editing_variables(order))
    check_field_names(plan, own_rows=is_declared("get_queryset", order, namespace))
    _check_pages(plan)
    _check_row_permissions(plan)
    _check_backend(plan, order, namespace)
    return plan


def check_kept_back(plan: Plan, declared: Mapping[str, Any]) -> None:
    """Refuse names of fields that there are none of: a misspelt one would keep nothing back.

    Only what a class says itself is looked at: what it inherits may be meant for others as well.
    """
    kept = [name for name in ("exclude_from_row", "read_only_fields") if name in declared]
    told = _all_told(plan) if kept else []
    if not all(_tells_all(serializer) for serializer in told):
        return
    known = {name for serializer in told for name in serializer.fields}
    for option in kept:
        if unknown := [name for name in getattr(plan.options, option) if name not in known]:
            raise ConfigurationError(
                f"{plan.owner}.{option} names {unknown[0]!r}, which is no field of its "
                f"serializer; known are {', '.join(sorted(known))}."
            )


def _all_told(plan: Plan) -> list[Any]:
    try:
        return [_describe(plan.owner, plan.options, plan.viewset, name) for name in plan.actions]
    except ConfigurationError:
        # One of the actions chooses its serializer by the request.
        return [None]


def _tells_all(serializer: Any) -> bool:
    """Whether rows have the fields of the serializer's class, and no others for some requests."""
    if not isinstance(serializer, serializers.Serializer):
        return False
    methods = ("__init__", "get_fields", "to_representation")
    found = (getattr(type(serializer), name).__module__ for name in methods)
    return all(module.split(".")[0] in ("rest_framework", "reflex_drf") for module in found)


def _query(owner: str, options: Options, viewset: type[Any]) -> ListQuery:
    query = ListQuery(viewset, options.filter_params)
    try:
        query.filter_names  # noqa: B018 - made once, and kept
    except TypeError as error:
        # What django-filter says of names that the model does not have.
        raise ConfigurationError(
            f"{owner}: the filters of {viewset.__name__} (`filterset_fields`, `filterset_class`) "
            f"cannot be made: {error}"
        ) from error
    return query


def _editing_variables(order: list[type]) -> dict[str, tuple[Any, Any]]:
    found: dict[str, tuple[Any, Any]] = {}
    for klass in order:
        if is_ours(klass):
            found |= vars(klass).get("_editing_variables", {})
    return found


def _check_pages(plan: Plan) -> None:
    size, query = plan.options.paginate_by, plan.query
    if plan.generated or size is None:
        return
    if query.size_param is None or size > (query.max_size or size):
        raise ConfigurationError(
            f"{plan.owner}.paginate_by is {size}, but {plan.viewset.__name__} does not give pages "
            "of that size: set `page_size_query_param` and `max_page_size` on its paginator."
        )


def _check_row_permissions(plan: Plan) -> None:
    wanted = plan.options.row_permissions
    known = {action.name for action in plan.extra_actions if action.detail}
    known |= plan.actions - {"create", "list"}
    unknown = sorted(set(wanted if isinstance(wanted, tuple) else ()) - known)
    if unknown:
        raise ConfigurationError(
            f"{plan.owner}.row_permissions names {unknown[0]!r}, but rows have no such action; "
            f"known are {', '.join(sorted(known))}."
        )


def _describe(owner: str, options: Options, viewset: type[Any], action: str) -> Any:
    if not hasattr(viewset, "get_serializer_class"):
        return options.serializer_class() if options.serializer_class is not None else None
    return describe_serializer(owner, options, viewset, action)


def _extra_actions(options: Options, viewset: type[Any], writes: bool) -> tuple[ActionPlan, ...]:
    methods: dict[str, list[str]] = {}
    known: dict[str, Any] = {}
    for action in getattr(viewset, "get_extra_actions", list)():
        for method, name in action.mapping.items():
            if takes_method(viewset, method):
                methods.setdefault(name, []).append(method)
                known[name] = action
    return tuple(
        _extra_action(options, viewset, name, known[name], tuple(verbs))
        for name, verbs in methods.items()
        if writes or set(verbs) <= {"get", "head", "options"}
    )


def _extra_action(
    options: Options, viewset: type[Any], name: str, action: Any, verbs: tuple[str, ...]
) -> ActionPlan:
    serializer = own_serializer(viewset, name, getattr(action, "kwargs", {}))
    return ActionPlan(
        name=name,
        handler=options.action_handlers.get(name, name),
        detail=action.detail,
        methods=verbs,
        serializer=serializer,
        form=action_form(serializer, verbs),
    )


def _form(
    owner: str,
    options: Options,
    viewset: type[Any],
    actions: frozenset[str],
    hidden: frozenset[str],
) -> Form:
    return build_form(
        writing_serializer(owner, options, viewset, actions),
        read_only={*options.read_only_fields, *hidden},
        vars=options.field_vars,
    )


def writing_serializer(
    owner: str, options: Options, viewset: type[Any], actions: frozenset[str]
) -> Any:
    """The serializer that takes what the form sends, or None where nothing can be written."""
    writing = [name for name in ("create", "update", "partial_update") if name in actions]
    return _describe(owner, options, viewset, writing[0]) if writing else None


def _scope_names(owner: str, options: Options, viewset: type[Any], scoped: bool) -> frozenset[str]:
    model = viewset_model(viewset)
    if not scoped or model is None:
        return frozenset()
    # Whose a row is, is not for the browser to say.
    field = scope_field(owner, model, options.scope_field)
    return frozenset({field.name, field.attname})


def _backend(owner: str, options: Options) -> Any:
    if options.backend_class is None:
        from reflex_drf.backends.inprocess import InProcessBackend

        return InProcessBackend()
    backend = options.backend_class
    made = backend() if isinstance(backend, type) else backend
    if not isinstance(made, Backend):
        raise ConfigurationError(f"{owner}.backend_class is {backend!r}; it has to be a `Backend`.")
    return made


def _check_backend(plan: Plan, order: list[type], namespace: Mapping[str, Any]) -> None:
    if plan.in_process:
        return
    if plan.generated:
        raise ConfigurationError(
            f"{plan.owner} calls an API elsewhere, which knows no viewset made here: "
            "give it the `viewset` that the API serves."
        )
    hooks = sorted(THREAD_HOOKS | {CLEAN + name for name in plan.field_names})
    written = [vars(klass) for klass in order if not is_ours(klass)]
    local = [name for name in hooks if any(name in members for members in [namespace, *written])]
    if local or plan.scoped or plan.options.permission_classes:
        what = f"{local[0]}()" if local else "scope_field" if plan.scoped else "permission_classes"
        raise ConfigurationError(
            f"{plan.owner}.{what} works beside the view, but the view of its backend runs "
            "elsewhere: move it into the viewset, or use the in-process backend."
        )


def offered_handlers(order: Iterable[type]) -> dict[str, FunctionType]:
    """The handlers that the plain base classes offer, the first base counting most."""
    found: dict[str, FunctionType] = {}
    for klass in reversed(list(order)):
        for name, value in vars(klass).items():
            offered = hasattr(value, "__reflex_drf_operation__") and is_ours(klass)
            if isinstance(value, FunctionType) and (offered or name in found):
                found[name] = value
    return found


def is_ours(klass: type) -> bool:
    return klass.__module__.split(".")[0] in ("reflex", "reflex_base", "reflex_drf", "builtins")
