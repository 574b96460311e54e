"""What each of DRF's own fields makes of a value, told by the type of the value.

A table has a function for each type that can be converted without asking the field again. What
stands in no table goes to the field itself, so a table only has to hold what is certain.
"""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Callable
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models.fields.files import FieldFile, ImageFieldFile
from django.utils.duration import duration_iso_string, duration_string
from rest_framework import DJANGO_DURATION_FORMAT, ISO_8601, fields, relations
from rest_framework.settings import api_settings

from reflex_drf.representation import plain, plain_float
from reflex_drf.sqlite import DateTexts, MomentTexts

__all__ = [
    "Amounts",
    "Documents",
    "Moments",
    "Show",
    "Table",
    "inherits",
    "make_table",
    "related_table",
    "same",
    "shown_attribute",
]

Show = Callable[[Any], Any]
# By the type of a value; or by that of a column which is of one kind throughout, and is then
# converted as a whole.
Table = dict[type, Show]
Maker = Callable[[Any, Show, bool], Table]


class Moments(list[Any]):
    """Moments of UTC as a database keeps them, without their time zone."""


class Documents(list[Any]):
    """Values fresh from a JSON text: plain, finite, of no great depth and nobody else's."""


class Amounts(list[Any]):
    """Numbers as SQLite keeps decimals, and what makes decimals of a field's own form of them."""

    def __init__(self, values: Any, convert: Show, field: Any) -> None:
        super().__init__(values)
        self.convert, self.field = convert, field


def same(value: Any) -> Any:
    """Leave a value as it is; a table that holds only this one is not even called."""
    return value


def make_table(field: Any, other: Show, *, json: bool) -> Table:
    """Give the table of a bound field for one run, in which settings and time zone hold still.

    `other` asks the field itself; `json` asks for JSON values in place of those that DRF leaves
    to its encoder.
    """
    # Looked up by the function: a subclass or a patch with its own is none of these.
    maker = MAKERS.get(type(field).to_representation)
    table = {} if maker is None else maker(field, other, json)
    table[type(None)] = same
    return table


def inherits(field: Any, *own: Any) -> bool:
    """Tell whether a field has these methods of DRF, taken before anybody could patch them."""
    return all(getattr(type(field), method.__name__, None) is method for method in own)


QUANTIZE = fields.DecimalField.quantize
ZONING = (fields.DateTimeField.enforce_timezone, fields.DateTimeField.default_timezone)


def encoded(*types: type, json: bool) -> Table:
    """Give values that DRF leaves to its encoder."""
    return dict.fromkeys(types, plain if json else same)


def text(field: Any, other: Show, json: bool) -> Table:
    return {str: same}


def integer(field: Any, other: Show, json: bool) -> Table:
    return {int: same}


def big_integer(field: Any, other: Show, json: bool) -> Table:
    coerced = getattr(field, "coerce_to_string", api_settings.COERCE_BIGINT_TO_STRING)
    return {int: str if coerced else same}


def floating(field: Any, other: Show, json: bool) -> Table:
    return {float: plain_float if json else same}


def boolean(field: Any, other: Show, json: bool) -> Table:
    usual = True in field.TRUE_VALUES and False not in field.TRUE_VALUES
    return {bool: same} if usual and False in field.FALSE_VALUES else {}


def decimals(field: Any, other: Show, json: bool) -> Table:
    if field.localize or not inherits(field, QUANTIZE):
        return {}
    coerced = getattr(field, "coerce_to_string", api_settings.COERCE_DECIMAL_TO_STRING)
    if coerced and is_fixed(field):
        show = fixed_text(field)
        return {decimal.Decimal: show, Amounts: amounts_text(field, show)}
    write: Show = "{:f}".format if coerced else plain if json else same
    quantize, normalize = quantizer(field), field.normalize_output
    if not normalize:
        return {decimal.Decimal: lambda value: write(quantize(value))}

    def show_normal(value: decimal.Decimal) -> Any:
        return write(quantize(value).normalize())

    return {decimal.Decimal: show_normal}


def quantizer(field: Any) -> Show:
    """Round as the field does, with its context made once."""
    if field.decimal_places is None:
        return same
    context = decimal.getcontext().copy()
    if field.max_digits is not None:
        context.prec = field.max_digits
    exponent, rounding = decimal.Decimal(".1") ** field.decimal_places, field.rounding
    return lambda value: value.quantize(exponent, rounding, context)


def is_fixed(field: Any) -> bool:
    """Tell whether a field writes all numbers with as many places, and never an exponent."""
    places, digits = field.decimal_places, field.max_digits
    return not field.normalize_output and places is not None and 0 <= places <= 6 and bool(digits)


def fixed_text(field: Any) -> Show:
    """Write decimals that mostly have the field's own form already, and need no rounding."""
    places, room, quantize = field.decimal_places, field.max_digits + 1, quantizer(field)
    point = -places - 1

    def show(value: decimal.Decimal) -> str:
        text: str = str(value)
        if text[point:-places] == "." and len(text) <= room and "E" not in text:
            return text
        return str(quantize(value))

    return show if places else lambda value: str(quantize(value))


def amounts_text(field: Any, show: Show) -> Show:
    """Write numbers of SQLite at once, where the text says no more and no less than they do.

    A number of up to 15 digits stands for one decimal alone: a text that leads back to the very
    number is that decimal, as Django and DRF would round and write it.
    """
    digits, places = field.max_digits, field.decimal_places
    style = f"%.{places}f"

    def show_all(column: Amounts) -> list[Any]:
        model, convert = column.field, column.convert
        if model.decimal_places != places or max(digits, model.max_digits) > 15:
            return [None if value is None else show(convert(value)) for value in column]
        limit = 10 ** (min(digits, model.max_digits) - places)

        def write(value: Any) -> Any:
            text = style % value
            fits = float(text) == value and -limit < value < limit
            return text if fits else show(convert(value))

        return [None if value is None else write(value) for value in column]

    return show_all


def date_time(field: Any, other: Show, json: bool) -> Table:
    if not inherits(field, *ZONING):
        return {}
    style = getattr(field, "format", api_settings.DATETIME_FORMAT)
    if style is None:
        return encoded(datetime.datetime, json=json)
    if style.lower() != ISO_8601:
        return {}
    zone = field.timezone if hasattr(field, "timezone") else field.default_timezone()
    table: Table = {datetime.datetime: moment(zone, other)}
    whole: Table = {Moments: moments_text, MomentTexts: MomentTexts.written}
    return {**table, **whole} if is_utc(zone) else table


def moments_text(column: Moments) -> list[Any]:
    """Write moments of UTC in UTC."""
    return [None if value is None else f"{value.isoformat()}Z" for value in column]


def is_utc(zone: Any) -> bool:
    return zone is datetime.UTC or (type(zone) is ZoneInfo and zone.key == "UTC")


def moment(zone: Any, other: Show) -> Show:
    """Write a moment of a known time zone in another one; what may fail is left to the field."""
    utc = is_utc(zone)

    def show(value: datetime.datetime) -> Any:
        held = value.tzinfo
        if held is None:
            return value.isoformat() if zone is None else other(value)
        if utc and held is datetime.UTC:
            return f"{value.isoformat()[:-6]}Z"
        if zone is None or type(held) not in KNOWN_ZONES:
            return other(value)
        try:
            written = value.astimezone(zone).isoformat()
        except OverflowError:
            return other(value)
        return f"{written[:-6]}Z" if written.endswith("+00:00") else written

    return show


KNOWN_ZONES = {datetime.timezone, ZoneInfo}


def date(field: Any, other: Show, json: bool) -> Table:
    style = getattr(field, "format", api_settings.DATE_FORMAT)
    if style is None:
        return encoded(datetime.date, json=json)
    if style.lower() != ISO_8601:
        return {}
    return {datetime.date: datetime.date.isoformat, DateTexts: same}


def time(field: Any, other: Show, json: bool) -> Table:
    style = getattr(field, "format", api_settings.TIME_FORMAT)
    if style is None:
        return encoded(datetime.time, json=json)
    return {datetime.time: datetime.time.isoformat} if style.lower() == ISO_8601 else {}


def duration(field: Any, other: Show, json: bool) -> Table:
    style = getattr(field, "format", api_settings.DURATION_FORMAT)
    if style is None:
        return encoded(datetime.timedelta, json=json)
    styles = {ISO_8601: duration_iso_string, DJANGO_DURATION_FORMAT: duration_string}
    write = styles.get(style.lower()) if isinstance(style, str) else None
    return {datetime.timedelta: write} if write else {}


def choice(field: Any, other: Show, json: bool) -> Table:
    # A choice is found by its text: among choices of one type, each value finds itself or nothing.
    kinds = set(map(type, field.choice_strings_to_values.values()))
    if kinds <= {str}:
        return {str: same}
    return {int: same} if kinds == {int} else {}


def unique_id(field: Any, other: Show, json: bool) -> Table:
    style = field.uuid_format
    return {uuid.UUID: str if style == "hex_verbose" else attrgetter(style)}


def anything(field: Any, other: Show, json: bool) -> Table:
    """A field that gives what it gets."""
    table = encoded(dict, list, tuple, float, decimal.Decimal, uuid.UUID, json=json)
    table.update(encoded(datetime.datetime, datetime.date, datetime.timedelta, json=json))
    return {**table, str: same, int: same, bool: same, Documents: same}


def json_value(field: Any, other: Show, json: bool) -> Table:
    return {} if field.binary else anything(field, other, json)


def file(field: Any, other: Show, json: bool) -> Table:
    def show(value: Any) -> Any:
        return other(value) if value else None

    return {FieldFile: show, ImageFieldFile: show}


def primary_key(field: Any, other: Show, json: bool) -> Table:
    if field.pk_field is not None:
        return {}
    return {int: same, str: same, uuid.UUID: str if json else same}


MAKERS: dict[Any, Maker] = {
    fields.CharField.to_representation: text,
    fields.IntegerField.to_representation: integer,
    fields.FloatField.to_representation: floating,
    fields.BooleanField.to_representation: boolean,
    fields.DecimalField.to_representation: decimals,
    fields.DateTimeField.to_representation: date_time,
    fields.DateField.to_representation: date,
    fields.TimeField.to_representation: time,
    fields.DurationField.to_representation: duration,
    fields.ChoiceField.to_representation: choice,
    fields.UUIDField.to_representation: unique_id,
    fields.JSONField.to_representation: json_value,
    fields.ReadOnlyField.to_representation: anything,
    fields.FileField.to_representation: file,
    relations.PrimaryKeyRelatedField.to_representation: primary_key,
}
if hasattr(fields, "BigIntegerField"):
    MAKERS[fields.BigIntegerField.to_representation] = big_integer


SHOW_KEY = relations.PrimaryKeyRelatedField.to_representation
SHOW_SLUG = relations.SlugRelatedField.to_representation
SHOW_TEXT = relations.StringRelatedField.to_representation


def related_table(field: Any, model: Any, *, json: bool) -> Table:
    """Give the table of a relation, of which the related objects themselves are the values."""
    way = type(field).to_representation
    show: Show | None = None
    if name := shown_attribute(field):
        show = attrgetter(name)
    elif way is SHOW_TEXT:
        show = str
    if show is None:
        return {type(None): same}
    return {type(None): same, model: then_plain(show) if json else show}


def shown_attribute(field: Any) -> str | None:
    """Name the attribute of related objects that a relation shows, where it shows one."""
    way = type(field).to_representation
    if way is SHOW_KEY and field.pk_field is None:
        return "pk"
    return str(field.slug_field).replace("__", ".") if way is SHOW_SLUG else None


def then_plain(show: Show) -> Show:
    return lambda value: plain(show(value))
