"""Event handlers of a viewset's extra actions, with input from code or from a form."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from reflex_drf.backends import Reply
from reflex_drf.errors import ErrorReport
from reflex_drf.state.actionforms import RUN, is_filled_in, read_form
from reflex_drf.state.answers import drop_tab
from reflex_drf.state.calls import Key, is_pointer
from reflex_drf.state.forms import Form
from reflex_drf.state.handlers import ListHandlers
from reflex_drf.state.plan import ActionPlan
from reflex_drf.state.quiet import put

__all__ = ["ActionHandlers", "make_action"]


class ActionHandlers(ListHandlers):
    """Handlers that run an extra action."""

    async def _act(self, handler: str, pk: Any, data: Any) -> Any:
        plan = self._plan.extra_action(handler)
        if plan.detail and (pk := self._key_of(pk)) is None:
            return None
        if is_filled_in(plan.form, data):
            return await self._filled_in(
                plan.form, data, lambda values: self._run_action(plan, pk, values, form=True)
            )
        if data is not None and not isinstance(data, Mapping):
            return self._fail(_("An action takes its input by name."))
        return await self._run_action(plan, pk, None if is_pointer(data) else data, form=False)

    async def _run_action(self, plan: ActionPlan, pk: Any, data: Any, *, form: bool) -> Any:
        method = plan.method(data)
        reads = method == "GET"
        inputs: dict[str, Any] = (
            {"query": dict(data or {})} if reads else {"data": dict(data or {})}
        )
        calls = [self._make(plan.name, pk if plan.detail else None, method=method, **inputs)]
        wanted = self._wanted()
        if not reads and "list" in self._plan.actions:
            calls.append(self._list_call(wanted))
        opened = [] if reads else self._detail_calls()
        put(self, "action_errors", {})
        replies = await self._run(*calls, *opened)
        if replies is None:
            return drop_tab()
        if not replies[0].ok:
            put(self, "action_errors", self._wrong_with(replies[0], plan.form))
            return await self._refuse(replies[0], form=not form)
        self.error = ""
        if not form:
            self.field_errors = {}
        self.action_data = {**self.action_data, plan.handler: self._shown(replies[0].data)}
        await self._take_opened(pk, None, *replies[len(calls) :])
        return await self._settle(wanted, replies[1]) if len(calls) > 1 else None

    async def _filled_in(
        self, form: Form, data: Mapping[str, Any], run: Callable[[dict[str, Any]], Awaitable[Any]]
    ) -> Any:
        """Run an action with what was filled in; whatever comes of it, the form hears of it."""
        if str(data[RUN]) != str(self.action_count):
            # The second of two clicks: the first one has been answered.
            return None
        values, errors = read_form(form, data)
        if errors:
            self.error, self.action_errors = "", errors
            self.action_count += 1
            return None
        answer = await run(values)
        # Not after an exception, of which no browser hears: the form can be sent again.
        self.action_count += 1
        if self.action_errors and not self.refusal:
            # The form says it, and is still there.
            self.error = ""
        return answer

    def _wrong_with(self, reply: Reply, form: Form) -> dict[str, str]:
        """Why an action was refused: by the fields of its input, and `""` for the whole."""
        if 300 <= reply.status < 400:
            return {}
        report = reply.errors or ErrorReport(reply.status)
        whole = self._message(report, frozenset(field.name for field in form.fields))
        return {**report.fields, **({"": whole} if whole else {})}

    def _shown(self, data: Any) -> Any:
        # An action often answers with rows, which hide here what they hide in the list.
        return [self._row(row) for row in data] if isinstance(data, list) else self._row(data)


def make_action(handler: str, detail: bool) -> Callable[..., Any]:
    """The handler of an extra action."""
    if detail:

        async def act_on_row(self: Any, pk: Key, data: dict[str, Any] | None = None) -> Any:
            return await self._act(handler, pk, data)

        return act_on_row

    async def act(self: Any, data: dict[str, Any] | None = None) -> Any:
        return await self._act(handler, None, data)

    return act
