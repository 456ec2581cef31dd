"""Every place where a link can be copied: the single-use link from there books once, for the second browser only."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.browser.browsing import BrowserWindows, read_clipboard
from tests.browser.screenshots import book_meeting


def open_my_links(page: Page) -> None:
    """My Links."""
    page.goto("/links?status=active")


def open_library(page: Page) -> None:
    """The Links Library."""
    page.goto("/links/library?status=active")


def complete_wizard(page: Page) -> None:
    """The wizard's last step, all the way through."""
    page.goto("/links/new")
    page.get_by_role("radio").first.check()
    page.get_by_role("button", name="Continue").click()
    name = f"Made by the wizard {uuid4().hex[:6]}"
    page.locator("#name").fill(name)
    page.get_by_role("button", name="Publish the link").click()
    expect(page.get_by_role("heading", name=f"{name} is ready")).to_be_visible()


def open_all_links(page: Page) -> None:
    """Link Management, All Links."""
    page.goto("/management/links?status=active")


def open_view_links(page: Page) -> None:
    """The View Links window of a managed link."""
    page.goto("/management/managed")
    page.get_by_role("link", name="View Links of Product tour").click()
    expect(page.get_by_role("dialog", name="Product tour")).to_be_visible()


def open_link_page(page: Page) -> None:
    """A link's own page."""
    page.goto("/links?status=active")
    page.locator("tbody th a").first.click()
    expect(page.get_by_role("heading", name="Single-use links")).to_be_visible()


SURFACES = [
    ("julio", open_my_links),
    ("sam", open_library),
    ("julio", complete_wizard),
    ("claire", open_all_links),
    ("claire", open_view_links),
    ("julio", open_link_page),
]


def find_top_window(page: Page) -> Any:
    """The window that is open over the page, or the page itself."""
    window = page.locator("dialog[open]")
    return window if window.count() else page.locator("main")


@pytest.mark.parametrize(("who", "surface"), SURFACES, ids=lambda value: getattr(value, "__name__", value))
class TestSurface:
    """One of the places."""

    def test_copies_a_single_use_link_that_books_once(
        self, windows: BrowserWindows, who: str, surface: Callable[[Page], None]
    ) -> None:
        page = windows.open_window(who)
        surface(page)
        split = find_top_window(page).locator("[data-split]").first
        split.get_by_role("button", name="More ways to copy").click()
        page.get_by_role("menuitem", name="Copy Single-Use Link").click()
        expect(page.locator("[data-toast]").last).to_contain_text("Copied a single-use link")
        expect(page.locator("[data-toast]").last).to_be_in_viewport()
        url = read_clipboard(page)
        assert url.startswith(f"{windows.live_server.base_url}/s/")
        second_page, third = windows.open_window(), windows.open_window()
        second_page.goto(url)
        book_meeting(second_page)
        expect(second_page.get_by_role("link", name="Reschedule")).to_be_visible()
        windows.guard.expect_message("status of 410")
        response = third.goto(url)
        assert response
        assert response.status == 410
        expect(third.get_by_role("heading")).to_contain_text("used")
        expect(third.get_by_role("button", name="Confirm booking")).to_have_count(0)

    def test_copies_the_link_itself(self, windows: BrowserWindows, who: str, surface: Callable[[Page], None]) -> None:
        page = windows.open_window(who)
        surface(page)
        split = find_top_window(page).locator("[data-split]").first
        name = split.get_attribute("data-name")
        split.get_by_role("button", name="Copy Link", exact=True).click()
        expect(page.locator("[data-toast]").last).to_contain_text(f"Copied the link {name}")
        path, slug = read_clipboard(page).removeprefix(windows.live_server.base_url).rsplit("/", 1)
        assert path == "/book"
        assert page.request.get(f"/v1/book/{slug}").json()["kind"] in ("standard", "managed")


def test_the_managed_wizard_copies_no_single_use_link(windows: BrowserWindows) -> None:
    page = windows.open_window("claire")
    page.goto("/management/managed/new")
    page.get_by_role("radio").first.check()
    page.get_by_role("button", name="Continue").click()
    page.locator("#name").fill("Partner briefing")
    page.locator("#slug").fill("partner-briefing")
    page.get_by_role("checkbox", name="Mira").check()
    page.get_by_role("checkbox", name="Sam").check()
    page.get_by_role("button", name="Make the links").click()
    expect(page.get_by_role("heading", name="Partner briefing is ready")).to_be_visible()
    expect(page.get_by_role("button", name="Copy Link", exact=True)).to_have_count(2)
    expect(page.locator("main").get_by_role("button", name="More ways to copy")).to_have_count(0)
    page.get_by_role("button", name="Copy Link", exact=True).first.click()
    expect(page.locator("[data-toast]").last).to_contain_text("Copied the link Partner briefing")
    assert "/book/partner-briefing-mira" in read_clipboard(page)
