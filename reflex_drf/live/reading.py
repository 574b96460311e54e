"""How a live list is read: together with other viewers, and never twice for the same change."""

from __future__ import annotations

import functools
from collections.abc import Hashable
from contextvars import ContextVar
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.utils import translation

from reflex_drf import bridge
from reflex_drf.backends import Call, Page, Reply
from reflex_drf.backends.inprocess import without_throttles
from reflex_drf.backends.watching import Dependencies
from reflex_drf.live.audience import Subscription
from reflex_drf.live.viewers import Viewers
from reflex_drf.seam.tabs import current_tab
from reflex_drf.state.handlers import ListHandlers, Wanted
from reflex_drf.state.hooks import ModelHooks
from reflex_drf.state.model import UserScopedMixin
from reflex_drf.state.owner import identify, known_user

if TYPE_CHECKING:
    from reflex_drf.state.plan import Plan

__all__ = ["LiveReads", "refreshing"]

# Set while a refresh runs that the server, and not the viewer, asked for.
refreshing: ContextVar[Subscription | None] = ContextVar("reflex_drf_refreshing", default=None)
# What a state may put around the view's own reading; as these classes have it, it depends on
# nothing but the user.
READING_HOOKS = ("get_queryset", "filter_queryset", "_scope_queryset")
OWN = (ModelHooks, UserScopedMixin)


class LiveReads(ListHandlers):
    """Reads the list of a live state."""

    def _subscription(self) -> tuple[Viewers, Subscription] | tuple[None, None]:
        tab = current_tab()
        viewers = None if tab is None else tab.processor.companions.get(Viewers)
        if tab is None or not isinstance(viewers, Viewers):
            return None, None
        found = viewers.find(tab, type(self))
        return (viewers, found) if found is not None else (None, None)

    async def _read(self, wanted: Wanted) -> Reply | None:
        subscription = refreshing.get()
        if subscription is None or not may_share(type(self)):  # type: ignore[arg-type]
            return await super()._read(wanted)
        call, origin = self._list_call(wanted), bridge.event_origin()
        question = make_question(type(self), call, origin)
        if question is None:
            return await super()._read(wanted)

        async def ask(dependencies: Dependencies) -> Reply | None:
            replies = await self._run(replace(call, dependencies=dependencies))
            return None if replies is None else replies[0]

        reads = Viewers.of(subscription.tab.processor).reads
        reply, subscription.reads = await reads.get(question, origin, subscription.due_since, ask)
        return reply

    def _list_call(self, wanted: Wanted) -> Call:
        call = super()._list_call(wanted)
        viewers, subscription = self._subscription()
        prepare = call.prepare
        if viewers is None or subscription is None or prepare is None:
            return call

        def note(view: Any) -> Any:
            # Just before it reads: what was heard until now, the list will show.
            subscription.reads = viewers.now()
            # What it gives back is run once the view has decided who may do what.
            return prepare(view)

        return replace(call, prepare=note)

    def _show(self, wanted: Wanted, rows: list[Any], page: Page) -> None:
        super()._show(wanted, rows, page)
        _, subscription = self._subscription()
        if subscription is not None:
            subscription.covered = max(subscription.covered, subscription.reads)

    def _prepare(self, plan: Plan, action: str, view: Any) -> None:
        super()._prepare(plan, action, view)
        if refreshing.get() is not None and action in ("list", "retrieve"):
            without_throttles(view)


@functools.cache
def may_share(state: Any) -> bool:
    """Tell whether what a list shows depends on nothing but the view and its request."""
    plan: Plan = state._plan
    if not plan.in_process or plan.options.shared_reads is not None:
        return plan.in_process and bool(plan.options.shared_reads)
    # A hook of the project's own may read the vars of the state, or anything else.
    return all(defined_by(state, name) in OWN for name in READING_HOOKS)


def defined_by(state: type[Any], name: str) -> type[Any]:
    """Give the class that a method comes from."""
    return next(klass for klass in state.__mro__ if name in vars(klass))


def make_question(state: type[Any], call: Call, origin: HttpRequest) -> Hashable | None:
    """Name a read by all that it certainly depends on; None for one that is nobody else's."""
    user = known_user(origin)
    if user is None or getattr(origin, "_force_auth_user", None) is not None:
        return None
    return (
        state,
        (type(user), getattr(user, "backend", ""), identify(user)),
        repr(sorted(call.kwargs.items())),
        repr(sorted(call.query.items())),
        # What leads to the view, besides the URL.
        (origin.scheme, origin.META.get("SCRIPT_NAME", "")),
        repr((getattr(origin, "urlconf", None), vars(origin).get("base_urlconf"))),
        (getattr(origin, "LANGUAGE_CODE", None), translation.get_language()),
    )
