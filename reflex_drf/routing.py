"""From a viewset and an action to the URL, the method and the callback the project gave them.

Nothing is guessed: the routes are read from the URLconf, so that the arguments of each
`@action`, of the router and of `as_view()` are those of a real request. A viewset that no URL
leads to gets a router of its own, in a URLconf that only its calls know.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from threading import Lock
from types import ModuleType
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_script_prefix, include, path
from django.urls.resolvers import get_ns_resolver, get_resolver
from django.utils.module_loading import import_string
from rest_framework.routers import SimpleRouter
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from reflex_drf.errors import RouteNotFound, UnknownAction

__all__ = [
    "Route",
    "action_methods",
    "build_route",
    "clear_routes",
    "find_route",
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
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE")
SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")
PRIVATE_PREFIX = "reflex-drf-private"

Urlconf = Any  # What `request.urlconf` may be: a dotted path, a module, or an object like one.


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
        cls: Any = self.cls
        lookup = getattr(cls, "lookup_url_kwarg", None) or getattr(cls, "lookup_field", "pk")
        return str(lookup)

    def url(self, kwargs: Mapping[str, Any]) -> str:
        """Give the path of the route with these URL arguments."""
        resolver, prefix = get_resolver(self.urlconf), get_script_prefix()
        if self.namespaces:
            resolver = namespaced(resolver, self.namespaces)
        try:
            # Django's `reverse()` takes no namespace with a callback, its resolver does.
            return str(resolver._reverse_with_prefix(self.callback, prefix, **kwargs))  # type: ignore[attr-defined]
        except NoReverseMatch as error:
            given = ", ".join(f"{name}={value!r}" for name, value in kwargs.items())
            raise RouteNotFound(
                f"The route of {self.cls.__name__}.{self.action} takes no ({given})."
            ) from error


def namespaced(resolver: URLResolver, namespaces: tuple[str, ...]) -> URLResolver:
    """Give the resolver below these namespaces, with the patterns that lead to it."""
    pattern, converters = "", {}
    for namespace in namespaces:
        extra, resolver = resolver.namespace_dict[namespace]
        pattern += extra
        converters.update(resolver.pattern.converters)
    return get_ns_resolver(pattern, resolver, tuple(converters.items()))


@dataclass(frozen=True, slots=True)
class Place:
    """A callback of a viewset, the namespaces above it, and the arguments on the way to it."""

    callback: Any
    name: str | None
    namespaces: tuple[str, ...]
    url_kwargs: frozenset[str]
    optional: frozenset[str]

    @property
    def actions(self) -> dict[str, str]:
        """The actions by verb, without the HEAD that DRF adds with the first request."""
        actions = getattr(self.callback, "actions", None)
        if actions is None:
            names = [method.lower() for method in METHODS]
            actions = {name: name for name in names if hasattr(self.callback.cls, name)}
        return {verb: name for verb, name in actions.items() if verb != "head"}

    def takes(self, kwargs: Collection[str]) -> bool:
        """Tell whether the URL can be made of exactly these arguments."""
        return self.url_kwargs - self.optional <= set(kwargs) <= self.url_kwargs


def walk(
    patterns: Any,
    namespaces: tuple[str, ...] = (),
    arguments: frozenset[str] = frozenset(),
    optional: frozenset[str] = frozenset(),
) -> Iterator[Place]:
    """Go through the URLconf in the order in which Django tries it."""
    for pattern in patterns:
        own = arguments | set(pattern.pattern.regex.groupindex)
        if isinstance(pattern, URLPattern):
            defaults = optional | set(pattern.default_args)
            if hasattr(pattern.callback, "cls"):
                yield Place(pattern.callback, pattern.name, namespaces, own | defaults, defaults)
        else:
            below = (*namespaces, pattern.namespace) if pattern.namespace else namespaces
            defaults = optional | set(pattern.default_kwargs)
            yield from walk(pattern.url_patterns, below, own, defaults)


_lock = Lock()
_places: dict[Any, dict[type, list[Place]]] = {}


def places(urlconf: Urlconf) -> dict[type, list[Place]]:
    """Give the places of every view class in a URLconf, read once."""
    if urlconf not in _places:
        found: dict[type, list[Place]] = {}
        for place in walk(get_resolver(urlconf).url_patterns):
            found.setdefault(place.callback.cls, []).append(place)
        with _lock:
            _places[urlconf] = found
    return _places[urlconf]


def clear_routes(**kwargs: Any) -> None:
    """Forget the routes that were read; `setting_changed` does it for a new ROOT_URLCONF."""
    if kwargs.get("setting", "ROOT_URLCONF") == "ROOT_URLCONF":
        with _lock:
            _places.clear()
            cached_route.cache_clear()
            private_urlconf.cache_clear()


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
    several; without it `writes` prefers one that may write. An action that the viewset lacks but
    whose URL exists keeps its verb there, so that the answer is the 405 that HTTP has.
    """
    urlconf = urlconf or settings.ROOT_URLCONF
    verb = method.upper() if method else None
    return cached_route(view, action, urlconf, frozenset(kwargs), verb, writes)


@lru_cache(maxsize=4096)
def cached_route(
    view: type[APIView],
    action: str,
    urlconf: Urlconf,
    kwargs: frozenset[str],
    method: str | None,
    writes: bool,
) -> Route:
    """Find a route that was not asked for before."""
    private = view not in places(urlconf)
    if private:
        urlconf = private_urlconf(view, urlconf)
    found = places(urlconf)[view]
    fitting = [place for place in found if place.takes(kwargs)]
    for place in fitting:
        verb = choose_method(place, action, method, writes)
        if verb:
            return make_route(place, action, verb, urlconf, private)
    raise missing_route(view, action, kwargs, found)


def choose_method(place: Place, action: str, method: str | None, writes: bool) -> str | None:
    """Choose the verb with which a place runs the action, or `None` where it does not."""
    actions = place.actions
    names = {action, ASYNC_NAMES.get(action, action)}
    verbs = [verb.upper() for verb, name in actions.items() if name in names]
    if verbs:
        writing = [verb for verb in verbs if verb not in SAFE]
        return method or (writing if writes and writing else verbs)[0]
    if action == "metadata":
        return method or "OPTIONS"
    return missing_method(place, SYNC_NAMES.get(action, action), method)


def missing_method(place: Place, action: str, method: str | None) -> str | None:
    """Give the verb that a standard action would have where the standard URL lacks it."""
    if action not in STANDARD:
        return None
    verb, detail = STANDARD[action]
    names = {SYNC_NAMES.get(name, name) for name in place.actions.values()}
    siblings = {name for name, (_, about_row) in STANDARD.items() if about_row is detail}
    generic = not hasattr(place.callback, "actions")
    return method or verb if names & siblings or generic else None


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
    wanted = " or ".join(
        sorted({f"({', '.join(sorted(place.url_kwargs - {'format'}))})" for place in having})
    )
    return RouteNotFound(
        f"{view.__name__}.{action} was called with the URL arguments "
        f"({', '.join(sorted(kwargs))}), but its route takes {wanted}."
    )


def build_route(view: type[APIView], action: str = "list", **options: Any) -> Route:
    """Give a route to a viewset as DRF's router would, in a URLconf of its own."""
    urlconf = private_urlconf(view, settings.ROOT_URLCONF)
    place_options = {"kwargs": frozenset(), "method": None, "writes": False, **options}
    return cached_route(view, action, urlconf, **place_options)


@lru_cache(maxsize=4096)
def private_urlconf(view: type[APIView], base: Urlconf) -> ModuleType:
    """Make a URLconf with one viewset in front of the project's URLs.

    The project's URLs stay, so that hyperlinks can be reversed.
    """
    urlconf = ModuleType(f"{view.__module__}.{view.__qualname__}.urls")
    prefix = f"{PRIVATE_PREFIX}/{view.__name__.lower()}"
    root: Any = get_resolver(base).urlconf_module
    for handler in ("handler400", "handler403", "handler404", "handler500"):
        if hasattr(root, handler):
            setattr(urlconf, handler, getattr(root, handler))
    patterns: list[Any] = [path("", include(private_patterns(view, prefix)))]
    urlconf.urlpatterns = [*patterns, path("", include(root))]  # type: ignore[attr-defined]
    return urlconf


def private_patterns(view: Any, prefix: str) -> list[URLPattern]:
    """Route one viewset, or a view that is none."""
    if not hasattr(view, "get_extra_actions"):
        return [path(f"{prefix}/", view.as_view(), name=view.__name__.lower())]
    router = router_class(view)()
    router.register(prefix, view, basename=private_basename(view))
    urls: list[URLPattern] = router.urls
    return urls


def private_basename(view: Any) -> str:
    """Name the routes as the router would, so that `reverse_action()` works."""
    queryset = getattr(view, "queryset", None)
    model = getattr(queryset, "model", None)
    return str(model._meta.model_name if model is not None else view.__name__.lower())


def router_class(view: Any) -> type[SimpleRouter]:
    """Choose the router that knows the viewset's kind."""
    if getattr(view, "view_is_async", False) and find_spec("adrf"):
        router: type[SimpleRouter] = import_string("adrf.routers.SimpleRouter")
        return router
    return SimpleRouter


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


def reserved_parameters(view: Any) -> frozenset[str]:
    """Give the names of query parameters that DRF itself reads in calls to a view.

    A filter of one of these names would be taken for something else; `format` even gives a 404.
    """
    paginator = getattr(view, "pagination_class", None)
    attributes = (
        "page_query_param",
        "page_size_query_param",
        "limit_query_param",
        "offset_query_param",
        "cursor_query_param",
    )
    names = {getattr(paginator, attribute, None) for attribute in attributes}
    names |= {getattr(backend, "search_param", None) for backend in filter_backends(view)}
    names |= {getattr(backend, "ordering_param", None) for backend in filter_backends(view)}
    names |= {api_settings.URL_FORMAT_OVERRIDE, api_settings.VERSION_PARAM}
    return frozenset(name for name in names if name)


def filter_backends(view: Any) -> list[Any]:
    """Give the classes that filter the view's lists."""
    return list(getattr(view, "filter_backends", ()))


setting_changed.connect(clear_routes, dispatch_uid="reflex_drf.routing.clear_routes")
