"""People, meeting types, read models, usage and one's own settings."""

import re
from uuid import uuid4

import psycopg
from playwright.sync_api import Page, expect

from api.demo.organisation import JULIO
from store.embedded.server import Server
from tests.browser.browsing import BrowserWindows


def press_save(page: Page, name: str = "Save") -> None:
    """Presses the button of the form."""
    page.get_by_role("button", name=name, exact=True).click()


class TestPeople:
    """Adding, changing, deactivating."""

    def test_adds_somebody_whose_address_is_free(self, windows: BrowserWindows) -> None:
        page = windows.open_window("tomasz")
        page.goto("/admin/people/new")
        page.locator("#name").fill("Noor Kassab")
        page.locator("#email").fill("julio@nexora.example")
        windows.guard.expect_message("status of 422")
        press_save(page, "Add")
        expect(page.locator("#email-error")).to_be_visible()
        expect(page.locator("#name")).to_have_value("Noor Kassab")
        page.locator("#email").fill(f"noor-{uuid4().hex[:6]}@nexora.example")
        page.get_by_label("Analyst").check()
        press_save(page, "Add")
        expect(page.locator("[data-toast]")).to_contain_text("Added Noor Kassab")
        expect(page.locator("#list tbody tr", has_text="Noor Kassab").first).to_contain_text("analyst")

    def test_draws_hours_as_they_are_typed_and_keeps_them(self, windows: BrowserWindows) -> None:
        page = windows.open_window("tomasz")
        page.goto("/admin/people/new")
        page.locator("#name").fill("Hours Person")
        page.locator("#email").fill(f"hours-{uuid4().hex[:6]}@nexora.example")
        bars = page.locator("[data-week-day='sat'] rect:visible")
        expect(bars).to_have_count(0)
        page.get_by_label("Saturday, from").last.fill("10:00")
        page.get_by_label("Saturday, until").last.fill("00:00")
        expect(bars).to_have_attribute("width", "840")
        press_save(page, "Add")
        page.get_by_role("link", name="Hours Person").first.click()
        expect(bars).to_have_attribute("width", "840")
        expect(page.get_by_label("Saturday, until").first).to_have_value("00:00")

    def test_says_which_hours_are_wrong(self, windows: BrowserWindows) -> None:
        page = windows.open_window("tomasz")
        page.goto(f"/admin/people/{JULIO.id}")
        page.get_by_label("Sunday, from").last.fill("10:00")
        windows.guard.expect_message("status of 422")
        press_save(page)
        expect(page.get_by_role("group", name="Sunday")).to_contain_text("The end must be a time")
        expect(page.get_by_label("Sunday, from").first).to_be_focused()
        expect(page.get_by_label("Sunday, from").first).to_have_value("10:00")

    def test_two_who_save_the_same_lose_nothing(self, windows: BrowserWindows) -> None:
        first_page, second_page = windows.open_window("tomasz"), windows.open_window("tomasz")
        for page in (first_page, second_page):
            page.goto("/admin/meeting-types")
            page.locator("#list tbody th a").first.click()
        first_page.get_by_label("Location").fill("Room One")
        press_save(first_page)
        expect(first_page.locator("[data-toast]")).to_contain_text("follow at once")
        second_page.get_by_label("Location").fill("Room Two")
        windows.guard.expect_message("status of 412")
        press_save(second_page)
        conflict = second_page.get_by_role("alert")
        expect(conflict).to_contain_text("Room One")
        expect(conflict).to_contain_text("Room Two")
        expect(second_page.get_by_label("Location")).to_have_value("Room Two")
        press_save(second_page)
        expect(second_page.locator("[data-toast]")).to_contain_text("follow at once")

    def test_deactivates_and_activates(self, windows: BrowserWindows) -> None:
        page = windows.open_window("tomasz")
        page.goto("/admin/people?q=priya")
        page.get_by_role("link", name="Priya Raman").click()
        page.get_by_role("link", name="Deactivate…").click()
        page.get_by_role("dialog").get_by_role("button", name="Deactivate").click()
        expect(page.get_by_text("Deactivated: cannot sign in")).to_be_visible()
        page.get_by_role("button", name="Activate").click()
        expect(page.get_by_role("link", name="Deactivate…")).to_be_visible()

    def test_is_for_admins(self, windows: BrowserWindows) -> None:
        page = windows.open_window("claire")
        windows.guard.expect_message("status of 403")
        for path in ("/admin/people", "/admin/people/new", "/admin/meeting-types", "/admin/read-models"):
            page.goto(path)
            expect(page.get_by_role("heading", name="This is not for you")).to_be_visible()


class TestMeetingTypes:
    """Creating and changing."""

    def test_creates_one_and_says_what_is_wrong_first(self, windows: BrowserWindows) -> None:
        page = windows.open_window("tomasz")
        page.goto("/admin/meeting-types/new")
        page.locator("#name").fill("Workshop")
        page.get_by_label("Duration").fill("two hours")
        windows.guard.expect_message("status of 422")
        press_save(page, "Create")
        expect(page.locator("#duration_minutes-error")).to_be_visible()
        expect(page.get_by_label("Duration")).to_have_value("two hours")
        page.get_by_label("Duration").fill("150")
        expect(page.locator("#duration_minutes-said")).to_have_text("2 h 30 min")
        press_save(page, "Create")
        expect(page.locator("#list tbody tr", has_text="Workshop")).to_contain_text("2 h 30 min")


class TestReadModels:
    """A rebuild, with its progress in sight."""

    def test_shows_a_rebuild_until_it_has_taken_its_place(self, windows: BrowserWindows, server: Server) -> None:
        page = windows.open_window("tomasz")
        page.goto("/admin/read-models")
        row = page.locator("[data-model='meeting_log']")
        expect(row.locator("[data-state]")).to_have_text("Following")
        table_before = find_live_table(server, windows)
        with psycopg.connect(server.build_url(database="oncelink")) as blocking_connection:
            blocking_connection.execute(
                f'SELECT FROM "{windows.live_server.services.database.schema}".follower FOR UPDATE'
            )
            row.get_by_role("button", name="Rebuild").click()
            expect(page.locator("[data-toast]")).to_contain_text("it answers as before")
            expect(row.locator("[data-state]")).to_have_text("Rebuilding")
            expect(row.get_by_role("progressbar")).to_be_visible()
            expect(row.get_by_role("button", name="Rebuild")).to_be_disabled()
            blocking_connection.rollback()
        expect(row.locator("[data-state]")).to_have_text("Following")
        expect(row.get_by_role("progressbar")).to_be_hidden()
        expect(row.get_by_role("button", name="Rebuild")).to_be_enabled()
        assert find_live_table(server, windows) != table_before


def find_live_table(server: Server, windows: BrowserWindows) -> str:
    """The live table of the meeting log."""
    schema = windows.live_server.services.database.schema
    with psycopg.connect(server.build_url(database="oncelink")) as connection:
        row_of_model = connection.execute(f"SELECT live_table FROM \"{schema}\".read_models WHERE name = 'meeting_log'")
        row = row_of_model.fetchone()
    assert row
    return str(row[0])


class TestUsage:
    """Charts, each with its table."""

    def test_the_chart_and_the_table_say_the_same(self, windows: BrowserWindows) -> None:
        page = windows.open_window("claire")
        page.goto("/usage")
        booked_count = int(page.locator(".tally-booked dd").inner_text())
        assert booked_count > 20
        page.get_by_text("The numbers, day by day").click()
        cells = page.locator("caption:text-is('Usage by day') ~ tbody td:nth-child(4)").all_inner_texts()
        assert sum(map(int, cells)) == booked_count
        assert page.locator(".chart rect.chart-booked:visible").count() == sum(cell != "0" for cell in cells)
        page.get_by_label("Link type").select_option("Single-Use")
        expect(page).to_have_url(re.compile(r"/usage\?.*link_type=single_use"), timeout=30_000)
        assert int(page.locator(".tally-booked dd").inner_text()) < booked_count

    def test_tells_what_the_extension_issued(self, windows: BrowserWindows) -> None:
        page = windows.open_window("claire")
        [link] = page.request.get("/v1/links?view=all&limit=1").json()["items"]
        request_options = {
            "data": {"count": 4, "source": "extension"},
            "headers": {"Origin": windows.live_server.base_url},
        }
        assert page.request.post(f"/v1/links/{link['id']}/single-use", **request_options).ok
        page.goto("/usage")
        row = page.locator("section[aria-labelledby='by-source'] tbody tr", has_text="Extension")
        count = int(row.locator("td.num").first.inner_text())
        assert count >= 4
        page.get_by_role("combobox", name="Source").select_option("Extension")
        expect(page).to_have_url(re.compile(r"/usage\?.*source=extension"), timeout=30_000)
        expect(page.locator("section[aria-labelledby='by-source'] tbody tr")).to_have_count(1)
        assert int(page.locator(".tally-issued dd").inner_text()) == count


class TestSettings:
    """One's own hours, keys and sessions."""

    def test_hours_change_what_is_offered(self, windows: BrowserWindows) -> None:
        page = windows.open_window("mira")
        page.goto("/settings")
        page.get_by_label("Sunday, from").last.fill("07:00")
        page.get_by_label("Sunday, until").last.fill("07:30")
        press_save(page, "Save your hours")
        expect(page.locator("[data-toast]")).to_contain_text("Saved your hours")
        assert page.request.get("/v1/me").json()["weekly_hours"]["sun"] == [["07:00", "07:30"]]

    def test_a_key_is_shown_once_works_and_ends(self, windows: BrowserWindows) -> None:
        page = windows.open_window("julio")
        page.goto("/settings")
        page.get_by_label("Name of a new key").fill("A script")
        page.get_by_role("button", name="Make a key").click()
        key = page.locator("#new-key").inner_text()
        me = f"{windows.live_server.base_url}/v1/me"
        request_as_holder = windows.open_window()
        bearer = {"Authorization": f"Bearer {key}"}
        assert request_as_holder.request.get(me, headers=bearer).json()["name"] == "Julio Ferreira"
        page.goto("/settings")
        expect(page.locator("#new-key")).to_have_count(0)
        page.get_by_role("button", name="End the key A script").click()
        expect(page.locator("[data-toast]")).to_contain_text("Ended the API key")
        assert request_as_holder.request.get(me, headers=bearer).status == 401
