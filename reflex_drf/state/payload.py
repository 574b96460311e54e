"""What a client sends with an event: whether it fits the handler, as text that can be sent on."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from reflex.state import BaseState

__all__ = ["UnfitPayloadError", "fit_payload", "has_setter", "is_sound", "mend"]

# Deeper values come from nobody's form, and would exhaust the stack of whatever walks them.
MAX_DEPTH = 100


class UnfitPayloadError(ValueError):
    """A payload that its handler cannot be called with; the text quotes no value of it."""


def fit_payload(function: Callable[..., Any], payload: dict[str, Any]) -> dict[str, Any]:
    """Give the payload a handler is called with, or refuse one that does not fit it.

    Lone surrogates become U+FFFD, as in all that a browser sends by HTTP: no websocket could
    carry them back, and no database keeps them.
    """
    check_arguments(function, payload)
    return payload if not payload or is_sound(payload) else mend(payload)


def check_arguments(function: Callable[..., Any], payload: Mapping[str, Any]) -> None:
    """Refuse arguments that the handler does not have, and the lack of those it needs."""
    required, known = arguments(function)
    if not (required or payload):
        return
    if missing := sorted(required - set(payload)):
        raise UnfitPayloadError(f"it lacks the argument {missing[0]!r}")
    if known is not None and set(payload) - known:
        raise UnfitPayloadError("it has arguments that the handler does not take")


@functools.lru_cache(maxsize=1024)
def arguments(function: Callable[..., Any]) -> tuple[frozenset[str], frozenset[str] | None]:
    """Give the names a handler needs and those it knows, None if it takes any; never `self`."""
    parameters = list(inspect.signature(function).parameters.values())[1:]
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    required = frozenset(p.name for p in named if p.default is p.empty)
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    return required, None if takes_any else frozenset(p.name for p in named)


def is_sound(sent: Any) -> bool:
    """Tell whether all text can be sent; refuse what is nested too deeply to look at."""
    level: list[Any] = [sent]
    sound = True
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for value in level:
            if isinstance(value, str):
                sound = sound and can_be_sent(value)
            elif isinstance(value, dict):
                below += [*value, *value.values()]
            elif isinstance(value, (list, tuple)):
                below += value
        if not below:
            return sound
        level = below
    raise UnfitPayloadError("it is nested too deeply")


def can_be_sent(text: str) -> bool:
    """Tell whether text has no lone surrogates."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def mend(value: Any) -> Any:
    """Copy a value with all lone surrogates replaced."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {mend(key): mend(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [mend(item) for item in value]
    return value


def has_setter(state: type[BaseState] | None, name: str) -> bool:
    """Tell whether a state or one above it has a handler of a name that `setvar` can just call."""
    while state is not None:
        if name in state.event_handlers:
            # What a coroutine function returns would only be thrown away, and warned about.
            return not inspect.iscoroutinefunction(state.event_handlers[name].fn)
        state = state.get_parent_state()
    return False
