"""Reading 1,000 rows of 11 mixed fields: ours, DRF's, and the database alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from asgiref.sync import sync_to_async
from rest_framework import serializers

from benchmarks.table import Row, Work, time_pair
from reflex_drf.compiled import plain_data
from reflex_drf.representation import plain
from reflex_drf.serializers import adata
from tests.shop.models import Category, Product, Tag

ROWS = 1000
REPEATS = 30
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


class KeyedSerializer(serializers.ModelSerializer[Product]):
    class Meta:
        model = Product
        fields = [*FIELDS, "tags"]


def flat() -> Any:
    return Product.objects.all()[:ROWS]


def nested() -> Any:
    return Product.objects.select_related("category").prefetch_related("tags")[:ROWS]


def keyed() -> Any:
    return Product.objects.prefetch_related("tags")[:ROWS]


READS: list[tuple[Any, Callable[[], Any]]] = [
    (FlatSerializer, flat),
    (NestedSerializer, nested),
    (KeyedSerializer, keyed),
]


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


async def rows_rows() -> AsyncIterator[Row]:
    """Give the rows of the table, each with a check that both sides give the same."""
    loaded, loaded_nested = await sync_to_async(prepared)()
    flat_read, nested_read = read(FlatSerializer, flat), read(NestedSerializer, nested)
    values = in_thread(lambda: list(flat().values(*FIELDS)))
    what, nest = "`adata()` of 1,000 rows", "one nested and one many-related serializer"
    data, by_values = "DRF's `.data`", "`list(queryset.values(...))`"
    yield await figure(f"{what}, queryset", data, flat_read, "≥ 5")
    yield await figure(f"{what}, queryset", by_values, (flat_read[0], values), "≤ 1.5", cost=True)
    yield await figure(f"{what}, loaded", data, read(FlatSerializer, lambda: loaded))
    yield await figure(f"{what}, queryset, {nest}", data, nested_read, "≥ 3")
    pair = read(NestedSerializer, lambda: loaded_nested)
    yield await figure(f"{what}, loaded, {nest}", data, pair)
    keyed_read = read(KeyedSerializer, keyed)
    yield await figure(f"{what}, queryset, keys of a many-relation", data, keyed_read)


def prepared() -> tuple[list[Any], list[Any]]:
    """Give loaded rows, once it is sure that both sides give the same."""
    for cls, rows in READS:
        rendered = plain(cls(rows(), many=True).data)
        assert plain_data(cls(rows(), many=True)) == rendered
    return list(flat()), list(nested())


async def figure(
    what: str, against: str, sides: tuple[Work, Work], aim: str = "", *, cost: bool = False
) -> Row:
    return Row(what, against, *await time_pair(*sides, REPEATS), aim=aim, cost=cost)
