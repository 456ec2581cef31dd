"""A host on a phone, with long, right-to-left and emoji names: sends a link, moves, cancels and replaces a meeting."""

from playwright.sync_api import expect

from tests.browser.browsing import PHONE, BrowserWindows, find_overflow, find_violations
from tests.browser.extreme_values import EMOJI, RIGHT_TO_LEFT


def test_sends_a_link_moves_and_replaces_a_meeting(windows: BrowserWindows) -> None:
    page = windows.open_window("julio", viewport=PHONE, has_touch=True)
    problems: list[str] = []

    def look() -> None:
        problems.extend(find_overflow(page, 320) + find_violations(page, "light") + find_overflow(page, 390))
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]

    page.goto("/links")
    page.locator(".split-more").first.click()
    page.locator("[data-single-use-for]:visible").click()
    page.locator("#single-use-name").fill(RIGHT_TO_LEFT)
    look()
    page.get_by_role("button", name="Make and copy").click()
    expect(page.locator("[data-toast]").first).to_be_visible()
    look()
    page.goto("/meeting-log?status=scheduled&q=Ångström")
    look()
    page.locator("tbody th a").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(EMOJI)
    look()
    page.get_by_role("link", name="Reschedule").click()
    look()
    page.locator("button[name=start]").last.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Move the meeting?")
    page.get_by_label("Message to").fill(RIGHT_TO_LEFT)
    look()
    page.get_by_role("button", name="Move the meeting").click()
    expect(page.locator("[data-toast]").first).to_be_visible()
    expect(page.locator(".story")).to_contain_text("moved")
    look()
    page.get_by_role("link", name="Cancel").click()
    page.get_by_label("Reason").fill(RIGHT_TO_LEFT)
    look()
    page.get_by_role("button", name="Cancel the meeting").click()
    page.get_by_role("button", name="Give a new link").click()
    expect(page.locator("[data-toast]").first).to_be_visible()
    expect(page.get_by_text("In place of", exact=True)).to_be_visible()
    look()
    assert problems == []
