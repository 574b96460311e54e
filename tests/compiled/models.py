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
