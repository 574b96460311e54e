"""Models made for a test alone: a table of any values, and models with generated fields."""

from __future__ import annotations

import itertools
from typing import Any

from django.db import models
from django.test.utils import isolate_apps

COUNTER = itertools.count()


def make_model(**fields: Any) -> Any:
    """Make a model class that no app knows; it has no table unless a test makes one."""
    with isolate_apps("tests.shop"):
        name = f"Generated{next(COUNTER)}"
        meta = type("Meta", (), {"app_label": "shop"})
        members = {"__module__": __name__, "Meta": meta, **fields}
        return type(models.Model)(name, (models.Model,), members)


# An unsaved object may hold any value in a column, so one model serves for all kinds of fields.
ANYTHING = 6
Anything = make_model(**{f"c{n}": models.TextField(null=True) for n in range(ANYTHING)})

# One column of each kind, as a database has them.
Everything = make_model(
    text=models.TextField(blank=True),
    letter=models.CharField(max_length=5, choices=[("a", "A"), ("b", "B")], null=True),
    level=models.IntegerField(choices=[(1, "Low"), (2, "High")], null=True),
    whole=models.BigIntegerField(null=True),
    number=models.FloatField(null=True),
    price=models.DecimalField(max_digits=12, decimal_places=4, null=True),
    flag=models.BooleanField(null=True),
    moment=models.DateTimeField(null=True),
    day=models.DateField(null=True),
    hour=models.TimeField(null=True),
    span=models.DurationField(null=True),
    key=models.UUIDField(null=True),
    address=models.GenericIPAddressField(null=True),
    document=models.JSONField(null=True),
    photo=models.FileField(null=True),
    link=models.URLField(blank=True),
)
