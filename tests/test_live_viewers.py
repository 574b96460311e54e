"""When viewers are refreshed, how often, and that nothing stays of those who have left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from rest_framework.permissions import DjangoModelPermissions
from rest_framework.viewsets import ReadOnlyModelViewSet

from reflex_drf.live import LiveListMixin, ModelChange, is_live_model, live_broadcaster, notify
from reflex_drf.live.changes import unknown_rows
from reflex_drf.live.relay import publish
from reflex_drf.live.viewers import Viewers
from reflex_drf.state import ModelState
from reflex_drf.testing import Tab, Worker
from tests.counting import count_queries
from tests.living import QUICK, until
from tests.shop.models import Product, Task
from tests.shop.serializers import ProductSerializer
from tests.shop.views import TaskViewSet

User = get_user_model()
pytestmark = pytest.mark.django_db(transaction=True)


class Gate:
    """Holds up a refresh until the test lets it go on."""

    def __init__(self) -> None:
        self.reached, self.opened = asyncio.Event(), asyncio.Event()


class PacedState(LiveListMixin, ModelState):
    model = Product
    fields = ["name"]
    # Each refresh, with what it was for.
    told: ClassVar[list[list[ModelChange]]] = []
    failing: ClassVar[int] = 0
    gate: ClassVar[Gate | None] = None

    async def _apply(self, changes: list[ModelChange]) -> Any:
        PacedState.told.append(changes)
        if PacedState.failing:
            PacedState.failing -= 1
            raise ZeroDivisionError
        answer = await super()._apply(changes)
        if PacedState.gate is not None:
            # The list has been read: what changes from here on, it does not show.
            PacedState.gate.reached.set()
            await PacedState.gate.opened.wait()
        return answer


class OtherPacedState(LiveListMixin, ModelState):
    model = Product
    fields = ["name", "price"]


class UserListState(LiveListMixin, ModelState):
    model = User
    fields = ["username"]
    field_vars = {"username": "login_name"}
    ordering = ["pk"]


class MayView(DjangoModelPermissions):
    perms_map = {"GET": ["%(app_label)s.view_%(model_name)s"]}


class PermittedViewSet(ReadOnlyModelViewSet[Product]):
    queryset = Product.objects.all()
    serializer_class = ProductSerializer
    permission_classes = [MayView]


class PermittedState(LiveListMixin, ModelState):
    viewset = PermittedViewSet


class OwnTasksState(LiveListMixin, ModelState):
    viewset = TaskViewSet


@pytest.fixture(autouse=True)
def quick(settings: Any) -> None:
    settings.REFLEX_DRF = QUICK
    PacedState.told.clear()
    PacedState.failing, PacedState.gate = 0, None


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    async with Worker() as worker:
        yield worker
        assert not is_live_model(Product) or len(Viewers.of(worker.processor))


async def watch(*tabs: Tab, state: Any = PacedState) -> None:
    for tab in tabs:
        await tab.send(state.live_subscribe)
    await tabs[0].worker.settle()
    PacedState.told.clear()


def changed(count: int) -> None:
    publish(ModelChange("shop.product", "updated", pk) for pk in range(count))


def subscriptions(worker: Worker) -> int:
    return len(Viewers.of(worker.processor))


class TestPace:
    async def test_a_change_is_shown_at_once(self, worker: Worker) -> None:
        async with Tab() as tab:
            await watch(tab)
            changed(1)
            await worker.settle()
            assert PacedState.told == [[ModelChange("shop.product", "updated", 0)]]

    async def test_a_burst_costs_two_refreshes(self, worker: Worker, settings: Any) -> None:
        settings.REFLEX_DRF = {"LIVE_REFRESH_INTERVAL": 500}
        async with Tab() as tab:
            await watch(tab)
            viewers = Viewers.of(worker.processor)
            for each in viewers:
                each.free_at = 0
            for _ in range(1000):
                changed(1)
                await asyncio.sleep(0)
            await worker.settle()
            assert 1 <= len(PacedState.told) <= 2

    async def test_each_row_of_a_burst_is_named_once(self, worker: Worker) -> None:
        async with Tab() as tab:
            await watch(tab)
            changed(5)
            changed(5)
            await worker.settle()
            assert sorted(change.pk for told in PacedState.told for change in told) == [*range(5)]

    async def test_more_rows_than_anyone_would_name_are_one_change(self, worker: Worker) -> None:
        async with Tab() as tab:
            await watch(tab)
            PacedState.gate = Gate()
            changed(1)
            await PacedState.gate.reached.wait()
            changed(5000)
            PacedState.gate.opened.set()
            await worker.settle()
            assert PacedState.told[1:] == [[unknown_rows("shop.product")]]

    async def test_one_refresh_is_under_way_at_a_time(self, worker: Worker) -> None:
        async with Tab() as tab:
            await watch(tab)
            PacedState.gate = Gate()
            changed(1)
            await PacedState.gate.reached.wait()
            changed(2)
            (subscription,) = Viewers.of(worker.processor)
            subscription.free_at = 0
            for _ in range(10):
                await asyncio.sleep(0)
            assert len(PacedState.told) == 1
            PacedState.gate.opened.set()
            await worker.settle()
            assert len(PacedState.told) == 2

    async def test_what_a_viewer_reads_while_he_waits_keeps_nobody_waiting(
        self, worker: Worker, settings: Any
    ) -> None:
        settings.REFLEX_DRF = {"LIVE_REFRESH_INTERVAL": 500}
        async with Tab() as tab:
            await tab.send(OtherPacedState.live_subscribe)
            await worker.settle()
            for number in range(2):
                await Product.objects.acreate(name="Chair", sku=f"{number}", price=1)
            # The second is to be shown half a second later, and is read before that.
            await tab.send(OtherPacedState.load)
            async with asyncio.timeout(20):
                await worker.settle()
            assert len(tab.seen(OtherPacedState, "data")) == 2

    async def test_viewers_do_not_wait_for_each_other(self, worker: Worker) -> None:
        async with Tab() as first, Tab() as second:
            await watch(first, second)
            changed(1)
            await worker.settle()
            assert len(PacedState.told) == 2

    async def test_changes_of_other_models_are_not_heard(self, worker: Worker) -> None:
        async with Tab() as tab:
            await watch(tab)
            publish([ModelChange("shop.task", "updated", 1)])
            await worker.settle()
            assert PacedState.told == []


class TestFailures:
    async def test_what_failed_is_read_again(self, worker: Worker) -> None:
        async with Tab() as tab:
            await watch(tab)
            PacedState.failing = 2
            await Product.objects.acreate(name="Chair", sku="a", price=1)
            await worker.settle()
            assert PacedState.told[1:] == [[unknown_rows("shop.product")]] * 2
            assert [row["name"] for row in tab.seen(PacedState, "data")] == ["Chair"]
            (subscription,) = Viewers.of(worker.processor)
            assert subscription.failures == 0

    async def test_pauses_grow_and_are_bounded(self, worker: Worker) -> None:
        async with Tab() as tab:
            await watch(tab)
            viewers = Viewers.of(worker.processor)
            (subscription,) = viewers
            pauses = []
            for _ in range(1100):
                viewers.fail(subscription)
                pauses.append(subscription.free_at - asyncio.get_running_loop().time())
            assert pauses[0] == pytest.approx(0.1, abs=0.05)
            assert pauses[1] == pytest.approx(0.2, abs=0.05)
            assert max(pauses) <= 30


class TestEnds:
    async def test_a_closed_tab_leaves_nothing(self, worker: Worker) -> None:
        async with Tab() as tab:
            await watch(tab)
            await watch(tab, state=OtherPacedState)
            assert subscriptions(worker) == 2
            assert is_live_model(Product)
        assert subscriptions(worker) == 0
        assert not is_live_model(Product)
        assert live_broadcaster().labels == []
        changed(1)
        await worker.settle()
        assert PacedState.told == []

    async def test_a_tab_that_closes_while_it_waits_leaves_nothing(self, worker: Worker) -> None:
        async with Tab() as tab:
            await watch(tab)
            changed(1)
            changed(2)
        await worker.settle()
        assert subscriptions(worker) == 0

    async def test_subscribing_twice_is_subscribing_once(self, worker: Worker) -> None:
        async with Tab() as tab:
            await watch(tab)
            await tab.send(PacedState.live_subscribe)
            await worker.settle()
            assert PacedState.told == []
            assert subscriptions(worker) == 1

    async def test_a_new_connection_has_to_subscribe_again(self, worker: Worker) -> None:
        async with Tab() as tab:
            await watch(tab)
            await tab.reconnect()
            assert subscriptions(worker) == 0
            await tab.send(PacedState.live_subscribe)
            await worker.settle()
            # What was missed in between is read.
            assert PacedState.told == [[unknown_rows("shop.product")]]

    async def test_a_connection_that_ended_unnoticed_is_noticed(self, worker: Worker) -> None:
        async with Tab() as tab:
            await watch(tab)
            del worker.tabs[tab.token]
            changed(1)
            await worker.settle()
            assert PacedState.told == []
            assert subscriptions(worker) == 0

    async def test_a_closed_tab_cannot_subscribe(self, worker: Worker) -> None:
        async with Tab() as tab:
            del worker.tabs[tab.token]
            await tab.send(PacedState.live_subscribe)
            assert subscriptions(worker) == 0

    async def test_a_worker_that_stops_leaves_nothing(self) -> None:
        async with Worker() as worker, Tab() as tab:
            await watch(tab)
            changed(1)
            await worker.processor.stop()
            assert not is_live_model(Product)
            assert live_broadcaster().labels == []

    async def test_a_deleted_session_ends_it(self, worker: Worker) -> None:
        alice = await User.objects.acreate_user("alice")
        async with Tab(alice) as tab:
            await Task.objects.acreate(owner=alice, title="secret")
            await watch(tab, state=OwnTasksState)
            assert len(tab.seen(OwnTasksState, "data")) == 1
            await Session.objects.all().adelete()
            tab.clear()
            await Task.objects.acreate(owner=alice, title="another secret")
            await refused(tab)
            assert "secret" not in repr(tab.deltas)

    async def test_the_next_user_of_a_tab_does_not_inherit_it(self, worker: Worker) -> None:
        users = User.objects
        alice, bob = await users.acreate_user("alice"), await users.acreate_user("bob")
        async with Tab(alice) as tab:
            await watch(tab, state=OwnTasksState)
            (subscription,) = Viewers.of(worker.processor)
            # The same token under a new handshake, and nobody told the subscription.
            await tab.log_in(bob)
            tab._connect()
            await tab.hydrate()
            assert subscription.tab.sid != tab.sid
            notify(Task)
            await worker.settle()
            assert subscription.ended
            assert subscriptions(worker) == 0


class TestUsers:
    """What becomes of a user shows at once, without any row having changed."""

    @pytest.fixture
    async def alice(self) -> Any:
        return await User.objects.acreate_user("alice", password="old")

    @pytest.fixture
    async def tab(self, worker: Worker, alice: Any) -> AsyncIterator[Tab]:
        await Task.objects.acreate(owner=alice, title="secret")
        async with Tab(alice) as tab:
            await watch(tab, state=OwnTasksState)
            assert len(tab.seen(OwnTasksState, "data")) == 1
            tab.clear()
            yield tab
            assert "secret" not in repr(tab.deltas)

    async def test_who_logs_out(self, tab: Tab) -> None:
        client = Client()
        client.cookies["sessionid"] = tab.cookies["sessionid"]
        await sync_to_async(client.logout)()
        await refused(tab)

    async def test_who_is_deactivated(self, tab: Tab, alice: Any) -> None:
        alice.is_active = False
        await alice.asave()
        await refused(tab)

    async def test_who_has_a_new_password(self, tab: Tab, alice: Any) -> None:
        alice.set_password("new")
        await alice.asave()
        await refused(tab)

    async def test_who_is_deleted(self, tab: Tab, alice: Any) -> None:
        await alice.adelete()
        await refused(tab)

    async def test_who_may_no_longer_see_it(self, worker: Worker, alice: Any) -> None:
        permission = await Permission.objects.aget(
            content_type__app_label="shop", codename="view_product"
        )
        await alice.user_permissions.aadd(permission)
        await Product.objects.acreate(name="Chair", sku="a", price=1)
        async with Tab(alice) as tab:
            await watch(tab, state=PermittedState)
            assert len(tab.seen(PermittedState, "data")) == 1
            await alice.user_permissions.aremove(permission)
            await worker.settle()
            assert tab.seen(PermittedState, "data") == []
            group = await Group.objects.acreate(name="staff")
            await group.permissions.aadd(permission)
            await alice.groups.aadd(group)
            await worker.settle()
            assert len(tab.seen(PermittedState, "data")) == 1

    async def test_whose_session_expires(self, worker: Worker, alice: Any) -> None:
        async with Tab(alice) as tab:
            key = tab.cookies["sessionid"]
            soon = timezone.now() + timedelta(seconds=0.5)
            await Session.objects.filter(session_key=key).aupdate(expire_date=soon)
            await watch(tab, state=OwnTasksState)
            assert subscriptions(worker) == 1
            # Nothing is written and nobody says anything.
            await refused(tab)
            await worker.settle()
            assert subscriptions(worker) == 0

    async def test_a_session_that_was_prolonged_goes_on(self, worker: Worker, alice: Any) -> None:
        async with Tab(alice) as tab:
            stored = Session.objects.filter(session_key=tab.cookies["sessionid"])
            await stored.aupdate(expire_date=timezone.now() + timedelta(seconds=0.5))
            await watch(tab, state=OwnTasksState)
            (subscription,) = Viewers.of(worker.processor)
            first = subscription.expiry
            await stored.aupdate(expire_date=timezone.now() + timedelta(days=1))
            with count_queries() as queries:
                async with asyncio.timeout(10):
                    # Nothing tells of a timer that is set again.
                    while subscription.expiry in (first, None):  # noqa: ASYNC110
                        await asyncio.sleep(0.02)
            # The session, the user, and until when; no list.
            assert len(queries) == 3
            assert subscription.expiry is not None
            left = subscription.expiry.when() - asyncio.get_running_loop().time()
            assert 86000 < left < 86500
            assert subscriptions(worker) == 1

    async def test_a_session_in_a_cache_is_asked_for(self, settings: Any, alice: Any) -> None:
        settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
        async with Worker() as worker, Tab(alice) as tab:
            await watch(tab, state=OwnTasksState)
            (subscription,) = Viewers.of(worker.processor)
            assert subscription.expiry is not None
            assert subscription.expiry.when() - asyncio.get_running_loop().time() < 61

    async def test_nobody_asks_for_a_visitor(self, worker: Worker) -> None:
        async with Tab() as tab:
            await watch(tab)
            (subscription,) = Viewers.of(worker.processor)
            assert subscription.expiry is None

    async def test_who_is_refused_has_no_subscription(self, worker: Worker, tab: Tab) -> None:
        await Session.objects.all().adelete()
        await Task.objects.acreate(owner=await User.objects.aget(), title="secret")
        await refused(tab)
        await worker.settle()
        assert subscriptions(worker) == 0

    async def test_others_are_not_asked(self, worker: Worker, alice: Any) -> None:
        bob = await User.objects.acreate_user("bob")
        async with Tab(alice) as hers, Tab(bob) as his, Tab() as nobodys:
            await watch(hers, his, nobodys)
            await alice.asave()
            await worker.settle()
            assert len(PacedState.told) == 1
            notify(User)
            await worker.settle()
            assert len(PacedState.told) == 4

    async def test_users_are_watched_as_long_as_anything_is(self, worker: Worker) -> None:
        assert not is_live_model(User)
        async with Tab() as tab:
            await watch(tab)
            assert is_live_model(User)
        assert not is_live_model(User)
        assert live_broadcaster().labels == []

    async def test_a_list_of_users_is_a_list_like_any(self, worker: Worker, alice: Any) -> None:
        async with Tab(alice) as tab:
            await watch(tab, state=UserListState)
            await User.objects.acreate_user("bob")
            await worker.settle()
            assert [row["username"] for row in tab.seen(UserListState, "data")] == ["alice", "bob"]
        assert live_broadcaster().labels == []


async def refused(tab: Tab) -> None:
    """Wait until the tab is told to begin anew."""
    await until(tab, lambda: "sessionStorage" in repr(tab.events))


async def test_many_tabs_come_and_go_without_a_trace(worker: Worker) -> None:
    before = 0
    for _ in range(5):
        tabs = [Tab() for _ in range(10)]
        for tab in tabs:
            await tab.__aenter__()
        await watch(*tabs)
        changed(3)
        await worker.settle()
        for tab in tabs:
            await tab.__aexit__(None, None, None)
        # The first round also starts what a worker keeps.
        before = before or len(asyncio.all_tasks())
    await worker.settle()
    assert subscriptions(worker) == 0
    assert len(asyncio.all_tasks()) == before
    assert worker.processor._own_events == {}
