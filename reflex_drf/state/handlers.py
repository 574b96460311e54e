"""Event handlers for reading, as plain methods that a state may also call by itself."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from reflex_drf import bridge
from reflex_drf.backends import Call, Page, Reply
from reflex_drf.state.addresses import (
    Wanted,
    filter_text,
    leave_address,
    page_path,
    positive_number,
    read_address,
)
from reflex_drf.state.answers import drop_tab
from reflex_drf.state.calls import Key, operation
from reflex_drf.state.detail import DetailHandlers
from reflex_drf.state.narrowing import narrow
from reflex_drf.state.options import Options
from reflex_drf.state.picking import PickHandlers
from reflex_drf.state.quiet import held, put

__all__ = ["ListHandlers", "Wanted"]


class ListHandlers(PickHandlers, DetailHandlers):
    """Handlers for reading: the list and its pages, search, ordering and filters."""

    @operation
    async def load(self) -> Any:
        """Read the list, as it is searched, sorted and paged, or as the page's address says."""
        if not self._plan.options.url_params:
            return await self._fetch(self._wanted())
        self._addressed = page_path(self.rx_router_page)
        wanted, fits = read_address(self._plan, self.rx_router_page.params)
        answer = await self._fetch(wanted)
        if not fits and not self.error:
            self._fail(_("The address of this page asks for something that cannot be shown."))
        return answer

    @operation
    async def refresh(self) -> Any:
        """Read the same list again."""
        return await self._fetch(self._wanted())

    async def refresh_list(self) -> Any:
        """Read the list again, from a handler of one's own."""
        return await self._fetch(self._wanted())

    def remove_list_row(self, options: Options, pk: Any) -> None:
        """Take a row off the list without asking the API."""
        self._replace_row(pk, None)

    def get_scoped_queryset(self) -> QuerySet[Any]:
        """The rows that this state's viewset and hooks let the current user see, for a thread."""
        view = self._plan.viewset()
        view.action_map, view.args, view.format_kwarg = {"get": "list"}, (), None
        view.kwargs = self._url_kwargs("list")
        view.request = view.initialize_request(self._scoped_request())
        narrow(self, self._plan, "list", view)
        queryset: QuerySet[Any] = view.filter_queryset(view.get_queryset())
        return queryset

    def _scoped_request(self) -> Any:
        # What the page or an earlier call of this event was asked for narrows nothing here.
        request: Any = copy.copy(bridge.current_request())
        request.method, request.GET = "GET", QueryDict()
        if getattr(self._plan.backend, "trust_session", False) and request.user.is_authenticated:
            request._force_auth_user = request.user
        return request

    @operation
    async def set_search(self, value: str) -> Any:
        """Search the list for a text."""
        if not _is_text(value):
            return self._fail(_("A search is a text."))
        # While one types, the address follows; only the first letter is a step.
        wanted = replace(self._first_page(), search=value, step=not (self.search and value))
        return await self._fetch(wanted)

    @operation
    async def set_ordering(self, value: str) -> Any:
        """Sort the list by one or more fields, with a minus sign for descending."""
        if not _is_text(value):
            return self._fail(_("An ordering is a text."))
        terms = [term.strip() for term in value.split(",") if term.strip()]
        if self._plan.query.known_terms(terms, self._plan.rows) != terms:
            return self._fail(_("The list cannot be sorted by that."))
        return await self._fetch(replace(self._first_page(), ordering=",".join(terms)))

    @operation
    async def filter(self, params: dict[str, Any]) -> Any:
        """Filter the list by the viewset's own filters; an empty value takes a filter off."""
        if not _is_named(params):
            return self._fail(_("Filters are given by name."))
        chosen = dict(self.filters)
        for name, value in params.items():
            text = filter_text(value)
            if name not in self._plan.query.filter_names or text is None:
                return self._fail(_("The list cannot be filtered by that."))
            chosen[name] = text
        chosen = {name: text for name, text in chosen.items() if text}
        return await self._fetch(replace(self._first_page(), filters=chosen))

    @operation
    async def clear_filter(self) -> Any:
        """Take all filters and the search off."""
        return await self._fetch(replace(self._first_page(), filters={}, search=""))

    @operation
    async def paginate(
        self, page: int | str | None = None, page_size: int | str | None = None
    ) -> Any:
        """Go to a page, or choose how many rows a page has."""
        wanted = self._wanted()
        if page_size is not None:
            if (size := self._size(page_size)) is None:
                return None
            wanted = replace(self._first_page(), size=size)
        if page is not None:
            if (number := positive_number(page)) is None:
                return self._fail(_("That is not a page."))
            wanted = replace(wanted, page=number, position={})
        return await self._fetch(wanted)

    @operation
    async def go_to_page(self, page: int | str) -> Any:
        """Go to a page by its number."""
        return await ListHandlers.paginate(self, page)

    @operation
    async def set_page_size(self, size: int | str) -> Any:
        """Choose how many rows a page has, and begin at the first page."""
        return await ListHandlers.paginate(self, page_size=size)

    @operation
    async def next_page(self) -> Any:
        """Go on to the next page, if there is one."""
        return await self._step(self.page + 1, self._next if self.has_next else None)

    @operation
    async def prev_page(self) -> Any:
        """Go back to the page before, if there is one."""
        return await self._step(self.page - 1, self._previous if self.has_previous else None)

    # -- The row under edit -----------------------------------------------------------------

    # Defined here, below every class that writes or is live, so that their order does not count.

    async def _read_row(self, key: Key) -> list[Reply] | None:
        """Read a row that the form is to be about."""
        return await self._run(self._make("retrieve", key))

    async def _run_save(self, key: Key | None, *calls: Call) -> list[Reply] | None:
        """Make the calls of a save; nothing comes back if the user has to be asked first."""
        return await self._run(*calls)

    async def _edits(self) -> None:
        """Called once the form is about another row than before, or about none."""

    # -- The list call ----------------------------------------------------------------------

    def _wanted(self) -> Wanted:
        return Wanted(
            page=self.page,
            size=self.page_size,
            search=self.search,
            ordering=self.ordering,
            filters=dict(held(self, "filters")),
            position=dict(held(self, "_position")),
        )

    def _first_page(self) -> Wanted:
        return replace(self._wanted(), page=1, position={})

    def _size(self, value: Any) -> int | None:
        query, size = self._plan.query, positive_number(value)
        if query.size_param is None:
            self._fail(_("The size of a page cannot be chosen here."))
        elif size is None or size > (query.max_size or self._plan.options.max_page_size):
            self._fail(_("A page cannot have that size."))
        else:
            return size
        return None

    async def _step(self, page: int, params: Mapping[str, str] | None) -> Any:
        if params is None:
            # Already at the end; nothing to ask the API. The way to a first page has no parameters.
            return None
        position = {} if self._plan.query.has_numbers else dict(params)
        return await self._fetch(replace(self._wanted(), page=max(page, 1), position=position))

    def _list_call(self, wanted: Wanted) -> Call:
        query = self._plan.query
        params: dict[str, Any] = query.filter_params(wanted.filters)
        if wanted.search and query.search_param:
            params[query.search_param] = wanted.search
        if wanted.ordering and query.ordering_param:
            params[query.ordering_param] = wanted.ordering
        params |= wanted.position or query.page_params(wanted.page, wanted.size)
        return self._make("list", query=params)

    async def _fetch(self, wanted: Wanted) -> Any:
        if "list" not in self._plan.actions:
            return None
        reading = self._read(wanted)
        reply = await (self._or_give_up(reading) if self.loading else reading)
        if reply is None:
            return drop_tab()
        self.error = ""
        return await self._settle(wanted, reply)

    async def _read(self, wanted: Wanted) -> Reply | None:
        """Ask the API for a list; None if the tab turned out to be somebody else's."""
        replies = await self._run(self._list_call(wanted))
        return None if replies is None else replies[0]

    async def _settle(self, wanted: Wanted, reply: Reply) -> Any:
        """Take over a list, going back to the last page if the wanted one is gone."""
        for again in (False, True):
            if (last := self._last_page(wanted, reply, again)) is None:
                break
            if (found := await self._read(last)) is None:
                return drop_tab()
            wanted, reply = last, found
        self._take_rights(reply)
        if not reply.ok:
            if reply.status in (401, 403):
                # What may no longer be read is not shown any longer either.
                self._show(replace(wanted, page=1), [], Page())
            self._list_refused = True
            return await self._refuse(reply, form=False)
        if self._list_refused:
            self._forget_refusal()
        rows = reply.rows if reply.rows is not None else reply.data
        self._show(wanted, rows if isinstance(rows, list) else [], reply.page or Page())
        return self._address(wanted)

    def _address(self, wanted: Wanted) -> Any:
        # On another page than the one of the list, its address is none of the list's business.
        if not self._addressed or self._addressed != page_path(self.rx_router_page):
            return None
        return leave_address(
            self._plan, replace(self._wanted(), step=wanted.step), self.rx_router_page
        )

    def _last_page(self, wanted: Wanted, reply: Reply, again: bool) -> Wanted | None:
        if wanted.page <= 1 or wanted.position:
            return (
                replace(wanted, page=1, position={})
                if reply.status == 404 and wanted.position
                else None
            )
        if reply.status == 404:
            if position := self._plan.query.last_params(wanted.size):
                return replace(wanted, position=position)
            # Where the last page has no name, it is most likely the one before.
            return replace(wanted, page=1 if again else wanted.page - 1)
        page = reply.page
        if reply.ok and not reply.rows and page is not None and page.count and page.size:
            return replace(wanted, page=math.ceil(page.count / page.size))
        return None

    def _show(self, wanted: Wanted, rows: list[Any], page: Page) -> None:
        query = self._plan.query
        put(self, self._plan.options.list_var, [self._row(row) for row in rows])
        self.search, self.ordering = wanted.search, wanted.ordering
        put(self, "filters", wanted.filters)
        self.page = page.number or wanted.page
        self.page_size = page.size or wanted.size
        self._show_total(len(rows), page)
        # Always set, so that where states are stored this one does not expire while it is read.
        self._position = {} if query.has_numbers else wanted.position
        put(self, "_next", query.step_params(page, True) or {})
        put(self, "_previous", query.step_params(page, False) or {})
        self.has_next, self.has_previous = page.next is not None, page.previous is not None
        self.loading = False

    def _show_total(self, shown: int, page: Page) -> None:
        """Say how many rows and pages there are, or how many there are at least."""
        more, before = page.next is not None, 0
        if page.number is not None:
            before = (page.number - 1) * self.page_size
        at_the_end = not more and (page.number is not None or page.previous is None)
        self.total_known = page.count is not None or at_the_end
        self.total_count = before + shown if page.count is None else page.count
        self.page_count = page.pages or self.page + more

    def _replace_row(self, pk: Any, row: Any) -> bool:
        key, found = self._plan.key, False
        rows: list[Any] = []
        for old in copy.deepcopy(self._rows):
            if str(old.get(key)) != str(pk):
                rows.append(old)
                continue
            found = True
            if row is not None:
                rows.append(self._row(row))
        if found:
            setattr(self, self._plan.options.list_var, rows)
        return found


def _is_text(value: Any) -> bool:
    # The annotation of a handler's argument is a wish; a client sends what it likes.
    return isinstance(value, str)


def _is_named(value: Any) -> bool:
    return isinstance(value, Mapping)
