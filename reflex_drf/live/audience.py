"""The viewers of one model, who are refreshed together and not more often than they can follow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db.models import Model

from reflex_drf.conf import settings
from reflex_drf.live.changes import Changes, ModelChange, model_label

if TYPE_CHECKING:
    from reflex_drf.seam.tabs import Tab

__all__ = ["Audience", "Subscription", "refresh_interval"]

# More changes than this between two refreshes are a burst, which is followed at this pace.
MANY, SLOW = 20, 0.5
# A timer may come as much too early as the clock is coarse.
TOLERANCE = 0.001


def refresh_interval() -> float:
    """Give the seconds between two refreshes of a viewer."""
    return float(settings.LIVE_REFRESH_INTERVAL) / 1000


@dataclass(slots=True, eq=False)
class Subscription:
    """One state of one tab that shows one model. No task belongs to it."""

    tab: Tab
    state: type[Any]
    model: type[Model]
    # Whose the tab was, and for whom alone it counts.
    owner: str
    changes: Changes = field(default_factory=Changes)
    # The number of the last of them, and of the last that the list on the page shows already.
    since: int = 0
    covered: int = 0
    # The number of the last change that a read under way will show.
    reads: int = 0
    # What the refresh on its way is for, until its handler takes it; an empty list only asks who
    # the viewer is.
    due: list[ModelChange] | None = None
    due_since: int = 0
    # On its way, or about to be.
    busy: bool = False
    task: asyncio.Task[None] | None = None
    # Whether the viewer's session has to be asked for again.
    unsure: bool = False
    # When the session ends, unless it is prolonged.
    expiry: asyncio.TimerHandle | None = None
    # Holds one of the places of those who are refreshed at the same time.
    place: asyncio.TimerHandle | None = None
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

    def wants(self) -> bool:
        """Tell whether there is a reason to refresh it, and forget those that are none any more."""
        if len(self.changes) and self.since <= self.covered:
            # The viewer has read the list since, as after his own writing.
            self.changes.take()
        return not self.ended and (self.unsure or len(self.changes) > 0)

    def take(self) -> list[ModelChange] | None:
        """Give what the refresh is for; only once, and None if nobody asked for it."""
        due, self.due, self.unsure = self.due, None, False
        if due and self.due_since <= self.covered:
            return []
        return due


class Audience:
    """All subscriptions to one model, and the waves in which they are refreshed.

    A change leads to a wave at once, then to one at most in each interval. Who is still busy
    with the last wave joins the next one.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        refresh: Callable[[Subscription], None],
        idle: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._refresh = refresh
        self._idle = idle
        self.subscriptions: dict[tuple[str, type[Any]], Subscription] = {}
        # In the order in which they came; a set would have none.
        self._waiting: dict[Subscription, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        # Of the last wave, and the earliest time for the next one.
        self._last = self._free_at = float("-inf")
        self._heard = 0

    @property
    def waits(self) -> bool:
        """Whether a wave is to come."""
        return bool(self._waiting)

    def hear(self, count: int) -> None:
        """Count changes, of which a burst has many."""
        self._heard += count

    def plan(self, subscription: Subscription) -> None:
        """Have a subscription refreshed with the next wave, if there is a reason to."""
        if not subscription.busy and subscription.wants():
            self._waiting[subscription] = None
            self._arm(subscription.free_at)

    def drop(self, subscription: Subscription) -> None:
        """Let a subscription wait no longer."""
        self._waiting.pop(subscription, None)
        if not self._waiting and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, time: float) -> None:
        time = max(time, self._free_at, self._loop.time())
        if self._timer is not None and self._timer.when() <= time:
            return
        if self._timer is not None:
            self._timer.cancel()
        # Also a wave that is due at once comes with the next turn of the loop, with all of it.
        self._timer = self._loop.call_at(time, self._go)

    def _go(self) -> None:
        self._timer = None
        now = self._loop.time() + TOLERANCE
        if self._heard > MANY and now < self._last + SLOW:
            self._free_at = self._last + SLOW
            self._arm(self._free_at)
            return
        due = [each for each in self._waiting if each.free_at <= now]
        if due:
            self._begin_wave()
        for subscription in due:
            del self._waiting[subscription]
            if subscription.wants():
                self._refresh(subscription)
            else:
                # It has read what it waited for by itself.
                self._idle()
        if self._waiting:
            self._arm(min(each.free_at for each in self._waiting))

    def _begin_wave(self) -> None:
        self._last = self._loop.time()
        self._free_at = self._last + refresh_interval()
        self._heard = 0
