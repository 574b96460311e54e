"""Chromium in the app of `tests/signing_app.py`: tabs of one browser, and what they show."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.browsing import ARGUMENTS, async_api, expect
from tests.servers import Server, _environment
from tests.throwaway import ROOT

# Milliseconds, for a machine that does other things too.
PATIENCE = 20_000


class Page:
    """One tab, and what went wrong in it."""

    def __init__(self, page: Any, server: Server) -> None:
        self.page = page
        self.url = server.url
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", self._note)

    def _note(self, message: Any) -> None:
        # Reflex and the admin keep "as the system does" under a name, and by words of their own.
        is_ours = "color mode" not in message.text and "/static/admin/" not in str(message.location)
        if message.type in ("error", "warning") and is_ours:
            self.problems.append(message.text)

    async def open(self, path: str = "/") -> None:
        await self.page.goto(self.url + path)
        # Typing in it works from the first hydration on.
        await expect(self.page.locator("#typed")).to_be_visible()

    async def click(self, name: str) -> None:
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def shows(self, name: str, text: str, within: float = PATIENCE) -> None:
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

    async def cookies(self) -> dict[str, str]:
        return {c["name"]: c["value"] for c in await self.context.cookies()}


@asynccontextmanager
async def open_browser(server: Server, **options: Any) -> AsyncIterator[Browser]:
    """Start a browser, and fail if a page of it has complained."""
    async with async_api.async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=list(ARGUMENTS)
        )
        browser = Browser(await chromium.new_context(**options), server)
        yield browser
        problems = [problem for page in browser.pages for problem in page.problems]
        await chromium.close()
        assert not problems, problems


def manage(server: Server, code: str) -> str:
    """Run code in another process of the project, as `manage.py shell` does."""
    result = subprocess.run(
        [sys.executable, "manage.py", "shell", "--verbosity", "0", "-c", code],
        cwd=server.directory,
        env={**_environment(), "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return result.stdout.strip()


async def visit(browser: Browser, path: str) -> Page:
    page = Page(await browser.context.new_page(), browser.server)
    browser.pages.append(page)
    await page.page.goto(browser.server.url + path)
    return page


async def fill(page: Page, *texts: str) -> None:
    """Fill in a form with nothing but the keyboard, from the field that has the focus on."""
    await expect(page.page.locator("form input:visible").first).to_be_visible()
    await page.page.locator("form input:visible").first.focus()
    for number, text in enumerate(texts):
        if number:
            await page.page.keyboard.press("Tab")
        await page.page.keyboard.type(text)
    await page.page.keyboard.press("Enter")


async def sign_in(page: Page, name: str) -> None:
    await fill(page, name, f"{name}-demo")
