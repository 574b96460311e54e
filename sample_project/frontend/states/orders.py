"""Orders: a `ModelState` made from a model and the names of its fields."""

from __future__ import annotations

from reflex_drf.state import ModelState, UserScopedMixin

from shop.models import Order


class OrderState(UserScopedMixin, ModelState):
    model = Order
    fields = ["id", "number", "status", "note", "item_count", "total", "placed_at"]

    class Meta:
        list_var = "orders"
        read_only_fields = ("number", "status")
        queryset_prefetch = ("lines",)
        paginate_by = 8
