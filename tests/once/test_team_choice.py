"""Members of a team are chosen fairly and once each time, whatever happens at the same instant on two servers."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx2
import psycopg
import pytest

from replay.tally_restoration import restore_tallies
from replay.verify import tallies
from replay.verify.problems import Problem
from replay.verify.tallies import check_choices, compare_tallies
from replay.verify.verification import run_verification
from replay.verify.verify_connection import VerifyConnection
from tests.once.conftest import Deployment
from tests.once.guests import book_slot, check_calendar, run_concurrently

WEIGHTS = (1, 1, 2)
GUESTS = 24
CHOICES = """
SELECT data -> 'chosen' ->> 'person_id' AS person_id FROM {schema}.events
WHERE type ^@ 'MeetingBooked.' AND data ->> 'link_id' = %s
"""


def create_team(deployment: Deployment, members: list[str]) -> dict[str, Any]:
    """Create a team of these hosts with the weights."""
    body = {
        "name": "Engineers",
        "members": [
            {"person_id": deployment.api.ids[who], "weight": weight}
            for who, weight in zip(members, WEIGHTS, strict=True)
        ],
    }
    team: dict[str, Any] = deployment.api.post("/v1/teams", body, "manager", 201)
    return team


def count_choices(deployment: Deployment, link: dict[str, Any]) -> list[int]:
    """Count the meetings of each person who was chosen for a link."""
    rows = deployment.database.fetch_rows(CHOICES, (link["id"],))
    return sorted(Counter(row["person_id"] for row in rows).values())


def test_many_at_once_are_shared_out_by_weight(deployment: Deployment) -> None:
    host, members = deployment.add_host(), [deployment.add_host() for _ in WEIGHTS]
    link = deployment.create_link(host, team_id=create_team(deployment, members)["id"])
    codes = deployment.api.create_codes(link, GUESTS, host)
    starts = deployment.api.list_slots(codes[0])
    calls = [partial(book_until_known, deployment.clients[n % 2], code, starts[n]) for n, code in enumerate(codes)]
    assert Counter(response.status_code for response in run_concurrently(calls)) == {201: GUESTS}
    assert count_choices(deployment, link) == [6, 6, 12]
    check_calendar(deployment.database)
    verify_choices(deployment)


def test_no_member_is_booked_twice_through_two_links(deployment: Deployment) -> None:
    members = [deployment.add_host() for _ in WEIGHTS]
    team_id = create_team(deployment, members)["id"]
    links = [
        (host, deployment.create_link(host, team_id=team_id)) for host in (deployment.add_host() for _ in range(5))
    ]
    codes = [deployment.api.create_codes(link, 1, host)[0] for host, link in links]
    start = deployment.api.list_slots(codes[0])[0]
    calls = [partial(book_until_known, deployment.clients[n % 2], code, start) for n, code in enumerate(codes)]
    statuses = Counter(response.status_code for response in run_concurrently(calls))
    assert statuses == {201: len(WEIGHTS), 409: 5 - len(WEIGHTS)}
    check_calendar(deployment.database)
    verify_choices(deployment)


def test_a_booking_during_the_recount_is_no_problem(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    members = [deployment.add_host() for _ in WEIGHTS]
    host = deployment.add_host()
    link = deployment.create_link(host, team_id=create_team(deployment, members)["id"])
    first, second = deployment.api.create_codes(link, 2, host)
    starts = deployment.api.list_slots(first)
    assert book_slot(deployment.clients[0], first, starts[0]).status_code == 201
    responses = []

    def book_then_compare(*arguments: Any) -> Iterator[Problem]:
        responses.append(book_slot(deployment.clients[1], second, starts[1]))
        return compare_tallies(*arguments)

    monkeypatch.setattr(tallies, "compare_tallies", book_then_compare)
    verify_choices(deployment)
    assert [response.status_code for response in responses] == [201]


def test_a_tally_that_the_log_does_not_say_is_named(deployment: Deployment) -> None:
    host, members = deployment.add_host(), [deployment.add_host() for _ in WEIGHTS]
    link = deployment.create_link(host, team_id=create_team(deployment, members)["id"])
    [code] = deployment.api.create_codes(link, 1, host)
    assert book_slot(deployment.clients[0], code, deployment.api.list_slots(code)[0]).status_code == 201
    with psycopg.connect(deployment.superuser_url) as connection:
        statement = deployment.database.compose_query("UPDATE {schema}.member_tallies SET count = count + 1")
        connection.execute(statement)
        connection.commit()
        with deployment.database.connect("verify") as reading:
            problems = list(check_choices(VerifyConnection(deployment.database, reading)))
    assert problems
    assert all("the tally of member" in problem.difference for problem in problems)
    assert all("oncelink restore-tallies" in problem.difference for problem in problems)
    assert restore_tallies(deployment.database)
    verify_choices(deployment)
    assert restore_tallies(deployment.database) == []


def test_a_tally_is_restored_beside_bookings(deployment: Deployment) -> None:
    """Half of the guests book while it is written; no choice is made on what the log does not say for long."""
    host, members = deployment.add_host(), [deployment.add_host() for _ in WEIGHTS]
    team = create_team(deployment, members)
    link = deployment.create_link(host, team_id=team["id"])
    codes = deployment.api.create_codes(link, GUESTS, host)
    starts = deployment.api.list_slots(codes[0])
    assert book_slot(deployment.clients[0], codes[0], starts[0]).status_code == 201
    with psycopg.connect(deployment.superuser_url) as connection:
        statement = "DELETE FROM {schema}.member_tallies WHERE team_id = %s"
        connection.execute(deployment.database.compose_query(statement), (team["id"],))
    restored = restore_tallies(deployment.database)
    assert [str(tally.team_id) for tally in restored] == [team["id"]]
    calls: list[Any] = [
        partial(book_until_known, deployment.clients[n % 2], codes[n], starts[n]) for n in range(1, GUESTS)
    ]
    calls[GUESTS // 2 : GUESTS // 2] = [partial(restore_tallies, deployment.database) for _ in range(3)]
    answers = run_concurrently(calls)
    assert [answer for answer in answers if isinstance(answer, list)] == [[], [], []]
    assert count_choices(deployment, link) == [6, 6, 12]
    verify_choices(deployment)


def book_until_known(client: httpx2.Client, code: str, start: str) -> httpx2.Response:
    """Book a slot; try again where the service asks for it."""
    while (response := book_slot(client, code, start)).status_code == 503:
        pass
    return response


def verify_choices(deployment: Deployment) -> None:
    """Verify the log: each choice, and the tallies."""
    problems = [problem for problem in run_verification(deployment.database).problems if problem.check == "choices"]
    assert problems == []
