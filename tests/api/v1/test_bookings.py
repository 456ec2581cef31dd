"""Bookings for the people of the organisation, outcome by outcome."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.api.refusals import assert_problem, find_last_position
from tests.api_driver import GUEST, ApiDriver, extract_code

BOOKING = {
    *("booking_id", "booked_at", "status", "link_type", "link", "single_use_id", "recipient", "label", "meeting_type"),
    *("host", "co_hosts", "guest", "starts_at", "ends_at", "reschedule_count", "previous_starts_at", "cancelled_at"),
    *("cancelled_by", "cancel_reason", "no_show_at", "issued_by", "issued_at", "source", "erased", "notes", "version"),
    *("replaces", "replacement_id", "team", "chosen", "answers", "metadata", "locale"),
}


def create_booking(api: ApiDriver, name: str, single_use: bool = False, **link: Any) -> tuple[str, Any, list[str]]:
    """Create a link and a booking. Returns its path, the guest's response body and other free starts."""
    new_link = api.create_link(name, **link)
    slug_or_code = api.create_codes(new_link)[0] if single_use else new_link["slug"]
    start, *other_starts = api.list_slots(slug_or_code)
    booking = api.book_meeting(slug_or_code, start)
    return f"/v1/bookings/{booking['booking']['id']}", booking, other_starts


class TestRead:
    """GET /v1/bookings/{id}"""

    def test_single_use(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Read one")
        body = {"recipients": [{"name": "Ada", "email": "ada@guest.example"}], "label": "Pilot"}
        [single_use_link] = shared_api.post(f"/v1/links/{link['id']}/single-use", body, "member", 201)["items"]
        start = shared_api.list_slots(single_use_link["code"])[0]
        id = shared_api.book_meeting(single_use_link["code"], start)["booking"]["id"]
        response = shared_api.send_request("GET", f"/v1/bookings/{id}", who="member")
        meeting = response.json()
        assert meeting.keys() == BOOKING
        assert response.headers["etag"] == f'"{meeting["version"]}"'
        assert (meeting["booking_id"], meeting["single_use_id"]) == (id, single_use_link["id"])
        assert (meeting["link_type"], meeting["status"], meeting["starts_at"]) == ("single_use", "scheduled", start)
        assert (meeting["recipient"], meeting["label"]) == ({"name": "Ada", "email": "ada@guest.example"}, "Pilot")
        assert (meeting["guest"], meeting["issued_by"]["name"]) == (GUEST, "Member")
        assert meeting["issued_at"] == single_use_link["issued_at"]
        assert (meeting["reschedule_count"], meeting["previous_starts_at"], meeting["cancelled_at"]) == (0, None, None)

    def test_direct(self, shared_api: ApiDriver) -> None:
        path, _, _ = create_booking(shared_api, "Read direct")
        booking = shared_api.get(path, "member")
        assert booking["link_type"] == "standard"
        assert [booking[name] for name in ("single_use_id", "recipient", "label", "issued_by", "issued_at")] == [
            None
        ] * 5

    def test_who_sees_it(self, shared_api: ApiDriver) -> None:
        path, _, _ = create_booking(shared_api, "Seen", co_host_ids=[shared_api.ids["engineer"]])
        other_path, _, _ = create_booking(shared_api, "Not seen")
        for who in ("member", "engineer", "manager", "admin", "auditor", "analyst"):
            assert shared_api.send_request("GET", path, who=who).status_code == 200, who
        assert_problem(shared_api.send_request("GET", other_path, who="engineer"), 404, "not_found")
        [token] = shared_api.create_codes(shared_api.create_link("Unused"))
        unused = shared_api.services.codes.open_code(token, "book")
        assert_problem(shared_api.send_request("GET", f"/v1/bookings/{unused}", who="admin"), 404, "not_found")


class TestReschedule:
    """POST /v1/bookings/{id}/reschedule"""

    @pytest.mark.parametrize("who", ["member", "engineer", "manager", "admin"])
    def test_who_may(self, shared_api: ApiDriver, who: str) -> None:
        path, booking, (other_start, *_) = create_booking(
            shared_api, f"Moved by {who}", True, co_host_ids=[shared_api.ids["engineer"]]
        )
        response = shared_api.send_request("POST", f"{path}/reschedule", {"start": other_start}, who)
        meeting = response.json()
        assert (response.status_code, meeting["status"], meeting["starts_at"]) == (200, "rescheduled", other_start)
        assert (meeting["reschedule_count"], meeting["previous_starts_at"]) == (1, booking["booking"]["start"])
        assert int(response.headers["oncelink-position"]) == find_last_position(shared_api)
        repeated_response = shared_api.send_request("POST", f"{path}/reschedule", {"start": other_start}, who)
        assert (repeated_response.status_code, repeated_response.json()) == (200, meeting)
        assert find_last_position(shared_api) == int(response.headers["oncelink-position"])

    def test_who_may_not(self, shared_api: ApiDriver) -> None:
        path, _, (other_start, *_) = create_booking(shared_api, "Not moved")
        position_before = find_last_position(shared_api)
        for who, status in (("engineer", 404), ("auditor", 403), ("analyst", 403), (None, 401)):
            for verb, body in (("reschedule", {"start": other_start}), ("cancel", {})):
                assert shared_api.send_request("POST", f"{path}/{verb}", body, who).status_code == status, who
        assert find_last_position(shared_api) == position_before

    def test_by_the_meeting_type_as_it_is_now(self, shared_api: ApiDriver) -> None:
        kind = shared_api.post("/v1/meeting-types", {"name": "Grows", "duration_minutes": 30}, "admin", 201)
        path, _, _ = create_booking(shared_api, "Growing", meeting_type_id=kind["id"])
        shared_api.patch(f"/v1/meeting-types/{kind['id']}", {"duration_minutes": 60}, "admin")
        start = shared_api.list_slots("growing")[5]
        meeting = shared_api.post(f"{path}/reschedule", {"start": start}, "member")
        length = datetime.fromisoformat(meeting["ends_at"]) - datetime.fromisoformat(meeting["starts_at"])
        assert length == timedelta(minutes=60)

    def test_with_the_hosts_it_was_booked_with(self, shared_api: ApiDriver) -> None:
        path, _, (other_start, *_) = create_booking(shared_api, "Hosts stay", co_host_ids=[shared_api.ids["engineer"]])
        id = shared_api.get(path, "member")["link"]["id"]
        shared_api.patch(f"/v1/links/{id}", {"co_host_ids": []}, "member")
        meeting = shared_api.post(f"{path}/reschedule", {"start": other_start}, "member")
        assert [person["name"] for person in meeting["co_hosts"]] == ["Engineer"]


class TestCancel:
    """POST /v1/bookings/{id}/cancel"""

    def test_by_the_host(self, shared_api: ApiDriver) -> None:
        path, booking, (other_start, *_) = create_booking(shared_api, "Cancelled by the host")
        meeting = shared_api.post(f"{path}/cancel", {"reason": "Ill"}, "member")
        assert (meeting["status"], meeting["cancelled_by"], meeting["cancel_reason"]) == ("cancelled", "host", "Ill")
        position_before = find_last_position(shared_api)
        assert_problem(shared_api.send_request("POST", f"{path}/cancel", None, "manager"), 409, "booking_cancelled")
        response = shared_api.send_request("POST", f"{path}/reschedule", {"start": other_start}, "manager")
        assert_problem(response, 409, "booking_cancelled")
        assert find_last_position(shared_api) == position_before
        assert shared_api.get(f"/v1/manage/{extract_code(booking['manage_url'])}")["booking"]["status"] == "cancelled"

    def test_by_the_guest(self, shared_api: ApiDriver) -> None:
        path, booking, _ = create_booking(shared_api, "Cancelled by the guest")
        shared_api.post(f"/v1/manage/{extract_code(booking['manage_url'])}/cancel", {"reason": "Other plans"})
        meeting = shared_api.get(path, "member")
        assert (meeting["cancelled_by"], meeting["cancel_reason"]) == ("guest", "Other plans")


class TestStarted:
    """From its start on, a meeting can no longer be changed."""

    def test_by_anybody(self, shared_api: ApiDriver) -> None:
        path, booking, (other_start, *_) = create_booking(shared_api, "Started")
        manage = f"/v1/manage/{extract_code(booking['manage_url'])}"
        position_before = find_last_position(shared_api)
        with shared_api.clock.stop_at(datetime.fromisoformat(booking["booking"]["start"])):
            for address, who in ((path, "member"), (manage, None)):
                response = shared_api.send_request("POST", f"{address}/reschedule", {"start": other_start}, who)
                assert_problem(response, 409, "meeting_started")
                assert_problem(shared_api.send_request("POST", f"{address}/cancel", {}, who), 409, "meeting_started")
            assert_problem(
                shared_api.send_request("GET", f"{manage}/slots?from=2030-01-01&to=2030-01-01&time_zone=UTC"),
                409,
                "meeting_started",
            )
            assert shared_api.get(manage)["booking"]["status"] == "scheduled"
        assert find_last_position(shared_api) == position_before
