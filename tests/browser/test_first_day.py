"""A new person's first day in a browser: the proposed zone, and the list on My Links, on a phone too."""

from uuid import uuid4

from playwright.sync_api import expect

from api.cli.people import add_person
from api.clock import read_clock
from tests.browser.browsing import PHONE, BrowserWindows, find_violations

LONG_NAME = "Nóra 🚀 שרה " + "x" * 60


def test_the_browser_proposes_its_zone_and_the_list_leads_on(windows: BrowserWindows) -> None:
    services = windows.live_server.services
    person_id = add_person(services, f"nora-{uuid4().hex[:6]}@nexora.example", ["member"], LONG_NAME, "UTC")
    code = services.api_keys.create_sign_in_code(person_id, read_clock())
    page = windows.open_window(timezone_id="Asia/Tokyo", viewport=PHONE)
    page.goto(f"/sign-in/{code}")
    page.get_by_role("button", name="Sign in to Oncelink").click()
    expect(page.get_by_label("Time zone")).to_have_value("Asia/Tokyo")
    expect(page.get_by_role("status").first).to_contain_text("Your browser is in Asia/Tokyo. So far you were in UTC.")
    expect(page.locator("[data-zone-now]")).to_contain_text("There it is")
    assert find_violations(page, "light") == []
    page.get_by_role("button", name="This is my time zone").click()
    expect(page.get_by_role("heading", name="Ready for your first guest 1 of 5 done")).to_be_visible()
    expect(page.locator(".todo")).to_contain_text("Your time zone: Tokyo, Japan")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert [violation for scheme in ("light", "dark") for violation in find_violations(page, scheme)] == []
    page.get_by_role("button", name="They are right").click()
    expect(page.get_by_role("heading", name="2 of 5 done")).to_be_visible()
