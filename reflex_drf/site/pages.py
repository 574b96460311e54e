"""The pages of one section: its list, a row in full, and forms for a new row and an old one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import reflex as rx
from django.utils.translation import gettext_lazy as _

from reflex_drf import ui
from reflex_drf.site.sections import Section
from reflex_drf.site.shell import MenuItem
from reflex_drf.site.states import SiteState
from reflex_drf.state.description import Description, describe
from reflex_drf.state.detail import DETAIL_PARAM
from reflex_drf.ui import browser
from reflex_drf.ui.links import Links
from reflex_drf.ui.parts import allowed, notice
from reflex_drf.ui.refusals import sign_in_link
from reflex_drf.ui.texts import capital, text

__all__ = ["Page", "SectionPages"]


@dataclass(frozen=True)
class Page:
    """One page, by its route below the section's."""

    route: str
    title: Any
    content: Callable[[], rx.Component]
    on_load: list[Any]


@dataclass(frozen=True)
class SectionPages:
    """The pages over one state, as far as its viewset has actions for them."""

    section: Section
    state: type[Any]
    links: Links

    @property
    def known(self) -> Description:
        """What is known of the state."""
        return describe(self.state)

    def all(self, item: MenuItem) -> Iterator[Page]:
        """Give the pages that there are."""
        label = capital(self.known.label)
        lists = "list" in self.state._plan.actions
        yield Page("", item.label, self.listing, self._list_events() if lists else [])
        row = f"/[{DETAIL_PARAM}]"
        if self.links.detail:
            yield Page(row, label, self.detail, [self.state.load_detail, *self._live()])
        if self.links.new:
            yield Page("/new", label, self.new, [self.state.load_new])
        if self.links.new and self.known.clone:
            title = text(_("Copy %(name)s"), name=self.known.label)
            yield Page(f"{row}/copy", title, self.copy, [self.state.load_clone])
        if self.links.edit:
            events = [self.state.load_edit, *self._live()]
            yield Page(f"{row}/edit", label, self.edit, events)

    def _list_events(self) -> list[Any]:
        close = [self.state.close_row] if self.links.detail else []
        return [*close, self.state.load, *self._live()]

    def _live(self) -> list[Any]:
        return [self.state.live_subscribe] if hasattr(self.state, "live_subscribe") else []

    # -- Their content ----------------------------------------------------------------------

    def listing(self) -> rx.Component:
        """The list, with all that belongs to it."""
        if "list" not in self.state._plan.actions:
            return self._without_list()
        if not self.known.columns:
            return self._plain_list()
        section = self.section
        return ui.crud(
            self.state,
            title=section.label,
            writable=section.writable,
            links=self.links,
            table_options={
                "columns": section.columns,
                "cells": section.cells,
                **section.table_options,
            },
        )

    def _without_list(self) -> rx.Component:
        new = rx.fragment()
        if self.links.new:
            label = text(_("New %(name)s"), name=self.known.label)
            new = rx.button(rx.link(label, href=self.links.new_path), as_child=True)
        return rx.box(
            _heading(self.section.label or capital(self.known.label_plural)),
            ui.refusal(self.state, margin_bottom="12px"),
            rx.text(text(_("There is no list of these.")), color="var(--gray-11)"),
            rx.flex(ui.actions(self.state), new, spacing="3", wrap="wrap", margin_top="16px"),
            _answers(self.state),
        )

    def _plain_list(self) -> rx.Component:
        """Rows of which nothing is known before they are there."""
        rows = getattr(self.state, self.known.list_var)
        return rx.box(
            _heading(self.section.label or capital(self.known.label_plural)),
            ui.progress(self.state),
            ui.refusal(self.state, margin_bottom="12px"),
            rx.card(rx.el.ul(rx.foreach(rows, _plain_row), style={"list_style": "none"})),
            rx.box(ui.pagination(self.state), padding_top="12px"),
        )

    def detail(self) -> rx.Component:
        """A row in full."""
        section = self.section
        return rx.box(
            self._back(),
            rx.card(
                ui.detail(
                    self.state,
                    columns=section.details,
                    actions=section.table_options.get("actions"),
                    writable=section.writable,
                    key=_route_key(),
                    heading="h1",
                    links=self.links,
                ),
                size="3",
            ),
        )

    def new(self) -> rx.Component:
        """A form for a new row."""
        title = text(_("New %(name)s"), name=self.known.label)
        return self._page(title, self._unless_refused(self._form(self.links.path)))

    def copy(self) -> rx.Component:
        """A form for a new row that begins as another."""
        title = text(_("Copy %(name)s"), name=self.known.label)
        refusal = ui.refusal(self.state, retry=self.state.load_clone)
        form = self._unless_refused(self._form(self.links.path))
        return self._page(title, rx.cond(self.state.form_mode != "", form, refusal))

    def edit(self) -> rx.Component:
        """A form for an existing row."""
        back = self.links.to(_route_key()) if self.links.detail else self.links.path
        title = text(_("Edit %(name)s"), name=self.known.label)
        key, refusal = self.state.editing_id, ui.refusal(self.state, retry=self.state.load_edit)
        # Where a cache has answered, nobody was asked about anything, the row itself included.
        asked = allowed(self.state, "retrieve", key)
        locked = asked & ~allowed(self.state, str(self.known.update_action), key)
        form = rx.fragment(
            rx.cond(locked, _refused(text(_("You may not change this.")))),
            self._form(back, writable=~locked),
        )
        return self._page(title, rx.cond(key.is_not_none(), form, refusal))

    def _form(self, back: Any, **options: Any) -> rx.Component:
        options |= {"fields": self.section.fields, "on_cancel": rx.redirect(back)}
        return ui.form(self.state, **{**options, **self.section.form_options})

    def _unless_refused(self, form: rx.Component) -> rx.Component:
        """A form for a new row, or word that this viewer may add none."""
        path: rx.Var[str] = rx.Var.create(self.links.path)
        addable: Any = SiteState.addable
        refused = browser.expression("$0?.[$1] === false", addable, path, kind=bool)
        said = text(_("You may not add any %(names)s."), names=self.known.label_plural)
        return rx.cond(refused, _refused(said), form)

    def _page(self, title: Any, content: rx.Component) -> rx.Component:
        return rx.box(
            self._back(),
            _heading(title),
            rx.card(
                ui.progress(self.state),
                ui.presence(self.state, margin_bottom="12px"),
                content,
                size="3",
                max_width="760px",
            ),
        )

    def _back(self) -> rx.Component:
        label = text(self.section.label or capital(self.known.label_plural))
        return rx.link(
            rx.icon("arrow-left", size=16),
            label,
            href=self.links.path,
            size="2",
            underline="hover",
            style={"display": "inline-flex", "align_items": "center", "gap": "6px"},
            margin_bottom="12px",
        )


def _route_key() -> rx.Var[str]:
    key: Any = getattr(rx.State, DETAIL_PARAM)
    return browser.expression("String($0 ?? '')", key)


def _heading(title: Any) -> rx.Component:
    return rx.heading(text(title), as_="h1", size="6", margin_bottom="16px")


def _refused(said: Any) -> rx.Component:
    """What the viewer may not do, with a way to sign in for those who have not."""
    words = rx.flex(
        rx.el.span(said),
        rx.cond(SiteState.is_authenticated, rx.fragment(), sign_in_link()),
        wrap="wrap",
        spacing="3",
    )
    return notice(rx.icon("lock", size=16), words, "amber", margin_bottom="12px")


def _plain_row(row: Any) -> rx.Component:
    return rx.el.li(
        rx.el.code(browser.words(row), style={"overflow_wrap": "anywhere"}),
        style={"padding": "8px 0", "border_bottom": "1px solid var(--gray-a5)"},
    )


def _answers(state: type[Any]) -> rx.Component:
    """What actions have answered, for viewsets that have nothing else to show."""
    written = browser.expression("JSON.stringify($0, null, 2)", state.action_data)
    style = {"white_space": "pre-wrap", "font_size": "var(--font-size-1)"}
    return rx.cond(browser.filled(state.action_data), rx.el.pre(written, style=style))
