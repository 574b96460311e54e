"""What a form was filled with goes back as it came: each kind of field, each odd value."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import uuid
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import reflex as rx
from django.utils import timezone, translation
from rest_framework import serializers, viewsets
from rest_framework.response import Response

from reflex_drf import ui
from reflex_drf.state import ModelState
from reflex_drf.state.description import Field, describe
from reflex_drf.state.forms import OMIT, build_form
from reflex_drf.state.nesting import accept_nested, empty_record, parse_nested
from reflex_drf.testing import Tab
from reflex_drf.ui.nested import _text_of
from tests.test_texts import NODE
from tests.test_ui import rendered

ZONE = ZoneInfo("Asia/Kathmandu")
FIELDS: dict[str, Any] = {
    "text": serializers.CharField(allow_blank=True, trim_whitespace=False),
    "nullable": serializers.CharField(allow_null=True),
    "slug": serializers.SlugField(),
    "mail": serializers.EmailField(),
    "code": serializers.RegexField(r"^[A-Z]+$"),
    "url": serializers.URLField(allow_null=True),
    "key": serializers.UUIDField(),
    "address": serializers.IPAddressField(),
    "count": serializers.IntegerField(allow_null=True),
    "ratio": serializers.FloatField(allow_null=True),
    "money": serializers.DecimalField(max_digits=12, decimal_places=3, allow_null=True),
    "flag": serializers.BooleanField(),
    "perhaps": serializers.BooleanField(allow_null=True),
    "at": serializers.DateTimeField(allow_null=True),
    "there": serializers.DateTimeField(default_timezone=ZONE),
    "day": serializers.DateField(allow_null=True),
    "german_day": serializers.DateField(
        format="%d.%m.%Y", input_formats=["%d.%m.%Y"], allow_null=True
    ),
    "time": serializers.TimeField(allow_null=True),
    "span": serializers.DurationField(allow_null=True),
    "choice": serializers.ChoiceField(choices=["a", "b"], allow_blank=True),
    "level": serializers.ChoiceField(choices=[(1, "One"), (2, "Two")], allow_null=True),
    "several": serializers.MultipleChoiceField(choices=["a", "b", "c"]),
    "words": serializers.ListField(child=serializers.CharField()),
    "numbers": serializers.ListField(child=serializers.IntegerField()),
    "grid": serializers.ListField(child=serializers.ListField(child=serializers.IntegerField())),
    "flags": serializers.ListField(child=serializers.BooleanField()),
    "data": serializers.JSONField(allow_null=True),
    "table": serializers.DictField(),
}
START: dict[str, Any] = {
    "text": "a", "nullable": "n", "slug": "a-b", "mail": "a@example.org", "code": "AB",
    "url": "https://example.org/?a=1&b=2", "key": uuid.UUID(int=5), "address": "::1", "count": 3,
    "ratio": 1.5, "money": Decimal("1.100"), "flag": True, "perhaps": False,
    "at": dt.datetime(2024, 1, 31, 23, 59, 58, 123456, tzinfo=dt.UTC),
    "there": dt.datetime(2024, 1, 31, 23, 59, 58, tzinfo=ZONE), "day": dt.date(2024, 2, 29),
    "german_day": dt.date(2024, 2, 1), "time": dt.time(23, 59, 58),
    "span": dt.timedelta(days=2, hours=3, seconds=4), "choice": "a", "level": 2,
    "several": ["c"], "words": ["a", "b"], "numbers": [1, 2], "grid": [[1], [2, 3]],
    "flags": [True, False], "data": {"a": [1, None]}, "table": {"a": "b"},
}  # fmt: skip
STORE: dict[str, Any] = {}

ValuesSerializer = type("ValuesSerializer", (serializers.Serializer,), dict(FIELDS))


class ValuesViewSet(viewsets.GenericViewSet[Any]):
    """One row in memory, written as DRF validates it."""

    serializer_class = ValuesSerializer
    sent: list[dict[str, Any]] = []

    def retrieve(self, request: Any, pk: str | None = None) -> Response:
        return Response({"id": 1, **self.get_serializer(SimpleNamespace(**STORE)).data})

    def partial_update(self, request: Any, pk: str | None = None) -> Response:
        self.sent.append(dict(request.data))
        serializer = self.get_serializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        STORE.update(serializer.validated_data)
        return self.retrieve(request, pk)


class ValuesState(ModelState):
    viewset = ValuesViewSet
    row_permissions = False

    class Meta:
        field_vars = {"data": "data_field"}
        permission_classes = None


@pytest.fixture(autouse=True)
def start() -> None:
    STORE.clear()
    STORE.update(START)
    ValuesViewSet.sent.clear()


def held(name: str) -> Any:
    field = build_form(ValuesSerializer()).by_name(name)
    assert field is not None
    return field


ODD: list[tuple[str, Any]] = [
    ("text", ""), ("text", " spaced "), ("text", "null"), ("text", "Zeile\nzwei\ttab"),
    ("text", "<b>&amp;\"'"), ("text", "0"), ("text", "\U0001f9ea äé"), ("text", "form:next"),
    ("nullable", None), ("nullable", "None"), ("url", None), ("count", None), ("count", 0),
    ("count", -(2**63)), ("count", 10**30), ("ratio", None), ("ratio", 0.0), ("ratio", 1e300),
    ("ratio", 0.1 + 0.2), ("ratio", -1e-9), ("money", None), ("money", Decimal("0.000")),
    ("money", Decimal("-123456789.001")), ("flag", False), ("perhaps", None), ("perhaps", True),
    ("at", None), ("at", dt.datetime(1900, 1, 1, tzinfo=dt.UTC)),
    ("at", dt.datetime(2024, 10, 27, 0, 30, tzinfo=dt.UTC)), ("day", None),
    ("day", dt.date(1, 1, 1)), ("german_day", None), ("time", None), ("time", dt.time(0, 0)),
    ("time", dt.time(1, 2, 3, 4)), ("span", None), ("span", dt.timedelta(0)),
    ("span", -dt.timedelta(microseconds=1)), ("choice", ""), ("level", None), ("several", []),
    ("words", []), ("words", ["a, b", "c", "[x"]), ("numbers", []), ("grid", []),
    ("flags", []), ("data", None), ("data", 0), ("data", False), ("data", ""), ("data", []),
    ("data", "text"), ("data", "null"), ("data", {"": None}), ("data", 1.5), ("table", {}),
    ("table", {"ä": "\u2028"}),
]  # fmt: skip


class TestWithoutABrowser:
    @pytest.mark.parametrize(("name", "value"), ODD)
    def test_what_is_shown_means_what_was_there(self, name: str, value: Any) -> None:
        serializer = ValuesSerializer(SimpleNamespace(**START | {name: value}))
        field = held(name)
        parsed = field.parse(field.populate(serializer.data[name]), partial=True)
        again = ValuesSerializer(data={name: parsed}, partial=True)
        assert again.is_valid(), again.errors
        assert again.validated_data == {name: value}

    @pytest.mark.parametrize(("name", "value"), ODD)
    def test_a_browser_that_sends_it_back_changes_nothing(self, name: str, value: Any) -> None:
        field = held(name)
        shown = field.populate(
            ValuesSerializer(SimpleNamespace(**START | {name: value})).data[name]
        )
        assert field.accept(shown) == shown

    @pytest.mark.parametrize("language", ["en", "de", "ar"])
    @pytest.mark.parametrize("value", [Decimal("1234.500"), Decimal("-0.100"), None])
    def test_a_localized_number_is_read_in_its_own_language(
        self, language: str, value: Any
    ) -> None:
        class Localized(serializers.Serializer[Any]):
            money = serializers.DecimalField(
                max_digits=12, decimal_places=3, localize=True, allow_null=True
            )

        (field,) = build_form(Localized()).fields
        with translation.override(language):
            shown = field.populate(Localized(SimpleNamespace(money=value)).data["money"])
            again = Localized(data={"money": field.parse(shown, partial=True)})
            assert again.is_valid(), again.errors
        assert again.validated_data == {"money": value}

    @pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/St_Johns"])
    def test_a_moment_is_the_same_in_each_zone(self, zone: str) -> None:
        at = dt.datetime(2024, 3, 31, 1, 30, tzinfo=dt.UTC)
        with timezone.override(ZoneInfo(zone)):
            field = held("at")
            shown = field.populate(
                ValuesSerializer(SimpleNamespace(**START | {"at": at})).data["at"]
            )
            data = {"at": field.parse(shown, partial=True)}
        # It names its own zone, and is saved by a request of another one.
        again = ValuesSerializer(data=data, partial=True)
        assert again.is_valid()
        assert again.validated_data["at"] == at


@pytest.mark.django_db(transaction=True)
class TestInATab:
    async def test_an_untouched_form_changes_nothing(self) -> None:
        async with Tab() as tab:
            await tab.send(ValuesState.start_edit(1))
            assert tab.get(ValuesState, "error") == ""
            await tab.send(ValuesState.save({}))
            assert (tab.get(ValuesState, "error"), tab.get(ValuesState, "field_errors")) == ("", {})
        assert set(ValuesViewSet.sent[0]) == set(FIELDS)
        assert STORE == START

    async def test_nor_does_one_of_nothing_but_nulls_and_blanks(self) -> None:
        empty = {
            name: None if field.allow_null else START[name] for name, field in FIELDS.items()
        } | {"text": "", "choice": "", "several": [], "words": [], "table": {}, "flags": []}
        STORE.update(empty)
        async with Tab() as tab:
            await tab.send(ValuesState.start_edit(1))
            await tab.send(ValuesState.save({}))
            assert tab.get(ValuesState, "field_errors") == {}
        assert empty == STORE

    async def test_the_text_of_each_control_is_understood(self) -> None:
        form = {
            "text": "x", "nullable": "", "slug": "c", "mail": "b@example.org", "code": "Z",
            "url": "", "key": str(uuid.UUID(int=6)), "address": "127.0.0.1", "count": "07",
            "ratio": "2", "money": "2.5", "perhaps": "", "at": "2024-01-01T00:00:00.000Z",
            "there": "2024-01-01T05:45:00.000Z", "day": "2024-01-01", "german_day": "31.12.2024",
            "time": "10:20", "span": "1 00:00:01", "choice": "", "level": "1", "data": "[1]",
            "grid": "[[9]]", "flags": "[true]", "table": '{"k": "v"}',
        }  # fmt: skip
        async with Tab() as tab:
            await tab.send(ValuesState.start_edit(1))
            await tab.send(ValuesState.set_words(["q, r"]))
            await tab.send(ValuesState.set_numbers(["5"]))
            await tab.send(ValuesState.save(form))
            assert tab.get(ValuesState, "field_errors") == {}
        assert START | {
            "text": "x", "nullable": None, "slug": "c", "mail": "b@example.org", "code": "Z",
            "url": None, "key": uuid.UUID(int=6), "address": "127.0.0.1", "count": 7, "ratio": 2.0,
            "money": Decimal("2.500"), "perhaps": None,
            "at": dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
            "there": dt.datetime(2024, 1, 1, 11, 30, tzinfo=ZONE), "day": dt.date(2024, 1, 1),
            "german_day": dt.date(2024, 12, 31), "time": dt.time(10, 20),
            "span": dt.timedelta(days=1, seconds=1), "choice": "", "level": 1, "data": [1],
            "grid": [[9]], "flags": [True], "table": {"k": "v"}, "words": ["q, r"], "numbers": [5],
        } == STORE  # fmt: skip

    async def test_each_wrong_value_has_its_own_error_and_stays_to_be_corrected(self) -> None:
        wrong = {
            "slug": "a b", "mail": "a", "code": "a", "key": "5", "address": "x", "count": "1.5",
            "ratio": "x", "money": "1,5", "at": "yesterday", "day": "31.01.2024", "choice": "z",
            "german_day": "2024-01-31", "time": "25:00", "span": "long", "level": "3",
            "data": "{", "grid": "[[\"x\"]]", "table": "[]",
        }  # fmt: skip
        async with Tab() as tab:
            await tab.send(ValuesState.start_edit(1))
            await tab.send(ValuesState.save(wrong))
            shown = tab.get(ValuesState, "field_errors")
            if set(shown) == {"data"}:
                # What cannot even be sent is said first; the rest when it is corrected.
                assert ValuesViewSet.sent == []
                await tab.send(ValuesState.save({**wrong, "data": "1"}))
                shown = {**tab.get(ValuesState, "field_errors"), "data": ""}
            assert {name.split(".")[0] for name in shown} == set(wrong)
            assert tab.get(ValuesState, "mail") == "a"
        assert STORE == START


class TestControls:
    """A control for a date must be able to read what the API writes, or it would empty it."""

    @pytest.mark.parametrize(
        ("field", "kind"),
        [
            (serializers.DateField(), "date"),
            (serializers.DateField(format=None), "date"),
            (serializers.DateField(format="%Y-%m-%d", input_formats=["%Y-%m-%d"]), "date"),
            (serializers.DateField(format="%d.%m.%Y"), "text"),
            (serializers.DateField(input_formats=["%d.%m.%Y"]), "text"),
            (serializers.DateField(input_formats=["%d.%m.%Y", "iso-8601"]), "date"),
            (serializers.TimeField(), "time"),
            (serializers.TimeField(format="%I:%M %p"), "text"),
            (serializers.DateTimeField(), "datetime"),
            (serializers.DateTimeField(format="%s"), "text"),
            (serializers.DateTimeField(input_formats=["%d.%m.%Y %H:%M"]), "text"),
        ],
    )
    def test_only_for_what_it_reads_and_writes(self, field: Any, kind: str) -> None:
        class OneViewSet(viewsets.ModelViewSet[Any]):
            serializer_class = type("One", (serializers.Serializer,), {"moment": field})

        state = type(ModelState)(
            f"One{uuid.uuid4().hex}State",
            (ModelState,),
            {"__module__": __name__, "viewset": OneViewSet},
        )
        assert describe(state).field("moment").kind == kind

    def test_a_date_in_the_order_of_a_country_is_shown_as_it_is(self) -> None:
        # As "01/02/2024" a browser takes the first of February for the second of January.
        known = describe(ValuesState)
        kinds = {column.name: column.kind for column in known.details}
        assert (kinds["day"], kinds["german_day"]) == ("date", "text")
        tree = rendered(ui.form(ValuesState, fields=["german_day"]))
        assert 'type:"date"' not in tree
        assert 'type:"date"' in rendered(ui.form(ValuesState, fields=["day"]))

    def test_so_it_is_with_the_formats_of_the_project(self, monkeypatch: Any) -> None:
        from rest_framework.settings import api_settings

        monkeypatch.setattr(api_settings, "DATE_FORMAT", "%d/%m/%Y", raising=False)
        known = describe(ValuesState)
        assert known.field("day").kind == "text"
        assert {c.name: c.kind for c in known.details}["day"] == "text"


class PartSerializer(serializers.Serializer[Any]):
    width = serializers.IntegerField()
    note = serializers.CharField(required=False)


class HolderSerializer(serializers.Serializer[Any]):
    part = PartSerializer(allow_null=True)
    spare = PartSerializer(required=False)
    needed = PartSerializer()

    def create(self, validated_data: Any) -> Any: ...


class TestRecords:
    @pytest.mark.parametrize(
        ("name", "value", "sent"),
        [
            ("part", None, None),
            ("part", {"width": 3}, {"width": 3}),
            ("part", {"width": 0}, {"width": 0}),
            ("spare", None, "OMIT"),
            ("needed", {}, {}),
        ],
    )
    def test_no_record_stays_none(self, name: str, value: Any, sent: Any) -> None:
        field = build_form(HolderSerializer()).by_name(name)
        assert field is not None
        parsed = field.parse(field.populate(value), partial=True)
        assert (parsed if sent != "OMIT" else repr(parsed)) == sent


class LabelsSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(required=False)
    labels = serializers.ListField(child=serializers.CharField(trim_whitespace=False))
    data = serializers.JSONField(required=False)
    on = serializers.BooleanField(default=True)
    perhaps = serializers.BooleanField(allow_null=True)
    day = serializers.DateField(allow_null=True)


class LabelledSerializer(serializers.Serializer[Any]):
    lines = LabelsSerializer(many=True)

    def create(self, validated_data: Any) -> Any: ...


LISTS: list[list[str]] = [
    [], ["a"], ["a", "b"], ["a, b"], ["a", "b, c", ""], [" a"], ["a "], ["[a]", "b"], ["[1]"],
    ["\n"], ['"'], ["a b"], ["-"], ["0"], [""],
]  # fmt: skip


def typed(values: list[Any], kind: str) -> list[str]:
    """What a browser shows for the values of a nested field, one after the other."""
    shown = _text_of(
        rx.Var("row").to(dict[str, Any]), Field(name="v", var="v", label="", kind=kind)
    )
    rows = json.dumps([{"v": value} for value in values])
    script = f"console.log(JSON.stringify({rows}.map((row) => {shown!s})))"
    done = subprocess.run([NODE, "-e", script], capture_output=True, check=True)
    texts: list[str] = json.loads(done.stdout)
    return texts


class TestNestedRows:
    """All controls of nested rows are sent with the form, touched or not."""

    lines = build_form(LabelledSerializer()).fields[0]

    def sent_back(self, row: dict[str, Any], name: str, text: str) -> Any:
        form = {"lines.0.": "1", f"lines.0.{name}": text, "lines.0.on": "on"}
        rows, errors = accept_nested(self.lines, [row], [0], form)
        parsed, wrong = parse_nested(self.lines, rows, OMIT)
        assert errors == wrong == {}
        return parsed[0][name]

    def test_lists_are_what_they_were(self) -> None:
        texts = typed(LISTS, "list")
        # What commas tell apart stays easy to read.
        assert texts[:3] == ["", "a", "a, b"]
        for labels, text in zip(LISTS, texts, strict=True):
            assert self.sent_back({"labels": labels}, "labels", text) == labels

    def test_so_is_any_json(self) -> None:
        values = [{"a": [1, "x"]}, [], [1, [2]], {}, {"b": None}]
        for value, text in zip(values, typed(values, "json"), strict=True):
            assert self.sent_back({"data": value}, "data", text) == value

    @pytest.mark.parametrize(
        ("name", "text", "value"),
        [
            ("perhaps", "", None),
            ("perhaps", "false", False),
            ("perhaps", "true", True),
            ("day", "", None),
            ("day", "2024-01-31", "2024-01-31"),
        ],
    )
    def test_blanks_are_nulls_there_too(self, name: str, text: str, value: Any) -> None:
        assert self.sent_back({name: value}, name, text) == value

    def test_an_unchecked_box_is_not_sent_and_off(self) -> None:
        rows, _ = accept_nested(self.lines, [{"id": 7, "on": True}], [4], {"lines.4.": "1"})
        assert rows == [{"id": 7, "on": False}]
        # A row that was not on the page at all stays as it is.
        rows, _ = accept_nested(self.lines, [{"id": 7, "on": True}], [4], {"lines.5.": "1"})
        assert rows == [{"id": 7, "on": True}]

    @pytest.mark.parametrize("bad", [{"x": 1}, [["a"]], 5])
    def test_what_does_not_fit_is_said_at_its_place(self, bad: Any) -> None:
        form = {"lines.3.": "1", "lines.3.labels": bad}
        rows, errors = accept_nested(self.lines, [{"labels": ["a"]}], [3], form)
        assert rows[0]["labels"] == ["a"]
        # By its place in what is sent to the serializer, not by the key that the page knows.
        assert list(errors) == ["lines.0.labels"]

    def test_a_new_row_begins_with_the_defaults_and_shares_nothing(self) -> None:
        first, second = empty_record(self.lines), empty_record(self.lines)
        assert (first["on"], first["labels"], first["perhaps"]) == (True, [], "")
        first["labels"].append("x")
        assert second["labels"] == []


class ThingSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField()


class ThingViewSet(viewsets.ModelViewSet[Any]):
    """Rows in memory, of which no model tells what their key is."""

    serializer_class = ThingSerializer
    pagination_class = None
    things: dict[str, dict[str, Any]] = {}
    filter_backends: list[Any] = []

    def get_queryset(self) -> Any:
        return list(self.things.values())

    def get_object(self) -> Any:
        return self.things[self.kwargs["pk"]]

    def perform_update(self, serializer: Any) -> None:
        serializer.instance.update(serializer.validated_data)

    def perform_destroy(self, instance: Any) -> None:
        del self.things[str(instance["id"])]


class ThingState(ModelState):
    viewset = ThingViewSet

    class Meta:
        list_var = "things"


@pytest.mark.django_db(transaction=True)
class TestRowsWithoutAModel:
    @pytest.fixture(autouse=True)
    def rows(self) -> None:
        ThingViewSet.things = {str(n): {"id": n, "name": f"Thing {n}"} for n in (1, 2)}

    async def test_they_are_edited_and_deleted_by_their_id(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with Tab() as tab:
            await tab.send(ThingState.load)
            await tab.send(ThingState.start_edit(2))
            assert tab.get(ThingState, "editing_id") == 2
            await tab.send(ThingState.save({"name": "Other"}))
            assert [row["name"] for row in tab.get(ThingState, "things")] == ["Thing 1", "Other"]
            await tab.send(ThingState.edit_cell(1, "name", "First"))
            await tab.send(ThingState.delete(2))
            assert tab.get(ThingState, "things") == [{"id": 1, "name": "First"}]
            assert (tab.get(ThingState, "error"), tab.errors) == ("", [])
        # A key of a type that nobody promised is nothing to complain about.
        assert [
            record.message for record in caplog.records if "Expected field" in record.message
        ] == []

    def test_their_table_has_buttons(self) -> None:
        assert describe(ThingState).key == "id"
        assert "start_edit" in rendered(ui.table(ThingState))
