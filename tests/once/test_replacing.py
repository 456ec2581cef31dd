"""Replacements that are asked for at once, at two servers: exactly one is given, and its link books one meeting."""

from functools import partial
from typing import Any

import httpx2

from tests.once.conftest import Deployment


def test_one_of_many_gives_the_replacement(deployment: Deployment) -> None:
    host, path, old_code = create_cancelled_booking(deployment)
    headers = deployment.api.build_headers(host)
    calls = [partial(deployment.clients[n % 2].post, path, headers=headers) for n in range(6)]
    responses = deployment.run_simultaneously(calls)
    assert sorted(response.status_code for response in responses) == [201, *[409] * 5]
    assert {read_code(response) for response in responses} == {None, "not_replaceable"}
    new_code = next(response.json()["code"] for response in responses if response.is_success)
    starts = deployment.api.list_slots(new_code)
    bookings = [partial(book_meeting, deployment, code, starts[n]) for n, code in enumerate([new_code, old_code] * 3)]
    outcomes = sorted(response.status_code for response in deployment.run_simultaneously(bookings))
    assert outcomes == [201, *[410] * 5]


def test_a_repeated_request_is_answered_with_the_same_link(deployment: Deployment) -> None:
    host, path, _ = create_cancelled_booking(deployment)
    headers = deployment.api.build_headers(host, Idempotency_Key="the-same")
    calls = [partial(deployment.clients[n % 2].post, path, headers=headers) for n in range(4)]
    responses = deployment.run_simultaneously(calls)
    assert [response.status_code for response in responses] == [201] * 4
    assert len({response.json()["id"] for response in responses}) == 1


def create_cancelled_booking(deployment: Deployment) -> tuple[str, str, str]:
    """Book a single-use link and cancel it. Returns the host, the path of its replacement, and the old link's code."""
    host = deployment.add_host()
    [code] = deployment.api.create_codes(deployment.create_link(host), 1, host)
    id = deployment.api.book_meeting(code, deployment.api.list_slots(code)[0])["booking"]["id"]
    deployment.api.post(f"/v1/bookings/{id}/cancel", None, host)
    return host, f"/v1/bookings/{id}/replacement", code


def book_meeting(deployment: Deployment, code: str, start: str) -> httpx2.Response:
    """Book as a guest."""
    guest: dict[str, Any] = {"name": "Grace", "email": "grace@guest.example", "time_zone": "UTC"}
    return deployment.clients[0].post(f"/v1/book/{code}", json={"start": start, "guest": guest})


def read_code(response: httpx2.Response) -> str | None:
    """Return the code of a problem, None for a success."""
    return None if response.is_success else str(response.json()["code"])
