"""`LiveListMixin`: a list that follows what is written, whoever writes it."""

from __future__ import annotations

from contextlib import suppress
from contextvars import ContextVar
from typing import Any

from django.db.models import Model

from reflex_drf import bridge
from reflex_drf.errors import ConfigurationError
from reflex_drf.live.audience import Subscription
from reflex_drf.live.changes import ModelChange
from reflex_drf.live.editing import PASSING, EditingHandlers, UnansweredError, looking
from reflex_drf.live.expiry import session_ends_in
from reflex_drf.live.journal import SOMEBODY_ELSE, explain
from reflex_drf.live.looking import find_modifier
from reflex_drf.live.reading import LiveReads, refreshing
from reflex_drf.live.registry import live_models, user_model
from reflex_drf.live.reporting import Reporter
from reflex_drf.live.viewers import Viewers
from reflex_drf.seam.tabs import current_tab
from reflex_drf.state.answers import drop_tab
from reflex_drf.state.calls import operation
from reflex_drf.state.owner import TabOwner
from reflex_drf.state.viewsets import viewset_model

__all__ = ["LiveListMixin"]

# What the API has answered to the refresh that runs.
answered: ContextVar[int] = ContextVar("reflex_drf_live_answered", default=200)


class LiveListMixin(LiveReads, EditingHandlers):
    """Keeps the list of a `ModelState` up to date once `live_subscribe` has run.

    A change is only a reason to read the list again: as the viewer, through the viewset, with the
    search, filters, ordering and page of the moment.
    """

    @classmethod
    def _planned(cls) -> None:
        find_modifier(cls._plan)
        live_models.show(cls._live_model())
        if (users := user_model()) is not None:
            # What becomes of a user may end what he sees.
            live_models.show(users)

    @classmethod
    def _live_model(cls) -> type[Model]:
        model = viewset_model(cls._plan.viewset)
        if model is None:
            raise ConfigurationError(
                f"{cls.__name__} uses LiveListMixin, but {cls._plan.viewset.__name__} does not "
                "say of which model its rows are: set its `queryset`, or `Meta.model` of its "
                "serializer."
            )
        return model._meta.concrete_model or model

    @operation
    async def live_subscribe(self) -> Any:
        """Keep the list up to date until the tab is closed."""
        tab = current_tab()
        if tab is None or not tab.connected:
            return None
        owner = await self.get_state(TabOwner)  # type: ignore[attr-defined]
        viewers = Viewers.of(tab.processor)
        Reporter.of(tab.processor)
        subscription = viewers.subscribe(tab, type(self), self._live_model(), owner._owner)
        if subscription is None:
            # Nothing is read again for a client that asks again and again: no throttle counts it.
            return None
        viewers.expect_end(subscription, await session_ends_in(bridge.current_request()))
        if self._plan.edits and self.editing_id is not None:
            # A page that has connected again still has its form.
            with suppress(UnansweredError):
                return await self._look_again()
        return None

    @operation
    async def live_refresh(self) -> Any:
        """Show what has changed; does nothing unless the server itself has asked for it."""
        viewers, subscription = self._subscription()
        if viewers is None or subscription is None:
            return None
        checks = subscription.unsure
        if (changes := subscription.take()) is None:
            return None
        owner = await self.get_state(TabOwner)  # type: ignore[attr-defined]
        if owner._owner != subscription.owner:
            # Somebody else's tab by now; whoever it is subscribes for himself.
            viewers.end(subscription)
            return None
        if checks:
            viewers.expect_end(subscription, await session_ends_in(bridge.current_request()))
        return await self._catch_up(subscription, changes) if changes else None

    def _is_asked(self) -> bool:
        # What the viewer was told of his own calls, none of the server's takes away.
        return refreshing.get() is None and not looking.get()

    async def _catch_up(self, subscription: Subscription, changes: list[ModelChange]) -> Any:
        token, status = refreshing.set(subscription), answered.set(200)
        reporter = Reporter.of(subscription.tab.processor)
        try:
            answer = await self._apply(changes)
            reporter.note(subscription, explain(self, changes, answered.get()))
            await self._follow_detail(changes)
            return answer
        except UnansweredError as error:
            # Left as it was asked for, it is asked for again.
            subscription.due = changes
            reporter.note(subscription, f"not read, and tried again: {error}")
            return None
        except Exception as error:
            reporter.note(subscription, f"failed, and tried again: {type(error).__name__}")
            raise
        finally:
            refreshing.reset(token)
            answered.reset(status)

    async def apply_live_change(self, change: ModelChange) -> Any:
        """Show one change; override it to show it in another way.

        Not called for changes of which the row is not known: the list is read again for those.
        """
        return await self._reread()

    async def _apply(self, changes: list[ModelChange]) -> Any:
        named = all(change.pk is not None for change in changes)
        if not named or not _overrides(type(self)):
            return await self._reread()
        answers = [await self.apply_live_change(change) for change in changes]
        return [answer for answer in answers if answer is not None] or None

    async def _reread(self) -> Any:
        wanted = self._wanted()
        reply = await self._read(wanted)
        if reply is None:
            answered.set(SOMEBODY_ELSE)
            return drop_tab()
        if reply.status in PASSING:
            raise UnansweredError(f"the API answered {reply.status}")
        answered.set(reply.status)
        # What the viewer was told about his form has nothing to do with this.
        return await self._settle(wanted, reply)

    async def _follow_detail(self, changes: list[ModelChange]) -> None:
        """Read the row that a page shows in full again, if it may be among those changed."""
        shown = str(self.detail_row.get(self._live_model()._meta.pk.name, ""))
        keys = {None if change.pk is None else str(change.pk) for change in changes}
        if shown and not keys & {None, shown}:
            return
        replies = await self._run(*calls) if (calls := self._detail_calls()) else []
        if replies and replies[0].status not in PASSING:
            await self._take_detail(*replies)


def _overrides(state: type[Any]) -> bool:
    for klass in state.__mro__:
        if "apply_live_change" in vars(klass):
            return klass is not LiveListMixin
    return False
