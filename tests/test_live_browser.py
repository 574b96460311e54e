"""Two users in two Chromium windows: what one saves, the other sees, if he may."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.servers import Server
from tests.test_browser import Visitor, browser, expect

pytestmark = [pytest.mark.browser, pytest.mark.server]
__all__ = ["browser"]


async def open_window(browser: Any, server: Server, username: str) -> Visitor:
    page = await browser.new_page(viewport={"width": 1280, "height": 900})
    visitor = Visitor(server, page)
    await visitor.sign_in(username)
    await expect(page.locator("tbody tr").first).to_be_visible()
    return visitor


async def test_a_change_by_one_appears_with_the_other_within_a_second(
    browser: Any,
    sample_server: Server,
) -> None:
    alice = await open_window(browser, sample_server, "alice")
    bob = await open_window(browser, sample_server, "bob")
    sku = uuid.uuid4().hex[:8].upper()
    await alice.button("New product").click()
    dialog = alice.page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("Window seat")
    await dialog.get_by_label("SKU").fill(sku)
    await alice.choose("Category", "Kitchen")
    await dialog.get_by_label("Price").fill("24.50")
    await dialog.get_by_label("Stock").fill("4")
    await dialog.get_by_role("button", name="Save").click()
    await expect(alice.row(sku)).to_be_visible()
    await expect(bob.row(sku)).to_be_visible(timeout=1000)
    # He sees it, and may not change it.
    await expect(bob.row(sku).get_by_role("button", name="Edit Window seat")).to_have_count(0)
    # His own form stays as it is while hers changes the list behind it.
    await bob.button("New product").click()
    await bob.page.get_by_role("dialog").get_by_label("Name").fill("Half a n")
    await alice.row(sku).get_by_role("button", name="Delete Window seat").click()
    await alice.page.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    await expect(alice.row(sku)).to_have_count(0)
    await expect(bob.page.locator("tbody tr", has_text=sku)).to_have_count(0, timeout=1000)
    await expect(bob.page.get_by_role("dialog").get_by_label("Name")).to_have_value("Half a n")
    assert alice.problems == bob.problems == []
