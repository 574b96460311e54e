"""From a viewset and an action to the URL, the method and the callback the project gave them.

Nothing is guessed: the routes are read from the URLconf, so that the arguments of each
`@action`, of the router and of `as_view()` are those of a real request. A viewset that no URL
leads to gets a router of its own, in a URLconf that only its calls know.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed
from django.urls import NoReverseMatch, get_script_prefix
from django.urls.resolvers import get_resolver
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from reflex_drf.errors import RouteNotFound, UnknownAction
from reflex_drf.urlconf import (
    METHODS,
    Place,
    Urlconf,
    clear_places,
    namespaced,
    places,
    private_urlconf,
)

__all__ = [
    "Route",
    "action_methods",
    "build_route",
    "clear_routes",
    "find_route",
    "foreign_arguments",
    "lookup_argument",
    "paginator_parameters",
    "places",
    "private_urlconf",
    "reserved_parameters",
]

# The verb of each standard action, and whether its URL names one row.
STANDARD = {
    "list": ("GET", False),
    "create": ("POST", False),
    "retrieve": ("GET", True),
    "update": ("PUT", True),
    "partial_update": ("PATCH", True),
    "destroy": ("DELETE", True),
}
# What adrf's router calls the standard actions of an async viewset.
ASYNC_NAMES = {
    "list": "alist",
    "create": "acreate",
    "retrieve": "aretrieve",
    "update": "aupdate",
    "partial_update": "partial_aupdate",
    "destroy": "adestroy",
}
SYNC_NAMES = {name: standard for standard, name in ASYNC_NAMES.items()}
SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One action of a viewset at one place in the URLconf."""

    cls: type[APIView]
    action: str
    method: str
    name: str | None
    callback: Callable[..., Any] = field(repr=False)
    actions: Mapping[str, str]
    initkwargs: Mapping[str, Any]
    url_kwargs: frozenset[str]
    namespaces: tuple[str, ...] = ()
    urlconf: Urlconf = field(default=None, repr=False)
    # Whether the viewset has no URL, so that this one is known to its calls alone.
    private: bool = False

    @property
    def basename(self) -> str | None:
        """The name the router gave the viewset."""
        return self.initkwargs.get("basename")

    @property
    def detail(self) -> bool:
        """Whether the route is about one row."""
        detail = self.initkwargs.get("detail")
        return self.lookup_kwarg in self.url_kwargs if detail is None else bool(detail)

    @property
    def namespace(self) -> str:
        """The namespaces of the route, as `reverse()` takes them."""
        return ":".join(self.namespaces)

    @property
    def lookup_kwarg(self) -> str:
        """The URL argument that names the row."""
        return lookup_argument(self.cls)

    def url(self, kwargs: Mapping[str, Any]) -> str:
        """Give the path of the route with these URL arguments."""
        resolver, prefix = get_resolver(self.urlconf), get_script_prefix()
        if self.namespaces:
            resolver = namespaced(resolver, self.namespaces)
        # Django's `reverse()` takes no namespace with a callback, its resolver does.
        reverse: Any = resolver._reverse_with_prefix  # type: ignore[attr-defined]
        try:
            return str(reverse(self.callback, prefix, **kwargs))
        except NoReverseMatch as error:
            given = ", ".join(f"{name}={value!r}" for name, value in kwargs.items())
            raise RouteNotFound(
                f"The URL of {self.cls.__name__}.{self.action} cannot be made of ({given})."
            ) from error


def find_route(
    view: type[APIView],
    action: str,
    urlconf: Urlconf = None,
    *,
    kwargs: Collection[str] = (),
    method: str | None = None,
    writes: bool = False,
) -> Route:
    """Find where the URLconf has an action of a viewset, with these names of URL arguments.

    The first place that takes the arguments wins. `method` chooses where an action answers
    several; without it `writes` prefers one that may write. A standard action that the viewset
    lacks, but whose URL exists, keeps its verb there: the answer is the 405 that HTTP has.
    """
    urlconf = urlconf or settings.ROOT_URLCONF
    verb = method.upper() if method else None
    cls: Any = view
    return _find_route(cls, action, urlconf, frozenset(kwargs), verb, writes)


@lru_cache(maxsize=4096)
def _find_route(
    view: Any,
    action: str,
    urlconf: Urlconf,
    kwargs: frozenset[str],
    method: str | None,
    writes: bool,
) -> Route:
    private = view not in places(urlconf)
    if private:
        urlconf = private_urlconf(view, urlconf)
    found = places(urlconf)[view]
    for place in found:
        verb = choose_method(place, action, method, writes) if place.takes(kwargs) else None
        if verb:
            return make_route(place, action, verb, urlconf, private)
    raise missing_route(view, action, kwargs, found)


def choose_method(place: Place, action: str, method: str | None, writes: bool) -> str | None:
    """Choose the verb with which a place runs the action, or `None` where it does not."""
    names = {action, ASYNC_NAMES.get(action, action)}
    verbs = [verb.upper() for verb, name in place.actions.items() if name in names]
    if verbs:
        writing = [verb for verb in verbs if verb not in SAFE]
        return method or (writing if writes and writing else verbs)[0]
    if action == "metadata":
        return method or "OPTIONS"
    return method_of_missing(place, SYNC_NAMES.get(action, action), method)


def method_of_missing(place: Place, action: str, method: str | None) -> str | None:
    """Give the verb of a standard action that the place does not have, but could."""
    generic = not hasattr(place.callback, "actions")
    if generic and action.upper() in METHODS:
        return action.upper()
    if action not in STANDARD:
        return None
    verb, detail = STANDARD[action]
    names = {SYNC_NAMES.get(name, name) for name in place.actions.values()}
    siblings = {name for name, (_, about_row) in STANDARD.items() if about_row is detail}
    return (method or verb) if names & siblings or generic else None


def make_route(place: Place, action: str, method: str, urlconf: Urlconf, private: bool) -> Route:
    """Put together what is known of a place."""
    return Route(
        cls=place.callback.cls,
        action=place.actions.get(method.lower(), action),
        method=method,
        name=place.name,
        callback=place.callback,
        actions=place.actions,
        initkwargs=getattr(place.callback, "initkwargs", {}),
        url_kwargs=place.url_kwargs,
        namespaces=place.namespaces,
        urlconf=urlconf,
        private=private,
    )


def missing_route(
    view: type[APIView], action: str, kwargs: Collection[str], found: list[Place]
) -> UnknownAction | RouteNotFound:
    """Say why there is no route: no such action, or other URL arguments."""
    having = [place for place in found if choose_method(place, action, None, False)]
    if not having:
        known = sorted({name for place in found for name in place.actions.values()})
        return UnknownAction(
            f"{view.__name__} has no route for the action {action!r}. It has: {', '.join(known)}."
        )
    wanted = {", ".join(sorted(place.url_kwargs - {"format"})) for place in having}
    return RouteNotFound(
        f"{view.__name__}.{action} was called with the URL arguments "
        f"({', '.join(sorted(kwargs))}), but its route takes ({') or ('.join(sorted(wanted))})."
    )


def build_route(
    view: type[APIView], action: str = "list", *, kwargs: Collection[str] = ()
) -> Route:
    """Give a viewset the route that DRF's router makes, also where the project routes it."""
    urlconf = private_urlconf(view, settings.ROOT_URLCONF)
    route = find_route(view, action, urlconf, kwargs=kwargs)
    return replace(route, private=True)


def action_methods(view: type[APIView], urlconf: Urlconf = None) -> dict[str, tuple[str, ...]]:
    """Give every action of a viewset that has a URL, with its verbs."""
    urlconf = urlconf or settings.ROOT_URLCONF
    if view not in places(urlconf):
        urlconf = private_urlconf(view, urlconf)
    verbs: dict[str, dict[str, None]] = {}
    for place in places(urlconf)[view]:
        for verb, name in place.actions.items():
            verbs.setdefault(name, {})[verb.upper()] = None
    return {name: tuple(found) for name, found in verbs.items()}


def lookup_argument(view: Any) -> str:
    """Give the URL argument by which a viewset is told of which row it is asked."""
    name = getattr(view, "lookup_url_kwarg", None)
    return str(name or getattr(view, "lookup_field", None) or "pk")


@lru_cache(maxsize=4096)
def foreign_arguments(view: type[APIView], action: str) -> frozenset[str]:
    """Give the URL arguments that only other actions of a viewset have, as by their `url_path`."""
    found = places(settings.ROOT_URLCONF).get(view, [])
    names = {action, ASYNC_NAMES.get(action, action)}
    own = [place for place in found if names & set(place.actions.values())]
    known = frozenset[str]().union(*(place.url_kwargs for place in found))
    # One that no URL has is asked for where its siblings are.
    return known.difference(*(place.url_kwargs for place in own)) if own else frozenset()


def paginator_parameters(paginator: Any) -> set[str]:
    """Give the names of query parameters that a paginator of DRF, or its class, reads."""
    attributes = (
        "page_query_param",
        "page_size_query_param",
        "limit_query_param",
        "offset_query_param",
        "cursor_query_param",
    )
    names = {getattr(paginator, attribute, None) for attribute in attributes}
    return {name for name in names if name}


def reserved_parameters(view: Any) -> frozenset[str]:
    """Give the names of query parameters that DRF itself reads in calls to a view.

    A filter of one of these names would be taken for something else; `format` even gives a 404.
    """
    names: set[Any] = paginator_parameters(getattr(view, "pagination_class", None))
    for backend in getattr(view, "filter_backends", ()):
        names |= {getattr(backend, name, None) for name in ("search_param", "ordering_param")}
    names |= {api_settings.URL_FORMAT_OVERRIDE, api_settings.VERSION_PARAM}
    return frozenset(name for name in names if name)


def clear_routes(*, setting: str = "ROOT_URLCONF", **kwargs: Any) -> None:
    """Forget the routes that were read; `setting_changed` does it for a new ROOT_URLCONF."""
    if setting == "ROOT_URLCONF":
        clear_places()
        _find_route.cache_clear()
        foreign_arguments.cache_clear()


setting_changed.connect(clear_routes, dispatch_uid="reflex_drf.routing.clear_routes")
