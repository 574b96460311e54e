"""The API of the shop, and at the same time what its pages run on."""

from __future__ import annotations

from django.db.models import F, QuerySet
from reflex_drf.live import notify
from rest_framework import status, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import IsAdminUser, IsAuthenticated, IsAuthenticatedOrReadOnly
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from shop.filters import ProductFilter
from shop.models import Category, Order, Product, Task
from shop.permissions import IsOwnerOrStaff
from shop.serializers import (
    CategorySerializer,
    OrderSerializer,
    ProductSerializer,
    RestockSerializer,
    TaskSerializer,
)


class CategoryViewSet(viewsets.ReadOnlyModelViewSet):
    queryset = Category.objects.all()
    serializer_class = CategorySerializer


class ProductViewSet(viewsets.ModelViewSet):
    """The catalogue: all may read it, owners change their own products, staff change all."""

    queryset = Product.objects.select_related("category", "owner")
    serializer_class = ProductSerializer
    permission_classes = [IsAuthenticatedOrReadOnly, IsOwnerOrStaff]
    filterset_class = ProductFilter
    search_fields = ["name", "sku", "category__name"]
    ordering_fields = ["name", "price", "stock", "created_at", "category__name"]
    ordering = ["-created_at", "-id"]

    def perform_create(self, serializer: BaseSerializer) -> None:
        serializer.save(owner=self.request.user, updated_by=self.request.user)

    def perform_update(self, serializer: BaseSerializer) -> None:
        serializer.save(updated_by=self.request.user)

    @action(detail=True, methods=["post"], serializer_class=RestockSerializer)
    def restock(self, request: Request, pk: str | None = None) -> Response:
        """Add to the stock of a product."""
        form = self.get_serializer(data=request.data)
        form.is_valid(raise_exception=True)
        product = self.get_object()
        # In the database, so that two deliveries at a time are both counted.
        Product.objects.filter(pk=product.pk).update(
            stock=F("stock") + form.validated_data["amount"], updated_by=request.user
        )
        # `update` sends no signals.
        notify(product)
        shown = ProductSerializer(self.get_object(), context=self.get_serializer_context())
        return Response(shown.data)

    @action(detail=True, methods=["post"], permission_classes=[IsAdminUser])
    def discontinue(self, request: Request, pk: str | None = None) -> Response:
        """Take a product off sale; staff only."""
        product = self.get_object()
        product.is_active, product.updated_by = False, request.user
        product.save(update_fields=["is_active", "updated_by"])
        return Response(self.get_serializer(product).data)


class OrderViewSet(viewsets.ModelViewSet):
    """Each customer's own orders; staff see all."""

    serializer_class = OrderSerializer
    permission_classes = [IsAuthenticated]
    filterset_fields = ["status"]
    search_fields = ["number", "note"]
    ordering_fields = ["placed_at", "number"]

    def get_queryset(self) -> QuerySet[Order]:
        orders = Order.objects.prefetch_related("lines__product")
        user = self.request.user
        return orders if user.is_staff else orders.filter(customer=user)

    def perform_create(self, serializer: BaseSerializer) -> None:
        serializer.save(customer=self.request.user)

    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str | None = None) -> Response:
        """Cancel an order that has not left the house."""
        order = self.get_object()
        if order.status not in {Order.Status.PENDING, Order.Status.PAID}:
            detail = {"detail": f"An order that is {order.status} cannot be cancelled."}
            return Response(detail, status=status.HTTP_409_CONFLICT)
        order.status = Order.Status.CANCELLED
        order.save(update_fields=["status"])
        return Response(self.get_serializer(order).data)


class TaskViewSet(viewsets.ModelViewSet):
    """Each user's own tasks."""

    serializer_class = TaskSerializer
    permission_classes = [IsAuthenticated]
    filterset_fields = ["done"]
    search_fields = ["title"]

    def get_queryset(self) -> QuerySet[Task]:
        return Task.objects.filter(owner=self.request.user)

    def perform_create(self, serializer: BaseSerializer) -> None:
        serializer.save(owner=self.request.user)
