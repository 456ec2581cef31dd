"""The guest's pages with their script: the guest's own zone, keyboard, lost replies, and a time that went meanwhile."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from tests.api_driver import House, code_of
from tests.browser.browsing import PHONE, Browsing, Live, violations
from tests.browser.hosting import booked, clock_changes, hosting, in_days

GONE = r"the server responded with a status of (404|409|410|422)"
BERLIN = "Europe/Berlin"
COUNT_SHIFTS = """
window.shift = 0;
const seen = (list) => list.getEntries().forEach((entry) => { window.shift += entry.value; });
new PerformanceObserver(seen).observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture(scope="module")
def host(served: Live) -> Iterator[House]:
    """Whose time is booked."""
    with hosting(served) as found:
        yield found


def look(browsing: Browsing, path: str, zone: str = BERLIN, **settings: Any) -> Page:
    """A guest's window at a link whose script has begun."""
    page = browsing.window(clipboard=False, timezone_id=zone, locale=settings.pop("locale", "en-GB"), **settings)
    page.goto(path)
    if settings.get("java_script_enabled", True):
        page.locator("[data-picker][data-ready]").wait_for()
    return page


def day_at(page: Page, day: str) -> Any:
    """A day of the month that is shown."""
    return page.locator("calendar-month").get_by_role("button", name=re.compile(rf"^{int(day)} "))


def fill_in(page: Page) -> None:
    """Says who books."""
    page.get_by_label("Name").fill("Grace Guest")
    page.get_by_label("E-mail").fill("grace@guest.example")
    page.get_by_label("Notes").fill("One\nTwo")


def start_of(page: Page) -> str:
    """The time that was chosen."""
    return parse_qs(urlsplit(page.url).query)["start"][0]


def reschedule(page: Page) -> None:
    """Goes to the times of a day that is still whole, whatever the time of day is now."""
    page.get_by_role("link", name="Reschedule").click()
    page.wait_for_url("**/reschedule")
    page.goto(f"{page.url}?day={in_days(4)}")


def confirm(page: Page) -> None:
    """Books, and waits for the booking's own page."""
    page.get_by_role("button", name="Confirm booking").click()
    page.wait_for_url("**/m/**")


class TestOwnZone:
    """Times are the guest's own."""

    def test_books_in_another_zone_and_nobody_after(self, browsing: Browsing, served: Live, host: House) -> None:
        link = host.link("Another zone")
        [code] = host.codes(link)
        page = look(browsing, f"/s/{code}?day={in_days(3)}", "Asia/Tokyo")
        expect(page.locator(".zone-now")).to_contain_text("Asia/Tokyo (GMT+9)")
        page.get_by_role("link", name="06:30", exact=True).click()
        expect(page.locator(".fact-when")).to_contain_text("06:30 – 07:00")
        start = start_of(page)
        assert start[11:] == "21:30:00Z"
        fill_in(page)
        confirm(page)
        expect(page.get_by_role("heading", level=1)).to_have_text("You are booked")
        expect(page.locator(".ticket")).to_contain_text("06:30 – 07:00")
        page.reload()
        [row] = booked(host, served, link)
        assert (row["starts_at"], row["guest"]["time_zone"]) == (start, "Asia/Tokyo")
        browsing.guard.expect(GONE)
        other = browsing.window(clipboard=False)
        assert other.goto(f"/s/{code}").status == 410  # type: ignore[union-attr]
        expect(other.get_by_role("heading", level=1)).to_have_text("This link has been used")
        assert "Grace" not in other.content()

    def test_over_a_change_of_the_clock(self, browsing: Browsing, served: Live, host: House) -> None:
        link = host.link("Clock changes")
        forward, back = clock_changes()
        page = look(browsing, f"/book/{link['slug']}?day={forward}")
        expect(page.locator("[data-times-note]")).to_have_text("Clocks go forward on this day.")
        expect(page.locator("a.time")).to_have_count(46)
        assert page.get_by_role("link", name=re.compile("^02:")).count() == 0
        page.goto(f"/book/{link['slug']}?day={back}")
        expect(page.locator("[data-times-note]")).to_have_text("Clocks go back on this day.")
        expect(page.locator("a.time")).to_have_count(50)
        assert page.get_by_role("link", name=re.compile("^02:")).all_text_contents() == [
            "02:00 GMT+2",
            "02:30 GMT+2",
            "02:00 GMT+1",
            "02:30 GMT+1",
        ]
        page.get_by_role("link", name="02:30 GMT+1").click()
        fill_in(page)
        confirm(page)
        assert booked(host, served, link)[0]["starts_at"] == f"{back}T01:30:00Z"

    def test_the_zone_is_found_by_typing(self, browsing: Browsing, host: House) -> None:
        page = look(browsing, f"/book/{host.link('Zones')['slug']}?day={in_days(3)}")
        page.locator("summary.zone-now").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("combobox")).to_be_focused()
        page.keyboard.type("new york")
        expect(page.get_by_role("option")).to_have_count(1)
        page.keyboard.press("Enter")
        expect(page.locator(".zone-now")).to_contain_text("America/New York")
        expect(page.locator("summary.zone-now")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("combobox")).to_be_focused()
        page.keyboard.type("india standard")
        page.get_by_role("option", name="Asia/Kolkata").click()
        expect(page.locator("a.time").first).to_contain_text(":")
        expect(page.locator(".zone-now")).to_contain_text("Asia/Kolkata (GMT+5:30)")
        page.locator("a.time").first.click()
        assert page.locator("input[type=hidden][name=time_zone]").input_value() == "Asia/Kolkata"

    def test_twelve_hours_where_people_read_them(self, browsing: Browsing, host: House) -> None:
        path = f"/book/{host.link('Hours')['slug']}?day={in_days(3)}"
        page = look(browsing, path, locale="en-US")
        page.get_by_role("link", name="1:30 pm", exact=True).wait_for()
        page.get_by_role("button", name="24h").click()
        page.get_by_role("link", name="13:30", exact=True).wait_for()
        page.reload()
        page.get_by_role("link", name="13:30", exact=True).wait_for()
        look(browsing, path, locale="de-DE").get_by_role("link", name="13:30", exact=True).wait_for()


class TestCalendar:
    """The month."""

    def test_by_keyboard_alone(self, browsing: Browsing, served: Live, host: House) -> None:
        link = host.link("Keyboard")
        page = look(browsing, f"/book/{link['slug']}?month={in_days(40)[:7]}", "Africa/Lagos")
        month = str(date.fromisoformat(f"{in_days(40)[:7]}-01") + timedelta(days=32))[:7]
        heading = page.locator("[slot=heading]")
        before = heading.inner_text()
        next_month = page.get_by_role("button", name="Next month")
        next_month.focus()
        page.keyboard.press("Enter")
        expect(heading).not_to_have_text(before)
        page.locator("a.time").first.wait_for()
        page.keyboard.press("Tab")
        expect(day_at(page, "01")).to_be_focused()
        page.keyboard.press("ArrowDown")
        expect(day_at(page, "08")).to_be_focused()
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
        [row] = booked(host, served, link)
        assert row["starts_at"] == f"{month}-07T23:00:00Z"

    def test_never_leaves_the_booking_window(self, browsing: Browsing, host: House) -> None:
        body = {"name": "Short", "duration_minutes": 30, "booking_window_days": 1}
        kind = host.post("/v1/meeting-types", body, "member", 201)["id"]
        page = look(browsing, "/book/" + host.link("Short window", meeting_type_id=kind)["slug"], "UTC")
        expect(page.get_by_role("button", name="Previous month")).to_have_attribute("aria-disabled", "true")
        if in_days(0)[:7] == in_days(1)[:7]:
            expect(page.get_by_role("button", name="Next month")).to_have_attribute("aria-disabled", "true")

    def test_an_empty_month_leads_to_the_next_free_time(self, browsing: Browsing, host: House) -> None:
        body = {"name": "Far", "duration_minutes": 30, "minimum_notice_minutes": 75 * 1440, "booking_window_days": 90}
        kind = host.post("/v1/meeting-types", body, "member", 201)["id"]
        path = "/book/" + host.link("Far", meeting_type_id=kind)["slug"]
        page = look(browsing, f"{path}?month={in_days(0)[:7]}", "UTC")
        expect(page.locator("[data-times-none]")).to_contain_text("No free times in")
        page.locator("[data-times-none] button").click()
        page.locator("a.time").first.wait_for()
        assert page.evaluate("document.querySelector('calendar-date').value") in (in_days(75), in_days(76))

    def test_back_and_forward(self, browsing: Browsing, host: House) -> None:
        page = look(browsing, f"/book/{host.link('Back')['slug']}?day={in_days(3)}")
        page.locator("a.time").nth(3).click()
        chosen = page.url
        page.get_by_label("Name").fill("Kept")
        page.go_back()
        expect(page.locator("#times-name")).to_be_visible()
        page.go_forward()
        assert page.url == chosen
        expect(page.get_by_label("Name")).to_have_value("Kept")
        page.reload()
        expect(page.locator(".fact-when")).to_be_visible()
        page.get_by_role("link", name="Other times").click()
        expect(page.locator("a.time").first).to_be_visible()


class TestOnce:
    """Whatever happens on the way, one meeting."""

    def chosen(self, browsing: Browsing, host: House, name: str) -> tuple[Any, Page]:
        """A form that only needs to be confirmed."""
        link = host.link(name)
        page = look(browsing, f"/s/{host.codes(link)[0]}?day={in_days(4)}")
        page.locator("a.time").nth(5).click()
        fill_in(page)
        return link, page

    def test_a_double_press(self, browsing: Browsing, served: Live, host: House) -> None:
        link, page = self.chosen(browsing, host, "Double press")
        page.get_by_role("button", name="Confirm booking").dblclick()
        page.wait_for_url("**/m/**")
        expect(page.get_by_role("heading", level=1)).to_have_text("You are booked")
        assert len(booked(host, served, link)) == 1

    def test_a_lost_reply(self, browsing: Browsing, served: Live, host: House) -> None:
        browsing.guard.expect("ERR_FAILED|503")
        link, page = self.chosen(browsing, host, "Lost reply")
        sent: list[str] = []

        def lose(route: Route) -> None:
            sent.append(route.request.headers["idempotency-key"])
            if len(sent) == 1:
                assert route.fetch().status == 201
                route.abort("failed")
            else:
                route.continue_()

        page.route("**/v1/book/*", lose)
        confirm(page)
        assert len(sent) == 2
        assert len(set(sent)) == 1
        assert len(booked(host, served, link)) == 1

    def test_a_server_that_gives_up_after_booking(self, browsing: Browsing, served: Live, host: House) -> None:
        browsing.guard.expect("status of 503|" + GONE)
        link, page = self.chosen(browsing, host, "Gives up")

        def lose(route: Route) -> None:
            route.fetch()
            route.fulfill(status=503, body="{}")

        page.route("**/v1/book/*", lose, times=1)
        page.get_by_role("button", name="Confirm booking").click()
        expect(page.locator("[data-form-say]")).to_contain_text("nothing is booked twice")
        page.wait_for_url("**/m/**")
        page.go_back()
        assert len(booked(host, served, link)) == 1

    def test_a_time_that_went_meanwhile(self, browsing: Browsing, served: Live, host: House) -> None:
        browsing.guard.expect(GONE)
        link, page = self.chosen(browsing, host, "Went")
        rival = host.link("Rival")
        start = start_of(page)
        host.book(rival["slug"], start)
        page.get_by_role("button", name="Confirm booking").click()
        expect(page.locator("[data-say]")).to_contain_text("has just been taken")
        expect(page.locator("#times-name")).to_be_visible()
        expect(page.locator(f"a.time[href*='{start.replace(':', '%3A')}']")).to_have_count(0)
        page.locator("a.time").nth(5).click()
        expect(page.get_by_label("Name")).to_have_value("Grace Guest")
        expect(page.get_by_label("Notes")).to_have_value("One\nTwo")
        confirm(page)
        assert len(booked(host, served, link)) == 1

    def test_what_is_wrong_stands_at_its_field(self, browsing: Browsing, host: House) -> None:
        browsing.guard.expect(GONE)
        _, page = self.chosen(browsing, host, "Wrong")
        page.get_by_label("E-mail").fill("grace@nowhere")
        page.get_by_role("button", name="Confirm booking").click()
        expect(page.locator("#email-error")).to_contain_text("not an e-mail address")
        expect(page.get_by_label("E-mail")).to_be_focused()
        page.get_by_label("E-mail").fill("grace@guest.example")
        confirm(page)

    def test_a_link_that_closed_meanwhile(self, browsing: Browsing, host: House) -> None:
        browsing.guard.expect(GONE)
        link, page = self.chosen(browsing, host, "Closed")
        host.post(f"/v1/links/{link['id']}/disable", None, "member")
        page.get_by_role("button", name="Confirm booking").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("This link is switched off")


class TestWithoutScript:
    """The same, by links and forms."""

    def test_books_moves_and_cancels(self, browsing: Browsing, served: Live, host: House) -> None:
        link = host.link("No script")
        path = f"/s/{host.codes(link)[0]}?day={in_days(3)}"
        page = look(browsing, path, java_script_enabled=False)
        page.locator("summary.zone-now").click()
        page.locator("#zone-input").fill("Asia/Kolkata")
        page.get_by_role("button", name="Show times").click()
        expect(page.locator(".zone-now")).to_contain_text("Asia/Kolkata (GMT+5:30)")
        page.locator("a.day-free").last.click()
        page.locator("a.time").first.click()
        page.get_by_label("Name").fill("Grace Guest")
        page.get_by_label("E-mail").fill("grace@guest.example")
        confirm(page)
        expect(page.get_by_role("heading", level=1)).to_have_text("You are booked")
        reschedule(page)
        page.locator("a.time").nth(1).click()
        page.get_by_role("button", name="Move the meeting").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Your meeting was moved")
        page.get_by_role("link", name="Cancel meeting").click()
        page.get_by_role("button", name="Cancel the meeting").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("This meeting was cancelled")
        assert [row["status"] for row in booked(host, served, link)] == ["cancelled"]


class TestOwnPage:
    """The booking's own page."""

    def test_moves_and_cancels(self, browsing: Browsing, served: Live, host: House) -> None:
        link = host.link("Own page")
        made = host.book(link["slug"], host.slots(link["slug"])[4])
        own = f"/m/{code_of(made['manage_url'])}"
        page = browsing.window(clipboard=False, timezone_id="Asia/Tokyo", locale="en-GB")
        page.goto(own)
        with page.expect_download() as download:
            page.get_by_role("link", name="Add to calendar").click()
        assert download.value.suggested_filename == "meeting.ics"
        reschedule(page)
        page.locator("[data-picker][data-ready]").wait_for()
        expect(page.locator(".zone-now")).to_contain_text("Europe/Berlin")
        page.locator("a.time").nth(2).click()
        wanted = start_of(page)
        page.get_by_role("button", name="Move the meeting").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Your meeting was moved")
        assert booked(host, served, link)[0]["starts_at"] == wanted
        page.get_by_role("link", name="Cancel meeting").click()
        page.get_by_label("Reason").fill("Ill")
        page.get_by_role("button", name="Cancel the meeting").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("This meeting was cancelled")


@pytest.fixture(scope="module")
def places(host: House) -> dict[str, str]:
    """An address of each page."""
    link = host.link("Places", expires_at="2099-01-01T00:00:00Z")
    unused, used = host.codes(link, 2)
    first, second, *_ = host.slots(unused)
    own, other = (
        f"/m/{code_of(host.book(one, at)['manage_url'])}" for one, at in ((used, first), (link["slug"], second))
    )
    host.post(f"/v1/manage/{other[3:]}/cancel", {})
    day = in_days(5)
    return {
        "month": f"/s/{unused}?day={day}",
        "form": f"/book/{link['slug']}?start={day}T09:00:00Z",
        "gone": f"/book/{link['slug']}?start=2001-01-01T09:00:00Z",
        "booked": f"{own}?done=booked",
        "cancelled": other,
        "move": f"{own}/reschedule?day={day}",
        "moving": f"{own}/reschedule?start={day}T09:00:00Z",
        "cancel": f"{own}/cancel",
        "used": f"/s/{used}",
        "unknown": "/s/unknown",
    }


def show(page: Page, path: str) -> Page:
    """Opens a page, and waits until its script, if it has one, has begun."""
    page.goto(path)
    if page.locator("[data-picker]").count():
        page.locator("[data-picker][data-ready]").wait_for()
    return page


def in_both_looks(page: Page) -> list[str]:
    """What axe finds in light and in dark."""
    return [found for scheme in ("light", "dark") for found in violations(page, scheme)]


class TestPages:
    """What holds for every page of a guest."""

    def test_axe_finds_nothing(self, browsing: Browsing, places: dict[str, str]) -> None:
        browsing.guard.expect(GONE)
        page = browsing.window(clipboard=False, timezone_id=BERLIN)
        others = ("gone", "cancelled", "moving", "used")  # the rest is in tests/browser/screenshots.py
        found = {name: in_both_looks(show(page, places[name])) for name in others}
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        found |= {f"{name} on a phone": in_both_looks(show(page, places[name])) for name in ("month", "form")}
        assert {name: one for name, one in found.items() if one} == {}
        assert len(found) == len(others) + 2

    def test_axe_finds_nothing_in_the_choice_of_zones(self, browsing: Browsing, places: dict[str, str]) -> None:
        page = look(browsing, places["month"])
        page.locator("summary.zone-now").click()
        page.get_by_role("combobox").fill("berlin")
        assert in_both_looks(page) == []

    def test_no_address_leaves_in_a_referer(self, browsing: Browsing, places: dict[str, str]) -> None:
        browsing.guard.expect(GONE)
        page = browsing.window(clipboard=False)
        seen: list[str] = []
        page.on("request", lambda request: seen.append(request.all_headers().get("referer", "")))
        for path in places.values():
            show(page, path)
        page.goto(places["booked"])
        page.get_by_role("link", name="Reschedule").click()
        page.locator("a.time").first.click()
        page.get_by_role("button", name="Move the meeting").click()
        page.wait_for_url("**done=moved")
        assert len(seen) > 20
        assert set(seen) == {""}

    def test_no_page_is_wider_than_a_phone(self, browsing: Browsing, places: dict[str, str]) -> None:
        browsing.guard.expect(GONE)
        page = browsing.window(clipboard=False)
        for name, path in places.items():
            show(page, path)
            for width in (320, 390, 768, 1024):
                page.set_viewport_size({"width": width, "height": 800})
                wide = page.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, f"{name} is {wide} wide at {width}"

    def test_the_booking_page_is_small_and_nothing_jumps(self, browsing: Browsing, places: dict[str, str]) -> None:
        page = browsing.window(clipboard=False, timezone_id="UTC")
        sizes: dict[str, int] = {}
        page.on("response", lambda answer: sizes.update({answer.url: len(answer.body())}))
        page.add_init_script(COUNT_SHIFTS)
        page.goto(places["month"], wait_until="networkidle")
        assert 4 <= len(sizes) <= 6
        assert sum(sizes.values()) <= 200_000
        assert page.evaluate("shift") < 0.02
