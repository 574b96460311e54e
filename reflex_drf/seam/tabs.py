"""What the server itself can do with a connected tab: send it an event, and hear of its end.

What the processor of the seam is based on. Of Reflex's own it uses the processor's root
context and `_on_disconnect`, and which connections the namespace knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeVar

from reflex_base.event import Event
from reflex_base.event.processor import BaseStateEventProcessor, EventQueueEntry
from reflex_base.registry import RegisteredEventHandler

from reflex_drf.bridge.scope import EventScope

__all__ = [
    "Companion",
    "Connections",
    "Tab",
    "TabProcessor",
    "current_tab",
    "session_watchers",
    "tab_var",
]


class Companion(Protocol):
    """Something that lives as long as a processor and follows its tabs."""

    def end_tab(self, token: str) -> None:
        """Called when the connection of a tab has ended, or belongs to somebody else."""

    async def close(self) -> None:
        """Called when the processor stops."""

    async def settle(self) -> None:
        """Wait until nothing of it is under way."""


# Told of each connection which session it has: once its page has loaded, and when it gets another.
SessionWatcher = Callable[["Tab", str, EventScope], None]
session_watchers: list[SessionWatcher] = []


C = TypeVar("C", bound=Companion)


class Connections:
    """The tabs of a worker without sockets, as a namespace of sockets tells of its own."""

    tabs: dict[str, Any]
    processor: Any

    @property
    def sid_to_token(self) -> dict[str, str]:
        """Which tab each connection belongs to."""
        return {tab.sid: token for token, tab in self.tabs.items()}

    async def settle(self) -> None:
        """Wait until the live updates that are under way have arrived at the tabs."""
        for companion in self.processor.companions.values():
            await companion.settle()


class TabProcessor(BaseStateEventProcessor):
    """Knows which tabs are connected and queues events that no browser asked for."""

    def configure(self, *, event_namespace: Any = None, **options: Any) -> Self:
        """Configure, and keep the namespace, which knows the connections."""
        self._namespace = event_namespace
        super().configure(event_namespace=event_namespace, **options)
        return self

    async def start(self) -> None:
        """Start with nothing attached."""
        self.companions: dict[type, Companion] = {}
        # Of the events that the server itself has queued, the connection each is for.
        self._own_events: dict[str, str] = {}
        await super().start()
        self._own_context: Context = copy_context()

    async def stop(self, graceful_shutdown_timeout: float | None = None) -> None:
        """End what is attached before the queue ends."""
        await self._end_companions()
        await super().stop(graceful_shutdown_timeout)
        # Handlers that still ran meanwhile may have attached something anew.
        await self._end_companions()

    async def _end_companions(self) -> None:
        companions, self.companions = self.companions, {}
        for companion in companions.values():
            await companion.close()

    def companion(self, kind: type[C], *args: Any) -> C:
        """Give the one companion of a kind, made for whoever asks first."""
        found = self.companions.get(kind)
        if found is None:
            found = self.companions[kind] = kind(*args)
        assert isinstance(found, kind)
        return found

    def _on_disconnect(self, token: str) -> None:
        super()._on_disconnect(token)
        self.forget(token)

    def note_session(self, token: str, sid: str, key: str, scope: EventScope) -> None:
        """Tell whoever wants to know which session a connection has, "" for none."""
        if not self.is_connected(token, sid):
            # It has ended during the event, or never was the tab's own, as that of an upload.
            return
        for watcher in session_watchers:
            watcher(Tab(self, token, sid), key, scope)

    @property
    def shares_states(self) -> bool:
        """Whether other processes serve the same tabs."""
        assert self._root_context is not None, "only a configured processor has states"
        # Asked by name, because the manager's module needs the redis package.
        return "redis" in type(self._root_context.state_manager).__module__

    def is_connected(self, token: str, sid: str) -> bool:
        """Tell whether a tab still has the connection of this id."""
        return self._namespace is None or self._namespace.sid_to_token.get(sid) == token

    def send(self, tab: Tab, name: str) -> asyncio.Task[None]:
        """Queue an event of the server's own for a tab, and give a task that ends with it.

        Whoever causes it, such as another user's event, hands nothing of his own context over:
        the event belongs to nobody's chain and takes its credentials from the tab's handshake.
        """
        loop = asyncio.get_running_loop()
        return loop.create_task(self._send(tab, name), context=self._own_context.copy())

    async def _send(self, tab: Tab, name: str) -> None:
        assert self._root_context is not None, "only a started processor has tabs"
        context = self._root_context.fork(token=tab.token)
        self._own_events[context.txid] = tab.sid
        try:
            future = await self.enqueue(tab.token, Event(name=name, payload={}), context)
            # Not awaited itself: who ends this task must not end a handler in the middle.
            await asyncio.wait([future])
            future.result()
        finally:
            del self._own_events[context.txid]

    async def _execute_event(
        self, *, entry: EventQueueEntry, registered_handler: RegisteredEventHandler
    ) -> None:
        token, router_data = entry.ctx.token, entry.ctx.router_data
        sid = router_data.get("sid") or self._own_events.get(entry.ctx.txid)
        if sid is None and self._namespace is not None:
            # An upload comes by another connection than the tab's own.
            known = self._namespace.sid_to_token.items()
            sid = next((sid for sid, owner in known if owner == token), None)
        tab = Tab(self, token, sid or "", registered_handler.handler.is_background)
        tab_var.set(tab)
        try:
            await super()._execute_event(entry=entry, registered_handler=registered_handler)
        finally:
            tab.end()

    def forget(self, token: str) -> None:
        """End what is attached to a tab whose user is another one now."""
        for companion in self.companions.values():
            companion.end_tab(token)


@dataclass(slots=True, eq=False)
class Tab:
    """The connection of one browser tab to this process, as one event knows it."""

    processor: TabProcessor
    token: str
    sid: str
    # Whether the event runs beside others of its tab, maybe for hours.
    background: bool = False
    # What is to be done once the event has ended, and whether it has.
    _later: list[Callable[[], None]] | None = None
    _ended: bool = False

    @property
    def connected(self) -> bool:
        """Whether this very connection is still open."""
        return self.processor.is_connected(self.token, self.sid)

    def send(self, name: str) -> asyncio.Task[None]:
        """Queue an event of the server's own for this tab."""
        return self.processor.send(self, name)

    def when_ended(self, callback: Callable[[], None]) -> None:
        """Call a function once the event that knows this tab has ended, on its loop."""
        if self._ended:
            callback()
        elif self._later is None:
            self._later = [callback]
        else:
            self._later.append(callback)

    def end(self) -> None:
        """Do what had to wait for the end of the event."""
        self._ended = True
        if self._later is not None:
            later, self._later = self._later, None
            for callback in later:
                callback()


tab_var: ContextVar[Tab | None] = ContextVar("reflex_drf_tab", default=None)


def current_tab() -> Tab | None:
    """Give the tab whose event this code runs in, None outside of events."""
    return tab_var.get()
