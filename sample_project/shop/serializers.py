"""The shop's rows as JSON, the same for the API and for the pages."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from rest_framework import serializers

from shop.models import Category, Order, OrderLine, Product, Task


class CategorySerializer(serializers.ModelSerializer):
    class Meta:
        model = Category
        fields = ["id", "name"]


class ProductSerializer(serializers.ModelSerializer):
    category_name = serializers.CharField(source="category.name", read_only=True)
    owner_name = serializers.CharField(source="owner.username", read_only=True)
    can_edit = serializers.SerializerMethodField()

    class Meta:
        model = Product
        fields = [
            "id",
            "name",
            "sku",
            "category",
            "category_name",
            "price",
            "stock",
            "is_active",
            "description",
            "photo",
            "owner_name",
            "can_edit",
            "created_at",
        ]
        extra_kwargs = {
            "category": {"error_messages": {"null": "Please choose a category."}},
        }

    def get_can_edit(self, product: Product) -> bool:
        user = self.context["request"].user
        return user.is_staff or product.owner_id == user.pk

    def validate_photo(self, value: Any) -> Any:
        if value and value.size > 2_000_000:
            raise serializers.ValidationError("A photo has at most 2 MB.")
        return value

    def validate_sku(self, value: str) -> str:
        return value.upper()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        on_sale = attrs.get("is_active", self.instance.is_active if self.instance else True)
        price = attrs.get("price", self.instance.price if self.instance else None)
        if on_sale and price is not None and price > 5000:
            raise serializers.ValidationError(
                "A product above 5,000 needs a manager's approval before it goes on sale."
            )
        return attrs


class RestockSerializer(serializers.Serializer):
    """What `restock` asks for, over HTTP and in the dialog of the office."""

    amount = serializers.IntegerField(
        min_value=1, max_value=1000, default=10, help_text="How many have been delivered."
    )


class OrderLineSerializer(serializers.ModelSerializer):
    product_name = serializers.CharField(source="product.name", read_only=True)

    class Meta:
        model = OrderLine
        fields = ["product", "product_name", "quantity", "unit_price", "amount"]
        read_only_fields = ["unit_price", "amount"]


class OrderSerializer(serializers.ModelSerializer):
    lines = OrderLineSerializer(many=True)
    status_label = serializers.CharField(source="get_status_display", read_only=True)
    total = serializers.DecimalField(max_digits=12, decimal_places=2, read_only=True)

    class Meta:
        model = Order
        fields = [
            "id",
            "number",
            "status",
            "status_label",
            "note",
            "item_count",
            "total",
            "placed_at",
            "lines",
        ]
        read_only_fields = ["number", "status", "item_count", "total"]

    @transaction.atomic
    def create(self, validated_data: dict[str, Any]) -> Order:
        lines = validated_data.pop("lines")
        order = Order.objects.create(**validated_data)
        for line in lines:
            OrderLine.objects.create(order=order, unit_price=line["product"].price, **line)
        return order

    def update(self, instance: Order, validated_data: dict[str, Any]) -> Order:
        # What was ordered stays as it was ordered; only the note may change.
        validated_data.pop("lines", None)
        return super().update(instance, validated_data)


class TaskSerializer(serializers.ModelSerializer):
    class Meta:
        model = Task
        fields = ["id", "title", "done", "created_at"]
