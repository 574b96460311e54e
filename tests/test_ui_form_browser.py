"""Forms in Chromium, in the production build of a project made of nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browsing import expect
from tests.ui_visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.server]


class TestPicker:
    def field(self, visitor: Visitor, name: str) -> Any:
        return visitor.dialog.get_by_role("combobox", name=name)

    async def test_a_row_is_searched_and_chosen_with_the_keyboard_alone(
        self, visitor: Visitor
    ) -> None:
        await visitor.open("/items")
        await visitor.button("New Item").click()
        await visitor.field("Name").fill("Keyboard")
        field = self.field(visitor, "Maker")
        await field.focus()
        await field.press("ArrowDown")
        options = visitor.dialog.get_by_role("option")
        await expect(options).to_have_count(20)
        await expect(field).to_have_attribute("aria-expanded", "true")
        await expect(visitor.dialog.get_by_text("There are more")).to_be_visible()
        # 0279, 1279, 2279, and 2790 to 2799.
        await field.press_sequentially("279")
        await expect(options).to_have_count(13)
        for _ in range(4):
            await field.press("ArrowDown")
        active = await field.get_attribute("aria-activedescendant")
        await expect(visitor.page.locator(f"#{active}")).to_have_text("Maker 2790")
        await field.press("Enter")
        await expect(field).to_have_value("Maker 2790")
        await expect(field).to_have_attribute("aria-expanded", "false")
        await visitor.button("Save", exact=True).press("Enter")
        await expect(visitor.dialog).to_have_count(0)
        await visitor.page.get_by_role("searchbox").fill("Keyboard")
        await expect(visitor.rows).to_have_count(1)
        await visitor.button("Edit Keyboard").click()
        await expect(self.field(visitor, "Maker")).to_have_value("Maker 2790")

    async def test_escape_closes_the_list_and_then_the_dialog(self, visitor: Visitor) -> None:
        await visitor.open("/items")
        await visitor.button("Edit Item 1").click()
        field = self.field(visitor, "Maker")
        await expect(field).to_have_value("Maker 2001")
        await field.click()
        await expect(visitor.dialog.get_by_role("option")).to_have_count(20)
        await field.press("Escape")
        await expect(visitor.dialog.get_by_role("option")).to_have_count(0)
        await expect(field).to_have_value("Maker 2001")
        await field.press("Escape")
        await expect(visitor.dialog).to_have_count(0)

    async def test_several_rows_are_chips_that_can_be_taken_off(self, visitor: Visitor) -> None:
        await visitor.open("/items")
        await visitor.button("Edit Item 2").click()
        chips = visitor.dialog.get_by_role("list", name="Chosen: Labels").locator("li > span")
        await expect(chips).to_have_text(["heavy", "fragile"])
        field = self.field(visitor, "Labels")
        await field.press_sequentially("rou")
        await visitor.dialog.get_by_role("option", name="round").click()
        await visitor.button("Remove heavy").click()
        await expect(chips).to_have_text(["fragile", "round"])
        await visitor.button("Save", exact=True).click()
        await expect(visitor.dialog).to_have_count(0)
        await visitor.button("Edit Item 2").click()
        await expect(chips).to_have_text(["fragile", "round"])

    async def test_what_is_chosen_can_be_cleared(self, visitor: Visitor) -> None:
        await visitor.open("/items")
        await visitor.button("Edit Item 3").click()
        await visitor.button("Clear Maker 2003").click()
        await expect(self.field(visitor, "Maker")).to_have_value("")
        await visitor.button("Save", exact=True).click()
        await expect(visitor.dialog).to_have_count(0)
        await visitor.button("Edit Item 3").click()
        await expect(visitor.field("Name")).to_have_value("Item 3")
        await expect(self.field(visitor, "Maker")).to_have_value("")

    async def test_nothing_found_is_said(self, visitor: Visitor) -> None:
        await visitor.open("/items")
        await visitor.button("New Item").click()
        await self.field(visitor, "Maker").fill("nobody")
        status = visitor.dialog.get_by_role("status").filter(has_text="Nothing found.")
        await expect(status).to_be_visible()

    async def test_a_filter_by_a_relation_is_a_picker_too(self, visitor: Visitor) -> None:
        await visitor.open("/items")
        field = visitor.page.get_by_role("combobox", name="Maker")
        await field.fill("2001")
        await visitor.page.get_by_role("option", name="Maker 2001").click()
        await expect(visitor.rows).to_have_count(1)
        await expect(visitor.page.get_by_text("Maker: Maker 2001")).to_be_visible()
        await visitor.button("Remove filter Maker").click()
        await expect(field).to_have_value("")
        await expect(visitor.row("Item 2")).to_have_count(1)
