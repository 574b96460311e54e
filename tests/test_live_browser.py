"""Two users in two Chromium windows: what one saves, the other sees, if he may."""

from __future__ import annotations

import os
import uuid
from typing import Any

import pytest

from tests.servers import Server
from tests.test_browser import SCREENSHOTS, Visitor, browser, expect

pytestmark = [pytest.mark.browser, pytest.mark.server]
__all__ = ["browser"]


async def open_window(
    browser: Any, server: Server, username: str, width: int = 1280, scheme: str = "light"
) -> Visitor:
    page = await browser.new_page(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
    )
    visitor = Visitor(server, page)
    await visitor.sign_in(username)
    await expect(page.locator("tbody tr:visible, .rows li:visible").first).to_be_visible()
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


async def open_form(visitor: Visitor, name: str) -> Any:
    await visitor.search(name)
    await visitor.button(f"Edit {name}").first.click()
    dialog = visitor.page.get_by_role("dialog")
    await expect(dialog.get_by_label("Name")).to_have_value(name)
    return dialog


# Whose form it is, wide and narrow, in the light and in the dark.
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
async def test_two_who_edit_one_product_see_each_other_and_overwrite_nothing_unasked(
    browser: Any, sample_server: Server, width: int, scheme: str
) -> None:
    staff = await open_window(browser, sample_server, "admin")
    owner = await open_window(browser, sample_server, "alice", width, scheme)
    name = f"Window seat {uuid.uuid4().hex[:8].upper()}"
    product = await create(owner, name)
    theirs, hers = await open_form(staff, name), await open_form(owner, name)
    await expect(theirs.get_by_role("status")).to_have_text("Also editing: Alice")
    await expect(hers.get_by_role("status")).to_have_text("Also editing: Avery")
    await hers.get_by_label("Price").fill("19.00")

    await theirs.get_by_label("Stock").fill("77")
    await theirs.get_by_role("button", name="Save").click()
    await expect(theirs).to_have_count(0)
    alert = hers.get_by_role("alert")
    await expect(alert).to_contain_text("Avery has changed this product meanwhile", timeout=1000)
    # He has left, and what she types stays.
    await expect(hers.get_by_role("status")).to_have_count(0)
    await expect(hers.get_by_label("Price")).to_have_value("19.00")
    await hers.get_by_role("button", name="Save").click()
    await expect(alert).to_contain_text("Nothing has been saved yet")
    await picture(owner, f"conflict-{scheme}-{width}")
    assert (await stored(staff, product))["price"] == "12.50"
    await hers.get_by_role("button", name="Show the changes").click()
    await expect(hers.get_by_label("Stock")).to_have_value("77")
    await expect(alert).to_have_count(0)

    # The other way round she insists, and is asked first.
    theirs = await open_form(staff, name)
    await theirs.get_by_label("Stock").fill("78")
    await theirs.get_by_role("button", name="Save").click()
    await expect(alert).to_be_visible()
    await hers.get_by_label("Price").fill("21.00")
    await hers.get_by_role("button", name="Save").click()
    await hers.get_by_role("button", name="Overwrite").click()
    await expect(hers).to_have_count(0)
    assert {"price": "21.00", "stock": 77}.items() <= (await stored(staff, product)).items()

    hers = await open_form(owner, name)
    await staff.row(name).get_by_role("button", name=f"Delete {name}").click()
    await staff.page.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    await expect(hers.get_by_role("alert")).to_contain_text("deleted meanwhile", timeout=1000)
    assert staff.problems == owner.problems == []


async def create(visitor: Visitor, name: str) -> dict[str, Any]:
    """Make a product of the window's user over the API."""
    cookies = await visitor.page.context.cookies()
    token = next(cookie["value"] for cookie in cookies if cookie["name"] == "csrftoken")
    answer = await visitor.page.request.post(
        f"{visitor.server.url}/api/products/",
        data={"name": name, "sku": name, "category": 1, "price": "12.50", "stock": 4},
        headers={"X-CSRFToken": token, "Origin": visitor.server.url},
    )
    assert answer.ok, await answer.text()
    made: dict[str, Any] = await answer.json()
    return made


async def stored(visitor: Visitor, product: dict[str, Any]) -> dict[str, Any]:
    answer = await visitor.page.request.get(f"{visitor.server.url}/api/products/{product['id']}/")
    found: dict[str, Any] = await answer.json()
    return found


async def picture(visitor: Visitor, name: str) -> None:
    if os.environ.get("REFLEX_DRF_SCREENSHOTS"):
        SCREENSHOTS.mkdir(exist_ok=True)
        await visitor.page.screenshot(path=SCREENSHOTS / f"{name}.png", animations="disabled")
