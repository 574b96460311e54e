"""Dates and moments as the texts that SQLite keeps them as, which need no parsing to be shown.

The SQLite driver parses each of them, only for a serializer to write it again. Where a whole
column has the one form that Django stores, its texts are all that a serializer needs.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django.db.backends.sqlite3.base import DatabaseWrapper
from django.db.models import DateField, DateTimeField
from django.db.models.expressions import Col
from django.utils.dateparse import parse_date, parse_datetime

__all__ = ["DateTexts", "MomentTexts", "SQLite", "ask_for_texts", "parsed", "recognised"]

# By way of the wrapper: Django's module of these operations cannot be the first to be imported.
SQLite: Any = DatabaseWrapper.ops_class

DIGITS = str.maketrans("123456789", "000000000")
DATE = "0000-00-00"
MOMENTS = (f"{DATE} 00:00:00.000000", f"{DATE} 00:00:00")


class DateTexts(list[Any]):
    """A column of dates, each as ISO 8601 writes it."""


class MomentTexts(list[Any]):
    """A column of moments without their time zone, as ISO 8601 writes them but for the T."""

    def written(self) -> list[Any]:
        """Give them as moments of UTC."""
        return split(join(self).replace(" ", "T").replace("\n", "Z\n") + "Z", self)


PARSERS: dict[type, Callable[[str], Any]] = {DateField: parse_date, DateTimeField: parse_datetime}


def ask_for_texts(compiler: Any) -> dict[int, type]:
    """Have a query give dates and moments as texts; tells in which columns, once it is compiled."""
    query, places = compiler.query, dict[int, type]()
    if type(compiler.connection.ops) is not SQLite:
        return places
    # What is distinct, grouped or computed may depend on a column's own expression.
    if query.distinct or query.group_by is not None or query.annotations:
        return places
    compiler.get_select = partial(select_texts, compiler.get_select, places)
    return places


def select_texts(get_select: Callable[..., Any], places: dict[int, type], **kwargs: Any) -> Any:
    """Select what the compiler selects, with dates and moments as expressions of no type."""
    select, *rest = get_select(**kwargs)
    for place, (column, (sql, params), alias) in enumerate(select):
        kind = type(column.output_field) if type(column) is Col else None
        if kind in PARSERS and not column.output_field.primary_key:
            places[place] = kind
            # Only a bare column has the type by which the driver finds a parser.
            select[place] = (column, (f"{sql} || ''", params), alias)
    return select, *rest


def recognised(values: Sequence[Any], kind: type) -> Sequence[Any] | None:
    """Give a column of texts as such, if all of them have the form that Django stores."""
    texts = join(values)
    shape, count = texts.translate(DIGITS), len(values) - values.count(None)
    try:
        if kind is DateField and is_all(shape, DATE, count):
            list(map(datetime.date.fromisoformat, texts.split("\n")))
            return DateTexts(values)
        # Python writes no fraction where there is none.
        if any(is_all(shape, form, count) for form in MOMENTS) and ".000000" not in texts:
            list(map(datetime.datetime.fromisoformat, texts.split("\n")))
            return MomentTexts(values)
    except ValueError:
        pass  # No such day or hour: for Django to judge.
    return None


def parsed(values: Sequence[Any], kind: type) -> list[Any]:
    """Parse texts as Django has the SQLite driver do it."""
    parse = PARSERS[kind]
    return [None if value is None else parse(value) for value in values]


def join(values: Sequence[Any]) -> str:
    """Put the texts of a column together, since one call for all is much faster than one each."""
    try:
        return "\n".join(values)
    except TypeError:
        return "\n".join(value for value in values if value is not None)


def split(texts: str, values: Sequence[Any]) -> list[Any]:
    """Take apart what was put together."""
    parts = texts.split("\n")
    if len(parts) == len(values):
        return parts
    each = iter(parts)
    return [None if value is None else next(each) for value in values]


def is_all(shape: str, form: str, count: int) -> bool:
    """Tell whether so many texts are all of one form."""
    return count > 0 and shape == "\n".join([form] * count)
