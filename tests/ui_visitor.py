"""Somebody at a browser who looks at the project of `tests.ui_project`, which is built once."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.browsing import ARGUMENTS, async_api
from tests.servers import Server
from tests.ui_project import running_project


@pytest.fixture(scope="session")
def ui_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_project(tmp_path_factory.mktemp("ui") / "project") as running:
        yield running


class Visitor:
    """A page in a German browser in New York, and what went wrong in it."""

    def __init__(self, page: Any, url: str) -> None:
        self.page, self.url = page, url
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", self._note)

    def _note(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(message.text)

    async def open(self, path: str) -> None:
        await self.page.goto(self.url + path)

    def button(self, name: str, **options: Any) -> Any:
        return self.page.get_by_role("button", name=name, **options)

    def field(self, label: str) -> Any:
        return self.page.get_by_role("dialog").get_by_label(re.compile(f"^{label}"))

    def row(self, text: str) -> Any:
        return self.page.get_by_role("row").filter(has_text=text)

    @property
    def rows(self) -> Any:
        return self.page.locator("tbody").get_by_role("row")

    @property
    def dialog(self) -> Any:
        return self.page.get_by_role("dialog")


@pytest.fixture
async def make_visitor(ui_server: Server) -> AsyncIterator[Any]:
    async with async_api.async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=list(ARGUMENTS)
        )
        visitors: list[Visitor] = []

        async def make(width: int = 1200, scheme: str = "light") -> Visitor:
            context = await browser.new_context(
                viewport={"width": width, "height": 850},
                color_scheme=scheme,
                locale="de-DE",
                timezone_id="America/New_York",
            )
            visitors.append(Visitor(await context.new_page(), ui_server.url))
            return visitors[-1]

        yield make
        await browser.close()
    assert [problem for visitor in visitors for problem in visitor.problems] == []


@pytest.fixture
async def visitor(make_visitor: Any) -> Visitor:
    made: Visitor = await make_visitor()
    return made
