"""The input of extra actions as a form: when there is one, what it holds, and what it sends."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from rest_framework import permissions, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate

from reflex_drf import ui
from reflex_drf.errors import ConfigurationError
from reflex_drf.state import ModelState
from reflex_drf.state.actionforms import RUN
from reflex_drf.state.description import Action, describe
from reflex_drf.testing import Tab
from tests.shop.models import Category, Product
from tests.shop.serializers import CategorySerializer, OrderLineSerializer, ProductSerializer
from tests.shop.views import ProductViewSet
from tests.test_ui import rendered

NUMBERS = itertools.count()


class DeliverySerializer(serializers.Serializer[Any]):
    amount = serializers.IntegerField(min_value=1, max_value=50, help_text="Whole boxes.")
    reason = serializers.ChoiceField(choices=[("lost", "Lost"), ("sold", "Sold")], default="sold")
    day = serializers.DateField(required=False, allow_null=True)
    at = serializers.DateTimeField(required=False)
    urgent = serializers.BooleanField(default=True)
    note = serializers.CharField(required=False, allow_blank=True, label="Remark")
    marks = serializers.MultipleChoiceField(choices=["red", "blue"], required=False)
    tags = serializers.ListField(child=serializers.CharField(), default=["a", "b"])
    category = serializers.PrimaryKeyRelatedField(queryset=Category.objects.all(), required=False)
    shown = serializers.CharField(read_only=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["amount"] == 13:
            raise serializers.ValidationError("Nobody carries thirteen.")
        return attrs


class FileSerializer(serializers.Serializer[Any]):
    letter = serializers.FileField()
    note = serializers.CharField()


class NestedSerializer(serializers.Serializer[Any]):
    lines = OrderLineSerializer(many=True)


class AskingSerializer(serializers.Serializer[Any]):
    def get_fields(self) -> Any:
        return {"amount": serializers.IntegerField(max_value=self.context["request"].user.pk)}


class ActingViewSet(ProductViewSet):
    """Actions with and without an input of their own."""

    permission_classes = [permissions.IsAuthenticated]

    @action(detail=True, methods=["post"], serializer_class=DeliverySerializer)
    def deliver(self, request: Request, pk: str | None = None) -> Response:
        """Takes what its serializer says, and tells what that was."""
        wanted = self.get_serializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        product = self.get_object()
        product.stock = (product.stock or 0) + wanted.validated_data["amount"]
        product.save(update_fields=["stock"])
        return Response({"sent": request.data, "taken": repr(dict(wanted.validated_data))})

    @action(detail=False, methods=["get", "post"], serializer_class=DeliverySerializer)
    def deliver_all(self, request: Request) -> Response:
        wanted = self.get_serializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        return Response({"method": request.method, "amount": wanted.validated_data["amount"]})

    @action(
        detail=True, methods=["post"], serializer_class=DeliverySerializer,
        permission_classes=[permissions.IsAdminUser],
    )  # fmt: skip
    def promote(self, request: Request, pk: str | None = None) -> Response:
        return Response({})

    @action(detail=True, methods=["post"], serializer_class=DeliverySerializer)
    def break_down(self, request: Request, pk: str | None = None) -> Response:
        raise RuntimeError("The machine is broken.")

    @action(detail=True, methods=["post"], serializer_class=ProductSerializer)
    def ordinary(self, request: Request, pk: str | None = None) -> Response:
        return Response({})

    @action(detail=True, methods=["post"], serializer_class=FileSerializer)
    def attach(self, request: Request, pk: str | None = None) -> Response:
        return Response({})

    @action(detail=True, methods=["post"], serializer_class=NestedSerializer)
    def split(self, request: Request, pk: str | None = None) -> Response:
        return Response({})

    @action(detail=True, methods=["post"], serializer_class=AskingSerializer)
    def ask(self, request: Request, pk: str | None = None) -> Response:
        return Response({})

    @action(detail=False, methods=["get"], serializer_class=DeliverySerializer)
    def deliveries(self, request: Request) -> Response:
        return Response([])

    @deliver.mapping.delete
    def undeliver(self, request: Request, pk: str | None = None) -> Response:
        return Response({})


class ActingState(ModelState):
    viewset = ActingViewSet


class ActingPartlyState(ModelState):
    viewset = ActingViewSet

    class Meta:
        bulk_atomic = False
        bulk_limit = 2


class ChoosingViewSet(viewsets.ModelViewSet[Category]):
    """Chooses by the action, as many projects do."""

    queryset = Category.objects.all()
    serializer_class = CategorySerializer

    def get_serializer_class(self) -> Any:
        if self.action == "deliver":
            return DeliverySerializer
        if self.action == "by_user" and self.request.user.is_staff:
            return DeliverySerializer
        return CategorySerializer

    @action(detail=True, methods=["post"])
    def deliver(self, request: Request, pk: str | None = None) -> Response:
        return Response({})

    @action(detail=True, methods=["post"])
    def by_user(self, request: Request, pk: str | None = None) -> Response:
        return Response({})

    @action(detail=True, methods=["post"])
    def plain(self, request: Request, pk: str | None = None) -> Response:
        return Response({})

    # The viewset's own choice is what counts when it is called, too.
    @action(detail=True, methods=["post"], serializer_class=DeliverySerializer)
    def ignored(self, request: Request, pk: str | None = None) -> Response:
        return Response({})


class ChoosingState(ModelState):
    viewset = ChoosingViewSet


def the_action(state: Any, name: str) -> Action:
    return next(action for action in describe(state).actions if action.name == name)


class TestDescription:
    def test_the_fields_are_described_like_those_of_a_form(self) -> None:
        fields = {field.name: field for field in the_action(ActingState, "deliver").fields}
        assert list(fields) == [
            "amount", "reason", "day", "at", "urgent", "note", "marks", "tags", "category",
        ]  # fmt: skip
        amount = fields["amount"]
        assert (amount.label, amount.help, amount.kind) == ("Amount", "Whole boxes.", "integer")
        assert (amount.required, amount.minimum, amount.maximum) == (True, "1", "50")
        assert (fields["reason"].kind, fields["reason"].initial) == ("choice", "sold")
        assert fields["reason"].choices == (("lost", "Lost"), ("sold", "Sold"))
        assert not fields["reason"].required
        assert [fields[name].kind for name in ("day", "at", "urgent", "marks", "tags")] == [
            "date", "datetime", "bool", "choices", "list",
        ]  # fmt: skip
        assert (fields["urgent"].initial, fields["tags"].initial) == (True, ["a", "b"])
        assert fields["note"].label == "Remark"

    def test_a_relation_is_a_key_though_the_form_has_one_of_the_same_name(self) -> None:
        assert describe(ActingState).field("category").relation == "category"
        found = the_action(ActingState, "deliver").fields[-1]
        assert (found.name, found.kind, found.relation) == ("category", "key", "")

    def test_an_action_for_the_whole_list_has_its_fields_too(self) -> None:
        assert the_action(ActingState, "deliver_all").fields[0].name == "amount"

    @pytest.mark.parametrize("name", ["restock", "discontinue", "ordinary"])
    def test_an_action_without_a_serializer_of_its_own_has_no_form(self, name: str) -> None:
        assert the_action(ActingState, name).fields == ()

    @pytest.mark.parametrize("name", ["attach", "split", "ask"])
    def test_a_form_that_could_not_send_all_of_it_is_none(self, name: str) -> None:
        assert the_action(ActingState, name).fields == ()

    @pytest.mark.parametrize("name", ["deliveries", "undeliver"])
    def test_what_takes_no_body_has_no_form(self, name: str) -> None:
        assert the_action(ActingState, name).fields == ()

    def test_the_viewsets_own_choice_counts_where_it_needs_no_request(self) -> None:
        assert the_action(ChoosingState, "deliver").fields[0].name == "amount"
        for name in ("by_user", "plain", "ignored"):
            assert the_action(ChoosingState, name).fields == ()


class TestComponents:
    def test_an_action_with_an_input_opens_a_dialog(self) -> None:
        tree = rendered(ui.table(ActingState))
        assert '"Whole boxes."' in tree
        assert "rows_action" in tree

    def test_a_given_input_needs_no_dialog(self) -> None:
        tree = rendered(ui.table(ActingState, actions={"deliver": {"amount": 5}}))
        assert "rows_action" not in tree
        assert '"Whole boxes."' not in tree
        assert '"Whole boxes."' in rendered(ui.table(ActingState, actions=["deliver"]))

    def test_so_it_is_in_a_list_a_row_in_full_and_for_chosen_rows(self) -> None:
        assert "list_action" in rendered(ui.actions(ActingState))
        assert "list_action" not in rendered(ui.actions(ActingState, only=["summary"]))
        assert "row_action" in rendered(ui.detail(ActingState))
        assert "chosen_action" in rendered(ui.table(ActingState, select=["deliver"]))
        given = ui.table(ActingState, actions=[], select={"deliver": {"amount": 1}})
        assert "chosen_action" not in rendered(given)

    def test_rows_that_may_not_be_written_have_no_dialogs(self) -> None:
        assert "rows_action" not in rendered(ui.table(ActingState, writable=False))

    def test_unknown_actions_are_told(self) -> None:
        with pytest.raises(ConfigurationError, match="no action 'delver'"):
            ui.table(ActingState, actions=["delver"])


@pytest.fixture
def user() -> User:
    return get_user_model().objects.create_user("alice")


@pytest.fixture
def product(user: User) -> Product:
    return Product.objects.create(name="Chair", sku="1", price=1, stock=3, owner=user)


def filled(tab: Tab, state: Any = ActingState, **values: Any) -> dict[str, Any]:
    """What a browser sends of the dialog: all of it as text, and no box that is not checked."""
    blank = dict.fromkeys(
        ["amount", "reason", "day", "at", "note", "marks", "tags", "category"], ""
    )
    return {**blank, **values, RUN: str(tab.get(state, "action_count")), "form:next": ""}


def over_http(user: Any, product: Product, data: Any, name: str = "deliver") -> Any:
    """The answer of the same action as an API client gets it."""
    own = getattr(ActingViewSet, name)
    request = APIRequestFactory().post("/", data, format="json")
    force_authenticate(request, user)
    return ActingViewSet.as_view({"post": name}, **own.kwargs)(request, pk=product.pk)


async def stock(product: Product) -> int | None:
    return (await Product.objects.aget(pk=product.pk)).stock


@pytest.mark.django_db(transaction=True)
class TestRunning:
    async def test_what_was_filled_in_reaches_the_viewset_as_a_form_sends_it(
        self, user: User, product: Product
    ) -> None:
        typed = {
            "amount": "4",
            "reason": "lost",
            "marks": '["red"]',
            "tags": "x, y",
            "urgent": "on",
        }
        async with Tab(user=user) as tab:
            await tab.send(ActingState.load)
            await tab.send(ActingState.deliver(product.pk, filled(tab, **typed)))
            assert tab.get(ActingState, "action_errors") == {}
            assert tab.get(ActingState, "action_count") == 1
            answer = tab.get(ActingState, "action_data")["deliver"]
            # What was left blank is not sent where it need not be, and is None where it can.
            assert answer["sent"] == {
                "amount": "4", "reason": "lost", "day": None, "urgent": True, "note": "",
                "marks": ["red"], "tags": ["x", "y"],
            }  # fmt: skip
            assert tab.get(ActingState, "data")[0]["stock"] == 7
        response = await sync_to_async(over_http)(user, product, answer["sent"])
        assert response.data == answer

    async def test_a_box_that_is_not_checked_means_no(self, user: User, product: Product) -> None:
        async with Tab(user=user) as tab:
            await tab.send(ActingState.deliver(product.pk, filled(tab, amount="1")))
            assert tab.get(ActingState, "action_data")["deliver"]["sent"]["urgent"] is False

    async def test_errors_are_those_of_the_api_at_their_fields(
        self, user: User, product: Product
    ) -> None:
        async with Tab(user=user) as tab:
            await tab.send(ActingState.load)
            wrong = filled(tab, amount="99", reason="eaten", category="7")
            await tab.send(ActingState.deliver(product.pk, wrong))
            errors = tab.get(ActingState, "action_errors")
            assert tab.get(ActingState, "action_count") == 1
            # The dialog says it, so that the page behind it has nothing to say.
            assert (tab.get(ActingState, "error"), tab.get(ActingState, "field_errors")) == ("", {})
        sent = {"amount": "99", "reason": "eaten", "category": "7"}
        response = await sync_to_async(over_http)(user, product, sent)
        assert response.status_code == 400
        assert errors == {name: str(found[0]) for name, found in response.data.items()}
        assert await stock(product) == 3

    async def test_what_is_wrong_with_the_whole_has_the_empty_name(
        self, user: User, product: Product
    ) -> None:
        async with Tab(user=user) as tab:
            await tab.send(ActingState.deliver(product.pk, filled(tab, amount="13")))
            assert tab.get(ActingState, "action_errors") == {"": "Nobody carries thirteen."}
            await tab.send(ActingState.deliver(product.pk, filled(tab, amount="2")))
            assert tab.get(ActingState, "action_errors") == {}
        assert await stock(product) == 5

    async def test_the_form_of_the_row_under_edit_keeps_its_errors(
        self, user: User, product: Product
    ) -> None:
        async with Tab(user=await sync_to_async(an_admin)()) as tab:
            await tab.send(ActingState.start_edit(product.pk))
            await tab.send(ActingState.save({"price": "x"}))
            before = tab.get(ActingState, "field_errors")
            assert set(before) == {"price"}
            for amount in ("0", "1"):
                await tab.send(ActingState.deliver(product.pk, filled(tab, amount=amount)))
                assert tab.get(ActingState, "field_errors") == before
            assert tab.get(ActingState, "price") == "x"

    async def test_a_form_runs_its_action_once(self, user: User, product: Product) -> None:
        async with Tab(user=user) as tab:
            form = filled(tab, amount="1")
            await tab.send(ActingState.deliver(product.pk, form))
            await tab.send(ActingState.deliver(product.pk, form))
            assert tab.get(ActingState, "action_count") == 1
        assert await stock(product) == 4

    async def test_what_may_not_be_done_is_refused_as_over_http(
        self, user: User, product: Product
    ) -> None:
        async with Tab(user=user) as tab:
            await tab.send(ActingState.promote(product.pk, filled(tab, amount="1")))
            errors = tab.get(ActingState, "action_errors")
            assert tab.get(ActingState, "refusal") == "forbidden"
        response = await sync_to_async(over_http)(user, product, {"amount": "1"}, "promote")
        assert response.status_code == 403
        assert errors == {"": str(response.data["detail"])}

    async def test_a_visitor_is_asked_to_sign_in(self, product: Product) -> None:
        async with Tab() as tab:
            await tab.send(ActingState.deliver(product.pk, filled(tab, amount="1")))
            assert tab.get(ActingState, "refusal") == "signed_out"
            assert list(tab.get(ActingState, "action_errors")) == [""]
        assert await stock(product) == 3

    async def test_a_row_that_is_gone_is_missing(self, user: User, product: Product) -> None:
        async with Tab(user=user) as tab:
            await tab.send(ActingState.deliver(product.pk + 1, filled(tab, amount="1")))
            assert list(tab.get(ActingState, "action_errors")) == [""]
            assert tab.get(ActingState, "refusal") == "missing"

    async def test_an_exception_does_not_look_like_success(
        self, user: User, product: Product
    ) -> None:
        async with Tab(user=user) as tab:
            form = filled(tab, amount="1")
            # As long as nothing else is heard, the dialog stays, and can be sent again.
            for _ in range(2):
                found = await tab.send(ActingState.break_down(product.pk, form), raises=False)
                assert [str(error) for error in found] == ["The machine is broken."]
                assert tab.seen(ActingState, "action_count") == 0

    async def test_a_list_that_is_refused_after_it_is_no_refusal_of_the_action(
        self, user: User, product: Product
    ) -> None:
        class ClosedViewSet(ActingViewSet):
            def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
                self.permission_denied(request)
                return Response()

        state: Any = state_over(ClosedViewSet)
        async with Tab(user=user) as tab:
            await tab.send(state.deliver(product.pk, filled(tab, state, amount="1")))
            assert tab.get(state, "error")
            assert tab.get(state, "action_errors") == {}
        assert await stock(product) == 4

    async def test_an_action_on_the_list_writes_though_it_also_reads(self, user: User) -> None:
        async with Tab(user=user) as tab:
            await tab.send(ActingState.deliver_all(filled(tab, amount="2")))
            assert tab.get(ActingState, "action_data")["deliver_all"] == {
                "method": "POST", "amount": 2,
            }  # fmt: skip

    async def test_input_from_code_is_sent_as_it_is(self, user: User, product: Product) -> None:
        async with Tab(user=user) as tab:
            await tab.send(ActingState.deliver(product.pk, {"amount": 2, "note": ""}))
            answer = tab.get(ActingState, "action_data")["deliver"]
            assert answer["sent"] == {"amount": 2, "note": ""}
            assert tab.get(ActingState, "action_count") == 0
            await tab.send(ActingState.deliver(product.pk, {"amount": 0}))
            # No dialog is there to say it.
            assert "amount: Ensure this value" in tab.get(ActingState, "error")
            assert set(tab.get(ActingState, "field_errors")) == {"amount"}
            assert set(tab.get(ActingState, "action_errors")) == {"amount"}

    async def test_a_hostile_client_gains_nothing(self, user: User, product: Product) -> None:
        async with Tab(user=user) as tab:
            evil = filled(tab, amount={"$gt": 0}, owner="1", price="0", marks={"a": 1}, tags=[[1]])
            await tab.send(ActingState.deliver(product.pk, evil))
            assert set(tab.get(ActingState, "action_errors")) == {"amount", "marks", "tags"}
            await tab.send(ActingState.deliver(product.pk, {RUN: ["1"]}))
            assert tab.get(ActingState, "action_count") == 1
            # It marks nothing where there is no form.
            await tab.send(ActingState.restock(product.pk, {RUN: "9", "amount": 1}))
            assert await stock(product) == 4
            before = tab.get(ActingState, "action_count")
            await tab.send_name(
                f"{ActingState.get_full_name()}.setvar",
                {"var_name": "action_count", "value": 7},
                raises=False,
            )
            assert tab.get(ActingState, "action_count") == before


@pytest.mark.django_db(transaction=True)
class TestChosenRows:
    async def test_all_get_the_same(self, user: User, product: Product) -> None:
        other = await Product.objects.acreate(name="Stool", sku="2", price=1, stock=1)
        async with Tab(user=user) as tab:
            await tab.send(ActingState.load)
            keys = [product.pk, other.pk]
            await tab.send(ActingState.bulk("deliver", keys, filled(tab, amount="2")))
            assert tab.get(ActingState, "bulk_result")["done"] == 2
            assert tab.get(ActingState, "action_count") == 1
            await tab.send(ActingState.bulk_matching("deliver", filled(tab, amount="2")))
            assert tab.get(ActingState, "action_errors") == {}
        assert (await stock(product), await stock(other)) == (7, 5)

    async def test_a_refusal_names_the_row_and_the_field(
        self, user: User, product: Product
    ) -> None:
        async with Tab(user=user) as tab:
            await tab.send(ActingState.load)
            await tab.send(ActingState.bulk("deliver", [product.pk], filled(tab, amount="99")))
            errors = tab.get(ActingState, "action_errors")
            assert set(errors) == {"", "amount"}
            assert errors[""].startswith("Nothing was changed, because of Chair")
            assert tab.get(ActingState, "error") == ""
        assert await stock(product) == 3

    async def test_what_is_too_much_is_said_in_the_dialog(
        self, user: User, product: Product
    ) -> None:
        async with Tab(user=user) as tab:
            for keys in ([], [1, 2, 3]):
                form = filled(tab, ActingPartlyState, amount="2")
                await tab.send(ActingPartlyState.bulk("deliver", keys, form))
                assert list(tab.get(ActingPartlyState, "action_errors")) == [""]
            assert tab.get(ActingPartlyState, "action_count") == 2

    async def test_what_was_done_in_part_is_done(self, user: User, product: Product) -> None:
        async with Tab(user=user) as tab:
            form = filled(tab, ActingPartlyState, amount="2")
            await tab.send(ActingPartlyState.bulk("deliver", [product.pk, product.pk + 9], form))
            assert tab.get(ActingPartlyState, "action_errors") == {}
            assert len(tab.get(ActingPartlyState, "bulk_result")["refused"]) == 1
        assert await stock(product) == 5


def an_admin() -> User:
    return get_user_model().objects.create_superuser("root")


def state_over(viewset: type[Any]) -> Any:
    name = f"ActionForm{next(NUMBERS)}State"
    # By its name, because a manager like Redis pickles every state there is.
    globals()[name] = type(ModelState)(
        name, (ModelState,), {"viewset": viewset, "__module__": __name__}
    )
    return globals()[name]
