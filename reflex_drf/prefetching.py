"""The query that Django makes for `prefetch_related`, without the objects on either side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import Model, QuerySet

__all__ = ["Related", "find_related"]

VALUE = "_prefetch_related_val_"


class Related:
    """A query for the related rows of many, and how to tell whose each row is."""

    def __init__(
        self, queryset: QuerySet[Any], keys: list[Any], owners: Callable[[Any], Sequence[Any]]
    ) -> None:
        self.queryset, self.keys, self.owners = queryset, keys, owners


def find_related(model: type[Model], name: str, keys: Sequence[Any], using: str) -> Related | None:
    """Give the query for a relation of the rows with these keys, or None for an unusual one."""
    attname = model._meta.pk.attname
    # No more of them than their key, which is all that the query asks.
    instances = [model.from_db(using, [attname], [key]) for key in keys]
    manager = getattr(instances[0], name)
    if hasattr(manager, "through"):
        return many_to_many(manager, instances)
    field = manager.field
    if [other.attname for other in field.foreign_related_fields] != [attname]:
        return None
    return one_to_many(manager, field, instances, list(keys))


def many_to_many(manager: Any, instances: list[Any]) -> Related | None:
    """Give Django's own query, which names the owner of each row."""
    queryset, _, key_of, *_ = manager.get_prefetch_querysets(instances)
    if len(names := [name for name in queryset.query.extra if name.startswith(VALUE)]) != 1:
        return None

    def owners(reading: Any) -> Any:
        return reading.raw[reading.compiler.annotation_col_map[names[0]]]

    return Related(queryset, [key_of(instance)[0] for instance in instances], owners)


def one_to_many(manager: Any, field: Any, instances: list[Any], keys: list[Any]) -> Related:
    """Give the query that Django makes, which it would turn into objects at once."""
    queryset = super(type(manager), manager).get_queryset()
    queryset._add_hints(instance=instances[0])
    queryset = queryset.using(queryset._db or manager._db)

    def owners(reading: Any) -> Any:
        return reading.column(reading.places(reading.info)[field.attname])

    return Related(queryset.filter(**{f"{field.name}__in": instances}), keys, owners)
