"""Event handlers that find the rows to choose from for a relation, and name those chosen."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import NotFound
from rest_framework.generics import GenericAPIView
from rest_framework.response import Response

from reflex_drf import bridge
from reflex_drf.backends import Call, Reply
from reflex_drf.bridge.language import say
from reflex_drf.permissions import acting_view, may
from reflex_drf.routing import lookup_argument
from reflex_drf.state.answers import drop_tab
from reflex_drf.state.calls import MESSAGES, Calls, operation
from reflex_drf.state.queries import ListQuery
from reflex_drf.state.quiet import held
from reflex_drf.state.relations import (
    LIMIT,
    Relation,
    listed_fields,
    matching,
    possible,
    searches,
    shown_fields,
)

__all__ = ["PickHandlers"]

# Nobody types more, and a database would have to look for it in each row.
MAX_TEXT = 100
MAX_NAMED = 100


@dataclass(frozen=True)
class Asked:
    """What rows are looked for: by a text, or those with certain values."""

    text: str = ""
    values: tuple[str, ...] | None = None

    @property
    def limit(self) -> int:
        """How many rows are of use."""
        return LIMIT if self.values is None else MAX_NAMED


class PickHandlers(Calls):
    """Handlers for choosing rows of relations, a few at a time."""

    @operation
    async def search_relation(self, name: str, text: str = "") -> Any:
        """Find a few rows that can be chosen for a relation of the form or of a filter."""
        relation = self._plan.relations.get(name) if isinstance(name, str) else None
        if relation is None:
            return self._fail(_("There is nothing to choose from for that."))
        if not isinstance(text, str) or len(text) > MAX_TEXT:
            return self._fail(_("A search is a text of at most 100 characters."))
        asked = Asked(text.replace("\x00", ""))
        if (reply := await self._find_rows(relation, asked)) is None:
            return drop_tab()
        entries, more = _entries(relation, reply)
        if not self._plan.in_process:
            entries = _labelled(entries, asked.text, relation)
        self.relation_choices = {
            relation.name: {
                "text": text,
                "choices": entries[:LIMIT],
                "more": more or len(entries) > LIMIT,
                "error": "" if reply.ok else self._why_not(reply),
            }
        }
        self._remember_names(relation, entries[:LIMIT])
        return None

    @operation
    async def name_relations(self) -> Any:
        """Find out what the rows are called that are chosen in the form and in filters."""
        for relation in self._plan.relations.values():
            known = self.relation_labels.get(relation.name, {})
            values = tuple(
                v for v in dict.fromkeys(self._chosen_values(relation)) if v not in known
            )
            if not values:
                continue
            reply = await self._find_rows(relation, Asked(values=values[:MAX_NAMED]))
            if reply is None:
                return drop_tab()
            self._remember_names(relation, _entries(relation, reply)[0])
        return None

    def _chosen_values(self, relation: Relation) -> Iterable[str]:
        """The values that the form or the filter holds of a relation."""
        if relation.filter_name:
            chosen: str = self.filters.get(relation.filter_name, "")
            values: list[Any] = chosen.split(",") if relation.many else [chosen]
        else:
            field = self._plan.form.by_name(relation.path[0])
            values = [] if field is None else [held(self, field.var)]
            for name in relation.path[1:]:
                rows = [r for v in values for r in (v if isinstance(v, list) else [v])]
                values = [row.get(name) for row in rows if isinstance(row, Mapping)]
        flat = (v for value in values for v in (value if isinstance(value, list) else [value]))
        return (str(value) for value in flat if isinstance(value, str | int) and value != "")

    def _remember_names(self, relation: Relation, entries: list[dict[str, str]]) -> None:
        # What was found and not chosen is forgotten with the next search.
        chosen = set(self._chosen_values(relation))
        old = self.relation_labels.get(relation.name, {})
        kept = {value: label for value, label in old.items() if value in chosen}
        found = {entry["value"]: entry["label"] for entry in entries}
        self.relation_labels = {**self.relation_labels, relation.name: kept | found}

    def _why_not(self, reply: Reply) -> str:
        said = reply.errors.message if reply.errors else ""
        return said or say(MESSAGES.get(reply.status, _("These rows cannot be read now.")))

    # -- The calls --------------------------------------------------------------------------

    async def _find_rows(self, relation: Relation, asked: Asked) -> Reply | None:
        viewset = relation.find_viewset()
        if viewset is None:
            if not self._plan.in_process:
                return Reply(status=404)
            calls = [self._own_rows_call(relation, asked)]
        elif asked.values is not None and not self._plan.in_process:
            # Elsewhere a list cannot be narrowed to some keys.
            calls = _rows_of(viewset, relation, asked.values[:LIMIT])
        else:
            calls = [self._list_of(viewset, relation, asked)]
        replies = await self._run(*calls) if calls else []
        if replies is None:
            return None
        if len(calls) == 1 and calls[0].action != "retrieve":
            return replies[0]
        return Reply(status=200, data=[reply.data for reply in replies if reply.ok])

    def _list_of(self, viewset: Any, relation: Relation, asked: Asked) -> Call:
        """The related viewset's own list, with its own permissions, search and pages."""
        query = ListQuery(viewset)
        params = query.page_params(1, LIMIT) if query.size_param else {}
        if asked.text.strip() and query.search_param:
            params[query.search_param] = asked.text
        prepare = (
            functools.partial(_narrow_list, relation, asked) if self._plan.in_process else None
        )
        return Call(view=viewset, action="list", query=params, prepare=prepare)

    def _own_rows_call(self, relation: Relation, asked: Asked) -> Call:
        """The rows that the serializer field or the filter takes, asked where they are used."""
        actions = self._plan.actions
        if "list" in actions or "create" in actions:
            call = self._make("list" if "list" in actions else "create")
        else:
            call = self._make(str(self._plan.update_action), self.editing_id)
        return replace(
            call, prepare=functools.partial(self._answer_with_rows, call, relation, asked)
        )

    def _answer_with_rows(self, call: Call, relation: Relation, asked: Asked, view: Any) -> None:
        self._prepare(self._plan, call.action, view)

        def answer(request: Any, *args: Any, **kwargs: Any) -> Response:
            return Response(self._own_rows(relation, asked, view))

        # The view's own authentication, permissions and throttles come before it as ever.
        setattr(view, view.request.method.lower(), answer)

    def _own_rows(self, relation: Relation, asked: Asked, view: Any) -> list[dict[str, str]]:
        source = self._filter_field(relation, view) or self._form_field(relation, view)
        queryset, value, label = source
        if asked.values is not None:
            # An address is no column; what is chosen is found among what it could be.
            rows = (
                queryset.filter(
                    **{f"{relation.key}__in": possible(queryset.model, relation.key, asked.values)}
                )
                if relation.key
                else queryset.none()
            )
        else:
            fields = relation.search_fields or shown_fields(queryset.model, label)
            rows = matching(queryset, asked.text, fields)
        rows = rows if rows.ordered else rows.order_by("pk")
        return [
            {"value": str(value(row)), "label": str(label(row))} for row in rows[: asked.limit + 1]
        ]

    def _form_field(self, relation: Relation, view: Any) -> tuple[QuerySet[Any], Any, Any]:
        """What a field of the form takes, for those who may send the form."""
        names = [n for n in ("create", "partial_update", "update") if n in self._plan.actions]
        writer: Any = acting_view(view, next((n for n in names if may(view, n)), names[0]))
        writer.check_permissions(writer.request)
        # The class's own: what stands on a view that runs is bound to that one.
        field: Any = type(writer).get_serializer(writer)
        for name in relation.path:
            field = getattr(field, "child", field).fields.get(name)
            if field is None or field.read_only:
                # This request's serializer has another form than the one the page was made of.
                raise NotFound
        field = getattr(field, "child_relation", field)
        return field.get_queryset(), field.to_representation, field.display_value

    def _filter_field(self, relation: Relation, view: Any) -> tuple[QuerySet[Any], Any, Any] | None:
        """What a filter takes, for those who may read the list."""
        if not relation.filter_name:
            return None
        for backend in view.filter_backends:
            if hasattr(backend, "get_filterset"):
                filterset = backend().get_filterset(view.request, view.get_queryset(), view)
                field = filterset.form.fields[relation.filter_name]
                return field.queryset, field.prepare_value, field.label_from_instance
        raise NotFound


def _rows_of(viewset: Any, relation: Relation, values: Iterable[str]) -> list[Call]:
    """The calls that read some rows by their key, where the viewset finds them by that."""
    field = str(getattr(viewset, "lookup_field", None) or "pk")
    if not hasattr(viewset, "retrieve") or field != relation.key:
        return []
    argument = lookup_argument(viewset)
    return [Call(view=viewset, action="retrieve", kwargs={argument: value}) for value in values]


def _labelled(entries: list[dict[str, str]], text: str, relation: Relation) -> list[dict[str, str]]:
    """Of a list that could not be searched, what a search would have left of it."""
    viewset = relation.find_viewset()
    if viewset is None or searches(viewset):
        return entries
    words = text.casefold().split()
    return [e for e in entries if all(word in e["label"].casefold() for word in words)]


def _narrow_list(relation: Relation, asked: Asked, view: Any) -> None:
    """Let a related viewset's list give a few rows, whatever it gives to others."""
    bridge.bind_request(getattr(view.request, "_request", view.request))
    if not isinstance(view, GenericAPIView):
        return
    filter_queryset = view.filter_queryset
    if asked.values is not None:
        view._paginator = None  # type: ignore[attr-defined]

    def narrowed(queryset: QuerySet[Any]) -> QuerySet[Any]:
        rows = _narrow_rows(relation, asked, view, filter_queryset(queryset))
        # A list without pages is a whole table.
        return rows[: asked.limit + 1] if view.paginator is None else rows

    view.filter_queryset = narrowed  # type: ignore[method-assign]


def _narrow_rows(relation: Relation, asked: Asked, view: Any, rows: QuerySet[Any]) -> QuerySet[Any]:
    if relation.narrowed is not None:
        # What the serializer would refuse is not offered.
        rows = rows.filter(pk__in=relation.narrowed.order_by().values("pk"))
    if asked.values is not None:
        return rows.filter(
            **{f"{relation.key}__in": possible(rows.model, relation.key, asked.values)}
        )
    if relation.search_fields:
        return matching(rows, asked.text, relation.search_fields)
    if not searches(type(view)):
        return matching(rows, asked.text, listed_fields(view))
    return rows


def _entries(relation: Relation, reply: Reply) -> tuple[list[dict[str, str]], bool]:
    rows = reply.rows if reply.rows is not None else reply.data
    if not reply.ok or not isinstance(rows, list):
        return [], False
    more = reply.page is not None and reply.page.next is not None
    known = (
        row if set(row) == {"value", "label"} else relation.entry(row)
        for row in rows
        if isinstance(row, Mapping)
    )
    return [dict(entry) for entry in known if entry is not None], more
