"""Sites in Chromium: the production build of nothing but `ui.site` over routers, also others'."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.browsing import ARGUMENTS, async_api, expect, violations
from tests.servers import Server
from tests.site_project import running_site
from tests.ui_visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.server]
PASSWORDS = {"admin": "admin", "plain": "plain-demo", "other": "other-demo"}


@pytest.fixture(scope="module")
def site_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_site(tmp_path_factory.mktemp("site") / "project") as running:
        yield running


class Guest(Visitor):
    """A visitor of the sites, who may sign in."""

    async def sign_in(self, name: str) -> None:
        await self.open("/accounts/login/?next=/office/products")
        await self.page.get_by_label("Username").fill(name)
        await self.page.get_by_label("Password").fill(PASSWORDS[name])
        await self.button("Sign in").click()
        await expect(self.page).to_have_url(re.compile("/office/products/?$"))
        await expect(self.menu.get_by_role("link", name="Products")).to_be_visible()

    @property
    def menu(self) -> Any:
        return self.page.get_by_role("navigation", name="Sections")

    @property
    def heading(self) -> Any:
        return self.page.get_by_role("heading", level=1)

    @property
    def alert(self) -> Any:
        return self.page.get_by_role("alert").filter(has_text=re.compile(r"\S"))

    def link(self, name: str, **options: Any) -> Any:
        return self.page.get_by_role("main").get_by_role("link", name=name, **options)

    def input(self, label: str) -> Any:
        return self.page.get_by_role("form").get_by_label(re.compile(f"^{label}"))


@pytest.fixture
async def make_guest(site_server: Server) -> AsyncIterator[Any]:
    async with async_api.async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=list(ARGUMENTS)
        )
        guests: list[Guest] = []

        async def make(
            width: int = 1280, scheme: str = "light", locale: str = "en-US", user: str = ""
        ) -> Guest:
            context = await browser.new_context(
                viewport={"width": width, "height": 850},
                color_scheme=scheme,
                locale=locale,
                timezone_id="Europe/Berlin",
            )
            context.set_default_timeout(20_000)
            guests.append(Guest(await context.new_page(), site_server.url))
            if user:
                await guests[-1].sign_in(user)
            return guests[-1]

        yield make
        await browser.close()
    assert [problem for guest in guests for problem in guest.problems] == []


@pytest.fixture
async def guest(make_guest: Any) -> Guest:
    made: Guest = await make_guest()
    return made


@pytest.fixture
async def admin(make_guest: Any) -> Guest:
    made: Guest = await make_guest(user="admin")
    return made


class TestMenu:
    async def test_it_has_what_a_visitor_may_open(self, guest: Guest) -> None:
        await guest.open("/office")
        await expect(guest.heading).to_have_text("Office")
        await expect(guest.menu.get_by_role("link")).to_have_text(
            ["Shelves", "Products", "Notes", "Busy shelves", "Reports", "Plain"]
        )
        await guest.menu.get_by_role("link", name="Notes").click()
        await expect(guest.heading).to_have_text("Notes")
        await expect(guest.menu.locator("[aria-current=page]")).to_have_text("Notes")

    async def test_staff_see_more_and_the_admin(self, admin: Guest) -> None:
        await expect(admin.menu.get_by_role("link", name="Shelves", exact=True)).to_have_count(2)
        await expect(admin.page.get_by_role("link", name="Administration")).to_have_attribute(
            "href", "/admin/"
        )

    async def test_one_signs_in_and_out(self, make_guest: Any) -> None:
        guest = await make_guest()
        await guest.open("/office/products?ordering=-name")
        await expect(guest.rows).to_have_count(5)
        await guest.page.get_by_role("link", name="Sign in").click()
        await guest.page.get_by_label("Username").fill("plain")
        await guest.page.get_by_label("Password").fill("plain-demo")
        await guest.button("Sign in").click()
        # Back to the very page, with what its list was asked for.
        await expect(guest.page).to_have_url(re.compile(r"/office/products/?\?ordering=-name$"))
        await expect(guest.page.get_by_role("banner")).to_contain_text("Signed in as plain")
        await expect(guest.page.get_by_role("link", name="Administration")).to_have_count(0)
        await guest.button("Sign out").click()
        await expect(guest.page.get_by_role("link", name="Sign in")).to_be_visible()


class TestPages:
    async def test_a_list_leads_to_a_row_and_back(self, guest: Guest) -> None:
        await guest.open("/office/products")
        await guest.link("Chair 03").click()
        await expect(guest.heading).to_have_text("Chair 03")
        for text in ("3,702.50", "Feb 3, 2026", "Wood.", '"legs": 4'):
            await expect(guest.page.get_by_role("main").get_by_text(text)).to_be_visible()
        await guest.page.reload()
        await expect(guest.heading).to_have_text("Chair 03")
        await guest.link("Products").click()
        await expect(guest.rows).to_have_count(5)

    async def test_a_row_may_have_another_key_than_a_number(self, guest: Guest) -> None:
        await guest.open("/office/shelves/a-1")
        await expect(guest.heading).to_have_text("a-1")
        await expect(guest.page.get_by_text("Left of the door")).to_be_visible()

    async def test_a_key_of_no_row_says_so(self, guest: Guest) -> None:
        await guest.open("/office/shelves/none")
        await expect(guest.alert).to_contain_text("No Shelf matches the given query.")

    async def test_rows_are_chosen_by_those_who_may_do_something_with_them(
        self, make_guest: Any
    ) -> None:
        for user, boxes in (("", 0), ("admin", 6)):
            guest = await make_guest(user=user)
            await guest.open("/office/products")
            await expect(guest.rows).to_have_count(5)
            await expect(guest.page.get_by_role("checkbox", name="Choose")).to_have_count(boxes)

    async def test_one_creates_edits_and_deletes_on_pages(self, admin: Guest) -> None:
        await admin.link("New product").click()
        await expect(admin.heading).to_have_text("New product")
        await admin.input("Name").fill("Stool")
        await admin.button("Save", exact=True).click()
        await expect(admin.input("Price")).to_have_accessible_description(
            "A valid number is required."
        )
        await admin.input("Price").fill("12.30")
        await admin.button("Save", exact=True).click()
        await expect(admin.heading).to_have_text("Stool")
        await admin.link("Edit Stool").click()
        await expect(admin.heading).to_have_text("Edit product")
        await expect(admin.input("Name")).to_have_value("Stool")
        await admin.input("Name").fill("Tall stool")
        await admin.button("Save", exact=True).click()
        await expect(admin.heading).to_have_text("Tall stool")
        await admin.button("Delete Tall stool").click()
        await admin.page.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
        await expect(admin.heading).to_have_text("Products")
        await expect(admin.page.get_by_text("12 products")).to_be_visible()

    async def test_who_may_add_or_change_nothing_is_told_so_instead_of_at_the_end(
        self, make_guest: Any
    ) -> None:
        visitor, admin = await make_guest(), await make_guest(user="admin")
        # Nothing is refused before anybody was asked.
        sent = await (await visitor.page.request.get(f"{visitor.url}/office/products/new")).text()
        assert "<form" in sent
        assert "You may not" not in sent
        row = await admin.link("Edit Chair 02").get_attribute("href")
        said = visitor.page.get_by_role("main").get_by_text("You may not")
        sign_in = visitor.page.get_by_role("main").get_by_role("link", name="Sign in")
        await visitor.open("/office/products/new")
        await expect(said).to_have_text("You may not add any products.")
        await expect(visitor.page.get_by_role("form")).to_have_count(0)
        await expect(sign_in).to_have_attribute("href", re.compile("next=%2Foffice%2Fproducts"))
        assert await violations(visitor.page) == []
        await visitor.open(row)
        await expect(visitor.input("Name")).to_have_value("Chair 02")
        await expect(visitor.input("Name")).to_be_disabled()
        await expect(visitor.page.get_by_label("On sale")).to_be_disabled()
        await expect(said).to_have_text("You may not change this.")
        await expect(visitor.page.get_by_role("button", name="Save")).to_have_count(0)
        await expect(sign_in).to_be_visible()
        assert await violations(visitor.page) == []
        await visitor.open(row.replace("/edit", "/copy"))
        await expect(said).to_have_text("You may not add any products.")
        await expect(visitor.page.get_by_role("form")).to_have_count(0)
        for path in ("/office/products/new", row):
            await admin.open(path)
            await expect(admin.input("Name")).to_be_enabled()
            await expect(admin.button("Save", exact=True)).to_be_visible()

    async def test_an_action_shows_what_became_of_the_row(self, admin: Guest) -> None:
        await admin.link("Chair 05", exact=True).click()
        await expect(admin.heading).to_have_text("Chair 05")
        await expect(
            admin.page.get_by_role("definition").filter(has_text=re.compile("^35$"))
        ).to_be_visible()
        await admin.button("Actions for Chair 05").click()
        await admin.page.get_by_role("menuitem", name="Restock").click()
        await expect(
            admin.page.get_by_role("definition").filter(has_text=re.compile("^135$"))
        ).to_be_visible()

    @pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
    async def test_an_action_asks_for_its_input(
        self, make_guest: Any, scheme: str, width: int
    ) -> None:
        guest = await make_guest(user="admin", scheme=scheme)
        await guest.page.set_viewport_size({"width": width, "height": 850})
        keys, dialog, boxes = guest.page.keyboard, guest.dialog, guest.field("Boxes")
        # By the keyboard alone: from the menu into the dialog, and back.
        await guest.button("Actions for Chair 04").press("Enter")
        await guest.page.get_by_role("menuitem", name="Deliver").press("Enter")
        await expect(dialog).to_have_accessible_name("Deliver")
        await expect(dialog).to_have_accessible_description(re.compile("^Chair 04"))
        await expect(boxes).to_be_focused()
        await expect(boxes).to_have_accessible_description("Whole boxes only. From 1 to 50.")
        assert await violations(guest.page) == []
        await keys.press("Escape")
        await expect(dialog).to_have_count(0)
        await expect(guest.button("Actions for Chair 04")).to_be_focused()
        # What is wrong stands at its field, and what was typed stays.
        await guest.button("Actions for Chair 04").click()
        await guest.page.get_by_role("menuitem", name="Deliver").click()
        await dialog.get_by_label("Fragile").check()
        await boxes.fill("99")
        await boxes.press("Enter")
        await expect(boxes).to_have_accessible_description(re.compile("less than or equal to 50"))
        await expect(boxes).to_be_focused()
        await expect(boxes).to_have_value("99")
        assert await violations(guest.page) == []
        await boxes.fill("13")
        await boxes.press("Enter")
        await expect(dialog.get_by_role("alert").first).to_have_text("Nobody carries thirteen.")
        await expect(boxes).to_have_attribute("aria-invalid", "false")
        # Two clicks run it once.
        await boxes.fill("2")
        await dialog.get_by_role("button", name="Deliver").dblclick()
        await expect(dialog).to_have_count(0)
        await expect(guest.button("Actions for Chair 04")).to_be_focused()
        await expect(guest.row("Chair 04").get_by_text(re.compile("^[24],028$"))).to_be_visible()
        await guest.link("Chair 04", exact=True).click()
        await expect(guest.page.get_by_role("definition").get_by_text("fragile")).to_be_visible()

    async def test_chosen_rows_and_the_list_are_asked_for_the_same(self, admin: Guest) -> None:
        await admin.open("/office/products?search=Chair+1")
        await expect(admin.rows).to_have_count(4)
        for name in ("Chair 10", "Chair 11"):
            await admin.page.get_by_role("checkbox", name=f"Choose {name}").check()
        bar = admin.page.get_by_role("group", name="Selection")
        await bar.get_by_role("button", name="Deliver").click()
        await expect(admin.dialog).to_have_accessible_description(re.compile("^2 rows chosen"))
        await admin.field("Boxes").fill("60")
        await admin.field("Boxes").press("Enter")
        await expect(admin.dialog.get_by_role("alert").first).to_contain_text("because of Chair 10")
        await admin.field("Boxes").fill("3")
        await admin.field("Boxes").press("Enter")
        await expect(admin.page.get_by_text("Done for 2 rows.")).to_be_visible()
        await expect(admin.dialog).to_have_count(0)
        await expect(admin.row("Chair 11").get_by_text("3,077")).to_be_visible()
        await admin.button("Deliver all").click()
        await expect(admin.field("Boxes")).to_have_value("")
        await admin.dialog.get_by_role("button", name="Deliver all").click()
        await expect(admin.field("Boxes")).to_have_accessible_description(
            re.compile("valid integer|required")
        )
        await admin.dialog.get_by_role("button", name="Cancel").click()
        await expect(admin.dialog).to_have_count(0)
        await expect(admin.button("Deliver all")).to_be_focused()

    async def test_names_that_a_state_uses_itself_are_no_trouble(self, guest: Guest) -> None:
        await guest.open("/office/notes/new")
        await guest.input("Error").fill("Buy bread")
        await guest.button("Save", exact=True).click()
        await expect(guest.heading).to_have_text("Buy bread")

    async def test_viewsets_without_a_serializer_or_list_have_a_page(self, guest: Guest) -> None:
        await guest.open("/office/reports")
        await guest.button("Totals").click()
        await expect(guest.page.get_by_text('"total": 42')).to_be_visible()
        await guest.open("/office/plain")
        await expect(guest.page.get_by_text('{"colour":"red"}')).to_be_visible()


class TestThirdParties:
    """Viewsets of django-push-notifications and djoser, with no word about any of them."""

    async def test_devices_are_made_listed_edited_and_deleted(self, make_guest: Any) -> None:
        guest = await make_guest(user="plain")
        await guest.open("/others/device-apns")
        await expect(guest.page.get_by_text("There are no APNS devices yet.")).to_be_visible()
        await guest.link("New APNS device").click()
        await guest.input("Name").fill("My phone")
        await guest.input("Registration ID").fill("not hexadecimal")
        await guest.button("Save", exact=True).click()
        await expect(guest.input("Registration ID")).to_have_accessible_description(
            re.compile("is invalid")
        )
        await guest.input("Registration ID").fill("ab" * 32)
        await guest.button("Save", exact=True).click()
        await expect(guest.heading).to_have_text("My phone")
        # The key in the address is the one that the package chose.
        await expect(guest.page).to_have_url(re.compile("/others/device-apns/" + "ab" * 32))
        await guest.link("Edit My phone").click()
        await guest.input("Name").fill("Her phone")
        await guest.button("Save", exact=True).click()
        await expect(guest.heading).to_have_text("Her phone")
        await guest.link("APNS devices").click()
        await guest.button("Delete Her phone").click()
        await guest.page.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
        await expect(guest.page.get_by_text("There are no APNS devices yet.")).to_be_visible()

    async def test_keys_with_slashes_are_no_trouble(self, admin: Guest) -> None:
        await admin.open("/others/device-wp/new")
        await admin.input("Name").fill("Browser")
        await admin.input("Registration ID").fill("https://push.example/a/b?c=d&e")
        await admin.input("User public encryption key").fill("k")
        await admin.input("User auth secret").fill("s")
        await admin.button("Save", exact=True).click()
        await expect(admin.heading).to_have_text("Browser")
        await expect(admin.page.get_by_text("https://push.example/a/b?c=d&e")).to_be_visible()

    async def test_a_visitor_sees_what_the_packages_let_him_see(self, guest: Guest) -> None:
        await guest.open("/others")
        await expect(guest.menu.get_by_role("link")).to_have_text(["WebPush devices"])
        await guest.open("/others/device-gcm")
        await expect(guest.alert).to_contain_text("credentials were not provided")
        await expect(guest.alert.get_by_role("link", name="Sign in")).to_be_visible()

    async def test_users_of_djoser(self, admin: Guest) -> None:
        await admin.open("/others/users")
        await expect(admin.rows).to_have_count(3)
        await admin.link("other", exact=True).click()
        await expect(admin.heading).to_have_text("other")


class TestAddress:
    async def test_back_forward_reload_and_sharing(self, guest: Guest) -> None:
        await guest.open("/office/products")
        await expect(guest.rows.first).to_contain_text("Chair 01")
        await guest.button("Page 2").click()
        await expect(guest.rows.first).to_contain_text("Chair 06")
        await expect(guest.page).to_have_url(re.compile(r"\?page=2$"))
        await guest.page.get_by_role("columnheader", name="Name").get_by_role("button").click()
        await guest.page.get_by_role("columnheader", name="Name").get_by_role("button").click()
        await expect(guest.rows.first).to_contain_text("Chair 12")
        await expect(guest.page).to_have_url(re.compile(r"\?ordering=-name$"))
        await guest.page.get_by_label("On sale").select_option(label="No")
        await expect(guest.page.get_by_text("4 products")).to_be_visible()
        # The address follows the list.
        await expect(guest.page).to_have_url(re.compile("on_sale=false"))
        shared = guest.page.url
        await guest.page.reload()
        await expect(guest.page.get_by_text("4 products")).to_be_visible()
        await guest.page.go_back()
        await expect(guest.page.get_by_text("12 products")).to_be_visible()
        await expect(guest.rows.first).to_contain_text("Chair 12")
        await guest.page.go_back()
        await expect(guest.rows.first).to_contain_text("Chair 01")
        await guest.page.go_back()
        await expect(guest.rows.first).to_contain_text("Chair 06")
        await guest.page.go_forward()
        await expect(guest.rows.first).to_contain_text("Chair 01")
        await guest.page.goto(shared)
        await expect(guest.page.get_by_text("4 products")).to_be_visible()
        await expect(guest.rows.first).to_contain_text("Chair 12")

    async def test_typing_is_one_step_and_the_page_stays(self, guest: Guest) -> None:
        await guest.open("/office/products")
        await expect(guest.rows).to_have_count(5)
        await guest.page.evaluate("() => { window.stayed = true; }")
        field = guest.page.get_by_role("searchbox")
        await field.press_sequentially("Chair 0", delay=120)
        await expect(guest.page).to_have_url(re.compile(r"search=Chair\+0$"))
        await field.press_sequentially("7", delay=120)
        await expect(guest.page).to_have_url(re.compile(r"search=Chair\+07$"))
        await expect(field).to_be_focused()
        assert await guest.page.evaluate("() => window.stayed") is True
        await guest.page.go_back()
        await expect(guest.page.get_by_text("12 products")).to_be_visible()
        await expect(field).to_have_value("")

    async def test_what_cannot_be_is_refused(self, guest: Guest) -> None:
        await guest.open("/office/products?page=x&per_page=100000&ordering=secret&search=Chair")
        await expect(guest.alert).to_contain_text("asks for something that cannot be shown")
        await expect(guest.rows).to_have_count(5)
        await expect(guest.page).to_have_url(re.compile(r"/products/?\?search=Chair$"))


class TestWorld:
    async def test_a_throttle_shows_the_wait_and_then_lets_one_try_again(
        self, guest: Guest
    ) -> None:
        await guest.open("/office/busy")
        await expect(guest.page.get_by_text("2 shelves")).to_be_visible()
        await guest.page.reload()
        await expect(guest.alert).to_contain_text("Request was throttled")
        again = guest.alert.get_by_role("button")
        await expect(again).to_be_disabled()
        await expect(again).to_have_text(re.compile(r"Try again in \d s"))
        await expect(again).to_be_enabled()
        await again.click()
        await expect(guest.page.get_by_text("2 shelves")).to_be_visible()
        await expect(guest.alert).to_have_count(0)

    async def test_long_work_shows_progress(self, guest: Guest) -> None:
        await guest.open("/office/notes")
        await expect(guest.rows).not_to_have_count(0)
        await guest.button("Load").click()
        await expect(guest.page.get_by_role("progressbar")).to_be_visible()
        await expect(guest.page.get_by_role("progressbar")).to_have_count(0)

    async def test_a_skeleton_stands_in_for_the_list(self, guest: Guest) -> None:
        # As the page is sent, before any event has run.
        answer = await guest.page.request.get(guest.url + "/office/products")
        assert 'aria-busy="true"' in await answer.text()

    async def test_empty_and_no_match_are_told_apart(self, guest: Guest) -> None:
        await guest.open("/office/products?search=nothing")
        await expect(guest.page.get_by_text("No products match.")).to_be_visible()
        await guest.open("/others/device-wp")
        await expect(guest.page.get_by_text("yet.").or_(guest.rows.first)).to_be_visible()

    async def test_signed_out_and_forbidden_are_told_apart(self, make_guest: Any) -> None:
        visitor = await make_guest()
        await visitor.open("/office/secrets")
        await expect(visitor.alert.get_by_role("link", name="Sign in")).to_have_attribute(
            "href", re.compile(r"/accounts/login/\?next=%2Foffice%2Fsecrets")
        )
        plain = await make_guest(user="plain")
        await plain.open("/office/secrets")
        await expect(plain.alert).to_contain_text("do not have permission")
        await expect(plain.alert.get_by_role("link")).to_have_count(0)

    async def test_offline_and_back(self, guest: Guest) -> None:
        await guest.open("/office/shelves")
        await expect(guest.rows).to_have_count(2)
        await guest.page.context.set_offline(True)
        await expect(guest.page.get_by_text("You are offline.")).to_be_visible()
        await guest.page.context.set_offline(False)
        await expect(guest.page.get_by_text("You are offline.")).to_have_count(0)

    async def test_a_conflict_asks_what_shall_be_kept(self, make_guest: Any) -> None:
        one, two = await make_guest(user="admin"), await make_guest(user="other")
        for guest in (one, two):
            await guest.page.get_by_role("searchbox").fill("Chair 08")
            await expect(guest.rows).to_have_count(1)
            await guest.link("Edit Chair 08").click()
            await expect(guest.input("Name")).to_have_value("Chair 08")
        await expect(one.page.get_by_text("Also open at:")).to_be_visible()
        await expect(one.page.get_by_text("Olga Other")).to_be_visible()
        await two.input("Stock").fill("77")
        await two.button("Save", exact=True).click()
        await expect(two.heading).to_have_text("Chair 08")
        conflict = one.page.locator("[data-conflict]")
        await expect(conflict).to_contain_text("has changed this while you were editing")
        await one.input("Stock").fill("88")
        await one.button("Save", exact=True).click()
        await expect(conflict).to_contain_text("What shall be kept?")
        await expect(conflict).to_be_in_viewport()
        await expect(one.page.get_by_text("has changed this while you were")).to_have_count(1)
        await conflict.get_by_role("button", name="Show what is stored now").click()
        await expect(one.input("Stock")).to_have_value("77")
        await one.input("Stock").fill("88")
        await one.button("Save", exact=True).click()
        await expect(
            one.page.get_by_role("definition").filter(has_text=re.compile("^88$"))
        ).to_be_visible()
        # The other one looks at the row, and sees it at once.
        await expect(
            two.page.get_by_role("definition").filter(has_text=re.compile("^88$"))
        ).to_be_visible()


class TestLanguages:
    async def test_pages_and_server_speak_the_visitors_language(self, make_guest: Any) -> None:
        guest = await make_guest(locale="de-DE")
        await guest.open("/office/products")
        await expect(guest.page.get_by_role("searchbox")).to_have_accessible_name(
            "products durchsuchen"
        )
        await expect(guest.row("Chair 01").get_by_text("1.234,50")).to_be_visible()
        await expect(guest.row("Chair 01").get_by_text("Ja")).to_be_visible()
        assert await guest.page.evaluate("() => document.documentElement.lang") == "de"
        await guest.open("/office/notes/new")
        await (
            guest.page.get_by_role("form").get_by_role("button", name="Sichern", exact=True).click()
        )
        await expect(guest.input("Error")).to_have_accessible_description(
            re.compile("Dieses Feld|nicht leer|erforderlich")
        )


PAGES = [
    "/office",
    "/office/products",
    "/office/products?search=nothing",
    "/office/shelves/a-1",
    "/office/notes/new",
    "/office/secrets",
    "/office/reports",
    "/office/plain",
    "/accounts/login",
    "/others/device-gcm",
]


class TestEveryone:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("path", PAGES)
    async def test_axe_finds_nothing(self, make_guest: Any, path: str, scheme: str) -> None:
        guest = await make_guest(scheme=scheme)
        await guest.open(path)
        await expect(guest.heading).to_be_visible()
        await guest.page.wait_for_load_state("networkidle")
        assert await violations(guest.page) == []

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    async def test_axe_finds_nothing_for_those_who_may_write(
        self, make_guest: Any, scheme: str
    ) -> None:
        guest = await make_guest(scheme=scheme, user="admin")
        await expect(guest.link("Edit Chair 01")).to_be_visible()
        assert await violations(guest.page) == []
        await guest.button("Delete Chair 01").click()
        await expect(guest.page.get_by_role("alertdialog")).to_be_visible()
        assert await violations(guest.page) == []
        await guest.page.keyboard.press("Escape")
        await guest.link("Edit Chair 01").click()
        await expect(guest.input("Name")).to_have_value("Chair 01")
        await guest.input("Price").fill("x")
        await guest.button("Save", exact=True).click()
        await expect(guest.input("Price")).to_have_attribute("aria-invalid", "true")
        assert await violations(guest.page) == []

    @pytest.mark.parametrize("path", PAGES)
    async def test_nothing_is_wider_than_a_phone(self, make_guest: Any, path: str) -> None:
        guest = await make_guest(width=390)
        await guest.open(path)
        await expect(guest.heading).to_be_visible()
        width = await guest.page.evaluate("() => document.documentElement.scrollWidth")
        assert width <= 390

    async def test_the_menu_goes_down_to_the_foot_of_a_short_page(self, guest: Guest) -> None:
        await guest.open("/office/notes/new")
        await expect(guest.heading).to_have_text("New note")
        box = await guest.page.get_by_role("banner").bounding_box()
        assert box["height"] >= 850

    async def test_a_phone_has_its_menu_folded(self, make_guest: Any) -> None:
        guest = await make_guest(width=390)
        await guest.open("/office/products")
        await expect(guest.rows).to_have_count(5)
        await expect(guest.menu).to_have_count(0)
        await guest.page.get_by_text("Office", exact=True).locator("visible=true").click()
        await guest.menu.get_by_role("link", name="Notes").click()
        await expect(guest.heading).to_have_text("Notes")

    async def test_the_keyboard_alone_is_enough(self, make_guest: Any) -> None:
        guest = await make_guest()
        await guest.open("/office")
        await expect(guest.menu.get_by_role("link", name="Notes")).to_be_visible()
        keys = guest.page.keyboard
        await keys.press("Tab")
        await expect(guest.page.get_by_role("link", name="Skip to the content")).to_be_focused()
        await keys.press("Enter")
        await expect(guest.page.get_by_role("main")).to_be_focused()
        await reach(guest, guest.link("Notes"))
        await keys.press("Enter")
        await expect(guest.heading).to_have_text("Notes")
        await reach(guest, guest.link("New note"))
        await keys.press("Enter")
        await expect(guest.heading).to_have_text("New note")
        await reach(guest, guest.input("Error"))
        await keys.type("By keyboard")
        await keys.press("Enter")
        await expect(guest.heading).to_have_text("By keyboard")
        await reach(guest, guest.button("Delete By keyboard"))
        await keys.press("Enter")
        question = guest.page.get_by_role("alertdialog")
        await expect(question).to_be_visible()
        await reach(guest, question.get_by_role("button", name="Delete"))
        await keys.press("Enter")
        await expect(guest.heading).to_have_text("Notes")


async def reach(guest: Guest, target: Any, steps: int = 60) -> None:
    """Go on with the Tab key until something has the focus."""
    await expect(target).to_be_visible()
    for _ in range(steps):
        if await target.evaluate("(element) => element === document.activeElement"):
            return
        await guest.page.keyboard.press("Tab")
    pytest.fail(f"The Tab key does not lead to {target}.")
