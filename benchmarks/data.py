"""The database of the benchmarks."""

from __future__ import annotations

import os
import tempfile
from datetime import date
from pathlib import Path

DATABASE = Path(tempfile.mkdtemp()) / "benchmarks.sqlite3"
ROWS = 100_000


def prepare() -> None:
    """Configure Django on a database of its own, filled with rows."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    # As `reflex run --env prod` has it, for every side: during development Reflex checks more.
    os.environ["REFLEX_ENV_MODE"] = "prod"
    import django
    from django.conf import settings

    settings.DATABASES["default"]["NAME"] = DATABASE
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "127.0.0.1"]
    django.setup()
    fill()


def fill() -> None:
    """Make the tables of a new database, a user, and the rows."""
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from tests.shop.models import Category, Product, Tag

    call_command("migrate", verbosity=0)
    User.objects.create_user("viewer", password="viewer")
    category = Category.objects.create(name="All")
    Product.objects.bulk_create(
        Product(
            name=f"Product {n}",
            sku=f"P{n}",
            price=f"{n % 977}.{n % 89:02}",
            stock=n if n % 7 else None,
            category=category,
            released=date(2026, 1, 1 + n % 28),
            attrs={"n": n, "label": f"no. {n}"},
        )
        for n in range(ROWS)
    )
    tags = [Tag.objects.create(name=f"tag {n}") for n in range(10)]
    through = Product.tags.through
    through.objects.bulk_create(
        through(product_id=key, tag_id=tags[(key + n) % 10].pk)
        for key in Product.objects.values_list("pk", flat=True)[:1000]
        for n in range(2)
    )
