"""Whatever a client sends: a clear answer or a line in the log, and nothing changed."""

from __future__ import annotations

import inspect
import json
import logging
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.filters import OrderingFilter
from rest_framework.pagination import CursorPagination, PageNumberPagination
from rest_framework.test import APIClient

from reflex_drf.state import ModelState, UserScopedMixin
from reflex_drf.testing import Tab
from tests.shop.models import Category, Order, OrderLine, Product, Tag, Task
from tests.shop.views import OrderViewSet, ProductViewSet, TagViewSet, TaskViewSet

pytestmark = pytest.mark.django_db(transaction=True)


class BadPages(PageNumberPagination):
    page_size, page_size_query_param, max_page_size = 3, "size", 50


class BadCursor(CursorPagination):
    page_size, ordering = 2, "id"


class BadProductViewSet(ProductViewSet):
    pagination_class = BadPages


class BadTagViewSet(TagViewSet):
    pagination_class = BadCursor


class BadProductState(ModelState):
    viewset = BadProductViewSet


class BadTaskState(ModelState):
    viewset = TaskViewSet


class BadOrderState(ModelState):
    viewset = OrderViewSet


class BadTagState(ModelState):
    viewset = BadTagViewSet


class BadScopedState(UserScopedMixin, ModelState):
    model = Task
    fields = ["title", "done"]


STATES = [BadProductState, BadTaskState, BadOrderState, BadTagState, BadScopedState]
HANDLERS = [(state, name) for state in STATES for name in state.event_handlers]
MODELS = [Category, Order, OrderLine, Product, Tag, Task, get_user_model(), Session]

DEEP: Any = "x"
for _ in range(90):
    DEEP = [DEEP]

# None of them is a key, a page, a filter, an ordering or a form.
VALUES: list[Any] = [
    *(None, True, -1, 0, 1.5, 10**30, -(2**63) - 1, float("nan"), float("inf")),
    *("", " ", "abc", "../", "../1", "1/2", "%2e%2e", "9" * 30, "x" * 5000, "\x00", "\ud800", "?"),
    *([], [None], [[1]], [{"a": 1}], {}, {"a": 1}, {"a": {"b": [1]}}, DEEP, {"a": DEEP}),
    *({"\x00": "\x00"}, {"\ud800": "\ud800"}, {"owner__password__startswith": "pbkdf2_"}),
    *({"format": "api"}, {"page": "2"}, {"id__in": "1,2"}, {"active": {"a": 1}}, {"size": [1]}),
    {"name": None, "sku": [1], "price": "NaN", "attrs": {"a": float("nan")}, "tags": [10**40]},
    {"name": "a\x00", "sku": "\ud800", "price": "1e400", "stock": "9" * 30, "released": "x"},
    {
        "title": "a\x00",
        "customer": "\x00",
        "lines": [{"product": 10**40, "quantity": float("inf")}],
    },
    {"customer": "C", "lines": [{"product": "x"}, 3]},
]


@sync_to_async
def everything() -> dict[str, Any]:
    """All rows there are."""
    return {
        model.__name__: list(model._default_manager.order_by("pk").values()) for model in MODELS
    }


@pytest.fixture
def people() -> dict[str, Any]:
    make = get_user_model().objects.create_user
    alice, bob = make("alice"), make("bob")
    category = Category.objects.create(name="Chairs")
    Tag.objects.bulk_create(Tag(name=f"Tag {n}") for n in range(5))
    for n in range(5):
        product = Product.objects.create(
            name=f"P{n}", sku=f"s{n}", price=1, stock=0, owner=bob, category=category
        )
    OrderLine.objects.create(order=Order.objects.create(customer="Bob"), product=product)
    Task.objects.create(owner=bob, title="Bob's")
    return {"visitor": None, "alice": alice, "root": get_user_model().objects.create_superuser("r")}


def arguments(state: Any, name: str) -> list[str]:
    return list(inspect.signature(state.event_handlers[name].fn).parameters)[1:]


def is_told(state: Any, tab: Tab, caplog: pytest.LogCaptureFixture) -> bool:
    """Whether there is something for the page or for the log."""
    told = tab.get(state, "error") or tab.get(state, "field_errors")
    return bool(told) or "Refused the event" in caplog.text


def assert_no_traceback(tab: Tab) -> None:
    sent = json.dumps([tab.deltas, tab.events])
    for word in ("Traceback", 'File \\"', "site-packages", "Error(", "Exception"):
        assert word not in sent


class TestEveryHandler:
    """The user is one who may do everything, so that nothing else keeps bad input out."""

    @pytest.mark.parametrize(("state", "name"), HANDLERS, ids=str)
    async def test_wrong_values_change_nothing(
        self, state: Any, name: str, people: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        full_name = f"{state.get_full_name()}.{name}"
        async with Tab(user=people["root"]) as tab:
            before = await everything()
            for argument in arguments(state, name):
                for value in VALUES:
                    caplog.clear()
                    await tab.send_name(full_name, {argument: value})
                    if argument in ("pk", "page", "size", "params") and value not in (None, {}):
                        assert is_told(state, tab, caplog), value
            if "data" in arguments(state, name):
                for value in VALUES:
                    await tab.send_name(full_name, {"pk": 10**6, "data": value}, raises=True)
            after = await everything()
            if name == "export":
                # A ticket for what can be exported is kept among the sessions, and expires.
                after["Session"] = before["Session"]
            assert after == before
            assert_no_traceback(tab)
            await tab.send(state.load)
            assert tab.get(state, "error") == ""

    @pytest.mark.parametrize(("state", "name"), HANDLERS, ids=str)
    async def test_arguments_that_do_not_fit_are_refused(
        self, state: Any, name: str, people: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        full_name = f"{state.get_full_name()}.{name}"
        required = [
            parameter.name
            for parameter in inspect.signature(state.event_handlers[name].fn).parameters.values()
            if parameter.default is parameter.empty
        ][1:]
        payloads = [{"bogus": "secret-value"}, {"self": "secret-value"}]
        async with Tab(user=people["root"]) as tab:
            before = await everything()
            for payload in payloads + [{}] * bool(required):
                caplog.clear()
                with caplog.at_level(logging.DEBUG):
                    await tab.send_name(full_name, payload)
                kind = "unknown event" if name == "setvar" else "event"
                assert f"Refused the {kind} {full_name}" in caplog.text
                assert "secret-value" not in caplog.text
            assert await everything() == before
            assert tab.errors == []


class TestQueries:
    @pytest.mark.parametrize(
        ("name", "payload"),
        [
            ("filter", {"params": {"owner__password__startswith": "pbkdf2_"}}),
            ("filter", {"params": {"owner__password__startswith": "pbkdf2_", "active": True}}),
            ("filter", {"params": {"format": "api"}}),
            ("filter", {"params": {"pk__in": "1"}}),
            ("filter", {"params": {"search": "x"}}),
            ("filter", {"params": {"page": "2"}}),
            ("filter", {"params": {"category": "nonsense"}}),
            ("filter", {"params": {"category": "9" * 30}}),
            ("set_ordering", {"value": "owner__password"}),
            ("set_ordering", {"value": "-owner__password,name"}),
            ("set_ordering", {"value": "?"}),
            ("set_search", {"value": "\x00"}),
            ("go_to_page", {"page": 10**12}),
            ("paginate", {"page": "last"}),
            ("paginate", {"page_size": 51}),
            ("set_page_size", {"size": 10**9}),
        ],
        ids=str,
    )
    async def test_the_list_stays_as_it_was(self, name: str, payload: Any, people: Any) -> None:
        shown = ("data", "page", "page_size", "total_count", "search", "ordering", "filters")
        async with Tab() as tab:
            await tab.send(BadProductState.go_to_page(2))
            before = {var: tab.get(BadProductState, var) for var in shown}
            assert [row["name"] for row in before["data"]] == ["P3", "P4"]
            await tab.send_name(f"{BadProductState.get_full_name()}.{name}", payload)
            assert tab.get(BadProductState, "error") or tab.get(BadProductState, "field_errors")
            assert {var: tab.get(BadProductState, var) for var in shown} == before

    async def test_a_cursor_is_not_for_the_client_to_say(self, people: Any) -> None:
        prefix = BadTagState.get_full_name()
        async with Tab() as tab:
            for name in ("_position", "_next", "go_to_page", "paginate", "set_page_size"):
                await tab.send_name(f"{prefix}.{name}", {"page": "bzE9MQ=="})
            await tab.send(BadTagState.next_page)
            assert tab.get(BadTagState, "data") == []


class TestSize:
    async def test_what_http_refuses_for_its_size_is_refused_here(self, people: Any) -> None:
        big = {"note": "x" * 3_000_000}
        form = {"name": "N", "sku": "new", "price": "1", "attrs": big}
        client = APIClient()
        await sync_to_async(client.force_login)(people["root"])
        over_http = await sync_to_async(client.post)("/api/products/", form, format="json")
        assert over_http.status_code == 400
        async with Tab(user=people["root"]) as tab:
            before = await everything()
            await tab.send_name(f"{BadProductState.get_full_name()}.save", {"form_data": form})
            error = tab.get(BadProductState, "error")
            assert error
            assert "<" not in error
            assert await everything() == before
            await tab.send(BadProductState.set_attrs(""))
            await tab.send(BadProductState.load)
            assert tab.get(BadProductState, "error") == ""

    async def test_ten_megabytes_do_not_stop_the_tab(self, people: Any) -> None:
        before = await everything()
        prefix = BadProductState.get_full_name()
        async with Tab() as tab:
            for name, payload in (
                ("set_name", {"value": "x" * 10**7}),
                ("set_search", {"value": "x" * 10**5}),
                ("filter", {"params": {"size": "x" * 10**6}}),
                ("start_edit", {"pk": "x" * 10**6}),
                ("save", {}),
            ):
                await tab.send_name(f"{prefix}.{name}", payload)
            await tab.send(BadProductState.load)
            assert len(tab.get(BadProductState, "data")) == 3
            assert_no_traceback(tab)
        assert await everything() == before

    async def test_thousands_of_terms_to_sort_by_are_one_question(
        self, people: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[Any] = []
        known = OrderingFilter.get_valid_fields

        def counted(*args: Any) -> Any:
            asked.append(args)
            return known(*args)

        monkeypatch.setattr(OrderingFilter, "get_valid_fields", counted)
        async with Tab() as tab:
            value = "name," * 20_000
            await tab.send_name(f"{BadProductState.get_full_name()}.set_ordering", {"value": value})
            assert tab.get(BadProductState, "error")
            assert tab.get(BadProductState, "ordering") == ""
        assert len(asked) == 1


class TestTextsOfJson:
    """What a text says is judged like what is sent as it is."""

    @pytest.mark.parametrize("depth", [150, 600, 100_000])
    async def test_what_is_nested_too_deeply_is_refused(self, depth: int, people: Any) -> None:
        async with Tab(user=people["root"]) as tab:
            form = {"name": "N", "sku": "new", "price": "1", "attrs": "[" * depth + "]" * depth}
            await tab.send(BadProductState.save(form))
            assert tab.get(BadProductState, "field_errors") == {
                "attrs": "Value must be valid JSON."
            }

    async def test_a_row_that_is_stored_so_keeps_no_other_from_anybody(self, people: Any) -> None:
        client, text = APIClient(), "[" * 900 + "]" * 900
        await sync_to_async(client.force_login)(people["root"])
        body = f'{{"name": "Z", "sku": "new", "price": "1", "attrs": {text}}}'
        over_http = await sync_to_async(client.post)(
            "/api/products/", body, content_type="application/json"
        )
        assert over_http.status_code == 201
        product = await Product.objects.aget(sku="new")
        async with Tab(user=people["root"]) as tab:
            await tab.send(BadProductState.set_ordering("-name"))
            assert [row["name"] for row in tab.seen(BadProductState, "data")] == ["Z", "P4", "P3"]
            await tab.send(BadProductState.start_edit(product.pk))
            await tab.send(BadProductState.save({"name": "Y"}))
            # Whoever was not shown all of it does not overwrite it.
            assert set(tab.seen(BadProductState, "field_errors")) == {"attrs"}
            await tab.send(BadProductState.delete(product.pk))
            assert tab.seen(BadProductState, "data")[0]["name"] == "P4"

    async def test_half_characters_are_replaced(self, people: Any) -> None:
        async with Tab(user=people["root"]) as tab:
            form = {"name": "N", "sku": "new", "price": "1", "attrs": '{"\\udfff": ["a\\ud800"]}'}
            await tab.send(BadProductState.save(form))
            assert tab.get(BadProductState, "field_errors") == {}
        product = await Product.objects.aget(sku="new")
        assert product.attrs == {"\ufffd": ["a\ufffd"]}


# -- Any payload to any handler -------------------------------------------------------------

texts = st.text(st.characters(codec=None), max_size=20) | st.sampled_from(
    ["1", "2", "name", "-price", "\x00", "\ud800", "../1", "true", "[]", "{}", "null", "NaN"]
)
scalars = (
    st.none() | st.booleans() | st.integers(-3, 10**9) | st.floats(allow_nan=True) | texts
)  # fmt: skip
keys = texts | st.sampled_from(
    [*("name", "sku", "price", "owner", "owner_id", "id", "pk", "title", "tags", "attrs", "amount"),
     *("category", "active", "size", "format", "page", "customer", "lines", "done", "photo")]
)  # fmt: skip
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4)
)


@st.composite
def sent_events(draw: Any) -> tuple[str, dict[str, Any]]:
    state, name = draw(st.sampled_from([h for h in HANDLERS if h[0] is not BadOrderState]))
    taken = dict.fromkeys(arguments(state, name), values)
    if name == "setvar":
        taken["var_name"] = st.sampled_from(["name", "attrs", "title", "data", "_next", "error"])
    payload = draw(st.fixed_dictionaries({}, optional={**taken, "bogus": values}))
    return f"{state.get_full_name()}.{name}", payload


@sync_to_async
def protected() -> dict[str, Any]:
    """What neither a visitor nor a user without permissions may change over HTTP."""
    bob = get_user_model().objects.get(username="bob")
    columns = [f.attname for f in Product._meta.concrete_fields if f.name != "stock"]
    return {
        "products": list(Product.objects.values(*columns)),
        "tasks": list(Task.objects.filter(owner=bob).values()),
        "users": list(get_user_model().objects.order_by("pk").values()),
        "others": [list(model.objects.values()) for model in (Category, Tag, Order, OrderLine)],
    }


@pytest.mark.parametrize("who", ["visitor", "alice"])
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(events=st.lists(sent_events(), min_size=1, max_size=5))
async def test_any_payload_does_no_more_than_http_allows(
    who: str, events: list[Any], people: dict[str, Any]
) -> None:
    before = await protected()
    async with Tab(user=people[who]) as tab:
        for name, payload in events:
            await tab.send_name(name, payload)
        assert_no_traceback(tab)
        json.dumps(tab.deltas, ensure_ascii=False).encode()
        for state in (BadProductState, BadTagState):
            await tab.send(state.load)
            assert tab.get(state, "loading") is False
        assert "Bob's" not in json.dumps(tab.deltas)
    assert await protected() == before
