"""DRF serializers that an async handler can use: each method is one hop to the database thread."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeVar, cast

from asgiref.sync import sync_to_async
from django.db.models import Model, QuerySet
from rest_framework.serializers import BaseSerializer, ListSerializer, ModelSerializer

from reflex_drf.compiled import plain_data

__all__ = ["AsyncListSerializer", "ReflexDjangoModelSerializer", "adata"]

M = TypeVar("M", bound=Model)


async def adata(serializer: BaseSerializer[Any]) -> Any:
    """Give the `data` of any DRF serializer as plain JSON values, read in the database thread."""
    # `data` runs the query and whatever the fields' sources ask for, so never on the loop.
    return await sync_to_async(plain_data)(serializer)


class _AsyncMethods:
    """What a serializer offers to async code, over DRF's own methods of the same names."""

    async def adata(self: Any) -> Any:
        """Give `data` as plain JSON values: a dict, or a list of dicts with `many=True`."""
        return await adata(self)

    async def ais_valid(self: Any, *, raise_exception: bool = False) -> bool:
        """Run DRF's validation, whose validators may ask the database."""
        valid: bool = await sync_to_async(self.is_valid)(raise_exception=raise_exception)
        return valid

    async def asave(self: Any, **kwargs: Any) -> Any:
        """Save the validated data and give the instance, or the instances with `many=True`."""
        return await sync_to_async(self.save)(**kwargs)


class AsyncListSerializer(_AsyncMethods, ListSerializer[Any]):
    """The serializer behind `many=True`; a base for a project's own `list_serializer_class`."""


@lru_cache
def _async_list_class(list_class: Any) -> Any:
    """The project's own list serializer class with the async methods added."""
    if issubclass(list_class, _AsyncMethods):
        return list_class
    if list_class is ListSerializer:
        return AsyncListSerializer
    members = {"__module__": list_class.__module__, "__doc__": list_class.__doc__}
    return type(list_class.__name__, (_AsyncMethods, list_class), members)


class ReflexDjangoModelSerializer(_AsyncMethods, ModelSerializer[M]):
    """DRF's `ModelSerializer` with async methods whose values can go straight into a state.

    Everything DRF knows keeps its meaning; a view may use it as its `serializer_class`.
    """

    @classmethod
    def many_init(cls, *args: Any, **kwargs: Any) -> ListSerializer[Any]:
        """Build what `many=True` gives, of the project's own list class when `Meta` names one."""
        serializer: Any = super().many_init(*args, **kwargs)
        # DRF chooses the class inside `many_init`, by `Meta` alone. Changing the class of the
        # made object keeps DRF's handling of arguments, and any override of this method.
        list_class: Any = type(serializer)
        serializer.__class__ = _async_list_class(list_class)
        return cast("ListSerializer[Any]", serializer)

    @classmethod
    async def alist(
        cls, queryset: QuerySet[M] | Sequence[M], **kwargs: Any
    ) -> list[dict[str, Any]]:
        """Give the rows of a queryset or list as plain dicts; `context` and the like pass on."""
        rows: list[dict[str, Any]] = await adata(cls(queryset, many=True, **kwargs))
        return rows
