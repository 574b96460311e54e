"""The readable fields of a serializer class, built once where the class alone decides on them.

Building the fields of a `ModelSerializer` costs more than reading a row with them, and DRF does
it for each serializer made.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter, itemgetter
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from django.core.signals import setting_changed
from rest_framework import serializers

__all__ = [
    "INNER",
    "FieldSet",
    "Live",
    "field_sets",
    "is_understood",
    "keep",
    "readable_fields",
    "reads_as_drf",
    "sets_of",
    "shows_as_drf",
]

BASE = serializers.Serializer
LIST = serializers.ListSerializer
MODEL = serializers.ModelSerializer
LINKED = serializers.HyperlinkedModelSerializer

# What decides on the fields of a serializer, besides its declarations and its Meta.
BUILDERS = (
    *("__new__", "__init__", "fields", "get_fields", "get_field_names", "get_extra_kwargs"),
    *("get_default_field_names", "include_extra_kwargs", "get_uniqueness_extra_kwargs"),
    *("get_unique_together_constraints", "get_unique_together_validators", "get_validators"),
    *("get_unique_for_date_validators", "_get_model_fields", "build_field", "bind"),
    *("build_standard_field", "build_relational_field", "build_nested_field"),
    *("build_property_field", "build_url_field", "build_unknown_field", "__deepcopy__"),
)
# Set on a field or serializer itself, these come before those of its class.
METHODS = frozenset(
    {"to_representation", "get_attribute", "get_default", "quantize", "enforce_timezone"}
    | {"default_timezone", "use_pk_only_optimization", "_readable_fields", "get_fields"}
)


class Live:
    """Gives the serializer itself, for what only its own fields and methods can do.

    For a nested serializer this has the fields of the outer one built, so it waits until asked.
    """

    def __init__(self, get: Callable[[], Any]) -> None:
        self._get = get

    @property
    def serializer(self) -> Any:
        return self._get()

    def field(self, name: str) -> Any:
        """Give the serializer's own field of a name."""
        return self._get().fields[name]


# Each base has some of them.
BUILDERS_OF = {
    kind: attrgetter(*(name for name in BUILDERS if hasattr(kind, name)))
    for kind in (LINKED, MODEL, BASE)
}


def builders_of(cls: Any) -> Any:
    """Give what a class has to decide on its fields."""
    base = next(kind for kind in BUILDERS_OF if issubclass(cls, kind))
    return BUILDERS_OF[base](cls)


# As DRF has them, should somebody patch its classes later on.
SHOWING = {kind: kind.to_representation for kind in (BASE, LIST)}
READABLE = BASE._readable_fields
BUILDING = [builders_of(kind) for kind in BUILDERS_OF]


def reads_as_drf(field: Any, kind: Any) -> bool:
    """Tell whether a serializer makes rows in DRF's way."""
    return (
        isinstance(field, kind)
        and type(field).to_representation is SHOWING[kind]
        and not METHODS & field.__dict__.keys()
    )


def is_understood(serializer: Any) -> bool:
    """Tell whether a serializer makes a row by going through its fields, and no other way."""
    return reads_as_drf(serializer, BASE) and shows_as_drf(type(serializer))


def shows_as_drf(cls: Any) -> bool:
    """Tell whether serializers of a class make rows in DRF's way, unless they are changed."""
    return cls.to_representation is SHOWING[BASE] and cls._readable_fields is READABLE


def readable_fields(serializer: Any, live: Live) -> list[Any]:
    """Give the fields that show, without building them where the class decides on them."""
    known = field_sets(serializer)
    return list(live.serializer._readable_fields) if known is None else known[0].fields


class FieldSet:
    """The readable fields of a serializer class, and what is worth keeping for as long as they.

    Two are never equal: fields that were built anew may be others.
    """

    def __init__(self, fields: list[Any]) -> None:
        self.fields = fields
        self.looks = [Look(field) for field in fields]
        inner = [field.child if isinstance(field, LIST) else field for field in fields]
        self.nested = [type(field) for field in inner if isinstance(field, BASE)]
        self.plans: dict[Any, Any] = {}
        # What fields for input are copied from, by language.
        self.originals: dict[str | None, Any] = {}


def keep(known: dict[Any, Any], key: Any, found: Any, most: int) -> None:
    """Keep something with the fields of a class, unless there is more than it has any use for."""
    if len(known) >= most:
        known.clear()
    known[key] = found


# Kept for as long as the class is: what is kept knows neither the class nor any serializer of it.
_lock = Lock()
_known: WeakKeyDictionary[type, tuple[Any, FieldSet | None]] = WeakKeyDictionary()


def forget_fields(**kwargs: Any) -> None:
    """Build anew: settings have a say in what a model's fields become."""
    with _lock:
        _known.clear()


setting_changed.connect(forget_fields, dispatch_uid="reflex_drf.fieldsets.forget_fields")


def field_sets(serializer: Any) -> tuple[FieldSet, ...] | None:
    """Give the fields of a serializer's class and of all serializers inside, its own first.

    None where serializers of the class, or of one inside, may have other fields than their class,
    or where this one's fields are no longer as they were built.
    """
    sets = sets_of(type(serializer))
    if sets is None or "fields" not in serializer.__dict__:
        return sets
    return sets if are_alike(list(serializer._readable_fields), sets[0].looks) else None


def are_alike(fields: list[Any], looks: list[Look]) -> bool:
    """Tell whether fields that a serializer has show what those of its class do."""
    return len(fields) == len(looks) and all(map(Look.is_of, looks, fields))


class Look:
    """The attributes of a field that have a say in what it shows.

    Whoever changes a field of a serializer sets an attribute of it: all that matter are compared.
    """

    def __init__(self, field: Any) -> None:
        values = {name: value for name, value in vars(field).items() if name not in UNSEEN}
        # What a serializer inside shows hangs on its own fields.
        self.kind = None if isinstance(field, (BASE, LIST)) else type(field)
        self.names = UNSEEN | values.keys()
        self.inner = {name: Look(values.pop(name)) for name in INNER & values.keys()}
        self.get = itemgetter(*values)
        self.values = self.get(values)

    def is_of(self, field: Any) -> bool:
        """Tell whether another field is of this kind, with equal attributes."""
        own = vars(field)
        try:
            same = type(field) is self.kind and self.get(own) == self.values
        except KeyError:
            return False
        if not same or not self.names.issuperset(own):
            return False
        return not self.inner or all(look.is_of(own[key]) for key, look in self.inner.items())


INNER = frozenset({"child", "child_relation"})
# What a field's own copy has of its own, and what only matters to input and to forms.
UNSEEN = frozenset(
    {"parent", "_kwargs", "_args", "_creation_counter", "_validators", "validators"}
    | {"error_messages", "queryset", "initial", "label", "help_text", "style"}
    | {"html_cutoff", "html_cutoff_text"}
)


def sets_of(cls: type) -> tuple[FieldSet, ...] | None:
    """Give the same for a class."""
    state = builders_of(cls), declared_state(cls)
    with _lock:
        found = _known.get(cls)
    if found is None or found[0] != state:
        found = (state, build_fields(cls))
        with _lock:
            _known[cls] = found
    return None if found[1] is None else with_nested(found[1])


def with_nested(own: FieldSet) -> tuple[FieldSet, ...] | None:
    """Add those inside, whose classes may have changed since the fields were built."""
    sets = [own]
    for cls in own.nested:
        inner = sets_of(cls)
        if inner is None:
            return None
        sets.extend(inner)
    return tuple(sets)


def declared_state(cls: Any) -> tuple[Any, ...]:
    """Give what a class declares, to notice when a project changes it on the way."""
    meta = getattr(cls, "Meta", None)
    options = [getattr(meta, name, None) for name in META_OPTIONS]
    return tuple(cls._declared_fields.items()), [*map(frozen, options)]


META_OPTIONS = ("model", "fields", "exclude", "depth", "read_only_fields", "extra_kwargs")


def frozen(value: Any) -> Any:
    """Copy an option, so that a later change of it shows."""
    if isinstance(value, dict):
        return {key: frozen(item) for key, item in value.items()}
    return tuple(value) if isinstance(value, list) else value


def build_fields(cls: Any) -> FieldSet | None:
    """Build the fields once, if every serializer of the class would build the same."""
    if builders_of(cls) not in BUILDING:
        return None
    prototype = cls()
    fields = list(prototype._readable_fields)
    if not all(map(is_fixed, fields)):
        return None
    for field in fields:
        # Leads to the prototype, and so to the class.
        field.parent = None
    return FieldSet(fields)


def is_fixed(field: Any) -> bool:
    """Tell whether a field is the same in every serializer of a class."""
    if isinstance(field, LIST):
        own = type(field)
        plain_list = own.__init__ is LIST.__init__ and own.bind is LIST.bind
        return plain_list and isinstance(field.child, BASE) and is_fixed(field.child)
    if isinstance(field, BASE):
        return sets_of(type(field)) is not None
    # A field of a project's own may look at its serializer when it is bound to it.
    return type(field).__module__.partition(".")[0] == "rest_framework"
