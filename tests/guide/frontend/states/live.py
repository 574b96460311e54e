# Page 5, "Basic usage". The page's Product is the one of the tests' shop.
from reflex_drf.live import LiveListMixin
from reflex_drf.states import ModelState
from tests.shop.models import Product


class ProductState(LiveListMixin, ModelState):
    model = Product
    fields = ["name", "price", "active"]
    incremental_updates = True
