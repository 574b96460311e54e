"""The list of items with the peer: its state, its serializer, its live updates."""

from __future__ import annotations

import reflex as rx
from items.models import Item
from items.rows import slow_query
from reflex_django.live import LiveListMixin
from reflex_django.live.broadcaster import live_broadcaster
from reflex_django.live.signals import model_label, register_live_model
from reflex_django.serializers import ReflexDjangoModelSerializer
from reflex_django.state import ModelState
from reflex_django.states import AppState

FIELDS = ["name", "sku", "size", "price", "stock", "active", "weight", "released", "attrs"]


class ItemSerializer(ReflexDjangoModelSerializer):
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


class ItemState(LiveListMixin, ModelState):
    model = Item
    fields = ["id", *FIELDS, "created_at"]
    read_only_fields = ("id", "created_at")
    paginate_by = 25
    ordering = ("-id",)

    @rx.event
    async def show(self) -> None:
        await self.refresh()

    @rx.event
    async def add(self, sku: str) -> None:
        self.name, self.sku, self.size, self.price = f"Item {sku}", sku, "s", "9.90"
        self.stock, self.active, self.weight, self.released = 3, True, 1.5, "2026-01-01"
        await self.create()

    @rx.event(background=True)
    async def follow(self) -> None:
        # What the peer's mixin does, as a handler: Reflex does not find the mixin's own.
        register_live_model(Item)
        queue = live_broadcaster().subscribe(model_label(Item))
        while True:
            change = await queue.get()
            async with self:
                await self.apply_live_change(change)


app = rx.App()
