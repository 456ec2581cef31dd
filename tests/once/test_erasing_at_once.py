"""Erasing an address while it books: each meeting is erased whole or not at all, and what is left came afterwards."""

from functools import partial
from typing import Any
from uuid import uuid4

import httpx2

from tests.api.remaining_data import count_unexplained_details
from tests.once.conftest import Deployment

ROUNDS = 8
REMAINING_DETAILS = """
SELECT min(e.position) AS first_kept
FROM {schema}.personal_details d
JOIN {schema}.events e ON e.stream_id = d.stream_id AND e.data ->> 'details_id' = d.id::text
WHERE {schema}.address_of(d.data) = %s
"""


def test_a_booking_at_the_same_moment_is_erased_whole_or_came_later(deployment: Deployment) -> None:
    for _ in range(ROUNDS):
        email = f"{uuid4().hex}@guest.example"
        host = deployment.add_host()
        link = deployment.create_link(host)
        body = {"recipients": [{"email": email}] * 4}
        single_use_links = deployment.api.post(f"/v1/links/{link['id']}/single-use", body, host, 201)["items"]
        codes = [item["code"] for item in single_use_links] + [link["slug"]] * 4
        starts = deployment.api.list_slots(link["slug"])
        calls = [
            partial(book_meeting, deployment.clients[n % 2], code, start, email)
            for n, (code, start) in enumerate(zip(codes, starts, strict=False))
        ]
        responses = deployment.run_simultaneously([*calls, partial(erase_address, deployment, email)])
        assert [response.status_code for response in responses] == [201] * len(responses)
        schema = deployment.api.services.settings.db_schema
        assert count_unexplained_details(deployment.superuser_url, schema) == (0, 0)
        end = int(responses[-1].headers["oncelink-position"])
        [remaining] = deployment.database.fetch_rows(REMAINING_DETAILS, (email,))
        assert remaining["first_kept"] is None or remaining["first_kept"] > end
        assert erase_address(deployment, email).status_code == 201
        assert deployment.database.fetch_rows(REMAINING_DETAILS, (email,))[0]["first_kept"] is None
        assert count_unexplained_details(deployment.superuser_url, schema) == (0, 0)


def book_meeting(client: httpx2.Client, code: str, start: str, email: str) -> httpx2.Response:
    """Book a meeting with that address."""
    guest: dict[str, Any] = {"name": "Grace", "email": email.upper(), "time_zone": "UTC"}
    return client.post(f"/v1/book/{code}", json={"start": start, "guest": guest, "notes": "Notes"})


def erase_address(deployment: Deployment, email: str) -> httpx2.Response:
    """Erase that address."""
    headers = deployment.api.build_headers("admin")
    return deployment.clients[0].post("/v1/erasures", json={"email": email}, headers=headers)
