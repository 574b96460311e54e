"""Fill the shop with demonstration data."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from shop import demo


class Command(BaseCommand):
    help = "Create the demo users, products, orders and tasks; what exists stays as it is."

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        made = demo.fill()
        if not options["verbosity"]:
            return
        total = sum(made.values())
        if not total:
            self.stdout.write("The demo data is in place.")
            return
        counts = ", ".join(f"{count} {name}" for name, count in made.items())
        self.stdout.write(self.style.SUCCESS(f"Created {counts}."))
