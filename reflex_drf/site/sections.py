"""From a router to the sections of a site: which viewsets get pages, and why others do not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reflex_drf.errors import ConfigurationError
from reflex_drf.permissions import has_action, takes_method
from reflex_drf.routing import lookup_argument, places

__all__ = ["Entry", "Section", "find_entries"]

_OWN_ARGUMENTS = frozenset({"format"})
_PLAIN = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True, kw_only=True)
class Section:
    """How one viewset of a site is shown; what is left out, the viewset itself says."""

    label: Any = ""
    # A name of Lucide's icons.
    icon: str = ""
    # Columns of the list, and their cells, as `ui.table` takes them.
    columns: Sequence[Any] | None = None
    cells: Mapping[str, Callable[[Any], Any]] | None = None
    # Fields of a row in full, and of the form.
    details: Sequence[str] | None = None
    fields: Sequence[str] | None = None
    # Further arguments of `ui.crud`'s table and of `ui.form`.
    table_options: Mapping[str, Any] = field(default_factory=dict)
    form_options: Mapping[str, Any] = field(default_factory=dict)
    writable: Any = True
    live: bool = True
    # A state of the project's own over this viewset, or further options of the one that is made.
    state: type[Any] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One registered viewset that gets pages."""

    prefix: str
    # Its part of the pages' addresses.
    slug: str
    viewset: type[Any]
    section: Section


def find_entries(
    routers: Sequence[Any],
    sections: Mapping[str, Section | None],
    order: Sequence[str] = (),
) -> tuple[list[Entry], dict[str, str]]:
    """The viewsets that get pages, in order, and for each other one the reason."""
    registered = [item for router in routers for item in _registry(router)]
    _check_sections(sections)
    _check_names([prefix for prefix, *_ in registered], [*sections, *order])
    entries: dict[str, Entry] = {}
    left_out: dict[str, str] = {}
    for prefix, viewset, basename in registered:
        section = sections.get(prefix, Section())
        reason = "It was left out on purpose." if section is None else _reason(prefix, viewset)
        if reason or section is None:
            left_out[prefix] = reason
            continue
        slug = _PLAIN.sub("-", prefix).strip("-") or basename
        if slug in entries:
            left_out[prefix] = f"Its pages would have the addresses of {entries[slug].prefix!r}."
            continue
        entries[slug] = Entry(prefix=prefix, slug=slug, viewset=viewset, section=section)
    return _ordered(entries.values(), order), left_out


def _registry(router: Any) -> Any:
    registry = getattr(router, "registry", None)
    if registry is None:
        raise ConfigurationError(
            f"A site is made of a router of DRF's, or of a list of them, and not of {router!r}."
        )
    return registry


def _check_sections(sections: Mapping[str, Any]) -> None:
    for name, section in sections.items():
        if not isinstance(section, Section | None):
            raise ConfigurationError(
                f"The section {name!r} of a site is {section!r}; it has to be a `ui.Section`, or "
                "None to leave its viewset out."
            )
        if section is not None and section.state is not None and section.options:
            raise ConfigurationError(
                f"The section {name!r} of a site has a `state` of its own, so its `options` count "
                "for nothing: give them to that state."
            )


def _check_names(known: Sequence[str], named: Iterable[str]) -> None:
    for name in named:
        if name not in known:
            raise ConfigurationError(
                f"The site names the viewset {name!r}, which its router has not registered; "
                f"registered are {', '.join(map(repr, known)) or 'none'}."
            )


def _ordered(entries: Iterable[Entry], order: Sequence[str]) -> list[Entry]:
    places = {prefix: place for place, prefix in enumerate(order)}
    return sorted(entries, key=lambda entry: places.get(entry.prefix, len(places)))


def _reason(prefix: str, viewset: Any) -> str:
    """Why no page could show a viewset, or nothing."""
    lookup = lookup_argument(viewset)
    needed = set(re.findall(r"\(\?P<(\w+)>", prefix))
    found: list[set[str]] = [
        set(place.url_kwargs - _OWN_ARGUMENTS - {lookup}) for place in _places(viewset)
    ]
    if found and all(found):
        # At each place where it is routed, it stands below something else.
        needed |= min(found, key=lambda names: len(names))
    if needed:
        return (
            f"Its URLs need {', '.join(sorted(needed))} besides the key of a row, which no page "
            "of a site could give: make a page with a ModelState of your own, whose route has "
            "these names."
        )
    actions = ("list", "retrieve", "create")
    extra = [a for a in getattr(viewset, "get_extra_actions", list)() if not a.detail]
    verbs = [method for action in extra for method in action.mapping]
    offered = any(takes_method(viewset, method) for method in verbs)
    if not offered and not any(has_action(viewset, name) for name in actions):
        return f"{viewset.__name__} neither lists, shows nor creates anything."
    return ""


def _places(viewset: Any) -> Sequence[Any]:
    return places(None).get(viewset, ())
