"""The threads in which events talk to the database.

Each event gets one thread of a small pool, at its first use of the database, and keeps it to its
end. An event that never needs a thread costs none.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any, Literal, ParamSpec, TypeVar, cast

from asgiref.sync import SyncToAsync, ThreadSensitiveContext
from django.db import connections

from reflex_drf.bridge.connections import DatabaseThread
from reflex_drf.bridge.jobs import Job
from reflex_drf.bridge.pool import ThreadPool
from reflex_drf.bridge.scope import EventScope, scope_var
from reflex_drf.conf import settings
from reflex_drf.errors import ConfigurationError

__all__ = [
    "DatabaseThread",
    "EventExecutor",
    "ThreadPool",
    "briefly",
    "close_idle",
    "database_thread",
    "detached",
    "hold_thread",
    "pools",
    "routed_threads",
    "shutdown",
]

P = ParamSpec("P")
T = TypeVar("T")


class EventExecutor(Executor):
    """The thread of one event, chosen when the event first needs one."""

    ended = False
    # Whether what is handed over is known to be short, and no part of the handler's own work.
    is_brief = False
    # Whether the next call leaves nothing behind that the event would have to come back to.
    is_detached = False
    # Set before the first call when the event will block its thread to its end.
    hold = False
    _pool: ThreadPool | None = None
    _thread: DatabaseThread | None = None

    def __init__(self, pools: PoolHolder) -> None:
        self._pools = pools

    @property
    def thread(self) -> DatabaseThread | None:
        """The thread, or None as long as nothing needed it."""
        return self._thread

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        # Once chosen, the thread stays: asgiref promises one thread for a context, and open cursors
        # live in their thread.
        brief = self.is_brief and self._thread is None and not self.hold
        binds, self.is_detached = self.hold or not self.is_detached, False
        job = Job(self, functools.partial(fn, *args, **kwargs), brief=brief, binds=binds)
        pool = self._pool or self._pools.current()
        while not pool.hand_over(job, self._thread, hold=self.hold):
            pool = self._pools.current()
        # An event loop takes a future of its own as it is, which saves it one from another thread.
        return cast("Future[T]", job.future)

    def bind(self, pool: ThreadPool, thread: DatabaseThread) -> None:
        """Keep a thread until the event ends; called under the lock of the pool."""
        self._pool, self._thread = pool, thread

    def release(self) -> None:
        """Give the thread back at the end of the event."""
        with ThreadPool.lock:
            self.ended = True
            pool, thread = self._pool, self._thread
            self._pool = self._thread = None
        if pool is not None and thread is not None:
            pool.release(thread, self)


class PoolHolder:
    """The pool of this process, as large as the settings say."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: ThreadPool | None = None

    def current(self) -> ThreadPool:
        """Give the pool, a new one when its size was changed or the process was forked."""
        size = settings.DATABASE_THREADS
        with self._lock:
            pool = self._pool
            if pool is None or pool.size != size or pool.process != os.getpid():
                self._pool = ThreadPool(check_size(size))
                # The threads of a parent process do not exist here and must not be touched.
                if pool is not None and pool.process == os.getpid():
                    self._pool.waiting.extend(pool.retire())
            assert self._pool is not None
            return self._pool

    def known(self) -> ThreadPool | None:
        """Give the pool if there is one already."""
        return self._pool

    def clear(self) -> ThreadPool | None:
        """Take the pool away, so that the next event makes a new one."""
        with self._lock:
            pool, self._pool = self._pool, None
        return pool


def check_size(size: Any) -> int:
    """Insist on a number of threads that makes sense."""
    if isinstance(size, int) and not isinstance(size, bool) and size > 0:
        return size
    raise ConfigurationError(
        f'REFLEX_DRF["DATABASE_THREADS"] must be a whole number from 1 on, not {size!r}.'
    )


pools = PoolHolder()
open_executor: ContextVar[EventExecutor | None] = ContextVar(
    "reflex_drf.event_executor", default=None
)


class Router(Executor):
    """Hands each call to the thread of the event it belongs to."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        # Asgiref asks on the event loop, so this is the context of whoever calls.
        executor = executor_here()
        if executor is None and scope_var.get() is None:
            # An event outside the bridge has no thread of its own: it gets asgiref's.
            return SyncToAsync.single_thread_executor.submit(fn, *args, **kwargs)
        if executor is None or executor.ended:
            raise RuntimeError(
                "The event that this task was started from has ended, and its database thread is "
                "another event's now. Await the task inside the handler."
            )
        return executor.submit(fn, *args, **kwargs)


def executor_here() -> EventExecutor | None:
    """Give the thread of the event that the calling code belongs to."""
    return open_executor.get() or executor_of(scope_var.get())


def executor_of(scope: EventScope | None) -> EventExecutor | None:
    """Give the thread of an event in the queue, made when it first needs one."""
    if scope is None or scope.closed:
        return None
    executor: EventExecutor | None = scope.executor
    if executor is None:
        executor = scope.executor = EventExecutor(pools)
    return executor


router = Router()
# The context of asgiref's in which the router is in charge; tasks inherit it.
routed: ContextVar[ThreadSensitiveContext | None] = ContextVar("reflex_drf.routed", default=None)


@asynccontextmanager
async def routed_threads() -> AsyncIterator[None]:
    """Let all tasks that are started inside the block share one context of asgiref's.

    To open one for each event would cost more than most events do.
    """
    async with ThreadSensitiveContext(executor=router) as context:
        routed.set(context)
        yield


class database_thread:  # noqa: N801 - used like the function it stands for
    """Give everything thread-sensitive inside the block one database thread, when it needs one.

    A task that outlives the block gets a RuntimeError instead of somebody else's thread.
    """

    async def __aenter__(self) -> EventExecutor:
        self._executor = EventExecutor(pools)
        context, ours = SyncToAsync.thread_sensitive_context.get(None), routed.get()
        self._context: ThreadSensitiveContext | None = None
        if ours is None or context is not ours or open_executor.get() is not None:
            # Not in a task of the queue, or in an event inside of an event.
            self._context = ThreadSensitiveContext(executor=self._executor)
            await self._context.__aenter__()  # type: ignore[no-untyped-call]
        self._outer = open_executor.get()
        open_executor.set(self._executor)
        return self._executor

    async def __aexit__(self, *exc_info: Any) -> None:
        try:
            if self._context is not None:
                await self._context.__aexit__(*exc_info)  # type: ignore[no-untyped-call]
        finally:
            # Not `reset(token)`, see the end of a scope.
            open_executor.set(self._outer)
            self._executor.release()


def hold_thread() -> None:
    """Say that this event will block its thread until it ends, before it has one."""
    executor = executor_here()
    if executor is not None:
        executor.hold = True


def briefly() -> AbstractContextManager[None]:
    """Say that the calls inside are short, so that they need not wait for others' long ones."""
    return marked("is_brief")


def detached() -> AbstractContextManager[None]:
    """Say that the one call inside is as a request over HTTP, whose thread is then anybody's.

    The call is handed over before anything else of the event can run, and only that one is meant.
    """
    return marked("is_detached")


@contextmanager
def marked(mark: Literal["is_brief", "is_detached"]) -> Iterator[None]:
    """Say something of the calls that the event hands over inside; where there is none, nothing."""
    executor = executor_here()
    if executor is None:
        yield
        return
    setattr(executor, mark, True)
    try:
        yield
    finally:
        setattr(executor, mark, False)


def close_idle() -> None:
    """Close the connections of all threads that no event uses, and wait for it."""
    pool = pools.known()
    threads = pool.all if pool else []
    idle = [thread for thread in threads if thread.used and not thread.events]
    for future in [thread.executor.submit(connections.close_all) for thread in idle]:
        future.result()


def shutdown() -> None:
    """Close all connections and end all threads; for the end of a process or a test.

    It waits for calls that still run, so on an event loop use `asyncio.to_thread(shutdown)`.
    """
    pool = pools.clear()
    if pool is not None:
        for job in pool.retire():
            job.cancel()
        pool.join()
