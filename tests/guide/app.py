"""Page 4's page, in an app that makes setters, as the page expects."""

from __future__ import annotations

# Made before: the package's own states get no setters from an option that is for the page.
from reflex_drf.state import AppState
from tests.guide.helpers import auto_setters

with auto_setters():
    from tests.guide.frontend.pages.inventory import inventory_view
    from tests.guide.frontend.states.inventory import InventoryState

__all__ = ["AppState", "InventoryState", "inventory_view"]
