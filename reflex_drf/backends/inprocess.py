"""Runs a DRF view through Django's own handler, with no bytes in between.

It needs no Reflex: `call_view(call, request)` works in any Django project.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextvars import copy_context
from threading import Lock
from types import CellType, FunctionType
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.handlers.base import BaseHandler
from django.core.signals import got_request_exception, setting_changed
from django.db import close_old_connections
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix, set_urlconf
from django.utils import translation
from django.utils.datastructures import MultiValueDict
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.views import APIView

from reflex_drf.backends import Backend, Call, Reply
from reflex_drf.backends.paging import read_page
from reflex_drf.backends.request import FORMS, CallRequest
from reflex_drf.backends.response import read_data, skip_rendering
from reflex_drf.errors import ConfigurationError, RouteNotFound, report_errors
from reflex_drf.representation import plain
from reflex_drf.routing import Route, find_route, private_urlconf

__all__ = ["InProcessBackend", "call_view"]


class ViewRun:
    """One view at work: it gets the call's input, and what it does is noted for the reply."""

    def __init__(self, request: CallRequest, cls: type[APIView]) -> None:
        self.request, self.cls = request, cls
        self.view: Any = None
        self.rows: Any = None
        self.exception: BaseException | None = None

    def __call__(self, **initkwargs: Any) -> APIView:
        """Stand in for the class inside `as_view()`: the same view, with our hooks on it."""
        view: Any = self.cls(**initkwargs)
        self.view = view
        for name in ("dispatch", "initialize_request", "initial", "handle_exception"):
            setattr(view, name, getattr(self, name)(getattr(view, name)))
        for name in ("get_paginated_response", "get_apaginated_response"):
            if hasattr(view, name):
                setattr(view, name, self.note_rows(getattr(view, name)))
        return view  # type: ignore[no-any-return]

    def dispatch(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Keep the response of the view from being rendered."""
        if not self.is_async:
            return lambda *args, **kwargs: skip_rendering(original(*args, **kwargs))

        async def dispatch(*args: Any, **kwargs: Any) -> Any:
            return skip_rendering(await original(*args, **kwargs))

        return dispatch

    @property
    def is_async(self) -> bool:
        """Whether the view is one of adrf's async views."""
        return bool(getattr(self.cls, "view_is_async", False))

    def initialize_request(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Put the input into DRF's request, where a parser would have put it."""

        def initialize_request(*args: Any, **kwargs: Any) -> Any:
            request = original(*args, **kwargs)
            if self.request.has_input:
                give_input(request, self.request)
            return request

        return initialize_request

    def initial(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Let the caller prepare the view, before anything is decided."""

        def initial(request: Request, *args: Any, **kwargs: Any) -> Any:
            if self.request.call.prepare is not None:
                negotiate(self.view, request)
                self.request.call.prepare(self.view)
            return original(request, *args, **kwargs)

        return initial

    def handle_exception(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Note the exception behind an error response."""

        def handle_exception(error: Exception) -> Any:
            self.exception = error
            negotiate(self.view, self.view.request)
            return original(error)

        return handle_exception

    def note_rows(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Note the rows that an envelope is put around."""

        def note(data: Any, *args: Any, **kwargs: Any) -> Any:
            self.rows = data
            return original(data, *args, **kwargs)

        return note


def negotiate(view: Any, request: Any) -> None:
    """Name a renderer before an error can ask for it: with DEBUG, DRF's own handling does."""
    if getattr(request, "accepted_renderer", None) is None and isinstance(request, Request):
        renderer = view.get_renderers()[0]
        request.accepted_renderer = renderer  # type: ignore[attr-defined]
        request.accepted_media_type = renderer.media_type  # type: ignore[attr-defined]


def give_input(request: Any, source: CallRequest) -> None:
    """Set what DRF's request would have parsed, unless the view's parsers refuse it."""
    if not accepts(request, source):
        # Left for DRF to find out when the view reads the data, which may be never.
        return
    data, files = source.input_data, source.input_files
    request._data = {} if data is None else data
    request._files = files if source.call.files else MultiValueDict()
    request._full_data = request._data
    if source.call.files:
        request._full_data = {**request._data, **source.call.files}


def accepts(request: Any, source: CallRequest) -> bool:
    """Tell whether a parser of the view takes the input, as JSON or else as a form."""
    kinds = FORMS[:1] if source.call.files else ("application/json", *FORMS)
    for kind in kinds:
        source.set_content_type(kind)
        if request.negotiator.select_parser(request, request.parsers):
            return True
    source.set_content_type(kinds[0])
    return False


def rebind(function: Any, factory: ViewRun) -> Any:
    """Copy a callback of `as_view()`, decorators and all, with `factory` as its class.

    The decorators in a URLconf (`login_required`, `cache_page`) hold what they wrap in a
    closure; so does `as_view()` hold the class. Nothing of either is written again here.
    """
    if not isinstance(function, FunctionType):
        raise cannot_rebind(factory, function)
    names, cells = function.__code__.co_freevars, function.__closure__ or ()
    if {"cls", "initkwargs"} <= set(names):
        changed = [
            CellType(factory) if name == "cls" else cell
            for name, cell in zip(names, cells, strict=True)
        ]
    else:
        inner = getattr(function, "__wrapped__", None)
        holding = [cell for cell in cells if contents(cell) is inner]
        if inner is None or not holding:
            raise cannot_rebind(factory, function)
        copy = CellType(rebind(inner, factory))
        changed = [copy if cell in holding else cell for cell in cells]
    return copy_function(function, tuple(changed))


def contents(cell: Any) -> Any:
    """Give what a closure's cell holds, if anything yet."""
    try:
        return cell.cell_contents
    except ValueError:
        return cell


def copy_function(function: FunctionType, closure: tuple[Any, ...]) -> FunctionType:
    """Copy a function with another closure, keeping all that middleware looks at."""
    copy = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, closure
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__qualname__, copy.__module__ = function.__qualname__, function.__module__
    copy.__doc__ = function.__doc__
    copy.__dict__.update(function.__dict__)
    return copy


def cannot_rebind(factory: ViewRun, function: Any) -> ConfigurationError:
    """Refuse what cannot be kept: a dropped decorator might have been a permission."""
    return ConfigurationError(
        f"The route of {factory.cls.__name__} is wrapped in {function!r}, which cannot be kept "
        "around an in-process call. Put the decorator on the class instead, with "
        "@method_decorator(decorator, name='dispatch'), or use the HTTP backend."
    )


class CallHandler(BaseHandler):
    """Django's handler, running the resolved view with the call's input."""

    def resolve_request(self, request: Any) -> Any:
        """Resolve the URL as ever, and swap the view's callback for the one with the input."""
        if request.route.private:
            base = getattr(request, "urlconf", None) or settings.ROOT_URLCONF
            request.urlconf = private_urlconf(request.route.cls, base)
        match = super().resolve_request(request)
        callback, args, kwargs = match
        if not leads_to(callback, request.route):
            raise Http404(f"{request.path} is not {request.route.action} of the view.")
        request.run = ViewRun(request, request.route.cls)
        return rebind(callback, request.run), args, kwargs


def leads_to(callback: Any, route: Route) -> bool:
    """Tell whether what the URL resolves to is the action the call is for.

    A row's key may spell the path of another action; that is a row that does not exist.
    """
    if callback is route.callback:
        return True
    actions = getattr(callback, "actions", None) or {}
    return getattr(callback, "cls", None) is route.cls and actions.get(
        route.method.lower()
    ) == route.actions.get(route.method.lower())


_lock = Lock()
_handlers: dict[str, CallHandler] = {}


def get_handler() -> CallHandler:
    """Give the handler with the project's middleware, loaded once."""
    handler = _handlers.get("handler")
    if handler is None:
        with _lock:
            handler = _handlers.get("handler")
            if handler is None:
                handler = CallHandler()
                handler.load_middleware()
                _handlers["handler"] = handler
    return handler


def clear_handler(**kwargs: Any) -> None:
    """Load the middleware anew after a change of settings."""
    with _lock:
        _handlers.clear()


def note_exception(sender: Any, request: Any = None, **kwargs: Any) -> None:
    """Keep the error that Django turns into a page, for the caller it belongs to."""
    if isinstance(request, CallRequest):
        request.unexpected = sys.exc_info()[1]


setting_changed.connect(clear_handler, dispatch_uid="reflex_drf.inprocess.clear_handler")
got_request_exception.connect(note_exception, dispatch_uid="reflex_drf.inprocess.note_exception")


def call_view(call: Call, origin: HttpRequest) -> Reply:
    """Run one DRF view for the viewer behind `origin`, as a request over HTTP would.

    What HTTP answers with an error status is a reply; any other exception comes out of here,
    after the rollback. Language, time zone and URLconf of the calling code stay as they are.
    """
    return copy_context().run(run_call, call, origin)


def run_call(call: Call, origin: HttpRequest) -> Reply:
    """Run one call in a context that is its own to change."""
    urlconf = getattr(origin, "urlconf", None)
    route = find_route(
        call.view,
        call.action,
        urlconf if not isinstance(origin, CallRequest) else None,
        kwargs=call.kwargs,
        method=call.method,
        writes=call.data is not None or bool(call.files),
    )
    enter(origin, route)
    try:
        url = route.url(call.kwargs)
    except RouteNotFound as error:
        return missing(error)
    request = CallRequest(call, route, url, origin)
    response = get_handler().get_response(request)
    try:
        return make_reply(request, response)
    finally:
        release(response)


def enter(origin: HttpRequest, route: Route) -> None:
    """Set what URLs are reversed by: the mount point, and the language for prefixed ones."""
    script = str(origin.META.get("SCRIPT_NAME", "") or "").rstrip("/")
    set_script_prefix(f"{script}/")
    set_urlconf(route.urlconf)
    if settings.USE_I18N:
        translation.activate(translation.get_language_from_request(origin))


def missing(error: RouteNotFound) -> Reply:
    """Answer for a URL that cannot exist, such as one of an empty or malformed key."""
    data = {"detail": str(exceptions.NotFound.default_detail)}
    return Reply(status=404, data=data, errors=report_errors(404, data, error), exception=error)


def release(response: HttpResponseBase) -> None:
    """Close what the response holds, without the signal that ends an HTTP request."""
    closers: list[Callable[[], None]] = response._resource_closers  # type: ignore[attr-defined]
    for closer in closers:
        closer()
    closers.clear()


def make_reply(request: CallRequest, response: Any) -> Reply:
    """Read the reply out of the response and of what was noted on the way."""
    if request.unexpected is not None:
        raise request.unexpected
    run: ViewRun | None = getattr(request, "run", None)
    request.share_user()
    data, status = read_data(response), response.status_code
    exception = run.exception if run and status >= 400 else None
    failed = not 200 <= status < 300
    raw = getattr(response, "data", None) if failed else None
    headers = {k: v for k, v in response.items() if k != "Content-Length"}
    request.response = response
    return Reply(
        status=status,
        data=data,
        rows=None if failed else read_rows(run, response, data),
        page=None if failed or run is None else page_of(run),
        errors=report_errors(status, data if raw is None else raw, exception) if failed else None,
        exception=exception,
        request=request,
        headers=headers,
    )


def page_of(run: ViewRun) -> Any:
    """Give the page of a view that made one."""
    if run.rows is None:
        return None
    return read_page(getattr(run.view, "paginator", None))


def read_rows(run: ViewRun | None, response: Any, data: Any) -> list[Any] | None:
    """Find the rows: those an envelope was put around, or a bare list."""
    if run is None or run.rows is None:
        return data if isinstance(data, list) else None
    body = getattr(response, "data", None)
    if isinstance(body, dict) and isinstance(data, dict):
        for name, value in body.items():
            if value is run.rows and isinstance(data.get(name), list):
                return data[name]  # type: ignore[no-any-return]
    return list(plain(run.rows))


class InProcessBackend(Backend):
    """Runs the project's views in this process, through its own middleware."""

    runs_middleware = True

    async def run(self, origin: HttpRequest, *calls: Call) -> list[Reply]:
        """Make the calls in order, all in one hop to a thread."""
        return await sync_to_async(self._run_in_thread, thread_sensitive=True)(origin, *calls)

    def run_sync(self, origin: HttpRequest, *calls: Call) -> list[Reply]:
        """Make the calls in order, in this thread."""
        replies: list[Reply] = []
        for call in calls:
            reply = call_view(call, origin)
            replies.append(reply)
            if not reply.ok:
                break
            origin = next_origin(origin, reply)
        return replies

    def _run_in_thread(self, origin: HttpRequest, *calls: Call) -> list[Reply]:
        # A thread outlives the call, and with it its connections: like a request over HTTP,
        # a call neither inherits a broken one nor leaves an overaged one.
        close_old_connections()
        try:
            return self.run_sync(origin, *calls)
        finally:
            close_old_connections()


def next_origin(origin: HttpRequest, reply: Reply) -> HttpRequest:
    """Let the next call follow the last one as a browser would, with the cookies it was given."""
    request: Any = reply.request
    if request is None:
        return origin
    for name, morsel in request.response.cookies.items():
        if str(morsel["max-age"]) == "0" or not morsel.value:
            request.COOKIES.pop(name, None)
        else:
            request.COOKIES[name] = morsel.value
    return request  # type: ignore[no-any-return]
