"""The service under https in a real browser: its cookies bear `__Host-`, and signing in, acting and out again work."""

from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.browser.browsing import BrowserWindows, LiveServer, PageGuard, run_live_server
from tests.browser.signing_in import create_sign_in_path
from tests.integrations.mail.certificates import Authority


def test_cookies_of_this_host_alone(live_server: LiveServer, chromium: Browser, tmp_path: Path) -> None:
    authority = Authority.create(tmp_path)
    authority.build_server_context("127.0.0.1")
    with run_live_server(live_server.services.settings, tmp_path / "server-127.0.0.1.pem") as server:
        windows = BrowserWindows(server, chromium, PageGuard(server.base_url))
        page = windows.open_window(ignore_https_errors=True)  # the browser does not know the authority of tests
        page.goto(create_sign_in_path(server, "julio"))
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
