"""Components over a model state: a table, its search, filters and pages, a form, or all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reflex_drf.lazy import lazy_names
from reflex_drf.state.description import Action, Column, Description, Field, Filter, describe
from reflex_drf.ui.cells import cell
from reflex_drf.ui.controls import actions, filters, pagination, search
from reflex_drf.ui.detail import detail
from reflex_drf.ui.editing import conflict, presence
from reflex_drf.ui.form import form
from reflex_drf.ui.links import Links
from reflex_drf.ui.pages import crud
from reflex_drf.ui.refusals import connection, progress, refusal
from reflex_drf.ui.table import table
from reflex_drf.ui.texts import page_language

if TYPE_CHECKING:
    from reflex_drf.site import Section, Site, site

__all__ = [
    "Action",
    "Column",
    "Description",
    "Field",
    "Filter",
    "Links",
    "Section",
    "Site",
    "actions",
    "cell",
    "conflict",
    "connection",
    "crud",
    "describe",
    "detail",
    "filters",
    "form",
    "page_language",
    "pagination",
    "presence",
    "progress",
    "refusal",
    "search",
    "site",
    "table",
]

# A site stands above live updates and signing in, which know nothing of it: it is imported when
# it is asked for.
_SITE = dict.fromkeys(("Section", "Site", "site"), "reflex_drf.site")
__getattr__, __dir__ = lazy_names(__name__, _SITE)
