"""Request bodies of teams."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, Field, StrictInt

from api.field_types import Name, RequestBody
from api.v1.request_bodies import PatchBody
from domain.team import MAX_MEMBERS, MAX_PRIORITY, MAX_WEIGHT, TeamMember, TeamProperties


class NewTeamMember(RequestBody):
    """A member of a team: the weight of their share, and their priority between equal shares."""

    person_id: UUID
    weight: Annotated[StrictInt, Field(ge=1, le=MAX_WEIGHT)] = 1
    priority: Annotated[StrictInt, Field(ge=0, le=MAX_PRIORITY)] = 0


def require_different_people(members: list[NewTeamMember]) -> list[NewTeamMember]:
    """Require each person once. Raises ValueError."""
    if len({member.person_id for member in members}) < len(members):
        raise ValueError("Each person once.")
    return members


Members = Annotated[
    list[NewTeamMember], Field(min_length=1, max_length=MAX_MEMBERS), AfterValidator(require_different_people)
]


class NewTeam(RequestBody):
    """A team to create."""

    name: Name
    members: Members

    def to_properties(self) -> TeamProperties:
        """Convert to the properties of a team."""
        return TeamProperties(name=self.name, members=to_members(self.members))


class TeamChanges(PatchBody):
    """What may be changed of a team; links with it follow at once."""

    name: Name | None = None
    members: Members | None = None

    def to_changes(self) -> dict[str, Any]:
        """Convert to the changed properties of a team."""
        sent = self.get_sent_fields()
        return sent | {"members": to_members(self.members or [])} if "members" in sent else sent


def to_members(members: list[NewTeamMember]) -> tuple[TeamMember, ...]:
    """Convert to members of the domain."""
    return tuple(TeamMember(**dict(member)) for member in members)
