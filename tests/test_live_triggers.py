"""Triggers of PostgreSQL: whatever writes to a table is a change. Run on that database alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections, migrations, transaction
from django.db.migrations.state import ProjectState

from reflex_drf.live import LiveListMixin, ModelChange, live_broadcaster, notify
from reflex_drf.live.listening import APPLICATION, databases, labels_of, listeners
from reflex_drf.live.migrations import AddLiveTriggers
from reflex_drf.live.transports.postgres import connection_parameters
from reflex_drf.live.triggers import CHANNEL, FUNCTION, covers, create_sql, drop_sql, known_tables
from reflex_drf.state import ModelState
from reflex_drf.testing import Tab
from tests.counting import count_queries
from tests.living import QUICK, until
from tests.shop.models import Note, Tag

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]


class TriggeredTagState(LiveListMixin, ModelState):
    model = Tag
    fields = ["name"]
    ordering = ["name"]


def state() -> ProjectState:
    from django.apps import apps

    return ProjectState.from_apps(apps)


def migrate(operation: AddLiveTriggers, backwards: bool = False) -> None:
    before = state()
    after = before.clone()
    operation.state_forwards("shop", after)
    with connection.schema_editor() as editor:
        if backwards:
            operation.database_backwards("shop", editor, after, before)
        else:
            operation.database_forwards("shop", editor, before, after)


@pytest.fixture(autouse=True)
def triggers(settings: Any, transactional_db: None) -> Iterator[None]:
    settings.REFLEX_DRF = QUICK
    migrate(AddLiveTriggers("Tag"))
    yield
    migrate(AddLiveTriggers("Tag"), backwards=True)


class Heard:
    """What the triggers have said, of which the last is a message of the test's own."""

    def __init__(self, hearing: psycopg.Connection[Any]) -> None:
        self._connection = hearing

    def take(self) -> list[list[Any]]:
        with psycopg.connect(**connection_parameters("default")) as other:
            other.execute("SELECT pg_notify(%s, %s)", [CHANNEL, '["end"]'])
        said = []
        for message in self._connection.notifies(timeout=20):
            if (content := json.loads(message.payload)) == ["end"]:
                break
            said.append(content)
        return said


@pytest.fixture
def heard() -> Iterator[Heard]:
    with psycopg.connect(**connection_parameters("default")) as hearing:
        hearing.execute(f"LISTEN {CHANNEL}")
        yield Heard(hearing)


def run_sql(sql: str, *params: Any) -> None:
    """Write as another program does, over a connection of its own."""
    with psycopg.connect(**connection_parameters("default")) as other:
        other.execute(sql, params or None)


async def write(sql: str, *params: Any) -> None:
    await asyncio.to_thread(run_sql, sql, *params)


class TestStatements:
    def test_each_kind_says_its_rows_once(self, heard: Heard) -> None:
        run_sql("INSERT INTO shop_tag (name) VALUES ('oak'), ('red')")
        keys = sorted(Tag.objects.values_list("pk", flat=True))
        run_sql("UPDATE shop_tag SET name = upper(name)")
        run_sql("DELETE FROM shop_tag WHERE name = 'OAK'")
        run_sql("TRUNCATE shop_tag CASCADE")
        said = heard.take()
        assert [[table, action] for table, action, _ in said] == [
            ["shop_tag", "created"],
            ["shop_tag", "updated"],
            ["shop_tag", "deleted"],
            ["shop_tag", "updated"],
        ]
        assert [sorted(named) if named else named for *_, named in said] == [
            keys,
            keys,
            keys[:1],
            None,
        ]

    def test_a_key_that_changes_is_told_by_both(self, heard: Heard) -> None:
        tag = Tag.objects.create(name="oak")
        run_sql("UPDATE shop_tag SET id = id + 1000")
        assert sorted(heard.take()[-1][2]) == [tag.pk, tag.pk + 1000]

    def test_many_rows_are_one_short_message(self, heard: Heard) -> None:
        Tag.objects.bulk_create([Tag(name=f"tag {number}") for number in range(100)])
        Tag.objects.bulk_create([Tag(name=f"more {number}") for number in range(101)])
        run_sql("UPDATE shop_tag SET name = name || '!'")
        first, second, third = heard.take()
        assert len(first[2]) == 100
        assert second == ["shop_tag", "created", None]
        assert third == ["shop_tag", "updated", None]

    def test_nothing_written_is_nothing_said(self, heard: Heard) -> None:
        run_sql("UPDATE shop_tag SET name = 'x' WHERE false")
        run_sql("DELETE FROM shop_tag")
        with transaction.atomic():
            Tag.objects.create(name="rolled back")
            transaction.set_rollback(True)
        assert heard.take() == []

    def test_the_same_said_twice_in_a_transaction_is_said_once(self, heard: Heard) -> None:
        tag = Tag.objects.create(name="oak")
        with transaction.atomic():
            tag.save()
            tag.save()
        assert heard.take() == [
            ["shop_tag", "created", [tag.pk]],
            ["shop_tag", "updated", [tag.pk]],
        ]

    def test_a_renamed_key_does_not_break_a_write(self, heard: Heard) -> None:
        run_sql("ALTER TABLE shop_tag RENAME COLUMN id TO number")
        try:
            run_sql("INSERT INTO shop_tag (number, name) VALUES (7, 'oak')")
            assert heard.take() == [["shop_tag", "created", [7]]]
        finally:
            run_sql("ALTER TABLE shop_tag RENAME COLUMN number TO id")

    @pytest.mark.parametrize("key", ["a int, b int, PRIMARY KEY (a, b)", "a int, b int"])
    def test_rows_without_a_single_key_are_unknown(self, key: str, heard: Heard) -> None:
        run_sql(f"CREATE TABLE odd ({key})")
        try:
            run_sql(
                f"CREATE TRIGGER odd AFTER INSERT ON odd REFERENCING NEW TABLE AS new_rows "
                f"FOR EACH STATEMENT EXECUTE FUNCTION {FUNCTION}()"
            )
            run_sql("INSERT INTO odd SELECT * FROM (VALUES (1, 2)) AS rows (a, b)")
            assert heard.take() == [["odd", "created", None]]
        finally:
            run_sql("DROP TABLE odd")


@contextmanager
def odd_table(name: str, columns: str, more: str = "") -> Iterator[None]:
    """A table with the triggers of the migration, as no model of the tests has one."""
    run_sql(f"CREATE TABLE {name} ({columns}) {more}")
    try:
        for statement in create_sql(name, str):
            run_sql(statement)
        yield
    finally:
        run_sql(f"DROP TABLE {name}")


class TestOddTables:
    @pytest.mark.parametrize(
        ("columns", "insert", "key"),
        [
            ('"Odd ""Key"" %s" int PRIMARY KEY', "(7)", 7),
            ('"select" int PRIMARY KEY', "(7)", 7),
            ('"key" int PRIMARY KEY', "(7)", 7),
            ("new_rows int PRIMARY KEY", "(7)", 7),
            ("found int PRIMARY KEY", "(7)", 7),
            ("keys int PRIMARY KEY", "(7)", 7),
            ("named int PRIMARY KEY", "(7)", 7),
            ("payload int PRIMARY KEY", "(7)", 7),
            ("a text, b int PRIMARY KEY", "('x', 7)", 7),
            ("id bigint PRIMARY KEY", "(9223372036854775807)", 9223372036854775807),
            ("id text PRIMARY KEY", """(E'a"b\\\\c''\n$$ä')""", "a\"b\\c'\n$$ä"),
            ("id text PRIMARY KEY", "('')", ""),
            (
                "id uuid PRIMARY KEY",
                "('6ba7b810-9dad-11d1-80b4-00c04fd430c8')",
                "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
            ),
            ("id date PRIMARY KEY", "('2024-02-29')", "2024-02-29"),
        ],
    )
    def test_a_key_is_told_as_it_is(
        self, columns: str, insert: str, key: object, heard: Heard
    ) -> None:
        with odd_table("odd", columns):
            run_sql(f"INSERT INTO odd VALUES {insert}")  # noqa: S608
            run_sql("DELETE FROM odd")
            assert heard.take()[1:] == [["odd", "created", [key]], ["odd", "deleted", [key]]]

    @pytest.mark.parametrize(
        "name", ['"Odd Table"', '"odd""quoted"', '"select"', '"odd%s"', '"ödd"', '"odd\'s"']
    )
    def test_a_table_of_any_name(self, name: str, heard: Heard) -> None:
        with odd_table(name, "id int PRIMARY KEY"):
            run_sql(f"INSERT INTO {name} VALUES (1)")  # noqa: S608
            plain = name[1:-1].replace('""', '"')
            assert heard.take()[-1] == [plain, "created", [1]]
            known_tables.clear()
            assert known_tables.get("default") == {"shop_tag", plain}

    def test_a_key_of_several_columns_is_not_named(self, heard: Heard) -> None:
        with odd_table("odd", "a int, b int, PRIMARY KEY (a, b)"):
            run_sql("INSERT INTO odd VALUES (1, 2), (1, 3)")
            run_sql("UPDATE odd SET b = b + 10")
            run_sql("DELETE FROM odd WHERE b = 12")
            run_sql("UPDATE odd SET b = 1 WHERE false")
            assert [said[1:] for said in heard.take()[1:]] == [
                ["created", None],
                ["updated", None],
                ["deleted", None],
            ]

    @pytest.mark.parametrize("length", [10, 2000])
    def test_keys_too_long_for_a_message_are_not_named(self, length: int, heard: Heard) -> None:
        with odd_table("odd", "id text PRIMARY KEY"):
            insert = "INSERT INTO odd SELECT repeat(n::text, %s) FROM generate_series(1, 9) n"
            run_sql(insert, length)
            named = [str(number) * length for number in range(1, 10)]
            assert heard.take()[-1] == ["odd", "created", named if length == 10 else None]

    def test_a_write_to_a_partitioned_table_is_told_by_its_own_name(self, heard: Heard) -> None:
        with odd_table("odd", "id int PRIMARY KEY", "PARTITION BY RANGE (id)"):
            run_sql("CREATE TABLE odd_low PARTITION OF odd FOR VALUES FROM (0) TO (10)")
            run_sql("CREATE TABLE odd_high PARTITION OF odd FOR VALUES FROM (10) TO (20)")
            run_sql("INSERT INTO odd VALUES (1), (11)")
            # From one part to the other.
            run_sql("UPDATE odd SET id = 12 WHERE id = 1")
            run_sql("DELETE FROM odd WHERE id = 11")
            told = [[table, action, sorted(keys)] for table, action, keys in heard.take()[1:]]
            assert told == [
                ["odd", "created", [1, 11]],
                ["odd", "updated", [1, 12]],
                ["odd", "deleted", [11]],
            ]

    def test_an_insert_that_only_updates_is_told(self, heard: Heard) -> None:
        with odd_table("odd", "id int PRIMARY KEY, n int"):
            upsert = "INSERT INTO odd VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET n = odd.n + 1"
            run_sql(upsert)
            run_sql(upsert)
            told = heard.take()[1:]
            assert ["odd", "created", [1]] in told
            assert ["odd", "updated", [1]] in told

    def test_a_savepoint_that_is_rolled_back_says_nothing(self, heard: Heard) -> None:
        with transaction.atomic():
            kept = Tag.objects.create(name="kept")
            with transaction.atomic():
                Tag.objects.create(name="lost")
                transaction.set_rollback(True)
        assert heard.take() == [["shop_tag", "created", [kept.pk]]]

    def test_a_writer_without_rights_to_anything_else_can_write(self, heard: Heard) -> None:
        run_sql("CREATE ROLE odd_writer")
        try:
            run_sql("GRANT INSERT, SELECT ON shop_tag TO odd_writer")
            run_sql("GRANT USAGE ON SEQUENCE shop_tag_id_seq TO odd_writer")
            with psycopg.connect(**connection_parameters("default")) as other:
                other.execute("SET ROLE odd_writer")
                other.execute("INSERT INTO shop_tag (name) VALUES ('oak')")
            assert heard.take() == [["shop_tag", "created", [Tag.objects.get().pk]]]
        finally:
            run_sql("DROP OWNED BY odd_writer")
            run_sql("DROP ROLE odd_writer")


class TestNamesWithASchema:
    @pytest.mark.parametrize(
        "written", ["shop_tag", '"public"."shop_tag"', 'public"."shop_tag', '"shop_tag"']
    )
    def test_a_table_that_is_written_with_its_schema_is_the_same(
        self, written: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Tag._meta, "db_table", written)
        assert "shop.tag" in labels_of("shop_tag")
        assert covers(Tag, Tag, "default")
        migrate(AddLiveTriggers("Tag"))
        assert known_tables.get("default") == {"shop_tag"}

    def test_other_tables_are_none_of_it(self) -> None:
        assert labels_of("shop") == labels_of("tag") == labels_of("") == []
        assert not covers(Note, Note, "default")


class TestMessages:
    @pytest.fixture
    async def queue(self) -> AsyncIterator[asyncio.Queue[ModelChange]]:
        queue = live_broadcaster().subscribe("shop.tag")
        await listening()
        async with asyncio.timeout(20):
            assert (await queue.get()).pk is None
        yield queue
        live_broadcaster().unsubscribe("shop.tag", queue)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "x",
            "5",
            "null",
            "[]",
            "{}",
            '"shop_tag"',
            '["shop_tag"]',
            '["shop_tag", "updated"]',
            '["shop_tag", "updated", 5]',
            '["shop_tag", "updated", [1], "more"]',
            '["shop_nothing", "updated", [1]]',
            '[["shop_tag"], "updated", [1]]',
            '["shop_tag", "updated", []]',
            "[null]",
            "[" * 7000,
        ],
        ids=ascii,
    )
    async def test_what_anyone_may_notify_does_not_end_the_listening(
        self, queue: asyncio.Queue[ModelChange], text: str
    ) -> None:
        await write("SELECT pg_notify(%s, %s)", CHANNEL, text)
        await write("SELECT pg_notify(%s, %s)", CHANNEL, '["shop_tag", "updated", [7]]')
        async with asyncio.timeout(20):
            assert await queue.get() == ModelChange("shop.tag", "updated", 7)
        (listener,) = listeners.get(asyncio.get_running_loop())
        assert not listener.task.done()

    @pytest.mark.parametrize("action", ["merged", None, 5, ["updated"]])
    async def test_what_happened_in_other_words_is_read_anew(
        self, queue: asyncio.Queue[ModelChange], action: object
    ) -> None:
        await write("SELECT pg_notify(%s, %s)", CHANNEL, json.dumps(["shop_tag", action, [7]]))
        async with asyncio.timeout(20):
            assert await queue.get() == ModelChange("shop.tag", "updated", None)

    async def test_it_connects_again_as_often_as_it_is_cut(
        self, queue: asyncio.Queue[ModelChange]
    ) -> None:
        for number in range(3):
            await write(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name = %s",
                APPLICATION,
            )
            async with asyncio.timeout(30):
                # Whatever was said meanwhile may have been missed.
                assert (await queue.get()).pk is None
                await write("INSERT INTO shop_tag (id, name) VALUES (%s, %s::text)", number, number)
                assert await queue.get() == ModelChange("shop.tag", "created", number)


class TestOperation:
    def test_backwards_leaves_nothing(self, heard: Heard) -> None:
        migrate(AddLiveTriggers("Tag"), backwards=True)
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_proc WHERE proname = %s", [FUNCTION])
            assert cursor.fetchone() == (0,)
            cursor.execute("SELECT count(*) FROM pg_trigger WHERE tgname LIKE %s", [FUNCTION + "%"])
            assert cursor.fetchone() == (0,)
        Tag.objects.create(name="oak")
        assert heard.take() == [[None]]
        assert known_tables.get("default") == frozenset()

    def test_a_table_of_another_schema_counts_too(self) -> None:
        run_sql("CREATE SCHEMA tenant")
        try:
            run_sql("CREATE TABLE tenant.shop_note (id int PRIMARY KEY)")
            for statement in create_sql("tenant.shop_note", str):
                run_sql(statement)
            known_tables.clear()
            assert known_tables.get("default") == {"shop_tag", "shop_note"}
        finally:
            run_sql("DROP SCHEMA tenant CASCADE")

    def test_the_function_stays_for_another_table(self) -> None:
        migrate(AddLiveTriggers("Note"))
        migrate(AddLiveTriggers("Tag"), backwards=True)
        try:
            assert known_tables.get("default") == {"shop_note"}
            Note.objects.create(text="works")
        finally:
            migrate(AddLiveTriggers("Note"), backwards=True)

    def test_it_may_be_done_twice(self) -> None:
        migrate(AddLiveTriggers("Tag"))
        assert known_tables.get("default") == {"shop_tag"}

    def test_sqlmigrate_can_show_it(self) -> None:
        with connection.schema_editor(collect_sql=True) as editor:
            AddLiveTriggers("Tag").database_forwards("shop", editor, state(), state())
        assert any("CREATE TRIGGER reflex_drf_live_update" in line for line in editor.collected_sql)

    def test_it_is_written_as_it_was_given(self) -> None:
        name, args, kwargs = AddLiveTriggers("Tag").deconstruct()
        assert (name, args, kwargs) == ("AddLiveTriggers", ("Tag",), {})
        assert issubclass(AddLiveTriggers, migrations.operations.base.Operation)


def test_two_names_of_one_database_are_listened_to_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        connections.settings, "again", {**connections.settings["default"], "TEST": {}}
    )
    try:
        assert "again" in connections
        assert databases() == ["default"]
    finally:
        del connections["again"]


async def listening() -> None:
    """Wait until the listener of this loop hears the database."""
    (listener,) = listeners.get(asyncio.get_running_loop())
    async with asyncio.timeout(20):
        await listener.connected.wait()


@pytest.fixture
async def tab() -> AsyncIterator[Tab]:
    async with Tab() as tab:
        await tab.send(TriggeredTagState.live_subscribe)
        await listening()
        await tab.worker.settle()
        yield tab


def names(tab: Tab) -> list[str]:
    return [row["name"] for row in tab.get(TriggeredTagState, "data")]


class TestDelivery:
    async def test_whatever_writes_reaches_an_open_tab(self, tab: Tab) -> None:
        await write("INSERT INTO shop_tag (name) VALUES ('oak')")
        await until(tab, lambda: names(tab) == ["oak"])
        await Tag.objects.abulk_create([Tag(name="red")])
        await until(tab, lambda: names(tab) == ["oak", "red"])
        await Tag.objects.filter(name="red").aupdate(name="blue")
        await until(tab, lambda: names(tab) == ["blue", "oak"])
        await Tag.objects.acreate(name="tall")
        await until(tab, lambda: names(tab) == ["blue", "oak", "tall"])
        await write("TRUNCATE shop_tag CASCADE")
        await until(tab, lambda: names(tab) == [])

    async def test_a_save_is_one_change(self) -> None:
        queue = live_broadcaster().subscribe("shop.tag")
        watcher = live_broadcaster().subscribe("shop.note")
        try:
            await listening()
            async with asyncio.timeout(20):
                # What was written before anybody listened.
                assert (await queue.get()).pk is None
                tag = await Tag.objects.acreate(name="oak")
                await tag.asave()
                await tag.adelete()
                # An instance forgets its key when it is deleted.
                (first, second, third) = [await queue.get() for _ in range(3)]
                assert [change.action for change in (first, second, third)] == [
                    "created",
                    "updated",
                    "deleted",
                ]
                assert first == ModelChange("shop.tag", "created", second.pk)
                await sync_to_async(notify)(Note)
                # Whatever else had been said would be here before it.
                await watcher.get()
            assert queue.empty()
        finally:
            live_broadcaster().unsubscribe("shop.tag", queue)
            live_broadcaster().unsubscribe("shop.note", watcher)

    async def test_the_catalogue_is_asked_once(self) -> None:
        await Tag.objects.acreate(name="oak")
        with count_queries() as queries:
            await Tag.objects.acreate(name="red")
        assert len(queries) == 1

    async def test_what_was_written_while_nobody_heard_is_read_again(self, tab: Tab) -> None:
        def cut_and_write() -> None:
            with psycopg.connect(**connection_parameters("default")) as other:
                other.execute(
                    "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid() "
                    "AND application_name = %s",
                    [APPLICATION],
                )
                other.execute("INSERT INTO shop_tag (name) VALUES ('unheard')")

        await asyncio.to_thread(cut_and_write)
        await until(tab, lambda: names(tab) == ["unheard"], 30)

    async def test_new_triggers_are_noticed(self, tab: Tab) -> None:
        find = sync_to_async(known_tables.get)
        assert await find("default") == {"shop_tag"}
        quote = connection.ops.quote_name
        try:
            # Another process migrates.
            for statement in create_sql("shop_note", quote):
                await write(statement)
            await write("INSERT INTO shop_tag (name) VALUES ('after that')")
            await until(tab, lambda: names(tab) == ["after that"])
            assert await find("default") == {"shop_tag", "shop_note"}
        finally:
            for statement in drop_sql("shop_note", quote):
                await write(statement)
