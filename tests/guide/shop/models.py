# Page 1, "The Database Model".
from django.conf import settings
from django.db import models

# Page 3, "Declaring Models".
from reflex_drf.model import Model


class Task(models.Model):
    title = models.CharField(max_length=200)
    done = models.BooleanField(default=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    created_at = models.DateTimeField(auto_now_add=True)


class Product(Model):
    """A standard Django database model with a high-productivity base class."""
    name = models.CharField(max_length=128, db_index=True)
    description = models.TextField(blank=True)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    sku = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self):
        return f"{self.name} (${self.price})"


# Page 3 uses orders without printing their models. Name and total are read from related rows,
# so that the page's advice on queries makes a difference.
class Customer(models.Model):
    name = models.CharField(max_length=80)


class Item(models.Model):
    price = models.DecimalField(max_digits=10, decimal_places=2)


class Order(models.Model):
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE)
    items = models.ManyToManyField(Item)

    class Meta:
        ordering = ["id"]

    @property
    def customer_name(self):
        return self.customer.name

    @property
    def total_price(self):
        return sum(item.price for item in self.items.all())
