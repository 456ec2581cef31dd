"""The choice of a team's member for a meeting."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Candidate(BaseModel):
    """A member who was free, with the count that the choice was made on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    person_id: UUID
    count: int
    weight: int
    priority: int


class MemberChoice(BaseModel):
    """Who was chosen from a team, as it was in this version, and from whom."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    team_id: UUID
    team_version: int
    person_id: UUID
    candidates: tuple[Candidate, ...]
