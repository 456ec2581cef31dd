"""People and meeting types, outcome by outcome."""

from typing import Any
from uuid import uuid4

import pytest

from tests.api.refusals import head, ids, listed, refused, whole
from tests.api_driver import ALWAYS, House

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
    "version",
}
TYPE = {
    *("id", "name", "description", "duration_minutes", "location", "buffer_before_minutes", "buffer_after_minutes"),
    *("minimum_notice_minutes", "booking_window_days", "slot_step_minutes", "version"),
}


def added(house: House, **more: Any) -> Any:
    """A new person."""
    name = uuid4().hex[:8]
    body = {"name": name.capitalize(), "email": f"{name}@nexora.example", "time_zone": "Europe/Berlin", **more}
    return house.post("/v1/people", body, "admin", 201)


class TestAddPerson:
    """POST /v1/people"""

    def test_has_every_field_and_usual_hours(self, shared_house: House) -> None:
        person = added(shared_house)
        assert person.keys() == PERSON
        assert (person["roles"], person["active"], person["version"]) == (["member"], True, 1)
        assert person["weekly_hours"]["mon"] == [["09:00", "17:00"]]
        assert "sat" not in person["weekly_hours"]

    def test_email_is_taken_whatever_the_case(self, shared_house: House) -> None:
        email = added(shared_house)["email"]
        body = {"name": "Other", "email": email.upper(), "time_zone": "UTC"}
        before = head(shared_house)
        refused(shared_house.send("POST", "/v1/people", body, "admin"), 409, "email_taken")
        assert head(shared_house) == before

    def test_repeated_request(self, shared_house: House) -> None:
        body = {"name": "Once", "email": "once@nexora.example", "time_zone": "UTC"}
        first = shared_house.send("POST", "/v1/people", body, "admin", Idempotency_Key="p1")
        again = shared_house.send("POST", "/v1/people", body, "admin", Idempotency_Key="p1")
        assert (first.status_code, first.content) == (again.status_code, again.content)
        assert "idempotent-replayed" not in first.headers
        assert again.headers["idempotent-replayed"] == "true"
        other = {**body, "name": "Twice"}
        answer = shared_house.send("POST", "/v1/people", other, "admin", Idempotency_Key="p1")
        refused(answer, 422, "idempotency_key_reused")

    def test_hours_up_to_midnight_and_overrides(self, shared_house: House) -> None:
        given = {"weekly_hours": {"sun": [["22:00", "24:00"]]}, "date_overrides": {"2026-12-24": []}}
        person = added(shared_house, **given)
        assert {name: person[name] for name in given} == given

    @pytest.mark.parametrize(
        "hours",
        [[["17:00", "09:00"]], [["09:00", "24:30"]], [["24:00", "24:00"]], [["09:00", "12:00"], ["11:00", "13:00"]],
         [["9:00", "10:00"]], [["09:00"]], [["09:00", "10:00", "11:00"]]],
    )  # fmt: skip
    @pytest.mark.usefixtures("unmoved")
    def test_wrong_hours(self, shared_house: House, hours: Any) -> None:
        for field, day in (("weekly_hours", "mon"), ("date_overrides", "2026-12-24")):
            body = {"name": "A", "email": "hours@nexora.example", "time_zone": "UTC", field: {day: hours}}
            refused(shared_house.send("POST", "/v1/people", body, "admin"), 422, "invalid")

    @pytest.mark.usefixtures("unmoved")
    def test_wrong_days_and_roles(self, shared_house: House) -> None:
        person = {"name": "A", "email": "days@nexora.example", "time_zone": "UTC"}
        for wrong in ({"weekly_hours": {"monday": []}}, {"date_overrides": {"2026-02-30": []}}, {"roles": []},
                      {"roles": ["admin", "admin"]}, {"roles": ["owner"]}):  # fmt: skip
            refused(shared_house.send("POST", "/v1/people", person | wrong, "admin"), 422, "invalid")


class TestReadPeople:
    """GET /v1/people and /v1/people/{id}"""

    def test_everyone_may_read(self, shared_house: House) -> None:
        for who in ("member", "manager", "admin", "auditor", "analyst"):
            assert shared_house.get(f"/v1/people/{shared_house.ids['engineer']}", who)["name"] == "Engineer"
            assert len(shared_house.get("/v1/people", who)["items"]) >= 6

    def test_pages_make_the_whole(self, shared_house: House) -> None:
        everyone = ids(listed(shared_house, "/v1/people?limit=200", "member")["items"])
        assert ids(whole(shared_house, "/v1/people", "member")) == everyone
        assert set(shared_house.ids.values()) - {shared_house.ids["type"]} <= set(everyone)

    def test_search(self, shared_house: House) -> None:
        found = listed(shared_house, "/v1/people?q=ENGIN", "member")["items"]
        assert [person["email"] for person in found] == ["engineer@nexora.example"]

    def test_the_feed_is_for_its_owner_and_admins(self, shared_house: House) -> None:
        person = added(shared_house, busy_feed_url="https://calendar.example/secret.ics")
        for who, seen in (("admin", person["busy_feed_url"]), ("manager", None), ("auditor", None)):
            assert shared_house.get(f"/v1/people/{person['id']}", who)["busy_feed_url"] == seen


class TestChangePerson:
    """PATCH /v1/people/{id}"""

    def test_changes_only_what_is_sent(self, shared_house: House) -> None:
        person = added(shared_house, busy_feed_url="https://calendar.example/a.ics")
        after = shared_house.patch(f"/v1/people/{person['id']}", {"roles": ["manager"]}, "admin")
        assert after == {**person, "roles": ["manager"], "version": 2}

    def test_null_clears_what_may_be_empty(self, shared_house: House) -> None:
        person = added(shared_house, busy_feed_url="https://calendar.example/a.ics")
        assert (
            shared_house.patch(f"/v1/people/{person['id']}", {"busy_feed_url": None}, "admin")["busy_feed_url"] is None
        )
        for field in ("name", "email", "time_zone", "roles", "weekly_hours", "date_overrides"):
            answer = shared_house.send("PATCH", f"/v1/people/{person['id']}", {field: None}, "admin")
            assert refused(answer, 422, "invalid")["errors"][0]["field"] == field

    def test_nothing_new_appends_nothing(self, shared_house: House) -> None:
        person = added(shared_house)
        before = head(shared_house)
        for body in ({}, {"name": person["name"]}, {"email": person["email"]}):
            assert shared_house.patch(f"/v1/people/{person['id']}", body, "admin") == person
        assert head(shared_house) == before

    def test_stale(self, shared_house: House) -> None:
        person = added(shared_house)
        path = f"/v1/people/{person['id']}"
        tag = shared_house.send("GET", path, who="admin").headers["etag"]
        assert tag == '"1"'
        changed = shared_house.send("PATCH", path, {"name": "New"}, "admin", If_Match=tag)
        assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
        before = head(shared_house)
        refused(shared_house.send("PATCH", path, {"name": "Newer"}, "admin", If_Match=tag), 412, "version_conflict")
        assert head(shared_house) == before
        assert shared_house.patch(path, {"name": "Newest"}, "admin", If_Match="*")["version"] == 3

    def test_an_admin_stays_one_until_another_admin_says_otherwise(self, shared_house: House) -> None:
        house = shared_house
        house.hire("second", ["admin"])
        path = f"/v1/people/{house.ids['second']}"
        before = head(house)
        answer = house.send("PATCH", path, {"roles": ["member"]}, "second")
        assert refused(answer, 422, "invalid")["errors"][0]["field"] == "roles"
        assert head(house) == before
        assert house.patch(path, {"roles": ["admin", "auditor"]}, "second")["roles"] == ["admin", "auditor"]
        assert house.patch(path, {"roles": ["member"]}, "admin")["roles"] == ["member"]

    def test_email_taken_and_free_again(self, shared_house: House) -> None:
        one, other = added(shared_house), added(shared_house)
        path = f"/v1/people/{other['id']}"
        refused(shared_house.send("PATCH", path, {"email": one["email"].title()}, "admin"), 409, "email_taken")
        shared_house.patch(path, {"email": "moved@nexora.example"}, "admin")
        assert added(shared_house, email=other["email"])["email"] == other["email"]


class TestMe:
    """GET|PATCH /v1/me"""

    def test_is_the_caller(self, shared_house: House) -> None:
        for who in ("member", "auditor", "analyst"):
            assert shared_house.get("/v1/me", who)["id"] == shared_house.ids[who]

    def test_changes_zone_and_hours_only(self, shared_house: House) -> None:
        after = shared_house.patch("/v1/me", {"time_zone": "Asia/Tokyo", "weekly_hours": ALWAYS}, "engineer")
        assert after["time_zone"] == "Asia/Tokyo"
        for body in ({"roles": ["admin"]}, {"name": "X"}, {"email": "x@nexora.example"}, {"active": False}):
            refused(shared_house.send("PATCH", "/v1/me", body, "engineer"), 422, "invalid")
        refused(shared_house.send("PATCH", "/v1/me", {}, "engineer", If_Match='"999"'), 412, "version_conflict")


class TestDeactivate:
    """POST /v1/people/{id}/deactivate and activate"""

    def test_keys_end_at_once_and_stay_ended(self, shared_house: House) -> None:
        house = shared_house
        house.hire("leaver", ["member"])
        house.patch("/v1/me", {"weekly_hours": ALWAYS}, "leaver")
        link = house.link("Leaver", "leaver", slug="leaver")
        assert house.slots("leaver")
        path = f"/v1/people/{house.ids['leaver']}"
        assert house.post(f"{path}/deactivate", None, "admin")["active"] is False
        refused(house.send("GET", "/v1/me", who="leaver"), 401, "unauthorized")
        assert house.slots("leaver") == []
        before = head(house)
        assert house.post(f"{path}/deactivate", None, "admin")["active"] is False
        assert head(house) == before
        assert house.post(f"{path}/activate", None, "admin")["active"] is True
        refused(house.send("GET", "/v1/me", who="leaver"), 401, "unauthorized")
        assert house.slots(link["slug"])
        before = head(house)
        assert house.post(f"{path}/activate", None, "admin")["active"] is True
        assert head(house) == before

    def test_not_oneself(self, shared_house: House) -> None:
        path = f"/v1/people/{shared_house.ids['admin']}/deactivate"
        refused(shared_house.send("POST", path, who="admin"), 422, "invalid")


class TestMeetingTypes:
    """/v1/meeting-types"""

    def test_defaults(self, shared_house: House) -> None:
        made = shared_house.post("/v1/meeting-types", {"name": "Demo", "duration_minutes": 45}, "admin", 201)
        assert made.keys() == TYPE
        assert made == shared_house.get(f"/v1/meeting-types/{made['id']}", "analyst")
        assert {name: made[name] for name in TYPE - {"id", "name"}} == {
            "description": None, "location": None, "duration_minutes": 45, "slot_step_minutes": 45, "version": 1,
            "buffer_before_minutes": 0, "buffer_after_minutes": 0, "minimum_notice_minutes": 0,
            "booking_window_days": 60,
        }  # fmt: skip

    def test_patch(self, shared_house: House) -> None:
        body = {"name": "Call", "duration_minutes": 60, "description": "d", "location": "l", "slot_step_minutes": 15}
        made = shared_house.post("/v1/meeting-types", body, "admin", 201)
        path = f"/v1/meeting-types/{made['id']}"
        cleared = {"description": None, "location": None, "slot_step_minutes": None}
        after = shared_house.patch(path, cleared, "admin", If_Match='"1"')
        assert after == {**made, "description": None, "location": None, "slot_step_minutes": 60, "version": 2}
        assert shared_house.patch(path, {"duration_minutes": 30}, "admin")["slot_step_minutes"] == 30
        for field in TYPE - {"id", "version", *cleared}:
            refused(shared_house.send("PATCH", path, {field: None}, "admin"), 422, "invalid")
        refused(shared_house.send("PATCH", path, {"name": "x"}, "admin", If_Match='"1"'), 412, "version_conflict")

    @pytest.mark.usefixtures("unmoved")
    def test_limits(self, shared_house: House) -> None:
        right = {"name": "A", "duration_minutes": 30}
        for wrong in ({"duration_minutes": 0}, {"duration_minutes": 1441}, {"buffer_before_minutes": -1},
                      {"booking_window_days": 0}, {"slot_step_minutes": 0}, {"description": "x" * 2_001}):  # fmt: skip
            refused(shared_house.send("POST", "/v1/meeting-types", right | wrong, "admin"), 422, "invalid")

    def test_list(self, shared_house: House) -> None:
        rows = listed(shared_house, "/v1/meeting-types?limit=200", "auditor")["items"]
        assert ids(whole(shared_house, "/v1/meeting-types", "auditor", 1)) == ids(rows)
        assert [row["name"] for row in listed(shared_house, "/v1/meeting-types?q=INTR", "member")["items"]] == ["Intro"]
