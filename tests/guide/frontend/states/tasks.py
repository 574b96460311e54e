# frontend/states/tasks.py
import reflex as rx
from reflex_drf import current_user, require_login_user
from tests.guide.shop.models import Task
from tests.guide.shop.serializers import TaskSerializer

class TaskState(rx.State):
    tasks: list[dict] = []
    new_title: str = ""
    error_message: str = ""

    @rx.event
    async def refresh_tasks(self):
        """Loads tasks scoped to the authenticated user."""
        self.error_message = ""
        try:
            # Enforce that a user session is active on the socket request
            user = require_login_user()

            # Fetch tasks using Django's async ORM capabilities
            queryset = Task.objects.filter(owner=user).order_by("-created_at")

            # Convert model results to JSON-safe dictionary structures
            self.tasks = await TaskSerializer(queryset, many=True).adata()
        except Exception as e:
            self.error_message = "Please sign in to view your tasks."
            self.tasks = []

    @rx.event
    async def add_task(self):
        """Creates a new task and reloads the active list."""
        self.error_message = ""
        title = self.new_title.strip()

        if not title:
            self.error_message = "Task title cannot be blank."
            return

        try:
            user = require_login_user()

            # Create a database record asynchronously
            await Task.objects.acreate(owner=user, title=title, done=False)

            self.new_title = ""
            await self.refresh_tasks()
        except Exception as e:
            self.error_message = f"Failed to save task: {str(e)}"

    @rx.event
    async def toggle_task(self, task_id: int):
        """Toggles the completion status of a task."""
        try:
            user = require_login_user()

            # Retrieve instance asynchronously
            task = await Task.objects.aget(pk=task_id, owner=user)
            task.done = not task.done

            # Save updates asynchronously
            await task.asave()
            await self.refresh_tasks()
        except Exception as e:
            self.error_message = f"Failed to update task: {str(e)}"

    @rx.event
    async def delete_task(self, task_id: int):
        """Deletes a task record."""
        try:
            user = require_login_user()
            task = await Task.objects.aget(pk=task_id, owner=user)

            # Delete record asynchronously
            await task.adelete()
            await self.refresh_tasks()
        except Exception as e:
            self.error_message = f"Failed to delete task: {str(e)}"
