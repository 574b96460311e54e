"""Builds a site: from a router to states and pages in an app."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import reflex as rx
from django.conf import settings
from django.shortcuts import resolve_url
from django.urls import Resolver404, resolve
from django.utils.translation import gettext_lazy as _

from reflex_drf.auth.options import offered
from reflex_drf.errors import ConfigurationError
from reflex_drf.site.pages import SectionPages
from reflex_drf.site.registry import Shown, show_entry
from reflex_drf.site.sections import Entry, Section, find_entries
from reflex_drf.site.shell import Menu, MenuItem, home, shell
from reflex_drf.site.states import SiteState, make_state
from reflex_drf.state.description import describe
from reflex_drf.ui.links import Links
from reflex_drf.ui.texts import capital, text

__all__ = ["Site", "site"]

logger = logging.getLogger(__name__)
ICONS = ("box", "layers", "file-text", "tag", "folder", "star", "bookmark", "hash")


def site(
    router: Any,
    *,
    app: rx.App | None = None,
    path: str = "",
    title: Any = "",
    sections: Mapping[str, Section | None] | None = None,
    order: Sequence[str] = (),
    sign_in: bool | None = None,
) -> rx.App:
    """An app with pages for every viewset that a router has registered.

    `router` may be several. `sections` says by the names of the registrations how a viewset is
    shown, or None to leave it out. With `app`, the pages are added to it, below `path`.
    """
    built = Site(router, path=path, title=title, sections=sections, order=order)
    app = app if app is not None else rx.App(html_lang=settings.LANGUAGE_CODE)
    built.add_to(app)
    if sign_in or (sign_in is None and _lacks_sign_in()):
        _add_sign_in(app, path)
    return app


@dataclass(frozen=True)
class _Built:
    entry: Entry
    state: type[Any]
    pages: SectionPages


class Site:
    """The states and pages over a router, for an app that `add_to` gives them to."""

    def __init__(
        self,
        router: Any,
        *,
        path: str = "",
        title: Any = "",
        sections: Mapping[str, Section | None] | None = None,
        order: Sequence[str] = (),
    ) -> None:
        self.path = _checked_path(path)
        self.title = title or _("Data")
        routers = list(router) if isinstance(router, list | tuple) else [router]
        entries, self.left_out = find_entries(routers, sections or {}, order)
        #: The state of each section, by the name of its registration.
        self.states: dict[str, type[Any]] = {}
        self._built = [built for entry in entries if (built := self._build(entry)) is not None]
        self._menu = Menu(title=self.title, path=self.path or "/", items=self._items())
        for prefix, reason in self.left_out.items():
            logger.info("No pages for %r: %s", prefix, reason)
        if not self._built:
            reasons = " ".join(f"{name!r}: {reason}" for name, reason in self.left_out.items())
            raise ConfigurationError(f"The site has nothing to show. {reasons}")

    def _build(self, entry: Entry) -> _Built | None:
        base = f"{self.path}/{entry.slug}"
        try:
            state = make_state(_state_name(base), entry, base)
        except ConfigurationError as error:
            if entry.section.options or entry.section.state is not None:
                # Somebody has thought about this one, and is to hear of his mistake.
                raise
            # A viewset of somebody else's may need more than can be guessed; the others go on.
            self.left_out[entry.prefix] = str(error)
            logger.warning("No pages for %r: %s", entry.prefix, error)
            return None
        self.states[entry.prefix] = state
        actions = state._plan.actions
        links = Links(
            base,
            detail="retrieve" in actions,
            edit=describe(state).edit is not None,
            new=describe(state).create is not None,
        )
        # Of an API elsewhere, nobody can be asked who may add to it.
        adds = links.new and state._plan.in_process
        show_entry(Shown(base, state._plan.viewset, _first_action(state), adds))
        return _Built(entry, state, SectionPages(entry.section, state, links))

    def _items(self) -> list[MenuItem]:
        return [
            MenuItem(
                name=f"{self.path}/{built.entry.slug}",
                label=_label(built),
                icon=built.entry.section.icon or ICONS[place % len(ICONS)],
            )
            for place, built in enumerate(self._built)
        ]

    def add_to(self, app: rx.App) -> None:
        """Add the pages to an app."""
        self._add(app, self.path or "/", home(self._menu), self.title, [])
        for built, item in zip(self._built, self._menu.items, strict=True):
            for page in built.pages.all(item):
                self._add(app, item.name + page.route, page.content, page.title, page.on_load)

    def _add(
        self, app: rx.App, route: str, content: Any, title: Any, on_load: Sequence[Any]
    ) -> None:
        def page() -> rx.Component:
            return shell(self._menu, content(), route)

        app.add_page(
            page,
            route=route,
            title=_plain(title, self.title),
            on_load=[SiteState.look_around, *on_load],
        )


def _first_action(state: type[Any]) -> str:
    """What the first page of a section does, which decides whether it is in the menu."""
    plan = state._plan
    extra = [action.name for action in plan.extra_actions if not action.detail]
    known = [name for name in ("list", "create") if name in plan.actions]
    return next(iter([*known, *extra]), "retrieve")


def _label(built: _Built) -> Any:
    if built.entry.section.label:
        return built.entry.section.label
    if built.state._plan.rows is not None:
        return capital(describe(built.state).label_plural)
    return built.entry.prefix.replace("-", " ").replace("_", " ").capitalize()


def _plain(title: Any, site_title: Any) -> Any:
    shown, name = text(title), text(site_title)
    if isinstance(shown, str) and isinstance(name, str):
        return shown if shown == name else f"{shown} · {name}"
    return shown


def _state_name(base: str) -> str:
    words = "".join(
        part.capitalize() for part in base.replace("/", "-").replace("_", "-").split("-")
    )
    return f"Site{words}State"


def _checked_path(path: str) -> str:
    if path and (not path.startswith("/") or "[" in path):
        raise ConfigurationError(
            f"The path of a site is {path!r}; it has to begin with a slash and to have no "
            "parameters."
        )
    return path.rstrip("/")


def _lacks_sign_in() -> bool:
    """Whether nothing answers at LOGIN_URL, so that nobody could sign in."""
    if offered("login"):
        return False
    try:
        resolve(resolve_url(settings.LOGIN_URL))
    except Resolver404:
        return True
    return False


def _add_sign_in(app: rx.App, path: str) -> None:
    from reflex_drf.auth import add_pages

    base = _checked_path(path)
    routes = {
        "login": resolve_url(settings.LOGIN_URL),
        "logout": f"{base}/sign-out",
        "password_change": f"{base}/password-change",
    }
    add_pages(app, routes=routes)
