"""What is known of a handler before any event calls it."""

from __future__ import annotations

import contextlib
import functools
from dataclasses import dataclass
from typing import Any

from reflex.state import BaseState
from reflex_base.event import (
    EventHandler,
    resolve_upload_chunk_handler_param,
    resolve_upload_handler_param,
)
from reflex_base.registry import RegisteredEventHandler
from reflex_base.utils.exceptions import UploadTypeError, UploadValueError

from reflex_drf.seam.endings import noting_end

__all__ = ["HandlerFacts", "is_deferred", "takes_files"]

# Framework events that send what a tab holds, or write to it on behalf of the browser.
HYDRATE = frozenset({"hydrate", "hydrate_and_load"})
BRIDGED = HYDRATE | {"update_vars_internal"}


@dataclass(frozen=True, slots=True, eq=False)
class HandlerFacts:
    """What each event of one handler would otherwise ask anew."""

    registered: RegisteredEventHandler
    # The same, as its events call it.
    called: RegisteredEventHandler
    # The state whose handler it is.
    target: type[BaseState]
    # The name of a handler of Reflex itself, "" for one of the project.
    framework: str
    # Whether it sends the browser everything its tab holds.
    hydrates: bool
    # Whether its events become Django requests.
    bridged: bool
    # Whether its own call runs the middleware.
    deferred: bool
    background: bool

    @classmethod
    def of(cls, registered: RegisteredEventHandler, returned: set[str]) -> HandlerFacts:
        """Work them out; its events add their ids to `returned` when the handler has returned."""
        target, handler = registered.states[0], registered.handler
        framework = "" if target.is_user_defined() else handler.fn.__name__
        opted_in = bool(getattr(target, "django_bridge", True))
        return cls(
            registered=registered,
            called=noting_end(registered, returned),
            target=target,
            framework=framework,
            hydrates=framework in HYDRATE,
            bridged=framework in BRIDGED if framework else opted_in,
            deferred=is_deferred(handler),
            background=handler.is_background,
        )


def handler_function(handler: EventHandler) -> Any:
    """Give the function that was written, below wrappers and partials."""
    function: Any = handler.fn
    while True:
        if isinstance(function, functools.partial):
            function = function.func
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        else:
            return function


def is_deferred(handler: EventHandler) -> bool:
    """Tell whether the handler's own call runs the middleware, so that none runs before it."""
    return bool(
        getattr(handler.fn, "__reflex_drf_deferred__", False)
        or getattr(handler_function(handler), "__reflex_drf_deferred__", False)
    )


@functools.lru_cache(maxsize=1024)
def takes_files(handler: EventHandler) -> bool:
    """Tell whether Reflex lets a `POST /_upload` call this handler; it lets it call no other."""
    for resolve in (resolve_upload_handler_param, resolve_upload_chunk_handler_param):
        with contextlib.suppress(UploadTypeError, UploadValueError):
            resolve(handler)
            return True
    return False
