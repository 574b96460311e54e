"""The components in Chromium, in the production build of a project made of nothing else."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.browsing import expect
from tests.ui_visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.server]


class TestTable:
    async def test_values_are_shown_as_their_kind_and_the_browser_ask_for(
        self, visitor: Visitor
    ) -> None:
        await visitor.open("/products")
        row = visitor.row("Chair 01")
        for text in ("1.234,50", "Small", "Yes", "03.02.2026", "03.02.2026, 18:30", "Wood"):
            await expect(row.get_by_text(text, exact=True)).to_be_visible()
        price = row.get_by_role("cell").filter(has_text="1.234,50")
        await expect(price).to_have_css("text-align", "end")
        await expect(visitor.row("Chair 04").get_by_text("—").first).to_be_visible()

    async def test_only_what_the_viewset_sorts_by_can_be_sorted(self, visitor: Visitor) -> None:
        await visitor.open("/products")
        heading = visitor.page.get_by_role("columnheader", name="Name", exact=True)
        await expect(heading).to_have_attribute("aria-sort", "none")
        await heading.get_by_role("button").press("Enter")
        await expect(heading).to_have_attribute("aria-sort", "ascending")
        await heading.get_by_role("button").press("Enter")
        await expect(heading).to_have_attribute("aria-sort", "descending")
        await expect(visitor.rows.first).to_contain_text("Chair 12")
        stock = visitor.page.get_by_role("columnheader", name="Stock", exact=True)
        await expect(stock.get_by_role("button")).to_have_count(0)

    async def test_an_extra_action_of_a_row_runs_for_that_row(self, visitor: Visitor) -> None:
        await visitor.open("/pieces")
        await expect(visitor.page.locator(".loud").first).to_have_text("Chair 01")
        await expect(visitor.page.get_by_text("worth of Chair 03")).to_be_visible()
        await visitor.open("/products")
        before = visitor.row("Chair 03").get_by_role("cell").nth(3)
        stock = int(await before.inner_text())
        await visitor.button("Actions for Chair 03").click()
        await visitor.page.get_by_role("menuitem", name="Restock").click()
        await expect(before).to_have_text(str(stock + 100))

    async def test_a_row_is_deleted_after_a_question(self, visitor: Visitor) -> None:
        await visitor.open("/notes")
        await expect(visitor.rows).to_have_count(5)
        await visitor.button("Delete Note 1", exact=True).click()
        question = visitor.page.get_by_role("alertdialog", name="Delete this note?")
        await expect(question).to_contain_text("Note 1 will be deleted")
        await question.get_by_role("button", name="Keep it").click()
        await expect(visitor.row("Note 1")).to_have_count(1)
        await visitor.button("Delete Note 1", exact=True).click()
        await question.get_by_role("button", name="Delete").click()
        await expect(visitor.page.get_by_text("Note 1", exact=True)).to_have_count(0)
        await expect(question).to_have_count(0)

    async def test_a_refused_list_says_why(self, visitor: Visitor) -> None:
        await visitor.open("/secrets")
        alert = visitor.page.get_by_role("alert").filter(has_text="credentials were not provided")
        await expect(alert.first).to_be_visible()
        await expect(visitor.page.get_by_text("There are no", exact=False)).to_have_count(0)
        await expect(visitor.page.get_by_text("0 categories")).to_have_count(0)


class TestControls:
    async def test_a_search_without_a_match_can_be_taken_back(self, visitor: Visitor) -> None:
        await visitor.open("/products")
        field = visitor.page.get_by_role("searchbox", name="Search products")
        await field.fill("Chair 07")
        await expect(visitor.rows).to_have_count(1)
        await field.fill("nothing at all")
        await expect(visitor.page.get_by_text("No products match.")).to_be_visible()
        await visitor.button("Clear search and filters").click()
        await expect(visitor.rows).to_have_count(5)
        await expect(field).to_have_value("")

    async def test_filters_have_choices_and_chips(self, visitor: Visitor) -> None:
        await visitor.open("/products")
        await visitor.page.get_by_label("Size", exact=True).select_option(label="Large")
        await expect(visitor.page.get_by_text("Size: Large")).to_be_visible()
        await expect(visitor.row("Chair 01")).to_have_count(0)
        await visitor.page.get_by_label("On sale", exact=True).select_option(label="No")
        await expect(visitor.page.get_by_text("2 products")).to_be_visible()
        await visitor.button("Remove filter Size").click()
        await expect(visitor.page.get_by_label("Size", exact=True)).to_have_value("")
        await visitor.button("Clear all").click()
        await expect(visitor.page.get_by_label("On sale", exact=True)).to_have_value("")

    async def test_pages_have_numbers_and_sizes(self, visitor: Visitor) -> None:
        await visitor.open("/products")
        await expect(visitor.button("Previous page")).to_be_disabled()
        await visitor.button("Page 3").click()
        await expect(visitor.button("Page 3")).to_have_attribute("aria-current", "page")
        await expect(visitor.button("Next page")).to_be_disabled()
        await visitor.button("Previous page").click()
        await expect(visitor.button("Page 2")).to_have_attribute("aria-current", "page")
        await visitor.page.get_by_label("Rows").select_option("10")
        await expect(visitor.rows).to_have_count(10)

    async def test_a_cursor_has_neighbours_only(self, visitor: Visitor) -> None:
        await visitor.open("/notes")
        await expect(visitor.rows).to_have_count(5)
        await expect(visitor.button("Page 1")).to_have_count(0)
        await visitor.button("Next page").click()
        await expect(visitor.row("Note 7")).to_have_count(1)
        await visitor.button("Previous page").click()
        await expect(visitor.row("Note 0")).to_have_count(1)

    async def test_an_action_on_the_list_runs(self, visitor: Visitor) -> None:
        await visitor.open("/products")
        await visitor.button("Empty the shelves").click()
        await expect(visitor.row("Chair 01").get_by_role("cell").nth(3)).to_have_text("0")


class TestForm:
    async def test_a_row_is_created_and_the_dialog_closes(self, visitor: Visitor) -> None:
        await visitor.open("/products")
        await visitor.button("New product").click()
        await expect(visitor.dialog).to_have_accessible_name("New product")
        await expect(visitor.field("Name")).to_have_accessible_description(
            "As it stands on the label."
        )
        await expect(visitor.field("On sale")).to_be_checked()
        await visitor.field("Name").fill("Aardvark")
        await visitor.field("Price").fill("12.30")
        await visitor.field("Size").select_option(label="Small")
        await visitor.field("Released").fill("2026-05-06")
        await visitor.field("Checked at").fill("2026-05-06T10:00")
        await visitor.field("Category").select_option(label="Cloth")
        await visitor.field("Attributes").fill('{"legs": 3}')
        await visitor.field("On sale").click()
        await expect(visitor.field("On sale")).not_to_be_checked()
        await visitor.button("Save", exact=True).click()
        await expect(visitor.dialog).to_have_count(0)
        await visitor.page.get_by_role("searchbox").fill("Aardvark")
        row = visitor.row("Aardvark")
        for text in ("12,30", "Small", "No", "06.05.2026", "06.05.2026, 10:00", "Cloth"):
            await expect(row.get_by_text(text, exact=True)).to_be_visible()

    async def test_errors_stand_at_their_field_and_leave_what_was_typed(
        self, visitor: Visitor
    ) -> None:
        await visitor.open("/products")
        await visitor.button("New product").click()
        await visitor.field("Price").fill("dear")
        await visitor.field("Attributes").fill("{")
        await visitor.button("Save", exact=True).click()
        await expect(visitor.field("Attributes")).to_have_attribute("aria-invalid", "true")
        await expect(visitor.field("Attributes")).to_have_accessible_description(
            re.compile("valid JSON")
        )
        await visitor.field("Attributes").fill("{}")
        await expect(visitor.button("Save", exact=True)).to_be_enabled()
        await visitor.button("Save", exact=True).click()
        await expect(visitor.field("Price")).to_have_accessible_description(
            "A valid number is required."
        )
        await expect(visitor.field("Name")).to_have_attribute("aria-invalid", "true")
        await expect(visitor.field("Price")).to_have_value("dear")
        await visitor.field("Name").fill("nothing")
        await visitor.field("Price").fill("1")
        await visitor.button("Save", exact=True).click()
        alert = visitor.dialog.get_by_role("alert")
        await expect(alert).to_contain_text("Nothing is no product.")
        await expect(visitor.field("Price")).to_have_attribute("aria-invalid", "false")

    async def test_a_row_is_edited_and_keeps_what_was_not_touched(self, visitor: Visitor) -> None:
        await visitor.open("/products")
        await visitor.button("Edit Chair 02").press("Enter")
        await expect(visitor.dialog).to_have_accessible_name("Edit product")
        await expect(visitor.field("Checked at")).to_have_value("2026-02-03T18:30")
        await expect(visitor.field("Category")).to_have_value("1")
        await visitor.field("Price").fill("99.99")
        await visitor.field("Price").press("Enter")
        await expect(visitor.dialog).to_have_count(0)
        row = visitor.row("Chair 02")
        for text in ("99,99", "03.02.2026, 18:30", "Wood", "Large"):
            await expect(row.get_by_text(text, exact=True)).to_be_visible()
        await expect(visitor.button("Edit Chair 02")).to_be_focused()

    async def test_escape_forgets_what_was_typed(self, visitor: Visitor) -> None:
        await visitor.open("/products")
        await visitor.button("New product").click()
        await visitor.field("Name").fill("Half a")
        await visitor.button("Save", exact=True).click()
        await expect(visitor.field("Price")).to_have_attribute("aria-invalid", "true")
        await visitor.page.keyboard.press("Escape")
        await visitor.button("Leave").click()
        await expect(visitor.dialog).to_have_count(0)
        await expect(visitor.button("New product")).to_be_focused()
        await visitor.button("New product").click()
        await expect(visitor.field("Name")).to_have_value("")
        await expect(visitor.field("Price")).to_have_attribute("aria-invalid", "false")

    async def test_saving_twice_at_once_saves_once(self, visitor: Visitor) -> None:
        await visitor.open("/pieces")
        form = visitor.page.get_by_role("form", name="Product form")
        await form.get_by_label("Name").fill("A twin")
        await form.get_by_label("Price").fill("2")
        await visitor.page.evaluate(
            "() => { const button = [...document.querySelectorAll('button')]"
            ".find((b) => b.textContent === 'Add it');"
            " button.click(); setTimeout(() => button.click(), 0); button.click(); }"
        )
        await expect(form.get_by_label("Name")).to_have_value("")
        await expect(visitor.button("Add it")).to_be_enabled()
        await visitor.open("/products")
        await visitor.page.get_by_role("searchbox").fill("A twin")
        await expect(visitor.page.get_by_text("1 product", exact=True)).to_be_visible()
        await expect(visitor.rows).to_have_count(1)


class TestEverywhere:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    async def test_nothing_is_wider_than_a_phone(self, make_visitor: Any, scheme: str) -> None:
        visitor = await make_visitor(width=390, scheme=scheme)
        await visitor.open("/products")
        await expect(visitor.rows).to_have_count(5)
        width = "document.documentElement.scrollWidth"
        assert await visitor.page.evaluate(width) <= 390
        await expect(visitor.page.get_by_role("columnheader", name="Price")).to_be_visible()
        await visitor.button("Edit Chair 05").click()
        await expect(visitor.field("Name")).to_have_value("Chair 05")
        assert await visitor.page.evaluate(width) <= 390

    async def test_every_control_has_a_name(self, visitor: Visitor) -> None:
        await visitor.open("/products")
        await expect(visitor.rows).to_have_count(5)
        await visitor.button("New product").click()
        await expect(visitor.dialog).to_be_visible()
        unnamed = await visitor.page.evaluate(
            "() => [...document.querySelectorAll('button, input, select, textarea, a')]"
            ".filter((e) => !e.ariaHidden && e.type !== 'hidden' && !e.closest('[aria-hidden]')"
            " && !(e.labels?.length || e.ariaLabel || e.textContent.trim()))"
            ".map((e) => e.outerHTML)"
        )
        assert unnamed == []
        twice = await visitor.page.evaluate(
            "() => { const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);"
            " return ids.filter((id, index) => ids.indexOf(id) !== index); }"
        )
        assert twice == []
