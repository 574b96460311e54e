"""The Reflex app: the pages of the shop."""

from __future__ import annotations

import reflex as rx
from reflex_drf import ui
from reflex_drf.auth import add_pages

from frontend.pages.account import account
from frontend.pages.catalogue import catalogue
from frontend.pages.home import home
from frontend.pages.inventory import inventory
from frontend.pages.not_found import not_found
from frontend.pages.orders import orders
from frontend.pages.products import products
from frontend.pages.tasks import tasks
from frontend.states.catalogue import CatalogueState
from frontend.states.home import HomeState
from frontend.states.inventory import InventoryState
from frontend.states.orders import OrderState
from frontend.states.products import CategoryState, ProductState
from frontend.states.tasks import TaskState
from shop.urls import router

app = rx.App(
    stylesheets=["/shop.css"],
    head_components=[rx.el.link(rel="icon", href="/favicon.svg", type="image/svg+xml")],
    html_lang="en",
)
app.add_page(home, route="/", title="Harbor & Pine", on_load=HomeState.load_figures)
app.add_page(
    products,
    route="/products",
    title="Products · Harbor & Pine",
    on_load=[CategoryState.load, ProductState.load, ProductState.live_subscribe],
)
app.add_page(
    catalogue,
    route="/catalogue",
    title="Catalogue · Harbor & Pine",
    on_load=CatalogueState.load,
)
app.add_page(orders, route="/orders", title="Orders · Harbor & Pine", on_load=OrderState.load)
app.add_page(tasks, route="/tasks", title="Tasks · Harbor & Pine", on_load=TaskState.refresh_tasks)
app.add_page(
    inventory,
    route="/inventory",
    title="Inventory · Harbor & Pine",
    on_load=InventoryState.load_inventory,
)
add_pages(app, registration=True, password_reset=True, frame=account)
# Pages for everything that the API has, in one call.
ui.site(router, app=app, path="/office", title="Office", order=["products", "orders"])
app.add_page(not_found, route="404", title="Page not found · Harbor & Pine")
