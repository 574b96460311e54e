"""One table of mixed columns, the same for every side of a comparison."""

from __future__ import annotations

from django.db import models


class Item(models.Model):
    name = models.CharField(max_length=80)
    sku = models.CharField(max_length=20, unique=True)
    size = models.CharField(max_length=1, choices=[("s", "Small"), ("l", "Large")])
    price = models.DecimalField(max_digits=8, decimal_places=2)
    stock = models.IntegerField(default=0)
    active = models.BooleanField(default=True)
    weight = models.FloatField(default=0)
    released = models.DateField(null=True, blank=True)
    attrs = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name
