"""The guest's pages without JavaScript: choosing a time, booking it once, and every way in which that can go wrong."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient

from api.app import build_app
from api.settings import Settings
from store.embedded.server import Server
from store.schema import SERVICE_ROLE
from tests.api.refusals import find_last_position
from tests.api.scriptless_browser import HtmlForm, Page, ScriptlessBrowser
from tests.api_driver import GUEST, ApiDriver, extract_code
from tests.browser.hosting import find_clock_changes
from tests.once.database_proxy import run_proxy

GUEST_FIELDS = {"name": "Grace Guest", "email": "grace@guest.example"}
PAST = "2020-01-01T00:00:00Z"


@pytest.fixture
def guest(shared_api: ApiDriver) -> ScriptlessBrowser:
    """A guest's browser."""
    return ScriptlessBrowser(shared_api.client)


def open_form(guest: ScriptlessBrowser, path: str, number: int = 0) -> HtmlForm:
    """Open the form for one of the times of the day after tomorrow."""
    return guest.choose_time(path, number).form


def list_bookings(api: ApiDriver, link: Any) -> list[Any]:
    """List the meetings of a link."""
    return api.list_meetings(f"link_id={link['id']}")


class TestBooking:
    """From the month to the booking's own page."""

    def test_step_by_step(self, shared_api: ApiDriver, guest: ScriptlessBrowser) -> None:
        link = shared_api.create_link("Step by step")
        [code] = shared_api.create_codes(link)
        month = guest.open_page(f"/s/{code}?time_zone=Europe/Berlin")
        assert "Intro" in month.text
        assert "Member" in month.text
        day = guest.open_page(list(month.list_days().values())[-1])
        chosen_page = guest.open_page(list(day.list_times().values())[-1])
        chosen_start = parse_qs(urlsplit(list(day.list_times().values())[-1]).query)["start"][0]
        assert chosen_page.form.fields["start"] == chosen_start
        result_page = guest.submit_form(chosen_page.form, **GUEST_FIELDS, notes="One\r\nTwo")
        assert (result_page.status, result_page.path[:3]) == (200, "/m/")
        assert "You are booked" in result_page.text
        assert "Grace Guest" in result_page.text
        reopened_page = guest.open_page(result_page.path)
        assert reopened_page.status == 200
        [row] = list_bookings(shared_api, link)
        assert row["starts_at"] == chosen_start
        assert row["guest"] == {**GUEST, **GUEST_FIELDS}
        assert row["source"] == "web"

    def test_a_core_link_too(self, shared_api: ApiDriver, guest: ScriptlessBrowser) -> None:
        link = shared_api.create_link("Core link", slug="core-link")
        for number in (1, 2):
            assert guest.submit_form(open_form(guest, "/book/core-link"), **GUEST_FIELDS).status == 200
            assert len(list_bookings(shared_api, link)) == number

    def test_a_second_press_books_nothing_and_ends_at_the_same_booking(
        self, shared_api: ApiDriver, guest: ScriptlessBrowser
    ) -> None:
        link = shared_api.create_link("Pressed twice", slug="pressed-twice")
        for path in ("/book/pressed-twice", f"/s/{shared_api.create_codes(link)[0]}"):
            form = open_form(guest, path)
            first = guest.post_form(form, **GUEST_FIELDS)
            position_before = find_last_position(shared_api)
            assert first.status_code == 303
            again = guest.submit_form(form, **GUEST_FIELDS)
            assert (again.status, again.path) == (200, urlsplit(first.headers["location"]).path)
            assert "Grace Guest" in again.text
            assert find_last_position(shared_api) == position_before
        assert len(list_bookings(shared_api, link)) == 2

    def test_a_guessed_key_opens_nothing(self, shared_api: ApiDriver, guest: ScriptlessBrowser) -> None:
        """Whoever knows the key that a client of the API chose is told nothing, until they show the same details."""
        link = shared_api.create_link("Guessed", slug="guessed")
        for path, code in (
            ("/book/guessed", "guessed"),
            *((f"/s/{one}", one) for one in shared_api.create_codes(link)),
        ):
            form = open_form(guest, path)
            booking = shared_api.book_meeting(code, form.fields["start"], Idempotency_Key="order-1001")
            position_before = find_last_position(shared_api)
            for details in (
                GUEST_FIELDS,
                {**GUEST, "name": "Mallory"},
                {**GUEST, "time_zone": "UTC"},
                {**GUEST, "notes": "x"},
            ):
                refused = guest.post_form(form, key="order-1001", **details)
                assert refused.status_code == 422
                assert "location" not in refused.headers
                for secret in (extract_code(booking["manage_url"]), booking["booking"]["id"], "/m/"):
                    assert secret not in refused.text + str(refused.headers)
                assert "sent before with other details" in Page(refused).text
            assert find_last_position(shared_api) == position_before
            own = guest.submit_form(form, **{**GUEST, "key": "order-1001"})
            assert own.path == "/m/" + extract_code(booking["manage_url"])

    def test_other_details_go_on_under_a_new_key(self, shared_api: ApiDriver, guest: ScriptlessBrowser) -> None:
        link = shared_api.create_link("Changed mind", slug="changed-mind")
        form = open_form(guest, "/book/changed-mind")
        first = guest.submit_form(form, **GUEST_FIELDS)
        back = guest.submit_form(form, **{**GUEST_FIELDS, "name": "Somebody Else", "notes": "Keep me"})
        assert back.status == 422
        assert "Grace Guest" not in back.text
        assert {
            "name": "Somebody Else",
            "email": GUEST_FIELDS["email"],
            "notes": "Keep me",
        }.items() <= back.form.fields.items()
        assert len(back.form.fields["key"]) >= 22
        assert back.form.fields["key"] != form.fields["key"]
        assert form.fields["start"] not in back.form.choices["start"], "it went to the first"
        assert guest.submit_form(back.form).path not in (first.path, "/book/changed-mind")
        assert len(list_bookings(shared_api, link)) == 2

    @pytest.mark.parametrize("what", ["disabled", "deleted", "renamed"])
    def test_a_key_opens_nothing_where_its_link_has_closed(
        self, shared_api: ApiDriver, guest: ScriptlessBrowser, what: str
    ) -> None:
        api, link = shared_api, shared_api.create_link(f"Guessed and {what}", slug=f"guessed-{what}")
        form = open_form(guest, f"/book/guessed-{what}")
        mine = guest.submit_form(form, **GUEST_FIELDS)
        if what == "disabled":
            api.post(f"/v1/links/{link['id']}/disable", None, "member")
        elif what == "deleted":
            api.send_request("DELETE", f"/v1/links/{link['id']}", who="member")
        else:
            api.patch(f"/v1/links/{link['id']}", {"slug": "guessed-elsewhere"}, "member")
        other = guest.post_form(form, **{**GUEST_FIELDS, "name": "Mallory"})
        assert other.status_code == 422
        assert "sent before with other details" in Page(other).text
        assert mine.path not in other.text + str(other.headers)
        assert guest.submit_form(form, **GUEST_FIELDS).path == mine.path

    def test_the_script_and_the_form_make_the_same_request(
        self, shared_api: ApiDriver, guest: ScriptlessBrowser
    ) -> None:
        [code] = shared_api.create_codes(shared_api.create_link("By either way"))
        form = open_form(guest, f"/s/{code}?time_zone=Europe/Berlin")
        body = {"start": form.fields["start"], "guest": {**GUEST, **GUEST_FIELDS}, "notes": None}
        booking = shared_api.post(f"/v1/book/{code}", body, None, 201, Idempotency_Key=form.fields["key"])
        assert guest.submit_form(form, **GUEST_FIELDS).path == "/m/" + extract_code(booking["manage_url"])

    def test_somebody_else_without_the_key_is_refused(self, shared_api: ApiDriver, guest: ScriptlessBrowser) -> None:
        [code] = shared_api.create_codes(shared_api.create_link("Two browsers"))
        own_form, other_form = open_form(guest, f"/s/{code}"), open_form(guest, f"/s/{code}", 1)
        guest.submit_form(own_form, **GUEST_FIELDS)
        refused_page = guest.submit_form(other_form, name="Somebody Else", email="else@guest.example")
        assert refused_page.status == 410
        assert "Please ask for a new link" in refused_page.text

    def test_a_time_that_went_gives_the_form_back_with_the_next_ones(
        self, shared_api: ApiDriver, guest: ScriptlessBrowser
    ) -> None:
        link = shared_api.create_link("Gone meanwhile", slug="gone-meanwhile")
        [code] = shared_api.create_codes(link)
        form = open_form(guest, f"/s/{code}?time_zone=Asia/Kolkata", 2)
        shared_api.book_meeting("gone-meanwhile", form.fields["start"])
        form_page = guest.submit_form(form, **GUEST_FIELDS, notes="Keep me")
        assert form_page.status == 409
        assert "has just been taken" in form_page.text
        assert form.fields["start"] not in form_page.form.choices["start"]
        assert len(form_page.form.choices["start"]) == 8
        assert min(form_page.form.choices["start"]) > form.fields["start"]
        expected_values = {
            "name": "Grace Guest",
            "notes": "Keep me",
            "key": form.fields["key"],
            "time_zone": "Asia/Kolkata",
        }
        assert expected_values.items() <= form_page.form.fields.items()
        assert guest.submit_form(form_page.form).path.startswith("/m/")

    def test_a_time_never_on_offer(self, shared_api: ApiDriver, guest: ScriptlessBrowser) -> None:
        [code] = shared_api.create_codes(shared_api.create_link("Never"))
        form = open_form(guest, f"/s/{code}")
        position_before = find_last_position(shared_api)
        for start in (PAST, "2030-01-01T09:07:00Z"):
            form_page = guest.submit_form(form, **GUEST_FIELDS, start=start)
            assert form_page.status == 422
            assert "not on offer" in form_page.text
            assert form_page.form.choices["start"]
        opened_page = guest.open_page(f"/s/{code}?start={PAST}")
        assert "no longer on offer" in opened_page.text
        assert opened_page.list_times()
        assert find_last_position(shared_api) == position_before

    @pytest.mark.parametrize(
        ("field", "value", "sentence"),
        [
            ("name", "", "Please fill this in."),
            ("name", "a\nb", "Line breaks and tabs are not allowed."),
            ("name", "a\x00b", "Control characters are not allowed."),
            ("name", "n" * 201, "This is too long."),
            ("email", "nowhere", "This is not an e-mail address."),
            ("email", "", "This is not an e-mail address."),
            ("notes", "n" * 2001, "This is too long."),
        ],
    )
    def test_what_is_wrong_stands_at_the_field_and_nothing_is_lost(
        self, shared_api: ApiDriver, guest: ScriptlessBrowser, field: str, value: str, sentence: str
    ) -> None:
        form = open_form(guest, "/book/" + shared_api.create_link("Fields")["slug"])
        position_before, sent_fields = (
            find_last_position(shared_api),
            {**GUEST_FIELDS, "notes": "Keep me", field: value},
        )
        form_page = guest.submit_form(form, **sent_fields)
        assert form_page.status == 422
        assert sentence in form_page.text
        assert f'aria-describedby="{field}-error"' in form_page.response.text
        assert form_page.response.text.count('aria-invalid="true"') == 1
        other_fields = {name: value for name, value in {**form.fields, **sent_fields}.items() if name != field}
        assert other_fields.items() <= form_page.form.fields.items()
        assert find_last_position(shared_api) == position_before

    def test_forms_that_are_none(self, shared_api: ApiDriver, guest: ScriptlessBrowser) -> None:
        client = shared_api.client
        path = "/book/" + shared_api.create_link("No form")["slug"]
        form = open_form(guest, path)
        as_form = {"Content-Type": "application/x-www-form-urlencoded"}
        for body, headers, status in (
            (b"{}", {"Content-Type": "application/json"}, 422),
            (b"name=a&name=b", as_form, 422),
            (b"name=%ff", as_form, 422),
            (b"&".join(b"a%d=1" % number for number in range(50)), as_form, 422),
            (b"notes=" + b"n" * 70_000, as_form, 413),
            (b"", as_form, 422),
        ):
            assert Page(client.post(path, content=body, headers=headers)).status == status
        second_page = guest.submit_form(form, **GUEST_FIELDS, key="not visible: ä")
        assert second_page.status == 422
        assert "press the button once more" in second_page.text
        assert second_page.form.fields["key"] not in ("", "not visible: ä")

    def test_a_silent_database_gives_the_form_back_to_be_sent_again(self, settings: Settings, server: Server) -> None:
        with run_proxy(server) as proxy:
            proxied_settings = settings.model_copy(update={"database_url": proxy.build_url(SERVICE_ROLE, "oncelink")})
            with TestClient(build_app(proxied_settings), raise_server_exceptions=False) as client:
                api, guest = ApiDriver.create_organisation(client), ScriptlessBrowser(client)
                [code] = api.create_codes(api.create_link())
                form = open_form(guest, f"/s/{code}")
                proxy.stop_listening()
                assert guest.open_page(f"/s/{code}").status == 503
                form_page = guest.submit_form(form, **GUEST_FIELDS, notes="One\r\nTwo")
                assert form_page.status == 503
                assert int(form_page.response.headers["retry-after"]) > 0
                assert form_page.form.fields == {**form.fields, **GUEST_FIELDS, "notes": "One\nTwo"}
                proxy.start_listening()
                assert "You are booked" in retry_form(guest, form_page.form).text


def retry_form(guest: ScriptlessBrowser, form: HtmlForm) -> Page:
    """Submit a form until the database answers again."""
    for _ in range(50):
        page = guest.submit_form(form)
        if page.status != 503:
            return page
    raise AssertionError("the database did not come back")


class TestClosed:
    """A link that does not book says so kindly, and tells nothing else."""

    def test_unknown_and_malformed_are_the_same(self, shared_api: ApiDriver, guest: ScriptlessBrowser) -> None:
        link = shared_api.create_link("Known", slug="known")
        manage_code = extract_code(self.create_booking(shared_api)["manage_url"])
        [code] = shared_api.create_codes(link)
        paths = [
            f"/s/{code[:-1]}",
            f"/s/{code}A",
            "/s/known",
            f"/s/{manage_code}",
            "/s/x/y",
            "/s/%2e%2e",
            "/s/%00",
            "/s/",
        ]
        paths += [f"/book/{code}", "/book/unknown", "/book/Known", "/book/a%2fb", "/book/%ff", "/book/" + "a" * 9_000]
        paths += [f"/m/{code}", "/m/known", "/m/x/cancel", "/m/x/reschedule", "/m/x/meeting.ics", "/m/%0a"]
        pages = [guest.open_page(path) for path in paths]
        assert {page.status for page in pages} == {404}
        assert len({page.response.text for page in pages}) == 1
        assert "Please check the address" in pages[0].text

    def create_booking(self, api: ApiDriver) -> Any:
        """A booking on a link of its own."""
        link = api.create_link("Used")
        return api.book_meeting(link["slug"], api.list_slots(link["slug"])[5])

    @pytest.mark.parametrize(
        ("reason", "sentence"),
        [
            ("used", "This link has already been used"),
            ("expired", "This link has expired"),
            ("revoked", "This link was withdrawn"),
            ("disabled", "This link is switched off"),
            ("deleted", "This link no longer exists"),
        ],
    )
    def test_each_reason(self, shared_api: ApiDriver, guest: ScriptlessBrowser, reason: str, sentence: str) -> None:
        api = shared_api
        link = api.create_link(f"Closed {reason}")
        issue_result = api.post(f"/v1/links/{link['id']}/single-use", {}, "member", 201)["items"][0]
        form = open_form(guest, f"/s/{issue_result['code']}")
        if reason == "used":
            api.book_meeting(issue_result["code"], api.list_slots(issue_result["code"])[0])
        elif reason == "expired":
            api.patch(f"/v1/links/{link['id']}", {"expires_at": PAST}, "member")
        elif reason == "revoked":
            api.post(f"/v1/single-use/{issue_result['id']}/revoke", {}, "member")
        elif reason == "disabled":
            api.post(f"/v1/links/{link['id']}/disable", None, "member")
        else:
            api.send_request("DELETE", f"/v1/links/{link['id']}", who="member")
        position_before = find_last_position(api)
        for page in (guest.open_page(f"/s/{issue_result['code']}"), guest.submit_form(form, **GUEST_FIELDS)):
            assert page.status == 410
            assert sentence in page.text
            assert "ask for a new link" in page.text
            for secret in (GUEST["name"], GUEST["email"], link["slug"], link["id"], "Closed"):
                assert secret not in page.response.text
        assert find_last_position(api) == position_before

    def test_headers_under_a_code(self, shared_api: ApiDriver, guest: ScriptlessBrowser) -> None:
        link = shared_api.create_link("Headers of pages")
        [code] = shared_api.create_codes(link)
        form = open_form(guest, f"/s/{code}")
        result_page = guest.submit_form(form, **GUEST_FIELDS)
        for path in (
            f"/s/{code}",
            f"/book/{link['slug']}",
            result_page.path,
            f"{result_page.path}/cancel",
            "/s/unknown",
        ):
            headers = guest.open_page(path).response.headers
            assert headers["referrer-policy"] == "no-referrer"
            assert "no-store" in headers["cache-control"]
            assert "noindex" in headers["x-robots-tag"]
            assert "default-src 'none'" in headers["content-security-policy"]


class TestNeverShown:
    """A single-use link's pages never show the link behind it."""

    def test_neither_slug_nor_name_nor_id(self, shared_api: ApiDriver, guest: ScriptlessBrowser) -> None:
        link = shared_api.create_link("Zebra crossing", slug="zebra-pages-7")
        [code] = shared_api.create_codes(link)
        pages = [guest.open_page(f"/s/{code}")]
        form = open_form(guest, f"/s/{code}")
        pages += [
            guest.submit_form(form),
            guest.submit_form(form, **GUEST_FIELDS, start=PAST),
            guest.submit_form(form, **GUEST_FIELDS),
        ]
        manage_path = pages[-1].path
        pages += [
            guest.open_page(manage_path),
            guest.open_page(f"{manage_path}/reschedule"),
            guest.open_page(f"{manage_path}/cancel"),
        ]
        pages += [guest.submit_form(pages[-1].form), guest.open_page(f"/s/{code}")]
        for page in pages:
            response_text = page.response.text + str(page.response.headers) + str(page.response.url)
            for secret in ("zebra-pages-7", "Zebra crossing", link["id"]):
                assert secret not in response_text
        file = shared_api.client.get(f"{manage_path}/meeting.ics").text
        assert "ebra" not in file


class TestZonesAndMonths:
    """The guest's own clock."""

    def test_another_zone(self, shared_api: ApiDriver, guest: ScriptlessBrowser) -> None:
        path = "/book/" + shared_api.create_link("Elsewhere")["slug"]
        noon = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT12:00:00Z")
        for zone, label in (("UTC", "12:00"), ("Asia/Kolkata", "17:30"), ("Pacific/Kiritimati", "02:00")):
            page = guest.open_page(f"{path}?start={noon}&time_zone={zone}")
            assert f"{label} – " in page.text
            assert page.form.fields["time_zone"] == zone
        american = ScriptlessBrowser(shared_api.client, "en-US,en;q=0.9").open_page(
            f"{path}?start={noon}&time_zone=America/New_York"
        )
        assert " am – " in american.text
        wrong_page = guest.open_page(f"{path}?time_zone=Mars/Base")
        assert wrong_page.status == 200
        assert "We do not know this time zone, so times are shown in UTC." in wrong_page.text
        assert wrong_page.list_times()

    def test_a_zone_is_found_by_its_city_country_or_abbreviation(
        self, shared_api: ApiDriver, guest: ScriptlessBrowser
    ) -> None:
        path = "/book/" + shared_api.create_link("Anywhere")["slug"]
        for words, name in (("tokyo", "Japan Standard Time (GMT+9)"), ("são paulo", "Brasilia Standard Time (GMT-3)")):
            assert name in guest.open_page(f"{path}?time_zone={words}").text
        page = guest.open_page(f"{path}?time_zone=IST")
        assert "Several time zones are called that." in page.text
        chosen_page = guest.open_page(page.find_link("Kolkata, India"))
        assert "India Standard Time (GMT+5:30)" in chosen_page.text

    def test_the_list_of_zones_is_the_same_for_everybody(self, shared_api: ApiDriver) -> None:
        response = shared_api.client.get("/time-zones")
        rows = {row[0]: row[1:] for row in response.json()}
        assert response.headers["cache-control"] == "public, max-age=86400"
        assert rows["Europe/Lisbon"][:2] == ["Lisbon, Portugal", "Western European Time"]
        assert len(rows) > 400

    @pytest.mark.parametrize(
        "wrong_query", ["day=soon", "day=0000-00-00", "month=2026-13", "start=now", "month=%00", "day=%ff"]
    )
    def test_an_address_that_cannot_be_read(
        self, shared_api: ApiDriver, guest: ScriptlessBrowser, wrong_query: str
    ) -> None:
        page = guest.open_page(f"/book/{shared_api.create_link('Mangled')['slug']}?{wrong_query}")
        assert page.status == 200
        assert "Here are the next free times" in page.text
        assert page.list_times()

    def test_months_end_where_the_booking_window_ends(self, shared_api: ApiDriver, guest: ScriptlessBrowser) -> None:
        path = "/book/" + shared_api.create_link("Window")["slug"]
        months, page = 1, guest.open_page(path)
        while later_links := [href for text, href in page.parser.links.items() if "month=" in href]:
            if len(later_links) < 2 and months > 1:
                break
            page, months = guest.open_page(later_links[-1]), months + 1
            assert months < 6
        assert months in (2, 3, 4)
        assert guest.open_page(f"{path}?month=2031-01").list_times()
        assert guest.open_page(f"{path}?month=2001-01").list_times()

    def test_an_empty_month_says_when_the_next_time_is(self, shared_api: ApiDriver, guest: ScriptlessBrowser) -> None:
        api = shared_api
        api.add_person("rarely", ["member"])
        day = (datetime.now(UTC) + timedelta(days=75)).date()
        hours = {"weekly_hours": {}, "date_overrides": {str(day): [["09:00", "10:00"]]}}
        api.patch("/v1/me", hours, "rarely")
        body = {"name": "Far", "duration_minutes": 30, "booking_window_days": 200}
        kind = api.post("/v1/meeting-types", body, "admin", 201)["id"]
        path = "/book/" + api.create_link("Rarely", "rarely", meeting_type_id=kind)["slug"]
        assert list(guest.open_page(path).list_times()) == ["09:00", "09:30"]
        first = guest.open_page(f"{path}?month={datetime.now(UTC):%Y-%m}")
        assert "No free times this month" in first.text
        assert f"{day:%A}, {day.day} {day:%B}" in first.text
        last = guest.open_page(f"{path}?month=2999-01")
        assert f"{day.day} {day:%B}" in last.text
        api.patch("/v1/me", {"date_overrides": {}}, "rarely")
        assert "no free times at the moment" in guest.open_page(path).text

    def test_days_on_which_the_clock_changes(self, shared_api: ApiDriver, guest: ScriptlessBrowser) -> None:
        body = {"name": "Long window", "duration_minutes": 30, "booking_window_days": 400}
        kind = shared_api.post("/v1/meeting-types", body, "admin", 201)["id"]
        path = "/book/" + shared_api.create_link("Clocks", meeting_type_id=kind)["slug"]
        spring, autumn = find_clock_changes()
        skipped = guest.open_page(f"{path}?day={spring}&time_zone=Europe/Berlin")
        assert "Clocks go forward on this day." in skipped.text
        assert len(skipped.list_times()) == 46
        assert [label for label in skipped.list_times() if label.startswith("02:")] == []
        doubled = guest.open_page(f"{path}?day={autumn}&time_zone=Europe/Berlin")
        assert "Clocks go back on this day." in doubled.text
        assert len(doubled.list_times()) == 50
        assert [label for label in doubled.list_times() if label.startswith("02:")] == [
            "02:00 GMT+2",
            "02:30 GMT+2",
            "02:00 GMT+1",
            "02:30 GMT+1",
        ]
        second_page = guest.open_page(doubled.list_times()["02:30 GMT+1"])
        result_page = guest.submit_form(second_page.form, **GUEST_FIELDS)
        assert "02:30 – 03:00" in result_page.text
        assert "GMT+1" in result_page.text
