"""Before a row is deleted: what goes with it, and a while in which it can be taken back."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import reflex as rx
from django.db import router
from django.db.models import Model, ProtectedError, RestrictedError
from django.db.models.deletion import Collector, get_candidate_relations_to_delete
from rest_framework.mixins import DestroyModelMixin
from rest_framework.response import Response

from reflex_drf import permissions
from reflex_drf.backends import Call
from reflex_drf.state.answers import drop_tab
from reflex_drf.state.calls import Key, operation
from reflex_drf.state.narrowing import narrow
from reflex_drf.state.writing import WriteHandlers

__all__ = ["DeletionHandlers"]

NOTE = "cascade"


class DeletionHandlers(WriteHandlers):
    """Handlers that tell what a deletion takes along, and that put it off."""

    if TYPE_CHECKING:
        delete_preview: dict[str, Any]
        # The rows that will be deleted, each with its name, or "" from when it cannot be undone.
        pending_deletes: dict[str, str]
        # Which time each of them was asked for, so that a timer knows its own.
        _delete_asked: dict[str, str]

    @operation
    async def preview_delete(self, pk: Key) -> Any:
        """Find out what would be deleted along with a row, for whoever may delete it."""
        if (key := self._key_of(pk)) is None:
            return None
        self.delete_preview = {}
        replies = await self._run(call := self._preview_call(key))
        if replies is None:
            return drop_tab()
        if not replies[0].ok:
            return await self._refuse(replies[0], form=False)
        self.delete_preview = {"key": str(key), **call.notes.get(NOTE, EMPTY)}
        return None

    @operation
    async def delete_later(self, pk: Key) -> Any:
        """Delete a row after a while in which `undo_delete` takes it back."""
        if (key := self._key_of(pk)) is None or str(key) in self.pending_deletes:
            return None
        if len(self.pending_deletes) >= self._plan.options.bulk_limit:
            return self._fail(self._too_many())  # type: ignore[attr-defined]
        replies = await self._run(self._preview_call(key))
        if replies is None:
            return drop_tab()
        if not replies[0].ok:
            return await self._refuse(replies[0], form=False)
        name = self._name_of(str(key))  # type: ignore[attr-defined]
        self.error = ""
        self._delete_asked = {**self._delete_asked, str(key): secrets.token_hex(8)}
        self.pending_deletes = {**self.pending_deletes, str(key): name or str(key)}
        return self._event("delete_when_due", str(key))

    @operation
    async def undo_delete(self, pk: Key) -> None:
        """Keep a row that was to be deleted."""
        self._forget(pk, due=False)

    @operation
    @rx.event(background=True)
    async def delete_when_due(self: Any, pk: Key) -> Any:
        """Delete a row that still waits for it once its time is over."""
        # Holds neither the lock of the tab's states nor a thread. What follows is an ordinary
        # event, with the session and the user of that moment; it comes also when the tab is gone.
        key = str(pk)
        if not self.pending_deletes.get(key):
            return None
        asked = self._delete_asked.get(key)
        await asyncio.sleep(self._plan.options.undo_seconds)
        async with self:
            # Taken back and asked for again, it has another timer, and its whole while.
            if not self.pending_deletes.get(key) or self._delete_asked.get(key) != asked:
                return None
            # From here on an undo comes too late; the row stays hidden until the list has gone
            # without it, or the viewset has refused.
            self.pending_deletes = {**self.pending_deletes, key: ""}
        delete = self._event(self._plan.options.delete_event, key)
        return [delete, self._event("settle_delete", key)]

    @operation
    async def settle_delete(self, pk: Key) -> None:
        """Show a row again that was due and is still there."""
        self._forget(pk, due=True)

    def _forget(self, pk: Any, *, due: bool) -> None:
        name = self.pending_deletes.get(str(pk))
        if name is not None and (name == "") is due:
            pending = {k: v for k, v in self.pending_deletes.items() if k != str(pk)}
            self.pending_deletes = pending
            self._delete_asked = {k: v for k, v in self._delete_asked.items() if k in pending}

    def _event(self, name: str, *args: Any) -> Any:
        # Not `type(self)`: a background handler has a proxy of its state.
        return getattr(self.__class__, name)(*args)

    # -- What goes with it ------------------------------------------------------------------

    def _preview_call(self, key: Key) -> Call:
        call = self._make("retrieve", key)

        def prepare(view: Any) -> None:
            self._prepare(self._plan, "retrieve", view)
            # The call reads, and is one that reads to every middleware; what it asks is whether
            # the row could be deleted, in the rows and by the permissions that holds for.
            view.get = lambda request, *args, **kwargs: self._preview(view, call)

        return replace(call, prepare=prepare)

    def _preview(self, view: Any, call: Call) -> Response:
        acting = permissions.acting_view(view, "destroy")
        narrow(self, self._plan, "destroy", acting)
        acting.check_permissions(acting.request)
        row = acting.get_object()
        if isinstance(row, Model) and deletes_as_django(type(view)):
            call.notes[NOTE] = cascade(row)
        # No 200: a cache must not take this for the answer to reading the row.
        return Response(status=204)


EMPTY: dict[str, list[dict[str, Any]]] = {"counts": [], "protected": []}


def deletes_as_django(viewset: type[Any]) -> bool:
    """Whether deleting a row is what Django makes of it; one's own way may take nothing along."""
    own = viewset.destroy, getattr(viewset, "perform_destroy", None)
    return own == (DestroyModelMixin.destroy, DestroyModelMixin.perform_destroy)


def cascade(row: Model) -> dict[str, list[dict[str, Any]]]:
    """How many rows of which models would go with a row, or keep it from going."""
    # As Django's admin asks for it, at the price of loading the rows; older versions know no other.
    forced: Any = {"force_collection": True} if is_left_to_database(type(row)) else {}
    using = router.db_for_write(type(row), instance=row)
    collector = Collector(using=using, origin=row, **forced)
    try:
        collector.collect([row])
    except ProtectedError as error:
        return {"counts": [], "protected": counted(Counter(map(type, error.protected_objects)))}
    except RestrictedError as error:
        return {"counts": [], "protected": counted(Counter(map(type, error.restricted_objects)))}
    found: Counter[Any] = Counter()
    for model, rows in collector.data.items():
        # What a row inherits from is the row itself.
        found[model] += len(rows) if not isinstance(row, model) else len(rows) - 1
    fast: list[Any] = list(collector.fast_deletes)
    for queryset in fast:
        found[queryset.model] += queryset.count()
    return {"counts": counted(found), "protected": []}


def is_left_to_database(model: type[Model]) -> bool:
    """Whether the database deletes rows along with a model's by itself, as Django 6.1 can say."""
    found: set[Any] = set()
    waiting: list[Any] = [model]
    while waiting:
        if (model := waiting.pop()) in found:
            continue
        found.add(model)
        relations: list[Any] = list(get_candidate_relations_to_delete(model._meta))
        if any(getattr(relation.on_delete, "forced_collector", None) for relation in relations):
            return True
        waiting += [relation.related_model for relation in relations]
    return False


def counted(found: Counter[Any]) -> list[dict[str, Any]]:
    """Numbers by the names of models, in the language of the viewer; none of any row's content."""
    shown: Iterable[Any] = (
        (m._meta, n) for m, n in found.items() if n and not m._meta.auto_created
    )
    return [
        {"count": n, "name": str(meta.verbose_name if n == 1 else meta.verbose_name_plural)}
        for meta, n in shown
    ]
