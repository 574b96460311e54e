"""The sign-in pages in Chromium: the keyboard, the mails, the lock-out, and the way back."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.browsing import expect, violations
from tests.servers import Server
from tests.signing_browser import Browser, fill, manage, open_browser, sign_in, visit

pytestmark = [pytest.mark.browser, pytest.mark.server]
PASSWORD = "correct-horse-battery"


@pytest.fixture
async def browser(signing_server: Server) -> AsyncIterator[Browser]:
    async with open_browser(signing_server) as browser:
        yield browser


def mails(server: Server) -> list[str]:
    directory = server.directory / "mails"
    files = sorted(directory.iterdir(), key=lambda file: file.stat().st_mtime_ns)
    return [file.read_text() for file in files]


async def test_a_guarded_page_leads_to_the_form_and_back(browser: Browser) -> None:
    page = await visit(browser, "/vault?box=7")
    await expect(page.page).to_have_title("Sign in")
    await sign_in(page, "ann")
    await page.shows("secret", "the vault")
    assert re.search(r"/vault/?\?box=7$", page.page.url)
    assert (await browser.cookie())["httpOnly"] is True


async def test_the_way_back_leads_to_no_other_site(browser: Browser) -> None:
    page = await visit(browser, "/login?next=https://evil.example/")
    await sign_in(page, "ann")
    await page.shows("user", "user ann")
    assert page.page.url.rstrip("/") == browser.server.url


async def test_errors_stand_by_their_fields_and_are_read_out(browser: Browser) -> None:
    page = await visit(browser, "/login")
    await fill(page, "ann")
    password = page.page.get_by_label("Password")
    await expect(password).to_have_attribute("aria-invalid", "true")
    await expect(password).to_have_accessible_description(re.compile("This field is required."))
    await fill(page, "ann", "wrong")
    alert = page.page.get_by_role("alert").filter(has_text="Please enter a correct username")
    await expect(alert).to_be_visible()
    # What was typed is not lost.
    await expect(page.page.get_by_label("Username")).to_have_value(re.compile("ann"))


async def test_axes_locks_out_through_the_page(browser: Browser) -> None:
    page = await visit(browser, "/login")
    for _ in range(3):
        await page.page.get_by_label("Username").fill("eve")
        await page.page.get_by_label("Password").fill("wrong")
        await page.page.keyboard.press("Enter")
        await expect(page.page.get_by_role("button", name="Sign in")).to_be_enabled()
        await expect(page.page.get_by_role("alert").first).to_contain_text("Please enter")
    await page.page.get_by_label("Password").fill("eve-demo")
    await page.page.keyboard.press("Enter")
    # The last of the three wrong ones may have been answered so as well.
    await expect(page.page.get_by_text("Too many attempts").first).to_be_visible()
    assert await browser.cookie() == {}
    found = manage(
        browser.server,
        "from axes.models import AccessAttempt;"
        "print([(a.username, a.ip_address) for a in AccessAttempt.objects.filter(username='eve')])",
    )
    assert found in ("[('eve', '127.0.0.1')]", "[('eve', '::1')]")


async def test_a_one_time_code_is_asked_by_the_form_of_django_otp(browser: Browser) -> None:
    page = await visit(browser, "/login")
    await sign_in(page, "hal")
    await expect(page.page.get_by_role("alert").filter(has_text="OTP token")).to_be_visible()
    assert await browser.cookie() == {}
    await page.page.get_by_label("OTP Token").fill("123456")
    await page.page.keyboard.press("Enter")
    await page.shows("user", "user hal")
    await page.click("Verify")
    await page.shows("held", "with code")


async def test_a_visitor_registers_and_goes_on(browser: Browser) -> None:
    page = await visit(browser, "/login?next=/vault")
    await page.page.get_by_role("link", name="Create an account").click()
    await expect(page.page).to_have_title("Create an account")
    await fill(page, "new-user", "new-user@example.com", "short", "short")
    await expect(page.page.get_by_text("This password is too short")).to_be_visible()
    await fill(page, "", "", "", "")
    await page.page.get_by_label("Password", exact=False).first.fill(PASSWORD)
    await page.page.get_by_label("Password confirmation").fill(PASSWORD)
    await page.page.keyboard.press("Enter")
    await page.shows("secret", "the vault")
    await page.shows("user", "user new-user")


async def test_a_lost_password_is_replaced_by_the_link_of_a_mail(browser: Browser) -> None:
    page = await visit(browser, "/login")
    await page.page.get_by_role("link", name="Forgotten your password?").click()
    await expect(page.page).to_have_title("Reset your password")
    await fill(page, "dan@example.com")
    await expect(page.page.get_by_text("a mail is on its way")).to_be_visible()
    (mail,) = [text for text in mails(browser.server) if "To: dan@example.com" in text]
    (link,) = re.findall(r"http\S+", mail.replace("=\n", "").replace("=3D", "="))
    assert link.startswith(f"{browser.server.url}/password-reset/confirm?uid=")
    await page.page.goto(link)
    await expect(page.page.get_by_role("textbox", name="New password", exact=True)).to_be_visible()
    await expect(page.page).not_to_have_url(re.compile("token="))
    await fill(page, PASSWORD, PASSWORD)
    await expect(page.page.get_by_text("Your new password is set.")).to_be_visible()
    await page.page.goto(link)
    await expect(page.page.get_by_text("This link is not good any more")).to_be_visible()
    await page.page.goto(f"{browser.server.url}/login")
    await fill(page, "dan", PASSWORD)
    await page.shows("user", "user dan")


async def test_a_changed_password_keeps_this_browser_and_ends_the_other(
    browser: Browser, signing_server: Server
) -> None:
    page = await visit(browser, "/password-change")
    await expect(page.page.get_by_role("button", name="Enter")).to_be_visible()
    await page.page.goto(f"{browser.server.url}/login")
    await sign_in(page, "fay")
    await page.shows("user", "user fay")
    async with open_browser(signing_server) as elsewhere:
        there = await visit(elsewhere, "/login")
        await sign_in(there, "fay")
        await there.shows("user", "user fay")
        beside = await visit(browser, "/")
        await page.page.goto(f"{browser.server.url}/password-change")
        await expect(page.page.get_by_label("Old password")).to_be_visible()
        await fill(page, "fay-demo", PASSWORD, PASSWORD)
        await expect(page.page.get_by_text("Your password was changed.")).to_be_visible()
        await page.page.goto(f"{browser.server.url}/")
        await page.shows("user", "user fay")
        await beside.shows("user", "user fay")
        await beside.click("Hold")
        await beside.shows("held", "held by fay")
        await there.click("Hold")
        await there.shows("user", "user")


async def test_signing_out_is_a_button_and_not_a_link(browser: Browser) -> None:
    page = await visit(browser, "/login")
    await sign_in(page, "ann")
    await page.shows("user", "user ann")
    await page.page.goto(f"{browser.server.url}/logout")
    leave = page.page.get_by_role("button", name="Sign out")
    await expect(leave).to_be_visible()
    assert await browser.cookie() != {}
    await leave.press("Enter")
    await page.shows("user", "user")
    assert await browser.cookie() == {}


async def test_a_login_leads_to_the_admin_and_is_one_there(browser: Browser) -> None:
    page = await visit(browser, "/login?next=/admin/")
    await sign_in(page, "root")
    await expect(page.page.get_by_text("Site administration")).to_be_visible()


async def test_everything_is_said_in_the_language_of_the_visitor(signing_server: Server) -> None:
    async with open_browser(signing_server, locale="de-DE") as german:
        page = await visit(german, "/register")
        await expect(page.page).to_have_title("Konto anlegen")
        await expect(page.page.get_by_role("heading", name="Konto anlegen")).to_be_visible()
        await expect(page.page.get_by_label("Passwort bestätigen")).to_be_visible()
        await expect(page.page.get_by_text("mindestens 8 Zeichen")).to_be_visible()
        assert await page.page.evaluate("document.documentElement.lang") == "de"
        await page.page.get_by_role("button", name="Konto anlegen").click()
        await expect(page.page.get_by_text("Dieses Feld ist zwingend").first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_wrong(signing_server: Server, scheme: str) -> None:
    async with open_browser(signing_server, color_scheme=scheme) as browser:
        for path in ("/login", "/register", "/password-reset", "/logout"):
            page = await visit(browser, path)
            await expect(page.page.get_by_role("heading", level=1)).to_be_visible()
            await expect(page.page.get_by_role("link").first).to_be_visible()
            assert await violations(page.page) == [], path
        page = await visit(browser, "/register")
        await page.page.get_by_role("button", name="Create an account").click()
        await expect(page.page.get_by_text("This field is required.").first).to_be_visible()
        assert await violations(page.page) == []
        page = await visit(browser, "/password-reset/confirm?uid=x&token=y")
        await expect(page.page.get_by_text("This link is not good any more")).to_be_visible()
        assert await violations(page.page) == []
        page = await visit(browser, "/login")
        await sign_in(page, "ann")
        await page.shows("user", "user ann")
        page = await visit(browser, "/password-change")
        await expect(page.page.get_by_role("heading", level=1)).to_be_visible()
        assert await violations(page.page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
async def test_the_pages_fit(signing_server: Server, scheme: str, width: int) -> None:
    options: dict[str, Any] = {
        "viewport": {"width": width, "height": 800},
        "color_scheme": scheme,
    }
    async with open_browser(signing_server, **options) as browser:
        for path in ("/login", "/register", "/password-reset", "/logout"):
            page = await visit(browser, path)
            await expect(page.page.get_by_role("heading", level=1)).to_be_visible()
            overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert await page.page.evaluate(overflow) <= 0
