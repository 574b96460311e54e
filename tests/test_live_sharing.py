"""Who shares a read with whom: whoever is certain to get the same answer, and nobody else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any, ClassVar

import pytest
import reflex as rx
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.messages import get_messages
from django.contrib.sessions.models import Session
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from rest_framework import permissions, viewsets
from rest_framework.exceptions import PermissionDenied

from reflex_drf.backends import Reply
from reflex_drf.backends.watching import Dependencies
from reflex_drf.live import LiveListMixin, ModelChange, notify
from reflex_drf.live.relay import publish
from reflex_drf.live.sharing import SharedReads
from reflex_drf.live.viewers import Viewers
from reflex_drf.state import ModelState, UserScopedMixin
from reflex_drf.testing import Tab, Worker
from tests.counting import count_queries
from tests.living import QUICK, until
from tests.shop.models import Product, Task
from tests.shop.serializers import ProductSerializer
from tests.shop.views import ProductViewSet

User = get_user_model()
pytestmark = pytest.mark.django_db(transaction=True)


class CountedViewSet(ProductViewSet):
    """Counts its reads, and does with each request what a test says."""

    reads: ClassVar[list[Any]] = []
    look: ClassVar[Callable[[Any], Any] | None] = None

    def list(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        CountedViewSet.reads.append(request.user)
        seen = CountedViewSet.look(request) if CountedViewSet.look is not None else None
        response = super().list(request, *args, **kwargs)
        for row in response.data["results"] if seen is not None else ():
            row["name"] = str(seen)
        return response


class CountedState(LiveListMixin, ModelState):
    viewset = CountedViewSet


class OwnViewSet(viewsets.ModelViewSet[Product]):
    """One's own rows and those that are active."""

    queryset = Product.objects.order_by("id")
    serializer_class = ProductSerializer
    permission_classes = [permissions.AllowAny]

    def get_queryset(self) -> QuerySet[Product]:
        CountedViewSet.reads.append(self.request.user)
        user: Any = self.request.user
        mine = Q(owner=user) if user.is_authenticated else Q()
        return super().get_queryset().filter(mine | Q(active=True))


class OwnState(LiveListMixin, ModelState):
    viewset = OwnViewSet


class HookedState(LiveListMixin, ModelState):
    viewset = CountedViewSet
    wanted: str = ""

    def get_queryset(self) -> QuerySet[Product]:
        return super().get_queryset().filter(name__contains=self.wanted)


class SharedHookState(LiveListMixin, ModelState):
    viewset = CountedViewSet
    shared_reads = True

    def get_queryset(self) -> QuerySet[Product]:
        return super().get_queryset().filter(active=True)


class AloneState(LiveListMixin, ModelState):
    viewset = CountedViewSet
    shared_reads = False


class ScopedTaskState(LiveListMixin, UserScopedMixin, ModelState):
    model = Task
    fields = ["title"]


@pytest.fixture(autouse=True)
def quick(settings: Any) -> None:
    settings.REFLEX_DRF = QUICK
    CountedViewSet.reads.clear()
    CountedViewSet.look = None


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    async with Worker() as worker:
        yield worker
        reads = Viewers.of(worker.processor).reads
    assert len(reads) == 0


@pytest.fixture
async def tabs(worker: Worker) -> AsyncIterator[Callable[..., Any]]:
    async with AsyncExitStack() as stack:

        async def opened(
            count: int, user: Any = None, state: Any = CountedState, **options: Any
        ) -> list[Tab]:
            made = [await stack.enter_async_context(Tab(user, **options)) for _ in range(count)]
            for tab in made:
                await tab.send(state.live_subscribe)
            await worker.settle()
            CountedViewSet.reads.clear()
            return made

        yield opened


async def create(name: str, **values: Any) -> Product:
    return await Product.objects.acreate(name=name, sku=name, price=1, **values)


def names(tab: Tab, state: Any = CountedState) -> list[str]:
    return [row["name"] for row in tab.seen(state, "data")]


class TestSharing:
    async def test_visitors_share_a_read(self, worker: Worker, tabs: Any) -> None:
        opened = await tabs(10)
        await create("Chair")
        await worker.settle()
        assert all(names(tab) == ["Chair"] for tab in opened)
        assert len(CountedViewSet.reads) == 1

    async def test_tabs_of_a_user_share_a_read(self, worker: Worker, tabs: Any) -> None:
        alice = await User.objects.acreate_user("alice")
        # In as many browsers, each with a session of its own.
        opened = await tabs(10, alice)
        await create("Chair")
        await worker.settle()
        assert all(names(tab) == ["Chair"] for tab in opened)
        assert CountedViewSet.reads == [alice]

    async def test_users_do_not_share(self, worker: Worker, tabs: Any) -> None:
        alice = await User.objects.acreate_user("alice")
        bob = await User.objects.acreate_user("bob")
        hers, his, nobodys = (
            await tabs(2, alice, OwnState),
            await tabs(2, bob, OwnState),
            await tabs(2, None, OwnState),
        )
        await create("hers", owner=alice, active=False)
        await create("his", owner=bob, active=False)
        await create("everybody's")
        await worker.settle()
        for tab in hers:
            assert names(tab, OwnState) == ["hers", "everybody's"]
            assert "his" not in [row["name"] for row in tab.get(OwnState, "data")]
        for tab in his:
            assert names(tab, OwnState) == ["his", "everybody's"]
        for tab in nobodys:
            assert names(tab, OwnState) == ["everybody's"]

    async def test_only_the_same_question_is_shared(self, worker: Worker, tabs: Any) -> None:
        opened = await tabs(4)
        for tab in opened[2:]:
            await tab.send(CountedState.set_search("lamp"))
        CountedViewSet.reads.clear()
        await Product.objects.abulk_create(
            [Product(name=name, sku=name, price=1) for name in ("lamp", "Chair")]
        )
        notify(Product)
        await worker.settle()
        assert [sorted(names(tab)) for tab in opened] == [["Chair", "lamp"]] * 2 + [["lamp"]] * 2
        assert len(CountedViewSet.reads) == 2

    async def test_each_viewer_has_rows_of_his_own(self, worker: Worker, tabs: Any) -> None:
        first, second = await tabs(2)
        await create("Chair", attrs={"legs": [1, 2]})
        await worker.settle()
        rows = [tab.state(CountedState).get_value("data") for tab in (first, second)]
        assert rows[0] == rows[1]
        assert rows[0] is not rows[1]
        assert rows[0][0] is not rows[1][0]
        assert rows[0][0]["attrs"]["legs"] is not rows[1][0]["attrs"]["legs"]

    async def test_a_scoped_state_shares_with_its_user_alone(
        self, worker: Worker, tabs: Any
    ) -> None:
        alice = await User.objects.acreate_user("alice")
        bob = await User.objects.acreate_user("bob")
        hers, his = await tabs(2, alice, ScopedTaskState), await tabs(2, bob, ScopedTaskState)
        await Task.objects.acreate(owner=alice, title="hers")
        await worker.settle()
        assert all(len(tab.seen(ScopedTaskState, "data")) == 1 for tab in hers)
        assert all(tab.seen(ScopedTaskState, "data") == [] for tab in his)


class TestStates:
    """What a state puts around the view may depend on anything, unless it says otherwise."""

    async def test_hooks_of_a_state_are_read_for_each(self, worker: Worker, tabs: Any) -> None:
        first, second = await tabs(2, None, HookedState)
        second.state(HookedState).wanted = "lamp"
        await create("Chair")
        await worker.settle()
        assert names(first, HookedState) == ["Chair"]
        assert names(second, HookedState) == []
        assert len(CountedViewSet.reads) == 2

    async def test_a_state_may_vouch_for_its_hooks(self, worker: Worker, tabs: Any) -> None:
        opened = await tabs(3, None, SharedHookState)
        await create("Chair")
        await worker.settle()
        assert all(names(tab, SharedHookState) == ["Chair"] for tab in opened)
        assert len(CountedViewSet.reads) == 1

    async def test_a_state_may_refuse(self, worker: Worker, tabs: Any) -> None:
        await tabs(3, None, AloneState)
        await create("Chair")
        await worker.settle()
        assert len(CountedViewSet.reads) == 3


class TestDependencies:
    """Whatever of a request the view looks at, decides on who may share its answer."""

    @pytest.mark.parametrize(
        "look",
        [
            lambda request: request.META.get("HTTP_X_TENANT", "none"),
            lambda request: request.headers.get("x-tenant", "none"),
            lambda request: request.META["HTTP_X_TENANT"],
            lambda request: {**request.META}["HTTP_X_TENANT"],
            lambda request: dict(request.META.items())["HTTP_X_TENANT"],
            lambda request: dict(request.headers)["X-Tenant"],
        ],
    )
    async def test_headers(self, worker: Worker, tabs: Any, look: Callable[[Any], Any]) -> None:
        red = await tabs(2, headers={"x-tenant": "red"})
        blue = await tabs(2, headers={"x-tenant": "blue"})
        CountedViewSet.look = look
        for _ in range(2):
            CountedViewSet.reads.clear()
            await create(f"Chair {len(names(red[0]))}")
            await worker.settle()
            assert all(set(names(tab)) == {"red"} for tab in red)
            assert all(set(names(tab)) == {"blue"} for tab in blue)
            assert len(CountedViewSet.reads) == 2

    @pytest.mark.parametrize(
        "look",
        [
            lambda request: request.COOKIES["shop"],
            lambda request: request.COOKIES.get("shop"),
            lambda request: next(iter(request.COOKIES.values())),
            lambda request: request.COOKIES.copy()["shop"],
            lambda request: (request.COOKIES | {})["shop"],
        ],
    )
    async def test_cookies(self, worker: Worker, tabs: Any, look: Callable[[Any], Any]) -> None:
        opened = [*await tabs(2, cookies={"shop": "1"}), *await tabs(2, cookies={"shop": "2"})]
        CountedViewSet.look = look
        await create("Chair")
        await worker.settle()
        assert [names(tab) for tab in opened] == [["1"], ["1"], ["2"], ["2"]]
        assert len(CountedViewSet.reads) == 2

    @pytest.mark.parametrize(
        "look",
        [
            lambda request: request.session["shop"],
            lambda request: request._request.session.get("shop"),
            lambda request: request.session.session_key and request.session.get("shop"),
        ],
    )
    async def test_sessions(self, worker: Worker, tabs: Any, look: Callable[[Any], Any]) -> None:
        alice = await User.objects.acreate_user("alice")
        opened = [
            *await tabs(1, alice, session={"shop": "1"}),
            *await tabs(1, alice, session={"shop": "2"}),
        ]
        # Another tab of the same browser.
        opened.extend(await tabs(1, cookies=opened[0].cookies))
        CountedViewSet.look = look
        await create("Chair")
        await worker.settle()
        assert [names(tab) for tab in opened] == [["1"], ["2"], ["1"]]
        assert len(CountedViewSet.reads) == 2

    async def test_a_session_cookie(self, worker: Worker, tabs: Any) -> None:
        alice = await User.objects.acreate_user("alice")
        opened = await tabs(2, alice)
        CountedViewSet.look = lambda request: request.COOKIES["sessionid"]
        await create("Chair")
        await worker.settle()
        assert [names(tab) for tab in opened] == [[tab.cookies["sessionid"]] for tab in opened]

    @pytest.mark.parametrize(
        "look",
        [
            lambda request: request.META.get("CSRF_COOKIE"),
            lambda request: {**request.META}.get("CSRF_COOKIE"),
        ],
    )
    async def test_a_secret_of_a_browser(
        self, worker: Worker, tabs: Any, look: Callable[[Any], Any]
    ) -> None:
        secrets = ["a" * 32, "b" * 32]
        opened = [(await tabs(1, cookies={"csrftoken": each}))[0] for each in secrets]
        CountedViewSet.look = look
        for name in ("Chair", "Table"):
            await create(name)
            await worker.settle()
            assert [set(names(tab)) for tab in opened] == [{each} for each in secrets]

    async def test_messages_of_the_session(self, worker: Worker, tabs: Any) -> None:
        alice = await User.objects.acreate_user("alice")
        await tabs(2, alice)
        CountedViewSet.look = lambda request: len(get_messages(request._request))
        await create("Chair")
        await worker.settle()
        assert len(CountedViewSet.reads) == 2

    async def test_languages(self, worker: Worker, tabs: Any) -> None:
        from django.utils.translation import get_language

        german = await tabs(2, headers={"accept-language": "de"})
        english = await tabs(2, headers={"accept-language": "en"})
        CountedViewSet.look = lambda request: get_language()
        await create("Chair")
        await worker.settle()
        assert [names(tab) for tab in (*german, *english)] == [["de"]] * 2 + [["en"]] * 2
        assert len(CountedViewSet.reads) == 2

    async def test_browsers_and_hosts(self, worker: Worker, tabs: Any) -> None:
        # Django itself looks at the browser, to refuse some.
        await tabs(1, headers={"user-agent": "one"})
        await tabs(1, headers={"user-agent": "two"})
        await tabs(1, headers={"host": "localhost"})
        await create("Chair")
        await worker.settle()
        assert len(CountedViewSet.reads) == 2
        CountedViewSet.look = lambda request: request.META["HTTP_USER_AGENT"]
        CountedViewSet.reads.clear()
        await create("Table")
        await worker.settle()
        assert len(CountedViewSet.reads) == 3

    async def test_what_sets_cookies_is_for_one_alone(self, worker: Worker, tabs: Any) -> None:
        await tabs(3)

        def look(request: Any) -> None:
            from django.middleware.csrf import get_token

            get_token(request._request)

        CountedViewSet.look = look
        await create("Chair")
        await worker.settle()
        assert len(CountedViewSet.reads) == 3


class TestSafety:
    async def test_who_has_no_session_any_longer_gets_nothing(
        self, worker: Worker, tabs: Any
    ) -> None:
        alice = await User.objects.acreate_user("alice")
        stays, goes = await tabs(2, alice)
        # Nobody is told of it; his own event finds out.
        await Session.objects.filter(session_key=goes.cookies["sessionid"]).adelete()
        goes.clear()
        await create("secret")
        await until(goes, lambda: "sessionStorage" in repr(goes.events))
        await worker.settle()
        assert names(stays) == ["secret"]
        assert "secret" not in repr(goes.deltas)

    async def test_who_is_deactivated_gets_nothing(self, worker: Worker, tabs: Any) -> None:
        alice = await User.objects.acreate_user("alice")
        opened = await tabs(3, alice)
        await User.objects.filter(pk=alice.pk).aupdate(is_active=False)
        for tab in opened:
            tab.clear()
        await create("secret")
        for tab in opened:
            await until(tab, lambda tab=tab: "sessionStorage" in repr(tab.events))
        assert all("secret" not in repr(tab.deltas) for tab in opened)

    async def test_a_read_from_before_the_change_is_not_shared(
        self, worker: Worker, tabs: Any
    ) -> None:
        first, second = await tabs(2)
        reached, go_on = threading.Event(), threading.Event()

        def look(request: Any) -> None:
            CountedViewSet.look = None
            # Holds what it has read.
            rows = list(Product.objects.values_list("name", flat=True))
            reached.set()
            assert go_on.wait(10)
            assert rows == []

        CountedViewSet.look = look
        publish([ModelChange("shop.product", "updated", 1)])
        await asyncio.to_thread(reached.wait, 10)
        await sync_to_async(Product.objects.create)(name="Chair", sku="a", price=1)
        go_on.set()
        await worker.settle()
        assert names(first) == names(second) == ["Chair"]

    async def test_a_reader_who_leaves_lets_others_read(self) -> None:
        reads, reached, asked = SharedReads(lambda: 1), asyncio.Event(), []

        async def ask(dependencies: Dependencies) -> Reply | None:
            asked.append(dependencies)
            if len(asked) == 1:
                reached.set()
                await asyncio.Event().wait()
            return Reply(status=200, rows=[{"name": "Chair"}])

        leader = asyncio.create_task(reads.get("q", HttpRequest(), 1, ask))
        await reached.wait()
        followers = [asyncio.create_task(reads.get("q", HttpRequest(), 1, ask)) for _ in range(2)]
        await asyncio.sleep(0)
        assert len(asked) == 1
        leader.cancel()
        for follower in followers:
            reply, began = await follower
            assert reply is not None
            assert (reply.rows, began) == ([{"name": "Chair"}], 1)
        with pytest.raises(asyncio.CancelledError):
            await leader

    async def test_what_was_forgotten_is_not_guessed(
        self, worker: Worker, tabs: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # As if so many questions were asked that what each depends on is forgotten at once.
        monkeypatch.setattr("reflex_drf.live.sharing.QUESTIONS", 0)
        red = await tabs(2, headers={"x-tenant": "red"})
        blue = await tabs(2, headers={"x-tenant": "blue"})
        CountedViewSet.look = lambda request: request.headers["x-tenant"]
        for name in ("Chair", "Table"):
            await create(name)
            await worker.settle()
            assert all(set(names(tab)) == {"red"} for tab in red)
            assert all(set(names(tab)) == {"blue"} for tab in blue)

    async def test_what_is_kept_is_bounded(self) -> None:
        reads = SharedReads(lambda: 1)

        async def ask(dependencies: Dependencies) -> Reply | None:
            return Reply(status=200, rows=[])

        for number in range(1000):
            await reads.get(number, HttpRequest(), 1, ask)
        assert len(reads) == 256

    async def test_the_viewers_own_request(self, worker: Worker, tabs: Any) -> None:
        opened = [await tabs(1, headers={"x-tenant": name}) for name in ("red", "blue")]
        CountedViewSet.look = lambda request: request._request.origin.META["HTTP_X_TENANT"]
        await create("Chair")
        await worker.settle()
        assert [names(tab) for (tab,) in opened] == [["red"], ["blue"]]

    async def test_a_refusal_is_not_shared(self, worker: Worker, tabs: Any) -> None:
        opened = await tabs(3)

        def look(request: Any) -> None:
            raise PermissionDenied

        CountedViewSet.look = look
        await create("secret")
        await worker.settle()
        assert len(CountedViewSet.reads) == 3
        assert all(tab.seen(CountedState, "data") == [] for tab in opened)


class PatchedState(LiveListMixin, ModelState):
    model = Product
    fields = ["name", "sku", "price"]
    incremental_updates = True
    permission_classes = [permissions.AllowAny]


class WritingState(CountedState):
    """Writes past its viewset, and shows nothing of it by itself."""

    gate: ClassVar[asyncio.Event]

    @rx.event
    async def write(self) -> None:
        await create("Chair")

    @rx.event(background=True)
    async def write_and_stay(self) -> None:
        await create("Table")
        await WritingState.gate.wait()


class TestOwnWrites:
    """A tab does not read again what it has read since the change."""

    async def test_a_save_is_read_once_by_whoever_saves(self, worker: Worker, tabs: Any) -> None:
        root = await User.objects.acreate_superuser("root")
        (writer,) = await tabs(1, root)
        await writer.send(CountedState.save({"name": "Chair", "sku": "a", "price": "1"}))
        await worker.settle()
        assert names(writer) == ["Chair"]
        assert len(CountedViewSet.reads) == 1

    async def test_others_are_told(self, worker: Worker, tabs: Any) -> None:
        root = await User.objects.acreate_superuser("root")
        writer, other = await tabs(2, root)
        await writer.send(CountedState.save({"name": "Chair", "sku": "a", "price": "1"}))
        await worker.settle()
        assert names(writer) == names(other) == ["Chair"]
        assert len(CountedViewSet.reads) == 2

    async def test_what_another_writes_meanwhile_is_not_taken_for_ones_own(
        self, worker: Worker, tabs: Any
    ) -> None:
        root = await User.objects.acreate_superuser("root")
        (writer,) = await tabs(1, root)

        def look(request: Any) -> None:
            if request.method == "GET":
                CountedViewSet.look = None

        CountedViewSet.look = look
        await writer.send(CountedState.save({"name": "Chair", "sku": "a", "price": "1"}))
        await create("Table")
        await worker.settle()
        assert sorted(names(writer)) == ["Chair", "Table"]

    async def test_a_patched_row_is_read_once(self, worker: Worker, tabs: Any) -> None:
        chair = await create("Chair")
        (tab,) = await tabs(1, None, PatchedState)
        await tab.send(PatchedState.start_edit(chair.pk))
        with count_queries() as queries:
            await tab.send(PatchedState.save({"name": "Stool"}))
            await worker.settle()
        assert names(tab, PatchedState) == ["Stool"]
        assert len([sql for sql in queries.statements if "COUNT(" in sql]) == 1

    async def test_a_write_that_shows_nothing_is_shown(self, worker: Worker, tabs: Any) -> None:
        (tab,) = await tabs(1, None, WritingState)
        await tab.send(WritingState.write)
        await worker.settle()
        assert names(tab, WritingState) == ["Chair"]

    async def test_a_background_handler_is_not_waited_for(self, worker: Worker, tabs: Any) -> None:
        WritingState.gate = asyncio.Event()
        (tab,) = await tabs(1, None, WritingState)
        sent = await tab.start(WritingState.write_and_stay)
        await until(tab, lambda: tab.seen(WritingState, "data") != [])
        assert names(tab, WritingState) == ["Table"]
        WritingState.gate.set()
        await sent.join()


class TestBurst:
    async def test_a_thousand_changes_to_two_hundred_tabs(
        self, worker: Worker, tabs: Any, settings: Any
    ) -> None:
        settings.REFLEX_DRF = {}
        alice = await User.objects.acreate_user("alice")
        opened = await tabs(200, alice)
        for tab in opened:
            tab.clear()
        loop = asyncio.get_running_loop()
        begin = loop.time()

        def write() -> None:
            for number in range(1000):
                publish([ModelChange("shop.product", "updated", number % 50)])

        await create("Chair")
        await asyncio.to_thread(write)
        took = loop.time() - begin
        await worker.settle()
        # One at once, then one in each half second that the burst takes.
        most = 2 + int(took / 0.5)
        assert len(CountedViewSet.reads) <= most
        assert all(names(tab) == ["Chair"] for tab in opened)
        assert max(len(tab.deltas) for tab in opened) <= most
