from __future__ import annotations

from rest_framework import serializers

from tests.shop.models import Category, Order, OrderLine, Product, Tag, Task


class CategorySerializer(serializers.ModelSerializer[Category]):
    class Meta:
        model = Category
        fields = ["id", "name"]


class TagSerializer(serializers.ModelSerializer[Tag]):
    class Meta:
        model = Tag
        fields = ["id", "name"]


class ProductSerializer(serializers.ModelSerializer[Product]):
    category_name = serializers.CharField(source="category.name", read_only=True)
    label = serializers.SerializerMethodField()

    class Meta:
        model = Product
        fields = [
            "id", "name", "sku", "size", "price", "stock", "active", "released", "attrs",
            "category", "category_name", "tags", "photo", "label", "created_at",
        ]  # fmt: skip
        read_only_fields = ["created_at"]

    def get_label(self, product: Product) -> str:
        return f"{product.name} ({product.sku})"


class OrderLineSerializer(serializers.ModelSerializer[OrderLine]):
    class Meta:
        model = OrderLine
        fields = ["id", "product", "quantity"]


class OrderSerializer(serializers.ModelSerializer[Order]):
    lines = OrderLineSerializer(many=True)

    class Meta:
        model = Order
        fields = ["id", "customer", "lines", "placed_at"]

    def create(self, validated_data: dict) -> Order:
        lines = validated_data.pop("lines")
        order = Order.objects.create(**validated_data)
        for line in lines:
            OrderLine.objects.create(order=order, **line)
        return order


class TaskSerializer(serializers.ModelSerializer[Task]):
    class Meta:
        model = Task
        fields = ["id", "title", "done", "created_at"]
