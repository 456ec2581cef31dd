"""A guest's journey on a phone, with long, right-to-left and emoji names: book, keep, move, and be cancelled."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.api_driver import ALWAYS, ApiDriver
from tests.browser.browsing import PHONE, BrowserWindows, LiveServer, find_overflow, find_violations, read_clipboard
from tests.browser.extreme_values import EMOJI, RIGHT_TO_LEFT, UNBROKEN
from tests.browser.hosting import add_host, format_future_day, list_booked_meetings

MEMBER = f"{EMOJI} {RIGHT_TO_LEFT}"


@pytest.fixture(scope="module")
def host(live_server: LiveServer) -> Iterator[ApiDriver]:
    """A host who is free around the clock, with a name that reads from right to left."""
    with add_host(live_server) as api:
        api.patch(f"/v1/people/{api.ids['member']}", {"name": RIGHT_TO_LEFT}, "member")
        yield api


def create_team(host: ApiDriver) -> str:
    """Create a team with a long name, of one person who is free around the clock; return its id."""
    person = {"name": MEMBER, "email": "member@journey.example", "time_zone": "UTC", "weekly_hours": ALWAYS}
    person_id = host.post("/v1/people", person | {"roles": ["member"]}, "member", 201)["id"]
    team = {"name": UNBROKEN, "members": [{"person_id": person_id}]}
    return str(host.post("/v1/teams", team, "member", 201)["id"])


def test_books_copies_moves_and_is_cancelled(windows: BrowserWindows, live_server: LiveServer, host: ApiDriver) -> None:
    link = host.create_link(UNBROKEN, team_id=create_team(host))
    page = windows.open_window(viewport=PHONE, timezone_id="Asia/Jerusalem", locale="en-GB", has_touch=True)
    problems: list[str] = []

    def look() -> None:
        problems.extend(find_overflow(page, 390) + find_violations(page, "light"))
        problems.extend(find_overflow(page, 320))
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]

    page.goto(f"/book/{link['slug']}?day={format_future_day(3)}")
    page.locator("[data-picker][data-ready]").wait_for()
    zone = page.locator("summary.zone-now")
    expect(zone).to_contain_text("Israel Time (GMT+")
    box = zone.bounding_box()
    assert box
    assert box["y"] + box["height"] < PHONE["height"], "the choice of the zone is below the fold"
    expect(page.locator("main").first).to_contain_text("one of")
    look()
    zone.click()
    page.get_by_role("combobox").fill("portugal")
    expect(page.get_by_role("option").first).to_be_in_viewport()
    look()
    page.get_by_role("option", name="Lisbon, Portugal").click()
    expect(page.locator("[data-announce]")).to_have_text(re.compile(r"free times? on \w+, .*Western European"))
    page.locator("a.time").nth(3).click()
    page.get_by_label("Name").fill(EMOJI)
    page.get_by_label("E-mail").fill("zoe@guest.example")
    page.get_by_label("Notes").fill(UNBROKEN)
    look()
    page.get_by_role("button", name="Confirm booking").click()
    page.wait_for_url("**/m/**")
    expect(page.get_by_role("heading", level=1)).to_have_text("You are booked")
    expect(page.locator(".ticket bdi", has_text=RIGHT_TO_LEFT).first).to_be_visible()
    expect(page.locator(".ticket bdi", has_text=EMOJI).first).to_be_visible()
    expect(page.locator(".ticket bdi", has_text=MEMBER).first).to_be_visible()
    page.get_by_text("Add to calendar").click()
    expect(page.get_by_role("link", name="Google Calendar")).to_be_visible()
    look()
    page.get_by_role("button", name="Copy").click()
    expect(page.locator("[data-copied]")).to_have_text("Copied.")
    assert read_clipboard(page) == page.locator("#manage-url").input_value()
    manage_path = page.url.split("?")[0]
    page.get_by_role("link", name="Reschedule").click()
    page.locator("[data-picker][data-ready]").wait_for()
    look()
    page.locator("a.time").last.click()
    page.get_by_role("button", name="Move the meeting").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your meeting was moved")
    look()
    [meeting] = list_booked_meetings(host, live_server, link)
    host.post(f"/v1/bookings/{meeting['booking_id']}/cancel", {"reason": f"{RIGHT_TO_LEFT}: {UNBROKEN}"}, "member")
    page.goto(manage_path)
    expect(page.get_by_role("heading", level=1)).to_have_text("This meeting was cancelled")
    expect(page.locator(".ticket")).to_contain_text("cancelled it.")
    expect(page.get_by_role("link", name="Choose another time")).to_have_attribute("href", f"/book/{link['slug']}")
    look()
    assert problems == []
