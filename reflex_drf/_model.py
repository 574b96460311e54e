"""What `reflex_drf.model` gives once Django's apps are known."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import SynchronousOnlyOperation
from django.db import models
from django.db.models.base import ModelBase
from reflex_base.utils.serializers import serializer

__all__ = ["Model", "serialize_django_model"]


class OptionalID(ModelBase):
    """Leaves the inherited `id` out of a model that names a primary key of its own."""

    def __new__(
        cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **kwargs: Any
    ) -> Any:
        own = (isinstance(v, models.Field) and v.primary_key for v in namespace.values())
        if bases != (models.Model,) and any(own):
            namespace.setdefault("id", None)
        return super().__new__(cls, name, bases, namespace, **kwargs)


class Model(models.Model, metaclass=OptionalID):
    """Abstract base of a model, with a `BigAutoField` as primary key `id`.

    A model that has a field with `primary_key=True` gets that one instead.
    """

    id = models.BigAutoField(primary_key=True, auto_created=True, verbose_name="ID")

    class Meta:
        abstract = True


@serializer(to=dict)
def serialize_django_model(instance: Model) -> dict[str, Any]:
    """Give what a state var shows of an instance that was put into it: `pk` and its text.

    No field is included, so that no password or private note reaches a browser by accident; use a
    serializer to choose the fields.
    """
    pk: Any = instance.pk
    return {"pk": pk if isinstance(pk, int) or pk is None else str(pk), "str": describe(instance)}


def describe(instance: Model) -> str:
    """Give the text of an instance, without a query: this runs on the event loop."""
    try:
        return str(instance)
    except SynchronousOnlyOperation:
        # `__str__` follows a relation that is not loaded.
        return f"{type(instance).__name__} object ({instance.pk})"
