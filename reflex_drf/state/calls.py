"""Calls of a state to its viewset, and what a refusal does to its vars."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated

from reflex_drf import bridge
from reflex_drf.backends import Call, Reply
from reflex_drf.bridge.language import note_language, say
from reflex_drf.bridge.threads import detached
from reflex_drf.errors import BackendUnavailable, ErrorReport, RouteNotFound
from reflex_drf.routing import find_route, foreign_arguments, places
from reflex_drf.state.answers import KEPT, is_navigable, kept_by_others, leave_page
from reflex_drf.state.hooks import ModelHooks
from reflex_drf.state.narrowing import narrow
from reflex_drf.state.owner import check_owner
from reflex_drf.state.progress import send_vars, showing_progress
from reflex_drf.state.quiet import put
from reflex_drf.state.rights import NOTE, watch_rights
from reflex_drf.state.user import sync_user

if TYPE_CHECKING:
    from reflex_drf.state.options import Options
    from reflex_drf.state.plan import Plan

__all__ = ["MESSAGES", "Calls", "Key", "Outcome", "is_pointer", "operation"]

logger = logging.getLogger("reflex_drf.state")
T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
Key = str | int

MESSAGES = {
    401: _("Please sign in."),
    403: _("You do not have permission to do this."),
    404: _("Not found."),
    405: _("This cannot be done here."),
    409: _("This conflicts with what is stored."),
    429: _("Too many requests; please wait."),
    503: _("The server does not answer at the moment."),
}
# What a page makes of it: a way to sign in, a wait, another picture.
REFUSALS = {
    401: "signed_out",
    403: "forbidden",
    404: "missing",
    409: "conflict",
    410: "missing",
    429: "throttled",
    503: "unavailable",
}
UNKNOWN = _("The server could not do this ({status}).")


def operation(function: F) -> F:
    """Mark a plain method of which every concrete state gets an event handler."""
    function.__reflex_drf_operation__ = True  # type: ignore[attr-defined]
    return function


@dataclass
class Outcome:
    """What came of a piece of work."""

    # The replies that say as whom it was done, and what the list is now.
    replies: list[Reply] = field(default_factory=list)
    done: int = 0
    # What was refused, by the key of the row.
    refused: list[tuple[str, Reply]] = field(default_factory=list)
    # Why nothing was even begun.
    problem: Reply | str | None = None


class Calls(ModelHooks):
    """Calls to the viewset, and what their answers do to the vars."""

    if TYPE_CHECKING:
        _plan: Plan
        data: list[dict[str, Any]]
        error: str
        refusal: str
        retry_after: float
        field_errors: dict[str, str]
        editing_id: Any
        form_reset_key: int
        form_mode: str
        form_row: dict[str, Any]
        nested_keys: dict[str, list[int]]
        save_count: int
        page: int
        page_size: int
        page_count: int
        total_count: int
        total_known: bool
        has_next: bool
        has_previous: bool
        search: str
        ordering: str
        filters: dict[str, str]
        loading: bool
        action_data: dict[str, Any]
        action_errors: dict[str, str]
        action_count: int
        may: dict[str, bool]
        row_may: dict[str, dict[str, bool]]
        relation_choices: dict[str, dict[str, Any]]
        relation_labels: dict[str, dict[str, str]]
        rx_router_page: Any
        _saved_key: int
        _list_refused: bool
        _position: dict[str, str]
        _addressed: str
        _next: dict[str, str]
        _previous: dict[str, str]

    def get_options(self) -> Options:
        """The options of this state."""
        return self._plan.options

    def _make(
        self, action: str, pk: Key | None = None, *, method: str | None = None, **inputs: Any
    ) -> Call:
        plan = self._plan
        kwargs = self._url_kwargs(action)
        if pk is not None:
            kwargs[plan.lookup_kwarg] = str(pk)
        notes: dict[str, Any] = {}
        prepare = (
            functools.partial(self._prepare_call, plan, action, notes) if plan.in_process else None
        )
        return Call(
            view=plan.viewset,
            action=action,
            kwargs=kwargs,
            method=method,
            prepare=prepare,
            notes=notes,
            **inputs,
        )

    def _url_kwargs(self, action: str) -> dict[str, Any]:
        own, viewset = self._plan.options.url_kwargs, cast("Any", self._plan.viewset)
        given = {**self._route_kwargs(), **own, **self.get_url_kwargs()}
        foreign = foreign_arguments(viewset, action)
        return {name: value for name, value in given.items() if name not in foreign}

    def _route_kwargs(self) -> dict[str, Any]:
        known = {
            name for place in places(None).get(self._plan.viewset, ()) for name in place.url_kwargs
        }
        known -= {"format", self._plan.lookup_kwarg}
        if not known:
            return {}
        params = self.rx_router_page.params
        return {name: str(params[name]) for name in known if name in params}

    def _prepare_call(self, plan: Plan, action: str, notes: dict[str, Any], view: Any) -> Any:
        self._prepare(plan, action, view)
        return watch_rights(plan, action, view, notes)

    def _prepare(self, plan: Plan, action: str, view: Any) -> None:
        # In the view's thread: from here on `self.request` is the call's own.
        bridge.bind_request(getattr(view.request, "_request", view.request))
        note_language()
        narrow(self, plan, action, view)

    async def _run(self, *calls: Call) -> list[Reply] | None:
        """Make the calls in one trip; None if the tab turned out to be somebody else's."""
        if self.refusal and self._is_asked():
            # What was refused before has nothing to do with what is asked for now.
            self._forget_refusal()
        try:
            async with showing_progress(self):
                replies = await self._trip(*calls)
        except BackendUnavailable as error:
            # Its text names addresses and settings, which are for the log and not for the viewer.
            logger.error("%s: %s", type(self).__name__, error)
            return [Reply(status=503, errors=ErrorReport(503, "unavailable", say(MESSAGES[503])))]
        except KEPT as error:
            return [kept_by_others(calls[0], error)]
        except RouteNotFound as error:
            if not _fits_no_url(calls[0]):
                raise
            # The browser's key fits no URL, so it belongs to no row.
            logger.info("%s: %s", type(self).__name__, error)
            return [Reply(status=404, errors=ErrorReport(404, "not_found", say(MESSAGES[404])))]
        return replies if await self._is_owned(replies) else None

    def _is_asked(self) -> bool:
        """Whether the viewer has asked for what is called, or done something that asks for it."""
        return True

    def _forget_refusal(self) -> None:
        self.error, self.refusal, self.retry_after = "", "", 0.0
        self._list_refused = False

    async def _trip(self, *calls: Call) -> list[Reply]:
        """Make the calls; in this process, any thread will do, as for a request over HTTP."""
        plan = self._plan
        with detached() if plan.in_process else nullcontext():
            return await plan.backend.run(bridge.event_origin(), *calls)

    async def _work(self, task: Callable[[Callable[[Call], Reply]], Outcome]) -> Outcome | None:
        """Do a piece of work that makes many calls in one trip; None as above."""
        backend: Any = self._plan.backend
        outcome: Outcome = await backend.work(bridge.event_origin(), task)
        return outcome if await self._is_owned(outcome.replies) else None

    async def _is_owned(self, replies: Sequence[Reply]) -> bool:
        request = next((reply.request for reply in reversed(replies) if reply.request), None)
        if request is None:
            return True
        bridge.bind_request(request)
        if bridge.current_scope().changes_user:
            # The view itself has signed somebody in or out; the tab is about to begin anew.
            return True
        if not await check_owner(self, request):  # type: ignore[arg-type]
            return False
        await sync_user(self, request)  # type: ignore[arg-type]
        return True

    def _take_rights(self, reply: Reply) -> None:
        """Take over what was found out beside a call about what the user may do."""
        # None where a cache has answered for the view.
        if (rights := reply.notes.get(NOTE)) is not None:
            put(self, "may", dict(rights.actions))
            if rights.rows is not None:
                put(self, "row_may", {key: dict(about) for key, about in rights.rows.items()})

    async def _refuse(self, reply: Reply, *, form: bool = True) -> Any:
        """Show why a call was refused, and let the hooks answer.

        What a list is asked for has nothing to do with the `form`, even where names are the same.
        """
        self.loading = False
        if 300 <= reply.status < 400:
            location = str(reply.headers.get("Location", ""))
            return leave_page(location) if is_navigable(location) else None
        report = reply.errors or ErrorReport(reply.status)
        if form:
            self.field_errors = dict(report.fields)
        self.error = self._message(report, self._plan.field_names if form else frozenset())
        self.refusal = REFUSALS.get(reply.status, "")
        self.retry_after = _wait(reply, report)
        if reply.status == 401 or isinstance(
            reply.exception, NotAuthenticated | AuthenticationFailed
        ):
            self.refusal = "signed_out"
            return await self._call_hook(self.on_not_authenticated, reply)
        if reply.status == 403:
            return await self._call_hook(self.on_permission_denied, reply)
        return None

    @staticmethod
    async def _call_hook(hook: Callable[[Any], Any], value: Any) -> Any:
        answer = hook(value)
        return await answer if inspect.isawaitable(answer) else answer

    async def _then(self, hook: Callable[[Any], Any], value: Any, *answers: Any) -> Any:
        """What a handler answers with, and what a hook adds to it."""
        found = [answer for answer in (*answers, await self._call_hook(hook, value)) if answer]
        return found[0] if len(found) == 1 else found or None

    @staticmethod
    def _message(report: ErrorReport, shown: frozenset[str]) -> str:
        # An error of a field that the form does not show must not get lost.
        lost = [f"{k}: {v}" for k, v in report.fields.items() if k.split(".")[0] not in shown]
        parts = [report.message, *lost]
        if not any(parts) and not report.fields:
            known = MESSAGES.get(report.status)
            parts = [say(known or format_lazy(UNKNOWN, status=report.status))]
        return " ".join(part for part in parts if part)

    def _fail(self, message: Any) -> Any:
        """Say what is wrong; gives None, for a handler to end with."""
        self.error, self.refusal = say(message), ""

    async def _or_give_up(self, reading: Awaitable[T]) -> T:
        """Read what a page waits for; if that fails, it is told so, and waits no longer.

        The exception goes on to Reflex, which sends nothing of a handler that has raised.
        """
        try:
            return await reading
        except Exception:
            self._fail(format_lazy(UNKNOWN, status=500))
            self.loading, self.refusal = False, "unavailable"
            await send_vars(self, loading=False, error=self.error, refusal=self.refusal)
            raise

    def _key_of(self, value: Any) -> Key | None:
        """A client's key of a row, or None with an error if it can be none."""
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value):
            return value
        self._fail(_("Not a valid identifier."))
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


def is_pointer(value: Any) -> bool:
    # `on_click` hands over the pointer where a handler has room for an argument.
    return isinstance(value, Mapping) and {"button", "buttons", "client_x"} <= set(value)


def _wait(reply: Reply, report: ErrorReport) -> float:
    """The seconds after which a throttled call may be made again."""
    if reply.status not in (429, 503):
        return 0.0
    header = str(reply.headers.get("Retry-After", ""))
    if report.wait is not None:
        return round(report.wait, 3)
    return float(header) if header.isascii() and header.isdigit() and len(header) < 7 else 0.0


def _fits_no_url(call: Call) -> bool:
    route = find_route(call.view, call.action, kwargs=call.kwargs, method=call.method)
    try:
        route.url(call.kwargs)
    except RouteNotFound:
        return True
    return False
