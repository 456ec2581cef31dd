"""The history as sentences, and the slider through the time of one thing."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from api.demo.organisation import JULIO
from tests.api_driver import code_of
from tests.browser.browsing import Browsing, Live
from tests.browser.hosting import hosting


def fact(page: Page, name: str) -> Locator:
    """What is said of the thing at the moment that is looked at."""
    return page.locator(".facts > div", has=page.locator(f"dt:text-matches('^{name}')"))


@pytest.fixture(scope="module")
def moved(served: Live) -> Iterator[str]:
    """The history of a meeting that was booked and then moved, once, and of nothing else that happens meanwhile."""
    with hosting(served) as house:
        [code] = house.codes(house.link("Moved once"))
        first, second, *_ = house.slots(code)
        made = house.book(code, first)
        house.post(f"/v1/manage/{code_of(made['manage_url'])}/reschedule", {"start": second})
        yield f"/history/{made['booking']['id']}"


def test_slides_through_the_time_of_a_meeting(browsing: Browsing, moved: str) -> None:
    page = browsing.window("tomasz")
    page.goto(moved)
    slider = page.get_by_role("slider")
    count = int(slider.get_attribute("max") or 0)
    assert count >= 3
    expect(fact(page, "Status")).to_contain_text("rescheduled")
    slider.focus()
    for _ in range(count - 2):
        slider.press("ArrowLeft")
    expect(page.locator("[aria-current='step']")).to_contain_text("booked")
    assert page.url.endswith("?step=2")
    expect(fact(page, "Status")).to_contain_text("scheduled")
    expect(fact(page, "Reschedule count")).to_contain_text("0")
    slider.press("ArrowRight")
    expect(fact(page, "Starts").locator(".tag")).to_have_text("changed")
    expect(page.locator(".timeline > .later")).to_have_count(count - 3)


def test_presses_faster_than_answers_all_count(browsing: Browsing, moved: str) -> None:
    page = browsing.window("tomasz")
    page.goto(moved)
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


def test_shows_a_link_as_it_was(browsing: Browsing) -> None:
    julio = browsing.window("julio")
    id, origin = JULIO.created("julio"), {"Origin": browsing.live.base_url}
    before = julio.request.get(f"/v1/links/{id}").json()["name"]
    assert julio.request.patch(f"/v1/links/{id}", data={"name": f"{before}, again"}, headers=origin).ok
    page = browsing.window("tomasz")
    page.goto(f"/history/{id}")
    expect(fact(page, "Name").locator(".tag")).to_have_text("changed")
    expect(fact(page, "Name").locator("dd")).to_have_text(f"{before}, again")
    page.get_by_role("slider").press("Home")
    expect(fact(page, "Name").locator("dd")).to_have_text(before)
    expect(page.locator(".fact-changed")).to_have_count(0)


def test_the_log_is_filtered_in_the_address(browsing: Browsing) -> None:
    page = browsing.window("tomasz")
    page.goto("/history")
    page.get_by_label("What happened").select_option("Meeting cancelled")
    expect(page).to_have_url(f"{browsing.live.base_url}/history?type=MeetingCancelled")
    expect(page.locator("#list tbody th", has_not_text="cancelled")).to_have_count(0)
    expect(page.locator("#list tbody tr").first).to_be_visible()
    page.get_by_label("Who").select_option("Guests")
    expect(page.locator("#list tbody th", has_not_text="guest")).to_have_count(0)


def test_is_for_auditors_and_admins(browsing: Browsing) -> None:
    page = browsing.window("julio")
    browsing.guard.expect("status of 403")
    page.goto("/history")
    expect(page.get_by_role("heading", name="This is not for you")).to_be_visible()
