"""What a concrete state was made from: its viewset, its form, its queries and its names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from reflex_drf.backends import Backend
from reflex_drf.routing import lookup_argument
from reflex_drf.state.forms import Form
from reflex_drf.state.options import Options
from reflex_drf.state.queries import ListQuery
from reflex_drf.state.relations import Relation
from reflex_drf.state.viewsets import keeps_order, prefetch, viewset_model

__all__ = ["ActionPlan", "Plan"]

SAFE = ("get", "head", "options")


@dataclass(frozen=True)
class ActionPlan:
    """One extra action of the viewset, and the handler that runs it."""

    name: str
    handler: str
    detail: bool
    methods: tuple[str, ...]
    # What asks for its input, where it has a serializer of its own.
    serializer: Any = field(default=None, repr=False, compare=False)
    form: Form = field(default=Form(), compare=False)

    @property
    def writes(self) -> bool:
        """Whether it does more than read."""
        return any(method not in SAFE for method in self.methods)

    def method(self, data: Any) -> str:
        """The verb for a call with this input: one that writes, if the action has any."""
        writing = [method for method in self.methods if method not in SAFE]
        reading = [method for method in self.methods if method in SAFE]
        if writing and reading:
            return (writing if data is not None else reading)[0].upper()
        return (writing or reading)[0].upper()


@dataclass(frozen=True)
class Plan:
    """Everything the handlers of one state class go by."""

    owner: str
    options: Options
    viewset: type[Any]
    actions: frozenset[str]
    extra_actions: tuple[ActionPlan, ...]
    form: Form
    rows: serializers.BaseSerializer[Any] | None
    # The same of a single row, which the viewset may show in another way.
    detail: serializers.BaseSerializer[Any] | None
    query: ListQuery
    backend: Backend = field(repr=False)
    scoped: bool = False
    scope_names: frozenset[str] = frozenset()
    # What the bases of the class bring along besides what every state has.
    extra_variables: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    # What rows can be searched for, by the name under which it is asked.
    relations: Mapping[str, Relation] = field(default_factory=dict)
    # The names that were given to the class.
    variables: frozenset[str] = frozenset()
    handlers: frozenset[str] = frozenset()
    # The vars that are not sent again unless they change.
    quiet: frozenset[str] = frozenset()

    @property
    def generated(self) -> bool:
        """Whether the viewset was built for this state."""
        return self.options.viewset is None

    @property
    def field_names(self) -> frozenset[str]:
        """The writable fields, by the serializer's names."""
        return frozenset(self.form.files).union(field.name for field in self.form.fields)

    @property
    def in_process(self) -> bool:
        """Whether hooks can run beside the view."""
        return self.backend.runs_middleware

    @property
    def prefetches(self) -> bool:
        """Whether the state names related rows to read along."""
        return bool(self.options.queryset_select_related or self.options.queryset_prefetch)

    def prefetch(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The queryset with those related rows."""
        return prefetch(queryset, self.options)

    @cached_property
    def keeps_order(self) -> bool:
        """Whether a row stays where it is among the others when it is saved."""
        model = viewset_model(self.viewset)
        return self.generated and model is not None and keeps_order(model, self.options)

    @property
    def lookup_kwarg(self) -> str:
        """The URL argument that names a row."""
        return lookup_argument(self.viewset)

    @cached_property
    def key(self) -> str:
        """The name under which a row carries what identifies it."""
        name = getattr(self.viewset, "lookup_field", None) or "pk"
        if name != "pk":
            return str(name)
        model = viewset_model(self.viewset)
        shown = getattr(self.rows, "fields", {})
        if model is None:
            # By Django's custom, where no model tells.
            return "id" if "id" in shown and "pk" not in shown else "pk"
        return "pk" if "pk" in shown else str(model._meta.pk.name)

    @property
    def update_action(self) -> str | None:
        """How an existing row is saved: in part, wherever the viewset can."""
        known = [name for name in ("partial_update", "update") if name in self.actions]
        return known[0] if known else None

    @cached_property
    def title(self) -> str:
        """The field that tells a row from the others, as people see it."""
        from reflex_drf.state.columns import describe_columns, title_of

        return title_of(describe_columns(self), self.key)

    @cached_property
    def bulk_actions(self) -> tuple[str, ...]:
        """What can be done with many rows at once, by the names of actions."""
        if not self.in_process:
            # Over HTTP each row would be a transaction of its own.
            return ()
        standard = [name for name in ("destroy", "partial_update") if name in self.actions]
        extra = [action.name for action in self.extra_actions if action.detail and action.writes]
        return (*standard, *extra)

    @cached_property
    def questions(self) -> Mapping[str, str | None]:
        """The actions of which is asked who may do them, with the verb if it is not the usual."""
        asked: dict[str, str | None] = dict.fromkeys(sorted(self.actions))
        return asked | {action.name: action.method({}) for action in self.extra_actions}

    @cached_property
    def row_questions(self) -> Mapping[str, str | None]:
        """The same for a row of a list."""
        wanted = self.options.row_permissions
        if isinstance(wanted, tuple):
            return {name: self.questions[name] for name in wanted}
        detail = {action.name: action.detail for action in self.extra_actions}
        about_rows = {
            name: detail.get(name, name not in ("list", "create")) for name in self.questions
        }
        return {name: verb for name, verb in self.questions.items() if about_rows[name]}

    @property
    def edits(self) -> bool:
        """Whether a row can be read into the form and saved again."""
        return self.update_action is not None and "retrieve" in self.actions

    def extra_action(self, handler: str) -> ActionPlan:
        """The extra action that a handler runs."""
        return next(action for action in self.extra_actions if action.handler == handler)
