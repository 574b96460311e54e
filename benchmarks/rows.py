"""Reading 1,000 rows of 11 mixed fields: ours, DRF's, and the database alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from asgiref.sync import sync_to_async
from rest_framework import serializers

from benchmarks.data import Work
from reflex_drf.compiled import plain_data
from reflex_drf.representation import plain
from reflex_drf.serializers import adata
from tests.shop.models import Category, Product, Tag

ROWS = 1000
FIELDS = [
    *("id", "name", "sku", "size", "price", "stock", "active", "released", "attrs", "category"),
    "created_at",
]


class FlatSerializer(serializers.ModelSerializer[Product]):
    class Meta:
        model = Product
        fields = FIELDS


class CategorySerializer(serializers.ModelSerializer[Category]):
    class Meta:
        model = Category
        fields = ["id", "name"]


class TagSerializer(serializers.ModelSerializer[Tag]):
    class Meta:
        model = Tag
        fields = ["id", "name"]


class NestedSerializer(serializers.ModelSerializer[Product]):
    category = CategorySerializer()
    tags = TagSerializer(many=True)

    class Meta:
        model = Product
        fields = [*FIELDS, "tags"]


def flat() -> Any:
    return Product.objects.all()[:ROWS]


def nested() -> Any:
    return Product.objects.select_related("category").prefetch_related("tags")[:ROWS]


def in_thread(work: Callable[[], Any]) -> Work:
    """Do what an async handler would do with Django's own means."""

    async def run() -> object:
        return await sync_to_async(work)()

    return run


def read(cls: Any, rows: Callable[[], Any]) -> tuple[Work, Work]:
    """Give both sides of a row of the table."""

    async def ours() -> object:
        return await adata(cls(rows(), many=True))

    return ours, in_thread(lambda: cls(rows(), many=True).data)


def row_figures() -> Iterator[tuple[str, str, Work, Work, int]]:
    """Give the rows of the table, each with a check that both sides give the same."""
    loaded, loaded_nested = list(flat()), list(nested())
    for cls, rows in ((FlatSerializer, flat), (NestedSerializer, nested)):
        rendered = plain(cls(rows(), many=True).data)
        assert plain_data(cls(rows(), many=True)) == rendered
    what = "`adata()` of 1,000 rows"
    nest = "one nested and one many-related serializer"
    ours, drf = read(FlatSerializer, flat)
    yield f"{what}, queryset", "DRF's `.data`", ours, drf, 30
    values = in_thread(lambda: list(flat().values(*FIELDS)))
    yield f"{what}, queryset", "`list(queryset.values(...))`", ours, values, 30
    yield f"{what}, loaded", "DRF's `.data`", *read(FlatSerializer, lambda: loaded), 30
    yield f"{what}, queryset, {nest}", "DRF's `.data`", *read(NestedSerializer, nested), 15
    loaded_sides = read(NestedSerializer, lambda: loaded_nested)
    yield f"{what}, loaded, {nest}", "DRF's `.data`", *loaded_sides, 15
