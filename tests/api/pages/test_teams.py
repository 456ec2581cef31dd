"""Pages of teams, without a script: listing, creating, changing and deleting them, their week, and links with one."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.api.pages.page_client import PageClient, extract_text
from tests.api.refusals import fetch_list
from tests.api_driver import ApiDriver
from tests.domain.example import build_context


@pytest.fixture(scope="module")
def manager(shared_api: ApiDriver) -> PageClient:
    """A manager who opens pages."""
    return PageClient(shared_api, "manager")


def find_key(page: Any) -> str:
    """Find the key of a form."""
    match = re.search(r'name="key" value="([^"]+)"', page.text)
    assert match
    return match[1]


def list_rows(api: ApiDriver, name: str) -> list[Any]:
    """List the teams of a name."""
    return [row for row in fetch_list(api, "/v1/teams?limit=200", "manager")["items"] if row["name"] == name]


class TestEditing:
    """/teams/new, /teams/{id}/edit, /teams/{id}/delete"""

    def test_create_change_and_delete(self, shared_api: ApiDriver, manager: PageClient) -> None:
        api, ids = shared_api, shared_api.ids
        form = {"name": "Sales 👩‍🔧", "member_ids": [ids["engineer"], ids["member"]], "key": ""}
        form |= {f"weight_{ids['engineer']}": "3", f"priority_{ids['engineer']}": "2", f"weight_{ids['member']}": ""}
        form["key"] = find_key(manager.get("/teams/new"))
        for _ in range(2):  # sent twice, made once
            assert manager.post("/teams/new", form).status_code == 303
        [team] = list_rows(api, "Sales 👩‍🔧")
        assert [(one["name"], one["weight"], one["priority"]) for one in team["members"]] == [
            ("Engineer", 3, 2),
            ("Member", 1, 0),
        ]
        path = f"/teams/{team['id']}"
        edit = manager.get(f"{path}/edit").text
        assert f'id="weight_{ids["engineer"]}" value="3"' in edit
        change = {**form, "member_ids": [ids["member"]], "version": "1"}
        assert manager.post(f"{path}/edit", change).headers["location"] == path
        assert [one["name"] for one in api.get(f"/v1{path}", "manager")["members"]] == ["Member"]
        stale = manager.post(f"{path}/edit", {**change, "name": "Mine"})
        assert stale.status_code == 412
        assert "Somebody saved this while you were writing" in stale.text
        assert 'value="Mine"' in stale.text
        link = api.create_link("Uses it", team_id=team["id"])
        assert "Uses it" in extract_text(manager.get(f"{path}/delete"))
        assert manager.post(f"{path}/delete").status_code == 409
        api.patch(f"/v1/links/{link['id']}", {"team_id": None}, "member")
        assert manager.post(f"{path}/delete").headers["location"] == "/teams"
        assert manager.get(path).status_code == 404

    def test_a_refused_form_keeps_what_was_typed(self, shared_api: ApiDriver, manager: PageClient) -> None:
        ids = shared_api.ids
        form = {"name": "Kept", "member_ids": [ids["member"]], f"weight_{ids['member']}": "many"}
        refused = manager.post("/teams/new", form)
        assert refused.status_code == 422
        assert "A whole number from 1 to 100." in refused.text
        assert 'value="many" autocomplete="off" aria-invalid="true"' in refused.text
        assert 'value="Kept"' in refused.text
        assert "Choose at least one person." in manager.post("/teams/new", {"name": "Kept"}).text
        search = manager.get(f"/teams/new?name=Kept&who=engin&member_ids={ids['member']}&weight_{ids['member']}=7").text
        assert f'id="weight_{ids["member"]}" value="7"' in search
        assert search.count('class="member-row"') == 2  # who is ticked, and who was searched for
        assert manager.post("/teams/new", {"name": "Kept", "member_ids": "x"}).status_code == 422
        assert not list_rows(shared_api, "Kept")

    def test_who_may(self, shared_api: ApiDriver) -> None:
        team = shared_api.create_team("engineer", name="Guarded")
        path = f"/teams/{team['id']}"
        for who in ("member", "auditor"):
            client = PageClient(shared_api, who)
            assert "Engineer" in extract_text(client.get(path))
            assert f"{path}/edit" not in client.get(path).text
            assert client.get(f"{path}/edit").status_code == 403
            assert client.post(f"{path}/delete").status_code == 403
        assert PageClient(shared_api, "analyst").get("/teams").status_code == 403


class TestTeamPages:
    """/teams, /teams/{id}, /teams/{id}/calendar"""

    def test_a_team_and_its_links(self, shared_api: ApiDriver, manager: PageClient) -> None:
        team = shared_api.create_team("engineer", name="Shown")
        shared_api.create_link("Link of the shown", team_id=team["id"])
        fetch_list(shared_api, "/v1/teams", "manager")
        assert "Shown" in extract_text(manager.get("/teams?q=sho"))
        page = extract_text(manager.get(f"/teams/{team['id']}"))
        for words in ("Engineer", "Link of the shown", "created the team"):
            assert words in page

    def test_a_member_who_left_or_is_on_leave(self, api: ApiDriver) -> None:
        team = api.create_team("engineer", "member", name="Away")
        today = api.services.clock().date()
        changes = {"absences": ({"first_day": str(today - timedelta(days=2)), "last_day": str(today)},)}
        context = build_context(api.services.clock(), UUID(api.ids["admin"]), ("admin",))
        api.services.administration.update_person(context, UUID(api.ids["engineer"]), changes)
        api.post(f"/v1/people/{api.ids['member']}/deactivate", None, "admin")
        client = PageClient(api, "manager")
        page = extract_text(client.get(f"/teams/{team['id']}"))
        assert f"On leave until {today}" in page
        assert "Deactivated" in page
        week = extract_text(client.get(f"/teams/{team['id']}/calendar"))
        assert "On leave" in week
        assert "Free now: nobody" in week

    def test_the_week(self, shared_api: ApiDriver, manager: PageClient) -> None:
        api = shared_api
        team = api.create_team("engineer", "manager", name="Weekly")
        link = api.create_link("For the week", "engineer")
        start = api.list_slots(link["slug"])[4]
        booking = api.book_meeting(link["slug"], start)["booking"]["id"]
        fetch_list(api, "/v1/meeting-log", "manager")
        path = f"/teams/{team['id']}/calendar"
        page = manager.get(f"{path}?week={start[:10]}")
        assert f"/meeting-log/{booking}" in page.text
        assert f"{start[11:16]}–" in extract_text(page)
        assert "free" in extract_text(page)
        assert "Free now: Engineer" in extract_text(page)
        somebody = PageClient(api, "member").get(f"{path}?week={start[:10]}")
        assert f"/meeting-log/{booking}" not in somebody.text  # the guest is not theirs to see
        assert "busy" in extract_text(somebody)
        for day in ("2000-01-01", "2999-12-31"):
            assert manager.get(f"{path}?week={day}").status_code == 200


class TestForms:
    """The forms of links and managed links."""

    def test_a_link_gets_a_team(self, shared_api: ApiDriver) -> None:
        api, client = shared_api, PageClient(shared_api, "member")
        team = api.create_team("engineer", name="Chosen team")
        fetch_list(api, "/v1/teams", "member")
        form = {"name": "With them", "meeting_type_id": api.ids["type"], "team_id": team["id"]}
        created = client.post("/links/new/properties", form)
        assert created.status_code == 303
        path = f"/links/{created.headers['location'].split('/')[-1].partition('?')[0]}"
        assert "and one of Chosen team" in extract_text(client.get(created.headers["location"]))
        assert f'value="{team["id"]}" selected' in client.get(f"{path}/edit").text
        assert "Chosen team" in extract_text(client.get(path))
        api.post(f"/v1{path}/single-use", {}, "member", 201)
        fetch_list(api, "/v1/single-use", "member")
        query = f"name=With+them&slug=with-them&meeting_type_id={api.ids['type']}&team_id=&version=1"
        preview = extract_text(client.get(f"{path}/edit?{query}"))
        assert "Team Chosen team No team" in preview
        assert "1 unused single-use link will book no team member." in preview
        saved = client.post(f"{path}/edit", {**form, "slug": "with-them", "team_id": "", "version": "1"})
        assert saved.status_code == 303
        assert api.get(f"/v1{path}", "member")["team_id"] is None

    def test_a_managed_link_gets_a_team(self, shared_api: ApiDriver, manager: PageClient) -> None:
        api = shared_api
        team = api.create_team("engineer", name="Of the tour")
        fetch_list(api, "/v1/teams", "manager")
        form = {"name": "Tour", "slug": "tour-of-team", "meeting_type_id": api.ids["type"], "team_id": team["id"]}
        created = manager.post("/management/managed/new/properties", {**form, "host_ids": [api.ids["member"]]})
        id = created.headers["location"].split("/")[-1].partition("?")[0]
        assert api.get(f"/v1/managed-links/{id}", "manager")["team_id"] == team["id"]
        assert "One free member of Of the tour joins each meeting" in extract_text(
            manager.get(f"/management/managed/{id}")
        )
        assert "and one of Of the tour" in extract_text(manager.get("/management/managed"))
