"""Who was chosen and why, in sentences."""

from uuid import UUID

import pytest

from domain.choices.explanation import explain_choice
from domain.member_choice import Candidate, MemberChoice

ANN, BEN, CY = UUID(int=1), UUID(int=2), UUID(int=3)
NAMES = {ANN: "Ann", BEN: "Ben"}


def explain(chosen: UUID, *candidates: tuple[UUID, int, int, int]) -> list[str]:
    """Explain a choice among candidates: person, count, weight, priority."""
    rows = [Candidate(person_id=id, count=count, weight=w, priority=p) for id, count, w, p in candidates]
    return explain_choice(
        MemberChoice(team_id=UUID(int=9), team_version=1, person_id=chosen, candidates=tuple(rows)), NAMES
    )


@pytest.mark.parametrize(
    ("chosen", "candidates", "sentences"),
    [
        (
            ANN,
            [(ANN, 1, 1, 0)],
            ["Ann: 1 meeting this month, weight 1, a share of 1; chosen, as nobody else was free."],
        ),
        (
            ANN,
            [(BEN, 2, 1, 9), (ANN, 3, 2, 0)],
            [
                "Ben: 2 meetings this month, weight 1, a share of 2; more than Ann.",
                "Ann: 3 meetings this month, weight 2, a share of 1.5; chosen, as the smallest share.",
            ],
        ),
        (
            ANN,
            [(ANN, 2, 3, 4), (BEN, 4, 6, 1)],
            [
                "Ann: 2 meetings this month, weight 3, a share of 0.67; chosen, as the highest priority of the smallest"
                " shares.",
                "Ben: 4 meetings this month, weight 6, a share of 0.67; as Ann, but with priority 1 below 4.",
            ],
        ),
        (
            BEN,
            [(CY, 0, 1, 0), (BEN, 0, 1, 0)],
            [
                "somebody: 0 meetings this month, weight 1, a share of 0; as Ben, who had waited longer.",
                "Ben: 0 meetings this month, weight 1, a share of 0; chosen, as who had waited longest of the smallest"
                " shares.",
            ],
        ),
    ],
    ids=["alone", "share", "priority", "waited"],
)
def test_a_sentence_for_each_candidate(
    chosen: UUID, candidates: list[tuple[UUID, int, int, int]], sentences: list[str]
) -> None:
    assert explain(chosen, *candidates) == sentences
