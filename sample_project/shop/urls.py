"""Routes of the shop's API."""

from __future__ import annotations

from rest_framework.routers import DefaultRouter

from shop import views

router = DefaultRouter()
router.register("categories", views.CategoryViewSet)
router.register("products", views.ProductViewSet)
router.register("orders", views.OrderViewSet, basename="order")
router.register("tasks", views.TaskViewSet, basename="task")

urlpatterns = router.urls
