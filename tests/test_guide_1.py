"""Page 1 of the guide, "State Management": plain states with helpers, and the state helpers."""

from __future__ import annotations

from importlib import import_module

import pytest
import reflex as rx
from django.conf import settings
from django.contrib.auth.models import Group, User

from reflex_drf import DjangoUserState
from reflex_drf.state import AppState
from reflex_drf.testing import Tab
from tests.guide.frontend.states.dashboard import DashboardState
from tests.guide.frontend.states.navbar import NavbarState, navbar
from tests.guide.frontend.states.tasks import TaskState
from tests.guide.helpers import create_user, render, toasts
from tests.guide.shop.models import Task

pytestmark = pytest.mark.django_db(transaction=True)


async def titles() -> list[str]:
    return [task.title async for task in Task.objects.order_by("pk")]


class TestTaskState:
    async def test_refresh_lists_own_tasks_newest_first(self) -> None:
        ann, bob = await create_user("ann"), await create_user("bob")
        for owner, title in ((ann, "first"), (bob, "hidden"), (ann, "second")):
            await Task.objects.acreate(owner=owner, title=title)
        async with Tab(user=ann) as tab:
            await tab.send(TaskState.refresh_tasks)
            rows = tab.seen(TaskState, "tasks")
            assert [row["title"] for row in rows] == ["second", "first"]
            assert set(rows[0]) == {"id", "title", "done", "created_at"}
            assert isinstance(rows[0]["created_at"], str)
            assert tab.get(TaskState, "error_message") == ""

    async def test_refresh_asks_an_anonymous_viewer_to_sign_in(self) -> None:
        async with Tab() as tab:
            await tab.send(TaskState.refresh_tasks)
            assert tab.seen(TaskState, "error_message") == "Please sign in to view your tasks."
            assert tab.get(TaskState, "tasks") == []

    async def test_add_stores_the_task_and_reloads(self) -> None:
        ann = await create_user("ann")
        async with Tab(user=ann) as tab:
            tab.state(TaskState).new_title = "  buy milk "
            await tab.send(TaskState.add_task)
            task = await Task.objects.aget()
            assert (task.title, task.done, task.owner_id) == ("buy milk", False, ann.pk)
            assert tab.seen(TaskState, "new_title") == ""
            assert [row["title"] for row in tab.seen(TaskState, "tasks")] == ["buy milk"]

    async def test_add_refuses_a_blank_title(self) -> None:
        async with Tab(user=await create_user("ann")) as tab:
            await tab.send(TaskState.add_task)
            assert tab.seen(TaskState, "error_message") == "Task title cannot be blank."
            assert await titles() == []

    async def test_add_refuses_an_anonymous_viewer(self) -> None:
        async with Tab() as tab:
            tab.state(TaskState).new_title = "buy milk"
            await tab.send(TaskState.add_task)
            assert tab.seen(TaskState, "error_message").startswith("Failed to save task: ")
            assert await titles() == []

    async def test_toggle_turns_the_task_over_and_back(self) -> None:
        ann = await create_user("ann")
        task = await Task.objects.acreate(owner=ann, title="buy milk")
        async with Tab(user=ann) as tab:
            for done in (True, False):
                await tab.send(TaskState.toggle_task(task.pk))
                await task.arefresh_from_db()
                assert task.done is done
                assert tab.seen(TaskState, "tasks")[0]["done"] is done

    async def test_toggle_leaves_the_task_of_another_user_alone(self) -> None:
        task = await Task.objects.acreate(owner=await create_user("ann"), title="buy milk")
        async with Tab(user=await create_user("bob")) as tab:
            await tab.send(TaskState.toggle_task(task.pk))
            message = "Failed to update task: Task matching query does not exist."
            assert tab.seen(TaskState, "error_message") == message
        await task.arefresh_from_db()
        assert task.done is False

    async def test_delete_removes_the_task(self) -> None:
        ann = await create_user("ann")
        task = await Task.objects.acreate(owner=ann, title="buy milk")
        await Task.objects.acreate(owner=ann, title="stays")
        async with Tab(user=ann) as tab:
            await tab.send(TaskState.delete_task(task.pk))
            assert [row["title"] for row in tab.seen(TaskState, "tasks")] == ["stays"]
        assert await titles() == ["stays"]

    async def test_delete_leaves_the_task_of_another_user_alone(self) -> None:
        task = await Task.objects.acreate(owner=await create_user("ann"), title="buy milk")
        async with Tab(user=await create_user("bob")) as tab:
            await tab.send(TaskState.delete_task(task.pk))
            assert "does not exist" in tab.seen(TaskState, "error_message")
        assert await titles() == ["buy milk"]


class TestNavbarState:
    async def test_shows_who_is_logged_in(self) -> None:
        ann = await create_user("ann")
        await ann.groups.aadd(await Group.objects.acreate(name="buyers"))
        async with Tab(user=ann) as tab:
            await tab.send(TaskState.refresh_tasks)
            shown = {
                name: tab.seen(DjangoUserState, name)
                for name in ("is_authenticated", "username", "email", "group_names")
            }
            assert shown == {
                "is_authenticated": True,
                "username": "ann",
                "email": "ann@example.com",
                "group_names": ["buyers"],
            }
            assert tab.get(NavbarState, "username") == "ann"

    async def test_an_anonymous_viewer_is_not_authenticated(self) -> None:
        async with Tab() as tab:
            await tab.send(TaskState.refresh_tasks)
            assert tab.get(NavbarState, "is_authenticated") is False
            assert tab.get(NavbarState, "username") == ""

    def test_navbar_compiles_with_both_faces(self) -> None:
        code = render(navbar)
        for part in ("My Shop", "Logged in as: ", "Log out", "Sign in", "is_authenticated"):
            assert part in code


class PrintedDashboardState(AppState):
    """The toast as the page prints it: made, but not handed to Reflex."""

    @rx.event
    async def announce(self) -> None:
        rx.toast.info("Theme updated. User is staff.")


class TestDashboardState:
    async def theme(self, tab: Tab) -> str:
        store = import_module(settings.SESSION_ENGINE).SessionStore
        session = store(tab.cookies[settings.SESSION_COOKIE_NAME])
        return str(await session.aget("theme"))

    async def test_toggle_writes_the_session_and_tells_staff(self) -> None:
        async with Tab(user=await create_user("ann", is_staff=True)) as tab:
            for theme in ("dark", "light"):
                tab.clear()
                await tab.send(DashboardState.toggle_theme)
                assert await self.theme(tab) == theme
                assert "Theme updated. User is staff." in toasts(tab)

    async def test_toggle_says_nothing_to_others(self) -> None:
        async with Tab(user=await create_user("ann")) as tab:
            await tab.send(DashboardState.toggle_theme)
            assert await self.theme(tab) == "dark"
            assert toasts(tab) == ""

    async def test_a_toast_that_is_not_returned_is_not_shown(self) -> None:
        async with Tab(user=await create_user("ann", is_staff=True)) as tab:
            await tab.send(PrintedDashboardState.announce)
            assert toasts(tab) == ""

    async def test_user_is_the_account_of_now(self) -> None:
        ann = await create_user("ann")
        async with Tab(user=ann) as tab:
            await User.objects.filter(pk=ann.pk).aupdate(is_staff=True)
            await tab.send(DashboardState.toggle_theme)
            assert "User is staff." in toasts(tab)
