"""Write to the shop from outside the server, for open tabs to show."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection, transaction
from django.utils.crypto import get_random_string
from reflex_drf.live import notify

from shop.models import Product


class Command(BaseCommand):
    help = "Deliver stock to products in one transaction, and add new products in bulk."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--stock", type=int, default=5, help="How many products get stock.")
        parser.add_argument("--new", type=int, default=3, help="How many products are added.")

        parser.add_argument(
            "--sql",
            action="store_true",
            help="Change prices past Django instead, which only PostgreSQL's triggers tell of.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["sql"]:
            self.stdout.write(self.style.SUCCESS(f"Repriced {self.reprice()} products in SQL."))
            return
        stocked = self.deliver(options["stock"])
        added = self.add(options["new"])
        self.stdout.write(self.style.SUCCESS(f"Stocked {stocked} products, added {added}."))

    @transaction.atomic
    def deliver(self, count: int) -> int:
        # Saves tell of themselves, once the transaction is committed.
        products = Product.objects.all()[:count]
        for product in products:
            product.stock += 10
            product.save(update_fields=["stock"])
        return len(products)

    def reprice(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE shop_product SET price = price + 1 "
                "WHERE id IN (SELECT id FROM shop_product ORDER BY created_at DESC LIMIT 5)"
            )
            return cursor.rowcount

    @transaction.atomic
    def add(self, count: int) -> int:
        model = Product.objects.select_related("owner", "category").first()
        if model is None:
            return 0
        added = Product.objects.bulk_create(
            Product(
                name=f"Fresh off the boat {sku}",
                sku=sku,
                price=model.price,
                owner=model.owner,
                category=model.category,
            )
            for sku in (f"NEW-{get_random_string(8).upper()}" for _ in range(count))
        )
        # `bulk_create` sends no signals.
        notify(added, "created")
        return len(added)
