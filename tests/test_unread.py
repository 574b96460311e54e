"""Lists whose rows nobody sees but a serializer make no objects, and everything else does."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import wraps
from types import FrameType
from typing import Any

import pytest
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import F, Model, QuerySet
from django.db.models.signals import post_init
from django.test.utils import CaptureQueriesContext
from django.urls import path
from rest_framework import generics, pagination, permissions, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.test import APIClient, APIRequestFactory

from reflex_drf.backends import Call
from reflex_drf.backends.inprocess import call_view
from reflex_drf.state import ModelState
from reflex_drf.testing import Tab
from tests.origin import make_origin
from tests.shop.models import Category, Product, Tag
from tests.shop.serializers import CategorySerializer

pytestmark = pytest.mark.django_db

FIELDS = ["id", "name", "sku", "size", "price", "stock", "active", "released", "attrs", "category"]
ROWS = 7


@pytest.fixture(autouse=True)
def _nothing_seen() -> None:
    seen.clear()


@pytest.fixture(autouse=True)
def _rows() -> None:
    category = Category.objects.create(name="Tea")
    tag = Tag.objects.create(name="hot")
    for number in range(ROWS):
        row = Product.objects.create(
            name=f"P{number}",
            sku=f"S{number}",
            price=Decimal("1.10") * number,
            stock=number or None,
            category=category if number % 2 else None,
            attrs={"n": [number]},
        )
        row.tags.add(tag)


class Pages(pagination.PageNumberPagination):
    page_size = 3
    page_size_query_param = "size"


class Plain(serializers.ModelSerializer[Product]):
    class Meta:
        model = Product
        fields = [*FIELDS, "created_at"]


class StockViewSet(viewsets.ReadOnlyModelViewSet[Product]):
    queryset = Product.objects.order_by("-price", "id")
    serializer_class: Any = Plain
    pagination_class: Any = Pages
    renderer_classes = [JSONRenderer]


def with_serializer(name: str, **body: Any) -> type[StockViewSet]:
    """A view of which only the serializer is another one."""
    made = type(name, (Plain,), body)
    return type(f"{name}ViewSet", (StockViewSet,), {"serializer_class": made})


def with_pages(name: str, **body: Any) -> type[StockViewSet]:
    """A view of which only the paginator is another one."""
    made = type(name, (Pages,), body)
    return type(f"{name}ViewSet", (StockViewSet,), {"pagination_class": made})


class Nested(Plain):
    category = CategorySerializer()  # type: ignore[assignment]


class Offsets(pagination.LimitOffsetPagination):
    default_limit = 3


class Positions(pagination.CursorPagination):
    page_size = 3
    ordering = "id"


# -- What makes objects -----------------------------------------------------------------------


class Insisting(Plain):
    def __init__(self, rows: Any = None, **kwargs: Any) -> None:
        assert rows is None or isinstance(rows, list)
        super().__init__(rows, **kwargs)


class LookingAtRows(Plain):
    def to_representation(self, instance: Any) -> Any:
        return {**super().to_representation(instance), "kind": type(instance).__name__}


class CountingList(serializers.ListSerializer[Any]):
    def __init__(self, rows: Any = None, **kwargs: Any) -> None:
        assert rows is None or isinstance(rows, list)
        super().__init__(rows, **kwargs)


class InAList(Plain):
    class Meta(Plain.Meta):
        list_serializer_class = CountingList


class OwnListViewSet(StockViewSet):
    def list(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        assert isinstance(page, list)
        page.reverse()
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class OwnPagingViewSet(StockViewSet):
    def paginate_queryset(self, queryset: Any) -> Any:
        page = super().paginate_queryset(queryset)
        assert isinstance(page, list)
        return page[:2]


class OwnSerializingViewSet(StockViewSet):
    def get_serializer(self, rows: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        assert isinstance(rows, list)
        return super().get_serializer(rows[1:], **kwargs)


class OwnEnvelopeViewSet(StockViewSet):
    def get_paginated_response(self, data: Any) -> Response:
        names = [row.name for row in self.paginator.page]  # type: ignore[union-attr]
        return Response({"count": 1, "results": data, "names": names})


def envelope(self: Any, data: Any) -> Response:
    return Response({"names": [row.name for row in self.page], "results": data})


def reversed_page(self: Any, queryset: Any, request: Any, view: Any = None) -> Any:
    return Pages.paginate_queryset(self, queryset, request, view)[::-1]


class ByTwos(Paginator):  # type: ignore[type-arg]
    def page(self, number: Any) -> Any:
        page = super().page(number)
        page.object_list = list(page.object_list)[:2]
        return page


class AnnotatedViewSet(StockViewSet):
    queryset = Product.objects.annotate(twice=F("price") * 2).order_by("id")


class DeferringViewSet(StockViewSet):
    queryset = Product.objects.defer("attrs").order_by("id")


class MethodViewSet(StockViewSet):
    class Telling(Plain):
        stock = serializers.SerializerMethodField()

        def get_stock(self, row: Product) -> str:
            return f"{row.name}: {row.stock}"

    serializer_class = Telling


NO_OBJECTS = [
    StockViewSet,
    type("EachViewSet", (StockViewSet,), {"pagination_class": None}),
    type(
        "ByActionViewSet",
        (StockViewSet,),
        {"serializer_class": None, "get_serializer_class": lambda self: Plain},
    ),
    type("NestedViewSet", (StockViewSet,), {"serializer_class": Nested}),
    AnnotatedViewSet,
    with_pages("Large", page_size=100),
    with_pages("Unsized", page_size=None),
]
OBJECTS = [
    type("OffsetViewSet", (StockViewSet,), {"pagination_class": Offsets}),
    type("PositionViewSet", (StockViewSet,), {"pagination_class": Positions}),
    type("LookingViewSet", (StockViewSet,), {"serializer_class": LookingAtRows}),
    type("ListedViewSet", (StockViewSet,), {"serializer_class": InAList}),
    type("InsistingViewSet", (StockViewSet,), {"serializer_class": Insisting}),
    with_serializer("Many", many_init=classmethod(lambda cls, *a, **k: InAList(*a, many=True))),
    with_serializer("Text", to_representation=lambda self, row: str(row.name)),
    with_serializer("Data", data=property(lambda self: [1])),
    with_pages("Envelope", get_paginated_response=envelope),
    with_pages("Backwards", paginate_queryset=reversed_page),
    with_pages("Twos", django_paginator_class=ByTwos),
    *(OwnListViewSet, OwnPagingViewSet, OwnSerializingViewSet, OwnEnvelopeViewSet),
    *(DeferringViewSet, MethodViewSet),
]
QUERIES: list[dict[str, Any]] = [{}, {"page": 2}, {"page": "last"}, {"size": 5}, {"size": "x"}]
WRONG = [{"page": 9}, {"page": "x"}, {"page": 0}, {"page": -1}]


@contextmanager
def counted_objects() -> Iterator[list[Any]]:
    """Note the products that are made objects of, in this thread."""
    made: list[Any] = []
    code = Model.__init__.__code__

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code is code:
            made.append(frame.f_locals["self"])

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield made
    finally:
        sys.setprofile(before)


def over_http(view: Any, query: dict[str, Any]) -> Any:
    request = APIRequestFactory().get("/", query)
    response = view.as_view({"get": "list"})(request)
    return response.status_code, json.loads(response.render().content)


def in_process(view: Any, query: dict[str, Any]) -> Any:
    reply = call_view(Call(view=view, action="list", query=query), make_origin())
    return reply.status, json.loads(JSONRenderer().render(reply.data))


def asked(run: Any, *args: Any) -> tuple[Any, int]:
    with CaptureQueriesContext(connection) as queries:
        result = run(*args)
    return result, len(queries)


def without_links(answer: Any) -> Any:
    status, data = answer
    if isinstance(data, dict):
        data = {k: v for k, v in data.items() if k not in ("next", "previous")}
    return status, data


def assert_same(view: Any, query: dict[str, Any]) -> list[Any]:
    expected, queries = asked(over_http, view, query)
    with counted_objects() as made:
        found, ours = asked(in_process, view, query)
    assert without_links(found) == without_links(expected)
    # A related row more or less is another matter: those of all rows are fetched at once.
    assert ours <= queries
    return made


@pytest.mark.parametrize("query", [*QUERIES, *WRONG])
@pytest.mark.parametrize("view", NO_OBJECTS)
def test_a_list_of_columns_makes_no_objects(view: Any, query: dict[str, Any]) -> None:
    assert assert_same(view, query) == []


@pytest.mark.parametrize("query", [*QUERIES, *WRONG])
@pytest.mark.parametrize("view", OBJECTS)
def test_whoever_may_see_the_rows_gets_them(view: Any, query: dict[str, Any]) -> None:
    assert_same(view, query)


@pytest.mark.parametrize("view", OBJECTS)
def test_these_do_make_objects(view: Any) -> None:
    if view.serializer_class.data is Plain.data:
        assert assert_same(view, {})


def test_an_empty_table_is_an_empty_page() -> None:
    Product.objects.all().delete()
    for view in NO_OBJECTS:
        assert_same(view, {})
        assert_same(view, {"page": 2})


def test_a_receiver_of_new_objects_hears_of_each() -> None:
    heard: list[Any] = []

    def hear(instance: Any, **kwargs: Any) -> None:
        heard.append(instance)

    post_init.connect(hear, sender=Product)
    try:
        assert_same(StockViewSet, {})
    finally:
        post_init.disconnect(hear, sender=Product)
    # Over HTTP, and in process.
    assert len(heard) == 2 * 3


def test_it_can_be_turned_off(settings: Any) -> None:
    settings.REFLEX_DRF = {"COMPILED_REPRESENTATION": False}
    assert len(assert_same(StockViewSet, {})) == 3


def test_a_patch_of_django_or_drf_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    original = generics.GenericAPIView.paginate_queryset

    def two(self: Any, queryset: Any) -> Any:
        return (original(self, queryset) or [])[:2]

    monkeypatch.setattr(generics.GenericAPIView, "paginate_queryset", two)
    assert len(assert_same(StockViewSet, {})) == 3


class ShownViewSet(StockViewSet):
    """An action of its own that pages through the rows."""

    @action(detail=False)
    def names(self, request: Any) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        assert isinstance(page, list)
        return Response([row.name for row in page])


def test_an_action_that_pages_gets_its_rows() -> None:
    reply = call_view(Call(view=ShownViewSet, action="names"), make_origin())
    assert reply.data == ["P6", "P5", "P4"]


class EvenRows(permissions.BasePermission):
    def has_object_permission(self, request: Any, view: Any, obj: Any) -> bool:
        return view.action in ("list", "retrieve") or obj.pk % 2 == 0


class EvenViewSet(viewsets.ModelViewSet[Product]):
    queryset: QuerySet[Product] = Product.objects.order_by("id")
    serializer_class = Plain
    pagination_class = Pages
    permission_classes = [EvenRows]


class EvenState(ModelState):
    viewset = EvenViewSet


@pytest.mark.django_db(transaction=True)
async def test_permissions_of_rows_are_asked_of_objects() -> None:
    async with Tab() as tab:
        await tab.send(EvenState.load)
        rows = tab.get(EvenState, "data")
        assert len(rows) == 3
        may = tab.get(EvenState, "row_may")
        assert {key: about["destroy"] for key, about in may.items()} == {
            str(row["id"]): row["id"] % 2 == 0 for row in rows
        }


# -- Who gets to see what the serializer makes of the rows -------------------------------------


class Exact(Plain):
    """Shows values that JSON writes in another way."""

    price = serializers.DecimalField(8, 2, coerce_to_string=False)
    released = serializers.DateField(format=None)  # type: ignore[arg-type]


class ExactViewSet(StockViewSet):
    serializer_class = Exact


seen: list[set[type]] = []


def look(response: Any, *, late: bool = False) -> Any:
    """Note which kinds of prices a response holds, and change one as long as that counts."""
    rows = response.data["results"]
    seen.append({type(row["price"]) for row in rows})
    if not late:
        rows[0]["price"] = Decimal("1e3")
    return response


class LookingAtDataViewSet(ExactViewSet):
    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        return super().finalize_response(request, look(response), *args, **kwargs)


class DispatchingViewSet(ExactViewSet):
    def dispatch(self, *args: Any, **kwargs: Any) -> Any:
        return look(super().dispatch(*args, **kwargs))


def look_around(view: Any) -> Any:
    @wraps(view)
    def looking(*args: Any, **kwargs: Any) -> Any:
        return look(view(*args, **kwargs))

    return looking


def looking_middleware(get_response: Any) -> Any:
    def middleware(request: Any) -> Any:
        return look(get_response(request), late=True)

    return middleware


router = SimpleRouter()
router.register("looking", LookingAtDataViewSet, basename="looking")
router.register("dispatching", DispatchingViewSet, basename="dispatching")
router.register("exact", ExactViewSet, basename="exact")


class DecoratedViewSet(ExactViewSet):
    pass


urlpatterns = [
    *router.urls,
    path("decorated/", look_around(DecoratedViewSet.as_view({"get": "list"}))),
]
MIDDLEWARE = [
    "django.middleware.common.CommonMiddleware",
    "tests.test_unread.looking_middleware",
]


@pytest.mark.parametrize(
    ("name", "view", "middleware"),
    [
        ("looking", LookingAtDataViewSet, []),
        ("dispatching", DispatchingViewSet, []),
        ("decorated", DecoratedViewSet, []),
        ("exact", ExactViewSet, MIDDLEWARE),
    ],
)
def test_whoever_may_see_the_values_sees_those_of_drf(
    name: str, view: Any, middleware: list[str], settings: Any
) -> None:
    settings.ROOT_URLCONF, settings.MIDDLEWARE = __name__, middleware
    expected = APIClient().get(f"/{name}/").json()
    reply = call_view(Call(view=view, action="list"), make_origin())
    assert reply.data == expected
    # Over HTTP, and in process.
    assert seen == [{Decimal}, {Decimal}]


def test_a_caller_that_prepares_a_view_may_see_the_values() -> None:
    def prepare(view: Any) -> None:
        original = view.finalize_response
        view.finalize_response = lambda request, response, *a, **k: original(
            request, look(response), *a, **k
        )

    reply = call_view(Call(view=ExactViewSet, action="list", prepare=prepare), make_origin())
    assert reply.rows is not None
    assert reply.rows[0]["price"] == 1000
    assert seen == [{Decimal}]


class TellingRenderer(JSONRenderer):
    def render(self, data: Any, *args: Any, **kwargs: Any) -> bytes:
        seen.append({type(row["price"]) for row in data["results"]})
        return super().render(data, *args, **kwargs)


def test_a_renderer_of_the_project_gets_the_values_of_drf(settings: Any) -> None:
    view = type("ToldViewSet", (ExactViewSet,), {"renderer_classes": [TellingRenderer]})
    over_http(view, {})
    reply = call_view(Call(view=view, action="list"), make_origin())
    # As a middleware does that keeps the answer for others.
    assert reply.request.response.content
    assert seen == [{Decimal}, {Decimal}]


@pytest.mark.parametrize("pages", [Pages, None])
def test_values_that_nobody_sees_become_json_at_once(pages: Any) -> None:
    view = type("UnseenViewSet", (ExactViewSet,), {"pagination_class": pages})
    expected, queries = asked(over_http, view, {})
    reply, ours = asked(call_view, Call(view=view, action="list"), make_origin())
    data = reply.data if pages is None else reply.data["results"]
    assert data == (expected[1] if pages is None else expected[1]["results"])
    assert ours <= queries
    body = reply.request.response.data
    rows = body if pages is None else body["results"]
    assert {type(row["price"]) for row in rows} == {float}
    # What a handler does with its rows is of no consequence for the response.
    data[0]["price"] = -1
    assert rows[0]["price"] != -1


def test_what_json_has_no_number_for_is_no_error_of_the_view(settings: Any) -> None:
    handled: list[Any] = []

    class Endless(Plain):
        stock = serializers.FloatField()  # type: ignore[assignment]

    class EndlessViewSet(StockViewSet):
        serializer_class = Endless

        def get_exception_handler(self) -> Any:
            return lambda error, context: handled.append(error)

    Product.objects.update(stock=None)
    assert_same(EndlessViewSet, {})
    with connection.cursor() as cursor:
        cursor.execute("UPDATE shop_product SET stock = 9e999")
    with pytest.raises(ValueError, match="not JSON compliant"):
        over_http(EndlessViewSet, {})
    with pytest.raises(ValueError, match="not JSON compliant"):
        call_view(Call(view=EndlessViewSet, action="list"), make_origin())
    assert handled == []
