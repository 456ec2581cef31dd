"""The guest's pages without JavaScript: choosing a time, booking it once, and every way in which that can go wrong."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient

from api.app import build
from api.settings import Settings
from store.embedded.server import Server
from store.schema import SERVICE_ROLE
from tests.api.refusals import head
from tests.api.scriptless_browser import Browser, Form, Page
from tests.api_driver import GUEST, House, code_of
from tests.browser.hosting import clock_changes
from tests.once.database_proxy import proxying

WHO = {"name": "Grace Guest", "email": "grace@guest.example"}
PAST = "2020-01-01T00:00:00Z"


@pytest.fixture
def guest(shared_house: House) -> Browser:
    """A guest's browser."""
    return Browser(shared_house.client)


def form_of(guest: Browser, path: str, number: int = 0) -> Form:
    """The form for one of the times of the day after tomorrow."""
    return guest.choose(path, number).form


def bookings(house: House, link: Any) -> list[Any]:
    """What was booked on a link."""
    return house.log(f"link_id={link['id']}")


class TestBooking:
    """From the month to the booking's own page."""

    def test_step_by_step(self, shared_house: House, guest: Browser) -> None:
        link = shared_house.link("Step by step")
        [code] = shared_house.codes(link)
        month = guest.open(f"/s/{code}?time_zone=Europe/Berlin")
        assert "Intro" in month.text
        assert "Member" in month.text
        day = guest.open(list(month.days().values())[-1])
        chosen = guest.open(list(day.times().values())[-1])
        wanted = parse_qs(urlsplit(list(day.times().values())[-1]).query)["start"][0]
        assert chosen.form.fields["start"] == wanted
        done = guest.press(chosen.form, **WHO, notes="One\r\nTwo")
        assert (done.status, done.path[:3]) == (200, "/m/")
        assert "You are booked" in done.text
        assert "Grace Guest" in done.text
        again = guest.open(done.path)
        assert again.status == 200
        [row] = bookings(shared_house, link)
        assert row["starts_at"] == wanted
        assert row["guest"] == {**GUEST, **WHO}
        assert row["source"] == "web"

    def test_a_core_link_too(self, shared_house: House, guest: Browser) -> None:
        link = shared_house.link("Core link", slug="core-link")
        for number in (1, 2):
            assert guest.press(form_of(guest, "/book/core-link"), **WHO).status == 200
            assert len(bookings(shared_house, link)) == number

    def test_a_second_press_books_nothing_and_ends_at_the_same_booking(
        self, shared_house: House, guest: Browser
    ) -> None:
        link = shared_house.link("Pressed twice", slug="pressed-twice")
        for path in ("/book/pressed-twice", f"/s/{shared_house.codes(link)[0]}"):
            form = form_of(guest, path)
            first = guest.send(form, **WHO)
            before = head(shared_house)
            assert first.status_code == 303
            again = guest.press(form, **WHO)
            assert (again.status, again.path) == (200, urlsplit(first.headers["location"]).path)
            assert "Grace Guest" in again.text
            assert head(shared_house) == before
        assert len(bookings(shared_house, link)) == 2

    def test_a_guessed_key_opens_nothing(self, shared_house: House, guest: Browser) -> None:
        """Whoever knows the key that a client of the API chose is told nothing, until they show the same details."""
        house, link = shared_house, shared_house.link("Guessed", slug="guessed")
        for path, code in (("/book/guessed", "guessed"), *((f"/s/{one}", one) for one in house.codes(link))):
            form = form_of(guest, path)
            made = house.book(code, form.fields["start"], Idempotency_Key="order-1001")
            before = head(house)
            for details in (WHO, {**GUEST, "name": "Mallory"}, {**GUEST, "time_zone": "UTC"}, {**GUEST, "notes": "x"}):
                refused = guest.send(form, key="order-1001", **details)
                assert refused.status_code == 422
                assert "location" not in refused.headers
                for secret in (code_of(made["manage_url"]), made["booking"]["id"], "/m/"):
                    assert secret not in refused.text + str(refused.headers)
                assert "sent before with other details" in Page(refused).text
            assert head(house) == before
            own = guest.press(form, **{**GUEST, "key": "order-1001"})
            assert own.path == "/m/" + code_of(made["manage_url"])

    def test_other_details_go_on_under_a_new_key(self, shared_house: House, guest: Browser) -> None:
        link = shared_house.link("Changed mind", slug="changed-mind")
        form = form_of(guest, "/book/changed-mind")
        first = guest.press(form, **WHO)
        back = guest.press(form, **{**WHO, "name": "Somebody Else", "notes": "Keep me"})
        assert back.status == 422
        assert "Grace Guest" not in back.text
        assert {"name": "Somebody Else", "email": WHO["email"], "notes": "Keep me"}.items() <= back.form.fields.items()
        assert len(back.form.fields["key"]) >= 22
        assert back.form.fields["key"] != form.fields["key"]
        assert form.fields["start"] not in back.form.choices["start"], "it went to the first"
        assert guest.press(back.form).path not in (first.path, "/book/changed-mind")
        assert len(bookings(shared_house, link)) == 2

    @pytest.mark.parametrize("what", ["disabled", "deleted", "renamed"])
    def test_a_key_opens_nothing_where_its_link_has_closed(
        self, shared_house: House, guest: Browser, what: str
    ) -> None:
        house, link = shared_house, shared_house.link(f"Guessed and {what}", slug=f"guessed-{what}")
        form = form_of(guest, f"/book/guessed-{what}")
        mine = guest.press(form, **WHO)
        if what == "disabled":
            house.post(f"/v1/links/{link['id']}/disable", None, "member")
        elif what == "deleted":
            house.send("DELETE", f"/v1/links/{link['id']}", who="member")
        else:
            house.patch(f"/v1/links/{link['id']}", {"slug": "guessed-elsewhere"}, "member")
        other = guest.send(form, **{**WHO, "name": "Mallory"})
        assert other.status_code == 422
        assert "sent before with other details" in Page(other).text
        assert mine.path not in other.text + str(other.headers)
        assert guest.press(form, **WHO).path == mine.path

    def test_the_script_and_the_form_make_the_same_request(self, shared_house: House, guest: Browser) -> None:
        [code] = shared_house.codes(shared_house.link("By either way"))
        form = form_of(guest, f"/s/{code}?time_zone=Europe/Berlin")
        body = {"start": form.fields["start"], "guest": {**GUEST, **WHO}, "notes": None}
        made = shared_house.post(f"/v1/book/{code}", body, None, 201, Idempotency_Key=form.fields["key"])
        assert guest.press(form, **WHO).path == "/m/" + code_of(made["manage_url"])

    def test_somebody_else_without_the_key_is_refused(self, shared_house: House, guest: Browser) -> None:
        [code] = shared_house.codes(shared_house.link("Two browsers"))
        mine, theirs = form_of(guest, f"/s/{code}"), form_of(guest, f"/s/{code}", 1)
        guest.press(mine, **WHO)
        refused = guest.press(theirs, name="Somebody Else", email="else@guest.example")
        assert refused.status == 410
        assert "Please ask for a new link" in refused.text

    def test_a_time_that_went_gives_the_form_back_with_the_next_ones(self, shared_house: House, guest: Browser) -> None:
        link = shared_house.link("Gone meanwhile", slug="gone-meanwhile")
        [code] = shared_house.codes(link)
        form = form_of(guest, f"/s/{code}?time_zone=Asia/Kolkata", 2)
        shared_house.book("gone-meanwhile", form.fields["start"])
        back = guest.press(form, **WHO, notes="Keep me")
        assert back.status == 409
        assert "has just been taken" in back.text
        assert form.fields["start"] not in back.form.choices["start"]
        assert len(back.form.choices["start"]) == 8
        assert min(back.form.choices["start"]) > form.fields["start"]
        kept = {"name": "Grace Guest", "notes": "Keep me", "key": form.fields["key"], "time_zone": "Asia/Kolkata"}
        assert kept.items() <= back.form.fields.items()
        assert guest.press(back.form).path.startswith("/m/")

    def test_a_time_never_on_offer(self, shared_house: House, guest: Browser) -> None:
        [code] = shared_house.codes(shared_house.link("Never"))
        form = form_of(guest, f"/s/{code}")
        before = head(shared_house)
        for start in (PAST, "2030-01-01T09:07:00Z"):
            back = guest.press(form, **WHO, start=start)
            assert back.status == 422
            assert "not on offer" in back.text
            assert back.form.choices["start"]
        opened = guest.open(f"/s/{code}?start={PAST}")
        assert "no longer on offer" in opened.text
        assert opened.times()
        assert head(shared_house) == before

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
        self, shared_house: House, guest: Browser, field: str, value: str, sentence: str
    ) -> None:
        form = form_of(guest, "/book/" + shared_house.link("Fields")["slug"])
        before, sent = head(shared_house), {**WHO, "notes": "Keep me", field: value}
        back = guest.press(form, **sent)
        assert back.status == 422
        assert sentence in back.text
        assert f'aria-describedby="{field}-error"' in back.answer.text
        assert back.answer.text.count('aria-invalid="true"') == 1
        others = {name: value for name, value in {**form.fields, **sent}.items() if name != field}
        assert others.items() <= back.form.fields.items()
        assert head(shared_house) == before

    def test_forms_that_are_none(self, shared_house: House, guest: Browser) -> None:
        client = shared_house.client
        path = "/book/" + shared_house.link("No form")["slug"]
        form = form_of(guest, path)
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
        again = guest.press(form, **WHO, key="not visible: ä")
        assert again.status == 422
        assert "press the button once more" in again.text
        assert again.form.fields["key"] not in ("", "not visible: ä")

    def test_a_silent_database_gives_the_form_back_to_be_sent_again(self, settings: Settings, server: Server) -> None:
        with proxying(server) as proxy:
            behind = settings.model_copy(update={"database_url": proxy.url(SERVICE_ROLE, "oncelink")})
            with TestClient(build(behind), raise_server_exceptions=False) as client:
                house, guest = House.furnished(client), Browser(client)
                [code] = house.codes(house.link())
                form = form_of(guest, f"/s/{code}")
                proxy.shut()
                assert guest.open(f"/s/{code}").status == 503
                back = guest.press(form, **WHO, notes="One\r\nTwo")
                assert back.status == 503
                assert int(back.answer.headers["retry-after"]) > 0
                assert back.form.fields == {**form.fields, **WHO, "notes": "One\nTwo"}
                proxy.open()
                assert "You are booked" in until_answered(guest, back.form).text


def until_answered(guest: Browser, form: Form) -> Page:
    """Presses a button until the database is back."""
    for _ in range(50):
        page = guest.press(form)
        if page.status != 503:
            return page
    raise AssertionError("the database did not come back")


class TestClosed:
    """A link that does not book says so kindly, and tells nothing else."""

    def test_unknown_and_malformed_are_the_same(self, shared_house: House, guest: Browser) -> None:
        link = shared_house.link("Known", slug="known")
        booked = code_of(self.used(shared_house)["manage_url"])
        [code] = shared_house.codes(link)
        paths = [f"/s/{code[:-1]}", f"/s/{code}A", "/s/known", f"/s/{booked}", "/s/x/y", "/s/%2e%2e", "/s/%00", "/s/"]
        paths += [f"/book/{code}", "/book/unknown", "/book/Known", "/book/a%2fb", "/book/%ff", "/book/" + "a" * 9_000]
        paths += [f"/m/{code}", "/m/known", "/m/x/cancel", "/m/x/reschedule", "/m/x/meeting.ics", "/m/%0a"]
        pages = [guest.open(path) for path in paths]
        assert {page.status for page in pages} == {404}
        assert len({page.answer.text for page in pages}) == 1
        assert "Please check the address" in pages[0].text

    def used(self, house: House) -> Any:
        """A booking on a link of its own."""
        link = house.link("Used")
        return house.book(link["slug"], house.slots(link["slug"])[5])

    @pytest.mark.parametrize(
        ("what", "sentence"),
        [
            ("used", "This link has already been used"),
            ("expired", "This link has expired"),
            ("revoked", "This link was withdrawn"),
            ("disabled", "This link is switched off"),
            ("deleted", "This link no longer exists"),
        ],
    )
    def test_each_reason(self, shared_house: House, guest: Browser, what: str, sentence: str) -> None:
        house = shared_house
        link = house.link(f"Closed {what}")
        issued = house.post(f"/v1/links/{link['id']}/single-use", {}, "member", 201)["items"][0]
        form = form_of(guest, f"/s/{issued['code']}")
        if what == "used":
            house.book(issued["code"], house.slots(issued["code"])[0])
        elif what == "expired":
            house.patch(f"/v1/links/{link['id']}", {"expires_at": PAST}, "member")
        elif what == "revoked":
            house.post(f"/v1/single-use/{issued['id']}/revoke", {}, "member")
        elif what == "disabled":
            house.post(f"/v1/links/{link['id']}/disable", None, "member")
        else:
            house.send("DELETE", f"/v1/links/{link['id']}", who="member")
        before = head(house)
        for page in (guest.open(f"/s/{issued['code']}"), guest.press(form, **WHO)):
            assert page.status == 410
            assert sentence in page.text
            assert "ask for a new link" in page.text
            for secret in (GUEST["name"], GUEST["email"], link["slug"], link["id"], "Closed"):
                assert secret not in page.answer.text
        assert head(house) == before

    def test_headers_under_a_code(self, shared_house: House, guest: Browser) -> None:
        link = shared_house.link("Headers of pages")
        [code] = shared_house.codes(link)
        form = form_of(guest, f"/s/{code}")
        done = guest.press(form, **WHO)
        for path in (f"/s/{code}", f"/book/{link['slug']}", done.path, f"{done.path}/cancel", "/s/unknown"):
            headers = guest.open(path).answer.headers
            assert headers["referrer-policy"] == "no-referrer"
            assert "no-store" in headers["cache-control"]
            assert "noindex" in headers["x-robots-tag"]
            assert "default-src 'none'" in headers["content-security-policy"]


class TestNeverShown:
    """A single-use link's pages never show the link behind it."""

    def test_neither_slug_nor_name_nor_id(self, shared_house: House, guest: Browser) -> None:
        link = shared_house.link("Zebra crossing", slug="zebra-pages-7")
        [code] = shared_house.codes(link)
        pages = [guest.open(f"/s/{code}")]
        form = form_of(guest, f"/s/{code}")
        pages += [guest.press(form), guest.press(form, **WHO, start=PAST), guest.press(form, **WHO)]
        own = pages[-1].path
        pages += [guest.open(own), guest.open(f"{own}/reschedule"), guest.open(f"{own}/cancel")]
        pages += [guest.press(pages[-1].form), guest.open(f"/s/{code}")]
        for page in pages:
            told = page.answer.text + str(page.answer.headers) + str(page.answer.url)
            for secret in ("zebra-pages-7", "Zebra crossing", link["id"]):
                assert secret not in told
        file = shared_house.client.get(f"{own}/meeting.ics").text
        assert "ebra" not in file


class TestZonesAndMonths:
    """The guest's own clock."""

    def test_another_zone(self, shared_house: House, guest: Browser) -> None:
        path = "/book/" + shared_house.link("Elsewhere")["slug"]
        noon = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT12:00:00Z")
        for zone, label in (("UTC", "12:00"), ("Asia/Kolkata", "17:30"), ("Pacific/Kiritimati", "02:00")):
            page = guest.open(f"{path}?start={noon}&time_zone={zone}")
            assert f"{label} – " in page.text
            assert page.form.fields["time_zone"] == zone
        american = Browser(shared_house.client, "en-US,en;q=0.9").open(
            f"{path}?start={noon}&time_zone=America/New_York"
        )
        assert " am – " in american.text
        wrong = guest.open(f"{path}?time_zone=Mars/Base")
        assert wrong.status == 200
        assert "We do not know this time zone" in wrong.text
        assert wrong.times()

    @pytest.mark.parametrize(
        "wrong", ["day=soon", "day=0000-00-00", "month=2026-13", "start=now", "month=%00", "day=%ff"]
    )
    def test_an_address_that_cannot_be_read(self, shared_house: House, guest: Browser, wrong: str) -> None:
        page = guest.open(f"/book/{shared_house.link('Mangled')['slug']}?{wrong}")
        assert page.status == 200
        assert "Here are the next free times" in page.text
        assert page.times()

    def test_months_end_where_the_booking_window_ends(self, shared_house: House, guest: Browser) -> None:
        path = "/book/" + shared_house.link("Window")["slug"]
        months, page = 1, guest.open(path)
        while later := [href for words, href in page.read.links.items() if "month=" in href]:
            if len(later) < 2 and months > 1:
                break
            page, months = guest.open(later[-1]), months + 1
            assert months < 6
        assert months in (2, 3, 4)
        assert guest.open(f"{path}?month=2031-01").times()
        assert guest.open(f"{path}?month=2001-01").times()

    def test_an_empty_month_says_when_the_next_time_is(self, shared_house: House, guest: Browser) -> None:
        house = shared_house
        house.hire("rarely", ["member"])
        day = (datetime.now(UTC) + timedelta(days=75)).date()
        mine = {"weekly_hours": {}, "date_overrides": {str(day): [["09:00", "10:00"]]}}
        house.patch("/v1/me", mine, "rarely")
        body = {"name": "Far", "duration_minutes": 30, "booking_window_days": 200}
        kind = house.post("/v1/meeting-types", body, "admin", 201)["id"]
        path = "/book/" + house.link("Rarely", "rarely", meeting_type_id=kind)["slug"]
        assert list(guest.open(path).times()) == ["09:00", "09:30"]
        first = guest.open(f"{path}?month={datetime.now(UTC):%Y-%m}")
        assert "No free times this month" in first.text
        assert f"{day:%A}, {day.day} {day:%B}" in first.text
        last = guest.open(f"{path}?month=2999-01")
        assert f"{day.day} {day:%B}" in last.text
        house.patch("/v1/me", {"date_overrides": {}}, "rarely")
        assert "no free times at the moment" in guest.open(path).text

    def test_days_on_which_the_clock_changes(self, shared_house: House, guest: Browser) -> None:
        body = {"name": "Long window", "duration_minutes": 30, "booking_window_days": 400}
        kind = shared_house.post("/v1/meeting-types", body, "admin", 201)["id"]
        path = "/book/" + shared_house.link("Clocks", meeting_type_id=kind)["slug"]
        spring, autumn = clock_changes()
        skipped = guest.open(f"{path}?day={spring}&time_zone=Europe/Berlin")
        assert "Clocks go forward on this day." in skipped.text
        assert len(skipped.times()) == 46
        assert [label for label in skipped.times() if label.startswith("02:")] == []
        doubled = guest.open(f"{path}?day={autumn}&time_zone=Europe/Berlin")
        assert "Clocks go back on this day." in doubled.text
        assert len(doubled.times()) == 50
        assert [label for label in doubled.times() if label.startswith("02:")] == [
            "02:00 GMT+2",
            "02:30 GMT+2",
            "02:00 GMT+1",
            "02:30 GMT+1",
        ]
        second = guest.open(doubled.times()["02:30 GMT+1"])
        done = guest.press(second.form, **WHO)
        assert "02:30 – 03:00" in done.text
        assert "GMT+1" in done.text
