"""Signing in with Chromium: the cookie, the page that stays, and the tabs that follow."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.browsing import expect
from tests.servers import Server
from tests.signing_browser import Browser, Page, open_browser

pytestmark = [pytest.mark.browser, pytest.mark.server]


@pytest.fixture
async def browser(signing_server: Server) -> AsyncIterator[Browser]:
    async with open_browser(signing_server) as browser:
        yield browser


async def test_a_login_keeps_the_page_and_hides_the_cookie(browser: Browser) -> None:
    page = await browser.tab()
    await page.page.fill("#typed", "not lost")
    await page.click("Ann")
    await page.shows("user", "user ann")
    assert await page.page.input_value("#typed") == "not lost"
    assert (await browser.cookie())["httpOnly"] is True
    assert "sessionid" not in await page.page.evaluate("document.cookie")
    await page.page.reload()
    await page.shows("user", "user ann")


async def test_a_redirect_arrives_as_the_new_user(browser: Browser) -> None:
    page = await browser.tab()
    await page.click("Go")
    await page.shows("loaded", "loaded for ann")
    assert page.page.url.replace("/?", "?") == f"{browser.server.url}/inside?tab=2"
    await page.shows("user", "user ann")


async def test_all_tabs_follow_within_a_second(browser: Browser) -> None:
    here, there = await browser.tab(), await browser.tab("/inside")
    await there.shows("loaded", "loaded for AnonymousUser")
    await here.click("Ann")
    await here.shows("user", "user ann")
    await there.shows("user", "user ann", within=1000)
    await there.shows("loaded", "loaded for ann", within=1000)
    await there.click("Out")
    await there.shows("user", "user")
    await here.shows("user", "user", within=1000)
    assert await browser.cookie() == {}


async def test_the_next_user_sees_nothing_of_the_last(browser: Browser) -> None:
    page = await browser.tab()
    await page.click("Ann")
    await page.shows("user", "user ann")
    await page.click("Hold")
    await page.shows("held", "held by ann")
    await page.click("Bob")
    await page.shows("user", "user bob")
    await page.shows("held", "")


async def test_a_wrong_password_leaves_everything_as_it_is(browser: Browser) -> None:
    page = await browser.tab()
    await page.click("Ann")
    await page.shows("user", "user ann")
    before = await browser.cookie()
    await page.click("Wrong")
    await page.click("Hold")
    await page.shows("held", "held by ann")
    assert await browser.cookie() == before


async def test_a_visitors_session_survives_a_reload(browser: Browser) -> None:
    page = await browser.tab()
    async with page.page.expect_response("**/_reflex_drf/cookies"):
        await page.click("Count")
    await page.shows("held", "1")
    await page.page.reload()
    await page.click("Count")
    await page.shows("held", "2")


async def test_a_guarded_page_asks_to_sign_in_and_comes_back(browser: Browser) -> None:
    page = await browser.tab()
    await page.page.get_by_role("link", name="to secret").click()
    await page.click("Enter")
    await page.shows("secret", "the secret page")
    await page.shows("loaded", "loaded for ann")
    assert page.page.url.rstrip("/") == f"{browser.server.url}/secret"


async def test_a_guarded_page_opened_by_its_address_asks_to_sign_in(browser: Browser) -> None:
    page = Page(await browser.context.new_page(), browser.server)
    browser.pages.append(page)
    await page.page.goto(f"{browser.server.url}/secret?tab=2")
    await page.click("Enter")
    await page.shows("secret", "the secret page")
    assert page.page.url.endswith("secret?tab=2") or page.page.url.endswith("secret/?tab=2")


async def test_a_page_for_others_stays_empty_and_the_app_goes_on(browser: Browser) -> None:
    page = await browser.tab()
    await page.click("Ann")
    await page.shows("user", "user ann")
    await page.page.get_by_role("link", name="to office").click()
    await expect(page.page.get_by_text("You may not see this page.")).to_be_visible()
    await expect(page.page.locator("#office")).to_have_count(0)
    await page.page.go_back()
    await page.page.get_by_role("link", name="to secret").click()
    await page.shows("secret", "the secret page")


async def test_a_sign_out_closes_a_guarded_page(browser: Browser) -> None:
    page = await browser.tab()
    await page.click("Ann")
    await page.shows("user", "user ann")
    await page.page.get_by_role("link", name="to secret").click()
    await page.shows("secret", "the secret page")
    await page.click("Out")
    await expect(page.page.get_by_role("button", name="Enter")).to_be_visible()
    await expect(page.page.locator("#secret")).to_have_count(0)
