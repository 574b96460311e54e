"""Drive states through Reflex's own event processor, without a browser.

    async with Tab(user=alice) as tab:
        await tab.send(ProductState.load)
        assert tab.get(ProductState, "data") == [...]

A `Worker` stands for one server process, a `Tab` for one browser tab connected to it. Nothing of
the pipeline is replaced: events go through the queue, the bridge and the project's middleware,
and `tab.deltas` holds what a browser would have received, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar, Token
from importlib import import_module
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import reflex as rx
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.db import close_old_connections
from reflex.istate.manager import StateManager
from reflex.istate.manager.memory import StateManagerMemory
from reflex.istate.manager.token import BaseStateToken
from reflex.state import BaseState, StateUpdate
from reflex_base.constants.state import FIELD_MARKER
from reflex_base.event import Event, resolve_upload_handler_param
from reflex_base.event.processor.future import EventFuture
from reflex_base.registry import RegistrationContext
from reflex_base.utils.exceptions import ReflexRuntimeError
from reflex_base.utils.format import json_dumps

from reflex_drf.bridge.threads import close_idle
from reflex_drf.live.followers import watch_sessions
from reflex_drf.seam import ReflexDRFEventProcessor, add_middleware, find_substate, upload_headers
from reflex_drf.seam.tabs import Connections

__all__ = ["Sent", "Tab", "Worker", "create_session"]

ExceptionHandler = Callable[[Exception], Any]
_worker: ContextVar[Worker | None] = ContextVar("reflex_drf_test_worker", default=None)


def create_session(user: Any = None, **data: Any) -> str:
    """Store a session, of a logged-in user if one is given, and give its key."""
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session.update(data)
    if user is not None:
        session[SESSION_KEY] = user._meta.pk.value_to_string(user)
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return str(session.session_key)


async def _create_session(user: Any, data: Mapping[str, Any]) -> str:
    def create() -> str:
        try:
            return create_session(user, **data)
        finally:
            # This thread's connection belongs to nobody who would close it.
            close_old_connections()

    return await sync_to_async(create)()


def cookie_header(cookies: Mapping[str, str]) -> str:
    """Write cookies as a browser sends them."""
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


class Sent:
    """An event on its way, and everything it chains."""

    def __init__(self, tab: Tab, futures: Sequence[EventFuture]) -> None:
        self._tab = tab
        self._futures = futures

    async def join(self) -> list[Exception]:
        """Wait until nothing of the chain is left and give the exceptions that ended parts."""
        errors: list[Exception] = []
        pending = list(self._futures)
        while pending:
            future = pending.pop(0)
            await asyncio.wait([future])
            if not future.cancelled() and (error := future.exception()) is not None:
                errors.append(error)  # type: ignore[arg-type]
            # The handler of a failed event may chain recovery events after the future is done.
            await self._tab.worker.join_task(future.txid)
            pending.extend(future.children)
        self._tab.errors.extend(errors)
        return errors

    def cancel(self) -> None:
        """Cancel the chain, as a navigation or a shutdown does."""
        for future in self._futures:
            future.cancel()


class Worker(Connections):
    """One server process: an event processor with its own states, shared by tabs.

    `app` gives pages, middleware and exception handler: else the registered one, else an empty one.
    """

    def __init__(
        self,
        app: rx.App | None = None,
        *,
        state_manager: StateManager | None = None,
        exception_handler: ExceptionHandler | None = None,
    ) -> None:
        self.app = app
        self.state_manager = state_manager or StateManagerMemory()  # type: ignore[abstract]
        self.tabs: dict[str, Tab] = {}
        self._exception_handler = exception_handler
        self._resets: list[Callable[[], None]] = []

    async def __aenter__(self) -> Self:
        app = self.app = self.app or self._find_app()
        add_middleware(app)
        watch_sessions()
        self.processor = ReflexDRFEventProcessor(
            middleware=app,
            backend_exception_handler=self._exception_handler or app.backend_exception_handler,
        )
        # The namespace of a server sends to sockets; this worker has tabs.
        self.processor.configure(state_manager=self.state_manager, event_namespace=self)
        await self.processor.start()
        token = _worker.set(self)
        self._resets.append(lambda: _worker.reset(token))
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        while self._resets:
            self._resets.pop()()
        await self.processor.stop()
        await self.state_manager.close()  # type: ignore[no-untyped-call]
        # Or a test's database could not be dropped.
        await asyncio.to_thread(close_idle)

    def _find_app(self) -> rx.App:
        context = RegistrationContext.ensure_context()
        try:
            return context.app
        except ReflexRuntimeError:
            # Only one app fits into a context, and the test may want to make it.
            token: Token[Any] = RegistrationContext.set(context.fork())
            self._resets.append(lambda: RegistrationContext.reset(token))
            return rx.App(enable_state=False)

    async def emit_update(self, update: StateUpdate, token: str) -> None:
        """Receive what the processor sends to a tab."""
        if (tab := self.tabs.get(token)) is not None:
            tab.receive(update)

    async def join_task(self, txid: str) -> None:
        """Wait for the exception handler of a failed event."""
        await self.processor.join_task(txid)


class Tab:
    """One browser tab with a live connection.

    `user` gets a session of their own; `session` adds data to it; `token` presents another tab's
    token. Tabs opened inside another tab or `Worker` share its worker.
    """

    def __init__(
        self,
        user: Any = None,
        *,
        session: Mapping[str, Any] | None = None,
        cookies: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        path: str = "/",
        token: str | None = None,
        worker: Worker | None = None,
        hydrate: bool = True,
    ) -> None:
        self.user = user
        self.session = dict(session or {})
        self.cookies = dict(cookies or {})
        self.headers = {"host": "testserver", "user-agent": "reflex_drf.testing", **(headers or {})}
        self.path = path
        self.token = token or str(uuid.uuid4())
        self.client_ip = "127.0.0.1"
        self.deltas: list[dict[str, dict[str, Any]]] = []
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.errors: list[Exception] = []
        self._hydrate = hydrate
        self._given_worker = worker
        self._own_worker: Worker | None = None

    async def __aenter__(self) -> Self:
        self.worker = self._given_worker or _worker.get() or await self._start_worker()
        if self.user is not None or self.session:
            await self.log_in(self.user)
        self.worker.tabs[self.token] = self
        self._connect()
        if self._hydrate:
            await self.hydrate()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.disconnect()
        if self._own_worker is not None:
            await self._own_worker.__aexit__(*exc_info)

    async def _start_worker(self) -> Worker:
        self._own_worker = Worker()
        return await self._own_worker.__aenter__()

    async def log_in(self, user: Any) -> None:
        """Give the browser a new session; the connection knows it after `reconnect()`."""
        self.cookies[settings.SESSION_COOKIE_NAME] = await _create_session(user, self.session)

    def _connect(self) -> None:
        # What a connection knows is fixed by its handshake, cookies included.
        self.sid = uuid.uuid4().hex
        cookie = cookie_header(self.cookies)
        self._handshake = {**self.headers, **({"cookie": cookie} if cookie else {})}

    def disconnect(self) -> None:
        """Close the connection; the states stay, as they do on a server."""
        if self.worker.tabs.get(self.token) is self:
            del self.worker.tabs[self.token]
            self.worker.processor.disconnect(self.token)

    async def reconnect(self, *, raises: bool = True) -> None:
        """Make a new handshake with the cookies and headers of now, as after a lost connection."""
        self.disconnect()
        self.worker.tabs[self.token] = self
        self._connect()
        await self.hydrate(raises=raises)

    async def hydrate(self, *, raises: bool = True) -> None:
        """Send what a browser sends once it is connected."""
        await self.send(rx.State.hydrate_and_load, raises=raises)

    @property
    def router_data(self) -> dict[str, Any]:
        """What the server knows about the connection and the page."""
        assert self.worker.app is not None
        url = urlsplit(self.path)
        return {
            "pathname": "/" + (self.worker.app.router(url.path) or "404").removeprefix("/"),
            "asPath": self.path,
            "query": dict(parse_qsl(url.query)),
            "token": self.token,
            "sid": self.sid,
            "headers": dict(self._handshake),
            "ip": self.client_ip,
        }

    async def send(self, event: Any, *, raises: bool = True) -> list[Exception]:
        """Send an event and wait for it and all it chains; `State.save` or `State.save(arg)`.

        The first exception of a handler is raised here, unless `raises` is false.
        """
        return await self._finish(await self.start(event), raises)

    async def send_name(
        self, name: str, payload: Mapping[str, Any] | None = None, *, raises: bool = True
    ) -> list[Exception]:
        """Send an event by its full name and raw payload, as any client can."""
        sent = await self._enqueue(Event(name=name, payload=dict(payload or {})))
        return await self._finish(sent, raises)

    async def start(self, event: Any) -> Sent:
        """Send an event without waiting for it, such as a background handler."""
        return await self._enqueue(*Event.from_event_type(event))

    async def upload(
        self,
        event: Any,
        files: Sequence[rx.UploadFile] = (),
        *,
        cookies: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        raises: bool = True,
    ) -> list[Exception]:
        """Upload files to a handler by an HTTP request of its own, as a browser does.

        The request has the browser's cookies, unless others are given.
        """
        (message,) = Event.from_event_type(event)
        handler = RegistrationContext.get().event_handlers[message.name].handler
        name, _ = resolve_upload_handler_param(handler)
        message = Event(name=message.name, payload={**message.payload, name: list(files)})
        cookie = cookie_header(self.cookies if cookies is None else cookies)
        token = upload_headers.set({**self.headers, **(headers or {}), "cookie": cookie})
        try:
            future = await self.worker.processor.enqueue(self.token, message)
        finally:
            upload_headers.reset(token)
        return await self._finish(Sent(self, [future]), raises)

    async def _enqueue(self, *events: Event) -> Sent:
        futures = []
        for event in events:
            # As a websocket message: only JSON arrives.
            payload = json.loads(json_dumps(event.payload))
            message = Event(name=event.name, payload=payload, router_data=self.router_data)
            futures.append(await self.worker.processor.enqueue(self.token, message))
        return Sent(self, futures)

    async def _finish(self, sent: Sent, raises: bool) -> list[Exception]:
        errors = await sent.join()
        if errors and raises:
            raise errors[0]
        return errors

    def receive(self, update: StateUpdate) -> None:
        """Take an update as the browser would get it."""
        if update.delta:
            self.deltas.append(json.loads(json_dumps(update.delta)))
        for event in update.events:
            self.events.append((event.name, json.loads(json_dumps(event.payload))))

    def state(self, cls: type[BaseState]) -> Any:
        """Give the live state instance of the server."""
        manager = self.worker.state_manager
        assert isinstance(manager, StateManagerMemory), "only a memory manager holds live states"
        root = manager.states[BaseStateToken(ident=self.token, cls=cls).cache_key]
        return find_substate(root, cls)

    def get(self, cls: type[BaseState], name: str) -> Any:
        """Give the value of a var on the server, backend vars and computed vars included."""
        value = getattr(self.state(cls), name)
        return getattr(value, "__wrapped__", value)

    def seen(self, cls: type[BaseState], name: str) -> Any:
        """Give the value of a var as the browser has it; KeyError if it was never sent one."""
        for delta in reversed(self.deltas):
            values = delta.get(cls.get_full_name(), {})
            if name + FIELD_MARKER in values:
                return values[name + FIELD_MARKER]
        raise KeyError(name)

    def clear(self) -> None:
        """Forget what arrived so far."""
        for collected in (self.deltas, self.events, self.errors):
            collected.clear()
