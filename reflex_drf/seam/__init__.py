"""The one place that touches Reflex's internals: every event becomes a Django request here.

Two official hooks carry it. A subclass of the event processor wraps the execution of each event,
so that the project's middleware runs around the handler; a Reflex middleware compares the user
with the owner of the tab, once the state is loaded and before the handler sees it. The only
private attribute used is `app._event_processor`, where the subclass takes its place.

Import this module before the app is compiled: `TabOwner` is a state, and the compiled page and
the server have to agree on the states there are.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import importlib.metadata
import logging
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

import reflex as rx
from reflex.istate.manager.token import BaseStateToken
from reflex.state import BaseState, EventHandlerSetVar
from reflex_base.event import Event
from reflex_base.event.context import EventContext
from reflex_base.event.processor import EventQueueEntry
from reflex_base.event.processor.base_state_processor import chain_updates
from reflex_base.event.processor.future import EventFuture
from reflex_base.registry import RegisteredEventHandler, RegistrationContext
from reflex_base.utils.format import sanitize_client_log_value

from reflex_drf.auth.page_guards import Load, PageGuards
from reflex_drf.bridge.middleware import reset_locale, run_phases
from reflex_drf.bridge.scope import EventScope
from reflex_drf.bridge.threads import routed_threads, shutdown
from reflex_drf.bridge.visits import Visit, Visits
from reflex_drf.errors import ConfigurationError
from reflex_drf.seam.delivery import DeliveringProcessor
from reflex_drf.seam.endings import EndingProcessor
from reflex_drf.seam.handlers import HandlerFacts, is_deferred, takes_files
from reflex_drf.seam.tabs import TabProcessor
from reflex_drf.state.gate import OwnerMiddleware, Sender, sender_var
from reflex_drf.state.owner import TabOwner
from reflex_drf.state.payload import UnfitPayloadError, fit_payload, has_setter

__all__ = [
    "ReflexDRFEventProcessor",
    "check_version",
    "find_substate",
    "install",
    "is_deferred",
    "upload_headers",
]
logger = logging.getLogger(__name__)

SUPPORTED = ("0.10.1", "0.11")

# Set by the ASGI guard to the headers of a `POST /_upload`, names in lower case, while Reflex
# handles it. Such an event comes without router data; its authority is the cookies of this very
# HTTP request, never those of the socket whose token it names.
upload_headers: ContextVar[dict[str, str] | None] = ContextVar("upload_headers", default=None)

# Marks router data made from an upload request; chained events inherit it with the rest.
UPLOAD = "reflex_drf_upload"


def check_version() -> None:
    """Refuse a Reflex whose event processor was not tried with this package."""
    installed = importlib.metadata.version("reflex")
    if not parse_version(SUPPORTED[0]) <= parse_version(installed) < parse_version(SUPPORTED[1]):
        raise ConfigurationError(
            f"reflex_drf works with Reflex >={SUPPORTED[0]},<{SUPPORTED[1]}, and {installed} is "
            f'installed. Run: pip install "reflex>={SUPPORTED[0]},<{SUPPORTED[1]}"'
        )


def parse_version(version: str) -> tuple[int, ...]:
    """Give the numbers of a version; a pre-release counts as the release it leads to."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


class Arrival(Sender):
    """One event on its way to its handler."""

    load: Load | None = None
    guards: tuple[Any, ...] = ()

    def __init__(
        self,
        processor: ReflexDRFEventProcessor,
        entry: EventQueueEntry,
        facts: HandlerFacts,
        visit: Visit,
        router_data: Mapping[str, Any],
        run: Callable[..., Awaitable[None]],
    ) -> None:
        self.processor, self.entry, self.facts, self.visit = processor, entry, facts, visit
        self.router_data, self.run, self.context = router_data, run, entry.ctx
        self.credentials = visit.credentials
        self.target, self.hydrates = facts.target, facts.hydrates
        self.upload = UPLOAD in router_data

    def execute(self) -> Awaitable[None]:
        """Run the event as Reflex does."""
        return self.run(entry=self.entry, registered_handler=self.facts.called)


class ReflexDRFEventProcessor(TabProcessor, DeliveringProcessor, EndingProcessor):
    """Runs each event inside the project's middleware, in a database thread of its own."""

    def enqueue(
        self, token: str, event: Event, ev_ctx: EventContext | None = None
    ) -> Coroutine[Any, Any, EventFuture]:
        """Queue an event, unless no such handler exists."""
        # Nothing here waits, and one coroutine less is a part of what a small event costs.
        registered = self._find(event)
        if registered is None:
            return self._refuse("unknown event", event)
        try:
            payload = fit_payload(registered.handler.fn, event.payload)
        except UnfitPayloadError as error:
            return self._refuse("event", event, f": {error}")
        if payload is not event.payload:
            event = dataclasses.replace(event, payload=payload)
        # Of what a client sends as router data, Reflex replaces only what it knows.
        event.router_data.pop(UPLOAD, None)
        if not event.router_data and self._comes_from_upload(registered, ev_ctx):
            event = dataclasses.replace(
                event, router_data={UPLOAD: True, "headers": dict(upload_headers.get() or {})}
            )
        return super().enqueue(token, event, ev_ctx)

    async def start(self) -> None:
        """Start, and remember which states and handlers there are."""
        self._registration = RegistrationContext.get()
        self._pages = guarded_pages(self.middleware)
        self._facts: dict[str, HandlerFacts] = {}
        self._visits = Visits()
        self._running_background: dict[str, set[asyncio.Task[Any]]] = {}
        await super().start()

    async def _process_queue(self) -> None:
        # The tasks of all events begin with a copy of this context: nothing is activated in it,
        # and its database threads are found by event.
        reset_locale()
        async with routed_threads():
            await super()._process_queue()  # type: ignore[no-untyped-call]

    def _find(self, event: Event) -> RegisteredEventHandler | None:
        # Both are what a client wrote, and need not be a string and a dictionary.
        name: Any = event.name
        payload: Any = event.payload
        if not isinstance(name, str) or not isinstance(payload, dict):
            return None
        registered = self._registration.event_handlers.get(name)
        if registered is None or not isinstance(registered.handler, EventHandlerSetVar):
            return registered
        # It would call whatever attribute is named so, handler or not.
        setter = f"set_{payload.get('var_name')}"
        return registered if has_setter(registered.states[0], setter) else None

    async def _refuse(self, kind: str, event: Event, reason: str = "") -> EventFuture:
        # Reflex would log the whole event, cookies included, and keep its future for ever.
        name = sanitize_client_log_value(event.name, 300)
        logger.warning("Refused the %s %s%s.", kind, name, reason)
        refused = EventFuture(txid="")
        refused.set_result(None)
        return refused

    def _comes_from_upload(
        self, registered: RegisteredEventHandler, ev_ctx: EventContext | None
    ) -> bool:
        # What comes over a socket always has router data, and what a handler chains inherits it.
        # An upload is known by its handler, not by the headers being there: should nobody have
        # set them, the upload is anonymous, and not one with the authority of the socket.
        context = ev_ctx or EventContext._context_var.get(None)
        inherited = context.router_data if context is not None else {}
        return not inherited and takes_files(registered.handler)

    async def _execute_event(
        self, *, entry: EventQueueEntry, registered_handler: RegisteredEventHandler
    ) -> None:
        facts = self._facts_of(entry.event.name, registered_handler)
        context = entry.ctx
        router_data = context.router_data or await self._remembered(context)
        visit = self._visits.of(context.token, router_data)
        arrival = Arrival(self, entry, facts, visit, router_data, super()._execute_event)
        if arrival.upload:
            # Reflex would merge the headers of the upload into those of the socket.
            context = dataclasses.replace(context, router_data={})
            arrival.entry = dataclasses.replace(entry, ctx=context)
        sender_var.set(arrival)
        try:
            if facts.background:
                with self._remember(entry):
                    await self._run(arrival)
            else:
                await self._run(arrival)
        finally:
            self._returned.discard(context.txid)

    async def _run(self, arrival: Arrival) -> None:
        facts, context = arrival.facts, arrival.entry.ctx
        guards: tuple[Any, ...] = ()
        if self._pages.pages:
            arrival.load = Load(
                context, arrival.entry.event.name, facts.framework, arrival.visit.page
            )
            guards = self._pages.of_event(arrival.load)
        if not guards and not facts.bridged:
            await arrival.execute()
            return
        arrival.guards = guards
        # An upload has credentials of its own, which no hydration has seen: never deferred.
        deferred = facts.deferred and not (arrival.upload or guards)
        visit = self.complete(arrival.visit, context.token, arrival.router_data)
        with EventScope(visit, deferred, facts.background) as scope:
            arrival.scope = scope
            # A background handler keeps its request and its user for as long as it runs. The user
            # is who he was when it began: one that runs for hours has to ask again.
            try:
                await run_phases(scope, functools.partial(self._handle, scope, arrival))
            finally:
                scope.release_thread()
            if facts.hydrates or scope.is_eventful:
                await self.deliver(scope, context, arrival.router_data, follow=facts.hydrates)

    async def _handle(self, scope: EventScope, arrival: Arrival) -> None:
        if arrival.load is not None and arrival.guards:
            await self._pages.run(arrival.load, arrival.guards, arrival.execute)
        else:
            await arrival.execute()
        if scope.made_request is not None:
            await self._show_messages(scope, arrival.entry)

    def _facts_of(self, name: str, registered: RegisteredEventHandler) -> HandlerFacts:
        facts = self._facts.get(name)
        if facts is None or facts.registered is not registered:
            facts = self._facts[name] = HandlerFacts.of(registered, self._returned)
        return facts

    async def _show_messages(self, scope: EventScope, entry: EventQueueEntry) -> None:
        module = sys.modules.get("reflex_drf.state.context")
        request = scope.made_request
        if module is None or request is None or not module.has_new_messages(request):
            return
        # The handler's own delta has gone out and its lock is released; this is one more.
        token = BaseStateToken(ident=entry.ctx.token, cls=module.DjangoContextState)
        manager = entry.ctx.state_manager
        async with manager.modify_state_with_links(token, event=entry.event) as root:
            await module.show_messages(root, request)
            await chain_updates(None, "show_messages", root)

    async def _remembered(self, context: EventContext) -> Mapping[str, Any]:
        # The server itself queued this event, for a tab whose last handshake is in its state.
        state = await context.state_manager.get_state(
            BaseStateToken(ident=context.token, cls=TabOwner)
        )
        return dict(state.router_data)

    @contextlib.contextmanager
    def _remember(self, entry: EventQueueEntry) -> Iterator[None]:
        task = asyncio.current_task()
        if task is None:
            yield
            return
        tasks = self._running_background.setdefault(entry.ctx.token, set())
        tasks.add(task)
        try:
            yield
        finally:
            tasks.discard(task)
            if not tasks:
                self._running_background.pop(entry.ctx.token, None)

    def cancel_background(self, context: EventContext) -> None:
        """End the background handlers that still run for a tab.

        They would write into the states of the tab's next user. The event that found this out
        goes on; inside synchronous middleware its current task is another than its own.
        """
        own = self._tasks.get(context.txid)
        for task in self._running_background.get(context.token, set()) - {own}:
            task.cancel()

    def _on_disconnect(self, token: str) -> None:
        self._visits.forget(token)
        super()._on_disconnect(token)

    async def join_task(self, txid: str) -> None:
        """Wait for what still runs of an event, such as the handler of its exception."""
        task = self._tasks.get(txid)
        if task is not None:
            await asyncio.wait([task])

    def disconnect(self, token: str) -> None:
        """End what is tied to a tab's connection, as when its socket closes."""
        self._on_disconnect(token)


def guarded_pages(app: Any) -> PageGuards:
    """Give the guards of an app's pages; without an app there are none."""
    pages = getattr(app, "_unevaluated_pages", {})
    return PageGuards(pages, getattr(app, "_load_events", {}), getattr(app, "router", str))


def find_substate(root: BaseState, cls: type[BaseState]) -> BaseState:
    """Give the instance of a state class in a loaded tree."""
    return root.get_substate(cls._get_substate_path())


def install(app: rx.App) -> None:
    """Bridge the events of an app; safe to repeat."""
    check_version()
    if add_middleware(app):
        # Reflex gives a task that has a parameter `app` the app. It runs after Reflex's own task,
        # which makes the processor that this one replaces.
        app.register_lifespan_task(bridge_events)


def add_middleware(app: rx.App) -> bool:
    """Let the owner of a tab be checked, if that is not so already."""
    if any(isinstance(middleware, OwnerMiddleware) for middleware in app._middlewares):
        return False
    app.add_middleware(OwnerMiddleware())
    return True


@contextlib.asynccontextmanager
async def bridge_events(app: rx.App) -> AsyncIterator[None]:
    """Put the bridging processor in the place of Reflex's while the server runs."""
    processor = ReflexDRFEventProcessor(
        middleware=app, backend_exception_handler=app.backend_exception_handler
    )
    processor.configure(state_manager=app.state_manager, event_namespace=app.event_namespace)
    previous = app._event_processor
    async with processor:
        app._event_processor = processor
        try:
            yield
        finally:
            app._event_processor = previous
    # Not on the loop: it waits for calls that still run, and they may wait for the loop.
    await asyncio.to_thread(shutdown)
