"""What components may know of a state, read off its viewset without asking the database."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import reflex as rx
from django.test import override_settings
from rest_framework import pagination, serializers, viewsets

from reflex_drf.errors import ConfigurationError
from reflex_drf.state import ModelListView, ModelState
from reflex_drf.state.description import Action, Field, describe
from reflex_drf.state.user import AppState
from tests.shop.models import Category, Product, Tag
from tests.shop.serializers import CategorySerializer, ProductSerializer
from tests.shop.views import CategoryViewSet, OrderViewSet, ProductViewSet, TaskViewSet

# Each state needs a name of its own.
NUMBERS = itertools.count()


class DescribedProductState(ModelState):
    viewset = ProductViewSet


class DescribedOrderState(ModelState):
    viewset = OrderViewSet


class DescribedListState(AppState, ModelListView):
    viewset = ProductViewSet


def field(serializer_field: serializers.Field[Any, Any, Any, Any], **meta: Any) -> Field:
    """The description of one field of a form."""
    body = type("Meta", (), {"model": Tag, "fields": ["id", "name", "tried"]})
    serializer = type(
        "TriedSerializer",
        (serializers.ModelSerializer,),
        {"tried": serializer_field, "Meta": body, "__module__": __name__},
    )
    described = type(ModelState)(
        f"Tried{next(NUMBERS)}State",
        (ModelState,),
        {"serializer_class": serializer, "__module__": __name__, **meta},
    )
    return describe(described).field("tried")


def test_a_state_is_described_by_its_model_and_its_handlers() -> None:
    known = describe(DescribedProductState)
    assert (known.label, known.label_plural, known.key) == ("product", "products", "id")
    assert (known.title, known.list_var) == ("name", "data")
    assert (known.save, known.create, known.edit, known.delete) == (
        "save",
        "create",
        "start_edit",
        "delete",
    )
    assert known.searches
    assert known.sorts
    assert known.files == ("photo",)


def test_renamed_handlers_and_vars_are_known_by_their_names() -> None:
    class RenamedState(ModelState):
        viewset = CategoryViewSet

        class Meta:
            list_var = "categories"
            save_event = "keep"
            delete_event = "discard"
            field_vars = {"name": "label"}

    known = describe(RenamedState)
    assert (known.list_var, known.save, known.delete) == ("categories", "keep", "discard")
    assert (known.field("name").var, known.field("name").setter) == ("label", "set_label")


def test_a_list_offers_nothing_that_writes() -> None:
    known = describe(DescribedListState)
    assert (known.save, known.create, known.edit, known.delete) == (None, None, None, None)
    assert known.fields == ()
    assert [action.name for action in known.actions] == ["summary"]


def test_a_viewset_that_cannot_read_one_row_cannot_edit() -> None:
    class NoDetails(
        viewsets.mixins.ListModelMixin,
        viewsets.mixins.CreateModelMixin,
        viewsets.mixins.UpdateModelMixin,
        viewsets.GenericViewSet[Category],
    ):
        queryset = Category.objects.order_by("id")
        serializer_class = CategorySerializer

    class NoDetailState(ModelState):
        viewset = NoDetails

    known = describe(NoDetailState)
    assert (known.create, known.edit, known.delete) == ("create", None, None)


def test_a_state_without_a_model_is_named_after_its_class() -> None:
    class PlainSerializer(serializers.Serializer[Any]):
        name = serializers.CharField()

    class PlainViewSet(viewsets.ReadOnlyModelViewSet[Any]):
        serializer_class = PlainSerializer

    class ThingState(ModelState):
        viewset = PlainViewSet

    known = describe(ThingState)
    assert (known.label, known.label_plural) == ("thing", "things")


@pytest.mark.parametrize("wrong", [ModelState, AppState, rx.State, object])
def test_what_is_no_concrete_model_state_is_an_error(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="is not a concrete ModelState"):
        describe(wrong)


def test_an_unknown_name_is_an_error_with_the_known_ones() -> None:
    known = describe(DescribedOrderState)
    with pytest.raises(ConfigurationError, match=r"no column 'custmer'; known are .*customer"):
        known.column("custmer")
    with pytest.raises(ConfigurationError, match="no form field 'placed_at'"):
        known.field("placed_at")


@pytest.mark.django_db
def test_nothing_is_asked_of_the_database(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        describe(DescribedProductState)
        describe(DescribedOrderState)


class TestFields:
    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("name", "text"),
            ("size", "choice"),
            ("price", "number"),
            ("stock", "integer"),
            ("active", "bool"),
            ("released", "date"),
            ("attrs", "json"),
            ("category", "key"),
            ("tags", "keys"),
        ],
    )
    def test_the_kind_follows_the_serializer_field(self, name: str, kind: str) -> None:
        assert describe(DescribedProductState).field(name).kind == kind

    @pytest.mark.parametrize(
        ("made", "kind"),
        [
            (serializers.EmailField(), "email"),
            (serializers.URLField(), "url"),
            (serializers.FloatField(), "number"),
            (serializers.DateTimeField(), "datetime"),
            (serializers.TimeField(), "time"),
            (serializers.BooleanField(allow_null=True), "nullbool"),
            (serializers.MultipleChoiceField(choices=["a", "b"]), "choices"),
            (serializers.ListField(child=serializers.CharField()), "list"),
            (serializers.SlugField(), "text"),
            (serializers.CharField(style={"base_template": "textarea.html"}), "textarea"),
            (serializers.SlugRelatedField("name", queryset=Tag.objects.all()), "key"),
        ],
        ids=lambda value: value if isinstance(value, str) else type(value).__name__,
    )
    def test_more_kinds(self, made: Any, kind: str) -> None:
        assert field(made).kind == kind

    def test_nested_rows_that_can_be_written_are_told_apart(self) -> None:
        assert describe(DescribedOrderState).field("lines").kind == "rows"

    def test_what_people_are_told(self) -> None:
        known = field(
            serializers.IntegerField(label="Age", help_text="In years.", min_value=3, max_value=9)
        )
        assert (known.label, known.help, known.required) == ("Age", "In years.", True)
        assert (known.minimum, known.maximum) == ("3", "9")

    def test_the_limits_of_a_database_are_none_for_people(self) -> None:
        stock = describe(DescribedProductState).field("stock")
        assert (stock.minimum, stock.maximum) == ("", "")

    def test_a_length_limits_the_control(self) -> None:
        assert describe(DescribedProductState).field("name").max_length == 80

    def test_a_password_is_secret(self) -> None:
        known = field(serializers.CharField(write_only=True, style={"input_type": "password"}))
        assert known.secret

    def test_choices_carry_their_words(self) -> None:
        size = describe(DescribedProductState).field("size")
        assert size.choices == (("s", "Small"), ("l", "Large"))
        assert not size.required

    @pytest.mark.parametrize("aware", [True, False])
    def test_times_have_a_zone_where_the_project_has_zones(self, aware: bool) -> None:
        with override_settings(USE_TZ=aware):
            assert describe(DescribedProductState).field("released").aware is aware

    def test_fields_of_the_user_are_not_offered(self) -> None:
        class OwnState(ModelState):
            viewset = ProductViewSet

            class Meta:
                read_only_fields = ["sku"]

        assert "sku" not in [known.name for known in describe(OwnState).fields]


class TestActions:
    def test_extra_actions_say_whether_they_write_and_to_what(self) -> None:
        assert describe(DescribedProductState).actions == (
            Action(
                name="discontinue",
                handler="discontinue",
                label="Discontinue",
                detail=True,
                writes=True,
            ),
            Action(name="restock", handler="restock", label="Restock", detail=True, writes=True),
            Action(name="summary", handler="summary", label="Summary", detail=False, writes=False),
        )

    def test_a_name_given_to_the_action_is_its_label(self) -> None:
        from rest_framework.decorators import action

        class Named(ProductViewSet):
            @action(detail=False, methods=["post"], name="Start afresh")
            def clear(self, request: Any) -> Any: ...

        class NamedState(ModelState):
            viewset = Named

            class Meta:
                action_handlers = {"clear": "run_clear"}

        known = {action.name: action for action in describe(NamedState).actions}
        assert (known["clear"].label, known["clear"].handler) == ("Start afresh", "run_clear")


class Sized(pagination.PageNumberPagination):
    page_size = 20
    page_size_query_param = "per_page"
    max_page_size = 50


class Steps(pagination.CursorPagination):
    page_size = 5
    ordering = "id"


class TestPages:
    def paged(self, paginator: Any) -> Any:
        viewset = type(
            "PagedViewSet",
            (viewsets.ModelViewSet,),
            {
                "queryset": Product.objects.all(),
                "serializer_class": ProductSerializer,
                "pagination_class": paginator,
            },
        )
        name = f"Paged{next(NUMBERS)}State"
        return describe(
            type(ModelState)(name, (ModelState,), {"viewset": viewset, "__module__": __name__})
        )

    def test_numbered_pages(self) -> None:
        assert self.paged(pagination.PageNumberPagination).pages == "numbers"

    def test_limit_and_offset_are_pages_too(self) -> None:
        known = self.paged(pagination.LimitOffsetPagination)
        assert known.pages == "numbers"
        assert known.page_sizes == (10, 25, 50, 100)

    def test_sizes_keep_to_the_largest_and_begin_with_the_own(self) -> None:
        assert self.paged(Sized).page_sizes == (10, 20, 25, 50)

    def test_a_size_that_cannot_be_chosen_is_not_offered(self) -> None:
        assert self.paged(pagination.PageNumberPagination).page_sizes == ()

    def test_a_cursor_steps(self) -> None:
        assert self.paged(Steps).pages == "steps"

    def test_no_pages(self) -> None:
        assert self.paged(None).pages == "none"


def test_no_search_and_no_sorting_where_the_viewset_has_none() -> None:
    class BareTaskState(ModelState):
        viewset = TaskViewSet

    known = describe(BareTaskState)
    assert not known.searches
    assert not known.sorts
    assert known.filters == ()
