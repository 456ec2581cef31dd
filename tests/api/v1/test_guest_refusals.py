"""The guest's side, outcome by outcome: the whole table of refusals, and what a guest may see."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.refusals import assert_problem, find_last_position
from tests.api_driver import GUEST, ApiDriver, extract_code

PAST = "2020-01-01T00:00:00Z"
SLOTS = "/slots?from=2030-01-01&to=2030-01-02&time_zone=UTC"


def build_booking_body(start: str, **extra: Any) -> Any:
    """The body of a booking."""
    return {"start": start, "guest": GUEST, **extra}


def extract_manage_code(booking: Any) -> str:
    """The code of a booking's own page."""
    return extract_code(booking["manage_url"])


class TestShowLink:
    """GET /v1/book/{slug_or_code}"""

    def test_each_kind(self, shared_api: ApiDriver) -> None:
        api = shared_api
        link = api.create_link("Looked at", expires_at="2099-01-01T00:00:00Z", co_host_ids=[api.ids["engineer"]])
        [code] = api.create_codes(link)
        expected = {
            "kind": "standard",
            "meeting_type": {"name": "Intro", "description": None, "duration_minutes": 30, "location": None},
            "questions": [],
            "hosts": [{"name": "Member"}, {"name": "Engineer"}],
            "team": None,
            "expires_at": "2099-01-01T00:00:00Z",
            "recipient": None,
            "only_recipient": False,
            "time_zone": "UTC",
            "absences": [],
            "guest_check": "none",
        }
        assert api.get(f"/v1/book/{link['slug']}") == expected
        assert api.get(f"/v1/book/{code}") == {**expected, "kind": "single_use"}

    def test_a_single_use_link_never_shows_its_core_link(self, shared_api: ApiDriver) -> None:
        api = shared_api
        link = api.create_link("Zebra crossing", slug="zebra-crossing-7")
        [code] = api.create_codes(link)
        start, other_start, *_ = api.list_slots(code)
        responses = [api.send_request("GET", f"/v1/book/{code}"), api.send_request("GET", f"/v1/book/{code}{SLOTS}")]
        responses.append(api.send_request("POST", f"/v1/book/{code}", build_booking_body("2001-01-01T00:00:00Z")))
        responses.append(
            api.send_request("POST", f"/v1/book/{code}", build_booking_body(start), Idempotency_Key="zebra")
        )
        responses.append(
            api.send_request("POST", f"/v1/book/{code}", build_booking_body(start), Idempotency_Key="zebra")
        )
        manage = f"/v1/manage/{extract_manage_code(responses[-1].json())}"
        responses += [api.send_request("GET", manage), api.send_request("GET", f"{manage}{SLOTS}")]
        responses.append(api.send_request("POST", f"{manage}/reschedule", {"start": other_start}))
        responses += [api.send_request("POST", f"{manage}/cancel") for _ in range(2)]
        responses += [api.send_request("GET", f"/v1/book/{code}"), api.send_request("HEAD", f"/v1/book/{code}")]
        for response in responses:
            response_text = response.text + str(response.headers)
            assert "zebra-crossing-7" not in response_text
            assert "Zebra crossing" not in response_text
            assert link["id"] not in response_text

    def test_headers_under_a_code(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Headers")
        [code] = shared_api.create_codes(link)
        booking = shared_api.book_meeting(link["slug"], shared_api.list_slots(link["slug"])[0])
        for path in (code, link["slug"], "unknown", f"{code}{SLOTS}"):
            self.assert_private(shared_api.send_request("GET", f"/v1/book/{path}"))
        self.assert_private(shared_api.send_request("GET", f"/v1/manage/{extract_manage_code(booking)}"))
        self.assert_private(shared_api.send_request("PUT", f"/v1/manage/{extract_manage_code(booking)}"))
        self.assert_private(shared_api.send_request("POST", f"/v1/book/{code}", {}))

    def assert_private(self, response: Any) -> None:
        """Nobody keeps, refers to or indexes it."""
        assert "no-store" in response.headers["cache-control"]
        assert response.headers["referrer-policy"] == "no-referrer"
        assert "noindex" in response.headers["x-robots-tag"]


class TestRefusals:
    """The table of the contract."""

    def test_used(self, shared_api: ApiDriver) -> None:
        [code] = shared_api.create_codes(shared_api.create_link("Used"))
        start, other_start, *_ = shared_api.list_slots(code)
        shared_api.book_meeting(code, start, Idempotency_Key="mine")
        position_before = find_last_position(shared_api)
        for requested_start in (start, other_start):
            assert_problem(
                shared_api.send_request("POST", f"/v1/book/{code}", build_booking_body(requested_start)),
                410,
                "link_used",
            )
            response = shared_api.send_request(
                "POST", f"/v1/book/{code}", build_booking_body(requested_start), Idempotency_Key="theirs"
            )
            assert_problem(response, 410, "link_used")
        for end in ("", SLOTS):
            assert_problem(shared_api.send_request("GET", f"/v1/book/{code}{end}"), 410, "link_used")
        assert find_last_position(shared_api) == position_before

    def test_used_for_ever_even_when_cancelled(self, shared_api: ApiDriver) -> None:
        [code] = shared_api.create_codes(shared_api.create_link("Used up"))
        start = shared_api.list_slots(code)[0]
        booking = shared_api.book_meeting(code, start)
        shared_api.post(f"/v1/manage/{extract_manage_code(booking)}/cancel", None)
        assert_problem(shared_api.send_request("POST", f"/v1/book/{code}", build_booking_body(start)), 410, "link_used")

    def test_taken_leaves_the_link_usable(self, shared_api: ApiDriver) -> None:
        code, other_code = shared_api.create_codes(shared_api.create_link("Taken"), 2)
        start, free, *_ = shared_api.list_slots(code)
        shared_api.book_meeting(code, start)
        position_before = find_last_position(shared_api)
        response = shared_api.send_request(
            "POST", f"/v1/book/{other_code}", build_booking_body(start), Idempotency_Key="taken"
        )
        assert_problem(response, 409, "slot_taken")
        assert find_last_position(shared_api) == position_before
        assert start not in shared_api.list_slots(other_code)
        shared_api.book_meeting(other_code, free, Idempotency_Key="taken")

    def test_never_on_offer_leaves_the_link_usable(self, shared_api: ApiDriver) -> None:
        api = shared_api
        rules = {"minimum_notice_minutes": 120, "booking_window_days": 5, "slot_step_minutes": 30}
        kind = api.post("/v1/meeting-types", {"name": "Ruled", "duration_minutes": 30, **rules}, "admin", 201)
        [code] = api.create_codes(api.create_link("Ruled", meeting_type_id=kind["id"]))
        now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        position_before = find_last_position(api)
        for hours, minutes in ((-24, 0), (1, 0), (24, 7), (24 * 6, 0), (24 * 365, 0)):
            start = (now + timedelta(hours=hours, minutes=minutes)).isoformat()
            problem = assert_problem(
                api.send_request("POST", f"/v1/book/{code}", build_booking_body(start)), 422, "slot_not_offered"
            )
            assert problem["errors"][0]["field"] == "start"
        assert find_last_position(api) == position_before
        api.book_meeting(code, api.list_slots(code)[0])

    def test_outside_hours(self, shared_api: ApiDriver) -> None:
        api = shared_api
        api.add_person("late", ["member"])
        api.patch("/v1/me", {"weekly_hours": {day: [["20:00", "21:00"]] for day in ("mon", "tue", "wed")}}, "late")
        link = api.create_link("Evenings", "late")
        assert {start[11:16] for start in api.list_slots(link["slug"], 14)} == {"20:00", "20:30"}
        noon = (datetime.now(UTC) + timedelta(days=3)).strftime("%Y-%m-%dT12:00:00Z")
        assert_problem(
            api.send_request("POST", f"/v1/book/{link['slug']}", build_booking_body(noon)), 422, "slot_not_offered"
        )

    def test_a_taken_time_off_the_grid_is_never_on_offer(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Grid")
        start = shared_api.list_slots(link["slug"])[0]
        shared_api.book_meeting(link["slug"], start)
        unaligned_start = start.replace(":00Z", ":01Z")
        assert_problem(
            shared_api.send_request("POST", f"/v1/book/{link['slug']}", build_booking_body(unaligned_start)),
            422,
            "slot_not_offered",
        )


class TestBook:
    """POST /v1/book/{slug_or_code}"""

    def test_answer(self, shared_api: ApiDriver) -> None:
        [code] = shared_api.create_codes(shared_api.create_link("Answer"))
        start = shared_api.list_slots(code)[0]
        response = shared_api.send_request("POST", f"/v1/book/{code}", build_booking_body(start, notes="Hello"))
        booking = response.json()
        assert response.status_code == 201
        assert int(response.headers["oncelink-position"]) == find_last_position(shared_api)
        assert booking.keys() == {"booking", "manage_url"}
        assert booking["booking"].keys() == {
            "id",
            "status",
            "start",
            "end",
            "meeting_type",
            "hosts",
            "guest",
            "answers",
        }
        assert (booking["booking"]["status"], booking["booking"]["start"]) == ("scheduled", start)
        assert booking["booking"]["guest"] == GUEST
        assert booking["manage_url"].startswith("http://testserver/m/")
        assert len(extract_manage_code(booking)) == 43
        assert shared_api.get(f"/v1/manage/{extract_manage_code(booking)}") == {"booking": booking["booking"]}

    def test_core_links_book_again_and_again(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Reusable")
        starts = shared_api.list_slots(link["slug"])[:3]
        booking_ids = [shared_api.book_meeting(link["slug"], start)["booking"]["id"] for start in starts]
        assert len(set(booking_ids)) == 3

    @pytest.mark.parametrize("single_use", [True, False])
    def test_repeated_request_is_answered_as_it_was(self, shared_api: ApiDriver, single_use: bool) -> None:
        api = shared_api
        link = api.create_link("Repeated")
        slug_or_code = api.create_codes(link)[0] if single_use else link["slug"]
        path = f"/v1/book/{slug_or_code}"
        start, other_start, *_ = api.list_slots(slug_or_code)
        body = build_booking_body(start, notes=None)
        first = api.send_request("POST", path, body, Idempotency_Key="once")
        api.post(f"/v1/manage/{extract_manage_code(first.json())}/reschedule", {"start": other_start})
        api.patch("/v1/meeting-types/" + api.ids["type"], {"location": "Moved"}, "admin")
        api.patch(f"/v1/links/{link['id']}", {"expires_at": PAST}, "member")
        position_before = find_last_position(api)
        equal_body = {"guest": dict(reversed(GUEST.items())), "start": start.replace("Z", "+00:00")}
        response = api.send_request("POST", path, equal_body, Idempotency_Key="once")
        assert (first.status_code, response.status_code) == (201, 201)
        assert response.content == first.content
        assert response.headers["idempotent-replayed"] == "true"
        assert "idempotent-replayed" not in first.headers
        other_body = build_booking_body(start, notes="x")
        assert_problem(
            api.send_request("POST", path, other_body, Idempotency_Key="once"), 422, "idempotency_key_reused"
        )
        assert find_last_position(api) == position_before
        api.patch("/v1/meeting-types/" + api.ids["type"], {"location": None}, "admin")

    def test_the_same_key_on_another_link_is_another_key(self, shared_api: ApiDriver) -> None:
        for code in shared_api.create_codes(shared_api.create_link("Two"), 2):
            shared_api.book_meeting(code, shared_api.list_slots(code)[0], Idempotency_Key="shared")

    def test_a_guest_need_not_be_the_recipient(self, shared_api: ApiDriver) -> None:
        body = {"recipients": [{"name": "Somebody Else", "email": "else@guest.example"}]}
        link = shared_api.create_link("Anybody")
        [single_use_link] = shared_api.post(f"/v1/links/{link['id']}/single-use", body, "member", 201)["items"]
        shared_api.book_meeting(single_use_link["code"], shared_api.list_slots(single_use_link["code"])[0])


class TestManage:
    """GET|POST /v1/manage/{code}…"""

    def test_reschedule(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Moving")
        first, second_start, third, *_ = shared_api.list_slots(link["slug"])
        manage = f"/v1/manage/{extract_manage_code(shared_api.book_meeting(link['slug'], first))}"
        for start in (second_start, third, first):
            response = shared_api.send_request("POST", f"{manage}/reschedule", {"start": start})
            assert response.status_code == 200
            assert response.json()["booking"]["start"] == start
        assert response.json()["booking"]["status"] == "rescheduled"
        position_before = find_last_position(shared_api)
        repeated_response = shared_api.send_request(
            "POST", f"{manage}/reschedule", {"start": first.replace("Z", "+00:00")}
        )
        assert (repeated_response.status_code, repeated_response.json()) == (200, response.json())
        assert "oncelink-position" not in repeated_response.headers
        assert find_last_position(shared_api) == position_before

    def test_its_own_time_does_not_stand_in_its_way(self, shared_api: ApiDriver) -> None:
        kind = shared_api.post(
            "/v1/meeting-types", {"name": "L", "duration_minutes": 60, "slot_step_minutes": 30}, "admin", 201
        )
        link = shared_api.create_link("Own time", meeting_type_id=kind["id"])
        first, overlapping, *_ = shared_api.list_slots(link["slug"])
        manage = f"/v1/manage/{extract_manage_code(shared_api.book_meeting(link['slug'], first))}"
        day = first[:10]
        slots = shared_api.get(f"{manage}/slots?from={day}&to={day}&time_zone=UTC")["slots"]
        assert {first, overlapping} <= {slot["start"] for slot in slots}
        assert shared_api.post(f"{manage}/reschedule", {"start": overlapping})["booking"]["start"] == overlapping

    def test_refusals(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Colliding")
        first, second_start, *_ = shared_api.list_slots(link["slug"])
        manage = f"/v1/manage/{extract_manage_code(shared_api.book_meeting(link['slug'], first))}"
        shared_api.book_meeting(link["slug"], second_start)
        position_before = find_last_position(shared_api)
        assert_problem(
            shared_api.send_request("POST", f"{manage}/reschedule", {"start": second_start}), 409, "slot_taken"
        )
        assert_problem(
            shared_api.send_request("POST", f"{manage}/reschedule", {"start": PAST}), 422, "slot_not_offered"
        )
        assert find_last_position(shared_api) == position_before

    def test_cancelled_is_final(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Final")
        start, other_start, *_ = shared_api.list_slots(link["slug"])
        manage = f"/v1/manage/{extract_manage_code(shared_api.book_meeting(link['slug'], start))}"
        assert shared_api.post(f"{manage}/cancel", {"reason": "Ill"})["booking"]["status"] == "cancelled"
        position_before = find_last_position(shared_api)
        assert_problem(shared_api.send_request("POST", f"{manage}/cancel"), 409, "booking_cancelled")
        assert_problem(
            shared_api.send_request("POST", f"{manage}/reschedule", {"start": other_start}), 409, "booking_cancelled"
        )
        assert_problem(
            shared_api.send_request("POST", f"{manage}/reschedule", {"start": start}), 409, "booking_cancelled"
        )
        assert_problem(shared_api.send_request("GET", f"{manage}{SLOTS}"), 409, "booking_cancelled")
        assert find_last_position(shared_api) == position_before
        assert shared_api.get(manage)["booking"]["status"] == "cancelled"
        assert start in shared_api.list_slots(link["slug"])
