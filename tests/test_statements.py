"""Statements that are kept beside Django's own: the same SQL and parameters, the same rows."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from unittest import mock

import pytest
from django.db import DatabaseError, connection, connections
from django.db.models import Count, Exists, F, Max, Model, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Lower, Random
from django.db.models.sql import Query
from django.db.models.sql.compiler import SQLCompiler
from django.test import override_settings
from django.test.utils import isolate_apps
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from reflex_drf import lookups, statements
from reflex_drf.reading import read, settled
from tests.shop.models import Category, Order, OrderLine, Product, Tag
from tests.test_lookups import sent

pytestmark = pytest.mark.django_db

Make = Callable[[int], QuerySet[Any]]
PRODUCTS = Product.objects
NOT_SORTED = PRODUCTS.order_by()


@pytest.fixture(autouse=True)
def _rows() -> None:
    connections["default"].__dict__.pop(lookups.KEPT, None)
    teas = [Category.objects.create(name=name) for name in ("black", "green")]
    tags = [Tag.objects.create(name=name) for name in ("hot", "iced")]
    order = Order.objects.create(customer="Ada")
    for number in range(6):
        row = Product.objects.create(
            name=f"P{number}",
            sku=f"S{number}",
            price=Decimal("1.10") * number,
            stock=number or None,
            category=teas[number % 2] if number else None,
            released=f"2026-01-0{number + 1}",
        )
        row.tags.add(tags[number % 2])
        OrderLine.objects.create(order=order, product=row, quantity=number + 1)


def joined_all(queryset: QuerySet[Any]) -> QuerySet[Any]:
    """Do what `select_related()` does without names, which Django 6.1 warns of."""
    queryset.query.select_related = True
    return queryset


# Each is made with one number and then with another, so that the second finds what the first left.
KEPT: dict[str, Make] = {
    "all": lambda n: PRODUCTS.all(),
    "sorted": lambda n: PRODUCTS.order_by("-price", "name"),
    "sorted by a relation": lambda n: PRODUCTS.order_by("category__name", "id"),
    "not sorted": lambda n: PRODUCTS.order_by(),
    "turned round": lambda n: PRODUCTS.reverse(),
    "at random": lambda n: PRODUCTS.order_by("?"),
    "one value": lambda n: PRODUCTS.filter(stock=n),
    "a text": lambda n: PRODUCTS.filter(name__icontains=f"p{n}"),
    "a percent sign": lambda n: PRODUCTS.filter(name__contains=f"%{n}"),
    "several": lambda n: PRODUCTS.filter(stock__in=[n, n + 1]),
    "more and more": lambda n: PRODUCTS.filter(stock__in=range(n)),
    "a range": lambda n: PRODUCTS.filter(price__range=(n, n + 2)),
    "nothing": lambda n: PRODUCTS.filter(stock=None),
    "not": lambda n: PRODUCTS.exclude(stock=n),
    "either": lambda n: PRODUCTS.filter(Q(stock=n) | Q(name=f"P{n}") | ~Q(active=True)),
    "a column beside another": lambda n: PRODUCTS.filter(stock__gt=F("price") - n),
    "a relation": lambda n: PRODUCTS.filter(category__name=("black", "green")[n % 2]),
    "a relation, not": lambda n: PRODUCTS.exclude(category__name=("black", "green")[n % 2]),
    "relations to many": lambda n: PRODUCTS.filter(tags__name=("hot", "iced")[n % 2]),
    "relations to many, not": lambda n: PRODUCTS.exclude(tags__name=("hot", "iced")[n % 2]),
    "another table": lambda n: Order.objects.filter(lines__quantity=n, lines__product__stock=n),
    "a query inside": lambda n: PRODUCTS.filter(tags__in=Tag.objects.filter(pk__gt=n - 5)),
    "a row elsewhere": lambda n: PRODUCTS.filter(
        Exists(OrderLine.objects.filter(product=OuterRef("pk"), quantity=n))
    ),
    "a value elsewhere": lambda n: PRODUCTS.filter(
        stock=Subquery(OrderLine.objects.filter(quantity=n).values("quantity")[:1])
    ),
    "a day": lambda n: PRODUCTS.filter(released__day=n, released__year=2026),
    "an empty condition": lambda n: PRODUCTS.filter(Q()),
    "all but none": lambda n: PRODUCTS.exclude(pk__in=[]),
    "joined": lambda n: PRODUCTS.select_related("category").filter(stock__gte=n),
    "joined, twice": lambda n: OrderLine.objects.select_related("product__category", "order"),
    "joined, all": lambda n: joined_all(PRODUCTS.filter(stock__gte=n)),
    "by hand": lambda n: PRODUCTS.extra(where=["stock >= %s"], params=[n]),
    "another manager": lambda n: Category.objects.get(name="black").product_set.filter(stock__gt=n),
    "a manager to many": lambda n: Tag.objects.get(name="hot").product_set.filter(stock__gt=n),
}
LEFT: dict[str, Make] = {
    "none": lambda n: PRODUCTS.none(),
    "of nothing": lambda n: PRODUCTS.filter(pk__in=[]),
    "too great": lambda n: PRODUCTS.filter(pk=2**70 + n),
    "distinct": lambda n: PRODUCTS.filter(tags__pk__gt=n - 5).distinct(),
    "annotated": lambda n: PRODUCTS.annotate(more=F("stock") + n),
    "grouped": lambda n: PRODUCTS.annotate(lines=Count("orderline")).filter(lines__gte=n % 2),
    "by the greatest": lambda n: Category.objects.alias(top=Max("product__stock")).filter(
        top__gt=n
    ),
    "more columns": lambda n: PRODUCTS.extra(select={"double": "stock * 2"}),
    "sorted by an expression": lambda n: PRODUCTS.order_by(Lower("name").desc()),
    "sorted by a value": lambda n: PRODUCTS.order_by(Value(n), "id"),
    "sorted at random": lambda n: PRODUCTS.order_by(Random()),
    "fewer columns": lambda n: PRODUCTS.only("name"),
    "without a column": lambda n: PRODUCTS.defer("attrs"),
    "together": lambda n: NOT_SORTED.filter(stock=n).union(NOT_SORTED.filter(stock=n + 1)),
}
ALL = {**KEPT, **LEFT}


def by_django(queryset: QuerySet[Any]) -> Any:
    """Give what Django sends for the rows, and what the database answers."""
    with sent() as statements_:
        rows = list(queryset.query.get_compiler(queryset.db).results_iter())
    return statements_, [tuple(map(str, row)) for row in rows]


def by_us(queryset: QuerySet[Any]) -> Any:
    """Give what is sent here, without the form in which SQLite is asked for moments."""
    with sent() as statements_, without_texts():
        found = read(queryset)
    if found is None:
        return statements_, []
    columns = [found.column(place) for place in range(found.compiler.col_count)]
    rows = zip(*(list(settled(column)) for column in columns), strict=True)
    return statements_, [tuple(map(str, row)) for row in rows]


@contextmanager
def without_texts() -> Iterator[None]:
    with mock.patch.object(statements, "ask_for_texts", return_value={}):
        yield


def kept() -> dict[Any, Any]:
    kinds = (statements.Rows, statements.Number)
    return {key: value for key, value in lookups.kept_for("default").items() if key[0] in kinds}


def outcome(function: Callable[..., Any], queryset: QuerySet[Any]) -> Any:
    """Give what a function sends, and what it gives or raises."""
    with sent() as statements_:
        try:
            result: Any = function(queryset)
        except Exception as error:  # noqa: BLE001 - compared with what the other way raises
            result = type(error), str(error)
    return statements_, result


@pytest.mark.parametrize(
    "name", [name for name in ALL if "random" not in name and name != "together"]
)
def test_rows_are_asked_for_as_django_asks(name: str) -> None:
    for number in (1, 3, 2, 0):
        assert by_us(ALL[name](number)) == by_django(ALL[name](number))
        assert by_us(ALL[name](number)[1:3]) == by_django(ALL[name](number)[1:3])


@pytest.mark.parametrize("name", ALL)
def test_rows_are_counted_as_django_counts(name: str) -> None:
    for number in (1, 3, 2, 0):
        expected = outcome(lambda queryset: queryset.count(), ALL[name](number))
        assert outcome(statements.count, ALL[name](number)) == expected


@pytest.mark.parametrize("name", KEPT)
def test_the_second_time_nothing_but_the_conditions_is_compiled(name: str) -> None:
    first, second = KEPT[name](1), KEPT[name](3)
    statements.rows_of(first)
    statements.count(first)
    with compilations() as compiled:
        statements.rows_of(second)
        statements.count(second)
    # A query inside of the conditions is a condition; it names its tables by other letters.
    assert not [each for each in compiled if each.query.alias_prefix == "T"]


@contextmanager
def compilations() -> Iterator[list[Any]]:
    """Note each time Django writes the tables of a query."""
    compiled: list[Any] = []
    original = SQLCompiler.get_from_clause

    def noting(self: Any) -> Any:
        compiled.append(self)
        return original(self)

    with mock.patch.object(SQLCompiler, "get_from_clause", noting):
        yield compiled


@pytest.mark.parametrize("name", LEFT)
def test_what_is_more_than_a_list_is_left_to_django(name: str) -> None:
    statements.count(LEFT[name](1))
    assert not any(kept().values())


class TestValues(TestCase):
    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(
            st.sampled_from(sorted(KEPT)).filter(lambda name: "random" not in name),
            min_size=1,
            max_size=6,
        ),
        st.lists(st.integers(0, 7), min_size=6, max_size=6),
        st.lists(st.tuples(st.integers(0, 4), st.integers(1, 4)), min_size=6, max_size=6),
    )
    def test_lists_in_any_order_get_their_own_rows(
        self, names: list[str], numbers: list[int], pages: list[tuple[int, int]]
    ) -> None:
        for name, number, (start, size) in zip(names, numbers, pages, strict=False):
            page = KEPT[name](number)[start : start + size]
            assert by_us(page) == by_django(page)
            assert statements.count(KEPT[name](number)) == KEPT[name](number).count()


class TestShapes:
    """What must not be taken for another list."""

    def answers(self, *querysets: QuerySet[Any]) -> None:
        for queryset in (*querysets, *querysets):
            assert by_us(queryset) == by_django(queryset)
            assert statements.count(queryset) == queryset.count()

    def test_orders(self) -> None:
        self.answers(PRODUCTS.order_by("name"), PRODUCTS.order_by("-name"), PRODUCTS.all())

    def test_pages(self) -> None:
        self.answers(PRODUCTS.all()[:2], PRODUCTS.all()[2:4], PRODUCTS.all()[2:], PRODUCTS.all())

    def test_joins_of_one_table(self) -> None:
        inner = PRODUCTS.filter(category__name="black")
        outer = PRODUCTS.filter(Q(category__name="black") | Q(stock=None))
        self.answers(inner, outer, PRODUCTS.filter(stock=None))

    def test_joined_relations(self) -> None:
        lines = OrderLine.objects.all()
        self.answers(
            lines.select_related("product"),
            lines.select_related("product__category"),
            lines.select_related("order"),
            lines,
        )

    @isolate_apps("tests.shop")
    def test_models_of_one_table(self) -> None:
        class Proxy(Product):
            class Meta:
                proxy = True
                app_label = "shop"
                ordering = ["-id"]

        self.answers(Proxy.objects.all(), PRODUCTS.all())

    def test_a_lock(self) -> None:
        statements.rows_of(PRODUCTS.all())
        assert statements.question_of(PRODUCTS.select_for_update()) is None

    def test_conditions_that_are_there_or_not(self) -> None:
        self.answers(PRODUCTS.filter(stock=1), PRODUCTS.all(), PRODUCTS.exclude(pk__in=[]))

    def test_a_condition_that_stands_twice(self) -> None:
        inner = PRODUCTS.filter(name="P1").values("pk")
        self.answers(PRODUCTS.filter(pk__in=inner), PRODUCTS.filter(name="P1"))


class TestOthers:
    def test_a_count_of_a_project_s_own_is_asked(self) -> None:
        class Estimating(QuerySet[Product]):
            def count(self) -> int:
                return 1_000_000

        statements.count(PRODUCTS.all())
        assert statements.count(Estimating(Product)) == 1_000_000

    def test_a_count_that_was_put_on_a_queryset_is_asked(self) -> None:
        queryset = PRODUCTS.all()
        with mock.patch.object(queryset, "count", return_value=5):
            assert statements.count(queryset) == 5

    @pytest.mark.parametrize(
        ("owner", "name"),
        [(QuerySet, "count"), (Query, "get_count"), (SQLCompiler, "execute_sql")],
    )
    def test_what_is_patched_is_asked(self, owner: Any, name: str) -> None:
        statements.count(PRODUCTS.all())
        original, asked = getattr(owner, name), []

        def patched(self: Any, *args: Any, **kwargs: Any) -> Any:
            asked.append(name)
            return original(self, *args, **kwargs)

        with mock.patch.object(owner, name, patched):
            assert statements.count(PRODUCTS.all()) == 6
        assert asked

    def test_a_read_queryset_counts_what_it_has(self) -> None:
        queryset = PRODUCTS.all()
        assert len(queryset) == 6
        Product.objects.create(name="P", sku="new", price=1)
        assert statements.count(queryset) == queryset.count() == 6

    def test_an_error_of_the_database_is_its_own(self) -> None:
        statements.count(PRODUCTS.filter(stock=1))

        def fail(*args: Any) -> Any:
            raise DatabaseError("out of order")

        with connection.execute_wrapper(fail), pytest.raises(DatabaseError, match="out of order"):
            statements.count(PRODUCTS.filter(stock=2))
        assert statements.count(PRODUCTS.filter(stock=2)) == 1


class TestKeeping:
    def test_no_value_of_a_first_viewer_is_kept(self) -> None:
        secret = "only for the first one"
        statements.rows_of(PRODUCTS.filter(name=secret))
        statements.count(PRODUCTS.filter(name=secret))
        found = [each for each in kept().values() if each is not None]
        assert len(found) == 2
        texts = [
            str(value)
            for each in found
            for value in (vars(each), vars(each.compiler), vars(each.compiler.query))
        ]
        assert not any(secret in text for text in texts)

    def test_no_more_are_kept_than_lists_can_use(self) -> None:
        for page in range(statements.MOST + 5):
            statements.rows_of(PRODUCTS.all()[page : page + 1])
        assert 0 < len(kept()) <= statements.MOST

    def test_settings_begin_anew(self) -> None:
        statements.rows_of(PRODUCTS.all())
        assert kept()
        with override_settings(USE_TZ=False):
            assert not kept()

    @isolate_apps("tests.shop")
    def test_nothing_is_kept_but_by_the_connection(self) -> None:
        class Elsewhere(Product):
            class Meta:
                proxy = True
                app_label = "shop"

        statements.rows_of(Elsewhere.objects.filter(stock=1))
        connections["default"].__dict__.pop(lookups.KEPT)
        gc.collect()
        assert not [each for each in gc.get_objects() if is_rows_of(each, Elsewhere)]


def is_rows_of(value: Any, model: type[Model]) -> bool:
    return type(value) is statements.Rows and value.compiler.query.model is model
