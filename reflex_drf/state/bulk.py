"""Many rows at once: each by the viewset's own action, all of them in one transaction."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import nullcontext
from typing import Any

from django.db import router, transaction
from django.utils.translation import gettext_lazy as _

from reflex_drf.backends import Call, Reply
from reflex_drf.bridge.language import say
from reflex_drf.errors import ErrorReport
from reflex_drf.state.actionforms import is_filled_in
from reflex_drf.state.answers import KEPT, drop_tab, kept_by_others
from reflex_drf.state.calls import Outcome, is_pointer, operation
from reflex_drf.state.forms import OMIT, Form, InvalidValueError
from reflex_drf.state.matching import every_page
from reflex_drf.state.quiet import put
from reflex_drf.state.viewsets import viewset_model
from reflex_drf.state.writing import WriteHandlers

__all__ = ["BulkHandlers"]

Run = Callable[[Call], Reply]


class BulkHandlers(WriteHandlers):
    """Handlers that delete, change or act on many rows."""

    @operation
    async def bulk(self, action: str, keys: list[Any], data: dict[str, Any] | None = None) -> Any:
        """Run an action on each of some rows: all of it, or nothing."""
        return await self._bulk_with(action, data, lambda given: self._some(action, keys, given))

    @operation
    async def bulk_matching(self, action: str, data: dict[str, Any] | None = None) -> Any:
        """Run an action on every row that the list has, as it is searched and filtered."""
        return await self._bulk_with(
            action, data, lambda given: self._bulk(action, given, self._matching)
        )

    # -- What is asked for ------------------------------------------------------------------

    async def _bulk_with(self, action: Any, data: Any, run: Callable[[Any], Awaitable[Any]]) -> Any:
        """Run it with input from code, or with what was filled in for an extra action."""
        form = self._form_of(action)
        if is_filled_in(form, data):
            return await self._filled_in(form, data, run)
        return await run(data)

    async def _some(self, action: Any, keys: Any, data: Any) -> Any:
        if (chosen := self._chosen(keys)) is None:
            self.action_errors = {"": self.error}
            return None
        return await self._bulk(action, data, lambda run: chosen)

    def _form_of(self, action: Any) -> Form:
        offered = self._plan.extra_actions if action in self._plan.bulk_actions else ()
        return next((plan.form for plan in offered if plan.name == action), Form())

    def _chosen(self, keys: Any) -> Any:
        """The keys as text, or None with an error."""
        limit = self._plan.options.bulk_limit
        if not isinstance(keys, list | tuple) or not keys:
            return self._fail(_("Choose some rows first."))
        if len(keys) > limit:
            return self._fail(self._too_many())
        chosen = [self._key_of(key) for key in keys]
        if None in chosen:
            return None
        return list(dict.fromkeys(str(key) for key in chosen))

    def _too_many(self) -> Any:
        message = say(_("No more than %(limit)s rows can be worked on at once."))
        return message % {"limit": self._plan.options.bulk_limit}

    def _bulk_call(self, action: Any, data: Any) -> Any:
        """From a key to the call for its row; None with an error for what is not offered."""
        if not isinstance(action, str) or action not in self._plan.bulk_actions:
            return self._fail(_("This cannot be done here."))
        data = None if is_pointer(data) else data
        if data is not None and not isinstance(data, Mapping):
            return self._fail(_("An action takes its input by name."))
        if action == "destroy":
            return functools.partial(self._make, action)
        if action == "partial_update":
            changes = self._changes(data or {})
            return None if changes is None else functools.partial(self._make, action, data=changes)
        extra = next(plan for plan in self._plan.extra_actions if plan.name == action)
        method = extra.method({})
        return functools.partial(self._make, action, method=method, data=dict(data or {}))

    def _changes(self, given: Mapping[str, Any]) -> Any:
        """Values of some fields, as the form would send them."""
        values: dict[str, Any] = {}
        for name, value in given.items():
            field = self._plan.form.by_name(name)
            if field is None:
                return self._fail(_("There is no such field to change."))
            try:
                parsed = field.parse(field.accept(value), partial=True)
            except InvalidValueError as error:
                return self._fail(f"{name}: {error}")
            if parsed is not OMIT:
                values[name] = parsed
        return values or self._fail(_("There is nothing to change."))

    # -- Doing it ---------------------------------------------------------------------------

    async def _bulk(
        self, action: Any, data: Any, find: Callable[[Run], list[str] | Reply | str]
    ) -> Any:
        make = self._bulk_call(action, data)
        if make is None:
            return None
        wanted = self._wanted()
        outcome = await self._work(functools.partial(self._do, make, find, wanted))
        if outcome is None:
            return drop_tab()
        self._report(action, outcome)
        if isinstance(outcome.problem, Reply):
            return await self._refuse(outcome.problem, form=False)
        if outcome.problem or not outcome.done:
            return None
        if self.editing_id is not None and action == "destroy":
            self._reset_form()
            await self._edits()
        if opened := self._detail_calls():
            await self._take_opened(None, None, *(await self._run(*opened) or ()))
        if "list" not in self._plan.actions:
            return None
        return await self._settle(wanted, outcome.replies[-1])

    def _do(self, make: Callable[[str], Call], find: Any, wanted: Any, run: Run) -> Outcome:
        # In the thread of the calls.
        model = viewset_model(self._plan.viewset)
        using = router.db_for_write(model) if model is not None else "default"
        outcome = Outcome()
        with transaction.atomic(using=using):
            found = find(run)
            if not isinstance(found, list):
                outcome.problem = found
                return outcome
            self._do_each(map(make, found), found, using, outcome, run)
        if outcome.done and "list" in self._plan.actions:
            outcome.replies.append(run(self._list_call(wanted)))
        return outcome

    def _do_each(
        self, calls: Iterable[Call], keys: list[str], using: str, outcome: Outcome, run: Run
    ) -> None:
        together = self._plan.options.bulk_atomic
        for key, call in zip(keys, calls, strict=True):
            with nullcontext() if together else transaction.atomic(using=using):
                reply = _answer(run, call)
                if reply.ok:
                    outcome.done += 1
                else:
                    # What the refused call has written goes, and with it, together, all else.
                    transaction.set_rollback(True, using=using)
            if reply.request is not None:
                outcome.replies[:] = [reply]
            if not reply.ok:
                outcome.refused.append((key, reply))
                if together:
                    outcome.done = 0
                    return

    def _matching(self, run: Run) -> list[str] | Reply | str:
        limit, key = self._plan.options.bulk_limit, self._plan.key
        keys: list[str] = []
        for reply in every_page(self, run, self._wanted()):
            if not reply.ok:
                return reply
            count = reply.page.count if reply.page is not None else None
            rows = reply.rows if reply.rows is not None else reply.data
            keys += [str(row[key]) for row in rows if isinstance(row, Mapping) and key in row]
            if max(count or 0, len(keys)) > limit:
                return str(self._too_many())
        return keys or say(_("There are no rows to work on."))

    # -- What came of it --------------------------------------------------------------------

    def _report(self, action: str, outcome: Outcome) -> None:
        refused = [self._why(key, reply) for key, reply in outcome.refused]
        self.bulk_result = {"action": action, "done": outcome.done, "refused": refused}
        self.error, self.field_errors = "", {}
        wrong: dict[str, str] = {}
        if isinstance(outcome.problem, str):
            self.error = outcome.problem
        elif isinstance(outcome.problem, Reply):
            wrong = self._wrong_with(outcome.problem, Form())
        elif refused and not outcome.done:
            first = refused[0]
            message = say(_("Nothing was changed, because of %(row)s: %(reason)s"))
            self.error = message % {"row": first["name"], "reason": first["message"]}
            # All rows were given the same, so it is most likely wrong with the others too.
            wrong = self._wrong_with(outcome.refused[0][1], self._form_of(action))
        put(self, "action_errors", {**wrong, "": self.error} if self.error else wrong)

    def _why(self, key: str, reply: Reply) -> dict[str, str]:
        report = reply.errors or ErrorReport(reply.status)
        return {
            "key": key,
            "name": self._name_of(key),
            "message": self._message(report, frozenset()),
        }

    def _name_of(self, key: str) -> str:
        """What a row is called on the page, where it stands there."""
        for row in (*self._rows, getattr(self, "detail_row", None) or {}):
            if str(row.get(self._plan.key)) == key:
                return str(row.get(self._plan.title) or key)
        return key


def _answer(run: Run, call: Call) -> Reply:
    try:
        return run(call)
    except KEPT as error:
        return kept_by_others(call, error)
