"""The command that gives a booked meeting to another host, in one transaction."""

from datetime import datetime
from uuid import UUID

from domain.availability.hours import Interval
from domain.availability.limits import LimitWindow
from domain.commands.command_group import CommandGroup
from domain.commands.team_choice import count_for_another
from domain.event import Context
from domain.link import Link
from domain.log import AppendConditions, Reservation
from domain.meeting_type import MeetingType
from domain.offer import Offer
from domain.permissions import expand_roles, require_booking_reassignable
from domain.person import Person
from domain.personal_details import create_text_details
from domain.refusals import HostNotFree, Invalid, SlotTaken
from domain.token import Token


class ReassignmentCommands(CommandGroup):
    """The command for meetings whose host leaves or has no time."""

    def reassign_meeting(
        self,
        context: Context,
        token_id: UUID,
        host_id: UUID,
        instead_of: UUID | None = None,
        message: str | None = None,
    ) -> int | None:
        """Replaces a meeting's host, or a co-host. Returns the position, or None when nothing changes.

        The new host must be active, a member, free, and within their limits of that day and week. Hours, days off,
        notice and window do not matter, as a person decides.
        The message is for the guest, who gets it with the mail about the new host.
        Raises NotFound, Invalid, BookingCancelled, MeetingStarted, HostNotFree, TryAgain.
        """

        def decide(token: Token, fresh: bool) -> int | None:
            meeting, before = token.require_changeable_meeting(context.now), token.host_ids
            ids = replace_host(before, host_id, instead_of)
            if ids == before:
                return None
            interval = Interval(meeting.held_from, meeting.held_until)
            hosts = self.load_hosts(ids, host_id, fresh)
            new_host_ids = tuple({host_id}.difference(before))
            self.refuse_unless_free(new_host_ids, interval, token_id)
            details, details_fields = create_text_details(token_id, "message", token.filter_text(message))
            tally = None
            if token.member_id is not None and token.member_id not in ids:
                tally = count_for_another(self, token, next(iter(new_host_ids), None))
            token.reassign(context, ids, tuple(host.version for host in hosts), **details_fields)
            reservation = Reservation(token_id, ids, interval, new_host_ids)
            conditions = AppendConditions(
                reads=hosts,
                release_booking_id=token_id,
                release_host_ids=before,
                reservation=reservation,
                details=details,
                tally=tally,
                limits=self.list_limit_windows(token, hosts, new_host_ids, meeting.starts_at, fresh),
            )
            return self.append_events(token, conditions=conditions)

        try:
            return self.decide_on_aggregate(Token, token_id, context, decide)
        except SlotTaken as error:
            raise HostNotFree from error

    def load_booking_to_reassign(self, context: Context, token_id: UUID) -> Token:
        """Returns a booking that the caller may reassign. Raises NotFound, Forbidden."""
        token = self.load_aggregate(Token, token_id)
        require_booking_reassignable(context, token, self.load_aggregate(Link, token.link_id))
        return token

    def load_hosts(self, ids: tuple[UUID, ...], new_host_id: UUID, fresh: bool) -> tuple[Person, ...]:
        """Loads the new hosts of the meeting. The added one must be active and a member. Raises Invalid."""
        aggregates = self.load_aggregates(ids, fresh)
        new_host = aggregates.get(new_host_id)
        if not isinstance(new_host, Person) or not new_host.active:
            raise Invalid("host_id", "This must be an active person.")
        if "member" not in expand_roles(new_host.properties.roles):
            raise Invalid("host_id", "This person hosts no meetings: they are not a member.")
        return tuple(person for id in ids if isinstance(person := aggregates[id], Person))

    def list_limit_windows(
        self, token: Token, hosts: tuple[Person, ...], new_host_ids: tuple[UUID, ...], start: datetime, fresh: bool
    ) -> tuple[LimitWindow, ...]:
        """Lists the days and weeks with limits that the meeting would newly count for, of the hosts who join."""
        assert token.booked_event is not None
        meeting_type = self.load_aggregate(MeetingType, token.booked_event.meeting_type_id, fresh)
        joining = tuple(host for host in hosts if host.id in new_host_ids)
        return Offer(meeting_type, joining).list_limit_windows(start)

    def refuse_unless_free(self, new_host_ids: tuple[UUID, ...], interval: Interval, excluding: UUID) -> None:
        """Passes only if the new hosts are free, by reservations and by their own calendars, buffers included.

        Raises HostNotFree.
        """
        unavailable = self.reader.find_unavailable_intervals(new_host_ids, interval, excluding) if new_host_ids else ()
        if any(busy.start < interval.end and interval.start < busy.end for busy in unavailable):
            raise HostNotFree


def replace_host(before: tuple[UUID, ...], host_id: UUID, instead_of: UUID | None) -> tuple[UUID, ...]:
    """Returns the host ids after a replacement; a co-host who becomes the host is listed once. Raises Invalid."""
    leaving_id = instead_of or before[0]
    if host_id == leaving_id:
        return before
    if leaving_id not in before:
        if host_id in before:
            return before
        raise Invalid("instead_of", "This person does not host this meeting.")
    if host_id in before and leaving_id != before[0]:
        raise Invalid("host_id", "This person hosts this meeting already.")
    return tuple(host_id if id == leaving_id else id for id in before if id != host_id)
