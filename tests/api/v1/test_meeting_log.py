"""The meeting log: every filter, sort and page, who sees what, and the CSV."""

import csv
import io
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.api.refusals import head, listed, refused, whole
from tests.api_driver import House, code_of

ROW = {
    *("booking_id", "booked_at", "status", "link_type", "link", "single_use_id", "recipient", "label", "meeting_type"),
    *("host", "co_hosts", "guest", "starts_at", "ends_at", "reschedule_count", "previous_starts_at", "cancelled_at"),
    *("cancelled_by", "cancel_reason", "issued_by", "issued_at", "source", "erased"),
}
LOG = "/v1/meeting-log"


@dataclass
class Story:
    """What was booked, by a short name."""

    house: House
    links: dict[str, Any]
    rows: dict[str, str]

    def names(self, query: str, who: str = "manager") -> list[str]:
        """The short names of what a query finds, in its order."""
        by_id = {id: name for name, id in self.rows.items()}
        return [by_id[row["booking_id"]] for row in listed(self.house, f"{LOG}?limit=200&{query}", who)["items"]]


def guest(name: str) -> Any:
    """A guest of that name."""
    return {"name": name, "email": f"{name.split()[0].lower()}@guest.example", "time_zone": "Asia/Tokyo"}


@pytest.fixture(scope="module")
def story(shared_house: House) -> Story:
    """Six meetings of all link types, one of them moved, two cancelled."""
    house = shared_house
    ids = house.ids
    deep = house.post("/v1/meeting-types", {"name": "Deep dive", "duration_minutes": 60}, "admin", 201)["id"]
    managed = {"name": "Team talk", "slug": "team", "meeting_type_id": ids["type"], "host_ids": [ids["engineer"]]}
    made = house.post("/v1/managed-links", managed, "manager", 201)
    links = {
        "core": house.link("Core call", slug="core"),
        "cohosted": house.link("Deep call", slug="deep", meeting_type_id=deep, co_host_ids=[ids["engineer"]]),
        "managed": listed(house, f"/v1/managed-links/{made['id']}/links", "manager")["items"][0],
        "boss": house.link("Boss call", "manager", slug="boss"),
    }
    recipients = [{"name": "Ravi Recipient", "email": "ravi@other.example"}, {"name": "Rosa"}]
    body = {"recipients": recipients, "label": "=HYPERLINK(1)"}
    tokens = house.post(f"/v1/links/{links['core']['id']}/single-use", body, "member", 201)["items"]
    doors = {
        "direct": ("core", "Ann Archer"), "once": (tokens[0]["code"], "Bob =SUM(1)"), "deep": ("deep", "Cy Archer"),
        "team": (links["managed"]["slug"], "Dee Øster"), "boss": ("boss", "Eve"), "gone": (tokens[1]["code"], "Flo"),
    }  # fmt: skip
    rows: dict[str, str] = {}
    for name, (door, who) in doors.items():
        answer = house.post(f"/v1/book/{door}", {"start": house.slots(door)[-1], "guest": guest(who)}, None, 201)
        rows[name] = answer["booking"]["id"]
        if name == "gone":
            house.post(f"/v1/manage/{code_of(answer['manage_url'])}/cancel", {"reason": "+1 reason"})
    house.post(f"/v1/bookings/{rows['deep']}/reschedule", {"start": house.slots("deep")[0]}, "member")
    return Story(house, links, rows)


class TestFilters:
    """GET /v1/meeting-log?…"""

    def test_rows_have_every_field(self, story: Story) -> None:
        rows = {row["booking_id"]: row for row in listed(story.house, LOG, "manager")["items"]}
        assert all(row.keys() == ROW for row in rows.values())
        once = rows[story.rows["once"]]
        assert (once["link"]["name"], once["link_type"], once["label"]) == ("Core call", "single_use", "=HYPERLINK(1)")
        assert once["recipient"] == {"name": "Ravi Recipient", "email": "ravi@other.example"}
        deep = rows[story.rows["deep"]]
        assert (deep["status"], deep["reschedule_count"], len(deep["co_hosts"])) == ("rescheduled", 1, 1)
        assert deep["previous_starts_at"] > deep["starts_at"]
        gone = rows[story.rows["gone"]]
        assert (gone["status"], gone["cancelled_by"], gone["cancel_reason"]) == ("cancelled", "guest", "+1 reason")

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
    def test_each(self, story: Story, query: str, expected: str) -> None:
        assert story.names(query) == expected.split()

    def test_by_ids(self, story: Story) -> None:
        ids = story.house.ids
        assert story.names(f"host_id={ids['engineer']}") == ["team", "deep"]
        assert story.names(f"host_id={ids['engineer']}&link_type=managed") == ["team"]
        assert story.names(f"link_id={story.links['core']['id']}") == ["gone", "once", "direct"]
        assert story.names(f"meeting_type_id={ids['type']}&status=scheduled") == ["boss", "team", "once", "direct"]

    @pytest.mark.parametrize("time", ["booked", "starts"])
    def test_times_are_from_included_to_excluded(self, story: Story, time: str) -> None:
        rows = listed(story.house, f"{LOG}?sort={time}_at", "manager")["items"]
        third = rows[2][f"{time}_at"]
        earlier = [row["booking_id"] for row in rows if row[f"{time}_at"] < third]
        later = [row["booking_id"] for row in rows if row[f"{time}_at"] >= third]
        for end, expected in (("to", earlier), ("from", later)):
            found = listed(story.house, f"{LOG}?sort={time}_at&{time}_{end}={quote(third)}", "manager")["items"]
            assert [row["booking_id"] for row in found] == expected
        in_tokyo = (datetime.fromisoformat(third) + timedelta(hours=9)).strftime("%Y-%m-%dT%H:%M:%S.%f") + "+09:00"
        found = listed(story.house, f"{LOG}?sort={time}_at&{time}_from={quote(in_tokyo)}", "manager")["items"]
        assert [row["booking_id"] for row in found] == later

    @pytest.mark.parametrize("sort", ["booked_at", "-booked_at", "starts_at", "-starts_at"])
    @pytest.mark.parametrize("filters", ["", "&q=call", "&hide_single_use=true", "&status=scheduled"])
    def test_sorted_pages_make_the_whole(self, story: Story, sort: str, filters: str) -> None:
        address = f"{LOG}?sort={sort}{filters}"
        rows = listed(story.house, f"{address}&limit=200", "manager")["items"]
        values = [row[sort.lstrip("-")] for row in rows]
        assert values == sorted(values, reverse=sort.startswith("-"))
        for limit in (1, 2, 3):
            assert whole(story.house, address, "manager", limit) == rows

    def test_names_are_the_current_ones(self, story: Story) -> None:
        path = f"/v1/links/{story.links['boss']['id']}"
        story.house.patch(path, {"name": "Chief call"}, "manager")
        assert story.names("q=chief") == ["boss"]
        assert story.names("q=boss") == []
        story.house.patch(path, {"name": "Boss call"}, "manager")


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
    def test_by_role(self, story: Story, who: str, expected: str) -> None:
        assert story.names("", who) == expected.split()
        assert story.names("q=call", who) == [name for name in expected.split() if name != "team"]
        lines = text_of(story.house, "", who).splitlines()
        assert len(lines) == 1 + len(expected.split())

    def test_nobody_else(self, story: Story) -> None:
        refused(story.house.send("GET", LOG), 401, "unauthorized")
        refused(story.house.send("GET", LOG, Accept="text/csv"), 401, "unauthorized")


def text_of(house: House, query: str, who: str = "manager") -> str:
    """The meeting log as CSV."""
    headers = {"Accept": "text/csv", "Oncelink_Min_Position": str(head(house))}
    answer = house.send("GET", f"{LOG}?{query}", None, who, **headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/csv")
    return answer.text


class TestCsv:
    """GET /v1/meeting-log with Accept: text/csv"""

    def test_has_the_same_rows(self, story: Story) -> None:
        for query in ("", "hide_single_use=true", "q=archer", "sort=starts_at", "status=cancelled", "q=nobody"):
            found = [row["booking_id"] for row in csv.DictReader(io.StringIO(text_of(story.house, query)))]
            rows = listed(story.house, f"{LOG}?{query}", "manager")["items"]
            assert found == [row["booking_id"] for row in rows], query

    def test_is_not_cut_by_limit_or_page(self, story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("projections.meeting_log.MOST_ROWS", 2)
        assert len(text_of(story.house, "limit=1").splitlines()) == 7
        assert len(text_of(story.house, "sort=-starts_at").splitlines()) == 7

    def test_is_sent_to_who_prefers_it(self, story: Story) -> None:
        for accept, is_csv in (
            ("text/csv", True),
            ("Text/CSV; charset=utf-8", True),
            ("text/csv, application/json", True),
            ("application/json;q=0.5, text/csv;q=0.9, */*;q=0.1", True),
            ("application/json, text/csv;q=0.1", False),
            ("text/csv;q=0", False),
            ("*/*", False),
        ):
            answer = story.house.send("GET", LOG, None, "manager", Accept=accept)
            assert answer.headers["content-type"].startswith("text/csv") == is_csv, accept

    def test_no_cell_is_a_formula(self, story: Story) -> None:
        text = text_of(story.house, "")
        assert text.endswith("\r\n")
        cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
        assert "'=HYPERLINK(1)" in cells
        assert "'+1 reason" in cells
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]

    def test_times_are_rfc3339(self, story: Story) -> None:
        for row in csv.DictReader(io.StringIO(text_of(story.house, ""))):
            assert row["starts_at"].endswith("Z")
            assert datetime.fromisoformat(row["booked_at"]).utcoffset() == timedelta(0)

    def test_wrong_filters_are_refused_as_json(self, story: Story) -> None:
        for query in ("sort=zqx", "status=zqx", "q=%00", "booked_from=zqx"):
            refused(story.house.send("GET", f"{LOG}?{query}", None, "manager", Accept="text/csv"), 422, "invalid")
