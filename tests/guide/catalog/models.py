# What the handlers of page 2 use without printing it.
from django.conf import settings
from django.db import models


class Category(models.Model):
    name = models.CharField(max_length=60)


class Tag(models.Model):
    name = models.CharField(max_length=60)


class Product(models.Model):
    name = models.CharField(max_length=200)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, related_name="+", on_delete=models.CASCADE
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, related_name="+", on_delete=models.CASCADE
    )
    category = models.ForeignKey(
        Category, null=True, related_name="products", on_delete=models.CASCADE
    )
    tags = models.ManyToManyField(Tag)


class Account(models.Model):
    balance = models.IntegerField()
