"""The options of a `ModelState`: class attributes or `class Meta`, inherited by subclasses."""

from __future__ import annotations

import difflib
import keyword
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field, fields
from types import FunctionType
from typing import Any

from reflex_drf.errors import ConfigurationError

__all__ = [
    "OPTION_NAMES",
    "Options",
    "combine_options",
    "inherited_options",
    "lookup_order",
    "resolve_options",
    "take_options",
]


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a `ModelState` was told about its data, its vars and its handlers."""

    # What it shows: one of these three.
    viewset: Any = None
    serializer_class: Any = None
    model: Any = None
    fields: Any = None
    # A class that is only there to be subclassed.
    abstract: bool = False

    # Names.
    list_var: str = "data"
    field_vars: Mapping[str, str] = field(default_factory=dict)
    action_handlers: Mapping[str, str] = field(default_factory=dict)
    save_event: str = "save"
    delete_event: str = "delete"

    # How rows are read.
    ordering: tuple[str, ...] = ()
    search_fields: tuple[str, ...] | None = None
    ordering_fields: Any = None
    filterset_fields: Any = None
    filterset_class: Any = None
    filter_backends: tuple[Any, ...] | None = None
    filter_params: tuple[str, ...] = ()
    paginate_by: int | None = None
    max_page_size: int = 100
    pagination_class: Any = None
    queryset_select_related: tuple[str, ...] = ()
    queryset_prefetch: tuple[Any, ...] = ()
    exclude_from_row: tuple[str, ...] = ()
    incremental_updates: bool = False
    url_params: bool = False
    # Whether viewers of a live list share reads; None where that is safe for certain.
    shared_reads: bool | None = None

    # How rows are written.
    read_only_fields: tuple[str, ...] = ()
    reset_after_save: bool = True
    # Of live states: which field of the model names who changed a row last, and whether viewers
    # of a row see who else has it open.
    modified_by_field: str | None = None
    show_presence: bool = True
    relation_viewsets: Mapping[str, Any] = field(default_factory=dict)
    relation_search_fields: Mapping[str, Iterable[str]] = field(default_factory=dict)

    # How many rows are worked on at once, and whether a refused one undoes all others.
    bulk_limit: int = 500
    bulk_atomic: bool = True
    # How many rows an export may have.
    export_limit: int = 100_000
    # For how long a deletion in a table can be taken back; 0 asks before instead.
    undo_seconds: float = 0

    # Who may.
    permission_classes: tuple[Any, ...] | None = None
    authentication_classes: tuple[Any, ...] | None = None
    throttle_classes: tuple[Any, ...] | None = None
    # Whether `row_may` is asked: only while it costs no query, for these actions, or not at all.
    row_permissions: bool | tuple[str, ...] | None = None
    scope_field: str | None = None

    # How the view is reached.
    backend_class: Any = None
    lookup_field: str | None = None
    url_kwargs: Mapping[str, Any] = field(default_factory=dict)


OPTION_NAMES = frozenset(option.name for option in fields(Options))
# The stray comma of `search_fields = ("name")` would search by letters.
_SEQUENCES = (
    "ordering",
    "search_fields",
    "filter_backends",
    "filter_params",
    "queryset_select_related",
    "queryset_prefetch",
    "exclude_from_row",
    "read_only_fields",
    "permission_classes",
    "authentication_classes",
    "throttle_classes",
)
_NAMES = ("save_event", "delete_event", "list_var")
_CLASSES = ("filter_backends", "permission_classes", "authentication_classes", "throttle_classes")
_MAPPINGS = (
    "field_vars",
    "action_handlers",
    "relation_viewsets",
    "relation_search_fields",
    "url_kwargs",
)


def take_options(owner: str, namespace: MutableMapping[str, Any]) -> dict[str, Any]:
    """Take the options out of a class body, before Reflex makes vars of them."""
    declared = {
        name: namespace.pop(name) for name in list(namespace) if _is_option(name, namespace[name])
    }
    for name in declared:
        namespace.get("__annotations__", {}).pop(name, None)
    # `Meta` itself stays: Reflex takes no class for a var, and subclasses may derive from it.
    return declared | _meta_options(owner, namespace.get("Meta"))


def _is_option(name: str, value: Any) -> bool:
    # A method or property that happens to have an option's name is the user's own.
    return name in OPTION_NAMES and not isinstance(
        value, (FunctionType, property, classmethod, staticmethod)
    )


def _meta_options(owner: str, meta: Any) -> dict[str, Any]:
    declared: dict[str, Any] = {}
    for klass in reversed(getattr(meta, "__mro__", ())):
        declared.update({key: value for key, value in vars(klass).items() if key[0] != "_"})
    if "abstract" not in vars(meta or object):
        # As with Django's models, a `Meta` derived from that of an abstract class is not abstract.
        declared.pop("abstract", None)
    _check_known(owner, declared)
    return declared


def _check_known(owner: str, declared: Iterable[str]) -> None:
    for name in declared:
        if name not in OPTION_NAMES:
            near = difflib.get_close_matches(name, OPTION_NAMES, n=1)
            known = ", ".join(sorted(OPTION_NAMES))
            hint = f"did you mean {near[0]!r}?" if near else f"known are {known}."
            raise ConfigurationError(f"{owner}.Meta has the unknown option {name!r}; {hint}")


def inherited_options(bases: Iterable[type]) -> dict[str, Any]:
    """The options that a class with these bases starts from, the first base counting most."""
    merged: dict[str, Any] = {}
    for klass in reversed(lookup_order(bases)):
        merged.update(_declared_on(klass))
    # What a class says of itself does not hold for its subclasses.
    merged.pop("abstract", None)
    return merged


def _declared_on(klass: type) -> dict[str, Any]:
    own = vars(klass).get("_declared_options")
    if own is not None:
        return dict(own)
    # A plain Python mixin carries its options as they were written.
    return {name: value for name, value in vars(klass).items() if _is_option(name, value)}


def combine_options(inherited: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a class, whose own way of saying what it shows replaces an inherited one."""
    ways = ("viewset", "serializer_class", "model")
    said = any(own.get(way) is not None for way in ways)
    # A serializer beside an inherited viewset only describes it better.
    described = own.get("serializer_class") and inherited.get("viewset") and not own.get("model")
    dropped = (*ways, "fields") if said and not described else ()
    return {name: value for name, value in inherited.items() if name not in dropped} | dict(own)


def lookup_order(bases: Iterable[type]) -> list[type]:
    """The method resolution order that a class with these bases will have, after itself."""
    bases = list(bases)
    pending = [*(list(base.__mro__) for base in bases), bases]
    order: list[type] = []
    while pending := [chain for chain in pending if chain]:
        heads = (chain[0] for chain in pending)
        head = next((h for h in heads if not any(h in chain[1:] for chain in pending)), None)
        if head is None:
            # No order exists; Python itself says so when the class is created.
            break
        order.append(head)
        pending = [[klass for klass in chain if klass is not head] for chain in pending]
    return order


def resolve_options(owner: str, declared: Mapping[str, Any]) -> Options:
    """Check the declared options and give them their final types."""
    values = dict(declared)
    _check_known(owner, values)
    for name in _SEQUENCES:
        if values.get(name) is not None:
            values[name] = _sequence(f"{owner}.{name}", values[name])
    if values.get("fields") not in (None, "__all__"):
        values["fields"] = _sequence(f"{owner}.fields", values["fields"])
    if isinstance(searched := values.get("relation_search_fields"), Mapping):
        place = f"{owner}.relation_search_fields"
        values["relation_search_fields"] = {
            name: _sequence(f"{place}[{name!r}]", fields) for name, fields in searched.items()
        }
    if isinstance(values.get("row_permissions"), list | str | set | frozenset):
        values["row_permissions"] = _sequence(owner, values["row_permissions"])
    options = Options(**values)
    _check(owner, options)
    return options


def _sequence(place: str, value: Any) -> tuple[Any, ...]:
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, Iterable):
        raise ConfigurationError(f"{place} is {value!r}; it has to be a list.")
    return tuple(value)


def _check(owner: str, options: Options) -> None:
    _check_names(owner, options)
    _check_shapes(owner, options)
    seconds = options.undo_seconds
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= 60:
        raise ConfigurationError(f"{owner}.undo_seconds has to be between 0 and 60.")
    for name in ("paginate_by", "max_page_size", "bulk_limit", "export_limit"):
        value = getattr(options, name)
        chosen = value is not None or name != "paginate_by"
        if chosen and (type(value) is not int or value < 1):
            raise ConfigurationError(f"{owner}.{name} is {value!r}; it has to be 1 or more.")


def _check_names(owner: str, options: Options) -> None:
    for name in _NAMES:
        if not _is_public(value := getattr(options, name)):
            raise ConfigurationError(f"{owner}.{name} is {value!r}; it has to be a public name.")
    for name in _MAPPINGS:
        if not isinstance(given := getattr(options, name), Mapping):
            raise ConfigurationError(f"{owner}.{name} is {given!r}; it has to be a dictionary.")
    for name in ("field_vars", "action_handlers"):
        for key, value in getattr(options, name).items():
            if not isinstance(value, str):
                raise ConfigurationError(f"{owner}.{name}[{key!r}] is {value!r}; it is no name.")
    names = [getattr(options, name) for name in _NAMES]
    if len(set(names)) < len(names):
        raise ConfigurationError(
            f"{owner} needs different names for {', '.join(_NAMES)}; given are {', '.join(names)}."
        )


def _is_public(name: Any) -> bool:
    known = isinstance(name, str) and name.isidentifier() and not keyword.iskeyword(name)
    return known and not name.startswith("_")


def _check_shapes(owner: str, options: Options) -> None:
    for name in _CLASSES:
        for item in getattr(options, name) or ():
            # What DRF combines with `|` and `&` is no class, but makes one like it.
            if not callable(item):
                raise ConfigurationError(f"{owner}.{name} has {item!r}, which is no class.")
    if options.pagination_class is not None and not isinstance(options.pagination_class, type):
        raise ConfigurationError(
            f"{owner}.pagination_class is {options.pagination_class!r}; it has to be a class."
        )
    if not isinstance(options.row_permissions, bool | tuple | None):
        raise ConfigurationError(
            f"{owner}.row_permissions is {options.row_permissions!r}; it has to be True, False "
            "or names of actions."
        )
