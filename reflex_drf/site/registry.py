"""Which viewsets the sites of this process show, for the question who may open them."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

__all__ = ["Shown", "forget_entries", "show_entry", "shown_entries"]


@dataclass(frozen=True)
class Shown:
    """A section, by the name that its menu knows it by, and what its first page does."""

    name: str
    viewset: type[Any]
    action: str
    # Whether it has a page for a new row.
    adds: bool = False


_shown: dict[str, Shown] = {}
_lock = threading.Lock()


def show_entry(shown: Shown) -> None:
    """Have a section asked about."""
    with _lock:
        _shown[shown.name] = shown


def shown_entries() -> list[Shown]:
    """Give all sections."""
    with _lock:
        return list(_shown.values())


def forget_entries() -> None:
    """Show nothing any more; for tests."""
    with _lock:
        _shown.clear()
