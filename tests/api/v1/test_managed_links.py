"""Managed links, outcome by outcome: what is changed there reaches every host's link in the same append."""

from typing import Any

import pytest

from tests.api.refusals import assert_problem, fetch_all_rows, fetch_list, find_last_position, get_ids
from tests.api_driver import ALWAYS, ApiDriver

MANAGED = {
    *(
        "id",
        "name",
        "slug",
        "meeting_type",
        "hosts",
        "team_id",
        "team",
        "expires_at",
        "single_use_only",
        "default_lifetime_days",
        "status",
        "created_at",
        "updated_at",
        "version",
    )
}
PAST = "2020-01-01T00:00:00Z"


def build_body(api: ApiDriver, slug: str, *hosts: str) -> dict[str, Any]:
    """Build the body of a request that creates a managed link."""
    host_ids = [api.ids[who] for who in hosts]
    return {"name": slug.capitalize(), "slug": slug, "meeting_type_id": api.ids["type"], "host_ids": host_ids}


def create_managed_link(api: ApiDriver, slug: str, *hosts: str, **extra: Any) -> Any:
    """Create a managed link."""
    return api.post("/v1/managed-links", build_body(api, slug, *hosts) | extra, "manager", 201)


def fetch_host_links(api: ApiDriver, managed: Any) -> dict[str, Any]:
    """Return the core links of a managed link by host id."""
    rows = fetch_all_rows(api, f"/v1/managed-links/{managed['id']}/links", "manager")
    return {row["owner"]["id"]: api.get(f"/v1/links/{row['id']}", "manager") for row in rows}


class TestCreate:
    """POST /v1/managed-links"""

    def test_makes_a_link_for_each_host(self, shared_api: ApiDriver) -> None:
        managed = create_managed_link(shared_api, "sales", "member", "engineer")
        assert managed.keys() == MANAGED
        assert [host["name"] for host in managed["hosts"]] == ["Member", "Engineer"]
        links = fetch_host_links(shared_api, managed)
        assert {link["slug"] for link in links.values()} == {"sales-member", "sales-engineer"}
        for link in links.values():
            assert (link["kind"], link["managed_link_id"], link["name"]) == ("managed", managed["id"], "Sales")
            assert shared_api.get(f"/v1/book/{link['slug']}")["kind"] == "managed"

    def test_slugs_have_whole_words_of_the_name(self, shared_api: ApiDriver) -> None:
        shared_api.add_person("bartholomew", ["member"])
        long_names = {"name": "Bartholomew Featherstonehaugh Elysian"}
        shared_api.patch(f"/v1/people/{shared_api.ids['bartholomew']}", long_names, "admin")
        [link] = fetch_host_links(shared_api, create_managed_link(shared_api, "tour", "bartholomew")).values()
        assert link["slug"] == "tour-bartholomew-featherstonehaugh"

    def test_slugs_of_namesakes_and_long_names(self, shared_api: ApiDriver) -> None:
        api = shared_api
        names = {"twin-a": "Ann Lee", "twin-b": "Ann Lee", "long": "Maximiliane von Hohenzollern-Sigmaringen"}
        for who, name in names.items():
            body = {"name": name, "email": f"{who}@nexora.example", "time_zone": "UTC"}
            api.ids[who] = api.post("/v1/people", body, "admin", 201)["id"]
        slugs = {link["slug"] for link in fetch_host_links(api, create_managed_link(api, "s" * 40, *names)).values()}
        assert len(slugs) == 3
        assert all(len(slug) <= 40 for slug in slugs)

    @pytest.mark.usefixtures("unchanged_log")
    def test_refusals(self, shared_api: ApiDriver) -> None:
        valid_body = build_body(shared_api, "refused", "member")
        for invalid_fields in ({"host_ids": []}, {"host_ids": [shared_api.ids["type"]]}, {"slug": None},
                      {"meeting_type_id": shared_api.ids["member"]}):  # fmt: skip
            assert_problem(
                shared_api.send_request("POST", "/v1/managed-links", valid_body | invalid_fields, "manager"),
                422,
                "invalid",
            )
        for who in ("member", "auditor", "analyst"):
            assert_problem(shared_api.send_request("POST", "/v1/managed-links", valid_body, who), 403, "forbidden")

    def test_slug_taken(self, shared_api: ApiDriver) -> None:
        shared_api.create_link("Taken", slug="taken")
        body = build_body(shared_api, "taken", "member")
        assert_problem(shared_api.send_request("POST", "/v1/managed-links", body, "manager"), 409, "slug_taken")

    def test_repeated_request(self, shared_api: ApiDriver) -> None:
        body = build_body(shared_api, "repeated", "member")
        first = shared_api.send_request("POST", "/v1/managed-links", body, "manager", Idempotency_Key="m1")
        shared_api.patch(f"/v1/managed-links/{first.json()['id']}", {"name": "Other"}, "manager")
        response = shared_api.send_request("POST", "/v1/managed-links", body, "manager", Idempotency_Key="m1")
        assert (response.status_code, response.content) == (201, first.content)
        assert response.headers["idempotent-replayed"] == "true"


class TestChange:
    """PATCH /v1/managed-links/{id}"""

    def test_reaches_every_link_in_the_same_append(self, shared_api: ApiDriver) -> None:
        api = shared_api
        managed = create_managed_link(api, "reach", "member", "engineer")
        longer = api.post("/v1/meeting-types", {"name": "Long", "duration_minutes": 90}, "admin", 201)
        body = {"name": "Reached", "meeting_type_id": longer["id"], "expires_at": "2099-01-01T00:00:00Z"}
        position_before = find_last_position(api)
        response = api.send_request("PATCH", f"/v1/managed-links/{managed['id']}", body, "manager", If_Match='"1"')
        assert response.status_code == 200
        rows = api.services.database.fetch_rows(
            "SELECT type, data ->> 'request_id' AS request_id FROM {schema}.events WHERE position > %s",
            (position_before,),
        )
        assert sorted(row["type"] for row in rows) == ["LinkUpdated.v1", "LinkUpdated.v1", "ManagedLinkUpdated.v1"]
        assert {row["request_id"] for row in rows} == {response.headers["x-request-id"]}
        for link in fetch_host_links(api, managed).values():
            assert (link["name"], link["meeting_type"]["name"]) == ("Reached", "Long")
            assert api.get(f"/v1/book/{link['slug']}")["meeting_type"]["duration_minutes"] == 90
        assert_problem(
            api.send_request("PATCH", f"/v1/managed-links/{managed['id']}", {}, "manager", If_Match='"1"'),
            412,
            "version_conflict",
        )

    def test_hosts_off_and_on(self, shared_api: ApiDriver) -> None:
        api = shared_api
        managed = create_managed_link(api, "team", "member", "engineer")
        path = f"/v1/managed-links/{managed['id']}"
        old_link = fetch_host_links(api, managed)[api.ids["engineer"]]
        [code] = api.create_codes(old_link, who="engineer")
        hosts = [api.ids["member"], api.ids["manager"]]
        assert get_ids(api.patch(path, {"host_ids": hosts}, "manager")["hosts"]) == hosts
        assert_problem(api.send_request("GET", f"/v1/book/{old_link['slug']}"), 410, "link_deleted")
        assert_problem(api.send_request("GET", f"/v1/book/{code}"), 410, "link_deleted")
        assert api.get(f"/v1/links/{old_link['id']}", "manager")["status"] == "deleted"
        managed_after = api.patch(path, {"host_ids": [*hosts, api.ids["engineer"]]}, "manager")
        links_by_owner = {
            link["owner"]["id"]: link
            for link in fetch_host_links(api, managed_after).values()
            if link["status"] == "active"
        }
        assert links_by_owner[api.ids["engineer"]]["id"] != old_link["id"]
        assert links_by_owner[api.ids["engineer"]]["slug"] not in (old_link["slug"], "")
        assert_problem(api.send_request("GET", f"/v1/book/{code}"), 410, "link_deleted")

    def test_a_new_slug_reaches_every_link(self, shared_api: ApiDriver) -> None:
        api = shared_api
        managed = create_managed_link(api, "before", "member", "engineer")
        [code] = api.create_codes(fetch_host_links(api, managed)[api.ids["member"]])
        path = f"/v1/managed-links/{managed['id']}"
        hosts = [api.ids[who] for who in ("member", "engineer", "manager")]
        after = api.patch(path, {"slug": "afterwards", "host_ids": hosts}, "manager")
        slugs = {link["slug"] for link in fetch_host_links(api, after).values()}
        assert slugs == {"afterwards-member", "afterwards-engineer", "afterwards-manager"}
        assert all(api.get(f"/v1/book/{slug}") for slug in slugs)
        assert_problem(api.send_request("GET", "/v1/book/before-member"), 404, "link_not_found")
        assert api.get(f"/v1/book/{code}")["kind"] == "single_use"
        api.create_link("Free again", slug="before-member")
        position_before = find_last_position(api)
        assert api.patch(path, {"slug": "afterwards"}, "manager") == after
        assert find_last_position(api) == position_before

    def test_nothing_new_appends_nothing(self, shared_api: ApiDriver) -> None:
        managed = create_managed_link(shared_api, "still", "member", "engineer", expires_at="2099-01-01T00:00:00Z")
        position_before = find_last_position(shared_api)
        hosts = [host["id"] for host in managed["hosts"]]
        for body in (
            {},
            {"name": "Still"},
            {"host_ids": hosts},
            {"expires_at": "2099-01-01T00:00:00+00:00"},
            {"slug": "still"},
        ):
            assert shared_api.patch(f"/v1/managed-links/{managed['id']}", body, "manager") == managed
        assert find_last_position(shared_api) == position_before

    def test_null(self, shared_api: ApiDriver) -> None:
        managed = create_managed_link(shared_api, "nulls", "member", expires_at=PAST)
        path = f"/v1/managed-links/{managed['id']}"
        [link] = fetch_host_links(shared_api, managed).values()
        assert link["status"] == "expired"
        assert shared_api.patch(path, {"expires_at": None}, "manager")["expires_at"] is None
        assert shared_api.get(f"/v1/book/{link['slug']}")
        for field in ("name", "slug", "meeting_type_id", "host_ids"):
            assert_problem(shared_api.send_request("PATCH", path, {field: None}, "manager"), 422, "invalid")


class TestHostsLinks:
    """A host copies theirs, and cannot edit it."""

    def test_copy_but_not_edit(self, shared_api: ApiDriver) -> None:
        api = shared_api
        link = fetch_host_links(api, create_managed_link(api, "copied", "member", "engineer"))[api.ids["member"]]
        path = f"/v1/links/{link['id']}"
        [code] = api.create_codes(link)
        api.book_meeting(code, api.list_slots(code)[0])
        position_before = find_last_position(api)
        for who in ("member", "manager", "admin"):
            assert_problem(api.send_request("PATCH", path, {"name": "Mine"}, who), 403, "forbidden")
            assert_problem(api.send_request("DELETE", path, who=who), 403, "forbidden")
        assert_problem(api.send_request("POST", f"{path}/disable", who="member"), 403, "forbidden")
        assert_problem(api.send_request("POST", f"{path}/single-use", {}, "engineer"), 404, "not_found")
        assert find_last_position(api) == position_before
        assert api.get(path, "member")["name"] == "Copied"
        assert link["id"] in get_ids(fetch_list(api, "/v1/links?kind=managed", "member")["items"])

    def test_hosts_keep_their_own_hours(self, shared_api: ApiDriver) -> None:
        api = shared_api
        api.add_person("idle", ["member"])
        api.patch("/v1/me", {"weekly_hours": {}}, "idle")
        links = fetch_host_links(api, create_managed_link(api, "hours", "idle", "member"))
        assert api.list_slots(links[api.ids["idle"]]["slug"]) == []
        api.patch("/v1/me", {"weekly_hours": ALWAYS}, "idle")
        assert api.list_slots(links[api.ids["idle"]]["slug"])


class TestRead:
    """GET /v1/managed-links, GET /v1/managed-links/{id}, GET /v1/managed-links/{id}/links"""

    def test_who(self, shared_api: ApiDriver) -> None:
        managed = create_managed_link(shared_api, "read", "member")
        for end in ("", f"/{managed['id']}", f"/{managed['id']}/links"):
            for who, status in (("manager", 200), ("admin", 200), ("auditor", 200), ("member", 403), ("analyst", 403)):
                assert shared_api.send_request("GET", f"/v1/managed-links{end}", who=who).status_code == status

    def test_list(self, shared_api: ApiDriver) -> None:
        for number in range(3):
            create_managed_link(shared_api, f"listed-{number}", "member")
        rows = fetch_list(shared_api, "/v1/managed-links?q=listed", "auditor")["items"]
        assert [row["slug"] for row in rows] == ["listed-2", "listed-1", "listed-0"]
        assert get_ids(fetch_all_rows(shared_api, "/v1/managed-links?q=listed", "auditor")) == get_ids(rows)


class TestSwitch:
    """POST /v1/managed-links/{id}/disable|enable, DELETE /v1/managed-links/{id}"""

    def test_reaches_every_link_in_the_same_append(self, shared_api: ApiDriver) -> None:
        api = shared_api
        managed = create_managed_link(api, "switched", "member", "engineer")
        path = f"/v1/managed-links/{managed['id']}"
        links = fetch_host_links(api, managed)
        [code] = api.create_codes(links[api.ids["member"]])
        position_before = find_last_position(api)
        assert api.post(f"{path}/disable", None, "manager")["status"] == "disabled"
        rows = api.services.database.fetch_rows(
            "SELECT type, data ->> 'request_id' AS request FROM {schema}.events WHERE position > %s", (position_before,)
        )
        assert sorted(row["type"] for row in rows) == ["LinkDisabled.v1", "LinkDisabled.v1", "ManagedLinkDisabled.v1"]
        assert len({row["request"] for row in rows}) == 1
        for book_path in (*(f"/v1/book/{link['slug']}" for link in links.values()), f"/v1/book/{code}"):
            assert_problem(api.send_request("GET", book_path), 410, "link_disabled")

        hosts = [api.ids[who] for who in ("member", "engineer", "manager")]
        api.patch(path, {"host_ids": hosts}, "manager")
        added_link = fetch_host_links(api, managed)[api.ids["manager"]]
        assert added_link["status"] == "disabled"
        assert api.get(path, "manager")["status"] == "disabled"
        position_before = find_last_position(api)
        api.post(f"{path}/disable", None, "manager")
        assert find_last_position(api) == position_before

        assert api.post(f"{path}/enable", None, "manager")["status"] == "active"
        assert {link["status"] for link in fetch_host_links(api, managed).values()} == {"active"}
        assert api.get(f"/v1/book/{code}")["kind"] == "single_use"

    def test_deletes_for_good_and_keeps_meetings(self, shared_api: ApiDriver) -> None:
        api = shared_api
        managed = create_managed_link(api, "gone", "member", "engineer")
        path = f"/v1/managed-links/{managed['id']}"
        links = fetch_host_links(api, managed)
        slug = links[api.ids["member"]]["slug"]
        booking_id = api.book_meeting(slug, api.list_slots(slug)[-1])["booking"]["id"]
        [code] = api.create_codes(links[api.ids["member"]])
        stale = api.send_request("DELETE", path, who="manager", If_Match='"9"')
        assert_problem(stale, 412, "version_conflict")
        assert api.send_request("DELETE", path, who="manager", If_Match='"1"').status_code == 204
        for book_path in (f"/v1/book/{slug}", f"/v1/book/{code}"):
            assert_problem(api.send_request("GET", book_path), 410, "link_deleted")
        assert api.get(f"/v1/bookings/{booking_id}", "member")["status"] == "scheduled"
        assert api.get(path, "manager")["status"] == "deleted"
        position_before = find_last_position(api)
        assert api.send_request("DELETE", path, who="manager").status_code == 204
        assert find_last_position(api) == position_before
        for method, suffix, body in (("POST", "/disable", None), ("POST", "/enable", None), ("PATCH", "", {})):
            assert_problem(api.send_request(method, f"{path}{suffix}", body, "manager"), 410, "link_deleted")
        assert managed["id"] not in get_ids(fetch_list(api, "/v1/managed-links?q=gone", "manager")["items"])
        assert managed["id"] in get_ids(fetch_list(api, "/v1/managed-links?q=gone&status=deleted", "manager")["items"])

    def test_is_for_managers(self, shared_api: ApiDriver) -> None:
        managed = create_managed_link(shared_api, "theirs", "member")
        path = f"/v1/managed-links/{managed['id']}"
        for who in ("member", "auditor", "analyst"):
            for method, suffix in (("POST", "/disable"), ("POST", "/enable"), ("DELETE", "")):
                assert_problem(shared_api.send_request(method, f"{path}{suffix}", who=who), 403, "forbidden")
        assert shared_api.get(path, "manager")["status"] == "active"
