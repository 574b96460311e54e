"""Which rows are open in forms: who is told, who is named, and what other processes may say."""

from __future__ import annotations

import asyncio
import gc
import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from rest_framework import permissions, serializers, viewsets

from reflex_drf.live import LiveListMixin, ModelChange, live_broadcaster, others
from reflex_drf.live.notices import notices
from reflex_drf.live.openrows import SHOWN_NAMES, OpenRows, present_names
from reflex_drf.live.registry import live_models
from reflex_drf.live.relay import publish
from reflex_drf.state import ModelState
from reflex_drf.testing import Tab, Worker
from tests.living import QUICK, Cable, until
from tests.shop.models import Note, Task
from tests.test_live_editing import EditedNoteState, EditedTaskState, end_session

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("quick")]
User = get_user_model()


class PinnedNote(Note):
    class Meta:
        proxy = True
        app_label = "shop"


class PinnedNoteViewSet(viewsets.ModelViewSet[Any]):
    queryset = PinnedNote.objects.all()
    permission_classes = [permissions.IsAuthenticated]

    class serializer_class(serializers.ModelSerializer[Any]):  # noqa: N801
        class Meta:
            model = PinnedNote
            fields = ["id", "text"]


class PinnedNoteState(LiveListMixin, ModelState):
    viewset = PinnedNoteViewSet


class UserViewSet(viewsets.ModelViewSet[Any]):
    queryset = User.objects.order_by("pk")
    permission_classes = [permissions.IsAdminUser]

    class serializer_class(serializers.ModelSerializer[Any]):  # noqa: N801
        class Meta:
            model = User
            fields = ["id", "last_login"]


class EditedUserState(LiveListMixin, ModelState):
    viewset = UserViewSet


@pytest.fixture
async def bob() -> Any:
    return await User.objects.acreate_superuser("bob")


def heard_models() -> list[str]:
    return sorted(label for label in live_broadcaster().labels if "reflex_drf" not in label)


class TestListening:
    async def test_a_row_of_a_proxy_is_the_row_itself(self, root: Any, bob: Any) -> None:
        note = await Note.objects.acreate(text="first")
        async with Worker() as worker, Tab(root) as mine, Tab(bob) as his:
            await mine.send(PinnedNoteState.start_edit(note.pk))
            await his.send(EditedNoteState.start_edit(note.pk))
            await worker.settle()
            assert mine.get(PinnedNoteState, "presence") == ["bob"]
            note.text = "second"
            await note.asave()
            await worker.settle()
            assert mine.seen(PinnedNoteState, "editing_conflict") == "changed"
            assert his.seen(EditedNoteState, "editing_conflict") == "changed"

    async def test_a_row_that_is_written_as_its_proxy_is_the_row_itself(self, root: Any) -> None:
        note = await Note.objects.acreate(text="first")
        async with Worker() as worker, Tab(root) as mine:
            await mine.send(EditedNoteState.start_edit(note.pk))
            await PinnedNote.objects.filter(pk=note.pk).adelete()
            await worker.settle()
            assert mine.seen(EditedNoteState, "editing_conflict") == "deleted"

    @pytest.mark.parametrize("first", ["user", "note"])
    async def test_users_are_heard_of_as_long_as_anything_is_open(
        self, root: Any, bob: Any, first: str
    ) -> None:
        """A form of users that closes leaves the other forms what they hear of users."""
        note = await Note.objects.acreate(text="first")
        forms = [EditedUserState.start_edit(root.pk), EditedNoteState.start_edit(note.pk)]
        async with Worker() as worker, Tab(root) as mine, Tab(bob) as his:
            for form in forms if first == "user" else reversed(forms):
                await his.send(form)
            await mine.send(EditedNoteState.start_edit(note.pk))
            await his.send(EditedUserState.cancel_edit)
            await worker.settle()
            assert mine.seen(EditedNoteState, "presence") == ["bob"]
            await sync_to_async(end_session)(his)
            await worker.settle()
            assert mine.seen(EditedNoteState, "presence") == []

    async def test_a_look_that_waits_already_does_not_come_before_the_end_of_a_session(
        self, root: Any, settings: Any
    ) -> None:
        """Django tells of a sign-out just before it ends the session."""
        note = await Note.objects.acreate(text="first")
        async with Worker() as worker, Tab(root) as mine:
            await mine.send(EditedNoteState.start_edit(note.pk))
            await worker.settle()
            entry = OpenRows.of(worker.processor).find(mine, EditedNoteState)
            assert entry is not None
            now = asyncio.get_running_loop().time()
            entry.free_at = now + 0.1
            publish([ModelChange("shop.note", "updated", note.pk)])
            assert entry.timer is not None
            settings.REFLEX_DRF = {"LIVE_REFRESH_INTERVAL": 500}
            publish([ModelChange("auth.user", "updated", root.pk)])
            assert entry.timer.when() >= now + 0.5
            await worker.settle()

    async def test_a_look_that_fails_once_its_form_is_closed_is_nobodys_error(
        self, root: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def fail() -> None:
            raise LookupError("The queue has ended.")

        note, loop, errors = await Note.objects.acreate(), asyncio.get_running_loop(), list[Any]()
        async with Worker() as worker, Tab(root) as mine:
            await mine.send(EditedNoteState.start_edit(note.pk))
            await worker.settle()
            rows = OpenRows.of(worker.processor)
            entry = rows.find(mine, EditedNoteState)
            assert entry is not None
            loop.set_exception_handler(lambda loop, context: errors.append(context["message"]))
            with monkeypatch.context() as patch:
                patch.setattr(type(entry.tab), "send", lambda *args: loop.create_task(fail()))
                rows._send(entry)
            rows.leave(mine.token, EditedNoteState)
            assert entry.task is not None
            await asyncio.wait([entry.task])
            await asyncio.sleep(0)
            gc.collect()
            assert errors == []

    async def test_nothing_is_heard_nor_published_once_all_is_closed(
        self, root: Any, bob: Any, settings: Any
    ) -> None:
        settings.REFLEX_DRF = {**QUICK, "FOLLOW_SESSIONS": False}
        note = await Note.objects.acreate(text="first")
        before = heard_models()
        async with Worker() as worker, Tab(root) as mine, Tab(bob) as his:
            for tab in (mine, his):
                for form in (
                    EditedUserState.start_edit(root.pk),
                    EditedNoteState.start_edit(note.pk),
                    PinnedNoteState.start_edit(note.pk),
                ):
                    await tab.send(form)
            assert live_broadcaster().count("shop.note") == 1
            assert live_broadcaster().count("auth.user") == 1
            for tab in (his, mine):
                for state in (EditedNoteState, EditedUserState, PinnedNoteState):
                    await tab.send(state.cancel_edit)
            await worker.settle()
            assert len(OpenRows.of(worker.processor)) == 0
            assert heard_models() == before
            assert Note not in live_models

    async def test_a_form_that_opens_another_row_is_one_form(self, root: Any) -> None:
        notes = [await Note.objects.acreate(text=str(number)) for number in range(5)]
        async with Worker() as worker, Tab(root) as mine:
            for note in notes * 2:
                await mine.send(EditedNoteState.start_edit(note.pk))
            assert len(OpenRows.of(worker.processor)) == 1
            assert live_broadcaster().count("shop.note") == 1
            await notes[0].adelete()
            await worker.settle()
            assert mine.get(EditedNoteState, "editing_conflict") == ""
            await notes[-1].adelete()
            await worker.settle()
            assert mine.get(EditedNoteState, "editing_conflict") == "deleted"


class TestNames:
    @pytest.mark.parametrize(
        "owner",
        [
            "",
            "user ",
            "user None",
            "user abc",
            "user 1 OR 1=1",
            "user -1",
            "user 1.5",
            "user \0",
            "user \ud800",
            f"user {'9' * 30}",
            f"user {'9' * 5000}",
            "anonymous",
            "1",
            "USER 1",
            "credentials 5",
        ],
        ids=ascii,
    )
    async def test_what_is_no_user_has_no_name(self, owner: str, root: Any) -> None:
        assert await present_names([owner, f"user {root.pk}"]) == ["root"]
        assert await present_names([owner]) == []

    async def test_who_is_gone_or_locked_out_is_not_named(self, root: Any, bob: Any) -> None:
        owners = [f"user {each.pk}" for each in (root, bob)]
        assert await present_names(owners) == ["bob", "root"]
        bob.is_active = False
        await bob.asave()
        assert await present_names(owners) == ["root"]
        await root.adelete()
        assert await present_names(owners) == []

    async def test_there_are_never_more_than_a_page_shows(self) -> None:
        made = await User.objects.abulk_create(
            [User(username=f"user{number}") for number in range(SHOWN_NAMES + 5)]
        )
        owners = [f"user {user.pk}" async for user in User.objects.all()]
        assert len(made) == len(owners)
        assert len(await present_names(owners)) == SHOWN_NAMES


class TestWhatOthersSay:
    @pytest.fixture
    def told(self) -> list[others.Row]:
        return []

    @pytest.fixture
    async def known(self, told: list[others.Row]) -> Any:
        loop = asyncio.get_running_loop()
        known = others.OtherProcesses(loop, set, lambda row: set(), told.append)
        yield known
        known.close()

    def say(self, who: str, body: Any) -> None:
        notices.hand_out("open", who, body, asyncio.get_running_loop())

    async def test_processes_for_one_row_are_bounded(
        self, known: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(others, "KNOWN_PROCESSES", 3)
        for number in range(50):
            self.say(f"process {number}", ["shop.note", "1", [f"user {number}"]])
        assert known.owners(("shop.note", "1")) == {"user 47", "user 48", "user 49"}
        # Whoever speaks again is not the first to be forgotten.
        self.say("process 47", ["shop.note", "1", ["user 47"]])
        self.say("process 50", ["shop.note", "1", ["user 50"]])
        assert known.owners(("shop.note", "1")) == {"user 47", "user 49", "user 50"}

    async def test_names_from_one_process_are_bounded(
        self, known: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(others, "KNOWN_OWNERS", 3)
        self.say("a", ["shop.note", "1", [f"user {number}" for number in range(50)]])
        assert len(known.owners(("shop.note", "1"))) == 3

    async def test_what_has_run_out_is_dropped_by_the_next_word(
        self, known: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(others, "FORGOTTEN_AFTER", -1.0)
        for number in range(50):
            self.say(f"process {number}", ["shop.note", "1", [f"user {number}"]])
        assert known.owners(("shop.note", "1")) == set()
        assert sum(len(said) for said in known._known.values()) == 1

    @pytest.mark.parametrize(
        "body",
        [
            None,
            5,
            "open",
            {},
            [],
            ["shop.note", "1"],
            ["shop.note", "1", None],
            ["shop.note", "1", {"user 2": 1}],
            ["shop.note", "1", "user 2"],
            ["shop.note", "1", ["user 2"], "more"],
        ],
        ids=repr,
    )
    async def test_nonsense_changes_nothing(
        self, known: Any, told: list[others.Row], body: Any
    ) -> None:
        self.say("a", ["shop.note", "1", ["user 3"]])
        told.clear()
        self.say("a", body)
        assert known.owners(("shop.note", "1")) == {"user 3"}
        assert told == []

    async def test_the_same_again_disturbs_nobody(self, known: Any, told: list[others.Row]) -> None:
        for _ in range(3):
            self.say("a", ["shop.note", "1", ["user 3"]])
        self.say("b", ["shop.note", "1", ["user 3"]])
        self.say("a", ["shop.note", "1", []])
        assert told == [("shop.note", "1")]
        self.say("b", ["shop.note", "1", []])
        self.say("b", ["shop.note", "1", []])
        assert told == [("shop.note", "1")] * 2
        assert not known._known

    async def test_a_process_ends_for_itself_alone(self, known: Any) -> None:
        for who in "ab":
            self.say(who, ["shop.note", who, [f"user {who}"]])
        self.say("a", ["", "", []])
        assert known.owners(("shop.note", "a")) == set()
        assert known.owners(("shop.note", "b")) == {"user b"}

    async def test_a_forged_name_costs_nobody_his_form(self, root: Any, settings: Any) -> None:
        """What arrives on the channel is not what decides whether a form works."""
        cable = Cable()
        settings.REFLEX_DRF = {**QUICK, "LIVE_TRANSPORT": cable}
        note = await Note.objects.acreate(text="first")
        bob = await User.objects.acreate_user("bob")
        row = ["shop.note", str(note.pk)]
        async with Worker() as worker, Tab(root) as mine:
            await mine.send(EditedNoteState.start_edit(note.pk))
            forged = ["user abc", "user " + "9" * 40, "<script>", f"user {bob.pk}"]
            cable.say(json.dumps({"from": "a", "kind": "open", "body": [*row, forged]}))
            await until(mine, lambda: mine.get(EditedNoteState, "presence") == ["bob"])
            note.text = "second"
            await note.asave()
            await worker.settle()
            assert mine.seen(EditedNoteState, "editing_conflict") == "changed"

    async def test_a_name_for_a_row_that_is_out_of_reach_is_not_shown(
        self, bob: Any, settings: Any
    ) -> None:
        """Somebody may say a name; only who may read the row is told it."""
        cable = Cable()
        settings.REFLEX_DRF = {**QUICK, "LIVE_TRANSPORT": cable}
        alice = await User.objects.acreate_user("alice")
        task = await Task.objects.acreate(owner=bob, title="secret")
        async with Worker() as worker, Tab(alice) as hers:
            await hers.send(EditedTaskState.start_edit(task.pk))
            body = ["shop.task", str(task.pk), [f"user {bob.pk}"]]
            cable.say(json.dumps({"from": "a", "kind": "open", "body": body}))
            await worker.settle()
            assert hers.get(EditedTaskState, "presence") == []
            assert hers.get(EditedTaskState, "editing_id") is None
            assert "bob" not in repr(hers.deltas)
            assert "secret" not in repr(hers.deltas)
