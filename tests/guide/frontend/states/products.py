# Page 2: the handlers of its CatalogState, which it prints one by one.
import reflex as rx
from reflex_drf.state import AppState
from tests.guide.catalog.models import Product
from tests.guide.catalog.models import Account
from asgiref.sync import sync_to_async
from django.db import transaction


class CatalogState(AppState):
    products: list[dict] = []
    loading: bool = False
    error: str = ""
    # The page uses these two without declaring them.
    new_name: str = ""
    new_price: str = ""

    @rx.event
    async def load(self):
        self.loading = True
        yield   # send the loading flag to the UI immediately
        try:
            self.products = [
                {"id": p.id, "name": p.name, "price": str(p.price)}
                async for p in Product.objects.filter(is_active=True).order_by("-created_at")[:50]
            ]
        except Exception as e:
            self.error = f"Couldn't load products: {e}"
        finally:
            self.loading = False

    # The page prints `await self.load()`; a handler that yields has to be iterated.
    @rx.event
    async def add_product(self):
        name = self.new_name.strip()
        price = self.new_price
        if not name:
            self.error = "Name is required."
            return
        await Product.objects.acreate(
            name=name,
            price=price,
            owner=self.request.user,
        )
        self.new_name = ""
        async for _ in self.load():
            yield

    @rx.event
    async def rename(self, product_id: int, new_name: str):
        p = await Product.objects.aget(pk=product_id, owner=self.request.user)
        p.name = new_name
        await p.asave()
        async for _ in self.load():
            yield

    @rx.event
    async def delete(self, product_id: int):
        try:
            p = await Product.objects.aget(pk=product_id, owner=self.request.user)
            await p.adelete()
        except Product.DoesNotExist:
            return
        async for _ in self.load():
            yield

    @rx.event
    async def transfer(self, from_id: int, to_id: int, amount: int):
        @sync_to_async
        def do_transfer():
            with transaction.atomic():
                src = Account.objects.select_for_update().get(pk=from_id)
                dst = Account.objects.select_for_update().get(pk=to_id)
                src.balance -= amount
                dst.balance += amount
                src.save()
                dst.save()
        await do_transfer()


class LazyCatalogState(AppState):
    products: list[dict] = []

    # "Safer pattern": the page's `[...]` filled in.
    @rx.event
    async def load(self):
        from tests.guide.catalog.models import Product   # imported on first call, after Django is ready
        self.products = [{"name": p.name} async for p in Product.objects.all()[:50]]
