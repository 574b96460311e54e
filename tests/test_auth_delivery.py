"""Cookies of events on their way to the browser, and what tabs are told."""

from __future__ import annotations

from typing import Any

import pytest
import reflex as rx
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session

from reflex_drf import bridge
from reflex_drf.bridge.cookies import CookieOverlay, unsent_cookies
from reflex_drf.seam import ReflexDRFEventProcessor
from reflex_drf.state.user import AppState
from reflex_drf.testing import Tab
from tests.signing import fetch_cookies, post, scripts, shown
from tests.test_auth_session import SignInState

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def ann() -> Any:
    unsent_cookies.clear()
    return get_user_model().objects.create_user("ann", password="pw")


class BannerState(AppState):
    seen: list[str] = []

    @rx.event
    def choose_language(self, code: str) -> None:
        response: Any = bridge.current_response()
        if code:
            response.set_cookie("django_language", code, samesite="Strict")
        else:
            response.delete_cookie("django_language")

    @rx.event
    def look(self) -> None:
        self.seen.append(self.request.COOKIES.get("django_language", ""))

    @rx.event
    async def take(self, files: list[rx.UploadFile]) -> None:
        self.session["files"] = len(files)


async def test_a_visitors_first_session_reaches_the_browser() -> None:
    async with Tab() as tab:
        await tab.send(SignInState.keep("tea"))
        (answer,) = await fetch_cookies(tab)
        assert answer.headers["set-cookie"].startswith("sessionid=")
        async with Tab(cookies=tab.cookies) as later:
            await later.send(SignInState.look)
            assert later.get(SignInState, "result") == "AnonymousUser ['tea']"


async def test_a_visitors_session_goes_on_in_the_next_event() -> None:
    async with Tab() as tab:
        await tab.send(SignInState.keep("tea"))
        await tab.send(SignInState.keep("milk"))
        assert len(scripts(tab)) == 1
        await tab.send(SignInState.look)
        assert tab.get(SignInState, "result") == "AnonymousUser ['tea', 'milk']"
        await fetch_cookies(tab)
        # One session, and no row of a ticket is left.
        assert [row.session_key async for row in Session.objects.all()] == [
            tab.cookies["sessionid"]
        ]


async def test_a_new_cookie_does_not_disturb_the_page() -> None:
    async with Tab() as tab:
        await tab.send(BannerState.choose_language("de"))
        ((_, path, changed, target),) = scripts(tab)
        assert (path, changed, target) == ("/_reflex_drf/cookies", False, "")


async def test_a_cookie_of_an_event_is_there_in_the_next_and_can_be_deleted() -> None:
    async with Tab() as tab:
        for code in ("de", "", "en"):
            await tab.send(BannerState.choose_language(code))
            await fetch_cookies(tab)
            await tab.send(BannerState.look)
        assert tab.get(BannerState, "seen") == ["de", "", "en"]
        assert tab.cookies["django_language"] == "en"


async def test_what_the_browser_has_already_is_not_sent_again() -> None:
    async with Tab(cookies={"django_language": "de"}) as tab:
        await tab.send(BannerState.choose_language("de"))
        assert not scripts(tab)
    async with Tab() as tab:
        await tab.send(BannerState.choose_language(""))
        assert not scripts(tab)


async def test_a_visitor_can_sign_in_after_a_first_session() -> None:
    async with Tab() as tab:
        await tab.send(SignInState.keep("tea"))
        await tab.send(SignInState.sign_in("ann", "pw"))
        await fetch_cookies(tab)
        await tab.send(SignInState.look)
        assert tab.get(SignInState, "result") == "ann ['tea']"


async def test_a_new_connection_knows_only_its_own_cookies() -> None:
    async with Tab() as tab:
        await tab.send(BannerState.choose_language("de"))
        tab.events.clear()
        await tab.reconnect()
        await tab.send(BannerState.look)
        # This browser did not take the cookie.
        assert tab.get(BannerState, "seen") == [""]


async def test_another_tabs_socket_cannot_use_a_ticket() -> None:
    async with Tab() as here, Tab() as there:
        await here.send(SignInState.sign_in("ann", "pw"))
        ((ticket, *_),) = scripts(here)
        assert (await post(shown(there, ticket))).status_code == 403
        assert (await post(shown(here, ticket))).status_code == 403


async def test_a_ticket_ends_with_nothing_but_its_own_socket() -> None:
    async with Tab() as tab:
        await tab.send(SignInState.sign_in("ann", "pw"))
        ((ticket, *_),) = scripts(tab)
        await tab.reconnect()
        assert (await post(shown(tab, ticket))).status_code == 403


async def test_a_redirect_waits_for_the_cookie() -> None:
    async with Tab() as tab:
        tab.events.clear()
        await tab.send(SignInState.sign_in_and_go("ann", "pw"))
        names = [name for name, _ in tab.events]
        assert "_redirect" not in names
        assert "Welcome" in str(tab.events[0])
        ((_, _, changed, target),) = scripts(tab)
        assert (changed, target) == (True, "/dashboard?tab=1")


async def test_a_redirect_without_a_login_is_left_alone() -> None:
    async with Tab() as tab:
        tab.events.clear()
        await tab.send(SignInState.sign_in_and_go("ann", "wrong"))
        assert [(name, payload["path"]) for name, payload in tab.events] == [
            ("_redirect", "/sorry")
        ]


async def test_a_redirect_is_followed_when_no_cookie_changes() -> None:
    async with Tab() as tab:
        tab.events.clear()
        await tab.send(SignInState.sign_out_and_go)
        ((_, payload),) = tab.events
        assert payload["javascript_code"] == 'window.location.assign("/bye")'


@pytest.mark.parametrize("path", ["/dashboard?tab=1", "/app/dashboard?tab=1"])
async def test_a_redirect_has_the_prefix_of_the_front_end_once(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = rx.Config(app_name="front", frontend_path="/app")
    monkeypatch.setattr("reflex_drf.seam.delivery.get_config", lambda: config)
    async with Tab() as tab:
        await tab.send(SignInState.sign_in_and_go("ann", "pw", path))
        ((*_, target),) = scripts(tab)
        assert target == "/app/dashboard?tab=1"


async def test_each_connection_is_told_to_follow_other_tabs() -> None:
    async with Tab() as tab:
        assert str(tab.events).count('addEventListener("storage"') == 1
        await tab.send(SignInState.sign_in("ann", "pw"))
        code = tab.events[-1][1]["javascript_code"]
        # What one tab writes is what the others wait for.
        assert 'setItem("reflex_drf.user_changed"' in code
        assert '"reflex_drf.user_changed"' in tab.events[0][1]["javascript_code"]


async def test_the_script_carries_no_secret_but_the_ticket() -> None:
    async with Tab() as tab:
        await tab.send(SignInState.sign_in("ann", "pw"))
        code = tab.events[-1][1]["javascript_code"]
        assert tab.token not in code
        assert tab.sid not in code
        assert "?" not in code.split("await fetch")[1].split(",")[0]


async def test_an_upload_has_no_socket_and_says_that_its_cookie_is_lost(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Tab() as tab:
        await tab.upload(BannerState.take)
        await tab.upload(BannerState.take)
        assert not scripts(tab)
        assert caplog.text.count("'sessionid' was set during an event") == 1


def test_an_overlay_belongs_to_one_socket_of_one_tab() -> None:
    from http.cookies import SimpleCookie

    overlay = CookieOverlay()
    overlay.add("tab", "one", SimpleCookie({"a": "1"}))
    overlay.add("tab", "one", SimpleCookie({"b": "2"}))
    assert overlay.of("tab", "one") == {"a": "1", "b": "2"}
    assert overlay.of("tab", "two") == {}
    assert overlay.of("other", "one") == {}
    overlay.add("tab", "two", SimpleCookie({"c": "3"}))
    assert overlay.of("tab", "one") == {}
    overlay.forget("tab")
    overlay.forget("tab")
    assert overlay.of("tab", "two") == {}
    assert overlay.of("", "") == {}


async def test_the_overlay_of_a_closed_tab_is_forgotten() -> None:
    async with Tab() as tab:
        await tab.send(BannerState.choose_language("de"))
        processor = tab.worker.processor
        assert isinstance(processor, ReflexDRFEventProcessor)
        assert processor._overlay.of(tab.token, tab.sid)
        tab.disconnect()
        assert not processor._overlay.of(tab.token, tab.sid)
