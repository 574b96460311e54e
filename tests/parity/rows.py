"""The rows every case begins with, and what is in the tables after it."""

from __future__ import annotations

import datetime
from typing import Any

from django.contrib.auth.models import Permission, User
from django.core.management.color import no_style
from django.db import connection
from rest_framework.authtoken.models import Token

from tests.origin import log_in
from tests.shop.models import Category, Order, OrderLine, Product, Tag, Task

THEN = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
MODELS: tuple[Any, ...] = (
    Category,
    Tag,
    Product,
    Product.tags.through,
    Order,
    OrderLine,
    Task,
)
# Set by the clock when a row is made, so never the same twice.
CLOCKED = frozenset({"created_at", "placed_at"})


def make_rows() -> dict[str, str | None]:
    """Fill the empty tables, and give a session key for each kind of user."""
    users = make_users()
    make_products(users["plain"])
    make_orders()
    Task.objects.bulk_create(
        Task(id=user.pk, owner=user, title=f"Task of {name}") for name, user in users.items()
    )
    Task.objects.update(created_at=THEN)
    reset_sequences()
    sessions: dict[str, str | None] = {name: log_in(user) for name, user in users.items()}
    return {**sessions, "anonymous": None}


def make_users() -> dict[str, Any]:
    names = ("plain", "permitted", "superuser")
    users = {
        name: User(id=index, username=name, is_superuser=name == "superuser", password="!")
        for index, name in enumerate(names, 1)
    }
    users["superuser"].is_staff = True
    User.objects.bulk_create(users.values())
    # All that Django's model permissions can give, and not on staff.
    users["permitted"].user_permissions.set(
        Permission.objects.filter(content_type__app_label="shop")
    )
    Token.objects.create(user=users["plain"], key="plain-key")
    return users


def make_products(owner: Any) -> None:
    names = ("tea", "vault", "moved", "closed", "coffee", "locked")
    Category.objects.bulk_create(Category(id=i, name=name) for i, name in enumerate(names, 1))
    Tag.objects.bulk_create(Tag(id=i, name=f"tag {i}") for i in range(1, 4))
    Product.objects.bulk_create(
        Product(
            id=i,
            owner=owner if i % 2 else None,
            category_id=(1, 2, 5)[i % 3] if i < 24 else 2,
            name=f"Tea {i}",
            sku="Odd sku ä" if i == 20 else f"S-{i}",
            price=f"{(i * 7) % 23}.50",
            stock=i if i % 4 else None,
            active=i % 5 != 0,
            attrs={"number": i},
            photo=f"photos/{i}.gif" if i == 2 else "",
        )
        for i in range(1, 26)
    )
    Product.objects.update(created_at=THEN)
    Product.tags.through.objects.bulk_create(
        Product.tags.through(id=i, product_id=i, tag_id=1 + i % 3) for i in range(1, 12)
    )


def make_orders() -> None:
    Order.objects.bulk_create(Order(id=i, customer=f"Customer {i}") for i in (1, 2))
    Order.objects.update(placed_at=THEN)
    OrderLine.objects.bulk_create(
        OrderLine(id=i, order_id=1 + i // 3, product_id=i, quantity=i) for i in range(1, 5)
    )


def reset_sequences() -> None:
    """Let the next row have the next number, after a rollback as well."""
    statements = connection.ops.sequence_reset_sql(no_style(), [User, *MODELS])
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def read_rows() -> dict[str, list[dict[str, Any]]]:
    """Give all that stands in the tables, without what the clock wrote."""
    return {
        model._meta.db_table: [
            {name: value for name, value in row.items() if name not in CLOCKED}
            for row in model.objects.order_by("pk").values()
        ]
        for model in MODELS
    }


def without_clock(body: Any) -> Any:
    """Replace the times of rows that were made just now."""
    if isinstance(body, dict):
        return {
            key: "now" if key in CLOCKED and is_recent(value) else without_clock(value)
            for key, value in body.items()
        }
    if isinstance(body, list):
        return [without_clock(item) for item in body]
    return body


def is_recent(value: Any) -> bool:
    return isinstance(value, str) and not value.startswith(THEN.date().isoformat())
