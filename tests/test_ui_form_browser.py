"""Forms in Chromium, in the production build of a project made of nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import re
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.browsing import async_api, expect, violations
from tests.servers import Server
from tests.ui_visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.server]


class TestPicker:
    def field(self, visitor: Visitor, name: str) -> Any:
        return visitor.dialog.get_by_role("combobox", name=name).first

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
        await expect(visitor.field("Name").first).to_have_value("Item 3")
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

    async def test_a_filter_in_the_address_has_the_name_of_its_row(self, visitor: Visitor) -> None:
        await visitor.open("/items?maker=2002&labels=1")
        field = visitor.page.get_by_role("combobox", name="Maker")
        await expect(field).to_have_value("Maker 2002")
        await expect(visitor.page.get_by_text("Maker: Maker 2002")).to_be_visible()
        await expect(visitor.page.get_by_text("Labels: heavy")).to_be_visible()

    async def test_ranges_choices_and_booleans_filter_with_a_chip_each(
        self, visitor: Visitor, ui_server: Server
    ) -> None:
        parts = [{"name": "Bolt", "amount": 4711, "spare": True}]
        # The day on which it was added, by the server's own calendar.
        today = make_item(ui_server, "Filtered", parts=parts, days=["tue"])["created_at"][:10]
        await visitor.open("/items")
        for label, value, chip in (
            ("Amount from", "4711", "Amount from: 4711"),
            ("Amount to", "4711", "Amount to: 4711"),
            ("Added from", today, f"Added from: {today}"),
        ):
            await visitor.page.get_by_label(label, exact=True).fill(value)
            await expect(visitor.page.get_by_text(chip)).to_be_visible()
        for label, value, chip in (("Spare", "Yes", "Spare: Yes"), ("Day", "Tuesday", "Day: Tue")):
            await visitor.page.get_by_label(label, exact=True).select_option(label=value)
            await expect(visitor.page.get_by_text(chip)).to_be_visible()
        await expect(visitor.rows).to_have_count(1)
        await expect(visitor.row("Filtered")).to_have_count(1)
        await visitor.page.get_by_label("Day", exact=True).select_option(label="Monday")
        await expect(visitor.page.get_by_text("No items match.")).to_be_visible()
        await visitor.button("Clear all").click()
        await expect(visitor.row("Item 1")).to_have_count(1)


def picture(size: int = 16, colour: str = "red") -> bytes:
    held = io.BytesIO()
    Image.new("RGB", (size, size), colour).save(held, "PNG")
    return held.getvalue()


def noise() -> bytes:
    """A picture of more than 50 kB."""
    held = io.BytesIO()
    Image.frombytes("RGB", (256, 256), bytes((n * n) % 251 for n in range(256 * 256 * 3))).save(
        held, "BMP"
    )
    return held.getvalue()


def png(name: str, content: bytes) -> dict[str, Any]:
    return {"name": name, "mimeType": "image/png", "buffer": content}


def stored(server: Server, name: str) -> list[dict[str, Any]]:
    """The items of a name, as the API gives them."""
    answer = httpx.get(f"{server.url}/api/items/", params={"search": name, "per_page": 100})
    found: list[dict[str, Any]] = answer.raise_for_status().json()["results"]
    return found


def read(url: str) -> bytes:
    return httpx.get(url).raise_for_status().content


def make_item(server: Server, name: str, **data: Any) -> dict[str, Any]:
    """An item of a test's own, first in the list."""
    answer = httpx.post(f"{server.url}/api/items/", json={"name": name, **data}).raise_for_status()
    item: dict[str, Any] = answer.json()
    return item


async def open_item(visitor: Visitor, name: str, what: str = "Edit") -> None:
    await visitor.open("/items")
    await visitor.page.get_by_role("searchbox").fill(name)
    await visitor.button(f"{what} {name}", exact=True).click()
    await expect(visitor.field("Name").first).to_have_value(name)


async def save(visitor: Visitor) -> None:
    await visitor.button("Save", exact=True).click()
    await expect(visitor.dialog).to_have_count(0)


class TestSteps:
    async def test_a_row_is_copied(self, visitor: Visitor, ui_server: Server) -> None:
        parts = [{"name": "Leg", "amount": 4, "maker": 7}]
        make_item(ui_server, "Original", maker=5, labels=[1, 3], parts=parts)
        await open_item(visitor, "Original", "Copy")
        await expect(visitor.dialog).to_have_accessible_name("Copy item")
        await visitor.field("Name").first.fill("Duplicate")
        await save(visitor)
        (copy,), (first,) = stored(ui_server, "Duplicate"), stored(ui_server, "Original")
        assert (copy["maker"], copy["labels"]) == (5, [1, 3])
        assert [(part["name"], part["amount"]) for part in copy["parts"]] == [("Leg", 4)]
        assert copy["id"] != first["id"]
        assert len(first["parts"]) == 1

    async def test_one_can_go_on_with_another(self, visitor: Visitor, ui_server: Server) -> None:
        await visitor.open("/items")
        await visitor.button("New item").click()
        for name in ("Chained 1", "Chained 2"):
            await visitor.field("Name").first.fill(name)
            await visitor.button("Save and add another").click()
            await expect(visitor.field("Name").first).to_have_value("")
            await expect(visitor.dialog).to_have_accessible_name("New item")
        await visitor.button("Cancel").click()
        await expect(visitor.dialog).to_have_count(0)
        assert len(stored(ui_server, "Chained")) == 2

    async def test_one_can_go_on_with_the_same(self, visitor: Visitor, ui_server: Server) -> None:
        make_item(ui_server, "Continued")
        await open_item(visitor, "Continued")
        for minutes in ("00:10:00", "00:20:00"):
            await visitor.field("Warranty").fill(minutes)
            await visitor.button("Save and continue editing").click()
            await expect(visitor.button("Save", exact=True)).to_be_enabled()
            await expect(visitor.field("Warranty")).to_have_value(minutes)
            await expect(visitor.dialog).to_have_accessible_name("Edit item")
        assert [item["warranty"] for item in stored(ui_server, "Continued")] == ["00:20:00"]

    async def test_what_cannot_be_written_is_shown(
        self, visitor: Visitor, ui_server: Server
    ) -> None:
        make_item(ui_server, "Dated")
        await open_item(visitor, "Dated")
        entry = visitor.dialog.locator("dl > div").filter(has_text="Created at")
        await expect(entry.locator("time")).to_have_text(re.compile(r"\d+\.\d+\.20\d\d"))
        await visitor.page.keyboard.press("Escape")
        await visitor.button("New item").click()
        await expect(visitor.dialog).to_be_visible()
        await expect(visitor.dialog.get_by_text("Created at")).to_have_count(0)


async def click_outside(visitor: Visitor, question: Any) -> None:
    """Click beside a dialog, again if it came too soon after the question before was closed."""
    for _ in range(10):
        await visitor.page.mouse.click(5, 400)
        with contextlib.suppress(async_api.TimeoutError):
            await question.wait_for(timeout=1500)
            return


class TestUnsaved:
    async def test_a_dialog_asks_before_changes_are_lost(self, visitor: Visitor) -> None:
        await visitor.open("/items")
        question = visitor.page.get_by_role("alertdialog", name="Leave without saving?")
        await visitor.button("New item").click()
        await visitor.field("Name").first.fill("Half")
        for leave in ("Cancel", "Escape", "outside"):
            if leave == "Cancel":
                await visitor.button("Cancel").click()
            elif leave == "Escape":
                await visitor.page.keyboard.press("Escape")
            else:
                await click_outside(visitor, question)
            await question.get_by_role("button", name="Keep editing").click()
            await expect(question).to_have_count(0)
            await expect(visitor.field("Name").first).to_have_value("Half")
        await visitor.button("Cancel").click()
        await question.get_by_role("button", name="Leave").click()
        await expect(visitor.dialog).to_have_count(0)
        # Without changes nothing is asked.
        await visitor.button("New item").click()
        await visitor.page.keyboard.press("Escape")
        await expect(visitor.dialog).to_have_count(0)
        await expect(question).to_have_count(0)

    async def test_a_page_is_not_left_without_a_question(self, visitor: Visitor) -> None:
        await visitor.open("/item-form")
        await visitor.page.get_by_label("Name").fill("Half")
        question = visitor.page.get_by_role("alertdialog", name="Leave without saving?")
        await visitor.page.get_by_role("link", name="Elsewhere").click()
        await question.get_by_role("button", name="Keep editing").click()
        await expect(visitor.page).to_have_url(re.compile("/item-form"))
        await expect(visitor.page.get_by_label("Name")).to_have_value("Half")
        await visitor.page.get_by_role("link", name="Elsewhere").click()
        await question.get_by_role("button", name="Leave").click()
        await expect(visitor.page).to_have_url(re.compile("/pieces"))

    async def test_the_browser_asks_before_the_page_is_closed(self, visitor: Visitor) -> None:
        asked: list[str] = []

        async def answer(dialog: Any) -> None:
            asked.append(dialog.type)
            await dialog.accept()

        visitor.page.on("dialog", answer)
        await visitor.open("/item-form")
        await visitor.page.get_by_label("Name").press_sequentially("Half")
        await visitor.page.reload()
        assert asked == ["beforeunload"]
        await expect(visitor.page.get_by_label("Name")).to_be_visible()
        await visitor.page.reload()
        assert asked == ["beforeunload"]


class TestFiles:
    async def test_a_picture_is_shown_uploaded_kept_and_taken_off(
        self, visitor: Visitor, ui_server: Server
    ) -> None:
        await visitor.open("/items")
        await visitor.button("New item").click()
        await visitor.field("Name").first.fill("Pictured")
        await visitor.field("Photo").set_input_files(png("red.png", picture()))
        chosen = visitor.dialog.get_by_role("img", name="Chosen: Photo")
        await expect(chosen).to_have_js_property("naturalWidth", 16)
        await visitor.field("Manual").set_input_files(
            {"name": "how to.txt", "mimeType": "text/plain", "buffer": b"Turn it on."}
        )
        await save(visitor)
        (item,) = stored(ui_server, "Pictured")
        assert read(item["photo"]) == picture()
        assert read(item["manual"]) == b"Turn it on."
        await open_item(visitor, "Pictured")
        kept = visitor.dialog.get_by_role("img", name="Stored: Photo")
        await expect(kept).to_have_js_property("naturalWidth", 16)
        await expect(visitor.dialog.get_by_role("link", name="how_to")).to_be_visible()
        await visitor.field("Warranty").fill("00:10:00")
        await save(visitor)
        (again,) = stored(ui_server, "Pictured")
        assert (again["photo"], again["warranty"]) == (item["photo"], "00:10:00")
        await open_item(visitor, "Pictured")
        photo = visitor.dialog.locator("[data-file]").first
        await photo.get_by_role("button", name="Remove").click()
        await expect(visitor.dialog.get_by_text("Will be removed.")).to_be_visible()
        await save(visitor)
        (last,) = stored(ui_server, "Pictured")
        assert last["photo"] is None
        assert last["manual"] == item["manual"]

    async def test_what_is_wrong_with_a_file_stands_at_its_field(
        self, visitor: Visitor, ui_server: Server
    ) -> None:
        await visitor.open("/items")
        await visitor.button("New item").click()
        await visitor.field("Name").first.fill("Too large")
        await visitor.field("Photo").set_input_files(png("large.png", noise()))
        await visitor.button("Save", exact=True).click()
        await expect(visitor.field("Photo")).to_have_accessible_description(
            "A photo has at most 50 kB."
        )
        await visitor.field("Photo").set_input_files(png("text.png", b"no picture"))
        await visitor.button("Save", exact=True).click()
        await expect(visitor.field("Photo")).to_have_accessible_description(
            re.compile("valid image")
        )
        await expect(visitor.field("Name").first).to_have_value("Too large")
        assert stored(ui_server, "Too large") == []
        await visitor.button("Do not upload").click()
        await save(visitor)
        assert len(stored(ui_server, "Too large")) == 1

    async def test_an_upload_shows_how_far_it_is(self, visitor: Visitor) -> None:
        await visitor.open("/items")
        await visitor.button("New item").click()
        await visitor.field("Name").first.fill("Slow")
        arrived = asyncio.Event()

        async def hold(route: Any) -> None:
            await arrived.wait()
            await route.continue_()

        await visitor.page.route("**/_upload", hold)
        await visitor.field("Manual").set_input_files(
            {"name": "long.txt", "mimeType": "text/plain", "buffer": b"x" * 300_000}
        )
        await visitor.button("Save", exact=True).click()
        bar = visitor.dialog.get_by_role("progressbar", name="Upload")
        await expect(bar).to_be_visible()
        await expect(visitor.dialog.locator("button[type=submit]").first).to_be_disabled()
        arrived.set()
        await expect(visitor.dialog).to_have_count(0)


class TestNested:
    async def test_rows_are_added_changed_and_taken_off(
        self, visitor: Visitor, ui_server: Server
    ) -> None:
        make_item(
            ui_server, "Built", parts=[{"name": "Leg", "amount": 4}, {"name": "Top", "amount": 1}]
        )
        await open_item(visitor, "Built")

        def part(number: int) -> Any:
            return visitor.dialog.get_by_role("group", name=f"Parts {number}", exact=True)

        await expect(part(1).get_by_label("Name")).to_have_value("Leg")
        # What is typed and not sent stays when rows come and go.
        await part(2).get_by_label("Name").fill("Table top")
        await visitor.button("Add to Parts").click()
        await part(3).get_by_label("Name").fill("Screw")
        await part(3).get_by_label("Amount").fill("20")
        await part(3).get_by_label("Spare").check()
        maker = part(3).get_by_role("combobox", name="Maker")
        await maker.fill("0042")
        await part(3).get_by_role("option", name="Maker 0042").click()
        await visitor.button("Remove Parts 1").click()
        await expect(part(1).get_by_label("Name")).to_have_value("Table top")
        await expect(part(2).get_by_label("Name")).to_have_value("Screw")
        await visitor.field("Width").fill("3")
        await visitor.field("Height").fill("4")
        await save(visitor)
        (item,) = stored(ui_server, "Built")
        told = [(p["name"], p["amount"], p["spare"], p["maker"]) for p in item["parts"]]
        assert told == [("Table top", 1, False, None), ("Screw", 20, True, 42)]
        assert item["box"] == {"width": 3, "height": 4}
        await open_item(visitor, "Built")
        await expect(part(2).get_by_role("combobox", name="Maker")).to_have_value("Maker 0042")
        await expect(part(2).get_by_label("Spare")).to_be_checked()

    async def test_errors_stand_at_the_nested_field(self, visitor: Visitor) -> None:
        await visitor.open("/items")
        await visitor.button("New item").click()
        await visitor.field("Name").first.fill("Wrong inside")
        await visitor.button("Add to Parts").click()
        part = visitor.dialog.get_by_role("group", name="Parts 1")
        await part.get_by_label("Amount").fill("0")
        await visitor.field("Width").fill("0")
        await visitor.button("Save", exact=True).click()
        amount = part.get_by_label("Amount")
        await expect(amount).to_have_accessible_description(
            re.compile("greater than or equal to 1")
        )
        await expect(part.get_by_label("Name")).to_have_attribute("aria-invalid", "true")
        await expect(visitor.field("Width")).to_have_attribute("aria-invalid", "true")
        await expect(visitor.field("Height")).to_have_attribute("aria-invalid", "true")
        await expect(amount).to_have_value("0")
        # What is wrong first is where one goes on.
        await expect(visitor.field("Width")).to_be_focused()


class TestOtherKinds:
    async def test_lists_choices_times_and_json_are_written(
        self, visitor: Visitor, ui_server: Server
    ) -> None:
        await visitor.open("/items")
        await visitor.button("New item").click()
        await visitor.field("Name").first.fill("Everything")
        await visitor.field("Warranty").fill("2 03:30:00")
        await visitor.field("Opens").fill("08:15")
        await visitor.field("Notes").fill('{"a": [1, 2]}')
        await visitor.field("Codes").fill("x1, x2")
        await visitor.dialog.get_by_label("Monday").click()
        await visitor.dialog.get_by_label("Wednesday").click()
        await save(visitor)
        (item,) = stored(ui_server, "Everything")
        assert item["warranty"] == "2 03:30:00"
        assert item["opens"] == "08:15:00"
        assert item["notes"] == {"a": [1, 2]}
        assert item["codes"] == ["x1", "x2"]
        assert sorted(item["days"]) == ["mon", "wed"]
        assert json.dumps(item["box"]) == "null"

    async def test_json_is_checked_as_soon_as_it_is_left(self, visitor: Visitor) -> None:
        await visitor.open("/items")
        await visitor.button("New item").click()
        await visitor.field("Notes").fill('{"a": ')
        await visitor.field("Warranty").focus()
        await expect(visitor.field("Notes")).to_have_attribute("aria-invalid", "true")
        await expect(visitor.field("Notes")).to_have_accessible_description(
            re.compile("This is no valid JSON")
        )
        await visitor.field("Notes").fill("{}")
        await expect(visitor.field("Notes")).to_have_attribute("aria-invalid", "false")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 390)])
async def test_axe_finds_nothing_wrong(make_visitor: Any, scheme: str, width: int) -> None:
    visitor = await make_visitor(width, scheme)
    await visitor.open("/items")
    await visitor.button("Edit Item 1").click()
    await expect(visitor.field("Name").first).to_have_value("Item 1")
    await settled(visitor)
    assert await violations(visitor.page) == []
    await visitor.dialog.get_by_role("combobox", name="Labels").press("ArrowDown")
    await expect(visitor.dialog.get_by_role("option")).to_have_count(4)
    await settled(visitor)
    assert await violations(visitor.page) == []
    await visitor.field("Photo").set_input_files(png("text.png", b"no picture"))
    await visitor.button("Save", exact=True).click()
    await expect(visitor.field("Photo")).to_have_attribute("aria-invalid", "true")
    await visitor.button("Cancel").click()
    await expect(visitor.page.get_by_role("alertdialog")).to_be_visible()
    await settled(visitor)
    assert await violations(visitor.page) == []


async def settled(visitor: Visitor) -> None:
    """What is still fading in has less contrast than it will have."""
    await visitor.page.wait_for_function(
        "document.getAnimations().every((one) => one.playState !== 'running')"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_form_fits_a_phone(make_visitor: Any, scheme: str) -> None:
    visitor = await make_visitor(width=390, scheme=scheme)
    await visitor.open("/items")
    await visitor.button("Edit Item 1").click()
    await expect(visitor.field("Name").first).to_have_value("Item 1")
    wide = await visitor.dialog.evaluate("(e) => e.scrollWidth - e.clientWidth")
    assert wide <= 0
