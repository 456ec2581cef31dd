"""Core links, outcome by outcome: slugs, edits, switching, deleting, what a list shows."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.api.refusals import assert_problem, fetch_all_rows, fetch_list, find_last_position, get_ids
from tests.api_driver import ApiDriver

LINK = {
    *(
        "id",
        "kind",
        "name",
        "slug",
        "url",
        "owner",
        "co_hosts",
        "meeting_type",
        "team_id",
        "team",
        "expires_at",
        "single_use_only",
        "default_lifetime_days",
        "in_library",
        "status",
    ),
    *("managed_link_id", "single_use", "created_at", "updated_at", "version"),
}
PAST, FUTURE = "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"


def change_link(api: ApiDriver, link: Any, body: Any, who: str = "member") -> Any:
    """A link after a change."""
    return api.patch(f"/v1/links/{link['id']}", body, who)


class TestCreate:
    """POST /v1/links"""

    def test_has_every_field(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Every field!", co_host_ids=[shared_api.ids["engineer"]], expires_at=FUTURE)
        assert link.keys() == LINK
        assert (link["kind"], link["slug"], link["status"]) == ("standard", "every-field", "active")
        assert link["url"] == "http://testserver/book/every-field"
        assert link["owner"] == {"id": shared_api.ids["member"], "name": "Member"}
        assert link["co_hosts"] == [{"id": shared_api.ids["engineer"], "name": "Engineer"}]
        assert link["meeting_type"] == {"id": shared_api.ids["type"], "name": "Intro"}
        assert (link["expires_at"], link["in_library"], link["version"]) == (FUTURE, False, 1)
        assert link["single_use"] == {"issued": 0, "active": 0, "booked": 0}
        assert link["managed_link_id"] is None

    def test_times_are_answered_in_utc(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Zones", expires_at="2099-06-01T10:00:00+02:00")
        assert link["expires_at"] == "2099-06-01T08:00:00Z"
        assert link["created_at"].endswith("Z")

    def test_may_be_expired_from_the_beginning(self, shared_api: ApiDriver) -> None:
        assert shared_api.create_link("Late", expires_at=PAST)["status"] == "expired"

    @pytest.mark.parametrize(
        ("name", "slug"),
        [
            ("Ünïcode Größe", "unicode-grosse"),
            ("漢字", None),
            ("🎉", None),
            ("x" * 200, None),
            ("---", None),
            ("a/b?c#d", "a-b-c-d"),
        ],
    )
    def test_slug_is_made_from_the_name(self, shared_api: ApiDriver, name: str, slug: str | None) -> None:
        created_slug = shared_api.create_link(name)["slug"]
        assert slug in (None, created_slug)
        assert 1 <= len(created_slug) <= 40
        assert set(created_slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
        assert shared_api.get(f"/v1/book/{created_slug}")["kind"] == "standard"

    def test_made_slugs_are_unique(self, shared_api: ApiDriver) -> None:
        assert [shared_api.create_link("Again and again")["slug"] for _ in range(3)] == [
            "again-and-again", "again-and-again-2", "again-and-again-3",
        ]  # fmt: skip

    @pytest.mark.usefixtures("unchanged_log")
    def test_refers_to_what_exists(self, shared_api: ApiDriver) -> None:
        for invalid_fields in (
            {"meeting_type_id": str(uuid4())},
            {"meeting_type_id": shared_api.ids["member"]},
            {"co_host_ids": [str(uuid4())]},
            {"co_host_ids": [shared_api.ids["member"]]},
            {"co_host_ids": [shared_api.ids["engineer"]] * 2},
        ):
            body = {"name": "Wrong", "meeting_type_id": shared_api.ids["type"], **invalid_fields}
            problem = assert_problem(shared_api.send_request("POST", "/v1/links", body, "member"), 422, "invalid")
            assert problem["errors"][0]["field"].split(".")[0] in invalid_fields

    def test_repeated_request_is_answered_as_it_was(self, shared_api: ApiDriver) -> None:
        body = {
            "name": "Replayed",
            "meeting_type_id": shared_api.ids["type"],
            "expires_at": "2099-01-01T01:00:00+01:00",
        }
        first = shared_api.send_request("POST", "/v1/links", body, "member", Idempotency_Key="l1")
        change_link(shared_api, first.json(), {"name": "Renamed"})
        equal_body = dict(reversed(body.items())) | {"expires_at": FUTURE, "co_host_ids": []}
        position_before = find_last_position(shared_api)
        response = shared_api.send_request("POST", "/v1/links", equal_body, "member", Idempotency_Key="l1")
        assert (response.status_code, response.content) == (201, first.content)
        assert response.headers["idempotent-replayed"] == "true"
        assert_problem(
            shared_api.send_request("POST", "/v1/links", body | {"name": "X"}, "member", Idempotency_Key="l1"),
            422,
            "idempotency_key_reused",
        )
        assert find_last_position(shared_api) == position_before
        assert (
            shared_api.send_request("POST", "/v1/links", body, "engineer", Idempotency_Key="l1").json()["id"]
            != first.json()["id"]
        )

    def test_a_refusal_leaves_the_key_free(self, shared_api: ApiDriver) -> None:
        shared_api.create_link("Free", slug="occupied")
        body = {"name": "Free", "slug": "occupied", "meeting_type_id": shared_api.ids["type"]}
        assert_problem(
            shared_api.send_request("POST", "/v1/links", body, "member", Idempotency_Key="l2"), 409, "slug_taken"
        )
        response = shared_api.send_request(
            "POST", "/v1/links", body | {"slug": "vacant"}, "member", Idempotency_Key="l2"
        )
        assert response.status_code == 201


class TestSlugs:
    """Unique, free again after a rename, kept by a deleted link."""

    def test_taken(self, shared_api: ApiDriver) -> None:
        link, other_link = shared_api.create_link("A", slug="mine"), shared_api.create_link("B", slug="other")
        position_before = find_last_position(shared_api)
        body = {"name": "C", "slug": "mine", "meeting_type_id": shared_api.ids["type"]}
        assert_problem(shared_api.send_request("POST", "/v1/links", body, "engineer"), 409, "slug_taken")
        response = shared_api.send_request("PATCH", f"/v1/links/{other_link['id']}", {"slug": "mine"}, "member")
        assert_problem(response, 409, "slug_taken")
        assert change_link(shared_api, link, {"slug": "mine"}) == link
        assert find_last_position(shared_api) == position_before

    def test_free_again_after_a_rename(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("A", slug="before")
        assert change_link(shared_api, link, {"slug": "after"})["url"].endswith("/book/after")
        assert_problem(shared_api.send_request("GET", "/v1/book/before"), 404, "link_not_found")
        assert_problem(shared_api.send_request("POST", "/v1/book/before", BOOKING), 404, "link_not_found")
        assert shared_api.create_link("B", "engineer", slug="before")["slug"] == "before"

    def test_kept_by_a_deleted_link(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("A", slug="kept")
        assert shared_api.send_request("DELETE", f"/v1/links/{link['id']}", who="member").status_code == 204
        body = {"name": "B", "slug": "kept", "meeting_type_id": shared_api.ids["type"]}
        assert_problem(shared_api.send_request("POST", "/v1/links", body, "member"), 409, "slug_taken")
        assert_problem(shared_api.send_request("GET", "/v1/book/kept"), 410, "link_deleted")


BOOKING = {"start": "2030-01-01T09:00:00Z", "guest": {"name": "A", "email": "a@b.example", "time_zone": "UTC"}}


class TestChange:
    """PATCH /v1/links/{id}"""

    def test_changes_only_what_is_sent(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Patched", expires_at=FUTURE, co_host_ids=[shared_api.ids["engineer"]])
        after = change_link(shared_api, link, {"in_library": True})
        assert after == {**link, "in_library": True, "version": 2, "updated_at": after["updated_at"]}

    def test_null_clears_what_may_be_empty(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Cleared", expires_at=PAST)
        after = change_link(shared_api, link, {"expires_at": None})
        assert (after["expires_at"], after["status"]) == (None, "active")
        for field in ("name", "slug", "meeting_type_id", "co_host_ids", "in_library"):
            response = shared_api.send_request("PATCH", f"/v1/links/{link['id']}", {field: None}, "member")
            assert assert_problem(response, 422, "invalid")["errors"][0]["field"] == field

    def test_nothing_new_appends_nothing(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Same", expires_at=FUTURE, co_host_ids=[shared_api.ids["engineer"]])
        position_before = find_last_position(shared_api)
        for body in (
            {},
            {"name": "Same"},
            {"expires_at": "2099-01-01T05:00:00+05:00"},
            {"co_host_ids": [shared_api.ids["engineer"]]},
        ):
            response = shared_api.send_request("PATCH", f"/v1/links/{link['id']}", body, "member")
            assert response.json() == link
            assert "oncelink-position" not in response.headers
        assert find_last_position(shared_api) == position_before

    def test_stale(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Stale")
        path = f"/v1/links/{link['id']}"
        first = shared_api.send_request("PATCH", path, {"name": "One"}, "member", If_Match='"1"')
        assert (first.status_code, first.headers["etag"]) == (200, '"2"')
        position_before = find_last_position(shared_api)
        assert_problem(
            shared_api.send_request("PATCH", path, {"name": "Two"}, "member", If_Match='"1"'), 412, "version_conflict"
        )
        assert_problem(shared_api.send_request("DELETE", path, who="member", If_Match='"1"'), 412, "version_conflict")
        assert find_last_position(shared_api) == position_before
        assert shared_api.send_request("DELETE", path, who="member", If_Match='"2"').status_code == 204


class TestSwitch:
    """POST /v1/links/{id}/disable and enable; DELETE /v1/links/{id}"""

    def test_doing_again_what_is_done(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Switched")
        for verb, status in (("disable", "disabled"), ("enable", "active")):
            path = f"/v1/links/{link['id']}/{verb}"
            first = shared_api.send_request("POST", path, who="member")
            assert (first.status_code, first.json()["status"]) == (200, status)
            position_before = find_last_position(shared_api)
            response = shared_api.send_request("POST", path, who="member")
            assert (response.status_code, response.json()) == (200, first.json())
            assert "oncelink-position" not in response.headers
            assert find_last_position(shared_api) == position_before

    def test_deleted_is_deleted(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Deleted")
        path = f"/v1/links/{link['id']}"
        first = shared_api.send_request("DELETE", path, who="member")
        assert (first.status_code, first.content) == (204, b"")
        assert int(first.headers["oncelink-position"]) == find_last_position(shared_api)
        assert shared_api.send_request("DELETE", path, who="member").status_code == 204
        assert find_last_position(shared_api) == int(first.headers["oncelink-position"])
        assert shared_api.get(path, "member")["status"] == "deleted"
        for method, end, body in (("PATCH", "", {"name": "x"}), ("POST", "/disable", None), ("POST", "/enable", None),
                                  ("POST", "/single-use", {})):  # fmt: skip
            assert_problem(shared_api.send_request(method, path + end, body, "member"), 410, "link_deleted")

    def test_impact(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Impact", slug="impact")
        booked_code, *_ = shared_api.create_codes(link, 3)
        shared_api.book_meeting(booked_code, shared_api.list_slots(booked_code)[0])
        impact = shared_api.get(f"/v1/links/{link['id']}/impact", "member")
        assert impact["active_single_use"] == 2
        assert shared_api.get(f"/v1/links/{link['id']}", "member")["single_use"] == {
            "issued": 3,
            "active": 2,
            "booked": 1,
        }


class TestList:
    """GET /v1/links"""

    def test_views(self, shared_api: ApiDriver) -> None:
        own_link = shared_api.create_link("Views mine", "engineer")
        library = shared_api.create_link("Views library", "manager", in_library=True)
        assert get_ids(fetch_list(shared_api, "/v1/links?q=views", "engineer")["items"]) == [own_link["id"]]
        assert get_ids(fetch_list(shared_api, "/v1/links?q=views&view=library", "engineer")["items"]) == [library["id"]]
        assert_problem(shared_api.send_request("GET", "/v1/links?view=all", who="engineer"), 403, "forbidden")
        for who in ("manager", "admin", "auditor"):
            link_ids = get_ids(fetch_list(shared_api, "/v1/links?q=views&view=all", who)["items"])
            assert link_ids == [library["id"], own_link["id"]]

    def test_each_status_follows_time_and_switch(self, shared_api: ApiDriver) -> None:
        links = {
            status: shared_api.create_link(f"Statuses {status}")
            for status in ("active", "disabled", "expired", "deleted")
        }
        shared_api.post(f"/v1/links/{links['disabled']['id']}/disable", None, "member")
        change_link(shared_api, links["expired"], {"expires_at": PAST})
        shared_api.send_request("DELETE", f"/v1/links/{links['deleted']['id']}", who="member")
        for status, link in links.items():
            assert get_ids(fetch_list(shared_api, f"/v1/links?q=statuses&status={status}", "member")["items"]) == [
                link["id"]
            ]
        assert links["deleted"]["id"] not in get_ids(fetch_list(shared_api, "/v1/links?q=statuses", "member")["items"])

    def test_expires_by_itself(self, shared_api: ApiDriver) -> None:
        soon = (datetime.now(UTC) + timedelta(seconds=0.6)).isoformat()
        link = shared_api.create_link("Soon over", expires_at=soon)
        assert link["status"] == "active"
        deadline = datetime.now(UTC) + timedelta(seconds=5)
        while shared_api.get(f"/v1/links/{link['id']}", "member")["status"] != "expired":
            assert datetime.now(UTC) < deadline
        assert fetch_list(shared_api, "/v1/links?q=soon&status=active", "member")["items"] == []
        assert get_ids(fetch_list(shared_api, "/v1/links?q=soon&status=expired", "member")["items"]) == [link["id"]]

    @pytest.mark.parametrize("sort", ["created_at", "-created_at", "updated_at", "-updated_at", "name", "-name"])
    def test_sorted_pages_make_the_whole(self, shared_api: ApiDriver, sort: str) -> None:
        for name in ("Sorted b", "sorted A", "Sorted ä", "sorted b"):
            shared_api.create_link(name)
        address = f"/v1/links?sort={sort}&q=sorted"
        rows = fetch_list(shared_api, f"{address}&limit=200", "member")["items"]
        assert get_ids(fetch_all_rows(shared_api, address, "member")) == get_ids(rows)
        values = [row[sort.lstrip("-")].lower() for row in rows]
        if "name" not in sort:
            assert values == sorted(values, reverse=sort.startswith("-"))

    def test_kind(self, shared_api: ApiDriver) -> None:
        standard = shared_api.create_link("Kinds")
        assert get_ids(fetch_list(shared_api, "/v1/links?q=kinds&kind=standard", "member")["items"]) == [standard["id"]]
        assert fetch_list(shared_api, "/v1/links?q=kinds&kind=managed", "member")["items"] == []
