"""Giving a booked meeting to another host: one command, one transaction."""

from uuid import UUID

from domain.availability.hours import Interval
from domain.commands.command_application import Journal
from domain.event import Context
from domain.link import Link
from domain.log import Conditions, Hold
from domain.permissions import require_booking_reassigned
from domain.person import Person
from domain.refusals import HostNotFree, Invalid, SlotTaken
from domain.token import Token


class Reassigning(Journal):
    """The command of meetings whose host leaves, or has no time after all."""

    def reassign(self, context: Context, token_id: UUID, host_id: UUID, instead_of: UUID | None = None) -> int | None:
        """Puts somebody in the place of a meeting's host, or of a co-host; the position, or None when it is so.

        The new host must be active and free; hours, notice and window do not matter, as a person decides.
        Raises NotFound, Invalid, BookingCancelled, MeetingStarted, HostNotFree, TryAgain.
        """

        def decision(fresh: bool) -> int | None:
            token = self.get(Token, token_id)
            if fresh and (position := self.reader.request_position(token_id, context.request_id)):
                return position
            meeting, before = token.changeable_meeting(context.now), token.host_ids
            ids = hosts_after(before, host_id, instead_of)
            if ids == before:
                return None
            taken = Interval(meeting.held_from, meeting.held_until)
            hosts = self.hosts(ids, host_id, fresh)
            newcomers = tuple({host_id}.difference(before))
            self.refuse_unless_free(newcomers, taken, token_id)
            token.reassign(context, ids, tuple(host.version for host in hosts))
            hold = Hold(token_id, ids, taken, newcomers)
            conditions = Conditions(reads=hosts, release=token_id, release_hosts=before, reserve=hold)
            return self.append(token, conditions=conditions)

        try:
            return self.decide(decision)
        except SlotTaken as taken:
            raise HostNotFree from taken

    def booking_to_reassign(self, context: Context, token_id: UUID) -> Token:
        """A booking that the person who asks may give to another host. Raises NotFound, Forbidden."""
        token = self.get(Token, token_id)
        require_booking_reassigned(context, token, self.get(Link, token.link_id))
        return token

    def hosts(self, ids: tuple[UUID, ...], new: UUID, fresh: bool) -> tuple[Person, ...]:
        """The hosts of the meeting from now on; the new one must be active. Raises Invalid."""
        found = self.load(ids, fresh)
        if not isinstance(one := found.get(new), Person) or not one.active:
            raise Invalid("host_id", "This must be an active person.")
        return tuple(person for id in ids if isinstance(person := found[id], Person))

    def refuse_unless_free(self, newcomers: tuple[UUID, ...], during: Interval, but: UUID) -> None:
        """Lets only somebody host whose time is free, here and in their calendars, buffers included.

        Raises HostNotFree.
        """
        held = self.reader.held(newcomers, during, but) if newcomers else ()
        if any(piece.start < during.end and during.start < piece.end for piece in held):
            raise HostNotFree


def hosts_after(before: tuple[UUID, ...], host_id: UUID, instead_of: UUID | None) -> tuple[UUID, ...]:
    """Who hosts when somebody takes a host's place: the co-hosts stay, but one who becomes the host. Raises Invalid."""
    leaves = instead_of or before[0]
    if host_id == leaves:
        return before
    if leaves not in before:
        if host_id in before:
            return before
        raise Invalid("instead_of", "This person does not host this meeting.")
    if host_id in before and leaves != before[0]:
        raise Invalid("host_id", "This person hosts this meeting already.")
    return tuple(host_id if id == leaves else id for id in before if id != host_id)
