"""A viewset as projects have them: for who is logged in, by pages, with search and ordering."""

from __future__ import annotations

from rest_framework import filters, permissions, viewsets
from rest_framework.pagination import PageNumberPagination

from benchmarks.rows import FlatSerializer
from tests.shop.models import Product


class Pages(PageNumberPagination):
    page_size = 25


class RowViewSet(viewsets.ModelViewSet[Product]):
    queryset = Product.objects.order_by("id")
    serializer_class = FlatSerializer
    permission_classes = [permissions.IsAuthenticated]
    filter_backends = [filters.SearchFilter, filters.OrderingFilter]
    search_fields = ["name", "sku"]
    pagination_class = Pages
