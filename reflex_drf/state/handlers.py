"""The event handlers that a `ModelState` gets, as plain methods that a state may call by itself."""

from __future__ import annotations

import copy
import functools
import inspect
import logging
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import reflex as rx
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated

from reflex_drf import bridge
from reflex_drf.backends import Call, Page, Reply
from reflex_drf.errors import BackendUnavailable, ErrorReport, RouteNotFound
from reflex_drf.routing import places
from reflex_drf.state.answers import drop_tab, is_navigable, leave_page
from reflex_drf.state.forms import FormField, InvalidValueError
from reflex_drf.state.hooks import ModelHooks
from reflex_drf.state.narrowing import narrow
from reflex_drf.state.owner import check_owner
from reflex_drf.state.user import sync_user

if TYPE_CHECKING:
    from reflex_drf.state.options import Options
    from reflex_drf.state.plan import Plan

__all__ = ["ListHandlers", "WriteHandlers", "operation"]

logger = logging.getLogger("reflex_drf.state")
F = TypeVar("F", bound=Callable[..., Any])
Key = str | int

MESSAGES = {
    401: "Please sign in.",
    403: "You do not have permission to do this.",
    404: "Not found.",
    405: "This cannot be done here.",
    409: "This conflicts with what is stored.",
    429: "Too many requests; please wait.",
    503: "The server does not answer at the moment.",
}


def operation(function: F) -> F:
    """Mark a plain method of which every concrete state gets an event handler."""
    function.__reflex_drf_operation__ = True  # type: ignore[attr-defined]
    return function


@dataclass(frozen=True)
class Wanted:
    """The list that a handler asks for; the vars follow only once the API gave it."""

    page: int
    size: int
    search: str
    ordering: str
    filters: dict[str, str]
    # Where a paginator without numbers stands.
    position: dict[str, str]


class Calls(ModelHooks):
    """Calls to the viewset, and what their answers do to the vars."""

    if TYPE_CHECKING:
        _plan: Plan
        data: list[dict[str, Any]]
        error: str
        field_errors: dict[str, str]
        editing_id: Any
        form_reset_key: int
        page: int
        page_size: int
        page_count: int
        total_count: int
        has_next: bool
        has_previous: bool
        search: str
        ordering: str
        filters: dict[str, str]
        loading: bool
        action_data: dict[str, Any]
        rx_router_page: Any
        _position: dict[str, str]
        _next: dict[str, str]
        _previous: dict[str, str]

    def get_options(self) -> Options:
        """The options of this state."""
        return self._plan.options

    def _make(
        self, action: str, pk: Key | None = None, *, method: str | None = None, **inputs: Any
    ) -> Call:
        plan = self._plan
        kwargs = {**self._route_kwargs(), **plan.options.url_kwargs, **self.get_url_kwargs()}
        if pk is not None:
            kwargs[plan.lookup_kwarg] = str(pk)
        prepare = functools.partial(self._prepare, plan, action) if plan.in_process else None
        return Call(
            view=plan.viewset,
            action=action,
            kwargs=kwargs,
            method=method,
            prepare=prepare,
            **inputs,
        )

    def _route_kwargs(self) -> dict[str, Any]:
        known = {
            name for place in places(None).get(self._plan.viewset, ()) for name in place.url_kwargs
        }
        known -= {"format", self._plan.lookup_kwarg}
        if not known:
            return {}
        params = self.rx_router_page.params
        return {name: str(params[name]) for name in known if name in params}

    def _prepare(self, plan: Plan, action: str, view: Any) -> None:
        # In the view's thread: from here on `self.request` is the call's own.
        bridge.bind_request(getattr(view.request, "_request", view.request))
        narrow(self, plan, action, view)

    async def _run(self, *calls: Call) -> list[Reply] | None:
        """Make the calls in one trip; None if the tab turned out to be somebody else's."""
        try:
            replies = await self._plan.backend.run(bridge.event_origin(), *calls)
        except BackendUnavailable as error:
            return [Reply(status=503, errors=ErrorReport(503, "unavailable", str(error)))]
        except RouteNotFound as error:
            if self._plan.lookup_kwarg not in calls[0].kwargs:
                raise
            # A key that fits no URL belongs to no row; what else it may be is in the log.
            logger.warning("%s: %s", type(self).__name__, error)
            return [Reply(status=404, errors=ErrorReport(404, "not_found", MESSAGES[404]))]
        request = next((reply.request for reply in reversed(replies) if reply.request), None)
        if request is not None:
            bridge.bind_request(request)
            if not await check_owner(self, request):  # type: ignore[arg-type]
                return None
            await sync_user(self, request)  # type: ignore[arg-type]
        return replies

    async def _refuse(self, reply: Reply) -> Any:
        """Show why a call was refused, and let the hooks answer."""
        self.loading = False
        if 300 <= reply.status < 400:
            location = str(reply.headers.get("Location", ""))
            return leave_page(location) if is_navigable(location) else None
        report = reply.errors or ErrorReport(reply.status)
        self.field_errors = dict(report.fields)
        self.error = self._message(report)
        if reply.status == 401 or isinstance(
            reply.exception, NotAuthenticated | AuthenticationFailed
        ):
            return await self._call_hook(self.on_not_authenticated, reply)
        if reply.status == 403:
            return await self._call_hook(self.on_permission_denied, reply)
        return None

    @staticmethod
    async def _call_hook(hook: Callable[[Reply], Any], reply: Reply) -> Any:
        answer = hook(reply)
        return await answer if inspect.isawaitable(answer) else answer

    def _message(self, report: ErrorReport) -> str:
        shown = {field.name for field in self._plan.form.fields} | set(self._plan.form.files)
        # An error of a field that the form does not show must not get lost.
        lost = [f"{k}: {v}" for k, v in report.fields.items() if k.split(".")[0] not in shown]
        parts = [report.message, *lost]
        if not any(parts) and not report.fields:
            parts = [
                MESSAGES.get(report.status, f"The server could not do this ({report.status}).")
            ]
        return " ".join(part for part in parts if part)

    def _fail(self, message: str) -> None:
        self.error = message

    def _key_of(self, value: Any) -> Key | None:
        """A client's key of a row, or None with an error if it can be none."""
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value):
            return value
        self._fail("Not a valid identifier.")
        return None

    @property
    def _rows(self) -> list[Any]:
        rows: list[Any] = getattr(self, self._plan.options.list_var)
        return rows

    def _row(self, data: Any) -> Any:
        hidden = self._plan.options.exclude_from_row
        if not hidden or not isinstance(data, dict):
            return data
        return {name: value for name, value in data.items() if name not in hidden}


class ListHandlers(Calls):
    """Handlers for reading: the list and its pages, search, ordering, filters and actions."""

    @operation
    async def load(self) -> Any:
        """Read the list, as it is searched, sorted and paged."""
        return await self._fetch(self._wanted())

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
        view.kwargs = {**self._route_kwargs(), **self._plan.options.url_kwargs}
        view.request = view.initialize_request(bridge.current_request())
        narrow(self, self._plan, "list", view)
        queryset: QuerySet[Any] = view.get_queryset()
        return queryset

    @operation
    async def set_search(self, value: str) -> Any:
        """Search the list for a text."""
        if not isinstance(value, str):
            return self._fail("A search is a text.")
        return await self._fetch(replace(self._first_page(), search=value))

    @operation
    async def set_ordering(self, value: str) -> Any:
        """Sort the list by one or more fields, with a minus sign for descending."""
        if not isinstance(value, str):
            return self._fail("An ordering is a text.")
        terms = [term.strip() for term in value.split(",") if term.strip()]
        for term in terms:
            if not self._plan.query.orders_by(term, self._plan.rows):
                return self._fail("The list cannot be sorted by that.")
        return await self._fetch(replace(self._first_page(), ordering=",".join(terms)))

    @operation
    async def filter(self, params: dict[str, Any]) -> Any:
        """Filter the list by the viewset's own filters; an empty value takes a filter off."""
        if not isinstance(params, Mapping):
            return self._fail("Filters are given by name.")
        chosen = dict(self.filters)
        for name, value in params.items():
            text = _filter_text(value)
            if name not in self._plan.query.filter_names or text is None:
                return self._fail("The list cannot be filtered by that.")
            chosen[name] = text
        chosen = {name: text for name, text in chosen.items() if text}
        return await self._fetch(replace(self._first_page(), filters=chosen))

    @operation
    async def clear_filter(self) -> Any:
        """Take all filters and the search off."""
        return await self._fetch(replace(self._first_page(), filters={}, search=""))

    @operation
    async def paginate(self, page: int | None = None, page_size: int | None = None) -> Any:
        """Go to a page, or choose how many rows a page has."""
        wanted = self._wanted()
        if page_size is not None:
            if (size := self._size(page_size)) is None:
                return None
            wanted = replace(self._first_page(), size=size)
        if page is not None:
            if (number := _number(page)) is None:
                return self._fail("That is not a page.")
            wanted = replace(wanted, page=number, position={})
        return await self._fetch(wanted)

    @operation
    async def go_to_page(self, page: int) -> Any:
        """Go to a page by its number."""
        return await ListHandlers.paginate(self, page)

    @operation
    async def set_page_size(self, size: int) -> Any:
        """Choose how many rows a page has, and begin at the first page."""
        return await ListHandlers.paginate(self, page_size=size)

    @operation
    async def next_page(self) -> Any:
        """Go on to the next page, if there is one."""
        return await self._step(self.page + 1, self._next)

    @operation
    async def prev_page(self) -> Any:
        """Go back to the page before, if there is one."""
        return await self._step(self.page - 1, self._previous)

    # -- The list call ----------------------------------------------------------------------

    def _wanted(self) -> Wanted:
        return Wanted(
            page=self.page,
            size=self.page_size,
            search=self.search,
            ordering=self.ordering,
            filters=dict(self.filters),
            position=dict(self._position),
        )

    def _first_page(self) -> Wanted:
        return replace(self._wanted(), page=1, position={})

    def _size(self, value: Any) -> int | None:
        query, size = self._plan.query, _number(value)
        if query.size_param is None:
            self._fail("The size of a page cannot be chosen here.")
        elif size is None or size > (query.max_size or self._plan.options.max_page_size):
            self._fail("A page cannot have that size.")
        else:
            return size
        return None

    async def _step(self, page: int, params: Mapping[str, str]) -> Any:
        if not params:
            # Already at the end; nothing to ask the API.
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
        replies = await self._run(self._list_call(wanted))
        if replies is None:
            return drop_tab()
        self.error, self.field_errors = "", {}
        return await self._settle(wanted, replies[0])

    async def _settle(self, wanted: Wanted, reply: Reply) -> Any:
        """Take over a list, going back to the last page if the wanted one is gone."""
        if (last := self._last_page(wanted, reply)) is not None:
            replies = await self._run(self._list_call(last))
            if replies is None:
                return drop_tab()
            wanted, reply = last, replies[0]
        if not reply.ok:
            if reply.status in (401, 403):
                # What may no longer be read is not shown any longer either.
                self._show(replace(wanted, page=1), [], Page())
            return await self._refuse(reply)
        rows = reply.rows if reply.rows is not None else reply.data
        self._show(wanted, rows if isinstance(rows, list) else [], reply.page or Page())
        return None

    def _last_page(self, wanted: Wanted, reply: Reply) -> Wanted | None:
        if wanted.page <= 1 or wanted.position:
            return (
                replace(wanted, page=1, position={})
                if reply.status == 404 and wanted.position
                else None
            )
        if reply.status == 404:
            return replace(wanted, position=self._plan.query.last_params(wanted.size))
        page = reply.page
        if reply.ok and not reply.rows and page is not None and page.count and page.size:
            return replace(wanted, page=math.ceil(page.count / page.size))
        return None

    def _show(self, wanted: Wanted, rows: list[Any], page: Page) -> None:
        query = self._plan.query
        setattr(self, self._plan.options.list_var, [self._row(row) for row in rows])
        self.search, self.ordering, self.filters = wanted.search, wanted.ordering, wanted.filters
        self.total_count = len(rows) if page.count is None else page.count
        self.page = page.number or wanted.page
        self.page_size = page.size or wanted.size
        self.page_count = page.pages or 1
        self._position = {} if query.has_numbers else wanted.position
        self._next = query.step_params(page, True) or {}
        self._previous = query.step_params(page, False) or {}
        self.has_next, self.has_previous = page.next is not None, page.previous is not None
        self.loading = False

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

    # -- Extra actions ----------------------------------------------------------------------

    async def _act(self, handler: str, pk: Any, data: Any) -> Any:
        plan = self._plan.extra_action(handler)
        if plan.detail and (pk := self._key_of(pk)) is None:
            return None
        if data is not None and (not isinstance(data, Mapping) or _is_pointer(data)):
            if not _is_pointer(data):
                return self._fail("An action takes its input by name.")
            data = None
        method = plan.method(data)
        reads = method == "GET"
        inputs: dict[str, Any] = (
            {"query": dict(data or {})} if reads else {"data": dict(data or {})}
        )
        calls = [self._make(plan.name, pk if plan.detail else None, method=method, **inputs)]
        wanted = self._wanted()
        if not reads and "list" in self._plan.actions:
            calls.append(self._list_call(wanted))
        replies = await self._run(*calls)
        if replies is None:
            return drop_tab()
        if not replies[0].ok:
            return await self._refuse(replies[0])
        self.error, self.field_errors = "", {}
        self.action_data = {**self.action_data, handler: replies[0].data}
        return await self._settle(wanted, replies[1]) if len(replies) > 1 else None


class WriteHandlers(ListHandlers):
    """Handlers for writing: the form, saving and deleting."""

    @operation
    async def save(self, form_data: dict[str, Any] | None = None) -> Any:
        """Save the form: as a new row, or to the row that is being edited."""
        return await self._submit(self.editing_id, form_data)

    @operation
    async def create(self, form_data: dict[str, Any] | None = None) -> Any:
        """Save the form as a new row."""
        return await self._submit(None, form_data)

    @operation
    async def update(self, pk: Key) -> Any:
        """Save the form to a row."""
        if (key := self._key_of(pk)) is None:
            return None
        return await self._submit(key, None)

    @operation
    async def delete(self, pk: Key) -> Any:
        """Delete a row."""
        if (key := self._key_of(pk)) is None:
            return None
        wanted = self._wanted()
        replies = await self._write(self._make("destroy", key), wanted)
        if replies is None:
            return drop_tab()
        if not replies[0].ok:
            return await self._refuse(replies[0])
        self.error, self.field_errors = "", {}
        if self.editing_id is not None and str(self.editing_id) == str(key):
            self._reset_form()
        if len(replies) > 1:
            return await self._settle(wanted, replies[1])
        if self._replace_row(key, None):
            self.total_count = max(self.total_count - 1, 0)
        return None

    @operation
    async def start_edit(self, pk: Key) -> Any:
        """Fill the form with a row, to save to it."""
        if (key := self._key_of(pk)) is None:
            return None
        replies = await self._run(self._make("retrieve", key))
        if replies is None:
            return drop_tab()
        if not replies[0].ok:
            return await self._refuse(replies[0])
        self._edit(key, replies[0].data)
        return None

    @operation
    async def load_row(self, pk: Key) -> Any:
        """Fill the form with a row, to save to it."""
        return await WriteHandlers.start_edit(self, pk)

    @operation
    async def cancel_edit(self) -> None:
        """Empty the form and stop editing."""
        self._reset_form()
        self.error, self.field_errors = "", {}

    # -- The form ---------------------------------------------------------------------------

    def _edit(self, key: Key, data: Any) -> None:
        row = data if isinstance(data, dict) else {}
        for field in self._plan.form.fields:
            setattr(
                self,
                field.var,
                field.populate(row[field.name]) if field.name in row else field.default,
            )
        self.editing_id = row.get(self._plan.key, key)
        self.error, self.field_errors = "", {}
        self.form_reset_key += 1
        self.loading = False

    def _reset_form(self) -> None:
        for field in self._plan.form.fields:
            setattr(self, field.var, copy.deepcopy(field.default))
        self.editing_id = None
        # A new key makes the browser forget what uncontrolled inputs hold.
        self.form_reset_key += 1

    def _fill(self, form_data: Any) -> bool:
        """Take over a submitted form; what is no field of the form is not looked at."""
        if form_data is None or _is_pointer(form_data):
            return True
        if not isinstance(form_data, Mapping):
            self._fail("A form is given by its fields.")
            return False
        errors: dict[str, str] = {}
        for field in self._plan.form.fields:
            if field.name not in form_data:
                continue
            try:
                setattr(self, field.var, field.accept(form_data[field.name]))
            except InvalidValueError as error:
                errors[field.name] = str(error)
        if errors:
            self.error, self.field_errors = "", errors
        return not errors

    async def _submit(
        self, key: Key | None, form_data: Any, files: Mapping[str, Any] | None = None
    ) -> Any:
        if not self._fill(form_data):
            return None
        action = "create" if key is None else self._plan.update_action
        if action is None or action not in self._plan.actions:
            return self._fail(MESSAGES[405])
        values = functools.partial(_plain_var, self)
        data, errors = self._plan.form.data(values, partial=action == "partial_update")
        if errors:
            self.error, self.field_errors = "", errors
            return None
        wanted = self._wanted()
        call = self._make(action, key, data=data, files=files or {})
        replies = await self._write(call, wanted)
        if replies is None:
            return drop_tab()
        if not replies[0].ok:
            return await self._refuse(replies[0])
        self._saved(key, replies[0])
        return await self._settle(wanted, replies[1]) if len(replies) > 1 else None

    async def _upload(self, name: str, files: Any) -> Any:
        chosen = [file for file in files if isinstance(file, rx.UploadFile)] if files else []
        if len(chosen) != 1:
            return self._fail("Choose one file.")
        return await self._submit(self.editing_id, None, {name: _django_file(chosen[0])})

    async def _write(self, call: Call, wanted: Wanted) -> list[Reply] | None:
        if "list" not in self._plan.actions or self._patches(call):
            return await self._run(call)
        return await self._run(call, self._list_call(wanted))

    def _patches(self, call: Call) -> bool:
        """Whether the row can be changed where it stands, with nothing else to move."""
        if not self._plan.options.incremental_updates or not self._plan.generated:
            return False
        if call.action == "destroy":
            return self.page_count <= 1
        # A new or changed row may belong elsewhere in a list that is searched, sorted or filtered.
        return call.action != "create" and not (self.search or self.ordering or self.filters)

    def _saved(self, key: Key | None, reply: Reply) -> None:
        self.error, self.field_errors = "", {}
        if key is not None and self._plan.options.incremental_updates and self._plan.generated:
            self._replace_row(key, reply.data)
        if self._plan.options.reset_after_save:
            self._reset_form()
        elif isinstance(reply.data, dict) and self._plan.key in reply.data:
            # The form stays on what it saved, so that saving again changes that row.
            self._edit(reply.data[self._plan.key], reply.data)


def _django_file(upload: rx.UploadFile) -> UploadedFile:
    upload.file.seek(0, os.SEEK_END)
    size = upload.file.tell()
    upload.file.seek(0)
    # Django takes the last part of a path for the name, whatever the browser sent.
    return UploadedFile(upload.file, upload.filename or "file", upload.content_type, size)  # type: ignore[arg-type]


def _plain_var(state: Any, name: str) -> Any:
    # Reflex hands lists and dicts out in wrappers that note changes.
    return copy.deepcopy(getattr(state, name))


def _number(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    if type(value) is not int:
        return None
    return value if 0 < value < 10**9 else None


def _filter_text(value: Any) -> str | None:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list | tuple) and all(isinstance(item, str | int) for item in value):
        return ",".join(map(str, value))
    return None


def _is_pointer(value: Any) -> bool:
    # `on_click` hands over the pointer where a handler has room for an argument.
    return isinstance(value, Mapping) and {"button", "buttons", "client_x"} <= set(value)


# -- Handlers made for one state ------------------------------------------------------------


def make_setter(field: FormField) -> Callable[..., Any]:
    """The setter of a form var."""

    def setter(self: Any, value: Any) -> None:
        try:
            setattr(self, field.var, field.accept(value))
        except InvalidValueError as error:
            self.field_errors = {**self.field_errors, field.name: str(error)}
            return
        if field.name in self.field_errors:
            errors = {k: v for k, v in self.field_errors.items() if k != field.name}
            self.field_errors = errors

    return setter


def make_action(handler: str, detail: bool) -> Callable[..., Any]:
    """The handler of an extra action."""
    if detail:

        async def act_on_row(self: Any, pk: Key, data: dict[str, Any] | None = None) -> Any:
            return await self._act(handler, pk, data)

        return act_on_row

    async def act(self: Any, data: dict[str, Any] | None = None) -> Any:
        return await self._act(handler, None, data)

    return act


def make_upload(name: str) -> Callable[..., Any]:
    """The handler that saves the form together with a file."""

    async def upload(self: Any, files: list[rx.UploadFile]) -> Any:
        return await self._upload(name, files)

    return upload
