"""What is written becomes a change once it is committed, and not before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import connection, transaction

from reflex_drf.live import (
    ModelChange,
    notify,
    register_live_model,
    unregister_live_model,
)
from reflex_drf.live.changes import row_key
from reflex_drf.live.relay import live_broadcaster, stop_receiver
from tests.counting import count_queries
from tests.shop.models import Product, Tag

pytestmark = pytest.mark.django_db(transaction=True)


class LoudProduct(Product):
    class Meta:
        proxy = True
        app_label = "shop"


def make(name: str = "Chair") -> Product:
    return Product.objects.create(name=name, sku=name, price=1)


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop for those who listen, which these tests do without."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.run_until_complete(stop_receiver())
    loop.close()


@pytest.fixture
def heard(loop: asyncio.AbstractEventLoop) -> Iterator[list[ModelChange]]:
    """The changes that are published of products."""
    changes: list[ModelChange] = []
    register_live_model(Product)
    live_broadcaster().listen("shop.product", changes.append, loop)
    yield changes
    live_broadcaster().unlisten("shop.product", changes.append)
    unregister_live_model(Product)


def said(changes: list[ModelChange]) -> list[tuple[str, Any]]:
    taken = [(change.action, change.pk) for change in changes]
    changes.clear()
    return taken


class TestWhatIsWritten:
    def test_saves_and_deletes(self, heard: list[ModelChange]) -> None:
        product = make()
        pk = product.pk
        assert said(heard) == [("created", pk)]
        product.save()
        assert said(heard) == [("updated", pk)]
        product.delete()
        assert said(heard) == [("deleted", pk)]

    def test_a_queryset_that_deletes(self, heard: list[ModelChange]) -> None:
        keys = {make("Chair").pk, make("Table").pk}
        heard.clear()
        Product.objects.all().delete()
        assert set(said(heard)) == {("deleted", key) for key in keys}

    def test_a_cascade(self, heard: list[ModelChange]) -> None:
        user = get_user_model().objects.create_user("alice")
        product = make()
        Product.objects.filter(pk=product.pk).update(owner=user)
        heard.clear()
        user.delete()
        assert said(heard) == [("deleted", product.pk)]

    def test_relations_from_their_side(self, heard: list[ModelChange]) -> None:
        product, tag = make(), Tag.objects.create(name="new")
        heard.clear()
        for write in (product.tags.add, product.tags.remove):
            write(tag)
            assert said(heard) == [("updated", product.pk)]
        product.tags.add(tag)
        heard.clear()
        product.tags.clear()
        assert said(heard) == [("updated", product.pk)]

    def test_relations_from_the_other_side(self, heard: list[ModelChange]) -> None:
        product, tag = make(), Tag.objects.create(name="new")
        heard.clear()
        tag.product_set.add(product)
        assert said(heard) == [("updated", product.pk)]
        tag.product_set.clear()
        assert said(heard) == [("updated", None)]

    def test_relations_that_another_model_names(self, loop: asyncio.AbstractEventLoop) -> None:
        # The field is on the user; the group knows it by its other side only.
        changes: list[ModelChange] = []
        register_live_model(Group)
        live_broadcaster().listen("auth.group", changes.append, loop)
        try:
            group = Group.objects.create(name="staff")
            user = get_user_model().objects.create_user("alice")
            changes.clear()
            user.groups.add(group)
            assert said(changes) == [("updated", group.pk)]
        finally:
            live_broadcaster().unlisten("auth.group", changes.append)
            unregister_live_model(Group)

    def test_a_proxy_writes_the_same_rows(self, heard: list[ModelChange]) -> None:
        product = LoudProduct.objects.create(name="Bell", sku="Bell", price=1)
        assert said(heard) == [("created", product.pk)]
        product.delete()
        assert [action for action, _ in said(heard)] == ["deleted"]

    def test_publishing_asks_the_database_nothing(self, heard: list[ModelChange]) -> None:
        product = make()
        with count_queries() as queries:
            product.save()
        assert len(queries) == 1


class TestTransactions:
    def test_nothing_is_said_before_the_commit(self, heard: list[ModelChange]) -> None:
        with transaction.atomic():
            product = make()
            assert heard == []
        assert said(heard) == [("created", product.pk)]

    def test_a_rollback_says_nothing(self, heard: list[ModelChange]) -> None:
        with transaction.atomic():
            make()
            transaction.set_rollback(True)
        assert heard == []

    def test_changes_of_one_row_are_one(self, heard: list[ModelChange]) -> None:
        with transaction.atomic():
            product = make()
            product.save()
            product.tags.add(Tag.objects.create(name="new"))
            product.save()
        assert said(heard) == [("created", product.pk)]

    def test_what_comes_and_goes_is_gone(self, heard: list[ModelChange]) -> None:
        with transaction.atomic():
            product = make()
            pk = product.pk
            product.delete()
        assert said(heard) == [("deleted", pk)]

    def test_a_savepoint_that_is_kept_belongs_to_its_transaction(
        self, heard: list[ModelChange]
    ) -> None:
        with transaction.atomic():
            with transaction.atomic():
                product = make()
            product.save()
            with transaction.atomic():
                other = make("Table")
        assert sorted(said(heard)) == [("created", product.pk), ("created", other.pk)]

    def test_a_savepoint_that_is_rolled_back_takes_its_changes_along(
        self, heard: list[ModelChange]
    ) -> None:
        with transaction.atomic():
            product = make()
            with transaction.atomic():
                make("Table")
                Product.objects.get(pk=product.pk).delete()
                transaction.set_rollback(True)
            other = make("Lamp")
        assert sorted(said(heard)) == [("created", product.pk), ("created", other.pk)]

    def test_one_transaction_does_not_leak_into_the_next(self, heard: list[ModelChange]) -> None:
        with transaction.atomic():
            make()
            transaction.set_rollback(True)
        with transaction.atomic():
            product = make()
        assert said(heard) == [("created", product.pk)]

    def test_many_rows_become_one_change(self, heard: list[ModelChange]) -> None:
        with transaction.atomic():
            for number in range(150):
                make(str(number))
        assert said(heard) == [("updated", None)]


class TestNotify:
    def rows(self, count: int = 2) -> list[Product]:
        names = [uuid4().hex[:8] for _ in range(count)]
        return Product.objects.bulk_create(
            [Product(name=name, sku=name, price=1) for name in names]
        )

    def test_instances_are_named(self, heard: list[ModelChange]) -> None:
        rows = self.rows()
        assert heard == []
        notify(rows, "created")
        assert said(heard) == [("created", row.pk) for row in rows]
        notify(rows[0])
        assert said(heard) == [("updated", rows[0].pk)]

    def test_too_many_to_name(self, heard: list[ModelChange]) -> None:
        notify(self.rows(101), "created")
        assert said(heard) == [("updated", None)]

    def test_instances_without_a_key(self, heard: list[ModelChange]) -> None:
        notify([Product(name="Chair")], "created")
        assert said(heard) == [("updated", None)]

    @pytest.mark.parametrize(
        "target", [lambda: Product, lambda: Product.objects.filter(active=True)]
    )
    def test_models_and_querysets_are_not_asked_which_rows(
        self, heard: list[ModelChange], target: Callable[[], Any]
    ) -> None:
        Product.objects.update(active=False)
        with count_queries() as queries:
            notify(target())
        assert len(queries) == 0
        assert said(heard) == [("updated", None)]

    def test_raw_sql_in_a_transaction(self, heard: list[ModelChange]) -> None:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("UPDATE shop_product SET stock = 0")
            notify(Product)
            assert heard == []
        assert said(heard) == [("updated", None)]

    def test_a_proxy_means_the_model(self, heard: list[ModelChange]) -> None:
        notify(LoudProduct)
        assert said(heard) == [("updated", None)]

    def test_several_models_at_once(self, heard: list[ModelChange]) -> None:
        product, tag = make(), Tag.objects.create(name="new")
        heard.clear()
        notify([tag, product])
        assert said(heard) == [("updated", product.pk)]

    @pytest.mark.parametrize("action", ["update", "changed", "", None])
    def test_what_is_no_action_is_an_error(self, action: Any) -> None:
        with pytest.raises(ValueError, match="known are created, updated, deleted"):
            notify(Product, action)

    @pytest.mark.parametrize("target", ["shop.Product", [1, 2], [Product(pk=1), "x"]])
    def test_what_has_no_rows_is_an_error(self, target: Any) -> None:
        with pytest.raises(TypeError, match="a model, a queryset or instances"):
            notify(target)


def test_keys_are_those_of_the_rows() -> None:
    key = uuid4()
    assert row_key(key) == str(key)
    assert row_key(7) == 7
    assert row_key("a") == "a"
