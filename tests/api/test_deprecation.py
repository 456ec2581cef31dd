"""How an operation of the API ends: what docs/api-stability.md promises, on one that is deprecated for the test."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from api.app import build_app
from api.http.openapi.deprecation import ATTRIBUTE, Deprecation, deprecate
from api.settings import Settings
from api.v1 import guest_booking, links
from tests.api.refusals import assert_problem
from tests.api_driver import ApiDriver

SINCE = datetime(2026, 7, 1, tzinfo=UTC)
PAGE = "https://oncelink.example/changelog#deprecated"
ENDS_AT = datetime(2100, 7, 1, 12, 30, tzinfo=UTC)
FIELDS = {"deprecation": "@1782864000", "link": f'<{PAGE}>; rel="deprecation"'}
SUNSET = "Thu, 01 Jul 2100 12:30:00 GMT"


def mark(monkeypatch: pytest.MonkeyPatch, endpoint: object, deprecation: Deprecation) -> None:
    """Mark the function of a route for the time of a test."""
    monkeypatch.setattr(endpoint, ATTRIBUTE, deprecation, raising=False)


def test_every_answer_says_so(shared_api: ApiDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    link = shared_api.create_link("Old", slug="old")
    slots = f"/v1/book/old/slots?from={SINCE:%Y-%m-%d}&to={SINCE:%Y-%m-%d}&time_zone=UTC"
    paths = {
        f"/v1/links/{link['id']}": 200,
        f"/v1/links/{uuid4()}": 404,
        f"/v1/links/{link['id']}?x=y": 422,
        slots: 200,
    }
    mark(monkeypatch, links.get_link, Deprecation(SINCE, PAGE))
    mark(monkeypatch, guest_booking.list_slots, Deprecation(SINCE, PAGE, ENDS_AT))
    for path, status in paths.items():
        response = shared_api.send_request("GET", path, who="member")
        sunset = {"sunset": SUNSET} if path == slots else {}
        assert response.status_code == status
        assert {name: response.headers.get(name) for name in (*FIELDS, "sunset")} == {
            "sunset": None,
            **FIELDS,
            **sunset,
        }
    assert "deprecation" in shared_api.send_request("GET", f"/v1/links/{link['id']}", who=None).headers  # 401
    assert "deprecation" not in shared_api.send_request("GET", "/v1/links", who="member").headers


def test_it_is_not_found_after_its_end(shared_api: ApiDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    link = shared_api.create_link("Ended")
    ended = Deprecation(SINCE - timedelta(days=900), PAGE, SINCE - timedelta(days=200))
    mark(monkeypatch, links.get_link, ended)
    response = shared_api.send_request("GET", f"/v1/links/{link['id']}", who="member")
    assert_problem(response, 404, "not_found")
    assert shared_api.send_request("PATCH", f"/v1/links/{link['id']}", {}, "member").status_code == 200


def test_the_document_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    mark(monkeypatch, links.get_link, Deprecation(SINCE, PAGE, ENDS_AT))
    document = build_app(Settings.model_construct()).openapi()
    operation = document["paths"]["/v1/links/{id}"]["get"]
    assert operation["deprecated"] is True
    for response in operation["responses"].values():
        assert {"Deprecation", "Sunset", "Link"} <= response["headers"].keys()
    assert {"Deprecation", "Sunset", "Link"} <= document["components"]["headers"].keys()
    assert "deprecated" not in document["paths"]["/v1/links/{id}"]["patch"]


def test_nobody_is_surprised() -> None:
    """At least 12 months; and instants, not wall times."""
    with pytest.raises(ValueError, match="12 months"):
        Deprecation(SINCE, PAGE, SINCE + timedelta(days=364))
    with pytest.raises(ValueError, match="zone"):
        Deprecation(datetime(2026, 7, 1), PAGE)
    endpoint = deprecate(Deprecation(SINCE, PAGE))(lambda: None)
    assert getattr(endpoint, ATTRIBUTE).ends_at is None
