"""What the user may do: with each action of the viewset, and with each row that is shown.

It is asked of the viewset's own permission classes, beside the call that reads the rows: in its
thread, with its request, and for the rows it has read anyway. It only says what to offer; the
viewset decides again when it is done.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from django.db import connections
from django.db.models import QuerySet
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.views import APIView

from reflex_drf import permissions

if TYPE_CHECKING:
    from reflex_drf.state.plan import Plan

__all__ = ["NOTE", "Rights", "rights_before_reading", "watch_rights"]

logger = logging.getLogger("reflex_drf.state")
# Where a call leaves them for the state.
NOTE = "rights"
# They look at nothing but the user, and at whether the method is a safe one.
_STATELESS = frozenset(
    {
        permissions.AllowAny,
        permissions.IsAuthenticated,
        permissions.IsAdminUser,
        permissions.IsAuthenticatedOrReadOnly,
    }
)
_READS_METHOD = permissions.IsAuthenticatedOrReadOnly
# Of all rows of a list without pages, so many are asked about; the others go by the action.
MOST_ROWS = 200


@dataclass
class Rights:
    """What was found out beside one call."""

    actions: dict[str, bool] = field(default_factory=dict)
    # None beside a call that reads one row alone.
    rows: dict[str, dict[str, bool]] | None = None


def rights_before_reading(plan: Plan) -> dict[str, bool]:
    """What is offered before anything was read: all where nobody can be asked, else nothing."""
    offered = not plan.in_process or not {"list", "retrieve"} & plan.actions
    return dict.fromkeys(plan.questions, offered)


def watch_rights(
    plan: Plan, action: str, view: Any, notes: dict[str, Any]
) -> Callable[[BaseException | None], None] | None:
    """Note beside a call that reads what its user may do; to be put around a prepared view."""
    if action not in ("list", "retrieve") or not isinstance(view, APIView):
        return None
    notes[NOTE] = rights = Rights(rows={} if action == "list" else None)
    if action == "list" and plan.options.row_permissions is not False:
        _watch_rows(plan, view, rights)

    def decided(error: BaseException | None) -> None:
        if isinstance(error, AuthenticationFailed):
            # DRF would now take whoever showed wrong credentials for a visitor without any.
            rights.actions = dict.fromkeys(plan.questions, False)
            return
        known: dict[Any, bool] = {}
        if error is None and type(view).initial is APIView.initial:
            # That it may do what it is about to do has just been decided.
            known[_equal_question(view, action, view.request.method)] = True
        rights.actions = _ask_actions(view, plan.questions, known)

    return decided


def _ask_actions(
    view: Any, asked: Mapping[str, str | None], known: dict[Any, bool]
) -> dict[str, bool]:
    answers = {}
    for name, method in asked.items():
        key = _equal_question(view, name, method) or name
        if key not in known:
            known[key] = _ask(view, name, partial(permissions.may, view, name, method=method))
        answers[name] = known[key]
    return answers


def _equal_question(view: Any, action: str, method: str | None) -> Any:
    """What decides about an action, where DRF's own plain classes do; two with the same are one."""
    classes = _classes_of(view, action)
    if classes is None or not _checks_as_drf(view):
        return None
    if not _STATELESS.issuperset(classes):
        return None
    verb = (method or permissions.METHODS.get(action, "")).upper()
    heeded = _READS_METHOD in classes
    return (classes, not heeded or verb in permissions.SAFE_METHODS) if verb else None


def _checks_as_drf(view: Any) -> bool:
    own = type(view).check_permissions
    return own is APIView.check_permissions and "check_permissions" not in vars(view)


def _classes_of(view: Any, action: str) -> tuple[Any, ...] | None:
    """The permission classes of an action, where DRF's own way chooses them."""
    if type(view).get_permissions is not APIView.get_permissions or "get_permissions" in vars(view):
        return None
    kwargs = getattr(permissions.declaration(view, action), "kwargs", {})
    return tuple(kwargs.get("permission_classes", view.permission_classes))


def _ask(view: Any, action: str, question: Callable[[], bool]) -> bool:
    try:
        return question()
    except Exception as error:  # noqa: BLE001 - noted, and decided when it is done
        # A class that is used to the arguments or the input of one action may fail at a question
        # about it that no request has asked. That must not cost the user his list.
        _note_failure(type(view).__name__, action, f"{type(error).__name__}: {error}")
        return True


@lru_cache(maxsize=256)
def _note_failure(view: str, action: str, error: str) -> None:
    # Once, and not with every list: it would be the same each time.
    logger.warning(
        "%s: its permissions could not say whether %r is allowed (%s); it is offered, and decided "
        "when it is called.",
        view,
        action,
        error,
    )


# -- Rows -----------------------------------------------------------------------------------


def _watch_rows(plan: Plan, view: Any, rights: Rights) -> None:
    original = getattr(view, "get_serializer", None)
    asked = plan.row_questions
    if original is None or not asked:
        return

    def get_serializer(*args: Any, **kwargs: Any) -> Any:
        rows = kwargs.get("instance", args[0] if args else None)
        if kwargs.get("many") and isinstance(rows, list | tuple | QuerySet):
            rights.rows = _ask_rows(plan, view, rows, rights.actions, asked)
        return original(*args, **kwargs)

    view.get_serializer = get_serializer


def _ask_rows(
    plan: Plan,
    view: Any,
    rows: Any,
    actions: Mapping[str, bool],
    asked: Mapping[str, str | None],
) -> dict[str, dict[str, bool]]:
    acting = {
        name: permissions.acting_view(view, name, method=method)
        for name, method in asked.items()
        if actions.get(name) and not _decides_by_action(view, name)
    }
    acting = {name: other for name, other in acting.items() if _decides_by_row(other)}
    if not acting:
        return {}
    # Whoever wants more than is free has said so.
    free = plan.options.row_permissions is None
    guard: AbstractContextManager[list[str]] = without_queries() if free else nullcontext([])
    # A queryset is fetched here, and the serializer finds its rows there.
    shown = [(key, row) for row in list(rows)[:MOST_ROWS] if (key := _key_of(view, row))]
    answers: dict[str, dict[str, bool]] = {key: {} for key, _ in shown}
    with guard as refused:
        for name, other in acting.items():
            for key, row in shown:
                other.kwargs = {**view.kwargs, plan.lookup_kwarg: key}
                answers[key][name] = _ask_row(other, name, row)
                if refused:
                    # What needs a query for one row needs one for each.
                    break
            if refused:
                refused.clear()
                for about in answers.values():
                    about.pop(name, None)
    return answers


def _decides_by_action(view: Any, action: str) -> bool:
    """Whether it is plain, without a view for the action, that a row makes no difference."""
    classes = _classes_of(view, action)
    if (
        classes is None
        or type(view).check_object_permissions is not APIView.check_object_permissions
    ):
        return False
    plain: Any = BasePermission.has_object_permission
    return all(
        isinstance(cls, type) and getattr(cls, "has_object_permission", None) is plain
        for cls in classes
    )


def _decides_by_row(acting: Any) -> bool:
    """Whether anything but the action decides about a row."""
    if type(acting).check_object_permissions is not APIView.check_object_permissions:
        return True
    return any(
        type(permission).has_object_permission is not BasePermission.has_object_permission
        for permission in acting.get_permissions()
    )


def _ask_row(acting: Any, action: str, row: Any) -> bool:
    def question() -> bool:
        try:
            acting.check_object_permissions(acting.request, row)
        except permissions.REFUSALS:
            return False
        except QueryNeededError:
            return True
        return True

    return _ask(acting, action, question)


class QueryNeededError(Exception):
    """A question about a row would have asked the database."""


@contextmanager
def without_queries() -> Iterator[list[str]]:
    """Let no query of this thread through; gives what was tried."""
    refused: list[str] = []

    def refuse(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        refused.append(sql)
        raise QueryNeededError(sql)

    with ExitStack() as stack:
        for connection in connections.all():
            stack.enter_context(connection.execute_wrapper(refuse))
        yield refused


def _key_of(view: Any, row: Any) -> str | None:
    value = row
    for name in str(getattr(view, "lookup_field", None) or "pk").split("__"):
        value = getattr(value, name, None)
    return None if value is None else str(value)
