"""The quota of guests' requests for each client, and what its answers say."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient

from api.app import build_app
from api.settings import Settings
from tests.api.refusals import assert_problem
from tests.api_driver import GUEST, ApiDriver
from tests.movable_clock import MovableClock

QUOTA = 4
GUEST_PEER = "203.0.113.7"


@pytest.fixture
def driver(settings: Settings, organisation: ApiDriver) -> Iterator[ApiDriver]:
    """A running service that takes few requests of a client, reached from elsewhere; its clock stands still."""
    with run_api(settings, organisation, GUEST_PEER) as api:
        api.create_link("Limited", slug="limited")
        with api.clock.stop_at(datetime.now(UTC).replace(second=18, microsecond=0)):
            yield api


@contextmanager
def run_api(settings: Settings, organisation: ApiDriver, peer: str) -> Iterator[ApiDriver]:
    """Run a service that is reached from a peer."""
    app = build_app(settings.model_copy(update={"guest_rate_limit": QUOTA}), clock=MovableClock())
    with TestClient(app, client=(peer, 40_000)) as client:
        yield ApiDriver(client, dict(organisation.keys), dict(organisation.ids))


def use_up(api: ApiDriver) -> None:
    """Use up the quota of a client."""
    for left in reversed(range(QUOTA)):
        response = api.send_request("GET", "/v1/book/limited")
        assert response.status_code == 200
        assert response.headers["ratelimit-policy"] == f'"requests";q={QUOTA};w=60'
        assert response.headers["ratelimit"] == f'"requests";r={left};t=42'


def test_a_client_over_its_quota_is_told_when_to_come_back(driver: ApiDriver) -> None:
    use_up(driver)
    refused = driver.send_request("GET", "/v1/book/limited")
    body = assert_problem(refused, 429, "too_many_requests")
    assert body["detail"].endswith("Please try again in 42 seconds.")
    assert refused.headers["retry-after"] == "42"
    assert refused.headers["ratelimit"] == '"requests";r=0;t=42'
    assert driver.get("/v1/me", "member")["email"] == "member@nexora.example"
    page = driver.client.get("/book/limited")
    assert page.status_code == 429
    assert page.headers["retry-after"] == "42"
    assert "Please try again in 42 seconds." in page.text


def test_what_was_typed_is_kept_for_later(driver: ApiDriver) -> None:
    use_up(driver)
    fields = {**GUEST, "notes": "About “everything”", "start": "2031-01-01T10:00:00Z", "key": "k" * 32}
    page = driver.client.post("/book/limited", data=fields)
    assert page.status_code == 429
    assert 'value="About “everything”"' in page.text
    assert f'value="{GUEST["email"]}"' in page.text


def test_a_booking_that_succeeded_is_answered_again(driver: ApiDriver) -> None:
    [code] = driver.create_codes(driver.create_link("Other", slug="other"))
    start, other_start = driver.list_slots("limited")[:2]
    headers = {"Idempotency_Key": "a" * 32}
    booked = driver.book_meeting("limited", start, **headers)
    for _ in range(QUOTA):
        driver.send_request("GET", "/v1/book/limited")
    assert driver.send_request("GET", "/v1/book/limited").status_code == 429
    assert driver.book_meeting("limited", start, **headers) == booked
    for path, when, key in (
        ("limited", other_start, "a" * 32),  # the key alone opens nothing
        ("limited", other_start, "b" * 32),
        ("nothing", other_start, "b" * 32),  # and tells nothing
    ):
        body = {"start": when, "guest": GUEST}
        assert_problem(driver.send_request("POST", f"/v1/book/{path}", body, Idempotency_Key=key), 429)
    assert driver.book_meeting(code, other_start)["booking"]["status"] == "scheduled"  # a single-use link is its own


def test_asking_at_a_used_link_is_counted(driver: ApiDriver) -> None:
    [code] = driver.create_codes(driver.create_link("Lost", slug="lost"))
    paths = (f"/s/{code}/resend", f"/s/{code}/request")
    answers = {driver.client.post(paths[number % 2]).status_code for number in range(QUOTA)}
    assert answers == {200}
    assert [driver.client.post(path).status_code for path in paths] == [429, 429]


def test_a_single_use_link_has_a_quota_of_its_own(driver: ApiDriver) -> None:
    first, second = driver.create_codes(driver.create_link("Other", slug="other"), 2)
    use_up(driver)
    statuses = [driver.send_request("GET", f"/v1/book/{first}").status_code for _ in range(QUOTA + 1)]
    assert statuses == [200] * QUOTA + [429]
    assert driver.send_request("GET", f"/v1/book/{second}").status_code == 200
    assert driver.send_request("GET", f"/v1/book/{second[:-1]}").status_code == 429  # no code that opens


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1"])
def test_nobody_is_counted_who_connects_on_this_machine(settings: Settings, organisation: ApiDriver, peer: str) -> None:
    with run_api(settings, organisation, peer) as api:
        api.create_link("Unlimited", slug="unlimited")
        responses = [api.send_request("GET", "/v1/book/unlimited") for _ in range(2 * QUOTA)]
        assert {response.status_code for response in responses} == {200}
        assert "ratelimit" not in responses[0].headers
        forwarded = [
            api.send_request("GET", "/v1/book/unlimited", X_Forwarded_For="6.6.6.6, 198.51.100.7").status_code
            for _ in range(QUOTA + 1)
        ]
        assert forwarded == [200] * QUOTA + [429]
