"""Commands on teams: one method per command, each one transaction."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from domain.commands.idempotent_creation import IdempotentCreation
from domain.commands.link_dependencies import LinkDependencyChecks
from domain.event import Context
from domain.link import Link
from domain.log import AppendConditions, CommandResult
from domain.managed_link import ManagedLink
from domain.permissions import require_role
from domain.refusals import TeamInUse
from domain.team import Team, TeamProperties


class TeamCommands(LinkDependencyChecks):
    """The commands on teams. Links with a team follow it, and their single-use links follow those."""

    def create_team(
        self,
        context: Context,
        properties: TeamProperties,
        key: str | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> CommandResult:
        """Creates a team. Raises Forbidden, Invalid, IdempotencyKeyReused, TryAgain."""
        require_role(context, "manager")
        creation = IdempotentCreation(context, key, body or {})

        def decide(fresh: bool) -> int | None:
            team = Team.create(creation.id, properties, context, **creation.build_event_fields())
            people = self.load_people("members", team.member_ids, fresh)
            return self.append_events(team, conditions=AppendConditions(reads=people))

        return self.create_aggregate(creation, decide)

    def update_team(
        self, context: Context, id: UUID, changes: Mapping[str, Any], version: int | None = None
    ) -> int | None:
        """Changes a team; members who are added must be active people.

        Raises Forbidden, Invalid, NotFound, VersionConflict, TryAgain.
        """
        require_role(context, "manager")

        def change(team: Team) -> AppendConditions:
            before_ids = team.member_ids
            team.update(team.properties.apply_changes(changes), context)
            return AppendConditions(reads=self.load_people("members", team.member_ids, True, before_ids))

        return self.change_aggregate(Team, id, context, change, version)

    def delete_team(self, context: Context, id: UUID, version: int | None = None) -> int | None:
        """Deletes a team that no link uses. Meetings that were booked with it stay.

        Raises Forbidden, NotFound, TeamInUse, VersionConflict, TryAgain.
        """
        require_role(context, "manager")

        def change(team: Team) -> None:
            if not team.deleted and self.list_links_of_team(id):
                raise TeamInUse
            team.delete(context)

        return self.change_aggregate(Team, id, context, change, version)

    def list_links_of_team(self, team_id: UUID) -> list[Link | ManagedLink]:
        """Returns the links and managed links that have a team now, without deleted ones."""
        aggregates = self.load_aggregates(self.reader.find_links_by_any_team(team_id)).values()
        links = [aggregate for aggregate in aggregates if isinstance(aggregate, Link | ManagedLink)]
        return [link for link in links if link.properties.team_id == team_id and not link.deleted]
