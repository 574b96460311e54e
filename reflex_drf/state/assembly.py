"""From the plan of a state to its vars and handlers, put into its class body."""

from __future__ import annotations

import keyword
from collections import Counter
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import replace
from types import FunctionType
from typing import Any

from reflex_drf.errors import ConfigurationError
from reflex_drf.state.acting import make_action
from reflex_drf.state.forms import FormField
from reflex_drf.state.hooks import is_declared
from reflex_drf.state.inheritance import copy_function, inherit_members
from reflex_drf.state.offering import LOCAL, is_wanted
from reflex_drf.state.options import (
    Options,
    combine_options,
    inherited_options,
    lookup_order,
    resolve_options,
)
from reflex_drf.state.plan import ActionPlan, Plan
from reflex_drf.state.planning import is_ours, make_plan, offered_handlers
from reflex_drf.state.rights import rights_before_reading
from reflex_drf.state.rows import pk_type, row_type
from reflex_drf.state.viewsets import viewset_model
from reflex_drf.state.writing import make_setter, make_upload

__all__ = ["assemble", "free_names"]

DEFERRED = "__reflex_drf_deferred__"
GENERATED = "__reflex_drf_generated__"


def assemble(plan: Plan, namespace: MutableMapping[str, Any], order: list[type]) -> Plan:
    """Put vars and handlers into the class body; what stands there already, stays."""
    handlers = _handlers(plan, namespace, order)
    variables = _variables(plan)
    _check_names(plan, variables, handlers, order)
    annotations = namespace.setdefault("__annotations__", {})
    for name, (kind, default) in variables.items():
        if name not in annotations:
            annotations[name] = kind
        namespace.setdefault(name, default)
    for name, function in handlers.items():
        if (written := _overrides(order, name)) is not None:
            namespace.setdefault(name, _handler(plan, name, written))
        else:
            vars(function)[GENERATED] = True
            namespace.setdefault(name, function)
    for name in offered_handlers(order):
        if name not in namespace and not is_wanted(plan, name):
            namespace[name] = Missing(
                f"{plan.owner} has no handler {name!r}, because {plan.viewset.__name__} "
                "has nothing that it could do."
            )
    for name in _list_variables(plan) | _form_variables(plan):
        # Reflex's `state_auto_setters` would let the browser set it; a name that stands, stays.
        message = f"{plan.owner}.{name} is not for a client to set."
        namespace.setdefault(f"set_{name}", Missing(message))
    inherit_members(plan.owner, namespace, order)
    return replace(
        plan,
        variables=frozenset(variables),
        handlers=frozenset(handlers),
        quiet=frozenset(_list_variables(plan)),
    )


class Missing:
    """Stands where a handler could be expected, so that using it is an error that says why."""

    def __init__(self, message: str) -> None:
        self.message = message

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        raise AttributeError(self.message)


def _variables(plan: Plan) -> dict[str, tuple[Any, Any]]:
    form = {field.var: (field.var_type, field.default) for field in plan.form.fields}
    return _list_variables(plan) | _form_variables(plan) | form


def _form_variables(plan: Plan) -> dict[str, tuple[Any, Any]]:
    found: dict[str, tuple[Any, Any]] = {}
    if plan.form.nested:
        found["nested_keys"] = (dict[str, list[int]], {})
    if plan.relations:
        found["relation_choices"] = (dict[str, dict[str, Any]], {})
        found["relation_labels"] = (dict[str, dict[str, str]], {})
    return found


def _list_variables(plan: Plan) -> dict[str, tuple[Any, Any]]:
    options = plan.options
    row = row_type(f"{plan.owner}Row", plan.rows, options.exclude_from_row) if plan.rows else dict
    rows: Any = list[row]  # type: ignore[valid-type]
    return {options.list_var: (rows, [])} | _state_variables(plan)


def _state_variables(plan: Plan) -> dict[str, tuple[Any, Any]]:
    options, query = plan.options, plan.query
    model = viewset_model(plan.viewset)
    # Without a model nobody says what keys are until a row is there.
    key: Any = pk_type(model._meta.pk) if model is not None else int | str
    return {
        "error": (str, ""),
        "refusal": (str, ""),
        "retry_after": (float, 0.0),
        "working": (bool, False),
        "field_errors": (dict[str, str], {}),
        "editing_id": (key | None, None),
        "form_reset_key": (int, 0),
        "form_mode": (str, ""),
        "form_row": (dict[str, Any], {}),
        "save_count": (int, 0),
        "page": (int, 1),
        "page_size": (int, options.paginate_by or query.default_size),
        "page_count": (int, 1),
        "total_count": (int, 0),
        "total_known": (bool, True),
        "has_next": (bool, False),
        "has_previous": (bool, False),
        "search": (str, ""),
        "ordering": (str, ""),
        "filters": (dict[str, str], {}),
        "loading": (bool, "list" in plan.actions),
        "action_data": (dict[str, Any], {}),
        "action_errors": (dict[str, str], {}),
        "action_count": (int, 0),
        "may": (dict[str, bool], rights_before_reading(plan)),
        "row_may": (dict[str, dict[str, bool]], {}),
        "_saved_key": (int, -1),
        # Whether it is the list that the last refusal is about.
        "_list_refused": (bool, False),
        "_position": (dict[str, str], {}),
        "_addressed": (str, ""),
        "_next": (dict[str, str], {}),
        "_previous": (dict[str, str], {}),
        **({"cell_error": (dict[str, str], {})} if "partial_update" in plan.actions else {}),
        **({"_export_tickets": (list[str], [])} if is_wanted(plan, "export") else {}),
        **({"bulk_result": (dict[str, Any], {})} if plan.bulk_actions else {}),
        **_deleting_variables(plan),
        **plan.extra_variables,
    } | _detail_variables(plan)


def _detail_variables(plan: Plan) -> dict[str, tuple[Any, Any]]:
    if "retrieve" not in plan.actions:
        return {}
    row: Any = dict[str, Any]
    if plan.detail is not None:
        # Empty while no row is open.
        hidden = plan.options.exclude_from_row
        row = row_type(f"{plan.owner}Detail", plan.detail, hidden, total=False)
    return {"detail_row": (row, {}), "detail_key": (str, "")}


def _deleting_variables(plan: Plan) -> dict[str, tuple[Any, Any]]:
    known: dict[str, tuple[Any, Any] | None] = {
        "delete_preview": (dict[str, Any], {}) if is_wanted(plan, "preview_delete") else None,
        "pending_deletes": (dict[str, str], {}) if is_wanted(plan, "delete_later") else None,
        "_delete_asked": (dict[str, str], {}) if is_wanted(plan, "delete_later") else None,
    }
    return {name: variable for name, variable in known.items() if variable is not None}


def _handlers(
    plan: Plan, namespace: Mapping[str, Any], order: list[type]
) -> dict[str, FunctionType]:
    # A call that leaves this process runs no middleware here, so the event has to.
    defers = plan.in_process and _defers(order, namespace)
    handlers: dict[str, FunctionType] = {}
    for name, function in offered_handlers(order).items():
        if is_wanted(plan, name):
            public = _public_name(plan.options, name)
            calls = name not in LOCAL
            handlers[public] = _handler(plan, public, function, deferred=defers and calls)
    for field in plan.form.fields:
        name = f"set_{field.var}"
        handlers[name] = _handler(plan, name, make_setter(field))
    for file in plan.form.files:
        name = f"upload_{plan.options.field_vars.get(file, file)}"
        handlers[name] = _handler(plan, name, make_upload(file), deferred=defers)
    for action in plan.extra_actions:
        run = make_action(action.handler, action.detail)
        handlers[action.handler] = _handler(plan, action.handler, run, deferred=defers)
    return handlers


def _public_name(options: Options, name: str) -> str:
    return {"save": options.save_event, "delete": options.delete_event}.get(name, name)


def _handler(
    plan: Plan, name: str, function: Callable[..., Any], *, deferred: bool = False
) -> FunctionType:
    copied = copy_function(plan.owner, name, function)
    vars(copied)[DEFERRED] = deferred
    return copied


def _defers(order: list[type], namespace: Mapping[str, Any]) -> bool:
    """Whether a handler needs no request before its call, whose own request then counts."""
    return not is_declared("get_url_kwargs", order, namespace)


def _overrides(order: list[type], name: str) -> Any:
    """The handler that a user wrote in a state this one derives from."""
    for klass in order:
        value = vars(klass).get(name)
        function = getattr(value, "fn", value)
        if isinstance(function, FunctionType) and not is_ours(klass):
            return None if function.__dict__.get(GENERATED) else function
    return None


# -- Names ----------------------------------------------------------------------------------


def _check_names(
    plan: Plan, variables: Mapping[str, Any], handlers: Mapping[str, Any], order: list[type]
) -> None:
    taken = {name for klass in order if is_ours(klass) for name in _members(klass)}
    fields, actions = _clashes(plan, variables, taken, order)
    for field in fields:
        raise ConfigurationError(
            f"{plan.owner} cannot have a var {field.var!r} for the field {field.name!r}: "
            f"Reflex or the state itself uses that name. Give the var another one with "
            f"`field_vars = {{{field.name!r}: '{field.name}_field'}}`."
        )
    for action in actions:
        raise ConfigurationError(
            f"{plan.owner} cannot have a handler {action.handler!r} for the action "
            f"{action.name!r}: the name is taken. Give it another one with "
            f"`action_handlers = {{{action.name!r}: 'run_{action.name}'}}`."
        )
    own = set(_state_variables(plan))
    for option in ("list_var", "save_event", "delete_event"):
        name = getattr(plan.options, option)
        if name in own or (name in taken and name not in ("save", "delete")):
            raise ConfigurationError(f"{plan.owner}.{option} is {name!r}, a name that is taken.")
    _check_renamed(plan)


def _check_renamed(plan: Plan) -> None:
    known = {action.__name__ for action in getattr(plan.viewset, "get_extra_actions", list)()}
    known |= {action.name for action in plan.extra_actions}
    fields = plan.field_names | set(plan.form.files)
    _check_known(plan, "field_vars", fields, "no writable field")
    _check_known(plan, "action_handlers", known, f"no action of {plan.viewset.__name__}")
    names = [field.var for field in plan.form.fields]
    handlers = [action.handler for action in plan.extra_actions]
    for option, given in (("field_vars", names), ("action_handlers", handlers)):
        if twice := [name for name, count in Counter(given).items() if count > 1]:
            raise ConfigurationError(
                f"{plan.owner}.{option} leads to the name {twice[0]!r} more than once."
            )


def _check_known(plan: Plan, option: str, known: set[str] | frozenset[str], what: str) -> None:
    if unknown := sorted(set(getattr(plan.options, option)) - known):
        raise ConfigurationError(f"{plan.owner}.{option} names {unknown[0]!r}, which is {what}.")


def _clashes(
    plan: Plan, variables: Mapping[str, Any], taken: set[str], order: list[type]
) -> tuple[list[FormField], list[ActionPlan]]:
    operations = {_public_name(plan.options, name) for name in offered_handlers(order)}
    own = taken | operations | set(_list_variables(plan) | _form_variables(plan))
    fields = [f for f in plan.form.fields if _unusable(f.var) or f.var in own]
    used = taken | operations | set(variables)
    actions = [a for a in plan.extra_actions if _unusable(a.handler) or a.handler in used]
    return fields, actions


def free_names(owner: str, bases: tuple[type, ...], declared: dict[str, Any]) -> dict[str, Any]:
    """The options that give other names to fields and actions whose own are taken."""
    order = lookup_order(bases)
    options = resolve_options(owner, combine_options(inherited_options(bases), declared))
    plan = make_plan(owner, options, order, {})
    taken = {name for klass in order if is_ours(klass) for name in _members(klass)}
    fields, actions = _clashes(plan, _variables(plan), taken, order)
    return {
        "field_vars": {**options.field_vars, **{f.name: f"{f.name}_field" for f in fields}},
        "action_handlers": {
            **options.action_handlers,
            **{action.name: f"run_{action.name}" for action in actions},
        },
    }


def _members(klass: type) -> set[str]:
    return set(vars(klass)) | set(getattr(klass, "__own_fields__", ()))


def _unusable(name: str) -> bool:
    return not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_")
