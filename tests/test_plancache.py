"""Plans are kept between runs, and nobody gets one that was made for anything else."""

from __future__ import annotations

import decimal
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from datetime import timezone as fixed_timezone
from decimal import Decimal
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.settings import api_settings

from reflex_drf.compiled import compile_serializer, plain_data
from reflex_drf.fieldsets import sets_of
from tests.shop.models import Category, Product, Tag

AT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def product(**values: Any) -> Product:
    defaults = {"pk": 1, "name": "Assam", "sku": "T-1", "price": Decimal("4.50"), "created_at": AT}
    return Product(category=Category(pk=3, name="Tea"), **{**defaults, **values})


class Timed(serializers.ModelSerializer[Product]):
    class Meta:
        model = Product
        fields = ["id", "name", "price", "created_at"]


class Telling(serializers.ModelSerializer[Product]):
    """A method that answers by what its serializer was given."""

    told = serializers.SerializerMethodField()

    class Meta:
        model = Product
        fields = ["id", "told"]

    def get_told(self, row: Product) -> str:
        return f"{self.context['who']} sees {row.name}"


class Outer(serializers.ModelSerializer[Product]):
    """A method that reads the row by another serializer of a class that is at work already."""

    name = serializers.SerializerMethodField()
    again = serializers.SerializerMethodField()

    class Meta:
        model = Product
        fields = ["name", "again"]

    def get_name(self, row: Product) -> str:
        return f"{row.name} for {self.context['who']}"

    def get_again(self, row: Product) -> Any:
        if self.context["who"] == "inner":
            return None
        inner = Outer(row, context={"who": "inner"})
        return plain_data(inner)["name"], self.context["who"]


class Whole(serializers.ModelSerializer[Product]):
    category = serializers.SerializerMethodField()

    class Meta:
        model = Product
        fields = ["id", "category"]

    def get_category(self, row: Product) -> str:
        return f"{self.context['who']}: {row.category}"


class Shelf(serializers.Serializer[Any]):
    best = Whole(source="*")


def by_drf(serializer: Any) -> Any:
    return json.loads(JSONRenderer().render(serializer.data))


def at_zone(zone: Any) -> AbstractContextManager[Any]:
    return timezone.override(zone)


@contextmanager
def digits(**options: Any) -> Iterator[None]:
    with decimal.localcontext() as context:
        for name, value in options.items():
            setattr(context, name, value)
        yield


def drf_settings(**options: Any) -> AbstractContextManager[Any]:
    return override_settings(REST_FRAMEWORK=options)


SURROUNDINGS = [
    lambda: at_zone("Asia/Tokyo"),
    lambda: at_zone(fixed_timezone(timedelta(hours=-3))),
    lambda: override_settings(USE_TZ=False),
    lambda: drf_settings(DATETIME_FORMAT="%d.%m.%Y"),
    lambda: drf_settings(DATETIME_FORMAT=None),
    lambda: drf_settings(COERCE_DECIMAL_TO_STRING=False),
    lambda: digits(rounding=decimal.ROUND_DOWN),
    lambda: digits(prec=3),
]


@pytest.mark.parametrize("around", SURROUNDINGS)
@pytest.mark.parametrize("many", [False, True])
def test_a_run_sees_what_holds_around_it(around: Any, many: bool) -> None:
    rows: Any = [product(price=Decimal("4.567")), product(pk=2, price=None)]
    given = {"instance": rows if many else rows[0], "many": many}
    before = plain_data(Timed(**given))
    with around():
        assert plain_data(Timed(**given)) == by_drf(Timed(**given))
    assert plain_data(Timed(**given)) == before == by_drf(Timed(**given))


@pytest.mark.parametrize(
    ("kind", "name", "patch"),
    [
        (serializers.DecimalField, "quantize", lambda self, value: Decimal("9.99")),
        (serializers.DateTimeField, "enforce_timezone", lambda self, value: AT + timedelta(days=1)),
        (serializers.CharField, "get_attribute", lambda self, instance: "patched"),
    ],
)
def test_a_patch_between_runs_is_seen(
    kind: Any, name: str, patch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = product(price=Decimal("4.567"))
    before = plain_data(Timed(row))
    monkeypatch.setattr(kind, name, patch)
    assert plain_data(Timed(row)) == by_drf(Timed(row)) != before


def test_a_changed_setting_of_drf_is_seen_without_its_signal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain_data(Timed(product()))
    monkeypatch.setattr(api_settings, "DATETIME_FORMAT", "%Y")
    assert plain_data(Timed(product()))["created_at"] == "2026"


def test_methods_are_those_of_the_serializer_at_hand() -> None:
    for who in ("Ann", "Bob"):
        rows = plain_data(Telling([product()], many=True, context={"who": who}))
        assert rows == [{"id": 1, "told": f"{who} sees Assam"}]
        shown = plain_data(Shelf(product(), context={"who": who}))
        assert shown["best"]["category"].startswith(f"{who}: ")


def test_a_run_inside_another_of_the_same_class_leaves_it_its_serializer() -> None:
    rows = plain_data(Outer([product(), product(name="Ceylon")], many=True, context={"who": "us"}))
    assert rows == [
        {"name": "Assam for us", "again": ["Assam for inner", "us"]},
        {"name": "Ceylon for us", "again": ["Ceylon for inner", "us"]},
    ]


def test_a_run_that_fails_leaves_nothing_to_the_next() -> None:
    with pytest.raises(KeyError):
        plain_data(Telling(product(), context={}))
    assert plain_data(Telling(product(), context={"who": "Ann"}))["told"] == "Ann sees Assam"


def test_threads_that_share_a_plan_read_their_own_serializers() -> None:
    barrier = threading.Barrier(8)

    def read(number: int) -> list[Any]:
        barrier.wait()
        rows = [product(name=f"{number}-{place}") for place in range(200)]
        return list(plain_data(Telling(rows, many=True, context={"who": number})))

    with ThreadPoolExecutor(8) as pool:
        for number, rows in enumerate(pool.map(read, range(8))):
            told = [row["told"] for row in rows]
            assert told == [f"{number} sees {number}-{place}" for place in range(200)]


def test_a_nested_class_that_changes_is_seen_by_what_it_stands_in() -> None:
    class Inner(serializers.ModelSerializer[Category]):
        class Meta:
            model = Category
            fields = ["id"]

    class Around(serializers.ModelSerializer[Product]):
        category = Inner()

        class Meta:
            model = Product
            fields = ["category"]

    assert plain_data(Around(product())) == {"category": {"id": 3}}
    Inner.Meta.fields = ["name"]
    # DRF has copied the declared field, but the class of it is asked anew each time.
    assert (
        plain_data(Around(product())) == by_drf(Around(product())) == {"category": {"name": "Tea"}}
    )


class Written(serializers.ModelSerializer[Product]):
    """With an input to be validated, for which it has fields of its own built."""

    name = serializers.CharField(max_length=20)
    size = serializers.ChoiceField({"s": "Small"}, default="s", source="sku")
    tags = serializers.PrimaryKeyRelatedField(many=True, read_only=True)

    class Meta:
        model = Product
        fields = ["id", "name", "size", "price", "created_at", "tags"]

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        # From here on the fields are there, and may be changed.
        self.context.get("change", lambda fields: None)(self.fields)
        return data


def hide_price(fields: Any) -> None:
    fields["price"].write_only = True


def take_price(fields: Any) -> None:
    del fields["price"]


def number_price(fields: Any) -> None:
    fields["price"].coerce_to_string = False


def shorten_time(fields: Any) -> None:
    fields["created_at"].format = "%Y"


def other_source(fields: Any) -> None:
    fields["name"].source, fields["name"].source_attrs = "sku", ["sku"]


def own_way(fields: Any) -> None:
    fields["name"].to_representation = lambda value: f"<{value}>"


def other_kind(fields: Any) -> None:
    fields["name"] = serializers.SerializerMethodField(method_name="validate")


def reorder(fields: Any) -> None:
    fields.fields["name"] = fields.fields.pop("name")


def slugs(fields: Any) -> None:
    fields["tags"].child_relation.pk_field = serializers.CharField()


CHANGES = [
    *(hide_price, take_price, number_price, shorten_time, other_source, own_way, other_kind),
    *(reorder, slugs),
]


def saved(change: Any) -> Any:
    context = {"change": change} if change else {}
    data = {"name": "Assam", "size": "s", "price": "4.50"}
    serializer = Written(data=data, context=context)
    serializer.is_valid(raise_exception=True)
    row = product(price=Decimal("4.5"), created_at=AT)
    row._prefetched_objects_cache = {"tags": [Tag(pk=7), Tag(pk=8)]}
    serializer.instance = row
    serializer._errors = {}
    return serializer


@pytest.mark.django_db
@pytest.mark.parametrize("change", [None, *CHANGES])
def test_what_was_saved_is_shown_by_the_fields_as_they_are(change: Any) -> None:
    for each in (None, change, None):
        expected = saved(each).data
        serializer = saved(each)
        compile_serializer(serializer)
        assert list(serializer.data.items()) == list(expected.items())


@pytest.mark.django_db
def test_saving_again_plans_nothing_anew() -> None:
    sets = sets_of(Written)
    assert sets is not None
    sets[0].plans.clear()
    for _ in range(3):
        serializer = saved(None)
        compile_serializer(serializer)
        assert serializer.data["tags"] == [7, 8]
    (plan,) = sets[0].plans.values()
    assert plan


def test_values_of_drf_and_values_of_json_have_plans_of_their_own() -> None:
    serializer = Timed(product(price=Decimal("4.5")))
    with drf_settings(COERCE_DECIMAL_TO_STRING=False):
        compile_serializer(serializer)
        assert serializer.data["price"] == Decimal("4.50")
        assert plain_data(Timed(product(price=Decimal("4.5"))))["price"] == 4.5


def test_time_zones_without_end_keep_no_plans_without_end() -> None:
    for minutes in range(300):
        with timezone.override(fixed_timezone(timedelta(minutes=minutes))):
            assert (
                plain_data(Timed(product()))["created_at"] == by_drf(Timed(product()))["created_at"]
            )
    sets = sets_of(Timed)
    assert sets is not None
    assert len(sets[0].plans) <= 64
