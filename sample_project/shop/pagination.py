"""Pages of the shop's API."""

from __future__ import annotations

from rest_framework.pagination import PageNumberPagination


class ShopPagination(PageNumberPagination):
    page_size = 10
    page_size_query_param = "page_size"
    max_page_size = 100
