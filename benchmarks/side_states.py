"""The list of items with this package, and the same page written by hand in a plain state."""

from __future__ import annotations

from http.cookies import SimpleCookie
from importlib import import_module
from types import SimpleNamespace
from typing import Any, ClassVar

import reflex as rx
from django.conf import settings
from django.contrib.auth import aget_user
from django.http import HttpRequest
from items.models import Item
from items.rows import slow_query
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated

from reflex_drf.backends import Call
from reflex_drf.backends.inprocess import InProcessBackend
from reflex_drf.live import LiveListMixin
from reflex_drf.pagination import CountlessPageNumberPagination
from reflex_drf.serializers import ReflexDjangoModelSerializer
from reflex_drf.state import AppState, ModelState

FIELDS = ["name", "sku", "size", "price", "stock", "active", "weight", "released", "attrs"]


class ItemSerializer(ReflexDjangoModelSerializer[Item]):
    class Meta:
        model = Item
        fields = ["id", *FIELDS, "created_at"]


class DRFItemSerializer(serializers.ModelSerializer[Item]):
    class Meta:
        model = Item
        fields = ["id", *FIELDS, "created_at"]


class TrivialState(AppState):
    count: int = 0

    @rx.event
    async def count_up(self) -> None:
        self.count += 1

    @rx.event
    async def ask_slowly(self) -> None:
        await slow_query().afirst()
        self.count += 1


class CrowdState(ModelState):
    """The list and its form, for tabs that do not follow what others write."""

    model = Item
    fields = ["id", *FIELDS, "created_at"]
    read_only_fields = ("id", "created_at")
    paginate_by = 25
    ordering = ("-id",)
    permission_classes = [IsAuthenticated]

    @rx.event
    async def add(self, sku: str) -> Any:
        self.name, self.sku, self.size, self.price = f"Item {sku}", sku, "s", "9.90"
        self.stock, self.active, self.weight, self.released = "3", True, "1.5", "2026-01-01"
        return await self.create()


def call_views(cookie: str, sku: str) -> None:
    """Do the two requests that a save with its list comes to, with no event around them."""
    origin = HttpRequest()
    origin.META = {"SERVER_NAME": "localhost", "SERVER_PORT": "80", "HTTP_HOST": "localhost"}
    origin.COOKIES = {settings.SESSION_COOKIE_NAME: cookie.partition("=")[2]}
    view = CrowdState._plan.viewset
    data = {"name": f"Item {sku}", "sku": sku, "size": "s", "price": "9.90", "stock": "3"}
    data |= {"active": True, "weight": "1.5", "released": "2026-01-01"}
    calls = Call(view=view, action="create", data=data), Call(view=view, action="list")
    created, listed = InProcessBackend().run_sync(origin, *calls)
    assert (created.status, len(listed.rows or ())) == (201, 25)


class CountlessState(ModelState):
    """The same list without a count of all rows."""

    model = Item
    fields = ["id", *FIELDS, "created_at"]
    paginate_by = 25
    ordering = ("-id",)
    permission_classes = [IsAuthenticated]
    pagination_class = CountlessPageNumberPagination


class ItemState(LiveListMixin, ModelState):
    """The same list in tabs that follow what others write."""

    model = Item
    fields = ["id", *FIELDS, "created_at"]
    read_only_fields = ("id", "created_at")
    paginate_by = 25
    ordering = ("-id",)
    permission_classes = [IsAuthenticated]

    @rx.event
    async def add(self, sku: str) -> Any:
        self.name, self.sku, self.size, self.price = f"Item {sku}", sku, "s", "9.90"
        self.stock, self.active, self.weight, self.released = "3", True, "1.5", "2026-01-01"
        return await self.create()


class HandwrittenState(rx.State):
    """What one writes without any package: the session's user, a query, and a dict for each row."""

    django_bridge: ClassVar[bool] = False
    data: list[dict[str, Any]] = []
    total_count: int = 0
    page_count: int = 0
    error: str = ""

    async def _user(self) -> Any:
        cookies = SimpleCookie(self.router.headers.cookie)
        morsel = cookies.get(settings.SESSION_COOKIE_NAME)
        store = import_module(settings.SESSION_ENGINE).SessionStore
        session = store(morsel.value if morsel else None)
        return await aget_user(SimpleNamespace(session=session))  # type: ignore[arg-type]

    async def _read(self) -> None:
        queryset = Item.objects.order_by("-id")
        self.total_count = await queryset.acount()
        self.page_count = -(-self.total_count // 25)
        self.data = [
            {
                "id": item.pk,
                "name": item.name,
                "sku": item.sku,
                "size": item.size,
                "price": str(item.price),
                "stock": item.stock,
                "active": item.active,
                "weight": item.weight,
                "released": item.released.isoformat() if item.released else None,
                "attrs": item.attrs,
                "created_at": item.created_at.isoformat(),
            }
            async for item in queryset[:25]
        ]

    @rx.event
    async def load(self) -> None:
        if not (await self._user()).is_authenticated:
            self.error = "Please sign in."
            return
        await self._read()

    @rx.event
    async def add(self, sku: str) -> None:
        if not (await self._user()).is_authenticated:
            self.error = "Please sign in."
            return
        await Item.objects.acreate(
            name=f"Item {sku}",
            sku=sku,
            size="s",
            price="9.90",
            stock=3,
            active=True,
            weight=1.5,
            released="2026-01-01",
        )
        await self._read()


class PlainState(rx.State):
    """A state that has nothing to do with Django."""

    django_bridge: ClassVar[bool] = False
    count: int = 0

    @rx.event
    async def count_up(self) -> None:
        self.count += 1
