"""All rows as a file: who gets it, with what, and what stands in it."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import time
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import override_settings
from django.utils import translation
from django.utils.translation import gettext_lazy
from rest_framework import pagination, permissions, throttling
from rest_framework.test import APIRequestFactory, force_authenticate

from reflex_drf.asgi import Dispatcher
from reflex_drf.bridge.tickets import keep
from reflex_drf.guard import Guard
from reflex_drf.state import ModelState
from reflex_drf.state.columns import Column
from reflex_drf.state.exporting import csv_lines
from reflex_drf.testing import Tab, Worker, cookie_header, create_session
from tests.counting import count_queries
from tests.living import let_states_be_pickled
from tests.shop.models import Product, Task
from tests.shop.serializers import ProductSerializer
from tests.shop.views import ProductViewSet, TaskViewSet
from tests.signing import URL, no_django, no_reflex

pytestmark = pytest.mark.django_db(transaction=True)
PATH = "/_reflex_drf/export"
CALL = re.compile(r'\}\)\("(?P<path>[^"]*)", "(?P<ticket>[^"]*)"\)\s*$')


class Pages(pagination.PageNumberPagination):
    page_size = 2
    page_size_query_param = "per_page"
    max_page_size = 4


class Steps(pagination.CursorPagination):
    page_size = 3
    ordering = "id"


class ShortSerializer(ProductSerializer):
    class Meta(ProductSerializer.Meta):
        fields = ("id", "name", "size", "price", "active", "tags", "attrs")


class ExportViewSet(ProductViewSet):
    serializer_class = ShortSerializer
    permission_classes = [permissions.AllowAny]
    pagination_class: Any = Pages


class SteppingViewSet(ExportViewSet):
    pagination_class = Steps


class UnpagedViewSet(ExportViewSet):
    pagination_class = None


class ThrottledViewSet(ExportViewSet):
    class Few(throttling.AnonRateThrottle):
        scope = "few_exports"
        THROTTLE_RATES = {"few_exports": "2/day"}

    throttle_classes = [Few]


class BreakingViewSet(ExportViewSet):
    def paginate_queryset(self, queryset: Any) -> Any:
        if self.request.query_params.get("page") == "2":
            raise RuntimeError("The disk is gone.")
        return super().paginate_queryset(queryset)


class UnaskingViewSet(ExportViewSet):
    authentication_classes: Any = []


class RevokingViewSet(ExportViewSet):
    """Nobody who became staff may see more than the first page."""

    def check_permissions(self, request: Any) -> None:
        super().check_permissions(request)
        if request.user.is_staff and request.query_params.get("page") == "2":
            self.permission_denied(request, "The permission is gone.")


class ExportState(ModelState):
    viewset = ExportViewSet


class ExportTaskState(ModelState):
    viewset = TaskViewSet


class ExportHookState(ModelState):
    """Shows what its own var says."""

    viewset = ExportViewSet
    word: str = "Product"

    class Meta:
        exclude_from_row = ["price"]

    def filter_queryset(self, queryset: Any) -> Any:
        return queryset.filter(name__startswith=self.word)


NUMBERS = itertools.count()


def state_over(viewset: type[Any], **options: Any) -> Any:
    name = f"Export{next(NUMBERS)}State"
    body = {"viewset": viewset, "__module__": __name__, "Meta": type("Meta", (), options)}
    # By its name, because a manager like Redis pickles every state there is.
    globals()[name] = type(ModelState)(name, (ModelState,), body)
    return globals()[name]


@pytest.fixture
def rows() -> list[Product]:
    return [
        Product.objects.create(
            name=f"Product {n}", sku=str(n), price=n, size="s" if n % 2 else "l", attrs={"n": n}
        )
        for n in range(9)
    ]


@pytest.fixture
def owner() -> User:
    return get_user_model().objects.create_user("owner")


def ticket_of(tab: Tab) -> str:
    codes = [payload.get("javascript_code", "") for _, payload in tab.events]
    found = [match for code in codes if (match := CALL.search(code))]
    assert found[-1]["path"] == PATH
    return found[-1]["ticket"]


def dispatcher(tab: Tab) -> Dispatcher:
    return Dispatcher(
        no_reflex,
        prefixes=(),
        guard=Guard(),
        django=no_django,
        states=lambda: tab.worker.state_manager,
    )


async def post(tab: Tab, ticket: Any, *, method: str = "POST", **headers: str) -> httpx.Response:
    """Send the form as the page does, with the cookies that the browser has by now."""
    sent = {"origin": URL, "cookie": cookie_header(tab.cookies), **headers}
    transport = httpx.ASGITransport(app=dispatcher(tab))
    async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
        return await client.request(
            method, PATH, data={"ticket": ticket}, headers={k: v for k, v in sent.items() if v}
        )


async def fetch(tab: Tab, state: Any, columns: Any = None) -> httpx.Response:
    await tab.send(state.export(columns) if columns is not None else state.export())
    return await post(tab, ticket_of(tab))


def table(answer: httpx.Response) -> list[list[str]]:
    assert answer.status_code == 200, answer.text
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


class TestFile:
    @pytest.mark.parametrize("viewset", [ExportViewSet, SteppingViewSet, UnpagedViewSet])
    async def test_it_has_all_rows_of_all_pages(self, viewset: Any, rows: Any) -> None:
        state = state_over(viewset)
        async with Tab() as tab:
            await tab.send(state.load)
            answer = await fetch(tab, state, ["name", "price"])
        heading, *lines = table(answer)
        assert heading == ["Name", "Price"]
        assert lines == [[f"Product {n}", f"{n}.00"] for n in range(9)]
        # What people call the rows, whatever the class of the state is called.
        assert answer.headers["content-disposition"] == 'attachment; filename="products.csv"'
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"

    async def test_it_has_what_matches_in_the_order_of_the_page(self, rows: Any) -> None:
        async with Tab() as tab:
            await tab.send(ExportState.filter({"size": "s"}))
            await tab.send(ExportState.set_ordering("-name"))
            heading, *lines = table(await fetch(tab, ExportState))
        assert heading == ["ID", "Name", "Size", "Price", "Active", "Tags", "Attrs"]
        assert [line[1:4] for line in lines] == [
            [f"Product {n}", "Small", f"{n}.00"] for n in (7, 5, 3, 1)
        ]
        assert [line[4:] for line in lines] == [
            ["true", "", f'{{"n": {n}}}'] for n in (7, 5, 3, 1)
        ]  # fmt: skip

    async def test_hooks_and_hidden_fields_of_the_state_hold(self, rows: Any) -> None:
        await Product.objects.acreate(name="Something else", sku="x", price=1)
        async with Tab() as tab:
            await tab.send(ExportHookState.load)
            heading, *lines = table(await fetch(tab, ExportHookState))
            assert "Price" not in heading
            assert len(lines) == 9
            tab.state(ExportHookState).word = "Something"
            _, *lines = table(await fetch(tab, ExportHookState, ["name"]))
        assert lines == [["Something else"]]

    async def test_it_is_sent_page_by_page(self, rows: Any) -> None:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async with Tab() as tab:
            await tab.send(ExportState.export(["name"]))
            body = f"ticket={ticket_of(tab)}".encode()

            async def receive() -> Any:
                return {"type": "http.request", "body": body}

            scope = {
                "type": "http", "method": "POST", "path": PATH,
                "headers": [(b"host", b"testserver"), (b"origin", URL.encode())],
            }  # fmt: skip
            with count_queries() as queries:
                await dispatcher(tab)(scope, receive, send)
        bodies = [message["body"] for message in sent[1:]]
        # Four rows at most in each: the heading with the first page, two more, and the end.
        assert [body.count(b"\r\n") for body in bodies] == [5, 4, 1, 0]
        reading = [sql for sql in queries.statements if 'FROM "shop_product"' in sql]
        # Each page with its count, and never the whole table at once.
        assert len(reading) == 6
        assert all("COUNT" in sql or "LIMIT" in sql for sql in reading)

    async def test_all_of_it_is_one_question_to_the_throttle(self, rows: Any) -> None:
        state = state_over(ThrottledViewSet)
        async with Tab(headers={"x-forwarded-for": "192.0.2.77"}) as tab:
            for _ in range(2):
                assert len(table(await fetch(tab, state, ["name"]))) == 10
            answer = await fetch(tab, state, ["name"])
        assert answer.status_code == 429
        assert "throttled" in answer.text

    async def test_an_error_in_the_middle_ends_the_connection(self, rows: Any) -> None:
        state = state_over(BreakingViewSet)
        async with Tab() as tab:
            # A server closes the connection at an exception, and the browser has no whole file.
            with pytest.raises(RuntimeError, match="The disk is gone"):
                await fetch(tab, state, ["name"])

    async def test_there_is_a_limit(self, rows: Any) -> None:
        state = state_over(ExportViewSet, export_limit=3)
        async with Tab() as tab:
            answer = await fetch(tab, state)
        assert answer.status_code == 413


class TestWho:
    async def test_each_user_gets_his_own_rows(self, owner: User) -> None:
        other = await get_user_model().objects.acreate(username="other")
        await Task.objects.acreate(title="Mine", owner=owner)
        await Task.objects.acreate(title="Not mine", owner=other)
        async with Tab(user=owner) as tab:
            await tab.send(ExportTaskState.load)
            _, *lines = table(await fetch(tab, ExportTaskState, ["title"]))
        assert lines == [["Mine"]]

    async def test_the_right_is_asked_when_it_is_fetched(self, owner: User) -> None:
        async with Tab(user=owner) as tab:
            await tab.send(ExportTaskState.load)
            await tab.send(ExportTaskState.export())
            await get_user_model().objects.filter(pk=owner.pk).aupdate(is_active=False)
            answer = await post(tab, ticket_of(tab))
        assert answer.status_code == 403
        assert "csv" not in answer.headers["content-type"]

    async def test_a_visitor_is_refused_with_a_stolen_ticket(self, owner: User) -> None:
        await Task.objects.acreate(title="Mine", owner=owner)
        async with Tab(user=owner) as tab:
            await tab.send(ExportTaskState.load)
            await tab.send(ExportTaskState.export())
            answer = await post(tab, ticket_of(tab), cookie="")
        assert answer.status_code == 403
        assert "Mine" not in answer.text

    async def test_another_user_is_refused_with_a_stolen_ticket(
        self, rows: Any, owner: User
    ) -> None:
        thief = await get_user_model().objects.acreate(username="thief")
        key = await sync_to_async(create_session)(thief)
        async with Tab(user=owner) as tab:
            await tab.send(ExportState.load)
            await tab.send(ExportState.export())
            answer = await post(tab, ticket_of(tab), cookie=f"sessionid={key}")
        assert answer.status_code == 403

    async def test_a_ticket_works_once(self, rows: Any) -> None:
        async with Tab() as tab:
            await fetch(tab, ExportState)
            again = await post(tab, ticket_of(tab))
        assert again.status_code == 403

    async def test_of_tickets_that_nobody_fetches_only_the_last_are_kept(self, rows: Any) -> None:
        async with Tab() as tab:
            await tab.send(ExportState.export())
            first = ticket_of(tab)
            for _ in range(15):
                await tab.send(ExportState.export())
            assert await Session.objects.acount() == 10
            assert (await post(tab, first)).status_code == 403
            assert len(table(await post(tab, ticket_of(tab)))) == 10

    @override_settings(REFLEX_DRF={"TICKET_SECONDS": 0})
    async def test_a_ticket_grows_old(self, rows: Any) -> None:
        async with Tab() as tab:
            answer = await fetch(tab, ExportState)
        assert answer.status_code == 403

    async def test_a_ticket_for_cookies_is_none_for_a_file(self, rows: Any) -> None:
        async with Tab() as tab:
            ticket = await sync_to_async(keep)({"cookies": []}, "ticket")
            assert (await post(tab, ticket)).status_code == 403

    @pytest.mark.parametrize(
        "headers",
        [
            {"origin": "https://evil.example"},
            {"origin": "null"},
            {"origin": ""},
            {"host": "evil.example", "origin": "http://evil.example"},
        ],
    )
    async def test_another_site_is_refused_and_spends_nothing(
        self, headers: Any, rows: Any
    ) -> None:
        async with Tab() as tab:
            await tab.send(ExportState.export())
            assert (await post(tab, ticket_of(tab), **headers)).status_code == 403
            assert (await post(tab, ticket_of(tab))).status_code == 200

    @pytest.mark.parametrize("ticket", ["", "x" * 43, "x" * 5000, ["a", "b"]])
    async def test_a_guessed_ticket_is_refused(self, ticket: Any) -> None:
        async with Tab() as tab:
            assert (await post(tab, ticket)).status_code == 403

    async def test_only_a_post_is_answered(self, rows: Any) -> None:
        async with Tab() as tab:
            await tab.send(ExportState.export())
            answer = await post(tab, ticket_of(tab), method="PUT")
            assert answer.status_code == 403

    async def test_who_signs_in_later_gets_nothing_of_what_was_asked_before(
        self, rows: Any, owner: User
    ) -> None:
        """The tab is the second user's by now; the search in the ticket is still the first's."""
        second = await get_user_model().objects.acreate(username="second")
        async with Tab(user=owner) as tab:
            await tab.send(ExportState.load)
            await tab.send(ExportState.set_search("Product 7"))
            await tab.send(ExportState.export())
            ticket = ticket_of(tab)
            await tab.log_in(second)
            await tab.reconnect()
            await tab.send(ExportState.load)
            answer = await post(tab, ticket)
            assert answer.status_code == 403
            assert "Product" not in answer.text
            # He himself asks, and gets his own.
            assert len(table(await fetch(tab, ExportState, ["name"]))) == 10

    async def test_a_sign_out_ends_what_was_asked_before(self, rows: Any, owner: User) -> None:
        async with Tab(user=owner) as tab:
            await tab.send(ExportState.load)
            await tab.send(ExportState.export())
            ticket = ticket_of(tab)
            tab.cookies.clear()
            answer = await post(tab, ticket)
        assert answer.status_code == 403
        assert "Product" not in answer.text

    @pytest.mark.parametrize("signed_in", [True, False])
    async def test_a_list_that_asks_nobody_who_it_is_is_for_all(
        self, signed_in: bool, rows: Any, owner: User
    ) -> None:
        state = state_over(UnaskingViewSet)
        async with Tab(user=owner if signed_in else None) as tab:
            await tab.send(state.load)
            assert len(table(await fetch(tab, state, ["name"]))) == 10

    async def test_nor_is_a_stolen_ticket_good_there(self, rows: Any, owner: User) -> None:
        thief = await get_user_model().objects.acreate(username="thief")
        key = await sync_to_async(create_session)(thief)
        state = state_over(UnaskingViewSet)
        async with Tab(user=owner) as tab:
            for cookie in ("", f"sessionid={key}"):
                await tab.send(state.export())
                answer = await post(tab, ticket_of(tab), cookie=cookie)
                assert answer.status_code == 403
                assert "Product" not in answer.text

    async def test_a_permission_taken_between_two_pages_ends_the_file(
        self, rows: Any, owner: User
    ) -> None:
        state = state_over(RevokingViewSet)
        async with Tab(user=owner) as tab:
            await tab.send(state.load)
            await get_user_model().objects.filter(pk=owner.pk).aupdate(is_staff=True)
            with pytest.raises(Exception, match="permission"):
                await fetch(tab, state, ["name"])

    async def test_a_row_hidden_since_is_not_in_the_file(self, owner: User) -> None:
        mine = await Task.objects.acreate(title="Given away", owner=owner)
        await Task.objects.acreate(title="Kept", owner=owner)
        other = await get_user_model().objects.acreate(username="other")
        async with Tab(user=owner) as tab:
            await tab.send(ExportTaskState.load)
            await tab.send(ExportTaskState.export(["title"]))
            mine.owner = other
            await mine.asave()
            _, *lines = table(await post(tab, ticket_of(tab)))
        assert lines == [["Kept"]]

    async def test_a_ticket_does_not_say_whose_list_it_is(self, rows: Any, owner: User) -> None:
        async with Tab(user=owner) as tab:
            await tab.send(ExportState.set_search("secret words"))
            await tab.send(ExportState.export())
            sent = json.dumps([p for _, p in tab.events if "ticket" in json.dumps(p)])
        assert "secret words" not in sent
        assert tab.token not in sent
        assert "owner" not in sent


def test_labels_are_in_the_language_of_the_reader() -> None:
    column = Column(
        name="x", label=gettext_lazy("Columns"), choices=((True, gettext_lazy("Yes")), (0, "0"))
    )
    with translation.override("de"):
        lines = "".join(csv_lines([column], [[{"x": True}, {"x": [True, 0]}, {"x": 7}]]))
    assert lines.splitlines() == ["Spalten", "Ja", '"Ja, 0"', "7"]


@pytest.mark.redis
async def test_the_states_of_a_tab_may_be_kept_elsewhere(rows: Any, owner: User) -> None:
    from redis.asyncio import Redis
    from reflex.istate.manager.redis import StateManagerRedis

    let_states_be_pickled()
    redis = Redis.from_url("redis://127.0.0.1:6379/5")
    manager: Any = StateManagerRedis(redis=redis)  # type: ignore[abstract]
    async with Worker(state_manager=manager) as worker, Tab(user=owner, worker=worker) as tab:
        await tab.send(ExportHookState.filter({"size": "s"}))
        _, *lines = table(await fetch(tab, ExportHookState, ["name"]))
    await manager.close()
    assert lines == [[f"Product {n}"] for n in (1, 3, 5, 7)]


HOSTILE: list[Any] = [
    "name", ["owner"], ["price", "password"], [None], [["name"]], {"name": 1}, 7, ["__class__"],
    ["name"] * 3 + ["nothing"],
]  # fmt: skip


@pytest.mark.parametrize("columns", HOSTILE, ids=repr)
async def test_columns_are_those_of_the_state(columns: Any, rows: Any) -> None:
    async with Tab() as tab:
        await tab.send_name(f"{ExportHookState.get_full_name()}.export", {"columns": columns})
        assert tab.errors == []
        assert tab.get(ExportHookState, "error") != ""
        assert not any("ticket" in json.dumps(payload) for _, payload in tab.events)


@pytest.mark.parametrize("count", [2, 5000])
async def test_a_column_that_is_named_often_stands_there_once(count: int, rows: Any) -> None:
    async with Tab() as tab:
        answer = await fetch(tab, ExportState, ["name"] * count + ["price", "name"])
    assert table(answer)[:2] == [["Name", "Price"], ["Product 0", "0.00"]]


async def test_the_columns_that_a_state_hides_are_in_no_file(rows: Any) -> None:
    """Neither when they are asked for nor when all are."""
    async with Tab() as tab:
        await tab.send(ExportHookState.load)
        await tab.send_name(f"{ExportHookState.get_full_name()}.export", {"columns": ["price"]})
        assert tab.get(ExportHookState, "error") == "There is no such column."
        heading, *_ = table(await fetch(tab, ExportHookState, []))
    assert "Price" not in heading


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("+1+1", "'+1+1"),
        ("-cmd|' /C calc'!A0", "'-cmd|' /C calc'!A0"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t'=1"),
        ("\r=1", "'\r'=1"),
        ("  =1", "'  =1"),
        ("\uff1d1", "'\uff1d1"),
        ("-5", "-5"),
        ("-5.25", "-5.25"),
        (-5, "-5"),
        ("+49 30 1", "'+49 30 1"),
        ("plain", "plain"),
        (None, ""),
        (True, "true"),
        (["a", "b"], "a, b"),
        (["=a"], "'=a"),
        ('say "hi", you', 'say "hi", you'),
        ("two\nlines", "two\nlines"),
        # A spreadsheet of many a language separates cells at semicolons.
        ("x;=1+1", "x;'=1+1"),
        ("x; \x00 @SUM(A1);-1", "x; \x00 '@SUM(A1);'-1"),
        ("x\n=1+1", "x\n'=1+1"),
        ("x\r\n+1+1", "x\r\n'+1+1"),
        ("x\t\uff1d1", "x\t'\uff1d1"),
        ("=1;=2", "'=1;'=2"),
        ("a; b", "a; b"),
        ("a=b", "a=b"),
        ("mail@x.org", "mail@x.org"),
        ("-5\n", "'-5\n"),
        (["a;=1"], "a;'=1"),
    ],
)
def test_no_cell_is_a_formula(value: Any, shown: str) -> None:
    column = Column(name="x", label="=X")
    text = "".join(csv_lines([column], [[{"x": value}]]))
    assert list(csv.reader(io.StringIO(text, newline=""))) == [["'=X"], [shown]]


@pytest.mark.parametrize("piece", ["\n", ";", " ", "\x00", "; ", "\n="], ids=repr)
def test_a_text_of_nothing_but_separators_is_written_soon(piece: str) -> None:
    # A text that somebody has stored for whoever fetches the file; step by step it takes minutes.
    began = time.perf_counter()
    list(csv_lines([Column(name="a", label="A")], [[{"a": piece * 100_000 + "x"}]]))
    assert time.perf_counter() - began < 10


class TestParity:
    """A file has what somebody would collect who went through the pages of the API."""

    async def over_http(self, viewset: Any, user: Any, query: str) -> tuple[int, list[Any]]:
        view, found, page = viewset.as_view({"get": "list"}), [], 1
        while True:
            request = APIRequestFactory().get(f"/?per_page=4&page={page}&{query}")
            force_authenticate(request, user)
            answer = await sync_to_async(view)(request)
            if answer.status_code != 200:
                return answer.status_code, []
            data = answer.data
            found += data["results"] if isinstance(data, dict) else data
            if not isinstance(data, dict) or data["next"] is None:
                return 200, found
            page += 1

    @pytest.mark.parametrize(
        ("search", "ordering", "filters"),
        [
            ("", "", {}),
            ("product", "-name", {}),
            ("Product 3", "", {}),
            ("%", "", {}),
            ("'; --", "", {}),
            ("nothing", "name", {}),
            ("", "-price", {"size": "s"}),
            ("product", "price", {"size": "l", "active": "true"}),
            ("", "", {"active": "false"}),
        ],
    )
    async def test_what_is_asked_for(
        self, search: str, ordering: str, filters: Any, rows: Any
    ) -> None:
        async with Tab() as tab:
            await tab.send(ExportState.load)
            for event in (
                ExportState.set_search(search),
                ExportState.set_ordering(ordering),
                ExportState.filter(filters),
            ):
                await tab.send(event)
                assert tab.get(ExportState, "error") == ""
            _, *lines = table(await fetch(tab, ExportState, ["id", "price"]))
        query = urlencode({"search": search, "ordering": ordering, **filters})
        _, found = await self.over_http(ExportViewSet, None, query)
        assert lines == [[str(row["id"]), row["price"]] for row in found]

    @pytest.mark.parametrize("who", ["owner", "other", "visitor"])
    async def test_who_asks(self, who: str, owner: User) -> None:
        other = await get_user_model().objects.acreate(username="other")
        for number in range(3):
            await Task.objects.acreate(title=f"Of the owner {number}", owner=owner)
        await Task.objects.acreate(title="Of the other", owner=other)
        user = {"owner": owner, "other": other}.get(who)
        async with Tab(user=user) as tab:
            await tab.send(ExportTaskState.load)
            answer = await fetch(tab, ExportTaskState, ["title"])
        status, found = await self.over_http(TaskViewSet, user, "")
        assert answer.status_code == status
        if status == 200:
            assert table(answer)[1:] == [[row["title"]] for row in found]
        else:
            assert who == "visitor"
            assert "Of the" not in answer.text

    @pytest.mark.parametrize("name", ["../x", 'a"b', "a\r\nX-Evil: 1", "\u00fc", "", "x" * 300])
    async def test_the_name_of_a_file_is_one_line_and_no_path(
        self, name: str, rows: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is made of the model's own name; nothing of a row or of a search gets into it."""
        await Product.objects.acreate(name=name or "x", sku="evil", price=1)
        monkeypatch.setattr(Product._meta, "verbose_name_plural", f"{name}s")
        async with Tab() as tab:
            await tab.send(ExportState.set_search(name))
            answer = await fetch(tab, ExportState)
        assert re.fullmatch(
            r'attachment; filename="[a-z0-9-]+\.csv"', answer.headers["content-disposition"]
        )
        assert "x-evil" not in answer.headers
        assert answer.headers["x-content-type-options"] == "nosniff"
