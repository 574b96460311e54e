"""The viewsets the tests call, over HTTP and otherwise."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import filters, permissions, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from tests.shop.models import Category, Order, Product, Tag, Task
from tests.shop.serializers import (
    CategorySerializer,
    OrderSerializer,
    ProductSerializer,
    TagSerializer,
    TaskSerializer,
)


class CategoryViewSet(viewsets.ModelViewSet[Category]):
    queryset = Category.objects.order_by("id")
    serializer_class = CategorySerializer


class TagViewSet(viewsets.ReadOnlyModelViewSet[Tag]):
    queryset = Tag.objects.order_by("id")
    serializer_class = TagSerializer


class ProductViewSet(viewsets.ModelViewSet[Product]):
    """Read by all, written by those with Django's model permissions."""

    queryset = Product.objects.select_related("category").prefetch_related("tags")
    serializer_class = ProductSerializer
    permission_classes = [permissions.DjangoModelPermissionsOrAnonReadOnly]
    filter_backends = [DjangoFilterBackend, filters.SearchFilter, filters.OrderingFilter]
    filterset_fields = ["category", "active", "size"]
    search_fields = ["name", "sku"]
    ordering_fields = ["name", "price", "stock"]

    def perform_create(self, serializer: serializers.BaseSerializer[Product]) -> None:
        user = self.request.user
        product = serializer.save(owner=user if user.is_authenticated else None)
        if product.name == "late failure":
            # After the save, so that only a rollback keeps the row out.
            raise serializers.ValidationError({"name": ["Refused after the save."]})

    @action(detail=True, methods=["post"], permission_classes=[permissions.IsAdminUser])
    def discontinue(self, request: Request, pk: str | None = None) -> Response:
        product = self.get_object()
        product.active = False
        product.save(update_fields=["active"])
        return Response({"active": product.active})

    @action(detail=True, methods=["post"], permission_classes=[permissions.IsAuthenticated])
    def restock(self, request: Request, pk: str | None = None) -> Response:
        amount = serializers.IntegerField(min_value=1).run_validation(request.data.get("amount"))
        product = self.get_object()
        product.stock = (product.stock or 0) + amount
        product.save(update_fields=["stock"])
        return Response(self.get_serializer(product).data)

    @action(detail=False, methods=["get"])
    def summary(self, request: Request) -> Response:
        queryset = self.filter_queryset(self.get_queryset())
        return Response({"products": queryset.count()})


class OrderViewSet(viewsets.ModelViewSet[Order]):
    queryset = Order.objects.prefetch_related("lines")
    serializer_class = OrderSerializer
    permission_classes = [permissions.IsAuthenticated]


class TaskViewSet(viewsets.ModelViewSet[Task]):
    """Each user's own tasks."""

    serializer_class = TaskSerializer
    permission_classes = [permissions.IsAuthenticated]

    def get_queryset(self) -> QuerySet[Task]:
        return Task.objects.filter(owner=self.request.user)  # type: ignore[misc]

    def perform_create(self, serializer: Any) -> None:
        serializer.save(owner=self.request.user)
