"""Fields for input that are copied instead of built: as DRF builds them, and nobody else's."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from django.contrib.auth import get_user_model
from django.core.validators import MinLengthValidator
from django.db.models import Manager, Q, QuerySet, UniqueConstraint
from django.test import override_settings
from django.utils import translation
from django.utils.functional import Promise
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework import serializers, viewsets
from rest_framework.relations import ManyRelatedField
from rest_framework.serializers import model_meta
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.utils.formatting import lazy_format
from rest_framework.validators import UniqueValidator

from reflex_drf.backends import Call
from reflex_drf.backends.inprocess import call_view
from reflex_drf.fieldcopies import lend_fields
from tests.origin import make_origin
from tests.shop.models import Category, Order, Product, Tag
from tests.shop.serializers import CategorySerializer, ProductSerializer, TaskSerializer

Built = dict[str, Any]


class Everything(serializers.ModelSerializer[Product]):
    class Meta:
        model = Product
        fields = "__all__"
        extra_kwargs: ClassVar[Any] = {
            "name": {
                "validators": [MinLengthValidator(2)],
                "error_messages": {"blank": "Name it."},
            },
            "attrs": {"write_only": True},
        }


class Declared(serializers.Serializer[Any]):
    yes = serializers.BooleanField(default=True)
    word = serializers.CharField(max_length=5, min_length=2, help_text="A word", allow_blank=True)
    mail = serializers.EmailField(required=False)
    slug = serializers.SlugField(required=False)
    link = serializers.URLField(required=False)
    key = serializers.UUIDField(required=False, format="hex")
    address = serializers.IPAddressField(required=False)
    count = serializers.IntegerField(min_value=1, max_value=9)
    share = serializers.FloatField(required=False, min_value=0)
    price = serializers.DecimalField(max_digits=5, decimal_places=2, max_value=Decimal("99.5"))
    at = serializers.DateTimeField(required=False)
    on = serializers.DateField(default=date(2026, 1, 1))
    clock = serializers.TimeField(required=False)
    span = serializers.DurationField(required=False)
    size = serializers.ChoiceField(["s", "l"], allow_blank=True)
    sizes = serializers.MultipleChoiceField(choices=[("s", "Small"), ("l", "Large")])
    words = serializers.ListField(child=serializers.CharField(max_length=3), max_length=2)
    extra = serializers.JSONField(required=False)
    said = serializers.ReadOnlyField(source="word")
    told = serializers.SerializerMethodField()
    owner = serializers.HiddenField(default=serializers.CurrentUserDefault())
    tag = serializers.SlugRelatedField(slug_field="name", queryset=Tag.objects)

    def get_told(self, value: Any) -> str:
        return "told"


KINDS = [Everything, Declared, CategorySerializer, ProductSerializer, TaskSerializer]


def lent(kind: Any, data: Any = None, **options: Any) -> Any:
    """Give a serializer for input as a view's call has it."""
    serializer = kind(data={} if data is None else data, **options)
    lend_fields(serializer)
    return serializer


def described(value: Any) -> Any:
    """Give what two fields, or two things of theirs, have to have in common."""
    if isinstance(value, (serializers.Field, UniqueValidator)) or hasattr(value, "limit_value"):
        left_out = {"parent", "_creation_counter"}
        own = {k: v for k, v in vars(value).items() if k not in left_out}
        if isinstance(value, serializers.Field):
            own["validators"] = value.validators
            own.pop("_validators", None)
        return type(value), {name: described(own[name]) for name in sorted(own)}
    if isinstance(value, (Manager, QuerySet)):
        return type(value), value.model
    if isinstance(value, (Promise, lazy_format)):
        return str(value)
    if isinstance(value, dict):
        return {key: described(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value), [described(item) for item in value]
    is_known = "validators" in type(value).__module__ or "Default" in type(value).__name__
    return type(value) if is_known else value


# What copies are


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", ["en", "de"])
def test_copies_are_what_drf_builds(kind: Any, language: str) -> None:
    with translation.override(language):
        for _ in range(2):
            serializer, theirs = lent(kind), kind(data={})
            assert "fields" in serializer.__dict__
            assert list(serializer.fields) == list(theirs.fields)
            for name, field in serializer.fields.items():
                assert described(field) == described(theirs.fields[name])
                assert field.parent is serializer
                assert field.root is serializer
            assert getattr(serializer, "url_field_name", None) == getattr(
                theirs, "url_field_name", None
            )


def test_what_is_inside_of_a_field_belongs_to_its_copy() -> None:
    first, second = lent(Everything).fields["tags"], lent(Everything).fields["tags"]
    assert isinstance(first, ManyRelatedField)
    assert first.child_relation is not second.child_relation
    assert (first.child_relation.parent, second.child_relation.parent) == (first, second)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.text(max_size=7),
    st.sampled_from(["s", "1.50", "2026-02-30", "a@b.example", "12:00", "::1", "{", "1 00:00:01"]),
    st.lists(st.text(max_size=4), max_size=3),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)
NAMES = [name for name in Declared().fields if name != "tag"]


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    data=st.dictionaries(st.sampled_from(NAMES), VALUES),
    language=st.sampled_from(["en", "de"]),
    partial=st.booleans(),
)
def test_any_input_gets_drfs_answer(data: Built, language: str, partial: bool) -> None:
    request = type("Request", (), {"user": "alice"})()
    options: Any = {"partial": partial, "context": {"request": request}}
    with translation.override(language):
        ours, theirs = lent(Declared, data, **options), Declared(data=data, **options)
        assert ours.is_valid() == theirs.is_valid()
        assert ours.errors == theirs.errors
        assert repr(ours.validated_data) == repr(theirs.validated_data)


@pytest.mark.django_db
def test_uniqueness_is_asked_for_each_row_and_in_its_language() -> None:
    Category.objects.create(name="Tea")
    for language in ("en", "de", "en"):
        with translation.override(language):
            ours = lent(CategorySerializer, {"name": "Tea"})
            theirs = CategorySerializer(data={"name": "Tea"})
            assert not ours.is_valid()
            assert not theirs.is_valid()
            assert ours.errors == theirs.errors
    assert lent(CategorySerializer, {"name": "Coffee"}).is_valid()
    same = lent(CategorySerializer, {"name": "Tea"}, instance=Category.objects.get())
    assert same.is_valid()


# What changes a serializer's fields is that serializer's own


def change_message(built: Built) -> None:
    built["name"].error_messages["required"] = "Changed."


def change_choices(built: Built) -> None:
    built["size"].choices.pop("s")


def change_validators(built: Built) -> None:
    built["sku"].validators[0].message = "Changed."
    built["sku"].validators[1].limit_value = 1


def add_validator(built: Built) -> None:
    built["name"].validators.append(MinLengthValidator(50))


def add_lazy_validator(built: Built) -> None:
    built["active"].validators.append(MinLengthValidator(50))


def change_style(built: Built) -> None:
    built["attrs"].style["rows"] = 3


def change_option(built: Built) -> None:
    built["stock"].required = True
    built["price"].source = "name"


def change_inside(built: Built) -> None:
    built["tags"].child_relation.queryset = Tag.objects.none()
    built["tags"].child_relation.error_messages["null"] = "Changed."


def take_away(built: Built) -> None:
    del built["name"]


@pytest.mark.parametrize(
    "change",
    [
        *(change_message, change_choices, change_validators, add_validator, add_lazy_validator),
        *(change_style, change_option, change_inside, take_away),
    ],
)
def test_a_changed_field_is_that_of_one_serializer(change: Any) -> None:
    change(lent(Everything).fields)
    after, theirs = lent(Everything).fields, Everything(data={}).fields
    assert list(after) == list(theirs)
    assert [described(f) for f in after.values()] == [described(f) for f in theirs.values()]


def test_a_default_that_somebody_fills_stays_empty_for_others() -> None:
    class Filled(serializers.Serializer[Any]):
        names = serializers.ListField(default=[])

    first = lent(Filled)
    assert first.is_valid()
    first.validated_data["names"].append("mine")
    second = lent(Filled)
    assert second.is_valid()
    assert second.validated_data == {"names": []}


# What is left to DRF


class OwnInit(CategorySerializer):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].max_length = 3


class OwnFields(CategorySerializer):
    def get_fields(self) -> Built:
        return {**super().get_fields(), "more": serializers.CharField()}


class Shouted(serializers.CharField):
    def to_internal_value(self, data: Any) -> str:
        return str(super().to_internal_value(data)).upper()


class OwnField(serializers.Serializer[Any]):
    word = Shouted(write_only=True)


class Counted:
    """A default with something to remember."""

    requires_context = True

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def __call__(self, field: Any) -> int:
        self.seen.append(field)
        return len(self.seen)


class OwnDefault(serializers.Serializer[Any]):
    number = serializers.IntegerField(default=Counted())


class Limited(serializers.Serializer[Any]):
    tag = serializers.PrimaryKeyRelatedField(queryset=Tag.objects.filter(name="hot"))


class Nested(serializers.Serializer[Any]):
    category = CategorySerializer()


class Sizes:
    """Choices that are others each time they are asked for."""

    known: ClassVar[list[str]] = ["s"]

    def __iter__(self) -> Iterator[str]:
        return iter([*self.known])


class Growing(serializers.Serializer[Any]):
    size = serializers.ChoiceField(choices=Sizes())


class Deep(serializers.Serializer[Any]):
    extra = serializers.JSONField(default={"a": [1]})


@pytest.mark.parametrize(
    "kind", [OwnInit, OwnFields, OwnField, OwnDefault, Limited, Nested, Growing, Deep]
)
def test_fields_that_may_be_more_than_their_options_are_built(kind: Any) -> None:
    for _ in range(2):
        serializer = kind(data={})
        before = dict(serializer.__dict__.get("fields", {}))
        lend_fields(serializer)
        assert dict(serializer.__dict__.get("fields", {})) == before


def test_choices_are_those_of_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not lent(Growing, {"size": "l"}).is_valid()
    monkeypatch.setattr(Sizes, "known", ["s", "l"])
    assert lent(Growing, {"size": "l"}).is_valid()


def test_a_default_with_a_memory_begins_anew() -> None:
    for _ in range(2):
        serializer = lent(OwnDefault)
        assert serializer.is_valid()
        assert serializer.validated_data == {"number": 1}


def test_only_a_serializer_for_input_is_given_fields() -> None:
    for serializer in (
        CategorySerializer(Category(name="Tea")),
        CategorySerializer(data=[], many=True),
        serializers.BaseSerializer(data={}),
    ):
        lend_fields(serializer)
        assert "fields" not in serializer.__dict__


def test_fields_that_somebody_has_looked_at_stay() -> None:
    serializer = CategorySerializer(data={})
    built = serializer.fields
    del built["name"]
    lend_fields(serializer)
    assert serializer.fields is built


# What they are copied from


def test_a_changed_meta_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "stock" in lent(Everything).fields
    monkeypatch.setattr(Everything.Meta, "fields", ["id", "name"])
    monkeypatch.setattr(Everything.Meta, "extra_kwargs", {"name": {"max_length": 2}})
    assert list(lent(Everything).fields) == ["id", "name"]
    assert not lent(Everything, {"name": "Assam"}).is_valid()


def test_settings_are_those_of_the_moment() -> None:
    def price() -> Any:
        serializer = lent(Declared, {"price": "1.5"}, partial=True)
        serializer.is_valid()
        return serializer.fields["price"].to_representation(Decimal("1.5"))

    assert price() == "1.50"
    with override_settings(REST_FRAMEWORK={"COERCE_DECIMAL_TO_STRING": False}):
        assert price() == Decimal("1.50")
    assert price() == "1.50"


def test_languages_that_somebody_makes_up_do_not_fill_the_memory() -> None:
    from reflex_drf.fieldsets import sets_of

    for number in range(200):
        with translation.override(f"en-x{number}"):
            assert not lent(CategorySerializer).is_valid()
    (known,) = sets_of(CategorySerializer) or ()
    assert len(known.originals) < 50


def test_nothing_keeps_a_class_or_a_serializer() -> None:
    class Passing(serializers.ModelSerializer[Category]):
        class Meta:
            model = Category
            fields = ["id", "name"]

    serializer = lent(Passing)
    assert not serializer.is_valid()
    seen = weakref.ref(serializer), weakref.ref(Passing)
    del serializer, Passing
    gc.collect()
    assert [ref() for ref in seen] == [None, None]


def test_threads_may_use_them_at_the_same_time() -> None:
    class Fresh(serializers.Serializer[Any]):
        word = serializers.CharField(max_length=1)
        count = serializers.IntegerField(max_value=1)

    data = {"word": "long", "count": 7}
    theirs = Fresh(data=data)
    theirs.is_valid()
    barrier, wrong = threading.Barrier(8), list[Any]()

    def work() -> None:
        barrier.wait()
        for _ in range(50):
            serializer = lent(Fresh, data)
            if serializer.is_valid() or serializer.errors != theirs.errors:
                wrong.append(serializer.errors)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# In a view


class Categories(viewsets.ModelViewSet[Category]):
    queryset = Category.objects.order_by("id")
    serializer_class = CategorySerializer


class Narrowed(Categories):
    """Takes a field out of the serializer before it looks at the input."""

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        serializer = super().get_serializer(*args, **kwargs)
        serializer.fields["name"].max_length = 3
        serializer.fields["name"].validators.append(MinLengthValidator(3))
        return serializer


class Orders(viewsets.ModelViewSet[Order]):
    """Decides on a field after it has the serializer, as a hook of a project does."""

    queryset = Order.objects.order_by("id")

    class Serializer(serializers.ModelSerializer[Order]):
        class Meta:
            model = Order
            fields = ["id", "customer"]

    serializer_class = Serializer

    def create(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        if request.data.get("customer") == "nobody":
            serializer = self.get_serializer(data=request.data)
            serializer.fields["customer"].error_messages["blank"] = "Nobody."
            serializer.fields["customer"].read_only = True
        return super().create(request, *args, **kwargs)


def over_http(view: Any, data: Built) -> tuple[int, Any]:
    request = APIRequestFactory().post("/", data, format="json")
    force_authenticate(request, get_user_model()(username="alice"))
    response = view.as_view({"post": "create"})(request)
    return response.status_code, {**response.data}


def in_process(view: Any, data: Built) -> tuple[int, Any]:
    reply = call_view(Call(view=view, action="create", data=data), make_origin())
    return reply.status, reply.data


@pytest.mark.django_db
@pytest.mark.parametrize(
    "data", [{}, {"name": ""}, {"name": "Tea"}, {"name": "x" * 61}, {"name": None}, {"name": "Co"}]
)
@pytest.mark.parametrize("view", [Categories, Narrowed])
def test_a_call_is_answered_as_over_http(view: Any, data: Built) -> None:
    Category.objects.create(name="Tea")
    theirs = over_http(view, data)
    Category.objects.exclude(name="Tea").delete()
    ours = in_process(view, data)
    assert ours[0] == theirs[0]
    assert {**ours[1], "id": 0} == {**theirs[1], "id": 0}


class Scoped(Manager[Order]):
    """Finds the rows of somebody, as a manager of a project with several tenants does."""

    whose = ""

    def __init__(self) -> None:
        super().__init__()
        self.model = Order

    def get_queryset(self) -> QuerySet[Order]:
        return super().get_queryset().filter(customer__startswith=self.whose)


@pytest.mark.django_db
def test_a_unique_value_is_looked_for_among_the_rows_of_the_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """DRF asks the manager for its rows when it builds the field."""

    class Named(Orders):
        class Serializer(serializers.ModelSerializer[Order]):
            class Meta:
                model = Order
                fields = ["id", "customer"]

        serializer_class = Serializer

    named = UniqueConstraint(fields=["customer"], condition=~Q(customer=""), name="named")
    monkeypatch.setattr(Order._meta, "constraints", [named])
    monkeypatch.setitem(vars(Order._meta), "default_manager", Scoped())
    for name in ("Ann", "Bob"):
        Order.objects.create(customer=name)
        monkeypatch.setattr(Scoped, "whose", name[0])
        theirs = over_http(Named, {"customer": name})
        assert in_process(Named, {"customer": name}) == theirs
        assert theirs[0] == 400


@pytest.mark.django_db
def test_what_one_call_changes_the_next_does_not_see() -> None:
    assert in_process(Orders, {"customer": "nobody"})[0] == 201
    assert in_process(Orders, {"customer": ""}) == over_http(Orders, {"customer": ""})


@pytest.mark.django_db
def test_a_save_does_not_look_at_the_model_again(monkeypatch: pytest.MonkeyPatch) -> None:
    looked, find = [], model_meta.get_field_info
    monkeypatch.setattr(model_meta, "get_field_info", lambda m: looked.append(m) or find(m))
    in_process(Categories, {"name": "Tea"})
    # To write a row DRF looks which of its relations go to many, which is another matter.
    once = len(looked)
    in_process(Categories, {"name": "Coffee"})
    again = len(looked) - once
    with override_settings(REFLEX_DRF={"COMPILED_REPRESENTATION": False}):
        in_process(Categories, {"name": "Cocoa"})
    assert len(looked) - once - again > again
