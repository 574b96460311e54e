"""Which rows are open in forms: who hears of what becomes of each, and of who else has it open."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import Model

from reflex_drf.conf import settings
from reflex_drf.live.broadcaster import call_in
from reflex_drf.live.changes import Changes, model_label
from reflex_drf.live.looking import user_name
from reflex_drf.live.others import OtherProcesses
from reflex_drf.live.registry import live_models, user_model
from reflex_drf.live.relay import live_broadcaster, stop_receiver

if TYPE_CHECKING:
    from reflex_drf.live.changes import ModelChange
    from reflex_drf.seam.tabs import Tab, TabProcessor

__all__ = ["OpenRow", "OpenRows", "Row", "is_user", "present_names"]

# More names than this help nobody.
SHOWN_NAMES = 20
# A look that the API could not answer is tried again after pauses that double up to this.
LONGEST_PAUSE = 30.0
# A model's label and the key of a row; "" where the key is not known.
Row = tuple[str, str]


@dataclass(slots=True, eq=False)
class OpenRow:
    """One row that is open in the form of one state of one tab."""

    tab: Tab
    state: type[Any]
    model: type[Model]
    row: Row
    # As `TabOwner` has it; names are looked up when they are shown.
    owner: str
    # Whether others may know.
    visible: bool
    # Whether the server has asked for a look, and whether there is a reason for another one.
    due: bool = False
    again: bool = False
    # While its own tab saves it, which the look would only find done.
    held: bool = False
    task: asyncio.Task[None] | None = None
    timer: asyncio.TimerHandle | None = None
    free_at: float = 0.0
    failures: int = 0

    def take(self) -> bool:
        """Tell whether the server has asked for the event that runs; only once."""
        due, self.due = self.due, False
        return due

    def concerns(self, change: ModelChange) -> bool:
        """Tell whether a change may be one of its row."""
        label, pk = self.row
        return change.model_label == label and (change.pk is None or not pk or str(change.pk) == pk)


class OpenRows:
    """The open rows of one process, used on the loop of its processor but for `_hear`.

    An entry ends with its form, with its connection, and with the user behind it.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._open: dict[tuple[str, type[Any]], OpenRow] = {}
        # How many open rows each model is listened to for.
        self._wanted: Counter[str] = Counter()
        self._heard = Changes(1000)
        self._lock = Lock()
        self._progress = asyncio.Event()
        self._others = OtherProcesses(self._loop, self._rows, self._owners, self._tell)

    @classmethod
    def of(cls, processor: TabProcessor) -> OpenRows:
        """Give the open rows of a process, of which each processor has its own."""
        return processor.companion(cls)

    def __len__(self) -> int:
        return len(self._open)

    def find(self, tab: Tab, state: type[Any]) -> OpenRow | None:
        """Give what a state of a tab has open."""
        return self._open.get((tab.token, state))

    def others(self, row: Row, owner: str) -> set[str]:
        """Give who else has a row open, here and in other processes."""
        return (self._owners(row) | self._others.owners(row)) - {owner}

    def _owners(self, row: Row) -> set[str]:
        """Give who has a row open here."""
        return {
            each.owner
            for each in self._open.values()
            if each.visible and each.row == row and each.tab.connected
        }

    def _rows(self) -> set[Row]:
        """Give the rows that somebody has open here."""
        return {each.row for each in self._open.values() if each.visible}

    # -- Coming and going ---------------------------------------------------------------------

    def enter(self, entry: OpenRow) -> None:
        """Note that a state of a tab has a row open, and no other one any longer."""
        known = self.find(entry.tab, entry.state)
        if known is not None:
            if (
                all(
                    getattr(known, name) == getattr(entry, name)
                    for name in ("row", "owner", "visible")
                )
                and known.tab.sid == entry.tab.sid
            ):
                return
            self.leave(entry.tab.token, entry.state)
        self._listen(entry.model, 1)
        self._open[(entry.tab.token, entry.state)] = entry
        if entry.visible:
            self._others.announce(entry.row)
            self._tell(entry.row, besides=entry)

    def leave(self, token: str, state: type[Any]) -> None:
        """Note that a state of a tab has no row open."""
        entry = self._open.pop((token, state), None)
        if entry is None:
            return
        if entry.timer is not None:
            entry.timer.cancel()
            entry.timer = None
        self._listen(entry.model, -1)
        if entry.visible:
            self._others.announce(entry.row)
            self._tell(entry.row)
        self._progress.set()

    def hold(self, tab: Tab, state: type[Any]) -> None:
        """Have a row that its own tab is about to save looked at only once that event has ended."""
        if (entry := self.find(tab, state)) is not None and not entry.held:
            entry.held = True
            tab.when_ended(partial(self._release, entry))

    def _release(self, entry: OpenRow) -> None:
        entry.held = False
        if entry.again and self._open.get((entry.tab.token, entry.state)) is entry:
            self._ask(entry)

    def end_tab(self, token: str) -> None:
        """Forget what a tab has open."""
        for known, state in list(self._open):
            if known == token:
                self.leave(token, state)

    async def close(self) -> None:
        """Forget everybody."""
        tasks = [each.task for each in self._open.values() if each.task is not None]
        for token, state in list(self._open):
            self._open[(token, state)].visible = False
            self.leave(token, state)
        self._others.close()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await stop_receiver()

    async def settle(self) -> None:
        """Wait until everybody has looked at what there is to see."""
        while len(self._heard) or any(each.task or each.timer for each in self._open.values()):
            self._progress.clear()
            await self._progress.wait()

    def _listen(self, model: type[Model], by: int) -> None:
        """Hear of what becomes of a model's rows, and of users who may see less than before."""
        for each in {model, user_model() or model}:
            live_models.watch(each, by)
            label = model_label(each)
            before, after = self._wanted[label], self._wanted[label] + by
            self._wanted[label] = after
            if not before:
                live_broadcaster().listen(label, self._hear, self._loop)
            elif not after:
                del self._wanted[label]
                live_broadcaster().unlisten(label, self._hear)

    # -- What changes -------------------------------------------------------------------------

    def _hear(self, change: ModelChange) -> None:
        # In whichever thread commits, a thousand times a second if need be.
        with self._lock:
            first = not len(self._heard)
            self._heard.add(change)
        if first:
            call_in(self._loop, self._distribute)

    def _distribute(self) -> None:
        with self._lock:
            heard = self._heard.take()
        users = user_model()
        label = "" if users is None else model_label(users)
        suspects = {f"user {change.pk}" for change in heard if change.model_label == label}
        for entry in list(self._open.values()):
            if any(entry.concerns(change) for change in heard):
                self._ask(entry)
            if suspects & {entry.owner, "user None"}:
                # Django tells of a logout just before it ends the session.
                entry.free_at = self._loop.time() + settings.LIVE_REFRESH_INTERVAL / 1000
                self._ask(entry)
        self._progress.set()

    def _tell(self, row: Row, besides: OpenRow | None = None) -> None:
        """Have those with a row open see who else has."""
        for entry in list(self._open.values()):
            if entry.row == row and entry is not besides:
                self._ask(entry)

    def _ask(self, entry: OpenRow) -> None:
        """Have a state look at its row again, as soon as its pace allows."""
        if entry.held or entry.task is not None:
            entry.again = True
            return
        if entry.timer is not None:
            # What is heard now may have to be looked at later than what it waits for.
            entry.timer.cancel()
            entry.timer = None
        wait = entry.free_at - self._loop.time()
        if wait > 0:
            entry.timer = self._loop.call_later(wait, self._send, entry)
        else:
            self._send(entry)

    def _send(self, entry: OpenRow) -> None:
        entry.timer, entry.again, entry.due = None, False, True
        entry.free_at = self._loop.time() + settings.LIVE_REFRESH_INTERVAL / 1000
        entry.task = entry.tab.send(f"{entry.state.get_full_name()}.live_look")
        entry.task.add_done_callback(lambda task: self._sent(entry, task))

    def _sent(self, entry: OpenRow, task: asyncio.Task[None]) -> None:
        entry.task = None
        # Asked for in any case: of an error that nobody has looked at, the loop complains.
        failed = task.cancelled() or task.exception() is not None
        if self._open.get((entry.tab.token, entry.state)) is entry:
            if entry.due and not failed:
                # Refused in front of the handler: whoever opened the row is not there any more.
                self.leave(entry.tab.token, entry.state)
            elif failed:
                self.fail(entry)
            elif entry.again:
                self._ask(entry)
        self._progress.set()

    def fail(self, entry: OpenRow) -> None:
        """Look again after a pause: the API could not answer."""
        entry.failures += 1
        pause = settings.LIVE_REFRESH_INTERVAL / 1000 * 2.0 ** min(entry.failures, 16)
        entry.free_at = self._loop.time() + min(pause, LONGEST_PAUSE)
        entry.again = True
        if entry.task is None:
            self._ask(entry)


async def present_names(owners: Iterable[str]) -> list[str]:
    """Give the names of those who are there and still may be."""
    keys = sorted(owner.removeprefix("user ") for owner in owners if is_user(owner))
    if not keys:
        return []
    users = get_user_model()._default_manager.filter(pk__in=keys[:SHOWN_NAMES])
    return sorted([user_name(user) async for user in users if user.is_active])


def is_user(owner: str) -> bool:
    """Tell whether an owner can be a user: what other processes say may be anything."""
    key = get_user_model()._meta.pk
    try:
        key.run_validators(key.to_python(owner.removeprefix("user ")))
    except ValidationError:
        return False
    return owner.startswith("user ") and "\0" not in owner and owner.isprintable()
