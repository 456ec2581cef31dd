"""The access log: what is recorded, for whom it is, what it never has."""

import csv
import json
import logging
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from store.access_log import AccessFilters
from tests.api.pages.page_client import PageClient, create_sign_in_path, extract_text
from tests.api.refusals import assert_problem
from tests.api_driver import ApiDriver


def list_entries(api: ApiDriver, query: str = "") -> list[Any]:
    """The entries, newest first, as an auditor reads them."""
    return list(api.get(f"/v1/access-log?limit=200{query}", "auditor")["items"])


def find_newest(api: ApiDriver, kind: str) -> Any:
    """The newest entry of a kind."""
    return list_entries(api, f"&kind={kind}")[0]


class TestWhatIsRecorded:
    """Each kind of access."""

    def test_signing_in_and_out(self, shared_api: ApiDriver) -> None:
        client = PageClient(shared_api, "member")
        entry = find_newest(shared_api, "sign_in")
        assert (entry["actor_id"], entry["details"]) == (shared_api.ids["member"], {"way": "link"})
        assert entry["client"] == "testclient"
        client.post("/sign-out")
        assert find_newest(shared_api, "sign_out")["actor_id"] == shared_api.ids["member"]
        path = create_sign_in_path(shared_api, "member")
        PageClient(shared_api).post(path)
        PageClient(shared_api).post(path)
        refused = find_newest(shared_api, "sign_in_refused")
        assert (refused["reason"], refused["person_id"]) == ("link_unusable", None)

    def test_keys(self, shared_api: ApiDriver) -> None:
        new_key = shared_api.post("/v1/api-keys", {"name": "CRM"}, "member", 201)
        assert find_newest(shared_api, "key_made")["details"] == {"key": new_key["id"]}
        shared_api.send_request("DELETE", f"/v1/api-keys/{new_key['id']}", who="member")
        assert find_newest(shared_api, "key_revoked")["details"] == {"key": new_key["id"]}
        client = PageClient(shared_api, "member")
        client.post("/settings/keys", {"key_name": "By page"})
        key = find_newest(shared_api, "key_made")["details"]["key"]
        assert key != new_key["id"]
        client.post(f"/settings/keys/{key}/revoke")
        assert find_newest(shared_api, "key_revoked")["details"] == {"key": key}

    def test_a_used_key_from_a_new_address(self, shared_api: ApiDriver) -> None:
        new_key = shared_api.post("/v1/api-keys", {"name": "CRM"}, "member", 201)
        app = shared_api.client.app
        before = len(list_entries(shared_api, "&kind=key_used_from_new_address"))
        for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.2"):
            with_key = TestClient(app, client=(address, 50_000))
            assert with_key.get("/v1/me", headers={"Authorization": f"Bearer {new_key['key']}"}).status_code == 200
        entries = list_entries(shared_api, "&kind=key_used_from_new_address")
        assert len(entries) == before + 1
        assert (entries[0]["client"], entries[0]["details"]) == ("192.0.2.2", {"key": new_key["id"]})
        [key] = [key for key in shared_api.get("/v1/api-keys", "member")["items"] if key["id"] == new_key["id"]]
        assert key["last_used_from"] == "192.0.2.2"
        assert key["last_used_at"] is not None

    def test_exports(self, shared_api: ApiDriver) -> None:
        auditor, as_csv = PageClient(shared_api, "auditor"), {"Accept": "text/csv"}
        exports = {
            "meeting log": lambda: shared_api.send_request("GET", "/v1/meeting-log", who="analyst", **as_csv),
            "usage": lambda: shared_api.send_request("GET", "/v1/usage", who="analyst", **as_csv),
            "events": lambda: auditor.get("/history/export"),
            "access log": lambda: auditor.get("/access-log/csv"),
        }
        for what, export in exports.items():
            assert export().status_code == 200
            assert find_newest(shared_api, "export")["details"] == {"what": what}

    def test_bulk_reads_once_an_hour(self, shared_api: ApiDriver) -> None:
        def count() -> int:
            return len(list_entries(shared_api, "&kind=bulk_read"))

        before = count()
        for _ in range(3):
            shared_api.get("/v1/history", "auditor")
            shared_api.get("/v1/meeting-log?limit=50", "analyst")
        assert count() == before + 1
        shared_api.get("/v1/meeting-log?limit=100", "analyst")
        assert count() == before + 2
        shared_api.clock.advance(minutes=61)
        shared_api.get("/v1/history", "auditor")
        shared_api.clock.advance(minutes=-61)
        assert count() == before + 3

    def test_erasures_and_changes_of_roles(self, shared_api: ApiDriver) -> None:
        shared_api.post("/v1/erasures", {"email": "nobody@guest.example"}, "admin", 201)
        assert find_newest(shared_api, "erasure")["details"] == {"what": "guest", "rows": 0}
        engineer_id = shared_api.ids["engineer"]
        shared_api.patch(f"/v1/people/{engineer_id}", {"roles": ["member", "auditor"]}, "admin")
        entry = find_newest(shared_api, "role_change")
        assert (entry["actor_id"], entry["person_id"]) == (shared_api.ids["admin"], engineer_id)
        assert entry["details"] == {"roles": "auditor member"}
        before = len(list_entries(shared_api, "&kind=role_change"))
        shared_api.patch(f"/v1/people/{engineer_id}", {"name": "Another"}, "admin")
        assert len(list_entries(shared_api, "&kind=role_change")) == before
        shared_api.patch(f"/v1/people/{engineer_id}", {"roles": ["member"]}, "admin")

    def test_nothing_of_guests(self, shared_api: ApiDriver) -> None:
        shared_api.create_link("Unrecorded", slug="unrecorded")
        newest = list_entries(shared_api)[0]["id"]
        shared_api.book_meeting("unrecorded", shared_api.list_slots("unrecorded")[0])
        assert list_entries(shared_api)[0]["id"] == newest

    def test_without_names_as_a_json_line(self, shared_api: ApiDriver, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.INFO, "oncelink.access"):
            PageClient(shared_api, "member")
        fields = next(vars(record)["fields"] for record in caplog.records if hasattr(record, "fields"))
        assert (fields["event"], fields["class_uid"], fields["status"]) == ("access", 3002, "Success")
        assert fields["user"] == {"uid": shared_api.ids["member"]}
        assert "nexora.example" not in json.dumps(fields)


class TestReading:
    """The route, its CSV, and the page."""

    def test_pages_filters_and_csv(self, shared_api: ApiDriver) -> None:
        for _ in range(3):
            PageClient(shared_api, "member")
        query = f"/v1/access-log?kind=sign_in&person_id={shared_api.ids['member']}&limit=2"
        first = shared_api.get(query, "auditor")
        second = shared_api.get(f"{query}&cursor={first['next_cursor']}", "auditor")
        ids = [item["id"] for item in first["items"] + second["items"]]
        assert len(ids) >= 3
        assert ids == sorted(set(ids), reverse=True)
        assert shared_api.get("/v1/access-log?to=2026-01-01T00:00:00Z", "auditor")["items"] == []
        response = shared_api.send_request("GET", query, who="auditor", Accept="text/csv")
        rows = list(csv.DictReader(response.text.splitlines()))
        assert rows[0]["person_name"]
        assert {row["kind"] for row in rows} == {"sign_in"}
        assert response.headers["cache-control"] == "no-store"

    @pytest.mark.parametrize("query", ["kind=x", "person_id=x", "cursor=x", "cursor=" + "9" * 19, "from=x"])
    def test_bad_input(self, shared_api: ApiDriver, query: str) -> None:
        assert_problem(shared_api.send_request("GET", f"/v1/access-log?{query}", who="auditor"), 422, "invalid")

    def test_the_page_has_reasons_in_words(self, shared_api: ApiDriver) -> None:
        path = create_sign_in_path(shared_api, "member")
        PageClient(shared_api).post(path)
        PageClient(shared_api).post(path)
        text = extract_text(PageClient(shared_api, "auditor").get("/access-log?kind=sign_in_refused"))
        assert "because the sign-in link was used, expired or unknown" in text
        assert PageClient(shared_api, "member").get("/access-log").status_code == 403

    def test_has_an_end(self, shared_api: ApiDriver) -> None:
        PageClient(shared_api, "member")
        shared_api.clock.advance(days=401)
        member_id = UUID(shared_api.ids["member"])
        end = shared_api.clock() - timedelta(days=400)
        assert shared_api.services.access_log.list_entries(AccessFilters(person_id=member_id, end=end), 1)
        code = shared_api.services.api_keys.create_sign_in_code(member_id, shared_api.clock())
        assert PageClient(shared_api).post(f"/sign-in/{code}").status_code == 303
        assert not shared_api.services.access_log.list_entries(AccessFilters(end=end), 1)
        shared_api.clock.advance(days=-401)
