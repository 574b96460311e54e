"""What a user may do, as a state tells its page: by action, and by row."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission, User
from rest_framework import exceptions, pagination, permissions, viewsets
from rest_framework.authentication import BaseAuthentication
from rest_framework.decorators import action
from rest_framework.response import Response

from reflex_drf.errors import ConfigurationError
from reflex_drf.state import AppState, ModelListView, ModelState
from reflex_drf.testing import Tab
from tests.counting import count_queries
from tests.shop.models import Product
from tests.shop.serializers import ProductSerializer
from tests.shop.views import ProductViewSet, TaskViewSet

pytestmark = pytest.mark.django_db(transaction=True)


class OwnerOrReadOnly(permissions.BasePermission):
    def has_object_permission(self, request: Any, view: Any, obj: Any) -> bool:
        return request.method in permissions.SAFE_METHODS or obj.owner_id == request.user.pk


class AskingOwner(OwnerOrReadOnly):
    """Reads something of the database for each row."""

    def has_object_permission(self, request: Any, view: Any, obj: Any) -> bool:
        return bool(Product.objects.filter(pk=obj.pk, owner_id=request.user.pk).exists())


class LooksAtArguments(permissions.BasePermission):
    """Is used to the key of a row, which a list does not have, and to the view's action."""

    def has_permission(self, request: Any, view: Any) -> bool:
        if view.action == "list":
            return True
        return view.kwargs["pk"] != "" and view.action != "destroy"


class WrongCredentials(BaseAuthentication):
    def authenticate(self, request: Any) -> Any:
        raise exceptions.AuthenticationFailed("The token is too old.")


class Pages(pagination.PageNumberPagination):
    page_size = 25
    page_size_query_param = "size"


class OwnedViewSet(ProductViewSet):
    permission_classes = [permissions.IsAuthenticatedOrReadOnly, OwnerOrReadOnly]
    pagination_class = Pages


class AskingViewSet(OwnedViewSet):
    permission_classes = [permissions.IsAuthenticatedOrReadOnly, AskingOwner]


class ArgumentViewSet(OwnedViewSet):
    permission_classes = [LooksAtArguments]


class WrongViewSet(OwnedViewSet):
    authentication_classes = [WrongCredentials]


class AdminListViewSet(OwnedViewSet):
    """Everybody may add, and only the staff may look."""

    def get_permissions(self) -> Any:
        return [permissions.AllowAny() if self.action == "create" else permissions.IsAdminUser()]


class SplitViewSet(viewsets.ModelViewSet[Product]):
    queryset = Product.objects.order_by("id")
    serializer_class = ProductSerializer
    permission_classes = [permissions.AllowAny]

    @action(detail=True, methods=["get"], permission_classes=[permissions.IsAdminUser])
    def label(self, request: Any, pk: Any = None) -> Response:
        return Response()

    @label.mapping.post
    def relabel(self, request: Any, pk: Any = None) -> Response:
        return Response()


class UncheckedListViewSet(OwnedViewSet):
    """Decides nothing before it lists."""

    permission_classes = [permissions.IsAuthenticated]

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        if self.action != "list":
            super().initial(request, *args, **kwargs)
        else:
            self.format_kwarg = None
            request.accepted_renderer = self.get_renderers()[0]
            request.accepted_media_type = request.accepted_renderer.media_type


class LenientListViewSet(OwnedViewSet):
    """Makes up its mind by itself whether a list is refused."""

    permission_classes = [permissions.IsAuthenticated]

    def check_permissions(self, request: Any) -> None:
        if self.action != "list":
            super().check_permissions(request)


class PlainListViewSet(OwnedViewSet):
    permission_classes = [permissions.IsAuthenticatedOrReadOnly]


class MembersViewSet(OwnedViewSet):
    permission_classes = [permissions.IsAuthenticated]


class UnpagedViewSet(OwnedViewSet):
    pagination_class = None


NUMBERS = itertools.count()


def state_over(viewset: type[Any], **options: Any) -> Any:
    name = f"Rights{next(NUMBERS)}State"
    body = {"viewset": viewset, "__module__": __name__, "Meta": type("Meta", (), options)}
    # By its name, because a manager like Redis pickles every state there is.
    globals()[name] = type(ModelState)(name, (ModelState,), body)
    return globals()[name]


class RightsProductState(ModelState):
    viewset = ProductViewSet


class RightsOwnedState(ModelState):
    viewset = OwnedViewSet


class RightsAskingState(ModelState):
    viewset = AskingViewSet


class RightsListState(AppState, ModelListView):
    viewset = OwnedViewSet


@pytest.fixture
def owner() -> User:
    return get_user_model().objects.create_user("owner")


@pytest.fixture
def admin() -> User:
    return get_user_model().objects.create_superuser("root")


@pytest.fixture
def rows(owner: User) -> list[Product]:
    other = get_user_model().objects.create_user("other")
    return [
        Product.objects.create(
            name=f"Product {n}", sku=str(n), price=1, owner=owner if n % 2 else other
        )
        for n in range(4)
    ]


def allowed(tab: Tab, state: Any) -> set[str]:
    return {name for name, answer in tab.get(state, "may").items() if answer}


READING = {"list", "retrieve", "summary"}
STANDARD = {"list", "retrieve", "create", "update", "partial_update", "destroy"}


class TestActions:
    async def test_nothing_is_offered_before_it_was_asked(self) -> None:
        async with Tab() as tab:
            assert allowed(tab, RightsProductState) == set()
            assert tab.get(RightsProductState, "row_may") == {}

    async def test_a_visitor_may_read(self) -> None:
        async with Tab() as tab:
            await tab.send(RightsProductState.load)
            assert allowed(tab, RightsProductState) == READING

    async def test_djangos_permissions_decide_by_action(self, owner: User) -> None:
        changes = await Permission.objects.aget(
            codename="change_product", content_type__app_label="shop"
        )
        await owner.user_permissions.aadd(changes)
        async with Tab(user=owner) as tab:
            await tab.send(RightsProductState.load)
            assert allowed(tab, RightsProductState) == READING | {
                "update", "partial_update", "restock",
            }  # fmt: skip

    async def test_the_classes_of_an_extra_action_count(self, admin: User) -> None:
        async with Tab(user=admin) as tab:
            await tab.send(RightsProductState.load)
            assert allowed(tab, RightsProductState) == STANDARD | {
                "summary", "restock", "discontinue",
            }  # fmt: skip

    async def test_both_verbs_of_an_action_have_its_classes(self, owner: User) -> None:
        state = state_over(SplitViewSet)
        async with Tab(user=owner) as tab:
            await tab.send(state.load)
            assert allowed(tab, state) == STANDARD

    async def test_it_is_asked_anew_with_each_list(self, owner: User) -> None:
        async with Tab(user=owner) as tab:
            await tab.send(RightsProductState.load)
            assert "discontinue" not in allowed(tab, RightsProductState)
            await get_user_model().objects.filter(pk=owner.pk).aupdate(is_staff=True)
            await tab.send(RightsProductState.refresh)
            assert "discontinue" in allowed(tab, RightsProductState)

    async def test_it_is_known_also_where_the_list_is_refused(self) -> None:
        state = state_over(AdminListViewSet)
        async with Tab() as tab:
            await tab.send(state.load)
            assert tab.get(state, "error") != ""
            assert allowed(tab, state) == {"create"}

    async def test_whoever_shows_wrong_credentials_may_nothing(self) -> None:
        state = state_over(WrongViewSet)
        async with Tab() as tab:
            await tab.send(state.load)
            assert "too old" in tab.get(state, "error")
            assert tab.get(state, "may") != {}
            assert allowed(tab, state) == set()

    async def test_reading_one_row_asks_too(self, rows: list[Product]) -> None:
        async with Tab() as tab:
            await tab.send(RightsProductState.start_edit(rows[0].pk))
            assert allowed(tab, RightsProductState) == READING

    async def test_a_class_that_cannot_say_costs_nobody_the_list(
        self, rows: list[Product], caplog: pytest.LogCaptureFixture
    ) -> None:
        state = state_over(ArgumentViewSet)
        async with Tab() as tab:
            await tab.send(state.load)
            assert len(tab.get(state, "data")) == 4
            assert tab.get(state, "may")["destroy"] is True
            assert "could not say whether 'destroy' is allowed (KeyError" in caplog.text
            await tab.send(state.delete(rows[0].pk))
            assert tab.get(state, "error") != ""
        assert await Product.objects.acount() == 4

    async def test_who_may_list_need_not_be_asked_again(
        self, owner: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[str] = []
        original = permissions.IsAuthenticated.has_permission

        def counted(self: Any, request: Any, view: Any) -> bool:
            asked.append(view.action)
            return original(self, request, view)

        monkeypatch.setattr(permissions.IsAuthenticated, "has_permission", counted)
        state = state_over(MembersViewSet)
        async with Tab(user=owner) as tab:
            await tab.send(state.load)
            assert allowed(tab, state) >= STANDARD
            assert asked == ["list"]
        asked.clear()
        async with Tab() as tab:
            await tab.send(state.load)
            assert not allowed(tab, state) & STANDARD

    async def test_reading_tells_nothing_of_writing(self, owner: User) -> None:
        state = state_over(PlainListViewSet)
        async with Tab() as tab:
            await tab.send(state.load)
            assert allowed(tab, state) & STANDARD == {"list", "retrieve"}
        async with Tab(user=owner) as tab:
            await tab.send(state.load)
            assert allowed(tab, state) & STANDARD == STANDARD

    async def test_a_list_that_nobody_was_asked_for_tells_nothing(
        self, owner: User, rows: list[Product]
    ) -> None:
        state = state_over(UncheckedListViewSet)
        async with Tab() as tab:
            await tab.send(state.load)
            assert len(tab.get(state, "data")) == 4
            assert not allowed(tab, state) & STANDARD
        async with Tab(user=owner) as tab:
            await tab.send(state.load)
            assert allowed(tab, state) & STANDARD == STANDARD

    async def test_a_view_that_lets_everybody_list_lets_nobody_write(
        self, rows: list[Product]
    ) -> None:
        state = state_over(LenientListViewSet)
        async with Tab() as tab:
            await tab.send(state.load)
            assert len(tab.get(state, "data")) == 4
            assert allowed(tab, state) & STANDARD == {"list"}

    async def test_what_a_state_adds_counts(self, owner: User) -> None:
        state = state_over(OwnedViewSet, permission_classes=[permissions.DjangoModelPermissions])
        async with Tab(user=owner) as tab:
            await tab.send(state.load)
            assert allowed(tab, state) == READING

    async def test_a_state_that_only_lists_says_only_that(self) -> None:
        async with Tab() as tab:
            await tab.send(RightsListState.load)
            assert tab.get(RightsListState, "may") == {
                "list": True, "retrieve": True, "summary": True,
            }  # fmt: skip


class TestRows:
    async def test_each_row_says_what_may_be_done_with_it(
        self, rows: list[Product], owner: User
    ) -> None:
        async with Tab(user=owner) as tab:
            await tab.send(RightsOwnedState.load)
            told = tab.get(RightsOwnedState, "row_may")
        assert set(told) == {str(row.pk) for row in rows}
        for row in rows:
            own = row.owner_id == owner.pk
            about = told[str(row.pk)]
            assert about["destroy"] is about["partial_update"] is own
            assert about["retrieve"] is True
        # Said by the action already: it is refused for all of them.
        assert "discontinue" not in told[str(rows[0].pk)]

    async def test_rows_without_pages_have_it_too(self, rows: list[Product], owner: User) -> None:
        state = state_over(UnpagedViewSet)
        async with Tab(user=owner) as tab:
            with count_queries() as queries:
                await tab.send(state.load)
            told = tab.get(state, "row_may")
        assert told[str(rows[1].pk)]["destroy"] is True
        assert told[str(rows[0].pk)]["destroy"] is False
        assert sum('FROM "shop_product"' in sql for sql in queries.statements) == 1

    async def test_nothing_is_said_where_no_class_looks_at_rows(self, rows: Any) -> None:
        async with Tab() as tab:
            await tab.send(RightsProductState.load)
            assert not any(tab.get(RightsProductState, "row_may").values())

    async def test_a_question_that_needs_a_query_is_not_asked(
        self, rows: list[Product], owner: User
    ) -> None:
        async with Tab(user=owner) as tab:
            with count_queries() as queries:
                await tab.send(RightsAskingState.load)
            assert not any(tab.get(RightsAskingState, "row_may").values())
            assert len(tab.get(RightsAskingState, "data")) == 4
        # Session, user, count, rows, tags.
        assert len(queries) == 5, queries

    async def test_it_is_asked_where_the_state_wants_it(
        self, rows: list[Product], owner: User
    ) -> None:
        state = state_over(AskingViewSet, row_permissions=["destroy"])
        async with Tab(user=owner) as tab:
            with count_queries() as queries:
                await tab.send(state.load)
            assert tab.get(state, "row_may") == {
                str(row.pk): {"destroy": row.owner_id == owner.pk} for row in rows
            }
        assert len(queries) == 5 + len(rows), queries

    async def test_it_can_be_left_out(self, rows: list[Product], owner: User) -> None:
        state = state_over(OwnedViewSet, row_permissions=False)
        async with Tab(user=owner) as tab:
            await tab.send(state.load)
            assert tab.get(state, "row_may") == {}

    async def test_asking_costs_no_query_however_many_rows(
        self, rows: list[Product], owner: User
    ) -> None:
        counts = []
        async with Tab(user=owner) as tab:
            for more in (0, 21):
                await Product.objects.abulk_create(
                    Product(name=f"More {n}", sku=f"m{n}", price=1) for n in range(more)
                )
                with count_queries() as queries:
                    await tab.send(RightsOwnedState.load)
                counts.append(len(queries))
            assert len(tab.get(RightsOwnedState, "row_may")) == 25
        assert counts[0] == counts[1] == 5

    async def test_it_goes_when_the_list_may_no_longer_be_read(
        self, rows: list[Product], admin: User
    ) -> None:
        class StaffViewSet(OwnedViewSet):
            permission_classes = [permissions.IsAdminUser, OwnerOrReadOnly]

        state = state_over(StaffViewSet)
        async with Tab(user=admin) as tab:
            await tab.send(state.load)
            assert tab.get(state, "row_may") != {}
            await get_user_model().objects.filter(pk=admin.pk).aupdate(is_staff=False)
            await tab.send(state.load)
            assert tab.get(state, "row_may") == {}
            # Its own classes replace those of the viewset.
            assert allowed(tab, state) == {"restock"}

    async def test_the_lookup_field_names_the_rows(self, rows: list[Product]) -> None:
        class BySkuViewSet(OwnedViewSet):
            lookup_field = "sku"

        state = state_over(BySkuViewSet)
        async with Tab(user=rows[0].owner) as tab:
            await tab.send(state.load)
            assert tab.get(state, "row_may")["0"]["destroy"] is True

    def test_an_unknown_action_is_an_error_at_once(self) -> None:
        with pytest.raises(ConfigurationError, match="rows have no such action; known are destroy"):
            state_over(OwnedViewSet, row_permissions=["summary"])


async def test_what_is_offered_is_decided_again(rows: list[Product], owner: User) -> None:
    foreign = rows[0]
    async with Tab(user=owner) as tab:
        await tab.send(RightsOwnedState.load)
        await tab.send(RightsOwnedState.delete(foreign.pk))
        assert tab.get(RightsOwnedState, "error") != ""
    assert await Product.objects.filter(pk=foreign.pk).aexists()


def test_over_http_everything_is_offered() -> None:
    from reflex_drf.backends.http import HttpBackend

    state = state_over(TaskViewSet, backend_class=HttpBackend(base_url="http://localhost:9"))
    assert dict.fromkeys(state._plan.actions, True) == state().may
