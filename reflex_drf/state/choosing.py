"""What can be chosen without asking the database: the choices of fields and of filters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.utils.functional import Promise, lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from reflex_drf.state.queries import ListQuery
from reflex_drf.state.viewsets import viewset_model

__all__ = ["Filter", "describe_filters", "static_choices"]

YES_NO = (("true", _("Yes")), ("false", _("No")))
# By the names of django-filter's classes, which need not be installed.
_KINDS = {
    "BooleanFilter": "choice",
    "ChoiceFilter": "choice",
    "NumberFilter": "number",
    "DateFilter": "date",
    "TimeFilter": "time",
    "DateFromToRangeFilter": "date",
    "RangeFilter": "number",
}
_FROM, _TO = _("{label} from"), _("{label} to")
_SUFFIXES = {"min": _FROM, "after": _FROM, "max": _TO, "before": _TO}
_LOOKUPS = {"gte": _FROM, "lte": _TO}


@dataclass(frozen=True, kw_only=True)
class Filter:
    """One parameter that a list can be filtered by."""

    name: str
    label: Any
    # "choice", "number", "date", "time", "text", or "key" and "keys" of rows.
    kind: str = "text"
    choices: tuple[tuple[Any, str], ...] = ()
    # The name under which rows are searched for a filter by a relation.
    relation: str = ""


def static_choices(field: Any) -> tuple[tuple[Any, str], ...]:
    """The choices that a serializer field declares; those of a relation are rows, not choices."""
    if not isinstance(field, serializers.ChoiceField):
        return ()
    return tuple((value, _said(label)) for value, label in field.choices.items())


def _said(label: Any) -> Any:
    # A translation stays lazy: a page says it in the language of its reader.
    return label if isinstance(label, Promise) else str(label)


def describe_filters(query: ListQuery) -> tuple[Filter, ...]:
    """The filters of a list, in the order in which they were declared."""
    declared = query.declared_filters
    undeclared = sorted(query.filter_names - set(declared))
    known = [name for name in declared if name in query.filter_names]
    model = viewset_model(query.viewset)
    return tuple(_filter(name, declared.get(name), model) for name in [*known, *undeclared])


def _filter(name: str, declared: Any, model: type[Model] | None) -> Filter:
    if declared is None:
        return Filter(name=name, label=_words(name))
    classes = {klass.__name__ for klass in type(declared).__mro__}
    kind = next((_KINDS[k.__name__] for k in type(declared).__mro__ if k.__name__ in _KINDS), "")
    rows = classes & {"ModelChoiceFilter", "ModelMultipleChoiceFilter"}
    choices: Any = YES_NO if "BooleanFilter" in classes else () if rows else _choices(declared)
    if rows:
        kind = "keys" if "ModelMultipleChoiceFilter" in rows else "key"
    return Filter(
        name=name,
        label=_label(name, declared, model),
        kind="choice" if choices else "text" if kind == "choice" else kind or "text",
        choices=tuple(choices),
    )


def _choices(declared: Any) -> Iterable[tuple[Any, str]]:
    choices = declared.extra.get("choices", ())
    pairs = choices() if callable(choices) else getattr(choices, "choices", choices)
    flat = ((value, text) for value, text in pairs if not isinstance(text, list | tuple))
    return tuple((value, _said(text)) for value, text in flat if value not in ("", None))


def _label(name: str, declared: Any, model: type[Model] | None) -> Any:
    # The name of its own label is only known where a filter belongs to a set with a model.
    own = getattr(declared, "_label", None)
    stem, _, suffix = name.rpartition("_")
    if suffix in _SUFFIXES and stem:
        return format_lazy(_SUFFIXES[suffix], label=own or _named(stem, declared, model, "exact"))
    field, lookup = declared.field_name, declared.lookup_expr
    if own is None and name == f"{field}__{lookup}" and lookup in _LOOKUPS and not declared.exclude:
        return format_lazy(_LOOKUPS[lookup], label=_named(field, declared, model, "exact"))
    return own or _named(name, declared, model, lookup)


def _named(name: str, declared: Any, model: type[Model] | None, lookup: Any) -> Any:
    """What django-filter calls a filter that is named after its field, else the words of its name.

    It is said by the field's name for people, in the language of the reader.
    """
    field = declared.field_name
    after_field = isinstance(lookup, str) and name in (field, f"{field}__{lookup}")
    if model is None or not after_field:
        return _words(name)
    from django_filters.utils import get_model_field, label_for_filter

    if get_model_field(model, field) is None:
        # It filters by what a queryset adds.
        return _words(name)
    return lazy(label_for_filter, str)(model, field, lookup, declared.exclude)


def _words(name: str) -> str:
    return name.replace("__", " ").replace("_", " ").strip().capitalize()
