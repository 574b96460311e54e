"""The one route."""

from __future__ import annotations

from django.urls import include, path
from rest_framework.routers import DefaultRouter

from served.views import RowViewSet

router = DefaultRouter()
router.register("rows", RowViewSet)
urlpatterns = [path("api/", include(router.urls))]
