"""Guards around handlers: every kind of handler, every kind of guard, on the server."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Generator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import reflex as rx
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from rest_framework.permissions import (
    BasePermission,
    DjangoModelPermissions,
    IsAdminUser,
    IsAuthenticated,
    IsAuthenticatedOrReadOnly,
)

from reflex_drf import auth
from reflex_drf.auth import (
    group_required,
    login_required,
    next_url,
    permission_classes,
    permission_required,
    staff_required,
    superuser_required,
)
from reflex_drf.auth.guards import sign_in_url
from reflex_drf.errors import ConfigurationError
from reflex_drf.state.user import AppState
from reflex_drf.testing import Tab
from tests.bridging import Viewer

pytestmark = pytest.mark.django_db(transaction=True)


class IsAnn(BasePermission):
    def has_permission(self, request: Any, view: Any) -> bool:
        return request.user.username == "ann" and request.method == "POST" and view.kwargs == {}


class HandlerMixin(rx.State, mixin=True):
    mixed: int = 0

    @rx.event
    @login_required
    def of_a_mixin(self, by: int = 1) -> None:
        self.mixed += by


class GuardState(HandlerMixin, AppState):
    done: list[str] = []

    @rx.event
    @login_required
    def sync(self, word: str, times: int = 1) -> Any:
        self.done.append(word * times)
        return rx.toast.info("done")

    @rx.event
    @login_required
    async def coroutine(self) -> Any:
        self.done.append("coroutine")
        return rx.toast.info("done")

    @rx.event
    @login_required
    def generator(self) -> Generator[Any, None, Any]:
        self.done.append("one")
        yield
        self.done.append("two")
        yield rx.toast.info("done")
        return rx.toast.info("returned")

    @rx.event
    @login_required
    async def async_generator(self) -> AsyncGenerator[Any]:
        self.done.append("one")
        yield
        self.done.append("two")
        yield rx.toast.info("done")

    @rx.event(background=True)
    @login_required
    async def background(self) -> None:
        async with self:
            self.done.append("background")

    @login_required
    @rx.event(background=True)
    async def background_below(self) -> None:
        async with self:
            self.done.append("background")

    @login_required
    @rx.event
    async def above_the_event(self) -> None:
        self.done.append("above")

    @login_required()
    def with_parentheses(self) -> None:
        self.done.append("parentheses")

    @rx.event
    @login_required(login_url="/welcome/")
    def elsewhere(self) -> None: ...

    @rx.event
    @staff_required
    def staff(self) -> None:
        self.done.append("staff")

    @rx.event
    @superuser_required
    def superuser(self) -> None:
        self.done.append("superuser")

    @rx.event
    @permission_required("auth.add_group", "auth.change_group")
    def permission(self) -> None:
        self.done.append("permission")

    @rx.event
    @group_required("editors", "authors")
    def group(self) -> None:
        self.done.append("group")

    @rx.event
    @permission_classes(IsAuthenticated, IsAnn)
    def drf(self) -> None:
        self.done.append("drf")

    @rx.event
    @permission_classes(IsAdminUser | IsAnn)
    def composed(self) -> None:
        self.done.append("composed")

    @rx.event
    @permission_classes(IsAuthenticatedOrReadOnly)
    def no_reading(self) -> None:
        self.done.append("no_reading")

    @rx.event
    @staff_required
    @group_required("editors")
    def both(self) -> None:
        self.done.append("both")

    @rx.event
    def where_next(self) -> None:
        self.done.append(next_url("/home"))

    @rx.event
    @login_required
    def fails(self) -> None:
        raise ValueError("inside")


KINDS = {
    "sync": (GuardState.sync("x", 2), ["xx"]),
    "coroutine": (GuardState.coroutine, ["coroutine"]),
    "generator": (GuardState.generator, ["one", "two"]),
    "async_generator": (GuardState.async_generator, ["one", "two"]),
    "background": (GuardState.background, ["background"]),
    "background_below": (GuardState.background_below, ["background"]),
    "above_the_event": (GuardState.above_the_event, ["above"]),
    "with_parentheses": (GuardState.with_parentheses, ["parentheses"]),
}


def make(name: str = "ann", **options: Any) -> Any:
    return get_user_model().objects.create_user(name, password="pw", **options)


@pytest.fixture
def ann() -> Any:
    return make()


def sent_to(tab: Tab) -> str:
    """Where the tab is told to go."""
    codes = [payload.get("javascript_code", "") for _, payload in tab.events]
    (code,) = [code for code in codes if "location.assign" in code and "fetch" not in code]
    return str(code.split('"')[1])


@pytest.mark.parametrize("kind", KINDS)
async def test_a_visitor_is_sent_to_sign_in_and_nothing_runs(kind: str) -> None:
    async with Tab(path="/orders?page=2") as tab:
        tab.events.clear()
        await tab.send(KINDS[kind][0])
        url = urlsplit(sent_to(tab))
        assert url.path == "/accounts/login/"
        assert parse_qs(url.query) == {"next": ["/orders?page=2"]}
        assert tab.get(GuardState, "done") == []
        assert "done" not in str(tab.events)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_user_passes(kind: str, ann: Any) -> None:
    async with Tab(user=ann) as tab:
        tab.events.clear()
        await tab.send(KINDS[kind][0])
        assert tab.get(GuardState, "done") == KINDS[kind][1]
        assert "location" not in str(tab.events)


async def test_what_handlers_send_arrives(ann: Any) -> None:
    async with Tab(user=ann) as tab:
        for handler in (GuardState.sync("x"), GuardState.coroutine, GuardState.async_generator):
            tab.events.clear()
            await tab.send(handler)
            assert str(tab.events).count("done") == 1
        tab.events.clear()
        await tab.send(GuardState.generator)
        assert "done" in str(tab.events)
        assert "returned" in str(tab.events)


async def test_each_step_of_a_generator_is_sent(ann: Any) -> None:
    async with Tab(user=ann) as tab:
        for handler in (GuardState.generator, GuardState.async_generator):
            tab.state(GuardState).done = []
            before = len(tab.deltas)
            await tab.send(handler)
            steps = [str(delta) for delta in tab.deltas[before:] if "done" in str(delta)]
            assert "two" not in steps[0]
            assert "two" in steps[-1]


async def test_a_handler_of_a_mixin_is_guarded(ann: Any) -> None:
    async with Tab() as tab:
        await tab.send(GuardState.of_a_mixin(5))
        assert tab.get(GuardState, "mixed") == 0
    async with Tab(user=ann) as tab:
        await tab.send(GuardState.of_a_mixin(5))
        await tab.send(GuardState.of_a_mixin)
        assert tab.get(GuardState, "mixed") == 6


async def test_an_exception_of_the_handler_comes_out(ann: Any) -> None:
    async with Tab(user=ann) as tab:
        (error,) = await tab.send(GuardState.fails, raises=False)
        assert str(error) == "inside"


def test_reflex_sees_the_handler_that_was_written() -> None:
    handlers = GuardState.event_handlers
    assert set(handlers) >= set(KINDS)
    assert list(inspect.signature(handlers["sync"].fn).parameters) == ["self", "word", "times"]
    assert handlers["sync"].fn.__name__ == "sync"
    assert handlers["background"].is_background
    assert handlers["background_below"].is_background
    assert not handlers["coroutine"].is_background


@pytest.mark.parametrize(
    ("handler", "passes"),
    [
        ("staff", {"staff", "root"}),
        ("superuser", {"root"}),
        ("permission", {"permitted", "root"}),
        ("group", {"author", "root"}),
        ("drf", {"ann"}),
        ("composed", {"ann", "staff", "root"}),
        ("no_reading", {"ann", "staff", "root", "permitted", "half", "author"}),
    ],
)
async def test_who_may_passes_and_who_may_not_is_told(handler: str, passes: set[str]) -> None:
    from asgiref.sync import sync_to_async

    def people() -> dict[str, Any]:
        found = {
            "ann": make("ann"),
            "staff": make("staff", is_staff=True),
            "root": make("root", is_staff=True, is_superuser=True),
            "permitted": make("permitted"),
            "half": make("half"),
            "author": make("author"),
        }
        found["author"].groups.add(Group.objects.create(name="authors"))
        add, change = (
            Permission.objects.get(codename=f"{verb}_group") for verb in ("add", "change")
        )
        found["permitted"].user_permissions.add(add, change)
        found["half"].user_permissions.add(add)
        return found

    for name, user in {**await sync_to_async(people)(), "visitor": None}.items():
        async with Tab(user=user) as tab:
            tab.events.clear()
            await tab.send(getattr(GuardState, handler))
            assert (tab.get(GuardState, "done") == [handler]) is (name in passes), name
            refused = name not in passes
            assert ("You may not do this." in str(tab.events)) is (refused and user is not None)
            assert ("/accounts/login/" in str(tab.events)) is (user is None)


async def test_all_of_several_guards_have_to_agree() -> None:
    from asgiref.sync import sync_to_async

    staff = await sync_to_async(make)("staff", is_staff=True)
    async with Tab(user=staff) as tab:
        await tab.send(GuardState.both)
        assert tab.get(GuardState, "done") == []
        await staff.groups.aadd(await Group.objects.acreate(name="editors"))
        await tab.send(GuardState.both)
        assert tab.get(GuardState, "done") == ["both"]


async def test_what_a_user_may_is_asked_anew_in_every_event(ann: Any) -> None:
    authors = await Group.objects.acreate(name="authors")
    await ann.groups.aadd(authors)
    async with Tab(user=ann) as tab:
        await tab.send(GuardState.group)
        await ann.groups.aclear()
        await tab.send(GuardState.group)
        assert tab.get(GuardState, "done") == ["group"]
        await get_user_model().objects.filter(pk=ann.pk).aupdate(is_active=False)
        await tab.send(GuardState.sync("x"))
        assert tab.get(GuardState, "done") == ["group"]


async def test_setting_a_var_of_the_mirror_opens_nothing() -> None:
    async with Tab() as tab:
        tab.state(GuardState).is_staff = True
        tab.state(GuardState).is_authenticated = True
        await tab.send(GuardState.staff)
        assert tab.get(GuardState, "done") == []


async def test_the_sign_in_page_is_the_projects_or_the_guards_own(settings: Any) -> None:
    async with Tab() as tab:
        tab.events.clear()
        await tab.send(GuardState.elsewhere)
        assert sent_to(tab) == "/welcome/?next=/"
        tab.events.clear()
        settings.LOGIN_URL = "admin:login"
        await tab.send(GuardState.coroutine)
        assert sent_to(tab) == "/admin/login/?next=/"


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example/",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/%0d%0aSet-Cookie:x",
    ],
)
async def test_the_way_back_leads_to_this_site(path: str) -> None:
    from django.utils.http import url_has_allowed_host_and_scheme

    async with Tab() as tab:
        tab.path = path
        tab.events.clear()
        await tab.send(GuardState.coroutine)
        (back,) = parse_qs(urlsplit(sent_to(tab)).query)["next"]
        assert back.startswith("/")
        assert url_has_allowed_host_and_scheme(back, allowed_hosts=None)


async def test_the_way_back_keeps_its_query_apart() -> None:
    async def handler() -> None:
        from reflex_drf.bridge import current_request

        assert sign_in_url(current_request()) == "/accounts/login/?next=/shop%3Fpage%3D2"

    await Viewer().send(handler)


@pytest.mark.parametrize(
    ("wanted", "leads"),
    [
        ("/orders?page=2", "/orders?page=2"),
        ("http://testserver/orders", "http://testserver/orders"),
        ("https://evil.example/", "/home"),
        ("//evil.example", "/home"),
        ("/\\evil.example", "/home"),
        ("/\t//evil.example", "/%09//evil.example"),
        ("/\r\n//evil.example", "/%0D%0A//evil.example"),
        ("javascript:alert(1)", "/home"),
        ("", "/home"),
    ],
)
async def test_a_sign_in_page_leads_back_on_this_site_only(wanted: str, leads: str) -> None:
    async with Tab() as tab:
        tab.path = f"/enter?{urlencode({'next': wanted})}"
        await tab.send(GuardState.where_next)
        assert tab.get(GuardState, "done") == [leads]


async def test_drf_permissions_that_need_a_queryset_say_so(ann: Any) -> None:
    guard = permission_classes(DjangoModelPermissions)

    async def handler() -> None:
        with pytest.raises(AssertionError, match="queryset"):
            await guard.refusal()

    viewer = Viewer(cookie=f"sessionid={await _session(ann)}")
    await viewer.send(handler)


async def _session(user: Any) -> str:
    from asgiref.sync import sync_to_async

    from reflex_drf.testing import create_session

    return await sync_to_async(create_session)(user)


async def test_without_authentication_nobody_passes(settings: Any) -> None:
    settings.MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware"]
    guard: Any = login_required()

    async def handler() -> None:
        with pytest.raises(ConfigurationError, match="AuthenticationMiddleware"):
            await guard.refusal()

    await Viewer().send(handler)


@pytest.mark.parametrize("names", [(), ("",), (len,), (None,)])
def test_guards_by_name_need_names(names: tuple[Any, ...]) -> None:
    for guard in (permission_required, group_required):
        with pytest.raises(ConfigurationError, match=guard.__name__):
            guard(*names)


@pytest.mark.parametrize("classes", [(), (len,), (IsAnn(),)])
def test_permission_classes_needs_classes(classes: tuple[Any, ...]) -> None:
    with pytest.raises(ConfigurationError, match="permission_classes"):
        permission_classes(*classes)


@pytest.mark.parametrize("thing", [5, GuardState, "name", object()])
def test_a_guard_stands_above_a_function(thing: Any) -> None:
    with pytest.raises(ConfigurationError, match="stands above a handler"):
        login_required()(thing)


def test_the_package_offers_all_of_it() -> None:
    assert set(dir(auth)) >= set(auth.__all__)
    assert all(getattr(auth, name) is not None for name in auth.__all__)
    with pytest.raises(AttributeError, match="no_such"):
        _ = auth.no_such  # type: ignore[attr-defined]
