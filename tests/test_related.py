"""Related rows are fetched for all rows together, and the rows stay what they are."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection, models
from django.test import RequestFactory, override_settings
from django.test.utils import isolate_apps
from rest_framework import serializers, viewsets

from reflex_drf import watching
from reflex_drf.backends import Call
from reflex_drf.backends.inprocess import call_view
from reflex_drf.compiled import compile_serializer, plain_data
from reflex_drf.related import lookups_on
from reflex_drf.representation import plain
from tests.compiled.models import make_model
from tests.counting import Queries, count_queries
from tests.origin import make_origin
from tests.shop.models import Category, Order, OrderLine, Product, Tag

pytestmark = pytest.mark.django_db
ROWS = 6


class TagNames(serializers.ModelSerializer[Tag]):
    class Meta:
        model = Tag
        fields = ["name"]


class CategoryNames(serializers.ModelSerializer[Category]):
    class Meta:
        model = Category
        fields = ["name"]


class ProductRows(serializers.ModelSerializer[Product]):
    category_name = serializers.CharField(source="category.name", default=None)
    category = CategoryNames()
    tags = TagNames(many=True)
    tag_names = serializers.StringRelatedField(source="tags", many=True)
    label = serializers.SerializerMethodField()

    class Meta:
        model = Product
        fields = ["id", "category_name", "category", "tags", "tag_names", "owner", "label"]

    def get_label(self, product: Product) -> str:
        return product.name.upper()


class LineRows(serializers.ModelSerializer[OrderLine]):
    product = ProductRows()

    class Meta:
        model = OrderLine
        fields = ["product", "quantity"]


class OrderRows(serializers.ModelSerializer[Order]):
    lines = LineRows(many=True)

    class Meta:
        model = Order
        fields = ["customer", "lines"]


class CountingRows(serializers.ModelSerializer[Product]):
    tag_count = serializers.SerializerMethodField()

    class Meta:
        model = Product
        fields = ["name", "tag_count"]

    def get_tag_count(self, product: Product) -> int:
        return product.tags.count()


class OuterRows(serializers.ModelSerializer[OrderLine]):
    product = CountingRows()

    class Meta:
        model = OrderLine
        fields = ["product"]


class ProductRowsViewSet(viewsets.ReadOnlyModelViewSet[Product]):
    """A viewset that nobody has thought about queries for."""

    queryset = Product.objects.order_by("id")
    serializer_class = ProductRows


@pytest.fixture(autouse=True)
def _rows(db: None) -> None:
    tags = [Tag.objects.create(name=f"tag {n}") for n in range(3)]
    order = Order.objects.create(customer="Ada")
    Order.objects.create(customer="Nobody")
    for number in range(ROWS):
        category = Category.objects.create(name=f"C{number}") if number % 3 else None
        product = Product.objects.create(
            name=f"P{number}", sku=f"r{number}", price=1, category=category
        )
        product.tags.set(tags[: number % 3])
        OrderLine.objects.create(order=order, product=product)


def unordered(value: Any) -> Any:
    """Rows with their tags sorted: a database gives those in any order."""
    if isinstance(value, list):
        return [unordered(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: sorted(item, key=repr) if name in ("tags", "tag_names") else unordered(item)
        for name, item in value.items()
    }


def read(make: Callable[[], Any]) -> tuple[Any, Queries]:
    """What a serializer gives, once it is sure that DRF gives the same, and the queries for it."""
    expected = plain(make().data)
    with count_queries() as queries:
        found = plain_data(make())
    assert unordered(found) == unordered(expected)
    return found, queries


def test_a_view_in_process_fetches_what_its_serializer_reads() -> None:
    call = Call(view=ProductRowsViewSet, action="list")
    with override_settings(REFLEX_DRF={"FETCH_RELATED": False}), count_queries() as before:
        expected = call_view(call, make_origin()).data
    with count_queries() as queries:
        assert unordered(call_view(call, make_origin()).data) == unordered(expected)
    # The count, the page, and one for each relation, however many rows there are.
    assert (len(queries), len(before) > 2 * ROWS) == (4, True)


def test_serializers_inside_serializers() -> None:
    _, queries = read(lambda: OrderRows(Order.objects.all(), many=True))
    # Orders, lines, products, categories and tags.
    assert len(queries) == 5


def test_columns_of_related_rows_are_joined() -> None:
    class Named(serializers.ModelSerializer[Product]):
        category = CategoryNames()
        tags = TagNames(many=True)

        class Meta:
            model = Product
            fields = ["name", "category", "tags"]

    queryset = Product.objects.order_by("id")
    _, queries = read(lambda: Named(queryset.all(), many=True))
    assert len(queries) == 2
    assert "JOIN" in queries.statements[0]


class Tagged(serializers.ModelSerializer[Product]):
    class Meta:
        model = Product
        fields = ["name", "tags"]


class Sold(serializers.ModelSerializer[OrderLine]):
    product = Tagged()

    class Meta:
        model = OrderLine
        fields = ["product"]


def test_many_rows_behind_one_that_could_be_joined() -> None:
    lines = OrderLine.objects.order_by("id")
    for queryset in (lines, lines.select_related("product")):
        found, _ = read(lambda queryset=queryset: Sold(queryset.all(), many=True))  # type: ignore[misc]
        assert [len(row["product"]["tags"]) for row in found][:3] == [0, 1, 2]
    _, queries = read(lambda: Sold(lines.all(), many=True))
    # Lines, products and tags.
    assert len(queries) == 3


def test_no_more_is_joined_than_is_shown() -> None:
    class Granted(serializers.ModelSerializer[Permission]):
        group_set = serializers.SlugRelatedField("name", many=True, read_only=True)

        class Meta:
            model = Permission
            fields = ["codename", "group_set"]

    Group.objects.create(name="staff").permissions.set(Permission.objects.all()[:3])
    queryset = Permission.objects.order_by("id")
    _, queries = read(lambda: Granted(queryset.all(), many=True))
    assert len(queries) == 2
    # A permission has a content type, which is not asked for.
    assert "JOIN" not in queries.statements[0]


def odd() -> Any:
    return Product.objects.filter(sku__in=["r1", "r3"]).order_by()


QUERYSETS: dict[str, Callable[[], Any]] = {
    "sliced": lambda: Product.objects.all()[1:4],
    "distinct": lambda: Product.objects.filter(tags__isnull=False).distinct(),
    "annotated": lambda: Product.objects.annotate(many=models.Count("tags")),
    "joined already": lambda: Product.objects.select_related("category"),
    "prefetched already": lambda: Product.objects.prefetch_related("tags", "category"),
    "ordered by a relation": lambda: Product.objects.order_by("category__name", "id"),
    "a list": lambda: list(Product.objects.all()),
    "a union": lambda: odd().union(odd(), all=True),
}


@pytest.mark.parametrize("make", QUERYSETS.values(), ids=QUERYSETS)
def test_rows_are_the_same_whatever_the_queryset(make: Any) -> None:
    _, queries = read(lambda: ProductRows(make(), many=True))
    assert len(queries) <= 3


@pytest.mark.parametrize(
    "make",
    [
        lambda: Product.objects.only("name"),
        lambda: Product.objects.defer("category"),
        lambda: Product.objects.none(),
        lambda: Product.objects.all()[:1],
    ],
    ids=["only", "deferred", "none", "one"],
)
def test_what_is_left_alone(make: Any) -> None:
    read(lambda: ProductRows(make(), many=True))


def test_a_prefetch_of_the_projects_own_is_what_is_shown() -> None:
    few = models.Prefetch("tags", Tag.objects.filter(name="tag 0"))
    found, _ = read(lambda: ProductRows(Product.objects.prefetch_related(few), many=True))
    assert {tag["name"] for row in found for tag in row["tags"]} == {"tag 0"}


def test_nothing_stays_fetched_that_would_be_asked_anew() -> None:
    products = list(Product.objects.order_by("id"))
    serializer: Any = ProductRows(products, many=True)
    compile_serializer(serializer)
    assert [len(row["tags"]) for row in serializer.data][:3] == [0, 1, 2]
    products[0].tags.add(Tag.objects.get(name="tag 2"))
    assert [tag.name for tag in products[0].tags.all()] == ["tag 2"]


def test_nothing_stays_fetched_behind_a_relation_either() -> None:
    lines = list(OrderLine.objects.order_by("id"))
    serializer: Any = LineRows(lines, many=True)
    compile_serializer(serializer)
    assert [len(row["product"]["tags"]) for row in serializer.data][:3] == [0, 1, 2]
    # Of the same row, but another object.
    Product.objects.get(pk=lines[0].product_id).tags.add(Tag.objects.get(name="tag 2"))
    assert [tag.name for tag in lines[0].product.tags.all()] == ["tag 2"]


def test_what_a_project_has_fetched_stays() -> None:
    lines = list(OrderLine.objects.order_by("id").prefetch_related("product__tags"))
    serializer: Any = LineRows(lines, many=True)
    compile_serializer(serializer)
    assert len(serializer.data) == ROWS
    with count_queries() as queries:
        assert [len(line.product.tags.all()) for line in lines][:3] == [0, 1, 2]
    assert len(queries) == 0


def test_a_relation_of_which_a_missing_row_is_an_error_is_left_to_django() -> None:
    class Hiding(models.Manager[Any]):
        def get_queryset(self) -> Any:
            return super().get_queryset().none()

    hidden = make_model(objects=Hiding(), name=models.TextField())
    hidden._meta.base_manager_name = "objects"
    vars(hidden._meta).pop("base_manager", None)
    model = make_model(
        loose=models.ForeignKey(Category, models.CASCADE, db_constraint=False, related_name="+"),
        hidden=models.ForeignKey(hidden, models.CASCADE, related_name="+"),
        usual=models.ForeignKey(Category, models.CASCADE, related_name="+"),
    )
    assert lookups_on(model, ["loose", "name"]) == ()
    assert lookups_on(model, ["hidden", "name"]) == ()
    assert lookups_on(model, ["usual", "name"]) == ("usual",)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="others have other collations")
@isolate_apps("tests.shop")
def test_keys_that_are_equal_to_a_database_alone() -> None:
    class Country(models.Model):
        code = models.CharField(primary_key=True, max_length=9, db_collation="any_case")

        class Meta:
            app_label = "shop"

        def __str__(self) -> str:
            return self.code

    class Town(models.Model):
        country = models.ForeignKey(Country, models.CASCADE, related_name="towns")

        class Meta:
            app_label = "shop"
            ordering = ("id",)

        def __str__(self) -> str:
            return str(self.pk)

    class Towns(serializers.ModelSerializer[Any]):
        of = serializers.CharField(source="country.code", default=None)

        class Meta:
            model = Town
            fields = ["of"]

    class Countries(serializers.ModelSerializer[Any]):
        class Meta:
            model = Country
            fields = ["code", "towns"]

    with connection.schema_editor() as editor:
        editor.execute(
            "CREATE COLLATION any_case"
            " (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
        )
        editor.create_model(Country)
        editor.create_model(Town)
    for code in ("DE", "FR"):
        Country.objects.create(code=code)
        Town.objects.create(country_id=code.lower())
    found, _ = read(lambda: Towns(Town.objects.all(), many=True))
    assert [row["of"] for row in found] == ["DE", "FR"]
    found, _ = read(lambda: Countries(Country.objects.order_by("code"), many=True))
    assert [len(row["towns"]) for row in found] == [1, 1]


@pytest.mark.parametrize("kind", [models.CharField, models.BinaryField])
def test_a_key_that_a_database_compares_in_its_own_way_is_left_to_django(kind: Any) -> None:
    options = {"db_collation": "nocase"} if kind is models.CharField else {}
    target = make_model(key=kind(primary_key=True, **options), name=models.TextField())
    model = make_model(one=models.ForeignKey(target, models.CASCADE, related_name="+"))
    assert lookups_on(model, ["one", "name"]) == ()


@pytest.mark.django_db(transaction=True)
@isolate_apps("tests.shop")
def test_what_a_project_prefetches_is_shown_whatever_name_django_keeps_it_under() -> None:
    class Label(models.Model):
        name = models.TextField()

        class Meta:
            app_label = "shop"

        def __str__(self) -> str:
            return self.name

    class Item(models.Model):
        labels = models.ManyToManyField(Label, related_name="items", related_query_name="item")  # type: ignore[var-annotated]
        secret = models.BooleanField()

        class Meta:
            app_label = "shop"

        def __str__(self) -> str:
            return str(self.pk)

    class Labels(serializers.ModelSerializer[Any]):
        items = serializers.SlugRelatedField[Any]("secret", many=True, read_only=True)

        class Meta:
            model = Label
            fields = ["items"]

    with connection.schema_editor() as editor:
        editor.create_model(Label)
        editor.create_model(Item)
    try:
        for secret in (False, True):
            Item.objects.create(secret=secret).labels.set(
                [Label.objects.create(name="a"), Label.objects.create(name="b")]
            )
        public = models.Prefetch("items", Item.objects.filter(secret=False))
        rows = Label.objects.order_by("id").prefetch_related(public)
        found, queries = read(lambda: Labels(rows.all(), many=True))
        assert [row["items"] for row in found] == [[False], [False], [], []]
        assert len(queries) == 2
        _, queries = read(lambda: Labels(list(Label.objects.prefetch_related("items")), many=True))
        assert len(queries) == 2
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(Item)
            editor.delete_model(Label)


@pytest.mark.parametrize(("lookup_field", "count"), [("pk", 1), ("name", 2)])
def test_a_link_by_key_asks_for_no_object(lookup_field: str, count: int) -> None:
    class Linked(serializers.ModelSerializer[Product]):
        category = serializers.HyperlinkedRelatedField[Category](
            "category-detail", lookup_field=lookup_field, lookup_url_kwarg="pk", read_only=True
        )

        class Meta:
            model = Product
            fields = ["category"]

    context = {"request": RequestFactory().get("/")}
    products = Product.objects.order_by("id")
    found, queries = read(lambda: Linked(products.all(), many=True, context=context))
    assert [row["category"] is None for row in found] == [True, False, False] * 2
    assert len(queries) == count


@pytest.mark.parametrize("options", [{}, {"default": "none"}, {"required": False}])
def test_rows_whose_key_leads_to_no_row(options: Any) -> None:
    class Named(serializers.ModelSerializer[Product]):
        category_name = serializers.CharField(source="category.name", **options)

        class Meta:
            model = Product
            fields = ["category_name"]

    def rows() -> list[Product]:
        products = list(Product.objects.exclude(category=None))
        products[1].category_id = -1
        return products

    found, _ = read(lambda: Named(rows(), many=True))
    assert found[1] == {"category_name": None}


def test_rows_of_a_relation_show_the_object_that_they_were_asked_of() -> None:
    class Of(serializers.ModelSerializer[Product]):
        category = CategoryNames()

        class Meta:
            model = Product
            fields = ["name", "category"]

    category = Category.objects.get(name="C1")
    category.name = "changed"
    for rows in (category.product_set, category.product_set.order_by("id")):
        found, queries = read(lambda rows=rows: Of(rows.all(), many=True))  # type: ignore[misc]
        assert [row["category"] for row in found] == [{"name": "changed"}]
        assert len(queries) == 1


def test_rows_with_a_related_object_that_was_never_saved() -> None:
    lines = list(OrderLine.objects.order_by("id"))
    lines[0].product = Product(name="new")
    found, _ = read(lambda: Sold(lines, many=True))
    assert found[0] == {"product": {"name": "new", "tags": []}}


@isolate_apps("tests.shop")
def test_no_row_is_lost_of_a_table_that_is_not_djangos() -> None:
    class Legacy(models.Model):
        category = models.ForeignKey(Category, models.DO_NOTHING, related_name="+")

        class Meta:
            app_label = "shop"
            managed = False

        def __str__(self) -> str:
            return str(self.pk)

    class Legacies(serializers.ModelSerializer[Any]):
        category = CategoryNames()

        class Meta:
            model = Legacy
            fields = ["category"]

    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE shop_legacy (id integer, category_id integer)")
        cursor.execute("INSERT INTO shop_legacy VALUES (1, -1), (2, -2)")
    found, _ = read(lambda: Legacies(Legacy.objects.order_by("id"), many=True))
    assert found == [{"category": None}, {"category": None}]


@pytest.mark.django_db(transaction=True)
@isolate_apps("tests.shop")
def test_a_relation_by_several_columns_is_left_to_django() -> None:
    class Place(models.Model):
        pk = models.CompositePrimaryKey("row", "seat")
        row = models.IntegerField()
        seat = models.IntegerField()

        class Meta:
            app_label = "shop"

        def __str__(self) -> str:
            return f"{self.row}/{self.seat}"

    class Ticket(models.Model):
        row = models.IntegerField()
        seat = models.IntegerField()
        place = models.ForeignObject(
            Place, models.CASCADE, ["row", "seat"], ["row", "seat"], related_name="tickets"
        )

        class Meta:
            app_label = "shop"

        def __str__(self) -> str:
            return str(self.pk)

    class Seats(serializers.ModelSerializer[Any]):
        class Meta:
            model = Place
            fields = ["seat"]

    class Tickets(serializers.ModelSerializer[Any]):
        place = Seats()
        key = serializers.PrimaryKeyRelatedField[Any](source="place", read_only=True)

        class Meta:
            model = Ticket
            fields = ["place", "key"]

    class Places(serializers.ModelSerializer[Any]):
        tickets = serializers.SlugRelatedField[Any]("row", many=True, read_only=True)

        class Meta:
            model = Place
            fields = ["tickets"]

    with connection.schema_editor() as editor:
        editor.create_model(Place)
        editor.create_model(Ticket)
    try:
        for row in (1, 2):
            Place.objects.create(row=row, seat=7)
            Ticket.objects.create(row=row, seat=7)
        tickets = Ticket.objects.order_by("row")
        for queryset in (tickets, tickets.select_related("place")):
            found, _ = read(lambda queryset=queryset: Tickets(queryset.all(), many=True))  # type: ignore[misc]
            assert found[1] == {"place": {"seat": 7}, "key": [2, 7]}
        found, _ = read(lambda: Places(Place.objects.order_by("row"), many=True))
        assert [row["tickets"] for row in found] == [[1], [2]]
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(Ticket)
            editor.delete_model(Place)


@pytest.mark.django_db(transaction=True)
@isolate_apps("tests.shop")
def test_the_row_of_a_parent_model_is_part_of_the_row() -> None:
    class Base(models.Model):
        name = models.TextField()

        class Meta:
            app_label = "shop"

        def __str__(self) -> str:
            return self.name

    class Derived(Base):
        size = models.IntegerField()

        class Meta:
            app_label = "shop"

    class Bases(serializers.ModelSerializer[Any]):
        class Meta:
            model = Base
            fields = ["id", "name"]

    class Rows(serializers.ModelSerializer[Any]):
        base_ptr = Bases()

        class Meta:
            model = Derived
            fields = ["size", "base_ptr"]

    with connection.schema_editor() as editor:
        editor.create_model(Base)
        editor.create_model(Derived)
    try:
        for size in range(3):
            Derived.objects.create(name=f"of {size}", size=size)
        rows = Derived.objects.order_by("size")
        for queryset in (rows, rows.select_related("base_ptr")):
            found, queries = read(lambda queryset=queryset: Rows(queryset.all(), many=True))  # type: ignore[misc]
            assert [row["base_ptr"]["name"] for row in found] == ["of 0", "of 1", "of 2"]
            assert len(queries) == 1
        changed = list(rows)
        for row in changed:
            row.name = "changed"
        found, _ = read(lambda: Rows(changed, many=True))
        assert {row["base_ptr"]["name"] for row in found} == {"changed"}
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(Derived)
            editor.delete_model(Base)


with_modes = pytest.mark.skipif(
    not hasattr(models, "FETCH_RAISE"), reason="modes of fetching are of Django 6.1"
)


def refused() -> dict[str, Callable[[], Any]]:
    """Serializers of rows that must not ask for what they show."""
    mode = models.FETCH_RAISE  # type: ignore[attr-defined]
    lines = models.Prefetch("lines", OrderLine.objects.fetch_mode(mode))  # type: ignore[attr-defined]
    products: Any = Product.objects.filter(category__isnull=False)
    return {
        "a queryset": lambda: ProductRows(products.fetch_mode(mode), many=True),
        "objects": lambda: ProductRows(list(products.fetch_mode(mode)), many=True),
        "rows loaded with others": lambda: OrderRows(
            Order.objects.prefetch_related(lines), many=True
        ),
    }


@with_modes
@pytest.mark.parametrize("name", ["a queryset", "objects", "rows loaded with others"])
def test_what_rows_must_not_ask_for_is_an_error_as_it_is_to_drf(name: str) -> None:
    from django.core.exceptions import FieldFetchBlocked  # type: ignore[attr-defined]

    make = refused()[name]
    for show in (lambda: make().data, lambda: plain_data(make()), lambda: compiled(make())):
        with pytest.raises(FieldFetchBlocked):
            show()


def compiled(serializer: Any) -> Any:
    compile_serializer(serializer)
    return serializer.data


@with_modes
@pytest.mark.django_db(transaction=True)
@isolate_apps("tests.shop")
def test_rows_of_a_manager_that_forbids_asking_are_those_of_each_object() -> None:
    class Forbidding(models.Manager[Any]):
        def get_queryset(self) -> Any:
            queryset: Any = super().get_queryset()
            return queryset.fetch_mode(models.FETCH_RAISE)  # type: ignore[attr-defined]

    class Box(models.Model):  # noqa: DJ008 - nobody shows it
        name = models.TextField()

        class Meta:
            app_label = "shop"

    class Thing(models.Model):  # noqa: DJ008 - nobody shows it
        box = models.ForeignKey(Box, models.CASCADE, related_name="things")
        category = models.ForeignKey(Category, models.CASCADE, related_name="+")
        objects = Forbidding()

        class Meta:
            app_label = "shop"

    class Things(serializers.Serializer[Any]):
        # Nobody knows that it asks for more.
        label = serializers.SerializerMethodField()

        def get_label(self, row: Any) -> str:
            return str(row.category.name)

    class Boxes(serializers.Serializer[Any]):
        name = serializers.CharField()
        things = Things(many=True)

    with connection.schema_editor() as editor:
        editor.create_model(Box)
        editor.create_model(Thing)
    try:
        for name in ("a", "b"):
            Thing.objects.create(
                box=Box.objects.create(name=name), category=Category.objects.earliest("id")
            )
        found, _ = read(lambda: Boxes(Box.objects.order_by("id"), many=True))
        assert found[1] == {"name": "b", "things": [{"label": "C1"}]}
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(Thing)
            editor.delete_model(Box)


@with_modes
def test_rows_that_ask_for_their_peers_too_are_the_same() -> None:
    products: Any = Product.objects.order_by("id")
    mode = models.FETCH_PEERS  # type: ignore[attr-defined]
    _, queries = read(lambda: ProductRows(products.fetch_mode(mode), many=True))
    assert len(queries) <= 3


def test_what_a_source_goes_through() -> None:
    assert lookups_on(OrderLine, ["product", "category", "name"]) == (
        "product",
        "product__category",
    )
    assert lookups_on(OrderLine, ["product", "category"], whole=False) == ("product",)
    assert lookups_on(Product, ["tags", "anything"]) == ("tags",)
    assert lookups_on(Product, ["get_size_display"]) == ()


@pytest.fixture
def _told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_told", set())


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "reflex_drf.queries"]


@pytest.mark.usefixtures("_told")
@pytest.mark.parametrize(
    ("settings", "debug", "told"),
    [
        ({}, False, 0),
        ({}, True, 1),
        ({"WARN_OF_QUERIES": True}, False, 1),
        ({"WARN_OF_QUERIES": False}, True, 0),
    ],
)
def test_the_field_that_asks_for_each_row_is_named(
    settings: Any, debug: bool, told: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "reflex_drf.queries")
    with override_settings(REFLEX_DRF=settings, DEBUG=debug):
        for _ in range(2):
            plain_data(CountingRows(Product.objects.all(), many=True))
            plain_data(ProductRows(Product.objects.all(), many=True))
    assert len(warnings(caplog)) == told
    if told:
        assert "CountingRows.tag_count made 6 queries for 6 rows" in warnings(caplog)[0]


@pytest.mark.usefixtures("_told")
def test_a_field_of_a_serializer_inside_is_named_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "reflex_drf.queries")
    with override_settings(REFLEX_DRF={"WARN_OF_QUERIES": True}):
        plain_data(OuterRows(OrderLine.objects.all(), many=True))
    assert [text.partition(" ")[0] for text in warnings(caplog)] == ["CountingRows.tag_count"]
