"""A plain `rx.State` that asks Django who the user is and talks to the ORM."""

from __future__ import annotations

import reflex as rx
from reflex_drf import current_user, require_login_user
from reflex_drf.errors import NotAuthenticatedError
from reflex_drf.serializers import ReflexDjangoModelSerializer

from shop.models import Task


class TaskRowSerializer(ReflexDjangoModelSerializer):
    class Meta:
        model = Task
        fields = ("id", "title", "done", "created_at")


class TaskState(rx.State):
    tasks: list[dict] = []
    new_title: str = ""
    error_message: str = ""
    loaded: bool = False

    @rx.var
    def open_count(self) -> int:
        return sum(not task["done"] for task in self.tasks)

    @rx.event
    def set_new_title(self, value: str):
        self.new_title = value

    @rx.event
    async def refresh_tasks(self):
        """Load the tasks of the signed-in user."""
        self.tasks = []
        if current_user().is_authenticated:
            await self._load()
        self.loaded = True

    @rx.event
    async def add_task(self):
        """Create a task and read the list again."""
        self.error_message = ""
        title = self.new_title.strip()
        if not title:
            self.error_message = "A task needs a title."
            return
        try:
            user = require_login_user()
        except NotAuthenticatedError:
            self.error_message = "Sign in to add a task."
            return
        await Task.objects.acreate(owner=user, title=title[:200])
        self.new_title = ""
        await self._load()

    @rx.event
    async def toggle_task(self, task_id: int):
        """Turn a task of one's own from open to done or back."""
        async for task in self._own().filter(pk=task_id):
            task.done = not task.done
            await task.asave(update_fields=["done"])
        await self._load()

    @rx.event
    async def delete_task(self, task_id: int):
        """Delete a task of one's own."""
        await self._own().filter(pk=task_id).adelete()
        await self._load()

    def _own(self):
        return Task.objects.filter(owner=require_login_user())

    async def _load(self):
        self.tasks = await TaskRowSerializer(self._own(), many=True).adata()
