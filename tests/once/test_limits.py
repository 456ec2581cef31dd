"""A limit is kept however many guests book at once, through several links and with meetings that move."""

from datetime import UTC, datetime, timedelta
from functools import partial

from tests.api_driver import extract_code
from tests.once.conftest import Deployment
from tests.once.guests import book_slot, count_outcomes


def test_two_at_once_do_not_pass_a_limit(deployment: Deployment) -> None:
    """Twelve guests want three meetings of a day; two meetings of another day move there at the same time."""
    api, host, co_host = deployment.api, deployment.add_host(), deployment.add_host()
    links = [deployment.create_link(host), deployment.create_link(co_host, host)]
    day = datetime.now(UTC).date() + timedelta(days=9)
    other_day = day + timedelta(days=1)
    moving = [api.book_meeting(links[0]["slug"], f"{other_day}T{hour:02}:00:00Z") for hour in (8, 9)]
    api.patch("/v1/me", {"limits": {"per_day": 3}}, host)
    calls = [
        partial(book_slot, deployment.clients[n % 2], links[n % 2]["slug"], f"{day}T{n:02}:00:00Z") for n in range(12)
    ]
    calls += [
        partial(
            deployment.clients[n].post,
            f"/v1/manage/{extract_code(booking['manage_url'])}/reschedule",
            json={"start": f"{day}T{20 + n}:00:00Z"},
        )
        for n, booking in enumerate(moving)
    ]
    outcomes = count_outcomes(deployment.run_simultaneously(calls))
    assert outcomes.pop("409 slot_taken") == 11
    assert sum(outcomes.values()) == 3
    meetings = api.list_meetings(f"host_id={api.ids[host]}&starts_from={day}T00:00:00Z&starts_to={other_day}T00:00:00Z")
    assert len(meetings) == 3
