"""The columns of a table, read off the serializer of the rows."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from rest_framework import filters, serializers, viewsets

from reflex_drf.state import ModelState
from reflex_drf.state.columns import Column, title_of
from reflex_drf.state.description import describe
from tests.shop.models import Order, Product, Tag
from tests.shop.views import OrderViewSet, ProductViewSet

# Each state needs a name of its own.
NUMBERS = itertools.count()


class ColumnProductState(ModelState):
    viewset = ProductViewSet


def column(name: str, state: Any = ColumnProductState) -> Column:
    return describe(state).column(name)


def described(field: Any, model: Any = Tag) -> Column:
    """The column of one serializer field."""
    meta = type("Meta", (), {"model": model, "fields": ["id", "tried"]})
    serializer = type(
        "ColumnSerializer",
        (serializers.ModelSerializer,),
        {"tried": field, "Meta": meta, "__module__": __name__},
    )
    state = type(ModelState)(
        f"Column{next(NUMBERS)}State",
        (ModelState,),
        {"serializer_class": serializer, "__module__": __name__},
    )
    return describe(state).column("tried")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("id", "number"),
        ("name", "text"),
        ("size", "choice"),
        ("price", "decimal"),
        ("stock", "number"),
        ("active", "boolean"),
        ("released", "date"),
        ("created_at", "datetime"),
        ("attrs", "json"),
        ("category", "key"),
        ("tags", "list"),
        ("photo", "file"),
        ("label", "text"),
    ],
)
def test_the_kind_follows_the_serializer_field(name: str, kind: str) -> None:
    assert column(name).kind == kind


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        (serializers.TimeField(), "time"),
        (serializers.URLField(), "url"),
        (serializers.ImageField(), "image"),
        (serializers.FloatField(), "number"),
        (serializers.ListField(child=serializers.IntegerField()), "list"),
        (serializers.MultipleChoiceField(choices=["a"]), "list"),
        (serializers.DictField(), "json"),
        (serializers.StringRelatedField(), "text"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_more_kinds(field: Any, kind: str) -> None:
    assert described(field).kind == kind


def test_a_method_is_shown_as_what_it_says_it_returns() -> None:
    class MethodSerializer(serializers.ModelSerializer[Tag]):
        count = serializers.SerializerMethodField()
        known = serializers.SerializerMethodField()
        maybe = serializers.SerializerMethodField()

        class Meta:
            model = Tag
            fields = ["id", "count", "known", "maybe"]

        def get_count(self, tag: Tag) -> int:
            return 1

        def get_known(self, tag: Tag) -> bool:
            return True

        def get_maybe(self, tag: Tag) -> Any:
            return None

    class MethodColumnState(ModelState):
        serializer_class = MethodSerializer

    kinds = [column(name, MethodColumnState).kind for name in ("count", "known", "maybe")]
    assert kinds == ["number", "boolean", "text"]


def test_labels_are_the_serializers() -> None:
    assert described(serializers.CharField(label="As seen")).label == "As seen"
    assert column("category_name").label == "Category name"


def test_a_nested_record_is_named_by_its_title() -> None:
    class TagSerializer(serializers.ModelSerializer[Tag]):
        class Meta:
            model = Tag
            fields = ["id", "name"]

    assert described(TagSerializer(read_only=True)).kind == "record"
    assert described(TagSerializer(read_only=True)).title == "name"
    assert described(TagSerializer(many=True, read_only=True)).kind == "rows"


def test_write_only_fields_and_hidden_ones_are_no_columns() -> None:
    class HidingSerializer(serializers.ModelSerializer[Tag]):
        secret = serializers.CharField(write_only=True)

        class Meta:
            model = Tag
            fields = ["id", "name", "secret"]

    class HidingState(ModelState):
        serializer_class = HidingSerializer

        class Meta:
            exclude_from_row = ["name"]

    assert [known.name for known in describe(HidingState).columns] == ["id"]


class TestOrdering:
    @pytest.mark.parametrize(
        ("name", "term"), [("name", "name"), ("price", "price"), ("sku", ""), ("label", "")]
    )
    def test_only_what_the_viewset_allows(self, name: str, term: str) -> None:
        assert column(name).ordering == term

    def test_a_column_is_sorted_by_its_source(self) -> None:
        class ByCategory(ProductViewSet):
            ordering_fields = ["category__name"]

        class ByCategoryState(ModelState):
            viewset = ByCategory

        assert column("category_name", ByCategoryState).ordering == "category__name"
        assert column("name", ByCategoryState).ordering == ""

    def test_no_filter_no_sorting(self) -> None:
        class UnsortedState(ModelState):
            viewset = OrderViewSet

        assert {known.ordering for known in describe(UnsortedState).columns} == {""}

    def test_without_a_list_of_fields_those_that_are_shown(self) -> None:
        class AnySorting(viewsets.ModelViewSet[Order]):
            queryset = Order.objects.all()
            serializer_class = OrderViewSet.serializer_class
            filter_backends = [filters.OrderingFilter]

        class AnySortingState(ModelState):
            viewset = AnySorting

        assert column("customer", AnySortingState).ordering == "customer"


class TestMinor:
    @pytest.mark.parametrize("name", ["id", "category", "attrs"])
    def test_left_out_unless_asked_for(self, name: str) -> None:
        # A key that says nothing, a key whose text is there, and data too long for a cell.
        assert column(name).minor

    @pytest.mark.parametrize("name", ["name", "price", "category_name", "photo", "tags"])
    def test_shown(self, name: str) -> None:
        assert not column(name).minor

    def test_long_texts_are_left_out(self) -> None:
        long = serializers.CharField(style={"base_template": "textarea.html"})
        assert described(long, Product).minor

    def test_a_key_without_its_text_is_shown(self) -> None:
        class KeySerializer(serializers.ModelSerializer[Product]):
            class Meta:
                model = Product
                fields = ["id", "category"]

        class KeyState(ModelState):
            serializer_class = KeySerializer

        assert not column("category", KeyState).minor


class TestTitle:
    def made(self, *names: str, kind: str = "text") -> tuple[Column, ...]:
        return tuple(Column(name=name, label=name, kind=kind) for name in names)

    def test_usual_names_come_first(self) -> None:
        assert title_of(self.made("code", "remark", "name"), "id") == "name"

    def test_else_the_first_text(self) -> None:
        assert title_of(self.made("id", "remark", "other"), "id") == "remark"

    def test_else_the_key(self) -> None:
        assert title_of(self.made("id", "size", kind="number"), "id") == "id"
