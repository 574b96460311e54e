"""The types of rows, by the serializer's fields, and that the values really are of them."""

from __future__ import annotations

import typing
from decimal import Decimal
from typing import Any

import pytest
from rest_framework import serializers

from reflex_drf.representation import plain
from reflex_drf.state.rows import pk_type, row_type
from tests.shop.models import Category, Order, Product
from tests.shop.serializers import OrderSerializer, ProductSerializer


def types_of(serializer: Any, **options: Any) -> dict[str, Any]:
    kind = row_type("Row", serializer, **options)
    assert typing.is_typeddict(kind)
    return typing.get_type_hints(kind)


class TestTypes:
    def test_a_model_serializer(self) -> None:
        assert types_of(ProductSerializer()) == {
            "id": int,
            "name": str,
            "sku": str,
            "size": str,
            "price": str,
            "stock": int | None,
            "active": bool,
            "released": str | None,
            "attrs": Any,
            "category": int | None,
            "category_name": str,
            "tags": list[int],
            "photo": str | None,
            "label": str,
            "created_at": str,
        }

    def test_nested_rows_have_rows_of_their_own(self) -> None:
        lines = types_of(OrderSerializer())["lines"]
        (line,) = typing.get_args(lines)
        assert typing.get_origin(lines) is list
        assert typing.get_type_hints(line) == {"id": int, "product": int, "quantity": int}

    def test_hidden_and_write_only_fields_are_no_keys(self) -> None:
        class Secret(serializers.Serializer[Any]):
            name = serializers.CharField()
            cost = serializers.IntegerField()
            password = serializers.CharField(write_only=True)

        assert types_of(Secret(), exclude=["cost"]) == {"name": str}

    def test_fields_of_every_kind(self) -> None:
        class Kinds(serializers.Serializer[Any]):
            words = serializers.ListField(child=serializers.CharField())
            table = serializers.DictField()
            several = serializers.MultipleChoiceField(choices=["a", "b"])
            number = serializers.ChoiceField(choices=[1, 2])
            mixed = serializers.ChoiceField(choices=[1, "b"])
            ratio = serializers.FloatField()
            took = serializers.DurationField()
            key = serializers.UUIDField()
            when = serializers.TimeField()
            anything = serializers.Field[Any, Any, Any, Any]()
            counted = serializers.SerializerMethodField()
            guessed = serializers.SerializerMethodField()

            def get_counted(self, row: Any) -> int:
                return 1

            def get_guessed(self, row: Any) -> Decimal:
                return Decimal(1)

        assert types_of(Kinds()) == {
            "words": list[str],
            "table": dict[str, Any],
            "several": list[str],
            "number": int,
            "mixed": Any,
            "ratio": float,
            "took": str,
            "key": str,
            "when": str,
            "anything": Any,
            "counted": int,
            "guessed": Any,
        }

    def test_a_read_only_attribute_has_the_type_of_its_property(self) -> None:
        class WithProperty(serializers.ModelSerializer[Category]):
            class Meta:
                model = Category
                fields = ["id", "name", "pk"]

        assert types_of(WithProperty())["pk"] in (int, Any)

    def test_an_own_representation_is_not_guessed(self) -> None:
        class Shaped(serializers.ModelSerializer[Category]):
            class Meta:
                model = Category
                fields = ["id"]

            def to_representation(self, instance: Any) -> dict[str, Any]:
                return {"other": 1}

        assert row_type("Row", Shaped()) == dict[str, Any]
        assert row_type("Row", None) == dict[str, Any]

    @pytest.mark.parametrize(("name", "kind"), [("id", int), ("name", str), ("category", int)])
    def test_keys(self, name: str, kind: type) -> None:
        assert pk_type(Product._meta.get_field(name)) is kind


@pytest.mark.django_db
class TestValues:
    def test_a_row_is_what_its_type_says(self) -> None:
        category = Category.objects.create(name="Toys")
        product = Product.objects.create(
            name="A", sku="1", price="1.10", attrs={"a": [1]}, category=category
        )
        row = plain(ProductSerializer(product).data)
        hints = types_of(ProductSerializer())
        assert set(row) == set(hints)
        for key, kind in hints.items():
            allowed = typing.get_args(kind) if type(None) in typing.get_args(kind) else (kind,)
            plain_types = tuple(typing.get_origin(a) or a for a in allowed if a is not Any)
            assert not plain_types or isinstance(row[key], plain_types), key

    def test_nested(self) -> None:
        order = Order.objects.create(customer="Ann")
        row = plain(OrderSerializer(order).data)
        assert set(row) == set(types_of(OrderSerializer()))
