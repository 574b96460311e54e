"""Rows as DRF's serializers make them, without going through each field of each row.

A plan is made from the serializer's fields: how each value is read, and what becomes of it. What a
field does in a way of its own is asked of the field itself, and a serializer with a
`to_representation` of its own is DRF's alone.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import Any

from django.db.models import Model, QuerySet
from django.db.models.manager import BaseManager
from rest_framework import fields, relations
from rest_framework.serializers import BaseSerializer, ListSerializer, Serializer

from reflex_drf.columns import SKIP, Source, find_source, gives_columns, is_plain_model
from reflex_drf.conf import settings
from reflex_drf.converters import (
    Show,
    Table,
    inherits,
    make_table,
    related_table,
    same,
    shown_attribute,
)
from reflex_drf.fieldsets import METHODS, Live, is_understood, readable_fields, reads_as_drf
from reflex_drf.plancache import Lent, planned
from reflex_drf.plans import Batch, Plan, Step, converter, spread_many, spread_one
from reflex_drf.reading import JSONRows, is_given_away, is_read_as_json
from reflex_drf.related import fetched, joined, lookups_on
from reflex_drf.representation import plain
from reflex_drf.watching import is_watching, watched, watching

__all__ = ["compile_serializer", "plain_data"]


class Planner:
    """Makes the plan of one serializer for one model."""

    def __init__(self, live: Live, model: Any, *, json: bool) -> None:
        self.live, self.model, self.json = live, model, json
        self.finish: Show = plain if json else same
        self.watches = is_watching()
        # Whether the plan may serve other serializers of the same class.
        self.lasting = True

    def plan(self, serializer: Any) -> Plan:
        """Plan a serializer that is understood."""
        steps = [self.related_step(field) for field in readable_fields(serializer, self.live)]
        return Plan([watch(serializer, step) for step in steps] if self.watches else steps)

    def related_step(self, field: Any) -> Step:
        """Plan one field, with the relations that it reads."""
        step = self.step(field)
        if step.source is not None and step.source.column is not None:
            return step
        if METHODS & field.__dict__.keys() or type(field).get_attribute not in WAYS:
            return step
        # A key, or a link made of one, is shown without the object.
        whole = not getattr(field, "use_pk_only_optimization", bool)()
        lookups = lookups_on(self.model, field.source_attrs or (), whole=whole)
        if not lookups:
            return replace(step, lookups=()) if step.lookups else step
        inner = (f"{lookups[-1]}__{name}" for name in step.lookups)
        return replace(step, lookups=(*lookups, *inner))

    def step(self, field: Any) -> Step:
        """Plan one field."""
        if METHODS & field.__dict__.keys():
            return self.asked(field)
        if type(field).to_representation is CALL_METHOD:
            return self.method(field)
        make = WAYS.get(type(field).get_attribute)
        return (make(self, field) if make else None) or self.asked(field)

    def asked(self, field: Any) -> Step:
        """Let the serializer's own field do it all."""
        return Step(field.field_name, same, self.ask(field.field_name))

    def ask(self, name: str) -> Show:
        """Do for one field of one object what `Serializer.to_representation` does."""
        live, finish = self.live, self.finish

        def ask(instance: Any) -> Any:
            field = live.field(name)
            try:
                value = field.get_attribute(instance)
            except fields.SkipField:
                return SKIP
            held = value.pk if isinstance(value, relations.PKOnlyObject) else value
            return None if held is None else finish(field.to_representation(value))

        return ask

    def other(self, name: str, prepare: Show = same) -> Show:
        """Let the serializer's own field convert a value that no table knows."""
        live, finish = self.live, self.finish

        def other(value: Any) -> Any:
            if callable(value):
                # Called or left alone by DRF's own rules.
                value = fields.get_attribute({"": value}, [""])
            if value is None:
                return None
            return finish(live.field(name).to_representation(prepare(value)))

        return other

    def method(self, field: Any) -> Step:
        """Plan a `SerializerMethodField`."""
        if not inherits(field, GET_ATTRIBUTE):
            return self.asked(field)
        return Step(field.field_name, same, self.call(field.method_name))

    def call(self, name: str) -> Show:
        """Call a method of the serializer."""
        live, finish = self.live, self.finish
        if isinstance(live, Lent):
            return lambda instance: finish(getattr(live.serializer, name)(instance))
        # To find the serializer inside another anew for each object would cost too much.
        self.lasting = False
        method = getattr(live.serializer, name)
        return lambda instance: finish(method(instance))

    def attribute(self, field: Any) -> Step | None:
        """Plan a field that shows what its source gives."""
        source = find_source(self.model, field.source_attrs, what_is_missing(field))
        if source is None:
            return None
        if source.related is not None:
            return self.nested(field, source)
        table = make_table(field, self.other(field.field_name), json=self.json)
        return self.converted(field, source, table)

    def converted(
        self, field: Any, source: Source, table: Table, other: Show | None = None
    ) -> Step:
        """Plan a field whose values a table converts."""
        name = field.field_name
        if source.skips:
            table[type(SKIP)] = same
        show, show_all = converter(table, other or self.other(name))
        return Step(name, source.fetch, show, show_all, self.ask(name), source)

    def related(self, field: Any) -> Step | None:
        """Plan a relation to one."""
        source = find_source(self.model, field.source_attrs)
        if source is None or source.related is None or source.many:
            return None
        kind = type(field)
        if kind.use_pk_only_optimization is WHOLE_OBJECT:
            table = related_table(field, source.related, json=self.json)
            return self.converted(field, source, table)
        if not inherits(field, *KEY_ONLY) or self.model.serializable_value is not SERIALIZABLE:
            return None
        key = find_source(self.model, [source.key or ""])
        if key is None or len(field.source_attrs) > 1:
            return None
        other = self.other(field.field_name, only_key)
        return self.converted(field, key, make_table(field, other, json=self.json), other)

    def nested(self, field: Any, source: Source) -> Step | None:
        """Plan a serializer inside another."""
        live, name, many = self.live, field.field_name, source.many
        if many and not reads_as_drf(field, ListSerializer):
            return None
        child = field.child if many else field
        if not is_understood(child):
            return None
        inner = Live(lambda: live.field(name).child if many else live.field(name))
        planner = Planner(inner, source.related, json=self.json)
        plan = planner.plan(child)
        self.lasting = self.lasting and planner.lasting
        step = replace(self.spread(field, source, plan.rows), lookups=plan.lookups)
        return replace(step, plan=plan) if plan.by_column else replace(step, show_all=None)

    def many_related(self, field: Any) -> Step | None:
        """Plan a relation to many."""
        source, child = find_source(self.model, field.source_attrs), field.child_relation
        if source is None or not source.many or not inherits(field, SHOW_MANY):
            return None
        show = related_table(child, source.related, json=self.json).get(source.related)  # type: ignore[arg-type]
        if show is None or METHODS & child.__dict__.keys():
            return None
        step = self.spread(field, source, lambda instances: list(map(show, instances)))
        fetch, plan = source.fetch, column_plan(child, source.related, self.finish)
        # Nothing can be related to what was never saved.
        return replace(step, fetch=lambda row: () if row.pk is None else fetch(row), plan=plan)

    def spread(self, field: Any, source: Source, each: Batch) -> Step:
        """Plan a field whose objects are converted all together."""
        name = field.field_name
        show_all = (spread_many if source.many else spread_one)(
            source.related, each, self.other(name)
        )

        def show(value: Any) -> Any:
            return show_all([value])[0]

        return Step(name, source.fetch, show, show_all, self.ask(name), source)


# As DRF and Django have them, should somebody patch their classes later on.
GET_ATTRIBUTE = fields.Field.get_attribute
CALL_METHOD = fields.SerializerMethodField.to_representation
WHOLE_OBJECT = relations.RelatedField.use_pk_only_optimization
KEY_ONLY = (
    relations.PrimaryKeyRelatedField.to_representation,
    relations.PrimaryKeyRelatedField.use_pk_only_optimization,
)
SHOW_MANY = relations.ManyRelatedField.to_representation
SERIALIZABLE = Model.serializable_value
DATA = (Serializer.data, ListSerializer.data)
WAYS: dict[Any, Any] = {
    GET_ATTRIBUTE: Planner.attribute,
    relations.RelatedField.get_attribute: Planner.related,
    relations.ManyRelatedField.get_attribute: Planner.many_related,
}


def watch(serializer: Any, step: Step) -> Step:
    """Let it be known which field is being read."""
    name = f"{type(serializer).__name__}.{step.name}"
    ways = ("fetch", "show", "show_all", "ask")
    return replace(step, **{way: watched(name, getattr(step, way)) for way in ways})


def column_plan(child: Any, model: Any, finish: Show) -> Plan | None:
    """Plan a relation to many of which one column of each row is shown: its key, or its slug."""
    name = shown_attribute(child)
    source = find_source(model, [name]) if name else None
    if source is None or source.column is None or source.wrap is not None:
        return None
    show, show_all = converter({int: same, str: same}, finish)
    return Plan([Step(str(name), source.fetch, show, show_all, source=source)], bare=True)


def what_is_missing(field: Any) -> Any:
    """Give what stands for a value behind a relation that leads to nothing."""
    if field.default is not fields.empty:
        return ...
    if field.allow_null:
        return None
    return ... if field.required else SKIP


def only_key(value: Any) -> relations.PKOnlyObject:
    """Give a key as DRF hands it to a field that wants no more."""
    return relations.PKOnlyObject(pk=getattr(value, "pk", value))


def make_plan(serializer: Any, model: Any, *, json: bool) -> AbstractContextManager[Plan]:
    """Plan a serializer for the objects of one model, for as long as the block lasts."""
    return planned(serializer, model, json, partial(Planner, model=model, json=json))


def represent(serializer: Any, value: Any, *, json: bool = False) -> Any:
    """Do what DRF's `to_representation` of an understood serializer does."""
    if isinstance(serializer, ListSerializer):
        return represent_list(serializer, value, json=json)
    if not is_plain_model(type(value)):
        return ask_drf(serializer, value, json=json)
    with make_plan(serializer, type(value), json=json) as plan:
        return plan.row(value)


def represent_list(serializer: Any, value: Any, *, json: bool) -> Any:
    """Do the same for several objects."""
    value = value.all() if isinstance(value, BaseManager) else value
    if not is_understood(serializer.child):
        return ask_drf(serializer, value, json=json)
    if isinstance(value, QuerySet) and (json or is_given_away(value)):
        if is_read_as_json(value) and (rows := read_json(serializer.child, value)) is not None:
            return rows
        if (found := read_columns(serializer.child, value, json=json)) is not None:
            return found
    instances = list(value)
    kinds = set(map(type, instances))
    if len(kinds) != 1 or not is_plain_model(model := kinds.pop()):
        return ask_drf(serializer, instances, json=json)
    with (
        make_plan(serializer.child, model, json=json) as plan,
        fetched(instances, plan.lookups),
        watching(len(instances)),
    ):
        return plan.rows(instances)


def read_json(serializer: Any, queryset: QuerySet[Any]) -> JSONRows | None:
    """Give the rows of a queryset as JSON has them, if it can have them."""
    try:
        rows = read_columns(serializer, queryset, json=True)
    except ValueError:
        # What JSON has no number for is an error of the response, and none of the view.
        return None
    return None if rows is None else JSONRows(rows)


def read_columns(serializer: Any, queryset: QuerySet[Any], *, json: bool) -> list[Any] | None:
    """Give the rows of a queryset without making objects of them, where that is the same."""
    # To what is united, or gives no objects, nothing can be joined.
    if not gives_columns(queryset):
        return None
    with make_plan(serializer, queryset.model, json=json) as plan:
        return plan.read(joined(queryset, *plan.joins()))


def ask_drf(serializer: Any, value: Any, *, json: bool) -> Any:
    """Leave it to the serializer's class, as if nothing had been set on the serializer."""
    data = type(serializer).to_representation(serializer, value)
    return plain(data) if json else data


def is_compiled(serializer: Any) -> bool:
    """Tell whether a plan may stand in for a serializer's own way."""
    if not settings.COMPILED_REPRESENTATION:
        return False
    if isinstance(serializer, ListSerializer):
        return reads_as_drf(serializer, ListSerializer) and is_understood(serializer.child)
    return is_understood(serializer)


def compile_serializer(serializer: Any) -> None:
    """Let a serializer's `data` be made by a plan, from the very values that DRF gives."""
    if is_compiled(serializer):
        serializer.to_representation = partial(represent, serializer)


def plain_data(serializer: BaseSerializer[Any]) -> Any:
    """Give a serializer's `data` as plain JSON values."""
    if not (is_unread(serializer) and is_compiled(serializer)):
        return plain(serializer.data)
    data = represent(serializer, serializer.instance, json=True)
    # Kept where DRF keeps what it has read: asking twice reads once.
    serializer._data = data  # type: ignore[attr-defined]
    return data


def is_unread(serializer: Any) -> bool:
    """Tell whether `data` would now be made from the instance, and from nothing else."""
    return (
        getattr(type(serializer), "data", None) in DATA
        and serializer.instance is not None
        and not {"initial_data", "_data", "_errors"} & serializer.__dict__.keys()
    )
