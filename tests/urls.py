from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from rest_framework.routers import DefaultRouter

from tests.shop import views

router = DefaultRouter()
router.register("categories", views.CategoryViewSet)
router.register("tags", views.TagViewSet)
router.register("products", views.ProductViewSet)
router.register("orders", views.OrderViewSet)
router.register("tasks", views.TaskViewSet, basename="task")

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/", include(router.urls)),
]
