"""The figures on the home page."""

from __future__ import annotations

import reflex as rx
from reflex_drf.state import AppState

from shop.models import Order, Product, Task


class HomeState(AppState):
    products: int = 0
    low_stock: int = 0
    open_orders: int = 0
    open_tasks: int = 0
    loaded: bool = False

    @rx.event
    async def load_figures(self):
        """Count what the user of this moment may see."""
        on_sale = Product.objects.filter(is_active=True)
        self.products = await on_sale.acount()
        self.low_stock = await on_sale.filter(stock__lt=10).acount()
        if self.user.is_authenticated:
            waiting = Order.objects.filter(customer=self.user, status__in=["pending", "paid"])
            self.open_orders = await waiting.acount()
            self.open_tasks = await Task.objects.filter(owner=self.user, done=False).acount()
        self.loaded = True
