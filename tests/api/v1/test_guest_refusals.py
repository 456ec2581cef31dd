"""The guest's side, outcome by outcome: the whole table of refusals, and what a guest may see."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.refusals import head, refused
from tests.api_driver import GUEST, House, code_of

PAST = "2020-01-01T00:00:00Z"
SLOTS = "/slots?from=2030-01-01&to=2030-01-02&time_zone=UTC"


def booking(start: str, **more: Any) -> Any:
    """The body of a booking."""
    return {"start": start, "guest": GUEST, **more}


def manage_code(booked: Any) -> str:
    """The code of a booking's own page."""
    return code_of(booked["manage_url"])


class TestLook:
    """GET /v1/book/{slug_or_code}"""

    def test_each_kind(self, shared_house: House) -> None:
        house = shared_house
        link = house.link("Looked at", expires_at="2099-01-01T00:00:00Z", co_host_ids=[house.ids["engineer"]])
        [code] = house.codes(link)
        expected = {
            "kind": "standard",
            "meeting_type": {"name": "Intro", "description": None, "duration_minutes": 30, "location": None},
            "hosts": [{"name": "Member"}, {"name": "Engineer"}],
            "expires_at": "2099-01-01T00:00:00Z",
            "time_zone": "UTC",
        }
        assert house.get(f"/v1/book/{link['slug']}") == expected
        assert house.get(f"/v1/book/{code}") == {**expected, "kind": "single_use"}

    def test_a_single_use_link_never_shows_its_core_link(self, shared_house: House) -> None:
        house = shared_house
        link = house.link("Zebra crossing", slug="zebra-crossing-7")
        [code] = house.codes(link)
        start, other, *_ = house.slots(code)
        answers = [house.send("GET", f"/v1/book/{code}"), house.send("GET", f"/v1/book/{code}{SLOTS}")]
        answers.append(house.send("POST", f"/v1/book/{code}", booking("2001-01-01T00:00:00Z")))
        answers.append(house.send("POST", f"/v1/book/{code}", booking(start), Idempotency_Key="zebra"))
        answers.append(house.send("POST", f"/v1/book/{code}", booking(start), Idempotency_Key="zebra"))
        manage = f"/v1/manage/{manage_code(answers[-1].json())}"
        answers += [house.send("GET", manage), house.send("GET", f"{manage}{SLOTS}")]
        answers.append(house.send("POST", f"{manage}/reschedule", {"start": other}))
        answers += [house.send("POST", f"{manage}/cancel") for _ in range(2)]
        answers += [house.send("GET", f"/v1/book/{code}"), house.send("HEAD", f"/v1/book/{code}")]
        for answer in answers:
            told = answer.text + str(answer.headers)
            assert "zebra-crossing-7" not in told
            assert "Zebra crossing" not in told
            assert link["id"] not in told

    def test_headers_under_a_code(self, shared_house: House) -> None:
        link = shared_house.link("Headers")
        [code] = shared_house.codes(link)
        made = shared_house.book(link["slug"], shared_house.slots(link["slug"])[0])
        for path in (code, link["slug"], "unknown", f"{code}{SLOTS}"):
            self.check(shared_house.send("GET", f"/v1/book/{path}"))
        self.check(shared_house.send("GET", f"/v1/manage/{manage_code(made)}"))
        self.check(shared_house.send("PUT", f"/v1/manage/{manage_code(made)}"))
        self.check(shared_house.send("POST", f"/v1/book/{code}", {}))

    def check(self, answer: Any) -> None:
        """Nobody keeps, refers to or indexes it."""
        assert "no-store" in answer.headers["cache-control"]
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "noindex" in answer.headers["x-robots-tag"]


class TestRefusals:
    """The table of the contract."""

    def test_used(self, shared_house: House) -> None:
        [code] = shared_house.codes(shared_house.link("Used"))
        start, other, *_ = shared_house.slots(code)
        shared_house.book(code, start, Idempotency_Key="mine")
        before = head(shared_house)
        for again in (start, other):
            refused(shared_house.send("POST", f"/v1/book/{code}", booking(again)), 410, "link_used")
            answer = shared_house.send("POST", f"/v1/book/{code}", booking(again), Idempotency_Key="theirs")
            refused(answer, 410, "link_used")
        for end in ("", SLOTS):
            refused(shared_house.send("GET", f"/v1/book/{code}{end}"), 410, "link_used")
        assert head(shared_house) == before

    def test_used_for_ever_even_when_cancelled(self, shared_house: House) -> None:
        [code] = shared_house.codes(shared_house.link("Used up"))
        start = shared_house.slots(code)[0]
        made = shared_house.book(code, start)
        shared_house.post(f"/v1/manage/{manage_code(made)}/cancel", None)
        refused(shared_house.send("POST", f"/v1/book/{code}", booking(start)), 410, "link_used")

    def test_taken_leaves_the_link_usable(self, shared_house: House) -> None:
        one, other = shared_house.codes(shared_house.link("Taken"), 2)
        start, free, *_ = shared_house.slots(one)
        shared_house.book(one, start)
        before = head(shared_house)
        answer = shared_house.send("POST", f"/v1/book/{other}", booking(start), Idempotency_Key="taken")
        refused(answer, 409, "slot_taken")
        assert head(shared_house) == before
        assert start not in shared_house.slots(other)
        shared_house.book(other, free, Idempotency_Key="taken")

    def test_never_on_offer_leaves_the_link_usable(self, shared_house: House) -> None:
        house = shared_house
        rules = {"minimum_notice_minutes": 120, "booking_window_days": 5, "slot_step_minutes": 30}
        kind = house.post("/v1/meeting-types", {"name": "Ruled", "duration_minutes": 30, **rules}, "admin", 201)
        [code] = house.codes(house.link("Ruled", meeting_type_id=kind["id"]))
        now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        before = head(house)
        for hours, minutes in ((-24, 0), (1, 0), (24, 7), (24 * 6, 0), (24 * 365, 0)):
            start = (now + timedelta(hours=hours, minutes=minutes)).isoformat()
            problem = refused(house.send("POST", f"/v1/book/{code}", booking(start)), 422, "slot_not_offered")
            assert problem["errors"][0]["field"] == "start"
        assert head(house) == before
        house.book(code, house.slots(code)[0])

    def test_outside_hours(self, shared_house: House) -> None:
        house = shared_house
        house.hire("late", ["member"])
        house.patch("/v1/me", {"weekly_hours": {day: [["20:00", "21:00"]] for day in ("mon", "tue", "wed")}}, "late")
        link = house.link("Evenings", "late")
        assert {start[11:16] for start in house.slots(link["slug"], 14)} == {"20:00", "20:30"}
        noon = (datetime.now(UTC) + timedelta(days=3)).strftime("%Y-%m-%dT12:00:00Z")
        refused(house.send("POST", f"/v1/book/{link['slug']}", booking(noon)), 422, "slot_not_offered")

    def test_a_taken_time_off_the_grid_is_never_on_offer(self, shared_house: House) -> None:
        link = shared_house.link("Grid")
        start = shared_house.slots(link["slug"])[0]
        shared_house.book(link["slug"], start)
        off = start.replace(":00Z", ":01Z")
        refused(shared_house.send("POST", f"/v1/book/{link['slug']}", booking(off)), 422, "slot_not_offered")


class TestBook:
    """POST /v1/book/{slug_or_code}"""

    def test_answer(self, shared_house: House) -> None:
        [code] = shared_house.codes(shared_house.link("Answer"))
        start = shared_house.slots(code)[0]
        answer = shared_house.send("POST", f"/v1/book/{code}", booking(start, notes="Hello"))
        made = answer.json()
        assert answer.status_code == 201
        assert int(answer.headers["oncelink-position"]) == head(shared_house)
        assert made.keys() == {"booking", "manage_url"}
        assert made["booking"].keys() == {"id", "status", "start", "end", "meeting_type", "hosts", "guest"}
        assert (made["booking"]["status"], made["booking"]["start"]) == ("scheduled", start)
        assert made["booking"]["guest"] == GUEST
        assert made["manage_url"].startswith("http://testserver/m/")
        assert len(manage_code(made)) == 43
        assert shared_house.get(f"/v1/manage/{manage_code(made)}") == {"booking": made["booking"]}

    def test_core_links_book_again_and_again(self, shared_house: House) -> None:
        link = shared_house.link("Reusable")
        starts = shared_house.slots(link["slug"])[:3]
        made = [shared_house.book(link["slug"], start)["booking"]["id"] for start in starts]
        assert len(set(made)) == 3

    @pytest.mark.parametrize("single_use", [True, False])
    def test_repeated_request_is_answered_as_it_was(self, shared_house: House, single_use: bool) -> None:
        house = shared_house
        link = house.link("Repeated")
        door = house.codes(link)[0] if single_use else link["slug"]
        path = f"/v1/book/{door}"
        start, other, *_ = house.slots(door)
        body = booking(start, notes=None)
        first = house.send("POST", path, body, Idempotency_Key="once")
        house.post(f"/v1/manage/{manage_code(first.json())}/reschedule", {"start": other})
        house.patch("/v1/meeting-types/" + house.ids["type"], {"location": "Moved"}, "admin")
        house.patch(f"/v1/links/{link['id']}", {"expires_at": PAST}, "member")
        before = head(house)
        same = {"guest": dict(reversed(GUEST.items())), "start": start.replace("Z", "+00:00")}
        again = house.send("POST", path, same, Idempotency_Key="once")
        assert (first.status_code, again.status_code) == (201, 201)
        assert again.content == first.content
        assert again.headers["idempotent-replayed"] == "true"
        assert "idempotent-replayed" not in first.headers
        other_body = booking(start, notes="x")
        refused(house.send("POST", path, other_body, Idempotency_Key="once"), 422, "idempotency_key_reused")
        assert head(house) == before
        house.patch("/v1/meeting-types/" + house.ids["type"], {"location": None}, "admin")

    def test_the_same_key_on_another_link_is_another_key(self, shared_house: House) -> None:
        for code in shared_house.codes(shared_house.link("Two"), 2):
            shared_house.book(code, shared_house.slots(code)[0], Idempotency_Key="shared")

    def test_a_guest_need_not_be_the_recipient(self, shared_house: House) -> None:
        body = {"recipients": [{"name": "Somebody Else", "email": "else@guest.example"}]}
        link = shared_house.link("Anybody")
        [made] = shared_house.post(f"/v1/links/{link['id']}/single-use", body, "member", 201)["items"]
        shared_house.book(made["code"], shared_house.slots(made["code"])[0])


class TestManage:
    """GET|POST /v1/manage/{code}…"""

    def test_reschedule(self, shared_house: House) -> None:
        link = shared_house.link("Moving")
        first, second, third, *_ = shared_house.slots(link["slug"])
        manage = f"/v1/manage/{manage_code(shared_house.book(link['slug'], first))}"
        for start in (second, third, first):
            answer = shared_house.send("POST", f"{manage}/reschedule", {"start": start})
            assert answer.status_code == 200
            assert answer.json()["booking"]["start"] == start
        assert answer.json()["booking"]["status"] == "rescheduled"
        before = head(shared_house)
        again = shared_house.send("POST", f"{manage}/reschedule", {"start": first.replace("Z", "+00:00")})
        assert (again.status_code, again.json()) == (200, answer.json())
        assert "oncelink-position" not in again.headers
        assert head(shared_house) == before

    def test_its_own_time_does_not_stand_in_its_way(self, shared_house: House) -> None:
        kind = shared_house.post(
            "/v1/meeting-types", {"name": "L", "duration_minutes": 60, "slot_step_minutes": 30}, "admin", 201
        )
        link = shared_house.link("Own time", meeting_type_id=kind["id"])
        first, overlapping, *_ = shared_house.slots(link["slug"])
        manage = f"/v1/manage/{manage_code(shared_house.book(link['slug'], first))}"
        day = first[:10]
        offered = shared_house.get(f"{manage}/slots?from={day}&to={day}&time_zone=UTC")["slots"]
        assert {first, overlapping} <= {slot["start"] for slot in offered}
        assert shared_house.post(f"{manage}/reschedule", {"start": overlapping})["booking"]["start"] == overlapping

    def test_refusals(self, shared_house: House) -> None:
        link = shared_house.link("Colliding")
        first, second, *_ = shared_house.slots(link["slug"])
        manage = f"/v1/manage/{manage_code(shared_house.book(link['slug'], first))}"
        shared_house.book(link["slug"], second)
        before = head(shared_house)
        refused(shared_house.send("POST", f"{manage}/reschedule", {"start": second}), 409, "slot_taken")
        refused(shared_house.send("POST", f"{manage}/reschedule", {"start": PAST}), 422, "slot_not_offered")
        assert head(shared_house) == before

    def test_cancelled_is_final(self, shared_house: House) -> None:
        link = shared_house.link("Final")
        start, other, *_ = shared_house.slots(link["slug"])
        manage = f"/v1/manage/{manage_code(shared_house.book(link['slug'], start))}"
        assert shared_house.post(f"{manage}/cancel", {"reason": "Ill"})["booking"]["status"] == "cancelled"
        before = head(shared_house)
        refused(shared_house.send("POST", f"{manage}/cancel"), 409, "booking_cancelled")
        refused(shared_house.send("POST", f"{manage}/reschedule", {"start": other}), 409, "booking_cancelled")
        refused(shared_house.send("POST", f"{manage}/reschedule", {"start": start}), 409, "booking_cancelled")
        refused(shared_house.send("GET", f"{manage}{SLOTS}"), 409, "booking_cancelled")
        assert head(shared_house) == before
        assert shared_house.get(manage)["booking"]["status"] == "cancelled"
        assert start in shared_house.slots(link["slug"])
