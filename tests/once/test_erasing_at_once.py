"""Erasing an address while it books: each meeting is erased whole or not at all, and what is left came afterwards."""

from functools import partial
from typing import Any
from uuid import uuid4

import httpx2

from tests.api.remaining_data import unexplained
from tests.once.conftest import Office

ROUNDS = 8
KEPT = """
SELECT min(e.position) AS first_kept
FROM {schema}.personal_details d
JOIN {schema}.events e ON e.stream_id = d.stream_id AND e.data ->> 'details_id' = d.id::text
WHERE {schema}.address_of(d.data) = %s
"""


def test_a_booking_at_the_same_moment_is_erased_whole_or_came_later(office: Office) -> None:
    for _ in range(ROUNDS):
        email = f"{uuid4().hex}@guest.example"
        host = office.host()
        link = office.link(host)
        body = {"recipients": [{"email": email}] * 4}
        issued = office.house.post(f"/v1/links/{link['id']}/single-use", body, host, 201)["items"]
        codes = [one["code"] for one in issued] + [link["slug"]] * 4
        starts = office.house.slots(link["slug"])
        calls = [
            partial(book, office.running[n % 2], code, start, email)
            for n, (code, start) in enumerate(zip(codes, starts, strict=False))
        ]
        answers = office.together([*calls, partial(erase, office, email)])
        assert [answer.status_code for answer in answers] == [201] * len(answers)
        schema = office.house.oncelink.settings.db_schema
        assert unexplained(office.superuser_url, schema) == (0, 0)
        end = int(answers[-1].headers["oncelink-position"])
        [kept] = office.database.rows(KEPT, (email,))
        assert kept["first_kept"] is None or kept["first_kept"] > end
        assert erase(office, email).status_code == 201
        assert office.database.rows(KEPT, (email,))[0]["first_kept"] is None
        assert unexplained(office.superuser_url, schema) == (0, 0)


def book(client: httpx2.Client, code: str, start: str, email: str) -> httpx2.Response:
    """A booking by that address."""
    guest: dict[str, Any] = {"name": "Grace", "email": email.upper(), "time_zone": "UTC"}
    return client.post(f"/v1/book/{code}", json={"start": start, "guest": guest, "notes": "Notes"})


def erase(office: Office, email: str) -> httpx2.Response:
    """The erasure of that address."""
    headers = office.house.headers("admin")
    return office.running[0].post("/v1/erasures", json={"email": email}, headers=headers)
