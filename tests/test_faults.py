"""Mistakes that a bridge between Django and Reflex easily makes, each with what keeps it out.

`docs/security.md` lists them together with those that other test modules guard.
"""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
import reflex as rx
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth import logout as django_logout
from django.core.cache import cache
from django.core.cache.backends.base import BaseCache
from reflex.app import App
from reflex.state import BaseState
from reflex_base.event.context import EventContext
from reflex_base.event.processor import BaseStateEventProcessor
from rest_framework import permissions

from reflex_drf import current_request, current_user
from reflex_drf.state import AppState, ModelState
from reflex_drf.testing import Tab, create_session
from tests.shop.models import Category, Product, Tag, Task
from tests.shop.views import ProductViewSet, TaskViewSet

pytestmark = pytest.mark.django_db(transaction=True)


TESTS = Path(__file__).resolve().parent
PAGE = TESTS.parent / "docs" / "security.md"


class OwnRowsOnly(permissions.BasePermission):
    def has_object_permission(self, request: Any, view: Any, row: Any) -> bool:
        return bool(row.owner_id == request.user.pk)


class FaultObjectViewSet(TaskViewSet):
    permission_classes = [permissions.IsAuthenticated, OwnRowsOnly]

    def get_queryset(self) -> Any:
        # All are shown; the permission decides about each.
        return Task.objects.all()


class FaultObjectState(ModelState):
    viewset = FaultObjectViewSet


class FaultProductState(ModelState):
    viewset = ProductViewSet


class FaultTaskState(ModelState):
    viewset = TaskViewSet


class FaultAppState(AppState):
    seen: str = ""
    secure: bool = False

    @rx.event
    def look(self) -> None:
        self.seen = current_user().get_username()
        self.secure = current_request().is_secure()

    @rx.event
    async def leave(self) -> None:
        await sync_to_async(django_logout)(self.request)


class FaultCountState(rx.State):
    number: int = 0

    @rx.event
    def add(self) -> None:
        self.number += 1

    @rx.var(cache=False)
    def computed(self) -> int:
        EVALUATIONS.append(self.number)
        return self.number


EVALUATIONS: list[int] = []


class ForbiddenCache(BaseCache):
    """A project's cache may be a database or far away: nothing here may ask it."""

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError("The cache of the project was used.")

    add = get = set = touch = delete = clear = _refuse


@pytest.fixture
def admin() -> Any:
    return get_user_model().objects.create_superuser("root")


@pytest.fixture
def alice() -> Any:
    return get_user_model().objects.create_user("alice")


async def test_permissions_for_a_row_hold_for_reading_changing_and_deleting(
    alice: Any, admin: Any
) -> None:
    theirs = await Task.objects.acreate(owner=admin, title="not hers")
    async with Tab(user=alice) as tab:
        await tab.send(FaultObjectState.set_title("taken over"))
        for event in (
            FaultObjectState.start_edit,
            FaultObjectState.load_row,
            FaultObjectState.update,
            FaultObjectState.delete,
        ):
            await tab.send(event(theirs.pk))
            assert "permission" in tab.get(FaultObjectState, "error")
            assert tab.get(FaultObjectState, "editing_id") is None
    assert (await Task.objects.aget(pk=theirs.pk)).title == "not hers"


@pytest.mark.parametrize("cookies", [{}, {"sessionid": "x" * 32}])
async def test_signing_out_clears_nobodys_cache(cookies: dict[str, str]) -> None:
    await cache.aset("somebody-else", 1)
    async with Tab(cookies=cookies) as tab:
        await tab.send(FaultAppState.leave)
    assert await cache.aget("somebody-else") == 1


async def test_events_do_not_use_the_cache_of_the_project(settings: Any, admin: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": "tests.test_faults.ForbiddenCache"}}
    await Product.objects.acreate(name="Chair", sku="c", price=1)
    async with Tab(user=admin) as tab:
        await tab.send(FaultAppState.look)
        assert tab.get(FaultAppState, "seen") == "root"
        await tab.send(FaultProductState.load)
        assert len(tab.get(FaultProductState, "data")) == 1


async def test_the_session_key_reaches_no_script(admin: Any) -> None:
    key = await sync_to_async(create_session)(admin)
    async with Tab(cookies={"sessionid": key}) as tab:
        await tab.send(FaultAppState.look)
        await tab.send(FaultTaskState.load)
        assert tab.get(FaultAppState, "seen") == "root"
        assert key not in json.dumps([tab.deltas, tab.events])


async def test_no_var_of_this_package_keeps_the_session_key(admin: Any) -> None:
    key = await sync_to_async(create_session)(admin)
    async with Tab(cookies={"sessionid": key}) as tab:
        await tab.send(FaultTaskState.load)
        root = tab.state(rx.State)
        # Reflex itself keeps the headers of the connection there.
        root.router_data, root.router = {}, type(root.router)()
        assert key.encode() not in pickle.dumps(tab.state(FaultTaskState).__getstate__())
        assert key not in str([state.__dict__ for state in root.substates.values()])


async def test_the_name_of_the_session_cookie_is_the_projects(settings: Any, admin: Any) -> None:
    settings.SESSION_COOKIE_NAME = "shop_session"
    key = await sync_to_async(create_session)(admin)
    for name, seen in (("shop_session", "root"), ("sessionid", "")):
        async with Tab(cookies={name: key}) as tab:
            await tab.send(FaultAppState.look)
            assert tab.get(FaultAppState, "seen") == seen
            await tab.send(FaultTaskState.load)
            assert bool(tab.get(FaultTaskState, "error")) == (not seen)


async def test_a_project_that_redirects_to_tls_still_has_events(settings: Any, admin: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    await Product.objects.acreate(name="Chair", sku="c", price=1)
    async with Tab(user=admin, headers={"x-forwarded-proto": "https"}) as tab:
        await tab.send(FaultAppState.look)
        assert tab.get(FaultAppState, "secure") is True
        await tab.send(FaultProductState.load)
        assert len(tab.get(FaultProductState, "data")) == 1


async def test_what_the_model_does_not_take_is_not_stored(admin: Any) -> None:
    async with Tab(user=admin) as tab:
        for field, value in (("name", "x" * 81), ("size", "no choice"), ("price", "1.234")):
            form = {"name": "N", "sku": "s", "price": "1", field: value}
            await tab.send(FaultProductState.create(form))
            assert list(tab.get(FaultProductState, "field_errors")) == [field]
            await tab.send(FaultProductState.cancel_edit)
    assert await Product.objects.acount() == 0


async def test_relations_are_shown_and_saved(admin: Any) -> None:
    category = await Category.objects.acreate(name="Chairs")
    tags = [await Tag.objects.acreate(name=name) for name in "ab"]
    async with Tab(user=admin) as tab:
        form = {"name": "N", "sku": "s", "price": "1", "category": str(category.pk)}
        await tab.send(FaultProductState.save({**form, "tags": [str(tag.pk) for tag in tags]}))
        (row,) = tab.get(FaultProductState, "data")
        assert (row["category"], row["tags"]) == (category.pk, [tag.pk for tag in tags])


async def test_blank_and_null_stay_apart_when_a_row_is_edited(admin: Any) -> None:
    row = await Product.objects.acreate(name="N", sku="s", price=1, stock=None, attrs={"a": [1]})
    async with Tab(user=admin) as tab:
        await tab.send(FaultProductState.start_edit(row.pk))
        await tab.send(FaultProductState.set_active(False))
        await tab.send(FaultProductState.save)
        assert (
            tab.get(FaultProductState, "error"),
            tab.get(FaultProductState, "field_errors"),
        ) == (
            "",
            {},
        )
    await row.arefresh_from_db()
    assert (row.stock, row.released, row.attrs, row.active) == (None, None, {"a": [1]}, False)


async def test_a_page_may_load_a_list_when_it_opens(admin: Any) -> None:
    await Product.objects.acreate(name="Chair", sku="c", price=1)
    # As `on_load=State.load` calls it: without arguments.
    async with Tab() as tab:
        await tab.send(FaultProductState.load)
        assert [row["name"] for row in tab.get(FaultProductState, "data")] == ["Chair"]


async def test_computed_vars_are_not_evaluated_more_often_than_by_reflex() -> None:
    async with Tab() as tab:
        EVALUATIONS.clear()
        await tab.send(FaultCountState.add)
        assert EVALUATIONS == [1]


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (App, "_compile"),
        (App, "_apply_decorated_pages"),
        (BaseState, "__getstate__"),
        (BaseState, "__setattr__"),
        (BaseStateEventProcessor, "_execute_event"),
        (BaseStateEventProcessor, "enqueue"),
        (EventContext, "emit_delta"),
        (EventContext, "emit_event"),
        (rx.page, "__call__"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_nothing_of_reflex_is_patched(owner: Any, name: str) -> None:
    function = getattr(owner, name)
    assert not getattr(function, "__module__", "").startswith("reflex_drf")


def test_nothing_of_django_is_patched(settings: Any) -> None:
    from django.core.handlers.base import BaseHandler
    from django.http import HttpRequest
    from rest_framework.views import APIView

    for owner, name in (
        (BaseHandler, "load_middleware"), (BaseHandler, "get_response"), (HttpRequest, "body"),
        (APIView, "dispatch"), (APIView, "initialize_request"), (APIView, "as_view"),
    ):  # fmt: skip
        value = getattr(owner, name)
        function = getattr(value, "fget", value)
        assert function.__module__.startswith(("django.", "rest_framework."))


def test_the_tests_that_the_page_names_exist() -> None:
    guarded = PAGE.read_text().split("## What is guarded")[1]
    modules = {path.name: path.read_text() for path in TESTS.glob("test_*.py")}
    assert set(re.findall(r"test_\w+\.py", guarded)) <= set(modules)
    everything = "\n".join(modules.values())
    for name in re.findall(r"\b(?:test_\w+|Test\w+)\b(?!\.py)", guarded):
        assert re.search(rf"(?:def|class) {name}\b", everything), name
    for module, name in re.findall(r"(test_\w+\.py)::(\w+)", guarded):
        assert re.search(rf"(?:def|class) {name}\b", modules[module]), name
