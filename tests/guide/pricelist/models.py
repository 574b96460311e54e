# Page 2, "The optional Model base class".
from reflex_drf.model import Model
from django.db import models


class Product(Model):
    name = models.CharField(max_length=200)
    price = models.DecimalField(max_digits=10, decimal_places=2)
