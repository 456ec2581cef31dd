"""The choice of a team's member in the meeting log: its SQL, and its row with a sentence for each candidate."""

from typing import Any
from uuid import UUID

from typing_extensions import TypedDict

from domain.choices.explanation import explain_choice
from domain.member_choice import MemberChoice
from projections.queries.name_lookups import Named
from projections.read_model import is_event

LAST_CHOICE = f"""(array_agg(data -> 'chosen' ORDER BY version DESC) FILTER (
    WHERE ({is_event("MeetingBooked")} OR {is_event("MeetingReassigned")})
    AND jsonb_typeof(data -> 'chosen') = 'object'))[1]"""
# each candidate with the name of now
CHOSEN = """CASE WHEN m.chosen IS NOT NULL THEN m.chosen || jsonb_build_object('candidates', (
    SELECT jsonb_agg(candidate || jsonb_build_object('name', (
        SELECT p.name FROM people AS p WHERE p.person_id = (candidate ->> 'person_id')::uuid)) ORDER BY n)
    FROM jsonb_array_elements(m.chosen -> 'candidates') WITH ORDINALITY AS e(candidate, n))) END AS chosen"""


class CandidateRow(TypedDict):
    """A member of the team who was free, with what the choice went by, and a sentence that explains it."""

    person_id: UUID
    name: str
    count: int
    weight: int
    priority: int
    sentence: str


class ChoiceRow(TypedDict):
    """Who was chosen from a team, as it was in this version, and from whom."""

    team_version: int
    person: Named
    candidates: list[CandidateRow]


def to_choice(value: dict[str, Any] | None) -> ChoiceRow | None:
    """A choice from its JSON, each candidate with a sentence; None for null."""
    if value is None:
        return None
    names = {UUID(one["person_id"]): one.pop("name") or "" for one in value["candidates"]}
    choice = MemberChoice.model_validate(value)
    sentences = explain_choice(choice, names)
    return ChoiceRow(
        team_version=choice.team_version,
        person=Named(id=choice.person_id, name=names.get(choice.person_id, "")),
        candidates=[
            CandidateRow(
                person_id=one.person_id,
                name=names[one.person_id],
                count=one.count,
                weight=one.weight,
                priority=one.priority,
                sentence=sentence,
            )
            for one, sentence in zip(choice.candidates, sentences, strict=True)
        ],
    )
