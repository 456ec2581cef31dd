"""People and meeting types, outcome by outcome."""

from typing import Any
from uuid import uuid4

import pytest

from tests.api.refusals import assert_problem, fetch_all_rows, fetch_list, find_last_position, get_ids
from tests.api_driver import ALWAYS, ApiDriver

PERSON = {
    "id",
    "name",
    "email",
    "time_zone",
    "roles",
    "active",
    "busy_feed_url",
    "weekly_hours",
    "date_overrides",
    "limits",
    "holidays",
    "absences",
    "locale",
    "version",
}
TYPE = {
    *("id", "name", "description", "duration_minutes", "location", "buffer_before_minutes", "buffer_after_minutes"),
    *(
        "minimum_notice_minutes",
        "booking_window_days",
        "slot_step_minutes",
        "reminders_minutes",
        "follow_up",
        "limits",
        "questions",
        "version",
    ),
}


def add_person(api: ApiDriver, **extra: Any) -> Any:
    """A new person."""
    name = uuid4().hex[:8]
    body = {"name": name.capitalize(), "email": f"{name}@nexora.example", "time_zone": "Europe/Berlin", **extra}
    return api.post("/v1/people", body, "admin", 201)


class TestAddPerson:
    """POST /v1/people"""

    def test_has_every_field_and_usual_hours(self, shared_api: ApiDriver) -> None:
        person = add_person(shared_api)
        assert person.keys() == PERSON
        assert (person["roles"], person["active"], person["version"]) == (["member"], True, 1)
        assert person["weekly_hours"]["mon"] == [["09:00", "17:00"]]
        assert "sat" not in person["weekly_hours"]

    def test_email_is_taken_whatever_the_case(self, shared_api: ApiDriver) -> None:
        email = add_person(shared_api)["email"]
        body = {"name": "Other", "email": email.upper(), "time_zone": "UTC"}
        position_before = find_last_position(shared_api)
        assert_problem(shared_api.send_request("POST", "/v1/people", body, "admin"), 409, "email_taken")
        assert find_last_position(shared_api) == position_before

    def test_repeated_request(self, shared_api: ApiDriver) -> None:
        body = {"name": "Once", "email": "once@nexora.example", "time_zone": "UTC"}
        first = shared_api.send_request("POST", "/v1/people", body, "admin", Idempotency_Key="p1")
        response = shared_api.send_request("POST", "/v1/people", body, "admin", Idempotency_Key="p1")
        assert (first.status_code, first.content) == (response.status_code, response.content)
        assert "idempotent-replayed" not in first.headers
        assert response.headers["idempotent-replayed"] == "true"
        other_body = {**body, "name": "Twice"}
        http_response = shared_api.send_request("POST", "/v1/people", other_body, "admin", Idempotency_Key="p1")
        assert_problem(http_response, 422, "idempotency_key_reused")

    def test_hours_up_to_midnight_and_overrides(self, shared_api: ApiDriver) -> None:
        hours = {"weekly_hours": {"sun": [["22:00", "24:00"]]}, "date_overrides": {"2026-12-24": []}}
        person = add_person(shared_api, **hours)
        assert {name: person[name] for name in hours} == hours

    @pytest.mark.parametrize(
        "hours",
        [[["17:00", "09:00"]], [["09:00", "24:30"]], [["24:00", "24:00"]], [["09:00", "12:00"], ["11:00", "13:00"]],
         [["9:00", "10:00"]], [["09:00"]], [["09:00", "10:00", "11:00"]]],
    )  # fmt: skip
    @pytest.mark.usefixtures("unchanged_log")
    def test_wrong_hours(self, shared_api: ApiDriver, hours: Any) -> None:
        for field, day in (("weekly_hours", "mon"), ("date_overrides", "2026-12-24")):
            body = {"name": "A", "email": "hours@nexora.example", "time_zone": "UTC", field: {day: hours}}
            assert_problem(shared_api.send_request("POST", "/v1/people", body, "admin"), 422, "invalid")

    @pytest.mark.usefixtures("unchanged_log")
    def test_wrong_days_and_roles(self, shared_api: ApiDriver) -> None:
        person = {"name": "A", "email": "days@nexora.example", "time_zone": "UTC"}
        for invalid_fields in ({"weekly_hours": {"monday": []}}, {"date_overrides": {"2026-02-30": []}}, {"roles": []},
                      {"roles": ["admin", "admin"]}, {"roles": ["owner"]}):  # fmt: skip
            assert_problem(
                shared_api.send_request("POST", "/v1/people", person | invalid_fields, "admin"), 422, "invalid"
            )


class TestReadPeople:
    """GET /v1/people and /v1/people/{id}"""

    def test_everyone_may_read(self, shared_api: ApiDriver) -> None:
        for who in ("member", "manager", "admin", "auditor", "analyst"):
            assert shared_api.get(f"/v1/people/{shared_api.ids['engineer']}", who)["name"] == "Engineer"
            assert len(shared_api.get("/v1/people", who)["items"]) >= 6

    def test_pages_make_the_whole(self, shared_api: ApiDriver) -> None:
        person_ids = get_ids(fetch_list(shared_api, "/v1/people?limit=200", "member")["items"])
        assert get_ids(fetch_all_rows(shared_api, "/v1/people", "member")) == person_ids
        assert set(shared_api.ids.values()) - {shared_api.ids["type"]} <= set(person_ids)

    def test_search(self, shared_api: ApiDriver) -> None:
        people = fetch_list(shared_api, "/v1/people?q=ENGIN", "member")["items"]
        assert [person["email"] for person in people] == ["engineer@nexora.example"]

    def test_the_feed_is_for_its_owner_and_admins(self, shared_api: ApiDriver) -> None:
        person = add_person(shared_api, busy_feed_url="https://calendar.example/secret.ics")
        for who, expected_url in (("admin", person["busy_feed_url"]), ("manager", None), ("auditor", None)):
            assert shared_api.get(f"/v1/people/{person['id']}", who)["busy_feed_url"] == expected_url


class TestChangePerson:
    """PATCH /v1/people/{id}"""

    def test_changes_only_what_is_sent(self, shared_api: ApiDriver) -> None:
        person = add_person(shared_api, busy_feed_url="https://calendar.example/a.ics")
        after = shared_api.patch(f"/v1/people/{person['id']}", {"roles": ["manager"]}, "admin")
        assert after == {**person, "roles": ["manager"], "version": 2}

    def test_null_clears_what_may_be_empty(self, shared_api: ApiDriver) -> None:
        person = add_person(shared_api, busy_feed_url="https://calendar.example/a.ics", locale="de-CH")
        assert person["locale"] == "de-CH"
        assert shared_api.patch(f"/v1/people/{person['id']}", {"locale": None}, "admin")["locale"] is None
        shared_api.patch(f"/v1/people/{person['id']}", {"locale": "Swiss German"}, "admin", 422)
        assert shared_api.patch(f"/v1/people/{person['id']}", {"busy_feed_url": None}, "admin")["busy_feed_url"] is None
        for field in ("name", "email", "time_zone", "roles", "weekly_hours", "date_overrides"):
            response = shared_api.send_request("PATCH", f"/v1/people/{person['id']}", {field: None}, "admin")
            assert assert_problem(response, 422, "invalid")["errors"][0]["field"] == field

    def test_nothing_new_appends_nothing(self, shared_api: ApiDriver) -> None:
        person = add_person(shared_api)
        position_before = find_last_position(shared_api)
        for body in ({}, {"name": person["name"]}, {"email": person["email"]}):
            assert shared_api.patch(f"/v1/people/{person['id']}", body, "admin") == person
        assert find_last_position(shared_api) == position_before

    def test_stale(self, shared_api: ApiDriver) -> None:
        person = add_person(shared_api)
        path = f"/v1/people/{person['id']}"
        tag = shared_api.send_request("GET", path, who="admin").headers["etag"]
        assert tag == '"1"'
        response = shared_api.send_request("PATCH", path, {"name": "New"}, "admin", If_Match=tag)
        assert (response.status_code, response.headers["etag"]) == (200, '"2"')
        position_before = find_last_position(shared_api)
        assert_problem(
            shared_api.send_request("PATCH", path, {"name": "Newer"}, "admin", If_Match=tag), 412, "version_conflict"
        )
        assert find_last_position(shared_api) == position_before
        assert shared_api.patch(path, {"name": "Newest"}, "admin", If_Match="*")["version"] == 3

    def test_an_admin_stays_one_until_another_admin_says_otherwise(self, shared_api: ApiDriver) -> None:
        api = shared_api
        api.add_person("second", ["admin"])
        path = f"/v1/people/{api.ids['second']}"
        position_before = find_last_position(api)
        response = api.send_request("PATCH", path, {"roles": ["member"]}, "second")
        assert assert_problem(response, 422, "invalid")["errors"][0]["field"] == "roles"
        assert find_last_position(api) == position_before
        assert api.patch(path, {"roles": ["admin", "auditor"]}, "second")["roles"] == ["admin", "auditor"]
        assert api.patch(path, {"roles": ["member"]}, "admin")["roles"] == ["member"]

    def test_email_taken_and_free_again(self, shared_api: ApiDriver) -> None:
        person, other_person = add_person(shared_api), add_person(shared_api)
        path = f"/v1/people/{other_person['id']}"
        assert_problem(
            shared_api.send_request("PATCH", path, {"email": person["email"].title()}, "admin"), 409, "email_taken"
        )
        shared_api.patch(path, {"email": "moved@nexora.example"}, "admin")
        assert add_person(shared_api, email=other_person["email"])["email"] == other_person["email"]


class TestMe:
    """GET|PATCH /v1/me"""

    def test_is_the_caller(self, shared_api: ApiDriver) -> None:
        for who in ("member", "auditor", "analyst"):
            assert shared_api.get("/v1/me", who)["id"] == shared_api.ids[who]

    def test_changes_zone_and_hours_only(self, shared_api: ApiDriver) -> None:
        after = shared_api.patch("/v1/me", {"time_zone": "Asia/Tokyo", "weekly_hours": ALWAYS}, "engineer")
        assert after["time_zone"] == "Asia/Tokyo"
        for body in ({"roles": ["admin"]}, {"name": "X"}, {"email": "x@nexora.example"}, {"active": False}):
            assert_problem(shared_api.send_request("PATCH", "/v1/me", body, "engineer"), 422, "invalid")
        assert_problem(
            shared_api.send_request("PATCH", "/v1/me", {}, "engineer", If_Match='"999"'), 412, "version_conflict"
        )


class TestDeactivate:
    """POST /v1/people/{id}/deactivate and activate"""

    def test_keys_end_at_once_and_stay_ended(self, shared_api: ApiDriver) -> None:
        api = shared_api
        api.add_person("leaver", ["member"])
        api.patch("/v1/me", {"weekly_hours": ALWAYS}, "leaver")
        link = api.create_link("Leaver", "leaver", slug="leaver")
        assert api.list_slots("leaver")
        path = f"/v1/people/{api.ids['leaver']}"
        assert api.post(f"{path}/deactivate", None, "admin")["active"] is False
        assert_problem(api.send_request("GET", "/v1/me", who="leaver"), 401, "unauthorized")
        assert api.list_slots("leaver") == []
        position_before = find_last_position(api)
        assert api.post(f"{path}/deactivate", None, "admin")["active"] is False
        assert find_last_position(api) == position_before
        assert api.post(f"{path}/activate", None, "admin")["active"] is True
        assert_problem(api.send_request("GET", "/v1/me", who="leaver"), 401, "unauthorized")
        assert api.list_slots(link["slug"])
        position_before = find_last_position(api)
        assert api.post(f"{path}/activate", None, "admin")["active"] is True
        assert find_last_position(api) == position_before

    def test_not_oneself(self, shared_api: ApiDriver) -> None:
        path = f"/v1/people/{shared_api.ids['admin']}/deactivate"
        assert_problem(shared_api.send_request("POST", path, who="admin"), 422, "invalid")


class TestMeetingTypes:
    """/v1/meeting-types"""

    def test_defaults(self, shared_api: ApiDriver) -> None:
        meeting_type = shared_api.post("/v1/meeting-types", {"name": "Demo", "duration_minutes": 45}, "admin", 201)
        assert meeting_type.keys() == TYPE
        assert meeting_type == shared_api.get(f"/v1/meeting-types/{meeting_type['id']}", "analyst")
        assert {name: meeting_type[name] for name in TYPE - {"id", "name"}} == {
            "description": None, "location": None, "duration_minutes": 45, "slot_step_minutes": 45, "version": 1,
            "buffer_before_minutes": 0, "buffer_after_minutes": 0, "minimum_notice_minutes": 0,
            "booking_window_days": 60, "reminders_minutes": [1_440, 60], "follow_up": None,
            "limits": {"per_day": None, "per_week": None}, "questions": [],
        }  # fmt: skip

    def test_patch(self, shared_api: ApiDriver) -> None:
        body = {"name": "Call", "duration_minutes": 60, "description": "d", "location": "l", "slot_step_minutes": 15}
        meeting_type = shared_api.post("/v1/meeting-types", body, "admin", 201)
        path = f"/v1/meeting-types/{meeting_type['id']}"
        cleared = {"description": None, "location": None, "slot_step_minutes": None}
        after = shared_api.patch(path, cleared, "admin", If_Match='"1"')
        assert after == {**meeting_type, "description": None, "location": None, "slot_step_minutes": 60, "version": 2}
        assert shared_api.patch(path, {"duration_minutes": 30}, "admin")["slot_step_minutes"] == 30
        for field in TYPE - {"id", "version", "follow_up", "limits", *cleared}:
            assert_problem(shared_api.send_request("PATCH", path, {field: None}, "admin"), 422, "invalid")
        assert_problem(
            shared_api.send_request("PATCH", path, {"name": "x"}, "admin", If_Match='"1"'), 412, "version_conflict"
        )

    @pytest.mark.usefixtures("unchanged_log")
    def test_limits(self, shared_api: ApiDriver) -> None:
        valid_body = {"name": "A", "duration_minutes": 30}
        for invalid_fields in ({"duration_minutes": 0}, {"duration_minutes": 1441}, {"buffer_before_minutes": -1},
                      {"booking_window_days": 0}, {"slot_step_minutes": 0}, {"description": "x" * 2_001},
                      {"reminders_minutes": [60, 60]}, {"reminders_minutes": [4]}, {"reminders_minutes": [40_321]},
                      {"reminders_minutes": [*range(10, 16)]}, {"reminders_minutes": None},
                      {"reminders_minutes": ["60"]}, {"follow_up": {"after_minutes": 0}},
                      {"follow_up": {"after_minutes": 0, "message": " "}},
                      {"follow_up": {"after_minutes": -1, "message": "x"}},
                      {"follow_up": {"after_minutes": 20_161, "message": "x"}}):  # fmt: skip
            assert_problem(
                shared_api.send_request("POST", "/v1/meeting-types", valid_body | invalid_fields, "admin"),
                422,
                "invalid",
            )

    def test_list(self, shared_api: ApiDriver) -> None:
        rows = fetch_list(shared_api, "/v1/meeting-types?limit=200", "auditor")["items"]
        assert get_ids(fetch_all_rows(shared_api, "/v1/meeting-types", "auditor", 1)) == get_ids(rows)
        assert [row["name"] for row in fetch_list(shared_api, "/v1/meeting-types?q=INTR", "member")["items"]] == [
            "Intro"
        ]
