"""The catalogue: list, filters and form by `ui.crud` alone."""

from __future__ import annotations

import reflex as rx
from reflex_drf import ui

from frontend.components.layout import shell
from frontend.components.ui import code_behind
from frontend.states.catalogue import CatalogueState


def catalogue() -> rx.Component:
    return shell(
        rx.text(
            "The products again, by ui.crud alone: its form searches categories on the server, "
            "takes a photo, and begins a new product with a copy of another. Choose rows, change "
            "cells, hide columns, take a file of it all, and take back what you delete.",
            color="var(--gray-11)",
            max_width="72ch",
            margin_bottom="16px",
        ),
        ui.crud(
            CatalogueState,
            title="Catalogue",
            table_options={
                "columns": ["photo", "name", "sku", "category_name", "price", "stock"],
                "inline": ["name", "price", "stock"],
                "actions": {"restock": {"amount": 10}, "discontinue": None},
                "select": {"destroy": None, "restock": {"amount": 10}, "discontinue": None},
            },
        ),
        code_behind(CatalogueState, catalogue),
        path="/catalogue",
    )
