"""Booking, rescheduling, cancelling: one method per command, each one transaction."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4, uuid5

from domain.availability.hours import Interval
from domain.availability.offer import LinkOffer, Offer, around
from domain.commands.command_application import Journal, all_of, of_kind
from domain.event import Context
from domain.link import Link
from domain.log import Conditions, Hold
from domain.meeting_type import MeetingType
from domain.permissions import require_booking_changed
from domain.person import Person
from domain.personal_details import digest, kept_beside, key_digest, reason_beside
from domain.refusals import Erased, IdempotencyKeyReused, LinkNotFound, LinkUnconfirmed, LinkUsed, NotFound
from domain.token import Token


@dataclass(frozen=True, slots=True)
class Door:
    """What a guest's code or slug opens: the token of a single-use link, or a core link by its slug."""

    token_id: UUID | None = None
    slug: str | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What a guest asks for: a start, and the personal details {guest, notes} that go beside the log."""

    start: datetime
    details: dict[str, Any]
    key: str | None = None

    @property
    def body(self) -> dict[str, Any]:
        """What an Idempotency-Key stands for: the request as values."""
        return {"start": self.start.isoformat(), **self.details}


@dataclass(frozen=True, slots=True)
class Booked:
    """A meeting as it was booked: its token, and the offer of that instant."""

    token: Token
    offer: LinkOffer
    details: dict[str, Any]
    position: int | None
    replayed: bool = False


class Scheduling(Journal):
    """The commands around meetings. A single-use link books exactly one meeting, ever."""

    def book(self, context: Context, door: Door, wish: Wish) -> Booked:
        """Books the meeting, or answers a repeated request as it was answered.

        Raises LinkNotFound, LinkUsed, LinkRevoked, LinkDeleted, LinkDisabled, LinkExpired, LinkUnconfirmed,
        SlotNotOffered, SlotTaken, IdempotencyKeyReused, Erased, TryAgain.
        """
        chosen = door.token_id or (uuid4() if wish.key is None else None)

        def decision(fresh: bool) -> Booked:
            link_id = None if door.token_id else self.link_at(door.slug or "", fresh)
            token_id = chosen or uuid5(link_id or uuid4(), wish.key or "")
            token = self.token_to_book(token_id, link_id, context, unseen=wish.key is None and not fresh)
            if token.booked is not None:
                return self.as_it_was_booked(token, context, wish)
            token.refuse_if_spent()
            offer = self.offer(token.link_id, fresh)
            offer.link.refuse_if_closed(context.now)
            offer.refuse_unless_on_offer(wish.start, context.now)
            return self.save_booking(token, offer, context, wish)

        try:
            return self.decide(decision)
        except LinkNotFound:
            booked = self.booked_under(door, wish)
            return self.decide(lambda _: self.as_it_was_booked(booked, context, wish), fresh=True)

    def save_booking(self, token: Token, offer: LinkOffer, context: Context, wish: Wish) -> Booked:
        """Appends the meeting under everything that it was decided on. Raises SlotTaken."""
        details = kept_beside(token.id, wish.details, wish.details["guest"]["name"], wish.details["guest"]["email"])
        token.book(
            context,
            request_key=None if wish.key is None else key_digest(wish.key),
            request_digest=digest(wish.body, details.salt),
            details_id=details.id,
            details_digest=details.digest,
            link_kind=offer.link.properties.kind,
            link_version=offer.link.version,
            meeting_type_id=offer.meeting_type.id,
            meeting_type_version=offer.meeting_type.version,
            host_ids=offer.host_ids,
            host_versions=tuple(host.version for host in offer.hosts),
            **offer.times(wish.start),
        )
        conditions = Conditions(
            reads=(offer.link, offer.meeting_type, *offer.hosts),
            reserve=Hold(token.id, offer.host_ids, offer.held(wish.start)),
            details=(details,),
        )
        return Booked(token, offer, wish.details, self.append(token, conditions=conditions))

    def as_it_was_booked(self, token: Token, context: Context, wish: Wish) -> Booked:
        """The answer to whoever booked this token before. Raises LinkUsed, IdempotencyKeyReused, Erased."""
        booked = token.booked
        assert booked is not None
        assert booked.details_id is not None
        ours = booked.request_id == context.request_id
        if not ours and (wish.key is None or booked.request_key != key_digest(wish.key)):
            raise LinkUsed
        details = self.reader.details([booked.details_id]).get(booked.details_id)
        if details is None:
            raise Erased
        if digest(wish.body, details.salt) != booked.request_digest:
            raise IdempotencyKeyReused
        return Booked(
            token=self.repository_at(Token, token.id, booked.originator_version),
            offer=LinkOffer(
                meeting_type=self.repository_at(MeetingType, booked.meeting_type_id, booked.meeting_type_version),
                hosts=tuple(
                    self.repository_at(Person, id, version)
                    for id, version in zip(booked.host_ids, booked.host_versions, strict=True)
                ),
                link=self.repository_at(Link, booked.link_id, booked.link_version),
            ),
            details=dict(details.data),
            position=self.reader.last_position(token.id),
            replayed=not ours,
        )

    def booked_under(self, door: Door, wish: Wish) -> Token:
        """What this key booked while its link still had the slug. Raises LinkNotFound."""
        if door.slug is None or wish.key is None:
            raise LinkNotFound
        ids = [uuid5(link_id, wish.key) for link_id in self.reader.links_ever_at(door.slug)]
        for found in self.load(ids).values():
            if isinstance(found, Token) and found.booked is not None:
                return found
        raise LinkNotFound

    def reschedule(self, context: Context, token_id: UUID, start: datetime) -> int | None:
        """Moves a booked meeting, whatever became of its link; the position, or None when it is at that time.

        Raises NotFound, BookingCancelled, MeetingStarted, SlotNotOffered, SlotTaken, TryAgain.
        """

        def decision(fresh: bool) -> int | None:
            token = self.get(Token, token_id)
            if fresh and (position := self.reader.request_position(token_id, context.request_id)):
                return position
            if token.changeable_meeting(context.now).starts_at == start:
                return None
            offer = self.offer_of_booking(token, fresh)
            offer.refuse_unless_on_offer(start, context.now)
            token.reschedule(context, meeting_type_version=offer.meeting_type.version, **offer.times(start))
            hold = Hold(token.id, offer.host_ids, offer.held(start))
            conditions = Conditions(
                reads=(offer.meeting_type, *offer.hosts), release=token.id, release_hosts=offer.host_ids, reserve=hold
            )
            return self.append(token, conditions=conditions)

        return self.decide(decision)

    def cancel(self, context: Context, token_id: UUID, reason: str | None) -> int | None:
        """Cancels a booked meeting, for good. Raises NotFound, BookingCancelled, MeetingStarted, TryAgain."""
        cancelled_by = "guest" if context.actor.kind == "guest" else "host"

        def decision(again: bool) -> int | None:
            token = self.get(Token, token_id)
            if again and (position := self.reader.request_position(token_id, context.request_id)):
                return position
            details, named = reason_beside(token.id, token.reason_kept(reason))
            token.cancel(context, cancelled_by=cancelled_by, **named)
            conditions = Conditions(release=token.id, release_hosts=token.host_ids, details=details)
            return self.append(token, conditions=conditions)

        return self.decide(decision)

    def find_conflict(self, context: Context, token_id: UUID, host_id: UUID, busy: Collection[Interval]) -> int | None:
        """Says that a host's calendar has something else at the time of a meeting; the position, None if it was said.

        Raises NotFound, TryAgain.
        """

        def decision(again: bool) -> int | None:
            token = self.get(Token, token_id)
            token.find_conflict(context, host_id, busy)
            return self.append(token)

        return self.decide(decision)

    def booking_to_change(self, context: Context, token_id: UUID) -> Token:
        """A booking that the person who asks may change. Raises NotFound, Forbidden."""
        token = self.get(Token, token_id)
        require_booking_changed(context, token, self.get(Link, token.link_id))
        return token

    def look(self, door: Door) -> tuple[Token | None, LinkOffer]:
        """What a guest sees behind a door, always current. Raises LinkNotFound, LinkUnconfirmed."""
        if door.token_id is None:
            return None, self.offer(self.link_at(door.slug or "", fresh=True), fresh=True)
        token = self.load([door.token_id]).get(door.token_id)
        if not isinstance(token, Token) or token.issued is None:
            raise LinkNotFound
        if token.booked is None and self.reader.is_unconfirmed(token.id):
            raise LinkUnconfirmed
        return token, self.offer(token.link_id, fresh=True)

    def slots(self, offer: Offer, within: Interval, now: datetime, but: UUID | None = None) -> list[Interval]:
        """The slots that an offer has within an interval, given what is taken now (except by the booking `but`)."""
        return offer.slots(within, self.reader.held(offer.host_ids, around(within), but), now)

    def link_at(self, slug: str, fresh: bool) -> UUID:
        """The link that a slug leads to. Raises LinkNotFound."""
        remembered = None if fresh else self.memory.link_id(slug)
        id = remembered or self.reader.claimed("slug", [slug]).get(slug)
        if id is None or not isinstance(self.load([id], fresh=False).get(id), Link):
            raise LinkNotFound
        return id

    def token_to_book(self, id: UUID, link_id: UUID | None, context: Context, unseen: bool) -> Token:
        """The token of a single-use link, or a new one on a core link (`unseen`: nobody can have made it yet)."""
        found = None if link_id and unseen else self.load([id]).get(id)
        if isinstance(found, Token) and (link_id or found.issued):
            return found.after(())
        if link_id is None:
            raise LinkNotFound
        token = Token(id)
        token.issue_on_the_spot(link_id, context)
        return token

    def offer(self, link_id: UUID, fresh: bool) -> LinkOffer:
        """What a link offers now; one query when its parts are remembered. Raises NotFound."""
        remembered = self.memory.aggregate(link_id)
        parts = parts_of(remembered) if isinstance(remembered, Link) else ()
        found = self.load([link_id, *parts], fresh)
        link = of_kind(Link, found.get(link_id))
        missing = [id for id in parts_of(link) if id not in found]
        if missing:
            found |= self.load(missing, fresh)
        meeting_type = of_kind(MeetingType, found.get(link.properties.meeting_type_id))
        return LinkOffer(meeting_type, all_of(Person, link.host_ids, found), link)

    def offer_of_booking(self, token: Token, fresh: bool = True) -> Offer:
        """What a booking may be moved to: its meeting type as it is now, with the hosts it has."""
        if token.booked is None:
            raise NotFound
        found = self.load([token.booked.meeting_type_id, *token.host_ids], fresh)
        meeting_type = of_kind(MeetingType, found.get(token.booked.meeting_type_id))
        return Offer(meeting_type, all_of(Person, token.host_ids, found))

    def repository_at(self, kind: Any, id: UUID, version: int) -> Any:
        """A stream as it was at a version, through the library's repository."""
        return self.repository.get(id, version=version, projector_func=lambda _, events: kind(id).after(events))


def parts_of(link: Link) -> tuple[UUID, ...]:
    """The streams that a link inherits from."""
    return (link.properties.meeting_type_id, *link.host_ids)
