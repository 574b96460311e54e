# Page 2: its lines on what may stand in a var and on related rows, each in a handler of its own.
import reflex as rx
from reflex_drf.state import AppState
from tests.guide.catalog.models import Category, Product
from tests.guide.catalog.serializers import ProductSerializer


class RowState(AppState):
    product: dict = {}
    products: list[dict] = []
    rows: list[dict] = []

    @rx.event
    async def keep_instance(self):
        product = await Product.objects.aget()
        # wrong — will crash on JSON serialization
        self.product = product

    @rx.event
    async def keep_primitives(self):
        product = await Product.objects.aget()
        # right — extract primitives
        self.product = {
            "id": product.id,
            "name": product.name,
            "price": str(product.price),     # Decimal → str
            "created_at": product.created_at.isoformat(),  # datetime → str
        }

    @rx.event
    async def keep_serialized(self):
        qs = Product.objects.filter(is_active=True)
        self.products = await ProductSerializer(qs, many=True).adata()

    @rx.event
    async def load_naively(self):
        # bad — N+1 queries
        self.rows = [
            {"name": p.name, "author": p.author.username}    # p.author hits the DB each time
            async for p in Product.objects.all()
        ]

    @rx.event
    async def load_joined(self):
        self.rows = [
            {"name": p.name, "author": p.author.username}
            async for p in Product.objects.select_related("author").all()
        ]

    @rx.event
    async def load_categories(self):
        self.rows = []
        async for cat in Category.objects.prefetch_related("products").all():
            self.rows.append({"name": cat.name, "products": [p.name for p in cat.products.all()]})
