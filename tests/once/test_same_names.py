"""Links of one name, made at the same instant, each get a slug: nobody is told that a slug is taken unasked."""

from functools import partial

from tests.once.conftest import Deployment
from tests.once.guests import count_outcomes

LINKS = 3


def test_a_slug_that_was_not_asked_for_is_never_taken(deployment: Deployment) -> None:
    api, name = deployment.api, deployment.add_host()
    body = {"name": f"The talk of {name}", "meeting_type_id": api.ids["type"]}
    headers = api.build_headers(name)
    calls = [partial(deployment.clients[n % 2].post, "/v1/links", json=body, headers=headers) for n in range(LINKS)]
    responses = deployment.run_simultaneously(calls)
    assert count_outcomes(responses) == {"201": LINKS}
    assert len({response.json()["slug"] for response in responses}) == LINKS
