"""Form vars made from the writable fields of a serializer, and the way back to its input."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from rest_framework import serializers

from reflex_drf.state.nesting import is_blank, parse_nested
from reflex_drf.state.values import ACCEPT, EMPTY, PARSE, POPULATE, VAR_TYPES, InvalidValueError

__all__ = ["OMIT", "Form", "FormField", "InvalidValueError", "build_form"]

#: What a field that is not sent at all parses to.
OMIT: Any = type("Omit", (), {"__repr__": lambda self: "OMIT"})()


@dataclass(frozen=True, kw_only=True)
class FormField:
    """One writable serializer field: the var that holds it and how its value travels."""

    name: str
    var: str
    kind: str
    var_type: Any
    default: Any
    required: bool = False
    allow_null: bool = False
    allow_blank: bool = False
    write_only: bool = False
    # The fields of nested rows or of a nested record.
    children: tuple[FormField, ...] = ()

    def fresh(self) -> Any:
        """What the var holds in an empty form."""
        return copy.deepcopy(self.default)

    def accept(self, value: Any) -> Any:
        """What the var holds after the browser sent `value`."""
        return ACCEPT[self.kind](value)

    def populate(self, value: Any) -> Any:
        """What the var holds for a value that the API sent."""
        return self.default if self.write_only else POPULATE[self.kind](value)

    def parse(self, value: Any, *, partial: bool) -> Any:
        """What goes to the serializer, or `OMIT`; blanks count as they do in an HTML form."""
        if value == "" and self.kind not in ("bool", "list", "rows", "record"):
            return self._parse_blank(partial)
        if self.kind in ("rows", "record"):
            return self._parse_nested(value)
        return PARSE[self.kind](value) if self.kind in PARSE else value

    def _parse_nested(self, value: Any) -> Any:
        optional = self.allow_null or not self.required
        if self.kind == "record" and optional and is_blank(self, value):
            # Nothing was written of it at all.
            return None if self.allow_null else OMIT
        parsed, errors = parse_nested(self, value, OMIT)
        if errors:
            raise InvalidValueError(nested=errors)
        return parsed

    def _parse_blank(self, partial: bool) -> Any:
        if partial and self.write_only:
            # A password field left blank means: keep the password.
            return OMIT
        if self.allow_blank:
            return ""
        if self.allow_null:
            return None
        if not self.required:
            return OMIT
        return ""


@dataclass(frozen=True)
class Form:
    """The form vars of a state, in the order of the serializer's fields."""

    fields: tuple[FormField, ...] = ()
    # Fields that take a file: no var holds one, they come with an upload.
    files: tuple[str, ...] = ()
    # Those of them that can be emptied.
    clearable: frozenset[str] = frozenset()

    def data(
        self, values: Callable[[str], Any], *, partial: bool
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """The input for the serializer, and errors of what cannot even be sent."""
        data: dict[str, Any] = {}
        errors: dict[str, str] = {}
        for field in self.fields:
            try:
                value = field.parse(values(field.var), partial=partial)
            except InvalidValueError as error:
                nested = {f"{field.name}.{path}": text for path, text in error.nested.items()}
                errors |= nested or {field.name: str(error)}
            else:
                if value is not OMIT:
                    data[field.name] = value
        return data, errors

    @property
    def nested(self) -> tuple[FormField, ...]:
        """The fields that have fields of their own."""
        return tuple(field for field in self.fields if field.children)

    def by_name(self, name: str) -> FormField | None:
        """The field of a serializer's name."""
        return next((field for field in self.fields if field.name == name), None)


def build_form(
    serializer: serializers.BaseSerializer[Any] | None,
    *,
    read_only: Iterable[str] = (),
    only: Iterable[str] | None = None,
    vars: Mapping[str, str] | None = None,  # noqa: A002
) -> Form:
    """The form for what the serializer lets one write."""
    if not isinstance(serializer, serializers.Serializer):
        return Form()
    names = _writable(serializer, set(read_only), None if only is None else set(only))
    files = tuple(n for n in names if isinstance(serializer.fields[n], serializers.FileField))
    known = dict(vars or {})
    fields = (
        _form_field(name, known.get(name, name), serializer.fields[name], serializer)
        for name in names
        if name not in files
    )
    clearable = frozenset(name for name in files if serializer.fields[name].allow_null)
    return Form(tuple(field for field in fields if field is not None), files, clearable)


def _writable(
    serializer: serializers.Serializer[Any], read_only: set[str], only: set[str] | None
) -> list[str]:
    return [
        name
        for name, field in serializer.fields.items()
        if not field.read_only
        and not isinstance(field, serializers.HiddenField)
        and name not in read_only
        and (only is None or name in only)
    ]


def _form_field(
    name: str, var: str, field: Any, serializer: serializers.Serializer[Any]
) -> FormField | None:
    kind = _kind(field)
    if kind in ("rows", "record") and not _writes_nested(serializer):
        # DRF refuses nested writes unless `create` or `update` is written for them.
        return None
    return FormField(
        name=name,
        var=var,
        kind=kind,
        var_type=VAR_TYPES[kind],
        default=_default(kind, field, serializer),
        required=field.required,
        allow_null=field.allow_null,
        allow_blank=getattr(field, "allow_blank", False),
        write_only=field.write_only,
        children=_children(kind, field),
    )


def _children(kind: str, field: Any) -> tuple[FormField, ...]:
    nested = getattr(field, "child", field)
    if kind not in ("rows", "record") or not isinstance(nested, serializers.Serializer):
        return ()
    # One level of controls: what lies deeper stays as it was read.
    found = (
        _form_field(name, name, nested.fields[name], nested)
        for name in _writable(nested, set(), None)
        if not isinstance(nested.fields[name], serializers.FileField)
    )
    return tuple(child for child in found if child is not None and child.kind not in _NESTED)


_NESTED = ("rows", "record")


def _kind(field: Any) -> str:
    if isinstance(field, serializers.ListSerializer):
        return "rows"
    if isinstance(field, serializers.BaseSerializer):
        return "record"
    if isinstance(field, serializers.ManyRelatedField | serializers.MultipleChoiceField):
        return "list"
    if isinstance(field, serializers.ListField):
        return "list" if _is_text_like(field.child) else "json"
    if isinstance(field, serializers.BooleanField):
        # Three values do not fit into a checkbox.
        return "nullbool" if field.allow_null else "bool"
    if isinstance(field, serializers.JSONField | serializers.DictField):
        return "json"
    return "text"


def _is_text_like(field: Any) -> bool:
    return not isinstance(
        field,
        serializers.BaseSerializer
        | serializers.ListField
        | serializers.DictField
        | serializers.JSONField
        | serializers.BooleanField
        | serializers.FileField,
    )


def _writes_nested(serializer: serializers.Serializer[Any]) -> bool:
    kind = type(serializer)
    stock = (serializers.ModelSerializer, serializers.Serializer, serializers.BaseSerializer)
    return any(
        all(getattr(kind, method) is not getattr(base, method) for base in stock)
        for method in ("create", "update")
    )


def _default(kind: str, field: Any, serializer: serializers.Serializer[Any]) -> Any:
    value = _initial(field, serializer)
    if value is None or value is serializers.empty or callable(value):
        return EMPTY[kind]
    try:
        return POPULATE[kind](value)
    except InvalidValueError:
        return EMPTY[kind]


def _initial(field: Any, serializer: serializers.Serializer[Any]) -> Any:
    if field.default is not serializers.empty:
        return field.default
    # A `ModelSerializer` makes a field optional for a model's default without carrying it over,
    # and an untouched form must not turn that default into its opposite.
    model = getattr(getattr(serializer, "Meta", None), "model", None)
    try:
        default = model._meta.get_field(field.source).default if model is not None else None
    except (FieldDoesNotExist, AttributeError):
        default = None
    if isinstance(default, str | int | float | bool | Decimal):
        return default
    return field.initial
