"""Chromium: open tabs follow what happens to their session, on Django's pages and on the server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.browsing import expect
from tests.servers import Server
from tests.signing_browser import Browser, Page, manage, open_browser, sign_in, visit

pytestmark = [pytest.mark.browser, pytest.mark.server]


@pytest.fixture
async def browser(signing_server: Server) -> AsyncIterator[Browser]:
    async with open_browser(signing_server) as browser:
        yield browser


async def admin_login(browser: Browser, name: str = "root") -> Page:
    """Sign in on the page of Django's admin, in a tab of its own."""
    page = await visit(browser, "/admin/login/")
    await page.page.locator("#id_username").fill(name)
    await page.page.locator("#id_password").fill(f"{name}-demo")
    await page.page.keyboard.press("Enter")
    await expect(page.page.get_by_text("Site administration")).to_be_visible()
    return page


async def test_a_login_in_the_admin_reaches_open_tabs(browser: Browser) -> None:
    tab = await browser.tab("/inside")
    await tab.shows("loaded", "loaded for AnonymousUser")
    await admin_login(browser)
    await tab.shows("user", "user root")
    await tab.shows("loaded", "loaded for root")


async def test_a_login_in_the_admin_reaches_a_tab_that_has_a_session(browser: Browser) -> None:
    tab = await browser.tab()
    async with tab.page.expect_response("**/_reflex_drf/cookies"):
        await tab.click("Count")
    await admin_login(browser)
    await tab.shows("user", "user root")


async def test_a_logout_in_the_admin_reaches_open_tabs(browser: Browser) -> None:
    admin = await admin_login(browser)
    tabs = [await browser.tab(), await browser.tab("/secret")]
    for tab in tabs:
        await tab.shows("user", "user root")
    await admin.page.get_by_role("button", name="Log out").click()
    await tabs[0].shows("user", "user")
    await expect(tabs[1].page.get_by_role("button", name="Enter")).to_be_visible()


USERS = "from django.contrib.auth import get_user_model; u = get_user_model().objects.get"
ENDS = {
    "its session is deleted": "from django.contrib.sessions.models import Session;"
    "[s.delete() for s in Session.objects.all()"
    " if s.get_decoded().get('_auth_user_id') == str(u.pk)]",
    "its password is set": "u.set_password('gus-demo'); u.save()",
    "it is deactivated": "u.is_active = False; u.save()",
}


@pytest.mark.redis
@pytest.mark.parametrize("code", ENDS.values(), ids=ENDS)
async def test_what_another_process_does_reaches_every_tab_of_the_user(
    browser: Browser, signing_server: Server, code: str
) -> None:
    user = f"{USERS}(username='gus');"
    async with open_browser(signing_server) as elsewhere:
        tabs, guarded = [], []
        for each in (browser, elsewhere):
            page = await visit(each, "/login")
            await sign_in(page, "gus")
            await page.shows("user", "user gus")
            tabs.append(page)
            guarded.append(await each.tab("/secret"))
            await guarded[-1].shows("user", "user gus")
        manage(signing_server, user + code)
        for tab in tabs:
            await tab.shows("user", "user")
        for tab in guarded:
            await expect(tab.page.get_by_role("button", name="Enter")).to_be_visible()
    manage(signing_server, f"{user}u.is_active = True; u.save()")


async def test_a_tab_in_the_background_looks_when_it_is_used_again(browser: Browser) -> None:
    """For browsers that do not tell scripts of changed cookies."""
    await browser.context.add_init_script("delete window.cookieStore;")
    tab = await browser.tab()
    assert await tab.page.evaluate("'cookieStore' in window") is False
    await admin_login(browser)
    await tab.page.bring_to_front()
    await tab.page.evaluate("window.dispatchEvent(new Event('focus'))")
    await tab.shows("user", "user root")


async def test_coming_back_to_a_tab_changes_nothing_if_nothing_has_changed(
    browser: Browser,
) -> None:
    tab = await browser.tab()
    await tab.click("Ann")
    await tab.shows("user", "user ann")
    await tab.click("Hold")
    await tab.shows("held", "held by ann")
    async with tab.page.expect_response("**/_reflex_drf/cookies/session") as answered:
        await tab.page.evaluate("window.dispatchEvent(new Event('focus'))")
    assert (await (await answered.value).text()) != ""
    await tab.click("Hold")
    await tab.shows("held", "held by ann")
    assert await tab.page.evaluate("window.__reflex_drf_socket.connected") is True
