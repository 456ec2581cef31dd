"""GET /v1/usage: who sees what, which days, and what is refused."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest

from tests.api.pages.page_client import PageClient, extract_text
from tests.api.refusals import assert_problem, fetch_all_rows, fetch_list
from tests.api_driver import ApiDriver

TODAY = datetime.now(UTC).date()
FIELDS = {
    *("day", "link", "issuer", "meeting_type", "source", "issued", "booked", "rescheduled", "cancelled"),
    *("no_shows", "issued_booked", "conversion_rate", "expired_unused", "median_hours_to_booking"),
}


@pytest.fixture(scope="module")
def usage_scenario(shared_api: ApiDriver) -> ApiDriver:
    """A link of the member's and one of the engineer's: both issued from, the first one booked."""
    api = shared_api
    own_link, other_link = api.create_link("Mine", slug="mine"), api.create_link("Theirs", "engineer", slug="theirs")
    code, _ = api.create_codes(own_link, 2)
    api.post(f"/v1/links/{other_link['id']}/single-use", {"count": 3, "source": "extension"}, "engineer", 201)
    start, other_start, *_ = api.list_slots("mine")
    api.book_meeting(code, start)
    api.book_meeting("mine", other_start)
    api.post(f"/v1/links/{other_link['id']}/disable", None, "engineer")
    api.patch(f"/v1/links/{own_link['id']}", {"expires_at": "2020-01-01T00:00:00Z"}, "member")
    return api


def fetch_usage(api: ApiDriver, query: str, who: str = "analyst") -> list[Any]:
    """The rows, as current as the log."""
    return fetch_list(api, f"/v1/usage?{query}", who)["items"]  # type: ignore[no-any-return]


def test_rows_have_the_fields_of_the_contract(usage_scenario: ApiDriver) -> None:
    own_usage, other_usage = fetch_usage(usage_scenario, "group_by=link")
    assert own_usage.keys() == FIELDS
    assert (own_usage["link"]["name"], own_usage["issued"], own_usage["booked"], own_usage["expired_unused"]) == (
        "Mine",
        2,
        2,
        1,
    )
    assert 0 <= own_usage["median_hours_to_booking"] < 1
    assert (
        other_usage["link"]["name"],
        other_usage["issued"],
        other_usage["booked"],
        other_usage["expired_unused"],
    ) == ("Theirs", 3, 0, 0)
    assert (other_usage["median_hours_to_booking"], other_usage["day"], other_usage["issuer"]) == (None, None, None)


def test_the_usual_period_is_thirty_days_until_today(usage_scenario: ApiDriver) -> None:
    rows = fetch_usage(usage_scenario, "")
    assert rows[0]["day"] == str(TODAY - timedelta(days=29)) or rows[0]["day"] == str(TODAY - timedelta(days=28))
    assert len(rows) == 30
    assert (sum(row["issued"] for row in rows), sum(row["booked"] for row in rows)) == (5, 2)
    future_usage = fetch_usage(usage_scenario, "from=2999-01-01&to=2999-01-02")
    assert [(row["day"], row["issued"]) for row in future_usage] == [("2999-01-01", 0), ("2999-01-02", 0)]
    assert fetch_usage(usage_scenario, "from=2999-01-01&to=2999-01-02&group_by=link") == []


def test_usage_tells_what_the_extension_issued(usage_scenario: ApiDriver) -> None:
    by_source = {
        row["source"]: (row["issued"], row["booked"]) for row in fetch_usage(usage_scenario, "group_by=source")
    }
    assert by_source == {"api": (2, 1), "web": (0, 1), "extension": (3, 0)}
    assert [row["link"]["name"] for row in fetch_usage(usage_scenario, "group_by=link&source=extension")] == ["Theirs"]
    assert [row["link"]["name"] for row in fetch_usage(usage_scenario, "group_by=link&source=api")] == ["Mine"]
    [direct_usage] = fetch_usage(usage_scenario, "group_by=link&source=web")
    assert (direct_usage["link"]["name"], direct_usage["issued"], direct_usage["booked"]) == ("Mine", 0, 1)
    assert fetch_all_rows(usage_scenario, "/v1/usage?group_by=source", "admin", 1) == fetch_usage(
        usage_scenario, "group_by=source", "admin"
    )


@pytest.mark.parametrize(
    ("who", "links"),
    [
        ("member", ["Mine"]),
        ("engineer", ["Theirs"]),
        *((caller, ["Mine", "Theirs"]) for caller in ("manager", "auditor")),
    ],
)
def test_a_member_sees_what_their_lists_show(usage_scenario: ApiDriver, who: str, links: list[str]) -> None:
    assert [row["link"]["name"] for row in fetch_usage(usage_scenario, "group_by=link", who)] == links


def test_pages(usage_scenario: ApiDriver) -> None:
    assert fetch_all_rows(usage_scenario, "/v1/usage?group_by=issuer", "admin", 1) == fetch_usage(
        usage_scenario, "group_by=issuer", "admin"
    )
    days = fetch_all_rows(usage_scenario, "/v1/usage?from=2028-01-01&to=2028-12-31", "admin", 200)
    assert [row["day"] for row in days] == [str(datetime(2028, 1, 1).date() + timedelta(n)) for n in range(366)]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=2028-01-02&to=2028-01-01", "to"),
        ("from=2027-01-01&to=2028-01-02", "to"),
        ("group_by=host", "group_by"),
        ("link_type=core", "link_type"),
        ("source=phone", "source"),
        ("time_zone=Mars/Olympus", "time_zone"),
        ("cursor=zqx", "cursor"),
        ("limit=201", "limit"),
    ],
)
def test_what_is_wrong_is_named(usage_scenario: ApiDriver, query: str, field: str) -> None:
    body = assert_problem(usage_scenario.send_request("GET", f"/v1/usage?{query}", who="manager"), 422, "invalid")
    assert [error["field"] for error in body["errors"]] == [field]


def test_each_grouping_as_csv(usage_scenario: ApiDriver) -> None:
    fetch_usage(usage_scenario, "")
    response = usage_scenario.send_request("GET", "/v1/usage?group_by=link", who="analyst", Accept="text/csv")
    assert response.headers["content-disposition"] == 'attachment; filename="usage-by-link.csv"'
    titles, *lines = response.text.splitlines()
    assert titles.startswith("link_id,link_name,issued,issued_booked,conversion_rate,booked,")
    assert [line.split(",")[1:6] for line in lines[:2]] == [
        ["Mine", "2", "1", "0.5", "2"],
        ["Theirs", "3", "0", "0.0", "0"],
    ]
    by_day = usage_scenario.send_request("GET", "/v1/usage", who="analyst", Accept="text/csv").text.splitlines()
    assert len(by_day) == 31
    member = usage_scenario.send_request("GET", "/v1/usage?group_by=link", who="member", Accept="text/csv").text
    assert "Theirs" not in member


def test_the_page_has_conversion_rates_and_csv(usage_scenario: ApiDriver) -> None:
    fetch_usage(usage_scenario, "")
    page_client = PageClient(usage_scenario, "analyst")
    page = page_client.get("/usage?link_type=single_use")
    assert "Of the issued links, booked 20 %" in extract_text(page)
    paths = [unescape(path) for path in re.findall(r'href="(/usage/csv[^"]+)"', page.text)]
    assert [path.partition("group_by=")[2].partition("&")[0] for path in paths] == [
        *("day", "link", "issuer", "meeting_type", "source")
    ]
    assert all("link_type=single_use" in path for path in paths)
    table = page_client.get(paths[1])
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert table.text.splitlines()[1].split(",")[1:6] == ["Mine", "2", "1", "0.5", "1"]
