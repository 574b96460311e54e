"""Components over every kind of viewset: each is made, and offers what the viewset has, no more."""

from __future__ import annotations

import inspect
import itertools
import re
import uuid
from typing import Any

import pytest
import reflex as rx
from rest_framework import mixins, pagination, permissions, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from reflex_drf import ui
from reflex_drf.errors import ConfigurationError
from reflex_drf.live import LiveListMixin
from reflex_drf.state import AppState, ModelListView, ModelState
from reflex_drf.state.description import describe
from tests.shop.models import Category, Order, Product
from tests.shop.serializers import CategorySerializer, OrderLineSerializer
from tests.shop.views import ProductViewSet
from tests.test_ui import rendered

NUMBERS = itertools.count()
Base = viewsets.GenericViewSet


class _Categories(Base[Category]):
    queryset = Category.objects.order_by("id")
    serializer_class = CategorySerializer


class ListOnly(mixins.ListModelMixin, _Categories): ...


class CreateOnly(mixins.CreateModelMixin, _Categories): ...


class RetrieveOnly(mixins.RetrieveModelMixin, _Categories): ...


class DestroyOnly(mixins.ListModelMixin, mixins.DestroyModelMixin, _Categories): ...


class UpdateOnly(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.UpdateModelMixin, _Categories
): ...


class PutOnly(mixins.ListModelMixin, mixins.RetrieveModelMixin, _Categories):
    """Replaces rows, and changes no part of one."""

    def update(self, request: Any, pk: str | None = None) -> Response:
        return Response({})


class ReadOnly(viewsets.ReadOnlyModelViewSet[Category]):
    queryset = Category.objects.order_by("id")
    serializer_class = CategorySerializer


class Full(viewsets.ModelViewSet[Category]):
    queryset = Category.objects.order_by("id")
    serializer_class = CategorySerializer


class ActionsOnly(viewsets.ViewSet):
    """Neither rows nor a serializer."""

    @action(detail=False, methods=["post"])
    def tidy(self, request: Any) -> Response:
        return Response({})


class PlainSerializer(serializers.Serializer[Any]):
    title = serializers.CharField()
    secret = serializers.CharField(write_only=True, style={"input_type": "password"})
    shown = serializers.CharField(read_only=True)


class Plain(viewsets.ModelViewSet[Any]):
    """No model at all."""

    serializer_class = PlainSerializer


class KeylessSerializer(serializers.ModelSerializer[Category]):
    class Meta:
        model = Category
        fields = ["name"]


class Keyless(Full):
    serializer_class = KeylessSerializer


class Slugged(Full):
    lookup_field = "name"


class LinkedSerializer(serializers.HyperlinkedModelSerializer):
    class Meta:
        model = Product
        fields = ["url", "name", "category", "tags"]
        extra_kwargs = {
            "url": {"view_name": "x"}, "category": {"view_name": "x"}, "tags": {"view_name": "x"},
        }  # fmt: skip


class Linked(viewsets.ModelViewSet[Product]):
    queryset = Product.objects.order_by("id")
    serializer_class = LinkedSerializer


class UniqueSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(default=uuid.uuid4, read_only=True)
    name = serializers.CharField()


class Unique(viewsets.ModelViewSet[Any]):
    serializer_class = UniqueSerializer


class LookingSerializer(serializers.ModelSerializer[Order]):
    lines = OrderLineSerializer(many=True, read_only=True)

    class Meta:
        model = Order
        fields = ["id", "customer", "lines"]


class NestedReading(viewsets.ModelViewSet[Order]):
    queryset = Order.objects.prefetch_related("lines")
    serializer_class = LookingSerializer


class WritingOnlySerializer(serializers.ModelSerializer[Category]):
    class Meta:
        model = Category
        fields = ["name"]
        extra_kwargs = {"name": {"write_only": True}}


class WritingOnly(Full):
    """Rows that show nothing."""

    serializer_class = WritingOnlySerializer


class ReadingOnly(Full):
    """A serializer that writes nothing, behind a viewset that could."""

    serializer_class = type(
        "ReadingOnlySerializer",
        (CategorySerializer,),
        {"Meta": type("Meta", (CategorySerializer.Meta,), {"read_only_fields": ["name"]})},
    )


class ShapelessSerializer(serializers.BaseSerializer[Any]):
    def to_representation(self, instance: Any) -> Any:
        return {"name": instance.name}


class Shapeless(Full):
    serializer_class = ShapelessSerializer


def paged(kind: type[Any] | None, **options: Any) -> type[Any]:
    paginator = None if kind is None else type("Pages", (kind,), options)
    return type("PagedViewSet", (Full,), {"pagination_class": paginator})


KINDS: dict[str, type[Any]] = {
    "list": ListOnly, "create": CreateOnly, "retrieve": RetrieveOnly, "destroy": DestroyOnly,
    "update": UpdateOnly, "put": PutOnly, "read": ReadOnly, "full": Full, "actions": ActionsOnly,
    "plain": Plain, "keyless": Keyless, "slugged": Slugged, "linked": Linked, "unique": Unique,
    "nested": NestedReading, "write-only": WritingOnly, "read-only": ReadingOnly,
    "shapeless": Shapeless, "files": ProductViewSet,
    "cursor": paged(pagination.CursorPagination, page_size=2, ordering="id"),
    "offset": paged(pagination.LimitOffsetPagination, default_limit=2),
    "numbers": paged(pagination.PageNumberPagination, page_size=2, page_size_query_param="n"),
    "one page": paged(None),
}  # fmt: skip


def state_over(viewset: type[Any], *bases: type, **options: Any) -> Any:
    body = {"__module__": __name__, "viewset": viewset, "Meta": type("Meta", (), options)}
    return type(ModelState)(f"Offers{next(NUMBERS)}State", bases or (ModelState,), body)


@pytest.fixture(scope="module")
def states() -> dict[str, Any]:
    return {name: state_over(viewset) for name, viewset in KINDS.items()}


def handlers(component: rx.Component, state: Any) -> set[str]:
    """The handlers of a state that anything on a page calls."""
    return set(re.findall(rf"{state.get_full_name()}\.(\w+)\"", rendered(component)))


class TestEveryKind:
    @pytest.mark.parametrize("kind", KINDS)
    def test_a_page_of_it_calls_only_handlers_that_are_there(
        self, kind: str, states: dict[str, Any]
    ) -> None:
        state = states[kind]
        called = handlers(ui.crud(state), state)
        assert called - set(state.event_handlers) == set()
        assert called <= state._plan.handlers

    @pytest.mark.parametrize("kind", KINDS)
    def test_each_part_is_made_or_says_why_not(self, kind: str, states: dict[str, Any]) -> None:
        state = states[kind]
        for part in (ui.table, ui.form, ui.detail):
            said, made = "", rx.fragment()
            try:
                made = part(state)
            except ConfigurationError as error:
                said = str(error)
            assert not said or state.__name__ in said
            assert handlers(made, state) <= state._plan.handlers

    @pytest.mark.parametrize("kind", KINDS)
    def test_all_that_can_be_switched_on_goes_with_it(
        self, kind: str, states: dict[str, Any]
    ) -> None:
        state = states[kind]
        made = ui.table(state, select=True, inline=True, tools=True)
        assert handlers(made, state) <= state._plan.handlers

    @pytest.mark.parametrize("kind", KINDS)
    def test_who_may_not_write_is_offered_nothing_that_writes(
        self, kind: str, states: dict[str, Any]
    ) -> None:
        state = states[kind]
        writing = {"save", "delete", "edit_cell", "bulk", "bulk_matching", "start_clone"}
        made = ui.crud(state, writable=False)
        assert handlers(made, state) & writing == set()

    @pytest.mark.parametrize("kind", sorted(set(KINDS) - {"actions"}))
    def test_a_list_of_it_offers_nothing_that_writes(self, kind: str) -> None:
        listed = state_over(KINDS[kind], AppState, ModelListView)
        called = handlers(ui.table(listed, select=True, inline=True), listed)
        assert called & {"save", "delete", "edit_cell", "bulk"} == set()
        with pytest.raises(ConfigurationError, match="has no form"):
            ui.form(listed)

    @pytest.mark.parametrize("kind", ["full", "nested", "files", "slugged", "keyless"])
    def test_it_may_be_live(self, kind: str) -> None:
        live = state_over(KINDS[kind], LiveListMixin, ModelState)
        assert handlers(ui.crud(live), live) <= live._plan.handlers | {"overwrite", "reload_edit"}


class TestWhatIsOffered:
    @pytest.mark.parametrize(
        ("kind", "create", "edit", "clone", "delete"),
        [
            ("list", False, False, False, False),
            ("create", True, False, False, False),
            ("retrieve", False, False, False, False),
            ("destroy", False, False, False, True),
            ("update", False, True, False, False),
            ("put", False, True, False, False),
            ("read", False, False, False, False),
            ("full", True, True, True, True),
            ("actions", False, False, False, False),
            ("plain", True, True, True, True),
            ("keyless", True, True, True, True),
            ("read-only", False, False, False, True),
            ("write-only", True, True, True, True),
        ],
    )
    def test_by_the_actions_of_the_viewset(
        self, kind: str, create: bool, edit: bool, clone: bool, delete: bool,
        states: dict[str, Any],
    ) -> None:  # fmt: skip
        known = describe(states[kind])
        offered = tuple(map(bool, (known.create, known.edit, known.clone, known.delete)))
        assert offered == (create, edit, clone, delete)

    @pytest.mark.parametrize("kind", ["list", "retrieve", "destroy", "read", "actions"])
    def test_no_form_where_nothing_is_written(self, kind: str, states: dict[str, Any]) -> None:
        with pytest.raises(ConfigurationError, match="has no form"):
            ui.form(states[kind])

    @pytest.mark.parametrize("kind", ["list", "create", "destroy", "actions"])
    def test_no_single_row_where_none_is_read(self, kind: str, states: dict[str, Any]) -> None:
        with pytest.raises(ConfigurationError, match="no single rows"):
            ui.detail(states[kind])

    @pytest.mark.parametrize("kind", ["keyless", "write-only", "linked", "shapeless"])
    def test_rows_without_a_key_have_no_buttons_that_need_it(
        self, kind: str, states: dict[str, Any]
    ) -> None:
        state = states[kind]
        made = ui.table(state, select=True, inline=True)
        needing = {"delete", "start_edit", "start_clone", "bulk", "edit_cell", "preview_delete"}
        assert handlers(made, state) & needing == set()

    def test_a_row_is_known_by_what_the_url_knows_it_by(self, states: dict[str, Any]) -> None:
        assert describe(states["slugged"]).key == "name"
        assert "start_edit" in handlers(ui.table(states["slugged"]), states["slugged"])
        assert "start_edit" in handlers(ui.table(states["unique"]), states["unique"])

    @pytest.mark.parametrize(
        ("kind", "pages", "sizes"),
        [
            ("cursor", "steps", False),
            ("offset", "numbers", True),
            ("numbers", "numbers", True),
            ("one page", "none", False),
        ],
    )
    def test_pages_are_those_of_the_paginator(
        self, kind: str, pages: str, sizes: bool, states: dict[str, Any]
    ) -> None:
        state = states[kind]
        assert describe(state).pages == pages
        called = handlers(ui.crud(state), state)
        assert ("go_to_page" in called) == (pages == "numbers")
        assert ("next_page" in called) == (pages != "none")
        assert ("set_page_size" in called) == sizes

    def test_nested_rows_that_are_only_read_are_shown_and_not_asked_for(
        self, states: dict[str, Any]
    ) -> None:
        state = states["nested"]
        assert [field.name for field in describe(state).fields] == ["customer"]
        assert '"Quantity"' in rendered(ui.detail(state))
        assert "add_nested" not in state._plan.handlers

    def test_a_secret_is_asked_for_and_never_shown(self, states: dict[str, Any]) -> None:
        state = states["plain"]
        assert 'type:"password"' in rendered(ui.form(state))
        assert {column.name for column in describe(state).details} == {"title", "shown"}
        assert '"Secret"' not in rendered(ui.table(state)) + rendered(ui.detail(state))

    def test_a_file_is_uploaded_and_stands_in_no_var(self, states: dict[str, Any]) -> None:
        state = states["files"]
        assert "photo" not in state.vars
        assert "save_files" in state._plan.handlers
        assert "photo" in rendered(ui.form(state))

    def test_a_hidden_column_is_in_no_part(self) -> None:
        state = state_over(ProductViewSet, exclude_from_row=["price", "created_at"])
        made = rendered(ui.table(state, tools=True)) + rendered(ui.detail(state))
        assert '"Price"' not in made
        assert '"Created at"' not in made
        for part, option in ((ui.table, "columns"), (ui.detail, "columns")):
            with pytest.raises(ConfigurationError, match="'price'"):
                part(state, **{option: ["price"]})

    @pytest.mark.parametrize(
        ("part", "options", "said"),
        [
            (ui.table, {"columns": ["nope"]}, "no column 'nope'"),
            (ui.table, {"cells": {"nope": rx.text}}, "no column 'nope'"),
            (ui.table, {"actions": ["nope"]}, "no action 'nope'"),
            (ui.table, {"actions": ["summary"]}, "no action 'summary'"),
            (ui.table, {"relations": {"nope": "/x"}}, "no column 'nope'"),
            (ui.table, {"inline": ["nope"]}, "nope"),
            (ui.table, {"select": ["nope"]}, "nope"),
            (ui.detail, {"columns": ["nope"]}, "no column 'nope'"),
            (ui.form, {"fields": ["nope"]}, "nope"),
            (ui.form, {"fields": ["created_at"]}, "created_at"),
            (ui.form, {"controls": {"nope": rx.text("x")}}, "nope"),
            (ui.form, {"relations": {"nope": None}}, "nope"),
        ],
    )
    def test_a_name_that_is_none_is_an_error_with_the_state(
        self, part: Any, options: dict[str, Any], said: str, states: dict[str, Any]
    ) -> None:
        with pytest.raises(ConfigurationError, match=said) as caught:
            part(states["files"], **options)
        assert states["files"].__name__ in str(caught.value)


class TestStatesBelowStates:
    """A state below another one is a list of its own, with all that its parent was given."""

    @pytest.fixture
    def pair(self) -> tuple[Any, Any]:
        parent = state_over(Full, list_var="rows", save_event="keep", paginate_by=None)
        body = {"__module__": __name__}
        child = type(ModelState)(f"Offers{next(NUMBERS)}State", (parent,), body)
        return parent, child

    def test_it_has_all_vars_and_handlers_of_its_own(self, pair: tuple[Any, Any]) -> None:
        parent, child = pair
        assert child._plan.viewset is parent._plan.viewset
        assert child._plan.handlers == parent._plan.handlers
        assert child._plan.variables == parent._plan.variables
        for name in parent._plan.variables:
            if not name.startswith("_"):
                own = str(getattr(child, name))
                assert own != str(getattr(parent, name))
                assert child.get_full_name().replace(".", "__") in own
        for name in parent._plan.handlers:
            assert child.event_handlers[name] is not parent.event_handlers[name]

    def test_a_page_of_it_is_about_itself_alone(self, pair: tuple[Any, Any]) -> None:
        parent, child = pair
        assert "keep" in handlers(ui.crud(child), child)
        # The name of the child begins with that of its parent.
        assert handlers(ui.crud(child), parent) & parent._plan.handlers == set()


@pytest.mark.parametrize("bases", [(ModelState,), (LiveListMixin, ModelState)])
def test_no_two_of_our_classes_call_a_helper_by_the_same_name(bases: tuple[type, ...]) -> None:
    # Python takes the first, and the class of the second would call a helper that it never saw.
    ours = [k for k in state_over(Full, *bases).__mro__ if k.__module__.startswith("reflex_drf.")]
    accidents = [
        (first.__name__, second.__name__, name)
        for first, second in itertools.combinations(ours, 2)
        for name in {*vars(first)} & {*vars(second)}
        if re.match("_[a-z]", name) and _is_accident(first, second, name)
    ]
    assert accidents == []


def _is_accident(first: type, second: type, name: str) -> bool:
    function = vars(first)[name]
    if not inspect.isfunction(function) or issubclass(first, second):
        # A class that derives from the other one knows what it replaces.
        return False
    return "super" not in function.__code__.co_names


@pytest.mark.parametrize("option", ["permission_classes"])
def test_what_only_narrows_changes_nothing_of_the_page(option: str) -> None:
    plain = state_over(ReadOnly)
    narrowed = state_over(ReadOnly, **{option: [permissions.IsAdminUser]})
    assert handlers(ui.table(plain), plain) == handlers(ui.table(narrowed), narrowed)
