"""POST /v1/bookings/{id}/reassign, outcome by outcome."""

from datetime import datetime
from itertools import count
from typing import Any
from uuid import uuid4

import pytest

from api.http import dependencies
from replay.verify.verification import verify
from tests.api.refusals import head, listed, refused
from tests.api_driver import ALWAYS, House, code_of

PLACES = count(0, 2)  # so that no test wants the time of another, whoever has it by then


def booked(house: House, name: str, **link: Any) -> tuple[str, Any, list[str]]:
    """A new booking of the member's: its address, the guest's answer, and other times on offer."""
    made = house.link(name, **link)
    starts = house.slots(made["slug"])
    return path_of(answer := house.book(made["slug"], starts.pop(next(PLACES)))), answer, starts[-20:]


def path_of(answer: Any) -> str:
    """The address of a booking for the people of the organisation."""
    return f"/v1/bookings/{answer['booking']['id']}"


def given(house: House, path: str, to: str, who: str = "manager", **more: str) -> Any:
    """The booking after it was given to somebody, by the name that the house has for them."""
    return house.post(f"{path}/reassign", {"host_id": house.ids[to], **more}, who)


def reservations(house: House, path: str) -> set[str]:
    """Whose time a booking holds."""
    rows = house.oncelink.database.rows(
        "SELECT host_id::text AS id FROM {schema}.reservations WHERE booking_id = %s", (path.rpartition("/")[2],)
    )
    names = {id: name for name, id in house.ids.items()}
    return {names[row["id"]] for row in rows}


class TestDone:
    """A manager gives a meeting to somebody who is free."""

    def test_shows_the_new_host_everywhere(self, house: House) -> None:
        path, made, (other, *_) = booked(house, "Given away")
        answer = house.send("POST", f"{path}/reassign", {"host_id": house.ids["engineer"]}, "manager")
        found = answer.json()
        assert (answer.status_code, found["host"]["name"], found["co_hosts"]) == (200, "Engineer", [])
        assert (found["status"], found["starts_at"]) == ("scheduled", made["booking"]["start"])
        assert answer.headers["etag"] == f'"{found["version"]}"'
        assert int(answer.headers["oncelink-position"]) == head(house)
        assert reservations(house, path) == {"engineer"}
        [row] = house.log(f"host_id={house.ids['engineer']}")
        assert row["booking_id"] == found["booking_id"]
        assert house.log(f"host_id={house.ids['member']}") == []
        managed = f"/v1/manage/{code_of(made['manage_url'])}"
        assert [host["name"] for host in house.get(managed)["booking"]["hosts"]] == ["Engineer"]
        [shown] = house.oncelink.database.rows("SELECT host_name FROM {reporting}.meeting_log")
        assert shown["host_name"] == "Engineer"
        moved = house.post(f"{managed}/reschedule", {"start": other})["booking"]
        assert [host["name"] for host in moved["hosts"]] == ["Engineer"]
        assert reservations(house, path) == {"engineer"}
        again = given(house, path, "member")
        assert (again["host"]["name"], again["status"], again["starts_at"]) == ("Member", "rescheduled", other)

    def test_frees_the_time_of_who_had_it(self, shared_house: House) -> None:
        path, made, _ = booked(shared_house, "Freed")
        start = made["booking"]["start"]
        assert start not in shared_house.slots("freed")
        given(shared_house, path, "engineer")
        assert start in shared_house.slots("freed")
        shared_house.book("freed", start)

    def test_co_hosts_stay(self, shared_house: House) -> None:
        path, _, _ = booked(shared_house, "Stay", co_host_ids=[shared_house.ids["engineer"]])
        found = given(shared_house, path, "manager")
        assert (found["host"]["name"], [one["name"] for one in found["co_hosts"]]) == ("Manager", ["Engineer"])
        assert reservations(shared_house, path) == {"manager", "engineer"}

    def test_a_co_host_becomes_the_host(self, shared_house: House) -> None:
        path, _, _ = booked(shared_house, "Promoted", co_host_ids=[shared_house.ids["engineer"]])
        found = given(shared_house, path, "engineer")
        assert (found["host"]["name"], found["co_hosts"]) == ("Engineer", [])
        assert reservations(shared_house, path) == {"engineer"}

    def test_in_the_place_of_a_co_host(self, shared_house: House) -> None:
        path, _, _ = booked(shared_house, "Second", co_host_ids=[shared_house.ids["engineer"]])
        leaves = shared_house.ids["engineer"]
        found = given(shared_house, path, "manager", instead_of=leaves)
        assert (found["host"]["name"], [one["name"] for one in found["co_hosts"]]) == ("Member", ["Manager"])
        before = head(shared_house)
        assert given(shared_house, path, "manager", instead_of=leaves) == found
        assert head(shared_house) == before

    def test_hours_do_not_matter(self, shared_house: House) -> None:
        """Somebody who has no working time then may be given it by a manager."""
        shared_house.hire("night", ["member"])
        shared_house.patch("/v1/me", {"weekly_hours": {}}, "night")
        path, _, _ = booked(shared_house, "Night")
        assert given(shared_house, path, "night")["host"]["name"] == "Night"

    def test_again_appends_nothing(self, shared_house: House) -> None:
        path, _, _ = booked(shared_house, "Twice")
        found = given(shared_house, path, "engineer")
        before = head(shared_house)
        answer = shared_house.send("POST", f"{path}/reassign", {"host_id": shared_house.ids["engineer"]}, "manager")
        assert (answer.status_code, answer.json()) == (200, found)
        assert "oncelink-position" not in answer.headers
        assert head(shared_house) == before

    def test_is_a_sentence_and_can_be_seen_as_it_was(self, house: House) -> None:
        path, made, _ = booked(house, "Told", co_host_ids=[house.ids["engineer"]])
        before, id = head(house), made["booking"]["id"]
        given(house, path, "manager", "admin")
        told = house.get(f"/v1/history/streams/{id}", "auditor")["items"][-1]
        assert told["sentence"].startswith("Admin gave “Intro” with the guest Grace Guest of 20")
        assert told["sentence"].endswith(" from Member and Engineer to Manager and Engineer.")
        [change] = told["changes"]
        assert (change["field"], [one["name"] for one in change["to"]]) == ("host_ids", ["Manager", "Engineer"])
        house.post(f"/v1/manage/{code_of(made['manage_url'])}/cancel", {})
        cancelled = house.get(f"/v1/history/streams/{id}", "auditor")["items"][-1]["sentence"]
        assert cancelled.startswith("The guest Grace Guest cancelled “Intro” with Manager and Engineer of ")
        then = house.get(f"/v1/as-of/meeting-log/{id}?at={before}", "auditor")
        assert then["host"]["name"] == "Member"

    def test_the_log_still_verifies(self, house: House) -> None:
        path, made, (other, *_) = booked(house, "Verified", co_host_ids=[house.ids["engineer"]])
        given(house, path, "manager")
        house.post(f"/v1/manage/{code_of(made['manage_url'])}/reschedule", {"start": other})
        house.book("verified", made["booking"]["start"])
        given(house, path, "member")
        house.post(f"{path}/cancel", {}, "manager")
        database = house.oncelink.database
        assert verify(database).problems == []


class TestWho:
    """Managers, and the meeting's host."""

    @pytest.mark.parametrize("who", ["manager", "admin", "member"])
    def test_may(self, shared_house: House, who: str) -> None:
        path, _, _ = booked(shared_house, f"Given by {who}")
        assert given(shared_house, path, "engineer", who)["host"]["name"] == "Engineer"

    def test_may_not(self, shared_house: House) -> None:
        path, _, _ = booked(shared_house, "Kept", co_host_ids=[shared_house.ids["engineer"]])
        own, _, _ = booked(shared_house, "Not theirs")
        before = head(shared_house)
        body = {"host_id": shared_house.ids["manager"]}
        for address, who, status in (
            (path, "engineer", 403),
            (own, "engineer", 404),
            (path, "auditor", 403),
            (path, "analyst", 403),
            (path, None, 401),
        ):
            assert shared_house.send("POST", f"{address}/reassign", body, who).status_code == status, who
        assert head(shared_house) == before

    def test_who_sees_it_then(self, house: House) -> None:
        """The new host does; whose it was no longer, unless it came by a link of theirs."""
        path, _, _ = booked(house, "Seen")
        given(house, path, "engineer")
        given(house, path, "manager")
        assert house.send("GET", path, who="engineer").status_code == 404
        assert listed(house, "/v1/meeting-log", "engineer")["items"] == []
        refused(house.send("POST", f"{path}/cancel", {}, "engineer"), 404, "not_found")
        assert house.get(path, "member")["host"]["name"] == "Manager"
        refused(house.send("POST", f"{path}/reassign", {"host_id": house.ids["member"]}, "member"), 403, "forbidden")


class TestRefused:
    """Nothing is changed when it cannot be."""

    def test_not_free(self, shared_house: House) -> None:
        """The buffers count; what only touches does not."""
        buffers = {"buffer_before_minutes": 15, "buffer_after_minutes": 15, "slot_step_minutes": 15}
        kind = shared_house.post(
            "/v1/meeting-types", {"name": "Wide", "duration_minutes": 30, **buffers}, "admin", 201
        )["id"]
        shared_house.hire("busy", ["member"])
        shared_house.patch("/v1/me", {"weekly_hours": ALWAYS}, "busy")
        shared_house.link("Busy", "busy")
        theirs = shared_house.slots("busy")[100]
        shared_house.book("busy", theirs)
        made = shared_house.link("Wide", meeting_type_id=kind)
        near, touching = (shared_house.book("wide", start) for start in wide_starts(shared_house, theirs))
        before = head(shared_house)
        body = {"host_id": shared_house.ids["busy"]}
        problem = refused(shared_house.send("POST", f"{path_of(near)}/reassign", body, "manager"), 409, "slot_taken")
        assert "not free" in problem["detail"]
        assert head(shared_house) == before
        assert reservations(shared_house, path_of(near)) == {"member"}
        assert shared_house.post(f"{path_of(touching)}/reassign", body, "manager")["host"]["name"] == "Busy"
        assert made["slug"] == "wide"

    def test_unknown_or_left(self, shared_house: House) -> None:
        path, _, _ = booked(shared_house, "Nobody")
        shared_house.hire("leaver", ["member"])
        shared_house.post(f"/v1/people/{shared_house.ids['leaver']}/deactivate", None, "admin")
        before = head(shared_house)
        for id in (str(uuid4()), shared_house.ids["type"], shared_house.ids["leaver"]):
            problem = refused(shared_house.send("POST", f"{path}/reassign", {"host_id": id}, "manager"), 422, "invalid")
            assert [error["field"] for error in problem["errors"]] == ["host_id"]
        assert head(shared_house) == before

    def test_whom_it_is_given_instead_of(self, shared_house: House) -> None:
        path, _, _ = booked(shared_house, "Instead", co_host_ids=[shared_house.ids["engineer"]])
        before = head(shared_house)
        for to, leaves, field in (("manager", "admin", "instead_of"), ("member", "engineer", "host_id")):
            body = {"host_id": shared_house.ids[to], "instead_of": shared_house.ids[leaves]}
            problem = refused(shared_house.send("POST", f"{path}/reassign", body, "manager"), 422, "invalid")
            assert [error["field"] for error in problem["errors"]] == [field]
        assert head(shared_house) == before

    def test_cancelled_or_unbooked(self, shared_house: House) -> None:
        path, _, _ = booked(shared_house, "Off")
        shared_house.post(f"{path}/cancel", {}, "manager")
        body = {"host_id": shared_house.ids["engineer"]}
        refused(shared_house.send("POST", f"{path}/reassign", body, "manager"), 409, "booking_cancelled")
        [code] = shared_house.codes(shared_house.link("Unbooked"))
        unused = shared_house.oncelink.codes.open(code, "book")
        refused(shared_house.send("POST", f"/v1/bookings/{unused}/reassign", body, "manager"), 404, "not_found")
        refused(shared_house.send("POST", f"/v1/bookings/{uuid4()}/reassign", body, "manager"), 404, "not_found")

    def test_started(self, shared_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        path, made, _ = booked(shared_house, "Begun")
        monkeypatch.setattr(dependencies, "now", lambda: datetime.fromisoformat(made["booking"]["start"]))
        body = {"host_id": shared_house.ids["engineer"]}
        refused(shared_house.send("POST", f"{path}/reassign", body, "manager"), 409, "meeting_started")


def test_survives_an_erasure(house: House) -> None:
    """Whose details were erased may still be met by somebody else."""
    path, _, _ = booked(house, "Erased")
    house.post("/v1/erasures", {"email": "grace@guest.example"}, "admin", 201)
    found = given(house, path, "engineer")
    assert (found["host"]["name"], found["guest"], found["erased"]) == ("Engineer", None, True)


def wide_starts(house: House, theirs: str) -> list[str]:
    """Two times of the wide type after a meeting of half an hour: one whose buffer meets it, one that just does not."""
    starts = house.slots("wide")
    after = [start for start in starts if start > theirs]
    return [after[1], after[5]]
