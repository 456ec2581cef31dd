"""Core links, outcome by outcome: slugs, edits, switching, deleting, what a list shows."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.api.refusals import head, ids, listed, refused, whole
from tests.api_driver import House

LINK = {
    *("id", "kind", "name", "slug", "url", "owner", "co_hosts", "meeting_type", "expires_at", "in_library", "status"),
    *("managed_link_id", "single_use", "created_at", "updated_at", "version"),
}
PAST, FUTURE = "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"


def changed(house: House, link: Any, body: Any, who: str = "member") -> Any:
    """A link after a change."""
    return house.patch(f"/v1/links/{link['id']}", body, who)


class TestCreate:
    """POST /v1/links"""

    def test_has_every_field(self, shared_house: House) -> None:
        link = shared_house.link("Every field!", co_host_ids=[shared_house.ids["engineer"]], expires_at=FUTURE)
        assert link.keys() == LINK
        assert (link["kind"], link["slug"], link["status"]) == ("standard", "every-field", "active")
        assert link["url"] == "http://testserver/book/every-field"
        assert link["owner"] == {"id": shared_house.ids["member"], "name": "Member"}
        assert link["co_hosts"] == [{"id": shared_house.ids["engineer"], "name": "Engineer"}]
        assert link["meeting_type"] == {"id": shared_house.ids["type"], "name": "Intro"}
        assert (link["expires_at"], link["in_library"], link["version"]) == (FUTURE, False, 1)
        assert link["single_use"] == {"issued": 0, "active": 0, "booked": 0}
        assert link["managed_link_id"] is None

    def test_times_are_answered_in_utc(self, shared_house: House) -> None:
        link = shared_house.link("Zones", expires_at="2099-06-01T10:00:00+02:00")
        assert link["expires_at"] == "2099-06-01T08:00:00Z"
        assert link["created_at"].endswith("Z")

    def test_may_be_expired_from_the_beginning(self, shared_house: House) -> None:
        assert shared_house.link("Late", expires_at=PAST)["status"] == "expired"

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
    def test_slug_is_made_from_the_name(self, shared_house: House, name: str, slug: str | None) -> None:
        made = shared_house.link(name)["slug"]
        assert slug in (None, made)
        assert 1 <= len(made) <= 40
        assert set(made) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
        assert shared_house.get(f"/v1/book/{made}")["kind"] == "standard"

    def test_made_slugs_are_unique(self, shared_house: House) -> None:
        assert [shared_house.link("Again and again")["slug"] for _ in range(3)] == [
            "again-and-again", "again-and-again-2", "again-and-again-3",
        ]  # fmt: skip

    @pytest.mark.usefixtures("unmoved")
    def test_refers_to_what_exists(self, shared_house: House) -> None:
        for wrong in (
            {"meeting_type_id": str(uuid4())},
            {"meeting_type_id": shared_house.ids["member"]},
            {"co_host_ids": [str(uuid4())]},
            {"co_host_ids": [shared_house.ids["member"]]},
            {"co_host_ids": [shared_house.ids["engineer"]] * 2},
        ):
            body = {"name": "Wrong", "meeting_type_id": shared_house.ids["type"], **wrong}
            problem = refused(shared_house.send("POST", "/v1/links", body, "member"), 422, "invalid")
            assert problem["errors"][0]["field"].split(".")[0] in wrong

    def test_repeated_request_is_answered_as_it_was(self, shared_house: House) -> None:
        body = {
            "name": "Replayed",
            "meeting_type_id": shared_house.ids["type"],
            "expires_at": "2099-01-01T01:00:00+01:00",
        }
        first = shared_house.send("POST", "/v1/links", body, "member", Idempotency_Key="l1")
        changed(shared_house, first.json(), {"name": "Renamed"})
        same = dict(reversed(body.items())) | {"expires_at": FUTURE, "co_host_ids": []}
        before = head(shared_house)
        again = shared_house.send("POST", "/v1/links", same, "member", Idempotency_Key="l1")
        assert (again.status_code, again.content) == (201, first.content)
        assert again.headers["idempotent-replayed"] == "true"
        refused(
            shared_house.send("POST", "/v1/links", body | {"name": "X"}, "member", Idempotency_Key="l1"),
            422,
            "idempotency_key_reused",
        )
        assert head(shared_house) == before
        assert (
            shared_house.send("POST", "/v1/links", body, "engineer", Idempotency_Key="l1").json()["id"]
            != first.json()["id"]
        )

    def test_a_refusal_leaves_the_key_free(self, shared_house: House) -> None:
        shared_house.link("Free", slug="occupied")
        body = {"name": "Free", "slug": "occupied", "meeting_type_id": shared_house.ids["type"]}
        refused(shared_house.send("POST", "/v1/links", body, "member", Idempotency_Key="l2"), 409, "slug_taken")
        made = shared_house.send("POST", "/v1/links", body | {"slug": "vacant"}, "member", Idempotency_Key="l2")
        assert made.status_code == 201


class TestSlugs:
    """Unique, free again after a rename, kept by a deleted link."""

    def test_taken(self, shared_house: House) -> None:
        link, other = shared_house.link("A", slug="mine"), shared_house.link("B", slug="other")
        before = head(shared_house)
        body = {"name": "C", "slug": "mine", "meeting_type_id": shared_house.ids["type"]}
        refused(shared_house.send("POST", "/v1/links", body, "engineer"), 409, "slug_taken")
        answer = shared_house.send("PATCH", f"/v1/links/{other['id']}", {"slug": "mine"}, "member")
        refused(answer, 409, "slug_taken")
        assert changed(shared_house, link, {"slug": "mine"}) == link
        assert head(shared_house) == before

    def test_free_again_after_a_rename(self, shared_house: House) -> None:
        link = shared_house.link("A", slug="before")
        assert changed(shared_house, link, {"slug": "after"})["url"].endswith("/book/after")
        refused(shared_house.send("GET", "/v1/book/before"), 404, "link_not_found")
        refused(shared_house.send("POST", "/v1/book/before", BOOKING), 404, "link_not_found")
        assert shared_house.link("B", "engineer", slug="before")["slug"] == "before"

    def test_kept_by_a_deleted_link(self, shared_house: House) -> None:
        link = shared_house.link("A", slug="kept")
        assert shared_house.send("DELETE", f"/v1/links/{link['id']}", who="member").status_code == 204
        body = {"name": "B", "slug": "kept", "meeting_type_id": shared_house.ids["type"]}
        refused(shared_house.send("POST", "/v1/links", body, "member"), 409, "slug_taken")
        refused(shared_house.send("GET", "/v1/book/kept"), 410, "link_deleted")


BOOKING = {"start": "2030-01-01T09:00:00Z", "guest": {"name": "A", "email": "a@b.example", "time_zone": "UTC"}}


class TestChange:
    """PATCH /v1/links/{id}"""

    def test_changes_only_what_is_sent(self, shared_house: House) -> None:
        link = shared_house.link("Patched", expires_at=FUTURE, co_host_ids=[shared_house.ids["engineer"]])
        after = changed(shared_house, link, {"in_library": True})
        assert after == {**link, "in_library": True, "version": 2, "updated_at": after["updated_at"]}

    def test_null_clears_what_may_be_empty(self, shared_house: House) -> None:
        link = shared_house.link("Cleared", expires_at=PAST)
        after = changed(shared_house, link, {"expires_at": None})
        assert (after["expires_at"], after["status"]) == (None, "active")
        for field in ("name", "slug", "meeting_type_id", "co_host_ids", "in_library"):
            answer = shared_house.send("PATCH", f"/v1/links/{link['id']}", {field: None}, "member")
            assert refused(answer, 422, "invalid")["errors"][0]["field"] == field

    def test_nothing_new_appends_nothing(self, shared_house: House) -> None:
        link = shared_house.link("Same", expires_at=FUTURE, co_host_ids=[shared_house.ids["engineer"]])
        before = head(shared_house)
        for body in (
            {},
            {"name": "Same"},
            {"expires_at": "2099-01-01T05:00:00+05:00"},
            {"co_host_ids": [shared_house.ids["engineer"]]},
        ):
            answer = shared_house.send("PATCH", f"/v1/links/{link['id']}", body, "member")
            assert answer.json() == link
            assert "oncelink-position" not in answer.headers
        assert head(shared_house) == before

    def test_stale(self, shared_house: House) -> None:
        link = shared_house.link("Stale")
        path = f"/v1/links/{link['id']}"
        first = shared_house.send("PATCH", path, {"name": "One"}, "member", If_Match='"1"')
        assert (first.status_code, first.headers["etag"]) == (200, '"2"')
        before = head(shared_house)
        refused(shared_house.send("PATCH", path, {"name": "Two"}, "member", If_Match='"1"'), 412, "version_conflict")
        refused(shared_house.send("DELETE", path, who="member", If_Match='"1"'), 412, "version_conflict")
        assert head(shared_house) == before
        assert shared_house.send("DELETE", path, who="member", If_Match='"2"').status_code == 204


class TestSwitch:
    """POST /v1/links/{id}/disable and enable; DELETE /v1/links/{id}"""

    def test_doing_again_what_is_done(self, shared_house: House) -> None:
        link = shared_house.link("Switched")
        for verb, status in (("disable", "disabled"), ("enable", "active")):
            path = f"/v1/links/{link['id']}/{verb}"
            first = shared_house.send("POST", path, who="member")
            assert (first.status_code, first.json()["status"]) == (200, status)
            before = head(shared_house)
            again = shared_house.send("POST", path, who="member")
            assert (again.status_code, again.json()) == (200, first.json())
            assert "oncelink-position" not in again.headers
            assert head(shared_house) == before

    def test_deleted_is_deleted(self, shared_house: House) -> None:
        link = shared_house.link("Deleted")
        path = f"/v1/links/{link['id']}"
        first = shared_house.send("DELETE", path, who="member")
        assert (first.status_code, first.content) == (204, b"")
        assert int(first.headers["oncelink-position"]) == head(shared_house)
        assert shared_house.send("DELETE", path, who="member").status_code == 204
        assert head(shared_house) == int(first.headers["oncelink-position"])
        assert shared_house.get(path, "member")["status"] == "deleted"
        for method, end, body in (("PATCH", "", {"name": "x"}), ("POST", "/disable", None), ("POST", "/enable", None),
                                  ("POST", "/single-use", {})):  # fmt: skip
            refused(shared_house.send(method, path + end, body, "member"), 410, "link_deleted")

    def test_impact(self, shared_house: House) -> None:
        link = shared_house.link("Impact", slug="impact")
        used, *_ = shared_house.codes(link, 3)
        shared_house.book(used, shared_house.slots(used)[0])
        found = shared_house.get(f"/v1/links/{link['id']}/impact", "member")
        assert found["active_single_use"] == 2
        assert shared_house.get(f"/v1/links/{link['id']}", "member")["single_use"] == {
            "issued": 3,
            "active": 2,
            "booked": 1,
        }


class TestList:
    """GET /v1/links"""

    def test_views(self, shared_house: House) -> None:
        mine = shared_house.link("Views mine", "engineer")
        library = shared_house.link("Views library", "manager", in_library=True)
        assert ids(listed(shared_house, "/v1/links?q=views", "engineer")["items"]) == [mine["id"]]
        assert ids(listed(shared_house, "/v1/links?q=views&view=library", "engineer")["items"]) == [library["id"]]
        refused(shared_house.send("GET", "/v1/links?view=all", who="engineer"), 403, "forbidden")
        for who in ("manager", "admin", "auditor"):
            found = ids(listed(shared_house, "/v1/links?q=views&view=all", who)["items"])
            assert found == [library["id"], mine["id"]]

    def test_each_status_follows_time_and_switch(self, shared_house: House) -> None:
        links = {
            status: shared_house.link(f"Statuses {status}") for status in ("active", "disabled", "expired", "deleted")
        }
        shared_house.post(f"/v1/links/{links['disabled']['id']}/disable", None, "member")
        changed(shared_house, links["expired"], {"expires_at": PAST})
        shared_house.send("DELETE", f"/v1/links/{links['deleted']['id']}", who="member")
        for status, link in links.items():
            assert ids(listed(shared_house, f"/v1/links?q=statuses&status={status}", "member")["items"]) == [link["id"]]
        assert links["deleted"]["id"] not in ids(listed(shared_house, "/v1/links?q=statuses", "member")["items"])

    def test_expires_by_itself(self, shared_house: House) -> None:
        soon = (datetime.now(UTC) + timedelta(seconds=0.6)).isoformat()
        link = shared_house.link("Soon over", expires_at=soon)
        assert link["status"] == "active"
        deadline = datetime.now(UTC) + timedelta(seconds=5)
        while shared_house.get(f"/v1/links/{link['id']}", "member")["status"] != "expired":
            assert datetime.now(UTC) < deadline
        assert listed(shared_house, "/v1/links?q=soon&status=active", "member")["items"] == []
        assert ids(listed(shared_house, "/v1/links?q=soon&status=expired", "member")["items"]) == [link["id"]]

    @pytest.mark.parametrize("sort", ["created_at", "-created_at", "updated_at", "-updated_at", "name", "-name"])
    def test_sorted_pages_make_the_whole(self, shared_house: House, sort: str) -> None:
        for name in ("Sorted b", "sorted A", "Sorted ä", "sorted b"):
            shared_house.link(name)
        address = f"/v1/links?sort={sort}&q=sorted"
        rows = listed(shared_house, f"{address}&limit=200", "member")["items"]
        assert ids(whole(shared_house, address, "member")) == ids(rows)
        values = [row[sort.lstrip("-")].lower() for row in rows]
        if "name" not in sort:
            assert values == sorted(values, reverse=sort.startswith("-"))

    def test_kind(self, shared_house: House) -> None:
        standard = shared_house.link("Kinds")
        assert ids(listed(shared_house, "/v1/links?q=kinds&kind=standard", "member")["items"]) == [standard["id"]]
        assert listed(shared_house, "/v1/links?q=kinds&kind=managed", "member")["items"] == []
