"""The states of a site: one over each viewset, and one that knows what its viewer may open."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import reflex as rx
from asgiref.sync import sync_to_async

from reflex_drf import permissions
from reflex_drf.live import LiveListMixin
from reflex_drf.routing import find_route, lookup_argument
from reflex_drf.site.registry import Shown, shown_entries
from reflex_drf.site.sections import Entry
from reflex_drf.state import AppState, ModelState
from reflex_drf.state.addresses import page_path
from reflex_drf.state.assembly import free_names
from reflex_drf.state.description import describe
from reflex_drf.state.model import ModelStateMeta
from reflex_drf.state.viewsets import viewset_model

__all__ = ["SiteState", "make_state"]

logger = logging.getLogger(__name__)
FORM_PAGES = ("/new", "/edit", "/copy")


class SiteState(AppState):
    """What the viewer of a site may open, for its menu; and the way out."""

    offered: dict[str, bool] = {}
    # Whether it is known yet.
    looked: bool = False
    # To which sections rows may be added; of one that is missing nothing is known.
    addable: dict[str, bool] = {}

    @rx.event
    async def look_around(self) -> None:
        """Ask the viewsets' own permission classes what this viewer may open."""
        self.offered, self.addable = await sync_to_async(_offers)(self.request)
        self.looked = True

    @rx.event
    async def sign_out(self) -> None:
        """End the session."""
        await self.logout()


def _offers(request: Any) -> tuple[dict[str, bool], dict[str, bool]]:
    entries = shown_entries()
    return (
        {shown.name: _may(shown, shown.action, request) for shown in entries},
        {shown.name: _may(shown, "create", request) for shown in entries if shown.adds},
    )


def _may(shown: Shown, action: str, request: Any) -> bool:
    """Whether the viewer may do what a page of a section does."""
    view = shown.viewset(**_initkwargs(shown))
    view.action_map, view.args, view.kwargs, view.format_kwarg = {"get": "list"}, (), {}, None
    view.request = view.initialize_request(request)
    try:
        # Asked about an action that writes, a session would want a token of the form.
        view.perform_authentication(view.request)
        return permissions.may(view, action)
    except permissions.REFUSALS:
        return False
    except Exception as error:  # noqa: BLE001 - logged, and decided when the page is opened
        # A class that fails at a question must cost the viewer neither menu nor page.
        logger.warning("%s: its permissions failed: %r", shown.viewset.__name__, error)
        return True


def _initkwargs(shown: Shown) -> Mapping[str, Any]:
    # Those of the router or of `as_view()` count, as they do for a request.
    # What only shows single rows has no URL without a key.
    kwargs = [lookup_argument(shown.viewset)] if shown.action == "retrieve" else []
    return find_route(shown.viewset, shown.action, kwargs=kwargs).initkwargs


def make_state(name: str, entry: Entry, base: str) -> type[Any]:
    """A state over the viewset of an entry, whose pages stand below `base`."""
    if entry.section.state is not None:
        # It says what is wrong with one that is no model state.
        describe(entry.section.state)
        return entry.section.state
    lists = permissions.has_action(entry.viewset, "list")
    live = entry.section.live and lists and viewset_model(entry.viewset)
    bases: tuple[type, ...] = (LiveListMixin, ModelState) if live else (ModelState,)
    declared = {"viewset": entry.viewset, "url_params": True, **entry.section.options}
    meta = declared | free_names(name, bases, dict(declared))
    body = {"__module__": __name__, "Meta": type("Meta", (), meta), **_hooks(base)}
    state: type[Any] = ModelStateMeta(name, bases, body)
    # A manager that keeps states elsewhere finds their classes by module and name.
    setattr(sys.modules[__name__], name, state)
    return state


def _hooks(base: str) -> dict[str, Any]:
    """Lead from a form to the row that it has saved, and away from a row that is gone."""

    def on_saved(self: Any, row: Mapping[str, Any]) -> Any:
        # A page that was opened by its address may have a slash at the end.
        path = page_path(self.rx_router_page).rstrip("/")
        if self.form_mode or not path.endswith(FORM_PAGES):
            # The form goes on with another row, or with the same.
            return None
        key = row.get(self._plan.key)
        if "retrieve" not in self._plan.actions or key is None:
            return rx.redirect(base)
        return rx.redirect(f"{base}/{quote(str(key), safe='')}")

    def on_deleted(self: Any, key: str) -> Any:
        return rx.redirect(base) if key == getattr(self, "detail_key", None) else None

    return {"on_saved": on_saved, "on_deleted": on_deleted}
