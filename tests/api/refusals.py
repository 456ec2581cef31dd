"""What every refusal must look like, and lists that are as current as the log."""

from typing import Any

import httpx2

from tests.api_driver import House, checked

PROBLEM = {"type", "title", "status", "detail", "code"}


def refused(answer: httpx2.Response, status: int, code: str | None = None) -> Any:
    """A problem of this status and code, checked in every respect of the contract; its body."""
    assert answer.status_code == status, f"{answer.status_code}: {answer.text[:1000]}"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"]
    body = answer.json()
    assert body.keys() == (PROBLEM | {"errors"} if status == 422 else PROBLEM)
    assert body["status"] == status
    assert code is None or body["code"] == code, body
    assert body["code"] in body["type"]
    for error in body.get("errors", []):
        assert error.keys() == {"field", "message"}
        assert error["field"]
        assert error["message"]
    if status == 422:
        assert body["errors"]
    if status in (429, 503):
        assert int(answer.headers["retry-after"]) >= 1
    return body


def head(house: House) -> int:
    """The last position of the log."""
    return int(house.oncelink.database.rows("SELECT max(position) AS at FROM {schema}.events")[0]["at"])


def listed(house: House, path: str, who: str | None) -> Any:
    """A list as current as the log; its body."""
    return checked(house.send("GET", path, who=who, Oncelink_Min_Position=str(head(house))), 200)


def whole(house: House, path: str, who: str | None, limit: int = 2) -> list[Any]:
    """All rows of a list, page by page."""
    items: list[Any] = []
    sign = "&" if "?" in path else "?"
    page = listed(house, f"{path}{sign}limit={limit}", who)
    while page["next_cursor"]:
        assert len(page["items"]) == limit
        items += page["items"]
        page = house.get(f"{path}{sign}limit={limit}&cursor={page['next_cursor']}", who)
    return items + page["items"]


def ids(rows: list[Any]) -> list[str]:
    """The ids of rows."""
    return [row["id"] for row in rows]
