"""Meeting Logs: the toggle, filters in the address, CSV, and a meeting that is opened, moved and cancelled."""

import csv
import io

from playwright.sync_api import Page, expect

from tests.browser.browsing import BrowserWindows, find_violations


def list_link_types(page: Page) -> set[str]:
    """The link types of the table."""
    return set(page.locator("#list tbody td[data-label='Link Type']").all_inner_texts())


def open_last_meeting(windows: BrowserWindows) -> Page:
    """A window on the meeting that begins last, which is still to come."""
    page = windows.open_window("claire")
    page.goto("/meeting-log?status=scheduled&sort=-starts_at")
    page.locator("#list tbody th a").first.click()
    expect(page.get_by_role("heading", name="Timeline")).to_be_visible()
    return page


class TestToggle:
    """Hide Single-Use Links."""

    def test_hides_single_use_rows_and_stays_in_the_address(self, windows: BrowserWindows) -> None:
        page = windows.open_window("claire")
        page.goto("/meeting-log")
        toggle = page.get_by_role("switch", name="Hide Single-Use Links")
        expect(toggle).not_to_be_checked()
        assert list_link_types(page) == {"Standard", "Managed", "Single-Use"}
        toggle.check()
        expect(page.get_by_text("Single-Use", exact=True).locator("visible=true")).to_have_count(0)
        assert "hide_single_use=true" in page.url
        assert list_link_types(page) == {"Standard", "Managed"}
        page.reload()
        expect(toggle).to_be_checked()
        assert list_link_types(page) == {"Standard", "Managed"}
        toggle.uncheck()
        expect(page.locator("#list .tag-once").first).to_be_visible()
        assert "hide_single_use" not in page.url

    def test_works_without_javascript(self, windows: BrowserWindows) -> None:
        page = windows.open_window("claire", java_script_enabled=False)
        page.goto("/meeting-log")
        page.get_by_role("switch", name="Hide Single-Use Links").check()
        page.get_by_role("button", name="Apply").click()
        assert list_link_types(page) == {"Standard", "Managed"}


class TestFilters:
    """What narrows the log is in the address, and the CSV has the same rows."""

    def test_together_with_the_same_as_csv(self, windows: BrowserWindows) -> None:
        page = windows.open_window("claire")
        page.goto("/meeting-log")
        page.get_by_label("Link type").select_option("Single-Use")
        expect(page).to_have_url(f"{windows.live_server.base_url}/meeting-log?link_type=single_use")
        expect(page.locator("#list tbody td[data-label='Link Type'] .tag:not(.tag-once)")).to_have_count(0)
        shown_count = page.locator("#list tbody tr").count()
        assert shown_count > 5
        response = page.request.get("/meeting-log.csv?link_type=single_use")
        rows = list(csv.DictReader(io.StringIO(response.text())))
        assert len(rows) == shown_count
        assert {row["link_type"] for row in rows} == {"single_use"}

    def test_days_are_the_viewers_own_and_included(self, windows: BrowserWindows) -> None:
        page = windows.open_window("claire")
        page.goto("/meeting-log?sort=starts_at")
        first = page.locator("#list tbody td[data-label='Meeting'] time").first
        day = str(first.evaluate("one => new Date(one.dateTime).toLocaleDateString('sv', {timeZone: 'Europe/Paris'})"))
        page.goto(f"/meeting-log?starts_from={day}&starts_to={day}")
        expect(page.locator("#list tbody tr").first).to_be_visible()
        shown_days = page.locator("#list tbody td[data-label='Meeting'] time").evaluate_all(
            "all => all.map(one => new Date(one.dateTime).toLocaleDateString('sv', {timeZone: 'Europe/Paris'}))"
        )
        assert set(shown_days) == {day}

    def test_search(self, windows: BrowserWindows) -> None:
        page = windows.open_window("claire")
        page.goto("/meeting-log")
        page.get_by_role("searchbox").fill("grac")
        expect(page.locator("#list tbody tr", has_not_text="Grace")).to_have_count(0)
        expect(page.locator("#list tbody tr").first).to_contain_text("Grace", ignore_case=True)

    def test_members_see_their_own(self, windows: BrowserWindows) -> None:
        page = windows.open_window("priya")
        page.goto("/meeting-log")
        rows = page.locator("#list tbody tr")
        expect(rows.first).to_be_visible()
        expect(rows.filter(has_not_text="Priya Raman")).to_have_count(0)


class TestMeeting:
    """One meeting."""

    def test_is_moved_to_a_time_that_is_free(self, windows: BrowserWindows) -> None:
        page = open_last_meeting(windows)
        start_before = page.locator("dt:text-is('Starts') + dd time").get_attribute("datetime")
        page.get_by_role("link", name="Reschedule").click()
        page.locator(".day-columns button").last.click()
        page.get_by_label("Message to").fill("See you then")
        assert find_violations(page, "light") == []
        page.get_by_role("button", name="Move the meeting").click()
        expect(page.locator("[data-toast]")).to_contain_text("Moved the meeting")
        expect(page.locator("dt:text-is('State') + dd")).to_have_text("Rescheduled")
        assert page.locator("dt:text-is('Starts') + dd time").get_attribute("datetime") != start_before
        expect(page.locator(".story > li", has_text="moved").last).to_contain_text("saying “See you then”")

    def test_a_time_that_went_meanwhile_is_said_beside_the_others(self, windows: BrowserWindows) -> None:
        page = open_last_meeting(windows)
        page.get_by_role("link", name="Reschedule").click()
        page.locator(".day-columns button").first.evaluate("button => (button.value = '2001-01-01T09:00:00+00:00')")
        windows.guard.expect_message("status of 422")
        page.locator(".day-columns button").first.click()
        page.get_by_label("Message to").fill("Sorry")
        page.get_by_role("button", name="Move the meeting").click()
        expect(page.get_by_role("alert")).to_be_visible()
        expect(page.locator(".day-columns button").first).to_be_visible()

    def test_is_cancelled_after_a_question(self, windows: BrowserWindows) -> None:
        page = open_last_meeting(windows)
        page.get_by_role("link", name="Cancel…").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("link", name="Keep it")).to_be_focused()
        dialog.get_by_label("Reason").fill("Nobody is there")
        dialog.get_by_role("button", name="Cancel the meeting").click()
        expect(page.locator("dt:text-is('State') + dd")).to_have_text("Cancelled")
        expect(page.locator("dt:text-is('Reason') + dd")).to_have_text("Nobody is there")
        expect(page.get_by_role("link", name="Reschedule")).to_have_count(0)

    def test_of_others_is_not_there(self, windows: BrowserWindows) -> None:
        meeting_url = open_last_meeting(windows).url
        other_page = windows.open_window("priya")
        windows.guard.expect_message("status of 404")
        other_page.goto(meeting_url)
        expect(other_page.get_by_role("heading", name="There is nothing here")).to_be_visible()
