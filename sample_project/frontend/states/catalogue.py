"""The catalogue: the viewset of the products once more, for a page that is all components."""

from __future__ import annotations

from reflex_drf.state import ModelState

from shop.views import ProductViewSet


class CatalogueState(ModelState):
    viewset = ProductViewSet

    class Meta:
        url_params = True
        undo_seconds = 6
