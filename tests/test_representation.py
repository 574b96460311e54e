"""Plain values are what a client reads out of the rendered body."""

from __future__ import annotations

import datetime
import decimal
import enum
import ipaddress
import json
import uuid
from collections import OrderedDict, namedtuple
from typing import Any

import pytest
from django.db import models
from django.http import QueryDict
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import strategies as st
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.renderers import JSONRenderer

from reflex_drf.representation import DEEPEST, REST, SEVERAL, plain
from tests.shop.models import Category
from tests.shop.serializers import CategorySerializer

Point = namedtuple("Point", "x y")


class Size(models.TextChoices):
    SMALL = "s", "Small"


class Colour(str, enum.Enum):  # noqa: UP042
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


class Array:
    """Stands for a numpy array."""

    def tolist(self) -> list[int]:
        return [1, 2]


def rendered(value: Any) -> Any:
    # In a list, because no data at all are rendered as no body at all.
    return json.loads(JSONRenderer().render([value]))[0]


def only_plain(value: Any) -> bool:
    if type(value) is dict:
        return all(type(key) is str and only_plain(item) for key, item in value.items())
    if type(value) is list:
        return all(only_plain(item) for item in value)
    return type(value) in {str, int, float, bool, type(None)}


BERLIN = datetime.timezone(datetime.timedelta(hours=2))
VALUES = [
    None, True, 0, 1.5, "", "ä\u2028", [], {}, (1, (2, 3)), Point(1, 2),
    decimal.Decimal("1.50"), uuid.UUID(int=5), datetime.timedelta(hours=1, microseconds=5),
    datetime.date(2026, 1, 2), datetime.time(3, 4), datetime.datetime(2026, 1, 2, 3, 4, 5, 678),
    datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
    datetime.datetime(2026, 1, 2, tzinfo=BERLIN),
    gettext_lazy("Yes"), mark_safe("<b>"), ErrorDetail("bad", code="x"),
    Size.SMALL, Colour.RED, Level.LOW, b"bytes", {1}, frozenset(), Array(),
    ipaddress.ip_address("::1"), ipaddress.ip_network("10.0.0.0/8"),
    OrderedDict(a=1), QueryDict("a=1&a=2&b=3"), {"a": {"b": [{"c": (Level.LOW,)}]}},
    {1: "a", 2.5: "b"}, {True: "c"}, {None: "d"}, {Size.SMALL: 1, Colour.RED: 2},
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_plain_is_what_the_rendered_body_says(value: Any) -> None:
    assert plain(value) == rendered(value)
    assert only_plain(plain(value))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.uuids()
        | st.floats(allow_nan=False, allow_infinity=False) | st.dates() | st.timedeltas()
        | st.datetimes() | st.decimals(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)  # fmt: skip
def test_any_value_is_what_the_rendered_body_says(value: Any) -> None:
    try:
        expected = rendered(value)
    except (OverflowError, ValueError) as error:
        with pytest.raises(type(error)):
            plain(value)
    else:
        assert plain(value) == expected
        assert only_plain(plain(value))


MIXED = st.sampled_from([value for value in VALUES if not isinstance(value, QueryDict)])
FLOATS = st.sampled_from([0.5, -0.0, 3.0])


@given(st.lists(st.fixed_dictionaries({"a": MIXED, "b": FLOATS, "": MIXED}), max_size=9))
def test_rows_are_what_the_rendered_body_says(rows: list[dict[str, Any]]) -> None:
    before = [dict(row) for row in rows]
    shown = plain(rows)
    assert shown == rendered(rows)
    assert only_plain(shown)
    assert rows == before
    assert not any(new is old for new, old in zip(shown, rows, strict=True))


@pytest.mark.parametrize(
    "odd",
    [
        {"b": 1, "a": 2},
        {"a": 1},
        {"a": 1, "b": 2, "c": 3},
        {"a": 1, 2: 3},
        OrderedDict(a=1, b=2),
        ["a", "b"],
        None,
        Point(1, 2),
        {mark_safe("a"): Level.LOW, "b": Size.SMALL},
    ],
    ids=repr,
)
@pytest.mark.parametrize("place", [0, 2, 5])
def test_rows_need_not_be_alike(odd: Any, place: int) -> None:
    rows: list[Any] = [{"a": n, "b": Colour.RED} for n in range(5)]
    rows.insert(place, odd)
    assert plain(rows) == rendered(rows)
    assert json.dumps(plain(rows)) == json.dumps(rendered(rows))
    assert only_plain(plain(rows))


def test_rows_are_refused_for_the_first_value_that_no_json_has() -> None:
    rows: list[Any] = [{"a": 1.0, "b": float(n)} for n in range(6)]
    rows[4]["a"], rows[2]["b"] = float("nan"), float("inf")
    with pytest.raises(ValueError, match="inf"):
        plain(rows)
    rows[1]["a"] = object()
    with pytest.raises(TypeError):
        plain(rows)


def test_rows_keep_numbers_that_a_project_allows(settings: Any) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "STRICT_JSON": False}
    rows = [{"a": float(n)} for n in range(6)]
    rows[3]["a"] = float("inf")
    assert plain(rows) == rows


@pytest.mark.parametrize("width", [1, SEVERAL])
@pytest.mark.parametrize("wrap", [lambda v, n: [v] * n, lambda v, n: [{"a": v}] * n])
def test_what_is_too_deep_for_those_who_walk_through_it_is_cut(wrap: Any, width: int) -> None:
    value: Any = 1
    for _ in range(900):
        value = [value]
    shown, depth = plain(wrap(value, width)), 0
    assert len(shown) == width
    while isinstance(shown, (list, dict)):
        shown, depth = (shown[0] if isinstance(shown, list) else shown["a"]), depth + 1
    assert (shown, depth) == (REST, DEEPEST)


def test_a_generator_is_a_list() -> None:
    assert plain({"n": (i for i in range(2))}) == {"n": [0, 1]}


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_json_does_not_have_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        plain([number])
    with pytest.raises(ValueError, match="JSON compliant"):
        plain({number: 1})


def test_a_project_may_allow_such_numbers(settings: Any) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "STRICT_JSON": False}
    assert plain(float("inf")) == float("inf")


@pytest.mark.parametrize("value", [object(), {"a": Category()}, [CategorySerializer]])
def test_what_json_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        plain(value)


def test_a_key_that_json_cannot_hold_is_refused() -> None:
    with pytest.raises(TypeError, match="tuple"):
        plain({(1, 2): 3})


def test_a_lazy_key_is_its_text() -> None:
    assert plain({gettext_lazy("Yes"): 1}) == {"Yes": 1}


@pytest.mark.django_db
def test_drfs_own_containers_let_go_of_their_serializer() -> None:
    category = Category.objects.create(name="a")
    one = CategorySerializer(category).data
    many = CategorySerializer([category], many=True).data
    assert hasattr(one, "serializer")
    assert only_plain(plain(one))
    assert plain(many) == [{"id": category.pk, "name": "a"}]
    assert type(plain(many)) is list


@pytest.mark.django_db
def test_a_queryset_of_values_is_a_list() -> None:
    Category.objects.create(name="a")
    assert plain(Category.objects.values_list("name")) == [["a"]]


def test_fields_that_do_not_coerce_are_still_plain() -> None:
    class Odd(serializers.Serializer[Any]):
        much = serializers.DecimalField(max_digits=5, decimal_places=2, coerce_to_string=False)
        at = serializers.DateTimeField(format=None)

    values = {"much": decimal.Decimal("1.50"), "at": datetime.datetime(2026, 1, 2)}
    assert plain(Odd(values).data) == {"much": 1.5, "at": "2026-01-02T00:00:00"}
