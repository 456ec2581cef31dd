"""Assertions on refusals, and lists that are as current as the event log."""

from typing import Any

import httpx2

from tests.api_driver import ApiDriver, read_body

PROBLEM_FIELDS = {"type", "title", "status", "detail", "code"}


def assert_problem(response: httpx2.Response, status: int, code: str | None = None) -> Any:
    """Assert that a response is a problem with this status and code, as the contract says. Returns its body."""
    assert response.status_code == status, f"{response.status_code}: {response.text[:1000]}"
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-request-id"]
    body = response.json()
    assert body.keys() == (PROBLEM_FIELDS | {"errors"} if status == 422 else PROBLEM_FIELDS)
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
        assert int(response.headers["retry-after"]) >= 1
    return body


def find_last_position(api: ApiDriver) -> int:
    """Return the last position of the event log."""
    return int(api.services.database.fetch_rows("SELECT max(position) AS at FROM {schema}.events")[0]["at"])


def fetch_list(api: ApiDriver, path: str, who: str | None) -> Any:
    """Fetch a list after the read models have caught up with the event log. Returns the body."""
    return read_body(api.send_request("GET", path, who=who, Oncelink_Min_Position=str(find_last_position(api))), 200)


def fetch_all_rows(api: ApiDriver, path: str, who: str | None, limit: int = 2) -> list[Any]:
    """Fetch all rows of a list, page by page."""
    items: list[Any] = []
    separator = "&" if "?" in path else "?"
    page = fetch_list(api, f"{path}{separator}limit={limit}", who)
    while page["next_cursor"]:
        assert len(page["items"]) == limit
        items += page["items"]
        page = api.get(f"{path}{separator}limit={limit}&cursor={page['next_cursor']}", who)
    return items + page["items"]


def get_ids(rows: list[Any]) -> list[str]:
    """Return the ids of rows."""
    return [row["id"] for row in rows]
