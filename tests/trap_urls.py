"""Where the views of `trap_views` live."""

from __future__ import annotations

import functools
from typing import Any

from adrf.routers import SimpleRouter as AsyncRouter
from django.conf.urls.i18n import i18n_patterns
from django.contrib.auth.decorators import login_required
from django.urls import include, path
from django.views.decorators.cache import cache_page
from rest_framework.routers import DefaultRouter, SimpleRouter
from rest_framework_nested.routers import NestedSimpleRouter

from tests import trap_views as views
from tests.shop.views import CategoryViewSet, OrderViewSet, ProductViewSet, TagViewSet

router = DefaultRouter()
for prefix, viewset in {
    "paged": views.Products,
    "limited": views.LimitProducts,
    "cursored": views.CursorProducts,
    "sized": views.SizedProducts,
    "enveloped": views.EnvelopeProducts,
    "strange": views.StrangeProducts,
    "bare": views.BareProducts,
    "session": views.SessionProducts,
    "token": views.TokenProducts,
    "model-permissions": views.ModelPermissionProducts,
    "throttled": views.ThrottledProducts,
    "actions": views.ActionProducts,
    "json-only": views.JsonOnly,
    "form-only": views.FormOnly,
    "text-only": views.TextOnly,
    "late": views.LateFailure,
    "crashing": views.Crashing,
    "refusing": views.Refusing,
    "odd": views.OddValues,
    "late-words": views.LateWords,
    "rendered": views.Rendered,
    "gone": views.Gone,
    "prices": views.Prices,
    "rich": views.Rich,
    "counter": views.SessionCounter,
    "query-version": views.QueryVersion,
    "accept-version": views.AcceptVersion,
    "products": ProductViewSet,
    "categories": CategoryViewSet,
    "tags": TagViewSet,
    "orders": OrderViewSet,
}.items():
    router.register(prefix, viewset, basename=prefix)

nested = NestedSimpleRouter(router, "orders", lookup="order")
nested.register("lines", views.Lines, basename="order-line")

async_router = AsyncRouter()
async_router.register("async", views.AsyncCategories, basename="async")

versioned = SimpleRouter()
versioned.register("things", views.PathVersion, basename="thing")
spaced = SimpleRouter()
spaced.register("things", views.NamespaceVersion, basename="thing")
tenants = SimpleRouter()
tenants.register("things", views.TenantView, basename="tenant-thing")


class Wrapper:
    """A decorator that keeps what it wraps as an attribute, out of anybody's sight."""

    def __init__(self, view: Any) -> None:
        functools.update_wrapper(self, view)
        self.view = view

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.view(*args, **kwargs)


guarded = views.Guarded.as_view({"get": "list", "post": "create"})

urlpatterns = [
    path("api/", include(router.urls)),
    path("api/", include(nested.urls)),
    path("api/", include(async_router.urls)),
    path("api/<str:version>/", include(versioned.urls)),
    path("v1/", include((spaced.urls, "spaced"), namespace="v1")),
    path("v2/", include((spaced.urls, "spaced"), namespace="v2")),
    path("acme/", include(tenants.urls)),
    path("guarded/", cache_page(60)(login_required(guarded))),
    path("uncarried/", Wrapper(views.Uncarried.as_view({"get": "list"}))),
    path("function/", views.function_view),
    path("mixed/", views.MixedProducts.as_view()),
    *i18n_patterns(path("words/", views.LanguageView.as_view())),
]
