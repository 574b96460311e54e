"""Rows made by a plan are the rows that DRF makes, for any field, option and value."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, models
from django.test import RequestFactory, override_settings
from django.utils import timezone, translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework import serializers, viewsets
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from reflex_drf.backends import Call
from reflex_drf.backends.inprocess import call_view
from reflex_drf.compiled import compile_serializer, plain_data
from reflex_drf.reading import give_away
from reflex_drf.representation import plain
from tests.compiled import generated
from tests.compiled.models import ANYTHING, Anything, Everything, make_model
from tests.compiled.sample import SCRIPT
from tests.origin import make_origin
from tests.parity import views as parity_views
from tests.shop import serializers as shop_serializers
from tests.shop.models import Category, Order, OrderLine, Product, Tag, Task
from tests.shop.serializers import CategorySerializer
from tests.test_sample_project import Manage, manage

Make = Callable[[], Any]
often = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def outcome(work: Callable[[], Any]) -> Any:
    """What comes of it: a value with the types in it, or an error.

    Where several values are in error, which of them is found first may differ.
    """
    try:
        return spelled(work())
    except Exception:  # noqa: BLE001
        return "error"


def spelled(value: Any) -> Any:
    """Tell values apart that Python finds equal, such as 1 and True."""
    if isinstance(value, dict):
        return [(repr(key), spelled(item)) for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return [type(value).__name__.removeprefix("Return").lower(), *map(spelled, value)]
    return type(value).__name__, repr(value)


def rendered(serializer: Any) -> Any:
    return json.loads(JSONRenderer().render(serializer.data))


def compiled(serializer: Any) -> Any:
    compile_serializer(serializer)
    assert "to_representation" in serializer.__dict__
    return serializer.data


def agree(make: Make) -> None:
    """The plan gives what DRF gives, as JSON and as DRF's own values."""
    assert outcome(lambda: plain_data(make())) == outcome(lambda: rendered(make()))
    assert outcome(lambda: compiled(make())) == outcome(lambda: make().data)


def make_class(fields: dict[str, Any]) -> Any:
    return type("Generated", (serializers.Serializer,), {"__module__": __name__, **fields})


@st.composite
def rows_of_anything(draw: Any) -> tuple[Any, list[Any]]:
    """A serializer class of any fields, and objects with any values."""
    count = draw(st.integers(1, ANYTHING))
    names = [f"c{n}" for n in range(count)]
    cls = make_class({name: draw(generated.fields()) for name in names})
    row = st.fixed_dictionaries(dict.fromkeys(names, generated.values))
    rows = draw(st.lists(row, min_size=1, max_size=4))
    return cls, [instance_of(Anything, values) for values in rows]


def instance_of(model: Any, values: dict[str, Any]) -> Any:
    instance = model()
    for name, value in values.items():
        setattr(instance, name, value)
    return instance


@often
@given(rows_of_anything(), generated.zones, st.booleans(), st.sampled_from(["en", "de"]))
def test_any_field_with_any_value(generated_rows: Any, zone: Any, aware: bool, lang: str) -> None:
    cls, rows = generated_rows
    with timezone.override(zone), translation.override(lang), override_settings(USE_TZ=aware):
        agree(lambda: cls(rows, many=True))
        agree(lambda: cls(rows[0]))


class Numbered(serializers.ModelSerializer[Tag]):
    class Meta:
        model = Tag
        fields = ["id", "name"]


def relation_fields() -> Any:
    """What a serializer can say about a product's category and tags."""
    dotted = st.sampled_from(
        [{}, {"read_only": True}, {"allow_null": True}, {"required": False}, {"default": "none"}]
    )
    return st.fixed_dictionaries(
        {},
        optional={
            "name": st.builds(serializers.CharField),
            "category_name": dotted.map(
                lambda options: serializers.CharField(source="category.name", **options)
            ),
            "category": st.sampled_from(
                [
                    lambda: serializers.PrimaryKeyRelatedField(read_only=True),
                    lambda: serializers.StringRelatedField(),
                    lambda: serializers.SlugRelatedField("name", read_only=True),
                    lambda: CategorySerializer(read_only=True),
                    lambda: serializers.CharField(),
                    lambda: serializers.PrimaryKeyRelatedField(
                        read_only=True, pk_field=serializers.CharField()
                    ),
                ]
            ).map(lambda make: make()),
            "tags": st.sampled_from(
                [
                    lambda: serializers.PrimaryKeyRelatedField(many=True, read_only=True),
                    lambda: serializers.StringRelatedField(many=True),
                    lambda: serializers.SlugRelatedField("name", many=True, read_only=True),
                    lambda: Numbered(many=True),
                    lambda: Numbered(many=True, read_only=True, required=False),
                    lambda: serializers.SerializerMethodField("count_tags"),
                ]
            ).map(lambda make: make()),
        },
    )


def count_tags(self: Any, product: Product) -> int:
    return product.tags.count() if product.pk else 0


@pytest.fixture(scope="module")
def _stocked(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Products with and without category and tags, in the database for all examples."""
    with django_db_blocker.unblock():
        tea = Category.objects.create(name="Tea of the plans")
        tags = [Tag.objects.create(name=f"plan {n}") for n in range(3)]
        for number in range(4):
            product = Product.objects.create(
                name=f"P{number}", sku=f"plan-{number}", price=number, category=tea
            )
            product.tags.set(tags[:number])
        Product.objects.create(name="Bare", sku="plan-bare", price="0.10")
        yield
        Product.objects.filter(sku__startswith="plan-").delete()
        Tag.objects.filter(name__startswith="plan ").delete()
        tea.delete()


def loaded(how: str) -> Any:
    products = Product.objects.filter(sku__startswith="plan-")
    related = products.select_related("category").prefetch_related("tags")
    return {
        "lazy": products,
        "related": related,
        "list": list(related),
        "deferred": products.defer("name"),
        "unsaved": [Product(name="New"), Product(name="Newer", category=Category(name="New"))],
        "none": products.none(),
    }[how]


@pytest.mark.usefixtures("_stocked")
@pytest.mark.django_db
@often
@given(
    relation_fields(), st.sampled_from(["lazy", "related", "list", "deferred", "unsaved", "none"])
)
def test_any_relation(declared: dict[str, Any], how: str) -> None:
    cls = make_class({**declared, "count_tags": count_tags})
    agree(lambda: cls(loaded(how), many=True))


@pytest.mark.usefixtures("_stocked")
@pytest.mark.django_db
def test_what_a_list_shows_of_related_rows_is_of_the_types_that_drf_gives() -> None:
    prices = serializers.SlugRelatedField("price", source="product_set", many=True, read_only=True)
    cls = make_class({"prices": prices})

    def make() -> Any:
        return cls(give_away(Category.objects.order_by("id")), many=True)

    assert outcome(lambda: compiled(make())) == outcome(lambda: make().data)


@pytest.fixture(scope="module")
def _table(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """A table of every kind of column, beside those of the apps."""
    with django_db_blocker.unblock():
        with connection.schema_editor() as editor:
            editor.create_model(Everything)
        yield
        with connection.schema_editor() as editor:
            editor.delete_model(Everything)


COLUMNS = [field.name for field in Everything._meta.concrete_fields]


def model_serializer(model: Any, **options: Any) -> Any:
    meta = type("Meta", (), {"model": model, "fields": "__all__", **options})
    return type("Generated", (serializers.ModelSerializer,), {"__module__": __name__, "Meta": meta})


@pytest.mark.usefixtures("_table")
@pytest.mark.django_db
@often
@given(
    st.lists(generated.everything, max_size=5),
    st.lists(st.sampled_from(COLUMNS), min_size=1, unique=True),
    generated.zones,
    st.sampled_from([{}, {"COERCE_DECIMAL_TO_STRING": False}, {"STRICT_JSON": False}]),
)
def test_any_rows_of_a_table(rows: Any, names: list[str], zone: Any, framework: Any) -> None:
    cls = model_serializer(Everything, fields=names)
    Everything.objects.all().delete()
    Everything.objects.bulk_create(Everything(**row) for row in rows)
    with timezone.override(zone), override_settings(REST_FRAMEWORK=framework):
        found = cls(Everything.objects.order_by("id"), many=True)
        expected = outcome(lambda: plain(found.data))
        queryset = Everything.objects.order_by("id")
        assert outcome(lambda: plain_data(cls(queryset, many=True))) == expected
        assert queryset._result_cache is None
        given = give_away(Everything.objects.order_by("id"))
        by_drf = outcome(lambda: cls(Everything.objects.order_by("id"), many=True).data)
        assert outcome(lambda: compiled(cls(given, many=True))) == by_drf
        instances = list(Everything.objects.order_by("id"))
        assert outcome(lambda: plain_data(cls(instances, many=True))) == expected
        agree(lambda: cls(instances, many=True))


model_fields = st.sampled_from(
    [
        lambda **o: models.DecimalField(max_digits=9, decimal_places=3, **o),
        lambda **o: models.DecimalField(max_digits=30, decimal_places=8, **o),
        lambda **o: models.CharField(max_length=3, choices=[("a", "A"), ("1", "One")], **o),
        lambda **o: models.SmallIntegerField(choices=[(1, "One"), ("2", "Two")], **o),
        lambda **o: models.CharField(max_length=9, choices=lambda: [(1, "One")], **o),
        *(models.DateTimeField, models.DateField, models.TimeField, models.DurationField),
        *(models.UUIDField, models.BooleanField, models.JSONField, models.GenericIPAddressField),
        *(models.FloatField, models.BigIntegerField, models.TextField, models.BinaryField),
        *(models.SlugField, models.EmailField, models.URLField, models.FileField),
    ]
)


@st.composite
def generated_models(draw: Any) -> tuple[Any, list[Any]]:
    """A model of any fields, and objects of it that were never saved."""
    made = draw(st.lists(st.tuples(model_fields, st.booleans()), min_size=1, max_size=5))
    model = make_model(**{f"f{n}": make(null=null) for n, (make, null) in enumerate(made)})
    names = st.fixed_dictionaries({f"f{n}": generated.values for n in range(len(made))})
    rows = draw(st.lists(names, min_size=1, max_size=3))
    return model, [instance_of(model, values) for values in rows]


@settings(often, max_examples=60)
@given(generated_models())
def test_any_model(generated_rows: Any) -> None:
    model, rows = generated_rows
    cls = model_serializer(model)
    agree(lambda: cls(rows, many=True))
    agree(lambda: cls(rows[0]))


assert manage  # A fixture is found by its name.


def test_every_serializer_of_the_sample_project(manage: Manage) -> None:
    manage("migrate", "--verbosity", "0")
    manage("seed_demo")
    assert "read 5" in manage("shell", "-c", SCRIPT)


def serializers_of(module: Any) -> list[Any]:
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, serializers.ModelSerializer)
        and hasattr(value, "Meta")
    ]


@pytest.mark.usefixtures("_stocked")
@pytest.mark.django_db
@pytest.mark.parametrize(
    "cls",
    [*serializers_of(shop_serializers), *serializers_of(parity_views)],
    ids=lambda cls: cls.__name__,
)
def test_every_serializer_of_the_tests(cls: Any) -> None:
    order = Order.objects.create(customer="Ada")
    for product in Product.objects.filter(sku__startswith="plan-"):
        OrderLine.objects.create(order=order, product=product, quantity=2)
    Task.objects.create(owner=User.objects.create(username="ada"), title="Write")
    request: Any = RequestFactory().get("/")
    request.version = "v1"
    queryset = cls.Meta.model.objects.order_by("pk")
    assert queryset
    agree(lambda: cls(queryset.all(), many=True, context={"request": request}))
    agree(lambda: cls(queryset[0], context={"request": request}))


class KindsView(viewsets.ReadOnlyModelViewSet[Product]):
    """A view that works on what its serializer gives."""

    queryset = Product.objects.order_by("id")
    serializer_class = shop_serializers.ProductSerializer
    pagination_class = None

    def list(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(self.get_queryset(), many=True)
        rows = serializer.data
        planned = "to_representation" in serializer.__dict__
        kinds = [
            type(rows).__name__,
            type(rows[0]["price"]).__name__,
            rows.serializer is serializer,
        ]
        rows[0]["name"] = "changed by the view"
        total = sum(row["price"] for row in rows)
        return Response({"planned": planned, "kinds": kinds, "total": total, "rows": rows})


@pytest.mark.usefixtures("_stocked")
@pytest.mark.django_db
@pytest.mark.parametrize("planned", [True, False])
def test_a_view_in_process_gets_drfs_own_values(planned: bool) -> None:
    framework = {"COERCE_DECIMAL_TO_STRING": False}
    ours = {"COMPILED_REPRESENTATION": planned}
    with override_settings(REST_FRAMEWORK=framework, REFLEX_DRF=ours):
        reply = call_view(Call(view=KindsView, action="list"), make_origin())
        over_http: Any = KindsView.as_view({"get": "list"})(RequestFactory().get("/")).render()
        expected = json.loads(over_http.content)

    assert reply.data == {**expected, "planned": planned}
    assert reply.data["kinds"] == ["ReturnList", "Decimal", True]
    assert reply.data["rows"][0]["name"] == "changed by the view"


@pytest.mark.django_db
def test_a_list_asks_a_child_that_was_given_a_way_of_its_own() -> None:
    Tag.objects.create(name="red")
    serializer: Any = Numbered(Tag.objects.filter(name="red"), many=True)
    compile_serializer(serializer)
    serializer.child.to_representation = lambda tag: {"label": tag.name}
    assert serializer.data == [{"label": "red"}]
