"""The one module that touches Reflex's internals: every event becomes a Django request here.

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
from collections.abc import AsyncIterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import reflex as rx
from django.http import HttpRequest
from reflex.istate.manager.memory import StateManagerMemory
from reflex.istate.manager.token import BaseStateToken
from reflex.middleware.middleware import Middleware
from reflex.state import BaseState, StateUpdate
from reflex_base.event import (
    Event,
    EventHandler,
    resolve_upload_chunk_handler_param,
    resolve_upload_handler_param,
)
from reflex_base.event.context import EventContext
from reflex_base.event.processor import BaseStateEventProcessor, EventQueueEntry
from reflex_base.event.processor.future import EventFuture
from reflex_base.registry import RegisteredEventHandler, RegistrationContext
from reflex_base.utils.exceptions import UploadTypeError, UploadValueError
from reflex_base.utils.format import sanitize_client_log_value

from reflex_drf.bridge.middleware import run_event
from reflex_drf.bridge.requests import build_request
from reflex_drf.bridge.scope import EventScope, event_scope
from reflex_drf.bridge.threads import database_thread
from reflex_drf.errors import ConfigurationError
from reflex_drf.state.answers import answer_event, drop_tab
from reflex_drf.state.owner import (
    UNNAMED,
    TabOwner,
    Verdict,
    credentials_digest,
    identify,
    judge,
    known_user,
    take_over,
)

__all__ = [
    "OwnerMiddleware",
    "ReflexDRFEventProcessor",
    "check_version",
    "install",
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

# Framework events that send what a tab holds, or write to it on behalf of the browser.
HYDRATE = frozenset({"hydrate", "hydrate_and_load"})
BRIDGED = HYDRATE | {"update_vars_internal"}


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


@dataclass(slots=True)
class Sender:
    """Who sent the event that runs, for the preprocessing under the state's lock."""

    credentials: str
    upload: bool
    registered: RegisteredEventHandler
    processor: ReflexDRFEventProcessor
    # None for an event that is not bridged.
    scope: EventScope | None = None

    @property
    def hydrates(self) -> bool:
        """Whether the event sends the browser everything its tab holds."""
        return framework_name(self.registered) in HYDRATE

    async def find_user(self) -> Any:
        """Give the user of the event, or None if the event does not look for one up front."""
        if self.scope is None or self.scope.deferred or self.scope.request is None:
            return None
        request = self.scope.request
        if (user := known_user(request)) is not None or not hasattr(request, "auser"):
            return user
        # Only without a session cookie is the user not loaded yet, and then this asks nobody.
        return await request.auser()


_sender: ContextVar[Sender | None] = ContextVar("reflex_drf_sender", default=None)


def handler_function(handler: EventHandler) -> Any:
    """Give the function that was written, below wrappers and partials."""
    function: Any = handler.fn
    while True:
        if isinstance(function, functools.partial):
            function = function.func
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        else:
            return function


def is_deferred(handler: EventHandler) -> bool:
    """Tell whether the handler's own call runs the middleware, so that none runs before it."""
    return bool(
        getattr(handler.fn, "__reflex_drf_deferred__", False)
        or getattr(handler_function(handler), "__reflex_drf_deferred__", False)
    )


def framework_name(registered: RegisteredEventHandler) -> str:
    """Give the name of a handler of Reflex itself, "" for one of the project."""
    return "" if registered.states[0].is_user_defined() else registered.handler.fn.__name__


def is_bridged(registered: RegisteredEventHandler) -> bool:
    """Tell whether an event becomes a Django request."""
    if name := framework_name(registered):
        return name in BRIDGED
    return bool(getattr(registered.states[0], "django_bridge", True))


@functools.lru_cache(maxsize=1024)
def takes_files(handler: EventHandler) -> bool:
    """Tell whether Reflex lets a `POST /_upload` call this handler; it lets it call no other."""
    for resolve in (resolve_upload_handler_param, resolve_upload_chunk_handler_param):
        with contextlib.suppress(UploadTypeError, UploadValueError):
            resolve(handler)
            return True
    return False


def build_origin(router_data: Mapping[str, Any]) -> HttpRequest:
    """Build the request of an event from what Reflex knows about its connection and page."""
    headers = dict(router_data.get("headers") or {})
    # Reflex adds this one itself; `ip` has it too, or what a trusted proxy says.
    peer = headers.pop("asgi-scope-client", "")
    page = urlsplit(str(router_data.get("asPath") or "/"))
    return build_request(
        headers,
        client_ip=router_data.get("ip") or peer,
        path=unquote(page.path),
        query=page.query,
    )


class ReflexDRFEventProcessor(BaseStateEventProcessor):
    """Runs each event inside the project's middleware, in a database thread of its own."""

    async def enqueue(
        self, token: str, event: Event, ev_ctx: EventContext | None = None
    ) -> EventFuture:
        """Queue an event, unless no such handler exists."""
        registered = self._find(event)
        if registered is None:
            return self._refuse(event)
        if not event.router_data and self._comes_from_upload(registered, ev_ctx):
            event = dataclasses.replace(
                event, router_data={UPLOAD: True, "headers": dict(upload_headers.get() or {})}
            )
        return await super().enqueue(token, event, ev_ctx)

    async def start(self) -> None:
        """Start, and remember which states and handlers there are."""
        self._registration = RegistrationContext.get()
        self._running_background: dict[str, set[asyncio.Task[Any]]] = {}
        await super().start()

    def _find(self, event: Event) -> RegisteredEventHandler | None:
        # Both are what a client wrote, and need not be a string and a dictionary.
        name: Any = event.name
        payload: Any = event.payload
        if not isinstance(name, str) or not isinstance(payload, dict):
            return None
        return self._registration.event_handlers.get(name)

    def _refuse(self, event: Event) -> EventFuture:
        # Reflex would log the whole event, cookies included, and keep its future for ever.
        logger.warning("Refused the unknown event %s.", sanitize_client_log_value(event.name, 100))
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
        router_data = await self._router_data(entry.ctx)
        sender = Sender(
            credentials=credentials_digest(router_data.get("headers", {})),
            upload=UPLOAD in router_data,
            registered=registered_handler,
            processor=self,
        )
        if sender.upload:
            # Reflex would merge the headers of the upload into those of the socket.
            context = dataclasses.replace(entry.ctx, router_data={})
            entry = dataclasses.replace(entry, ctx=context)
        execute = functools.partial(
            super()._execute_event, entry=entry, registered_handler=registered_handler
        )
        with self._remember(entry, registered_handler):
            _sender.set(sender)
            if not is_bridged(registered_handler):
                await execute()
                return
            await self._bridge(sender, router_data, entry, execute)

    async def _bridge(
        self, sender: Sender, router_data: Mapping[str, Any], entry: EventQueueEntry, execute: Any
    ) -> None:
        # An upload has credentials of its own, which no hydration has seen: it is never deferred.
        deferred = is_deferred(sender.registered.handler) and not sender.upload
        with event_scope(build_origin(router_data), deferred) as scope:
            sender.scope = scope
            # A background handler keeps its request and its user for as long as it runs. The user
            # is who he was when it began: one that runs for hours has to ask again.
            async with database_thread():
                await run_event(scope, execute)
            if scope.answer is not None:
                logger.info("Middleware answered an event: %s.", scope.answer.status_code)
                await entry.ctx.emit_event(*Event.from_event_type(answer_event(scope.answer)))

    async def _router_data(self, context: EventContext) -> Mapping[str, Any]:
        if context.router_data:
            return context.router_data
        # The server itself queued this event, for a tab whose last handshake is in its state.
        state = await context.state_manager.get_state(
            BaseStateToken(ident=context.token, cls=TabOwner)
        )
        return dict(state.router_data)

    @contextlib.contextmanager
    def _remember(self, entry: EventQueueEntry, registered: RegisteredEventHandler) -> Any:
        task = asyncio.current_task()
        if not registered.handler.is_background or task is None:
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

    def cancel_background(self, token: str) -> None:
        """End what still runs for a tab; its writes would reach the tab's next user."""
        for task in self._running_background.get(token, set()) - {asyncio.current_task()}:
            task.cancel()


class OwnerMiddleware(Middleware):
    """Refuses an event for somebody else's tab, and keeps the mirrors of user and context."""

    async def preprocess(self, app: rx.App, state: BaseState, event: Event) -> StateUpdate | None:
        """Judge an event under the state's lock, before its handler."""
        sender = _sender.get()
        if sender is None:
            return None
        owner = await state.get_state(TabOwner)
        user = await sender.find_user()
        verdict = judge(owner, user, sender.credentials)
        if verdict is Verdict.CHANGED and (refusal := self._change_owner(sender, state)):
            return refusal
        keep_credentials = verdict is Verdict.SAME and user is not None and not sender.hydrates
        take_over(
            owner,
            identify(user) if user is not None else owner._owner or UNNAMED,
            owner._credentials if keep_credentials else sender.credentials,
            touch=not isinstance(EventContext.get().state_manager, StateManagerMemory),
        )
        if user is not None:
            await sync_mirrors(sender, state)
        return None

    def _change_owner(self, sender: Sender, root: BaseState) -> StateUpdate | None:
        token = EventContext.get().token
        if sender.upload:
            # An upload proves nothing about the tab, which is left as it is.
            logger.warning("Refused an upload: its cookies are not those of the tab's user.")
            return refuse(rx.toast.error("The upload was refused: please sign in again."))
        sender.processor.cancel_background(token)
        if not sender.hydrates or getattr(root, "_reflex_internal_links", None):
            # Nothing is computed or sent from here. The tab begins anew under another token, also
            # because a manager like Redis loads only what the event needs: what is elsewhere could
            # not be dropped. States linked to others' tabs must not be reset for those.
            logger.info("Dropped a tab whose user has changed.")
            return refuse(drop_tab())
        # A hydration loads the whole tree, with every manager, so all of it is emptied.
        logger.info("Emptied a tab whose user has changed.")
        root.reset()  # type: ignore[no-untyped-call]
        return None


def refuse(event: Any) -> StateUpdate:
    """Answer with a browser event and nothing else."""
    return StateUpdate(events=Event.from_event_type([event]))


async def sync_mirrors(sender: Sender, root: BaseState) -> None:
    """Bring the states that mirror user and template context up to date, if the app has them."""
    assert sender.scope is not None
    assert sender.scope.request is not None
    request = sender.scope.request
    user_module = sys.modules.get("reflex_drf.state.user")
    if user_module is not None:
        await user_module.mirror_user(root, request, sender.registered.states[0], sender.hydrates)
    context_module = sys.modules.get("reflex_drf.state.context")
    if context_module is not None:
        await context_module.mirror_context(root, request, sender.hydrates)


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
