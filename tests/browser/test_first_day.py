"""A new person's first day in a browser: the proposed zone, and the list on My Links, on a phone too."""

from uuid import uuid4

from playwright.sync_api import expect

from api.cli.people import add_person
from api.clock import read_clock
from tests.browser.browsing import PHONE, BrowserWindows, find_overflow, find_violations

LONG_NAME = "Nóra 🚀 שרה " + "x" * 60


def test_the_browser_proposes_its_zone_and_the_list_leads_on(windows: BrowserWindows) -> None:
    services = windows.live_server.services
    person_id = add_person(services, f"nora-{uuid4().hex[:6]}@nexora.example", ["member"], LONG_NAME, "UTC")
    code = services.api_keys.create_sign_in_code(person_id, read_clock())
    page = windows.open_window(timezone_id="Asia/Tokyo", viewport=PHONE)
    page.goto(f"/sign-in/{code}")
    page.get_by_role("button", name="Sign in to Oncelink").click()
    expect(page.get_by_label("Time zone")).to_have_value("Tokyo, Japan")
    expect(page.get_by_role("status").first).to_contain_text("Your browser is in Tokyo, Japan. So far you were in UTC.")
    expect(page.locator("[data-zone-now]")).to_contain_text("There it is")
    field = page.get_by_label("Time zone", exact=True)
    field.fill("pst")
    expect(page.get_by_role("option", selected=True)).to_contain_text("Los Angeles, United States")
    assert find_violations(page, "light") == []
    assert find_overflow(page, 320) == []
    field.press("Escape")
    field.fill("tok")
    field.press("Enter")
    expect(field).to_have_value("Tokyo, Japan")
    expect(page.locator("[data-zone-now]")).to_contain_text("There it is")
    page.set_viewport_size(PHONE)
    page.get_by_role("button", name="This is my time zone").click()
    expect(page.get_by_role("heading", name="Ready for your first guest 1 of 5 done")).to_be_visible()
    expect(page.locator(".todo")).to_contain_text("Your time zone: Tokyo, Japan")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert [violation for scheme in ("light", "dark") for violation in find_violations(page, scheme)] == []
    page.get_by_role("button", name="They are right").click()
    expect(page.get_by_role("heading", name="2 of 5 done")).to_be_visible()


def test_settings_have_the_same_chooser(windows: BrowserWindows) -> None:
    services = windows.live_server.services
    add_person(services, email := f"omar-{uuid4().hex[:6]}@nexora.example", ["member"], "Omar", "Asia/Calcutta")
    page = windows.open_window()
    code = services.api_keys.create_sign_in_code(services.reader.find_claims("email", [email])[email], read_clock())
    page.goto(f"/sign-in/{code}?next=/settings")
    page.get_by_role("button", name="Sign in to Oncelink").click()
    page.goto("/settings")
    field = page.get_by_label("Time zone", exact=True)
    expect(field).to_have_value("Kolkata, India")
    field.click()
    expect(page.get_by_role("option").first).to_contain_text("Kolkata, India")
    field.fill("nairo")
    page.get_by_role("option", name="Nairobi, Kenya").click()
    expect(field).to_have_value("Nairobi, Kenya")
    assert [violation for scheme in ("light", "dark") for violation in find_violations(page, scheme)] == []
    page.get_by_role("button", name="Save").first.click()
    expect(page.locator("[data-toast]")).to_be_visible()
    expect(field).to_have_value("Nairobi, Kenya")
    assert page.locator("input[name=time_zone]").input_value() == "Africa/Nairobi"
