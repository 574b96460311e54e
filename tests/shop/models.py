"""The shop of the tests: one model of each kind of field that a form has to carry."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Category(models.Model):
    name = models.CharField(max_length=60, unique=True)

    def __str__(self) -> str:
        return self.name


class Tag(models.Model):
    name = models.CharField(max_length=30, unique=True)

    class Meta:
        # Two queries for a product's tags, joined in their own ways, agree only so on PostgreSQL.
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name


class Product(models.Model):
    class Size(models.TextChoices):
        SMALL = "s", "Small"
        LARGE = "l", "Large"

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE
    )
    category = models.ForeignKey(Category, null=True, blank=True, on_delete=models.PROTECT)
    tags = models.ManyToManyField(Tag, blank=True)
    name = models.CharField(max_length=80)
    sku = models.CharField(max_length=20, unique=True)
    size = models.CharField(max_length=1, choices=Size, blank=True)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    stock = models.IntegerField(null=True, blank=True)
    active = models.BooleanField(default=True)
    released = models.DateField(null=True, blank=True)
    attrs = models.JSONField(default=dict, blank=True)
    photo = models.FileField(upload_to="photos", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name


class Order(models.Model):
    customer = models.CharField(max_length=80)
    placed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.customer


class OrderLine(models.Model):
    order = models.ForeignKey(Order, related_name="lines", on_delete=models.CASCADE)
    product = models.ForeignKey(Product, on_delete=models.CASCADE)
    quantity = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.product_id}"


class Note(models.Model):
    """Knows who wrote it last."""

    text = models.CharField(max_length=80)
    pinned = models.BooleanField(default=False)
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.SET_NULL
    )

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.text


class Task(models.Model):
    # The guide's own Task keeps the default name of the way back.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, related_name="shop_tasks", on_delete=models.CASCADE
    )
    title = models.CharField(max_length=200)
    done = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.title
