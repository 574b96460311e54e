"""The few steps of an event in a stock project lead to what the whole chain leads to."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from datetime import timedelta
from pprint import pformat
from typing import Any, ClassVar

import pytest
import reflex as rx
from asgiref.sync import sync_to_async
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest
from django.utils import timezone, translation
from django.utils.decorators import sync_and_async_middleware
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import gettext

from reflex_drf import bridge
from reflex_drf.bridge.chain import chains
from reflex_drf.bridge.middleware import run_handler
from reflex_drf.state import AppState, DjangoUserState
from reflex_drf.testing import Tab, Worker, create_session

pytestmark = pytest.mark.django_db(transaction=True)
User: Any = get_user_model()


class Harmless(MiddlewareMixin):
    """Does nothing, but is the project's own: with it there is no short way."""

    def process_request(self, request: HttpRequest) -> None:
        request.seen = True  # type: ignore[attr-defined]


@sync_and_async_middleware
def harmless(get_response: Callable[[HttpRequest], Any]) -> Any:
    """Wrap the rest, as middleware that cannot be taken apart does."""
    if asyncio.iscoroutinefunction(get_response):

        async def wrapped(request: HttpRequest) -> Any:
            return await get_response(request)

        return wrapped
    return get_response


def harmless_sync(get_response: Callable[[HttpRequest], Any]) -> Any:
    """Keep a thread for as long as the handler runs."""
    return lambda request: get_response(request)


# Keys and tokens of sessions, secrets and tabs.
RANDOM = re.compile(r"(?<![a-zA-Z0-9_-])[a-zA-Z0-9_-]{32,}")
TIMES = re.compile(r"'expires': [0-9.]+|expires=[^;]*GMT|(?<=:)1[a-zA-Z0-9]{5}(?=:)")
SHORT = ""
WAYS = ["Harmless", "harmless", "harmless_sync"]


def snapshot() -> dict[str, Any]:
    """Everything of an event's request that code can see, in an order in which a view may ask."""
    user = bridge.current_user()
    early = [user.is_authenticated, user.get_username(), translation.get_language()]
    request: Any = bridge.current_request()
    return {
        "early": early,
        "user": request.user.__class__.__name__,
        "name": request.user.get_username(),
        "pk": request.user.pk,
        "flags": [request.user.is_authenticated, request.user.is_staff, request.user.is_superuser],
        "session": dict(request.session.items()),
        "key": request.session.session_key,
        "empty": request.session.is_empty(),
        "modified": request.session.modified,
        "language": [request.LANGUAGE_CODE, translation.get_language(), bridge.current_language()],
        "bidi": translation.get_language_bidi(),
        "text": gettext("Monday"),
        "zone": timezone.get_current_timezone_name(),
        "meta": dict(request.META),
        "get": request.GET.lists() and sorted(request.GET.lists()),
        "post": [request.POST.dict(), len(request.FILES), request.body.decode()],
        "cookies": dict(request.COOKIES),
        "headers": dict(request.headers),
        "secure": [request.is_secure(), request.scheme],
        "host": attempt(request.get_host),
        "port": request.get_port(),
        "paths": [request.path, request.path_info, request.get_full_path(), request.method],
        "absolute": attempt(request.build_absolute_uri),
        "signed": attempt(lambda: request.get_signed_cookie("sealed")),
        "accepts": request.accepts("text/html"),
        "messages": [(m.level, str(m)) for m in messages.get_messages(request)],
        "match": request.resolver_match,
        "urlconf": getattr(request, "urlconf", None),
        "event": request.is_reflex_event,
        "same": request is bridge.current_request() is bridge.event_origin(),
    }


def attempt(ask: Callable[[], Any]) -> str:
    try:
        return str(ask())
    except Exception as error:  # noqa: BLE001 - what is raised is what is compared
        return f"{type(error).__name__}: {error}"


class ParityState(AppState):
    count: int = 0
    lines: list[str] = []
    seen: ClassVar[list[Any]] = []
    act: ClassVar[Callable[[], Any] | None] = None

    @rx.event
    async def plain(self) -> None:
        self.count += 1
        ParityState.seen.append(snapshot())

    @rx.event
    def synchronous(self) -> None:
        self.count += 1
        ParityState.seen.append(snapshot())

    @rx.event
    async def in_a_thread(self) -> None:
        ParityState.seen.append(await sync_to_async(snapshot)())

    @rx.event
    async def generating(self) -> AsyncGenerator[None]:
        self.lines.append("first")
        ParityState.seen.append(snapshot())
        yield
        self.lines.append("second")
        ParityState.seen.append(snapshot())

    @rx.event(background=True)
    async def behind(self) -> None:
        ParityState.seen.append(snapshot())
        async with self:
            self.lines.append(self.user.get_username())
        ParityState.seen.append(snapshot())

    @rx.event
    def chained(self) -> Any:
        self.lines.append("before")
        ParityState.seen.append(snapshot())
        return ParityState.plain

    @rx.event
    async def later(self) -> None:
        # The request is asked for by nobody before something else was awaited.
        await asyncio.sleep(0)
        self.lines.append(gettext("Monday"))
        user = await bridge.current_request().auser()
        self.lines.append(str(user.get_username()))

    @rx.event
    async def perform(self) -> None:
        assert ParityState.act is not None
        self.count += 1
        self.lines.append("begun")
        answer = ParityState.act()
        if asyncio.iscoroutine(answer):
            answer = await answer
        self.lines.append(f"ended {answer}")

    @rx.event(background=True)
    async def perform_behind(self) -> None:
        assert ParityState.act is not None
        answer = ParityState.act()
        if asyncio.iscoroutine(answer):
            answer = await answer
        async with self:
            self.lines.append(f"ended {answer}")


@pytest.fixture(autouse=True)
def _nothing_seen() -> None:
    ParityState.seen = []
    ParityState.act = None


# Viewers: each gives the cookie of a session, or of none


def visitor() -> str:
    return ""


def user_session(**data: Any) -> str:
    return create_session(User.objects.get_or_create(username="ann")[0], **data)


def staff() -> str:
    return create_session(User.objects.create_superuser("root", password="pw"))


def shopper() -> str:
    return create_session(cart=[1, 2])


def forged() -> str:
    return "f" * 32


def malformed() -> str:
    return "../../etc/passwd"


def empty() -> str:
    # The cookie is there, and says nothing.
    return '""'


def expired() -> str:
    key = user_session()
    Session.objects.filter(pk=key).update(expire_date=timezone.now() - timedelta(days=1))
    return key


def garbled() -> str:
    key = user_session()
    Session.objects.filter(pk=key).update(session_data="not signed by anybody")
    return key


def other_password() -> str:
    key = user_session()
    user = User.objects.get(username="ann")
    user.set_password("another")
    user.save()
    return key


def inactive() -> str:
    key = user_session()
    User.objects.filter(username="ann").update(is_active=False)
    return key


def deleted() -> str:
    key = user_session()
    User.objects.filter(username="ann").delete()
    return key


def no_backend() -> str:
    key = user_session()
    store = SessionStore(key)
    store["_auth_user_backend"] = "no.such.Backend"
    store.save()
    return key


VIEWERS = [
    visitor, user_session, staff, shopper, forged, malformed, empty, expired, garbled,
    other_password, inactive, deleted, no_backend,
]  # fmt: skip
EVENTS = [
    ParityState.plain,
    ParityState.synchronous,
    ParityState.in_a_thread,
    ParityState.generating,
    ParityState.behind,
    ParityState.chained,
    ParityState.later,
]
PLACES: dict[str, dict[str, Any]] = {
    "home": {},
    "german": {"headers": {"accept-language": "de-AT,de;q=0.8,en;q=0.1"}},
    "language cookie": {
        "cookies": {"django_language": "de"}, "headers": {"accept-language": "en"}
    },
    "no such language": {
        "cookies": {"django_language": "xx"}, "headers": {"accept-language": "tlh, *;q=0"}
    },
    "endless language": {
        "cookies": {"django_language": "d" * 600}, "headers": {"accept-language": "e-" * 900}
    },
    "odd language": {"headers": {"accept-language": "\x00,;;q=q,de;q=-1,../../de"}},
    "language path": {"path": "/de/shop?page=2&page=3&q=%C3%A4#top"},
    "tls": {"headers": {"origin": "https://testserver", "host": "localhost:8443"}},
    "strange host": {"headers": {"host": "evil.example", "origin": "https://evil.example"}},
    "broken host": {"headers": {"host": "a b/c:99999999", "origin": "http//::1"}},
    "forged headers": {
        "headers": {
            "x-forwarded-for": "1.2.3.4",
            "x_forwarded_for": "6.6.6.6",
            "x-forwarded-proto": "https",
            "remote-user": "root",
            "authorization": "Token nonsense",
            "x-reflex-drf-user": "1",
        }
    },
    "cookies": {
        "cookies": {"sealed": "a:b:c", "messages": "forged", "csrftoken": "x" * 32, "e": ""}
    },
    "odd path": {"path": "//evil.example/%2e%2e/%00?=&&a=%ff;b"},
}  # fmt: skip


def through(settings: Any, way: str) -> None:
    """Send the events from now on the given way, which is checked."""
    names = [name for name in settings.MIDDLEWARE if not name.startswith(__name__)]
    settings.MIDDLEWARE = [*names, *([f"{__name__}.{way}"] if way else [])]
    assert (chains.current(run_handler).stock is None) == bool(way)


async def visit(cookie: str, place: dict[str, Any], *events: Any) -> dict[str, Any]:
    """Send events from a new tab, and tell everything that came of it."""
    ParityState.seen = []
    before = set(await sync_to_async(list)(Session.objects.values_list("pk", flat=True)))
    cookies = {**place.get("cookies", {}), **({"sessionid": cookie} if cookie else {})}
    tab = Tab(**{**place, "cookies": cookies})
    async with Worker(exception_handler=lambda error: None), tab:
        # The first hydration of a process computes more than others.
        tab.deltas.clear()
        for event in events:
            await tab.send(event, raises=False)
        found = {
            "seen": ParityState.seen,
            "count": tab.get(ParityState, "count"),
            "lines": list(tab.get(ParityState, "lines")),
            "mirror": [
                tab.get(DjangoUserState, name)
                for name in ("is_authenticated", "username", "user_id", "is_staff", "group_names")
            ],
            "errors": [f"{type(error).__name__}: {error}" for error in tab.errors],
            "events": [name for name, _ in tab.events],
            "deltas": [
                {name: sorted(values) for name, values in delta.items()} for delta in tab.deltas
            ],
        }
    return found | {"sessions": await sessions(before)}


@sync_to_async
def sessions(before: set[str]) -> list[Any]:
    """What is stored, in the sessions of before and in new ones."""
    return sorted(
        # What is on its way to the browser is kept with its end.
        (
            "old" if each.pk in before else "new",
            TIMES.sub("", repr(sorted(each.get_decoded().items()))),
        )
        for each in Session.objects.all()
    )


async def both(settings: Any, make: Callable[[], str], place: str, way: str, *events: Any) -> Any:
    """Go the short way and the whole one, each from the same beginning."""
    found = []
    for each in (SHORT, way):
        through(settings, each)
        await sync_to_async(forget)()
        cookie = await sync_to_async(make)()
        told = await visit(cookie, PLACES[place], *events)
        found.append(TIMES.sub("", RANDOM.sub("KEY", pformat(told))).splitlines())
    return found


def forget() -> None:
    Session.objects.all().delete()
    User.objects.all().delete()
    # Their keys are used again, or the second way would have another user.
    reset_keys()


def reset_keys() -> None:
    from django.core.management.color import no_style
    from django.db import connection

    statements = connection.ops.sequence_reset_by_name_sql(
        no_style(), [{"table": User._meta.db_table, "column": "id"}]
    )
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.mark.parametrize(
    ("make", "way"),
    [
        *((make, "Harmless") for make in VIEWERS),
        *((make, way) for make in (visitor, user_session, forged) for way in WAYS[1:]),
    ],
)
async def test_whoever_sends_an_event(settings: Any, make: Any, way: str) -> None:
    short, whole = await both(settings, make, "home", way, *EVENTS)
    assert short == whole


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("make", [visitor, user_session, forged])
async def test_wherever_it_comes_from(settings: Any, make: Any, place: str) -> None:
    short, whole = await both(settings, make, place, "Harmless", *EVENTS)
    assert short == whole


def test_the_viewers_differ(settings: Any) -> None:
    # Were all of them visitors, the comparison would say little.
    assert User.objects.count() == 0
    users = {}
    for make in VIEWERS:
        key = make()
        users[make.__name__] = SessionStore(key.strip('"') or None).get("_auth_user_id")
        forget()
    assert {name for name, user in users.items() if user} == {
        "user_session", "staff", "other_password", "inactive", "deleted", "no_backend"
    }  # fmt: skip


# What a handler does


def fail(kind: type[Exception], *, first: Callable[[], Any] | None = None) -> Callable[[], Any]:
    def act() -> None:
        if first is not None:
            first()
        raise kind("for a reason")

    return act


def write() -> None:
    bridge.current_session()["cart"] = [3]


def say() -> None:
    messages.success(bridge.current_request(), "Saved <b>it</b>")


def bake() -> None:
    bridge.current_response().set_cookie("theme", "dark", max_age=60, httponly=True)


def unbake() -> None:
    bridge.current_response().delete_cookie("theme")


def speak_german() -> str:
    translation.activate("de")
    return gettext("Monday")


def go_to_tokyo() -> str:
    timezone.activate("Asia/Tokyo")
    return timezone.get_current_timezone_name()


def replace_user() -> str:
    bridge.current_request().user = User(username="nobody")
    return str(bridge.current_user().get_username())


def read_messages_twice() -> list[str]:
    say()
    return [str(each) for each in [*bridge.current_messages(), *bridge.current_messages()]]


def set_expiry() -> int:
    bridge.current_session().set_expiry(60)
    return bridge.current_session().get_expiry_age()


def test_cookie() -> bool:
    bridge.current_session().set_test_cookie()
    return bridge.current_session().test_cookie_worked()


test_cookie.__test__ = False  # type: ignore[attr-defined]


def empty_session() -> None:
    bridge.current_session().clear()


async def sign_out() -> None:
    await bridge.logout()


async def sign_in() -> bool:
    await User.objects.acreate_user("new", password="secret")
    return await bridge.login("new", "secret")


async def sign_in_wrongly() -> bool:
    return await bridge.login("nobody", "wrong")


async def change_in_a_thread() -> None:
    await sync_to_async(write)()


ACTS: dict[str, Callable[[], Any]] = {
    "nothing": lambda: None,
    "write": write,
    "write in a thread": change_in_a_thread,
    "message": say,
    "message shown": read_messages_twice,
    "cookie": bake,
    "cookie taken away": unbake,
    "language": speak_german,
    "zone": go_to_tokyo,
    "another user": replace_user,
    "expiry": set_expiry,
    "test cookie": test_cookie,
    "clear": empty_session,
    "sign out": sign_out,
    "sign in": sign_in,
    "wrong password": sign_in_wrongly,
    "value error": fail(ValueError),
    "value error after a write": fail(ValueError, first=write),
    "refused after a write": fail(PermissionDenied, first=write),
    "not found after a write": fail(Http404, first=write),
    "bad request after a write": fail(BadRequest, first=write),
    "suspicious after a message": fail(SuspiciousOperation, first=say),
    "error after a cookie": fail(KeyError, first=bake),
    "language before an error": fail(ValueError, first=speak_german),
}


@pytest.mark.parametrize("name", ACTS)
@pytest.mark.parametrize("make", [visitor, user_session, forged])
async def test_whatever_a_handler_does(settings: Any, name: str, make: Any) -> None:
    ParityState.act = ACTS[name]
    events = [ParityState.perform, ParityState.plain]
    short, whole = await both(settings, make, "home", "Harmless", *events)
    assert short == whole


@pytest.mark.parametrize("name", ACTS)
async def test_whatever_a_background_handler_does(settings: Any, name: str) -> None:
    ParityState.act = ACTS[name]
    events = [ParityState.perform_behind, ParityState.plain]
    short, whole = await both(settings, user_session, "home", "harmless", *events)
    assert short == whole


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("SESSION_SAVE_EVERY_REQUEST", True),
        ("SESSION_COOKIE_NAME", "key"),
        ("LANGUAGE_COOKIE_NAME", "sealed"),
        ("LANGUAGE_CODE", "de"),
        ("LANGUAGE_CODE", "en-gb"),
        ("USE_I18N", False),
        ("USE_TZ", False),
        ("TIME_ZONE", "Asia/Tokyo"),
        ("USE_X_FORWARDED_HOST", True),
        ("SECURE_PROXY_SSL_HEADER", ("HTTP_X_FORWARDED_PROTO", "https")),
        ("SESSION_ENGINE", "django.contrib.sessions.backends.signed_cookies"),
        ("MESSAGE_STORAGE", "django.contrib.messages.storage.session.SessionStorage"),
        ("MESSAGE_STORAGE", "django.contrib.messages.storage.cookie.CookieStorage"),
        ("SESSION_COOKIE_PATH", "/shop"),
    ],
)
@pytest.mark.parametrize("make", [visitor, shopper])
async def test_whatever_the_settings_say(
    settings: Any, setting: str, value: Any, make: Any
) -> None:
    setattr(settings, setting, value)
    ParityState.act = ACTS["write"]
    events = [ParityState.perform, ParityState.plain, ParityState.later]
    short, whole = await both(settings, make, "forged headers", "Harmless", *events)
    assert short == whole


@pytest.mark.parametrize("gone", ["locale", "messages", "auth"])
async def test_whatever_middleware_is_missing(settings: Any, gone: str) -> None:
    settings.MIDDLEWARE = [
        name
        for name in settings.MIDDLEWARE
        if gone not in name.lower() and not (gone == "auth" and "messages" in name)
    ]
    ParityState.act = lambda: [
        attempt(lambda: bridge.current_user().get_username()),
        attempt(lambda: sorted(bridge.current_session().items())),
        attempt(bridge.current_language),
        attempt(bridge.current_messages),
        attempt(lambda: bridge.current_request().LANGUAGE_CODE),  # type: ignore[attr-defined]
    ]
    for make in (visitor, shopper):
        short, whole = await both(settings, make, "german", "Harmless", ParityState.perform)
        assert short == whole
        assert "ended" in "".join(short)
