"""Names of model fields in a state's options: those that lead nowhere are errors at import."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import F, Prefetch, QuerySet, Value
from rest_framework import filters
from rest_framework.request import Request
from rest_framework.viewsets import ModelViewSet

from reflex_drf.errors import ConfigurationError
from reflex_drf.state import ModelState
from tests.shop.models import Category, Order, OrderLine, Product, Tag
from tests.shop.serializers import ProductSerializer
from tests.shop.views import ProductViewSet
from tests.test_mistakes import declare, refused

PRODUCT: dict[str, Any] = {"model": Product, "fields": ["name"]}


def test_a_search_of_what_rows_do_not_have_is_refused() -> None:
    said = refused(".search_fields names 'nmae'", **PRODUCT, search_fields=["name", "nmae"])
    assert "Choices are" in said
    refused(".search_fields names '^nmae'", **PRODUCT, search_fields=["^nmae"])
    refused("'category__nmae'", **PRODUCT, search_fields=["category__nmae"])
    # Text is looked for in columns, and a relation is none.
    refused("'category'", **PRODUCT, search_fields=["category"])
    refused("''", **PRODUCT, search_fields=[""])


@pytest.mark.parametrize(
    "names",
    [
        ["name", "^sku", "=id", "$name", "category__name", "tags__name", "pk"],
        ["id__exact", "created_at__year", "name__istartswith"],
    ],
)
def test_a_search_that_drf_takes_is_taken(names: list[str]) -> None:
    assert declare(**PRODUCT, search_fields=names)._plan.viewset.search_fields == tuple(names)


def test_an_order_by_what_rows_do_not_have_is_refused() -> None:
    refused(".ordering_fields names 'nmae'", **PRODUCT, ordering_fields=["name", "nmae"])
    refused("'category__nmae'", **PRODUCT, ordering_fields=("category__nmae",))
    refused("'nmae'", **PRODUCT, ordering_fields=[("nmae", "Name")])
    refused("'-name'", **PRODUCT, ordering_fields=["-name"])
    refused(".ordering names 'category__nmae'", **PRODUCT, ordering=["name", "-category__nmae"])
    declare(**PRODUCT, ordering=["-category__name", F("price").desc(), "created_at__year", "?"])
    for names in (["name", "category__name", "pk", "?"], [("price", "Price")], "__all__", None):
        declare(**PRODUCT, ordering_fields=names)


@pytest.mark.parametrize("beside", [PRODUCT, {"viewset": ProductViewSet}])
def test_a_join_that_leads_nowhere_is_refused(beside: dict[str, Any]) -> None:
    refused(".queryset_select_related", "'owenr'", **beside, queryset_select_related=["owenr"])
    refused("'owner__nope'", **beside, queryset_select_related=["owner__nope"])
    for name in ("name", "tags", "category__name"):
        refused(f"{name!r}, which leads to no", **beside, queryset_select_related=[name])
    declare(**beside, queryset_select_related=["owner", "category"])


def test_a_join_over_two_relations_is_taken() -> None:
    declare(model=OrderLine, fields=["id"], queryset_select_related=["product__category"])


@pytest.mark.parametrize("beside", [PRODUCT, {"viewset": ProductViewSet}])
def test_rows_read_along_over_no_relation_are_refused(beside: dict[str, Any]) -> None:
    refused(".queryset_prefetch", "'tgas'", "Product", **beside, queryset_prefetch=["tgas"])
    refused("'name'", **beside, queryset_prefetch=["name"])
    refused("'category_id'", **beside, queryset_prefetch=["category_id"])
    refused("'tgas'", **beside, queryset_prefetch=[Prefetch("tgas", Tag.objects.all())])
    own = Prefetch("tags", Tag.objects.all(), to_attr="labels")
    declare(**beside, queryset_prefetch=["category__product_set", own, "labels__product_set"])


def test_relations_from_the_other_side_are_read_along() -> None:
    declare(model=Order, fields=["customer"], queryset_prefetch=["lines__product"])
    declare(model=Category, fields=["name"], queryset_prefetch=["product_set"])


def test_rows_of_a_state_may_have_more_than_their_model() -> None:
    class LoudState(ModelState):
        class Meta:
            abstract = True
            model = Product
            fields = ("name",)
            search_fields = ("loud",)
            ordering_fields = ("loud",)

        def get_queryset(self) -> QuerySet[Any]:
            return super().get_queryset().annotate(loud=Value("!"))

    class LouderState(LoudState):
        class Meta:
            search_fields = ("loud", "name")

    assert LouderState._plan.viewset.search_fields == ("loud", "name")


def test_what_a_manager_adds_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    class Loud(type(Product._default_manager)):  # type: ignore[misc]
        def get_queryset(self) -> QuerySet[Any]:
            found: QuerySet[Any] = super().get_queryset().annotate(loud=F("name"))
            return found

    manager = Loud()
    manager.model = Product
    monkeypatch.setattr(Product._meta, "default_manager", manager)
    declare(**PRODUCT, search_fields=["loud"], ordering_fields=["loud"])


def test_names_that_a_filter_reads_in_its_own_way_are_left_to_it() -> None:
    class Translating(filters.SearchFilter):
        def get_search_fields(self, view: Any, request: Request) -> list[str]:
            return ["name"]

    class Sorting(filters.OrderingFilter):
        def get_ordering(self, request: Request, queryset: Any, view: Any) -> list[str]:
            return ["name"]

    words: dict[str, Any] = {"search_fields": ["title"], "ordering_fields": ["title"]}
    declare(**PRODUCT, **words, filter_backends=[Translating, Sorting])
    # Nothing searches or sorts there.
    declare(**PRODUCT, **words, filter_backends=[])


def test_an_existing_viewset_answers_for_its_own_names() -> None:
    class Odd(ModelViewSet[Product]):
        queryset = Product.objects.annotate(loud=F("name"))
        serializer_class = ProductSerializer
        search_fields = ("loud",)

    declare(viewset=Odd)


def test_the_error_is_the_projects() -> None:
    with pytest.raises(ConfigurationError) as caught:
        declare(**PRODUCT, search_fields=["nmae"])
    assert caught.value.__cause__ is not None
