"""Tables in Chromium: choosing rows and columns, changing cells, deleting with care, exporting."""

from __future__ import annotations

import asyncio
import csv
import io
import itertools
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.browsing import expect, violations
from tests.servers import Server
from tests.ui_visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.server]
NUMBERS = itertools.count()


class Store:
    """Crates of one test, told from all others by the word that their names begin with."""

    def __init__(self, server: Server) -> None:
        self.url = f"{server.url}/api/store/crates/"
        self.word = f"lot{next(NUMBERS)}x"

    def fill(self, *names: str, **fields: Any) -> None:
        for name in names:
            data = {"name": f"{self.word} {name}", **fields}
            httpx.post(self.url, json=data, timeout=60).raise_for_status()

    def names(self) -> list[str]:
        """What is stored, in order."""
        found = httpx.get(self.url, params={"search": self.word, "per_page": 50}, timeout=60).json()
        return [row["name"].removeprefix(f"{self.word} ") for row in found["results"]]

    def row(self, name: str) -> dict[str, Any]:
        found = httpx.get(self.url, params={"search": f"{self.word} {name}"}, timeout=60).json()
        row: dict[str, Any] = found["results"][0]
        return row


@pytest.fixture
def store(ui_server: Server) -> Store:
    return Store(ui_server)


class Table:
    """What somebody does with a table."""

    def __init__(self, visitor: Visitor, store: Store) -> None:
        self.visitor, self.page, self.store = visitor, visitor.page, store

    async def open(self, path: str = "/crates") -> None:
        await self.visitor.open(f"{path}?search={self.store.word}")

    def name(self, name: str) -> str:
        return f"{self.store.word} {name}"

    def row(self, name: str) -> Any:
        return self.page.get_by_role("row").filter(
            has=self.page.get_by_role("rowheader", name=self.name(name), exact=False)
        )

    def check(self, name: str) -> Any:
        return self.page.get_by_role("checkbox", name=f"Choose {self.name(name)}", exact=True)

    def button(self, name: str) -> Any:
        return self.page.get_by_role("button", name=name, exact=True)

    @property
    def rows(self) -> Any:
        return self.page.locator("tbody").get_by_role("row")


@pytest.fixture
def table(visitor: Visitor, store: Store) -> Table:
    return Table(visitor, store)


class TestChoosing:
    async def test_a_range_is_chosen_with_shift_and_deleted_together(self, table: Table) -> None:
        table.store.fill("a", "b", "c", "d", "e")
        await table.open()
        await table.check("b").click()
        await expect(table.page.get_by_text("1 row chosen")).to_be_visible()
        await table.check("d").click(modifiers=["Shift"])
        await expect(table.page.get_by_text("3 rows chosen")).to_be_visible()
        await expect(table.check("c")).to_be_checked()
        await expect(table.check("e")).not_to_be_checked()
        await table.button("Delete").click()
        question = table.page.get_by_role("alertdialog", name="Delete 3 rows?")
        await question.get_by_role("button", name="Keep them").click()
        await expect(table.rows).to_have_count(5)
        await table.button("Delete").click()
        await question.get_by_role("button", name="Delete").click()
        await expect(table.rows).to_have_count(2)
        await expect(table.page.get_by_text("Done for 3 rows.")).to_be_visible()
        await expect(table.page.get_by_text("rows chosen")).to_have_count(0)
        assert table.store.names() == ["a", "e"]

    async def test_the_keyboard_alone_is_enough(self, table: Table) -> None:
        table.store.fill("a", "b")
        await table.open()
        await table.check("a").focus()
        await table.page.keyboard.press("Space")
        await expect(table.check("a")).to_be_checked()
        await table.button("Seal").press("Enter")
        await expect(table.row("a").get_by_text("Yes")).to_be_visible()
        await expect(table.row("b").get_by_text("No", exact=True)).to_be_visible()

    async def test_all_of_the_page_and_then_all_that_match(self, table: Table) -> None:
        table.store.fill(*"abcdefg")
        await table.open()
        page = table.page.get_by_role("checkbox", name="Choose all crates of this page")
        await table.check("a").click()
        assert await page.evaluate("(box) => box.indeterminate")
        await page.click()
        await expect(table.page.get_by_text("5 rows chosen")).to_be_visible()
        await table.button("Choose all 7 crates").click()
        await expect(table.page.get_by_text("7 rows chosen")).to_be_visible()
        await table.button("Delete").click()
        question = table.page.get_by_role("alertdialog", name="Delete 7 rows?")
        await question.get_by_role("button", name="Delete").click()
        await expect(table.page.get_by_text("No crates match.")).to_be_visible()
        assert table.store.names() == []

    async def test_what_is_chosen_stays_on_the_next_page(self, table: Table) -> None:
        table.store.fill(*"abcdefg")
        await table.open()
        await table.check("a").click()
        await table.button("Next page").click()
        await table.check("g").click()
        await expect(table.page.get_by_text("2 rows chosen")).to_be_visible()
        await table.button("Choose none").click()
        await expect(table.page.get_by_text("rows chosen")).to_have_count(0)
        await expect(table.check("g")).not_to_be_checked()

    async def test_one_refused_row_keeps_all_and_is_named(self, table: Table) -> None:
        table.store.fill("a", "b fixed")
        await table.open()
        await table.check("a").click()
        await table.check("b fixed").click()
        await table.button("Seal").click()
        refusal = table.page.get_by_role("alert").filter(has_text="Nothing was changed")
        await expect(refusal.first).to_contain_text(
            "b fixed: Authentication credentials were not provided."
        )
        await expect(table.check("a")).to_be_checked()
        assert table.store.row("a")["sealed"] is False


class TestRights:
    async def test_what_a_row_does_not_allow_is_not_offered_for_it(self, table: Table) -> None:
        table.store.fill("a", "b fixed")
        await table.open()
        for label in ("Edit", "Delete", "Actions for", "Change Pieces of"):
            await expect(table.button(f"{label} {table.name('a')}")).to_have_count(1)
            await expect(table.button(f"{label} {table.name('b fixed')}")).to_have_count(0)

    async def test_an_action_that_is_not_allowed_is_not_in_the_menu(self, table: Table) -> None:
        table.store.fill("a")
        await table.open()
        await table.button(f"Actions for {table.name('a')}").click()
        await expect(table.page.get_by_role("menuitem")).to_have_text(["Seal"])

    async def test_a_visitor_who_may_only_read_sees_nothing_to_write(self, table: Table) -> None:
        await table.visitor.open("/visited-crates")
        await expect(table.rows).not_to_have_count(0)
        for label in ("New crate", "Edit", "Delete", "Change", "Actions for"):
            await expect(table.page.get_by_role("button", name=label)).to_have_count(0)
        await expect(table.button("Export")).to_be_visible()


class TestColumns:
    async def test_columns_are_hidden_by_keyboard_and_the_browser_remembers(
        self, table: Table
    ) -> None:
        table.store.fill("a", remark="handle with care")
        await table.open()
        heading = table.page.get_by_role("columnheader")
        await expect(heading.filter(has_text="Kind")).to_have_count(1)
        await expect(heading.filter(has_text="Remark")).to_have_count(0)
        await table.button("Columns").press("Enter")
        box = table.page.get_by_role("checkbox", name="Kind")
        await box.press("Space")
        await table.page.get_by_role("checkbox", name="Remark").press("Space")
        await expect(table.page.get_by_role("checkbox", name="Name", exact=True)).to_be_disabled()
        await table.page.keyboard.press("Escape")
        for _ in range(2):
            await expect(heading.filter(has_text="Kind")).to_have_count(0)
            await expect(heading.filter(has_text="Remark")).to_have_count(1)
            await expect(table.row("a").get_by_text("handle with care")).to_be_visible()
            await expect(table.row("a").get_by_text("Wooden")).to_have_count(0)
            await table.page.reload()

    async def test_the_file_has_all_rows_and_the_columns_that_are_shown(
        self, table: Table, tmp_path: Path
    ) -> None:
        table.store.fill(*"abcdefg", pieces=3)
        table.store.fill("=1+1")
        await table.open()
        await table.button("Columns").click()
        for name in ("Kind", "Weight", "Sealed", "Packed", "Inside"):
            await table.page.get_by_role("checkbox", name=name).click()
        await table.page.keyboard.press("Escape")
        async with table.page.expect_download() as download:
            await table.button("Export").click()
        file = await download.value
        assert file.suggested_filename == "crates.csv"
        await file.save_as(tmp_path / "rows.csv")
        text = (tmp_path / "rows.csv").read_bytes().decode("utf-8-sig")
        heading, *lines = csv.reader(io.StringIO(text))
        assert heading == ["Name", "Pieces"]
        assert lines == [[table.name(n), "3"] for n in "abcdefg"] + [[table.name("=1+1"), "0"]]
        await expect(table.rows).to_have_count(5)


class TestCells:
    async def test_enter_saves_a_cell(self, table: Table) -> None:
        table.store.fill("a", "b")
        await table.open()
        opener = table.button(f"Change Pieces of {table.name('a')}")
        await opener.press("Enter")
        control = table.page.get_by_role("textbox", name=f"Change Pieces of {table.name('a')}")
        await expect(control).to_be_focused()
        await control.fill("42")
        await control.press("Enter")
        await expect(table.row("a").get_by_text("42", exact=True)).to_be_visible()
        await expect(opener).to_be_focused()
        assert (table.store.row("a")["pieces"], table.store.row("b")["pieces"]) == (42, 0)

    async def test_escape_leaves_it_as_it_was(self, table: Table) -> None:
        table.store.fill("a", pieces=7)
        await table.open()
        opener = table.button(f"Change Pieces of {table.name('a')}")
        await opener.click()
        control = table.page.get_by_role("textbox", name=f"Change Pieces of {table.name('a')}")
        await control.fill("42")
        await control.press("Escape")
        await expect(control).to_have_count(0)
        await expect(opener).to_be_focused()
        assert table.store.row("a")["pieces"] == 7

    async def test_what_is_wrong_is_said_at_the_cell(self, table: Table) -> None:
        table.store.fill("a", pieces=7)
        await table.open()
        await table.button(f"Change Pieces of {table.name('a')}").click()
        control = table.page.get_by_role("textbox", name=f"Change Pieces of {table.name('a')}")
        await control.fill("4200")
        await control.press("Enter")
        await expect(table.row("a").get_by_role("alert")).to_have_text(
            "Ensure this value is less than or equal to 100."
        )
        await expect(control).to_have_value("4200")
        await expect(control).to_have_attribute("aria-invalid", "true")
        await control.press("Escape")
        await expect(table.row("a").get_by_text("7", exact=True)).to_be_visible()
        await expect(table.page.get_by_role("alert").filter(has_text="Ensure")).to_have_count(0)
        assert table.store.row("a")["pieces"] == 7

    async def test_choices_and_booleans_have_their_controls(self, table: Table) -> None:
        table.store.fill("a")
        await table.open()
        await table.button(f"Change Kind of {table.name('a')}").click()
        choice = table.page.get_by_role("combobox", name=f"Change Kind of {table.name('a')}")
        await choice.select_option("Made of steel")
        await table.row("a").get_by_role("button", name="Save").click()
        await expect(table.row("a").get_by_text("Made of steel")).to_be_visible()
        await table.button(f"Change Sealed of {table.name('a')}").click()
        box = table.page.get_by_role("checkbox", name=f"Change Sealed of {table.name('a')}")
        await box.press("Space")
        await box.press("Enter")
        await expect(table.row("a").get_by_text("Yes")).to_be_visible()
        row = table.store.row("a")
        assert (row["kind"], row["sealed"]) == ("s", True)


class TestDeleting:
    async def test_the_question_says_what_goes_along(self, table: Table) -> None:
        await table.visitor.open("/crates?search=labelled")
        await table.button("Delete labelled").click()
        question = table.page.get_by_role("alertdialog", name="Delete this crate?")
        await expect(question.get_by_role("status")).to_have_text("Deleted with it: 3 stickers")
        await question.get_by_role("button", name="Keep it").click()
        await expect(table.rows).to_have_count(1)

    async def test_the_focus_goes_on_to_the_next_row(self, table: Table) -> None:
        table.store.fill("a", "b", "c")
        await table.open()
        # The next one, and where there is none, the one before.
        for name, other in (("b", "c"), ("c", "a")):
            await table.button(f"Delete {table.name(name)}").press("Enter")
            question = table.page.get_by_role("alertdialog")
            await question.get_by_role("button", name="Delete").press("Enter")
            await expect(table.row(name)).to_have_count(0)
            await expect(table.row(other)).to_be_focused()
            assert await violations(table.page) == []
        await table.page.keyboard.press("Tab")
        await expect(table.check("a")).to_be_focused()
        await table.button(f"Delete {table.name('a')}").press("Enter")
        await question.get_by_role("button", name="Delete").press("Enter")
        # Without rows, it is what the table stands in.
        await expect(table.page.locator(":focus")).to_contain_text("No crates match.")

    async def test_the_focus_stays_in_the_table_when_chosen_rows_are_deleted(
        self, table: Table
    ) -> None:
        table.store.fill("a", "b", "c")
        await table.open()
        for name in ("a", "b"):
            await table.check(name).press("Space")
        await table.button("Delete").press("Enter")
        question = table.page.get_by_role("alertdialog", name="Delete 2 rows?")
        await question.get_by_role("button", name="Delete").press("Enter")
        await expect(table.rows).to_have_count(1)
        await expect(table.page.get_by_role("table", name="Crates")).to_be_focused()

    async def test_the_question_says_what_keeps_a_row(self, table: Table) -> None:
        await table.visitor.open("/crates?search=locked")
        await table.button("Delete locked").click()
        question = table.page.get_by_role("alertdialog", name="Delete this crate?")
        await expect(question).to_contain_text("cannot be deleted, because of 1 padlock")
        await expect(question.get_by_role("button", name="Delete")).to_have_count(0)

    async def test_a_deletion_can_be_undone(self, table: Table) -> None:
        table.store.fill("a", "b")
        await table.open("/undo-crates")
        await table.button(f"Delete {table.name('a')}").click()
        await expect(table.row("a")).to_have_count(0)
        undo = table.button(f"Undo: keep {table.name('a')}")
        await expect(undo).to_be_focused()
        await undo.press("Enter")
        await expect(table.row("a")).to_have_count(1)
        await expect(undo).to_have_count(0)
        # Once another one is gone for good, this one would have been.
        await table.button(f"Delete {table.name('b')}").click()
        await expect(table.page.get_by_text("1 crate", exact=True)).to_be_visible(timeout=30_000)
        assert table.store.names() == ["a"]

    async def test_it_is_made_also_when_the_tab_is_closed(self, table: Table) -> None:
        table.store.fill("a", "b")
        await table.open("/undo-crates")
        await table.button(f"Delete {table.name('a')}").click()
        await expect(table.button(f"Undo: keep {table.name('a')}")).to_be_visible()
        await table.page.goto("about:blank")
        async with asyncio.timeout(30):
            while table.store.names() != ["b"]:  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.2)


async def test_a_relation_leads_to_the_page_of_its_row(table: Table) -> None:
    table.store.fill("outer")
    outer = table.store.row("outer")["id"]
    table.store.fill("inner", inside=outer)
    await table.open()
    link = table.row("inner").get_by_role("link")
    await expect(link).to_have_attribute("href", re.compile(f"/crate/{outer}$"))
    await expect(table.row("outer").get_by_role("link")).to_have_count(0)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 390)])
async def test_axe_finds_nothing_wrong(
    make_visitor: Any, store: Store, scheme: str, width: int
) -> None:
    store.fill("a", "b")
    table = Table(await make_visitor(width, scheme), store)
    await table.open()
    await table.check("a").click()
    await table.button(f"Change Pieces of {table.name('b')}").click()
    await expect(table.page.get_by_role("textbox", name="Change Pieces of")).to_be_focused()
    assert await violations(table.page) == []
    await table.button("Columns").click()
    await expect(table.page.get_by_role("dialog", name="Columns")).to_be_visible()
    assert await violations(table.page) == []
    await table.page.keyboard.press("Escape")
    await table.visitor.open("/crates?search=labelled")
    await table.button("Delete labelled").click()
    await expect(table.page.get_by_text("Deleted with it: 3 stickers")).to_be_visible()
    # What is still fading in has less contrast than it will have.
    await table.page.wait_for_function(
        "document.getAnimations().every((one) => one.playState !== 'running')"
    )
    assert await violations(table.page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_phone_has_all_of_it_without_scrolling_sideways(
    make_visitor: Any, store: Store, scheme: str
) -> None:
    store.fill("a")
    table = Table(await make_visitor(390, scheme), store)
    await table.open()
    await table.check("a").click()
    await expect(table.page.get_by_text("1 row chosen")).to_be_visible()
    await table.button(f"Change Pieces of {table.name('a')}").click()
    await expect(table.page.get_by_role("textbox", name="Change Pieces of")).to_be_focused()
    width = await table.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390


async def test_a_table_that_is_wider_than_its_place_scrolls_and_leaves_the_page_as_it_is(
    make_visitor: Any, store: Store
) -> None:
    store.fill("a")
    table = Table(await make_visitor(645), store)
    await table.open("/narrow-crates")
    await expect(table.row("a")).to_be_visible()
    heading = table.page.get_by_role("columnheader", name="Actions")
    assert (await heading.bounding_box())["x"] > 645
    width = await table.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert width == 0


async def test_the_columns_can_all_be_reached_on_a_small_screen(table: Table) -> None:
    await table.page.set_viewport_size({"width": 390, "height": 260})
    await table.open()
    await table.button("Columns").click()
    choice = table.page.get_by_role("dialog", name="Columns")
    for name in ("Name", "Remark"):
        box = choice.get_by_label(name, exact=True)
        await box.focus()
        await expect(box).to_be_in_viewport(ratio=1)


async def test_a_long_word_stays_on_its_card(make_visitor: Any, store: Store) -> None:
    store.fill("a", remark="Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauunterbeamter")
    table = Table(await make_visitor(390), store)
    await table.open("/narrow-crates")
    word = table.row("a").get_by_text("Donaudampf")
    edge = await word.evaluate(
        "(word) => word.closest('td').getBoundingClientRect().right "
        "- word.getBoundingClientRect().right"
    )
    assert edge >= 0
