"""Refuses names of model fields that there are none of, where the class of a state is made."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from django.core.exceptions import FieldError, ValidationError
from django.db.models import Model, Prefetch, QuerySet
from django.db.models.query_utils import DeferredAttribute
from rest_framework import filters

from reflex_drf.errors import ConfigurationError
from reflex_drf.state.plan import Plan
from reflex_drf.state.viewsets import viewset_model

__all__ = ["check_field_names"]


def check_field_names(plan: Plan, *, own_rows: bool) -> None:
    """Raise `ConfigurationError` for a name that the first read, search or sort would fail on.

    Where a state has a queryset of its own, it may give its rows what the model does not have.
    """
    if (model := viewset_model(plan.viewset)) is None or own_rows:
        return
    place, options = plan.owner, plan.options
    for name in options.queryset_select_related:
        _check_joined(f"{place}.queryset_select_related", model, str(name))
    _check_prefetched(f"{place}.queryset_prefetch", model, options.queryset_prefetch)
    if plan.generated:
        rows = plan.viewset.queryset
        terms = [t.removeprefix("-") if isinstance(t, str) else t for t in options.ordering or ()]
        _check_sorted(f"{place}.ordering", rows, terms)
        if _keeps(plan, filters.SearchFilter, "get_search_fields", "construct_search"):
            _check_searched(f"{place}.search_fields", rows, options.search_fields or ())
        if _keeps(plan, filters.OrderingFilter, "get_ordering", "get_valid_fields"):
            _check_sorted(f"{place}.ordering_fields", rows, options.ordering_fields)


def _keeps(plan: Plan, stock: type[Any], *methods: str) -> bool:
    """Whether names mean to the viewset's filter what they mean to DRF's."""
    classes = [known for known in plan.viewset.filter_backends if isinstance(known, type)]
    backend = next((known for known in classes if issubclass(known, stock)), None)
    names = (*methods, "filter_queryset")
    return all(getattr(backend, name, None) is getattr(stock, name) for name in names)


def _check_joined(place: str, model: type[Model], name: str) -> None:
    query = model._default_manager.all().query
    try:
        steps, field, *_ = query.names_to_path(name.split("__"), model._meta, fail_on_missing=True)
    except FieldError as error:
        raise ConfigurationError(f"{place} names {name!r}: {error}") from error
    if not field.is_relation or any(step.m2m for step in steps):
        raise ConfigurationError(
            f"{place} names {name!r}, which leads to no single row; rows of many are read along "
            "by `queryset_prefetch`."
        )


def _check_prefetched(place: str, model: type[Model], lookups: Iterable[Any]) -> None:
    # What an earlier look-up puts on the rows, a later one may start from.
    known: set[str] = set()
    for lookup in lookups:
        path = lookup.prefetch_through if isinstance(lookup, Prefetch) else str(lookup)
        first = path.split("__")[0]
        found = getattr(model, first, None)
        if first not in known and (found is None or isinstance(found, DeferredAttribute)):
            raise ConfigurationError(
                f"{place} names {path!r}, but {model.__name__} has no relation {first!r}."
            )
        known.add(getattr(lookup, "prefetch_to", path).split("__")[0])


def _check_searched(place: str, rows: QuerySet[Any], names: Iterable[Any]) -> None:
    for name in names:
        try:
            # What a look-up takes for a value is not for now: some take no text.
            with suppress(ValidationError, ValueError, TypeError):
                rows.filter(**{filters.SearchFilter().construct_search(str(name), rows): "x"})
        except (FieldError, IndexError) as error:
            raise ConfigurationError(f"{place} names {name!r}: {error}") from error


def _check_sorted(place: str, rows: QuerySet[Any], names: Any) -> None:
    for name in names if isinstance(names, list | tuple) else ():
        # DRF takes pairs of a name and a label as well, and Django expressions to sort by.
        term = name[0] if isinstance(name, list | tuple) else name
        if not isinstance(term, str) or term == "?":
            continue
        try:
            # Sorting itself looks at the first part of a name alone, until it is done.
            rows.filter(**{f"{term}__isnull": True})
        except FieldError as error:
            raise ConfigurationError(f"{place} names {term!r}: {error}") from error
