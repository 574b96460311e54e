"""Related rows that a serializer reads, fetched for all rows together and not for each by itself.

What is fetched follows from the serializer's own fields. Only what Django would have fetched for
each row is fetched, and what is there already is left alone, so that the rows stay what they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connections, models
from django.db.models import BinaryField, Manager, Model, QuerySet, prefetch_related_objects

from reflex_drf.columns import find_attribute, find_one
from reflex_drf.conf import settings

__all__ = ["fetched", "joined", "lookups_on"]

# Where Django keeps the rows of an object's relations to many.
CACHE = "_prefetched_objects_cache"
# Since Django 6.1 a project chooses what happens when a row asks for what was not loaded. Only of
# these modes is it known that the rows end up the same.
FETCHING = [getattr(models, name, None) for name in ("FETCH_ONE", "FETCH_PEERS")]


def lookups_on(model: type[Model], names: Sequence[str], *, whole: bool = True) -> tuple[str, ...]:
    """Name the relations that a field's source goes through, as `prefetch_related` names them.

    Of the last one the field may need no more than its key, and then not the `whole` object.
    """
    lookups: list[str] = []
    for place, name in enumerate(names):
        source = find_one(model, name)
        if source is None or source.related is None or not is_fetched_alike(model, source):
            break
        if source.many or whole or place + 1 < len(names):
            lookups.append("__".join([*lookups[-1:], name]))
        if source.many:
            break
        model = source.related
    return tuple(lookups)


def is_fetched_alike(model: type[Model], source: Any) -> bool:
    """Tell whether related rows are the same, fetched for one object or for many."""
    if source.inherited or not all(map(is_equal_alike, keys_of(model, source))):
        # Django makes the object of a parent model of what the row itself holds.
        return False
    if source.many:
        return True
    field: Any = model._meta.get_field(source.relation)
    base: Any = source.related._base_manager
    # A manager that hides rows, or a key that may lead to nothing, is an error for one object. What
    # keeps the keys of a table that is not Django's, as those of a view, nobody knows.
    is_kept = field.db_constraint and field.model._meta.managed
    return bool(is_kept) and type(base).get_queryset is Manager.get_queryset


def keys_of(model: type[Model], source: Any) -> Sequence[Any]:
    """Give the fields by which rows of a relation are told to belong together."""
    relation = find_attribute(model, source.relation).field
    # Other rows name those of a relation through a table of its own by their key.
    return getattr(relation, "foreign_related_fields", None) or [model._meta.pk]


def is_equal_alike(key: Any) -> bool:
    """Tell whether two values of a field are equal to Python if they are to the database.

    Rows that are fetched together are sorted to their owners by Python. A collation may leave the
    case of letters out of account, and bytes come out in another type than they go in.
    """
    return not (isinstance(key, BinaryField) or getattr(key, "db_collation", None))


@contextmanager
def fetched(instances: Sequence[Any], lookups: Sequence[str]) -> Iterator[None]:
    """Fetch related rows of all objects at once, for as long as the objects are read."""
    # Only behind another relation do objects other than these get rows.
    reached = loaded_with if any("__" in name for name in lookups) else list
    wanted = lookups and len(instances) > 1 and settings.FETCH_RELATED
    around = reached(instances) if wanted else ()
    if not (wanted and can_fetch(instances, around) and may_ask(instances)):
        yield
        return
    before = {id(each): (each, dict(getattr(each, CACHE, {}))) for each in around}
    loaded = {key: set(each._state.fields_cache) for key, (each, _) in before.items()}
    let_be_found(around)
    prefetch_related_objects(instances, *lookups)
    forget_missing(reached(instances), loaded)
    if not may_ask(instances):
        # A manager forbids its rows what they may do where each object asks for its own.
        put_back(reached(instances), before)
    try:
        yield
    finally:
        # What is read from a relation to many later on is to be read anew, as without us.
        put_back(reached(instances), before)


def let_be_found(instances: Iterable[Any]) -> None:
    """Let Django find the rows that a project has prefetched, so as not to fetch others instead.

    It keeps those of a reverse relation of many to many under its `related_query_name`, and looks
    for them under the name of the attribute.
    """
    for each in instances:
        cache: Any = getattr(each, CACHE, None)
        for relation in each._meta.related_objects if cache else ():
            held = cache.get(relation.field.related_query_name()) if relation.many_to_many else None
            if held is not None:
                cache.setdefault(relation.get_accessor_name(), held)


def forget_missing(instances: Iterable[Any], loaded: dict[int, set[str]]) -> None:
    """Let each object ask for itself where a key leads to no row, unless the project has asked.

    That is an error then, of which DRF makes None. Of a row that was looked for together with
    others Django keeps None itself, of which DRF finds an attribute missing.
    """
    for each in instances:
        held = each._state.fields_cache
        for name in [name for name, row in held.items() if row is None]:
            source: Any = find_one(type(each), name)
            is_ours = source is not None and name not in loaded.get(id(each), ())
            if is_ours and getattr(each, source.key) is not None:
                del held[name]


def put_back(instances: Iterable[Any], before: dict[int, tuple[Any, dict[str, Any]]]) -> None:
    """Leave objects with the rows of relations to many that they had before."""
    for instance in instances:
        vars(instance).pop(CACHE, None)
        _, known = before.get(id(instance), (None, None))
        if known:
            vars(instance)[CACHE] = dict(known)


def can_fetch(instances: Sequence[Any], reached: Iterable[Any]) -> bool:
    """Tell whether objects are rows of one database, with all columns, and none reached is new."""
    databases = {each._state.db for each in instances}
    columns = {field.attname for field in instances[0]._meta.concrete_fields}
    return (
        len(databases) == 1
        and None not in databases
        and all(columns <= vars(each).keys() for each in instances)
        and all(each.pk is not None for each in reached)
    )


def may_ask(instances: Sequence[Any]) -> bool:
    """Tell whether objects, and all loaded with them, may ask for what was not loaded."""
    return None in FETCHING or all(
        each._state.fetch_mode in FETCHING for each in loaded_with(instances)
    )


def loaded_with(instances: Sequence[Any]) -> Iterable[Any]:
    """Give the objects, and those that the project has loaded with them."""
    found: dict[int, Any] = {}
    waiting = list(instances)
    while waiting:
        each = waiting.pop()
        # Related objects may lead back to each other.
        if id(each) not in found:
            found[id(each)] = each
            waiting += (one for one in each._state.fields_cache.values() if isinstance(one, Model))
            for rows in getattr(each, CACHE, {}).values():
                waiting += getattr(rows, "_result_cache", None) or ()
    return found.values()


def joined(queryset: QuerySet[Any], ones: Sequence[str], many: Sequence[str]) -> QuerySet[Any]:
    """Have a queryset load these relations too, where that adds no more than columns."""
    query = queryset.query
    unusual = query.distinct or query.annotations or query.select_for_update or query.extra
    if unusual or query.select_related is True or not settings.FETCH_RELATED:
        return queryset
    if getattr(queryset, "_fetch_mode", None) not in FETCHING:
        return queryset
    if len(connections.databases) > 1:
        # Related rows may be kept elsewhere.
        return queryset
    if queryset._prefetch_related_lookups and many:  # type: ignore[attr-defined]
        # The project has a choice of its own here.
        many = ()
    # Of `order.lines` each line has that very order, which may have changed since it was read.
    known = {field.name for field in queryset._known_related_objects}  # type: ignore[attr-defined]
    ones = [name for name in ones if name.partition("__")[0] not in known]
    # Without a name, `select_related` would join every relation that there is.
    queryset = queryset.select_related(*ones) if ones else queryset
    return queryset.prefetch_related(*many) if many else queryset
