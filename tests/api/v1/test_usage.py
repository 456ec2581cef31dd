"""GET /v1/usage: who sees what, which days, and what is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.refusals import listed, refused, whole
from tests.api_driver import House

TODAY = datetime.now(UTC).date()
FIELDS = {
    *("day", "link", "issuer", "meeting_type", "source", "issued", "booked", "rescheduled", "cancelled"),
    *("expired_unused", "median_hours_to_booking"),
}


@pytest.fixture(scope="module")
def used(shared_house: House) -> House:
    """A link of the member's and one of the engineer's: both issued from, the first one booked."""
    house = shared_house
    mine, theirs = house.link("Mine", slug="mine"), house.link("Theirs", "engineer", slug="theirs")
    code, _ = house.codes(mine, 2)
    house.post(f"/v1/links/{theirs['id']}/single-use", {"count": 3, "source": "extension"}, "engineer", 201)
    start, other, *_ = house.slots("mine")
    house.book(code, start)
    house.book("mine", other)
    house.post(f"/v1/links/{theirs['id']}/disable", None, "engineer")
    house.patch(f"/v1/links/{mine['id']}", {"expires_at": "2020-01-01T00:00:00Z"}, "member")
    return house


def usage(house: House, query: str, who: str = "analyst") -> list[Any]:
    """The rows, as current as the log."""
    return listed(house, f"/v1/usage?{query}", who)["items"]  # type: ignore[no-any-return]


def test_rows_have_the_fields_of_the_contract(used: House) -> None:
    mine, theirs = usage(used, "group_by=link")
    assert mine.keys() == FIELDS
    assert (mine["link"]["name"], mine["issued"], mine["booked"], mine["expired_unused"]) == ("Mine", 2, 2, 1)
    assert 0 <= mine["median_hours_to_booking"] < 1
    assert (theirs["link"]["name"], theirs["issued"], theirs["booked"], theirs["expired_unused"]) == ("Theirs", 3, 0, 0)
    assert (theirs["median_hours_to_booking"], theirs["day"], theirs["issuer"]) == (None, None, None)


def test_the_usual_period_is_thirty_days_until_today(used: House) -> None:
    rows = usage(used, "")
    assert rows[0]["day"] == str(TODAY - timedelta(days=29)) or rows[0]["day"] == str(TODAY - timedelta(days=28))
    assert len(rows) == 30
    assert (sum(row["issued"] for row in rows), sum(row["booked"] for row in rows)) == (5, 2)
    later = usage(used, "from=2999-01-01&to=2999-01-02")
    assert [(row["day"], row["issued"]) for row in later] == [("2999-01-01", 0), ("2999-01-02", 0)]
    assert usage(used, "from=2999-01-01&to=2999-01-02&group_by=link") == []


def test_usage_tells_what_the_extension_issued(used: House) -> None:
    by_source = {row["source"]: (row["issued"], row["booked"]) for row in usage(used, "group_by=source")}
    assert by_source == {"api": (2, 1), "web": (0, 1), "extension": (3, 0)}
    assert [row["link"]["name"] for row in usage(used, "group_by=link&source=extension")] == ["Theirs"]
    assert [row["link"]["name"] for row in usage(used, "group_by=link&source=api")] == ["Mine"]
    [direct] = usage(used, "group_by=link&source=web")
    assert (direct["link"]["name"], direct["issued"], direct["booked"]) == ("Mine", 0, 1)
    assert whole(used, "/v1/usage?group_by=source", "admin", 1) == usage(used, "group_by=source", "admin")


@pytest.mark.parametrize(
    ("who", "links"),
    [("member", ["Mine"]), ("engineer", ["Theirs"]), *((one, ["Mine", "Theirs"]) for one in ("manager", "auditor"))],
)
def test_a_member_sees_what_their_lists_show(used: House, who: str, links: list[str]) -> None:
    assert [row["link"]["name"] for row in usage(used, "group_by=link", who)] == links


def test_pages(used: House) -> None:
    assert whole(used, "/v1/usage?group_by=issuer", "admin", 1) == usage(used, "group_by=issuer", "admin")
    days = whole(used, "/v1/usage?from=2028-01-01&to=2028-12-31", "admin", 200)
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
def test_what_is_wrong_is_named(used: House, query: str, field: str) -> None:
    body = refused(used.send("GET", f"/v1/usage?{query}", who="manager"), 422, "invalid")
    assert [error["field"] for error in body["errors"]] == [field]
