"""Bulk actions with JavaScript: ten seconds of Undo, in which nothing is sent; closing the page sends at once."""

from typing import Any

from playwright.sync_api import Page, expect

from api.demo.organisation import JULIO
from tests.browser.browsing import PHONE, BrowserWindows, find_overflow, find_violations
from tests.browser.screenshots import wait_for_lists
from tests.waiting import wait_until

NAMES = ("Ann Lee", "مريم الزهراء", "👩🏽‍🚀 " + "Wolfeschlegelstein" * 9)


def open_list(windows: BrowserWindows, label: str, **settings: Any) -> Page:
    """Open the list of three new links, with a clock that the test moves."""
    page = windows.open_window("julio", **settings)
    headers = {"Origin": windows.live_server.base_url}
    [sample_link, *_] = page.request.get("/v1/links?view=mine").json()["items"]
    meeting_type_id = sample_link["meeting_type"]["id"]
    for name in NAMES:
        data = {"name": f"{label} {name}"[:120], "meeting_type_id": meeting_type_id}
        response = page.request.post("/v1/links", data=data, headers=headers)
        assert response.status == 201, response.text()
    wait_for_lists(windows.live_server)
    page.clock.install()
    page.goto(f"/links?q={label}")
    return page


def count_active(page: Page, label: str) -> int:
    """Count the links that can be booked, from the log."""
    items = page.request.get(f"/v1/links?view=mine&q={label}").json()["items"]
    return [page.request.get(f"/v1/links/{item['id']}").json()["status"] for item in items].count("active")


def disable_two(page: Page) -> None:
    """Select two links and disable them."""
    for tick in page.locator("input[name=ids]").all()[:2]:
        tick.check()
    button = page.locator("[data-bulk-button]")
    expect(button).to_be_enabled()
    button.click()


def test_undone_sends_nothing_and_then_it_is_sent(windows: BrowserWindows) -> None:
    page = open_list(windows, "undone", viewport=PHONE)
    button, toast = page.locator("[data-bulk-button]"), page.locator("[data-toast=undo]")
    expect(button).to_be_disabled()
    disable_two(page)
    expect(toast).to_contain_text("Disabling 2 links.")
    expect(page.locator("tr.row-held")).to_have_count(2)
    page.clock.run_for(5_000)
    toast.get_by_role("button", name="Undo").click()
    expect(page.locator("tr.row-held")).to_have_count(0)
    expect(button).to_be_focused()
    page.clock.run_for(30_000)
    assert count_active(page, "undone") == 3
    button.click()
    expect(toast).to_be_visible()
    page.clock.run_for(10_500)
    expect(page.locator("[data-toast]")).to_contain_text("Disabled 2 links.")
    assert count_active(page, "undone") == 1
    page.get_by_label("All on this page").check()
    expect(page.get_by_text("1 selected")).to_be_visible()
    assert find_violations(page, "light") == []
    assert find_overflow(page, 320) == []


def test_closing_the_page_sends_at_once(windows: BrowserWindows) -> None:
    page = open_list(windows, "closing")
    other_page = page.context.new_page()
    disable_two(page)
    expect(page.locator("[data-toast=undo]")).to_be_visible()
    page.close()
    wait_until(lambda: count_active(other_page, "closing") == 1)


def test_a_question_can_be_taken_back_too(windows: BrowserWindows) -> None:
    page = windows.open_window("claire")
    page.goto(f"/management/people/{JULIO.id}")
    page.locator("form[data-bulk=meetings] input[name=ids]").first.check()
    page.get_by_role("button", name="Cancel…").click()
    page.get_by_label("Reason").fill("Away")
    button = page.get_by_role("button", name="Cancel 1 meeting")
    button.click()
    page.locator("[data-toast=undo]").get_by_role("button", name="Undo").click()
    expect(button).to_be_focused()
    expect(page.get_by_label("Reason")).to_have_value("Away")
    expect(page.locator("[data-toast]")).to_contain_text("Nothing was changed")


def test_what_is_held_when_the_session_ends_is_said_not_to_be_done(windows: BrowserWindows) -> None:
    page = open_list(windows, "ended")
    disable_two(page)
    expect(page.locator("[data-toast=undo]")).to_be_visible()
    page.context.clear_cookies()
    page.clock.run_for(10_500)
    expect(page.get_by_text("what you sent was not saved")).to_be_visible()
    assert page.locator("input[name=next]").get_attribute("value") == "/links?q=ended"
