"""A plan at work: from objects, or from columns of the database, to rows of plain values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, cast

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet

from reflex_drf.columns import SKIP, Source, gives_columns, is_loaded_by_django
from reflex_drf.converters import Amounts, Documents, Moments, Show, Table, same
from reflex_drf.prefetching import Related, find_related
from reflex_drf.reading import Reading, is_read_by_django, read, settled
from reflex_drf.representation import plain_float
from reflex_drf.sqlite import DateTexts, MomentTexts

__all__ = ["Plan", "Step", "converter", "spread_many", "spread_one"]

# Columns of which all values are of one kind, and known to be.
WHOLE = (Amounts, DateTexts, Documents, Moments, MomentTexts)
# What reading an attribute raises when there is nothing to read.
NOTHING = (AttributeError, ObjectDoesNotExist)
Batch = Callable[[Sequence[Any]], Sequence[Any]]


@dataclass(slots=True)
class Step:
    """One field of a plan."""

    name: str
    fetch: Show
    show: Show
    # All values of a column at once.
    show_all: Batch | None = None
    # DRF's own way, for a row whose value is missing.
    ask: Show | None = None
    source: Source | None = None
    # That of a serializer inside, or of what is shown of each related row.
    plan: Plan | None = None
    # The relations that it reads, as `prefetch_related` names them.
    lookups: tuple[str, ...] = ()


class Plan:
    """The fields of a serializer for the objects of one model, for one run.

    A `bare` plan has one field, and its rows are that field's values.
    """

    def __init__(self, steps: list[Step], *, bare: bool = False) -> None:
        self.steps, self.bare = steps, bare
        self.names = [step.name for step in steps]
        # Methods and fields of a project's own run row by row, in the order of the fields: one may
        # leave something for the next.
        self.by_column = bool(steps) and all(step.show_all is not None for step in steps)
        self.lookups = tuple(dict.fromkeys(name for step in steps for name in step.lookups))

    def rows(self, instances: Sequence[Any]) -> list[Any]:
        """Give the rows of objects that are all of the plan's model."""
        if self.by_column:
            try:
                return self.table([list(map(step.fetch, instances)) for step in self.steps])
            except NOTHING:
                # A value is missing somewhere: DRF's rules for that hold row by row.
                pass
        return [self.row(instance) for instance in instances]

    def table(self, values: Iterable[Sequence[Any]]) -> list[Any]:
        """Convert columns of values, and put them together to rows."""
        pairs = zip(self.steps, values, strict=True)
        return self.together([step.show_all(column) for step, column in pairs])  # type: ignore[misc]

    def together(self, shown: Sequence[Sequence[Any]]) -> list[Any]:
        """Put columns of what is shown together to rows."""
        if self.bare:
            return list(shown[0])
        names = self.names
        empty = dict.fromkeys(names)
        # Filling copies column by column is the fastest way to many small dictionaries.
        rows = [empty.copy() for _ in shown[0]]
        for name, column in zip(names, shown, strict=True):
            for row, value in zip(rows, column, strict=True):
                row[name] = value
        for step in self.steps:
            if step.source is not None and step.source.skips:
                drop_skipped(rows, step.name)
        return rows

    def row(self, instance: Any) -> dict[str, Any]:
        """Give the row of one object."""
        row = {}
        for step in self.steps:
            try:
                value = step.fetch(instance)
            except NOTHING:
                if step.ask is None:
                    raise
                shown = step.ask(instance)
            else:
                shown = step.show(value)
            if shown is not SKIP:
                row[step.name] = shown
        return row

    def read(self, queryset: QuerySet[Any]) -> list[Any] | None:
        """Give the rows of a queryset without making objects of them, where that is the same."""
        if not (gives_columns(queryset) and is_read_by_django(queryset) and self.is_in(queryset)):
            return None
        reading = read(queryset)
        if reading is None:
            return []
        try:
            return self.rows_of(reading, reading.info)
        except UnusualError:
            return None

    def joins(self) -> tuple[list[str], list[str]]:
        """Name the relations that a query has to load to have all that the plan shows."""
        ones, many = list[str](), list[str]()
        for step in self.steps if self.by_column else ():
            if step.plan is None or step.source is None:
                continue
            if step.source.many:
                many.extend(step.lookups)
            elif step.plan.has_ones_only:
                ones.extend(step.lookups)
        return ones, many

    @property
    def has_ones_only(self) -> bool:
        """Whether it shows no relation to many, of which a query that joins it knows nothing."""
        inner = [step for step in self.steps if step.plan is not None]
        return not any(
            step.source is None or step.source.many or not step.plan.has_ones_only  # type: ignore[union-attr]
            for step in inner
        )

    def is_in(self, queryset: Any) -> bool:
        """Tell whether a queryset loads all that the plan shows, and prefetches no more."""
        many = [step for step in self.steps if step.plan and step.source and step.source.many]
        lookups = queryset._prefetch_related_lookups
        return (
            {step.source.relation for step in many if step.source} == set(lookups)
            and all(step.plan is not None and step.plan.is_alone(step.source) for step in many)
            and self.is_joined(queryset.query.select_related, tuple(many))
        )

    def is_alone(self, source: Source | None) -> bool:
        """Tell whether a plan shows nothing but columns of a model that Django alone loads."""
        related: Any = source.related if source else None
        return self.is_joined(False) and is_loaded_by_django(related)

    def is_joined(self, relations: Any, besides: tuple[Step, ...] = ()) -> bool:
        """Tell whether a query that joins these relations has all that the plan shows."""
        return self.by_column and all(
            step.source is not None and is_in_query(step, step.source, relations)
            for step in self.steps
            if not any(step is other for other in besides)
        )

    def rows_of(self, reading: Reading, info: Any) -> list[Any]:
        """Give the rows of one model in what the database gave."""
        places = reading.places(info)
        return self.together([shown_of(step, reading, info, places) for step in self.steps])


def is_in_query(step: Step, source: Source, relations: Any) -> bool:
    """Tell whether a query has the columns of one field."""
    if step.plan is None:
        return source.column is not None
    return (
        isinstance(relations, dict)
        and source.relation in relations
        and not source.inherited
        and is_loaded_by_django(source.related)  # type: ignore[arg-type]
        and step.plan.is_joined(relations[source.relation])
    )


def shown_of(step: Step, reading: Reading, info: Any, places: dict[str, int]) -> Sequence[Any]:
    """Give what one field shows, in all rows."""
    source: Any = step.source
    if step.plan is None:
        values = reading.column(places[source.column])
        return step.show_all(unwrapped(source, values))  # type: ignore[misc]
    if source.many:
        return prefetched(step.plan, source, reading)
    inner = reading.joined(info, source.relation)
    rows = step.plan.rows_of(reading, inner)
    # As Django tells that there is no related object.
    keys = reading.raw[reading.places(inner)[inner["model"]._meta.pk.attname]]
    return [None if key is None else row for row, key in zip(rows, keys, strict=True)]


def drop_skipped(rows: list[Any], name: str) -> None:
    """Leave a field out of the rows that have nothing for it."""
    for row in rows:
        if row[name] is SKIP:
            del row[name]


class UnusualError(Exception):
    """Raised where only objects will do after all."""


def prefetched(plan: Plan, source: Any, reading: Reading) -> Sequence[Any]:
    """Give the related rows of each row."""
    # Two fields may show different things of the same related rows, which are read once.
    if source.relation not in reading.prefetched:
        reading.prefetched[source.relation] = read_related(source.relation, reading)
    related, found = reading.prefetched[source.relation]
    groups: dict[Any, list[Any]] = {key: [] for key in related.keys}
    if found is not None:
        rows = plan.rows_of(found, found.info)
        owners = related.owners(found)
        if not groups.keys() >= set(owners):
            raise UnusualError
        for key, row in zip(owners, rows, strict=True):
            groups[key].append(row)
    return [groups[key] for key in related.keys]


def read_related(relation: str, reading: Reading) -> tuple[Related, Reading | None]:
    """Read the rows that a relation leads to, of all the rows that were read."""
    model = reading.info["model"]
    keys = reading.column(reading.places(reading.info)[model._meta.pk.attname])
    related = find_related(model, relation, keys, reading.compiler.using)
    if related is None or len(set(keys)) < len(keys):
        raise UnusualError
    if not (gives_columns(related.queryset) and is_read_by_django(related.queryset)):
        raise UnusualError
    if related.queryset._prefetch_related_lookups:  # type: ignore[attr-defined]
        raise UnusualError
    return related, read(related.queryset)


def unwrapped(source: Source, column: Sequence[Any]) -> Sequence[Any]:
    """Make of a column's values what the model's attributes would give."""
    return column if source.wrap is None else list(map(source.wrap, column))


def converter(table: Table, other: Show) -> tuple[Show, Batch]:
    """Give what converts one value by a table, and what converts a whole column."""
    unchanged = frozenset(kind for kind, show in table.items() if show is same)

    def show(value: Any) -> Any:
        convert = table.get(type(value))
        return other(value) if convert is None else convert(value)

    def show_all(values: Sequence[Any]) -> Sequence[Any]:
        whole = table.get(type(values)) if type(values) in WHOLE else None
        if whole is not None:
            return cast("Sequence[Any]", whole(values))
        values = settled(values)
        kinds = set(map(type, values))
        if kinds <= unchanged:
            return values
        has_nothing = type(None) in kinds
        kinds.discard(type(None))
        convert = table.get(kinds.pop()) if len(kinds) == 1 else None
        if convert is None:
            return list(map(show, values))
        if has_nothing:
            return [None if value is None else convert(value) for value in values]
        if convert is plain_float and all(map(isfinite, values)):
            return values
        return list(map(convert, values))

    return show, show_all


def spread_one(model: Any, each: Batch, other: Show) -> Batch:
    """Convert related objects, one or none for each row, all together."""

    def show_all(values: Sequence[Any]) -> Sequence[Any]:
        present = [value for value in values if value is not None]
        if not set(map(type, present)) <= {model}:
            return list(map(other, values))
        rows = iter(each(present))
        return [None if value is None else next(rows) for value in values]

    return show_all


def spread_many(model: Any, each: Batch, other: Show) -> Batch:
    """Convert related objects, several for each row, all together."""

    def show_all(values: Sequence[Any]) -> Sequence[Any]:
        groups = list(map(list, values))
        flat = [item for group in groups for item in group]
        if not set(map(type, flat)) <= {model}:
            return list(map(other, groups))
        rows = iter(each(flat))
        return [take(rows, len(group)) for group in groups]

    return show_all


def take(rows: Iterator[Any], count: int) -> list[Any]:
    """Give the next rows."""
    return [next(rows) for _ in range(count)]
