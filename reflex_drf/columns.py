"""Where a serializer field's source leads on a model, and when a queryset can give columns.

Only what Django itself put on a model class is known here: a column, a file, a relation. A
property, a method, an annotation or a descriptor of a project's own is left to DRF.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from django.db.models import ForeignKey, ManyToManyField, Model, QuerySet
from django.db.models.fields.files import (
    FieldFile,
    FileDescriptor,
    ImageFieldFile,
    ImageFileDescriptor,
)
from django.db.models.fields.related_descriptors import (
    ForeignKeyDeferredAttribute,
    ForwardManyToOneDescriptor,
    ForwardOneToOneDescriptor,
    ManyToManyDescriptor,
    ReverseManyToOneDescriptor,
)
from django.db.models.manager import BaseManager
from django.db.models.query import ModelIterable
from django.db.models.query_utils import DeferredAttribute
from django.db.models.signals import post_init, pre_init

__all__ = [
    "SKIP",
    "Source",
    "find_source",
    "gives_columns",
    "is_loaded_by_django",
    "is_plain_model",
]

Fetch = Callable[[Any], Any]


class Skip:
    """Stands for a field that DRF leaves out of a row."""


SKIP = Skip()

COLUMNS = (DeferredAttribute, ForeignKeyDeferredAttribute)
FILES = (FileDescriptor, ImageFileDescriptor)
ONE = (ForwardManyToOneDescriptor, ForwardOneToOneDescriptor)
MANY = (ManyToManyDescriptor, ReverseManyToOneDescriptor)
RELATED = (*ONE, *MANY)
RELATING = (ForeignKey, ManyToManyField)


@dataclass(frozen=True, slots=True)
class Source:
    """How a value is read off an object, and off the database where it is a column."""

    fetch: Fetch
    # The column as `values_list()` names it, and what the model makes of its value.
    column: str | None = None
    wrap: Fetch | None = None
    # The model that a relation leads to, and whether to many of it.
    related: type[Model] | None = None
    many: bool = False
    # The column of the key, for a relation of which no more than the key is wanted.
    key: str | None = None
    # Whether a row may have no value here at all.
    skips: bool = False
    # The name of a relation, as a query joins or prefetches it.
    relation: str | None = None
    # Whether it leads to a row's part in the table of a parent model, which no query joins again.
    inherited: bool = False


def find_attribute(model: type, name: str) -> Any:
    """Give what a class has under a name, without asking any descriptor."""
    for kind in model.__mro__:
        if name in kind.__dict__:
            return kind.__dict__[name]
    return None


def is_plain_model(model: type) -> bool:
    """Tell whether attributes of a model's objects are read in Django's way."""
    return (
        issubclass(model, Model)
        and not issubclass(model, Mapping)
        and find_attribute(model, "__getattribute__") is object.__getattribute__
    )


def find_source(model: type[Model], names: Sequence[str], missing: Any = None) -> Source | None:
    """Give the source that `names` lead to, or None where only DRF can tell.

    `missing` is what stands for a value behind a relation that leads to nothing: None, `SKIP`,
    or Ellipsis where that is an error.
    """
    if not names:
        return None
    hops: list[Fetch] = []
    for name in names[:-1]:
        hop = find_one(model, name)
        if hop is None or hop.related is None or hop.many:
            return None
        hops.append(hop.fetch)
        model = hop.related
    source = find_one(model, names[-1])
    if not hops or source is None:
        return source
    if source.column is None or source.wrap is not None:
        return None
    return Source(fetch=follow(hops, source.fetch, missing), skips=missing is SKIP)


def follow(hops: list[Fetch], last: Fetch, missing: Any) -> Fetch:
    """Read an attribute behind relations to one."""

    def fetch(value: Any) -> Any:
        for hop in hops:
            value = hop(value)
            if value is None:
                break
        if value is not None:
            return last(value)
        if missing is ...:
            raise AttributeError("A relation on the way leads to nothing.")
        return missing

    return fetch


def find_one(model: type[Model], name: str) -> Source | None:
    """Give the source of one attribute."""
    found = find_attribute(model, name)
    if name == "pk" and found is Model.__dict__["pk"]:
        name = model._meta.pk.attname
        found = find_attribute(model, name)
    kind = type(found)
    if kind in COLUMNS:
        return Source(fetch=attrgetter(name), column=name)
    if kind in FILES and found.field.attr_class in (FieldFile, ImageFieldFile):
        return Source(attrgetter(name), column=name, wrap=file_maker(found.field))
    if kind in RELATED and not isinstance(found.field, RELATING):
        # A `ForeignObject` tells rows by several columns, and knows no single key.
        return None
    if kind in ONE:
        return relation_to_one(found.field)
    return relation_to_many(model, name, found) if kind in MANY else None


def file_maker(field: Any) -> Fetch:
    """Make of a column's text what the model's descriptor makes of it."""
    return lambda name: field.attr_class(None, field, name)


def relation_to_one(field: Any) -> Source:
    """Read a related object, from where Django keeps those it has loaded."""
    name, cache_name = field.name, field.cache_name

    def fetch(instance: Any) -> Any:
        found = instance._state.fields_cache.get(cache_name)
        # Django decides about what is missing: it may be loaded, None, or an error.
        return getattr(instance, name) if found is None else found

    return Source(
        fetch=fetch,
        related=field.related_model,
        key=field.attname,
        relation=field.name,
        inherited=field.remote_field.parent_link,
    )


def relation_to_many(model: type[Model], name: str, found: Any) -> Source | None:
    """Read related objects, from where Django keeps those it has prefetched."""
    reverse = isinstance(found, ReverseManyToOneDescriptor) and (
        not isinstance(found, ManyToManyDescriptor) or found.reverse
    )
    related = found.rel.related_model if reverse else found.rel.model
    if type(related._default_manager).all is not BaseManager.all:
        return None
    cache_name = prefetch_name(found)

    def fetch(instance: Any) -> Any:
        cache = instance.__dict__.get("_prefetched_objects_cache")
        if cache and cache_name in cache:
            return cache[cache_name]
        return getattr(instance, name).all()

    return Source(fetch=fetch, related=related, many=True, relation=name)


def prefetch_name(found: Any) -> str:
    """Name what Django's related manager looks for among the prefetched."""
    if not isinstance(found, ManyToManyDescriptor):
        return str(found.field.remote_field.cache_name)
    return str(found.field.related_query_name() if found.reverse else found.field.name)


def gives_columns(queryset: QuerySet[Any]) -> bool:
    """Tell whether a queryset's columns say all that its objects would."""
    return is_untouched(queryset) and is_loaded_by_django(queryset.model)


def is_untouched(queryset: QuerySet[Any]) -> bool:
    """Tell whether a queryset would give the model's own objects, one for each row it finds."""
    query = queryset.query
    return (
        all(getattr(type(queryset), name) is own for name, own in QUERYSET_METHODS)
        and queryset._result_cache is None
        and queryset._iterable_class is ModelIterable
        and not query.combinator
        # What is added by hand may stand in the place of a column.
        and all(name.startswith("_prefetch_related_val_") for name in query.extra)
        and query.deferred_loading == (frozenset(), True)
    )


QUERYSET_METHODS = tuple(
    (name, getattr(QuerySet, name))
    for name in (
        *("__iter__", "__getitem__", "_fetch_all", "iterator", "_clone", "_chain"),
        *("values_list", "_values"),
    )
)
LOADERS = (
    ("__init__", Model.__init__),
    ("__new__", object.__new__),
    # Each value of a row is set on its object.
    ("__setattr__", object.__setattr__),
)


def is_loaded_by_django(model: type[Model]) -> bool:
    """Tell whether nothing of a project runs when a row becomes an object."""
    return (
        is_plain_model(model)
        and all(getattr(model, name) is own for name, own in LOADERS)
        and find_attribute(model, "from_db") is Model.__dict__["from_db"]
        and not (post_init.has_listeners(model) or pre_init.has_listeners(model))
    )
