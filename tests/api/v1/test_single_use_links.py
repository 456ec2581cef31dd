"""Single-use links, outcome by outcome: issuing, revoking, listing, and following the core link, live."""

from typing import Any
from uuid import uuid4

import pytest

from tests.api.refusals import assert_problem, fetch_all_rows, fetch_list, find_last_position, get_ids
from tests.api_driver import ApiDriver, extract_code

SINGLE_USE = {
    *(
        "id",
        "code",
        "url",
        "status",
        "link",
        "meeting_type",
        "issued_by",
        "replaces",
        "issued_at",
        "recipient",
        "label",
        "metadata",
    ),
    *("expires_at", "only_recipient", "locale", "booking_id", "source", "erased"),
}
PAST, FUTURE = "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"


def issue_links(api: ApiDriver, link: Any, who: str = "member", **body: Any) -> list[Any]:
    """New single-use links of a link."""
    return api.post(f"/v1/links/{link['id']}/single-use", body, who, 201)["items"]  # type: ignore[no-any-return]


class TestIssue:
    """POST /v1/links/{id}/single-use"""

    def test_has_every_field(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Fields", expires_at=FUTURE)
        [single_use_link] = issue_links(shared_api, link, label="For A", metadata={"crm": "42"}, source="extension")
        assert single_use_link.keys() == SINGLE_USE
        assert len(single_use_link["code"]) == 43
        assert single_use_link["url"] == f"http://testserver/s/{single_use_link['code']}"
        assert (single_use_link["status"], single_use_link["expires_at"], single_use_link["booking_id"]) == (
            "active",
            FUTURE,
            None,
        )
        assert single_use_link["link"] == {"id": link["id"], "name": "Fields"}
        assert single_use_link["issued_by"] == {"id": shared_api.ids["member"], "name": "Member"}
        assert (single_use_link["label"], single_use_link["metadata"], single_use_link["source"]) == (
            "For A",
            {"crm": "42"},
            "extension",
        )
        assert single_use_link["recipient"] is None
        assert shared_api.get(f"/v1/single-use/{single_use_link['id']}", "member") == single_use_link

    def test_count_and_recipients(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Counts")
        assert len(issue_links(shared_api, link)) == 1
        single_use_links = issue_links(shared_api, link, count=100)
        assert len({single_use_link["code"] for single_use_link in single_use_links}) == 100
        people = [{"name": "Ada"}, {"email": "bob@guest.example"}, {"name": "Cy", "email": "cy@guest.example"}]
        recipients = [
            single_use_link["recipient"] for single_use_link in issue_links(shared_api, link, recipients=people)
        ]
        assert recipients == [{"name": None, "email": None} | person for person in people]

    @pytest.mark.usefixtures("unchanged_log")
    def test_wrong_counts(self, shared_api: ApiDriver) -> None:
        [link, *_] = fetch_list(shared_api, "/v1/links", "member")["items"] or [shared_api.create_link()]
        for body in ({"count": 0}, {"count": 101}, {"count": 1, "recipients": [{}]}, {"recipients": []},
                     {"recipients": [{}] * 101}, {"metadata": {"a": 1}}, {"source": "cli"}):  # fmt: skip
            assert_problem(
                shared_api.send_request("POST", f"/v1/links/{link['id']}/single-use", body, "member"), 422, "invalid"
            )

    def test_who_may(self, shared_api: ApiDriver) -> None:
        api = shared_api
        own_link, library = api.create_link("Own"), api.create_link("Shared", in_library=True)
        cohosted = api.create_link("Cohosted", co_host_ids=[api.ids["engineer"]])
        for who, link, status in (
            ("member", own_link, 201), ("manager", own_link, 201), ("admin", own_link, 201), ("engineer", library, 201),
            ("engineer", own_link, 404), ("engineer", cohosted, 403), ("auditor", own_link, 403),
            ("analyst", library, 403),
        ):  # fmt: skip
            assert api.send_request("POST", f"/v1/links/{link['id']}/single-use", {}, who).status_code == status, who

    def test_code_only_for_its_issuer(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Private")
        [single_use_link] = issue_links(shared_api, link, "manager")
        for who, expected_code in (
            ("manager", single_use_link["code"]),
            ("member", None),
            ("admin", None),
            ("auditor", None),
        ):
            single_use_row = shared_api.get(f"/v1/single-use/{single_use_link['id']}", who)
            assert (single_use_row["code"], single_use_row["url"]) == (
                expected_code,
                expected_code and single_use_link["url"],
            )
            [row] = fetch_list(shared_api, f"/v1/single-use?link_id={link['id']}", who)["items"]
            assert row == single_use_row

    def test_repeated_request_is_answered_as_it_was(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Replayed")
        path, body = (
            f"/v1/links/{link['id']}/single-use",
            {"recipients": [{"name": "Ada"}, {"name": "Bob"}], "metadata": {"a": "b"}},
        )
        first = shared_api.send_request("POST", path, body, "member", Idempotency_Key="s1")
        first_link, _ = first.json()["items"]
        shared_api.book_meeting(first_link["code"], shared_api.list_slots(first_link["code"])[0])
        shared_api.patch(f"/v1/links/{link['id']}", {"name": "Changed", "expires_at": PAST}, "member")
        position_before = find_last_position(shared_api)
        response = shared_api.send_request("POST", path, body, "member", Idempotency_Key="s1")
        assert (response.status_code, response.headers["idempotent-replayed"]) == (201, "true")
        assert response.content == first.content
        other_body = {**body, "label": "x"}
        assert_problem(
            shared_api.send_request("POST", path, other_body, "member", Idempotency_Key="s1"),
            422,
            "idempotency_key_reused",
        )
        elsewhere = f"/v1/links/{shared_api.create_link('Other')['id']}/single-use"
        position_before = find_last_position(shared_api)
        assert_problem(
            shared_api.send_request("POST", elsewhere, body, "member", Idempotency_Key="s1"),
            422,
            "idempotency_key_reused",
        )
        assert find_last_position(shared_api) == position_before


class TestRevoke:
    """POST /v1/single-use/{id}/revoke"""

    def test_once_and_again(self, shared_api: ApiDriver) -> None:
        [single_use_link] = issue_links(shared_api, shared_api.create_link("Revoked"))
        path = f"/v1/single-use/{single_use_link['id']}/revoke"
        assert shared_api.post(path, {"reason": "Wrong person"}, "member")["status"] == "revoked"
        position_before = find_last_position(shared_api)
        assert shared_api.post(path, None, "member")["status"] == "revoked"
        assert find_last_position(shared_api) == position_before
        assert_problem(shared_api.send_request("GET", f"/v1/book/{single_use_link['code']}"), 410, "link_revoked")

    def test_booked_cannot(self, shared_api: ApiDriver) -> None:
        [single_use_link] = issue_links(shared_api, shared_api.create_link("Booked"))
        booking = shared_api.book_meeting(single_use_link["code"], shared_api.list_slots(single_use_link["code"])[0])
        shared_api.post(f"/v1/manage/{extract_code(booking['manage_url'])}/cancel", None)
        position_before = find_last_position(shared_api)
        assert_problem(
            shared_api.send_request("POST", f"/v1/single-use/{single_use_link['id']}/revoke", {}, "member"),
            409,
            "already_booked",
        )
        assert find_last_position(shared_api) == position_before
        row = shared_api.get(f"/v1/single-use/{single_use_link['id']}", "member")
        assert (row["status"], row["booking_id"]) == ("booked", booking["booking"]["id"])

    def test_who_may(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Whose", in_library=True)
        for who, status in (("engineer", 200), ("member", 200), ("manager", 200), ("auditor", 403)):
            [single_use_link] = issue_links(shared_api, link, "engineer")
            response = shared_api.send_request("POST", f"/v1/single-use/{single_use_link['id']}/revoke", {}, who)
            assert response.status_code == status, (who, response.text)
        [single_use_link] = issue_links(shared_api, link, "manager")
        assert_problem(
            shared_api.send_request("POST", f"/v1/single-use/{single_use_link['id']}/revoke", {}, "engineer"),
            404,
            "not_found",
        )

    @pytest.mark.usefixtures("unchanged_log")
    def test_unknown(self, shared_api: ApiDriver) -> None:
        assert_problem(
            shared_api.send_request("POST", f"/v1/single-use/{uuid4()}/revoke", {}, "admin"), 404, "not_found"
        )

    def test_a_booking_on_the_core_link_is_none(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Direct")
        direct_booking = shared_api.book_meeting(link["slug"], shared_api.list_slots(link["slug"])[0])
        path = f"/v1/single-use/{direct_booking['booking']['id']}"
        assert_problem(shared_api.send_request("GET", path, who="member"), 404, "not_found")
        assert_problem(shared_api.send_request("POST", f"{path}/revoke", {}, "member"), 404, "not_found")


class TestList:
    """GET /v1/single-use"""

    def test_filters(self, shared_api: ApiDriver) -> None:
        api = shared_api
        link, other_link = api.create_link("Filters", in_library=True), api.create_link("Unrelated")
        own_single_use = issue_links(api, link, recipients=[{"name": "Zelda Quick"}], label="Pilot")[0]
        other_single_use = issue_links(api, link, "engineer")[0]
        issue_links(api, other_link)
        address = f"/v1/single-use?link_id={link['id']}"
        assert get_ids(fetch_list(api, address, "manager")["items"]) == [other_single_use["id"], own_single_use["id"]]
        assert get_ids(fetch_list(api, f"{address}&sort=issued_at", "manager")["items"]) == [
            own_single_use["id"],
            other_single_use["id"],
        ]
        assert get_ids(fetch_list(api, f"{address}&issued_by={api.ids['engineer']}", "member")["items"]) == [
            other_single_use["id"]
        ]
        for q in ("zelda", "QUI", "zel qui", "filters zelda"):
            assert own_single_use["id"] in get_ids(fetch_list(api, f"/v1/single-use?q={q}", "member")["items"]), q
        assert get_ids(fetch_list(api, address, "engineer")["items"]) == [other_single_use["id"]]
        assert_problem(api.send_request("GET", address, who="analyst"), 403, "forbidden")
        assert_problem(
            api.send_request("GET", f"/v1/single-use/{own_single_use['id']}", who="engineer"), 404, "not_found"
        )

    def test_pages_make_the_whole(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Paged")
        issue_links(shared_api, link, count=7)
        for sort in ("issued_at", "-issued_at"):
            address = f"/v1/single-use?link_id={link['id']}&sort={sort}"
            rows = get_ids(fetch_list(shared_api, address, "member")["items"])
            assert len(rows) == 7
            assert get_ids(fetch_all_rows(shared_api, address, "member")) == rows


class TestLiveInheritance:
    """What is changed of the core link shows at once on unused single-use links; a booked one is not touched."""

    def test_meeting_type_and_hosts(self, shared_api: ApiDriver) -> None:
        api = shared_api
        link = api.create_link("Live")
        [single_use_link] = issue_links(api, link)
        longer = api.post("/v1/meeting-types", {"name": "Deep", "duration_minutes": 120}, "admin", 201)
        api.patch(
            f"/v1/links/{link['id']}",
            {"meeting_type_id": longer["id"], "co_host_ids": [api.ids["engineer"]]},
            "member",
        )
        booking_page = api.get(f"/v1/book/{single_use_link['code']}")
        assert booking_page["meeting_type"]["duration_minutes"] == 120
        assert [host["name"] for host in booking_page["hosts"]] == ["Member", "Engineer"]
        assert api.get(f"/v1/single-use/{single_use_link['id']}", "member")["meeting_type"]["name"] == "Deep"
        api.patch(f"/v1/meeting-types/{longer['id']}", {"duration_minutes": 15, "name": "Short"}, "admin")
        assert api.get(f"/v1/book/{single_use_link['code']}")["meeting_type"]["duration_minutes"] == 15
        [row] = fetch_list(api, f"/v1/single-use?link_id={link['id']}", "member")["items"]
        assert row["meeting_type"]["name"] == "Short"

    @pytest.mark.parametrize("status", ["expired", "disabled", "deleted"])
    def test_closing_the_core_link(self, shared_api: ApiDriver, status: str) -> None:
        api = shared_api
        link = api.create_link(f"Closing {status}")
        booked_link, unused_link = issue_links(api, link, count=2)
        start, other_start, *_ = api.list_slots(booked_link["code"])
        manage = extract_code(api.book_meeting(booked_link["code"], start)["manage_url"])
        path = f"/v1/links/{link['id']}"
        change = {
            "expired": ("PATCH", path, {"expires_at": PAST}),
            "disabled": ("POST", f"{path}/disable", None),
            "deleted": ("DELETE", path, None),
        }[status]
        assert api.send_request(*change, "member").status_code in (200, 204)
        for method, end, body in (("GET", "", None), ("GET", SLOTS, None), ("POST", "", BOOKING)):
            assert_problem(
                api.send_request(method, f"/v1/book/{unused_link['code']}{end}", body), 410, f"link_{status}"
            )
            assert_problem(api.send_request(method, f"/v1/book/{link['slug']}{end}", body), 410, f"link_{status}")
            assert_problem(api.send_request(method, f"/v1/book/{booked_link['code']}{end}", body), 410, "link_used")
        assert api.get(f"/v1/single-use/{unused_link['id']}", "member")["status"] == status
        for status_filter, expected in ((status, [unused_link["id"]]), ("booked", [booked_link["id"]]), ("active", [])):
            rows = fetch_list(api, f"/v1/single-use?link_id={link['id']}&status={status_filter}", "member")["items"]
            assert get_ids(rows) == expected
        booking = api.post(f"/v1/manage/{manage}/reschedule", {"start": other_start})
        assert booking["booking"]["start"] == other_start

    def test_expiry_comes_and_goes(self, shared_api: ApiDriver) -> None:
        link = shared_api.create_link("Coming and going")
        [single_use_link] = issue_links(shared_api, link)
        for expires_at, status in ((PAST, "expired"), (FUTURE, "active"), (None, "active"), (PAST, "expired")):
            shared_api.patch(f"/v1/links/{link['id']}", {"expires_at": expires_at}, "member")
            row = shared_api.get(f"/v1/single-use/{single_use_link['id']}", "member")
            assert (row["status"], row["expires_at"]) == (status, expires_at)


SLOTS = "/slots?from=2030-01-01&to=2030-01-02&time_zone=UTC"
BOOKING = {"start": "2030-01-01T09:00:00Z", "guest": {"name": "A", "email": "a@b.example", "time_zone": "UTC"}}
