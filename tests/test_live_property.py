"""Whatever happens to rows, owners and permissions: each viewer sees what his viewset gives."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import transaction
from django.db.models import Q, QuerySet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework import permissions, viewsets
from rest_framework.test import APIRequestFactory, force_authenticate

from reflex_drf.live import LiveListMixin, notify
from reflex_drf.state import ModelState
from reflex_drf.testing import Tab, Worker
from tests.living import QUICK
from tests.shop.models import Product
from tests.shop.serializers import ProductSerializer

User = get_user_model()
NAMES = ("alice", "bob")


class MayView(permissions.DjangoModelPermissions):
    """Visitors may look, and users who are allowed to."""

    perms_map = {
        **permissions.DjangoModelPermissions.perms_map,
        "GET": ["%(app_label)s.view_%(model_name)s"],
    }

    def has_permission(self, request: Any, view: Any) -> bool:
        return not request.user.is_authenticated or super().has_permission(request, view)


class ScopedViewSet(viewsets.ModelViewSet[Product]):
    """One's own rows and those that are active, for those who may see any; else the active ones."""

    queryset = Product.objects.order_by("id")
    serializer_class = ProductSerializer
    permission_classes = [MayView]
    pagination_class = None

    def get_queryset(self) -> QuerySet[Product]:
        user: Any = self.request.user
        mine = Q(owner=user) if user.is_authenticated else Q(pk=None)
        return super().get_queryset().filter(mine | Q(active=True))


class ScopedState(LiveListMixin, ModelState):
    viewset = ScopedViewSet


people = st.sampled_from([*NAMES, None])
rows = st.integers(0, 4)
steps = st.one_of(
    st.tuples(st.just("create"), people, st.booleans()),
    st.tuples(st.just("give"), rows, people),
    st.tuples(st.just("show"), rows, st.booleans()),
    st.tuples(st.just("show all"), st.booleans()),
    st.tuples(st.just("delete"), rows),
    st.tuples(st.just("permit"), st.sampled_from(NAMES), st.booleans()),
    st.tuples(st.just("regret"), rows),
    st.tuples(st.just("look")),
)


class World:
    """What is stored, changed as the steps say."""

    def __init__(self, users: dict[str, Any], permission: Permission) -> None:
        self.users, self.permission, self.made = users, permission, 0

    def do(self, step: tuple[Any, ...]) -> None:
        name, *rest = step
        getattr(self, "do_" + name.replace(" ", "_"))(*rest)

    def row(self, number: int) -> Product | None:
        return Product.objects.order_by("id")[number : number + 1].first()

    def do_create(self, owner: str | None, active: bool) -> None:
        self.made += 1
        owned = self.users.get(owner or "")
        # The name says who may see it, should it ever be seen by somebody else.
        name = f"{owner} {active} {self.made}"
        Product.objects.create(name=name, sku=name, price=1, owner=owned, active=active)

    def do_give(self, number: int, owner: str | None) -> None:
        if (row := self.row(number)) is not None:
            row.owner = self.users.get(owner or "")
            row.save()

    def do_show(self, number: int, active: bool) -> None:
        if (row := self.row(number)) is not None:
            row.active = active
            row.save()

    def do_show_all(self, active: bool) -> None:
        Product.objects.update(active=active)
        notify(Product)

    def do_delete(self, number: int) -> None:
        if (row := self.row(number)) is not None:
            row.delete()

    def do_permit(self, user: str, may: bool) -> None:
        change = self.users[user].user_permissions
        (change.add if may else change.remove)(self.permission)
        # Permissions are no rows of the list; that they changed has to be said.
        notify(Product)

    def do_regret(self, number: int) -> None:
        with transaction.atomic():
            self.do_create("alice", True)
            self.do_delete(number)
            transaction.set_rollback(True)

    def do_look(self) -> None:
        """Nothing happens; the run goes on once everything has arrived."""

    def visible(self, name: str) -> list[Any]:
        """What the viewset gives a user or a visitor over HTTP, nothing if it refuses him."""
        request = APIRequestFactory().get("/")
        if name:
            force_authenticate(request, User.objects.get(username=name))
        response = ScopedViewSet.as_view({"get": "list"})(request)
        return list(response.data) if response.status_code == 200 else []


def keys(data: list[Any]) -> list[Any]:
    return [(row["id"], row["name"], row["active"]) for row in data]


async def run(plan: list[tuple[Any, ...]]) -> None:
    permission = await Permission.objects.aget(
        content_type__app_label="shop", content_type__model="product", codename="view_product"
    )
    users = {name: await User.objects.acreate_user(name) for name in NAMES}
    for user in users.values():
        await user.user_permissions.aadd(permission)
    world = World(users, permission)
    async with AsyncExitStack() as stack:
        worker = await stack.enter_async_context(Worker())
        # In two browsers, and a visitor who has a session and one who has none.
        opened = [
            *(("alice", Tab(users["alice"])) for _ in range(2)),
            *(("bob", Tab(users["bob"])) for _ in range(2)),
            ("", Tab()),
            ("", Tab(session={"cart": "full"})),
        ]
        tabs = [(name, await stack.enter_async_context(tab)) for name, tab in opened]
        for _, tab in tabs:
            await tab.send(ScopedState.live_subscribe)
        await worker.settle()
        for step in [*plan, ("look",)]:
            await sync_to_async(world.do)(step)
            if step == ("look",):
                await worker.settle()
                await check(world, tabs)


async def check(world: World, tabs: list[tuple[str, Tab]]) -> None:
    for name, tab in tabs:
        expected = await sync_to_async(world.visible)(name)
        assert keys(tab.seen(ScopedState, "data")) == keys(expected)
        assert keys(tab.get(ScopedState, "data")) == keys(expected)


async def clean() -> None:
    await Product.objects.all().adelete()
    await User.objects.filter(username__in=NAMES).adelete()


@pytest.mark.django_db(transaction=True)
@settings(
    max_examples=25,
    deadline=None,
    # The database is emptied at the end of each example.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(plan=st.lists(steps, max_size=25))
def test_each_viewer_sees_what_his_viewset_gives(plan: list[tuple[Any, ...]]) -> None:
    from django.test import override_settings

    async def example() -> None:
        try:
            await run(plan)
        finally:
            await clean()

    with override_settings(REFLEX_DRF=QUICK):
        asyncio.run(example())


@pytest.mark.django_db(transaction=True)
def test_a_row_that_was_never_visible_is_never_sent() -> None:
    async def scenario() -> None:
        users = {name: await User.objects.acreate_user(name) for name in NAMES}
        permission = await Permission.objects.aget(
            content_type__app_label="shop", content_type__model="product", codename="view_product"
        )
        for user in users.values():
            await user.user_permissions.aadd(permission)
        world = World(users, permission)
        async with AsyncExitStack() as stack:
            worker = await stack.enter_async_context(Worker())
            opened = [Tab(users["alice"]), Tab(users["alice"]), Tab(users["bob"]), Tab(), Tab()]
            hers, hers_too, his, *nobodys = [await stack.enter_async_context(t) for t in opened]
            for tab in (hers, hers_too, his, *nobodys):
                await tab.send(ScopedState.live_subscribe)
            for number in range(20):
                owner = NAMES[number % 2]
                await sync_to_async(world.do)(("create", owner, False))
                await worker.settle()
            assert len(hers.seen(ScopedState, "data")) == 10
            assert "bob False" not in repr(hers.deltas)
            assert "alice False" not in repr(his.deltas)
            assert "alice False" in repr(hers.deltas)
            assert hers.seen(ScopedState, "data") == hers_too.seen(ScopedState, "data")
            for tab in nobodys:
                assert "alice False" not in repr(tab.deltas)
                assert "bob False" not in repr(tab.deltas)

    async_to_sync(scenario)()
