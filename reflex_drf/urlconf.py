"""Where a URLconf leads to DRF views, and a URLconf for the view that none leads to."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from threading import Lock
from types import ModuleType
from typing import Any, cast

from django.core.signals import setting_changed
from django.urls import URLPattern, URLResolver, path
from django.urls.resolvers import get_ns_resolver, get_resolver
from django.utils.module_loading import import_string
from rest_framework.routers import SimpleRouter

__all__ = ["METHODS", "Place", "clear_places", "namespaced", "places", "private_urlconf"]

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE")
# With more parts than a language has, so that Django does not look for one of that name.
PRIVATE_PREFIX = "reflex-drf-private-route"

Urlconf = Any  # What `request.urlconf` may be: a dotted path, a module, or an object like one.


@dataclass(frozen=True, slots=True)
class Place:
    """A callback of a view, the namespaces above it, and the arguments on the way to it."""

    callback: Any
    name: str | None
    namespaces: tuple[str, ...]
    url_kwargs: frozenset[str]
    # Arguments that the URLconf fixes, so that a call may leave them out.
    optional: frozenset[str]

    @property
    def actions(self) -> dict[str, str]:
        """The actions by verb, without the HEAD that DRF adds with the first request."""
        actions = getattr(self.callback, "actions", None)
        if actions is None:
            names = [method.lower() for method in METHODS if method != "OPTIONS"]
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
    """Go through the patterns in the order in which Django tries them."""
    for pattern in patterns:
        own = arguments | set(pattern.pattern.regex.groupindex)
        if isinstance(pattern, URLPattern):
            fixed = optional | set(pattern.default_args)
            if hasattr(pattern.callback, "cls"):
                yield Place(pattern.callback, pattern.name, namespaces, own | fixed, fixed)
        else:
            below = (*namespaces, pattern.namespace) if pattern.namespace else namespaces
            fixed = optional | set(pattern.default_kwargs)
            yield from walk(pattern.url_patterns, below, own, fixed)


_lock = Lock()
_places: dict[Hashable, dict[type, list[Place]]] = {}


def places(urlconf: Urlconf) -> dict[type, list[Place]]:
    """Give the places of every view class in a URLconf, read once."""
    if urlconf not in _places:
        found: dict[type, list[Place]] = {}
        for place in walk(get_resolver(urlconf).url_patterns):
            found.setdefault(place.callback.cls, []).append(place)
        with _lock:
            _places[urlconf] = found
        return found
    return _places[urlconf]


def clear_places(*, setting: str = "ROOT_URLCONF", **kwargs: Any) -> None:
    """Forget the URLconfs that were read, as after a change of ROOT_URLCONF."""
    if setting == "ROOT_URLCONF":
        with _lock:
            _places.clear()
            _private_urlconf.cache_clear()


def namespaced(resolver: URLResolver, namespaces: tuple[str, ...]) -> URLResolver:
    """Give the resolver below these namespaces, with the patterns that lead to it."""
    pattern: str = ""
    converters: dict[str, Any] = {}
    for namespace in namespaces:
        extra, resolver = resolver.namespace_dict[namespace]
        pattern += extra
        converters.update(resolver.pattern.converters)
    return get_ns_resolver(pattern, resolver, tuple(converters.items()))


def private_urlconf(view: Any, base: Urlconf) -> ModuleType:
    """Give a URLconf with one view in front of the project's URLs.

    The project's URLs stay, so that hyperlinks can be reversed.
    """
    return _private_urlconf(view, base)


@lru_cache(maxsize=4096)
def _private_urlconf(view: Any, base: Any) -> ModuleType:
    urlconf = ModuleType(f"{view.__module__}.{view.__qualname__}.urls")
    root = get_resolver(base)
    for handler in ("handler400", "handler403", "handler404", "handler500"):
        if hasattr(root.urlconf_module, handler):
            setattr(urlconf, handler, getattr(root.urlconf_module, handler))
    # Not include(): Django allows language prefixes in no URLconf but the first.
    vars(urlconf)["urlpatterns"] = [*private_patterns(view), *root.url_patterns]
    return urlconf


def private_patterns(view: Any) -> list[Any]:
    """Route one viewset as DRF's router does, or a view that is none."""
    prefix = f"{PRIVATE_PREFIX}/{view.__name__.lower()}"
    if not hasattr(view, "get_extra_actions"):
        return [path(f"{prefix}/", view.as_view(), name=view.__name__.lower())]
    router = router_class(view)()
    router.register(prefix, view, basename=private_basename(view))
    return list(router.urls)


def private_basename(view: Any) -> str:
    """Name the routes as the router would, so that `reverse_action()` works."""
    model = getattr(getattr(view, "queryset", None), "model", None)
    return str(model._meta.model_name if model is not None else view.__name__.lower())


def router_class(view: Any) -> type[SimpleRouter]:
    """Choose the router that knows the viewset's kind."""
    if getattr(view, "view_is_async", False) and find_spec("adrf"):
        return cast("type[SimpleRouter]", import_string("adrf.routers.SimpleRouter"))
    return SimpleRouter


setting_changed.connect(clear_places, dispatch_uid="reflex_drf.urlconf.clear_places")
