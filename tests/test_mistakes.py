"""Mistakes in the declaration of a state: each is said at import, with the class and the option."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from rest_framework import mixins, permissions, serializers, viewsets

from reflex_drf.errors import ConfigurationError
from reflex_drf.state import AppState, ModelListView, ModelState
from tests.shop.models import Category, Product
from tests.shop.serializers import CategorySerializer
from tests.shop.views import CategoryViewSet, ProductViewSet

CATEGORY: dict[str, Any] = {"model": Category, "fields": ["name"]}
PRODUCTS: dict[str, Any] = {"viewset": ProductViewSet}
NUMBERS = itertools.count()


def declare(*, bases: tuple[type, ...] = (ModelState,), **options: Any) -> Any:
    """A state with these options in its `Meta`."""
    body = {"__module__": __name__, "Meta": type("Meta", (), options)}
    return type(ModelState)(f"Mistaken{next(NUMBERS)}State", bases, body)


def refused(*said: str, **options: Any) -> str:
    """What is said of a state with these options; it has to name the class and all of `said`."""
    with pytest.raises(ConfigurationError) as caught:
        declare(**options)
    message = str(caught.value)
    assert message.startswith("Mistaken")
    assert [word for word in said if word not in message] == []
    return message


class TestShapes:
    @pytest.mark.parametrize(
        "option",
        [
            "ordering",
            "search_fields",
            "filter_backends",
            "filter_params",
            "queryset_select_related",
            "queryset_prefetch",
            "exclude_from_row",
            "read_only_fields",
            "authentication_classes",
            "throttle_classes",
            "fields",
        ],
    )
    @pytest.mark.parametrize("value", [5, True, object()])
    def test_a_list_has_to_be_one(self, option: str, value: Any) -> None:
        refused(f".{option} is", "a list", **{**CATEGORY, option: value})

    def test_a_class_alone_is_no_list_of_classes(self) -> None:
        refused(
            ".permission_classes is", "IsAdminUser", "a list",
            **CATEGORY, permission_classes=permissions.IsAdminUser,
        )  # fmt: skip

    @pytest.mark.parametrize(
        "option",
        ["permission_classes", "authentication_classes", "throttle_classes", "filter_backends"],
    )
    @pytest.mark.parametrize("value", [["IsAdminUser"], "IsAdminUser", [None], [5]])
    def test_classes_are_no_names_of_classes(self, option: str, value: Any) -> None:
        # Whoever writes a permission as text must not find out by what it lets through.
        refused(f".{option} has", "no class", **CATEGORY, **{option: value})

    def test_combined_permissions_are_classes(self) -> None:
        combined = [permissions.IsAdminUser | permissions.IsAuthenticated, ~permissions.IsAdminUser]
        state = declare(**CATEGORY, permission_classes=combined)
        assert state._plan.viewset.permission_classes == combined

    @pytest.mark.parametrize(
        "option",
        [
            "field_vars",
            "action_handlers",
            "relation_viewsets",
            "relation_search_fields",
            "url_kwargs",
        ],
    )
    @pytest.mark.parametrize("value", [["name"], "name", 5, None])
    def test_a_dictionary_has_to_be_one(self, option: str, value: Any) -> None:
        refused(f".{option} is", "a dictionary", **PRODUCTS, **{option: value})

    @pytest.mark.parametrize("seconds", ["5", None, True, -1, 61, float("nan")])
    def test_seconds_are_a_number_within_a_minute(self, seconds: Any) -> None:
        refused(".undo_seconds", "between 0 and 60", **PRODUCTS, undo_seconds=seconds)

    @pytest.mark.parametrize("option", ["max_page_size", "bulk_limit", "export_limit"])
    @pytest.mark.parametrize("value", [None, 0, -3, "9", 1.5, True])
    def test_a_limit_is_never_none(self, option: str, value: Any) -> None:
        refused(f".{option} is", "1 or more", **PRODUCTS, **{option: value})

    @pytest.mark.parametrize("value", ["x", 5, object()])
    def test_a_paginator_is_a_class(self, value: Any) -> None:
        refused(".pagination_class is", "a class", **CATEGORY, pagination_class=value)

    @pytest.mark.parametrize("value", [5, 1.0, {"restock": True}])
    def test_row_permissions_are_names_or_a_yes(self, value: Any) -> None:
        refused(".row_permissions", **PRODUCTS, row_permissions=value)

    @pytest.mark.parametrize("value", [5, "reflex_drf.Backend", object(), ProductViewSet])
    def test_a_backend_is_one(self, value: Any) -> None:
        refused(".backend_class is", "Backend", **PRODUCTS, backend_class=value)

    @pytest.mark.parametrize("value", [Category, "CategorySerializer", CategoryViewSet, 5])
    @pytest.mark.parametrize("beside", [{"model": Category}, PRODUCTS])
    def test_a_serializer_is_one(self, value: Any, beside: dict[str, Any]) -> None:
        refused(".serializer_class is", "a serializer class", **beside, serializer_class=value)


class TestNamesOfTheModel:
    @pytest.mark.parametrize("model", ["shop.Nope", "nope.Category", "Category", "a.b.c", ""])
    def test_a_model_that_is_not_installed(self, model: str) -> None:
        refused(f".model is {model!r}", "app.Model", model=model, fields=["name"])

    @pytest.mark.parametrize("fields", [["nam"], ["name", "products"], "nam"])
    def test_a_field_that_the_model_does_not_have(self, fields: Any) -> None:
        refused(".fields", "is not valid for model `Category`", model=Category, fields=fields)

    def test_one_field_without_its_comma_is_a_list_of_one(self) -> None:
        state = declare(model=Category, fields="name")
        assert list(state._plan.rows.fields) == ["id", "name"]

    @pytest.mark.parametrize("ordering", ["nope", "-nope", ["name", "nope"], ["nope__name"]])
    def test_an_order_that_the_model_does_not_have(self, ordering: Any) -> None:
        refused(".ordering", "nope", **CATEGORY, ordering=ordering)

    def test_orders_over_relations_and_expressions_are_fine(self) -> None:
        from django.db.models import F

        terms = ["category__name", F("price").desc(), "?", "-pk"]
        state = declare(model=Product, fields=["name"], ordering=terms)
        assert len(state._plan.viewset.queryset.query.order_by) == 4

    @pytest.mark.parametrize("option", ["exclude_from_row", "read_only_fields"])
    @pytest.mark.parametrize("beside", ["built", "existing"])
    def test_a_field_that_is_to_be_kept_back_and_is_none(self, option: str, beside: str) -> None:
        # It would be sent, or could be written, after all.
        options = CATEGORY if beside == "built" else PRODUCTS
        refused(f".{option} names 'nam'", "known are", "name", **options, **{option: ["nam"]})

    def test_what_is_kept_back_may_be_inherited_by_a_state_that_does_not_have_it(self) -> None:
        class KeptBackState(ModelState):
            class Meta:
                abstract = True
                exclude_from_row = ["stock"]
                read_only_fields = ["stock"]

        assert declare(bases=(KeptBackState,), **CATEGORY)._plan.options.exclude_from_row

    def test_rows_may_have_what_only_their_own_representation_knows(self) -> None:
        class Own(CategorySerializer):
            def to_representation(self, instance: Any) -> Any:
                return super().to_representation(instance) | {"secret": 1}

        assert declare(serializer_class=Own, exclude_from_row=["secret"])

    @pytest.mark.parametrize("name", ["nope", 5, "nope__name", ""])
    def test_a_lookup_that_the_model_does_not_have(self, name: Any) -> None:
        refused(".lookup_field is", **CATEGORY, lookup_field=name)

    @pytest.mark.parametrize("name", ["pk", "name", "id"])
    def test_lookups_that_it_has(self, name: str) -> None:
        assert declare(**CATEGORY, lookup_field=name)._plan.viewset.lookup_field == name

    @pytest.mark.parametrize("beside", ["built", "existing"])
    def test_filters_that_the_model_does_not_have(self, beside: str) -> None:
        class Filtered(ProductViewSet):
            filterset_fields = ["nope"]

        options = (
            {**CATEGORY, "filterset_fields": ["nope"]}
            if beside == "built"
            else {"viewset": Filtered}
        )
        refused("filterset_fields", "nope", **options)


class TestNamesOfTheState:
    @pytest.mark.parametrize("option", ["list_var", "save_event", "delete_event"])
    @pytest.mark.parametrize("name", ["class", "None", "_rows", "two words", "1st", ""])
    def test_it_could_not_be_written(self, option: str, name: str) -> None:
        refused(f".{option} is", "a public name", **PRODUCTS, **{option: name})

    @pytest.mark.parametrize("option", ["list_var", "save_event", "delete_event"])
    @pytest.mark.parametrize(
        "name", ["error", "page", "loading", "editing_id", "may", "detail_row", "load", "user"]
    )
    def test_it_is_taken(self, option: str, name: str) -> None:
        refused(f".{option} is {name!r}", "taken", **PRODUCTS, **{option: name})

    @pytest.mark.parametrize(
        "names",
        [
            {"save_event": "delete"},
            {"delete_event": "save"},
            {"save_event": "keep", "delete_event": "keep"},
            {"list_var": "save"},
            {"list_var": "keep", "save_event": "keep"},
        ],
    )
    def test_two_things_cannot_have_one_name(self, names: dict[str, str]) -> None:
        refused("different names", **PRODUCTS, **names)

    @pytest.mark.parametrize("name", ["nope", "created_at", "label", "nam"])
    def test_a_var_for_no_field(self, name: str) -> None:
        refused(f".field_vars names {name!r}", **PRODUCTS, field_vars={name: "x"})

    @pytest.mark.parametrize("value", [5, None, ["x"]])
    @pytest.mark.parametrize(
        ("option", "key"), [("field_vars", "name"), ("action_handlers", "restock")]
    )
    def test_a_name_that_is_none(self, option: str, key: str, value: Any) -> None:
        refused(f".{option}[{key!r}] is", **PRODUCTS, **{option: {key: value}})

    @pytest.mark.parametrize("given", [{"name": "sku"}, {"name": "x", "sku": "x"}, {"sku": "name"}])
    def test_two_fields_cannot_share_a_var(self, given: dict[str, str]) -> None:
        # What was typed into one would be saved into both.
        refused(".field_vars", "more than once", **PRODUCTS, field_vars=given)

    def test_two_fields_may_change_names(self) -> None:
        state = declare(**PRODUCTS, field_vars={"name": "sku", "sku": "name"})
        assert {f.name: f.var for f in state._plan.form.fields}["name"] == "sku"

    def test_a_handler_for_no_action(self) -> None:
        refused(
            ".action_handlers names 'restok'", "ProductViewSet",
            **PRODUCTS, action_handlers={"restok": "fill"},
        )  # fmt: skip

    def test_two_actions_cannot_share_a_handler(self) -> None:
        given = {"restock": "run", "discontinue": "run"}
        refused(".action_handlers", "'run' more than once", **PRODUCTS, action_handlers=given)

    def test_a_file_has_an_upload_of_another_name(self) -> None:
        state = declare(**PRODUCTS, field_vars={"photo": "picture"})
        assert hasattr(state, "upload_picture")
        assert not hasattr(state, "upload_photo")

    def test_names_for_what_a_list_does_not_offer_may_be_inherited(self) -> None:
        # The same options serve a state that writes and one that only lists.
        listed = declare(
            bases=(AppState, ModelListView), **PRODUCTS, action_handlers={"restock": "fill"}
        )
        assert not hasattr(listed, "fill")
        assert hasattr(listed, "summary")


class TestRelations:
    @pytest.mark.parametrize("option", ["relation_viewsets", "relation_search_fields"])
    @pytest.mark.parametrize("name", ["nope", "price", "filter:size"])
    def test_what_is_no_relation(self, option: str, name: str) -> None:
        value: Any = CategoryViewSet if option == "relation_viewsets" else ["name"]
        refused(f".{option} names {name!r}", "category", **PRODUCTS, **{option: {name: value}})

    @pytest.mark.parametrize("value", [5, "CategoryViewSet", Category])
    def test_a_viewset_is_one(self, value: Any) -> None:
        refused(
            ".relation_viewsets['category'] is", **PRODUCTS, relation_viewsets={"category": value}
        )

    def test_none_is_no_viewset_on_purpose(self) -> None:
        state = declare(**PRODUCTS, relation_viewsets={"category": None})
        assert state._plan.relations["category"].find_viewset() is None

    @pytest.mark.parametrize("value", [5, None, True])
    def test_what_is_searched_is_a_list(self, value: Any) -> None:
        refused(
            ".relation_search_fields['category'] is",
            **PRODUCTS, relation_search_fields={"category": value},
        )  # fmt: skip

    def test_one_searched_field_without_its_comma_is_a_list_of_one(self) -> None:
        state = declare(**PRODUCTS, relation_search_fields={"category": "name"})
        assert state._plan.relations["category"].search_fields == ("name",)


class TestLater:
    """A mistake leaves nothing behind: the same state can be declared without it."""

    def test_the_same_name_can_be_used_again(self) -> None:
        body = {"__module__": __name__, "viewset": CategoryViewSet, "list_var": "error"}
        with pytest.raises(ConfigurationError, match="TwiceState"):
            type(ModelState)("TwiceState", (ModelState,), dict(body))
        state = type(ModelState)("TwiceState", (ModelState,), {**body, "list_var": "rows"})
        assert "rows" in state.vars

    def test_a_mistake_in_an_abstract_state_is_said_of_the_concrete_one(self) -> None:
        class MistakenBase(ModelState):
            class Meta:
                abstract = True
                list_var = "page"

        with pytest.raises(ConfigurationError, match=r"BelowState\.list_var is 'page'"):
            type(ModelState)(
                "BelowState", (MistakenBase,), {"__module__": __name__, "viewset": CategoryViewSet}
            )

    def test_a_viewset_that_reads_only_has_no_form_to_name_vars_of(self) -> None:
        class Listing(mixins.ListModelMixin, viewsets.GenericViewSet[Category]):
            queryset = Category.objects.order_by("id")
            serializer_class = CategorySerializer

        refused(".field_vars names 'name'", viewset=Listing, field_vars={"name": "title"})

    def test_a_plain_serializer_needs_a_model(self) -> None:
        class Plain(serializers.Serializer[Any]):
            name = serializers.CharField()

        refused(".serializer_class has no model", serializer_class=Plain)
