"""Bookings for the people of the organisation, outcome by outcome."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from api.http import dependencies
from tests.api.refusals import head, refused
from tests.api_driver import GUEST, House, code_of

BOOKING = {
    *("booking_id", "booked_at", "status", "link_type", "link", "single_use_id", "recipient", "label", "meeting_type"),
    *("host", "co_hosts", "guest", "starts_at", "ends_at", "reschedule_count", "previous_starts_at", "cancelled_at"),
    *("cancelled_by", "cancel_reason", "issued_by", "issued_at", "source", "erased", "notes", "version"),
}


def booked(house: House, name: str, single_use: bool = False, **link: Any) -> tuple[str, Any, list[str]]:
    """A new booking: its address, the guest's answer, and other times on offer."""
    made = house.link(name, **link)
    door = house.codes(made)[0] if single_use else made["slug"]
    start, *others = house.slots(door)
    answer = house.book(door, start)
    return f"/v1/bookings/{answer['booking']['id']}", answer, others


class TestRead:
    """GET /v1/bookings/{id}"""

    def test_single_use(self, shared_house: House) -> None:
        link = shared_house.link("Read one")
        body = {"recipients": [{"name": "Ada", "email": "ada@guest.example"}], "label": "Pilot"}
        [made] = shared_house.post(f"/v1/links/{link['id']}/single-use", body, "member", 201)["items"]
        start = shared_house.slots(made["code"])[0]
        id = shared_house.book(made["code"], start)["booking"]["id"]
        answer = shared_house.send("GET", f"/v1/bookings/{id}", who="member")
        found = answer.json()
        assert found.keys() == BOOKING
        assert answer.headers["etag"] == f'"{found["version"]}"'
        assert (found["booking_id"], found["single_use_id"]) == (id, made["id"])
        assert (found["link_type"], found["status"], found["starts_at"]) == ("single_use", "scheduled", start)
        assert (found["recipient"], found["label"]) == ({"name": "Ada", "email": "ada@guest.example"}, "Pilot")
        assert (found["guest"], found["issued_by"]["name"]) == (GUEST, "Member")
        assert found["issued_at"] == made["issued_at"]
        assert (found["reschedule_count"], found["previous_starts_at"], found["cancelled_at"]) == (0, None, None)

    def test_direct(self, shared_house: House) -> None:
        path, _, _ = booked(shared_house, "Read direct")
        found = shared_house.get(path, "member")
        assert found["link_type"] == "standard"
        assert [found[name] for name in ("single_use_id", "recipient", "label", "issued_by", "issued_at")] == [None] * 5

    def test_who_sees_it(self, shared_house: House) -> None:
        path, _, _ = booked(shared_house, "Seen", co_host_ids=[shared_house.ids["engineer"]])
        other, _, _ = booked(shared_house, "Not seen")
        for who in ("member", "engineer", "manager", "admin", "auditor", "analyst"):
            assert shared_house.send("GET", path, who=who).status_code == 200, who
        refused(shared_house.send("GET", other, who="engineer"), 404, "not_found")
        [token] = shared_house.codes(shared_house.link("Unused"))
        unused = shared_house.oncelink.codes.open(token, "book")
        refused(shared_house.send("GET", f"/v1/bookings/{unused}", who="admin"), 404, "not_found")


class TestReschedule:
    """POST /v1/bookings/{id}/reschedule"""

    @pytest.mark.parametrize("who", ["member", "engineer", "manager", "admin"])
    def test_who_may(self, shared_house: House, who: str) -> None:
        path, made, (other, *_) = booked(
            shared_house, f"Moved by {who}", True, co_host_ids=[shared_house.ids["engineer"]]
        )
        answer = shared_house.send("POST", f"{path}/reschedule", {"start": other}, who)
        found = answer.json()
        assert (answer.status_code, found["status"], found["starts_at"]) == (200, "rescheduled", other)
        assert (found["reschedule_count"], found["previous_starts_at"]) == (1, made["booking"]["start"])
        assert int(answer.headers["oncelink-position"]) == head(shared_house)
        again = shared_house.send("POST", f"{path}/reschedule", {"start": other}, who)
        assert (again.status_code, again.json()) == (200, found)
        assert head(shared_house) == int(answer.headers["oncelink-position"])

    def test_who_may_not(self, shared_house: House) -> None:
        path, _, (other, *_) = booked(shared_house, "Not moved")
        before = head(shared_house)
        for who, status in (("engineer", 404), ("auditor", 403), ("analyst", 403), (None, 401)):
            for verb, body in (("reschedule", {"start": other}), ("cancel", {})):
                assert shared_house.send("POST", f"{path}/{verb}", body, who).status_code == status, who
        assert head(shared_house) == before

    def test_by_the_meeting_type_as_it_is_now(self, shared_house: House) -> None:
        kind = shared_house.post("/v1/meeting-types", {"name": "Grows", "duration_minutes": 30}, "admin", 201)
        path, _, _ = booked(shared_house, "Growing", meeting_type_id=kind["id"])
        shared_house.patch(f"/v1/meeting-types/{kind['id']}", {"duration_minutes": 60}, "admin")
        start = shared_house.slots("growing")[5]
        found = shared_house.post(f"{path}/reschedule", {"start": start}, "member")
        length = datetime.fromisoformat(found["ends_at"]) - datetime.fromisoformat(found["starts_at"])
        assert length == timedelta(minutes=60)

    def test_with_the_hosts_it_was_booked_with(self, shared_house: House) -> None:
        path, _, (other, *_) = booked(shared_house, "Hosts stay", co_host_ids=[shared_house.ids["engineer"]])
        id = shared_house.get(path, "member")["link"]["id"]
        shared_house.patch(f"/v1/links/{id}", {"co_host_ids": []}, "member")
        found = shared_house.post(f"{path}/reschedule", {"start": other}, "member")
        assert [person["name"] for person in found["co_hosts"]] == ["Engineer"]


class TestCancel:
    """POST /v1/bookings/{id}/cancel"""

    def test_by_the_host(self, shared_house: House) -> None:
        path, made, (other, *_) = booked(shared_house, "Cancelled by the host")
        found = shared_house.post(f"{path}/cancel", {"reason": "Ill"}, "member")
        assert (found["status"], found["cancelled_by"], found["cancel_reason"]) == ("cancelled", "host", "Ill")
        before = head(shared_house)
        refused(shared_house.send("POST", f"{path}/cancel", None, "manager"), 409, "booking_cancelled")
        answer = shared_house.send("POST", f"{path}/reschedule", {"start": other}, "manager")
        refused(answer, 409, "booking_cancelled")
        assert head(shared_house) == before
        assert shared_house.get(f"/v1/manage/{code_of(made['manage_url'])}")["booking"]["status"] == "cancelled"

    def test_by_the_guest(self, shared_house: House) -> None:
        path, made, _ = booked(shared_house, "Cancelled by the guest")
        shared_house.post(f"/v1/manage/{code_of(made['manage_url'])}/cancel", {"reason": "Other plans"})
        found = shared_house.get(path, "member")
        assert (found["cancelled_by"], found["cancel_reason"]) == ("guest", "Other plans")


class TestStarted:
    """From its start on, a meeting can no longer be changed."""

    def test_by_anybody(self, shared_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        path, made, (other, *_) = booked(shared_house, "Started")
        manage = f"/v1/manage/{code_of(made['manage_url'])}"
        before = head(shared_house)
        monkeypatch.setattr(dependencies, "now", lambda: datetime.fromisoformat(made["booking"]["start"]))
        for address, who in ((path, "member"), (manage, None)):
            answer = shared_house.send("POST", f"{address}/reschedule", {"start": other}, who)
            refused(answer, 409, "meeting_started")
            refused(shared_house.send("POST", f"{address}/cancel", {}, who), 409, "meeting_started")
        refused(
            shared_house.send("GET", f"{manage}/slots?from=2030-01-01&to=2030-01-01&time_zone=UTC"),
            409,
            "meeting_started",
        )
        assert shared_house.get(manage)["booking"]["status"] == "scheduled"
        assert head(shared_house) == before
