# Page 2, "When you should use ModelState instead".
from reflex_drf.state import ModelState
from tests.guide.pricelist.models import Product


class ProductState(ModelState):
    model = Product
    fields = ["name", "price"]
    class Meta:
        list_var = "products"
