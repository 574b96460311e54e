"""The type of a row, read off its serializer, so that `rx.foreach` knows keys and values."""

from __future__ import annotations

import typing
from collections.abc import Iterable
from typing import Any, TypedDict

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from rest_framework import serializers

__all__ = ["pk_type", "row_type"]

_SCALARS: dict[type[serializers.Field[Any, Any, Any, Any]], Any] = {
    # A multiple choice is a choice field by inheritance, but holds several.
    serializers.MultipleChoiceField: list[str],
    serializers.BooleanField: bool,
    serializers.IntegerField: int,
    serializers.FloatField: float,
    serializers.DictField: dict[str, Any],
    serializers.JSONField: Any,
    serializers.ChoiceField: str,
    serializers.CharField: str,
    # DRF sends these as text; a decimal stays exact only that way.
    serializers.DecimalField: str,
    serializers.DateTimeField: str,
    serializers.DateField: str,
    serializers.TimeField: str,
    serializers.DurationField: str,
    serializers.UUIDField: str,
    serializers.IPAddressField: str,
    # Null while there is no file.
    serializers.FileField: str | None,
    serializers.StringRelatedField: str,
    serializers.SlugRelatedField: Any,
    serializers.HyperlinkedRelatedField: str,
    serializers.HyperlinkedIdentityField: str,
}
_JSON_SCALARS = (str, int, float, bool)


def row_type(name: str, serializer: Any, exclude: Iterable[str] = (), *, total: bool = True) -> Any:
    """A `TypedDict` with what the serializer sends; `dict[str, Any]` when it does not say.

    One that is not `total` may also be empty.
    """
    if not isinstance(serializer, serializers.Serializer) or _shapes_itself(serializer):
        return dict[str, Any]
    hidden = set(exclude)
    types = {
        key: _value_type(f"{name}{key.title().replace('_', '')}", field)
        for key, field in serializer.fields.items()
        if not field.write_only and key not in hidden
    }
    return TypedDict(name, types, total=total) if types else dict[str, Any]  # type: ignore


def _shapes_itself(serializer: serializers.Serializer[Any]) -> bool:
    # An override may add, drop or rename keys, so the declared fields prove nothing.
    return type(serializer).to_representation not in (
        serializers.Serializer.to_representation,
        serializers.ModelSerializer.to_representation,
    ) and not getattr(type(serializer), "keeps_declared_fields", False)


def _value_type(name: str, field: serializers.Field[Any, Any, Any, Any]) -> Any:
    kind = _plain_type(name, field)
    if kind is Any or not getattr(field, "allow_null", False):
        return kind
    return kind | None


def _plain_type(name: str, field: Any) -> Any:
    if isinstance(field, serializers.ListSerializer):
        return list[row_type(name, field.child)]  # type: ignore[misc]
    if isinstance(field, serializers.BaseSerializer):
        return row_type(name, field)
    if isinstance(field, serializers.ManyRelatedField):
        return list[_plain_type(name, field.child_relation)]  # type: ignore[misc]
    if isinstance(field, serializers.PrimaryKeyRelatedField):
        return _related_pk_type(field)
    if isinstance(field, serializers.ListField):
        return list[_plain_type(name, field.child)]  # type: ignore[misc]
    if isinstance(field, serializers.SerializerMethodField):
        return _method_type(field)
    if isinstance(field, serializers.ChoiceField):
        return _choice_type(field)
    if isinstance(field, serializers.ReadOnlyField):
        return _attribute_type(field)
    # The most specific class decides: an own subclass of a known field sends what that sends.
    return next((_SCALARS[klass] for klass in type(field).__mro__ if klass in _SCALARS), Any)


def pk_type(field: models.Field[Any, Any] | None) -> Any:
    """The JSON type of a primary key: a number for integer keys, else text."""
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    return int if isinstance(field, (models.IntegerField, models.AutoField)) else str


def _related_pk_type(field: Any) -> Any:
    if field.pk_field is not None:
        return _plain_type("", field.pk_field)
    queryset = field.queryset
    if queryset is not None:
        return pk_type(queryset.model._meta.pk)
    related: Any = getattr(_model_field(field), "related_model", None)
    return Any if related is None else pk_type(related._meta.pk)


def _choice_type(field: serializers.ChoiceField) -> Any:
    if isinstance(field, serializers.MultipleChoiceField):
        return list[str]
    kinds = {type(value) for value in field.choices}
    return kinds.pop() if len(kinds) == 1 and kinds <= set(_JSON_SCALARS) else Any


def _method_type(field: serializers.SerializerMethodField) -> Any:
    method = getattr(field.parent, field.method_name or "", None)
    return _returned_type(method)


def _returned_type(function: Any) -> Any:
    try:
        returned = typing.get_type_hints(function).get("return", Any)
    except (NameError, TypeError):
        # An annotation that only a type checker can read.
        return Any
    return returned if returned in _JSON_SCALARS or _is_typed_dict(returned) else Any


def _is_typed_dict(kind: Any) -> bool:
    return typing.is_typeddict(kind)


def _attribute_type(field: serializers.ReadOnlyField) -> Any:
    model_field = _model_field(field)
    if isinstance(model_field, models.Field):
        mapping = serializers.ModelSerializer.serializer_field_mapping
        known = next((mapping[k] for k in type(model_field).__mro__ if k in mapping), None)
        return next((_SCALARS[k] for k in getattr(known, "__mro__", ()) if k in _SCALARS), Any)
    model = getattr(getattr(field.parent, "Meta", None), "model", None)
    attribute = getattr(model, field.source, None) if field.source else None
    return _returned_type(getattr(attribute, "fget", attribute))


def _model_field(field: Any) -> Any:
    model = getattr(getattr(field.parent, "Meta", None), "model", None)
    try:
        return model._meta.get_field(field.source) if model is not None else None
    except FieldDoesNotExist:
        return None
