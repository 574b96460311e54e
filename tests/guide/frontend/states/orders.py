# frontend/states/orders.py
from reflex_drf.state import ModelState
from tests.guide.shop.models import Order

class OrderState(ModelState):
    model = Order
    fields = ["id", "customer_name", "total_price"]

    class Meta:
        # Pre-select foreign key records in a single database JOIN query
        queryset_select_related = ("customer",)

        # Pre-fetch related many-to-many objects in a single batch query
        queryset_prefetch = ("items",)
