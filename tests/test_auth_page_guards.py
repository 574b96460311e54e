"""Guards of pages: neither the page nor what it loads, for who may not see it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import reflex as rx
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from reflex.state import State
from reflex_base.registry import RegistrationContext

from reflex_drf.auth import login_required, permission_required, staff_required
from reflex_drf.auth.page_guards import PageGuards
from reflex_drf.state import ModelState
from reflex_drf.state.user import AppState
from reflex_drf.testing import Tab, Worker
from tests.counting import count_queries
from tests.shop.models import Task

pytestmark = pytest.mark.django_db(transaction=True)


class PageState(AppState):
    loaded: list[str] = []

    @rx.event
    def load_orders(self) -> None:
        self.loaded.append(f"orders {self.user}")

    @rx.event
    def load_shared(self) -> None:
        self.loaded.append(f"shared {self.user}")

    @rx.event
    def load_office(self) -> None:
        self.loaded.append(f"office {self.user}")


class PageTaskState(ModelState):
    model = Task
    fields = ["title"]
    permission_classes = ()


def home() -> rx.Component:
    return rx.text("home")


@login_required
def orders() -> rx.Component:
    return rx.text("orders", PageState.username)


@staff_required
@permission_required("auth.view_group")
def office() -> rx.Component:
    return rx.text("office")


@login_required
def tasks() -> rx.Component:
    return rx.text("tasks")


LOADS = [PageState.load_orders, PageState.load_shared]


def add_pages(app: rx.App) -> rx.App:
    app.add_page(home, route="/", on_load=PageState.load_shared)
    app.add_page(home, route="/open")
    app.add_page(orders, route="/orders", on_load=LOADS)
    app.add_page(orders, route="/orders/[number]", on_load=PageState.load_orders)
    app.add_page(office, route="/office", on_load=PageState.load_office)
    app.add_page(orders, route="/bare")
    app.add_page(tasks, route="/tasks", on_load=PageTaskState.load)
    return app


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    context = RegistrationContext.ensure_context()
    token = RegistrationContext.set(context.fork())
    try:
        async with Worker(add_pages(rx.App())) as worker:
            yield worker
    finally:
        RegistrationContext.reset(token)


@pytest.fixture
def ann() -> Any:
    return get_user_model().objects.create_user("ann", password="pw")


def sent(tab: Tab) -> str:
    """What the tab was told, save for what each page load brings."""
    codes = [str(payload) for _, payload in tab.events]
    return "\n".join(code for code in codes if "addEventListener" not in code)


def is_shown(tab: Tab) -> bool:
    return bool(tab.seen(State, "is_hydrated"))


async def load(tab: Tab, path: str) -> None:
    """Go to another page inside the app."""
    tab.events.clear()
    tab.path = path
    names = RegistrationContext.get().event_handlers
    (name,) = (name for name in names if name.endswith("on_load_internal"))
    await tab.send_name(name)


PATHS = ["/orders", "/orders/", "/orders/7", "/orders?page=2", "/bare", "/office", "/orders#x"]


@pytest.mark.parametrize("path", PATHS)
async def test_a_visitor_is_sent_to_sign_in_before_anything_is_sent(
    worker: Worker, path: str
) -> None:
    async with Tab(path=path) as tab:
        assert "/accounts/login/?next=/" in sent(tab)
        # Not even the state of the tab.
        assert [delta for delta in tab.deltas if len(delta) > 1] == []
        assert not is_shown(tab)
        with pytest.raises(KeyError):
            tab.seen(PageState, "loaded")


async def test_a_visitor_is_sent_to_sign_in_from_another_page(worker: Worker) -> None:
    async with Tab() as tab:
        assert tab.seen(PageState, "loaded") == ["shared AnonymousUser"]
        await load(tab, "/orders")
        assert "/accounts/login/?next=/orders" in sent(tab)
        assert tab.get(PageState, "loaded") == ["shared AnonymousUser"]
        assert not is_shown(tab)


async def test_a_user_sees_the_page_and_what_it_loads(worker: Worker, ann: Any) -> None:
    async with Tab(user=ann, path="/orders") as tab:
        assert tab.seen(PageState, "loaded") == ["orders ann", "shared ann"]
        assert is_shown(tab)
        await load(tab, "/orders/7")
        assert tab.seen(PageState, "loaded")[-1] == "orders ann"
        assert is_shown(tab)
        assert sent(tab) == ""


async def test_a_page_that_loads_nothing_is_guarded_too(worker: Worker, ann: Any) -> None:
    async with Tab(user=ann, path="/bare") as tab:
        assert is_shown(tab)
    async with Tab(path="/open") as tab:
        assert is_shown(tab)
        await load(tab, "/bare")
        assert not is_shown(tab)
        await load(tab, "/open")
        assert is_shown(tab)


@pytest.mark.parametrize("first", ["/office", "/open", "/"])
async def test_who_may_not_see_a_page_is_told_once_and_can_go_on(
    worker: Worker, ann: Any, first: str
) -> None:
    async with Tab(user=ann, path=first) as tab:
        if first != "/office":
            await load(tab, "/office")
        assert sent(tab).count("You may not see this page.") == 1
        assert "login" not in sent(tab)
        assert not is_shown(tab)
        assert "office ann" not in tab.get(PageState, "loaded")
        for path in ("/open", "/orders"):
            await load(tab, path)
            assert is_shown(tab)
            assert sent(tab) == ""


async def test_all_guards_of_a_page_count(worker: Worker, ann: Any) -> None:
    await get_user_model().objects.filter(pk=ann.pk).aupdate(is_staff=True)
    async with Tab(user=ann, path="/office") as tab:
        assert not is_shown(tab)
        await get_user_model().objects.filter(pk=ann.pk).aupdate(is_superuser=True)
        await load(tab, "/office")
        assert is_shown(tab)
        assert tab.get(PageState, "loaded") == ["office ann"]


@pytest.mark.parametrize("path", ["/", "/open", "/orders", "/nowhere"])
async def test_what_a_guarded_page_loads_cannot_be_called_from_elsewhere(
    worker: Worker, path: str
) -> None:
    async with Tab() as tab:
        tab.path = path
        await tab.send(PageState.load_orders)
        await tab.send(PageState.load_office)
        assert tab.get(PageState, "loaded") == ["shared AnonymousUser"]


async def test_what_an_open_page_loads_too_is_left_alone(worker: Worker) -> None:
    async with Tab(path="/open") as tab:
        await tab.send(PageState.load_shared)
        assert tab.get(PageState, "loaded") == ["shared AnonymousUser"]
        assert sent(tab) == ""


async def test_a_forged_route_does_not_open_a_page(worker: Worker) -> None:
    async with Tab(path="/orders") as tab:
        tab.events.clear()
        forged = {**tab.router_data, "pathname": "/open"}
        from reflex_base.event import Event

        event = Event(
            name=f"{State.get_full_name()}.hydrate_and_load", payload={}, router_data=forged
        )
        await (await worker.processor.enqueue(tab.token, event)).wait_all()
        assert "/accounts/login/" in sent(tab)
        assert not is_shown(tab)


async def test_who_calls_a_handler_of_the_page_without_seeing_it_is_sent_to_sign_in(
    worker: Worker,
) -> None:
    async with Tab() as tab:
        tab.events.clear()
        tab.path = "/orders"
        await tab.send(PageState.load_orders)
        assert "/accounts/login/?next=/orders" in sent(tab)


async def test_generated_handlers_of_a_guarded_page_are_guarded(worker: Worker, ann: Any) -> None:
    await sync_to_async(Task.objects.create)(title="hush-hush", owner=ann)
    async with Tab(path="/open") as tab:
        await tab.send(PageTaskState.load)
        assert "hush-hush" not in str(tab.deltas)
        assert "/accounts/login/" in sent(tab)
    async with Tab(user=ann, path="/tasks") as tab:
        assert "hush-hush" in str(tab.deltas)


async def test_the_end_of_the_session_is_noticed_at_the_next_load(worker: Worker, ann: Any) -> None:
    async with Tab(user=ann, path="/orders") as tab:
        from django.contrib.sessions.models import Session

        await Session.objects.all().adelete()
        await load(tab, "/orders")
        assert not [d for d in tab.deltas[-1:] if "orders" in str(d) and len(d) > 1]
        assert "login" in sent(tab) or "removeItem" in sent(tab)


async def test_pages_without_guards_cost_nothing(worker: Worker, ann: Any) -> None:
    async with Tab(user=ann, path="/open") as tab:
        with count_queries() as queries:
            await load(tab, "/open")
        assert len(queries) == 0


def test_an_app_without_guarded_pages_asks_nothing() -> None:
    guards = PageGuards({}, {}, str)
    assert (guards.pages, guards.handlers) == ({}, {})


def test_the_page_waits_for_its_hydration() -> None:
    shown = str(orders().render())
    assert "is_hydrated" in shown
    assert orders.__name__ == "orders"
