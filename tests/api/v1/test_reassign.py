"""POST /v1/bookings/{id}/reassign, outcome by outcome."""

from datetime import datetime
from itertools import count
from typing import Any
from uuid import uuid4

import pytest

from replay.verify.verification import run_verification
from tests.api.refusals import assert_problem, fetch_list, find_last_position
from tests.api_driver import ALWAYS, ApiDriver, extract_code

SLOT_NUMBERS = count(0, 2)  # so that no test wants the time of another, whoever has it by then


def create_booking(api: ApiDriver, name: str, **link: Any) -> tuple[str, Any, list[str]]:
    """Create a link of the member and a booking. Returns its path, the guest's response body and other free starts."""
    new_link = api.create_link(name, **link)
    starts = api.list_slots(new_link["slug"])
    return (
        build_booking_path(booking := api.book_meeting(new_link["slug"], starts.pop(next(SLOT_NUMBERS)))),
        booking,
        starts[-20:],
    )


def build_booking_path(booking: Any) -> str:
    """Return the path of a booking for the organisation's people."""
    return f"/v1/bookings/{booking['booking']['id']}"


def reassign_booking(api: ApiDriver, path: str, new_host: str, who: str = "manager", **extra: str) -> Any:
    """Reassign a booking to a person by their key's name, and return it."""
    return api.post(f"{path}/reassign", {"host_id": api.ids[new_host], **extra}, who)


def list_reservation_hosts(api: ApiDriver, path: str) -> set[str]:
    """Return the names of the people whose time a booking reserves."""
    rows = api.services.database.fetch_rows(
        "SELECT host_id::text AS id FROM {schema}.reservations WHERE booking_id = %s", (path.rpartition("/")[2],)
    )
    names = {id: name for name, id in api.ids.items()}
    return {names[row["id"]] for row in rows}


class TestDone:
    """A manager gives a meeting to somebody who is free."""

    def test_shows_the_new_host_everywhere(self, api: ApiDriver) -> None:
        path, booking, (other_start, *_) = create_booking(api, "Given away")
        response = api.send_request("POST", f"{path}/reassign", {"host_id": api.ids["engineer"]}, "manager")
        meeting = response.json()
        assert (response.status_code, meeting["host"]["name"], meeting["co_hosts"]) == (200, "Engineer", [])
        assert (meeting["status"], meeting["starts_at"]) == ("scheduled", booking["booking"]["start"])
        assert response.headers["etag"] == f'"{meeting["version"]}"'
        assert int(response.headers["oncelink-position"]) == find_last_position(api)
        assert list_reservation_hosts(api, path) == {"engineer"}
        [row] = api.list_meetings(f"host_id={api.ids['engineer']}")
        assert row["booking_id"] == meeting["booking_id"]
        assert api.list_meetings(f"host_id={api.ids['member']}") == []
        managed = f"/v1/manage/{extract_code(booking['manage_url'])}"
        assert [host["name"] for host in api.get(managed)["booking"]["hosts"]] == ["Engineer"]
        [reporting_row] = api.services.database.fetch_rows("SELECT host_name FROM {reporting}.meeting_log")
        assert reporting_row["host_name"] == "Engineer"
        moved_meeting = api.post(f"{managed}/reschedule", {"start": other_start})["booking"]
        assert [host["name"] for host in moved_meeting["hosts"]] == ["Engineer"]
        assert list_reservation_hosts(api, path) == {"engineer"}
        meeting_after = reassign_booking(api, path, "member")
        assert (meeting_after["host"]["name"], meeting_after["status"], meeting_after["starts_at"]) == (
            "Member",
            "rescheduled",
            other_start,
        )

    def test_frees_the_time_of_who_had_it(self, shared_api: ApiDriver) -> None:
        path, booking, _ = create_booking(shared_api, "Freed")
        start = booking["booking"]["start"]
        assert start not in shared_api.list_slots("freed")
        reassign_booking(shared_api, path, "engineer")
        assert start in shared_api.list_slots("freed")
        shared_api.book_meeting("freed", start)

    def test_co_hosts_stay(self, shared_api: ApiDriver) -> None:
        path, _, _ = create_booking(shared_api, "Stay", co_host_ids=[shared_api.ids["engineer"]])
        meeting = reassign_booking(shared_api, path, "manager")
        assert (meeting["host"]["name"], [co_host["name"] for co_host in meeting["co_hosts"]]) == (
            "Manager",
            ["Engineer"],
        )
        assert list_reservation_hosts(shared_api, path) == {"manager", "engineer"}

    def test_a_co_host_becomes_the_host(self, shared_api: ApiDriver) -> None:
        path, _, _ = create_booking(shared_api, "Promoted", co_host_ids=[shared_api.ids["engineer"]])
        meeting = reassign_booking(shared_api, path, "engineer")
        assert (meeting["host"]["name"], meeting["co_hosts"]) == ("Engineer", [])
        assert list_reservation_hosts(shared_api, path) == {"engineer"}

    def test_in_the_place_of_a_co_host(self, shared_api: ApiDriver) -> None:
        path, _, _ = create_booking(shared_api, "Second", co_host_ids=[shared_api.ids["engineer"]])
        leaves = shared_api.ids["engineer"]
        meeting = reassign_booking(shared_api, path, "manager", instead_of=leaves)
        assert (meeting["host"]["name"], [co_host["name"] for co_host in meeting["co_hosts"]]) == (
            "Member",
            ["Manager"],
        )
        position_before = find_last_position(shared_api)
        assert reassign_booking(shared_api, path, "manager", instead_of=leaves) == meeting
        assert find_last_position(shared_api) == position_before

    def test_hours_do_not_matter(self, shared_api: ApiDriver) -> None:
        """Somebody who has no working time then may be given it by a manager."""
        shared_api.add_person("night", ["member"])
        shared_api.patch("/v1/me", {"weekly_hours": {}}, "night")
        path, _, _ = create_booking(shared_api, "Night")
        assert reassign_booking(shared_api, path, "night")["host"]["name"] == "Night"

    def test_again_appends_nothing(self, shared_api: ApiDriver) -> None:
        path, _, _ = create_booking(shared_api, "Twice")
        meeting = reassign_booking(shared_api, path, "engineer")
        position_before = find_last_position(shared_api)
        response = shared_api.send_request(
            "POST", f"{path}/reassign", {"host_id": shared_api.ids["engineer"]}, "manager"
        )
        assert (response.status_code, response.json()) == (200, meeting)
        assert "oncelink-position" not in response.headers
        assert find_last_position(shared_api) == position_before

    def test_is_a_sentence_and_can_be_seen_as_it_was(self, api: ApiDriver) -> None:
        path, booking, _ = create_booking(api, "Told", co_host_ids=[api.ids["engineer"]])
        position_before, id = find_last_position(api), booking["booking"]["id"]
        reassign_booking(api, path, "manager", "admin")
        event = api.get(f"/v1/history/streams/{id}", "auditor")["items"][-1]
        assert event["sentence"].startswith("Admin gave “Intro” with the guest Grace Guest of 20")
        assert event["sentence"].endswith(" from Member and Engineer to Manager and Engineer.")
        [change] = event["changes"]
        assert (change["field"], [person["name"] for person in change["to"]]) == ("host_ids", ["Manager", "Engineer"])
        api.post(f"/v1/manage/{extract_code(booking['manage_url'])}/cancel", {})
        sentence = api.get(f"/v1/history/streams/{id}", "auditor")["items"][-1]["sentence"]
        assert sentence.startswith("The guest Grace Guest cancelled “Intro” with Manager and Engineer of ")
        past_meeting = api.get(f"/v1/as-of/meeting-log/{id}?at={position_before}", "auditor")
        assert past_meeting["host"]["name"] == "Member"

    def test_the_log_still_verifies(self, api: ApiDriver) -> None:
        path, booking, (other_start, *_) = create_booking(api, "Verified", co_host_ids=[api.ids["engineer"]])
        reassign_booking(api, path, "manager")
        api.post(f"/v1/manage/{extract_code(booking['manage_url'])}/reschedule", {"start": other_start})
        api.book_meeting("verified", booking["booking"]["start"])
        reassign_booking(api, path, "member")
        api.post(f"{path}/cancel", {}, "manager")
        database = api.services.database
        assert run_verification(database).problems == []


class TestWho:
    """Managers, and the meeting's host."""

    @pytest.mark.parametrize("who", ["manager", "admin", "member"])
    def test_may(self, shared_api: ApiDriver, who: str) -> None:
        path, _, _ = create_booking(shared_api, f"Given by {who}")
        assert reassign_booking(shared_api, path, "engineer", who)["host"]["name"] == "Engineer"

    def test_may_not(self, shared_api: ApiDriver) -> None:
        path, _, _ = create_booking(shared_api, "Kept", co_host_ids=[shared_api.ids["engineer"]])
        own_path, _, _ = create_booking(shared_api, "Not theirs")
        position_before = find_last_position(shared_api)
        body = {"host_id": shared_api.ids["manager"]}
        for address, who, status in (
            (path, "engineer", 403),
            (own_path, "engineer", 404),
            (path, "auditor", 403),
            (path, "analyst", 403),
            (path, None, 401),
        ):
            assert shared_api.send_request("POST", f"{address}/reassign", body, who).status_code == status, who
        assert find_last_position(shared_api) == position_before

    def test_who_sees_it_then(self, api: ApiDriver) -> None:
        """The new host does; whose it was no longer, unless it came by a link of theirs."""
        path, _, _ = create_booking(api, "Seen")
        reassign_booking(api, path, "engineer")
        reassign_booking(api, path, "manager")
        assert api.send_request("GET", path, who="engineer").status_code == 404
        assert fetch_list(api, "/v1/meeting-log", "engineer")["items"] == []
        assert_problem(api.send_request("POST", f"{path}/cancel", {}, "engineer"), 404, "not_found")
        assert api.get(path, "member")["host"]["name"] == "Manager"
        assert_problem(
            api.send_request("POST", f"{path}/reassign", {"host_id": api.ids["member"]}, "member"), 403, "forbidden"
        )


class TestRefused:
    """Nothing is changed when it cannot be."""

    def test_not_free(self, shared_api: ApiDriver) -> None:
        """The buffers count; what only touches does not."""
        buffers = {"buffer_before_minutes": 15, "buffer_after_minutes": 15, "slot_step_minutes": 15}
        kind = shared_api.post("/v1/meeting-types", {"name": "Wide", "duration_minutes": 30, **buffers}, "admin", 201)[
            "id"
        ]
        shared_api.add_person("busy", ["member"])
        shared_api.patch("/v1/me", {"weekly_hours": ALWAYS}, "busy")
        shared_api.create_link("Busy", "busy")
        busy_start = shared_api.list_slots("busy")[100]
        shared_api.book_meeting("busy", busy_start)
        wide_link = shared_api.create_link("Wide", meeting_type_id=kind)
        near_booking, touching = (
            shared_api.book_meeting("wide", start) for start in find_wide_starts(shared_api, busy_start)
        )
        position_before = find_last_position(shared_api)
        body = {"host_id": shared_api.ids["busy"]}
        problem = assert_problem(
            shared_api.send_request("POST", f"{build_booking_path(near_booking)}/reassign", body, "manager"),
            409,
            "slot_taken",
        )
        assert "not free" in problem["detail"]
        assert find_last_position(shared_api) == position_before
        assert list_reservation_hosts(shared_api, build_booking_path(near_booking)) == {"member"}
        assert shared_api.post(f"{build_booking_path(touching)}/reassign", body, "manager")["host"]["name"] == "Busy"
        assert wide_link["slug"] == "wide"

    def test_unknown_or_left(self, shared_api: ApiDriver) -> None:
        path, _, _ = create_booking(shared_api, "Nobody")
        shared_api.add_person("leaver", ["member"])
        shared_api.post(f"/v1/people/{shared_api.ids['leaver']}/deactivate", None, "admin")
        position_before = find_last_position(shared_api)
        for id in (str(uuid4()), shared_api.ids["type"], shared_api.ids["leaver"]):
            problem = assert_problem(
                shared_api.send_request("POST", f"{path}/reassign", {"host_id": id}, "manager"), 422, "invalid"
            )
            assert [error["field"] for error in problem["errors"]] == ["host_id"]
        assert find_last_position(shared_api) == position_before

    def test_whom_it_is_given_instead_of(self, shared_api: ApiDriver) -> None:
        path, _, _ = create_booking(shared_api, "Instead", co_host_ids=[shared_api.ids["engineer"]])
        position_before = find_last_position(shared_api)
        for to, leaves, field in (("manager", "admin", "instead_of"), ("member", "engineer", "host_id")):
            body = {"host_id": shared_api.ids[to], "instead_of": shared_api.ids[leaves]}
            problem = assert_problem(
                shared_api.send_request("POST", f"{path}/reassign", body, "manager"), 422, "invalid"
            )
            assert [error["field"] for error in problem["errors"]] == [field]
        assert find_last_position(shared_api) == position_before

    def test_cancelled_or_unbooked(self, shared_api: ApiDriver) -> None:
        path, _, _ = create_booking(shared_api, "Off")
        shared_api.post(f"{path}/cancel", {}, "manager")
        body = {"host_id": shared_api.ids["engineer"]}
        assert_problem(shared_api.send_request("POST", f"{path}/reassign", body, "manager"), 409, "booking_cancelled")
        [code] = shared_api.create_codes(shared_api.create_link("Unbooked"))
        unused = shared_api.services.codes.open_code(code, "book")
        assert_problem(
            shared_api.send_request("POST", f"/v1/bookings/{unused}/reassign", body, "manager"), 404, "not_found"
        )
        assert_problem(
            shared_api.send_request("POST", f"/v1/bookings/{uuid4()}/reassign", body, "manager"), 404, "not_found"
        )

    def test_started(self, shared_api: ApiDriver) -> None:
        path, booking, _ = create_booking(shared_api, "Begun")
        body = {"host_id": shared_api.ids["engineer"]}
        with shared_api.clock.stop_at(datetime.fromisoformat(booking["booking"]["start"])):
            assert_problem(shared_api.send_request("POST", f"{path}/reassign", body, "manager"), 409, "meeting_started")


def test_survives_an_erasure(api: ApiDriver) -> None:
    """Whose details were erased may still be met by somebody else."""
    path, _, _ = create_booking(api, "Erased")
    api.post("/v1/erasures", {"email": "grace@guest.example"}, "admin", 201)
    meeting = reassign_booking(api, path, "engineer")
    assert (meeting["host"]["name"], meeting["guest"], meeting["erased"]) == ("Engineer", None, True)


def find_wide_starts(api: ApiDriver, busy_start: str) -> list[str]:
    """Two times of the wide type after a meeting of half an hour: one whose buffer meets it, one that just does not."""
    starts = api.list_slots("wide")
    after = [start for start in starts if start > busy_start]
    return [after[1], after[5]]
