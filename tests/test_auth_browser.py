"""Signing in with Chromium: the cookie, the page that stays, and the tabs that follow."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.browsing import ARGUMENTS, async_api, expect
from tests.servers import Server

pytestmark = [pytest.mark.browser, pytest.mark.server]


class Page:
    """One tab, and what went wrong in it."""

    def __init__(self, page: Any, server: Server) -> None:
        self.page = page
        self.url = server.url
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", self._note)

    def _note(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(message.text)

    async def open(self, path: str = "/") -> None:
        await self.page.goto(self.url + path)
        # Typing in it works from the first hydration on.
        await expect(self.page.locator("#typed")).to_be_visible()

    async def click(self, name: str) -> None:
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def shows(self, name: str, text: str, within: float = 5000) -> None:
        await expect(self.page.locator(f"#{name}")).to_have_text(text, timeout=within)


class Browser:
    """One browser with its cookies and several tabs."""

    def __init__(self, context: Any, server: Server) -> None:
        self.context, self.server = context, server
        self.pages: list[Page] = []

    async def tab(self, path: str = "/") -> Page:
        page = Page(await self.context.new_page(), self.server)
        self.pages.append(page)
        await page.open(path)
        return page

    async def cookie(self) -> dict[str, Any]:
        return next((c for c in await self.context.cookies() if c["name"] == "sessionid"), {})


@pytest.fixture
async def browser(signing_server: Server) -> AsyncIterator[Browser]:
    async with async_api.async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=list(ARGUMENTS)
        )
        browser = Browser(await chromium.new_context(), signing_server)
        yield browser
        problems = [problem for page in browser.pages for problem in page.problems]
        await chromium.close()
        assert problems == []


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
