"""Compiled lookups beside `manager.get()`: the same query, the same object, the same errors."""

from __future__ import annotations

import gc
import sqlite3
import threading
import uuid
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.models import User, UserManager
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.exceptions import SynchronousOnlyOperation
from django.db import DatabaseError, connection, connections, models, transaction
from django.db.models.manager import EmptyManager, Manager
from django.db.models.query import QuerySet
from django.db.models.signals import post_init, pre_init
from django.db.models.sql.compiler import SQLCompiler
from django.db.utils import ConnectionDoesNotExist
from django.test.utils import CaptureQueriesContext, isolate_apps
from django.utils import timezone

from reflex_drf import lookups

pytestmark = pytest.mark.django_db


@contextmanager
def sent() -> Iterator[list[tuple[str, Any]]]:
    """Note the SQL and the parameters of each statement, as an execute wrapper sees them."""
    statements: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield statements


@contextmanager
def compilations() -> Iterator[list[Any]]:
    """Note each time Django writes the SQL of a query."""
    compiled: list[Any] = []
    as_sql = SQLCompiler.as_sql

    def noting(self: Any, *args: Any, **kwargs: Any) -> Any:
        compiled.append(self)
        return as_sql(self, *args, **kwargs)

    with mock.patch.object(SQLCompiler, "as_sql", noting):
        yield compiled


def outcome(get: Any, **values: Any) -> Any:
    """Give what a `get` sends, and what it gives or raises."""
    result: Any
    with sent() as statements:
        try:
            result = get(**values)
        except Exception as error:  # noqa: BLE001 - compared with what the other way raises
            return statements, type(error), str(error)
    return statements, type(result), shown(result)


def shown(instance: Any) -> dict[str, Any]:
    """Give all that an object holds, its state among it."""
    return {**vars(instance), "_state": dict(vars(instance._state))}


def quick(manager: Any) -> Any:
    return lambda **values: lookups.get(manager, **values)


def assert_same(manager: Any, **values: Any) -> list[tuple[str, Any]]:
    """Compare with the manager's own way, at the first time and when all is compiled."""
    expected = outcome(manager.get, **values)
    for _ in range(3):
        assert outcome(quick(manager), **values) == expected
    statements: list[tuple[str, Any]] = expected[0]
    return statements


@pytest.fixture
def user() -> User:
    return User.objects.create_user("ann", "ann@example.org", "pw", first_name="Änn")


@pytest.fixture
def session() -> Session:
    store = SessionStore()
    store["cart"] = [1]
    store.save()
    return Session.objects.get(pk=store.session_key)


class TestTheSame:
    def test_a_user(self, user: User) -> None:
        assert len(assert_same(User.objects, pk=user.pk)) == 1

    def test_a_session(self, session: Session) -> None:
        now = timezone.now()
        sent = assert_same(Session.objects, session_key=session.pk, expire_date__gt=now)
        assert len(sent) == 1

    def test_conditions_in_another_order(self, session: Session) -> None:
        now = timezone.now()
        assert_same(Session.objects, expire_date__gt=now, session_key=session.pk)

    def test_each_of_several_rows(self) -> None:
        users = [User.objects.create_user(f"user{n}") for n in range(5)]
        assert [lookups.get(User.objects, pk=user.pk).username for user in users] == [
            user.username for user in users
        ]

    def test_nothing_that_is_remembered(self, user: User) -> None:
        first = lookups.get(User.objects, pk=user.pk)
        User.objects.filter(pk=user.pk).update(first_name="Ben")
        second = lookups.get(User.objects, pk=user.pk)
        assert (first.first_name, second.first_name) == ("Änn", "Ben")
        assert first is not second

    def test_a_key_as_a_text(self, user: User) -> None:
        assert_same(User.objects, pk=user.pk)
        assert_same(User.objects, pk=str(user.pk))

    def test_no_such_row(self, user: User) -> None:
        assert_same(User.objects, pk=user.pk + 1)
        assert lookups.get(User.objects, pk=user.pk) == user
        assert_same(User.objects, pk=user.pk + 1)

    def test_an_expired_session(self, session: Session) -> None:
        then = session.expire_date + timedelta(seconds=1)
        assert_same(Session.objects, session_key=session.pk, expire_date__gt=then)

    @pytest.mark.parametrize(
        "value",
        [10**30, -(10**30), None, "", "x", "1; DROP TABLE auth_user", True, 1.0, b"1", [1], (1,),
         models.F("id")],
        ids=repr,
    )  # fmt: skip
    def test_keys_that_are_none(self, value: Any, user: User) -> None:
        for first in (True, False):
            if not first:
                assert lookups.get(User.objects, pk=user.pk) == user
            with transaction.atomic():
                expected = outcome(User.objects.get, pk=value)
            with transaction.atomic():
                assert outcome(quick(User.objects), pk=value) == expected

    def test_several_rows(self, user: User) -> None:
        User.objects.create_user("ben", first_name="Änn")
        with pytest.raises(User.MultipleObjectsReturned, match="it returned 2"):
            lookups.get(User.objects, first_name="Änn")

    def test_conditions_of_other_kinds(self, user: User) -> None:
        assert_same(User.objects, username__iexact="ANN")
        assert_same(User.objects, username__startswith="a")
        assert_same(User.objects, pk__in=[user.pk])
        assert_same(User.objects, last_login__isnull=True)
        assert_same(User.objects, date_joined__year=user.date_joined.year)
        assert_same(User.objects, groups__name="none")

    def test_a_condition_that_does_not_exist(self, user: User) -> None:
        assert_same(User.objects, colour="red")

    @pytest.mark.parametrize("use_tz", [True, False])
    def test_moments_with_and_without_time_zones(
        self, use_tz: bool, session: Session, user: User, settings: Any
    ) -> None:
        assert_same(Session.objects, session_key=session.pk, expire_date__gt=timezone.now())
        assert_same(User.objects, pk=user.pk)
        settings.USE_TZ = use_tz
        settings.TIME_ZONE = "Asia/Tokyo"
        assert_same(Session.objects, session_key=session.pk, expire_date__gt=timezone.now())
        assert_same(User.objects, pk=user.pk)
        joined = lookups.get(User.objects, pk=user.pk).date_joined
        assert timezone.is_aware(joined) is use_tz

    def test_signals_of_a_new_object(self, user: User) -> None:
        heard: list[Any] = []

        def before(sender: Any, args: Any, **kwargs: Any) -> None:
            heard.append(args)

        def after(sender: Any, instance: Any, **kwargs: Any) -> None:
            heard.append(instance)

        pre_init.connect(before, sender=User)
        post_init.connect(after, sender=User)
        try:
            found = lookups.get(User.objects, pk=user.pk)
        finally:
            pre_init.disconnect(before, sender=User)
            post_init.disconnect(after, sender=User)
        assert heard[0][0] == user.pk
        assert heard[1] is found

    def test_what_the_query_log_shows(self, user: User) -> None:
        lookups.get(User.objects, pk=user.pk)
        with CaptureQueriesContext(connection) as ours:
            lookups.get(User.objects, pk=user.pk)
        with CaptureQueriesContext(connection) as djangos:
            User.objects.get(pk=user.pk)
        assert [query["sql"] for query in ours] == [query["sql"] for query in djangos]

    async def test_no_query_on_the_event_loop(self) -> None:
        with pytest.raises(SynchronousOnlyOperation):
            lookups.get(User.objects, pk=1)


class TestErrors:
    def test_an_error_of_a_wrapper_comes_out_and_leaves_nothing_behind(self, user: User) -> None:
        def refuse(*args: Any) -> Any:
            raise PermissionError("blocked")

        for _ in range(2):
            with connection.execute_wrapper(refuse), pytest.raises(PermissionError):
                lookups.get(User.objects, pk=user.pk)
            assert lookups.get(User.objects, pk=user.pk) == user

    def test_a_broken_transaction_stays_broken(self, user: User) -> None:
        lookups.get(User.objects, pk=user.pk)
        with transaction.atomic():
            transaction.set_rollback(True)
            with pytest.raises(transaction.TransactionManagementError):
                lookups.get(User.objects, pk=user.pk)

    def test_a_lookup_inside_a_lookup(self, user: User) -> None:
        other = User.objects.create_user("ben")
        inner: list[Any] = []

        def ask(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if not inner:
                inner.append(None)
                inner.append(lookups.get(User.objects, pk=other.pk))
            return execute(sql, params, many, context)

        lookups.get(User.objects, pk=user.pk)
        with connection.execute_wrapper(ask):
            assert lookups.get(User.objects, pk=user.pk) == user
        assert inner[1] == other


class ActiveManager(UserManager[User]):
    def get_queryset(self) -> Any:
        return super().get_queryset().filter(is_active=True)


class GettingManager(UserManager[User]):
    def get(self, *args: Any, **kwargs: Any) -> Any:
        return super().all().get(is_staff=False, **kwargs)


class GettingQuerySet(QuerySet[User]):
    def get(self, *args: Any, **kwargs: Any) -> Any:
        return super().get(*args, is_staff=False, **kwargs)


def of_users(manager: Any) -> Any:
    manager.model, manager.name = User, "objects"
    return manager


MANAGERS = {
    "get_queryset": lambda: of_users(ActiveManager()),
    "get": lambda: of_users(GettingManager()),
    "queryset": lambda: of_users(Manager.from_queryset(GettingQuerySet)()),
    "none": lambda: EmptyManager(User),
}


class TestOtherWays:
    @pytest.mark.parametrize("name", MANAGERS)
    def test_a_manager_with_a_way_of_its_own(self, name: str, user: User) -> None:
        assert lookups.get(User.objects, pk=user.pk) == user
        manager = MANAGERS[name]()
        assert_same(manager, pk=user.pk)
        User.objects.filter(pk=user.pk).update(is_active=False, is_staff=True)
        assert_same(manager, pk=user.pk)
        with pytest.raises(User.DoesNotExist):
            lookups.get(manager, pk=user.pk)

    def test_a_manager_that_was_given_a_way_of_its_own(self, user: User) -> None:
        manager = of_users(UserManager())
        assert lookups.get(manager, pk=user.pk) == user
        manager.get_queryset = lambda: User.objects.none()
        with pytest.raises(User.DoesNotExist):
            lookups.get(manager, pk=user.pk)

    @pytest.mark.parametrize("method", ["get", "_fetch_all"])
    def test_a_package_that_keeps_rows_is_asked(
        self, method: str, user: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[Any] = []
        original = getattr(QuerySet, method)

        def caching(self: Any, *args: Any, **kwargs: Any) -> Any:
            asked.append(self)
            return original(self, *args, **kwargs)

        monkeypatch.setattr(QuerySet, method, caching)
        lookups.forget()
        for _ in range(2):
            before = len(asked)
            assert lookups.get(User.objects, pk=user.pk) == user
            assert len(asked) > before
        lookups.forget()

    def test_a_package_that_keeps_results_is_asked(
        self, user: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lookups.get(User.objects, pk=user.pk)
        asked: list[Any] = []
        original = SQLCompiler.execute_sql

        def caching(self: Any, *args: Any, **kwargs: Any) -> Any:
            asked.append(self.as_sql())
            return original(self, *args, **kwargs)

        monkeypatch.setattr(SQLCompiler, "execute_sql", caching)
        with sent() as statements:
            lookups.get(User.objects, pk=user.pk)
        assert asked == statements


class Routing:
    """Says where rows are read, and notes who was asked for."""

    def __init__(self) -> None:
        self.alias, self.asked = "default", 0

    def db_for_read(self, model: Any, **hints: Any) -> str:
        assert (model, hints) == (User, {})
        self.asked += 1
        return self.alias


class TestRouters:
    def test_each_lookup_asks_them_once(self, user: User, settings: Any) -> None:
        routing = Routing()
        settings.DATABASE_ROUTERS = [routing]
        for _ in range(3):
            lookups.get(User.objects, pk=user.pk)
        assert routing.asked == 3
        lookups.get(User.objects, pk=10**30 - 10**30 + user.pk)
        assert routing.asked == 4
        routing.alias = "elsewhere"
        with pytest.raises(ConnectionDoesNotExist):
            lookups.get(User.objects, pk=user.pk)

    def test_an_unusual_key_asks_them_once(self, user: User, settings: Any) -> None:
        routing = Routing()
        settings.DATABASE_ROUTERS = [routing]
        with pytest.raises(User.DoesNotExist):
            lookups.get(User.objects, pk=10**30)
        assert routing.asked == 1

    def test_a_manager_of_another_database_is_djangos(self, user: User, settings: Any) -> None:
        routing = Routing()
        settings.DATABASE_ROUTERS = [routing]
        assert lookups.get(User.objects.db_manager("default"), pk=user.pk) == user
        assert routing.asked == 0


def upper(value: Any) -> Any:
    return value.upper()


class ShoutField(models.CharField):  # type: ignore[type-arg]
    def from_db_value(self, value: Any, *args: Any) -> Any:
        return upper(value)


@pytest.mark.django_db(transaction=True)
@isolate_apps("tests.shop")
def test_a_model_with_keys_columns_and_a_way_of_its_own() -> None:
    class LookedUp(models.Model):  # noqa: DJ008 - nobody shows it
        key = models.UUIDField(primary_key=True, default=uuid.uuid4)
        name = ShoutField(max_length=20)
        price = models.DecimalField(max_digits=9, decimal_places=2)
        extra = models.JSONField(default=dict)

        class Meta:
            app_label = "shop"
            ordering = ("name",)

        @classmethod
        def from_db(cls, *args: Any, **kwargs: Any) -> Any:
            instance = super().from_db(*args, **kwargs)
            instance.came = "from the database"  # type: ignore[attr-defined]
            return instance

    with connection.schema_editor() as editor:
        editor.create_model(LookedUp)
    try:
        row = LookedUp.objects.create(name="lamp", price="1.50", extra={"a": [1]})
        assert_same(LookedUp.objects, pk=row.pk)
        assert_same(LookedUp.objects, pk=str(row.pk))
        assert_same(LookedUp.objects, pk=uuid.uuid4())
        found = lookups.get(LookedUp.objects, pk=row.pk)
        assert (found.name, found.extra, found.came) == ("LAMP", {"a": [1]}, "from the database")
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(LookedUp)


class TestKept:
    def test_a_query_is_compiled_once_for_a_connection(self, user: User, session: Session) -> None:
        lookups.forget()

        def look() -> None:
            lookups.get(User.objects, pk=user.pk)
            now = timezone.now()
            lookups.get(Session.objects, session_key=session.pk, expire_date__gt=now)

        with compilations() as compiled:
            look()
        assert len(compiled) == 2
        with compilations() as compiled:
            for _ in range(5):
                look()
        assert compiled == []

    def test_a_change_of_settings_compiles_anew(self, user: User, settings: Any) -> None:
        lookups.get(User.objects, pk=user.pk)
        settings.USE_TZ = False
        with compilations() as compiled:
            lookups.get(User.objects, pk=user.pk)
            lookups.get(User.objects, pk=user.pk)
        assert len(compiled) == 1

    def test_no_ones_key_is_kept(self, session: Session) -> None:
        lookups.forget()
        now = timezone.now()
        lookups.get(Session.objects, session_key=session.pk, expire_date__gt=now)
        kept = connections["default"].__dict__[lookups.KEPT]
        assert len(kept) == 1
        (compiled,) = kept.values()
        queries = [compiled._queryset.query, compiled._compiler.query, compiled._compiler]
        assert [q for q in queries if session.pk in repr(q.where)] == []
        assert session.pk not in repr(vars(compiled))

    @pytest.mark.django_db(transaction=True)
    def test_what_is_kept_ends_with_its_connection(self) -> None:
        user = User.objects.create_user("ann")
        ended: list[Any] = []

        def look() -> None:
            assert lookups.get(User.objects, pk=user.pk) == user
            own = connections["default"]
            ended.append(weakref.ref(own))
            ended.append(weakref.ref(own.__dict__[lookups.KEPT]))
            own.close()

        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        # SQLite's features and Django's test case may refer to it in a circle.
        gc.collect()
        assert [held() for held in ended] == [None, None]

    @pytest.mark.django_db(transaction=True)
    def test_threads_use_their_own_connections(self) -> None:
        users = [User.objects.create_user(f"user{n}") for n in range(4)]
        found: list[Any] = []

        def look(user: User) -> None:
            try:
                rounds = [lookups.get(User.objects, pk=user.pk) for _ in range(50)]
                found.append((user.pk, {other.pk for other in rounds}))
            finally:
                connections["default"].close()

        threads = [threading.Thread(target=look, args=(user,)) for user in users]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(found) == [(user.pk, {user.pk}) for user in users]

    @pytest.mark.django_db(transaction=True)
    def test_a_connection_that_was_closed_is_opened_again(self) -> None:
        user = User.objects.create_user("ann")
        assert lookups.get(User.objects, pk=user.pk) == user
        connections["default"].close()
        assert lookups.get(User.objects, pk=user.pk) == user


def test_own_functions_are_told_from_others() -> None:
    from django.contrib import auth

    assert lookups.is_own(auth.get_user, auth)
    assert not lookups.is_own(auth.import_string, auth)
    assert not lookups.is_own(None, auth)
    with mock.patch.object(auth, "get_user"):
        assert not lookups.is_own(auth.get_user, auth)


def test_the_errors_of_a_database_are_djangos(user: User) -> None:
    lookups.get(User.objects, pk=user.pk)

    def fail(*args: Any) -> Any:
        raise DatabaseError("gone")

    with connection.execute_wrapper(fail), pytest.raises(DatabaseError, match="gone"):
        lookups.get(User.objects, pk=user.pk)


class TestSharedRows:
    def test_the_same_lookup_makes_one_query_and_two_objects(self, user: User) -> None:
        with sent() as statements, lookups.shared_rows():
            one, other = (lookups.get(User.objects, pk=user.pk) for _ in range(2))
        assert len(statements) == 1
        assert shown(one) == shown(other) == shown(User.objects.get(pk=user.pk))
        one.username = "changed"
        assert other.username == user.username

    def test_nothing_is_shared_after_it(self, user: User) -> None:
        with lookups.shared_rows():
            lookups.get(User.objects, pk=user.pk)
        User.objects.filter(pk=user.pk).update(username="anna")
        assert lookups.get(User.objects, pk=user.pk).username == "anna"

    def test_an_error_ends_it(self, user: User) -> None:
        with pytest.raises(ZeroDivisionError), lookups.shared_rows():
            _ = 1 / 0
        with sent() as statements:
            for _ in range(2):
                lookups.get(User.objects, pk=user.pk)
        assert len(statements) == 2

    def test_another_thread_shares_nothing(self, user: User) -> None:
        with lookups.shared_rows(), ThreadPoolExecutor() as threads:
            assert threads.submit(lambda: lookups.sharing.rows).result() is None

    def test_several_keys_are_read_in_one_query(self) -> None:
        users = [User.objects.create_user(f"user {number}") for number in range(4)]
        with sent() as statements, lookups.shared_rows():
            keys = [*(each.pk for each in users), 10**6, 2**80]
            lookups.read_ahead(User.objects, "pk", keys)
            assert [lookups.get(User.objects, pk=each.pk) for each in users] == users
            assert len(statements) == 1
            for missing in (10**6, 2**80):
                with pytest.raises(User.DoesNotExist):
                    lookups.get(User.objects, pk=missing)

    def test_a_few_keys_are_not_worth_it(self, user: User) -> None:
        with sent() as statements, lookups.shared_rows():
            lookups.read_ahead(User.objects, "pk", [user.pk, user.pk + 1])
        assert not statements

    def test_a_manager_of_its_own_is_left_to_django(self, user: User) -> None:
        with sent() as statements, lookups.shared_rows():
            lookups.read_ahead(of_users(ActiveManager()), "pk", [user.pk, 2, 3, 4])
        assert not statements


class ListingField(models.Field):  # type: ignore[type-arg]
    """A column whose driver makes lists of it, as PostgreSQL's arrays are read."""

    def db_type(self, connection: Any) -> str:
        return "listing"


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="the converter is of SQLite's driver")
@isolate_apps("tests.shop")
def test_rows_with_values_that_can_change_are_not_shared() -> None:
    class Listed(models.Model):  # noqa: DJ008 - nobody shows it
        names = ListingField()

        class Meta:
            app_label = "shop"

    sqlite3.register_converter("listing", lambda text: text.decode().split())
    with connection.schema_editor() as editor:
        editor.create_model(Listed)
    try:
        row = Listed.objects.create(names="one two")
        with lookups.shared_rows():
            one = lookups.get(Listed.objects, pk=row.pk)
            one.names.append("three")
            assert lookups.get(Listed.objects, pk=row.pk).names == ["one", "two"]
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(Listed)
