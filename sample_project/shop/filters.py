"""What the products can be filtered by."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet

from shop.models import Product


class ProductFilter(django_filters.FilterSet):
    min_price = django_filters.NumberFilter(field_name="price", lookup_expr="gte")
    max_price = django_filters.NumberFilter(field_name="price", lookup_expr="lte")
    availability = django_filters.ChoiceFilter(
        method="filter_availability",
        choices=[("in", "In stock"), ("low", "Low stock"), ("out", "Sold out")],
    )
    mine = django_filters.BooleanFilter(method="filter_mine")

    class Meta:
        model = Product
        fields = ["category", "is_active"]

    def filter_availability(
        self, queryset: QuerySet[Product], name: str, value: str
    ) -> QuerySet[Product]:
        lookups = {"in": {"stock__gt": 0}, "low": {"stock__range": (1, 9)}, "out": {"stock": 0}}
        return queryset.filter(**lookups[value])

    def filter_mine(self, queryset: QuerySet[Product], name: str, value: bool) -> QuerySet[Product]:
        own = {"owner_id": self.request.user.pk}
        return queryset.filter(**own) if value else queryset.exclude(**own)
