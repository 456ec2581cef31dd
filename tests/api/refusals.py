"""What every refusal must look like."""

from typing import Any

import httpx2

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
