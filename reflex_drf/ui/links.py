"""Addresses of pages of their own for the rows of a state, where a page has no dialogs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import reflex as rx

from reflex_drf.ui import browser

__all__ = ["Links"]


@dataclass(frozen=True)
class Links:
    """Where the rows of a state have their pages: `/products`, `/products/7`, `/products/7/edit`.

    What is False has no page, and so no link.
    """

    path: str
    detail: bool = True
    edit: bool = True
    new: bool = True

    def to(self, key: Any, page: str = "") -> rx.Var[str]:
        """The address of a row's page; its key may be any text."""
        begin, end = rx.Var.create(f"{self.path}/"), rx.Var.create(page)
        return browser.expression("$0 + encodeURIComponent(String($1)) + $2", begin, key, end)

    @property
    def new_path(self) -> str:
        """The address of the page for a new row."""
        return f"{self.path}/new"
