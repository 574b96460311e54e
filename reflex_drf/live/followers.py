"""Which tab has which session and user, so that each is asked anew when one of them changes."""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import dataclass
from typing import Any

from reflex_drf.bridge.fingerprints import fingerprint
from reflex_drf.bridge.scope import EventScope
from reflex_drf.conf import settings
from reflex_drf.live.broadcaster import call_in
from reflex_drf.live.changes import ModelChange
from reflex_drf.live.relay import live_broadcaster, stop_receiver
from reflex_drf.live.sessions import SESSION, USER
from reflex_drf.seam.tabs import Tab, TabProcessor, session_watchers
from reflex_drf.state.owner import TabOwner, known_user

__all__ = ["Followers", "watch_sessions"]

logger = logging.getLogger("reflex_drf.live")

# Seconds between hearing of a change and asking the tab anew. A sign-out is told of just before
# the session ends, and who changes a password keeps a session that is only then renewed.
PAUSES = {SESSION: 0.2, USER: 0.5}
# When anything may have been missed, not all tabs are asked at the same moment.
SPREAD = 2.0
# A session that has lasted longer than it said is asked for again after so many seconds.
PROLONGED = 60.0


@dataclass(slots=True, eq=False)
class Follower:
    """A connection with a session."""

    tab: Tab
    session: str
    # The primary key of its user as text, "" for a visitor.
    user: str
    # When it is asked next, because something has changed.
    check: asyncio.TimerHandle | None = None
    # When its session ends by itself.
    expiry: asyncio.TimerHandle | None = None
    task: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """Ask it no longer."""
        for timer in (self.check, self.expiry):
            if timer is not None:
                timer.cancel()
        self.check = self.expiry = None


class Followers:
    """The connections of one process that have a session; used on the loop of its processor."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._tabs: dict[str, Follower] = {}
        self._names: dict[tuple[str, str], set[str]] = {}
        self._progress = asyncio.Event()

    @classmethod
    def of(cls, processor: TabProcessor) -> Followers:
        """Give those of a process, of which each processor has its own."""
        return processor.companion(cls)

    def __len__(self) -> int:
        return len(self._tabs)

    # -- Coming and going -------------------------------------------------------------------

    def note(self, tab: Tab, key: str, scope: EventScope) -> None:
        """Remember the session and the user that a connection has from now on."""
        known = self._tabs.get(tab.token)
        is_in_doubt = known is not None and known.check is not None
        self.end_tab(tab.token)
        if not key or not tab.sid:
            return
        request = scope.made_request
        user = known_user(request) if request is not None else None
        name = str(user.pk) if user is not None and user.is_authenticated else ""
        if not self._tabs:
            for label in (SESSION, USER):
                live_broadcaster().listen(label, self._hear, self._loop)
        follower = self._tabs[tab.token] = Follower(tab, fingerprint(key), name)
        for found in self._names_of(follower):
            self._names.setdefault(found, set()).add(tab.token)
        if name and (seconds := remaining(request)) is not None:
            follower.expiry = self._loop.call_later(seconds + 1, self._expire, follower)
        if is_in_doubt:
            # The event that has just ended may have begun before what was heard.
            self._plan(follower, PAUSES[USER])

    def _names_of(self, follower: Follower) -> list[tuple[str, str]]:
        named = [(SESSION, follower.session)]
        return [*named, (USER, follower.user)] if follower.user else named

    def end_tab(self, token: str) -> None:
        """Forget a connection."""
        follower = self._tabs.pop(token, None)
        if follower is None:
            return
        follower.stop()
        for found in self._names_of(follower):
            tokens = self._names[found]
            tokens.discard(token)
            if not tokens:
                del self._names[found]
        if not self._tabs:
            for label in (SESSION, USER):
                live_broadcaster().unlisten(label, self._hear)
        self._progress.set()

    async def close(self) -> None:
        """Forget everybody."""
        tasks = [each.task for each in self._tabs.values() if each.task is not None]
        for token in list(self._tabs):
            self.end_tab(token)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await stop_receiver()

    # -- What is heard ----------------------------------------------------------------------

    def _hear(self, change: ModelChange) -> None:
        # In whichever thread commits.
        call_in(self._loop, self._suspect, change)

    def _suspect(self, change: ModelChange) -> None:
        pause = PAUSES[change.model_label]
        if change.pk is None:
            for follower in list(self._tabs.values()):
                self._plan(follower, pause + random.uniform(0, SPREAD))  # noqa: S311
            return
        for token in self._names.get((change.model_label, str(change.pk)), ()):
            self._plan(self._tabs[token], pause)

    def _plan(self, follower: Follower, pause: float) -> None:
        if follower.check is None or follower.check.when() > self._loop.time() + pause:
            if follower.check is not None:
                follower.check.cancel()
            follower.check = self._loop.call_later(pause, self._ask, follower)

    def _expire(self, follower: Follower) -> None:
        # If it was prolonged meanwhile, its new end is not known here.
        follower.expiry = self._loop.call_later(PROLONGED, self._expire, follower)
        self._ask(follower)

    def _ask(self, follower: Follower) -> None:
        """Send the tab an event: whose user is another now is dropped before it is handled."""
        follower.check = None
        if not follower.tab.connected:
            self.end_tab(follower.tab.token)
        elif follower.task is None:
            name = f"{TabOwner.get_full_name()}.follow_session"
            follower.task = follower.tab.send(name)
            follower.task.add_done_callback(lambda task: self._finish(follower, task))
        else:
            # What has happened since is not in the answer that is under way.
            self._plan(follower, PAUSES[SESSION])

    def _finish(self, follower: Follower, task: asyncio.Task[None]) -> None:
        follower.task = None
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.warning("A tab could not be asked for its session: %s", error)
        self._progress.set()

    # -- For tests --------------------------------------------------------------------------

    async def settle(self) -> None:
        """Wait until every tab that was to be asked has answered."""
        # What was published is heard in the next round of the loop.
        await asyncio.sleep(0)
        while any(each.check or each.task for each in self._tabs.values()):
            self._progress.clear()
            await self._progress.wait()


def remaining(request: Any) -> float | None:
    """Give the seconds that a session lasts, if it was read; None if nobody knows."""
    session = getattr(request, "session", None)
    if session is None or not hasattr(session, "_session_cache"):
        # Reading it here would be a query on the event loop.
        return None
    return float(session.get_expiry_age())


def note_session(tab: Tab, key: str, scope: EventScope) -> None:
    """Have a connection followed."""
    if settings.FOLLOW_SESSIONS:
        Followers.of(tab.processor).note(tab, key, scope)


def watch_sessions() -> None:
    """Follow the sessions of all connections of this process; safe to repeat."""
    if note_session not in session_watchers:
        session_watchers.append(note_session)
