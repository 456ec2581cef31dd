"""The history as sentences, and the slider through the time of one thing."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from api.demo.organisation import JULIO
from tests.api_driver import extract_code
from tests.browser.browsing import BrowserWindows, LiveServer
from tests.browser.hosting import add_host


def find_fact(page: Page, name: str) -> Locator:
    """Find a property as it was at the chosen moment."""
    return page.locator(".facts > div", has=page.locator(f"dt:text-matches('^{name}')"))


@pytest.fixture(scope="module")
def rescheduled_booking_id(live_server: LiveServer) -> Iterator[str]:
    """Id of a meeting that was booked and then rescheduled once."""
    with add_host(live_server) as api:
        [code] = api.create_codes(api.create_link("Moved once"))
        first_start, second_start, *_ = api.list_slots(code)
        booking = api.book_meeting(code, first_start)
        api.post(f"/v1/manage/{extract_code(booking['manage_url'])}/reschedule", {"start": second_start})
        yield f"/history/{booking['booking']['id']}"


def test_slides_through_the_time_of_a_meeting(windows: BrowserWindows, rescheduled_booking_id: str) -> None:
    page = windows.open_window("tomasz")
    page.goto(rescheduled_booking_id)
    slider = page.get_by_role("slider")
    count = int(slider.get_attribute("max") or 0)
    assert count >= 3
    expect(find_fact(page, "Status")).to_contain_text("rescheduled")
    slider.focus()
    for _ in range(count - 2):
        slider.press("ArrowLeft")
    expect(page.locator("[aria-current='step']")).to_contain_text("booked")
    assert page.url.endswith("?step=2")
    expect(find_fact(page, "Status")).to_contain_text("scheduled")
    expect(find_fact(page, "Reschedule count")).to_contain_text("0")
    slider.press("ArrowRight")
    expect(find_fact(page, "Starts").locator(".tag")).to_have_text("changed")
    expect(page.locator(".timeline > .later")).to_have_count(count - 3)


def test_presses_faster_than_answers_all_count(windows: BrowserWindows, rescheduled_booking_id: str) -> None:
    page = windows.open_window("tomasz")
    page.goto(rescheduled_booking_id)
    page.route(re.compile(r"step="), lambda route: (page.wait_for_timeout(300), route.fallback()))
    slider = page.get_by_role("slider")
    last = int(slider.get_attribute("max") or 0)
    assert last >= 2
    slider.focus()
    with page.expect_request(re.compile(rf"step={last - 1}$")):
        slider.press("ArrowLeft")
    with page.expect_request(re.compile(r"step=1$")):
        slider.press("Home")
    expect(page.locator(".slider-label .count")).to_have_text("1")
    expect(page).to_have_url(re.compile(r"\?step=1$"))
    expect(slider).to_have_value("1")
    expect(slider).to_be_focused()
    expect(page.locator(".timeline > .later")).to_have_count(last - 1)


def test_shows_a_link_as_it_was(windows: BrowserWindows) -> None:
    julio = windows.open_window("julio")
    id, origin = JULIO.derive_created_id("julio"), {"Origin": windows.live_server.base_url}
    name_before = julio.request.get(f"/v1/links/{id}").json()["name"]
    assert julio.request.patch(f"/v1/links/{id}", data={"name": f"{name_before}, again"}, headers=origin).ok
    page = windows.open_window("tomasz")
    page.goto(f"/history/{id}")
    expect(find_fact(page, "Name").locator(".tag")).to_have_text("changed")
    expect(find_fact(page, "Name").locator("dd")).to_have_text(f"{name_before}, again")
    page.get_by_role("slider").press("Home")
    expect(find_fact(page, "Name").locator("dd")).to_have_text(name_before)
    expect(page.locator(".fact-changed")).to_have_count(0)


def test_the_log_is_filtered_in_the_address(windows: BrowserWindows) -> None:
    page = windows.open_window("tomasz")
    page.goto("/history")
    page.get_by_label("What happened").select_option("Meeting cancelled")
    expect(page).to_have_url(f"{windows.live_server.base_url}/history?type=MeetingCancelled")
    expect(page.locator("#list tbody th", has_not_text="cancelled")).to_have_count(0)
    expect(page.locator("#list tbody tr").first).to_be_visible()
    page.get_by_label("Who").select_option("Guests")
    expect(page.locator("#list tbody th", has_not_text="guest")).to_have_count(0)


def test_is_for_auditors_and_admins(windows: BrowserWindows) -> None:
    page = windows.open_window("julio")
    windows.guard.expect_message("status of 403")
    page.goto("/history")
    expect(page.get_by_role("heading", name="This is not for you")).to_be_visible()
