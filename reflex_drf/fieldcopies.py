"""The fields of a serializer that takes input, copied where its class would build the same ones.

DRF builds them anew for each request, out of all that it knows of the model. That takes longer than
to check what was sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, time, timedelta
from decimal import Decimal
from types import BuiltinFunctionType, FunctionType
from typing import Any
from uuid import UUID

from django.db.models.manager import BaseManager
from django.utils.functional import Promise
from django.utils.translation import get_language
from rest_framework import fields, relations, serializers
from rest_framework.settings import api_settings
from rest_framework.utils.formatting import lazy_format
from rest_framework.utils.serializer_helpers import BindingDict

from reflex_drf.conf import settings
from reflex_drf.fieldsets import INNER, keep, sets_of
from reflex_drf.lookups import duplicate

__all__ = ["lend_fields"]

# Fields that hold no more than the options they were made with; another class may do anything.
NAMES = (
    *("BooleanField", "CharField", "EmailField", "SlugField", "URLField", "UUIDField"),
    *("IPAddressField", "IntegerField", "BigIntegerField", "FloatField", "DecimalField"),
    *("DateTimeField", "DateField", "TimeField", "DurationField", "ChoiceField"),
    *("MultipleChoiceField", "FileField", "ImageField", "JSONField", "ListField"),
    *("ReadOnlyField", "SerializerMethodField", "HiddenField"),
)
RELATIONS = {
    relations.ManyRelatedField,
    relations.PrimaryKeyRelatedField,
    relations.SlugRelatedField,
}
# The last came with DRF 3.17.
SIMPLE = RELATIONS | {getattr(fields, name) for name in NAMES if hasattr(fields, name)}
# What nobody can change in place.
FIXED = (
    *(str, int, float, Decimal, date, time, timedelta, UUID, type(None), Promise),
    *(type, FunctionType, BuiltinFunctionType),
)
CHOOSING = (fields.ChoiceField, fields.MultipleChoiceField)
# Choices that are known when a field is written; others are asked for when it is built.
KNOWN = (list, tuple, dict, type(None))
# Whose validators hold a limit and a message; others are those of the model, or of the project.
VALIDATING = ("django.core.validators", "rest_framework.validators")
# Of no consequence, or looked at by themselves.
BESIDES = frozenset({"parent", "_args", "_kwargs", "_validators", "queryset", *INNER})
# As many languages as a class is likely to be asked in.
MOST = 32


class Original:
    """A field to make copies of; whoever changes a copy changes no other one."""

    def __init__(self, field: Any) -> None:
        self.field = duplicate(field)
        self.field.parent = None
        own = vars(field)
        self.inner = [(name, Original(own[name])) for name in INNER & own.keys()]
        # A field's messages, choices or validators may be changed in place.
        self.containers = [name for name, value in own.items() if type(value) in (dict, list)]
        validators = own.get("_validators", ())
        self.replaced = [i for i, v in enumerate(validators) if type(v).__module__ in VALIDATING]
        settle(validators)

    def copy(self, parent: Any) -> Any:
        """Make a field that belongs to a serializer, or to a field around it."""
        field = duplicate(self.field)
        own = vars(field)
        for name in self.containers:
            own[name] = own[name].copy()
        for place in self.replaced:
            own["_validators"][place] = duplicate(own["_validators"][place])
        for name, original in self.inner:
            own[name] = original.copy(field)
        own["parent"] = parent
        return field


def lend_fields(serializer: Any) -> None:
    """Give a serializer that takes input its fields, unless it may be the one to decide on them."""
    if not (settings.COMPILED_REPRESENTATION and takes_input(serializer)):
        return
    if (sets := sets_of(type(serializer))) is None:
        return
    if originals := originals_of(type(serializer), sets[0].originals):
        if getattr(serializer, "url_field_name", "") is None:
            # To build the fields of a model says this as well.
            serializer.url_field_name = api_settings.URL_FIELD_NAME
        serializer.__dict__["fields"] = copies(originals, serializer)


def takes_input(serializer: Any) -> bool:
    """Tell whether a serializer is about to build its fields for what was sent."""
    return (
        isinstance(serializer, serializers.Serializer)
        and hasattr(serializer, "initial_data")
        and "fields" not in serializer.__dict__
    )


def originals_of(cls: Any, known: dict[str | None, Any]) -> dict[str, Original]:
    """Give what to copy in the language of the moment, of what is known of a class."""
    # What messages and labels say is decided when a field is built.
    language = get_language()
    # Another thread may empty it at any time.
    found: dict[str, Original] | None = known.get(language)
    if found is None:
        found = find_originals(cls().fields)
        keep(known, language, found, MOST)
    return found


def copies(originals: dict[str, Original], serializer: Any) -> BindingDict:
    """Give copies as a serializer keeps its fields: bound already, but for their parent."""
    bound = BindingDict(serializer)
    bound.fields.update({name: each.copy(serializer) for name, each in originals.items()})
    return bound


def find_originals(built: Any) -> dict[str, Original]:
    """Give what to copy of fields that were built: none if one may be more than its options."""
    if not all(map(is_simple, built.values())):
        return {}
    return {name: Original(field) for name, field in built.items()}


def is_simple(field: Any) -> bool:
    """Tell whether copies of a field are as good as fields that are built alike."""
    own = vars(field)
    return (
        type(field) in SIMPLE
        and all(is_fixed(value) for name, value in own.items() if name not in BESIDES)
        and all(map(is_asked_anew, [field, *own.get("_validators", ())]))
        and type(choices_of(field)) in KNOWN
        and all(is_simple(own[name]) for name in INNER & own.keys())
    )


def is_asked_anew(holder: Any) -> bool:
    """Tell whether a field or validator asks a manager for rows, if any, each time.

    A queryset was asked for when the field was built: it may be for one user or tenant alone, and
    one that is evaluated would keep its rows.
    """
    return isinstance(getattr(holder, "queryset", None), BaseManager | None)


def choices_of(field: Any) -> Any:
    """Give the choices that a field was made with, as they were written."""
    # The first argument of other fields may be anything.
    given = field._args[:1] if type(field) in CHOOSING else ()
    return field._kwargs.get("choices", *given)


def is_fixed(value: Any) -> bool:
    """Tell whether an option cannot be changed, or only in a container of its own."""
    if type(value) in (dict, list):
        items = value.values() if type(value) is dict else value
        return all(isinstance(item, FIXED) for item in items)
    # It finds the user in the serializer of its field.
    return isinstance(value, FIXED) or type(value) is fields.CurrentUserDefault


def settle(validators: Iterable[Any]) -> None:
    """Have messages written that are written at their first use, which no two threads may share."""
    for validator in validators:
        if isinstance(message := getattr(validator, "message", None), lazy_format):
            str(message)
