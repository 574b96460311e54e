"""What can be chosen without asking the database."""

from __future__ import annotations

from typing import Any

import django_filters
import pytest
from django.utils.translation import override
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import filters, serializers, viewsets

from reflex_drf.state import ModelState
from reflex_drf.state.choosing import Filter, describe_filters, static_choices
from reflex_drf.state.description import describe
from reflex_drf.state.queries import ListQuery
from tests.shop.models import Category, Product, Tag
from tests.shop.serializers import ProductSerializer
from tests.shop.views import ProductViewSet


class ProductFilters(django_filters.FilterSet):
    q = django_filters.CharFilter(field_name="name", label="Named")
    cheaper = django_filters.NumberFilter(field_name="price", lookup_expr="lt")
    released = django_filters.DateFromToRangeFilter()
    price = django_filters.RangeFilter(label="Price")
    day = django_filters.DateFilter(field_name="released")
    owner = django_filters.ModelChoiceFilter(queryset=Category.objects.all())
    tags = django_filters.ModelMultipleChoiceFilter(queryset=Tag.objects.all())
    size = django_filters.ChoiceFilter(choices=lambda: Product.Size.choices)
    sizes = django_filters.MultipleChoiceFilter(field_name="size", choices=Product.Size.choices)
    active = django_filters.BooleanFilter()

    class Meta:
        model = Product
        fields: list[str] = []


class FilteredViewSet(viewsets.ModelViewSet[Product]):
    queryset = Product.objects.all()
    serializer_class = ProductSerializer
    filter_backends = [DjangoFilterBackend]
    filterset_class = ProductFilters


def known() -> dict[str, Filter]:
    return {item.name: item for item in describe_filters(ListQuery(FilteredViewSet))}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("q", "text"),
        ("cheaper", "number"),
        ("released_after", "date"),
        ("released_before", "date"),
        ("price_min", "number"),
        ("price_max", "number"),
        ("day", "date"),
        ("owner", "key"),
        ("tags", "keys"),
        ("size", "choice"),
        ("sizes", "choice"),
        ("active", "choice"),
    ],
)
def test_the_kind_follows_the_filter(name: str, kind: str) -> None:
    assert known()[name].kind == kind


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("q", "Named"),
        ("cheaper", "Cheaper"),
        ("released_after", "Released from"),
        ("released_before", "Released to"),
        ("price_min", "Price from"),
        ("price_max", "Price to"),
    ],
)
def test_labels_are_words(name: str, label: str) -> None:
    assert known()[name].label == label


class TestFiltersOfFields:
    """Filters that are named after a field are called what the field is called."""

    @pytest.fixture
    def labels(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        field = Product._meta.get_field("sku")
        monkeypatch.setattr(field, "verbose_name", "article number")

        class FieldsViewSet(FilteredViewSet):
            filterset_class = None
            filterset_fields = {
                "sku": ["exact", "icontains", "in"],
                "price": ["gte", "lte", "gt"],
                "released": ["year"],
                "category__name": ["exact"],
            }

        return {item.name: item.label for item in describe_filters(ListQuery(FieldsViewSet))}

    def test_the_name_is_the_one_for_people(self, labels: dict[str, Any]) -> None:
        assert {name: str(label) for name, label in labels.items()} == {
            "sku": "Article number",
            "sku__icontains": "Article number contains",
            "sku__in": "Article number is in",
            "price__gte": "Price from",
            "price__lte": "Price to",
            "price__gt": "Price is greater than",
            "released__year": "Released year",
            "category__name": "Category name",
        }

    def test_it_is_in_the_language_of_the_reader(self, labels: dict[str, Any]) -> None:
        with override("de"):
            assert str(labels["price__gte"]) == "Price ab"
            assert str(labels["price__gt"]) == "Price ist größer als"

    def test_what_a_queryset_adds_has_only_a_name(self) -> None:
        class Added(django_filters.FilterSet):
            line_count = django_filters.NumberFilter()

        class AddedViewSet(FilteredViewSet):
            filterset_class = Added

        labels = [item.label for item in describe_filters(ListQuery(AddedViewSet))]
        assert labels == ["Line count"]


def test_choices_are_those_that_were_declared() -> None:
    small_and_large = (("s", "Small"), ("l", "Large"))
    assert known()["size"].choices == small_and_large
    assert known()["sizes"].choices == small_and_large
    assert known()["active"].choices == (("true", "Yes"), ("false", "No"))


def test_filters_stand_in_the_order_of_their_declaration() -> None:
    assert list(known())[:3] == ["q", "cheaper", "released_after"]


@pytest.mark.django_db
def test_the_rows_of_a_relation_are_not_read(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        found = known()
    assert found["owner"].choices == ()
    assert found["tags"].choices == ()


def test_fields_of_a_viewset_become_filters() -> None:
    class ChoosingState(ModelState):
        viewset = ProductViewSet

    assert describe(ChoosingState).filters == (
        Filter(name="category", label="Category", kind="key", relation="filter:category"),
        Filter(name="active", label="Active", kind="choice", choices=known()["active"].choices),
        Filter(name="size", label="Size", kind="choice", choices=known()["size"].choices),
    )


def test_parameters_that_only_have_a_name_are_texts() -> None:
    class ParameterViewSet(FilteredViewSet):
        filter_backends = [filters.SearchFilter]
        search_fields = ["name"]

    query = ListQuery(ParameterViewSet, ("sold_by", "mine"))
    assert describe_filters(query) == (
        Filter(name="mine", label="Mine"),
        Filter(name="sold_by", label="Sold by"),
    )


def test_search_ordering_and_pages_are_no_filters() -> None:
    class SearchedViewSet(FilteredViewSet):
        filter_backends = [DjangoFilterBackend, filters.SearchFilter, filters.OrderingFilter]
        search_fields = ["name"]

    names = {item.name for item in describe_filters(ListQuery(SearchedViewSet))}
    assert names == set(known())


@pytest.mark.parametrize(
    ("field", "choices"),
    [
        (serializers.ChoiceField(choices=[1, 2]), ((1, "1"), (2, "2"))),
        (serializers.ChoiceField(choices=[("a", "An a")]), (("a", "An a"),)),
        (serializers.ChoiceField(choices=[("Group", [("a", "An a")])]), (("a", "An a"),)),
        (serializers.CharField(), ()),
        (serializers.PrimaryKeyRelatedField(queryset=Tag.objects.all()), ()),
    ],
    ids=["values", "pairs", "groups", "text", "relation"],
)
def test_choices_of_a_field(field: Any, choices: Any) -> None:
    assert static_choices(field) == choices
