"""Columns of a queryset as Django would give them, a whole column at a time.

Django converts what a database gives value by value and row by row, and asks of each value what
holds for all of its column.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any

from django.conf import settings
from django.db.models import DateField, DateTimeField, JSONField, QuerySet
from django.db.models.expressions import Col
from django.db.models.sql.compiler import SQLCompiler
from rest_framework.utils.serializer_helpers import ReturnList

from reflex_drf.converters import Amounts, Documents, Moments
from reflex_drf.representation import DEEPEST
from reflex_drf.sqlite import DateTexts, MomentTexts, SQLite, parsed, recognised
from reflex_drf.statements import Rows, rows_of

__all__ = [
    "JSONRows",
    "Reading",
    "are_json",
    "give_away",
    "is_given_away",
    "is_read_as_json",
    "is_read_by_django",
    "read",
    "settled",
]

Column = Sequence[Any]
NOTHING = type(None)
# What makes rows of results; a database backend with its own is asked for rows.
COMPILING = ("results_iter", "apply_converters", "get_converters", "execute_sql")


class Reading:
    """What the database gave for a queryset's own query, column by column.

    It is the very query that makes the model's objects, so that rows and their order are the same
    whatever the serializer shows of them.
    """

    def __init__(self, rows: Rows, raw: list[Column]) -> None:
        self.compiler, self.raw, self.texts = rows.compiler, raw, rows.texts
        # The related rows of these, by relation, once they were read.
        self.prefetched: dict[str, Any] = {}
        self.info: Any = rows.compiler.klass_info
        self.converters = rows.converters

    def places(self, info: Any) -> dict[str, int]:
        """Tell in which column each attribute of a model stands."""
        select = self.compiler.select
        return {select[place][0].target.attname: place for place in info["select_fields"]}

    def joined(self, info: Any, relation: str) -> Any:
        """Give what is known of a model that the query joins."""
        for inner in info["related_klass_infos"]:
            if inner["field"].name == relation and not inner["reverse"]:
                return inner
        raise LookupError(f"The query does not join {relation}.")

    def column(self, place: int) -> Column:
        """Give the values of a column, as Django converts them."""
        values = self.raw[place]
        if place in self.texts:
            kind = self.texts[place]
            found = recognised(values, kind)
            if found is not None and is_whole(found, self.compiler.connection):
                return found
            values = parsed(values, kind)
        converters, expression = self.converters.get(place, ((), None))
        for converter in converters:
            values = convert(settled(values), converter, expression, self.compiler.connection)
        return values


def read(queryset: QuerySet[Any]) -> Reading | None:
    """Run a queryset's query, or give None where there are no rows."""
    found = rows_of(queryset)
    return Reading(*found) if found is not None and found[1] else None


# Marks a queryset of which nobody will ever see the objects.
GIVEN = "_reflex_drf_given_away"


def give_away(queryset: QuerySet[Any], *, as_json: bool = False) -> QuerySet[Any]:
    """Let a queryset be read without making objects of its rows, and without keeping them.

    With `as_json` nobody sees either what the serializer makes of them, before it becomes JSON.
    """
    vars(queryset)[GIVEN] = as_json
    return queryset


def is_given_away(queryset: QuerySet[Any]) -> bool:
    """Tell whether a queryset was given away; none that is made from it is."""
    return GIVEN in vars(queryset)


def is_read_as_json(queryset: QuerySet[Any]) -> bool:
    """Tell whether a queryset was given away to become JSON."""
    return bool(vars(queryset).get(GIVEN))


class JSONRows(list[Any]):
    """Rows that are JSON values already."""


def are_json(rows: Any) -> bool:
    """Tell whether a serializer's `data` are rows of a queryset that was given away as JSON."""
    return type(rows) is ReturnList and type(getattr(rows.serializer, "_data", None)) is JSONRows


def is_whole(values: Column, connection: Any) -> bool:
    """Tell whether texts say all about their moments: that these are of UTC."""
    return type(values) is DateTexts or (settings.USE_TZ and connection.timezone is datetime.UTC)


def is_read_by_django(queryset: QuerySet[Any]) -> bool:
    """Tell whether a database backend leaves it to Django to make rows of results."""
    kind = type(queryset.query.get_compiler(queryset.db))
    return all(getattr(kind, name) is getattr(SQLCompiler, name) for name in COMPILING)


def settled(values: Column) -> Column:
    """Give a column with the values that Django's objects have."""
    settle = SETTLED.get(type(values))
    return values if settle is None else settle(values)


def convert(values: Column, converter: Any, expression: Any, connection: Any) -> Column:
    """Put a column through one of Django's converters."""
    if getattr(converter, "__code__", None) is DECIMAL_CODE:
        return decimals(values, converter, expression)
    short = SHORT_WAYS.get(getattr(converter, "__func__", None))
    if short is not None and type(expression) is Col:
        kinds = set(map(type, values))
        kinds.discard(NOTHING)
        done = short(values, kinds, converter, expression, connection)
        if done is not None:
            return done
    return [converter(value, expression, connection) for value in values]


def as_it_is(kind: type) -> Callable[..., Column | None]:
    """The driver gave the type already, and that is all the converter looks for."""
    return lambda values, kinds, *rest: values if kinds <= {kind} else None


def moments(values: Column, kinds: set[type], converter: Any, *rest: Any) -> Column | None:
    """SQLite keeps moments without their time zone, which is the connection's."""
    if not kinds <= {datetime.datetime}:
        return None
    if not settings.USE_TZ:
        return values
    if converter.__self__.connection.timezone is not datetime.UTC:
        return None
    if any(value.tzinfo is not None for value in values if value is not None):
        return None
    return Moments(values)


def with_zone(values: Column) -> Column:
    """Give moments of UTC as Django gives them."""
    return [None if value is None else value.replace(tzinfo=datetime.UTC) for value in values]


def decimals_of(values: Amounts) -> Column:
    """Make decimals of SQLite's numbers."""
    convert = values.convert
    return [None if value is None else convert(value) for value in values]


SETTLED: dict[type, Callable[[Any], Column]] = {
    Amounts: decimals_of,
    Moments: with_zone,
    DateTexts: lambda values: parsed(values, DateField),
    MomentTexts: lambda values: with_zone(parsed(values, DateTimeField)),
}


def finite(text: str) -> float:
    """Refuse a number that JSON has no word for, though Python reads one."""
    value = float(text)
    if not isfinite(value):
        raise ValueError(text)
    return value


scan: Any = json.JSONDecoder(parse_float=finite, parse_constant=finite).scan_once  # type: ignore[attr-defined]


def documents(values: Column, kinds: set[type], converter: Any, *rest: Any) -> Column | None:
    """Read JSON that stands alone in its text; the rest is the converter's to judge."""
    if not kinds <= {str} or converter.__self__.decoder is not None:
        return None

    found = Documents()
    for text in values:
        if text is None:
            found.append(None)
            continue
        if text.count("[") + text.count("{") > DEEPEST:
            # It may be too deep to be shown as it is.
            return None
        try:
            value, end = scan(text, 0)
        except (StopIteration, ValueError):
            return None
        if end != len(text):
            return None
        found.append(value)
    return found


def find_decimal_code() -> Any:
    """Find the function that Django makes anew for each column of decimals."""
    for held in SQLite.get_decimalfield_converter.__code__.co_consts:
        if getattr(held, "co_freevars", None) == ("create_decimal", "quantize_value"):
            return held
    return SQLite  # Of another form in this version of Django: no function has this code.


DECIMAL_CODE = find_decimal_code()


def decimals(values: Column, converter: Any, expression: Any) -> Amounts:
    """Leave the floats of SQLite as they are, with what Django prepared to round them."""
    create, places = (cell.cell_contents for cell in converter.__closure__)
    field = expression.output_field
    context = field.context

    def to_decimal(value: Any) -> Any:
        return create(value).quantize(places, None, context)

    return Amounts(values, to_decimal, field)


SHORT_WAYS: dict[Any, Callable[..., Column | None]] = {
    SQLite.convert_booleanfield_value: as_it_is(bool),
    SQLite.convert_datefield_value: as_it_is(datetime.date),
    SQLite.convert_timefield_value: as_it_is(datetime.time),
    SQLite.convert_datetimefield_value: moments,
    JSONField.from_db_value: documents,
}
