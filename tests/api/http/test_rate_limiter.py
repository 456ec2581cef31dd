"""The limit of guests' requests for each address."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from api.app import build_app
from api.settings import Settings
from tests.api.refusals import assert_problem
from tests.api_driver import ApiDriver

LIMIT = 2


@pytest.fixture
def limited_api(settings: Settings, organisation: ApiDriver) -> Iterator[ApiDriver]:
    """A running service that takes few requests of a guest."""
    with TestClient(build_app(settings.model_copy(update={"guest_rate_limit": LIMIT}))) as client:
        yield ApiDriver(client, dict(organisation.keys), dict(organisation.ids))


def test_a_guest_who_sends_too_much_is_refused(limited_api: ApiDriver) -> None:
    limited_api.create_link("Limited", slug="limited")
    responses = [limited_api.send_request("GET", "/v1/book/limited") for _ in range(2 * LIMIT + 1)]
    refusals = [response for response in responses if response.status_code != 200]
    assert LIMIT <= len(responses) - len(refusals) <= 2 * LIMIT  # a minute may end meanwhile
    assert_problem(refusals[0], 429, "too_many_requests")
    assert limited_api.get("/v1/me", "member")["email"] == "member@nexora.example"


def test_nobody_is_refused_without_a_limit(api: ApiDriver) -> None:
    api.create_link("Unlimited", slug="unlimited")
    assert {api.send_request("GET", "/v1/book/unlimited").status_code for _ in range(2 * LIMIT + 1)} == {200}
