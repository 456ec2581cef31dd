"""POST /v1/bookings/{id}/replacement: a new link for a meeting that fell through, once; the old one stays spent."""

from datetime import datetime
from typing import Any

import pytest

from tests.api.pages.page_client import PageClient, extract_text
from tests.api.refusals import assert_problem, find_last_position
from tests.api_driver import GUEST, ApiDriver, extract_code

RECIPIENT = {"name": "Ann Lee", "email": "ann@acme.example"}


def issue_link(api: ApiDriver, link: Any, **body: Any) -> Any:
    """Issue one single-use link as Julio."""
    return api.post(f"/v1/links/{link['id']}/single-use", body, "member", 201)["items"][0]


def cancel_new_booking(api: ApiDriver, **body: Any) -> tuple[Any, Any]:
    """Issue a single-use link, book it and cancel the meeting as its host. Returns the link and the booking's id."""
    single_use = issue_link(api, api.create_link(), **body)
    booking = api.book_meeting(single_use["code"], api.list_slots(single_use["code"])[0])
    api.post(f"/v1/bookings/{booking['booking']['id']}/cancel", {"reason": "Ill"}, "member")
    return single_use, booking


def replace_link(api: ApiDriver, id: str, who: str = "member", expect: int = 201, **headers: str) -> Any:
    """Ask for a replacement."""
    return api.post(f"/v1/bookings/{id}/replacement", None, who, expect, **headers)


class TestByHand:
    """The policy `manual`."""

    def test_is_of_the_same_link_and_recipient(self, shared_api: ApiDriver) -> None:
        api = shared_api
        single_use, booking = cancel_new_booking(api, recipients=[RECIPIENT], label="Acme", metadata={"crm": "7"})
        id = booking["booking"]["id"]
        assert api.get(f"/v1/bookings/{id}", "member")["replacement_id"] is None
        replacement = replace_link(api, id)
        assert (replacement["replaces"], replacement["link"]) == (id, single_use["link"])
        assert (replacement["recipient"], replacement["label"]) == (RECIPIENT, "Acme")
        assert (replacement["metadata"], replacement["status"]) == ({"crm": "7"}, "active")
        assert api.get(f"/v1/bookings/{id}", "member")["replacement_id"] == replacement["id"]
        again = api.book_meeting(replacement["code"], api.list_slots(replacement["code"])[1])
        row = api.get(f"/v1/bookings/{again['booking']['id']}", "member")
        assert (row["replaces"], row["replacement_id"]) == (id, None)
        for code in (single_use["code"], replacement["code"]):
            refused = api.send_request("GET", f"/v1/book/{code}")
            assert_problem(refused, 410, "link_used")

    def test_is_for_the_guest_who_booked_on_a_core_link(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link()
        booking = shared_api.book_meeting(link["slug"], shared_api.list_slots(link["slug"])[0])
        shared_api.post(f"/v1/manage/{extract_code(booking['manage_url'])}/cancel", None)
        replacement = replace_link(shared_api, booking["booking"]["id"])
        assert replacement["recipient"] == {"name": GUEST["name"], "email": GUEST["email"]}
        assert shared_api.get(f"/v1/single-use/{replacement['id']}", "member") == replacement

    def test_once(self, shared_api: ApiDriver) -> None:
        api = shared_api
        link = api.create_link()
        single_use = issue_link(api, link)
        booking = api.book_meeting(single_use["code"], api.list_slots(single_use["code"])[0])
        id = booking["booking"]["id"]
        path = f"/v1/bookings/{id}/replacement"
        assert_problem(api.send_request("POST", path, who="member"), 409, "not_replaceable")
        api.post(f"/v1/bookings/{id}/cancel", None, "member")
        for who, status, code in (("engineer", 404, "not_found"), ("auditor", 403, "forbidden")):
            assert_problem(api.send_request("POST", path, who=who), status, code)
        first = replace_link(api, id, Idempotency_Key="given")
        position = find_last_position(api)
        repeated = api.send_request("POST", path, who="member", Idempotency_Key="given")
        assert (repeated.status_code, repeated.json()["id"]) == (201, first["id"])
        assert repeated.headers["Idempotent-Replayed"] == "true"
        api.post(f"/v1/single-use/{first['id']}/revoke", None, "member")
        position = find_last_position(api)
        for who, headers in (("member", {}), ("manager", {}), ("member", {"Idempotency_Key": "another"})):
            assert_problem(api.send_request("POST", path, who=who, **headers), 409, "not_replaceable")
        assert find_last_position(api) == position

    def test_of_a_meeting_that_the_guest_missed(self, api: ApiDriver) -> None:
        single_use = issue_link(api, api.create_link(), recipients=[RECIPIENT])
        booking = api.book_meeting(single_use["code"], api.list_slots(single_use["code"])[0])["booking"]
        path, host = f"/v1/bookings/{booking['id']}/replacement", PageClient(api, "member")
        with api.clock.stop_at(datetime.fromisoformat(booking["end"])):
            assert_problem(api.send_request("POST", path, who="member"), 409, "not_replaceable")
            api.post(f"/v1/bookings/{booking['id']}/no-show", {}, "member")
            assert "Give a new link" in host.get(f"/meeting-log/{booking['id']}").text
            assert replace_link(api, booking["id"])["recipient"] == RECIPIENT
            assert_problem(api.send_request("POST", path, who="member"), 409, "not_replaceable")

    def test_not_of_a_deleted_link(self, shared_api: ApiDriver) -> None:
        _, booking = cancel_new_booking(shared_api)
        row = shared_api.get(f"/v1/bookings/{booking['booking']['id']}", "member")
        shared_api.send_request("DELETE", f"/v1/links/{row['link']['id']}", who="member")
        response = shared_api.send_request("POST", f"/v1/bookings/{row['booking_id']}/replacement", who="member")
        assert_problem(response, 410, "link_deleted")

    def test_copies_nothing_that_was_erased(self, shared_api: ApiDriver) -> None:
        guest = {**GUEST, "email": "gone@guest.example"}
        link = shared_api.create_link()
        body = {"start": shared_api.list_slots(link["slug"])[0], "guest": guest}
        id = shared_api.post(f"/v1/book/{link['slug']}", body, None, 201)["booking"]["id"]
        shared_api.post(f"/v1/bookings/{id}/cancel", None, "member")
        shared_api.post("/v1/erasures", {"email": guest["email"]}, "admin", 201)
        assert replace_link(shared_api, id)["recipient"] is None

    def test_follows_its_core_link_live(self, shared_api: ApiDriver) -> None:
        _, booking = cancel_new_booking(shared_api)
        replacement = replace_link(shared_api, booking["booking"]["id"])
        shared_api.post(f"/v1/links/{replacement['link']['id']}/disable", None, "member")
        assert shared_api.get(f"/v1/single-use/{replacement['id']}", "member")["status"] == "disabled"


class TestPolicies:
    """`host_cancelled` and `off`."""

    def test_host_cancelled_gives_it_in_the_same_append(self, api: ApiDriver) -> None:
        api.patch("/v1/organisation", {"replacement": "host_cancelled"}, "admin")
        _, booking = cancel_new_booking(api, recipients=[RECIPIENT])
        row = api.get(f"/v1/bookings/{booking['booking']['id']}", "member")
        replacement = api.get(f"/v1/single-use/{row['replacement_id']}", "member")
        assert (replacement["replaces"], replacement["recipient"]) == (row["booking_id"], RECIPIENT)
        assert replacement["code"]
        manage = PageClient(api).get(f"/m/{extract_code(booking['manage_url'])}").text
        assert f'href="/s/{replacement["code"]}">Choose another time</a>' in manage
        events = api.services.database.fetch_rows("SELECT position, type FROM {schema}.events ORDER BY position")
        assert [event["type"].split(".")[0] for event in events[-2:]] == ["MeetingCancelled", "SingleUseIssued"]
        response = api.send_request("POST", f"/v1/bookings/{row['booking_id']}/replacement", who="member")
        assert_problem(response, 409, "not_replaceable")

    @pytest.mark.parametrize("policy", ["host_cancelled", "manual"])
    def test_a_guest_who_cancels_gets_none_by_itself(self, api: ApiDriver, policy: str) -> None:
        api.patch("/v1/organisation", {"replacement": policy}, "admin")
        link = api.create_link()
        booking = api.book_meeting(link["slug"], api.list_slots(link["slug"])[0])
        api.post(f"/v1/manage/{extract_code(booking['manage_url'])}/cancel", None)
        assert api.get(f"/v1/bookings/{booking['booking']['id']}", "member")["replacement_id"] is None
        assert replace_link(api, booking["booking"]["id"])["replaces"] == booking["booking"]["id"]

    def test_the_guest_is_led_nowhere_that_books_nothing(self, api: ApiDriver) -> None:
        link = api.create_link()
        booking = api.book_meeting(link["slug"], api.list_slots(link["slug"])[0])
        api.patch(f"/v1/links/{link['id']}", {"single_use_only": True}, "member")
        code = extract_code(booking["manage_url"])
        api.post(f"/v1/manage/{code}/cancel", None)
        assert f"/book/{link['slug']}" not in PageClient(api).get(f"/m/{code}").text
        replacement = replace_link(api, booking["booking"]["id"])
        assert f'href="/s/{replacement["code"]}"' in PageClient(api).get(f"/m/{code}").text

    def test_a_host_can_cancel_a_meeting_of_a_deleted_link(self, api: ApiDriver) -> None:
        api.patch("/v1/organisation", {"replacement": "host_cancelled"}, "admin")
        link = api.create_link()
        id = api.book_meeting(link["slug"], api.list_slots(link["slug"])[0])["booking"]["id"]
        api.send_request("DELETE", f"/v1/links/{link['id']}", who="member")
        assert api.post(f"/v1/bookings/{id}/cancel", None, "member")["replacement_id"] is None

    def test_off_gives_none(self, api: ApiDriver) -> None:
        _, booking = cancel_new_booking(api)
        path = f"/v1/bookings/{booking['booking']['id']}/replacement"
        api.patch("/v1/organisation", {"replacement": "off"}, "admin")
        assert_problem(api.send_request("POST", path, who="manager"), 409, "not_replaceable")
        page = PageClient(api, "member").get(f"/meeting-log/{booking['booking']['id']}").text
        assert "Give a new link" not in page


class TestPages:
    """The meeting's page, and that of the new link."""

    def test_gives_it_and_shows_both(self, api: ApiDriver) -> None:
        _, booking = cancel_new_booking(api, recipients=[RECIPIENT])
        path = f"/meeting-log/{booking['booking']['id']}"
        host = PageClient(api, "member")
        assert "Give a new link" in host.get(path).text
        assert "Give a new link" not in PageClient(api, "auditor").get(path).text
        response = host.post(f"{path}/replacement")
        assert response.status_code == 303
        page = host.get(response.headers["location"])
        assert f'href="{path}">A meeting that fell through</a>' in page.text
        assert "in place of one whose meeting fell through" in extract_text(page)
        code = page.text.partition("/s/")[2].partition('"')[0]
        meeting = host.get(path)
        assert "Give a new link" not in meeting.text
        assert "Replaced by A new single-use link" in extract_text(meeting)
        assert "issued a single-use link" in extract_text(meeting).partition("cancelled")[2]
        assert host.post(f"{path}/replacement").headers["location"] == path
        second = api.book_meeting(code, api.list_slots(code)[0])["booking"]["id"]
        assert f'href="{path}">A meeting that fell through</a>' in host.get(f"/meeting-log/{second}").text
        assert f'href="/meeting-log/{second}">another meeting</a>' in host.get(path).text
