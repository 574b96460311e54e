"""Playwright for the tests of the group `browser`, which are collected also where it is missing."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import Any

__all__ = ["ARGUMENTS", "async_api", "expect", "violations"]

# Chromium as root, without a screen and without asking anybody outside.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# `conftest` leaves the group out, and says so, where there is no Playwright.
async_api: Any = (
    importlib.import_module("playwright.async_api") if find_spec("playwright") else None
)

if async_api:
    # A machine that runs other tests as well may need longer than Playwright's five seconds.
    async_api.expect.set_options(timeout=20_000)


def expect(target: Any) -> Any:
    """Wait for something to become true of a page or a part of it."""
    return async_api.expect(target)


# What axe-core is asked about each page: the WCAG 2.2 at AA, and what it calls best practice.
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


async def violations(page: Any) -> list[str]:
    """What axe-core finds wrong with a page as it stands."""
    script = importlib.import_module("axe_playwright_python.base").AXE_FILE_PATH
    await page.add_script_tag(path=str(script))
    found = await page.evaluate("(rules) => axe.run(document, rules)", RULES)
    return [
        f"{item['id']}: {node['html'][:160]} {node['failureSummary']}"
        for item in found["violations"]
        for node in item["nodes"]
    ]
