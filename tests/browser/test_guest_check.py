"""A proof of work on the booking page: the browser computes it, and who cannot gets a code by mail."""

import re

from playwright.sync_api import Browser, Page, expect

from tests.browser.browsing import PHONE, BrowserWindows, LiveServer, PageGuard, find_violations, run_live_server
from tests.browser.hosting import add_host, format_future_day
from tests.integrations.mail.smtp_server import SmtpServer, get_part, run_smtp_server

WITHOUT_CRYPTOGRAPHY = "Object.defineProperty(crypto, 'subtle', { value: undefined })"


def fill_in_details(page: Page, slug: str, email: str) -> None:
    """Choose a time of a link and say who books."""
    page.goto(f"/book/{slug}?day={format_future_day(3)}")
    page.locator("[data-picker][data-ready]").wait_for()
    page.locator("a.time").first.click()
    page.get_by_label("Name").fill("Grace Guest")
    page.get_by_label("E-mail").fill(email)
    page.get_by_role("button", name="Confirm booking").click()


def read_code(server: SmtpServer, email: str) -> str:
    """Read the code of the only mail to an address."""
    [message] = server.find_messages(email)
    return re.findall(r"Code: (\d{6})", get_part(message, "text/plain"))[0]


def test_is_computed_or_replaced_by_a_code(live_server: LiveServer, chromium: Browser) -> None:
    with run_smtp_server() as smtp_server:
        settings = live_server.services.settings.model_copy(
            update={"guest_check": "proof_of_work", **smtp_server.settings}
        )
        with run_live_server(settings) as checking_server, add_host(checking_server) as host:
            slug = host.create_link("Checked")["slug"]
            windows = BrowserWindows(checking_server, chromium, PageGuard(checking_server.base_url))
            page = windows.open_window(clipboard=False, viewport=PHONE)
            fill_in_details(page, slug, "computing@guest.example")
            page.wait_for_url("**/m/**")
            assert smtp_server.find_messages("computing@guest.example") == []

            page.add_init_script(WITHOUT_CRYPTOGRAPHY)
            fill_in_details(page, slug, "waiting@guest.example")
            code_field = page.get_by_label("Code from our mail")
            expect(code_field).to_be_focused()
            for scheme in ("light", "dark"):
                assert find_violations(page, scheme) == []
            code_field.fill(read_code(smtp_server, "waiting@guest.example"))
            page.get_by_role("button", name="Confirm booking").click()
            page.wait_for_url("**/m/**")
            windows.close_windows()
            assert windows.guard.problems == []
