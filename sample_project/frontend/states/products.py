"""Products: a live page over the viewset that answers at /api/products/."""

from __future__ import annotations

import reflex as rx
from reflex_drf.live import LiveListMixin
from reflex_drf.state import ModelState

from shop.views import CategoryViewSet, ProductViewSet


class CategoryState(ModelState):
    viewset = CategoryViewSet

    class Meta:
        list_var = "categories"
        paginate_by = 100


class ProductState(LiveListMixin, ModelState):
    """Everything here that is not about dialogs comes from the viewset."""

    viewset = ProductViewSet
    form_open: bool = False
    deleting_id: int = 0
    deleting_name: str = ""

    class Meta:
        list_var = "products"

    def after_save(self, instance):
        self.form_open = False

    @rx.event
    def open_form(self):
        self.form_open = True

    @rx.event
    def close_form(self, is_open: bool = False):
        self.form_open = is_open
        if not is_open:
            return ProductState.cancel_edit
        return None

    @rx.event
    def ask_delete(self, pk: int, name: str):
        self.deleting_id, self.deleting_name = pk, name

    @rx.event
    def keep(self, is_open: bool = False):
        self.deleting_id = 0
