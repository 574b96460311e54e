"""Who looks at which model, and who of them is refreshed just now."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from django.db.models import Model

from reflex_drf.live.audience import Audience, Subscription, refresh_interval
from reflex_drf.live.broadcaster import call_in
from reflex_drf.live.changes import Changes, ModelChange, model_label, unknown_rows
from reflex_drf.live.registry import live_models, user_model
from reflex_drf.live.relay import live_broadcaster, stop_receiver
from reflex_drf.live.sharing import SharedReads
from reflex_drf.live.transports import is_shared
from reflex_drf.seam.tabs import current_tab

if TYPE_CHECKING:
    from reflex_drf.seam.tabs import Tab, TabProcessor

__all__ = ["Subscription", "Viewers"]

logger = logging.getLogger("reflex_drf.live")

# A refresh that fails is tried again after pauses that double up to this many seconds.
LONGEST_PAUSE = 30.0
# How many refreshes are on their way at a time, and after how many seconds one counts no more.
AT_ONCE, PATIENCE = 50, 1.0
# Seconds for which shared answers are kept once nobody is refreshed.
KEPT = 1.0


class Viewers:
    """The subscriptions of one process, and their refreshes.

    Used on the loop of its processor, but for `_hear` and `now`.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._audiences: dict[str, Audience] = {}
        self._heard = Changes(1000)
        self._counts: Counter[str] = Counter()
        # The tabs in whose events those changes were made.
        self._writers: dict[str, Tab] = {}
        # Changes are numbered, so that it can be told which of them a read must have seen.
        self._number = 0
        self._lock = Lock()
        self._progress = asyncio.Event()
        self.reads = SharedReads(self.now)
        self._ready: deque[Subscription] = deque()
        self._places = AT_ONCE
        self._tasks = 0
        self._forgetting: asyncio.TimerHandle | None = None

    @classmethod
    def of(cls, processor: TabProcessor) -> Viewers:
        """Give the viewers of a process, of which each processor has its own."""
        return processor.companion(cls)

    def __len__(self) -> int:
        return sum(len(each.subscriptions) for each in self._audiences.values())

    def __iter__(self) -> Iterator[Subscription]:
        return (
            each
            for audience in list(self._audiences.values())
            for each in list(audience.subscriptions.values())
        )

    def now(self) -> int:
        """Give the number of the last change that was heard: who reads now, reads it too."""
        return self._number

    def _next_number(self) -> int:
        with self._lock:
            self._number += 1
            return self._number

    # -- Coming and going -------------------------------------------------------------------

    def subscribe(
        self, tab: Tab, state: type[Any], model: type[Model], owner: str
    ) -> Subscription | None:
        """Keep a state up to date from now on; None if that one is already."""
        if (known := self.find(tab, state)) is not None:
            if known.owner == owner and known.tab.sid == tab.sid:
                return None
            self.end(known)
        if not self._audiences:
            warn_of_workers(tab)
            self._watch_users(1)
        subscription = Subscription(tab, state, model, owner)
        label = subscription.label
        audience = self._audiences.get(label)
        if audience is None:
            audience = self._audiences[label] = Audience(
                self._loop, self._refresh, self._progress.set
            )
            live_broadcaster().listen(label, self._hear, self._loop)
        audience.subscriptions[(tab.token, state)] = subscription
        live_models.watch(model)
        # What has changed since the list was read, nobody has told it.
        self._miss(subscription)
        return subscription

    def find(self, tab: Tab, state: type[Any]) -> Subscription | None:
        """Give the subscription of a state of a tab."""
        for audience in self._audiences.values():
            if (found := audience.subscriptions.get((tab.token, state))) is not None:
                return found
        return None

    def end(self, subscription: Subscription) -> None:
        """Forget a subscription."""
        if subscription.ended:
            return
        subscription.ended = True
        if subscription.expiry is not None:
            subscription.expiry.cancel()
        label = subscription.label
        audience = self._audiences[label]
        audience.drop(subscription)
        del audience.subscriptions[(subscription.tab.token, subscription.state)]
        if not audience.subscriptions:
            del self._audiences[label]
            live_broadcaster().unlisten(label, self._hear)
        live_models.watch(subscription.model, -1)
        if not self._audiences:
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
        if self._forgetting is not None:
            self._forgetting.cancel()
        self.reads.clear()
        await stop_receiver()

    def expect_end(self, subscription: Subscription, seconds: float | None) -> None:
        """Ask who the viewer is when his session may have ended."""
        if subscription.expiry is not None:
            subscription.expiry.cancel()
            subscription.expiry = None
        if seconds is not None and not subscription.ended:
            subscription.expiry = self._loop.call_later(seconds, self._doubt, subscription)

    def _doubt(self, subscription: Subscription) -> None:
        subscription.expiry = None
        subscription.unsure = True
        self._plan(subscription)

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
        # In whichever thread commits, a thousand times a second if need be, and in the context of
        # the event that wrote, if it was one.
        tab = current_tab()
        with self._lock:
            first = not len(self._heard)
            self._number += 1
            self._heard.add(change)
            self._counts[change.model_label] += 1
            if tab is not None and not tab.background:
                self._writers[tab.token] = tab
        if first:
            call_in(self._loop, self._distribute)

    def _distribute(self) -> None:
        with self._lock:
            number, heard = self._number, self._heard.take()
            writers, self._writers = self._writers, {}
            counts, self._counts = self._counts, Counter()
        users = user_model()
        for label in {change.model_label for change in heard}:
            about = [change for change in heard if change.model_label == label]
            if (audience := self._audiences.get(label)) is not None:
                audience.hear(counts[label])
                for subscription in audience.subscriptions.values():
                    subscription.changes.extend(about)
                    subscription.since = number
                    self._plan_after(writers.get(subscription.tab.token), subscription)
            if users is not None and label == model_label(users):
                self._suspect({"user " + str(change.pk) for change in about})
        self._progress.set()

    def _plan_after(self, writer: Tab | None, subscription: Subscription) -> None:
        if writer is None:
            self._plan(subscription)
        else:
            # Its handler holds the state anyway, and likely reads the list itself.
            writer.when_ended(lambda: self._plan(subscription))

    def _suspect(self, owners: set[str]) -> None:
        """Have everything of some users read again, or refused."""
        for subscription in self:
            if subscription.owner in owners or "user None" in owners:
                # Django tells of a logout just before it ends the session.
                pause = self._loop.time() + refresh_interval()
                subscription.free_at = max(subscription.free_at, pause)
                self._miss(subscription)

    def _miss(self, subscription: Subscription) -> None:
        """Have everything read again, by a read that begins only now."""
        subscription.changes.add(unknown_rows(subscription.label))
        subscription.since = self._next_number()
        self._plan(subscription)

    def _plan(self, subscription: Subscription) -> None:
        """Have it refreshed, as soon as its pace allows."""
        if (audience := self._audiences.get(subscription.label)) is not None:
            audience.plan(subscription)
        self._progress.set()

    # -- Refreshes --------------------------------------------------------------------------

    def _refresh(self, subscription: Subscription) -> None:
        subscription.free_at = self._loop.time() + refresh_interval()
        subscription.due, subscription.due_since = subscription.changes.take(), subscription.since
        subscription.busy = True
        self._ready.append(subscription)
        self._send()

    def _send(self) -> None:
        """Send events, only so many at a time: the viewers' own ones would wait behind them."""
        while self._ready and self._places > 0:
            subscription = self._ready.popleft()
            if subscription.ended or not subscription.tab.connected:
                subscription.busy = False
                self.end(subscription)
                continue
            self._places -= 1
            # Whose own handler runs for long, keeps nobody else waiting.
            subscription.place = self._loop.call_later(PATIENCE, self._give_way, subscription)
            self._tasks += 1
            subscription.task = subscription.tab.send(subscription.event_name)
            subscription.task.add_done_callback(partial(self._finish, subscription))

    def _give_way(self, subscription: Subscription) -> None:
        if subscription.place is not None:
            subscription.place.cancel()
            subscription.place = None
            self._places += 1
            self._send()

    def _finish(self, subscription: Subscription, task: asyncio.Task[None]) -> None:
        subscription.task, subscription.busy = None, False
        self._tasks -= 1
        self._give_way(subscription)
        if self._forgetting is None:
            self._forgetting = self._loop.call_later(KEPT, self._forget_reads)
        failed = task.cancelled() or task.exception() is not None
        if failed or subscription.due is not None:
            # It ended in an error, or something in front of the handler refused it.
            self.fail(subscription)
        else:
            subscription.failures = 0
            self._plan(subscription)
        self._progress.set()

    def _forget_reads(self) -> None:
        self._forgetting = None
        if self._tasks:
            self._forgetting = self._loop.call_later(KEPT, self._forget_reads)
        else:
            self.reads.clear()

    def fail(self, subscription: Subscription) -> None:
        """Have everything read again after a pause: what failed has shown nothing."""
        subscription.due = None
        subscription.failures += 1
        longest = min(refresh_interval() * 2.0 ** min(subscription.failures, 16), LONGEST_PAUSE)
        subscription.free_at = self._loop.time() + longest
        logger.info("%s could not be refreshed.", subscription.state.__name__)
        self._miss(subscription)

    # -- For tests --------------------------------------------------------------------------

    def _waits(self) -> Iterable[bool]:
        with self._lock:
            yield bool(len(self._heard))
        yield from (audience.waits for audience in self._audiences.values())
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
