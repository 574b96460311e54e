"""Runs a DRF view through Django's own handler, with no bytes in between.

It needs no Reflex: `call_view(call, request)` works in any Django project.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from functools import cached_property
from threading import Lock
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.conf import settings
from django.conf.urls.i18n import is_language_prefix_patterns_used
from django.core.handlers.base import BaseHandler
from django.core.signals import got_request_exception, setting_changed
from django.db import close_old_connections
from django.http import Http404, HttpRequest
from django.urls import set_script_prefix
from django.utils import timezone, translation
from rest_framework import exceptions

from reflex_drf.backends import Backend, Call, Page, Reply, answer_watchers, envelope
from reflex_drf.backends.limits import is_too_long, too_long
from reflex_drf.backends.paging import read_page
from reflex_drf.backends.request import CallRequest
from reflex_drf.backends.response import plain_body, read_data, release
from reflex_drf.backends.view import ViewRun, is_djangos, rebind
from reflex_drf.backends.watching import WatchedRequest
from reflex_drf.errors import RouteNotFound, report_errors
from reflex_drf.routing import Route, find_route, private_urlconf

__all__ = ["InProcessBackend", "call_view", "without_throttles"]


T = TypeVar("T")


class CallHandler(BaseHandler):
    """Django's handler with the project's middleware, running views on a call's input."""

    @cached_property
    def has_djangos_middleware(self) -> bool:
        """Whether all of the middleware is Django's; it is loaded once, and asked about once."""
        return all(map(is_djangos, settings.MIDDLEWARE))

    def resolve_request(self, request: Any) -> Any:
        """Resolve the URL as ever, and give the view's callback the input."""
        route: Route = request.route
        if route.private:
            request.base_urlconf = getattr(request, "urlconf", None)
            request.urlconf = private_urlconf(
                route.cls, request.base_urlconf or settings.ROOT_URLCONF
            )
        callback, args, kwargs = super().resolve_request(request)
        if not leads_to(callback, route):
            raise Http404(f"{request.path} is another action than {route.action}.")
        if request.trust_session:
            request.force_session_user()
        request.run = ViewRun(request, route.cls, is_alone=self.has_djangos_middleware)
        return rebind(callback, request.run), args, kwargs


def leads_to(callback: Any, route: Route) -> bool:
    """Tell whether what a URL resolves to is the action the call is for.

    A row's key may spell the path of another action: a row of that key cannot be reached.
    """
    if callback is route.callback:
        return True
    verb, actions = route.method.lower(), getattr(callback, "actions", {})
    same_class = getattr(callback, "cls", None) is route.cls
    return same_class and actions.get(verb) == route.actions.get(verb)


_lock = Lock()
_handlers: list[CallHandler] = []


def get_handler() -> CallHandler:
    """Give the handler with the project's middleware, loaded once."""
    with _lock:
        if not _handlers:
            handler = CallHandler()
            handler.load_middleware()
            _handlers.append(handler)
        return _handlers[0]


def clear_handler(**kwargs: Any) -> None:
    """Load the middleware anew: it may have read any setting."""
    with _lock:
        _handlers.clear()


def note_exception(sender: Any, request: Any = None, **kwargs: Any) -> None:
    """Keep the error that Django makes a page of, for the caller it belongs to."""
    if isinstance(request, CallRequest):
        request.unexpected = sys.exc_info()[1]


setting_changed.connect(clear_handler, dispatch_uid="reflex_drf.inprocess.clear_handler")
got_request_exception.connect(note_exception, dispatch_uid="reflex_drf.inprocess.note_exception")


def call_view(call: Call, origin: HttpRequest, *, trust_session: bool = False) -> Reply:
    """Run one DRF view for the viewer behind `origin`, as a request over HTTP would.

    What HTTP answers with an error status is a reply; any other exception comes out of here,
    after the rollback. Language, time zone and URLconf of the calling code stay as they are.
    `trust_session` logs the session's user in where the view itself knows only tokens.
    """
    return copy_context().run(run_call, call, origin, trust_session)


def run_call(call: Call, origin: HttpRequest, trust_session: bool) -> Reply:
    """Run one call in a context that is its own to change."""
    enter(origin)
    route = find_route(
        call.view,
        call.action,
        origin.__dict__.get("base_urlconf", getattr(origin, "urlconf", None)),
        kwargs=call.kwargs,
        method=call.method,
        writes=call.data is not None or bool(call.files),
    )
    try:
        url = make_url(route, call, origin)
    except RouteNotFound as error:
        return missing(error)
    request = make_request(call, route, url, origin, trust_session)
    if is_too_long(url, request.query):
        return too_long()
    request.response = get_handler().get_response(request)
    request.take_cookies()
    for watcher in answer_watchers:
        watcher(request)
    try:
        return make_reply(request)
    finally:
        release(request.response)


def make_request(
    call: Call, route: Route, url: str, origin: HttpRequest, trust_session: bool
) -> CallRequest:
    """Make the request of a call, one that is watched where somebody wants to know."""
    if call.dependencies is None:
        return CallRequest(call, route, url, origin, trust_session=trust_session)
    return WatchedRequest(
        call, route, url, origin, trust_session=trust_session, dependencies=call.dependencies
    )


def enter(origin: HttpRequest) -> None:
    """Begin as a request over HTTP does: at the mount point, with nothing activated."""
    script = str(origin.META.get("SCRIPT_NAME", "") or "").rstrip("/")
    set_script_prefix(f"{script}/")
    translation.deactivate()
    timezone.deactivate()


def make_url(route: Route, call: Call, origin: HttpRequest) -> str:
    """Give the path of the call, in the viewer's language where paths have one."""
    if not is_language_prefix_patterns_used(route.urlconf)[0]:
        return route.url(call.kwargs)
    language = getattr(origin, "LANGUAGE_CODE", None)
    with translation.override(language or translation.get_language_from_request(origin)):
        return route.url(call.kwargs)


def missing(error: RouteNotFound) -> Reply:
    """Answer for a URL that cannot exist, such as one of an empty or malformed key."""
    data = {"detail": str(exceptions.NotFound.default_detail)}
    return Reply(status=404, data=data, errors=report_errors(404, data), exception=error)


def make_reply(request: CallRequest) -> Reply:
    """Read the reply out of the response and of what was noted on the way."""
    if request.unexpected is not None:
        raise request.unexpected
    request.share_user()
    response = request.response
    data, status = read_data(response), response.status_code
    common: dict[str, Any] = {
        "status": status,
        "data": data,
        "request": request,
        "notes": request.call.notes,
        "headers": {k: v for k, v in response.items() if k != "Content-Length"},
    }
    if 200 <= status < 300:
        rows, page = read_rows(request, data)
        return Reply(**common, rows=rows, page=page)
    exception = request.run.exception if request.run else None
    raw = getattr(response, "data", data)
    return Reply(**common, errors=report_errors(status, raw, exception), exception=exception)


def read_rows(request: CallRequest, data: Any) -> tuple[list[Any] | None, Page | None]:
    """Give the rows of a list and their page: as the view made them, else as the body has them."""
    run = request.run
    by_hand = request.call.action == "list" and run is not None and run.rows is None
    if run is None or run.view is None or by_hand:
        # Answered by a cache, or without the view's paginator: the body is all there is.
        return envelope.read_page(request.call, data)
    if run.rows is None:
        return (data, None) if isinstance(data, list) else (None, None)
    page = read_page(getattr(run.view, "paginator", None), run.links)
    body = getattr(request.response, "data", None)
    if isinstance(body, dict) and isinstance(data, dict):
        for name, value in body.items():
            if value is run.rows and isinstance(data.get(name), list):
                # Converted once, with the body around them.
                return data[name], page
    return list(plain_body(run.rows, getattr(request.response, "accepted_renderer", None))), page


def without_throttles(view: Any) -> None:
    """Leave a call out of the viewer's budget; for `Call.prepare` of a refresh nobody asked for."""
    view.check_throttles = lambda request: None


class InProcessBackend(Backend):
    """Runs the project's views in this process, through its own middleware."""

    runs_middleware = True
    # Whether the session's user counts as logged in for views that know only tokens.
    trust_session = False

    async def run(self, origin: HttpRequest, *calls: Call) -> list[Reply]:
        """Make the calls in order, all in one hop to a thread."""
        return await self._hop(origin, *calls)

    @cached_property
    def _hop(self) -> Callable[..., Awaitable[list[Reply]]]:
        # To look at the function anew takes as long as a hop does.
        return sync_to_async(self._run_in_thread, thread_sensitive=True)

    async def work(self, origin: HttpRequest, task: Callable[[Callable[[Call], Reply]], T]) -> T:
        """Do a piece of work that makes calls one after another, in one hop to a thread."""
        return await sync_to_async(self._work_in_thread, thread_sensitive=True)(origin, task)

    def _work_in_thread(
        self, origin: HttpRequest, task: Callable[[Callable[[Call], Reply]], T]
    ) -> T:
        def run(call: Call) -> Reply:
            nonlocal origin
            reply = call_view(call, origin, trust_session=self.trust_session)
            if reply.ok and not isinstance(origin, CallRequest):
                # The first call has looked up session and user for all of them.
                origin = next_origin(origin, reply)
            return reply

        close_old_connections()
        try:
            return task(run)
        finally:
            close_old_connections()

    def run_sync(self, origin: HttpRequest, *calls: Call) -> list[Reply]:
        """Make the calls in order, in this thread."""
        replies: list[Reply] = []
        for call in calls:
            replies.append(call_view(call, origin, trust_session=self.trust_session))
            if not call.leads_on(replies[-1]):
                break
            origin = next_origin(origin, replies[-1])
        return replies

    def _run_in_thread(self, origin: HttpRequest, *calls: Call) -> list[Reply]:
        # A thread outlives the call, and its connections with it: as with a request over HTTP,
        # a call neither inherits a broken one nor leaves behind one that is too old.
        close_old_connections()
        try:
            return self.run_sync(origin, *calls)
        finally:
            close_old_connections()


def next_origin(origin: HttpRequest, reply: Reply) -> HttpRequest:
    """Let the next call follow as a browser's would, with the cookies the last one set."""
    request = reply.request
    if not isinstance(request, CallRequest):
        return origin
    for name, morsel in request.response.cookies.items():
        if str(morsel["max-age"]) == "0":
            request.COOKIES.pop(name, None)
        else:
            request.COOKIES[name] = morsel.value
    return request
