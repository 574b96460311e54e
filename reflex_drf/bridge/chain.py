"""The project's middleware as a chain around an event.

Middleware that only has hooks (`process_request`, `process_response`) is grouped: neighbours share
one hop to the database thread, or none. Any other kind wraps the rest of the chain, as in Django.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from asgiref.sync import async_to_sync, iscoroutinefunction, sync_to_async
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured, MiddlewareNotUsed
from django.core.signals import setting_changed
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin
from django.utils.module_loading import import_string

from reflex_drf.bridge.messages import EventMessageMiddleware
from reflex_drf.bridge.phases import Group, Member, active_run
from reflex_drf.bridge.stock import StockMiddleware
from reflex_drf.conf import settings

__all__ = ["Chain", "chains"]

GetResponse = Callable[[HttpRequest], Any]
MESSAGES = "django.contrib.messages.middleware.MessageMiddleware"
# A middleware whose place in an event is taken by one of this package.
REPLACED = {MESSAGES: EventMessageMiddleware}


class Chain:
    """All middleware that sees events, around one innermost coroutine function."""

    def __init__(self, innermost: Callable[[HttpRequest], Awaitable[HttpResponseBase]]) -> None:
        self.exception_hooks: list[Callable[[HttpRequest, Exception], Any]] = []
        # Whether something besides Django's own hooks may have set a lazy user.
        self.wraps = False
        # Whether an event keeps a thread for as long as its handler runs.
        self.holds_thread = False
        self._is_async = True
        self._handler: GetResponse = shield(innermost, True)
        members: list[Member] = []
        # Whether the whole chain is one group of hooks.
        self._is_flat = True
        for path in reversed(included_paths()):
            factory = REPLACED.get(path) or import_string(path)
            if is_splittable(factory):
                members.insert(0, self._member(path, factory))
            else:
                self._is_flat = False
                self._group(members)
                self._wrap(path, factory)
                members = []
        self._group(members)
        used = [member for member in members if member.instance is not None]
        # The whole chain, if it is Django's own: then most events need less of it.
        self.stock = StockMiddleware.of(used) if self._is_flat else None
        if not self._is_async:
            self._handler = sync_to_async(self._handler, thread_sensitive=True)

    async def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = await self._handler(request)
        return response

    def _member(self, path: str, factory: Any) -> Member:
        # The group does what `MiddlewareMixin.__call__` does, so this is never called.
        return Member(path, self._instance(path, factory, unreachable))

    def _instance(self, path: str, factory: Any, get_response: GetResponse) -> Any:
        try:
            instance = factory(get_response)
        except MiddlewareNotUsed:
            return None
        if instance is None:
            raise ImproperlyConfigured(f"Middleware factory {path} returned None.")
        if hasattr(instance, "process_exception"):
            # The innermost middleware is asked first, and the chain is built from there.
            hook = instance.process_exception
            self.exception_hooks.append(async_to_sync(hook) if iscoroutinefunction(hook) else hook)
        return instance

    def _group(self, members: Sequence[Member]) -> None:
        used = [member for member in members if member.instance is not None]
        if used:
            group = Group(used, self._handler)
            self._handler = group.run_async if self._is_async else group.run_sync

    def _wrap(self, path: str, factory: Any) -> None:
        """Put one middleware around the chain so far, by Django's own rules."""
        can_sync = getattr(factory, "sync_capable", True)
        can_async = getattr(factory, "async_capable", False)
        if not can_sync and not can_async:
            raise ImproperlyConfigured(
                f"Middleware {path} must have sync_capable or async_capable set to True."
            )
        is_async = can_async and (self._is_async or not can_sync)
        instance = self._instance(path, factory, self._adapted(is_async))
        if instance is None:
            return
        self.wraps = True
        self._handler, self._is_async = shield(instance, is_async), is_async

    def _adapted(self, is_async: bool) -> GetResponse:
        if is_async and not self._is_async:
            return sync_to_async(self._handler, thread_sensitive=True)
        if self._is_async and not is_async:
            # A middleware that can only be synchronous keeps its database thread until the handler
            # has ended, as it would in Django. What the handler sends to a thread meanwhile runs
            # in this very thread, which asgiref lets idle here, so the two cannot deadlock.
            self.holds_thread = True
            return async_to_sync(self._handler)
        return self._handler


def included_paths() -> list[str]:
    """Give the middleware that sees events, outermost first."""
    excluded = set(settings.EXCLUDED_MIDDLEWARE)
    return [path for path in django_settings.MIDDLEWARE if path not in excluded]


def is_splittable(factory: Any) -> bool:
    """Tell whether a middleware consists of hooks alone, and so can be taken apart."""
    return (
        isinstance(factory, type)
        and issubclass(factory, MiddlewareMixin)
        and factory.__call__ is MiddlewareMixin.__call__
        and factory.__acall__ is MiddlewareMixin.__acall__
        and not iscoroutinefunction(getattr(factory, "process_request", None))
        and not iscoroutinefunction(getattr(factory, "process_response", None))
    )


def unreachable(request: HttpRequest) -> HttpResponseBase:
    """Stand for the rest of the chain in a middleware that is never called as a whole."""
    raise ImproperlyConfigured(
        "A middleware called get_response() from one of its hooks. Write it as a function or with "
        "its own __call__(), so that it can wrap an event."
    )


def shield(handler: GetResponse, is_async: bool) -> GetResponse:
    """Turn an exception of this layer into a response for the layers around it, as Django does.

    The exception itself is kept and raised when the chain has ended.
    """

    async def run_async(request: HttpRequest) -> HttpResponseBase:
        try:
            return checked(await handler(request), handler)
        except Exception as error:  # noqa: BLE001 - kept by the run, which raises it at the end
            return active_run.get().fail(error)

    def run_sync(request: HttpRequest) -> HttpResponseBase:
        try:
            return checked(handler(request), handler)
        except Exception as error:  # noqa: BLE001 - kept by the run, which raises it at the end
            return active_run.get().fail(error)

    return run_async if is_async else run_sync


def checked(response: Any, source: Any) -> HttpResponseBase:
    """Insist that a middleware gave a response."""
    if isinstance(response, HttpResponseBase):
        return response
    name = getattr(source, "__qualname__", type(source).__qualname__)
    raise TypeError(f"Middleware {name} must return an HttpResponse, not {response!r}.")


class ChainHolder:
    """The chain of this process, built at its first event and after a change of settings."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._chain: Chain | None = None

    def current(self, innermost: Callable[[HttpRequest], Awaitable[HttpResponseBase]]) -> Chain:
        """Give the chain around the given innermost step."""
        chain = self._chain
        if chain is None:
            with self._lock:
                chain = self._chain = self._chain or Chain(innermost)
        return chain

    def clear(self, **kwargs: Any) -> None:
        """Forget the chain; the next event builds it from the settings of then."""
        self._chain = None


chains = ChainHolder()
# Any setting may be read by a middleware's `__init__`. Settings only change in tests.
setting_changed.connect(chains.clear, dispatch_uid="reflex_drf.bridge.chain")
