"""Sessions in a browser: what was typed when one ends comes back after signing in; and their cookies under https."""

import re
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser.browsing import BrowserWindows, LiveServer, PageGuard, run_live_server
from tests.integrations.mail.certificates import Authority

LONG_NAME = "مريم 👩🏽‍🚀 " + "Wolfeschlegelstein" * 3
KEPT_SENTENCE = "What you typed is kept in this tab"
READ_STORAGE = "() => JSON.stringify(sessionStorage) + JSON.stringify(localStorage)"


def sign_in(page: Page, live_server: LiveServer, who: str, path: str = "/") -> None:
    """Open a sign-in link that leads to a page, and press its button."""
    page.goto(f"{live_server.create_sign_in_path(who)}?next={path}")
    page.get_by_role("button", name="Sign in to Oncelink").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def type_team(page: Page) -> None:
    """Fill in the form of a new team, end the session, and send the form."""
    page.goto("/teams/new")
    page.get_by_label("Name").first.fill(LONG_NAME)
    page.locator("input[type=checkbox]").nth(1).check()
    page.context.clear_cookies()
    page.locator("main form[method=post] button").last.click()
    expect(page.get_by_text("what you sent was not saved")).to_be_visible()
    expect(page.get_by_text(KEPT_SENTENCE)).to_be_visible()


def test_the_form_comes_back_in_the_same_tab(windows: BrowserWindows) -> None:
    page = windows.open_window("claire")
    type_team(page)
    assert page.locator("input[name=next]").get_attribute("value") == "/teams/new"
    sign_in(page, windows.live_server, "claire", "/teams/new")
    expect(page.get_by_text("nothing of it was saved yet")).to_be_visible()
    expect(page.get_by_label("Name").first).to_have_value(LONG_NAME)
    expect(page.locator("input[type=checkbox]").nth(1)).to_be_checked()
    assert LONG_NAME not in page.evaluate(READ_STORAGE)
    page.locator("main form[method=post] button").last.click()
    expect(page.get_by_role("heading", name=LONG_NAME)).to_be_visible()
    page.goto("/teams")
    assert LONG_NAME not in page.evaluate(READ_STORAGE)


def test_the_form_comes_back_in_the_tab_that_the_mail_opened(windows: BrowserWindows) -> None:
    """With a dialog that was open; the first tab gives away what it had."""
    page = windows.open_window("julio")
    page.goto("/links")
    page.locator("[data-split] [data-menu]").first.click()
    page.locator("[data-single-use-for]").click()
    page.get_by_label("Label").fill(LONG_NAME)
    page.context.clear_cookies()
    windows.guard.expect_message("401")
    page.get_by_role("button", name="Make and copy").click()
    expect(page.get_by_text(KEPT_SENTENCE)).to_be_visible()
    page.get_by_label("E-mail address").fill("julio@nexora.example")
    page.get_by_role("button", name="Mail me").click()
    expect(page.get_by_text(KEPT_SENTENCE)).to_be_visible()
    other_tab = page.context.new_page()
    sign_in(other_tab, windows.live_server, "julio", "/links")
    expect(other_tab.get_by_label("Label")).to_have_value(LONG_NAME)
    expect(page.get_by_text("You went on in another tab")).to_be_visible()
    assert LONG_NAME not in page.evaluate(READ_STORAGE)
    other_tab.get_by_role("button", name="Make and copy").click()
    expect(other_tab.locator("[data-toast]").last).to_contain_text(re.compile("Copied a single-use link"))


def test_nobody_else_sees_what_was_typed(windows: BrowserWindows) -> None:
    page = windows.open_window("claire")
    type_team(page)
    sign_in(page, windows.live_server, "julio", "/links")
    assert LONG_NAME not in page.content()
    assert LONG_NAME not in page.evaluate(READ_STORAGE)


def test_neither_a_password_nor_a_key_is_kept(windows: BrowserWindows) -> None:
    page = windows.open_window("julio")
    page.goto("/settings")
    page.get_by_label("Name of a new key").fill("Kept?")
    page.get_by_role("button", name="Make a key").click()
    key = page.locator("#new-key").inner_text()
    page.get_by_label("User name").fill("ann")
    page.get_by_label("Password").fill("secret word")
    page.evaluate("dispatchEvent(new Event('pagehide'))")
    stored = page.evaluate(READ_STORAGE)
    assert "account_user" in stored
    assert "secret word" not in stored
    assert key not in stored
    assert key.startswith("olk_")
    page.get_by_role("button", name="Sign out").first.click()
    page.get_by_role("menuitem", name="Sign out On this device").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    assert "account_user" not in page.evaluate(READ_STORAGE)


def test_cookies_under_https(live_server: LiveServer, chromium: Browser, tmp_path: Path) -> None:
    """Each bears `__Host-`; signing in, acting and signing out work."""
    authority = Authority.create(tmp_path)
    authority.build_server_context("127.0.0.1")
    with run_live_server(live_server.services.settings, tmp_path / "server-127.0.0.1.pem") as server:
        windows = BrowserWindows(server, chromium, PageGuard(server.base_url))
        page = windows.open_window(ignore_https_errors=True)  # the browser does not know the authority of tests
        page.goto(server.create_sign_in_path("julio"))
        page.get_by_role("button", name="Sign in to Oncelink").click()
        page.goto("/links")
        page.get_by_role("button", name="Dark").first.click()
        page.locator("[data-split] [data-menu]").first.click()
        page.locator("[data-single-use]:visible").click()
        expect(page.locator("[data-toast]").last).to_contain_text("Copied a single-use link")
        cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
        assert {"__Host-oncelink_session", "__Host-oncelink_theme", "__Host-oncelink_position"} <= cookies.keys()
        for name, cookie in cookies.items():
            assert name.startswith("__Host-oncelink_")
            assert (cookie["secure"], cookie["path"]) == (True, "/")
            assert cookie["httpOnly"] is (name == "__Host-oncelink_session")
        page.reload()
        expect(page.locator("html")).to_have_attribute("data-theme", "oncelink-dark")
        page.get_by_role("button", name="Sign out").first.click()
        page.get_by_role("menuitem", name="Sign out On this device").click()
        expect(page.get_by_text("You are signed out.")).to_be_visible()
        assert "__Host-oncelink_session" not in {cookie["name"] for cookie in page.context.cookies()}
        page.goto("/links")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        windows.close_windows()
        assert windows.guard.problems == []
