"""People, meeting types, read models, usage and one's own settings."""

import re
from uuid import uuid4

import psycopg
from playwright.sync_api import Page, expect

from api.demo.organisation import JULIO
from store.embedded.server import Server
from tests.browser.browsing import Browsing


def save(page: Page, name: str = "Save") -> None:
    """Presses the button of the form."""
    page.get_by_role("button", name=name, exact=True).click()


class TestPeople:
    """Adding, changing, deactivating."""

    def test_adds_somebody_whose_address_is_free(self, browsing: Browsing) -> None:
        page = browsing.window("tomasz")
        page.goto("/admin/people/new")
        page.locator("#name").fill("Noor Haddad")
        page.locator("#email").fill("julio@nexora.example")
        browsing.guard.expect("status of 422")
        save(page, "Add")
        expect(page.locator("#email-error")).to_be_visible()
        expect(page.locator("#name")).to_have_value("Noor Haddad")
        page.locator("#email").fill(f"noor-{uuid4().hex[:6]}@nexora.example")
        page.get_by_label("Analyst").check()
        save(page, "Add")
        expect(page.locator("[data-toast]")).to_contain_text("Added Noor Haddad")
        expect(page.locator("#list tbody tr", has_text="Noor Haddad").first).to_contain_text("analyst")

    def test_draws_hours_as_they_are_typed_and_keeps_them(self, browsing: Browsing) -> None:
        page = browsing.window("tomasz")
        page.goto("/admin/people/new")
        page.locator("#name").fill("Hours Person")
        page.locator("#email").fill(f"hours-{uuid4().hex[:6]}@nexora.example")
        bars = page.locator("[data-week-day='sat'] rect")
        expect(bars).to_have_count(0)
        page.get_by_label("Saturday, from").last.fill("10:00")
        page.get_by_label("Saturday, until").last.fill("00:00")
        expect(bars).to_have_attribute("width", "840")
        save(page, "Add")
        page.get_by_role("link", name="Hours Person").first.click()
        expect(bars).to_have_attribute("width", "840")
        expect(page.get_by_label("Saturday, until").first).to_have_value("00:00")

    def test_says_which_hours_are_wrong(self, browsing: Browsing) -> None:
        page = browsing.window("tomasz")
        page.goto(f"/admin/people/{JULIO.id}")
        page.get_by_label("Sunday, from").last.fill("10:00")
        browsing.guard.expect("status of 422")
        save(page)
        expect(page.get_by_role("alert")).to_contain_text("begin before end")
        expect(page.get_by_label("Sunday, from").first).to_have_value("10:00")

    def test_two_who_save_the_same_lose_nothing(self, browsing: Browsing) -> None:
        first, second = browsing.window("tomasz"), browsing.window("tomasz")
        for page in (first, second):
            page.goto("/admin/meeting-types")
            page.locator("#list tbody th a").first.click()
        first.get_by_label("Location").fill("Room One")
        save(first)
        expect(first.locator("[data-toast]")).to_contain_text("follow at once")
        second.get_by_label("Location").fill("Room Two")
        browsing.guard.expect("status of 412")
        save(second)
        conflict = second.get_by_role("alert")
        expect(conflict).to_contain_text("Room One")
        expect(conflict).to_contain_text("Room Two")
        expect(second.get_by_label("Location")).to_have_value("Room Two")
        save(second)
        expect(second.locator("[data-toast]")).to_contain_text("follow at once")

    def test_deactivates_and_activates(self, browsing: Browsing) -> None:
        page = browsing.window("tomasz")
        page.goto("/admin/people?q=priya")
        page.get_by_role("link", name="Priya Raman").click()
        page.get_by_role("link", name="Deactivate…").click()
        page.get_by_role("dialog").get_by_role("button", name="Deactivate").click()
        expect(page.get_by_text("Deactivated: cannot sign in")).to_be_visible()
        page.get_by_role("button", name="Activate").click()
        expect(page.get_by_role("link", name="Deactivate…")).to_be_visible()

    def test_is_for_admins(self, browsing: Browsing) -> None:
        page = browsing.window("claire")
        browsing.guard.expect("status of 403")
        for path in ("/admin/people", "/admin/people/new", "/admin/meeting-types", "/admin/read-models"):
            page.goto(path)
            expect(page.get_by_role("heading", name="This is not for you")).to_be_visible()


class TestMeetingTypes:
    """Creating and changing."""

    def test_creates_one_and_says_what_is_wrong_first(self, browsing: Browsing) -> None:
        page = browsing.window("tomasz")
        page.goto("/admin/meeting-types/new")
        page.locator("#name").fill("Workshop")
        page.get_by_label("Duration").fill("two hours")
        browsing.guard.expect("status of 422")
        save(page, "Create")
        expect(page.locator("#duration_minutes-error")).to_be_visible()
        expect(page.get_by_label("Duration")).to_have_value("two hours")
        page.get_by_label("Duration").fill("120")
        save(page, "Create")
        expect(page.locator("#list tbody tr", has_text="Workshop")).to_contain_text("120 min")


class TestReadModels:
    """A rebuild, with its progress in sight."""

    def test_shows_a_rebuild_until_it_has_taken_its_place(self, browsing: Browsing, server: Server) -> None:
        page = browsing.window("tomasz")
        page.goto("/admin/read-models")
        row = page.locator("[data-model='meeting_log']")
        expect(row.locator("[data-state]")).to_have_text("Following")
        before = table_of(server, browsing)
        with psycopg.connect(server.url(database="oncelink")) as held:
            held.execute(f'SELECT FROM "{browsing.live.oncelink.database.schema}".follower FOR UPDATE')
            row.get_by_role("button", name="Rebuild").click()
            expect(page.locator("[data-toast]")).to_contain_text("it answers as before")
            expect(row.locator("[data-state]")).to_have_text("Rebuilding")
            expect(row.get_by_role("progressbar")).to_be_visible()
            expect(row.get_by_role("button", name="Rebuild")).to_be_disabled()
            held.rollback()
        expect(row.locator("[data-state]")).to_have_text("Following")
        expect(row.get_by_role("progressbar")).to_be_hidden()
        expect(row.get_by_role("button", name="Rebuild")).to_be_enabled()
        assert table_of(server, browsing) != before


def table_of(server: Server, browsing: Browsing) -> str:
    """The live table of the meeting log."""
    schema = browsing.live.oncelink.database.schema
    with psycopg.connect(server.url(database="oncelink")) as connection:
        found = connection.execute(f"SELECT live_table FROM \"{schema}\".read_models WHERE name = 'meeting_log'")
        row = found.fetchone()
    assert row
    return str(row[0])


class TestUsage:
    """Charts, each with its table."""

    def test_the_chart_and_the_table_say_the_same(self, browsing: Browsing) -> None:
        page = browsing.window("claire")
        page.goto("/usage")
        booked = int(page.locator(".tally-booked dd").inner_text())
        assert booked > 20
        page.get_by_text("The numbers, day by day").click()
        cells = page.locator("caption:text-is('Usage by day') ~ tbody td:nth-child(3)").all_inner_texts()
        assert sum(map(int, cells)) == booked
        assert page.locator(".chart rect.chart-booked").count() == sum(cell != "0" for cell in cells)
        page.get_by_label("Link type").select_option("Single-Use")
        expect(page).to_have_url(re.compile(r"/usage\?.*link_type=single_use"), timeout=30_000)
        assert int(page.locator(".tally-booked dd").inner_text()) < booked

    def test_tells_what_the_extension_issued(self, browsing: Browsing) -> None:
        page = browsing.window("claire")
        [link] = page.request.get("/v1/links?view=all&limit=1").json()["items"]
        issued = {"data": {"count": 4, "source": "extension"}, "headers": {"Origin": browsing.live.base_url}}
        assert page.request.post(f"/v1/links/{link['id']}/single-use", **issued).ok
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

    def test_hours_change_what_is_offered(self, browsing: Browsing) -> None:
        page = browsing.window("mira")
        page.goto("/settings")
        page.get_by_label("Sunday, from").last.fill("07:00")
        page.get_by_label("Sunday, until").last.fill("07:30")
        save(page, "Save your hours")
        expect(page.locator("[data-toast]")).to_contain_text("Saved your hours")
        assert page.request.get("/v1/me").json()["weekly_hours"]["sun"] == [["07:00", "07:30"]]

    def test_a_key_is_shown_once_works_and_ends(self, browsing: Browsing) -> None:
        page = browsing.window("julio")
        page.goto("/settings")
        page.get_by_label("Name of a new key").fill("A script")
        page.get_by_role("button", name="Make a key").click()
        key = page.locator("#new-key").inner_text()
        me = f"{browsing.live.base_url}/v1/me"
        asking = browsing.window()
        bearer = {"Authorization": f"Bearer {key}"}
        assert asking.request.get(me, headers=bearer).json()["name"] == "Julio Ferreira"
        page.goto("/settings")
        expect(page.locator("#new-key")).to_have_count(0)
        page.get_by_role("button", name="End the key A script").click()
        expect(page.locator("[data-toast]")).to_contain_text("Ended the API key")
        assert asking.request.get(me, headers=bearer).status == 401
