"""Run inside the sample project, by `manage.py shell`: every serializer, with its demo data."""

from __future__ import annotations

# Read as text and run where `tests` cannot be imported.
SCRIPT = """
import json
from types import SimpleNamespace
from django.contrib.auth.models import User
from rest_framework.renderers import JSONRenderer
from rest_framework.serializers import ModelSerializer
from reflex_drf.compiled import plain_data
from shop import serializers

read = 0
context = {"request": SimpleNamespace(user=User.objects.first(), build_absolute_uri=str)}
for cls in list(vars(serializers).values()):
    if not (isinstance(cls, type) and issubclass(cls, ModelSerializer) and hasattr(cls, "Meta")):
        continue
    make = lambda: cls(cls.Meta.model.objects.order_by("pk"), many=True, context=context)
    found, expected = plain_data(make()), json.loads(JSONRenderer().render(make().data))
    assert found == expected and expected, cls
    assert plain_data(cls(cls.Meta.model.objects.order_by("pk")[0], context=context)) == found[0]
    read += 1
print("read", read)
"""
