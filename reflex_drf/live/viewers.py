"""Who looks at which model, and when each of them is to look again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

from django.db.models import Model

from reflex_drf.conf import settings
from reflex_drf.live.broadcaster import call_in
from reflex_drf.live.changes import Changes, ModelChange, model_label, unknown_rows
from reflex_drf.live.registry import live_models, user_model
from reflex_drf.live.relay import live_broadcaster, stop_receiver
from reflex_drf.live.transports import is_shared

if TYPE_CHECKING:
    from reflex_drf.seam.tabs import Tab, TabProcessor

__all__ = ["Subscription", "Viewers"]

logger = logging.getLogger("reflex_drf.live")

# A refresh that fails is tried again after pauses that double up to this many seconds.
LONGEST_PAUSE = 30.0


@dataclass(slots=True, eq=False)
class Subscription:
    """One state of one tab that shows one model. No task belongs to it."""

    tab: Tab
    state: type[Any]
    model: type[Model]
    # Whose the tab was, and for whom alone it counts.
    owner: str
    changes: Changes = field(default_factory=Changes)
    # What the refresh on its way is for, until its handler takes it.
    due: list[ModelChange] | None = None
    task: asyncio.Task[None] | None = None
    timer: asyncio.TimerHandle | None = None
    # On the clock of the loop, the earliest time for the next refresh.
    free_at: float = 0.0
    failures: int = 0
    ended: bool = False

    @property
    def label(self) -> str:
        """The name of the changes it is about."""
        return model_label(self.model)

    @property
    def event_name(self) -> str:
        """The full name of the handler that refreshes the state."""
        return f"{self.state.get_full_name()}.live_refresh"

    @property
    def busy(self) -> bool:
        """Whether a refresh is under way or waits for its time."""
        return self.task is not None or self.timer is not None

    def take(self) -> list[ModelChange]:
        """Give the changes that the refresh is for; only once, and none if nobody asked for it."""
        due, self.due = self.due or [], None
        return due


class Viewers:
    """The subscriptions of one process, and the pace at which each is refreshed.

    Used on the loop of its processor, but for `_hear`. A change leads to a refresh at once, then
    to one at most in each interval, and never to a second one while the first is under way.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._subscriptions: dict[str, dict[tuple[str, type[Any]], Subscription]] = {}
        self._heard = Changes(1000)
        self._lock = Lock()
        self._progress = asyncio.Event()

    @classmethod
    def of(cls, processor: TabProcessor) -> Viewers:
        """Give the viewers of a process, of which each processor has its own."""
        found = processor.companions.get(cls)
        if found is None:
            found = processor.companions[cls] = cls()
        assert isinstance(found, cls)
        return found

    def __len__(self) -> int:
        return sum(map(len, self._subscriptions.values()))

    def __iter__(self) -> Any:
        return (each for group in list(self._subscriptions.values()) for each in group.values())

    # -- Coming and going -------------------------------------------------------------------

    def subscribe(self, tab: Tab, state: type[Any], model: type[Model], owner: str) -> None:
        """Keep a state up to date from now on; one that is, stays as it is."""
        if (known := self.find(tab, state)) is not None:
            if known.owner == owner and known.tab.sid == tab.sid:
                return
            self.end(known)
        if not self._subscriptions:
            warn_of_workers(tab)
            self._watch_users(1)
        subscription = Subscription(tab, state, model, owner)
        group = self._subscriptions.setdefault(subscription.label, {})
        if not group:
            live_broadcaster().listen(subscription.label, self._hear, self._loop)
        group[(tab.token, state)] = subscription
        live_models.watch(model)
        # What has changed since the list was read, nobody has told it.
        subscription.changes.add(unknown_rows(subscription.label))
        self._plan(subscription)

    def find(self, tab: Tab, state: type[Any]) -> Subscription | None:
        """Give the subscription of a state of a tab."""
        for group in self._subscriptions.values():
            if (found := group.get((tab.token, state))) is not None:
                return found
        return None

    def end(self, subscription: Subscription) -> None:
        """Forget a subscription."""
        if subscription.ended:
            return
        subscription.ended = True
        if subscription.timer is not None:
            subscription.timer.cancel()
            subscription.timer = None
        label = subscription.label
        group = self._subscriptions[label]
        del group[(subscription.tab.token, subscription.state)]
        if not group:
            del self._subscriptions[label]
            live_broadcaster().unlisten(label, self._hear)
        live_models.watch(subscription.model, -1)
        if not self._subscriptions:
            self._watch_users(-1)
        self._progress.set()

    def end_tab(self, token: str) -> None:
        """Forget what a tab has subscribed to."""
        for subscription in [each for each in self if each.tab.token == token]:
            self.end(subscription)

    async def close(self) -> None:
        """Forget everybody."""
        tasks = [each.task for each in self if each.task is not None]
        for subscription in list(self):
            self.end(subscription)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await stop_receiver()

    def _watch_users(self, by: int) -> None:
        """Hear of users who log out, are deactivated, or may see more or less than before."""
        if (users := user_model()) is None:
            return
        live_models.watch(users, by)
        if by > 0:
            live_broadcaster().listen(model_label(users), self._hear, self._loop)
        else:
            live_broadcaster().unlisten(model_label(users), self._hear)

    # -- Changes ----------------------------------------------------------------------------

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
        for label in {change.model_label for change in heard}:
            about = [change for change in heard if change.model_label == label]
            for subscription in list(self._subscriptions.get(label, {}).values()):
                subscription.changes.extend(about)
                self._plan(subscription)
            if (users := user_model()) is not None and label == model_label(users):
                self._suspect({"user " + str(change.pk) for change in about})
        self._progress.set()

    def _suspect(self, owners: set[str]) -> None:
        """Have everything of some users read again, or refused."""
        for subscription in list(self):
            if subscription.owner in owners or "user None" in owners:
                subscription.changes.add(unknown_rows(subscription.label))
                # Django tells of a logout just before it ends the session.
                pause = self._loop.time() + settings.LIVE_REFRESH_INTERVAL / 1000
                subscription.free_at = max(subscription.free_at, pause)
                self._plan(subscription)

    def _plan(self, subscription: Subscription) -> None:
        """Have it refreshed, as soon as its pace allows."""
        if subscription.ended or subscription.busy or not len(subscription.changes):
            return
        wait = subscription.free_at - self._loop.time()
        if wait <= 0:
            self._refresh(subscription)
        else:
            subscription.timer = self._loop.call_later(wait, self._refresh, subscription)

    def _refresh(self, subscription: Subscription) -> None:
        subscription.timer = None
        if not subscription.tab.connected:
            self.end(subscription)
            return
        subscription.free_at = self._loop.time() + settings.LIVE_REFRESH_INTERVAL / 1000
        subscription.due = subscription.changes.take()
        subscription.task = subscription.tab.send(subscription.event_name)
        subscription.task.add_done_callback(lambda task: self._finish(subscription, task))

    def _finish(self, subscription: Subscription, task: asyncio.Task[None]) -> None:
        subscription.task = None
        failed = task.cancelled() or task.exception() is not None
        if failed or subscription.due is not None:
            # It ended in an error, or something in front of the handler refused it.
            self.fail(subscription)
        else:
            subscription.failures = 0
        self._plan(subscription)
        self._progress.set()

    def fail(self, subscription: Subscription) -> None:
        """Have everything read again after a pause: what failed has shown nothing."""
        subscription.due = None
        subscription.failures += 1
        interval = settings.LIVE_REFRESH_INTERVAL / 1000
        pause = min(interval * 2.0 ** min(subscription.failures, 16), LONGEST_PAUSE)
        subscription.free_at = self._loop.time() + pause
        subscription.changes.add(unknown_rows(subscription.label))
        logger.info("%s could not be refreshed.", subscription.state.__name__)

    # -- For tests --------------------------------------------------------------------------

    def _waits(self) -> Iterable[bool]:
        with self._lock:
            yield bool(len(self._heard))
        yield from (each.busy for each in self)

    async def settle(self) -> None:
        """Wait until everything that was published has arrived."""
        while any(self._waits()):
            self._progress.clear()
            await self._progress.wait()


def warn_of_workers(tab: Tab) -> None:
    """Say that other workers do not hear of what is written here, if there may be some."""
    if tab.processor.shares_states and not is_shared():
        logger.warning(
            "States are shared between workers, but live changes stay in the worker that made "
            'them: set REFLEX_DRF["LIVE_TRANSPORT"] to "redis" or "postgres".'
        )
