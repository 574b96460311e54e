"""The session and the user of a request beside Django's own way, in every situation."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib import auth
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, backends
from django.contrib.auth import middleware as auth_middleware
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser, User, UserManager
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.middleware import SessionMiddleware
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.core.exceptions import SuspiciousOperation
from django.core.signing import JSONSerializer, Signer
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from reflex_drf import viewers
from reflex_drf.backends import Call
from reflex_drf.backends.inprocess import call_view
from reflex_drf.backends.request import CallRequest
from reflex_drf.bridge.phases import resolve
from reflex_drf.routing import find_route
from tests import trap_views
from tests.origin import log_in, make_origin

pytestmark = pytest.mark.django_db

ENGINES = "django.contrib.sessions.backends"
BACKEND = "django.contrib.auth.backends.ModelBackend"


def enter(request: HttpRequest) -> HttpRequest:
    """Send a request through Django's middleware."""
    SessionMiddleware(lambda request: HttpResponse()).process_request(request)
    AuthenticationMiddleware(lambda request: HttpResponse()).process_request(request)
    return request


def make_call(key: str | None) -> CallRequest:
    call = Call(view=trap_views.Products, action="list")
    route = find_route(call.view, call.action, kwargs=call.kwargs)
    return CallRequest(call, route, route.url(call.kwargs), make_origin(key))


def ask_django(key: str | None) -> HttpRequest:
    """As a view over HTTP finds its user."""
    request = enter(make_origin(key))
    _ = request.user.is_authenticated
    return request


def ask_event(key: str | None) -> HttpRequest:
    """As an event does before its handler."""
    request = enter(make_origin(key))
    resolve(request)
    return request


def ask_call(key: str | None) -> HttpRequest:
    """As a view does that an event calls."""
    request = enter(make_call(key))
    _ = request.user.is_authenticated
    return request


MOMENT = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?$")


def comparable(value: Any, key: str | None) -> Any:
    """Take out of a parameter what no two runs share: the moment, and a random key."""
    if isinstance(value, str) and (MOMENT.match(value) or re.match(r"^[a-z0-9]{32}$", value)):
        return "the key" if value == key else "a moment" if MOMENT.match(value) else "a new key"
    # The contents of a session are signed with the moment.
    return "a moment" if hasattr(value, "year") else value if value == key else str(value)[:8]


@contextmanager
def sent(key: str | None) -> Iterator[list[Any]]:
    statements: list[Any] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        # A savepoint is named after its thread and a count.
        named = re.sub(r"s\d+_x\d+", "a savepoint", sql)
        statements.append((named, [comparable(value, key) for value in params or ()]))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield statements


def outcome(ask: Callable[[str | None], HttpRequest], key: str | None) -> Any:
    """Give what is sent and found, and what becomes of the session; nothing of it stays."""
    cache_before = dict(getattr(cache, "_cache", {}))
    with transaction.atomic():
        try:
            with sent(key) as statements:
                request = ask(key)
        except Exception as error:  # noqa: BLE001 - compared with what the other way raises
            return statements, type(error), str(error)
        finally:
            transaction.set_rollback(True)
    if hasattr(cache, "_cache"):
        cache._cache.clear()
        cache._cache.update(cache_before)
    return statements, found(request, key)


def found(request: Any, key: str | None) -> Any:
    """Give all that whoever comes next could see of user and session."""
    user, session = request._cached_user, request.session
    fields = {name: value for name, value in vars(user).items() if name != "_state"}
    state = getattr(user, "_state", None)
    return {
        "user": (type(user), fields, state and (state.adding, state.db)),
        "lazy": (type(request.user), request.user == user),
        "data": dict(session._session_cache),
        "flags": (session.accessed, session.modified, type(session)),
        "key": comparable(session.session_key, key),
        "model": getattr(session, "model", None),
        "attributes": sorted(vars(session)),
    }


def assert_same(key: str | None) -> Any:
    """Compare an event and a call with Django, at the first time and when all is compiled."""
    expected = outcome(ask_django, key)
    for ask in (ask_event, ask_call) * 2:
        assert outcome(ask, key) == expected
    return expected


@pytest.fixture
def user() -> User:
    return User.objects.create_user("ann", "ann@example.org", "pw")


@pytest.fixture
def key(user: User) -> str:
    return log_in(user)


def change(key: str, **data: Any) -> None:
    """Change what a session holds; None takes it out."""
    store = import_module(django_settings.SESSION_ENGINE).SessionStore(key)
    for name, value in data.items():
        store.pop(name, None)
        if value is not None:
            store[name] = value
    store.save()


class Picky(backends.ModelBackend):
    """Decides by itself who may come in."""

    def user_can_authenticate(self, user: Any) -> bool:
        return bool(user.first_name)


class Renaming(backends.ModelBackend):
    """Finds users in a way of its own."""

    def get_user(self, user_id: Any) -> Any:
        user = super().get_user(user_id)
        if user is not None:
            user.first_name = "found by the project"
        return user


class Bare(backends.BaseBackend):
    """Knows nobody."""


class LoudSerializer(JSONSerializer):
    words = "loud"

    def loads(self, data: bytes) -> Any:
        return {**super().loads(data), "said": self.words}


class OwnStore(SessionStore):
    """A session store of the project's own."""

    def load(self) -> Any:
        return {**super().load(), "loaded": "by the project"}


OwnStore.__qualname__ = SessionStore.__qualname__


class TestASessionAndItsUser:
    def test_who_is_signed_in(self, key: str, user: User) -> None:
        statements, result = assert_same(key)
        assert len(statements) == 2
        assert result["user"][:1] == (User,)
        assert result["data"][SESSION_KEY] == str(user.pk)

    def test_a_visitor(self) -> None:
        statements, result = assert_same(None)
        assert (statements, result["user"][0]) == ([], AnonymousUser)

    @pytest.mark.parametrize("stale", ["a" * 32, "short", "ä" * 32, "x" * 500, "' OR 1=1 --"])
    def test_a_cookie_of_no_session(self, stale: str) -> None:
        statements, result = assert_same(stale)
        assert len(statements) == (stale != "short")
        assert result["user"][0] is AnonymousUser

    def test_an_expired_session(self, key: str) -> None:
        Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
        statements, result = assert_same(key)
        assert len(statements) == 1
        assert result["user"][0] is AnonymousUser

    def test_a_session_without_user(self) -> None:
        store = SessionStore()
        store["cart"] = [1]
        store.save()
        statements, result = assert_same(store.session_key)
        assert (len(statements), result["data"]) == (1, {"cart": [1]})

    def test_an_inactive_user(self, key: str, user: User) -> None:
        User.objects.update(is_active=False)
        statements, result = assert_same(key)
        assert (len(statements), result["user"][0]) == (2, AnonymousUser)

    def test_a_deleted_user(self, key: str, user: User) -> None:
        user.delete()
        statements, result = assert_same(key)
        assert (len(statements), result["user"][0]) == (2, AnonymousUser)

    def test_a_changed_password(self, key: str, user: User) -> None:
        user.set_password("other")
        user.save()
        statements, result = assert_same(key)
        assert result["user"][0] is AnonymousUser
        # The session has ended.
        assert result["data"] == {}
        assert "DELETE" in " ".join(sql for sql, params in statements)

    def test_a_secret_key_that_was_replaced(self, key: str, user: User) -> None:
        former = django_settings.SECRET_KEY
        with override_settings(SECRET_KEY="n" * 50, SECRET_KEY_FALLBACKS=[former]):
            _, result = assert_same(key)
        assert (result["user"][0], result["key"]) == (User, "a new key")
        with override_settings(SECRET_KEY="n" * 50):
            assert assert_same(key)[1]["user"][0] is AnonymousUser

    @pytest.mark.parametrize(
        "data",
        [
            {HASH_SESSION_KEY: None},
            {HASH_SESSION_KEY: ""},
            {HASH_SESSION_KEY: "ä"},
            {HASH_SESSION_KEY: 1},
            {BACKEND_SESSION_KEY: None},
            {BACKEND_SESSION_KEY: "gone.Backend"},
            {BACKEND_SESSION_KEY: ["a"]},
            {SESSION_KEY: None},
            {SESSION_KEY: "x"},
            {SESSION_KEY: ""},
            {SESSION_KEY: "9" * 40},
            {SESSION_KEY: -1},
            {SESSION_KEY: True},
            {SESSION_KEY: [1]},
        ],
        ids=repr,
    )
    def test_odd_contents(self, data: dict[str, Any], key: str) -> None:
        change(key, **data)
        assert_same(key)

    def test_contents_that_nobody_signed(self, key: str) -> None:
        Session.objects.update(session_data="rubbish")
        assert assert_same(key)[1]["user"][0] is AnonymousUser

    def test_contents_that_were_read_before_are_read_anew_from_their_row(self, key: str) -> None:
        assert assert_same(key)[1]["user"][0] is User
        Session.objects.update(session_data="rubbish")
        assert assert_same(key)[1]["user"][0] is AnonymousUser

    def test_nobody_gets_what_another_one_has_changed(self, user: User) -> None:
        key = log_in(user)
        change(key, cart={"items": [1]})
        for ask in (ask_event, ask_call) * 2:
            session = ask(key).session
            assert session["cart"] == {"items": [1]}
            session["cart"]["items"].append(2)

    def test_a_serializer_of_the_project(
        self, user: User, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.SESSION_SERIALIZER = "tests.test_viewers.LoudSerializer"
        assert assert_same(log_in(user))[1]["data"]["said"] == "loud"
        monkeypatch.setattr(LoudSerializer, "words", property(lambda self: 1 / 0))
        assert assert_same(log_in(user))[1]["data"] == {}

    def test_the_same_contents_are_checked_once(
        self, key: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        checked = []
        unsign = Signer.unsign

        def note(self: Signer, text: str) -> str:
            checked.append(text)
            return unsign(self, text)

        monkeypatch.setattr(Signer, "unsign", note)
        assert all(ask_event(key).user.is_authenticated for _ in range(3))
        assert len(checked) == 1
        # What is long is not kept.
        change(key, essay="".join(map(chr, range(256, 9000))))
        checked.clear()
        assert all(ask_event(key).user.is_authenticated for _ in range(3))
        assert len(checked) == 3

    def test_a_session_that_a_wrapper_finds_suspicious(self, key: str) -> None:
        def refuse(execute: Any, sql: str, *args: Any) -> Any:
            if "django_session" in sql:
                raise SuspiciousOperation("no")
            return execute(sql, *args)

        with connection.execute_wrapper(refuse):
            assert assert_same(key)[1]["user"][0] is AnonymousUser

    @pytest.mark.parametrize("use_tz", [True, False])
    def test_time_zones(self, use_tz: bool, user: User, settings: Any) -> None:
        settings.USE_TZ = use_tz
        settings.TIME_ZONE = "Asia/Tokyo"
        User.objects.update(date_joined=timezone.now())
        user.refresh_from_db()
        assert assert_same(log_in(user))[1]["user"][0] is User

    @pytest.mark.parametrize("name", ["Picky", "Renaming", "Bare"])
    def test_authentication_backends_of_the_project(
        self, name: str, user: User, settings: Any
    ) -> None:
        settings.AUTHENTICATION_BACKENDS = [f"{__name__}.{name}", BACKEND]
        for first_name in ("", "Ann"):
            User.objects.update(first_name=first_name)
            assert_same(log_in(user))

    def test_a_backend_that_lets_everybody_in(self, user: User, settings: Any) -> None:
        settings.AUTHENTICATION_BACKENDS = [f"{backends.__name__}.AllowAllUsersModelBackend"]
        User.objects.update(is_active=False)
        assert assert_same(log_in(user))[1]["user"][0] is User

    def test_a_backend_that_the_settings_name_no_longer(self, key: str, settings: Any) -> None:
        assert assert_same(key)[1]["user"][0] is User
        settings.AUTHENTICATION_BACKENDS = [f"{__name__}.Picky"]
        assert assert_same(key)[1]["user"][0] is AnonymousUser

    @pytest.mark.parametrize("engine", ["cached_db", "cache", "signed_cookies", "file"])
    def test_other_session_engines(
        self, engine: str, user: User, settings: Any, tmp_path: Any
    ) -> None:
        settings.SESSION_FILE_PATH = str(tmp_path)
        settings.SESSION_ENGINE = f"{ENGINES}.{engine}"
        key = log_in(user)
        assert assert_same(key)[1]["user"][0] is User
        cache.clear()
        assert_same(key)
        User.objects.update(password="changed")
        if engine != "file":
            # The file would be gone with the first of them.
            assert_same(key)

    def test_a_session_store_of_the_project(
        self, key: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        module = import_module(f"{ENGINES}.db")
        monkeypatch.setattr(module, "SessionStore", OwnStore)
        assert assert_same(key)[1]["data"]["loaded"] == "by the project"

    def test_a_store_that_was_changed(self, key: str) -> None:
        request = enter(make_call(key))
        request.session.load = lambda: {"loaded": "by hand"}  # type: ignore[method-assign]
        assert not request.user.is_authenticated
        assert request.session["loaded"] == "by hand"

    def test_a_store_that_reads_in_another_way(self, key: str) -> None:
        request = enter(make_call(key))
        request.session.decode = lambda text: {"read": "by hand"}  # type: ignore[method-assign]
        assert not request.user.is_authenticated
        assert request.session["read"] == "by hand"
        assert request.session.decode("") == {"read": "by hand"}

    def test_a_manager_of_the_project(self, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
        class Staff(UserManager[User]):
            def get_queryset(self) -> Any:
                return super().get_queryset().filter(is_staff=True)

        assert assert_same(key)[1]["user"][0] is User
        manager = Staff()
        manager.model, manager.name = User, "objects"
        monkeypatch.setitem(User._meta.__dict__, "default_manager", manager)
        statements, result = assert_same(key)
        assert (len(statements), result["user"][0]) == (2, AnonymousUser)
        User.objects.update(is_staff=True)
        assert assert_same(key)[1]["user"][0] is User

    def test_the_user_model_that_the_backends_know(
        self, key: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Proxy(User):
            class Meta:
                app_label = "shop"
                proxy = True

        assert assert_same(key)[1]["user"][0] is User
        monkeypatch.setattr(backends, "UserModel", Proxy)
        assert assert_same(key)[1]["user"][0] is Proxy


class TestLaziness:
    def test_a_request_of_a_call_asks_for_nothing_by_itself(self, key: str) -> None:
        with sent(key) as statements:
            request = enter(make_call(key))
            assert isinstance(request.user, SimpleLazyObject)
            assert not hasattr(request, "_cached_user")
        assert statements == []

    def test_a_view_that_reads_only_the_session_sends_one_query(self, key: str) -> None:
        with sent(key) as statements:
            assert enter(make_call(key)).session[BACKEND_SESSION_KEY] == BACKEND
        assert len(statements) == 1

    def test_a_session_that_was_read_is_not_read_again(self, key: str, user: User) -> None:
        request = enter(make_call(key))
        assert request.session.get(SESSION_KEY)
        with sent(key) as statements:
            assert request.user == user
            assert request.user.is_authenticated
        assert len(statements) == 1

    def test_a_view_without_authentication_sends_no_query(self, key: str, settings: Any) -> None:
        settings.ROOT_URLCONF = "tests.trap_urls"

        class Open(viewsets.ViewSet):
            authentication_classes = ()
            permission_classes = ()

            def list(self, request: Request) -> Response:
                return Response([])

        with sent(key) as statements:
            assert call_view(Call(view=Open, action="list"), make_origin(key)).data == []
        assert statements == []

    async def test_the_asynchronous_user_is_djangos(self) -> None:
        request = enter(make_call(None))
        assert isinstance(await request.auser(), AnonymousUser)


class TestUsersThatOthersSet:
    def test_a_user_that_a_middleware_has_set(self, key: str) -> None:
        request = enter(make_call(key))
        other = User(username="other")
        request.user = other
        assert request.user is other
        del request.user
        assert not hasattr(request, "user")
        request.user = lazy = SimpleLazyObject(lambda: other)  # type: ignore[assignment]
        assert request.user is lazy
        assert request.user.username == "other"

    def test_a_lazy_user_of_another_request(self, key: str, user: User) -> None:
        other = enter(make_origin(log_in(User.objects.create_user("ben"))))
        request = enter(make_call(key))
        request.user = other.user
        assert request.user.get_username() == "ben"
        assert not hasattr(request, "_cached_user")

    @pytest.mark.parametrize("make", [make_origin, make_call])
    def test_a_middleware_with_a_way_of_its_own(self, make: Any, key: str, user: User) -> None:
        other = User.objects.create_user("other")

        def get_user(request: Any) -> Any:
            # As packages write it after Django's own.
            if not hasattr(request, "_cached_user"):
                request._cached_user = other
            return request._cached_user

        request = enter(make(key))
        request.user = SimpleLazyObject(lambda: get_user(request))
        resolve(request)
        assert request.user == other

    def test_a_user_that_is_known_is_not_looked_up(self, key: str, user: User) -> None:
        request = enter(make_call(key))
        request._cached_user = user  # type: ignore[attr-defined]
        with sent(key) as statements:
            assert request.user == user
            viewers.find_user(request)
        assert statements == []

    @pytest.mark.parametrize(
        ("place", "name"),
        [(auth, "get_user"), (auth_middleware, "get_user"), (backends.ModelBackend, "get_user"),
         (auth, "load_backend")],
    )  # fmt: skip
    def test_what_a_package_puts_in_the_place_of_djangos(
        self, place: Any, name: str, key: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[Any] = []
        original = getattr(place, name)

        def replaced(*args: Any) -> Any:
            asked.append(args)
            return original(*args)

        monkeypatch.setattr(place, name, replaced)
        for ask in (ask_event, ask_call):
            before = len(asked)
            assert ask(key).user.is_authenticated
            assert len(asked) == before + 1
