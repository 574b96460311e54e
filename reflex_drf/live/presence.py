"""Who has which row open: known to this process, and shown to those with the same row open."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model

from reflex_drf.conf import settings
from reflex_drf.live.broadcaster import call_in
from reflex_drf.live.changes import ModelChange, model_label
from reflex_drf.live.looking import user_name
from reflex_drf.live.registry import live_models, user_model
from reflex_drf.live.relay import live_broadcaster

if TYPE_CHECKING:
    from reflex_drf.seam.tabs import Tab, TabProcessor

__all__ = ["Opened", "Presence", "present_names"]

# More names than this help nobody.
SHOWN_NAMES = 20
Row = tuple[str, str]


@dataclass(slots=True, eq=False)
class Opened:
    """One row that is open in the form of one state of one tab."""

    tab: Tab
    state: type[Any]
    row: Row
    # As `TabOwner` has it; names are looked up when they are shown.
    owner: str
    due: bool = False
    again: bool = False
    task: asyncio.Task[None] | None = None

    def take(self) -> bool:
        """Tell whether the server has asked for the event that runs; only once."""
        due, self.due = self.due, False
        return due


class Presence:
    """The open rows of one process, used on the loop of its processor but for `_hear`.

    An entry ends with its form, with its connection, and with the user behind it.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._opened: dict[tuple[str, type[Any]], Opened] = {}
        self._timers: set[asyncio.TimerHandle] = set()
        self._progress = asyncio.Event()

    @classmethod
    def of(cls, processor: TabProcessor) -> Presence:
        """Give the open rows of a process, of which each processor has its own."""
        found = processor.companions.get(cls)
        if found is None:
            found = processor.companions[cls] = cls()
        assert isinstance(found, cls)
        return found

    def __len__(self) -> int:
        return len(self._opened)

    def find(self, tab: Tab, state: type[Any]) -> Opened | None:
        """Give what a state of a tab has open."""
        return self._opened.get((tab.token, state))

    def others(self, row: Row, owner: str) -> set[str]:
        """Give who else has a row open."""
        here = {
            each.owner for each in self._opened.values() if each.row == row and each.tab.connected
        }
        return here - {owner}

    def enter(self, tab: Tab, state: type[Any], row: Row, owner: str) -> None:
        """Note that a state of a tab has a row open, and no other one any longer."""
        known = self.find(tab, state)
        if known is not None:
            if (known.row, known.owner, known.tab.sid) == (row, owner, tab.sid):
                return
            self.leave(tab.token, state)
        if not self._opened:
            self._follow_users(1)
        self._opened[(tab.token, state)] = opened = Opened(tab, state, row, owner)
        self._tell(row, besides=opened)

    def leave(self, token: str, state: type[Any]) -> None:
        """Note that a state of a tab has no row open."""
        opened = self._opened.pop((token, state), None)
        if opened is None:
            return
        if not self._opened:
            self._follow_users(-1)
        self._tell(opened.row)
        self._progress.set()

    def end_tab(self, token: str) -> None:
        """Forget what a tab has open."""
        for known, state in list(self._opened):
            if known == token:
                self.leave(token, state)

    async def close(self) -> None:
        """Forget everybody."""
        tasks = [each.task for each in self._opened.values() if each.task is not None]
        if self._opened:
            self._follow_users(-1)
        self._opened.clear()
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def settle(self) -> None:
        """Wait until everybody knows who else is there."""
        while self._timers or any(each.task is not None for each in self._opened.values()):
            self._progress.clear()
            await self._progress.wait()

    # -- Telling those with the same row open -------------------------------------------------

    def _tell(self, row: Row, besides: Opened | None = None) -> None:
        for each in list(self._opened.values()):
            if each.row == row and each is not besides:
                self._ask(each)

    def _ask(self, opened: Opened) -> None:
        """Have a state show who is there, once more if it is just doing that."""
        if opened.task is not None:
            opened.again = True
            return
        opened.due, opened.again = True, False
        opened.task = opened.tab.send(f"{opened.state.get_full_name()}.live_presence")
        opened.task.add_done_callback(lambda task: self._asked(opened, task))

    def _asked(self, opened: Opened, task: asyncio.Task[None]) -> None:
        opened.task = None
        failed = task.cancelled() or task.exception() is not None
        if opened.due and not failed:
            # Refused in front of the handler: whoever opened the row is not there any more.
            if self._opened.get((opened.tab.token, opened.state)) is opened:
                self.leave(opened.tab.token, opened.state)
        elif opened.again:
            self._ask(opened)
        self._progress.set()

    # -- Users who log out, or may see less than before ---------------------------------------

    def _follow_users(self, by: int) -> None:
        if (users := user_model()) is None:
            return
        live_models.watch(users, by)
        if by > 0:
            live_broadcaster().listen(model_label(users), self._hear, self._loop)
        else:
            live_broadcaster().unlisten(model_label(users), self._hear)

    def _hear(self, change: ModelChange) -> None:
        # In whichever thread commits.
        call_in(self._loop, self._suspect, None if change.pk is None else f"user {change.pk}")

    def _suspect(self, owner: str | None) -> None:
        def ask() -> None:
            self._timers.discard(timer)
            for each in list(self._opened.values()):
                if owner in (None, each.owner):
                    self._ask(each)
            self._progress.set()

        # Django tells of a logout just before it ends the session.
        timer = self._loop.call_later(settings.LIVE_REFRESH_INTERVAL / 1000, ask)
        self._timers.add(timer)


async def present_names(owners: Iterable[str]) -> list[str]:
    """Give the names of those who are there and still may be."""
    keys = sorted(owner.removeprefix("user ") for owner in owners if owner.startswith("user "))
    if not keys:
        return []
    users = get_user_model()._default_manager.filter(pk__in=keys[:SHOWN_NAMES])
    return sorted([user_name(user) async for user in users if user.is_active])
