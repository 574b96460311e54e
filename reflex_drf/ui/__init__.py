"""Components over a model state: a table, its search, filters and pages, a form, or all of them."""

from __future__ import annotations

from reflex_drf.state.description import Action, Column, Description, Field, Filter, describe
from reflex_drf.ui.cells import cell
from reflex_drf.ui.controls import actions, filters, pagination, search
from reflex_drf.ui.detail import detail
from reflex_drf.ui.editing import conflict, presence
from reflex_drf.ui.form import form
from reflex_drf.ui.pages import crud
from reflex_drf.ui.refusals import connection, progress, refusal
from reflex_drf.ui.table import table

__all__ = [
    "Action",
    "Column",
    "Description",
    "Field",
    "Filter",
    "actions",
    "cell",
    "conflict",
    "connection",
    "crud",
    "describe",
    "detail",
    "filters",
    "form",
    "pagination",
    "presence",
    "progress",
    "refusal",
    "search",
    "table",
]
