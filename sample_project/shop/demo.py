"""The demonstration data: always the same, and safe to create twice."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.contrib.auth.models import User
from django.db.models import Model

from shop.models import Category, Order, OrderLine, Product, Task


class DemoUser(NamedTuple):
    username: str
    password: str
    role: str
    first_name: str


USERS = (
    DemoUser("admin", "admin", "Staff: may change everything", "Avery"),
    DemoUser("alice", "alice-demo", "Owns half of the catalogue", "Alice"),
    DemoUser("bob", "bob-demo", "Owns the other half", "Bob"),
)
CATALOGUE = {
    "Kitchen": (
        ["Enamel", "Stoneware", "Cast iron", "Beechwood", "Copper"],
        ["kettle", "mixing bowl", "skillet", "serving board", "mug"],
    ),
    "Lighting": (
        ["Brass", "Opal glass", "Linen", "Matte black", "Rattan"],
        ["table lamp", "pendant", "wall light", "floor lamp", "reading light"],
    ),
    "Living room": (
        ["Oak", "Walnut", "Wool", "Bouclé", "Travertine"],
        ["side table", "armchair", "throw", "bookcase", "footstool"],
    ),
    "Bedroom": (
        ["Washed linen", "Percale", "Quilted", "Down", "Organic cotton"],
        ["duvet cover", "pillow", "bedspread", "sheet set", "blanket"],
    ),
    "Bathroom": (
        ["Waffle", "Terrazzo", "Teak", "Ribbed", "Marble"],
        ["towel", "soap dish", "bath mat", "tumbler", "shelf"],
    ),
    "Garden": (
        ["Terracotta", "Galvanised", "Ash", "Cedar", "Forged"],
        ["planter", "watering can", "trowel", "bench", "bird feeder"],
    ),
    "Office": (
        ["Felt", "Leather", "Birch", "Recycled", "Cork"],
        ["desk tray", "notebook", "monitor stand", "pen cup", "pinboard"],
    ),
    "Travel": (
        ["Waxed canvas", "Ripstop", "Merino", "Titanium", "Insulated"],
        ["weekender", "daypack", "scarf", "bottle", "wash bag"],
    ),
}
PREFIXES = ("KIT", "LIG", "LIV", "BED", "BAT", "GAR", "OFF", "TRA")
TASKS = (
    "Count the terracotta planters",
    "Call the linen mill about the May delivery",
    "Photograph the new table lamps",
    "Answer the review of the brass pendant",
    "Reorder packing paper",
    "Check the return of SO-10012",
    "Write the label for the cork pinboard",
    "Plan the window for spring",
)
NOTES = ("", "", "", "Leave with the neighbour", "Ring twice", "Gift wrap, please", "Back door")
LATEST = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def fill() -> dict[str, int]:
    """Create what is missing and say how much of each that was."""
    users = [_user(entry) for entry in USERS]
    owners = [user for user in users if not user.is_staff]
    return {
        "products": _add_missing(Product, "sku", _products(owners)),
        "orders": _add_orders(users),
        "tasks": _add_tasks(users),
    }


def _user(entry: DemoUser) -> User:
    is_staff = entry.username == "admin"
    user, created = User.objects.get_or_create(
        username=entry.username,
        defaults={
            "first_name": entry.first_name,
            "email": f"{entry.username}@example.com",
            "is_staff": is_staff,
            "is_superuser": is_staff,
        },
    )
    if created:
        user.set_password(entry.password)
        user.save(update_fields=["password"])
    return user


def _products(owners: list[User]) -> Iterator[Product]:
    chance = random.Random(2026)
    number = 0
    for prefix, (name, (materials, things)) in zip(PREFIXES, CATALOGUE.items(), strict=True):
        category, _ = Category.objects.get_or_create(name=name)
        for material in materials:
            for thing in things:
                number += 1
                yield Product(
                    owner=owners[number % len(owners)],
                    category=category,
                    name=f"{material} {thing}",
                    sku=f"{prefix}-{1000 + number}",
                    price=Decimal(chance.randrange(590, 48900, 5)) / 100,
                    stock=chance.choice([0, 2, 4, 7, 12, 18, 25, 40, 64, 120]),
                    is_active=chance.random() > 0.12,
                    description=f"{material} {thing} from our {name.lower()} collection.",
                    created_at=LATEST - timedelta(hours=11 * ((number * 73) % 200)),
                )


def _add_missing(model: type[Model], key: str, rows: Iterator[Model]) -> int:
    known = set(model.objects.values_list(key, flat=True))
    missing = [row for row in rows if getattr(row, key) not in known]
    return len(model.objects.bulk_create(missing))


def _add_orders(users: list[User]) -> int:
    chance = random.Random(7)
    products = list(Product.objects.filter(is_active=True, stock__gt=0).order_by("sku")[:120])
    orders = [
        Order(
            customer=users[number % len(users)],
            number=f"SO-{10000 + number}",
            status=chance.choice(Order.Status.values),
            note=chance.choice(NOTES),
            placed_at=LATEST - timedelta(hours=17 * number),
        )
        for number in range(1, 61)
    ]
    made = _add_missing(Order, "number", iter(orders))
    empty = Order.objects.filter(number__in=[order.number for order in orders], lines=None)
    OrderLine.objects.bulk_create(
        OrderLine(
            order=order,
            product=product,
            quantity=chance.randint(1, 4),
            unit_price=product.price,
        )
        for order in empty
        for product in chance.sample(products, chance.randint(1, 4))
    )
    return made


def _add_tasks(users: list[User]) -> int:
    known = set(Task.objects.values_list("owner_id", "title"))
    missing = [
        Task(
            owner=user,
            title=title,
            done=(index + position) % 3 == 0,
            created_at=LATEST - timedelta(hours=5 * index),
        )
        for position, user in enumerate(users)
        for index, title in enumerate(TASKS)
        if (user.pk, title) not in known
    ]
    return len(Task.objects.bulk_create(missing))
