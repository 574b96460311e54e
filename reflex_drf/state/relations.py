"""Which rows can be chosen for a relation, and how a few of them are found.

A relation of the form or of a filter is known by a name; a name from a browser is looked up
among them. Nothing here reads more than a few rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ObjectDoesNotExist, ValidationError
from django.db.models import Field, Model, Q, QuerySet
from rest_framework import serializers

from reflex_drf.errors import ConfigurationError
from reflex_drf.routing import places
from reflex_drf.state.options import Options
from reflex_drf.state.queries import ListQuery
from reflex_drf.state.viewsets import viewset_model

__all__ = [
    "FILTER",
    "LIMIT",
    "Relation",
    "find_relations",
    "listed_fields",
    "matching",
    "possible",
    "searches",
    "shown_fields",
]

#: How many rows are offered at a time.
LIMIT = 20
#: What stands before the name of a filter, which may be that of a field.
FILTER = "filter:"
# Before a value of a model's own text field, to find it in what the model calls itself.
_MARK = "\N{OBJECT REPLACEMENT CHARACTER}"
_TITLES = ("name", "title", "label", "username", "code", "slug")
_KEYED = {
    serializers.PrimaryKeyRelatedField: "pk",
    serializers.SlugRelatedField: "slug",
    serializers.HyperlinkedRelatedField: "url",
}


@dataclass(frozen=True, kw_only=True)
class Relation:
    """One relation whose rows can be searched."""

    name: str
    model: type[Model]
    # The model's field whose value is sent: "pk", that of a slug, or none for an address.
    key: str
    many: bool = False
    # The viewset that lists the rows: the URLconf's, unless the state names one, or None for none.
    viewset: Any = field(default=places, repr=False)
    search_fields: tuple[str, ...] = ()
    # Rows of the serializer field that are known without a request, where it leaves some out.
    narrowed: QuerySet[Any] | None = field(default=None, repr=False)
    # Whether only the serializer field itself knows its rows, when it has a request.
    dynamic: bool = False

    @property
    def path(self) -> list[str]:
        """The serializer fields that lead to the relation."""
        return self.name.split(".")

    @property
    def filter_name(self) -> str:
        """The name of the filter, empty for a field."""
        return self.name.removeprefix(FILTER) if self.name.startswith(FILTER) else ""

    def find_viewset(self) -> Any:
        """The viewset whose list is searched, or None where the field's own rows are."""
        if self.dynamic or self.viewset is None or not self.key:
            return None
        if self.viewset is not places:
            return self.viewset
        return next(iter(sorted(listing(self.model), key=lambda v: not searches(v))), None)

    def entry(self, row: Any) -> dict[str, str] | None:
        """A row of a viewset's list as a choice, or None where it has no value to send."""
        if not isinstance(row, Mapping):
            return None
        names = [self.key] if self.key != "pk" else ["pk", str(self.model._meta.pk.name)]
        value = next((row[name] for name in names if row.get(name) is not None), None)
        if value is None:
            return None
        texts = [name for name in row if isinstance(row[name], str) and name not in names]
        title = next((name for name in (*_TITLES, *texts) if name in texts), None)
        return {"value": str(value), "label": row[title] if title and row[title] else str(value)}


def listing(model: type[Model]) -> list[Any]:
    """The viewsets of the URLconf that list a model, at a URL that needs no argument."""
    return [
        view
        for view, spots in places(None).items()
        if viewset_model(view) is model
        and any(
            "list" in spot.actions.values() and not spot.url_kwargs - spot.optional
            for spot in spots
        )
    ]


def searches(viewset: Any) -> bool:
    """Whether a viewset's list has a search of its own."""
    return ListQuery(viewset).search_param is not None


# -- Which there are ------------------------------------------------------------------------


def find_relations(
    owner: str, options: Options, serializer: Any, names: Iterable[str], query: ListQuery
) -> dict[str, Relation]:
    """The relations of a state's form and filters, by the name under which they are asked for."""
    written = getattr(serializer, "fields", {})
    found = [r for name in names if name in written for r in _of_field(name, written[name])]
    found += [r for name in sorted(query.filter_names) if (r := _of_filter(name, query))]
    relations = {relation.name: relation for relation in found}
    for option in ("relation_viewsets", "relation_search_fields"):
        for name in getattr(options, option):
            if name not in relations:
                raise ConfigurationError(
                    f"{owner}.{option} names {name!r}, which is no relation of its form or "
                    f"filters; known are {', '.join(relations) or 'none'}."
                )
    for name, viewset in options.relation_viewsets.items():
        if viewset is not None and not hasattr(viewset, "as_view"):
            raise ConfigurationError(
                f"{owner}.relation_viewsets[{name!r}] is {viewset!r}; it has to be a viewset class "
                "or None."
            )
    return {name: _configured(relation, options) for name, relation in relations.items()}


def _configured(relation: Relation, options: Options) -> Relation:
    name, values = relation.name, dict(vars(relation))
    if name in options.relation_viewsets:
        values["viewset"] = options.relation_viewsets[name]
    if name in options.relation_search_fields:
        values["search_fields"] = tuple(options.relation_search_fields[name])
    return Relation(**values)


def _of_field(name: str, written: Any) -> Iterable[Relation]:
    nested = getattr(written, "child", written)
    if isinstance(nested, serializers.Serializer):
        for inner, below in nested.fields.items():
            if not below.read_only and not isinstance(below, serializers.BaseSerializer):
                yield from _of_field(f"{name}.{inner}", below)
        return
    many = isinstance(written, serializers.ManyRelatedField)
    related = written.child_relation if many else written
    relation = _describe(name, written, related, many)
    if relation is not None:
        yield relation


def _describe(name: str, written: Any, related: Any, many: bool) -> Relation | None:
    kind = next((k for k in _KEYED if _reads_like(related, k)), None)
    model = _model_of(written, related)
    if kind is None or model is None:
        return None
    key = {"pk": "pk", "url": "", "slug": getattr(related, "slug_field", "")}[_KEYED[kind]]
    declared = getattr(related, "queryset", None)
    rows = declared if isinstance(declared, QuerySet) else None
    own = type(related).get_queryset is not serializers.RelatedField.get_queryset
    return Relation(
        name=name,
        model=model,
        key=key,
        many=many,
        narrowed=rows if rows is not None and (rows.query.where or rows.query.is_sliced) else None,
        dynamic=own or declared is None,
    )


def _reads_like(related: Any, kind: Any) -> bool:
    # A field that reads its input in a way of its own may want something else than a key.
    return isinstance(related, kind) and (type(related).to_internal_value is kind.to_internal_value)


def _model_of(written: Any, related: Any) -> type[Model] | None:
    declared: Any = getattr(related, "queryset", None)
    if getattr(declared, "model", None) is not None:
        model: type[Model] = declared.model
        return model
    parent = getattr(getattr(written.parent, "Meta", None), "model", None)
    try:
        known = parent._meta.get_field(written.source).related_model if parent else None
    except FieldDoesNotExist:
        return None
    return known if isinstance(known, type) else None


def _of_filter(name: str, query: ListQuery) -> Relation | None:
    declared: Any = query.declared_filters.get(name)
    classes = {klass.__name__ for klass in type(declared).__mro__}
    if not classes & {"ModelChoiceFilter", "ModelMultipleChoiceFilter"}:
        return None
    rows: Any = declared.extra.get("queryset")
    plain = getattr(rows, "all", None) is not None
    model = rows.model if plain else None
    if model is None:
        return None
    return Relation(
        name=f"{FILTER}{name}",
        model=model,
        key=str(declared.extra.get("to_field_name") or "pk"),
        many="ModelMultipleChoiceFilter" in classes,
        narrowed=rows if isinstance(rows, QuerySet) and rows.query.where else None,
    )


# -- How rows are found ---------------------------------------------------------------------


def matching(queryset: QuerySet[Any], text: str, search_fields: Iterable[str]) -> QuerySet[Any]:
    """The rows that have each word of a text in one of the fields, or for their key without any."""
    names = tuple(search_fields)
    for word in text.split():
        found = Q() if names else Q(pk__in=possible(queryset.model, "pk", [word]))
        for name in names:
            found |= Q(**{f"{name}__icontains": word})
        queryset = queryset.filter(found)
    return queryset


def possible(model: type[Model], key: str, values: Iterable[Any]) -> list[Any]:
    """The values that a model's field can hold at all; others would be errors of the database."""
    known: Field[Any, Any] = model._meta.pk if key == "pk" else model._meta.get_field(key)  # type: ignore[assignment]
    while (target := getattr(known, "target_field", None)) is not None and target is not known:
        known = target
    good: list[Any] = []
    for value in values:
        try:
            plain = known.to_python(value)
            known.run_validators(plain)
        except (ValidationError, ValueError, TypeError, OverflowError):
            continue
        good.append(plain)
    return good


def shown_fields(model: type[Model], label: Callable[[Any], Any]) -> tuple[str, ...]:
    """The text fields of a model that its rows' labels are made of.

    A search looks at nothing that it does not show: of a user the name, and not the password.
    """
    texts = [f for f in model._meta.concrete_fields if f.get_internal_type() in _TEXTS]
    row = model()
    for known in texts:
        setattr(row, known.attname, f"{_MARK}{known.attname}{_MARK}")
    try:
        shown = str(label(row))
    except (ObjectDoesNotExist, AttributeError, TypeError, ValueError):
        # It needs more than a row that is nowhere stored.
        return ()
    return tuple(f.attname for f in texts if f"{_MARK}{f.attname}{_MARK}" in shown)


_TEXTS = {"CharField", "TextField", "SlugField", "EmailField", "URLField"}


def listed_fields(view: Any) -> tuple[str, ...]:
    """The text fields of a model that a viewset's list shows to whoever asks, and as they are.

    A search in more than that would let him guess, letter by letter, what he does not see.
    """
    model, serializer = viewset_model(type(view)), view.get_serializer()
    columns = {f.name: f for f in model._meta.concrete_fields} if model is not None else {}
    shown = [f for f in getattr(serializer, "fields", {}).values() if not f.write_only]
    sources = [str(field.source) for field in shown if _shows(field)]
    names = [n for n in sources if n in columns and columns[n].get_internal_type() in _TEXTS]
    if model is None or type(serializer).to_representation is _PLAIN:
        return tuple(names)
    # It may leave something out by itself.
    left = shown_fields(model, serializer.to_representation)
    return tuple(name for name in names if columns[name].attname in left)


_PLAIN = serializers.Serializer.to_representation


def _shows(field: Any) -> bool:
    """Whether a serializer field gives a text as it is, and no part of it."""
    probe = _MARK + "x" * 40 + _MARK
    try:
        return probe in str(field.to_representation(probe))
    except (AttributeError, TypeError, ValueError, LookupError):
        return False
