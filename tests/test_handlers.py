"""What the generated handlers ask of the viewset, and how they take its answers."""

from __future__ import annotations

import asyncio
import io
import threading
from pathlib import Path
from typing import Any

import pytest
import reflex as rx
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.test import RequestFactory, override_settings
from django.urls import include, path
from rest_framework import filters, mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import APIException
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from starlette.datastructures import Headers

from reflex_drf.backends import Backend, Call, Reply
from reflex_drf.bridge.threads import pools
from reflex_drf.errors import BackendUnavailable, ConfigurationError, ErrorReport
from reflex_drf.state.addresses import filter_text, positive_number
from reflex_drf.state.model import ModelListView, ModelState, UserScopedMixin
from reflex_drf.state.user import AppState
from reflex_drf.state.writing import _django_file
from reflex_drf.testing import Tab
from tests.counting import count_queries
from tests.shop.models import Category, Product, Task
from tests.shop.serializers import CategorySerializer, ProductSerializer, TaskSerializer
from tests.shop.views import ProductViewSet, TaskViewSet
from tests.test_threads import until

pytestmark = pytest.mark.django_db(transaction=True)


@sync_to_async
def a_user(name: str = "alice", **fields: Any) -> Any:
    return get_user_model().objects.create_user(name, password="secret", **fields)


class TaskState(ModelState):
    viewset = TaskViewSet


class ProductState(ModelState):
    viewset = ProductViewSet


class SlowViewSet(ProductViewSet):
    begun, gate = threading.Event(), threading.Event()

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        self.begun.set()
        assert self.gate.wait(10)
        return super().initialize_request(request, *args, **kwargs)


class SlowState(ModelState):
    viewset = SlowViewSet


async def test_a_tab_that_is_closed_in_the_middle_of_a_call_is_no_error_of_the_server(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Tab() as tab:
        sent = await tab.start(SlowState.load)
        assert await asyncio.to_thread(SlowViewSet.begun.wait, 10)
        sent.cancel()
        await sent.join()
        SlowViewSet.gate.set()
        await until(lambda: not any(thread.pending for thread in pools.current().all))
    assert caplog.messages == []


class TestCost:
    async def test_a_visitor_costs_only_the_list(self) -> None:
        await Product.objects.acreate(name="A", sku="1", price=1)
        async with Tab() as tab:
            await tab.send(ProductState.load)
            with count_queries() as queries:
                await tab.send(ProductState.load)
        # The count of the paginator, the rows, and their tags.
        assert len(queries) == 3, queries

    async def test_session_and_user_are_looked_up_once_in_an_event(self) -> None:
        async with Tab(user=await a_user()) as tab:
            await tab.send(TaskState.load)
            with count_queries() as queries:
                await tab.send(TaskState.save({"title": "A"}))
        found = [
            sql.split(" FROM ")[1].split('"')[1] for sql in queries.statements if "FROM" in sql
        ]
        assert found.count("django_session") == 1, queries
        assert found.count("auth_user") == 1, queries
        # Session, user, the new row, then the list's count and rows.
        assert len(queries) == 5, queries


class TestUploads:
    @pytest.mark.parametrize("name", ["../../evil.txt", "..", "photo/..", "", "."])
    async def test_a_file_is_saved_with_the_form(self, name: str, tmp_path: Any) -> None:
        admin = await a_user(is_superuser=True)
        with override_settings(MEDIA_ROOT=tmp_path):
            async with Tab(user=admin) as tab:
                await tab.send(ProductState.set_name("A"))
                await tab.send(ProductState.set_sku("1"))
                await tab.send(ProductState.set_price("1.10"))
                file = make_upload(name, b"photo")
                await tab.upload(ProductState.upload_photo, [file])
                assert tab.get(ProductState, "error") == ""
                assert tab.get(ProductState, "field_errors") == {}
            product = await Product.objects.aget()
            with product.photo.open() as stored:
                assert stored.read() == b"photo"
            assert product.photo.name.startswith("photos/")
            assert ".." not in product.photo.name

    @pytest.mark.parametrize("name", ["a\x00b.png", "a\x07b.png", "x\\ab.png", "&#97;b.png"])
    def test_what_a_browser_says_of_a_file_is_read_as_over_http(self, name: str) -> None:
        kind = "audio/webm;codecs=opus"
        body = (
            f'--b\r\nContent-Disposition: form-data; name="f"; filename="{name}"\r\n'
            f"Content-Type: {kind}\r\n\r\nsound\r\n--b--\r\n"
        )
        request = RequestFactory().post("/", body, content_type="multipart/form-data; boundary=b")
        over_http: Any = request.FILES["f"]
        ours = _django_file(make_upload(name, b"sound", kind))
        for each in (ours, over_http):
            assert (each.name, each.content_type) == ("ab.png", "audio/webm")
        assert (ours.size, ours.read()) == (over_http.size, over_http.read())


def make_upload(name: str, content: bytes, kind: str = "") -> rx.UploadFile:
    """A file as Reflex hands it to a handler."""
    headers = Headers({"content-type": kind} if kind else {})
    return rx.UploadFile(file=io.BytesIO(content), path=Path(name), headers=headers)


class PutOnlyViewSet(
    mixins.CreateModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[Category],
):
    queryset = Category.objects.all()
    serializer_class = CategorySerializer
    permission_classes = [AllowAny]

    def update(self, request: Request, pk: str) -> Response:
        serializer = self.get_serializer(self.get_object(), data=request.data)
        serializer.is_valid(raise_exception=True)
        serializer.save()
        return Response(serializer.data)

    @action(detail=False, methods=["get", "post"])
    def both(self, request: Request) -> Response:
        return Response({"method": request.method, "data": request.data or request.query_params})

    @action(detail=True, methods=["post"])
    def mark(self, request: Request, pk: str) -> Response:
        return Response({"marked": pk})

    @mark.mapping.delete
    def unmark(self, request: Request, pk: str) -> Response:
        return Response(status=status.HTTP_204_NO_CONTENT)

    @action(detail=False, methods=["post"])
    def conflict(self, request: Request) -> Response:
        raise ConflictError

    @action(detail=False, methods=["post"])
    def silent(self, request: Request) -> Response:
        return Response(status=418)


class ConflictError(APIException):
    status_code = 409
    default_detail = ""


class PutState(ModelState):
    viewset = PutOnlyViewSet


class NoPatchViewSet(PutOnlyViewSet, viewsets.ModelViewSet[Category]):
    queryset = Category.objects.order_by("id")
    http_method_names = ["get", "post", "put"]


class NoPatchState(ModelState):
    viewset = NoPatchViewSet


class TestAvailability:
    def test_handlers_follow_the_actions(self) -> None:
        handlers = set(PutState.event_handlers)
        assert {"save", "create", "update", "start_edit", "both", "mark", "unmark"} <= handlers
        assert not {"load", "refresh", "delete", "next_page", "set_search", "filter"} & handlers
        with pytest.raises(AttributeError, match="PutState has no handler 'load', because PutOnly"):
            _ = PutState.load

    async def test_a_row_is_saved_whole_where_it_cannot_be_saved_in_part(self) -> None:
        row = await Category.objects.acreate(name="Old")
        async with Tab() as tab:
            await tab.send(PutState.start_edit(row.pk))
            await tab.send(PutState.set_name("New"))
            await tab.send(PutState.save)
            assert tab.get(PutState, "error") == ""
        assert (await Category.objects.aget()).name == "New"

    async def test_what_the_viewsets_methods_leave_out_is_not_there(self) -> None:
        row = await Category.objects.acreate(name="Old")
        handlers = set(NoPatchState.event_handlers)
        assert {"load", "save", "update", "both"} <= handlers
        assert not {"delete", "edit_cell", "preview_delete", "unmark"} & handlers
        async with Tab() as tab:
            await tab.send(NoPatchState.load)
            known = {"list", "create", "retrieve", "update", "both", "mark", "conflict", "silent"}
            assert set(tab.get(NoPatchState, "may")) == known
            await tab.send(NoPatchState.start_edit(row.pk))
            await tab.send(NoPatchState.set_name("New"))
            await tab.send(NoPatchState.save)
            assert tab.get(NoPatchState, "error") == ""
        assert (await Category.objects.aget()).name == "New"

    async def test_actions_of_several_methods(self) -> None:
        async with Tab() as tab:
            await tab.send(PutState.both)
            assert tab.get(PutState, "action_data")["both"]["method"] == "GET"
            await tab.send(PutState.both({"a": 1}))
            assert tab.get(PutState, "action_data")["both"] == {"method": "POST", "data": {"a": 1}}
            await tab.send(PutState.mark("7"))
            assert tab.get(PutState, "action_data")["mark"] == {"marked": "7"}
            await tab.send(PutState.unmark("7"))
            assert tab.get(PutState, "action_data")["unmark"] is None

    async def test_every_refusal_says_something(self) -> None:
        async with Tab() as tab:
            await tab.send(PutState.conflict)
            assert tab.get(PutState, "error")
            await tab.send(PutState.silent)
            assert tab.get(PutState, "error") == "I'm a Teapot"

    def test_a_list_view_has_actions_only_for_reading(self) -> None:
        class Reading(AppState, ModelListView):
            viewset = ProductViewSet

        assert "summary" in Reading.event_handlers
        assert not {"restock", "discontinue", "upload_photo"} & set(Reading.event_handlers)

    def test_an_action_of_a_taken_name_can_be_renamed(self) -> None:
        class Resetting(TaskViewSet):
            @action(detail=True, methods=["post"])
            def reset(self, request: Request, pk: str) -> Response:
                return Response()

        with pytest.raises(ConfigurationError, match=r"'reset'.*action_handlers"):

            class Clashing(ModelState):
                viewset = Resetting

        class Renamed(ModelState):
            viewset = Resetting
            action_handlers = {"reset": "reset_task"}

        assert "reset_task" in Renamed.event_handlers


class HidingState(ModelState):
    viewset = ProductViewSet
    exclude_from_row = ["stock"]


async def test_actions_show_no_more_than_rows() -> None:
    row = await Product.objects.acreate(name="A", sku="1", price=1, stock=3)
    async with Tab(user=await a_user()) as tab:
        await tab.send(HidingState.restock(row.pk, {"amount": 1}))
        assert tab.get(HidingState, "action_data")["restock"]["name"] == "A"
        assert "stock" not in tab.get(HidingState, "action_data")["restock"]
        assert "'stock': 4" not in str(tab.deltas)


class InCategory(viewsets.ModelViewSet[Product]):
    serializer_class = ProductSerializer
    permission_classes = [AllowAny]
    queryset = Product.objects.all()

    def get_queryset(self) -> Any:
        return Product.objects.filter(category_id=self.kwargs["category_pk"])

    @action(detail=True, methods=["post"], url_path="raise/(?P<amount>[0-9]+)")
    def raise_price(self, request: Request, amount: str, **kwargs: str) -> Response:
        return Response({"price": str(self.get_object().price + int(amount))})


class InCategoryState(ModelState):
    viewset = InCategory


class RaisingState(ModelState):
    viewset = InCategory

    def get_url_kwargs(self) -> dict[str, Any]:
        return {"amount": 2}


class InFirstState(ModelState):
    viewset = InCategory
    chosen: int = 0

    def get_url_kwargs(self) -> dict[str, Any]:
        return {"category_pk": self.chosen}

    @rx.event
    async def choose(self, key: int) -> Any:
        self.chosen = key
        return await self.load()


router = SimpleRouter()
router.register("products", InCategory, basename="nested")
urlpatterns = [path("categories/<int:category_pk>/", include(router.urls))]


class TestRoutes:
    @pytest.fixture(autouse=True)
    def _urls(self) -> Any:
        with override_settings(ROOT_URLCONF=__name__):
            yield

    async def test_arguments_come_from_the_page(self) -> None:
        toys, books = [await Category.objects.acreate(name=name) for name in ("Toys", "Books")]
        row = await Product.objects.acreate(name="Ball", sku="1", price=1, category=toys)
        async with Tab(path=f"/?category_pk={toys.pk}") as tab:
            await tab.send(InCategoryState.load)
            assert [r["name"] for r in tab.get(InCategoryState, "data")] == ["Ball"]
            tab.path = f"/?category_pk={books.pk}"
            await tab.send(InCategoryState.start_edit(row.pk))
            assert "No Product matches" in tab.get(InCategoryState, "error")
            tab.path = "/?category_pk=../../admin"
            await tab.send(InCategoryState.start_edit(row.pk))
            assert tab.get(InCategoryState, "error") == "Not found."

    async def test_arguments_come_from_the_state(self) -> None:
        toys = await Category.objects.acreate(name="Toys")
        await Product.objects.acreate(name="Ball", sku="1", price=1, category=toys)
        async with Tab() as tab:
            await tab.send(InFirstState.choose(toys.pk))
            assert [r["name"] for r in tab.get(InFirstState, "data")] == ["Ball"]

    async def test_what_the_path_of_one_action_needs_is_kept_from_the_others(self) -> None:
        toys = await Category.objects.acreate(name="Toys")
        row = await Product.objects.acreate(name="Ball", sku="1", price=1, category=toys)
        async with Tab(path=f"/?category_pk={toys.pk}&amount=5") as tab:
            for state, price in ((InCategoryState, "6.00"), (RaisingState, "3.00")):
                await tab.send(state.raise_price(row.pk))
                assert tab.get(state, "action_data")["raise_price"] == {"price": price}
                assert [r["name"] for r in tab.get(state, "data")] == ["Ball"]

    def test_a_hook_for_the_route_needs_the_request_before_the_call(self) -> None:
        flag = "__reflex_drf_deferred__"
        assert getattr(InCategoryState.event_handlers["load"].fn, flag) is True
        assert getattr(InFirstState.event_handlers["load"].fn, flag) is False
        assert getattr(TaskState.event_handlers["cancel_edit"].fn, flag) is False
        assert getattr(TaskState.event_handlers["set_title"].fn, flag) is False


class AwayBackend(Backend):
    """An API elsewhere, which answers what the test says."""

    replies: list[Any] = []

    async def run(self, origin: Any, *calls: Call) -> list[Reply]:
        assert all(call.prepare is None for call in calls)
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return [reply]


class AwayState(ModelState):
    viewset = TaskViewSet
    backend_class = AwayBackend


class TestAnswers:
    async def test_of_every_kind(self) -> None:
        rows = [{"id": 1, "title": "A", "done": False}]
        async with Tab() as tab:
            AwayBackend.replies[:] = [Reply(status=200, data=rows, rows=rows)]
            await tab.send(AwayState.load)
            assert tab.get(AwayState, "data") == rows
            AwayBackend.replies[:] = [BackendUnavailable("http://api.internal is down.")]
            await tab.send(AwayState.load)
            assert tab.get(AwayState, "error") == "The server does not answer at the moment."
            assert "api.internal" not in str(tab.deltas)
            # What was read stays; it is not known to be wrong.
            assert tab.get(AwayState, "data") == rows
            AwayBackend.replies[:] = [Reply(status=302, headers={"Location": "/login/"})]
            await tab.send(AwayState.load)
            assert "/login/" in str(tab.events)
            tab.clear()
            AwayBackend.replies[:] = [
                Reply(status=302, headers={"Location": "javascript:alert(1)"})
            ]
            await tab.send(AwayState.load)
            assert "javascript" not in str(tab.events)

    async def test_errors_of_fields_that_the_form_lacks_are_not_lost(self) -> None:
        report = ErrorReport(400, "invalid", "", {"owner": "Required.", "title": "Too long."})
        async with Tab() as tab:
            AwayBackend.replies[:] = [Reply(status=400, errors=report)]
            await tab.send(AwayState.save)
            assert tab.get(AwayState, "field_errors")["title"] == "Too long."
            assert tab.get(AwayState, "error") == "owner: Required."

    @pytest.mark.parametrize("code", [401, 403, 404, 405, 409, 429, 500, 503])
    async def test_a_refusal_without_words_gets_some(self, code: int) -> None:
        async with Tab() as tab:
            AwayBackend.replies[:] = [Reply(status=code)]
            await tab.send(AwayState.load)
            assert tab.get(AwayState, "error")
            assert tab.get(AwayState, "loading") is False

    def test_hooks_cannot_run_beside_a_view_elsewhere(self) -> None:
        with pytest.raises(ConfigurationError, match=r"HookedAway\.before_save\(\)"):

            class HookedAway(ModelState):
                viewset = TaskViewSet
                backend_class = AwayBackend

                def before_save(self, serializer: Any) -> None: ...

        with pytest.raises(ConfigurationError, match="permission_classes"):

            class PermittedAway(ModelState):
                viewset = TaskViewSet
                backend_class = AwayBackend
                permission_classes = [AllowAny]

        with pytest.raises(ConfigurationError, match="scope_field"):

            class ScopedAway(UserScopedMixin, ModelState):
                viewset = TaskViewSet
                serializer_class = TaskSerializer
                backend_class = AwayBackend

        with pytest.raises(ConfigurationError, match="API elsewhere"):

            class BuiltAway(ModelState):
                model = Task
                fields = ["title"]
                backend_class = AwayBackend

    def test_a_call_that_leaves_does_not_stand_for_the_events_own_request(self) -> None:
        handlers = [handler.fn for handler in AwayState.event_handlers.values()]
        assert not any(getattr(fn, "__reflex_drf_deferred__", False) for fn in handlers)

    def test_hooks_of_the_loop_may(self) -> None:
        class Answering(ModelState):
            viewset = TaskViewSet
            backend_class = AwayBackend

            def on_permission_denied(self, reply: Reply) -> None: ...

            def get_url_kwargs(self) -> dict[str, Any]:
                return {}

        assert "load" in Answering.event_handlers


class OnlyMineFilter(filters.BaseFilterBackend):
    def filter_queryset(self, request: Request, queryset: Any, view: Any) -> Any:
        flag = request.query_params.get("cheap")
        return queryset.filter(price__lt=5) if flag else queryset

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [{"name": "cheap", "in": "query"}]


class OwnFilterViewSet(ProductViewSet):
    filter_backends = [OnlyMineFilter, filters.OrderingFilter]
    ordering_fields = ["price"]


class OwnFilterState(ModelState):
    viewset = OwnFilterViewSet
    ordering = ["-price"]
    filter_params = ["since"]


class TestQueries:
    async def test_an_own_filter_says_its_names(self) -> None:
        for number in (3, 7):
            await Product.objects.acreate(name=str(number), sku=str(number), price=number)
        async with Tab() as tab:
            await tab.send(OwnFilterState.load)
            # The state's ordering holds until somebody chooses another.
            assert [row["name"] for row in tab.get(OwnFilterState, "data")] == ["7", "3"]
            await tab.send(OwnFilterState.set_ordering("price"))
            assert [row["name"] for row in tab.get(OwnFilterState, "data")] == ["3", "7"]
            await tab.send(OwnFilterState.filter({"cheap": 1}))
            assert [row["name"] for row in tab.get(OwnFilterState, "data")] == ["3"]
            await tab.send(OwnFilterState.filter({"since": "2024", "cheap": ""}))
            assert tab.get(OwnFilterState, "filters") == {"since": "2024"}

    async def test_a_list_and_the_form_do_not_mix_their_errors(self) -> None:
        admin = await a_user(is_superuser=True)
        async with Tab(user=admin) as tab:
            await tab.send(ProductState.save)
            refused = dict(tab.get(ProductState, "field_errors"))
            assert "category" not in refused
            assert refused
            await tab.send(ProductState.filter({"category": "99"}))
            assert tab.get(ProductState, "error").startswith("category: ")
            assert tab.get(ProductState, "filters") == {}
            assert tab.get(ProductState, "field_errors") == refused
            await tab.send(ProductState.load)
            assert tab.get(ProductState, "error") == ""
            assert tab.get(ProductState, "field_errors") == refused

    def test_numbers_and_filters_of_any_type(self) -> None:
        assert [positive_number(value) for value in (7, "12", 10**8)] == [7, 12, 10**8]
        # An Arabic digit is a digit to Python, and no page to anybody's server.
        wrong = ("\u0663", "", None, True, 10**9, 0, -1, 1.0, "1e3", " 1")
        assert [positive_number(value) for value in wrong] == [None] * len(wrong)
        texts = [filter_text(value) for value in (None, True, 3, "x", [1, "a"], {}, [[]])]
        assert texts == ["", "true", "3", "x", "1,a", None, None]


class SizedState(ModelState):
    model = Task
    fields = ["title"]
    paginate_by = 5


def test_a_select_may_choose_page_and_size() -> None:
    # Its `on_change` gives a text.
    for handler in (SizedState.set_page_size, SizedState.go_to_page):
        rx.select(["10", "20"], on_change=handler)
