"""What the components of a page may know of a state: columns, form, filters, pages and actions.

All of it is read from the viewset and its serializers when a page is made; nothing is asked of
the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from rest_framework import serializers

from reflex_drf.errors import ConfigurationError
from reflex_drf.state.choosing import Filter, describe_filters, static_choices
from reflex_drf.state.columns import Column, describe_columns, shows_iso, takes_iso, title_of
from reflex_drf.state.forms import FormField
from reflex_drf.state.plan import ActionPlan, Plan
from reflex_drf.state.planning import writing_serializer
from reflex_drf.state.relations import FILTER
from reflex_drf.state.viewsets import viewset_model

__all__ = ["Action", "Column", "Description", "Field", "Filter", "describe"]

_MACHINE = tuple(2**bits for bits in (15, 16, 31, 32, 63, 64))
# The most specific class of a field decides.
_FIELD_KINDS: dict[type[Any], str] = {
    serializers.EmailField: "email",
    serializers.URLField: "url",
    serializers.IntegerField: "integer",
    serializers.FloatField: "number",
    serializers.DecimalField: "number",
    serializers.DateTimeField: "datetime",
    serializers.DateField: "date",
    serializers.TimeField: "time",
    serializers.DurationField: "duration",
    serializers.RelatedField: "key",
}


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of the form, as a control shows it."""

    name: str
    var: str
    label: str
    kind: str = "text"
    help: str = ""
    required: bool = False
    secret: bool = False
    # What the control holds to begin with.
    initial: Any = ""
    choices: tuple[tuple[Any, str], ...] = ()
    max_length: int | None = None
    minimum: str = ""
    maximum: str = ""
    # Whether times are sent with their zone.
    aware: bool = False
    # The name under which rows are searched for a relation.
    relation: str = ""
    # The fields of nested rows or of a nested record.
    children: tuple[Field, ...] = ()

    @property
    def setter(self) -> str:
        """The handler that sets the var."""
        return f"set_{self.var}"


@dataclass(frozen=True, kw_only=True)
class Upload:
    """One field of the form that takes a file."""

    name: str
    label: Any
    help: Any = ""
    required: bool = False
    image: bool = False
    clearable: bool = False


@dataclass(frozen=True, kw_only=True)
class Action:
    """One extra action of the viewset."""

    name: str
    handler: str
    label: str
    detail: bool
    writes: bool
    # What it asks for, where it has a serializer of its own.
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Description:
    """What a state shows and what can be done with it, for components to be made from."""

    name: str
    label: str
    label_plural: str
    list_var: str
    key: str
    title: str
    columns: tuple[Column, ...]
    # What one row shows in full; empty where the viewset retrieves none.
    details: tuple[Column, ...]
    fields: tuple[Field, ...]
    files: tuple[str, ...]
    uploads: tuple[Upload, ...]
    # What the rows show that the form does not write.
    read_only: tuple[Column, ...]
    filters: tuple[Filter, ...]
    actions: tuple[Action, ...]
    # "numbers", "steps" (only to the neighbouring pages) or "none".
    pages: str
    page_sizes: tuple[int, ...]
    # Whether what the list is asked for stands in the page's address.
    addressed: bool
    searches: bool
    sorts: bool
    # Handlers by what they do, where the state has them.
    create: str | None
    save: str | None
    edit: str | None
    clone: str | None
    delete: str | None
    # The action that saves an existing row.
    update_action: str | None
    # What can be done with many rows at once, and whether with all that match.
    bulk: tuple[str, ...] = ()
    matches: bool = False
    edits_cells: bool = False
    exports: bool = False
    previews: bool = False
    # For how long a deletion can be taken back; 0 where one is asked before.
    undo_seconds: float = 0

    def column(self, name: str) -> Column:
        """The column of a field's name."""
        column: Column = _named(self.columns, name, f"{self.name} has no column")
        return column

    def field(self, name: str) -> Field:
        """The form field of a serializer field's name."""
        field: Field = _named(self.fields, name, f"{self.name} has no form field")
        return field


def _named(items: Iterable[Any], name: str, message: str) -> Any:
    known = {item.name: item for item in items}
    if name not in known:
        raise ConfigurationError(f"{message} {name!r}; known are {', '.join(known)}.")
    return known[name]


def describe(state: type[Any]) -> Description:
    """Describe a concrete model state."""
    plan: Plan | None = getattr(state, "_plan", None)
    if plan is None:
        raise ConfigurationError(
            f"{getattr(state, '__name__', state)!r} is not a concrete ModelState: components need "
            "a state class with `viewset`, `serializer_class`, or `model` and `fields`."
        )
    columns, options = describe_columns(plan), plan.options
    saves = bool(plan.form.fields) and bool(plan.handlers & {options.save_event})
    writes = saves and "create" in plan.actions
    updates = saves and plan.update_action is not None and "retrieve" in plan.actions
    return Description(
        name=plan.owner,
        **_labels(plan),
        list_var=options.list_var,
        key=plan.key,
        title=title_of(columns, plan.key),
        columns=columns,
        details=describe_columns(plan, detail=True),
        fields=_fields(plan),
        files=plan.form.files,
        uploads=_uploads(plan),
        read_only=_read_only(plan, columns),
        filters=tuple(_filters(plan)),
        actions=tuple(_actions(plan)),
        pages=_pages(plan),
        page_sizes=_page_sizes(plan),
        addressed=options.url_params and "list" in plan.actions,
        searches=plan.query.search_param is not None and "list" in plan.actions,
        sorts=plan.query.ordering_param is not None and "list" in plan.actions,
        create="create" if writes else None,
        save=options.save_event if saves else None,
        edit="start_edit" if updates else None,
        clone="start_clone" if writes and "start_clone" in plan.handlers else None,
        delete=options.delete_event if options.delete_event in plan.handlers else None,
        update_action=plan.update_action,
        bulk=plan.bulk_actions if "bulk" in plan.handlers else (),
        matches="bulk_matching" in plan.handlers,
        edits_cells="edit_cell" in plan.handlers,
        exports="export" in plan.handlers,
        previews="preview_delete" in plan.handlers,
        undo_seconds=options.undo_seconds if "delete_later" in plan.handlers else 0,
    )


def _filters(plan: Plan) -> Iterable[Filter]:
    for item in describe_filters(plan.query):
        name = f"{FILTER}{item.name}"
        yield replace(item, relation=name) if name in plan.relations else item


def _labels(plan: Plan) -> dict[str, Any]:
    model = viewset_model(plan.viewset)
    if model is None:
        word = plan.owner.removesuffix("State") or plan.owner
        return {"label": word.lower(), "label_plural": f"{word.lower()}s"}
    meta = model._meta
    return {"label": meta.verbose_name, "label_plural": meta.verbose_name_plural}


# -- Form -----------------------------------------------------------------------------------


def _fields(plan: Plan) -> tuple[Field, ...]:
    written = _written(plan)
    return tuple(_field(plan, field, written[field.name]) for field in plan.form.fields)


def _written(plan: Plan) -> Mapping[str, Any]:
    serializer = writing_serializer(plan.owner, plan.options, plan.viewset, plan.actions)
    fields: Mapping[str, Any] = getattr(serializer, "fields", {})
    return fields


def _uploads(plan: Plan) -> tuple[Upload, ...]:
    written = _written(plan)
    return tuple(
        Upload(
            name=name,
            label=written[name].label or name,
            help=written[name].help_text or "",
            required=written[name].required,
            image=isinstance(written[name], serializers.ImageField),
            clearable=name in plan.form.clearable,
        )
        for name in plan.form.files
    )


def _read_only(plan: Plan, columns: Iterable[Column]) -> tuple[Column, ...]:
    shown = plan.field_names if plan.form.fields else frozenset()
    return tuple(c for c in columns if c.name not in shown and c.name != plan.key)


def _children(plan: Plan, held: FormField, field: Any) -> tuple[Field, ...]:
    nested = getattr(field, "child", field)
    known = getattr(nested, "fields", {})
    # What identifies a nested row is kept with it, and nothing to type.
    meta = getattr(getattr(getattr(nested, "Meta", None), "model", None), "_meta", None)
    key = meta.pk.name if meta is not None else ""
    return tuple(
        _field(plan, child, known[child.name], f"{held.name}.{child.name}")
        for child in held.children
        if child.name != key
    )


def _field(plan: Plan, held: FormField, field: Any, path: str = "") -> Field:
    style = getattr(field, "style", {})
    return Field(
        name=held.name,
        var=held.var,
        label=field.label or held.name,
        help=field.help_text or "",
        kind=_field_kind(held, field, style),
        required=held.required,
        secret=style.get("input_type") == "password",
        initial=held.fresh(),
        choices=static_choices(field),
        max_length=getattr(field, "max_length", None),
        minimum=_limit(getattr(field, "min_value", None)),
        maximum=_limit(getattr(field, "max_value", None)),
        aware=bool(settings.USE_TZ),
        relation=(path or held.name) if (path or held.name) in plan.relations else "",
        children=_children(plan, held, field),
    )


def _field_kind(held: FormField, field: Any, style: Mapping[str, Any]) -> str:
    if isinstance(field, serializers.ManyRelatedField):
        return "keys"
    if held.kind == "list":
        return "choices" if static_choices(field) else "list"
    if held.kind != "text":
        return held.kind
    if static_choices(field):
        return "choice"
    known = next((_FIELD_KINDS[k] for k in type(field).__mro__ if k in _FIELD_KINDS), "text")
    if not (shows_iso(field) and takes_iso(field)):
        # The browser's own control knows ISO 8601 only, and would empty what it cannot read.
        return "text"
    long = style.get("base_template") == "textarea.html"
    return "textarea" if known == "text" and long else known


def _limit(value: Any) -> str:
    # What a database's integers can hold is no advice to people.
    machine = isinstance(value, int) and abs(value) in (*_MACHINE, *(n - 1 for n in _MACHINE))
    return "" if value is None or callable(value) or machine else str(value)


# -- Actions and pages ----------------------------------------------------------------------


def _actions(plan: Plan) -> Iterable[Action]:
    known = {a.__name__: a for a in getattr(plan.viewset, "get_extra_actions", list)()}
    for action in plan.extra_actions:
        named = getattr(known.get(action.name), "kwargs", {}).get("name")
        yield Action(
            name=action.name,
            handler=action.handler,
            label=named or action.name.replace("_", " ").capitalize(),
            detail=action.detail,
            writes=action.writes,
            fields=_input_fields(plan, action),
        )


def _input_fields(plan: Plan, action: ActionPlan) -> tuple[Field, ...]:
    known = getattr(action.serializer, "fields", {})
    # Its path is none of the form's, whose relations are none of the action's.
    return tuple(
        _field(plan, held, known[held.name], f"{action.name}:{held.name}")
        for held in action.form.fields
    )


def _pages(plan: Plan) -> str:
    if "list" not in plan.actions or not plan.query.has_pages:
        return "none"
    return "numbers" if plan.query.has_numbers and plan.query.has_count else "steps"


def _page_sizes(plan: Plan) -> tuple[int, ...]:
    query, options = plan.query, plan.options
    if query.size_param is None:
        return ()
    largest = query.max_size or options.max_page_size
    own = options.paginate_by or query.default_size
    return tuple(sorted({size for size in (own, 10, 25, 50, 100) if 0 < size <= largest}))
