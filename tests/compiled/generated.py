"""Strategies for serializer fields with their options, and for values to put under them."""

from __future__ import annotations

import datetime
import decimal
import enum
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from hypothesis import strategies as st
from rest_framework import serializers

ZONES = [ZoneInfo("UTC"), ZoneInfo("Europe/Berlin"), ZoneInfo("America/St_Johns"), datetime.UTC]
ZONES += [ZoneInfo("Asia/Kathmandu"), datetime.timezone(datetime.timedelta(hours=-3, minutes=-7))]

zones = st.sampled_from(ZONES)
moments = st.datetimes(timezones=st.none() | zones) | st.sampled_from(
    [datetime.datetime.min, datetime.datetime.max, datetime.datetime.min.replace(tzinfo=ZONES[1])]
)
decimals = st.decimals(allow_nan=False, allow_infinity=False) | st.sampled_from(
    ["-0.00", "1E+20", "0E-12", "NaN", "Infinity", "99999999.995", "0.005", "-1E-30", "9.12345678"]
).map(Decimal)
texts = st.text(max_size=8) | st.sampled_from(
    ["\u2028\u2029", "\u0000", "<b>", "😀", "1", "a", SafeString("safe"), gettext_lazy("Yes")]
)


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Colour(str, enum.Enum):  # noqa: UP042 - the older kind prints differently
    RED = "r"


def call_me() -> str:
    return "called"


def documents(floats: Any, **options: Any) -> Any:
    words = st.text(max_size=3, **options)
    leaves = st.none() | st.booleans() | st.integers() | floats | words
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner),
        max_leaves=5,
    )


json_values = documents(st.floats())
odd_values = st.sampled_from(
    [
        *(None, "", 0, 1, True, False, "true", "No", "null", 1.5, "1.50", " 7 ", float("inf")),
        *(b"bytes", Level.HIGH, Colour.RED, (1, 2), [], {}, object, call_me, 10**30),
    ]
)
values = st.one_of(
    odd_values, texts, st.integers(), st.floats(), decimals, moments, st.dates(), st.times(),
    st.timedeltas(), st.uuids(), st.booleans(), json_values, st.ip_addresses().map(str),
)  # fmt: skip

CHOICES: list[Any] = [
    ["a", "b"], [(1, "One"), (2, "Two")], [("Group", [("a", "A"), ("1", "B")]), (3, "C")],
    [(Level.LOW, "Low"), (Level.HIGH, "High")], [(Colour.RED, "Red")], [(None, "None"), ("a", "A")],
    [(True, "Yes"), (False, "No")],
]  # fmt: skip
ROUNDINGS = [decimal.ROUND_UP, decimal.ROUND_HALF_UP, decimal.ROUND_DOWN, None]
MOMENT_STYLES = ["iso-8601", "ISO-8601", None, "%d.%m.%Y %H:%M", "%Y", ""]


class Shouting(serializers.CharField):
    def to_representation(self, value: Any) -> str:
        return str(value).upper()


class Whole(serializers.CharField):
    def get_attribute(self, instance: Any) -> Any:
        return f"{instance.c0!r}"


class Halves(serializers.DecimalField):
    def quantize(self, value: Decimal) -> Decimal:
        return super().quantize(value / 2)


class Noon(serializers.DateTimeField):
    def enforce_timezone(self, value: datetime.datetime) -> datetime.datetime:
        return super().enforce_timezone(value).replace(hour=12)


class Backwards(serializers.BooleanField):
    TRUE_VALUES, FALSE_VALUES = {False, "no"}, {True, "yes"}


@st.composite
def decimal_fields(draw: Any, kind: Any = serializers.DecimalField) -> Any:
    options = {
        "max_digits": draw(st.sampled_from([None, 1, 5, 12, 40])),
        "decimal_places": draw(st.sampled_from([None, 0, 2, 6, 9])),
        "coerce_to_string": draw(st.sampled_from([None, True, False])),
        "rounding": draw(st.sampled_from(ROUNDINGS)),
        "localize": draw(st.booleans()),
        "normalize_output": draw(st.booleans()),
    }
    return lambda **more: kind(**options, **more)


def simple(*kinds: Any) -> Any:
    return st.sampled_from(kinds)


def styled(kind: Any, styles: Any, **options: Any) -> Any:
    def make(style: Any) -> Any:
        given = {} if style is ... else {"format": style}
        return lambda **more: kind(**given, **options, **more)

    return st.sampled_from([*styles, ...]).map(make)


def moment_fields() -> Any:
    plain = styled(serializers.DateTimeField, MOMENT_STYLES)
    return plain | zones.flatmap(
        lambda zone: styled(serializers.DateTimeField, MOMENT_STYLES, default_timezone=zone)
    )


def of(kind: Any, **options: Any) -> Any:
    return lambda **more: kind(**options, **more)


makers = st.one_of(
    simple(serializers.CharField, serializers.EmailField, serializers.URLField),
    simple(serializers.SlugField, serializers.IPAddressField, of(serializers.RegexField, regex="")),
    simple(serializers.IntegerField, serializers.FloatField, serializers.BooleanField),
    simple(serializers.BigIntegerField, of(serializers.BigIntegerField, coerce_to_string=True)),
    simple(Shouting, Whole, Noon, Backwards),
    decimal_fields(), decimal_fields(Halves), moment_fields(),
    styled(serializers.DateField, MOMENT_STYLES), styled(serializers.TimeField, MOMENT_STYLES),
    styled(serializers.DurationField, ["django", "iso-8601", None]),
    styled(serializers.UUIDField, ["hex", "int", "urn", "hex_verbose"]),
    st.sampled_from(CHOICES).map(lambda choices: of(serializers.ChoiceField, choices=choices)),
    st.sampled_from(CHOICES).map(lambda c: of(serializers.MultipleChoiceField, choices=c)),
    simple(serializers.JSONField, of(serializers.JSONField, binary=True), serializers.FileField),
    simple(serializers.ListField, serializers.DictField),
    simple(lambda **more: serializers.ListField(child=serializers.IntegerField(), **more)),
)  # fmt: skip

read_only = st.just(serializers.ReadOnlyField)


@st.composite
def fields(draw: Any) -> Any:
    """A field with the options that say what to do about a missing value."""
    if draw(st.integers(0, 9)) == 0:
        return draw(read_only)()
    options = draw(
        st.sampled_from(
            [{}, {"required": False}, {"allow_null": True}, {"default": "d"}, {"read_only": True}]
        )
    )
    return draw(makers)(**options)


small_decimals = st.decimals(-99999999, 99999999, places=4)
aware = st.datetimes(
    datetime.datetime(1900, 1, 1), datetime.datetime(2200, 1, 1), timezones=zones
)  # fmt: skip
# What every database takes in a text.
stored = st.characters(exclude_characters="\x00", exclude_categories=["Cs"])
stored_texts = st.text(stored)
finite = st.floats(allow_nan=False, allow_infinity=False)
stored_documents = documents(finite, alphabet=stored) | st.sampled_from([1e300, "", {"a": 1}])
# What a row of `Everything` may hold.
everything = st.fixed_dictionaries(
    {},
    optional={
        "text": stored_texts,
        "letter": st.sampled_from(["a", "b", "", "z", None]),
        "level": st.sampled_from([1, 2, 3, None]),
        "whole": st.integers(-(2**63), 2**63 - 1) | st.none(),
        "number": st.floats(allow_nan=False, allow_infinity=False) | st.none(),
        "price": small_decimals | st.none(),
        "flag": st.booleans() | st.none(),
        "moment": aware | st.none(),
        "day": st.dates() | st.none(),
        "hour": st.times() | st.none(),
        "span": st.timedeltas(datetime.timedelta(-9999), datetime.timedelta(9999)) | st.none(),
        "key": st.uuids() | st.none(),
        "address": st.ip_addresses().map(str) | st.none(),
        "document": stored_documents,
        "photo": st.sampled_from(["", "photos/ä b.png", "x", None]),
        "link": st.sampled_from(["", "https://example.org/?a=1&b=2"]),
    },
)
