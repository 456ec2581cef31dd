"""What commands on meetings share: the choice of a team's member, and what the tally of a team counts."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Generic
from uuid import UUID

from domain.aggregate import Aggregate
from domain.availability.hours import Interval
from domain.commands.command_group import CommandGroup
from domain.commands.offers import AnyOffer, OfferCommands
from domain.event import Context
from domain.link import Link
from domain.log import TeamState
from domain.member_choice import MemberChoice
from domain.offer import Offer
from domain.organisation import Organisation
from domain.refusals import SlotNotOffered, SlotTaken
from domain.tally import Month, TallyChange, choose_member, count_again
from domain.team import Team
from domain.token import Token


@dataclass(frozen=True, slots=True)
class HostChoice(Generic[AnyOffer]):
    """The offer with a meeting's hosts; for a team the choice, the change of its tally, and what it was decided on."""

    offer: AnyOffer
    chosen: MemberChoice | None = None
    tally: TallyChange | None = None
    reads: tuple[Aggregate, ...] = ()


class TeamChoiceCommands(OfferCommands):
    """Choices of members, each on the tally of one version, which the append checks."""

    def read_expected_team(self, token_id: UUID, link_id: UUID | None, start: datetime) -> TeamState | None:
        """Reads what a booking on a link with a team depends on, and the token, in one round trip.

        None where the caches do not know of such a link.
        """
        cache = self.application.cache
        link = cache.find_aggregate(link_id or cache.find_link_id_of_token(token_id) or token_id)
        if not isinstance(link, Link) or link.properties.team_id is None:
            return None
        offer = self.load_offer(link.id, fresh=False)
        if offer.team is None:
            return None
        ids, interval = (*offer.host_ids, *offer.member_ids), offer.compute_reserved_interval(start)
        return self.reader.read_team_state(offer.team.id, ids, interval, None, token_id)

    def choose_hosts(
        self, offer: AnyOffer, start: datetime, context: Context, state: TeamState | None = None
    ) -> HostChoice[AnyOffer]:
        """Chooses a free member for a meeting that is booked at a start on offer. Without a team, the hosts are all.

        Raises SlotNotOffered when no member works then, SlotTaken when a host has something else, or every member.
        """
        if offer.team is None:
            return HostChoice(offer)
        state, free_ids = self.find_free_members(offer, offer.team, start, state)
        if not free_ids:
            raise SlotTaken
        month = Month.from_instant(context.now, state.time_zone)
        chosen, tally = choose_member(state.tally, offer.team, offer.members, free_ids, month, context.now)
        reads = (offer.team, *offer.members, build_organisation(state))
        return HostChoice(offer.add_member(chosen.person_id), chosen, tally, reads)

    def choose_hosts_again(
        self, offer: AnyOffer, token: Token, start: datetime, context: Context
    ) -> HostChoice[AnyOffer]:
        """Keeps the member of a meeting that is moved, if they are free; else chooses another, who counts instead.

        Raises SlotNotOffered when no member works then, SlotTaken when a host has something else, or every member.
        """
        if offer.team is None or token.member_id is None or token.booked_event is None:
            return HostChoice(offer)
        state, free_ids = self.find_free_members(offer, offer.team, start, excluding=token.id)
        if token.member_id in free_ids:
            return HostChoice(offer.add_member(token.member_id))
        candidate_ids = set(free_ids).intersection(offer.team.member_ids)
        if not candidate_ids:
            raise SlotTaken
        now_month = Month.from_instant(context.now, state.time_zone)
        chosen, tally = choose_member(state.tally, offer.team, offer.members, candidate_ids, now_month, context.now)
        booked_month = Month.from_instant(token.booked_event.occurred_at, state.time_zone)
        given_back = count_again(state.tally, booked_month, token.member_id, None)
        members = {**tally.members, **(given_back.members if given_back else {})}
        reads = (offer.team, *offer.members, build_organisation(state))
        change = TallyChange(tally.team_id, tally.version, members)
        return HostChoice(offer.add_member(chosen.person_id), chosen, change, reads)

    def find_free_members(
        self,
        offer: Offer,
        team: Team,
        start: datetime,
        state: TeamState | None = None,
        excluding: UUID | None = None,
    ) -> tuple[TeamState, Collection[UUID]]:
        """Finds which members work and are free at a start. A `state` that was read for this offer is not read again.

        Raises SlotNotOffered when no member works then, SlotTaken when a host is not free.
        """
        working_ids = offer.list_working_members(start)
        if not working_ids:
            raise SlotNotOffered
        interval, ids = offer.compute_reserved_interval(start), (*offer.host_ids, *working_ids)
        is_read = state is not None and (state.tally.team_id, state.interval) == (team.id, interval)
        if state is None or not is_read or not state.person_ids.issuperset(ids):
            state = self.reader.read_team_state(team.id, ids, interval, excluding)
        filled = self.fill_periods(offer, Interval(start, start), excluding)
        taken_ids = state.busy_ids.union(id for id in ids if filled.is_full(id, start))
        if not taken_ids.isdisjoint(offer.host_ids):
            raise SlotTaken
        return state, [id for id in working_ids if id not in taken_ids]


def count_for_another(commands: CommandGroup, token: Token, member_id: UUID | None) -> TallyChange | None:
    """Returns how a booked meeting counts for another person, or for nobody; None when that changes no tally.

    Whoever takes a meeting over has it on their count, of the team or not: they may join it.
    """
    return change_count(commands, token, token.member_id, member_id)


def count_once_more(commands: CommandGroup, token: Token) -> TallyChange | None:
    """Returns how a meeting that counted for nobody counts for its member again; None when that changes no tally."""
    return change_count(commands, token, None, token.member_id)


def change_count(
    commands: CommandGroup, token: Token, before_id: UUID | None, after_id: UUID | None
) -> TallyChange | None:
    """Returns the change of the tally of the team from which somebody was chosen for a meeting; None without one."""
    if token.chosen is None or token.member_id is None or token.booked_event is None:
        return None
    state = commands.reader.read_team_state(token.chosen.team_id, (), None)
    month = Month.from_instant(token.booked_event.occurred_at, state.time_zone)
    return count_again(state.tally, month, before_id, after_id)


def build_organisation(state: TeamState) -> Organisation:
    """Builds the organisation as the decision read it, for the append to check."""
    organisation = Organisation()
    organisation.version = state.organisation_version
    return organisation
