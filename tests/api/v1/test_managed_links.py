"""Managed links, outcome by outcome: what is changed there reaches every host's link in the same append."""

from typing import Any

import pytest

from tests.api.refusals import head, ids, listed, refused, whole
from tests.api_driver import ALWAYS, House

MANAGED = {"id", "name", "slug", "meeting_type", "hosts", "expires_at", "created_at", "updated_at", "version"}
PAST = "2020-01-01T00:00:00Z"


def made(house: House, slug: str, *hosts: str, **more: Any) -> Any:
    """A new managed link."""
    body = {"name": slug.capitalize(), "slug": slug, "meeting_type_id": house.ids["type"]}
    return house.post(
        "/v1/managed-links", body | {"host_ids": [house.ids[who] for who in hosts]} | more, "manager", 201
    )


def links_of(house: House, managed: Any) -> dict[str, Any]:
    """The core links of a managed link, by their host's id."""
    rows = whole(house, f"/v1/managed-links/{managed['id']}/links", "manager")
    return {row["owner"]["id"]: house.get(f"/v1/links/{row['id']}", "manager") for row in rows}


class TestCreate:
    """POST /v1/managed-links"""

    def test_makes_a_link_for_each_host(self, shared_house: House) -> None:
        managed = made(shared_house, "sales", "member", "engineer")
        assert managed.keys() == MANAGED
        assert [host["name"] for host in managed["hosts"]] == ["Member", "Engineer"]
        links = links_of(shared_house, managed)
        assert {link["slug"] for link in links.values()} == {"sales-member", "sales-engineer"}
        for link in links.values():
            assert (link["kind"], link["managed_link_id"], link["name"]) == ("managed", managed["id"], "Sales")
            assert shared_house.get(f"/v1/book/{link['slug']}")["kind"] == "managed"

    def test_slugs_have_whole_words_of_the_name(self, shared_house: House) -> None:
        shared_house.hire("bartholomew", ["member"])
        whole = {"name": "Bartholomew Featherstonehaugh Elysian"}
        shared_house.patch(f"/v1/people/{shared_house.ids['bartholomew']}", whole, "admin")
        [link] = links_of(shared_house, made(shared_house, "tour", "bartholomew")).values()
        assert link["slug"] == "tour-bartholomew-featherstonehaugh"

    def test_slugs_of_namesakes_and_long_names(self, shared_house: House) -> None:
        house = shared_house
        names = {"twin-a": "Ann Lee", "twin-b": "Ann Lee", "long": "Maximiliane von Hohenzollern-Sigmaringen"}
        for who, name in names.items():
            body = {"name": name, "email": f"{who}@nexora.example", "time_zone": "UTC"}
            house.ids[who] = house.post("/v1/people", body, "admin", 201)["id"]
        slugs = {link["slug"] for link in links_of(house, made(house, "s" * 40, *names)).values()}
        assert len(slugs) == 3
        assert all(len(slug) <= 40 for slug in slugs)

    @pytest.mark.usefixtures("unmoved")
    def test_refusals(self, shared_house: House) -> None:
        right = {
            "name": "R",
            "slug": "refused",
            "meeting_type_id": shared_house.ids["type"],
            "host_ids": [shared_house.ids["member"]],
        }
        for wrong in ({"host_ids": []}, {"host_ids": [shared_house.ids["type"]]}, {"slug": None},
                      {"meeting_type_id": shared_house.ids["member"]}):  # fmt: skip
            refused(shared_house.send("POST", "/v1/managed-links", right | wrong, "manager"), 422, "invalid")
        for who in ("member", "auditor", "analyst"):
            refused(shared_house.send("POST", "/v1/managed-links", right, who), 403, "forbidden")

    def test_slug_taken(self, shared_house: House) -> None:
        shared_house.link("Taken", slug="taken")
        body = {
            "name": "R",
            "slug": "taken",
            "meeting_type_id": shared_house.ids["type"],
            "host_ids": [shared_house.ids["member"]],
        }
        refused(shared_house.send("POST", "/v1/managed-links", body, "manager"), 409, "slug_taken")

    def test_repeated_request(self, shared_house: House) -> None:
        body = {
            "name": "M",
            "slug": "repeated",
            "meeting_type_id": shared_house.ids["type"],
            "host_ids": [shared_house.ids["member"]],
        }
        first = shared_house.send("POST", "/v1/managed-links", body, "manager", Idempotency_Key="m1")
        shared_house.patch(f"/v1/managed-links/{first.json()['id']}", {"name": "Other"}, "manager")
        again = shared_house.send("POST", "/v1/managed-links", body, "manager", Idempotency_Key="m1")
        assert (again.status_code, again.content) == (201, first.content)
        assert again.headers["idempotent-replayed"] == "true"


class TestChange:
    """PATCH /v1/managed-links/{id}"""

    def test_reaches_every_link_in_the_same_append(self, shared_house: House) -> None:
        house = shared_house
        managed = made(house, "reach", "member", "engineer")
        longer = house.post("/v1/meeting-types", {"name": "Long", "duration_minutes": 90}, "admin", 201)
        body = {"name": "Reached", "meeting_type_id": longer["id"], "expires_at": "2099-01-01T00:00:00Z"}
        before = head(house)
        answer = house.send("PATCH", f"/v1/managed-links/{managed['id']}", body, "manager", If_Match='"1"')
        assert answer.status_code == 200
        rows = house.oncelink.database.rows(
            "SELECT type, data ->> 'request_id' AS request_id FROM {schema}.events WHERE position > %s",
            (before,),
        )
        assert sorted(row["type"] for row in rows) == ["LinkUpdated.v1", "LinkUpdated.v1", "ManagedLinkUpdated.v1"]
        assert {row["request_id"] for row in rows} == {answer.headers["x-request-id"]}
        for link in links_of(house, managed).values():
            assert (link["name"], link["meeting_type"]["name"]) == ("Reached", "Long")
            assert house.get(f"/v1/book/{link['slug']}")["meeting_type"]["duration_minutes"] == 90
        refused(
            house.send("PATCH", f"/v1/managed-links/{managed['id']}", {}, "manager", If_Match='"1"'),
            412,
            "version_conflict",
        )

    def test_hosts_off_and_on(self, shared_house: House) -> None:
        house = shared_house
        managed = made(house, "team", "member", "engineer")
        path = f"/v1/managed-links/{managed['id']}"
        old = links_of(house, managed)[house.ids["engineer"]]
        [code] = house.codes(old, who="engineer")
        hosts = [house.ids["member"], house.ids["manager"]]
        assert ids(house.patch(path, {"host_ids": hosts}, "manager")["hosts"]) == hosts
        refused(house.send("GET", f"/v1/book/{old['slug']}"), 410, "link_deleted")
        refused(house.send("GET", f"/v1/book/{code}"), 410, "link_deleted")
        assert house.get(f"/v1/links/{old['id']}", "manager")["status"] == "deleted"
        back = house.patch(path, {"host_ids": [*hosts, house.ids["engineer"]]}, "manager")
        again = {link["owner"]["id"]: link for link in links_of(house, back).values() if link["status"] == "active"}
        assert again[house.ids["engineer"]]["id"] != old["id"]
        assert again[house.ids["engineer"]]["slug"] not in (old["slug"], "")
        refused(house.send("GET", f"/v1/book/{code}"), 410, "link_deleted")

    def test_a_new_slug_reaches_every_link(self, shared_house: House) -> None:
        house = shared_house
        managed = made(house, "before", "member", "engineer")
        [code] = house.codes(links_of(house, managed)[house.ids["member"]])
        path = f"/v1/managed-links/{managed['id']}"
        hosts = [house.ids[who] for who in ("member", "engineer", "manager")]
        after = house.patch(path, {"slug": "afterwards", "host_ids": hosts}, "manager")
        slugs = {link["slug"] for link in links_of(house, after).values()}
        assert slugs == {"afterwards-member", "afterwards-engineer", "afterwards-manager"}
        assert all(house.get(f"/v1/book/{slug}") for slug in slugs)
        refused(house.send("GET", "/v1/book/before-member"), 404, "link_not_found")
        assert house.get(f"/v1/book/{code}")["kind"] == "single_use"
        house.link("Free again", slug="before-member")
        before = head(house)
        assert house.patch(path, {"slug": "afterwards"}, "manager") == after
        assert head(house) == before

    def test_nothing_new_appends_nothing(self, shared_house: House) -> None:
        managed = made(shared_house, "still", "member", "engineer", expires_at="2099-01-01T00:00:00Z")
        before = head(shared_house)
        hosts = [host["id"] for host in managed["hosts"]]
        for body in (
            {},
            {"name": "Still"},
            {"host_ids": hosts},
            {"expires_at": "2099-01-01T00:00:00+00:00"},
            {"slug": "still"},
        ):
            assert shared_house.patch(f"/v1/managed-links/{managed['id']}", body, "manager") == managed
        assert head(shared_house) == before

    def test_null(self, shared_house: House) -> None:
        managed = made(shared_house, "nulls", "member", expires_at=PAST)
        path = f"/v1/managed-links/{managed['id']}"
        [link] = links_of(shared_house, managed).values()
        assert link["status"] == "expired"
        assert shared_house.patch(path, {"expires_at": None}, "manager")["expires_at"] is None
        assert shared_house.get(f"/v1/book/{link['slug']}")
        for field in ("name", "slug", "meeting_type_id", "host_ids"):
            refused(shared_house.send("PATCH", path, {field: None}, "manager"), 422, "invalid")


class TestHostsLinks:
    """A host copies theirs, and cannot edit it."""

    def test_copy_but_not_edit(self, shared_house: House) -> None:
        house = shared_house
        link = links_of(house, made(house, "copied", "member", "engineer"))[house.ids["member"]]
        path = f"/v1/links/{link['id']}"
        [code] = house.codes(link)
        house.book(code, house.slots(code)[0])
        before = head(house)
        for who in ("member", "manager", "admin"):
            refused(house.send("PATCH", path, {"name": "Mine"}, who), 403, "forbidden")
            refused(house.send("DELETE", path, who=who), 403, "forbidden")
        refused(house.send("POST", f"{path}/disable", who="member"), 403, "forbidden")
        refused(house.send("POST", f"{path}/single-use", {}, "engineer"), 404, "not_found")
        assert head(house) == before
        assert house.get(path, "member")["name"] == "Copied"
        assert link["id"] in ids(listed(house, "/v1/links?kind=managed", "member")["items"])

    def test_hosts_keep_their_own_hours(self, shared_house: House) -> None:
        house = shared_house
        house.hire("idle", ["member"])
        house.patch("/v1/me", {"weekly_hours": {}}, "idle")
        links = links_of(house, made(house, "hours", "idle", "member"))
        assert house.slots(links[house.ids["idle"]]["slug"]) == []
        house.patch("/v1/me", {"weekly_hours": ALWAYS}, "idle")
        assert house.slots(links[house.ids["idle"]]["slug"])


class TestRead:
    """GET /v1/managed-links, GET /v1/managed-links/{id}, GET /v1/managed-links/{id}/links"""

    def test_who(self, shared_house: House) -> None:
        managed = made(shared_house, "read", "member")
        for end in ("", f"/{managed['id']}", f"/{managed['id']}/links"):
            for who, status in (("manager", 200), ("admin", 200), ("auditor", 200), ("member", 403), ("analyst", 403)):
                assert shared_house.send("GET", f"/v1/managed-links{end}", who=who).status_code == status

    def test_list(self, shared_house: House) -> None:
        for number in range(3):
            made(shared_house, f"listed-{number}", "member")
        rows = listed(shared_house, "/v1/managed-links?q=listed", "auditor")["items"]
        assert [row["slug"] for row in rows] == ["listed-2", "listed-1", "listed-0"]
        assert ids(whole(shared_house, "/v1/managed-links?q=listed", "auditor")) == ids(rows)
