from __future__ import annotations

from django.urls import include, path, re_path
from rest_framework.routers import DefaultRouter, SimpleRouter
from rest_framework_nested.routers import NestedSimpleRouter

from tests.parity import views
from tests.shop.views import OrderViewSet
from tests.urls import urlpatterns as shop_patterns

router = DefaultRouter()
for prefix in (
    "session", "token", "either", "nobody", "objects", "cursor", "countless", "sized", "offset",
    "envelope", "whole", "linked", "photo", "throttled", "late", "broken",
):  # fmt: skip
    viewset = getattr(views, f"{prefix.title()}ViewSet")
    router.register(prefix, viewset, basename=prefix)
router.register("sku", views.SkuViewSet, basename="sku")
router.register("handled", views.OwnHandlerViewSet, basename="handled")
router.register("by-action", views.ByActionViewSet, basename="by-action")
router.register("query-version", views.QueryVersionViewSet, basename="query-version")

orders = SimpleRouter()
orders.register("orders", OrderViewSet, basename="nested-order")
lines = NestedSimpleRouter(orders, "orders", lookup="order")
lines.register("lines", views.LineViewSet, basename="order-line")

tenants = SimpleRouter()
tenants.register("products", views.TenantViewSet, basename="tenant-product")

versions = SimpleRouter()
versions.register("items", views.VersionViewSet, basename="version-item")

spaces = SimpleRouter()
spaces.register("items", views.NamespaceViewSet, basename="item")

urlpatterns = [
    *shop_patterns,
    path("more/", include(router.urls)),
    path("nested/", include(lines.urls)),
    path("t/<slug:tenant>/", include(tenants.urls)),
    re_path(r"^versions/(?P<version>v1|v2)/", include(versions.urls)),
    path("spaces/one/", include((spaces.urls, "one"), namespace="one")),
    path("items/", views.ItemList.as_view(), name="items"),
    path("echo/", views.Echo.as_view(), name="echo"),
]
