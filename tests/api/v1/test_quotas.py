"""Quotas of guests for a day: bookings of an address on a link, moves of a booking, mails to an address."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient

from api.app import build_app
from api.settings import Settings
from tests.api.refusals import assert_problem, find_last_position
from tests.api.scriptless_browser import ScriptlessBrowser
from tests.api_driver import GUEST, ApiDriver, extract_code
from tests.movable_clock import MovableClock
from tests.once.guests import run_concurrently

QUOTAS = {"guest_booking_quota": 3, "guest_move_quota": 2, "guest_mail_quota": 5}
DAY = 86_400


@pytest.fixture
def limited_settings(settings: Settings) -> Settings:
    """Settings with small quotas."""
    return settings.model_copy(update=QUOTAS)


@pytest.fixture
def api(limited_settings: Settings, organisation: ApiDriver) -> Iterator[ApiDriver]:
    """A running service with small quotas."""
    with TestClient(build_app(limited_settings, clock=MovableClock()), raise_server_exceptions=False) as client:
        yield ApiDriver(client, dict(organisation.keys), dict(organisation.ids))


def book(api: ApiDriver, code: str, start: str, email: str = GUEST["email"], **headers: str) -> httpx2.Response:
    """Book as the guest with an address."""
    return api.send_request("POST", f"/v1/book/{code}", {"start": start, "guest": GUEST | {"email": email}}, **headers)


def move(api: ApiDriver, booked: Any, start: str) -> httpx2.Response:
    """Move a booking as its guest."""
    return api.send_request("POST", f"/v1/manage/{extract_code(booked['manage_url'])}/reschedule", {"start": start})


def assert_used_up(response: httpx2.Response, policy: str) -> None:
    """Assert that a quota is used up for most of a day, and that all that says so agrees."""
    body = assert_problem(response, 429, "too_many_requests")
    seconds = int(response.headers["retry-after"])
    assert DAY - 600 < seconds <= DAY
    assert response.headers["ratelimit"] == f'"{policy}";r=0;t={seconds}'
    hours, minutes = divmod(seconds // 60, 60)
    assert f"{hours} hour" in body["detail"]
    assert minutes == 0 or f"{minutes} minute" in body["detail"]


def test_quotas_are_on_unless_they_are_set_off() -> None:
    fields = Settings.model_fields
    assert all(fields[name].default > 0 for name in (*QUOTAS, "guest_rate_limit"))


class TestBookings:
    """One address cannot fill the day of a host."""

    @pytest.fixture
    def slots(self, api: ApiDriver) -> list[str]:
        """Free times of the core link `intro`, after the address has used up its quota there."""
        api.create_link("Intro", slug="intro")
        starts = api.list_slots("intro")
        responses = [book(api, "intro", start, Idempotency_Key=start) for start in starts[:3]]
        assert [response.status_code for response in responses] == [201] * 3
        assert 'bookings";q=3;w=86400' in responses[0].headers["ratelimit-policy"]
        return starts[3:]

    def test_of_an_address_on_a_link_are_limited(self, api: ApiDriver, slots: list[str]) -> None:
        position_before = find_last_position(api)
        for email in (GUEST["email"], GUEST["email"].upper(), "grace+1@guest.example", "Grace+a+b@Guest.Example"):
            assert_used_up(book(api, "intro", slots[0], email), "bookings")
        assert find_last_position(api) == position_before
        assert book(api, "intro", slots[0], "other@guest.example").status_code == 201
        api.create_link("Second", slug="second")
        assert book(api, "second", slots[1]).status_code == 201
        api.clock.advance(days=1)
        assert book(api, "intro", slots[-1]).status_code == 201

    def test_that_succeeded_are_answered_again(self, api: ApiDriver, slots: list[str]) -> None:
        first = book(api, "intro", api.list_slots("intro")[0], "x@guest.example", Idempotency_Key="k")
        again = book(api, "intro", first.json()["booking"]["start"], "x@guest.example", Idempotency_Key="k")
        assert (again.status_code, again.headers["idempotent-replayed"], again.json()) == (201, "true", first.json())
        assert_used_up(book(api, "intro", slots[1], Idempotency_Key="k2"), "bookings")

    def test_of_single_use_links_are_limited_by_the_links_alone(self, api: ApiDriver, slots: list[str]) -> None:
        codes = api.create_codes(api.create_link("Other", slug="other"), 6)
        assert {book(api, code, start).status_code for code, start in zip(codes, slots, strict=False)} == {201}
        assert book(api, "other", slots[6]).status_code == 201  # they count for nothing either

    def test_are_refused_in_a_form_that_keeps_everything(self, api: ApiDriver, slots: list[str]) -> None:
        browser = ScriptlessBrowser(api.client)
        confirm = browser.choose_time("/book/intro", 0)
        confirm.form.fields |= {"name": "Grace", "email": GUEST["email"], "notes": "About “everything”"}
        page = browser.submit_form(confirm.form)
        assert page.status == 429
        assert "booked here with this e-mail address" in page.text
        assert page.form.fields | {"notes": "About “everything”", "email": GUEST["email"]} == page.form.fields

    def test_are_not_counted_once_the_address_is_erased(self, api: ApiDriver, slots: list[str]) -> None:
        api.post("/v1/erasures", {"email": GUEST["email"]}, "admin", 201)
        assert book(api, "intro", slots[0]).status_code == 201


def test_two_processes_at_once_book_no_more_than_the_quota(api: ApiDriver, limited_settings: Settings) -> None:
    api.create_link("Intro", slug="intro")
    starts = api.list_slots("intro")[:12]
    with TestClient(build_app(limited_settings), raise_server_exceptions=False) as client:
        clients = [api, ApiDriver(client, api.keys, api.ids)]
        calls = [
            lambda start=start, n=n: book(clients[n % 2], "intro", start).status_code for n, start in enumerate(starts)
        ]
        assert sorted(run_concurrently(calls)) == [201] * 3 + [429] * 9


class TestMoves:
    """A guest does not move one meeting for ever."""

    @pytest.mark.parametrize("single_use", [False, True])
    def test_of_a_booking_are_limited_for_its_guest(self, api: ApiDriver, single_use: bool) -> None:
        link = api.create_link("Intro", slug="intro")
        code = api.create_codes(link)[0] if single_use else "intro"
        starts = api.list_slots("intro")
        booked = book(api, code, starts[0]).json()
        assert [move(api, booked, start).status_code for start in starts[1:3]] == [200] * 2
        refused = move(api, booked, starts[3])
        assert_used_up(refused, "moves")
        assert '"moves";q=2;w=86400' in refused.headers["ratelimit-policy"]
        page = api.client.post(
            f"/m/{extract_code(booked['manage_url'])}/reschedule", data={"start": starts[3], "time_zone": "UTC"}
        )
        assert page.status_code == 429
        assert page.headers["ratelimit"].startswith('"moves";r=0;t=')
        assert "so it stays where it is" in page.text
        path = f"/v1/bookings/{booked['booking']['id']}/reschedule"
        assert api.send_request("POST", path, {"start": starts[4]}, "member").status_code == 200  # its host


class TestMails:
    """Nobody makes the service send mail after mail to somebody else's address."""

    def test_to_an_address_are_limited_and_none_is_lost(self, api: ApiDriver) -> None:
        starts = iter(api.list_slots(api.create_link("Intro", slug="intro")["slug"]))
        api.create_link("Second", slug="second")
        first, second = (book(api, "intro", next(starts)).json() for _ in range(2))
        assert [move(api, first, next(starts)).status_code for _ in range(2)] == [200] * 2
        assert move(api, second, next(starts)).status_code == 200
        position_before = find_last_position(api)
        assert_used_up(move(api, second, next(starts)), "mails")
        assert_used_up(book(api, "second", next(starts), "grace+2@guest.example"), "mails")
        assert find_last_position(api) == position_before  # what would have sent a mail has not happened
        booking_path = f"/v1/bookings/{first['booking']['id']}"
        api.post(f"{booking_path}/reschedule", {"start": next(starts)}, "member")  # the host's mail goes out
        cancelled = api.post(
            f"/v1/manage/{extract_code(second['manage_url'])}/cancel", {}
        )  # and a guest may always cancel
        assert cancelled["booking"]["status"] == "cancelled"
        [code] = api.create_codes(api.create_link("Third", slug="third"))
        by_code = book(api, code, next(starts)).json()
        assert move(api, by_code, next(starts)).status_code == 200

    def test_are_no_more_than_the_quota_in_a_storm(self, settings: Settings, organisation: ApiDriver) -> None:
        """The storm that sent 53 invitations to one address in 30 seconds, with the quotas as they are unless set."""
        defaults = {name: Settings.model_fields[name].default for name in QUOTAS}
        with TestClient(build_app(settings.model_copy(update=defaults))) as client:
            api = ApiDriver(client, dict(organisation.keys), dict(organisation.ids))
            slugs = [api.create_link(f"Link {n}")["slug"] for n in range(3)]
            starts = api.list_slots(slugs[0], days=2)
            done = 0
            for n in range(60):
                response = book(api, slugs[n % 3], starts[n], "victim@guest.example")
                done += response.status_code == 201
                if response.status_code == 201:
                    done += move(api, response.json(), starts[-1 - n]).status_code == 200
            assert done == defaults["guest_mail_quota"] == 40
