"""Hooks: found by Python, hidden from the browser, and called where the ORM may be used."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import reflex as rx
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from rest_framework import serializers

from reflex_drf import bridge
from reflex_drf.errors import ConfigurationError, NoRequestError
from reflex_drf.state.hooks import THREAD_HOOKS, Hook, ModelHooks, hook_names, is_overridden
from reflex_drf.state.model import ModelState
from reflex_drf.state.user import AppState
from reflex_drf.testing import Tab
from tests.shop.models import Category, Task
from tests.shop.views import TaskViewSet


@sync_to_async
def a_user(name: str = "alice") -> Any:
    return get_user_model().objects.create_user(name, password="secret")


class Recording(ModelState):
    viewset = TaskViewSet
    calls: list[str] = []

    def note(self: Any, text: str) -> None:
        raise AssertionError("a handler, replaced below")

    def _note(self, text: str) -> None:
        self.calls = [*self.calls, text]

    def get_queryset(self) -> QuerySet[Task]:
        self._note(f"get_queryset {self.user.username}")
        return super().get_queryset()

    def get_create_kwargs(self, serializer: Any) -> dict[str, Any]:
        # The ORM works here, and the viewset's own owner counts more than this one.
        other = get_user_model().objects.create_user("other")
        return {"owner": other, "done": True}

    def get_update_kwargs(self, serializer: Any) -> dict[str, Any]:
        return {"title": serializer.validated_data["title"] + "!"}

    def clean_title(self, value: str) -> str:
        if Task.objects.filter(title=value).exists():
            raise ValidationError("There is one already.")
        return value.capitalize()

    def validate_state(self, attrs: dict[str, Any]) -> None:
        if attrs.get("title") == "Nothing":
            raise serializers.ValidationError("Say something.")

    def before_save(self, serializer: Any) -> None:
        self._note(f"before_save {serializer.validated_data['title']}")

    def after_save(self, instance: Task) -> None:
        self._note(f"after_save {instance.title} {instance.owner.username} {instance.done}")

    def before_delete(self, instance: Task) -> None:
        if instance.title == "Kept!":
            raise serializers.ValidationError("This one stays.")
        self._note(f"before_delete {instance.title}")

    def after_delete(self, instance: Task) -> None:
        self._note(f"after_delete {instance.title}")


@pytest.mark.django_db(transaction=True)
class TestCalls:
    async def test_creating(self) -> None:
        async with Tab(user=await a_user()) as tab:
            await tab.send(Recording.save({"title": "first"}))
            assert tab.get(Recording, "field_errors") == {}
            assert tab.get(Recording, "calls") == [
                "before_save First",
                "after_save First alice True",
                "get_queryset alice",
            ]
            await tab.send(Recording.save({"title": "First"}))
            assert tab.get(Recording, "field_errors") == {"title": "There is one already."}
            await tab.send(Recording.save({"title": "nothing"}))
            assert tab.get(Recording, "error") == "Say something."

    async def test_updating_and_deleting(self) -> None:
        user = await a_user()
        task = await Task.objects.acreate(owner=user, title="Old")
        async with Tab(user=user) as tab:
            await tab.send(Recording.start_edit(task.pk))
            await tab.send(Recording.set_title("kept"))
            await tab.send(Recording.save)
            assert tab.get(Recording, "data")[0]["title"] == "Kept!"
            await tab.send(Recording.delete(task.pk))
            assert tab.get(Recording, "error") == "This one stays."
            await Task.objects.aupdate(title="Free")
            await tab.send(Recording.delete(task.pk))
            calls = tab.get(Recording, "calls")
            assert calls[-3:-1] == ["before_delete Free", "after_delete Free"]
        assert await Task.objects.acount() == 0

    async def test_thread_and_request_are_those_of_the_call(self) -> None:
        seen: list[Any] = []

        class Located(ModelState):
            viewset = TaskViewSet

            def filter_queryset(self, queryset: QuerySet[Task]) -> QuerySet[Task]:
                seen.append((threading.current_thread(), self.request.path, self.user.username))
                assert self.request is bridge.current_request()
                return queryset

        async with Tab(user=await a_user()) as tab:
            await tab.send(Located.load)
        ((thread, path, name),) = seen
        assert thread is not threading.main_thread()
        assert (path, name) == ("/api/tasks/", "alice")

    async def test_answers_to_refusals_may_be_events_and_async(self) -> None:
        class Asking(ModelState):
            viewset = TaskViewSet

            def on_not_authenticated(self, reply: Any) -> Any:
                return rx.redirect("/login")

        class Denying(ModelState):
            model = Category
            fields = ["name"]
            permission_classes = TaskViewSet.permission_classes
            denied: int = 0

            async def on_not_authenticated(self, reply: Any) -> Any:
                self.denied = reply.status
                return rx.toast.error("Please sign in.")

        async with Tab() as tab:
            await tab.send(Asking.load)
            assert "/login" in str(tab.events)
            await tab.send(Denying.load)
            assert tab.get(Denying, "denied") in (401, 403)
            assert "sign in" in str(tab.events)

    async def test_a_plain_mixin_carries_hooks_too(self) -> None:
        class OnlyDone:
            def filter_queryset(self, queryset: QuerySet[Task]) -> QuerySet[Task]:
                return super().filter_queryset(queryset).filter(done=True)  # type: ignore[misc]

        class DoneState(OnlyDone, ModelState):
            viewset = TaskViewSet

        user = await a_user()
        await Task.objects.acreate(owner=user, title="A")
        await Task.objects.acreate(owner=user, title="B", done=True)
        async with Tab(user=user) as tab:
            await tab.send(DoneState.load)
            assert [row["title"] for row in tab.get(DoneState, "data")] == ["B"]

    async def test_hooks_of_a_subclass_reach_those_of_its_base(self) -> None:
        class Below(Recording):
            def before_save(self, serializer: Any) -> None:
                super().before_save(serializer)
                self._note("below")

        async with Tab(user=await a_user()) as tab:
            await tab.send(Below.save({"title": "first"}))
            assert tab.get(Below, "calls")[:2] == ["before_save First", "below"]
            assert tab.get(Recording, "calls") == []


class AbstractBase(ModelState):
    class Meta:
        abstract = True

    visits: int = 0

    @rx.event
    async def visit(self) -> Any:
        self.visits += 1
        return await self.load()

    def clean_title(self, value: str) -> str:
        return value.strip("!")


class MixinBase(ModelState, mixin=True):
    def clean_title(self, value: str) -> str:
        return value.strip("?")


class ComputingBase(ModelState):
    class Meta:
        abstract = True
        list_var = "tasks"

    @rx.var
    def titles(self) -> list[str]:
        return [row["title"] for row in self.tasks]


class ComputingBelow(ComputingBase):
    class Meta(ComputingBase.Meta):
        abstract = True


class FirstOfComputing(ComputingBase):
    viewset = TaskViewSet


class SecondOfComputing(ComputingBelow):
    viewset = TaskViewSet

    class Meta(ComputingBelow.Meta):
        ordering = ["-title"]


class FirstOfAbstract(AbstractBase):
    viewset = TaskViewSet


class SecondOfAbstract(AbstractBase):
    viewset = TaskViewSet


class OfMixin(MixinBase, ModelState):
    viewset = TaskViewSet


@pytest.mark.django_db(transaction=True)
class TestAbstractBases:
    async def test_their_hooks_vars_and_handlers_are_the_subclasses_own(self) -> None:
        async with Tab(user=await a_user()) as tab:
            await tab.send(FirstOfAbstract.save({"title": "quiet!!"}))
            await tab.send(FirstOfAbstract.visit)
            assert tab.get(FirstOfAbstract, "data")[0]["title"] == "quiet"
            assert (tab.get(FirstOfAbstract, "visits"), tab.get(SecondOfAbstract, "visits")) == (
                1,
                0,
            )
            await tab.send(OfMixin.save({"title": "really??"}))
            assert [row["title"] for row in tab.get(OfMixin, "data")] == ["quiet", "really"]

    async def test_their_computed_vars_are_those_of_the_classes_below(self) -> None:
        async with Tab(user=await a_user()) as tab:
            for title in "AB":
                await tab.send(FirstOfComputing.save({"title": title}))
            await tab.send(SecondOfComputing.load)
            assert tab.seen(FirstOfComputing, "titles") == ["A", "B"]
            # Derived from the `Meta` of an abstract class, and with its options, it is not one.
            assert tab.seen(SecondOfComputing, "titles") == ["B", "A"]

    @pytest.mark.parametrize("state", [AbstractBase, FirstOfAbstract, OfMixin])
    def test_their_hooks_are_no_entry_points(self, state: Any) -> None:
        assert "clean_title" not in state.event_handlers


class TestDescriptor:
    def test_a_hook_is_a_method_and_no_function(self) -> None:
        hook = Recording.__dict__["before_save"]
        assert isinstance(hook, Hook)
        assert not callable(hook)
        assert callable(Recording.before_save)
        assert "before_save" not in Recording.event_handlers

    def test_other_methods_stay_handlers(self) -> None:
        assert "note" in Recording.event_handlers

    def test_every_public_method_of_the_bases_is_known_as_a_hook(self) -> None:
        names = hook_names(ModelState.__mro__)
        assert names >= THREAD_HOOKS
        assert {"get_options", "refresh_list", "remove_list_row", "get_url_kwargs"} <= names
        assert not {"load", "save", "delete", "filter"} & names

    def test_overriding_is_noticed(self) -> None:
        assert is_overridden(Recording, "before_save")
        assert not is_overridden(Recording, "get_url_kwargs")
        assert not is_overridden(ModelHooks, "before_save")

    def test_no_helper_is_called_like_a_setter(self) -> None:
        operations = {"set_search", "set_ordering", "set_page_size"}
        public = {name for klass in ModelState.__mro__ for name in vars(klass)}
        ours = {name for name in public if name.startswith("set_")} - operations
        assert ours <= {"set_is_hydrated"}


class TestErrors:
    @pytest.mark.parametrize("name", sorted(THREAD_HOOKS | {"clean_title"}))
    def test_a_hook_of_the_thread_cannot_be_async(self, name: str) -> None:
        async def hook(self: Any, *args: Any) -> None: ...

        with pytest.raises(ConfigurationError, match=rf"AsyncState\.{name}\(\) is async"):
            type(ModelState)(
                "AsyncState",
                (ModelState,),
                {"viewset": TaskViewSet, name: hook, "__module__": "tests"},
            )

    def test_cleaning_no_field_is_a_mistake(self) -> None:
        with pytest.raises(ConfigurationError, match=r"clean_titel\(\).*mean 'clean_title'"):

            class Mistyped(ModelState):
                viewset = TaskViewSet

                def clean_titel(self, value: str) -> str:
                    return value

    def test_a_handler_of_a_parent_state_is_no_hook(self) -> None:
        class Exposed(AppState):
            def before_save(self, serializer: Any) -> None: ...

        with pytest.raises(ConfigurationError, match=r"Exposed\.before_save\(\) is an event"):

            class Using(Exposed, ModelState):
                viewset = TaskViewSet

    def test_the_queryset_is_only_there_while_a_view_is_called(self) -> None:
        with pytest.raises(NoRequestError, match="get_scoped_queryset"):
            ModelHooks().get_queryset()
