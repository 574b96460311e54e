"""A live list shows what is stored to those who may see it: lists, scope, permissions, pace."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, ClassVar

import pytest
import reflex as rx
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import transaction
from django.db.models import QuerySet
from rest_framework import permissions, serializers, viewsets
from rest_framework.pagination import PageNumberPagination
from rest_framework.throttling import SimpleRateThrottle

from reflex_drf.errors import ConfigurationError
from reflex_drf.live import LiveListMixin, ModelChange, notify
from reflex_drf.state import ModelListView, ModelState, UserScopedMixin
from reflex_drf.state.user import AppState
from reflex_drf.testing import Tab, Worker
from tests.counting import count_queries
from tests.living import QUICK
from tests.shop.models import Category, Product, Task
from tests.shop.serializers import ProductSerializer
from tests.shop.views import ProductViewSet, TaskViewSet

pytestmark = pytest.mark.django_db(transaction=True)
User = get_user_model()


class ProductState(LiveListMixin, ModelState):
    model = Product
    fields = ["name", "price", "active"]
    incremental_updates = True


class PatchingState(LiveListMixin, ModelState):
    model = Product
    fields = ["name", "price"]
    applied: ClassVar[list[ModelChange]] = []

    async def apply_live_change(self, change):  # type: ignore[no-untyped-def]
        PatchingState.applied.append(change)
        if change.is_delete:
            self.remove_list_row(self.get_options(), change.pk)
            return
        await self.refresh()


class TellingState(LiveListMixin, ModelState):
    model = Product
    fields = ["name"]

    async def apply_live_change(self, change: ModelChange) -> Any:
        await super().apply_live_change(change)
        name = self.user.get_username() or "nobody"
        return rx.toast.info(f"{name} sees {change.action}")


class LiveTaskState(LiveListMixin, ModelState):
    viewset = TaskViewSet


class ScopedTaskState(LiveListMixin, UserScopedMixin, ModelState):
    model = Task
    fields = ["title"]
    permission_classes = [permissions.AllowAny]


class LiveOnly(AppState, ModelListView, LiveListMixin):
    """The mixin may come last, and the list may be for reading alone."""

    model = Category
    fields = ["name"]


class SmallPages(PageNumberPagination):
    page_size = 2


class LiveBudget(SimpleRateThrottle):
    rate = "5/hour"

    def get_cache_key(self, request: Any, view: Any) -> str:
        return "live-budget"


class PagedViewSet(ProductViewSet):
    pagination_class = SmallPages
    ordering = ["name"]


class PagedState(LiveListMixin, ModelState):
    viewset = PagedViewSet
    ordering = ["name"]


class ThrottledViewSet(viewsets.ReadOnlyModelViewSet[Product]):
    queryset = Product.objects.all()
    serializer_class = ProductSerializer
    throttle_classes = [LiveBudget]


class ThrottledState(LiveListMixin, ModelState):
    viewset = ThrottledViewSet


class StrictPermissions(permissions.DjangoModelPermissions):
    perms_map = {
        **permissions.DjangoModelPermissions.perms_map,
        "GET": ["%(app_label)s.view_%(model_name)s"],
    }


class StrictViewSet(ProductViewSet):
    permission_classes = [StrictPermissions]


class StrictState(LiveListMixin, ModelState):
    viewset = StrictViewSet


class UnavailableViewSet(ProductViewSet):
    down: ClassVar[int] = 0

    def list(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().list(request, *args, **kwargs)
        if UnavailableViewSet.down:
            UnavailableViewSet.down -= 1
            response.status_code = 503
        return response


class UnavailableState(LiveListMixin, ModelState):
    viewset = UnavailableViewSet


@pytest.fixture(autouse=True)
def quick(settings: Any) -> None:
    settings.REFLEX_DRF = QUICK
    PatchingState.applied.clear()


@pytest.fixture
async def tab() -> AsyncIterator[Tab]:
    async with Tab() as tab:
        yield tab


async def create(name: str, **values: Any) -> Product:
    return await Product.objects.acreate(name=name, sku=name, price=1, **values)


async def watch(tab: Tab, state: Any) -> None:
    await tab.send(state.load)
    await tab.send(state.live_subscribe)
    await tab.worker.settle()


def shown(tab: Tab, state: Any, name: str = "name") -> list[Any]:
    return [row[name] for row in tab.seen(state, "data")]


class TestChanges:
    async def test_apply_live_change_as_it_stands(self, tab: Tab) -> None:
        await watch(tab, PatchingState)
        chair, table = await create("Chair"), await create("Table")
        await tab.worker.settle()
        assert shown(tab, PatchingState) == ["Chair", "Table"]
        key = chair.pk
        await chair.adelete()
        await tab.worker.settle()
        assert shown(tab, PatchingState) == ["Table"]
        assert PatchingState.applied[-1] == ModelChange("shop.product", "deleted", key)
        assert {change.pk for change in PatchingState.applied} == {key, table.pk}

    async def test_unknown_rows_are_read_without_asking(self, tab: Tab) -> None:
        await watch(tab, PatchingState)
        await Product.objects.abulk_create([Product(name="Chair", sku="a", price=1)])
        notify(Product)
        await tab.worker.settle()
        assert shown(tab, PatchingState) == ["Chair"]
        assert PatchingState.applied == []

    async def test_what_it_returns_reaches_the_browser_and_it_knows_the_user(self) -> None:
        alice = await User.objects.acreate_user("alice")
        async with Tab(alice) as tab:
            await watch(tab, TellingState)
            await create("Chair")
            await tab.worker.settle()
            assert "alice sees created" in repr(tab.events)
            assert shown(tab, TellingState) == ["Chair"]


class TestLists:
    async def test_another_user_sees_what_one_has_saved(self) -> None:
        root = await User.objects.acreate_superuser("root")
        async with Worker() as worker, Tab(root) as writer, Tab() as reader:
            await watch(reader, PagedState)
            await writer.send(PagedState.save({"name": "Chair", "sku": "a", "price": "1"}))
            await worker.settle()
            assert shown(reader, PagedState) == ["Chair"]

    async def test_a_new_row_shows_up_where_it_belongs(self, tab: Tab) -> None:
        for name in ("B", "D", "F"):
            await create(name)
        await watch(tab, PagedState)
        assert shown(tab, PagedState) == ["B", "D"]
        await create("C")
        await tab.worker.settle()
        assert shown(tab, PagedState) == ["B", "C"]
        assert tab.seen(PagedState, "total_count") == 4
        await tab.send(PagedState.next_page)
        assert shown(tab, PagedState) == ["D", "F"]
        await create("A")
        await tab.worker.settle()
        assert shown(tab, PagedState) == ["C", "D"]
        assert tab.get(PagedState, "page") == 2

    async def test_the_last_page_may_go_away(self, tab: Tab) -> None:
        rows = [await create(name) for name in "ABC"]
        await watch(tab, PagedState)
        await tab.send(PagedState.next_page)
        await rows[2].adelete()
        await tab.worker.settle()
        assert shown(tab, PagedState) == ["A", "B"]
        assert tab.get(PagedState, "page") == 1

    async def test_search_filters_and_ordering_hold(self, tab: Tab) -> None:
        await watch(tab, PagedState)
        await tab.send(PagedState.set_search("lamp"))
        await tab.send(PagedState.filter({"active": True}))
        await tab.send(PagedState.set_ordering("-name"))
        await create("lamp 1")
        await create("Chair")
        await create("lamp 2")
        lamp = await create("lamp 3")
        await tab.worker.settle()
        assert shown(tab, PagedState) == ["lamp 3", "lamp 2"]
        lamp.active = False
        await lamp.asave()
        await tab.worker.settle()
        assert shown(tab, PagedState) == ["lamp 2", "lamp 1"]

    async def test_what_a_viewer_was_told_stays(self, tab: Tab) -> None:
        await watch(tab, ProductState)
        tab.state(ProductState).error = "The name is missing."
        tab.state(ProductState).field_errors = {"name": "Missing."}
        await create("Chair")
        await tab.worker.settle()
        assert tab.get(ProductState, "error") == "The name is missing."
        assert tab.get(ProductState, "field_errors") == {"name": "Missing."}

    async def test_a_refusal_stays_too_but_for_that_of_the_list(self) -> None:
        alice = await User.objects.acreate_user("alice")
        permission = await Permission.objects.aget(
            content_type__app_label="shop", codename="view_product"
        )
        async with Tab(alice) as tab:
            await watch(tab, StrictState)
            assert tab.get(StrictState, "refusal") == "forbidden"
            await alice.user_permissions.aadd(permission)
            await create("Chair")
            await tab.worker.settle()
            assert (tab.get(StrictState, "error"), tab.get(StrictState, "refusal")) == ("", "")
            await tab.send(StrictState.save({"name": "mine", "sku": "a", "price": "1"}))
            said = tab.get(StrictState, "error")
            await create("Lamp")
            await tab.worker.settle()
            assert shown(tab, StrictState) == ["Chair", "Lamp"]
            assert said
            assert tab.get(StrictState, "error") == said
            assert tab.get(StrictState, "refusal") == "forbidden"

    async def test_the_mixin_may_come_last(self, tab: Tab) -> None:
        await watch(tab, LiveOnly)
        await Category.objects.acreate(name="Chairs")
        await tab.worker.settle()
        assert shown(tab, LiveOnly) == ["Chairs"]

    async def test_two_lists_of_a_tab_are_both_live(self, tab: Tab) -> None:
        await watch(tab, ProductState)
        await watch(tab, PagedState)
        await create("Chair")
        await tab.worker.settle()
        assert shown(tab, ProductState) == shown(tab, PagedState) == ["Chair"]

    async def test_a_rollback_shows_nothing(self, tab: Tab) -> None:
        await watch(tab, ProductState)
        tab.clear()

        def fail() -> None:
            with transaction.atomic():
                Product.objects.create(name="Chair", sku="a", price=1)
                transaction.set_rollback(True)

        await sync_to_async(fail)()
        await tab.worker.settle()
        assert tab.deltas == []

    async def test_a_refresh_is_one_list_call_and_its_users_lookup(self) -> None:
        alice = await User.objects.acreate_user("alice")
        await Task.objects.acreate(owner=alice, title="mine")
        async with Tab(alice) as tab:
            await watch(tab, LiveTaskState)
            with count_queries() as queries:
                notify(Task)
                await tab.worker.settle()
            # Session, user, count, rows.
            assert len(queries) == 4


class TestScope:
    async def test_a_row_that_leaves_the_scope_leaves_the_list(self) -> None:
        alice, bob = (
            await User.objects.acreate_user("alice"),
            await User.objects.acreate_user("bob"),
        )
        async with Worker() as worker, Tab(alice) as mine, Tab(bob) as his:
            for state in (LiveTaskState, ScopedTaskState):
                await watch(mine, state)
                await watch(his, state)
            task = await Task.objects.acreate(owner=alice, title="secret")
            await worker.settle()
            for state in (LiveTaskState, ScopedTaskState):
                assert shown(mine, state, "title") == ["secret"]
                assert shown(his, state, "title") == []
            assert "secret" not in repr(his.deltas)
            task.owner = bob
            await task.asave()
            await worker.settle()
            for state in (LiveTaskState, ScopedTaskState):
                assert shown(mine, state, "title") == []
                assert shown(his, state, "title") == ["secret"]

    async def test_an_anonymous_viewer_gets_nothing_he_may_not_see(self, tab: Tab) -> None:
        alice = await User.objects.acreate_user("alice")
        await watch(tab, LiveTaskState)
        await Task.objects.acreate(owner=alice, title="secret")
        await tab.worker.settle()
        assert "secret" not in repr(tab.deltas)

    async def test_a_revoked_permission_takes_effect_with_the_next_delivery(self) -> None:
        alice = await User.objects.acreate_user("alice")
        permission = await Permission.objects.aget(
            content_type__app_label="shop", codename="view_product"
        )
        await alice.user_permissions.aadd(permission)
        async with Tab(alice) as tab:
            await create("Chair")
            await watch(tab, StrictState)
            assert shown(tab, StrictState) == ["Chair"]
            await alice.user_permissions.aremove(permission)
            await create("secret")
            await tab.worker.settle()
            assert shown(tab, StrictState) == []
            assert tab.get(StrictState, "error")
            assert "secret" not in repr(tab.deltas)
            await alice.user_permissions.aadd(permission)
            await create("Lamp")
            await tab.worker.settle()
            assert shown(tab, StrictState) == ["Chair", "secret", "Lamp"]

    async def test_the_writers_credentials_do_not_reach_the_viewer(self) -> None:
        # The refresh is caused in the middle of the superuser's own event.
        root = await User.objects.acreate_superuser("root")
        async with Worker() as worker, Tab(root) as writer, Tab() as reader:
            await watch(reader, StrictState)
            await writer.send(StrictState.save({"name": "secret", "sku": "a", "price": "1"}))
            await worker.settle()
            assert shown(writer, StrictState) == ["secret"]
            assert "secret" not in repr(reader.deltas)


class TestBudget:
    async def test_a_live_refresh_spends_nothing_of_it(self, tab: Tab) -> None:
        from django.core.cache import cache

        await cache.adelete("live-budget")
        await watch(tab, ThrottledState)
        for number in range(8):
            await create(f"Chair {number}")
            await tab.worker.settle()
        assert len(shown(tab, ThrottledState)) == 8
        # One of five was for the first `load`.
        for _ in range(4):
            await tab.send(ThrottledState.refresh)
            assert tab.get(ThrottledState, "error") == ""
        await tab.send(ThrottledState.refresh)
        assert "throttled" in tab.get(ThrottledState, "error")
        await cache.adelete("live-budget")

    async def test_a_client_cannot_refresh_past_it(self, tab: Tab) -> None:
        await watch(tab, ThrottledState)
        with count_queries() as queries:
            await tab.send(ThrottledState.live_refresh)
            await tab.send(ThrottledState.live_subscribe)
            await tab.worker.settle()
        assert len(queries) == 0

    async def test_a_viewer_without_a_subscription_is_not_refreshed(self, tab: Tab) -> None:
        await create("Chair")
        await tab.send(ProductState.live_refresh)
        assert tab.get(ProductState, "data") == []

    async def test_an_api_that_cannot_answer_is_asked_again(self, tab: Tab) -> None:
        await watch(tab, UnavailableState)
        UnavailableViewSet.down = 2
        await create("Chair")
        await tab.worker.settle()
        assert UnavailableViewSet.down == 0
        assert shown(tab, UnavailableState) == ["Chair"]
        assert tab.errors == []


class TestDeclaration:
    def test_a_list_has_to_have_a_model(self) -> None:
        class NumberSerializer(serializers.Serializer[Any]):
            number = serializers.IntegerField()

        class NumberViewSet(viewsets.GenericViewSet[Any]):
            serializer_class = NumberSerializer
            queryset = None

            def list(self, request: Any) -> Any:
                raise NotImplementedError

        with pytest.raises(ConfigurationError, match=r"Numbers uses LiveListMixin.*`queryset`"):

            class Numbers(LiveListMixin, ModelState):
                viewset = NumberViewSet

    def test_hooks_of_the_mixin_are_no_entry_points(self) -> None:
        for state in (ProductState, PatchingState):
            assert {"live_subscribe", "live_refresh"} <= set(state.event_handlers)
            for name in ("apply_live_change", "refresh_list", "remove_list_row"):
                assert name not in state.event_handlers

    async def test_the_scoped_queryset_is_what_the_viewer_may_see(self) -> None:
        found: list[Any] = []

        class LookingState(LiveListMixin, ModelState):
            viewset = TaskViewSet

            async def apply_live_change(self, change: ModelChange) -> Any:
                def look() -> None:
                    queryset: QuerySet[Task] = self.get_scoped_queryset()
                    found.append(queryset.filter(pk=change.pk).exists())

                await sync_to_async(look)()

        alice, bob = (
            await User.objects.acreate_user("alice"),
            await User.objects.acreate_user("bob"),
        )
        async with Tab(alice) as tab:
            await watch(tab, LookingState)
            await Task.objects.acreate(owner=alice, title="mine")
            await tab.worker.settle()
            await Task.objects.acreate(owner=bob, title="his")
            await tab.worker.settle()
            assert found == [True, False]
