"""The guards of pages: whoever may not see a page gets neither it nor what it loads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reflex.state import State
from reflex_base.config import get_config
from reflex_base.constants.state import FIELD_MARKER
from reflex_base.event import Event
from reflex_base.event.context import EventContext

from reflex_drf.bridge import current_user

if TYPE_CHECKING:
    from reflex_drf.auth.guards import Guard

__all__ = ["MARK", "Load", "PageGuards"]

# Where a guarded page function has its guards.
MARK = "__reflex_drf_guards__"

# Reflex's own events by which a page is loaded: first or anew, from another page, and at the end.
HYDRATING = frozenset({"hydrate", "hydrate_and_load"})
LOADED = "set_is_hydrated"
LOADING = HYDRATING | {"on_load_internal", LOADED}


@dataclass(frozen=True, slots=True)
class Load:
    """An event that may load a page or something of it."""

    context: EventContext
    name: str
    # The short name of one of Reflex's own handlers, "" for any other.
    framework: str
    # What the client says its page is.
    path: str


class PageGuards:
    """Knows the guarded pages of an app, and the handlers that load nothing but those."""

    def __init__(
        self,
        pages: Mapping[str, Any],
        load_events: Mapping[str, Any],
        router: Callable[[str], str | None],
    ) -> None:
        self._load_events, self._router = load_events, router
        self.pages: dict[str, tuple[Guard, ...]] = {
            route: guards
            for route, page in pages.items()
            if (guards := getattr(page.component, MARK, ()))
        }
        self.handlers = self._find_handlers(pages) if self.pages else {}

    def _find_handlers(self, pages: Mapping[str, Any]) -> dict[str, tuple[Guard, ...]]:
        # Whoever knows its name can call a handler without opening a page. One that an open page
        # loads as well is left to its own guards.
        free = {name for route in pages if route not in self.pages for name in self._loads(route)}
        found: dict[str, tuple[Guard, ...]] = {}
        for route, guards in self.pages.items():
            for name in self._loads(route) - free:
                # Of two guarded pages that load it, the first one decides.
                found.setdefault(name, guards)
        return found

    def _loads(self, route: str) -> set[str]:
        events = Event.from_event_type(self._load_events.get(route, []))
        return {event.name for event in events if not event.name.startswith("_")}

    def of_event(self, load: Load) -> tuple[Guard, ...]:
        """Give the guards of an event, by its name or by the page it loads."""
        if not self.pages:
            return ()
        if load.framework in LOADING:
            return self.pages.get(self._route(load.path), ())
        return self.handlers.get(load.name, ())

    def _route(self, path: str) -> str:
        # As Reflex finds the `on_load` of a page.
        path = path.partition("?")[0].partition("#")[0]
        prefix = get_config().frontend_path.rstrip("/")
        return self._router(path.removeprefix(prefix) if prefix else path) or "404"

    async def run(
        self, load: Load, guards: tuple[Guard, ...], execute: Callable[[], Awaitable[None]]
    ) -> None:
        """Run an event if all of its guards let it pass."""
        refusal = await find_refusal(guards)
        if refusal is None:
            await execute()
            return
        signed_in = bool(getattr(current_user(), "is_authenticated", False))
        if signed_in and load.framework in HYDRATING:
            # The tab works on, only this page stays empty.
            await execute()
        if load.framework in LOADING:
            hidden = {State.get_full_name(): {f"is_hydrated{FIELD_MARKER}": False}}
            await load.context.emit_delta(hidden)
        # Who is signed in has been told by the event that this one belongs to.
        is_further = load.context.parent_txid and load.framework not in HYDRATING
        if load.framework != LOADED and not (signed_in and is_further):
            await load.context.emit_event(*Event.from_event_type([refusal]))


async def find_refusal(guards: tuple[Guard, ...]) -> Any:
    """Ask guards one after the other, and give what the first that says no says."""
    for guard in guards:
        if (refusal := await guard.refusal(page=True)) is not None:
            return refusal
    return None
