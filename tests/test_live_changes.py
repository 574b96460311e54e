"""What a change says, and how changes that wait are kept few."""

from __future__ import annotations

import pytest

from reflex_drf.live import (
    ACTION_CREATED,
    ACTION_UPDATED,
    ModelChange,
    model_label,
)
from reflex_drf.live.changes import Changes, unknown_rows
from tests.shop.models import OrderLine, Product


def change(action: str, pk: object = 1, label: str = "shop.product") -> ModelChange:
    return ModelChange(label, action, pk)


def test_a_model_is_named_by_app_and_class() -> None:
    assert model_label(Product) == "shop.product"
    assert model_label(OrderLine()) == "shop.orderline"


def test_a_change_says_what_happened() -> None:
    deleted = ModelChange(model_label="shop.product", action="deleted", pk=42)
    assert (deleted.is_create, deleted.is_update, deleted.is_delete) == (False, False, True)
    assert change(ACTION_CREATED).is_create
    assert change(ACTION_UPDATED).is_update


def test_a_change_is_a_value() -> None:
    assert change("updated") == change("updated")
    assert len({change("updated"), change("updated"), change("deleted")}) == 2


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ("created", "updated", "created"),
        ("created", "deleted", "deleted"),
        ("updated", "updated", "updated"),
        ("updated", "deleted", "deleted"),
        ("deleted", "created", "updated"),
    ],
)
def test_changes_of_one_row_are_one(first: str, second: str, together: str) -> None:
    changes = Changes()
    changes.extend([change(first), change(second)])
    assert changes.take() == [change(together)]
    assert changes.take() == []


def test_a_key_is_the_same_as_text() -> None:
    changes = Changes()
    changes.extend([change("created", 7), change("deleted", "7")])
    assert [each.action for each in changes.take()] == ["deleted"]


def test_rows_keep_their_order_and_models_stay_apart() -> None:
    given = [change("updated", 2), change("updated", 1), change("updated", 2, "shop.task")]
    changes = Changes()
    changes.extend(given)
    assert changes.take() == given


def test_unknown_rows_stand_for_all_of_their_model() -> None:
    changes = Changes()
    other = change("updated", 1, "shop.task")
    changes.extend([change("created"), other, unknown_rows("shop.product"), change("deleted", 3)])
    assert sorted(changes.take(), key=str) == sorted([unknown_rows("shop.product"), other], key=str)


def test_more_than_the_bound_becomes_one_per_model() -> None:
    changes = Changes(bound=10)
    for pk in range(1000):
        changes.add(change("updated", pk))
        changes.add(change("updated", pk, "shop.task"))
        assert len(changes) <= 10
    assert {each.pk for each in changes.take()} == {None}
