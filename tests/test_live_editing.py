"""The row under edit: conflicts with what others write, and who else has it open."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import reflex as rx
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model, logout
from django.contrib.auth.models import Permission
from django.http import HttpRequest
from rest_framework import permissions, serializers, viewsets
from rest_framework.throttling import SimpleRateThrottle

from reflex_drf.errors import ConfigurationError
from reflex_drf.live import LiveListMixin, notify, others
from reflex_drf.live.notices import Outbox, notices
from reflex_drf.live.openrows import OpenRows
from reflex_drf.state import ModelListView, ModelState
from reflex_drf.state.user import AppState
from reflex_drf.testing import Tab, Worker
from tests.counting import count_queries
from tests.living import QUICK, Cable, until
from tests.shop.models import Note, Product, Tag, Task
from tests.shop.views import ProductViewSet, TaskViewSet
from tests.test_http_state import RemoteApi

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("quick")]
User = get_user_model()


class NoteSerializer(serializers.ModelSerializer[Note]):
    # Differs at every look, as a signed address does.
    link = serializers.SerializerMethodField()
    looks = 0

    class Meta:
        model = Note
        fields = ["id", "text", "pinned", "link"]

    def get_link(self, note: Note) -> str:
        NoteSerializer.looks += 1
        return f"/notes/{note.pk}?signature={NoteSerializer.looks}"


class NoteViewSet(viewsets.ModelViewSet[Note]):
    queryset = Note.objects.all()
    serializer_class = NoteSerializer
    permission_classes = [permissions.DjangoModelPermissions]

    def perform_update(self, serializer: Any) -> None:
        serializer.save(updated_by=self.request.user)


class EditedNoteState(LiveListMixin, ModelState):
    viewset = NoteViewSet


class StayingNoteState(LiveListMixin, ModelState):
    """Its form stays on what it has saved."""

    viewset = NoteViewSet
    reset_after_save = False


class QuietNoteState(LiveListMixin, ModelState):
    viewset = NoteViewSet
    show_presence = False


class EditedTaskState(LiveListMixin, ModelState):
    viewset = TaskViewSet


class EditedProductState(ModelState, LiveListMixin):
    """The mixin may come last."""

    viewset = ProductViewSet


class BusyNoteViewSet(NoteViewSet):
    busy = 0

    def retrieve(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().retrieve(request, *args, **kwargs)
        if BusyNoteViewSet.busy:
            BusyNoteViewSet.busy -= 1
            response.status_code = 503
        return response


class BusyNoteState(LiveListMixin, ModelState):
    viewset = BusyNoteViewSet


class RemoteTaskState(LiveListMixin, ModelState):
    viewset = TaskViewSet
    backend_class = RemoteApi


class OwnedProductState(LiveListMixin, ModelState):
    viewset = ProductViewSet
    modified_by_field = "owner"


class EditingBudget(SimpleRateThrottle):
    rate = "4/hour"

    def get_cache_key(self, request: Any, view: Any) -> str:
        return "editing-budget"


class BudgetViewSet(NoteViewSet):
    throttle_classes = [EditingBudget]


class BudgetNoteState(LiveListMixin, ModelState):
    viewset = BudgetViewSet


class ReadNotes(AppState, ModelListView, LiveListMixin):
    viewset = NoteViewSet


@pytest.fixture
async def root() -> Any:
    return await User.objects.acreate_superuser("root", first_name="Ruth", last_name="Root")


@pytest.fixture
async def tab(root: Any) -> AsyncIterator[Tab]:
    async with Tab(root) as tab:
        yield tab


async def open_note(tab: Tab, note: Any, state: Any = EditedNoteState) -> None:
    await tab.send(state.live_subscribe)
    await tab.send(state.start_edit(note.pk))
    await tab.worker.settle()


async def stored(note: Note) -> str:
    return (await Note.objects.aget(pk=note.pk)).text


class TestConflict:
    async def test_a_change_by_another_is_said_and_by_whom(self, tab: Tab) -> None:
        alice = await User.objects.acreate_user("alice", first_name="Alice", last_name="Ames")
        note = await Note.objects.acreate(text="first")
        await open_note(tab, note)
        assert tab.get(EditedNoteState, "editing_conflict") == ""
        note.text, note.updated_by = "second", alice
        await note.asave()
        await tab.worker.settle()
        assert tab.seen(EditedNoteState, "editing_conflict") == "changed"
        assert tab.seen(EditedNoteState, "editing_conflict_by") == "Alice Ames"
        # What is being typed stays as it is.
        assert tab.get(EditedNoteState, "text") == "first"

    async def test_a_deleted_row_is_said(self, tab: Tab) -> None:
        note = await Note.objects.acreate(text="first")
        await open_note(tab, note)
        await note.adelete()
        await tab.worker.settle()
        assert tab.seen(EditedNoteState, "editing_conflict") == "deleted"
        assert tab.get(EditedNoteState, "text") == "first"

    async def test_a_row_that_leaves_the_scope_is_gone_and_nobody_is_named(self) -> None:
        alice = await User.objects.acreate_user("alice")
        bob = await User.objects.acreate_user("bob")
        task = await Task.objects.acreate(owner=alice, title="mine")
        async with Tab(alice) as tab:
            await open_note(tab, task, EditedTaskState)
            task.owner, task.title = bob, "secret"
            await task.asave()
            await tab.worker.settle()
            assert tab.seen(EditedTaskState, "editing_conflict") == "deleted"
            assert tab.get(EditedTaskState, "editing_conflict_by") == ""
            assert "secret" not in repr(tab.deltas)

    async def test_a_revoked_permission_ends_it_with_the_next_delivery(self) -> None:
        alice = await User.objects.acreate_user("alice")
        permission = await Permission.objects.aget(codename="change_note")
        await alice.user_permissions.aadd(permission)

        class StrictNotes(permissions.DjangoModelPermissions):
            perms_map = {**permissions.DjangoModelPermissions.perms_map} | {
                "GET": ["%(app_label)s.change_%(model_name)s"]
            }

        class StrictNoteViewSet(NoteViewSet):
            permission_classes = [StrictNotes]

        class StrictNoteState(LiveListMixin, ModelState):
            viewset = StrictNoteViewSet

        note = await Note.objects.acreate(text="first", updated_by=alice)
        async with Tab(alice) as tab:
            await open_note(tab, note, StrictNoteState)
            await alice.user_permissions.aremove(permission)
            await Note.objects.filter(pk=note.pk).aupdate(text="secret")
            await sync_to_async(notify)(note)
            await tab.worker.settle()
            assert tab.get(StrictNoteState, "editing_conflict") == "deleted"
            assert tab.get(StrictNoteState, "editing_conflict_by") == ""
            assert "secret" not in repr(tab.deltas)

    async def test_another_row_is_no_conflict_nor_what_no_column_holds(self, tab: Tab) -> None:
        note, other = await Note.objects.acreate(text="a"), await Note.objects.acreate(text="b")
        await open_note(tab, note)
        other.text = "c"
        await other.asave()
        # Saved as it is: its link alone shows otherwise.
        await note.asave()
        await tab.worker.settle()
        assert tab.get(EditedNoteState, "editing_conflict") == ""
        assert [row["text"] for row in tab.seen(EditedNoteState, "data")] == ["a", "c"]

    async def test_a_change_that_is_taken_back_is_none(self, tab: Tab) -> None:
        note = await Note.objects.acreate(text="first")
        await open_note(tab, note)
        for text, conflict in (("second", "changed"), ("first", "")):
            note.text = text
            await note.asave()
            await tab.worker.settle()
            assert tab.seen(EditedNoteState, "editing_conflict") == conflict

    async def test_relations_count_in_whatever_order(self, tab: Tab) -> None:
        chair = await Product.objects.acreate(name="Chair", sku="a", price=1)
        oak, red = await Tag.objects.acreate(name="oak"), await Tag.objects.acreate(name="red")
        await chair.tags.aset([oak, red])
        await open_note(tab, chair, EditedProductState)
        await chair.tags.aset([])
        await chair.tags.aset([red, oak])
        await tab.worker.settle()
        assert tab.get(EditedProductState, "editing_conflict") == ""
        await chair.tags.aremove(oak)
        await tab.worker.settle()
        assert tab.get(EditedProductState, "editing_conflict") == "changed"

    async def test_the_tabs_own_save_is_none(self, tab: Tab) -> None:
        note = await Note.objects.acreate(text="first")
        await open_note(tab, note, StayingNoteState)
        for text in ("second", "third"):
            await tab.send(StayingNoteState.save({"text": text}))
            await tab.worker.settle()
            assert await stored(note) == text
            assert tab.get(StayingNoteState, "editing_conflict") == ""
        await tab.send(StayingNoteState.cancel_edit)
        await tab.send(StayingNoteState.save({"text": "new"}))
        # A form that stays on a new row knows that row from then on.
        new = await Note.objects.aget(text="new")
        await Note.objects.filter(pk=new.pk).aupdate(pinned=True)
        await sync_to_async(notify)(new)
        await tab.worker.settle()
        await Note.objects.filter(pk=new.pk).aupdate(text="newer")
        await sync_to_async(notify)(new)
        await tab.worker.settle()
        assert tab.get(StayingNoteState, "editing_conflict") == "changed"

    @pytest.mark.parametrize("way", ["create", "update", "overwrite"])
    async def test_a_form_that_goes_over_to_another_row_is_about_that_one(
        self, way: str, tab: Tab
    ) -> None:
        note, other = await Note.objects.acreate(text="a"), await Note.objects.acreate(text="b")
        await open_note(tab, note, StayingNoteState)
        if way == "create":
            await tab.send(StayingNoteState.create({"text": "new"}))
        elif way == "update":
            await tab.send(StayingNoteState.update(other.pk))
        else:
            await note.adelete()
            await tab.worker.settle()
            await tab.send(StayingNoteState.overwrite)
        await tab.worker.settle()
        shown = await Note.objects.alast()
        assert shown is not None
        assert tab.get(StayingNoteState, "editing_id") == shown.pk
        for text, conflict in ((shown.text, ""), ("changed", "changed")):
            shown.text = text
            await shown.asave()
            await tab.worker.settle()
            assert tab.get(StayingNoteState, "editing_conflict") == conflict

    async def test_a_page_that_connects_again_looks_again(self, tab: Tab) -> None:
        note = await Note.objects.acreate(text="first")
        await open_note(tab, note)
        # Nobody has said so, or nobody could hear it.
        await Note.objects.filter(pk=note.pk).aupdate(text="second")
        await tab.reconnect()
        await tab.send(EditedNoteState.live_subscribe)
        assert tab.get(EditedNoteState, "editing_conflict") == "changed"

    async def test_what_the_api_could_not_answer_is_asked_again(self, tab: Tab) -> None:
        note = await Note.objects.acreate(text="first")
        await open_note(tab, note, BusyNoteState)
        BusyNoteViewSet.busy = 2
        note.text = "second"
        await note.asave()
        await tab.worker.settle()
        assert BusyNoteViewSet.busy == 0
        assert tab.get(BusyNoteState, "editing_conflict") == "changed"

    async def test_over_http_it_asks_as_well(self, tab: Tab) -> None:
        task = await Task.objects.acreate(owner=await User.objects.aget(), title="first")
        await tab.send(RemoteTaskState.start_edit(task.pk))
        assert tab.get(RemoteTaskState, "_editing_pk") == str(task.pk)
        await tab.send(RemoteTaskState.save({"title": "mine"}))
        assert (await Task.objects.aget()).title == "mine"
        await tab.send(RemoteTaskState.start_edit(task.pk))
        await Task.objects.aupdate(title="second")
        await tab.send(RemoteTaskState.save({"title": "mine again"}))
        assert (await Task.objects.aget()).title == "second"
        assert tab.get(RemoteTaskState, "overwrite_asked") is True
        await tab.send(RemoteTaskState.overwrite)
        assert (await Task.objects.aget()).title == "mine again"

    async def test_a_reader_has_nothing_of_it(self) -> None:
        assert not hasattr(ReadNotes, "editing_conflict")
        assert "overwrite" not in ReadNotes.event_handlers


class TestSavingOver:
    async def test_it_asks_first_and_then_overwrites(self, tab: Tab) -> None:
        note = await Note.objects.acreate(text="first")
        await open_note(tab, note)
        note.text = "second"
        await note.asave()
        await tab.worker.settle()
        await tab.send(EditedNoteState.save({"text": "mine"}))
        assert await stored(note) == "second"
        assert tab.seen(EditedNoteState, "overwrite_asked") is True
        assert tab.get(EditedNoteState, "editing_id") == note.pk
        assert "changed this while you were editing" in tab.get(EditedNoteState, "error")
        assert tab.get(EditedNoteState, "refusal") == "outdated"
        await tab.send(EditedNoteState.overwrite)
        assert await stored(note) == "mine"
        for name, value in {
            "overwrite_asked": False,
            "editing_conflict": "",
            "editing_id": None,
            "error": "",
            "refusal": "",
        }.items():
            assert tab.get(EditedNoteState, name) == value

    async def test_it_asks_also_before_any_message_has_come(self, tab: Tab, root: Any) -> None:
        note = await Note.objects.acreate(text="first")
        # An update sends no signal, so no message will ever come.
        await tab.send(EditedNoteState.start_edit(note.pk))
        await Note.objects.filter(pk=note.pk).aupdate(text="second", updated_by=root)
        await tab.send(EditedNoteState.save({"text": "mine"}))
        assert await stored(note) == "second"
        assert tab.get(EditedNoteState, "editing_conflict") == "changed"
        assert tab.get(EditedNoteState, "editing_conflict_by") == "Ruth Root"
        assert tab.get(EditedNoteState, "overwrite_asked") is True

    async def test_update_by_key_asks_for_the_row_under_edit(self, tab: Tab) -> None:
        note = await Note.objects.acreate(text="first")
        await tab.send(EditedNoteState.start_edit(note.pk))
        await Note.objects.filter(pk=note.pk).aupdate(text="second")
        await tab.send(EditedNoteState.update(str(note.pk)))
        assert await stored(note) == "second"
        assert tab.get(EditedNoteState, "overwrite_asked") is True

    async def test_reload_edit_takes_over_what_is_stored(self, tab: Tab) -> None:
        note = await Note.objects.acreate(text="first")
        await open_note(tab, note)
        note.text = "second"
        await note.asave()
        await tab.worker.settle()
        await tab.send(EditedNoteState.save({"text": "mine"}))
        await tab.send(EditedNoteState.reload_edit)
        assert tab.get(EditedNoteState, "text") == "second"
        assert tab.get(EditedNoteState, "editing_conflict") == ""
        assert tab.get(EditedNoteState, "overwrite_asked") is False
        await tab.send(EditedNoteState.save({"text": "third"}))
        assert await stored(note) == "third"

    async def test_a_row_that_is_gone_is_made_anew(self, tab: Tab) -> None:
        note = await Note.objects.acreate(text="first")
        await open_note(tab, note)
        await Note.objects.all().adelete()
        await tab.send(EditedNoteState.save({"text": "mine"}))
        assert tab.get(EditedNoteState, "editing_conflict") == "deleted"
        assert tab.get(EditedNoteState, "overwrite_asked") is True
        assert not await Note.objects.aexists()
        await tab.send(EditedNoteState.overwrite)
        assert [note.text async for note in Note.objects.all()] == ["mine"]
        assert tab.get(EditedNoteState, "editing_id") is None

    async def test_a_refused_overwrite_says_why_and_asks_again(self, tab: Tab) -> None:
        note = await Note.objects.acreate(text="first")
        await tab.send(EditedNoteState.start_edit(note.pk))
        await Note.objects.filter(pk=note.pk).aupdate(text="second")
        await tab.send(EditedNoteState.save({"text": ""}))
        await tab.send(EditedNoteState.overwrite)
        assert await stored(note) == "second"
        assert tab.get(EditedNoteState, "field_errors")["text"]
        assert tab.get(EditedNoteState, "refusal") == ""
        assert tab.get(EditedNoteState, "editing_conflict") == "changed"

    async def test_an_upload_asks_too_and_says_that_the_file_is_not_kept(self, tab: Tab) -> None:
        chair = await Product.objects.acreate(name="Chair", sku="a", price=1)
        await tab.send(EditedProductState.start_edit(chair.pk))
        await Product.objects.filter(pk=chair.pk).aupdate(price=2)
        await tab.upload(EditedProductState.upload_photo, [upload_file()])
        assert tab.get(EditedProductState, "overwrite_asked") is True
        assert tab.get(EditedProductState, "refusal") == "outdated"
        assert tab.get(EditedProductState, "field_errors") == {
            "photo": "Send the file again once that is settled."
        }
        await chair.arefresh_from_db()
        assert not chair.photo

    async def test_it_asks_in_the_language_of_the_viewer(self, root: Any) -> None:
        note = await Note.objects.acreate(text="first")
        async with Tab(root, headers={"accept-language": "de"}) as tab:
            await tab.send(EditedNoteState.start_edit(note.pk))
            await Note.objects.filter(pk=note.pk).aupdate(text="second", updated_by=root)
            await tab.send(EditedNoteState.save({"text": "mine"}))
            assert tab.get(EditedNoteState, "error").startswith("Ruth Root hat dies")

    async def test_nothing_is_overwritten_where_nothing_is_edited(self, tab: Tab) -> None:
        await Note.objects.acreate(text="first")
        tab.state(EditedNoteState).text = "mine"
        await tab.send(EditedNoteState.overwrite)
        await tab.send(EditedNoteState.reload_edit)
        assert [note.text async for note in Note.objects.all()] == ["first"]

    async def test_the_look_before_a_save_is_one_query_and_nothing_of_the_budget(
        self, tab: Tab
    ) -> None:
        from django.core.cache import cache

        note = await Note.objects.acreate(text="first")
        await cache.adelete("editing-budget")
        await tab.send(BudgetNoteState.start_edit(note.pk))
        with count_queries() as queries:
            await tab.send(BudgetNoteState.save({"text": "second"}))
        # Session, user; the look; the row, its update; count, rows.
        assert len(queries) == 7
        # One for the form, two for the save and its list: one of four is left.
        await tab.send(BudgetNoteState.load)
        assert tab.get(BudgetNoteState, "error") == ""
        await tab.send(BudgetNoteState.load)
        assert tab.get(BudgetNoteState, "error") != ""


class TestModifier:
    def test_a_field_that_does_not_exist_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match=r"Typo.modified_by_field is 'updated_bye'"):

            class Typo(LiveListMixin, ModelState):
                viewset = NoteViewSet
                modified_by_field = "updated_bye"

    async def test_the_field_may_be_chosen(self, tab: Tab) -> None:
        alice = await User.objects.acreate_user("alice")
        chair = await Product.objects.acreate(name="Chair", sku="a", price=1, owner=alice)
        await tab.send(OwnedProductState.start_edit(chair.pk))
        await Product.objects.filter(pk=chair.pk).aupdate(price=2)
        await tab.send(OwnedProductState.save())
        assert tab.get(OwnedProductState, "editing_conflict_by") == "alice"


class TestPresence:
    async def test_those_with_the_same_row_open_see_each_other(self, root: Any) -> None:
        bob = await User.objects.acreate_superuser("bob")
        note, other = await Note.objects.acreate(text="a"), await Note.objects.acreate(text="b")
        async with Worker() as worker, Tab(root) as mine, Tab(root) as again, Tab(bob) as his:
            await mine.send(EditedNoteState.start_edit(note.pk))
            await again.send(EditedNoteState.start_edit(note.pk))
            assert mine.get(EditedNoteState, "presence") == []
            # The same row in another form is the same row.
            await his.send(StayingNoteState.start_edit(note.pk))
            await worker.settle()
            assert his.seen(StayingNoteState, "presence") == ["Ruth Root"]
            assert mine.seen(EditedNoteState, "presence") == ["bob"]
            await his.send(StayingNoteState.start_edit(other.pk))
            await worker.settle()
            assert mine.seen(EditedNoteState, "presence") == []
            assert his.seen(StayingNoteState, "presence") == []

    @pytest.mark.parametrize("way", ["cancel", "save", "delete", "disconnect", "logout"])
    async def test_it_ends(self, way: str, root: Any) -> None:
        bob = await User.objects.acreate_superuser("bob")
        note = await Note.objects.acreate(text="a")
        async with Worker() as worker, Tab(root) as mine:
            async with Tab(bob) as his:
                await mine.send(EditedNoteState.start_edit(note.pk))
                await his.send(EditedNoteState.start_edit(note.pk))
                await worker.settle()
                assert mine.seen(EditedNoteState, "presence") == ["bob"]
                if way == "cancel":
                    await his.send(EditedNoteState.cancel_edit)
                elif way == "save":
                    await his.send(EditedNoteState.save({"text": "b"}))
                elif way == "delete":
                    await his.send(EditedNoteState.delete(note.pk))
                elif way == "logout":
                    await sync_to_async(end_session)(his)
                if way != "disconnect":
                    await worker.settle()
                    assert mine.seen(EditedNoteState, "presence") == []
            await worker.settle()
            assert mine.seen(EditedNoteState, "presence") == []
            assert len(OpenRows.of(worker.processor)) == 1
        assert len(OpenRows.of(worker.processor)) == 0

    async def test_who_may_no_longer_read_the_row_learns_nothing(self, root: Any) -> None:
        alice = await User.objects.acreate_user("alice")
        task = await Task.objects.acreate(owner=root, title="ours")

        class SharedViewSet(TaskViewSet):
            shared = True

            def get_queryset(self) -> Any:
                everything = Task.objects.all()
                return everything if self.shared else everything.filter(owner=self.request.user)

        class SharedTaskState(LiveListMixin, ModelState):
            viewset = SharedViewSet

        async with Worker() as worker, Tab(alice) as hers, Tab(root) as mine:
            await hers.send(SharedTaskState.start_edit(task.pk))
            SharedViewSet.shared = False
            await mine.send(SharedTaskState.start_edit(task.pk))
            await worker.settle()
            assert hers.get(SharedTaskState, "presence") == []
            assert hers.get(SharedTaskState, "editing_conflict") == "deleted"
            # Nor is she there for those who may.
            assert mine.get(SharedTaskState, "presence") == []

    async def test_a_form_that_goes_over_to_another_row_tells_nothing_of_the_first(
        self, root: Any
    ) -> None:
        alice = await User.objects.acreate_user("alice")
        task = await Task.objects.acreate(owner=root, title="ours")

        class LentViewSet(TaskViewSet):
            lent = True

            def get_queryset(self) -> Any:
                everything = Task.objects.all()
                return everything if self.lent else everything.filter(owner=self.request.user)

        class LentTaskState(LiveListMixin, ModelState):
            viewset = LentViewSet

        async with Worker() as worker, Tab(alice) as hers, Tab(root) as mine:
            await hers.send(LentTaskState.start_edit(task.pk))
            await mine.send(LentTaskState.start_edit(task.pk))
            await worker.settle()
            LentViewSet.lent = False
            await hers.send(LentTaskState.create({"title": "hers", "form:next": "continue"}))
            await worker.settle()
            assert hers.get(LentTaskState, "presence") == []
            assert mine.get(LentTaskState, "presence") == []

    async def test_visitors_neither_see_nor_are_seen(self, root: Any) -> None:
        chair = await Product.objects.acreate(name="Chair", sku="a", price=1)
        async with Worker() as worker, Tab() as visitor, Tab(root) as mine:
            await visitor.send(EditedProductState.start_edit(chair.pk))
            await mine.send(EditedProductState.start_edit(chair.pk))
            await worker.settle()
            assert visitor.get(EditedProductState, "presence") == []
            assert mine.get(EditedProductState, "presence") == []

    @pytest.mark.parametrize("by", ["setting", "option"])
    async def test_it_can_be_switched_off(self, by: str, root: Any, settings: Any) -> None:
        state = QuietNoteState if by == "option" else EditedNoteState
        if by == "setting":
            settings.REFLEX_DRF = {**QUICK, "LIVE_PRESENCE": False}
        bob = await User.objects.acreate_superuser("bob")
        note = await Note.objects.acreate(text="a")
        async with Worker() as worker, Tab(root) as mine, Tab(bob) as his:
            await mine.send(state.start_edit(note.pk))
            await his.send(state.start_edit(note.pk))
            await worker.settle()
            assert mine.get(state, "presence") == his.get(state, "presence") == []
            row = ("shop.note", str(note.pk))
            assert OpenRows.of(worker.processor).others(row, "") == set()
            # What becomes of the row, they hear all the same.
            await note.adelete()
            await worker.settle()
            assert mine.get(state, "editing_conflict") == "deleted"

    async def test_a_client_cannot_ask_for_it(self, tab: Tab) -> None:
        note = await Note.objects.acreate(text="a")
        await tab.send(EditedNoteState.start_edit(note.pk))
        await Note.objects.filter(pk=note.pk).aupdate(text="b")
        with count_queries() as queries:
            await tab.send(EditedNoteState.live_look)
        # Session and user, as for any event.
        assert len(queries) == 2
        assert tab.get(EditedNoteState, "editing_conflict") == ""


class TestOtherProcesses:
    async def test_those_in_another_process_are_shown_and_told(
        self, root: Any, settings: Any
    ) -> None:
        cable = Cable()
        settings.REFLEX_DRF = {**QUICK, "LIVE_TRANSPORT": cable}
        bob = await User.objects.acreate_user("bob", first_name="Bob", last_name="Bunt")
        note = await Note.objects.acreate(text="a")
        row = ["shop.note", str(note.pk)]
        async with Worker() as worker, Tab(root) as mine:
            await mine.send(EditedNoteState.start_edit(note.pk))
            await heard(cable, "open", [*row, [f"user {root.pk}"]])
            await heard(cable, "open?", None)

            def say(kind: str, body: Any) -> None:
                cable.say(json.dumps({"from": "another", "kind": kind, "body": body}))

            say("open", [*row, [f"user {bob.pk}"]])
            await until(mine, lambda: mine.get(EditedNoteState, "presence") == ["Bob Bunt"])
            # A process that begins asks what is open.
            cable.sent.clear()
            say("open?", None)
            await heard(cable, "open", [*row, [f"user {root.pk}"]])
            # Nonsense changes nothing; the end of a process ends what it had open.
            for body in (None, [], [1, 2], ["shop.note", "1", "x"], {"a": 1}):
                say("open", body)
            say("open", ["", "", []])
            await until(mine, lambda: mine.get(EditedNoteState, "presence") == [])
            await mine.send(EditedNoteState.cancel_edit)
            await heard(cable, "open", [*row, []])
            await worker.settle()

    async def test_what_is_not_said_again_is_forgotten(self, monkeypatch: Any) -> None:
        monkeypatch.setattr(others, "SAID_EVERY", 0.02)
        monkeypatch.setattr(others, "FORGOTTEN_AFTER", 0.05)
        told = asyncio.Event()
        row = ("shop.note", "1")
        loop = asyncio.get_running_loop()
        known = others.OtherProcesses(
            loop, lambda: {row}, lambda row: {"user 1"}, lambda row: told.set()
        )
        try:
            monkeypatch.setattr(others, "is_shared", lambda: True)
            monkeypatch.setattr(others.sender, "say", lambda *said: None)
            known.announce(row)
            notices.hand_out("open", "another", [*row, ["user 2"]], loop)
            assert known.owners(row) == {"user 2"}
            told.clear()
            async with asyncio.timeout(20):
                await told.wait()
            assert known.owners(row) == set()
        finally:
            known.close()

    async def test_it_is_bounded(self, monkeypatch: Any) -> None:
        monkeypatch.setattr(others, "KNOWN_ROWS", 3)
        loop = asyncio.get_running_loop()
        known = others.OtherProcesses(loop, set, lambda row: set(), lambda row: None)
        try:
            for number in range(5):
                notices.hand_out("open", "another", ["shop.note", str(number), ["user 2"]], loop)
            found = [number for number in range(5) if known.owners(("shop.note", str(number)))]
            assert found == [2, 3, 4]
        finally:
            known.close()

    def test_notices_that_wait_are_bounded_and_the_last_counts(self) -> None:
        outbox = Outbox(bound=2)
        for key, body in ((1, "a"), (2, "b"), (1, "c"), (3, "d")):
            outbox.add("me", "open", body, key)
        assert [json.loads(text)["body"] for text in outbox.take()] == ["c", "d"]
        assert outbox.take() == []


def upload_file() -> rx.UploadFile:
    return rx.UploadFile(file=io.BytesIO(b"photo"), path=Path("chair.png"))


async def heard(cable: Cable, kind: str, body: Any) -> None:
    """Wait until a notice has been sent."""

    def is_there() -> bool:
        said = [json.loads(text) for text in list(cable.sent)]
        return any(
            isinstance(each, dict) and (each["kind"], each["body"]) == (kind, body) for each in said
        )

    async with asyncio.timeout(20):
        while not is_there():  # noqa: ASYNC110 - another thread sends
            await asyncio.sleep(0.01)


def end_session(tab: Tab) -> None:
    """Log out as a page of Django does."""
    from importlib import import_module

    from django.conf import settings
    from django.contrib.auth import get_user

    request = HttpRequest()
    key = tab.cookies[settings.SESSION_COOKIE_NAME]
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    request.user = get_user(request)
    logout(request)
