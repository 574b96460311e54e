"""Form vars made from the writable fields of a serializer, and the way back to its input."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from rest_framework import serializers

__all__ = ["OMIT", "Form", "FormField", "InvalidValueError", "build_form"]

#: What a field that is not sent at all parses to.
OMIT: Any = type("Omit", (), {"__repr__": lambda self: "OMIT"})()


class InvalidValueError(ValueError):
    """A value that the field's var cannot hold, or whose text cannot be sent."""


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

    def accept(self, value: Any) -> Any:
        """What the var holds after the browser sent `value`."""
        return _ACCEPT[self.kind](value)

    def populate(self, value: Any) -> Any:
        """What the var holds for a value that the API sent."""
        return self.default if self.write_only else _POPULATE[self.kind](value)

    def parse(self, value: Any, *, partial: bool) -> Any:
        """What goes to the serializer, or `OMIT`; blanks count as they do in an HTML form."""
        if value == "" and self.kind not in ("bool", "list", "rows", "record"):
            return self._parse_blank(partial)
        if value == {} and self.kind == "record":
            # Nothing was written of it at all.
            return None if self.allow_null else {} if self.required else OMIT
        return _PARSE[self.kind](value) if self.kind in _PARSE else value

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
                errors[field.name] = str(error)
            else:
                if value is not OMIT:
                    data[field.name] = value
        return data, errors

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
    return Form(tuple(field for field in fields if field is not None), files)


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
        var_type=_VAR_TYPES[kind],
        default=_default(kind, field, serializer),
        required=field.required,
        allow_null=field.allow_null,
        allow_blank=getattr(field, "allow_blank", False),
        write_only=field.write_only,
    )


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
        return _EMPTY[kind]
    try:
        return _POPULATE[kind](value)
    except InvalidValueError:
        return _EMPTY[kind]


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


# -- What each kind of var takes from the browser -------------------------------------------


def _accept_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise InvalidValueError("Not a valid value.")


def _accept_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str | int):
        word = value.strip().lower() if isinstance(value, str) else value
        if word in serializers.BooleanField.TRUE_VALUES:
            return True
        if word in serializers.BooleanField.FALSE_VALUES or word == "":
            return False
    raise InvalidValueError("Must be a valid boolean.")


def _accept_nullbool(value: Any) -> str:
    if value is None or value == "" or value == "null":
        return ""
    return "true" if _accept_bool(value) else "false"


def _accept_list(value: Any) -> list[str]:
    if value is None or value == "":
        return []
    if isinstance(value, str):
        return [value]
    if isinstance(value, list | tuple):
        return [_accept_text(item) for item in value]
    raise InvalidValueError("Expected a list of items.")


def _accept_json(value: Any) -> str:
    return value if isinstance(value, str) else _dump(value)


def _accept_rows(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return value
    raise InvalidValueError("Expected a list of items.")


def _accept_record(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise InvalidValueError("Expected a dictionary of items.")


# -- What each kind of var holds of a value from the API ------------------------------------


def _populate_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _populate_list(value: Any) -> list[str]:
    items = value if isinstance(value, list | tuple | set) else []
    return [_populate_text(item) for item in items]


def _dump(value: Any) -> str:
    if value is None:
        return ""
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise InvalidValueError("Value must be valid JSON.") from error


def _parse_json(value: Any) -> Any:
    try:
        return json.loads(value, parse_constant=_refuse_constant)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidValueError("Value must be valid JSON.") from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is Python's, not JSON's.")


_VAR_TYPES: dict[str, Any] = {
    "text": str,
    "bool": bool,
    "nullbool": str,
    "list": list[str],
    "json": str,
    "rows": list[dict[str, Any]],
    "record": dict[str, Any],
}
_EMPTY: dict[str, Any] = {
    "text": "",
    "bool": False,
    "nullbool": "",
    "list": [],
    "json": "",
    "rows": [],
    "record": {},
}
_ACCEPT: dict[str, Callable[[Any], Any]] = {
    "text": _accept_text,
    "bool": _accept_bool,
    "nullbool": _accept_nullbool,
    "list": _accept_list,
    "json": _accept_json,
    "rows": _accept_rows,
    "record": _accept_record,
}
_POPULATE: dict[str, Callable[[Any], Any]] = {
    "text": _populate_text,
    "bool": bool,
    "nullbool": _accept_nullbool,
    "list": _populate_list,
    "json": _dump,
    "rows": lambda value: list(value or []),
    "record": lambda value: dict(value or {}),
}
_PARSE: dict[str, Callable[[Any], Any]] = {
    "json": _parse_json,
    "nullbool": lambda value: value == "true",
}
