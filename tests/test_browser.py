"""The sample project in Chromium, as its visitors use it."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.browsing import ARGUMENTS, async_api, expect, violations
from tests.servers import PASSWORDS, Server

pytestmark = [pytest.mark.browser, pytest.mark.server]
PAGES = ("/", "/products", "/catalogue", "/orders", "/inventory", "/tasks")
THEME = re.compile("theme mode: system|color mode .?auto")
SCREENSHOTS = Path(__file__).resolve().parent.parent / "docs" / "screenshots"


class Visitor:
    """One browser with its own cookies, and what went wrong in it."""

    def __init__(self, server: Server, page: Any) -> None:
        self.server = server
        self.page = page
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", self._note)
        page.on("request", self._check_host)

    def _note(self, message: Any) -> None:
        # Reflex and the admin keep the chosen colours under one name, each with a word of its own
        # for "as the system does", and each says so when it finds the other's.
        if message.type in ("error", "warning") and not THEME.search(message.text):
            self.problems.append(message.text)

    def _check_host(self, request: Any) -> None:
        # A shop on a machine without a network has to look the same.
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https") and parts.netloc != urlsplit(self.server.url).netloc:
            self.problems.append(f"asks another host: {request.url}")

    async def open(self, path: str) -> None:
        await self.page.goto(self.server.url + path)

    async def arrives(self, path: str) -> None:
        # The production server of Reflex ends the addresses of its pages with a slash.
        address = re.escape(self.server.url + path.rstrip("/"))
        await expect(self.page).to_have_url(re.compile(f"^{address}/?$"))

    async def sign_in(self, username: str, path: str = "/products") -> None:
        await self.open(f"/login?next={path}")
        await self.page.get_by_label("Username").fill(username)
        await self.page.get_by_label("Password").fill(PASSWORDS[username])
        await self.page.get_by_role("button", name="Sign in").click()
        await self.arrives(path)
        await expect(self.page.get_by_role("button", name="Your account")).to_contain_text(username)

    def button(self, name: str | re.Pattern[str], **options: Any) -> Any:
        return self.page.get_by_role("button", name=name, **options)

    def row(self, text: str) -> Any:
        return self.page.get_by_role("row").filter(has_text=text)

    async def choose(self, label: str, option: str) -> None:
        await self.page.get_by_role("combobox", name=label).click()
        await self.page.get_by_role("option", name=option, exact=True).click()

    async def search(self, text: str) -> None:
        await self.page.get_by_label("Search products").fill(text)

    async def column(self, number: int) -> list[str]:
        cells = self.page.locator(f"tbody tr td:nth-of-type({number})")
        return [text.strip() for text in await cells.all_inner_texts()]


@pytest.fixture
async def browser() -> AsyncIterator[Any]:
    async with async_api.async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=list(ARGUMENTS)
        )
        yield browser
        await browser.close()


@pytest.fixture
async def visitor(browser: Any, sample_server: Server) -> AsyncIterator[Visitor]:
    page = await browser.new_page(viewport={"width": 1280, "height": 900})
    visitor = Visitor(sample_server, page)
    yield visitor
    assert visitor.problems == []


async def test_signing_in_leads_back_to_the_page(visitor: Visitor) -> None:
    await visitor.open("/products")
    await expect(visitor.button("New product")).to_have_count(0)
    await visitor.page.get_by_role("link", name="Sign in to edit").click()
    await visitor.page.get_by_label("Username").fill("alice")
    await visitor.page.get_by_label("Password").fill("wrong")
    await visitor.button("Sign in").click()
    alert = visitor.page.get_by_role("alert").filter(has_text="correct username")
    await expect(alert).to_be_visible()
    await visitor.page.get_by_label("Password").fill("alice-demo")
    await visitor.button("Sign in").click()
    await visitor.arrives("/products")
    await expect(visitor.button("New product")).to_be_visible()


async def test_the_list_is_searched_sorted_filtered_and_paged(visitor: Visitor) -> None:
    await visitor.open("/products")
    page = visitor.page
    await expect(page.locator("tbody tr")).to_have_count(10)
    await page.get_by_role("button", name="Price").click()
    header = page.get_by_role("columnheader", name="Price")
    await expect(header).to_have_attribute("aria-sort", "ascending")
    prices = [float(text.strip("$")) for text in await visitor.column(2)]
    assert prices == sorted(prices)
    await page.get_by_role("button", name="Price").click()
    await expect(header).to_have_attribute("aria-sort", "descending")
    await visitor.button("Next page").click()
    await expect(page.get_by_text("Page 2 of")).to_be_visible()
    await visitor.search("linen")
    await expect(page.locator("tbody tr", has_text=re.compile("linen", re.I))).to_have_count(10)
    await expect(page.get_by_text(re.compile("^Page 1 of"))).to_be_visible()
    await visitor.choose("Category", "Bedroom")
    await expect(page.locator("tbody tr", has_text="Bedroom")).to_have_count(5)
    await visitor.choose("Rows per page", "25")
    await visitor.search("no such thing")
    await expect(page.get_by_text("No products found")).to_be_visible()
    await visitor.button("Clear search and filters").click()
    await expect(page.locator("tbody tr")).to_have_count(25)


async def test_a_product_from_first_error_to_deletion(visitor: Visitor) -> None:
    page, sku = visitor.page, f"B-{uuid.uuid4().hex[:10].upper()}"
    await visitor.sign_in("alice")
    await visitor.button("New product").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("Browser teapot")
    await dialog.get_by_label("SKU").fill("KIT-1001")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_text("Another product has this SKU.")).to_be_visible()
    await expect(dialog.get_by_text("Please choose a category.")).to_be_visible()
    await expect(dialog.get_by_label("SKU")).to_have_attribute("aria-invalid", "true")

    await dialog.get_by_label("SKU").fill(sku)
    await expect(dialog.get_by_text("Another product has this SKU.")).to_have_count(0)
    await visitor.choose("Category", "Kitchen")
    await dialog.get_by_label("Price").fill("24.50")
    await dialog.get_by_label("Stock").fill("4")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog).to_have_count(0)

    await visitor.search(sku)
    row = visitor.row(sku)
    await expect(row).to_contain_text("$24.50")
    await expect(row).to_contain_text("4 left")
    await row.get_by_role("button", name="Edit Browser teapot").click()
    await expect(dialog.get_by_label("Name")).to_have_value("Browser teapot")
    await dialog.get_by_label("Price").fill("19.90")
    await dialog.get_by_role("button", name="Save").click()
    await expect(row).to_contain_text("$19.90")

    await row.get_by_role("button", name="Restock Browser teapot").click()
    await expect(row).to_contain_text("14 in stock")

    await row.get_by_role("button", name="Delete Browser teapot").click()
    question = page.get_by_role("alertdialog")
    await question.get_by_role("button", name="Keep it").click()
    await expect(question).to_have_count(0)
    await expect(row).to_have_count(1)
    await row.get_by_role("button", name="Delete Browser teapot").click()
    await question.get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("No products found")).to_be_visible()


async def test_cancelling_leaves_an_empty_form(visitor: Visitor) -> None:
    await visitor.sign_in("alice")
    await visitor.search("a")
    await visitor.choose("Owner", "Mine")
    await visitor.button(re.compile("^Edit ")).first.click()
    dialog = visitor.page.get_by_role("dialog")
    await expect(dialog.get_by_label("Name")).not_to_have_value("")
    await visitor.page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await visitor.button("New product").click()
    await expect(dialog.get_by_role("heading", name="New product")).to_be_visible()
    await expect(dialog.get_by_label("Name")).to_have_value("")


async def test_buttons_are_offered_to_those_who_may(visitor: Visitor) -> None:
    await visitor.sign_in("bob")
    await visitor.choose("Owner", "Mine")
    await expect(visitor.page.locator("tbody tr", has_text="bob")).to_have_count(10)
    await expect(visitor.button(re.compile("^Edit "))).to_have_count(10)
    await expect(visitor.button(re.compile("^Discontinue "))).to_have_count(0)


async def test_staff_discontinue_a_product(visitor: Visitor) -> None:
    await visitor.sign_in("admin")
    answer = await visitor.page.request.get(
        f"{visitor.server.url}/api/products/?is_active=true&category=6"
    )
    sku = (await answer.json())["results"][0]["sku"]
    await visitor.search(sku)
    row = visitor.row(sku)
    await row.get_by_role("button", name=re.compile("^Discontinue ")).click()
    await expect(row.get_by_text("Off sale")).to_be_visible()
    await expect(row.get_by_role("button", name=re.compile("^Discontinue "))).to_have_count(0)


async def test_the_note_of_an_order_is_changed(visitor: Visitor) -> None:
    await visitor.sign_in("alice", "/orders")
    note = f"Gate code {uuid.uuid4().int % 10_000:04}"
    row = visitor.row("SO-10001")
    await row.get_by_role("button", name="Edit the note of SO-10001").click()
    dialog = visitor.page.get_by_role("dialog")
    await dialog.get_by_label("Note").fill(note)
    await dialog.get_by_role("button", name="Save").click()
    await expect(row).to_contain_text(note)
    await expect(dialog).to_have_count(0)


async def test_the_inventory_written_by_hand(visitor: Visitor) -> None:
    page, sku = visitor.page, f"I-{uuid.uuid4().hex[:10].upper()}"
    await visitor.sign_in("bob", "/inventory")
    await page.get_by_label("Name").fill("Hand-made box")
    await visitor.button("Save product").click()
    await expect(page.get_by_role("alert")).to_contain_text("SKU is required.")
    await page.get_by_label("SKU", exact=True).fill(sku)
    await page.get_by_label("Price").fill("12")
    await visitor.choose("Category", "Office")
    await visitor.button("Save product").click()
    await expect(page.get_by_text(sku)).to_be_visible()
    await page.get_by_label("Search your products").fill(sku)
    await expect(page.get_by_text("Page 1 of 1")).to_be_visible()
    await visitor.button("Edit Hand-made box").click()
    await expect(page.get_by_role("heading", name="Edit product")).to_be_visible()
    await page.get_by_label("Price").fill("14.5")
    await visitor.button("Save product").click()
    await expect(page.get_by_text("$14.50")).to_be_visible()
    await visitor.button("Delete Hand-made box").click()
    await expect(page.get_by_text("Nothing matches your search.")).to_be_visible()


async def test_tasks_are_added_ticked_and_deleted(visitor: Visitor) -> None:
    page, title = visitor.page, f"Task {uuid.uuid4().hex[:8]}"
    await visitor.sign_in("alice", "/tasks")
    await visitor.button("Add").click()
    await expect(page.get_by_role("alert")).to_contain_text("A task needs a title.")
    await page.get_by_label("Title of the new task").fill(title)
    await page.keyboard.press("Enter")
    box = page.get_by_role("checkbox", name=title)
    await expect(box).not_to_be_checked()
    await box.click()
    await expect(box).to_be_checked()
    await visitor.button(f"Delete {title}").click()
    await expect(box).to_have_count(0)


async def test_signing_out_takes_everything_away(visitor: Visitor) -> None:
    await visitor.sign_in("alice", "/orders")
    await expect(visitor.row("SO-10001")).to_be_visible()
    await visitor.button("Your account").click()
    await visitor.page.get_by_role("menuitem", name="Sign out").click()
    await expect(visitor.page.get_by_text("You are not signed in")).to_be_visible()
    await visitor.open("/orders")
    await expect(visitor.page.get_by_text("Orders are private")).to_be_visible()
    await visitor.sign_in("bob", "/orders")
    await expect(visitor.row("SO-10002")).to_be_visible()
    await expect(visitor.row("SO-10001")).to_have_count(0)


async def test_admin_and_api_answer_on_the_same_port(visitor: Visitor) -> None:
    page = visitor.page
    await visitor.sign_in("admin", "/")
    await page.get_by_role("link", name="Django admin").first.click()
    await visitor.arrives("/admin/")
    header = page.locator("#header")
    await expect(header).to_contain_text("Harbor & Pine")
    # Its style sheet came along, from the same port.
    await expect(header).not_to_have_css("background-color", "rgba(0, 0, 0, 0)")
    await visitor.open("/api/products/")
    await expect(page.get_by_role("heading", name="Product List")).to_be_visible()
    await visitor.open("/")
    await visitor.button("Your account").click()
    await page.get_by_role("menuitem", name="API").click()
    await expect(page.get_by_role("heading", name="Api Root")).to_be_visible()


async def test_the_keyboard_is_enough(visitor: Visitor) -> None:
    page = visitor.page
    await visitor.open("/products")
    await expect(page.locator("tbody tr")).to_have_count(10)
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    await page.get_by_role("button", name="Stock").focus()
    await page.keyboard.press("Enter")
    header = page.get_by_role("columnheader", name="Stock")
    await expect(header).to_have_attribute("aria-sort", "ascending")


async def test_the_colours_can_be_switched(visitor: Visitor) -> None:
    await visitor.open("/")
    root = visitor.page.locator("html")
    await expect(root).to_have_class(re.compile("light"))
    await visitor.button("Switch between light and dark").click()
    await expect(root).to_have_class(re.compile("dark"))
    await visitor.open("/admin/login/")
    await expect(root).to_have_attribute("data-theme", "dark")


SIGN_IN = ("/login", "/register", "/password-reset")
NAMELESS = """
() => [...document.querySelectorAll("input, textarea, select, button, a[href], img")]
  .filter((element) => element.type !== "hidden" && !element.closest("[aria-hidden=true]"))
  .filter((element) => element.tagName === "IMG" ? !element.hasAttribute("alt")
    : !(element.innerText || "").trim() && !element.getAttribute("aria-label")
      && !element.getAttribute("aria-labelledby") && !(element.labels || []).length)
  .map((element) => element.outerHTML.slice(0, 200))
"""


@pytest.mark.parametrize("path", [*PAGES, *SIGN_IN, "/password-change"])
async def test_everything_on_a_page_has_a_name(visitor: Visitor, path: str) -> None:
    await visitor.sign_in("alice", "/")
    await visitor.open(path)
    page = visitor.page
    await page.wait_for_load_state("networkidle")
    assert await page.evaluate(NAMELESS) == []
    assert await page.locator("h1").count() == 1
    assert await page.locator("main").count() == 1
    assert await page.locator("html").get_attribute("lang") == "en"
    assert await page.title()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_pages_fit_and_are_pictured(
    browser: Any, sample_server: Server, tmp_path: Path, scheme: str, width: int
) -> None:
    """Set REFLEX_DRF_SCREENSHOTS to renew the pictures of the documentation."""
    folder = SCREENSHOTS if os.environ.get("REFLEX_DRF_SCREENSHOTS") else tmp_path
    height = 860 if width > 600 else 844
    page = await browser.new_page(color_scheme=scheme, viewport={"width": width, "height": height})
    visitor = Visitor(sample_server, page)
    for path in SIGN_IN:
        await visitor.open(path)
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await page.wait_for_load_state("networkidle")
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await page.screenshot(path=folder / f"{path.strip('/')}-{scheme}-{width}.png")
    await visitor.sign_in("alice", "/")
    for path in (*PAGES, "/password-change"):
        await visitor.open(path)
        await expect(visitor.button("Your account")).to_be_visible()
        await page.wait_for_load_state("networkidle")
        await expect(page.locator(".rt-Skeleton")).to_have_count(0)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await page.screenshot(path=folder / f"{path.strip('/') or 'home'}-{scheme}-{width}.png")
    await visitor.open("/catalogue")
    rows = page.get_by_role("checkbox", name=re.compile("^Choose (?!all)"))
    await rows.nth(1).click()
    await rows.nth(3).click(modifiers=["Shift"])
    await expect(page.get_by_text("3 rows chosen")).to_be_visible()
    await page.screenshot(path=folder / f"catalogue-{scheme}-{width}.png")
    await visitor.open("/products")
    await visitor.button("New product").click()
    await page.get_by_role("dialog").get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Please choose a category.")).to_be_visible()
    await page.screenshot(path=folder / f"form-{scheme}-{width}.png", animations="disabled")
    assert visitor.problems == []


# -- The office: `ui.site` over the project's router ------------------------------------------


async def test_every_viewset_of_the_router_has_working_pages(visitor: Visitor) -> None:
    await visitor.sign_in("admin", "/")
    page = visitor.page
    await visitor.open("/office")
    menu = page.get_by_role("navigation", name="Sections")
    await expect(menu.get_by_role("link")).to_have_text(
        ["Products", "Orders", "Categories", "Tasks"]
    )
    for name in ("Categories", "Tasks", "Orders", "Products"):
        await menu.get_by_role("link", name=name).click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(name)
        await expect(page.locator("tbody").get_by_role("row")).not_to_have_count(0)
    title = page.locator("tbody").get_by_role("rowheader").first.get_by_role("link")
    await title.click()
    await expect(page.get_by_role("definition").first).to_be_visible()
    await page.get_by_role("main").get_by_role("link", name=re.compile("^Edit ")).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Edit product")
    await expect(page.get_by_role("form").get_by_label(re.compile("^Name"))).not_to_have_value("")


async def test_the_menu_has_what_the_viewer_may_open(visitor: Visitor) -> None:
    await visitor.open("/office")
    menu = visitor.page.get_by_role("navigation", name="Sections")
    await expect(menu.get_by_role("link")).to_have_text(["Products", "Categories"])


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_is_pictured_and_for_everyone(
    browser: Any, sample_server: Server, tmp_path: Path, scheme: str, width: int
) -> None:
    folder = SCREENSHOTS if os.environ.get("REFLEX_DRF_SCREENSHOTS") else tmp_path
    page = await browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 860})
    visitor = Visitor(sample_server, page)
    await visitor.sign_in("alice", "/")
    await visitor.open("/office/products")
    rows = page.locator("tbody").get_by_role("row")
    await expect(rows).not_to_have_count(0)
    await page.wait_for_load_state("networkidle")
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await page.screenshot(path=folder / f"office-{scheme}-{width}.png")
    assert await violations(page) == []
    await rows.first.get_by_role("rowheader").get_by_role("link").click()
    await expect(page.get_by_role("definition").first).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await page.screenshot(path=folder / f"office-row-{scheme}-{width}.png")
    assert await violations(page) == []
    assert visitor.problems == []
