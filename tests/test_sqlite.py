"""Dates and moments are shown from SQLite's own texts only where that says what Django says."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.db import connection
from django.db.models import Count, DateField, DateTimeField
from django.test import override_settings
from django.utils import timezone
from rest_framework import serializers

from reflex_drf.compiled import plain_data
from reflex_drf.reading import read
from reflex_drf.representation import plain
from reflex_drf.sqlite import DateTexts, MomentTexts, recognised
from tests.shop.models import Product

FORMS = [
    (DateField, "2026-02-28", DateTexts),
    (DateField, "2026-02-30", None),
    (DateField, "2026-2-28", None),
    (DateField, "2026-W01-1", None),
    (DateField, "2026-02-28\n2026-03-01", None),
    (DateTimeField, "2026-02-28 10:20:30", MomentTexts),
    (DateTimeField, "2026-02-28 10:20:30.123456", MomentTexts),
    (DateTimeField, "2026-02-28 10:20:30.000000", None),
    (DateTimeField, "2026-02-28 10:20:30.123", None),
    (DateTimeField, "2026-02-28 25:20:30", None),
    (DateTimeField, "2026-02-28T10:20:30", None),
    (DateTimeField, "2026-02-28 10:20:30,123456", None),
    (DateTimeField, "2026-02-28", None),
]


@pytest.mark.parametrize(("kind", "text", "expected"), FORMS)
def test_only_the_form_that_django_stores_is_recognised(
    kind: Any, text: str, expected: Any
) -> None:
    found = recognised([None, text], kind)
    assert (None if found is None else type(found)) is expected


def test_moments_are_written_as_those_of_utc() -> None:
    texts = MomentTexts(["2026-02-28 10:20:30", None, "2026-03-01 00:00:00"])
    assert texts.written() == ["2026-02-28T10:20:30Z", None, "2026-03-01T00:00:00Z"]
    assert recognised([None, None], DateTimeField) is None


class Times(serializers.ModelSerializer[Product]):
    class Meta:
        model = Product
        fields = ["id", "released", "created_at"]


@pytest.fixture
def products(db: None) -> Any:
    for number in range(3):
        released = datetime.date(2026, 1, 1) if number else None
        Product.objects.create(name="P", sku=f"t{number}", price=1, released=released)
    return Product.objects.order_by("id")


def agree(queryset: Any) -> None:
    expected = plain(Times(queryset.all(), many=True).data)
    assert plain_data(Times(queryset.all(), many=True)) == expected


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu"])
@pytest.mark.parametrize("aware", [True, False])
def test_rows_are_those_of_drf(products: Any, zone: str, aware: bool) -> None:
    from zoneinfo import ZoneInfo

    with timezone.override(ZoneInfo(zone)), override_settings(USE_TZ=aware):
        agree(products)
        agree(products.reverse()[:2])


@pytest.mark.skipif(connection.vendor != "sqlite", reason="other databases hold the type")
@pytest.mark.parametrize(
    "text", ["2026-01-02 03:04:05", "2026-01-02 03:04:05+02:00", "2026-01-02", "2026-01-02 03:04"]
)
def test_one_odd_text_among_others(products: Any, text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE shop_product SET created_at = %s WHERE sku = 't1'", [text])
    agree(products)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite keeps texts")
def test_a_query_that_hangs_on_its_columns_is_asked_as_it_is(products: Any) -> None:
    assert read(products).texts  # type: ignore[union-attr]
    for queryset in (products.distinct(), products.annotate(many=Count("tags"))):
        assert not read(queryset).texts  # type: ignore[union-attr]
        agree(queryset)
