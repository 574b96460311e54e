"""Columns as Django gives them, whatever the database and the settings make of them."""

from __future__ import annotations

import copy
import datetime
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.db.models.sql.compiler import SQLCompiler
from django.test import override_settings
from rest_framework import serializers, viewsets

from reflex_drf.backends import Call
from reflex_drf.backends.inprocess import call_view
from reflex_drf.reading import is_read_by_django, read, settled
from reflex_drf.representation import DEEPEST, REST
from tests.origin import make_origin
from tests.shop.models import Category, Product

pytestmark = pytest.mark.django_db
NAMES = ["id", "name", "price", "active", "released", "attrs", "category_id", "created_at"]


@pytest.fixture
def products() -> QuerySet[Product]:
    tea = Category.objects.create(name="Tea")
    Product.objects.create(name="Assam", sku="1", price="4.50", category=tea, attrs={"a": [1, 2.5]})
    Product.objects.create(
        name="Ceylon", sku="2", price=Decimal("0.10"), released=datetime.date(2026, 2, 28)
    )
    return Product.objects.order_by("name")


def same_as_django(queryset: QuerySet[Product]) -> None:
    reading = read(queryset)
    assert reading is not None
    places = reading.places(reading.info)
    columns = [list(settled(reading.column(places[name]))) for name in NAMES]
    assert columns == [list(column) for column in zip(*queryset.values_list(*NAMES), strict=True)]


def test_columns_are_those_of_values_list(products: QuerySet[Product]) -> None:
    same_as_django(products)
    same_as_django(products[1:])
    same_as_django(products.order_by("-sku"))


def test_no_rows_are_no_columns(products: QuerySet[Product]) -> None:
    assert read(products.none()) is None
    assert read(products.filter(name="Nothing")) is None


def test_without_time_zones(products: QuerySet[Product]) -> None:
    with override_settings(USE_TZ=False):
        same_as_django(products)


def test_a_database_with_a_time_zone_of_its_own(
    products: QuerySet[Product], monkeypatch: Any
) -> None:
    monkeypatch.setitem(connection.settings_dict, "TIME_ZONE", "Asia/Tokyo")
    del connection.timezone
    try:
        same_as_django(products)
    finally:
        del connection.timezone


def write(column: str, text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE shop_product SET {column} = %s", [text])  # noqa: S608


@pytest.mark.skipif(connection.vendor != "sqlite", reason="other databases hold the type")
@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("created_at", "2026-01-02 03:04:05+02:00"),
        ("created_at", "2026-01-02"),
        ("attrs", ' {"a": 1} '),
        ("attrs", '{"large": 1e999}'),
        ("released", "2026-1-2"),
        ("price", "12.3456"),
        ("active", "0"),
    ],
)
def test_what_another_program_wrote(products: QuerySet[Product], column: str, text: str) -> None:
    write(column, text)
    same_as_django(products)


def test_a_compiler_of_a_backends_own_is_asked_for_rows(
    products: QuerySet[Product], monkeypatch: Any
) -> None:
    class Shouting(SQLCompiler):
        def results_iter(self, *args: Any, **kwargs: Any) -> Any:
            return (tuple(row) for row in super().results_iter(*args, **kwargs))

    def get_compiler(self: Any, using: Any = None, *args: Any, **kwargs: Any) -> Any:
        return Shouting(self, connection, using)

    assert is_read_by_django(products)
    monkeypatch.setattr("django.db.models.sql.query.Query.get_compiler", get_compiler)
    assert not is_read_by_django(products)


@pytest.mark.parametrize("strict", [True, False])
def test_a_number_that_json_has_no_word_for(products: QuerySet[Product], strict: bool) -> None:
    from rest_framework import serializers

    from reflex_drf.compiled import plain_data

    class Attributes(serializers.ModelSerializer[Product]):
        class Meta:
            model = Product
            fields = ["attrs"]

    if connection.vendor == "sqlite":
        write("attrs", '{"large": 1e999}')
        with override_settings(REST_FRAMEWORK={"STRICT_JSON": strict}):
            if strict:
                with pytest.raises(ValueError, match="not JSON compliant"):
                    plain_data(Attributes(products, many=True))
            else:
                found = plain_data(Attributes(products, many=True))
                assert found[0] == {"attrs": {"large": float("inf")}}


class Attributes(serializers.ModelSerializer[Product]):
    class Meta:
        model = Product
        fields = ["attrs"]


class AttributesViewSet(viewsets.ReadOnlyModelViewSet[Product]):
    queryset = Product.objects.order_by("name")
    serializer_class = Attributes


@pytest.mark.usefixtures("products")
def test_a_document_too_deep_for_those_who_walk_through_it_is_cut() -> None:
    deep: Any = 1
    for _ in range(250):
        deep = {"a": [deep]}
    Product.objects.filter(name="Assam").update(attrs=deep)
    for action, kwargs in (("list", {}), ("retrieve", {"pk": Product.objects.get(sku="1").pk})):
        data = call_view(
            Call(view=AttributesViewSet, action=action, kwargs=kwargs), make_origin()
        ).data
        shown = copy.deepcopy(data["results"][0] if action == "list" else data)["attrs"]
        for _ in range(DEEPEST):
            if shown == REST:
                break
            shown = shown["a"] if isinstance(shown, dict) else shown[0]
        assert shown == REST


def test_a_project_on_another_database_can_import_it() -> None:
    # As a module that nothing of SQLite has been imported before.
    code = "import django.conf; django.conf.settings.configure(); import reflex_drf.reading"
    subprocess.run([sys.executable, "-c", code], check=True)
