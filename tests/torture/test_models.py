"""The models hold in every state, and the same models with a bug in them do not."""

import os

import pytest

from tests.torture.models import BUGS, is_installed, search_model
from tests.torture.mutants import MUTANTS

pytestmark = pytest.mark.skipif(
    not is_installed() and not os.environ.get("CI"), reason="there is no spin or gcc (apt-get install spin gcc)"
)
# replacements and mails are in no model
NOT_MODELLED = {"replacement-given-twice", "used-link-bookable-after-replacement", "reminder-after-cancellation"}
QUICK = ("conflict-is-link-used", "link-version-not-checked", "no-exclude", "follower-without-fence")


@pytest.mark.parametrize(("model", "states"), [("booking", 500_000), ("following", 500)])
def test_holds_in_every_state(model: str, states: int) -> None:
    result = search_model(model)
    assert result.violation is None
    assert result.exhaustive
    assert result.states > states


@pytest.mark.parametrize("name", QUICK)
def test_a_bug_is_found(name: str) -> None:
    assert search_model(*BUGS[name]).violation is not None


def test_every_mutant_of_the_torture_has_its_bug_in_a_model() -> None:
    assert BUGS.keys() == MUTANTS.keys() - NOT_MODELLED
