"""One DRF view at work: made as `as_view()` makes it, given the call's input, and watched."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import CellType, FunctionType
from typing import Any

from django.utils.datastructures import MultiValueDict
from rest_framework.generics import GenericAPIView
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.utils.encoders import JSONEncoder
from rest_framework.views import APIView

from reflex_drf.backends.limits import find_refusal, refuse_to_read
from reflex_drf.backends.paging import Links, made_links
from reflex_drf.backends.request import JSON_FIRST, CallRequest
from reflex_drf.backends.response import skip_rendering
from reflex_drf.backends.unread import unread_pages
from reflex_drf.compiled import compile_serializer
from reflex_drf.errors import ConfigurationError
from reflex_drf.fieldcopies import lend_fields

__all__ = ["ViewRun", "is_djangos", "rebind"]

JSON = "application/json"
# As DRF has them, should somebody patch its classes later on.
NEGOTIATING = (
    APIView.perform_content_negotiation,
    APIView.get_content_negotiator,
    APIView.get_renderers,
)
ANSWERING = (APIView.dispatch, APIView.finalize_response)
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")


class ViewRun:
    """Stands in for a view class inside `as_view()`: gives the same view, with hooks on it.

    The hooks sit on the instance and call what the class has, so that whatever a project
    overrides is what runs.
    """

    def __init__(self, request: CallRequest, cls: type[APIView], *, is_alone: bool) -> None:
        self.request, self.cls = request, cls
        self.view: Any = None
        # Whether all around the view is Django's and DRF's own: the middleware, and decorators.
        self.is_alone = is_alone
        # What the view did, for the reply.
        self.rows: Any = None
        self.links: Links | None = None
        self.exception: BaseException | None = None

    def __call__(self, **initkwargs: Any) -> Any:
        """Make the view, as the class would."""
        self.view = view = self.cls(**initkwargs)
        self.hook("dispatch", self.dispatch)
        self.hook("initialize_request", self.initialize_request)
        self.hook("initial", self.initial)
        self.hook("perform_content_negotiation", self.negotiate)
        self.hook("handle_exception", self.handle_exception)
        self.hook("get_serializer", self.get_serializer)
        self.hook("paginate_queryset", partial(unread_pages, view, self.is_bare))
        self.hook("get_paginated_response", self.note_rows)
        self.hook("get_apaginated_response", self.note_rows)
        return view

    def is_bare(self) -> bool:
        """Tell whether all that gets to see the view's response is Django's and DRF's own."""
        kind = type(self.view)
        own = (kind.dispatch, kind.finalize_response) == ANSWERING
        hooked = "finalize_response" in vars(self.view)
        # Another renderer may write each value in a way of its own, and what it wrote be cached.
        renderer = getattr(self.view.request, "accepted_renderer", None)
        json = type(renderer) is JSONRenderer and renderer.encoder_class is JSONEncoder
        return self.is_alone and own and json and not hooked

    def hook(self, name: str, wrap: Callable[[Any], Any]) -> None:
        """Put a hook around a method of the view, where it has one."""
        if (method := getattr(self.view, name, None)) is not None:
            setattr(self.view, name, wrap(method))

    def dispatch(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Keep the view's response from being rendered."""
        if not getattr(self.cls, "view_is_async", False):
            return lambda *args, **kwargs: skip_rendering(original(*args, **kwargs))

        async def dispatch(*args: Any, **kwargs: Any) -> Any:
            return skip_rendering(await original(*args, **kwargs))

        return dispatch

    def initialize_request(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Put the input into DRF's request, where a parser would have put it."""

        def initialize_request(*args: Any, **kwargs: Any) -> Any:
            request = original(*args, **kwargs)
            if self.request.has_input:
                give_input(request, self.request)
            return request

        return initialize_request

    def initial(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Let the caller prepare the view before anything is decided, and see what came of it."""

        def initial(request: Request, *args: Any, **kwargs: Any) -> Any:
            prepare = self.request.call.prepare
            decided = None if prepare is None else prepare(self.view)
            if decided is None:
                return original(request, *args, **kwargs)
            try:
                answer = original(request, *args, **kwargs)
            except Exception as error:
                decided(error)
                raise
            decided(None)
            return answer

        return initial

    def negotiate(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Choose the renderer as DRF does, without reading what a call says each time anew."""

        def perform_content_negotiation(request: Any, force: bool = False) -> Any:
            chosen = None if force else plain_choice(self.view, request)
            return chosen or original(request, force)

        return perform_content_negotiation

    def handle_exception(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Note the exception behind an error response."""

        def handle_exception(error: Exception) -> Any:
            self.exception = error
            name_renderer(self.view)
            return original(error)

        return handle_exception

    def get_serializer(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Let the view's serializer read rows by a plan; the view gets the values DRF gives."""

        def get_serializer(*args: Any, **kwargs: Any) -> Any:
            serializer = original(*args, **kwargs)
            compile_serializer(serializer)
            lend_fields(serializer)
            return serializer

        return get_serializer

    def note_rows(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Note the rows that an envelope is put around."""

        def note(data: Any, *args: Any, **kwargs: Any) -> Any:
            self.rows = data
            response = original(data, *args, **kwargs)
            if type(self.view).get_paginated_response is GenericAPIView.get_paginated_response:
                self.links = made_links(self.view.paginator, response)
            return response

        return note


def is_djangos(module: str) -> bool:
    """Tell whether a module, or what is named with it, is one of Django's or DRF's."""
    return module.partition(".")[0] in ("django", "rest_framework")


def plain_choice(view: Any, request: Any) -> tuple[Any, str] | None:
    """Give the first renderer where DRF could choose no other: it makes what a call prefers."""
    kind = type(view)
    ways = (kind.perform_content_negotiation, kind.get_content_negotiator, kind.get_renderers)
    if ways != NEGOTIATING or type(view.get_content_negotiator()) is not DefaultContentNegotiation:
        return None
    named = DefaultContentNegotiation.settings.URL_FORMAT_OVERRIDE
    if view.format_kwarg or request.query_params.get(named):
        return None
    first = next(iter(view.get_renderers()), None)
    if getattr(first, "media_type", None) != JSON or request.META.get("HTTP_ACCEPT") != JSON_FIRST:
        return None
    return first, JSON


def name_renderer(view: Any) -> None:
    """Name a renderer for an error from before one was chosen.

    With DEBUG, DRF asks for it while it raises the error, and would fail with another one.
    """
    request = view.request
    if isinstance(request, Request) and getattr(request, "accepted_renderer", None) is None:
        renderer = view.get_renderers()[0]
        request.accepted_renderer, request.accepted_media_type = renderer, renderer.media_type


def give_input(request: Any, source: CallRequest) -> None:
    """Set what DRF's request would have parsed, unless the view's parsers refuse it."""
    if not accepts(request, source):
        # Left for DRF to find out when the view reads the data, which may be never.
        return
    if (refusal := find_refusal(source)) is not None:
        refuse_to_read(request, refusal)
        return
    request._data = {} if source.input_data is None else source.input_data
    request._files = source.input_files if source.call.files else MultiValueDict()
    request._full_data = {**request._data, **source.call.files} if source.call.files else (
        request._data
    )  # fmt: skip


def accepts(request: Any, source: CallRequest) -> bool:
    """Tell whether a parser of the view takes the input, as JSON or else as a form."""
    kinds = FORMS[:1] if source.call.files else ("application/json", *FORMS)
    for kind in kinds:
        source.set_content_type(kind)
        if request.negotiator.select_parser(request, request.parsers):
            return True
    source.set_content_type(kinds[0])
    return False


def rebind(function: Any, run: ViewRun) -> Any:
    """Copy a callback of `as_view()`, decorators and all, with `run` as its class.

    What a URLconf puts around a view (`login_required`, `cache_page`) holds the view in a
    closure, as `as_view()` holds the class. So nothing of either needs to be written again here,
    and nothing of it gets lost.
    """
    if not isinstance(function, FunctionType):
        raise cannot_rebind(run, function)
    names, cells = function.__code__.co_freevars, function.__closure__ or ()
    run.is_alone = run.is_alone and is_djangos(function.__globals__["__name__"])
    if {"cls", "initkwargs"} <= set(names):
        return copy_function(function, replaced(cells, lambda held: held is run.cls, run))
    inner = getattr(function, "__wrapped__", None)
    if inner is None or not any(contents(cell) is inner for cell in cells):
        raise cannot_rebind(run, function)
    copy = rebind(inner, run)
    return copy_function(function, replaced(cells, lambda held: held is inner, copy))


def replaced(
    cells: tuple[CellType, ...], test: Callable[[Any], bool], value: Any
) -> tuple[CellType, ...]:
    """Give a closure with another value in the cells that pass the test."""
    return tuple(CellType(value) if test(contents(cell)) else cell for cell in cells)


def contents(cell: CellType) -> Any:
    """Give what a closure's cell holds, if anything yet."""
    try:
        return cell.cell_contents
    except ValueError:
        return cell


def copy_function(function: FunctionType, closure: tuple[CellType, ...]) -> FunctionType:
    """Copy a function with another closure, keeping all that a middleware looks at."""
    copy = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, closure
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__qualname__, copy.__module__ = function.__qualname__, function.__module__
    copy.__doc__ = function.__doc__
    copy.__dict__.update(function.__dict__)
    return copy


def cannot_rebind(run: ViewRun, function: Any) -> ConfigurationError:
    """Refuse what cannot be kept: a dropped decorator might have been a permission."""
    return ConfigurationError(
        f"The route of {run.cls.__name__} is wrapped in {function!r}, which cannot be kept "
        "around an in-process call. Put the decorator on the class instead, with "
        "@method_decorator(decorator, name='dispatch'), or use the HTTP backend."
    )
