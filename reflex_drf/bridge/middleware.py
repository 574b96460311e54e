"""An event's handler inside the project's middleware."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

from asgiref.sync import sync_to_async
from django.contrib.messages.storage.base import BaseStorage
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import set_urlconf
from django.utils import timezone, translation

from reflex_drf.bridge.chain import Chain, chains
from reflex_drf.bridge.cookies import collect_cookies
from reflex_drf.bridge.phases import Run, activated, active_run, is_unresolved, resolve, unreachable
from reflex_drf.bridge.scope import EventScope
from reflex_drf.bridge.stock import StockMiddleware
from reflex_drf.bridge.threads import hold_thread

__all__ = ["reset_locale", "run_event", "run_phases"]


async def run_event(scope: EventScope, handler: Callable[[], Awaitable[Any]]) -> None:
    """Run an event's handler inside the project's middleware, whatever is activated around it.

    When a middleware answers instead of passing on, the handler is not run and `scope.answer` holds
    the answer. An exception of the handler or of a middleware comes out here, after the middleware
    around it has had its response phase. The scope has to be entered (`event_scope`), and a
    `database_thread` has to be open.
    """
    # A language or timezone that a middleware activates lives in a context variable: the handler
    # and its threads see it, and so would the next event that runs in the same task.
    reset_locale()
    try:
        await run_phases(scope, handler)
    finally:
        reset_locale()


async def run_phases(scope: EventScope, handler: Callable[[], Awaitable[Any]]) -> None:
    """Do the same for an event with a task to itself, in whose context nothing is activated."""
    if scope.deferred:
        await run_settled(scope, handler)
        return
    chain = chains.current(run_handler)
    stock = chain.stock
    if stock is None or not stock.takes(scope):
        await run_chain(chain, scope, handler)
        return
    if stock.needs_user(scope):
        await stock.look_up(scope)
    else:
        stock.postpone(scope)
    try:
        await handler()
    except Exception as error:
        if stock.has_work_left(scope):
            await leave(stock, scope, error)
        raise
    if stock.has_work_left(scope):
        await leave(stock, scope, None)


async def leave(stock: StockMiddleware, scope: EventScope, error: Exception | None) -> None:
    """Run the response phase, where it has something to do."""
    stock.open(scope)
    run = Run(scope, do_nothing, handled=True)
    response = scope.response if error is None else run.fail(error)
    group = stock.group
    with activated(run):
        response = await group.leave_stock(scope.origin, response, len(group.members))
    finish(run, response)


async def run_chain(chain: Chain, scope: EventScope, handler: Callable[[], Awaitable[Any]]) -> None:
    """Run the handler as the innermost step of the chain."""
    if hasattr(scope.origin, "_cached_user"):
        # Whoever keeps a request for the next event keeps its user, logged out or not.
        raise ValueError("Each event needs a request of its own; this one served an event already.")
    if not chain.holds_thread:
        await pass_through(chain, scope, handler)
    elif scope.background:
        # A thread for each background event, for hours, would be one for each open tab. Here the
        # middleware sees an event that ends when its handler begins.
        await pass_through(chain, scope, do_nothing)
        if scope.answer is None:
            await run_settled(scope, handler)
    else:
        hold_thread()
        await pass_through(chain, scope, handler)


async def pass_through(
    chain: Chain, scope: EventScope, handler: Callable[[], Awaitable[Any]]
) -> None:
    """Send one event through the chain."""
    run = Run(scope, handler)
    with activated(run):
        response = await chain(scope.origin)
    finish(run, response)


def finish(run: Run, response: HttpResponseBase) -> None:
    """Keep what is left of an event that went through the middleware, or raise what ended it."""
    scope = run.scope
    if response is not scope.response:
        # Somebody put another response in the place of the event's own.
        if run.error is None and (not run.handled or response.status_code >= 300):
            scope.answer = response
        scope.response = response
    collect_cookies(scope, response)
    if run.error is not None:
        raise run.error


async def run_handler(request: HttpRequest) -> HttpResponseBase:
    """Be the innermost step: what a view is to a request, the handler is to an event."""
    run = active_run.get()
    chain = chains.current(run_handler)
    if chain.wraps and is_unresolved(request):
        await sync_to_async(resolve)(request)
    run.scope.request = request
    run.handled = True
    try:
        await run.handler()
    except Exception as error:
        answer = await ask_exception_hooks(chain, request, error)
        if answer is None:
            raise
        run.scope.answer = answer
        return answer
    return run.scope.response


async def ask_exception_hooks(
    chain: Chain, request: HttpRequest, error: Exception
) -> HttpResponseBase | None:
    """Let the middleware's `process_exception` make a response of a handler's exception."""
    if not chain.exception_hooks:
        return None

    def ask() -> HttpResponseBase | None:
        answers = (hook(request, error) for hook in chain.exception_hooks)
        return next((answer for answer in answers if answer is not None), None)

    return await sync_to_async(ask)()


async def do_nothing() -> None:
    """Be the handler of an event whose own handler runs later."""


async def run_settled(scope: EventScope, handler: Callable[[], Awaitable[Any]]) -> None:
    """Run a handler outside the chain: what it needs has gone through the middleware already.

    The response phase is over when the handler goes on, so what it then changes in the session or
    says in a message is saved here; as in the chain, not when it fails.
    """
    await handler()
    if scope.made_request is not None:
        await settle(scope.made_request, scope)
        answered = getattr(scope.made_request, "response", None)
        if isinstance(answered, HttpResponseBase):
            # A call that became the event's request has had a response phase of its own.
            collect_cookies(scope, answered)
        if scope.has_response:
            collect_cookies(scope, scope.response)


async def settle(request: HttpRequest, scope: EventScope) -> None:
    """Save messages and session once more, if anything changed."""
    storage = getattr(request, "_messages", None)
    session = getattr(request, "session", None)
    has_messages = isinstance(storage, BaseStorage) and (storage.used or storage.added_new)

    def save() -> None:
        response = scope.response
        if isinstance(storage, BaseStorage):
            storage.update(response)
        if session is not None and session.modified:
            # Saves it, and sets or takes away its cookie.
            SessionMiddleware(unreachable).process_response(request, cast("Any", response))

    if has_messages or (session is not None and session.modified):
        await sync_to_async(save)()


def reset_locale() -> None:
    """Go back to the project's own language, timezone and URLconf."""
    translation.deactivate()
    timezone.deactivate()
    set_urlconf(None)
