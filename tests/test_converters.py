"""A table holds what is certain of a type; everything else goes to the field."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from rest_framework import serializers

from reflex_drf.converters import Moments, make_table, same

ASKED: Any = object()
MOMENT = datetime.datetime(2026, 7, 1, 12, tzinfo=datetime.UTC)


def shown(field: Any, value: Any, *, json: bool = True) -> Any:
    """What a table makes of a value, or that it has the field asked."""
    table = make_table(field, lambda value: ASKED, json=json)
    convert = table.get(type(value), lambda value: ASKED)
    return convert(value)


def decimals(**options: Any) -> Any:
    return serializers.DecimalField(max_digits=8, decimal_places=2, **options)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        (serializers.CharField(), "text", "text"),
        (serializers.CharField(), None, None),
        (serializers.CharField(), 7, ASKED),
        (serializers.IntegerField(), 7, 7),
        (serializers.IntegerField(), True, ASKED),
        (serializers.BooleanField(), True, True),
        (serializers.BooleanField(), "true", ASKED),
        (decimals(), Decimal("-0.005"), "-0.00"),
        (decimals(normalize_output=True), Decimal("5.00"), "5"),
        (decimals(coerce_to_string=False), Decimal("1.5"), 1.5),
        (decimals(localize=True), Decimal("1.5"), ASKED),
        (decimals(), "1.5", ASKED),
        (serializers.DateTimeField(), MOMENT, "2026-07-01T12:00:00Z"),
        (serializers.DateTimeField(), MOMENT.replace(tzinfo=None), ASKED),
        (serializers.DateTimeField(format="%Y"), MOMENT, ASKED),
        (serializers.DateTimeField(format=None), MOMENT, "2026-07-01T12:00:00Z"),
        (serializers.DateField(), MOMENT.date(), "2026-07-01"),
        (serializers.DateField(), MOMENT, ASKED),
        (serializers.TimeField(), MOMENT.time(), "12:00:00"),
        (serializers.DurationField(), datetime.timedelta(days=1, seconds=1), "1 00:00:01"),
        (serializers.UUIDField(format="int"), uuid.UUID(int=7), 7),
        (serializers.ChoiceField([1, 2]), 2, 2),
        (serializers.ChoiceField(["1", 2]), 2, ASKED),
        (serializers.ReadOnlyField(), (1, Decimal("2")), [1, 2.0]),
        (serializers.ReadOnlyField(), object, ASKED),
        (serializers.JSONField(binary=True), {}, ASKED),
        (serializers.ListField(), [], ASKED),
    ],
)
def test_a_value(field: Any, value: Any, expected: Any) -> None:
    found = shown(field, value)
    assert (type(found), found) == (type(expected), expected)


def test_values_that_drf_leaves_to_its_encoder_stay_without_json() -> None:
    assert shown(decimals(coerce_to_string=False), Decimal("1.5"), json=False) == Decimal("1.50")
    assert shown(serializers.DateTimeField(format=None), MOMENT, json=False) is MOMENT


def test_the_current_time_zone_is_the_one_of_the_run() -> None:
    with timezone.override(ZoneInfo("Europe/Berlin")):
        assert shown(serializers.DateTimeField(), MOMENT) == "2026-07-01T14:00:00+02:00"
        table = make_table(serializers.DateTimeField(), same, json=True)
        assert Moments not in table


def test_moments_of_utc_need_no_time_zone() -> None:
    table = make_table(serializers.DateTimeField(), same, json=True)
    column = Moments([MOMENT.replace(tzinfo=None), None])
    assert table[Moments](column) == ["2026-07-01T12:00:00Z", None]
