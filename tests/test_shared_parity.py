"""However a view looks at its viewer, what it answers him is shown to nobody else."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from contextvars import ContextVar
from http.cookies import SimpleCookie
from operator import itemgetter
from typing import Any, ClassVar

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.core import signing
from django.http import HttpRequest
from django.utils import timezone
from django.utils.deprecation import MiddlewareMixin
from rest_framework import permissions
from rest_framework.authentication import BaseAuthentication, get_authorization_header

from reflex_drf.live import LiveListMixin
from reflex_drf.state import ModelState
from reflex_drf.testing import Tab, Worker
from tests.living import QUICK
from tests.shop.models import Product
from tests.shop.views import ProductViewSet

User: Any = get_user_model()
pytestmark = pytest.mark.django_db(transaction=True)
tenant: ContextVar[str] = ContextVar("tenant", default="none")


class TenantMiddleware(MiddlewareMixin):
    """Keeps a header where code without a request finds it."""

    def process_request(self, request: HttpRequest) -> None:
        tenant.set(request.headers.get("x-tenant", "none"))
        request.tenant = tenant.get()  # type: ignore[attr-defined]


class EventTenantMiddleware(MiddlewareMixin):
    """Sets the time zone of the viewer's cookie, as Django's documentation has it."""

    def process_request(self, request: HttpRequest) -> None:
        zone = request.COOKIES.get("zone")
        if zone:
            timezone.activate(zone)
        else:
            timezone.deactivate()


class GuestMiddleware(MiddlewareMixin):
    """Makes a guest, whom a cookie names, of each visitor."""

    def process_request(self, request: HttpRequest) -> None:
        request.guest = request.COOKIES.get("guest", "")  # type: ignore[attr-defined]


class Header(BaseAuthentication):
    """Takes whoever a header names for authenticated."""

    def authenticate(self, request: Any) -> Any:
        words = get_authorization_header(request).split()
        return (request._request.user, words[-1].decode()) if words else None


class ForTenant(permissions.BasePermission):
    """Lets one tenant write, and another tenant not."""

    def has_permission(self, request: Any, view: Any) -> bool:
        if request.method in permissions.SAFE_METHODS:
            return True
        return bool(request.META.get("HTTP_X_TENANT") == "red")


class LookingViewSet(ProductViewSet):
    """Calls each row what it finds out about its viewer."""

    authentication_classes: ClassVar[Any] = [Header]
    permission_classes: ClassVar[Any] = [ForTenant]
    reads: ClassVar[list[Any]] = []
    look: ClassVar[Callable[[Any], Any]]

    def list(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        LookingViewSet.reads.append(request)
        seen = str(LookingViewSet.look(self))
        response = super().list(request, *args, **kwargs)
        for row in response.data["results"]:
            row["name"] = seen
        return response


class LookingState(LiveListMixin, ModelState):
    viewset = LookingViewSet


class LonelyState(LiveListMixin, ModelState):
    viewset = LookingViewSet
    shared_reads = False


@pytest.fixture(autouse=True)
def quick(settings: Any) -> None:
    settings.REFLEX_DRF = QUICK
    LookingViewSet.reads.clear()
    LookingViewSet.look = lambda view: "nothing"


def sealed(value: str) -> str:
    return signing.get_cookie_signer(salt="sealed").sign(value)


def red() -> dict[str, Any]:
    return viewer("red", "Asia/Tokyo", "testserver", "1")


def blue() -> dict[str, Any]:
    return viewer("blue", "America/Lima", "localhost", "2")


def viewer(name: str, zone: str, host: str, number: str) -> dict[str, Any]:
    return {
        "headers": {
            "x-tenant": name,
            "host": host,
            "authorization": f"Token {name}",
            "user-agent": f"browser of {name}",
            "origin": "https://testserver" if name == "red" else "http://testserver",
            "referer": f"https://{name}.example/",
            "x-forwarded-for": f"10.0.0.{number}",
            "accept-language": f"en;q=0.{number}",
        },
        "cookies": {"shop": name, "sealed": sealed(name), "zone": zone, "guest": name},
    }


META: list[Callable[[Any], Any]] = [
    lambda view: view.request.META["HTTP_X_TENANT"],
    lambda view: view.request._request.META.get("HTTP_X_TENANT"),
    lambda view: "HTTP_X_TENANT" in view.request.META and view.request.META["HTTP_X_TENANT"],
    lambda view: itemgetter("HTTP_X_TENANT")(view.request.META),
    lambda view: "{HTTP_X_TENANT}".format_map(view.request.META),
    lambda view: copy.copy(view.request.META)["HTTP_X_TENANT"],
    lambda view: copy.copy(view.request._request).META["HTTP_X_TENANT"],
    lambda view: dict(view.request.META)["HTTP_X_TENANT"],
    lambda view: [value for key, value in view.request.META.items() if key == "HTTP_X_TENANT"],
    lambda view: sorted(map(str, view.request.META.values())),
    lambda view: json.loads(json.dumps(view.request.META, default=str))["HTTP_X_TENANT"],
    lambda view: ({} | view.request.META)["HTTP_X_TENANT"],
    lambda view: (view.request.META | {})["HTTP_X_TENANT"],
    lambda view: view.request.META.setdefault("HTTP_X_TENANT", "none"),
    lambda view: view.request.META.pop("HTTP_X_TENANT", "none"),
    lambda view: view.request.META == {**view.request.META, "HTTP_X_TENANT": "red"},
    lambda view: matched(view.request.META),
    lambda view: view.request.headers["X-Tenant"],
    lambda view: view.request.headers["x_tenant"],
    lambda view: view.request.headers.get("referer"),
    lambda view: "X-Tenant" in view.request.headers and view.request.headers["x-tenant"],
    lambda view: list(view.request.headers.values()),
    lambda view: view.request.META["REMOTE_ADDR"] + view.request.META["HTTP_X_FORWARDED_FOR"],
    lambda view: view.request.META["HTTP_AUTHORIZATION"],
    lambda view: view.request.META["HTTP_USER_AGENT"],
    lambda view: view.request.META["HTTP_ACCEPT_LANGUAGE"],
    lambda view: view.request.META["HTTP_COOKIE"],
    lambda view: view.request.META["HTTP_ORIGIN"],
]  # fmt: skip
COOKIES: list[Callable[[Any], Any]] = [
    lambda view: view.request.COOKIES["shop"],
    lambda view: view.request._request.COOKIES["sealed"],
    lambda view: view.request.COOKIES.get("guest"),
    lambda view: [*view.request.COOKIES.values()],
    lambda view: SimpleCookie(view.request.META["HTTP_COOKIE"])["shop"].value,
    lambda view: "{shop}".format_map(view.request.COOKIES),
    lambda view: json.dumps(view.request.COOKIES),
    lambda view: copy.deepcopy(view.request.COOKIES)["shop"],
]
OTHERS: list[Callable[[Any], Any]] = [
    lambda view: view.request.auth,
    lambda view: view.request._request.get_host(),
    lambda view: view.request.get_host(),
    lambda view: view.request.is_secure(),
    lambda view: view.request.scheme,
    lambda view: view.request._request.build_absolute_uri("/x"),
    lambda view: view.reverse_action("list"),
    lambda view: view.request._request.tenant,
    lambda view: view.request.tenant,
    lambda view: tenant.get(),
    lambda view: timezone.get_current_timezone_name(),
    lambda view: view.request.guest,
    lambda view: view.get_serializer_context()["request"].headers["x-tenant"],
    lambda view: view.request._request.origin.headers["x-tenant"],
    lambda view: getattr(view.request, "origin").META["HTTP_X_TENANT"],  # noqa: B009
]


def matched(values: Any) -> Any:
    match values:
        case {"HTTP_X_TENANT": name}:
            return name
    return None


@pytest.fixture
def tenants(settings: Any) -> None:
    names = ("TenantMiddleware", "EventTenantMiddleware", "GuestMiddleware")
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, *(f"{__name__}.{name}" for name in names)]
    settings.ALLOWED_HOSTS = ["testserver", "localhost"]


def shown(tab: Tab, state: Any) -> list[str]:
    return [row["name"] for row in tab.seen(state, "data")]


async def watch(state: Any, *viewers: dict[str, Any], users: Any = None) -> list[list[str]]:
    """Give what each of some viewers is shown after two changes that the server tells them of."""
    users = users or [None] * len(viewers)
    async with Worker() as worker, AsyncExitStack() as stack:
        tabs = [
            await stack.enter_async_context(Tab(user, **each))
            for each, user in zip(viewers, users, strict=True)
        ]
        for tab in tabs:
            await tab.send(state.live_subscribe)
        await worker.settle()
        LookingViewSet.reads.clear()
        for name in ("Chair", "Table"):
            await Product.objects.acreate(name=name, sku=name, price=1)
            await worker.settle()
        found = [shown(tab, state) for tab in tabs]
    await Product.objects.all().adelete()
    return found


@pytest.mark.usefixtures("tenants")
@pytest.mark.parametrize("look", [*META, *COOKIES, *OTHERS])
async def test_each_viewer_is_shown_what_the_view_answers_him(look: Callable[[Any], Any]) -> None:
    LookingViewSet.look = look
    # Made once: what is signed says when.
    viewers = [red(), blue()] * 2
    shared = await watch(LookingState, *viewers)
    alone = await watch(LonelyState, *viewers)
    assert shared == alone
    # Else the view would have found out nothing.
    assert alone[0] == alone[2] != alone[1] == alone[3]
    assert len(alone[0]) == 2


SESSIONS: list[Callable[[Any], Any]] = [
    lambda view: view.request.session["shop"],
    lambda view: view.request.session.get("shop"),
    lambda view: view.request._request.session.get("shop"),
    lambda view: dict(view.request.session.items())["shop"],
    lambda view: view.request.session._session["shop"],
    lambda view: getattr(view.request._request, "session")["shop"],  # noqa: B009
    lambda view: view.request.session.session_key,
    lambda view: view.request.COOKIES["sessionid"],
    lambda view: view.request.session.get_expiry_age() and view.request.session["shop"],
    lambda view: view.request.META["HTTP_COOKIE"],
]


@pytest.mark.parametrize("look", SESSIONS)
@pytest.mark.parametrize("known", [True, False])
async def test_each_session_is_its_own(look: Callable[[Any], Any], known: bool) -> None:
    LookingViewSet.look = look
    user = await User.objects.acreate_user("ann") if known else None
    viewers: list[dict[str, Any]] = [{"session": {"shop": "1"}}, {"session": {"shop": "2"}}]
    first, second = await watch(LookingState, *viewers, users=[user, user])
    assert len(first) == len(second) == 2
    assert first != second


@pytest.mark.usefixtures("tenants")
async def test_what_a_permission_looks_at_counts_for_what_is_offered(worker: Worker) -> None:
    async with Tab(**red()) as first, Tab(**blue()) as second:
        for tab in (first, second):
            await tab.send(LookingState.live_subscribe)
        await worker.settle()
        await Product.objects.acreate(name="Chair", sku="c", price=1)
        await worker.settle()
        assert first.get(LookingState, "may")["create"] is True
        assert second.get(LookingState, "may")["create"] is False


async def test_rights_of_a_shared_read_reach_all(worker: Worker) -> None:
    async with (
        Tab(headers={"x-tenant": "red"}) as first,
        Tab(headers={"x-tenant": "red"}) as second,
    ):
        for tab in (first, second):
            await tab.send(LookingState.live_subscribe)
        await worker.settle()
        LookingViewSet.reads.clear()
        second.state(LookingState).may = {}
        await Product.objects.acreate(name="Chair", sku="c", price=1)
        await worker.settle()
        assert len(LookingViewSet.reads) == 1
        assert second.get(LookingState, "may") == first.get(LookingState, "may")
        assert second.get(LookingState, "may")["create"] is True


@pytest.mark.usefixtures("tenants")
async def test_a_view_that_looks_once_in_a_while_is_still_found_out(worker: Worker) -> None:
    looks: list[Any] = []

    def look(view: Any) -> Any:
        looks.append(view)
        # The first viewers are told the same, whoever they are.
        return view.request.META["HTTP_X_TENANT"] if len(looks) > 4 else "nobody"

    LookingViewSet.look = look
    async with Tab(**red()) as first, Tab(**blue()) as second:
        for tab in (first, second):
            await tab.send(LookingState.live_subscribe)
        for number in range(6):
            await Product.objects.acreate(name=str(number), sku=str(number), price=1)
            await worker.settle()
            assert "blue" not in shown(first, LookingState)
            assert "red" not in shown(second, LookingState)
        assert set(shown(first, LookingState)) == {"red"}
        assert set(shown(second, LookingState)) == {"blue"}


async def test_what_one_viewer_does_with_his_rows_is_not_seen_by_another(worker: Worker) -> None:
    async with Tab() as first, Tab() as second:
        for tab in (first, second):
            await tab.send(LookingState.live_subscribe)
        await sync_to_async(Product.objects.create)(name="Chair", sku="c", price=1)
        await worker.settle()
        first.state(LookingState).data[0]["name"] = "mine"
        assert second.get(LookingState, "data")[0]["name"] == "nothing"
        assert shown(second, LookingState) == ["nothing"]
