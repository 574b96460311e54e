"""Form vars: what they take, what they hold, and what DRF gets of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import QueryDict
from rest_framework import serializers

from reflex_drf.state.forms import OMIT, Form, FormField, InvalidValueError, build_form
from tests.shop.models import Category, Product
from tests.shop.serializers import OrderSerializer, ProductSerializer


class Everything(serializers.Serializer[Any]):
    text = serializers.CharField()
    blank = serializers.CharField(allow_blank=True)
    nullable_text = serializers.CharField(allow_null=True, required=False)
    both = serializers.CharField(allow_null=True, allow_blank=True)
    number = serializers.IntegerField()
    nullable = serializers.IntegerField(allow_null=True)
    optional = serializers.IntegerField(required=False)
    preset = serializers.IntegerField(default=5)
    money = serializers.DecimalField(max_digits=8, decimal_places=2)
    flag = serializers.BooleanField()
    on = serializers.BooleanField(default=True)
    perhaps = serializers.BooleanField(allow_null=True)
    day = serializers.DateField(required=False, allow_null=True)
    attrs = serializers.JSONField(required=False)
    table = serializers.DictField(required=False)
    words = serializers.ListField(child=serializers.CharField())
    several = serializers.MultipleChoiceField(choices=["a", "b"])
    choice = serializers.ChoiceField(choices=["a", "b"], default="b")
    password = serializers.CharField(write_only=True)
    photo = serializers.FileField(required=False)
    seen = serializers.CharField(read_only=True)
    hidden = serializers.HiddenField(default=1)


FORM = build_form(Everything())


def field(name: str, form: Form = FORM) -> FormField:
    found = form.by_name(name)
    assert found is not None
    return found


class TestVars:
    def test_each_writable_field_has_one(self) -> None:
        read = {"seen", "hidden", "photo"}
        assert {f.name for f in FORM.fields} == set(Everything().fields) - read
        assert FORM.files == ("photo",)

    @pytest.mark.parametrize(
        ("name", "kind", "default"),
        [
            ("text", str, ""),
            ("number", str, ""),
            ("preset", str, "5"),
            ("money", str, ""),
            ("flag", bool, False),
            ("on", bool, True),
            ("perhaps", str, ""),
            ("day", str, ""),
            ("attrs", str, ""),
            ("words", list[str], []),
            ("several", list[str], []),
            ("choice", str, "b"),
        ],
    )
    def test_types_and_defaults(self, name: str, kind: Any, default: Any) -> None:
        assert field(name).var_type == kind
        assert field(name).default == default

    def test_a_default_of_the_model_is_that_of_the_form(self) -> None:
        form = build_form(ProductSerializer())
        assert field("active", form).default is True
        assert field("attrs", form).default == ""

    def test_relations_are_keys_as_text(self) -> None:
        form = build_form(ProductSerializer())
        assert field("category", form).var_type is str
        assert field("tags", form).var_type == list[str]

    def test_vars_may_have_other_names_and_fields_may_be_left_out(self) -> None:
        form = build_form(
            ProductSerializer(), vars={"name": "title"}, read_only=["sku"], only=["name", "sku"]
        )
        assert [(f.name, f.var) for f in form.fields] == [("name", "title")]

    def test_nested_rows_only_where_they_can_be_written(self) -> None:
        assert field("lines", build_form(OrderSerializer())).var_type == list[dict[str, Any]]

        class Unwritable(serializers.ModelSerializer[Category]):
            products = ProductSerializer(many=True, source="product_set")

            class Meta:
                model = Category
                fields = ["name", "products"]

        assert [f.name for f in build_form(Unwritable()).fields] == ["name"]

    def test_no_serializer_no_form(self) -> None:
        assert build_form(None) == Form()


class TestAccepting:
    @pytest.mark.parametrize(
        ("name", "given", "held"),
        [
            ("text", "a", "a"),
            ("text", None, ""),
            ("number", 3, "3"),
            ("number", 1.5, "1.5"),
            ("money", "1.10", "1.10"),
            ("flag", "on", True),
            ("flag", "", False),
            ("flag", "False", False),
            ("flag", 1, True),
            ("perhaps", None, ""),
            ("perhaps", False, "false"),
            ("perhaps", "true", "true"),
            ("words", ["a", 1], ["a", "1"]),
            ("words", "a", ["a"]),
            ("words", None, []),
            ("attrs", {"a": 1}, '{"a": 1}'),
            ("attrs", "{", "{"),
        ],
    )
    def test_what_browsers_send(self, name: str, given: Any, held: Any) -> None:
        assert field(name).accept(given) == held

    @pytest.mark.parametrize(
        ("name", "given"),
        [
            ("text", []),
            ("text", {"a": 1}),
            ("text", True),
            ("flag", "maybe"),
            ("flag", 7),
            ("flag", []),
            ("perhaps", "x"),
            ("words", {"a": 1}),
            ("words", [["a"]]),
            ("words", 3),
            ("attrs", object()),
        ],
    )
    def test_what_does_not_fit_is_refused(self, name: str, given: Any) -> None:
        with pytest.raises(InvalidValueError):
            field(name).accept(given)

    def test_nested_rows(self) -> None:
        lines = field("lines", build_form(OrderSerializer()))
        assert lines.accept([{"quantity": 1}]) == [{"quantity": 1}]
        for wrong in ("x", [1], {"a": 1}, None):
            with pytest.raises(InvalidValueError):
                lines.accept(wrong)


class TestBlanks:
    """A blank counts as it does in DRF's own HTML forms."""

    @pytest.mark.parametrize(
        "name",
        ["text", "blank", "nullable_text", "both", "number", "nullable", "optional", "preset",
         "money", "day", "choice"],
    )  # fmt: skip
    def test_as_in_a_html_form(self, name: str) -> None:
        by_html = Everything().fields[name].get_value(QueryDict(f"{name}="))
        parsed = field(name).parse("", partial=False)
        assert (OMIT if by_html is serializers.empty else by_html) == parsed

    def test_json_and_nullable_booleans(self) -> None:
        assert field("attrs").parse("", partial=False) is OMIT
        assert field("perhaps").parse("", partial=False) is None

    def test_a_blank_password_keeps_the_password(self) -> None:
        assert field("password").parse("", partial=True) is OMIT
        assert field("password").parse("", partial=False) == ""


class TestSending:
    def values(self, **changes: Any) -> Any:
        values = {f.var: f.default for f in FORM.fields} | changes
        return values.__getitem__

    def test_the_data_is_plain_and_has_no_read_only_field(self) -> None:
        data, errors = FORM.data(
            self.values(text="a", number="3", money="1.10", attrs='{"a": [1]}', words=["x"]),
            partial=False,
        )
        assert errors == {}
        assert type(data) is dict
        assert data["attrs"] == {"a": [1]}
        assert (data["money"], data["number"], data["flag"]) == ("1.10", "3", False)
        assert not {"seen", "hidden", "photo", "optional", "preset_"} & set(data)

    @pytest.mark.parametrize("text", ["{", "NaN", "Infinity", "[" * 100_000, "'a'"])
    def test_bad_json_is_a_field_error(self, text: str) -> None:
        data, errors = FORM.data(self.values(attrs=text), partial=False)
        assert errors == {"attrs": "Value must be valid JSON."}
        assert "attrs" not in data

    def test_drf_takes_what_a_form_sends(self) -> None:
        values = self.values(
            text="a", number="3", nullable="", money="1.10", words=["x"], several=["a"],
            day="2024-01-31", password="p", perhaps="false",
        )  # fmt: skip
        data, _ = FORM.data(values, partial=False)
        serializer = Everything(data=data)
        assert serializer.is_valid(), serializer.errors
        assert serializer.validated_data["preset"] == 5
        assert serializer.validated_data["perhaps"] is False
        assert serializer.validated_data["nullable"] is None


@pytest.mark.django_db
class TestRoundTrips:
    def test_a_row_comes_back_as_it_was(self) -> None:
        product = Product.objects.create(name="A", sku="1", price="1.10", attrs={"a": "ä"})
        row = ProductSerializer(product).data
        form = build_form(ProductSerializer())
        values = {f.var: f.populate(row[f.name]) for f in form.fields}
        data, errors = form.data(values.__getitem__, partial=True)
        serializer = ProductSerializer(product, data=data, partial=True)
        assert errors == {}
        assert serializer.is_valid(), serializer.errors
        saved = serializer.save()
        saved.refresh_from_db()
        again = ProductSerializer(saved).data
        assert again == row

    def test_a_write_only_field_is_never_filled(self) -> None:
        assert field("password").populate("hash") == ""

    def test_null_is_no_number(self) -> None:
        assert field("nullable").populate(None) == ""
        assert field("perhaps").populate(None) == ""
        assert field("words").populate(None) == []
