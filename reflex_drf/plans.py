"""A plan at work: from objects, or from columns of the database, to rows of plain values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet

from reflex_drf.columns import SKIP, Source, gives_columns
from reflex_drf.converters import Documents, Moments, Show, Table, same
from reflex_drf.reading import read_columns, settled

__all__ = ["Plan", "Step", "converter", "spread_many", "spread_one"]

# Columns of which all values are of one kind, and known to be.
WHOLE = (Documents, Moments)
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


class Plan:
    """The fields of a serializer for the objects of one model, for one run."""

    def __init__(self, steps: list[Step]) -> None:
        self.steps = steps
        self.names = [step.name for step in steps]
        # Methods and fields of a project's own run row by row, in the order of the fields: one may
        # leave something for the next.
        self.by_column = bool(steps) and all(step.show_all is not None for step in steps)
        self.columns = [step.source.column if step.source else None for step in steps]

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
        """Put columns of values together to rows."""
        names = self.names
        pairs = zip(self.steps, values, strict=True)
        shown = [step.show_all(column) for step, column in pairs]  # type: ignore[misc]
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
        if not self.by_column or None in self.columns or not gives_columns(queryset):
            return None
        found = read_columns(queryset, self.columns)  # type: ignore[arg-type]
        if not found:
            return []
        columns = zip(self.steps, found, strict=True)
        return self.table([unwrapped(step, column) for step, column in columns])


def drop_skipped(rows: list[Any], name: str) -> None:
    """Leave a field out of the rows that have nothing for it."""
    for row in rows:
        if row[name] is SKIP:
            del row[name]


def unwrapped(step: Step, column: Sequence[Any]) -> Sequence[Any]:
    """Make of a column's values what the model's attributes would give."""
    wrap = step.source.wrap if step.source else None
    return column if wrap is None else list(map(wrap, column))


def converter(table: Table, other: Show) -> tuple[Show, Batch]:
    """Give what converts one value by a table, and what converts a whole column."""
    unchanged = frozenset(kind for kind, show in table.items() if show is same)

    def show(value: Any) -> Any:
        convert = table.get(type(value))
        return other(value) if convert is None else convert(value)

    def show_all(values: Sequence[Any]) -> Sequence[Any]:
        whole = table.get(type(values)) if type(values) in WHOLE else None
        if whole is same:
            return values
        if whole is not None:
            return [None if value is None else whole(value) for value in values]
        values = settled(values)
        kinds = set(map(type, values))
        if kinds <= unchanged:
            return values
        convert = table.get(kinds.pop(), show) if len(kinds) == 1 else show
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
