"""The entry points of live states under a client that sends whatever it likes."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from rest_framework.test import APIClient

from reflex_drf.live.openrows import OpenRows
from reflex_drf.live.viewers import Viewers
from reflex_drf.testing import Tab, Worker
from tests.counting import count_queries
from tests.shop.models import Note, Task
from tests.test_live_editing import EditedNoteState, EditedTaskState, end_session, stored

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("quick")]
User = get_user_model()
ENTRIES = ["overwrite", "reload_edit", "live_look", "live_refresh", "live_subscribe"]
PREFIX = EditedNoteState.get_full_name()


@pytest.fixture
async def tab(worker: Worker, root: Any) -> AsyncIterator[Tab]:
    async with Tab(root) as tab:
        yield tab


async def conflicting(tab: Tab) -> Note:
    """A row that is open in a form, and has been changed since."""
    note = await Note.objects.acreate(text="first")
    await tab.send(EditedNoteState.start_edit(note.pk))
    await Note.objects.filter(pk=note.pk).aupdate(text="second")
    return note


class TestPayloads:
    @pytest.mark.parametrize("name", ENTRIES)
    @pytest.mark.parametrize(
        "payload",
        [
            {"pk": 1},
            {"self": "x"},
            {"key": "1", "form_data": {"text": "forged"}},
            {"editing_id": 1},
            {"token": True},
            {"": ""},
            {"change": {"model_label": "shop.note", "action": "deleted"}},
        ],
        ids=str,
    )
    async def test_what_nobody_asked_for_is_refused(
        self, tab: Tab, name: str, payload: dict[str, Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        note = await conflicting(tab)
        subscribed = len(Viewers.of(tab.worker.processor))
        tab.clear()
        with caplog.at_level(logging.DEBUG):
            await tab.send_name(f"{PREFIX}.{name}", payload)
        assert f"Refused the event {PREFIX}.{name}" in caplog.text
        assert "forged" not in caplog.text
        assert await stored(note) == "second"
        assert tab.get(EditedNoteState, "text") == "first"
        assert len(Viewers.of(tab.worker.processor)) == subscribed

    @pytest.mark.parametrize(
        "name",
        [
            "_run_save",
            "_read_row",
            "_judge",
            "_ask",
            "_look_again",
            "_show_presence",
            "_edits",
            "_catch_up",
            "_apply",
            "_reread",
            "_follow_detail",
            "apply_live_change",
            "set_editing_conflict",
            "set_editing_conflict_by",
            "set_overwrite_asked",
            "set_presence",
            "set__editing_pk",
            "set__editing_seen",
            "set_editing_id",
        ],
    )
    async def test_what_is_no_handler_cannot_be_called(self, tab: Tab, name: str) -> None:
        note = await conflicting(tab)
        await tab.send_name(f"{PREFIX}.{name}", {"value": "x"}, raises=False)
        assert tab.get(EditedNoteState, "presence") == []
        assert tab.get(EditedNoteState, "editing_id") == note.pk
        assert tab.get(EditedNoteState, "_editing_pk") == str(note.pk)
        # What it began with is still known, so the save still asks.
        await tab.send(EditedNoteState.save({"text": "mine"}))
        assert await stored(note) == "second"
        assert tab.get(EditedNoteState, "overwrite_asked") is True

    @pytest.mark.parametrize(
        "var",
        [
            "editing_conflict",
            "editing_conflict_by",
            "overwrite_asked",
            "presence",
            "_editing_pk",
            "_editing_seen",
            "editing_id",
        ],
    )
    async def test_no_var_of_it_can_be_set(self, tab: Tab, var: str) -> None:
        note = await conflicting(tab)
        before = tab.get(EditedNoteState, var)
        payload = {"var_name": var, "value": "forged"}
        await tab.send_name(f"{PREFIX}.setvar", payload, raises=False)
        assert tab.get(EditedNoteState, var) == before
        await tab.send(EditedNoteState.save({"text": "mine"}))
        assert await stored(note) == "second"


class TestRefreshes:
    @pytest.mark.parametrize("name", ["live_look", "live_refresh"])
    async def test_what_the_server_did_not_ask_for_reads_nothing(self, tab: Tab, name: str) -> None:
        await tab.send(EditedNoteState.live_subscribe)
        note = await conflicting(tab)
        await tab.worker.settle()
        tab.clear()
        with count_queries() as queries:
            for _ in range(5):
                await tab.send_name(f"{PREFIX}.{name}")
        # Session and user, as for any event.
        assert len(queries) == 10
        assert tab.get(EditedNoteState, "editing_conflict") == ""
        assert tab.get(EditedNoteState, "editing_id") == note.pk

    async def test_subscribing_again_and_again_is_one_subscription(self, tab: Tab) -> None:
        for _ in range(20):
            await tab.send(EditedNoteState.live_subscribe)
        await tab.worker.settle()
        assert len(Viewers.of(tab.worker.processor)) == 1

    async def test_subscribing_again_reads_no_open_row_again(self, tab: Tab) -> None:
        await tab.send(EditedNoteState.live_subscribe)
        await conflicting(tab)
        await tab.worker.settle()
        with count_queries() as queries:
            await tab.send(EditedNoteState.live_subscribe)
        # Session and user, as for any event.
        assert len(queries) == 2

    async def test_opening_again_and_again_is_one_open_row(self, tab: Tab) -> None:
        note = await Note.objects.acreate(text="first")
        for key in (note.pk, str(note.pk), 0, -1, "x", "9" * 30, "../1", note.pk) * 3:
            await tab.send(EditedNoteState.start_edit(key))
        assert len(OpenRows.of(tab.worker.processor)) == 1
        assert tab.get(EditedNoteState, "editing_id") == note.pk


class TestOverwriting:
    """To overwrite is a save like any: what HTTP refuses, it refuses."""

    @pytest.fixture
    async def alice(self) -> Any:
        alice = await User.objects.acreate_user("alice")
        permission = await Permission.objects.aget(codename="change_note")
        await alice.user_permissions.aadd(permission)
        return alice

    async def test_without_a_conflict_it_saves(self, tab: Tab) -> None:
        note = await Note.objects.acreate(text="first")
        await tab.send(EditedNoteState.start_edit(note.pk))
        await tab.send(EditedNoteState.save({"text": ""}))
        assert tab.get(EditedNoteState, "field_errors")["text"]
        tab.state(EditedNoteState).text = "mine"
        await tab.send(EditedNoteState.overwrite)
        assert await stored(note) == "mine"

    async def test_twice_is_once(self, tab: Tab) -> None:
        note = await conflicting(tab)
        await tab.send(EditedNoteState.save({"text": "mine"}))
        await tab.send(EditedNoteState.overwrite)
        assert await stored(note) == "mine"
        await Note.objects.filter(pk=note.pk).aupdate(text="third")
        await tab.send(EditedNoteState.overwrite)
        assert await stored(note) == "third"
        assert await Note.objects.acount() == 1

    async def test_a_permission_that_is_gone_refuses_it(self, worker: Worker, alice: Any) -> None:
        async with Tab(alice) as hers:
            note = await conflicting(hers)
            await hers.send(EditedNoteState.save({"text": "mine"}))
            assert hers.get(EditedNoteState, "overwrite_asked") is True
            await alice.user_permissions.aclear()
            await hers.send(EditedNoteState.overwrite)
            assert await stored(note) == "second"
            # The server looks at the row again meanwhile, and says nothing about that.
            await worker.settle()
            assert hers.get(EditedNoteState, "error")

    async def test_a_session_that_is_gone_refuses_it(self, worker: Worker, alice: Any) -> None:
        from asgiref.sync import sync_to_async

        async with Tab(alice) as hers:
            note = await conflicting(hers)
            await hers.send(EditedNoteState.save({"text": "mine"}))
            await sync_to_async(end_session)(hers)
            hers.clear()
            for name in ENTRIES:
                await hers.send_name(f"{PREFIX}.{name}", raises=False)
            assert await stored(note) == "second"
            assert "second" not in repr(hers.deltas)

    async def test_whoever_may_not_create_cannot_make_a_deleted_row_anew(
        self, worker: Worker, alice: Any
    ) -> None:
        async with Tab(alice) as hers:
            await conflicting(hers)
            await Note.objects.all().adelete()
            await hers.send(EditedNoteState.save({"text": "mine"}))
            assert hers.get(EditedNoteState, "editing_conflict") == "deleted"
            await hers.send(EditedNoteState.overwrite)
            assert not await Note.objects.aexists()
            assert hers.get(EditedNoteState, "error")

    async def test_a_row_that_has_left_the_scope_is_not_written(
        self, worker: Worker, alice: Any, root: Any
    ) -> None:
        task = await Task.objects.acreate(owner=alice, title="first")
        async with Tab(alice) as hers:
            await hers.send(EditedTaskState.start_edit(task.pk))
            await Task.objects.filter(pk=task.pk).aupdate(owner=root, title="secret")
            for event in (
                EditedTaskState.save({"title": "mine"}),
                EditedTaskState.update(task.pk),
                EditedTaskState.reload_edit,
                EditedTaskState.overwrite,
            ):
                await hers.send(event)
            await task.arefresh_from_db()
            assert task.title == "secret"
            assert "secret" not in repr(hers.deltas)
            assert hers.get(EditedTaskState, "presence") == []
        client = APIClient()
        client.force_authenticate(alice)
        from asgiref.sync import sync_to_async

        reply = await sync_to_async(client.patch)(f"/api/tasks/{task.pk}/", {"title": "mine"})
        assert reply.status_code == 404

    async def test_a_stolen_token_overwrites_nothing(self, tab: Tab, alice: Any) -> None:
        note = await conflicting(tab)
        await tab.send(EditedNoteState.save({"text": "mine"}))
        async with Tab(alice, token=tab.token, hydrate=False) as thief:
            for name in ENTRIES:
                await thief.send_name(f"{PREFIX}.{name}", raises=False)
            assert await stored(note) == "second"
            assert "first" not in repr(thief.deltas)
            assert "mine" not in repr(thief.deltas)

    @pytest.mark.parametrize("name", ENTRIES)
    async def test_a_visitor_gets_nothing(self, worker: Worker, name: str) -> None:
        note = await Note.objects.acreate(text="secret")
        async with Tab() as visitor:
            await visitor.send(EditedNoteState.start_edit(note.pk))
            await visitor.send_name(f"{PREFIX}.{name}")
            await worker.settle()
            assert await stored(note) == "secret"
            assert "secret" not in repr(visitor.deltas)
            assert len(OpenRows.of(worker.processor)) == 0
