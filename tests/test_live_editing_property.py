"""Whatever two users do to a row in three tabs: each form says what a plain model says."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.test import override_settings
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rest_framework import permissions, serializers, viewsets

from reflex_drf.live import LiveListMixin, notify
from reflex_drf.live.openrows import OpenRows
from reflex_drf.state import ModelState
from reflex_drf.testing import Tab, Worker
from tests.living import QUICK
from tests.shop.models import Note
from tests.test_live_editing import end_session

User = get_user_model()
# Two tabs of one user, and one of another.
OWNERS = ("alice", "alice", "bob")
barred: set[str] = set()


class MayRead(permissions.IsAuthenticated):
    def has_permission(self, request: Any, view: Any) -> bool:
        return super().has_permission(request, view) and request.user.username not in barred


class SharedNoteSerializer(serializers.ModelSerializer[Note]):
    class Meta:
        model = Note
        fields = ["id", "text"]


class SharedNoteViewSet(viewsets.ModelViewSet[Note]):
    queryset = Note.objects.all()
    serializer_class = SharedNoteSerializer
    permission_classes = [MayRead]


class SharedNoteState(LiveListMixin, ModelState):
    viewset = SharedNoteViewSet


@dataclass
class Form:
    """What one tab has open, as it should be."""

    owner: str
    row: int | None = None
    began: str = ""
    conflict: str = ""
    gone: bool = False

    def close(self) -> None:
        self.row, self.began, self.conflict = None, "", ""


@dataclass
class Model:
    """Rows, forms and who may read, with none of the machinery."""

    rows: dict[int, str]
    forms: list[Form] = field(default_factory=lambda: [Form(owner) for owner in OWNERS])
    barred: set[str] = field(default_factory=set)

    def may(self, form: Form) -> bool:
        return not form.gone and form.owner not in self.barred

    def look(self) -> None:
        for form in self.forms:
            if form.row is None or form.gone:
                continue
            if not self.may(form) or form.row not in self.rows:
                form.conflict = "deleted"
            else:
                form.conflict = "changed" if self.rows[form.row] != form.began else ""

    def present(self, form: Form) -> list[str]:
        """Who else, of those who may read it, has a row open that is still there."""
        if form.row is None or form.conflict == "deleted":
            return []
        return sorted(
            {
                other.owner
                for other in self.forms
                if other.row == form.row
                and other.conflict != "deleted"
                and not other.gone
                and other.owner != form.owner
            }
        )


class World:
    """The tabs, and the model that goes along with them."""

    def __init__(self, notes: list[Note], tabs: list[Tab], worker: Worker) -> None:
        self.keys = [note.pk for note in notes]
        self.model = Model({note.pk: note.text for note in notes})
        self.tabs, self.worker, self.written = tabs, worker, 0

    async def do(self, step: tuple[Any, ...]) -> None:
        name, *rest = step
        await getattr(self, "do_" + name)(*rest)
        await self.worker.settle()
        self.model.look()

    def text(self) -> str:
        self.written += 1
        return f"text {self.written}"

    async def do_open(self, tab: int, row: int) -> None:
        form, key = self.model.forms[tab], self.keys[row]
        if form.gone:
            return
        await self.tabs[tab].send(SharedNoteState.start_edit(key))
        if self.model.may(form) and key in self.model.rows:
            form.row, form.began, form.conflict = key, self.model.rows[key], ""

    async def do_cancel(self, tab: int) -> None:
        if not self.model.forms[tab].gone:
            await self.tabs[tab].send(SharedNoteState.cancel_edit)
            self.model.forms[tab].close()

    async def do_save(self, tab: int) -> None:
        form, text = self.model.forms[tab], self.text()
        if form.gone or form.row is None:
            return
        await self.tabs[tab].send(SharedNoteState.save({"text": text}))
        if self.model.may(form) and not form.conflict:
            self.model.rows[form.row] = text
            form.close()
        assert await self.stored() == self.model.rows

    async def do_reload(self, tab: int) -> None:
        form = self.model.forms[tab]
        if form.gone or form.row is None:
            return
        await self.tabs[tab].send(SharedNoteState.reload_edit)
        if self.model.may(form) and form.row in self.model.rows:
            form.began = self.model.rows[form.row]

    async def do_delete(self, tab: int, row: int) -> None:
        form, key = self.model.forms[tab], self.keys[row]
        if form.gone:
            return
        await self.tabs[tab].send(SharedNoteState.delete(key))
        if self.model.may(form) and self.model.rows.pop(key, None) and form.row == key:
            form.close()

    async def do_write(self, row: int) -> None:
        """Somebody writes who has no tab at all."""
        key, text = self.keys[row], self.text()
        if key in self.model.rows:
            self.model.rows[key] = text
            await Note(pk=key, text=text).asave()

    async def do_bar(self, user: str, may: bool) -> None:
        (barred.discard if may else barred.add)(user)
        (self.model.barred.discard if may else self.model.barred.add)(user)
        # Permissions are no rows; that they changed has to be said.
        await sync_to_async(notify)(Note)

    async def do_logout(self, tab: int) -> None:
        if not self.model.forms[tab].gone:
            await sync_to_async(end_session)(self.tabs[tab])
            self.model.forms[tab].gone = True
            await self.worker.settle()
            self.tabs[tab].clear()

    async def stored(self) -> dict[int, str]:
        return {note.pk: note.text async for note in Note.objects.all()}

    async def check(self) -> None:
        assert await self.stored() == self.model.rows
        for form, tab in zip(self.model.forms, self.tabs, strict=True):
            if form.gone:
                # Nothing at all is sent to it any more.
                assert tab.deltas == []
                continue
            assert tab.get(SharedNoteState, "editing_id") == form.row
            assert tab.get(SharedNoteState, "editing_conflict") == form.conflict
            assert tab.get(SharedNoteState, "presence") == self.model.present(form)
        opened = [form for form in self.model.forms if form.row is not None and not form.gone]
        assert len(OpenRows.of(self.worker.processor)) == len(opened)


tabs, rows = st.sampled_from(range(3)), st.sampled_from(range(2))
steps = st.one_of(
    st.tuples(st.just("open"), tabs, rows),
    st.tuples(st.just("open"), tabs, st.just(0)),
    st.tuples(st.just("save"), tabs),
    st.tuples(st.just("cancel"), tabs),
    st.tuples(st.just("reload"), tabs),
    st.tuples(st.just("delete"), tabs, rows),
    st.tuples(st.just("write"), rows),
    st.tuples(st.just("bar"), st.sampled_from(["alice", "bob"]), st.booleans()),
    st.tuples(st.just("logout"), tabs),
)


async def run(plan: list[tuple[Any, ...]]) -> None:
    users = {name: await User.objects.acreate_user(name) for name in ("alice", "bob")}
    notes = [await Note.objects.acreate(text=text) for text in ("first", "second")]
    async with AsyncExitStack() as stack:
        worker = await stack.enter_async_context(Worker())
        opened = [await stack.enter_async_context(Tab(users[name])) for name in OWNERS]
        world = World(notes, opened, worker)
        for step in plan:
            await world.do(step)
            await world.check()


async def clean() -> None:
    barred.clear()
    await Note.objects.all().adelete()
    await User.objects.filter(username__in=OWNERS).adelete()


BOTH = [("open", 0, 0), ("open", 1, 0), ("open", 2, 0)]


@pytest.mark.django_db(transaction=True)
@settings(
    max_examples=15,
    deadline=None,
    # The database is emptied at the end of each example.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@example(plan=[*BOTH, ("save", 2), ("save", 0), ("reload", 0), ("save", 0)])
@example(plan=[*BOTH, ("delete", 2, 0), ("reload", 0), ("cancel", 1), ("save", 0)])
@example(plan=[*BOTH, ("bar", "bob", False), ("write", 0), ("bar", "bob", True), ("save", 2)])
@example(plan=[*BOTH, ("logout", 2), ("write", 0), ("logout", 0), ("save", 1)])
@example(plan=[*BOTH, ("open", 2, 1), ("write", 1), ("open", 0, 1), ("delete", 0, 1)])
@given(plan=st.lists(steps, max_size=12))
def test_each_form_says_what_has_become_of_its_row(plan: list[tuple[Any, ...]]) -> None:
    async def scenario() -> None:
        try:
            await run(plan)
        finally:
            await clean()

    with override_settings(REFLEX_DRF=QUICK):
        asyncio.run(scenario())
