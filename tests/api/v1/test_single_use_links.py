"""Single-use links, outcome by outcome: issuing, revoking, listing, and following the core link, live."""

from typing import Any
from uuid import uuid4

import pytest

from tests.api.refusals import head, ids, listed, refused, whole
from tests.api_driver import House, code_of

SINGLE_USE = {
    *(
        "id",
        "code",
        "url",
        "status",
        "link",
        "meeting_type",
        "issued_by",
        "issued_at",
        "recipient",
        "label",
        "metadata",
    ),
    *("expires_at", "booking_id", "source", "erased"),
}
PAST, FUTURE = "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"


def issued(house: House, link: Any, who: str = "member", **body: Any) -> list[Any]:
    """New single-use links of a link."""
    return house.post(f"/v1/links/{link['id']}/single-use", body, who, 201)["items"]  # type: ignore[no-any-return]


class TestIssue:
    """POST /v1/links/{id}/single-use"""

    def test_has_every_field(self, shared_house: House) -> None:
        link = shared_house.link("Fields", expires_at=FUTURE)
        [made] = issued(shared_house, link, label="For A", metadata={"crm": "42"}, source="extension")
        assert made.keys() == SINGLE_USE
        assert len(made["code"]) == 43
        assert made["url"] == f"http://testserver/s/{made['code']}"
        assert (made["status"], made["expires_at"], made["booking_id"]) == ("active", FUTURE, None)
        assert made["link"] == {"id": link["id"], "name": "Fields"}
        assert made["issued_by"] == {"id": shared_house.ids["member"], "name": "Member"}
        assert (made["label"], made["metadata"], made["source"]) == ("For A", {"crm": "42"}, "extension")
        assert made["recipient"] is None
        assert shared_house.get(f"/v1/single-use/{made['id']}", "member") == made

    def test_count_and_recipients(self, shared_house: House) -> None:
        link = shared_house.link("Counts")
        assert len(issued(shared_house, link)) == 1
        many = issued(shared_house, link, count=100)
        assert len({one["code"] for one in many}) == 100
        people = [{"name": "Ada"}, {"email": "bob@guest.example"}, {"name": "Cy", "email": "cy@guest.example"}]
        found = [one["recipient"] for one in issued(shared_house, link, recipients=people)]
        assert found == [{"name": None, "email": None} | person for person in people]

    @pytest.mark.usefixtures("unmoved")
    def test_wrong_counts(self, shared_house: House) -> None:
        [link, *_] = listed(shared_house, "/v1/links", "member")["items"] or [shared_house.link()]
        for body in ({"count": 0}, {"count": 101}, {"count": 1, "recipients": [{}]}, {"recipients": []},
                     {"recipients": [{}] * 101}, {"metadata": {"a": 1}}, {"source": "cli"}):  # fmt: skip
            refused(shared_house.send("POST", f"/v1/links/{link['id']}/single-use", body, "member"), 422, "invalid")

    def test_who_may(self, shared_house: House) -> None:
        house = shared_house
        own, library = house.link("Own"), house.link("Shared", in_library=True)
        cohosted = house.link("Cohosted", co_host_ids=[house.ids["engineer"]])
        for who, link, status in (
            ("member", own, 201), ("manager", own, 201), ("admin", own, 201), ("engineer", library, 201),
            ("engineer", own, 404), ("engineer", cohosted, 403), ("auditor", own, 403), ("analyst", library, 403),
        ):  # fmt: skip
            assert house.send("POST", f"/v1/links/{link['id']}/single-use", {}, who).status_code == status, who

    def test_code_only_for_its_issuer(self, shared_house: House) -> None:
        link = shared_house.link("Private")
        [made] = issued(shared_house, link, "manager")
        for who, seen in (("manager", made["code"]), ("member", None), ("admin", None), ("auditor", None)):
            found = shared_house.get(f"/v1/single-use/{made['id']}", who)
            assert (found["code"], found["url"]) == (seen, seen and made["url"])
            [row] = listed(shared_house, f"/v1/single-use?link_id={link['id']}", who)["items"]
            assert row == found

    def test_repeated_request_is_answered_as_it_was(self, shared_house: House) -> None:
        link = shared_house.link("Replayed")
        path, body = (
            f"/v1/links/{link['id']}/single-use",
            {"recipients": [{"name": "Ada"}, {"name": "Bob"}], "metadata": {"a": "b"}},
        )
        first = shared_house.send("POST", path, body, "member", Idempotency_Key="s1")
        one, _ = first.json()["items"]
        shared_house.book(one["code"], shared_house.slots(one["code"])[0])
        shared_house.patch(f"/v1/links/{link['id']}", {"name": "Changed", "expires_at": PAST}, "member")
        before = head(shared_house)
        again = shared_house.send("POST", path, body, "member", Idempotency_Key="s1")
        assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
        assert again.content == first.content
        other = {**body, "label": "x"}
        refused(shared_house.send("POST", path, other, "member", Idempotency_Key="s1"), 422, "idempotency_key_reused")
        elsewhere = f"/v1/links/{shared_house.link('Other')['id']}/single-use"
        before = head(shared_house)
        refused(
            shared_house.send("POST", elsewhere, body, "member", Idempotency_Key="s1"), 422, "idempotency_key_reused"
        )
        assert head(shared_house) == before


class TestRevoke:
    """POST /v1/single-use/{id}/revoke"""

    def test_once_and_again(self, shared_house: House) -> None:
        [made] = issued(shared_house, shared_house.link("Revoked"))
        path = f"/v1/single-use/{made['id']}/revoke"
        assert shared_house.post(path, {"reason": "Wrong person"}, "member")["status"] == "revoked"
        before = head(shared_house)
        assert shared_house.post(path, None, "member")["status"] == "revoked"
        assert head(shared_house) == before
        refused(shared_house.send("GET", f"/v1/book/{made['code']}"), 410, "link_revoked")

    def test_booked_cannot(self, shared_house: House) -> None:
        [made] = issued(shared_house, shared_house.link("Booked"))
        booked = shared_house.book(made["code"], shared_house.slots(made["code"])[0])
        shared_house.post(f"/v1/manage/{code_of(booked['manage_url'])}/cancel", None)
        before = head(shared_house)
        refused(shared_house.send("POST", f"/v1/single-use/{made['id']}/revoke", {}, "member"), 409, "already_booked")
        assert head(shared_house) == before
        found = shared_house.get(f"/v1/single-use/{made['id']}", "member")
        assert (found["status"], found["booking_id"]) == ("booked", booked["booking"]["id"])

    def test_who_may(self, shared_house: House) -> None:
        link = shared_house.link("Whose", in_library=True)
        for who, status in (("engineer", 200), ("member", 200), ("manager", 200), ("auditor", 403)):
            [made] = issued(shared_house, link, "engineer")
            answer = shared_house.send("POST", f"/v1/single-use/{made['id']}/revoke", {}, who)
            assert answer.status_code == status, (who, answer.text)
        [made] = issued(shared_house, link, "manager")
        refused(shared_house.send("POST", f"/v1/single-use/{made['id']}/revoke", {}, "engineer"), 404, "not_found")

    @pytest.mark.usefixtures("unmoved")
    def test_unknown(self, shared_house: House) -> None:
        refused(shared_house.send("POST", f"/v1/single-use/{uuid4()}/revoke", {}, "admin"), 404, "not_found")

    def test_a_booking_on_the_core_link_is_none(self, shared_house: House) -> None:
        link = shared_house.link("Direct")
        direct = shared_house.book(link["slug"], shared_house.slots(link["slug"])[0])
        path = f"/v1/single-use/{direct['booking']['id']}"
        refused(shared_house.send("GET", path, who="member"), 404, "not_found")
        refused(shared_house.send("POST", f"{path}/revoke", {}, "member"), 404, "not_found")


class TestList:
    """GET /v1/single-use"""

    def test_filters(self, shared_house: House) -> None:
        house = shared_house
        link, other = house.link("Filters", in_library=True), house.link("Unrelated")
        mine = issued(house, link, recipients=[{"name": "Zelda Quick"}], label="Pilot")[0]
        theirs = issued(house, link, "engineer")[0]
        issued(house, other)
        address = f"/v1/single-use?link_id={link['id']}"
        assert ids(listed(house, address, "manager")["items"]) == [theirs["id"], mine["id"]]
        assert ids(listed(house, f"{address}&sort=issued_at", "manager")["items"]) == [mine["id"], theirs["id"]]
        assert ids(listed(house, f"{address}&issued_by={house.ids['engineer']}", "member")["items"]) == [theirs["id"]]
        for q in ("zelda", "QUI", "zel qui", "filters zelda"):
            assert mine["id"] in ids(listed(house, f"/v1/single-use?q={q}", "member")["items"]), q
        assert ids(listed(house, address, "engineer")["items"]) == [theirs["id"]]
        refused(house.send("GET", address, who="analyst"), 403, "forbidden")
        refused(house.send("GET", f"/v1/single-use/{mine['id']}", who="engineer"), 404, "not_found")

    def test_pages_make_the_whole(self, shared_house: House) -> None:
        link = shared_house.link("Paged")
        issued(shared_house, link, count=7)
        for sort in ("issued_at", "-issued_at"):
            address = f"/v1/single-use?link_id={link['id']}&sort={sort}"
            rows = ids(listed(shared_house, address, "member")["items"])
            assert len(rows) == 7
            assert ids(whole(shared_house, address, "member")) == rows


class TestLiveInheritance:
    """What is changed of the core link shows at once on unused single-use links; a booked one is not touched."""

    def test_meeting_type_and_hosts(self, shared_house: House) -> None:
        house = shared_house
        link = house.link("Live")
        [made] = issued(house, link)
        longer = house.post("/v1/meeting-types", {"name": "Deep", "duration_minutes": 120}, "admin", 201)
        house.patch(
            f"/v1/links/{link['id']}",
            {"meeting_type_id": longer["id"], "co_host_ids": [house.ids["engineer"]]},
            "member",
        )
        seen = house.get(f"/v1/book/{made['code']}")
        assert seen["meeting_type"]["duration_minutes"] == 120
        assert [host["name"] for host in seen["hosts"]] == ["Member", "Engineer"]
        assert house.get(f"/v1/single-use/{made['id']}", "member")["meeting_type"]["name"] == "Deep"
        house.patch(f"/v1/meeting-types/{longer['id']}", {"duration_minutes": 15, "name": "Short"}, "admin")
        assert house.get(f"/v1/book/{made['code']}")["meeting_type"]["duration_minutes"] == 15
        [row] = listed(house, f"/v1/single-use?link_id={link['id']}", "member")["items"]
        assert row["meeting_type"]["name"] == "Short"

    @pytest.mark.parametrize("status", ["expired", "disabled", "deleted"])
    def test_closing_the_core_link(self, shared_house: House, status: str) -> None:
        house = shared_house
        link = house.link(f"Closing {status}")
        booked, unused = issued(house, link, count=2)
        start, other, *_ = house.slots(booked["code"])
        manage = code_of(house.book(booked["code"], start)["manage_url"])
        path = f"/v1/links/{link['id']}"
        change = {
            "expired": ("PATCH", path, {"expires_at": PAST}),
            "disabled": ("POST", f"{path}/disable", None),
            "deleted": ("DELETE", path, None),
        }[status]
        assert house.send(*change, "member").status_code in (200, 204)
        for method, end, body in (("GET", "", None), ("GET", SLOTS, None), ("POST", "", BOOKING)):
            refused(house.send(method, f"/v1/book/{unused['code']}{end}", body), 410, f"link_{status}")
            refused(house.send(method, f"/v1/book/{link['slug']}{end}", body), 410, f"link_{status}")
            refused(house.send(method, f"/v1/book/{booked['code']}{end}", body), 410, "link_used")
        assert house.get(f"/v1/single-use/{unused['id']}", "member")["status"] == status
        for wanted, expected in ((status, [unused["id"]]), ("booked", [booked["id"]]), ("active", [])):
            found = listed(house, f"/v1/single-use?link_id={link['id']}&status={wanted}", "member")["items"]
            assert ids(found) == expected
        moved = house.post(f"/v1/manage/{manage}/reschedule", {"start": other})
        assert moved["booking"]["start"] == other

    def test_expiry_comes_and_goes(self, shared_house: House) -> None:
        link = shared_house.link("Coming and going")
        [made] = issued(shared_house, link)
        for expires_at, status in ((PAST, "expired"), (FUTURE, "active"), (None, "active"), (PAST, "expired")):
            shared_house.patch(f"/v1/links/{link['id']}", {"expires_at": expires_at}, "member")
            found = shared_house.get(f"/v1/single-use/{made['id']}", "member")
            assert (found["status"], found["expires_at"]) == (status, expires_at)


SLOTS = "/slots?from=2030-01-01&to=2030-01-02&time_zone=UTC"
BOOKING = {"start": "2030-01-01T09:00:00Z", "guest": {"name": "A", "email": "a@b.example", "time_zone": "UTC"}}
