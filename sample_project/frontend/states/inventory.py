"""CRUD written by hand: `AppState`, the async ORM and a serializer, nothing generated."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import reflex as rx
from django.db.models import Q, QuerySet
from reflex_drf.serializers import ReflexDjangoModelSerializer
from reflex_drf.state import AppState

from shop.models import Category, Product


class InventoryRowSerializer(ReflexDjangoModelSerializer):
    class Meta:
        model = Product
        fields = ("id", "name", "sku", "price", "category", "stock", "is_active")


class InventoryState(AppState):
    products: list[dict] = []
    categories: list[dict] = []
    error_message: str = ""
    loaded: bool = False

    # The form; editing_id is -1 for a new product.
    name: str = ""
    sku: str = ""
    price: str = ""
    category: str = ""
    is_active: bool = True
    editing_id: int = -1

    search_query: str = ""
    page: int = 1
    page_size: int = 8
    total_pages: int = 1
    total: int = 0

    @rx.event
    async def load_inventory(self):
        """Read one page of the user's own products."""
        if not self.user.is_authenticated:
            self.products = []
            return
        own = self._own_products()
        self.total = await own.acount()
        self.total_pages = max(1, -(-self.total // self.page_size))
        self.page = min(self.page, self.total_pages)
        start = (self.page - 1) * self.page_size
        rows = own[start : start + self.page_size]
        self.products = await InventoryRowSerializer(rows, many=True).adata()
        self.categories = [
            {"id": str(pk), "name": name}
            async for pk, name in Category.objects.values_list("pk", "name")
        ]
        self.loaded = True

    def _own_products(self) -> QuerySet[Product]:
        own = Product.objects.filter(owner=self.request.user)
        query = self.search_query.strip()
        if query:
            own = own.filter(
                Q(name__icontains=query)
                | Q(sku__icontains=query)
                | Q(category__name__icontains=query)
            )
        return own.order_by("-created_at", "-id")

    @rx.event
    async def set_search(self, value: str):
        self.search_query = value
        self.page = 1
        await self.load_inventory()

    @rx.event
    async def next_page(self):
        if self.page < self.total_pages:
            self.page += 1
            await self.load_inventory()

    @rx.event
    async def prev_page(self):
        if self.page > 1:
            self.page -= 1
            await self.load_inventory()

    @rx.event
    def set_name(self, value: str):
        self.name = value

    @rx.event
    def set_sku(self, value: str):
        self.sku = value

    @rx.event
    def set_price(self, value: str):
        self.price = value

    @rx.event
    def set_category(self, value: str):
        self.category = value

    @rx.event
    def set_is_active(self, value: bool):
        self.is_active = value

    async def _validate_form(self) -> str:
        """Say what is wrong with the form, or nothing."""
        if not self.name.strip():
            return "Product name is required."
        if not self.sku.strip():
            return "SKU is required."
        if len(self.name.strip()) > 120 or len(self.sku.strip()) > 32:
            return "A name has at most 120 characters, a SKU at most 32."
        try:
            price = Decimal(self.price)
        except InvalidOperation:
            return "Please enter a valid price."
        if not (price.is_finite() and Decimal("0.01") <= price < 10**8):
            return "Price must be a positive number."
        if self.category not in {row["id"] for row in self.categories}:
            return "Please choose a category."
        taken = Product.objects.filter(sku=self.sku.strip().upper()).exclude(pk=self.editing_id)
        return "This SKU is already in use." if await taken.aexists() else ""

    @rx.event
    async def save_product(self):
        """Create a product, or update one of the user's own."""
        if not self.user.is_authenticated:
            return rx.toast.error("Please sign in to save products.")
        self.error_message = await self._validate_form()
        if self.error_message:
            return None
        product = Product(owner=self.user)
        if self.editing_id >= 0:
            # The owner in the query is what keeps other users' products out of reach.
            own = Product.objects.filter(pk=self.editing_id, owner=self.user)
            product = await own.afirst()
        if product is None:
            self.error_message = "This product is gone."
            return None
        product.name = self.name.strip()
        product.sku = self.sku.strip().upper()
        product.price = round(Decimal(self.price), 2)
        product.category_id = int(self.category)
        product.is_active = self.is_active
        await product.asave()
        self.reset_form()
        await self.load_inventory()
        return rx.toast.success(f"Saved {product.name}.")

    @rx.event
    def reset_form(self):
        """Empty the form and leave editing."""
        self.name = self.sku = self.price = self.category = self.error_message = ""
        self.is_active = True
        self.editing_id = -1

    @rx.event
    async def start_editing(self, product_id: int):
        """Fill the form with a product of one's own."""
        async for product in self._own_products().filter(pk=product_id):
            self.editing_id = product.pk
            self.name = product.name
            self.sku = product.sku
            self.price = str(product.price)
            self.category = str(product.category_id)
            self.is_active = product.is_active
            self.error_message = ""

    @rx.event
    async def delete_product(self, product_id: int):
        """Delete a product of one's own."""
        count, _ = await Product.objects.filter(pk=product_id, owner=self.request.user).adelete()
        if not count:
            return rx.toast.error("That product is not yours.")
        if product_id == self.editing_id:
            self.reset_form()
        await self.load_inventory()
        return rx.toast.success("Product deleted.")
