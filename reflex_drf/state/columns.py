"""The columns of a table, read off the serializer of the rows."""

from __future__ import annotations

import typing
from dataclasses import dataclass
from typing import Any

from rest_framework import ISO_8601, serializers
from rest_framework.settings import api_settings

from reflex_drf.state.choosing import static_choices
from reflex_drf.state.plan import Plan
from reflex_drf.state.rows import row_type

__all__ = ["Column", "describe_columns", "shows_iso", "takes_iso", "title_of"]

# The most specific class of a field decides.
_COLUMN_KINDS: dict[type[Any], str] = {
    serializers.BooleanField: "boolean",
    serializers.IntegerField: "number",
    serializers.FloatField: "number",
    serializers.DecimalField: "decimal",
    serializers.DateTimeField: "datetime",
    serializers.DateField: "date",
    serializers.TimeField: "time",
    serializers.MultipleChoiceField: "list",
    serializers.ChoiceField: "choice",
    serializers.ImageField: "image",
    serializers.FileField: "file",
    serializers.URLField: "url",
    serializers.PrimaryKeyRelatedField: "key",
    serializers.ListField: "list",
    serializers.ManyRelatedField: "list",
    serializers.DictField: "json",
    serializers.JSONField: "json",
    serializers.ListSerializer: "rows",
    serializers.BaseSerializer: "record",
}
_TYPE_KINDS: dict[Any, str] = {bool: "boolean", int: "number", float: "number"}
# What tells a row from the others, as people see it.
_TITLES = ("name", "title", "label", "username", "code", "slug")


@dataclass(frozen=True, kw_only=True)
class Column:
    """One field of the rows, as a table shows it."""

    name: str
    label: str
    kind: str = "text"
    # What the viewset sorts by for this column; empty where it does not.
    ordering: str = ""
    choices: tuple[tuple[Any, str], ...] = ()
    # The field of a nested record that names it.
    title: str = ""
    # What a nested record, or each of nested rows, shows.
    columns: tuple[Column, ...] = ()
    # Left out of a table that was not told its columns.
    minor: bool = False


# What the project's settings call them, and formats that are ISO 8601 without saying so: the
# first is the one that a browser's control sends.
_MOMENTS: dict[type[Any], tuple[str, ...]] = {
    serializers.DateField: ("DATE", "%Y-%m-%d"),
    serializers.TimeField: ("TIME", "%H:%M", "%H:%M:%S"),
    serializers.DateTimeField: ("DATETIME", "%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%dT%H:%M:%SZ"),
}


def describe_columns(plan: Plan, *, detail: bool = False) -> tuple[Column, ...]:
    """What the rows of a state show, or one row in full, in the order of the fields."""
    serializer = plan.detail if detail else plan.rows
    if not isinstance(serializer, serializers.Serializer):
        return ()
    row = row_type("Row", serializer, plan.options.exclude_from_row)
    types = typing.get_type_hints(row) if typing.is_typeddict(row) else {}
    return tuple(
        _column(plan, name, field, types.get(name))
        for name, field in serializer.fields.items()
        if not field.write_only and name not in plan.options.exclude_from_row
    )


def _column(plan: Plan, name: str, field: Any, kind: Any) -> Column:
    known = _kind(field)
    plain = next((a for a in typing.get_args(kind) if a is not type(None)), kind)
    return Column(
        name=name,
        label=field.label or name,
        kind=known or _TYPE_KINDS.get(plain, "text"),
        ordering=_ordering(plan, field),
        choices=static_choices(field),
        title=title_of(_columns_of(field), "") if known == "record" else "",
        columns=_columns_of(getattr(field, "child", field)) if known in ("record", "rows") else (),
        minor=name == plan.key or _is_minor(name, field),
    )


def _columns_of(field: Any) -> tuple[Column, ...]:
    return tuple(
        Column(
            name=name,
            label=nested.label or name,
            kind=_kind(nested) or "text",
            choices=static_choices(nested),
        )
        for name, nested in getattr(field, "fields", {}).items()
        if not nested.write_only
    )


def _kind(field: Any) -> str | None:
    if not shows_iso(field):
        # A browser would take it for another day, or for none.
        return "text"
    return next((_COLUMN_KINDS[k] for k in type(field).__mro__ if k in _COLUMN_KINDS), None)


def shows_iso(field: Any) -> bool:
    """Whether a field is no date or time, or sends one as a browser reads it."""
    if (known := _moment(field)) is None:
        return True
    shown = getattr(field, "format", getattr(api_settings, f"{known[0]}_FORMAT"))
    return not shown or shown.lower() == ISO_8601 or shown in known


def takes_iso(field: Any) -> bool:
    """Whether a field is no date or time, or takes one as a browser's control sends it."""
    if (known := _moment(field)) is None:
        return True
    taken = getattr(field, "input_formats", getattr(api_settings, f"{known[0]}_INPUT_FORMATS"))
    return any(text.lower() == ISO_8601 or text == known[1] for text in taken)


def _moment(field: Any) -> tuple[str, ...] | None:
    return next((_MOMENTS[kind] for kind in type(field).__mro__ if kind in _MOMENTS), None)


def _ordering(plan: Plan, field: Any) -> str:
    term = str(field.source or "").replace(".", "__")
    if plan.query.ordering_param is None or term in ("", "*"):
        return ""
    return term if plan.query.orders_by(term, plan.rows) else ""


def title_of(columns: tuple[Column, ...], key: str) -> str:
    """The column that tells a row from the others, as people see it."""
    names = [column.name for column in columns if column.kind in ("text", "url")]
    known = [name for name in _TITLES if name in names]
    return next(iter([*known, *(name for name in names if name != key)]), key)


def _is_minor(name: str, field: Any) -> bool:
    """Whether a table is better without it: texts and data that are too long for a cell,
    addresses of the API, and keys whose text is there."""
    long = getattr(field, "style", {}).get("base_template") == "textarea.html"
    data = serializers.JSONField | serializers.DictField | serializers.HyperlinkedIdentityField
    if long or isinstance(field, data):
        return True
    others = field.parent.fields.values()
    return isinstance(field, serializers.PrimaryKeyRelatedField) and any(
        str(other.source).startswith(f"{name}.") for other in others
    )
