"""Rows made by a plan are the rows that DRF makes, for any field, option and value."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone, translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer

from reflex_drf.compiled import compile_serializer, plain_data
from tests.compiled import generated
from tests.compiled.models import ANYTHING, Anything
from tests.shop.models import Category, Product, Tag
from tests.shop.serializers import CategorySerializer

Make = Callable[[], Any]
often = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def outcome(work: Callable[[], Any]) -> Any:
    """What comes of it: a value with the types in it, or an error.

    Where several values are in error, which of them is found first may differ.
    """
    try:
        return spelled(work())
    except Exception:  # noqa: BLE001
        return "error"


def spelled(value: Any) -> Any:
    """Tell values apart that Python finds equal, such as 1 and True."""
    if isinstance(value, dict):
        return [(repr(key), spelled(item)) for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return [type(value).__name__.removeprefix("Return").lower(), *map(spelled, value)]
    return type(value).__name__, repr(value)


def rendered(serializer: Any) -> Any:
    return json.loads(JSONRenderer().render(serializer.data))


def compiled(serializer: Any) -> Any:
    compile_serializer(serializer)
    assert "to_representation" in serializer.__dict__
    return serializer.data


def agree(make: Make) -> None:
    """The plan gives what DRF gives, as JSON and as DRF's own values."""
    assert outcome(lambda: plain_data(make())) == outcome(lambda: rendered(make()))
    assert outcome(lambda: compiled(make())) == outcome(lambda: make().data)


def make_class(fields: dict[str, Any]) -> Any:
    return type("Generated", (serializers.Serializer,), {"__module__": __name__, **fields})


@st.composite
def rows_of_anything(draw: Any) -> tuple[Any, list[Any]]:
    """A serializer class of any fields, and objects with any values."""
    count = draw(st.integers(1, ANYTHING))
    names = [f"c{n}" for n in range(count)]
    cls = make_class({name: draw(generated.fields()) for name in names})
    row = st.fixed_dictionaries(dict.fromkeys(names, generated.values))
    rows = draw(st.lists(row, min_size=1, max_size=4))
    return cls, [instance_of(Anything, values) for values in rows]


def instance_of(model: Any, values: dict[str, Any]) -> Any:
    instance = model()
    for name, value in values.items():
        setattr(instance, name, value)
    return instance


@often
@given(rows_of_anything(), generated.zones, st.booleans(), st.sampled_from(["en", "de"]))
def test_any_field_with_any_value(generated_rows: Any, zone: Any, aware: bool, lang: str) -> None:
    cls, rows = generated_rows
    with timezone.override(zone), translation.override(lang), override_settings(USE_TZ=aware):
        agree(lambda: cls(rows, many=True))
        agree(lambda: cls(rows[0]))


class Numbered(serializers.ModelSerializer[Tag]):
    class Meta:
        model = Tag
        fields = ["id", "name"]


def relation_fields() -> Any:
    """What a serializer can say about a product's category and tags."""
    dotted = st.sampled_from(
        [{}, {"read_only": True}, {"allow_null": True}, {"required": False}, {"default": "none"}]
    )
    return st.fixed_dictionaries(
        {
            "name": st.builds(serializers.CharField),
            "category_name": dotted.map(
                lambda options: serializers.CharField(source="category.name", **options)
            ),
            "category": st.sampled_from(
                [
                    lambda: serializers.PrimaryKeyRelatedField(read_only=True),
                    lambda: serializers.StringRelatedField(),
                    lambda: serializers.SlugRelatedField("name", read_only=True),
                    lambda: CategorySerializer(read_only=True),
                    lambda: serializers.CharField(),
                    lambda: serializers.PrimaryKeyRelatedField(
                        read_only=True, pk_field=serializers.CharField()
                    ),
                ]
            ).map(lambda make: make()),
            "tags": st.sampled_from(
                [
                    lambda: serializers.PrimaryKeyRelatedField(many=True, read_only=True),
                    lambda: serializers.StringRelatedField(many=True),
                    lambda: serializers.SlugRelatedField("name", many=True, read_only=True),
                    lambda: Numbered(many=True),
                    lambda: Numbered(many=True, read_only=True, required=False),
                    lambda: serializers.SerializerMethodField("count_tags"),
                ]
            ).map(lambda make: make()),
        }
    )


def count_tags(self: Any, product: Product) -> int:
    return product.tags.count() if product.pk else 0


@pytest.fixture(scope="module")
def _stocked(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Products with and without category and tags, in the database for all examples."""
    with django_db_blocker.unblock():
        tea = Category.objects.create(name="Tea of the plans")
        tags = [Tag.objects.create(name=f"plan {n}") for n in range(3)]
        for number in range(4):
            product = Product.objects.create(
                name=f"P{number}", sku=f"plan-{number}", price=number, category=tea
            )
            product.tags.set(tags[:number])
        Product.objects.create(name="Bare", sku="plan-bare", price="0.10")
        yield
        Product.objects.filter(sku__startswith="plan-").delete()
        Tag.objects.filter(name__startswith="plan ").delete()
        tea.delete()


def loaded(how: str) -> Any:
    products = Product.objects.filter(sku__startswith="plan-")
    related = products.select_related("category").prefetch_related("tags")
    return {
        "lazy": products,
        "related": related,
        "list": list(related),
        "deferred": products.defer("name"),
        "unsaved": [Product(name="New"), Product(name="Newer", category=Category(name="New"))],
        "none": products.none(),
    }[how]


@pytest.mark.usefixtures("_stocked")
@pytest.mark.django_db
@often
@given(
    relation_fields(), st.sampled_from(["lazy", "related", "list", "deferred", "unsaved", "none"])
)
def test_any_relation(declared: dict[str, Any], how: str) -> None:
    cls = make_class({**declared, "count_tags": count_tags})
    agree(lambda: cls(loaded(how), many=True))
