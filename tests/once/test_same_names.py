"""Links of one name, made at the same instant, each get a slug: nobody is told that a slug is taken unasked."""

from functools import partial

from tests.once.conftest import Office
from tests.once.guests import outcomes

LINKS = 3


def test_a_slug_that_was_not_asked_for_is_never_taken(office: Office) -> None:
    house, name = office.house, office.host()
    body = {"name": f"The talk of {name}", "meeting_type_id": house.ids["type"]}
    signed = house.headers(name)
    calls = [partial(office.running[n % 2].post, "/v1/links", json=body, headers=signed) for n in range(LINKS)]
    answers = office.together(calls)
    assert outcomes(answers) == {"201": LINKS}
    assert len({answer.json()["slug"] for answer in answers}) == LINKS
