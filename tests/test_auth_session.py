"""`self.login()` and `self.logout()`: through Django's authentication, as over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import reflex as rx
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.contrib.sessions.models import Session
from django.core.exceptions import PermissionDenied
from django.test import Client

from reflex_drf.bridge import session as sign_in
from reflex_drf.errors import ConfigurationError, NoRequestError
from reflex_drf.state.user import AppState, DjangoUserState
from reflex_drf.testing import Tab
from tests.bridging import Viewer
from tests.signing import fetch_cookies, scripts

pytestmark = pytest.mark.django_db(transaction=True)
BACKEND = "tests.test_auth_session.Gate"


class SignInState(AppState):
    result: str = ""
    held: str = ""
    _kept: str = ""

    @rx.event
    async def sign_in(self, username: Any, password: Any) -> Any:
        self.result = str(await self.login(username, password))
        self.result += f" {self.user} {(await self.request.auser()).is_authenticated}"

    @rx.event
    async def sign_in_and_go(
        self, username: str, password: str, path: str = "/dashboard?tab=1"
    ) -> Any:
        if await self.login(username, password):
            return [rx.toast.info("Welcome"), rx.redirect(path)]
        return rx.redirect("/sorry")

    @rx.event
    async def sign_in_and_fail(self) -> None:
        await self.login("ann", "pw")
        raise ValueError("after the login")

    @rx.event(background=True)
    async def sign_in_in_background(self) -> None:
        async with self:
            self.result = str(await self.login("ann", "pw"))

    @rx.event
    async def sign_out(self) -> None:
        await self.logout()
        self.result = f"{self.user} {dict(self.session)}"

    @rx.event
    async def sign_out_and_go(self) -> Any:
        await self.logout()
        return rx.redirect("/bye")

    @rx.event
    async def keep(self, value: str) -> None:
        self.session["cart"] = [*self.session.get("cart", []), value]
        self.held = self._kept = value

    @rx.event
    def look(self) -> None:
        self.result = f"{self.user} {self.session.get('cart')}"


class Gate(ModelBackend):
    """Sees the request, as a package that counts failures does; shuts one name out."""

    seen: list[Any] = []

    def authenticate(self, request: Any, username: Any = None, **kwargs: Any) -> Any:
        self.seen.append((request.META["REMOTE_ADDR"], username, kwargs.get("code")))
        if username == "locked":
            raise PermissionDenied
        return super().authenticate(request, username=username, password=kwargs.get("password"))


@pytest.fixture(autouse=True)
def gate(settings: Any) -> list[Any]:
    settings.AUTHENTICATION_BACKENDS = [BACKEND, "django.contrib.auth.backends.ModelBackend"]
    Gate.seen = []
    return Gate.seen


@pytest.fixture
def ann() -> Any:
    return get_user_model().objects.create_user("ann", password="pw")


@pytest.fixture
def bob() -> Any:
    return get_user_model().objects.create_user("bob", password="pw")


@pytest.fixture
def signals() -> Iterator[list[str]]:
    heard: list[str] = []

    def hear_in(sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
        heard.append(f"in {user} {request.path}")

    def hear_out(sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
        heard.append(f"out {user}")

    def hear_failed(sender: Any, credentials: Any, request: Any, **kwargs: Any) -> None:
        heard.append(f"failed {credentials['username']} {credentials['password']}")

    connected = [
        (user_logged_in, hear_in),
        (user_logged_out, hear_out),
        (user_login_failed, hear_failed),
    ]
    for signal, receiver in connected:
        signal.connect(receiver)
    yield heard
    for signal, receiver in connected:
        signal.disconnect(receiver)


def line_of(answer: Any, name: str) -> str:
    (line,) = [v for v in answer.headers.get_list("set-cookie") if v.startswith(f"{name}=")]
    return str(line)


async def stored(key: str) -> dict[str, Any]:
    return (await Session.objects.aget(session_key=key)).get_decoded()


async def test_login_gives_the_browser_a_session_it_can_use_anywhere(ann: Any) -> None:
    async with Tab() as tab:
        await tab.send(SignInState.sign_in("ann", "pw"))
        assert tab.get(SignInState, "result") == "True ann True"
        (answer,) = await fetch_cookies(tab)
        line = line_of(answer, "sessionid")
        assert "HttpOnly" in line
        assert "SameSite=Lax" in line
        await tab.send(SignInState.look)
        assert tab.get(SignInState, "result") == "ann None"
        assert tab.seen(DjangoUserState, "username") == "ann"
        client = Client()
        client.cookies["sessionid"] = tab.cookies["sessionid"]
        page = await sync_to_async(client.get)("/admin/")
        assert page.wsgi_request.user == ann


async def test_the_cookie_is_set_as_the_project_sets_it(ann: Any, settings: Any) -> None:
    settings.SESSION_COOKIE_NAME = "shop_session"
    settings.SESSION_COOKIE_SECURE = True
    settings.SESSION_COOKIE_SAMESITE = "Strict"
    settings.SESSION_COOKIE_PATH = "/shop/"
    settings.SESSION_COOKIE_DOMAIN = ".example.com"
    settings.SESSION_COOKIE_AGE = 1234
    async with Tab() as tab:
        await tab.send(SignInState.sign_in("ann", "pw"))
        (answer,) = await fetch_cookies(tab)
        line = line_of(answer, "shop_session")
        for part in ("HttpOnly", "Secure", "SameSite=Strict", "Path=/shop/", "Max-Age=1234"):
            assert part in line
        assert "Domain=.example.com" in line


async def test_no_script_gets_the_session_key(ann: Any) -> None:
    async with Tab() as tab:
        await tab.send(SignInState.sign_in("ann", "pw"))
        sent = f"{tab.events} {tab.deltas}"
        await fetch_cookies(tab)
        assert tab.cookies["sessionid"] not in sent + f"{tab.events} {tab.deltas}"


async def test_login_goes_through_backends_and_signals(
    ann: Any, gate: list[Any], signals: list[str]
) -> None:
    async with Tab(path="/signin") as tab:
        await tab.send(SignInState.sign_in("ann", "pw"))
    assert gate == [("127.0.0.1", "ann", None)]
    assert signals == ["in ann /signin"]
    await ann.arefresh_from_db()
    assert ann.last_login is not None


async def test_further_credentials_reach_the_backends(ann: Any, gate: list[Any]) -> None:
    async def handler() -> None:
        assert await sign_in.login("ann", "pw", code="123456")

    await Viewer().send(handler)
    assert gate[0][2] == "123456"


async def test_the_session_key_is_cycled_and_the_visitors_data_stays(ann: Any) -> None:
    async with Tab(session={"cart": ["tea"]}) as tab:
        before = tab.cookies["sessionid"]
        await tab.send(SignInState.sign_in("ann", "pw"))
        await fetch_cookies(tab)
        after = tab.cookies["sessionid"]
        assert after != before
        assert not await Session.objects.filter(session_key=before).aexists()
        assert (await stored(after))["cart"] == ["tea"]


async def test_another_users_session_is_not_reused(ann: Any, bob: Any) -> None:
    async with Tab(user=bob, session={"cart": ["bobs"]}) as tab:
        before = tab.cookies["sessionid"]
        await tab.send(SignInState.sign_in("ann", "pw"))
        await fetch_cookies(tab)
        assert not await Session.objects.filter(session_key=before).aexists()
        await tab.send(SignInState.look)
        assert tab.get(SignInState, "result") == "ann None"


@pytest.mark.parametrize("user", [None, "bob"])
async def test_a_failed_login_changes_nothing(
    user: str | None, ann: Any, bob: Any, signals: list[str]
) -> None:
    async with Tab(user=bob if user else None, session={"cart": ["tea"]}) as tab:
        tab.events.clear()
        key = tab.cookies["sessionid"]
        before = await stored(key)
        await tab.send(SignInState.sign_in("ann", "wrong"))
        assert tab.get(SignInState, "result").startswith("False ")
        assert tab.events == []
        assert await stored(key) == before
        await tab.send(SignInState.look)
        assert tab.get(SignInState, "result") == f"{user or 'AnonymousUser'} ['tea']"
    # Django hides the password from receivers.
    assert signals == ["failed ann ********************"]


async def test_a_failed_login_of_a_visitor_makes_no_session(ann: Any) -> None:
    async with Tab() as tab:
        await tab.send(SignInState.sign_in("ann", "wrong"))
        assert not scripts(tab)
    assert not await Session.objects.aexists()


@pytest.mark.parametrize("name", ["nobody", "", "ANN", "locked"])
async def test_who_may_not_in_stays_out(name: str, ann: Any) -> None:
    await sync_to_async(get_user_model().objects.create_user)("locked", password="pw")
    async with Tab() as tab:
        await tab.send(SignInState.sign_in(name, "pw"))
        assert tab.get(SignInState, "result") == "False AnonymousUser False"


async def test_an_inactive_user_stays_out(ann: Any) -> None:
    ann.is_active = False
    await ann.asave()
    async with Tab() as tab:
        await tab.send(SignInState.sign_in("ann", "pw"))
        assert tab.get(SignInState, "result").startswith("False")


@pytest.mark.parametrize(
    ("username", "password"),
    [(None, "pw"), ({"x": 1}, "pw"), ("ann", ["pw"]), ("an\x00n", "pw"), ("a" * 5000, "pw")],
)
async def test_what_is_no_text_asks_no_backend(
    username: Any, password: Any, gate: list[Any], ann: Any
) -> None:
    async def handler() -> None:
        assert not await sign_in.login(username, password)

    await Viewer().send(handler)
    assert gate == []


async def test_logout_ends_the_session_and_takes_the_cookie(ann: Any, signals: list[str]) -> None:
    async with Tab(user=ann, session={"cart": ["tea"]}) as tab:
        key = tab.cookies["sessionid"]
        await tab.send(SignInState.sign_out)
        assert tab.get(SignInState, "result") == "AnonymousUser {}"
        assert not await Session.objects.filter(session_key=key).aexists()
        (answer,) = await fetch_cookies(tab)
        assert "Max-Age=0" in answer.headers["set-cookie"]
        assert "sessionid" not in tab.cookies
        await tab.send(SignInState.look)
        assert tab.get(SignInState, "result") == "AnonymousUser None"
        assert tab.seen(DjangoUserState, "username") == ""
    assert signals == ["out ann"]


async def test_logout_touches_no_cache(ann: Any) -> None:
    from django.core.cache import cache

    await cache.aset("unrelated", 1)
    async with Tab() as tab:
        await tab.send(SignInState.sign_out)
    assert await cache.aget("unrelated") == 1


@pytest.mark.parametrize("sign", [SignInState.sign_in("ann", "pw"), SignInState.sign_out])
async def test_what_the_tab_held_is_dropped(sign: Any, ann: Any, bob: Any) -> None:
    async with Tab(user=bob) as tab:
        await tab.send(SignInState.keep("bobs"))
        token = tab.token
        await tab.send(sign)
        await fetch_cookies(tab)
        # The page and its token stay; what was filled for bob is gone.
        assert tab.token == token
        assert (tab.get(SignInState, "held"), tab.get(SignInState, "_kept")) == ("", "")
        assert "bobs" not in str(tab.deltas[-1])


async def test_another_tab_of_the_browser_follows_when_it_connects_anew(ann: Any) -> None:
    async with Tab() as here, Tab() as there:
        await here.send(SignInState.sign_in("ann", "pw"))
        await fetch_cookies(here)
        there.cookies = here.cookies
        await there.reconnect()
        assert there.seen(DjangoUserState, "username") == "ann"


async def test_every_tab_of_a_user_notices_the_end_of_the_session(ann: Any) -> None:
    async with Tab(user=ann) as here, Tab(cookies=here.cookies) as there:
        await there.send(SignInState.keep("anns"))
        await here.send(SignInState.sign_out)
        there.events.clear()
        await there.send(SignInState.look)
        assert "removeItem('token')" in str(there.events)


async def test_an_old_connection_does_not_take_the_new_cookie_away(ann: Any) -> None:
    async with Tab(session={"cart": ["tea"]}) as here, Tab(cookies=here.cookies) as there:
        await here.send(SignInState.sign_in("ann", "pw"))
        await fetch_cookies(here)
        # Its handshake still has the cycled key, which leads nowhere.
        there.cookies = here.cookies
        await there.send(SignInState.look)
        assert await fetch_cookies(there) == []
        assert "sessionid" in there.cookies


async def test_a_handler_that_fails_after_the_login_signs_nobody_in(ann: Any) -> None:
    async with Tab() as tab:
        assert await tab.send(SignInState.sign_in_and_fail, raises=False)
        assert not scripts(tab)


async def test_a_background_handler_signs_in_too(ann: Any) -> None:
    async with Tab() as tab:
        await tab.send(SignInState.sign_in_in_background)
        await fetch_cookies(tab)
        assert tab.seen(DjangoUserState, "username") == "ann"


async def test_a_user_can_be_signed_in_without_a_password(ann: Any) -> None:
    async def handler() -> None:
        await sign_in.login_user(ann, "django.contrib.auth.backends.ModelBackend")

    scope = await Viewer().send(handler)
    assert (await stored(scope.cookies["sessionid"].value))["_auth_user_id"] == str(ann.pk)


async def test_the_csrf_token_is_rotated(ann: Any) -> None:
    async def handler() -> None:
        await sign_in.login("ann", "pw")

    scope = await Viewer(cookie="csrftoken=" + "a" * 32).send(handler)
    assert scope.cookies["csrftoken"].value not in ("", "a" * 32)


async def test_sessions_in_cookies_are_refused_with_the_fix(ann: Any, settings: Any) -> None:
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"

    async def handler() -> None:
        with pytest.raises(ConfigurationError, match="SESSION_ENGINE"):
            await sign_in.login("ann", "pw")

    await Viewer().send(handler)


async def test_outside_an_event_nobody_can_be_signed_in() -> None:
    with pytest.raises(NoRequestError):
        await sign_in.login("ann", "pw")
    with pytest.raises(NoRequestError):
        await sign_in.logout()
