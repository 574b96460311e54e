"""What a list is asked for as part of the page's address: back, reload and sharing work."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import reflex as rx

if TYPE_CHECKING:
    from reflex_drf.state.plan import Plan

__all__ = [
    "Wanted",
    "filter_text",
    "leave_address",
    "page_path",
    "positive_number",
    "read_address",
]

# The address follows without a new page; what else stands in it, stays. Reflex reads the query of
# the window with every event, and loads the page anew when one goes back.
_SCRIPT = """(([path, names, params, push]) => {
  if (window.location.pathname !== path) return;
  const url = new URL(window.location.href);
  names.forEach((name) => url.searchParams.delete(name));
  Object.entries(params).forEach(([name, value]) => url.searchParams.set(name, value));
  if (url.href === window.location.href) return;
  window.history[push ? "pushState" : "replaceState"](window.history.state, "", url);
})(%s)"""


@dataclass(frozen=True)
class Wanted:
    """The list that a handler asks for; the vars follow only once the API gave it."""

    page: int = 1
    size: int = 0
    search: str = ""
    ordering: str = ""
    filters: dict[str, str] = field(default_factory=dict)
    # Where a paginator without numbers stands.
    position: dict[str, str] = field(default_factory=dict)
    # Whether it is a step that one can take back in the browser.
    step: bool = True


def positive_number(value: Any) -> int | None:
    """A client's number, or None if it is none that a page could have."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    if type(value) is not int:
        return None
    return value if 0 < value < 10**9 else None


def filter_text(value: Any) -> str | None:
    """A client's value of a filter as text, or None if it can be none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list | tuple) and all(isinstance(item, str | int) for item in value):
        return ",".join(map(str, value))
    return None


def read_address(plan: Plan, params: Mapping[str, Any]) -> tuple[Wanted, bool]:
    """The list that the query of an address names, and whether all of that is allowed.

    The query is the client's: what the viewset has no such parameter for is left out.
    """
    query = plan.query
    given = {name: value for name, value in params.items() if isinstance(value, str) and value}
    size, fits = _size(plan, given)
    wanted = Wanted(size=size, step=False)
    if query.search_param in given:
        wanted = replace(wanted, search=given[query.search_param])
    if query.ordering_param in given:
        terms = [term.strip() for term in given[query.ordering_param].split(",") if term.strip()]
        known = query.known_terms(terms, plan.rows)
        fits = fits and known == terms
        wanted = replace(wanted, ordering=",".join(known))
    filters = {name: value for name, value in given.items() if name in query.filter_names}
    wanted = replace(wanted, filters=filters)
    if query.has_numbers:
        page = query.read_page(given, size)
        return replace(wanted, page=page or 1), fits and page is not None
    own = query.position_params
    return replace(wanted, position={k: v for k, v in given.items() if k in own}), fits


def _size(plan: Plan, given: Mapping[str, str]) -> tuple[int, bool]:
    query, options = plan.query, plan.options
    usual = options.paginate_by or query.default_size
    if query.size_param is None or query.size_param not in given:
        return usual, True
    size = positive_number(given[query.size_param])
    if size is None or size > (query.max_size or options.max_page_size):
        return usual, False
    return size, True


def page_path(page: Any) -> str:
    """The path of a page as the browser shows it."""
    path: str = page.raw_path.partition("?")[0].partition("#")[0]
    return path


def leave_address(plan: Plan, wanted: Wanted, page: Any) -> Any:
    """An event after which the page's address names the list, or None where it does already."""
    query = plan.query
    params = _params(plan, wanted)
    names = {query.search_param, query.ordering_param, *query.filter_names, *query.position_params}
    if params == {name: value for name, value in page.params.items() if name in names}:
        return None
    call = json.dumps(
        [page_path(page), sorted(name for name in names if name), params, wanted.step]
    )
    return rx.call_script(_SCRIPT % call)


def _params(plan: Plan, wanted: Wanted) -> dict[str, str]:
    query, usual = plan.query, plan.options.paginate_by or plan.query.default_size
    params = {name: value for name, value in wanted.filters.items() if name in query.filter_names}
    if wanted.search and query.search_param:
        params[query.search_param] = wanted.search
    if wanted.ordering and query.ordering_param:
        params[query.ordering_param] = wanted.ordering
    # Only what can be read again, by the names that the paginator says it has.
    position = {k: v for k, v in wanted.position.items() if k in query.position_params}
    params |= position or query.page_params(wanted.page, wanted.size)
    if wanted.size == usual:
        params.pop(query.size_param or "", None)
    return params
