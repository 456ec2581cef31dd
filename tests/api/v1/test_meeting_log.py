"""The meeting log: every filter, sort and page, who sees what, and the CSV."""

import csv
import io
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.api.pages.page_client import PageClient, extract_text
from tests.api.refusals import assert_problem, fetch_all_rows, fetch_list, find_last_position
from tests.api_driver import ApiDriver, extract_code

ROW = {
    *("booking_id", "booked_at", "status", "link_type", "link", "single_use_id", "recipient", "label", "metadata"),
    *(
        "meeting_type",
        "host",
        "co_hosts",
        "team",
        "guest",
        "answers",
        "starts_at",
        "ends_at",
        "reschedule_count",
        "previous_starts_at",
        "cancelled_at",
    ),
    *("cancelled_by", "cancel_reason", "no_show_at", "issued_by", "issued_at", "replaces", "source", "erased"),
}
LOG = "/v1/meeting-log"


@dataclass
class MeetingScenario:
    """Meetings of a scenario, by short name."""

    api: ApiDriver
    links: dict[str, Any]
    rows: dict[str, str]

    def find_names(self, query: str, who: str = "manager") -> list[str]:
        """The short names of what a query finds, in its order."""
        by_id = {id: name for name, id in self.rows.items()}
        return [by_id[row["booking_id"]] for row in fetch_list(self.api, f"{LOG}?limit=200&{query}", who)["items"]]


def build_guest(name: str) -> Any:
    """A guest of that name."""
    return {"name": name, "email": f"{name.split()[0].lower()}@guest.example", "time_zone": "Asia/Tokyo"}


@pytest.fixture(scope="module")
def scenario(shared_api: ApiDriver) -> MeetingScenario:
    """Six meetings of all link types, one of them moved, two cancelled."""
    api = shared_api
    ids = api.ids
    meeting_type_id = api.post("/v1/meeting-types", {"name": "Deep dive", "duration_minutes": 60}, "admin", 201)["id"]
    managed = {"name": "Team talk", "slug": "team", "meeting_type_id": ids["type"], "host_ids": [ids["engineer"]]}
    managed_link = api.post("/v1/managed-links", managed, "manager", 201)
    links = {
        "core": api.create_link("Core call", slug="core"),
        "cohosted": api.create_link(
            "Deep call", slug="deep", meeting_type_id=meeting_type_id, co_host_ids=[ids["engineer"]]
        ),
        "managed": fetch_list(api, f"/v1/managed-links/{managed_link['id']}/links", "manager")["items"][0],
        "boss": api.create_link("Boss call", "manager", slug="boss"),
    }
    recipients = [{"name": "Ravi Recipient", "email": "ravi@other.example"}, {"name": "Rosa"}]
    body = {"recipients": recipients, "label": "=HYPERLINK(1)"}
    tokens = api.post(f"/v1/links/{links['core']['id']}/single-use", body, "member", 201)["items"]
    slugs_by_name = {
        "direct": ("core", "Ann Archer"), "once": (tokens[0]["code"], "Bob =SUM(1)"), "deep": ("deep", "Cy Archer"),
        "team": (links["managed"]["slug"], "Dee Øster"), "boss": ("boss", "Eve"), "gone": (tokens[1]["code"], "Flo"),
    }  # fmt: skip
    rows: dict[str, str] = {}
    for name, (slug_or_code, who) in slugs_by_name.items():
        booking = api.post(
            f"/v1/book/{slug_or_code}",
            {"start": api.list_slots(slug_or_code)[-1], "guest": build_guest(who)},
            None,
            201,
        )
        rows[name] = booking["booking"]["id"]
        if name == "gone":
            api.post(f"/v1/manage/{extract_code(booking['manage_url'])}/cancel", {"reason": "+1 reason"})
    api.post(f"/v1/bookings/{rows['deep']}/reschedule", {"start": api.list_slots("deep")[0]}, "member")
    return MeetingScenario(api, links, rows)


class TestFilters:
    """GET /v1/meeting-log?…"""

    def test_rows_have_every_field(self, scenario: MeetingScenario) -> None:
        rows = {row["booking_id"]: row for row in fetch_list(scenario.api, LOG, "manager")["items"]}
        assert all(row.keys() == ROW for row in rows.values())
        once = rows[scenario.rows["once"]]
        assert (once["link"]["name"], once["link_type"], once["label"]) == ("Core call", "single_use", "=HYPERLINK(1)")
        assert once["recipient"] == {"name": "Ravi Recipient", "email": "ravi@other.example"}
        deep_row = rows[scenario.rows["deep"]]
        assert (deep_row["status"], deep_row["reschedule_count"], len(deep_row["co_hosts"])) == ("rescheduled", 1, 1)
        assert deep_row["previous_starts_at"] > deep_row["starts_at"]
        gone_row = rows[scenario.rows["gone"]]
        assert (gone_row["status"], gone_row["cancelled_by"], gone_row["cancel_reason"]) == (
            "cancelled",
            "guest",
            "+1 reason",
        )

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("", "gone boss team deep once direct"),
            ("link_type=single_use", "gone once"),
            ("link_type=standard", "boss deep direct"),
            ("link_type=managed", "team"),
            ("hide_single_use=true", "boss team deep direct"),
            ("hide_single_use=false", "gone boss team deep once direct"),
            ("hide_single_use=true&link_type=single_use", ""),
            ("status=cancelled", "gone"),
            ("status=rescheduled", "deep"),
            ("status=scheduled", "boss team once direct"),
            ("q=ARCHER", "deep direct"),
            ("q=arch", "deep direct"),
            ("q=ann%20arch", "direct"),
            ("q=rcher", ""),
            ("q=ravi", "once"),
            ("q=ravi@other.example", "once"),
            ("q=ann@guest", "direct"),
            ("q=core", "gone once direct"),
            ("q=core%20ann", "direct"),
            ("q=%C3%98ster", "team"),
            ("q=%27%22%3B--%25_", "gone boss team deep once direct"),
        ],
    )
    def test_each(self, scenario: MeetingScenario, query: str, expected: str) -> None:
        assert scenario.find_names(query) == expected.split()

    def test_by_ids(self, scenario: MeetingScenario) -> None:
        ids = scenario.api.ids
        assert scenario.find_names(f"host_id={ids['engineer']}") == ["team", "deep"]
        assert scenario.find_names(f"host_id={ids['engineer']}&link_type=managed") == ["team"]
        assert scenario.find_names(f"link_id={scenario.links['core']['id']}") == ["gone", "once", "direct"]
        assert scenario.find_names(f"meeting_type_id={ids['type']}&status=scheduled") == [
            "boss",
            "team",
            "once",
            "direct",
        ]

    @pytest.mark.parametrize("time", ["booked", "starts"])
    def test_times_are_from_included_to_excluded(self, scenario: MeetingScenario, time: str) -> None:
        rows = fetch_list(scenario.api, f"{LOG}?sort={time}_at", "manager")["items"]
        third = rows[2][f"{time}_at"]
        earlier_ids = [row["booking_id"] for row in rows if row[f"{time}_at"] < third]
        later_ids = [row["booking_id"] for row in rows if row[f"{time}_at"] >= third]
        for end, expected in (("to", earlier_ids), ("from", later_ids)):
            found_rows = fetch_list(scenario.api, f"{LOG}?sort={time}_at&{time}_{end}={quote(third)}", "manager")[
                "items"
            ]
            assert [row["booking_id"] for row in found_rows] == expected
        in_tokyo = (datetime.fromisoformat(third) + timedelta(hours=9)).strftime("%Y-%m-%dT%H:%M:%S.%f") + "+09:00"
        found_rows = fetch_list(scenario.api, f"{LOG}?sort={time}_at&{time}_from={quote(in_tokyo)}", "manager")["items"]
        assert [row["booking_id"] for row in found_rows] == later_ids

    @pytest.mark.parametrize("sort", ["booked_at", "-booked_at", "starts_at", "-starts_at"])
    @pytest.mark.parametrize("filters", ["", "&q=call", "&hide_single_use=true", "&status=scheduled"])
    def test_sorted_pages_make_the_whole(self, scenario: MeetingScenario, sort: str, filters: str) -> None:
        address = f"{LOG}?sort={sort}{filters}"
        rows = fetch_list(scenario.api, f"{address}&limit=200", "manager")["items"]
        values = [row[sort.lstrip("-")] for row in rows]
        assert values == sorted(values, reverse=sort.startswith("-"))
        for limit in (1, 2, 3):
            assert fetch_all_rows(scenario.api, address, "manager", limit) == rows

    def test_names_are_the_current_ones(self, scenario: MeetingScenario) -> None:
        path = f"/v1/links/{scenario.links['boss']['id']}"
        scenario.api.patch(path, {"name": "Chief call"}, "manager")
        assert scenario.find_names("q=chief") == ["boss"]
        assert scenario.find_names("q=boss") == []
        scenario.api.patch(path, {"name": "Boss call"}, "manager")


class TestVisibility:
    """A member sees what they host or co-host, and what was booked on links that they own."""

    @pytest.mark.parametrize(
        ("who", "expected"),
        [
            ("member", "gone deep once direct"),
            ("engineer", "team deep"),
            ("manager", "gone boss team deep once direct"),
            ("admin", "gone boss team deep once direct"),
            ("auditor", "gone boss team deep once direct"),
            ("analyst", "gone boss team deep once direct"),
        ],
    )
    def test_by_role(self, scenario: MeetingScenario, who: str, expected: str) -> None:
        assert scenario.find_names("", who) == expected.split()
        assert scenario.find_names("q=call", who) == [name for name in expected.split() if name != "team"]
        lines = fetch_csv(scenario.api, "", who).splitlines()
        assert len(lines) == 1 + len(expected.split())

    def test_nobody_else(self, scenario: MeetingScenario) -> None:
        assert_problem(scenario.api.send_request("GET", LOG), 401, "unauthorized")
        assert_problem(scenario.api.send_request("GET", LOG, Accept="text/csv"), 401, "unauthorized")


def fetch_csv(api: ApiDriver, query: str, who: str = "manager") -> str:
    """The meeting log as CSV."""
    headers = {"Accept": "text/csv", "Oncelink_Min_Position": str(find_last_position(api))}
    response = api.send_request("GET", f"{LOG}?{query}", None, who, **headers)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/csv")
    return response.text


class TestCsv:
    """GET /v1/meeting-log with Accept: text/csv"""

    def test_has_the_same_rows(self, scenario: MeetingScenario) -> None:
        for query in ("", "hide_single_use=true", "q=archer", "sort=starts_at", "status=cancelled", "q=nobody"):
            booking_ids = [row["booking_id"] for row in csv.DictReader(io.StringIO(fetch_csv(scenario.api, query)))]
            rows = fetch_list(scenario.api, f"{LOG}?{query}", "manager")["items"]
            assert booking_ids == [row["booking_id"] for row in rows], query

    def test_is_not_cut_by_limit_or_page(self, scenario: MeetingScenario, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("projections.meeting_log.MAX_ROWS", 2)
        assert len(fetch_csv(scenario.api, "limit=1").splitlines()) == 7
        assert len(fetch_csv(scenario.api, "sort=-starts_at").splitlines()) == 7

    def test_is_sent_to_who_prefers_it(self, scenario: MeetingScenario) -> None:
        for accept, is_csv in (
            ("text/csv", True),
            ("Text/CSV; charset=utf-8", True),
            ("text/csv, application/json", True),
            ("application/json;q=0.5, text/csv;q=0.9, */*;q=0.1", True),
            ("application/json, text/csv;q=0.1", False),
            ("text/csv;q=0", False),
            ("*/*", False),
        ):
            response = scenario.api.send_request("GET", LOG, None, "manager", Accept=accept)
            assert response.headers["content-type"].startswith("text/csv") == is_csv, accept

    def test_no_cell_is_a_formula(self, scenario: MeetingScenario) -> None:
        text = fetch_csv(scenario.api, "")
        assert text.endswith("\r\n")
        cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
        assert "'=HYPERLINK(1)" in cells
        assert "'+1 reason" in cells
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]

    def test_times_are_rfc3339(self, scenario: MeetingScenario) -> None:
        for row in csv.DictReader(io.StringIO(fetch_csv(scenario.api, ""))):
            assert row["starts_at"].endswith("Z")
            assert datetime.fromisoformat(row["booked_at"]).utcoffset() == timedelta(0)

    def test_wrong_filters_are_refused_as_json(self, scenario: MeetingScenario) -> None:
        for query in ("sort=zqx", "status=zqx", "q=%00", "booked_from=zqx"):
            assert_problem(
                scenario.api.send_request("GET", f"{LOG}?{query}", None, "manager", Accept="text/csv"), 422, "invalid"
            )


class TestNotBooked:
    """`status=not_booked`: single-use links that booked nothing so far, where the meetings are."""

    def test_lists_unbooked_links(self, api: ApiDriver) -> None:
        link, other = api.create_link("Deep dive"), api.create_link("Intro call")
        body = {"recipients": [{"name": "Ann", "email": "ann@acme.example"}], "label": "Acme"}
        rows = [
            *api.post(f"/v1/links/{link['id']}/single-use", body, "member", 201)["items"],
            *api.post(f"/v1/links/{other['id']}/single-use", {"count": 3}, "manager", 201)["items"],
        ]
        start = api.list_slots(rows[1]["code"])[0]
        api.book_meeting(rows[1]["code"], start)
        api.post(f"/v1/single-use/{rows[2]['id']}/revoke", None, "manager")

        def list_ids(query: str = "", who: str = "manager") -> list[str]:
            return [row["single_use_id"] for row in api.list_meetings(f"status=not_booked{query}", who)]

        ids = [row["id"] for row in rows]
        assert list_ids("&sort=booked_at") == [ids[0], *sorted(ids[2:], key=list_ids("&sort=booked_at").index)]
        assert set(list_ids(who="analyst")) == {ids[0], ids[2], ids[3]}
        assert list_ids(who="engineer") == []
        assert set(list_ids(who="member")) == {ids[0], ids[2], ids[3]}  # those of their own links too
        for query, expected in (
            ("&q=ann", {ids[0]}), ("&q=intro", {ids[2], ids[3]}), (f"&link_id={link['id']}", {ids[0]}),
            ("&link_type=single_use", {ids[0], ids[2], ids[3]}), ("&link_type=standard", set()),
            ("&hide_single_use=true", set()), (f"&meeting_type_id={link['id']}", set()),
            (f"&host_id={api.ids['member']}", {ids[0], ids[2], ids[3]}), (f"&host_id={api.ids['manager']}", set()),
            ("&starts_from=2020-01-01T00:00:00Z", set()),
        ):  # fmt: skip
            assert set(list_ids(query)) == expected, query
        [row] = api.list_meetings("status=not_booked&q=acme")
        assert {name: row[name] for name in ("status", "link_status", "link_type", "label", "expires_at")} == {
            "status": "not_booked", "link_status": "active", "link_type": "single_use", "label": "Acme",
            "expires_at": None,
        }  # fmt: skip
        assert row["recipient"] == {"name": "Ann", "email": "ann@acme.example"}
        assert {row["link_status"] for row in api.list_meetings("status=not_booked&q=intro")} == {"revoked", "active"}
        first = api.get("/v1/meeting-log?status=not_booked&limit=2", "manager")
        rest = api.get(f"/v1/meeting-log?status=not_booked&limit=2&cursor={first['next_cursor']}", "manager")
        assert (len(first["items"]), len(rest["items"]), rest["next_cursor"]) == (2, 1, None)

        headers = api.build_headers("manager", Accept="text/csv")
        [record] = csv.DictReader(
            io.StringIO(api.client.get("/v1/meeting-log?status=not_booked&q=ann", headers=headers).text)
        )
        assert (record["single_use_id"], record["recipient_name"], record["status"]) == (ids[0], "Ann", "not_booked")
        assert (record["booking_id"], record["guest_name"], record["link_name"]) == ("", "", "Deep dive")

        position = find_last_position(api)
        path = f"/v1/as-of/meeting-log?status=not_booked&at={position}"
        assert {row["single_use_id"] for row in api.get(path, "auditor")["items"]} == {ids[0], ids[2], ids[3]}

        page = PageClient(api, "member").get("/meeting-log?status=not_booked")
        text = extract_text(page)
        assert f'href="/links/{link["id"]}/single-use/{ids[0]}"' in page.text
        assert "ann@acme.example" in text
        assert "Revoked" in text
        download = PageClient(api, "member").get("/meeting-log.csv?status=not_booked").text
        assert download.count("not_booked") == 3
        empty = PageClient(api, "member").get("/meeting-log?status=not_booked&starts_from=2020-01-01")
        assert "No unused single-use link is like that" in extract_text(empty)
