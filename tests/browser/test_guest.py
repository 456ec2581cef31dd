"""The guest's pages with their script: the guest's own zone, keyboard, lost replies, and a time that went meanwhile."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Response, Route, expect

from tests.api_driver import ApiDriver, extract_code
from tests.browser.browsing import PHONE, BrowserWindows, LiveServer, find_violations
from tests.browser.hosting import add_host, find_clock_changes, format_future_day, list_booked_meetings

GONE = r"the server responded with a status of (404|409|410|422)"
BERLIN = "Europe/Berlin"
COUNT_SHIFTS = """
window.shift = 0;
const seen = (list) => list.getEntries().forEach((entry) => { window.shift += entry.value; });
new PerformanceObserver(seen).observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture(scope="module")
def host(live_server: LiveServer) -> Iterator[ApiDriver]:
    """The host whose time is booked."""
    with add_host(live_server) as api:
        yield api


def open_link(windows: BrowserWindows, path: str, zone: str = BERLIN, **settings: Any) -> Page:
    """Open a link in a guest's window and wait for its script."""
    page = windows.open_window(clipboard=False, timezone_id=zone, locale=settings.pop("locale", "en-GB"), **settings)
    page.goto(path)
    if settings.get("java_script_enabled", True):
        page.locator("[data-picker][data-ready]").wait_for()
    return page


def find_day(page: Page, day: str) -> Any:
    """A day of the month that is shown."""
    return page.locator("calendar-month").get_by_role("button", name=re.compile(rf"\b{int(day)} [A-Z]"))


def fill_guest_fields(page: Page) -> None:
    """Says who books."""
    page.get_by_label("Name").fill("Grace Guest")
    page.get_by_label("E-mail").fill("grace@guest.example")
    page.get_by_label("Notes").fill("One\nTwo")


def read_chosen_start(page: Page) -> str:
    """The time that was chosen."""
    return parse_qs(urlsplit(page.url).query)["start"][0]


def choose_full_day(page: Page) -> None:
    """Goes to the times of a day that is still whole, whatever the time of day is now."""
    page.get_by_role("link", name="Reschedule").click()
    page.wait_for_url("**/reschedule")
    page.goto(f"{page.url}?day={format_future_day(4)}")


def confirm_booking(page: Page) -> None:
    """Books, and waits for the booking's own page."""
    page.get_by_role("button", name="Confirm booking").click()
    page.wait_for_url("**/m/**")


class TestOwnZone:
    """Times are the guest's own."""

    def test_books_in_another_zone_and_nobody_after(
        self, windows: BrowserWindows, live_server: LiveServer, host: ApiDriver
    ) -> None:
        link = host.create_link("Another zone")
        [code] = host.create_codes(link)
        page = open_link(windows, f"/s/{code}?day={format_future_day(3)}", "Asia/Tokyo")
        expect(page.locator(".zone-now")).to_contain_text("Japan Standard Time (GMT+9)")
        page.get_by_role("link", name="06:30", exact=True).click()
        expect(page.locator(".fact-when")).to_contain_text("06:30 – 07:00")
        start = read_chosen_start(page)
        assert start[11:] == "21:30:00Z"
        fill_guest_fields(page)
        confirm_booking(page)
        expect(page.get_by_role("heading", level=1)).to_have_text("You are booked")
        expect(page.locator(".ticket")).to_contain_text("06:30 – 07:00")
        page.reload()
        [row] = list_booked_meetings(host, live_server, link)
        assert (row["starts_at"], row["guest"]["time_zone"]) == (start, "Asia/Tokyo")
        windows.guard.expect_message(GONE)
        other_page = windows.open_window(clipboard=False)
        assert other_page.goto(f"/s/{code}").status == 410  # type: ignore[union-attr]
        expect(other_page.get_by_role("heading", level=1)).to_have_text("This link has been used")
        assert "Grace" not in other_page.content()

    def test_over_a_change_of_the_clock(
        self, windows: BrowserWindows, live_server: LiveServer, host: ApiDriver
    ) -> None:
        link = host.create_link("Clock changes")
        forward, backward = find_clock_changes()
        page = open_link(windows, f"/book/{link['slug']}?day={forward}")
        expect(page.locator("[data-times-note]")).to_have_text("Clocks go forward on this day.")
        expect(page.locator("a.time")).to_have_count(46)
        assert page.get_by_role("link", name=re.compile("^02:")).count() == 0
        page.goto(f"/book/{link['slug']}?day={backward}")
        expect(page.locator("[data-times-note]")).to_have_text("Clocks go back on this day.")
        expect(page.locator("a.time")).to_have_count(50)
        assert page.get_by_role("link", name=re.compile("^02:")).all_text_contents() == [
            "02:00 GMT+2",
            "02:30 GMT+2",
            "02:00 GMT+1",
            "02:30 GMT+1",
        ]
        page.get_by_role("link", name="02:30 GMT+1").click()
        fill_guest_fields(page)
        confirm_booking(page)
        assert list_booked_meetings(host, live_server, link)[0]["starts_at"] == f"{backward}T01:30:00Z"

    def test_the_zone_is_found_by_typing(self, windows: BrowserWindows, host: ApiDriver) -> None:
        page = open_link(windows, f"/book/{host.create_link('Zones')['slug']}?day={format_future_day(3)}")
        page.locator("summary.zone-now").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("combobox")).to_be_focused()
        page.keyboard.type("new york")
        expect(page.get_by_role("option")).to_have_count(1)
        expect(page.get_by_role("option")).to_contain_text("New York, United States")
        page.keyboard.press("Enter")
        expect(page.locator(".zone-now")).to_contain_text("Eastern Time (GMT-")
        expect(page.locator("summary.zone-now")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("combobox")).to_be_focused()
        for words, place in (("ber", "Berlin, Germany"), ("jst", "Tokyo, Japan"), ("UK", "London"), ("gmt+9", "GMT+9")):
            page.get_by_role("combobox").fill(words)
            expect(page.get_by_role("option").first).to_contain_text(place)
        page.get_by_role("combobox").fill("ist")
        page.get_by_role("option", name="Kolkata, India").click()
        expect(page.locator("a.time").first).to_contain_text(":")
        expect(page.locator(".zone-now")).to_contain_text("India Standard Time (GMT+5:30)")
        announcement = re.compile(r"^\d+ free times on \w+, .*, India Standard Time")
        expect(page.locator("[data-announce]")).to_have_text(announcement)
        page.locator("a.time").first.click()
        assert page.locator("input[type=hidden][name=time_zone]").input_value() == "Asia/Kolkata"

    def test_of_a_browser_whose_zone_is_no_place(self, windows: BrowserWindows, host: ApiDriver) -> None:
        path = f"/book/{host.create_link('No place')['slug']}?day={format_future_day(3)}"
        names = {"Etc/GMT+8": "GMT-8", "EST5EDT": "(GMT-", "Asia/Calcutta": "India Standard Time"}
        for zone, name in names.items():
            page = open_link(windows, path, zone)
            expect(page.locator(".zone-now")).to_contain_text(name)
            page.get_by_role("button", name="Next month").click()
            expect(page.locator("[data-announce]")).to_have_text(re.compile(r"^48 free times on \w+, 1 "))
            page.locator("a.time").first.click()
            assert page.locator("input[type=hidden][name=time_zone]").input_value() == zone

    def test_of_a_browser_whose_zone_the_server_does_not_know(self, windows: BrowserWindows, host: ApiDriver) -> None:
        windows.guard.expect_message("status of 422")
        page = open_link(windows, f"/book/{host.create_link('Unknown zone')['slug']}?day={format_future_day(3)}")
        page.route(re.compile("slots.*Berlin"), lambda route: route.fulfill(status=422, body="{}"))
        page.get_by_role("button", name="Next month").click()
        expect(page.locator("[data-say]")).to_contain_text("We do not know your browser's time zone, Europe/Berlin.")
        expect(page.locator(".zone-now")).to_contain_text("UTC")

    def test_days_say_their_weekday_and_how_many_times_are_free(self, windows: BrowserWindows, host: ApiDriver) -> None:
        page = open_link(windows, f"/book/{host.create_link('Days')['slug']}?day={format_future_day(3)}")
        day = date.fromisoformat(format_future_day(3))
        label = re.compile(rf"^{day:%A},? {day.day} {day:%B} {day.year}, 48 free times$")
        expect(page.locator("calendar-month").get_by_role("button", name=label)).to_have_count(1)
        expect(page.locator("calendar-month").get_by_role("button", name="free time")).not_to_have_count(0)

    def test_twelve_hours_where_people_read_them(self, windows: BrowserWindows, host: ApiDriver) -> None:
        path = f"/book/{host.create_link('Hours')['slug']}?day={format_future_day(3)}"
        page = open_link(windows, path, locale="en-US")
        page.get_by_role("link", name="1:30 pm", exact=True).wait_for()
        page.get_by_role("button", name="24h").click()
        page.get_by_role("link", name="13:30", exact=True).wait_for()
        page.reload()
        page.get_by_role("link", name="13:30", exact=True).wait_for()
        open_link(windows, path, locale="de-DE").get_by_role("link", name="13:30", exact=True).wait_for()


class TestCalendar:
    """The month."""

    def test_by_keyboard_alone(self, windows: BrowserWindows, live_server: LiveServer, host: ApiDriver) -> None:
        link = host.create_link("Keyboard")
        page = open_link(windows, f"/book/{link['slug']}?month={format_future_day(40)[:7]}", "Africa/Lagos")
        month = str(date.fromisoformat(f"{format_future_day(40)[:7]}-01") + timedelta(days=32))[:7]
        heading = page.locator("[slot=heading]")
        heading_before = heading.inner_text()
        next_month = page.get_by_role("button", name="Next month")
        next_month.focus()
        page.keyboard.press("Enter")
        expect(heading).not_to_have_text(heading_before)
        page.locator("a.time").first.wait_for()
        page.keyboard.press("Tab")
        expect(find_day(page, "01")).to_be_focused()
        page.keyboard.press("ArrowDown")
        expect(find_day(page, "08")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#times-name")).to_have_text(re.compile(r"^\w{3}, 8 "))
        while page.evaluate("document.activeElement.className") != "time":
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_label("Name")).to_be_focused()
        page.keyboard.type("Grace Guest")
        page.keyboard.press("Tab")
        page.keyboard.type("grace@guest.example")
        page.keyboard.press("Enter")
        page.wait_for_url("**/m/**")
        [row] = list_booked_meetings(host, live_server, link)
        assert row["starts_at"] == f"{month}-07T23:00:00Z"

    def test_never_leaves_the_booking_window(self, windows: BrowserWindows, host: ApiDriver) -> None:
        body = {"name": "Short", "duration_minutes": 30, "booking_window_days": 1}
        kind = host.post("/v1/meeting-types", body, "member", 201)["id"]
        page = open_link(windows, "/book/" + host.create_link("Short window", meeting_type_id=kind)["slug"], "UTC")
        is_one_month = format_future_day(0)[:7] == format_future_day(1)[:7]
        turns = page.get_by_role("button", name=re.compile("(Previous|Next) month"))
        expect(turns).to_have_count(2)
        expect(turns.and_(page.locator("[aria-disabled=true]"))).to_have_count(2 if is_one_month else 1)

    def test_an_empty_month_leads_to_the_next_free_time(self, windows: BrowserWindows, host: ApiDriver) -> None:
        body = {"name": "Far", "duration_minutes": 30, "minimum_notice_minutes": 75 * 1440, "booking_window_days": 90}
        kind = host.post("/v1/meeting-types", body, "member", 201)["id"]
        path = "/book/" + host.create_link("Far", meeting_type_id=kind)["slug"]
        page = open_link(windows, f"{path}?month={format_future_day(0)[:7]}", "UTC")
        expect(page.locator("[data-times-none]")).to_contain_text("No free times in")
        page.locator("[data-times-none] button").click()
        page.locator("a.time").first.wait_for()
        assert page.evaluate("document.querySelector('calendar-date').value") in (
            format_future_day(75),
            format_future_day(76),
        )

    def test_back_and_forward(self, windows: BrowserWindows, host: ApiDriver) -> None:
        page = open_link(windows, f"/book/{host.create_link('Back')['slug']}?day={format_future_day(3)}")
        page.locator("a.time").nth(3).click()
        chosen_url = page.url
        page.get_by_label("Name").fill("Kept")
        page.go_back()
        expect(page.locator("#times-name")).to_be_visible()
        page.go_forward()
        assert page.url == chosen_url
        expect(page.get_by_label("Name")).to_have_value("Kept")
        page.reload()
        expect(page.locator(".fact-when")).to_be_visible()
        page.get_by_role("link", name="Other times").click()
        expect(page.locator("a.time").first).to_be_visible()


class TestOnce:
    """Whatever happens on the way, one meeting."""

    def open_chosen_time(self, windows: BrowserWindows, host: ApiDriver, name: str) -> tuple[Any, Page]:
        """A form that only needs to be confirmed."""
        link = host.create_link(name)
        page = open_link(windows, f"/s/{host.create_codes(link)[0]}?day={format_future_day(4)}")
        page.locator("a.time").nth(5).click()
        fill_guest_fields(page)
        return link, page

    def test_a_double_press(self, windows: BrowserWindows, live_server: LiveServer, host: ApiDriver) -> None:
        link, page = self.open_chosen_time(windows, host, "Double press")
        page.get_by_role("button", name="Confirm booking").dblclick()
        page.wait_for_url("**/m/**")
        expect(page.get_by_role("heading", level=1)).to_have_text("You are booked")
        assert len(list_booked_meetings(host, live_server, link)) == 1

    def test_a_lost_reply(self, windows: BrowserWindows, live_server: LiveServer, host: ApiDriver) -> None:
        windows.guard.expect_message("ERR_FAILED|503")
        link, page = self.open_chosen_time(windows, host, "Lost reply")
        keys: list[str] = []

        def drop_response(route: Route) -> None:
            keys.append(route.request.headers["idempotency-key"])
            if len(keys) == 1:
                assert route.fetch().status == 201
                route.abort("failed")
            else:
                route.continue_()

        page.route("**/v1/book/*", drop_response)
        confirm_booking(page)
        assert len(keys) == 2
        assert len(set(keys)) == 1
        assert len(list_booked_meetings(host, live_server, link)) == 1

    def test_a_server_that_gives_up_after_booking(
        self, windows: BrowserWindows, live_server: LiveServer, host: ApiDriver
    ) -> None:
        windows.guard.expect_message("status of 503|" + GONE)
        link, page = self.open_chosen_time(windows, host, "Gives up")

        def drop_response(route: Route) -> None:
            route.fetch()
            route.fulfill(status=503, body="{}")

        page.route("**/v1/book/*", drop_response, times=1)
        page.get_by_role("button", name="Confirm booking").click()
        expect(page.locator("[data-form-say]")).to_contain_text("nothing is booked twice")
        page.wait_for_url("**/m/**")
        page.go_back()
        assert len(list_booked_meetings(host, live_server, link)) == 1

    def test_a_time_that_went_meanwhile(
        self, windows: BrowserWindows, live_server: LiveServer, host: ApiDriver
    ) -> None:
        windows.guard.expect_message(GONE)
        link, page = self.open_chosen_time(windows, host, "Went")
        rival = host.create_link("Rival")
        start = read_chosen_start(page)
        host.book_meeting(rival["slug"], start)
        page.get_by_role("button", name="Confirm booking").click()
        expect(page.locator("[data-say]")).to_contain_text("has just been taken")
        expect(page.locator("#times-name")).to_be_visible()
        expect(page.locator(f"a.time[href*='{start.replace(':', '%3A')}']")).to_have_count(0)
        page.locator("a.time").nth(5).click()
        expect(page.get_by_label("Name")).to_have_value("Grace Guest")
        expect(page.get_by_label("Notes")).to_have_value("One\nTwo")
        confirm_booking(page)
        assert len(list_booked_meetings(host, live_server, link)) == 1

    def test_what_is_wrong_stands_at_its_field(self, windows: BrowserWindows, host: ApiDriver) -> None:
        windows.guard.expect_message(GONE)
        _, page = self.open_chosen_time(windows, host, "Wrong")
        page.get_by_label("E-mail").fill("grace@nowhere")
        page.get_by_role("button", name="Confirm booking").click()
        expect(page.locator("#email-error")).to_contain_text("not an e-mail address")
        expect(page.get_by_label("E-mail")).to_be_focused()
        page.get_by_label("E-mail").fill("grace@guest.example")
        confirm_booking(page)

    def test_a_link_that_closed_meanwhile(self, windows: BrowserWindows, host: ApiDriver) -> None:
        windows.guard.expect_message(GONE)
        link, page = self.open_chosen_time(windows, host, "Closed")
        host.post(f"/v1/links/{link['id']}/disable", None, "member")
        page.get_by_role("button", name="Confirm booking").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("This link is switched off")


class TestWithoutScript:
    """The same, by links and forms."""

    def test_books_moves_and_cancels(self, windows: BrowserWindows, live_server: LiveServer, host: ApiDriver) -> None:
        link = host.create_link("No script")
        path = f"/s/{host.create_codes(link)[0]}?day={format_future_day(3)}"
        page = open_link(windows, path, java_script_enabled=False)
        page.locator("summary.zone-now").click()
        page.locator("#zone-input").fill("Kolkata")
        page.get_by_role("button", name="Show times").click()
        expect(page.locator(".zone-now")).to_contain_text("India Standard Time (GMT+5:30)")
        page.locator("a.day-free").last.click()
        page.locator("a.time").first.click()
        page.get_by_label("Name").fill("Grace Guest")
        page.get_by_label("E-mail").fill("grace@guest.example")
        confirm_booking(page)
        expect(page.get_by_role("heading", level=1)).to_have_text("You are booked")
        choose_full_day(page)
        page.locator("a.time").nth(1).click()
        page.get_by_role("button", name="Move the meeting").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Your meeting was moved")
        page.get_by_role("link", name="Cancel meeting").click()
        page.get_by_role("button", name="Cancel the meeting").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("This meeting was cancelled")
        assert [row["status"] for row in list_booked_meetings(host, live_server, link)] == ["cancelled"]


class TestOwnPage:
    """The booking's own page."""

    def test_moves_and_cancels(self, windows: BrowserWindows, live_server: LiveServer, host: ApiDriver) -> None:
        link = host.create_link("Own page")
        booking = host.book_meeting(link["slug"], host.list_slots(link["slug"])[4])
        manage_path = f"/m/{extract_code(booking['manage_url'])}"
        page = windows.open_window(clipboard=False, timezone_id="Asia/Tokyo", locale="en-GB")
        page.goto(manage_path)
        page.get_by_text("Add to calendar").click()
        with page.expect_download() as download:
            page.get_by_role("link", name="Calendar file").click()
        assert download.value.suggested_filename == "meeting.ics"
        choose_full_day(page)
        page.locator("[data-picker][data-ready]").wait_for()
        expect(page.locator(".zone-now")).to_contain_text("Central European Time")
        page.locator("a.time").nth(2).click()
        chosen_start = read_chosen_start(page)
        page.get_by_role("button", name="Move the meeting").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Your meeting was moved")
        assert list_booked_meetings(host, live_server, link)[0]["starts_at"] == chosen_start
        page.get_by_role("link", name="Cancel meeting").click()
        page.get_by_label("Reason").fill("Ill")
        page.get_by_role("button", name="Cancel the meeting").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("This meeting was cancelled")


@pytest.fixture(scope="module")
def page_paths(host: ApiDriver) -> dict[str, str]:
    """An address of each page."""
    link = host.create_link("Places", expires_at="2099-01-01T00:00:00Z")
    unused_code, booked_code = host.create_codes(link, 2)
    first_start, second_start, *_ = host.list_slots(unused_code)
    own_path, other_path = (
        f"/m/{extract_code(host.book_meeting(code, at)['manage_url'])}"
        for code, at in ((booked_code, first_start), (link["slug"], second_start))
    )
    host.post(f"/v1/manage/{other_path[3:]}/cancel", {})
    day = format_future_day(5)
    return {
        "month": f"/s/{unused_code}?day={day}",
        "form": f"/book/{link['slug']}?start={day}T09:00:00Z",
        "gone": f"/book/{link['slug']}?start=2001-01-01T09:00:00Z",
        "booked": f"{own_path}?done=booked",
        "cancelled": other_path,
        "move": f"{own_path}/reschedule?day={day}",
        "moving": f"{own_path}/reschedule?start={day}T09:00:00Z",
        "cancel": f"{own_path}/cancel",
        "used": f"/s/{booked_code}",
        "unknown": "/s/unknown",
    }


def open_page(page: Page, path: str) -> Page:
    """Opens a page, and waits until its script, if it has one, has begun."""
    page.goto(path)
    if page.locator("[data-picker]").count():
        page.locator("[data-picker][data-ready]").wait_for()
    return page


def find_violations_in_both_schemes(page: Page) -> list[str]:
    """What axe finds in light and in dark."""
    return [violation for scheme in ("light", "dark") for violation in find_violations(page, scheme)]


class TestPages:
    """What holds for every page of a guest."""

    def test_axe_finds_nothing(self, windows: BrowserWindows, page_paths: dict[str, str]) -> None:
        windows.guard.expect_message(GONE)
        page = windows.open_window(clipboard=False, timezone_id=BERLIN)
        names = ("gone", "cancelled", "moving", "used")  # the rest is in tests/browser/screenshots.py
        violations_by_name = {
            name: find_violations_in_both_schemes(open_page(page, page_paths[name])) for name in names
        }
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        violations_by_name |= {
            f"{name} on a phone": find_violations_in_both_schemes(open_page(page, page_paths[name]))
            for name in ("month", "form")
        }
        assert {name: page_violations for name, page_violations in violations_by_name.items() if page_violations} == {}
        assert len(violations_by_name) == len(names) + 2

    def test_axe_finds_nothing_in_the_choice_of_zones(
        self, windows: BrowserWindows, page_paths: dict[str, str]
    ) -> None:
        page = open_link(windows, page_paths["month"])
        page.locator("summary.zone-now").click()
        page.get_by_role("combobox").fill("berlin")
        assert find_violations_in_both_schemes(page) == []

    def test_no_address_leaves_in_a_referer(self, windows: BrowserWindows, page_paths: dict[str, str]) -> None:
        windows.guard.expect_message(GONE)
        page = windows.open_window(clipboard=False)
        referers: list[str] = []
        page.on("request", lambda request: referers.append(request.all_headers().get("referer", "")))
        for path in page_paths.values():
            open_page(page, path)
        page.goto(page_paths["booked"])
        page.get_by_role("link", name="Reschedule").click()
        page.locator("a.time").first.click()
        page.get_by_role("button", name="Move the meeting").click()
        page.wait_for_url("**done=moved")
        assert len(referers) > 20
        assert set(referers) == {""}

    def test_no_page_is_wider_than_a_phone(self, windows: BrowserWindows, page_paths: dict[str, str]) -> None:
        windows.guard.expect_message(GONE)
        page = windows.open_window(clipboard=False)
        for name, path in page_paths.items():
            open_page(page, path)
            for width in (320, 390, 768, 1024):
                page.set_viewport_size({"width": width, "height": 800})
                wide = page.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, f"{name} is {wide} wide at {width}"

    def test_the_booking_page_is_small_and_nothing_jumps(
        self, windows: BrowserWindows, page_paths: dict[str, str]
    ) -> None:
        page = windows.open_window(clipboard=False, timezone_id="UTC")
        responses: list[Response] = []
        page.on("response", lambda response: responses.append(response))
        page.add_init_script(COUNT_SHIFTS)
        page.goto(page_paths["month"], wait_until="networkidle")
        sizes = {response.url: len(response.body()) for response in responses}
        assert 4 <= len(sizes) <= 6
        assert sum(sizes.values()) <= 200_000
        assert page.evaluate("shift") < 0.02
