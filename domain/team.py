"""A team: people who can stand in for each other. A link with a team books its hosts and one free member."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from domain.aggregate import Aggregate
from domain.event import Context, Event, IdempotentEvent, Properties
from domain.refusals import Invalid, NotFound

MAX_MEMBERS = 100
MAX_WEIGHT = 100
MAX_PRIORITY = 9

# What happened


class TeamMember(BaseModel):
    """A member. Meetings are shared out in proportion to `weight` (1 to 100).

    Among members whose share is equal, the one with the highest `priority` (0 to 9) is chosen.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    person_id: UUID
    weight: int = 1
    priority: int = 0


class TeamProperties(Properties):
    """The properties of a team; its members in the order in which they were added."""

    name: str
    members: tuple[TeamMember, ...]


class TeamCreated(TeamProperties, IdempotentEvent, name="TeamCreated.v1"):
    """A team was created."""


class TeamUpdated(TeamProperties, Event, name="TeamUpdated.v1"):
    """A team was changed; the payload has every property after the change."""


class TeamDeleted(Event, name="TeamDeleted.v1"):
    """A team was deleted, while no link used it; booked meetings stay."""


class Team(Aggregate):
    """A team. Links, and their unused single-use links, follow its changes."""

    properties: TeamProperties
    deleted: bool = False
    joined_at: Mapping[UUID, datetime] = MappingProxyType({})

    # What may happen

    @classmethod
    def create(cls, id: UUID, properties: TeamProperties, context: Context, **event_fields: Any) -> "Team":
        """Creates a team. Raises Invalid for members that break a rule."""
        refuse_invalid_members(properties)
        team = cls(id)
        team.record_event(TeamCreated, context, **dict(properties), **event_fields)
        return team

    def update(self, properties: TeamProperties, context: Context) -> None:
        """Replaces the properties. Records nothing when they are equal. Raises NotFound, Invalid."""
        self.refuse_if_deleted()
        refuse_invalid_members(properties)
        if properties != self.properties:
            self.record_event(TeamUpdated, context, **dict(properties))

    def delete(self, context: Context) -> None:
        """Deletes the team for good. Records nothing when it is deleted already."""
        if not self.deleted:
            self.record_event(TeamDeleted, context)

    def refuse_if_deleted(self) -> None:
        """Passes only if the team is not deleted. Raises NotFound."""
        if self.deleted:
            raise NotFound

    @property
    def member_ids(self) -> tuple[UUID, ...]:
        """The people of the team, in their order."""
        return tuple(member.person_id for member in self.properties.members)

    # How history becomes state

    def evolve(self, event: Event) -> None:
        if isinstance(event, TeamProperties):
            self.properties = TeamProperties.from_event(event)
            self.joined_at = {id: self.joined_at.get(id, event.occurred_at) for id in self.member_ids}
        elif isinstance(event, TeamDeleted):
            self.deleted = True


def refuse_invalid_members(properties: TeamProperties) -> None:
    """Passes 1 to 100 different members, with weights and priorities in their range. Raises Invalid."""
    members = properties.members
    if not 1 <= len(members) <= MAX_MEMBERS:
        raise Invalid("members", f"A team has from 1 to {MAX_MEMBERS} members.")
    if len({member.person_id for member in members}) < len(members):
        raise Invalid("members", "Each person once.")
    if not all(1 <= member.weight <= MAX_WEIGHT for member in members):
        raise Invalid("members", f"Weights go from 1 to {MAX_WEIGHT}.")
    if not all(0 <= member.priority <= MAX_PRIORITY for member in members):
        raise Invalid("members", f"Priorities go from 0 to {MAX_PRIORITY}.")
