"""Where columns stand for objects, and where a project's own code means that they cannot."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, models
from django.db.models.functions import Upper
from django.db.models.signals import post_init
from django.test import override_settings
from rest_framework import serializers

from reflex_drf.columns import SKIP, find_source, gives_columns
from reflex_drf.compiled import compile_serializer, plain_data
from reflex_drf.reading import give_away
from reflex_drf.representation import plain
from tests.compiled.models import Everything, make_model
from tests.shop.models import Category, Order, OrderLine, Product, Tag

pytestmark = pytest.mark.django_db


class Odd(models.QuerySet[Any]):
    def _fetch_all(self) -> None:
        super()._fetch_all()


class Cut(models.QuerySet[Any]):
    """Gives its slices as lists, as querysets that keep their rows elsewhere do."""

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        return list(found) if isinstance(key, slice) else found


class Handy(models.QuerySet[Any]):
    def active(self) -> Any:
        return self.filter(active=True)


UNTOUCHED = {
    "all": lambda: Product.objects.all(),
    "filtered and ordered": lambda: Product.objects.filter(stock=1).order_by("-name"),
    "sliced": lambda: Product.objects.all()[5:10],
    "of a relation": lambda: Order(pk=1).lines.all(),  # type: ignore[attr-defined]
    "with methods of its own": lambda: Handy(Product).active(),
    "none": lambda: Product.objects.none(),
    "related": lambda: Product.objects.select_related("category"),
    "prefetched": lambda: Product.objects.prefetch_related("tags"),
    "distinct": lambda: Product.objects.distinct(),
    "annotated": lambda: Product.objects.annotate(loud=Upper("name")),
    "counted": lambda: Product.objects.annotate(count=models.Count("tags")),
}
TOUCHED = {
    "deferred": lambda: Product.objects.defer("name"),
    "only": lambda: Product.objects.only("name"),
    "union": lambda: Product.objects.all().union(Product.objects.all()),
    "values": lambda: Product.objects.values("name"),
    "extra": lambda: Product.objects.extra(select={"one": "1"}),
    "of its own kind": lambda: Odd(Product).all(),
    "cut in its own way": lambda: Cut(Product).all(),
}


@pytest.mark.parametrize("make", UNTOUCHED.values(), ids=UNTOUCHED)
def test_columns_say_all_of(make: Any) -> None:
    assert gives_columns(make())


@pytest.mark.parametrize("make", TOUCHED.values(), ids=TOUCHED)
def test_columns_do_not_say_all_of(make: Any) -> None:
    assert not gives_columns(make())


def test_a_queryset_that_was_read_is_not_read_again(django_assert_num_queries: Any) -> None:
    queryset = Product.objects.all()
    assert list(queryset) == []
    with django_assert_num_queries(0):
        assert not gives_columns(queryset)


class Own:
    def own_init(self: Any, *args: Any, **kwargs: Any) -> None:
        models.Model.__init__(self, *args, **kwargs)

    @classmethod
    def own_from_db(cls, db: Any, names: Any, values: Any) -> Any:
        return cls()

    def own_getattribute(self, name: str) -> Any:
        return object.__getattribute__(self, name)

    def own_setattr(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)


@pytest.mark.parametrize(
    "members",
    [
        {"__init__": Own.own_init},
        {"from_db": Own.__dict__["own_from_db"]},
        {"__getattribute__": Own.own_getattribute},
        {"__setattr__": Own.own_setattr},
    ],
    ids=lambda members: next(iter(members)),
)
def test_a_model_with_a_way_of_its_own_is_made_into_objects(members: dict[str, Any]) -> None:
    model = make_model(name=models.TextField(), **members)
    assert not gives_columns(models.QuerySet(model))


def test_values_that_a_model_changes_as_they_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def set_loud(self: Any, name: str, value: Any) -> None:
        object.__setattr__(self, name, value.upper() if name == "name" else value)

    Tag.objects.create(name="red")
    monkeypatch.setattr(Tag, "__setattr__", set_loud, raising=False)
    found, expected = plain_data(Tags(Tag.objects.all(), many=True)), [{"name": "RED"}]
    assert found == Tags(Tag.objects.all(), many=True).data == expected


@pytest.fixture
def _listener() -> Iterator[None]:
    def listen(**kwargs: Any) -> None:
        return None

    post_init.connect(listen, sender=Category)
    yield
    post_init.disconnect(listen, sender=Category)


@pytest.mark.usefixtures("_listener")
def test_a_model_that_somebody_listens_to_is_made_into_objects() -> None:
    assert not gives_columns(Category.objects.all())
    assert gives_columns(Tag.objects.all())


def test_attributes_that_only_django_made_are_known() -> None:
    assert find_source(Product, ["name"]).column == "name"  # type: ignore[union-attr]
    assert find_source(Product, ["pk"]).column == "id"  # type: ignore[union-attr]
    assert find_source(Product, ["category_id"]).column == "category_id"  # type: ignore[union-attr]
    assert find_source(Product, ["category"]).related is Category  # type: ignore[union-attr]
    assert find_source(Product, ["tags"]).many  # type: ignore[union-attr]
    assert find_source(Order, ["lines"]).related is OrderLine  # type: ignore[union-attr]
    assert find_source(Tag, ["product_set"]).related is Product  # type: ignore[union-attr]
    assert find_source(OrderLine, ["product", "category", "name"]) is not None


@pytest.mark.parametrize(
    "names", [[], ["get_size_display"], ["nothing"], ["tags", "name"], ["category", "__str__"]]
)
def test_anything_else_is_left_to_drf(names: list[str]) -> None:
    assert find_source(Product, names) is None


def test_a_property_over_a_column_is_left_to_drf() -> None:
    class Doubled:
        def __get__(self, instance: Any, owner: Any) -> Any:
            return "own"

    model = make_model(name=models.TextField())
    assert find_source(model, ["name"]) is not None
    model.name = Doubled()
    assert find_source(model, ["name"]) is None


def test_what_lies_behind_nothing() -> None:
    line = OrderLine(product=Product(category=None))
    names = ["product", "category", "name"]
    assert find_source(OrderLine, names, None).fetch(line) is None  # type: ignore[union-attr]
    assert find_source(OrderLine, names, SKIP).fetch(line) is SKIP  # type: ignore[union-attr]
    with pytest.raises(AttributeError):
        find_source(OrderLine, names, ...).fetch(line)  # type: ignore[union-attr]


class Lines(serializers.ModelSerializer[OrderLine]):
    class Meta:
        model = OrderLine
        fields = ["product", "quantity"]


class Orders(serializers.ModelSerializer[Order]):
    lines = Lines(many=True)

    class Meta:
        model = Order
        fields = ["id", "lines"]


@pytest.fixture
def orders() -> list[Order]:
    product = Product.objects.create(name="Tea", sku="t", price=1)
    made = [Order.objects.create(customer=str(number)) for number in range(3)]
    for order in made[:2]:
        OrderLine.objects.create(order=order, product=product, quantity=2)
    return made


def test_prefetched_rows_are_not_queried_again(
    orders: list[Order], django_assert_num_queries: Any
) -> None:
    expected = plain(Orders(Order.objects.all(), many=True).data)
    with django_assert_num_queries(2):
        assert plain_data(Orders(Order.objects.prefetch_related("lines"), many=True)) == expected
    apart = override_settings(REFLEX_DRF={"FETCH_RELATED": False})
    with apart, django_assert_num_queries(4):
        assert plain_data(Orders(Order.objects.all(), many=True)) == expected


def test_rows_of_a_prefetch_of_the_callers_own(orders: list[Order]) -> None:
    few = models.Prefetch("lines", OrderLine.objects.filter(quantity=7))
    rows = plain_data(Orders(Order.objects.prefetch_related(few), many=True))
    assert [row["lines"] for row in rows] == [[], [], []]


def test_reading_columns_is_one_query(orders: list[Order], django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        rows = plain_data(Lines(OrderLine.objects.filter(order=orders[0]), many=True))
    assert [row["quantity"] for row in rows] == [2]


def test_a_model_of_every_column_gives_columns() -> None:
    assert gives_columns(Everything.objects.all())


class Categories(serializers.ModelSerializer[Category]):
    class Meta:
        model = Category
        fields = ["id", "name"]


class Tags(serializers.ModelSerializer[Tag]):
    class Meta:
        model = Tag
        fields = ["name"]


class Products(serializers.ModelSerializer[Product]):
    category = Categories()
    tags = Tags(many=True)

    class Meta:
        model = Product
        fields = ["sku", "category", "tags"]


class Keyed(serializers.ModelSerializer[Product]):
    names = serializers.SlugRelatedField("name", many=True, read_only=True, source="tags")

    class Meta:
        model = Product
        fields = ["sku", "tags", "names"]


class Sold(serializers.ModelSerializer[OrderLine]):
    class Inner(serializers.ModelSerializer[Product]):
        category = Categories()

        class Meta:
            model = Product
            fields = ["name", "category"]

    product = Inner()

    class Meta:
        model = OrderLine
        fields = ["quantity", "product"]


class Wearing(serializers.ModelSerializer[Tag]):
    class Inner(serializers.ModelSerializer[Product]):
        class Meta:
            model = Product
            fields = ["sku", "price"]

    product_set = Inner(many=True)

    class Meta:
        model = Tag
        fields = ["name", "product_set"]


@pytest.fixture
def stock(orders: list[Order]) -> None:
    tea, tags = Category.objects.create(name="Tea"), [Tag(name=f"{n}") for n in range(3)]
    Tag.objects.bulk_create(tags)
    for number in range(4):
        category = tea if number % 2 else None
        product = Product.objects.create(name="P", sku=f"{number}", price=1, category=category)
        product.tags.set(tags[number:])
        OrderLine.objects.create(order=orders[2], product=product)


def no_objects(queryset: Any) -> bool:
    """Whether a queryset was left unread, because its columns said it all."""
    return queryset._result_cache is None


QUERIES: dict[str, Any] = {
    "one and many": (
        Products, 2, lambda: Product.objects.select_related("category").prefetch_related("tags"),
    ),
    "sliced": (
        Products, 2,
        lambda: Product.objects.select_related("category").prefetch_related("tags")[1:3],
    ),
    "rows of a foreign key": (Orders, 2, lambda: Order.objects.prefetch_related("lines")),
    "the other side": (Wearing, 2, lambda: Tag.objects.prefetch_related("product_set")),
    "keys and slugs of many": (Keyed, 2, lambda: Product.objects.prefetch_related("tags")),
    "two joins": (Sold, 1, lambda: OrderLine.objects.select_related("product__category")),
    "nobody there": (
        Products, 1,
        lambda: Product.objects.filter(sku="?").select_related("category").prefetch_related("tags"),
    ),
    "nothing related": (
        Products, 2,
        lambda: Product.objects.filter(sku="3").select_related("category").prefetch_related("tags"),
    ),
}  # fmt: skip


@pytest.mark.usefixtures("stock")
@pytest.mark.parametrize(("cls", "count", "make"), QUERIES.values(), ids=QUERIES)
def test_related_rows_are_read_without_objects(
    cls: Any, count: int, make: Any, django_assert_num_queries: Any
) -> None:
    expected = plain(cls(make(), many=True).data)
    queryset = make()
    with django_assert_num_queries(count):
        assert plain_data(cls(queryset, many=True)) == expected
    assert no_objects(queryset)
    given = give_away(make())
    serializer = cls(given, many=True)
    compile_serializer(serializer)
    with django_assert_num_queries(count):
        # Values of DRF's own this time, which its encoder makes JSON of.
        found = serializer.data
    assert found == cls(make(), many=True).data
    assert no_objects(given)


OTHERS: dict[str, Any] = {
    "nothing joined": (Products, lambda: Product.objects.prefetch_related("tags")),
    "nothing prefetched": (Products, lambda: Product.objects.select_related("category")),
    "more prefetched": (Orders, lambda: Order.objects.prefetch_related("lines__product")),
    "a prefetch of its own": (
        Orders, lambda: Order.objects.prefetch_related(models.Prefetch("lines")),
    ),
    "the same row twice": (
        Orders,
        lambda: Order.objects.filter(lines__quantity__gt=0).prefetch_related("lines"),
    ),
    "every relation joined": (Sold, lambda: join_every_relation(OrderLine.objects.all())),
}  # fmt: skip


def join_every_relation(queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
    with warnings.catch_warnings():
        # Django 6.1 deprecates it, and older ones do not.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        return queryset.select_related()


@pytest.mark.usefixtures("stock")
@pytest.mark.parametrize(("cls", "make"), OTHERS.values(), ids=OTHERS)
def test_other_queries_make_objects(cls: Any, make: Any) -> None:
    queryset = make()
    with override_settings(REFLEX_DRF={"FETCH_RELATED": False}):
        found = plain_data(cls(queryset, many=True))
    assert found == plain(cls(make(), many=True).data)
    assert not no_objects(queryset)


@pytest.mark.usefixtures("stock")
@pytest.mark.parametrize("cls", [Products, Keyed])
def test_nothing_is_joined_to_united_rows(cls: Any) -> None:
    def make() -> Any:
        every = Product.objects.order_by()
        return every.union(every).order_by("id")

    assert plain_data(cls(make(), many=True)) == plain(cls(make(), many=True).data) != []


@pytest.mark.skipif(connection.vendor != "sqlite", reason="other databases hold the type")
@pytest.mark.parametrize(
    "stored",
    [12.3456, 2.675, 0.005, 1e-9, -0.0, -3, 12, 999999.99, 1e6, 12345678.9, 1e15, float("inf")],
)
def test_a_price_that_another_program_wrote(stored: float) -> None:
    class Prices(serializers.ModelSerializer[Product]):
        class Meta:
            model = Product
            fields = ["price"]

    Product.objects.create(name="Odd", sku="odd", price=1)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE shop_product SET price = %s", [stored])
    found, expected = (
        outcome(lambda: plain_data(Prices(Product.objects.all(), many=True))),
        outcome(lambda: plain(Prices(Product.objects.all(), many=True).data)),
    )
    assert found == expected


def outcome(work: Any) -> Any:
    """What comes of it: the data, or which error."""
    try:
        return work()
    except ArithmeticError as error:
        return type(error)


@pytest.mark.usefixtures("stock", "_listener")
def test_a_related_model_that_somebody_listens_to_is_made_into_objects() -> None:
    queryset = Product.objects.select_related("category").prefetch_related("tags")
    assert plain_data(Products(queryset, many=True))
    assert not no_objects(queryset)


def test_a_queryset_keeps_its_order(orders: list[Order]) -> None:
    # An index that has all of a serializer's columns would tempt a database to its own order.
    for name in ("z", "b", "y"):
        Tag.objects.create(name=name)
    rows = plain_data(Tags(Tag.objects.all(), many=True))
    assert [row["name"] for row in rows] == [tag.name for tag in Tag.objects.all()]
