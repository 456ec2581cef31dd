"""What commands on meetings share: the offer of a link or booking, and the times that are free in it."""

from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from domain.aggregate import Aggregate
from domain.availability.grid import StartRun
from domain.availability.hours import Interval
from domain.availability.limits import widen_to_weeks
from domain.commands.command_application import require_all, require_kind
from domain.commands.command_group import CommandGroup
from domain.link import Link
from domain.meeting_type import MeetingType
from domain.offer import LinkOffer, Offer, pad_interval
from domain.person import Person
from domain.refusals import NotFound
from domain.team import Team
from domain.token import Token

AnyOffer = TypeVar("AnyOffer", bound=Offer)


class OfferCommands(CommandGroup):
    """Offers, with the people whose time they take."""

    def list_slots(
        self, offer: Offer, within: Interval, now: datetime, excluding: UUID | None = None
    ) -> list[Interval]:
        """Lists the free slots of an offer within an interval. The time of the booking `excluding` counts as free."""
        return offer.to_slots(self.list_runs(offer, within, now, excluding))

    def list_runs(self, offer: Offer, within: Interval, now: datetime, excluding: UUID | None = None) -> list[StartRun]:
        """Lists the starts of `list_slots` as runs, however many there are."""
        padded, offer = pad_interval(within), self.fill_periods(offer, within, excluding)
        unavailable = self.reader.find_unavailable_intervals(offer.host_ids, padded, excluding)
        if offer.team is None:
            return offer.list_runs(within, unavailable, now)
        of_members = self.reader.find_unavailable_by_person(offer.member_ids, padded, excluding)
        return offer.list_runs(within, unavailable, now, of_members)

    def fill_periods(self, offer: AnyOffer, within: Interval, excluding: UUID | None = None) -> AnyOffer:
        """Returns the offer without days and weeks that are full. One query where a limit holds, none without."""
        limited_ids = offer.limited_ids
        if not limited_ids:
            return offer
        return offer.apply_meetings(self.reader.find_host_meetings(limited_ids, widen_to_weeks(within), excluding))

    def load_offer(self, link_id: UUID, fresh: bool) -> LinkOffer:
        """Returns the current offer of a link. One query when its dependencies are cached. Raises NotFound."""
        cached_link = self.application.cache.find_aggregate(link_id)
        dependency_ids = self.list_cached_dependencies(cached_link) if isinstance(cached_link, Link) else ()
        aggregates = self.load_aggregates([link_id, *dependency_ids], fresh)
        link = require_kind(Link, aggregates.get(link_id))
        aggregates |= self.load_missing(list_dependency_ids(link), aggregates, fresh)
        team = self.load_team(link.properties.team_id, aggregates, fresh)
        return LinkOffer(
            require_kind(MeetingType, aggregates.get(link.properties.meeting_type_id)),
            require_all(Person, link.host_ids, aggregates),
            link,
            team=team,
            members=list_members(team, aggregates, link.host_ids),
        )

    def load_booking_offer(self, token: Token, fresh: bool = True) -> Offer:
        """Returns what a booking may be moved to: its meeting type as it is now, with its own hosts and team."""
        if token.booked_event is None:
            raise NotFound
        meeting_type_id = token.booked_event.meeting_type_id
        team_id = token.chosen.team_id if token.chosen and token.member_id else None
        team_ids = (team_id,) if team_id else ()
        aggregates = self.load_aggregates([meeting_type_id, *token.host_ids, *team_ids], fresh)
        team = self.load_team(team_id, aggregates, fresh)
        host_ids = tuple(id for id in token.host_ids if team is None or id != token.member_id)
        return Offer(
            require_kind(MeetingType, aggregates.get(meeting_type_id)),
            require_all(Person, host_ids, aggregates),
            team=team,
            members=list_members(team, aggregates, host_ids, also=token.member_id),
        )

    def load_meeting_hosts(self, token: Token) -> tuple[Person, ...]:
        """Returns who takes part in a booked meeting for the organisation, the chosen member of a team too."""
        return require_all(Person, token.host_ids, self.load_aggregates(token.host_ids))

    def load_team(self, team_id: UUID | None, aggregates: dict[UUID, Aggregate], fresh: bool) -> Team | None:
        """Returns a team out of these aggregates, to which its members are added. None for None, or a deleted team."""
        if team_id is None:
            return None
        team = require_kind(Team, aggregates.get(team_id))
        aggregates |= self.load_missing(team.member_ids, aggregates, fresh)
        return None if team.deleted else team

    def load_missing(self, ids: Iterable[UUID], present: dict[UUID, Aggregate], fresh: bool) -> dict[UUID, Aggregate]:
        """Loads those of these aggregates that are not present yet."""
        missing_ids = [id for id in ids if id not in present]
        return self.load_aggregates(missing_ids, fresh) if missing_ids else {}

    def list_cached_dependencies(self, link: Link) -> tuple[UUID, ...]:
        """Lists the ids of the aggregates that a link depends on, and of its team's members if the team is cached."""
        team = self.application.cache.find_aggregate(link.properties.team_id) if link.properties.team_id else None
        return (*list_dependency_ids(link), *(team.member_ids if isinstance(team, Team) else ()))


def list_dependency_ids(link: Link) -> tuple[UUID, ...]:
    """Lists the ids of the aggregates that a link depends on: its meeting type, hosts and team."""
    team_id = link.properties.team_id
    return (link.properties.meeting_type_id, *link.host_ids, *((team_id,) if team_id else ()))


def list_members(
    team: Team | None, aggregates: dict[UUID, Aggregate], host_ids: tuple[UUID, ...], also: UUID | None = None
) -> tuple[Person, ...]:
    """Lists the active members of a team who are not hosts anyway, and a member who has left it since."""
    if team is None:
        return ()
    ids = dict.fromkeys([*team.member_ids, *((also,) if also else ())])
    people = (aggregates.get(id) for id in ids if id not in host_ids)
    return tuple(person for person in people if isinstance(person, Person) and person.active)
