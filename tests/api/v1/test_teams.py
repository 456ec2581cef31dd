"""Teams, outcome by outcome, and the links that have one."""

import re
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.member_choice import Candidate, MemberChoice
from domain.token import Token
from tests.api.pages.page_client import PageClient, extract_text
from tests.api.refusals import assert_problem, fetch_all_rows, fetch_list, find_last_position, get_ids
from tests.api_driver import ALWAYS, ApiDriver, extract_code
from tests.domain.example import build_booking_fields, build_context

TEAM = {"id", "name", "members", "created_at", "updated_at", "version"}


def build_member(api: ApiDriver, who: str, **values: int) -> dict[str, Any]:
    """Build a member of a request."""
    return {"person_id": api.ids[who], **values}


class TestTeams:
    """/v1/teams"""

    def test_create_and_change(self, shared_api: ApiDriver) -> None:
        api = shared_api
        body = {"name": "Engineers", "members": [build_member(api, "engineer", weight=3), build_member(api, "member")]}
        first = api.send_request("POST", "/v1/teams", body, "manager", Idempotency_Key="team")
        team = first.json()
        assert (first.status_code, first.headers["etag"], team.keys()) == (201, '"1"', TEAM)
        assert [(m["name"], m["weight"], m["priority"], m["active"]) for m in team["members"]] == [
            ("Engineer", 3, 0, True),
            ("Member", 1, 0, True),
        ]
        again = api.send_request("POST", "/v1/teams", body, "manager", Idempotency_Key="team")
        assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
        path = f"/v1/teams/{team['id']}"
        changed = api.patch(path, {"members": [build_member(api, "member", priority=9)]}, "manager", If_Match='"1"')
        assert (changed["name"], changed["version"]) == ("Engineers", 2)
        assert [(m["name"], m["weight"], m["priority"]) for m in changed["members"]] == [("Member", 1, 9)]
        assert api.get(path, "analyst") == changed
        assert api.patch(path, {"name": "Engineers"}, "manager")["version"] == 2  # nothing to change
        stale = api.send_request("PATCH", path, {"name": "x"}, "manager", If_Match='"1"')
        assert_problem(stale, 412, "version_conflict")

    @pytest.mark.parametrize(
        ("members", "field"),
        [
            ([], "members"),
            ([{"person_id": str(UUID(int=1))}], "members"),
            ([{"weight": 2}], "members.0.person_id"),
            ("twice", "members"),
            ({"weight": 0}, "members.0.weight"),
            ({"weight": 101}, "members.0.weight"),
            ({"weight": 1.5}, "members.0.weight"),
            ({"weight": "2"}, "members.0.weight"),
            ({"priority": -1}, "members.0.priority"),
            ({"priority": 10}, "members.0.priority"),
            ({"colour": "red"}, "members.0.colour"),
            (None, "members"),
        ],
        ids=str,
    )
    @pytest.mark.usefixtures("unchanged_log")
    def test_members_that_break_a_rule(self, shared_api: ApiDriver, members: Any, field: str) -> None:
        if members == "twice":
            members = [build_member(shared_api, "member"), build_member(shared_api, "member")]
        elif isinstance(members, dict):
            members = [build_member(shared_api, "member") | members]
        answer = shared_api.send_request("POST", "/v1/teams", {"name": "A", "members": members}, "manager")
        assert [error["field"] for error in assert_problem(answer, 422, "invalid")["errors"]] == [field]

    def test_list(self, shared_api: ApiDriver) -> None:
        team = shared_api.create_team("auditor", name="Überraschung")
        rows = fetch_list(shared_api, "/v1/teams?limit=200", "analyst")["items"]
        assert get_ids(fetch_all_rows(shared_api, "/v1/teams", "member", 1)) == get_ids(rows)
        assert fetch_list(shared_api, "/v1/teams?q=uberr", "member")["items"] == [team]
        assert fetch_list(shared_api, f"/v1/teams?member_id={shared_api.ids['auditor']}", "member")["items"] == [team]

    def test_a_team_in_use_is_not_deleted(self, shared_api: ApiDriver) -> None:
        api = shared_api
        team = api.create_team("engineer")
        path, link = f"/v1/teams/{team['id']}", api.create_link("With a team", team_id=team["id"])
        managed = {"name": "Managed", "slug": "with-team", "meeting_type_id": api.ids["type"]}
        managed |= {"host_ids": [api.ids["member"]], "team_id": team["id"]}
        managed_path = f"/v1/managed-links/{api.post('/v1/managed-links', managed, 'manager', 201)['id']}"
        for change in (lambda: api.patch(f"/v1/links/{link['id']}", {"team_id": None}, "member"), lambda: None):
            assert_problem(api.send_request("DELETE", path, who="manager"), 409, "team_in_use")
            change()
        assert api.patch(managed_path, {"team_id": None}, "manager")["team"] is None
        for _ in range(2):
            assert api.send_request("DELETE", path, who="manager").status_code == 204
        assert_problem(api.send_request("GET", path, who="manager"), 404, "not_found")
        assert_problem(api.send_request("PATCH", path, {"name": "x"}, "manager"), 404, "not_found")
        assert team["id"] not in get_ids(fetch_list(api, "/v1/teams?limit=200", "manager")["items"])

    def test_its_story(self, shared_api: ApiDriver) -> None:
        team = shared_api.create_team("engineer", member=2, name="Story")
        body = {"members": [build_member(shared_api, "engineer", priority=1)]}
        shared_api.patch(f"/v1/teams/{team['id']}", body, "manager")
        shared_api.send_request("DELETE", f"/v1/teams/{team['id']}", who="manager")
        rows = shared_api.get(f"/v1/history/streams/{team['id']}", "auditor")["items"]
        assert [row["sentence"] for row in rows] == [
            "Manager created the team “Story” of Engineer and Member.",
            "Manager changed the team “Story”: members from “Engineer” and “Member” (weight 2) to"
            " “Engineer” (priority 1).",
            "Manager deleted the team “Story”.",
        ]


class TestLinksWithATeam:
    """`team_id` of links and managed links."""

    def test_a_link_has_a_team(self, shared_api: ApiDriver) -> None:
        api = shared_api
        team, other = api.create_team("engineer"), api.create_team("manager", name="Others")
        link = api.create_link("Deep dive", team_id=team["id"])
        assert (link["team_id"], link["team"]) == (team["id"], {"id": team["id"], "name": "Sales engineering"})
        path = f"/v1/links/{link['id']}"
        assert api.patch(path, {"name": "Deeper dive"}, "member")["team_id"] == team["id"]
        assert api.patch(path, {"team_id": other["id"]}, "member")["team"]["name"] == "Others"
        rows = fetch_list(api, f"/v1/links?team_id={other['id']}", "member")["items"]
        assert get_ids(rows) == [link["id"]]
        assert api.get(f"/v1/as-of/links/{link['id']}?at={find_last_position(api)}", "auditor")["team"] == {
            "id": other["id"],
            "name": "Others",
        }
        sentence = api.get(f"/v1/history/streams/{link['id']}", "auditor")["items"][-1]["sentence"]
        assert sentence.endswith("team from “Sales engineering” to “Others”.")
        cleared = api.patch(path, {"team_id": None}, "member")
        assert (cleared["team_id"], cleared["team"]) == (None, None)

    def test_a_managed_link_passes_its_team_on(self, shared_api: ApiDriver) -> None:
        api = shared_api
        team = api.create_team("engineer")
        body = {"name": "Tour", "slug": "tour-team", "meeting_type_id": api.ids["type"]}
        managed = api.post("/v1/managed-links", body | {"host_ids": [api.ids["member"]]}, "manager", 201)
        path = f"/v1/managed-links/{managed['id']}"
        assert api.patch(path, {"team_id": team["id"]}, "manager")["team"]["id"] == team["id"]
        assert [row["team_id"] for row in fetch_list(api, f"{path}/links", "manager")["items"]] == [team["id"]]
        listed = fetch_list(api, f"/v1/managed-links?team_id={team['id']}", "manager")["items"]
        assert get_ids(listed) == [managed["id"]]

    @pytest.mark.usefixtures("unchanged_log")
    def test_a_team_that_there_is_not(self, shared_api: ApiDriver) -> None:
        for team_id in (str(uuid4()), shared_api.ids["engineer"], "x"):
            body = {"name": "L", "meeting_type_id": shared_api.ids["type"], "team_id": team_id}
            answer = shared_api.send_request("POST", "/v1/links", body, "member")
            assert [error["field"] for error in assert_problem(answer, 422, "invalid")["errors"]] == ["team_id"]


class TestGuests:
    """Unused single-use links follow the team; guests read of no member before one is booked."""

    def test_a_single_use_link_follows_its_team(self, shared_api: ApiDriver) -> None:
        api = shared_api
        team = api.create_team("engineer", name="Helpers")
        link = api.create_link("With a helper", team_id=team["id"])
        code, other_code = api.create_codes(link, 2)
        offer = api.get(f"/v1/book/{code}")
        assert (offer["team"], offer["hosts"]) == ("Helpers", [{"name": "Member"}])
        page = api.client.get(f"/s/{code}", headers={"Accept": "text/html"}).text
        assert "Member</bdi> and one of <bdi>Helpers" in page
        assert "Engineer" not in page
        members = [build_member(api, "manager")]
        api.patch(f"/v1/teams/{team['id']}", {"name": "Supporters", "members": members}, "manager")
        assert api.get(f"/v1/book/{code}")["team"] == "Supporters"
        booked = api.book_meeting(code, api.list_slots(code)[7])["booking"]
        assert booked["hosts"] == [{"name": "Member"}, {"name": "Manager"}]
        assert "candidates" not in str(booked)
        booking = api.get(f"/v1/bookings/{booked['id']}", "member")
        assert (booking["team"]["name"], booking["chosen"]["person"]["name"]) == ("Supporters", "Manager")
        story = api.get(f"/v1/history/streams/{booked['id']}", "auditor")["items"]
        assert story[1]["sentence"].endswith("; Manager was chosen from “Supporters”.")
        [candidate] = booking["chosen"]["candidates"]
        assert candidate["sentence"].endswith("chosen, as nobody else was free.")
        fetch_list(api, f"/v1/meeting-log?team_id={team['id']}", "manager")
        meeting = extract_text(PageClient(api, "manager").get(f"/meeting-log/{booked['id']}"))
        assert "Who was chosen, and why" in meeting
        assert candidate["sentence"] in meeting
        assert "Supporters" in extract_text(PageClient(api, "manager").get(f"/meeting-log?team_id={team['id']}"))
        api.patch(f"/v1/links/{link['id']}", {"team_id": None}, "member")
        assert api.get(f"/v1/book/{other_code}")["team"] is None

    def test_somebody_leaves(self, shared_api: ApiDriver) -> None:
        api, person = shared_api, shared_api.ids["auditor"]
        api.create_team("auditor", "engineer", name="Left behind")
        fetch_list(api, "/v1/teams", "manager")
        assert api.get(f"/v1/people/{person}/impact", "manager")["teams"] >= 1
        page = extract_text(PageClient(api, "manager").get(f"/management/people/{person}"))
        assert "Left behind" in page
        question = extract_text(PageClient(api, "admin").get(f"/admin/people/{person}/deactivate"))
        assert "They are in" in question


class TestRecount:
    """GET /v1/teams/{id}/recount"""

    def test_a_month_with_other_weights(self, shared_api: ApiDriver) -> None:
        api, month = shared_api, f"{shared_api.services.clock():%Y-%m}"
        team, link = api.create_team("engineer", "member"), api.create_link("Recounted")
        engineer, member = UUID(api.ids["engineer"]), UUID(api.ids["member"])
        for number in range(4):
            counts = {engineer: (number + 1) // 2, member: number // 2}
            book_with_choice(api, link["id"], team["id"], counts, (engineer, member)[number % 2])
        position = str(find_last_position(api))
        path = f"/v1/teams/{team['id']}/recount?month={month}"
        answer = api.send_request("GET", path, who="auditor", Oncelink_Min_Position=position).json()
        assert {name: answer[name] for name in ("month", "choices", "different")} == {
            "month": month,
            "choices": 4,
            "different": 0,
        }
        assert [(one["happened"], one["recounted"]) for one in answer["members"]] == [(2, 2), (2, 2)]
        other = api.get(f"{path}&weights={member}:9&priorities={member}:1", "manager")
        assert [(one["name"], one["weight"], one["happened"], one["recounted"]) for one in other["members"]] == [
            ("Engineer", 1, 2, 1),
            ("Member", 9, 2, 3),
        ]
        assert api.get(f"/v1/teams/{team['id']}/recount?month=2020-02", "manager")["choices"] == 0
        page = PageClient(api, "manager").get(f"/teams/{team['id']}/recount?weight_{member}=9&priority_{member}=1")
        text = extract_text(page)
        assert "4 choices in" in text
        assert re.search(r"Member .* 2 3 \+1", text)
        wrong = PageClient(api, "manager").get(f"/teams/{team['id']}/recount?month=May&weight_{member}=0")
        assert wrong.status_code == 422
        assert "A whole number from 1 to 100." in wrong.text
        assert "Write the month as YYYY-MM" in wrong.text

    @pytest.mark.parametrize(
        "query", ["month=2026-13", "month=1999-01", "weights=x:1", "weights=ID:0", "priorities=ID:10"]
    )
    def test_bad_input(self, shared_api: ApiDriver, query: str) -> None:
        team = shared_api.create_team("engineer")
        path = f"/v1/teams/{team['id']}/recount?{query.replace('ID', shared_api.ids['engineer'])}"
        [error] = assert_problem(shared_api.send_request("GET", path, who="manager"), 422, "invalid")["errors"]
        assert error["field"] == query.partition("=")[0]


def book_with_choice(api: ApiDriver, link_id: str, team_id: str, counts: dict[UUID, int], chosen: UUID) -> None:
    """Append a meeting for which a member was chosen on these counts."""
    candidates = tuple(Candidate(person_id=id, count=count, weight=1, priority=0) for id, count in counts.items())
    choice = MemberChoice(team_id=UUID(team_id), team_version=1, person_id=chosen, candidates=candidates)
    context = build_context(api.services.clock(), None)
    token = Token(uuid4())
    token.issue_directly(UUID(link_id), context)
    fields = {**build_booking_fields(), "meeting_type_id": UUID(api.ids["type"]), "host_ids": (chosen,)}
    token.book(context, **fields, chosen=choice)
    api.services.teams.append_events(token)
    api.services.announce_append()


def test_a_guest_reads_who_was_chosen_for_as_long_as_they_manage_the_meeting(api: ApiDriver) -> None:
    api.patch("/v1/me", {"weekly_hours": ALWAYS}, "engineer")
    team = api.post("/v1/teams", {"name": "Chosen", "members": [build_member(api, "engineer")]}, "manager", 201)
    link = api.create_link("With one of them", slug="one-of-them", team_id=team["id"])
    start, later, *_ = api.list_slots(link["slug"])[20:]
    booked = api.book_meeting(link["slug"], start)
    path = f"/v1/manage/{extract_code(booked['manage_url'])}"
    names = [{"name": "Member"}, {"name": "Engineer"}]
    assert booked["booking"]["hosts"] == names
    assert api.get(path)["booking"]["hosts"] == names
    assert api.post(f"{path}/reschedule", {"start": later})["booking"]["hosts"] == names
    assert "Engineer" in api.client.get(path.replace("/v1/manage", "/m")).text
    api.post(f"/v1/people/{api.ids['engineer']}/deactivate", None, "admin")
    assert api.get(path)["booking"]["hosts"] == names
