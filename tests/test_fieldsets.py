"""Which serializers a plan may read, with which fields, and what is kept of them."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.test import override_settings
from rest_framework import serializers

from reflex_drf.compiled import compile_serializer, plain_data
from reflex_drf.fieldsets import field_sets, sets_of
from reflex_drf.representation import plain
from tests.shop.models import Category, Product, Tag
from tests.shop.serializers import CategorySerializer, ProductSerializer, TagSerializer


def product(**values: Any) -> Product:
    defaults = {"pk": 1, "name": "Assam", "sku": "T-1", "price": Decimal("4.50")}
    return Product(category=Category(pk=3, name="Tea"), **{**defaults, **values})


class Named(serializers.ModelSerializer[Product]):
    class Meta:
        model = Product
        fields = ["id", "name", "price"]


class Chosen(Named):
    """Fields by the caller's wish, as many projects have it."""

    def __init__(self, *args: Any, only: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in set(self.fields) - set(only or self.fields):
            self.fields.pop(name)


class ByContext(Named):
    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        if not self.context.get("prices"):
            del fields["price"]
        return fields


class Bound(serializers.CharField):
    """A field that looks at its serializer when it is put there."""

    def bind(self, field_name: str, parent: Any) -> None:
        super().bind(field_name, parent)
        self.source_attrs = [parent.context.get("shown", "name")]


class WithBound(serializers.Serializer[Any]):
    text = Bound()


class Nesting(serializers.Serializer[Any]):
    category = CategorySerializer()
    name = serializers.CharField()


class Trimmed(Nesting):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["category"].fields.pop("id")


def test_fields_are_built_once_for_a_class() -> None:
    plain_data(Named(product()))
    serializer = Named([product(), product(name="Ceylon")], many=True)

    assert [row["name"] for row in plain_data(serializer)] == ["Assam", "Ceylon"]
    assert "fields" not in serializer.child.__dict__


def test_each_caller_gets_the_fields_it_chose() -> None:
    assert plain_data(Chosen(product(), only=["name"])) == {"name": "Assam"}
    assert plain_data(Chosen(product(), only=["id"])) == {"id": 1}
    assert list(plain_data(Chosen([product()], many=True))[0]) == ["id", "name", "price"]


def test_fields_of_the_context_are_of_this_context() -> None:
    assert "price" in plain_data(ByContext(product(), context={"prices": True}))
    assert "price" not in plain_data(ByContext(product()))


def test_a_field_that_looks_at_its_serializer_is_bound_to_it() -> None:
    assert plain_data(WithBound(product())) == {"text": "Assam"}
    assert plain_data(WithBound(product(), context={"shown": "sku"})) == {"text": "T-1"}


def test_fields_taken_from_a_nested_serializer_stay_away() -> None:
    assert plain_data(Nesting(product()))["category"] == {"id": 3, "name": "Tea"}
    assert plain_data(Trimmed(product()))["category"] == {"name": "Tea"}


def test_fields_changed_after_the_first_run_are_seen() -> None:
    serializer = Named([product()], many=True)
    compile_serializer(serializer)
    serializer.child.fields["price"] = serializers.CharField(source="sku")

    assert serializer.data == [{"id": 1, "name": "Assam", "price": "T-1"}]


def test_a_changed_meta_is_seen() -> None:
    class Changing(Named):
        class Meta(Named.Meta):
            fields = ["name"]

    assert plain_data(Changing(product())) == {"name": "Assam"}
    Changing.Meta.fields.append("id")
    assert plain_data(Changing(product())) == {"name": "Assam", "id": 1}
    Changing.Meta.fields = ["sku"]
    assert plain_data(Changing(product())) == {"sku": "T-1"}


def test_a_changed_declaration_is_seen() -> None:
    class Changing(serializers.Serializer[Any]):
        name = serializers.CharField()

    assert plain_data(Changing(product())) == {"name": "Assam"}
    Changing._declared_fields["name"] = serializers.CharField(source="sku")
    assert plain_data(Changing(product())) == {"name": "T-1"}


def test_settings_are_those_of_the_moment() -> None:
    row = product(price=Decimal("4.567"))
    assert plain_data(Named(row))["price"] == "4.57"
    with override_settings(REST_FRAMEWORK={"COERCE_DECIMAL_TO_STRING": False}):
        assert plain_data(Named(row))["price"] == 4.57
    assert plain_data(Named(row))["price"] == "4.57"


def test_the_setting_turns_plans_off() -> None:
    serializer = Named(product())
    with override_settings(REFLEX_DRF={"COMPILED_REPRESENTATION": False}):
        compile_serializer(serializer)
        assert "to_representation" not in serializer.__dict__
        assert plain_data(serializer)["name"] == "Assam"
    assert "fields" in serializer.__dict__


PATCHED = [
    (serializers.CharField, "to_representation", lambda self, value: "patched"),
    (serializers.Field, "get_attribute", lambda self, instance: "7"),
    (serializers.DecimalField, "quantize", lambda self, value: 7),
    (serializers.Serializer, "to_representation", lambda self, instance: "patched"),
    (serializers.ListSerializer, "to_representation", lambda self, data: ["patched"]),
    (Named, "to_representation", lambda self, instance: "patched"),
    (Named, "get_fields", lambda self: {"name": serializers.CharField(source="sku")}),
]


@pytest.mark.parametrize(("kind", "name", "patch"), PATCHED)
def test_a_patch_is_seen(kind: Any, name: str, patch: Any, monkeypatch: Any) -> None:
    plain_data(Named([product()], many=True))
    monkeypatch.setattr(kind, name, patch)

    found = plain_data(Named([product()], many=True))

    assert found == plain(Named([product()], many=True).data)
    assert found != [{"id": 1, "name": "Assam", "price": "4.50"}]


def test_what_is_set_on_a_serializer_or_field_itself_counts() -> None:
    serializer = Named(product())
    serializer.to_representation = lambda instance: {"own": True}  # type: ignore[method-assign]
    assert plain_data(serializer) == {"own": True}

    serializer = Named(product())
    serializer.fields["name"].to_representation = str.upper
    assert plain_data(serializer)["name"] == "ASSAM"


def test_a_list_serializer_of_the_projects_own_is_asked() -> None:
    class Reversed(serializers.ListSerializer[Any]):
        def to_representation(self, data: Any) -> Any:
            return super().to_representation(data)[::-1]

    class Rows(Named):
        class Meta(Named.Meta):
            list_serializer_class = Reversed

    rows = plain_data(Rows([product(), product(name="Last")], many=True))
    assert [row["name"] for row in rows] == ["Last", "Assam"]


def test_methods_of_a_row_run_in_the_order_of_the_fields() -> None:
    class Telling(serializers.Serializer[Any]):
        first = serializers.SerializerMethodField()
        name = serializers.CharField()
        second = serializers.SerializerMethodField()

        def get_first(self, row: Product) -> int:
            row.name, self.seen = f"{row.name}!", row.pk
            return row.pk

        def get_second(self, row: Product) -> str:
            return f"after {self.seen}"

    rows = plain_data(Telling([product(), product(pk=2)], many=True))
    assert rows == [
        {"first": 1, "name": "Assam!", "second": "after 1"},
        {"first": 2, "name": "Assam!", "second": "after 2"},
    ]


def test_rows_that_are_no_models_are_drfs() -> None:
    rows: list[Any] = [{"id": 1, "name": "Tea"}, {"id": 2, "name": "Coffee"}]
    assert plain_data(CategorySerializer(rows, many=True)) == rows
    assert plain_data(CategorySerializer(rows[0])) == rows[0]
    assert plain_data(CategorySerializer(iter(rows), many=True)) == rows
    mixed = [Category(id=1, name="Tea"), Tag(id=2, name="Coffee")]
    assert plain_data(CategorySerializer(mixed, many=True)) == rows


def test_data_is_read_once_and_kept_where_drf_keeps_it() -> None:
    serializer = Named(product())
    first = plain_data(serializer)
    serializer.instance.name = "Changed"

    assert plain_data(serializer) == first
    assert serializer.data == first
    assert plain_data(serializer) is not first


def test_compiled_data_are_drfs_own_values_and_containers() -> None:
    with override_settings(REST_FRAMEWORK={"COERCE_DECIMAL_TO_STRING": False}):
        one, many = Named(product(price=Decimal("4.567"))), Named([product()], many=True)
        compile_serializer(one)
        compile_serializer(many)
        assert repr(one.data) == repr(Named(product(price=Decimal("4.567"))).data)
        assert one.data.serializer is one
        assert many.data.serializer is many


def test_nothing_keeps_a_class_a_serializer_or_a_request() -> None:
    class Request:
        pass

    def use() -> list[weakref.ref[Any]]:
        class Brief(ProductSerializer):
            other = TagSerializer(read_only=True)
            text = serializers.SerializerMethodField()

            class Meta(ProductSerializer.Meta):
                fields = [*ProductSerializer.Meta.fields, "other", "text"]

            def get_text(self, row: Product) -> str:
                return "text"

        request = Request()
        row = product()
        row.__dict__["_prefetched_objects_cache"] = {"tags": []}
        serializer = Brief(row, context={"request": request})
        assert sets_of(Brief)
        plain_data(serializer)
        return [weakref.ref(kept) for kept in (Brief, request, serializer, row)]

    kept = use()
    gc.collect()
    assert [reference() for reference in kept] == [None] * 4


@pytest.fixture
def _switching() -> Iterator[None]:
    import sys

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("_switching")
def test_threads_may_meet_a_class_at_the_same_time() -> None:
    class Fresh(Named):
        pass

    results: list[Any] = []
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        results.extend(plain_data(Fresh(product())) for _ in range(20))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [{"id": 1, "name": "Assam", "price": "4.50"}] * 160


def change_choices(fields: Any) -> None:
    fields["size"].choice_strings_to_values["s"] = "S"


CHANGES: list[Any] = [
    lambda fields: setattr(fields["price"], "decimal_places", 1),
    lambda fields: setattr(fields["name"], "source_attrs", ["sku"]),
    lambda fields: fields["name"].source_attrs.__setitem__(0, "sku"),
    lambda fields: setattr(fields["name"], "write_only", True),
    lambda fields: setattr(fields["name"], "to_representation", str.upper),
    lambda fields: setattr(fields["tags"].child_relation, "to_representation", str),
    lambda fields: setattr(fields["tags"], "child_relation", serializers.StringRelatedField()),
    lambda fields: fields.pop("name"),
    lambda fields: fields.__setitem__("name", serializers.SlugField(source="sku")),
    lambda fields: delattr(fields["name"], "source_attrs"),
    change_choices,
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_fields_that_were_built_is_seen(change: Any) -> None:
    def make(change: Any = None) -> Any:
        row = product(size="s")
        row.__dict__["_prefetched_objects_cache"] = {"tags": [Tag(pk=7, name="green")]}
        serializer = ProductSerializer(row)
        (change or len)(serializer.fields)
        return serializer

    kept = field_sets(make())
    assert kept is not None
    assert kept == sets_of(ProductSerializer)
    assert field_sets(make(change)) is None
