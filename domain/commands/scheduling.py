"""Commands that book, reschedule and cancel meetings: one method per command, each one transaction."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid4

from domain.availability.hours import Interval
from domain.commands.booking_request import BookingRequest, BookingResult, BookingTarget
from domain.commands.command_application import CommandApplication
from domain.commands.idempotent_creation import derive_id
from domain.commands.recipients import RecipientChecks
from domain.commands.replacement import give_replacement
from domain.commands.team_choice import TeamChoiceCommands, count_for_another
from domain.event import Context
from domain.link import Link
from domain.log import AppendConditions, Reservation, TeamState
from domain.meeting_type import MeetingType
from domain.offer import LinkOffer
from domain.permissions import require_booking_changeable
from domain.person import Person
from domain.personal_details import compute_digest, compute_key_digest, create_personal_details, create_text_details
from domain.quotas import GuestQuotas
from domain.refusals import Erased, IdempotencyKeyReused, LinkNotFound, LinkUnconfirmed, LinkUsed
from domain.token import Token
from domain.token_events import MeetingBooked

NO_QUOTAS = GuestQuotas()


class SchedulingCommands(TeamChoiceCommands, RecipientChecks):
    """The commands on meetings. A single-use link books exactly one meeting, ever."""

    def __init__(self, application: CommandApplication, quotas: GuestQuotas = NO_QUOTAS) -> None:
        super().__init__(application)
        self.quotas = quotas

    def book_meeting(self, context: Context, target: BookingTarget, request: BookingRequest) -> BookingResult:
        """Books the meeting, or answers a repeated request as it was answered.

        Raises LinkNotFound, LinkUsed, LinkRevoked, LinkDeleted, LinkDisabled, LinkExpired, LinkSingleUseOnly,
        LinkUnconfirmed, NotTheRecipient, SlotNotOffered, InvalidAnswers, SlotTaken, TooManyBookings, TooManyMails,
        ProofOfWorkRequired, MailedCodeRequired, MailedCodeWrong, IdempotencyKeyReused, Erased, TryAgain.
        """
        known_token_id = target.token_id or (uuid4() if request.key is None else None)

        def decide(fresh: bool) -> BookingResult:
            link_id = None if target.token_id else self.resolve_slug(target.slug or "", fresh)
            token_id = known_token_id or derive_id(link_id, request.key)
            is_new_id = link_id is not None and request.key is None and not fresh
            state = None if fresh else self.read_expected_team(token_id, link_id, request.start)
            token = self.load_or_issue_token(token_id, link_id, context, is_new_id, state)
            if token.booked_event is not None:
                return self.replay_booking(token, context, request)
            token.refuse_if_spent()
            offer = self.load_offer(token.link_id, fresh)
            token.refuse_if_closed(offer.link, context.now)
            self.refuse_unless_recipient(token, request.details["guest"]["email"])
            offer.refuse_unless_on_offer(request.start, context.now)
            return self.save_booking(token, offer, context, request, state)

        try:
            return self.run_decision(decide)
        except LinkNotFound:
            booked = self.find_booking_by_former_slug(target, request)
            return self.run_decision(lambda _: self.replay_booking(booked, context, request), fresh=True)

    def save_booking(
        self, token: Token, offer: LinkOffer, context: Context, request: BookingRequest, state: TeamState | None
    ) -> BookingResult:
        """Appends the booking under the versions that it was decided on, on a core link with its check and quotas.

        Raises InvalidAnswers, SlotTaken, TooManyBookings, TooManyMails, ProofOfWorkRequired, MailedCodeRequired,
        MailedCodeWrong.
        """
        is_on_core_link = token.issued_event is None
        kept_details = request.build_details(offer.meeting_type.properties.questions)
        choice = self.choose_hosts(offer, request.start, context, state)
        offer = choice.offer
        proof = request.check.verify(offer.link.id) if request.check and is_on_core_link else None
        details = create_personal_details(
            token.id, kept_details, request.details["guest"]["name"], request.details["guest"]["email"]
        )
        token.book(
            context,
            request_key=compute_key_digest(request.key),
            request_digest=compute_digest(request.body, details.salt),
            details_id=details.id,
            details_digest=details.digest,
            chosen=choice.chosen,
            locale=request.locale,
            **offer.build_booked_fields(request.start),
        )
        conditions = AppendConditions(
            reads=(offer.link, offer.meeting_type, *offer.hosts, *choice.reads),
            reservation=Reservation(token.id, offer.host_ids, offer.compute_reserved_interval(request.start)),
            details=(details,),
            quota=self.quotas.limit_booking(context.now, offer.link.id) if is_on_core_link else None,
            proof=proof,
            tally=choice.tally,
            limits=offer.list_limit_windows(request.start),
        )
        return BookingResult(token, offer, kept_details, self.append_events(token, conditions=conditions))

    def replay_booking(self, token: Token, context: Context, request: BookingRequest) -> BookingResult:
        """Returns the first answer to a repeated request. Raises LinkUsed, IdempotencyKeyReused, Erased."""
        booked_event = token.booked_event
        assert booked_event is not None
        assert booked_event.details_id is not None
        is_same_request = booked_event.request_id == context.request_id
        if not is_same_request and (request.key is None or booked_event.request_key != compute_key_digest(request.key)):
            raise LinkUsed
        details = self.reader.load_personal_details([booked_event.details_id]).get(booked_event.details_id)
        if details is None:
            raise Erased
        if compute_digest(request.body, details.salt) != booked_event.request_digest:
            raise IdempotencyKeyReused
        return BookingResult(
            token=self.application.load_aggregate_at_version(Token, token.id, booked_event.originator_version),
            offer=self.load_offer_as_booked(booked_event),
            details=dict(details.data),
            position=self.reader.find_last_position(token.id),
            replayed=not is_same_request,
        )

    def load_offer_as_booked(self, booked_event: MeetingBooked) -> LinkOffer:
        """Returns the offer that a booking was decided on."""
        load = self.application.load_aggregate_at_version
        return LinkOffer(
            meeting_type=load(MeetingType, booked_event.meeting_type_id, booked_event.meeting_type_version),
            hosts=tuple(
                load(Person, id, version)
                for id, version in zip(booked_event.host_ids, booked_event.host_versions, strict=True)
            ),
            link=load(Link, booked_event.link_id, booked_event.link_version),
        )

    def find_booking_by_former_slug(self, target: BookingTarget, request: BookingRequest) -> Token:
        """Returns the token that this key booked while its link still had the slug. Raises LinkNotFound."""
        if target.slug is None or request.key is None:
            raise LinkNotFound
        token_ids = [derive_id(link_id, request.key) for link_id in self.reader.find_links_by_any_slug(target.slug)]
        for aggregate in self.load_aggregates(token_ids).values():
            if isinstance(aggregate, Token) and aggregate.booked_event is not None:
                return aggregate
        raise LinkNotFound

    def repeat_booking(self, context: Context, target: BookingTarget, request: BookingRequest) -> BookingResult:
        """Answers a repeated request as it was answered, and books nothing. Raises LinkNotFound if it never was.

        Raises LinkUsed, IdempotencyKeyReused, Erased, TryAgain too.
        """

        def decide(_: bool) -> BookingResult:
            aggregate = self.load_aggregates([target.token_id]).get(target.token_id) if target.token_id else None
            token = aggregate if isinstance(aggregate, Token) else self.find_booking_by_former_slug(target, request)
            if token.booked_event is None:
                raise LinkNotFound
            return self.replay_booking(token, context, request)

        return self.run_decision(decide, fresh=True)

    def reschedule_meeting(
        self, context: Context, token_id: UUID, start: datetime, message: str | None = None
    ) -> int | None:
        """Moves a booked meeting, whatever its link's state. Returns the position, or None when it is at that time.

        The message is for the guest, who gets it with the mail about the new time.
        A guest moves it within the quotas of moves and mails. Raises NotFound, BookingCancelled, MeetingStarted,
        TooManyMoves, TooManyMails, SlotNotOffered, SlotTaken, TryAgain.
        """
        quotas = self.quotas if context.actor.kind == "guest" else NO_QUOTAS

        def decide(token: Token, fresh: bool) -> int | None:
            if token.require_changeable_meeting(context.now).starts_at == start:
                return None
            token.refuse_frequent_moves(context.now, quotas.moves)
            offer = self.load_booking_offer(token, fresh)
            offer.refuse_unless_on_offer(start, context.now)
            before_ids = token.host_ids
            choice = self.choose_hosts_again(offer, token, start, context)
            offer = choice.offer
            details, details_fields = create_text_details(token.id, "message", token.filter_text(message))
            time_fields = offer.build_time_fields(start)
            token.reschedule(context, meeting_type_version=offer.meeting_type.version, **time_fields, **details_fields)
            if choice.chosen is not None:
                versions = tuple(host.version for host in offer.hosts)
                token.reassign(context, offer.host_ids, versions, chosen=choice.chosen)
            reservation = Reservation(token.id, offer.host_ids, offer.compute_reserved_interval(start))
            conditions = AppendConditions(
                reads=(offer.meeting_type, *offer.hosts, *choice.reads),
                release_booking_id=token.id,
                release_host_ids=before_ids,
                reservation=reservation,
                details=details,
                quota=quotas.limit_move(context.now, token.core_link_details_id),
                tally=choice.tally,
                limits=offer.list_limit_windows(start),
            )
            return self.append_events(token, conditions=conditions)

        return self.decide_on_aggregate(Token, token_id, context, decide)

    def cancel_meeting(self, context: Context, token_id: UUID, reason: str | None) -> int | None:
        """Cancels a booked meeting, for good; where the organisation says so, a host's gives a replacement with it.

        Raises NotFound, BookingCancelled, MeetingStarted, TryAgain.
        """
        cancelled_by = "guest" if context.actor.kind == "guest" else "host"

        def decide(token: Token, _: bool) -> int | None:
            details, details_fields = create_text_details(token.id, "reason", token.filter_text(reason))
            token.cancel(context, cancelled_by=cancelled_by, **details_fields)
            replacement = give_replacement(self, token, context) if cancelled_by == "host" else None
            tally = count_for_another(self, token, None) if cancelled_by == "guest" else None
            conditions = AppendConditions(
                reads=(replacement.link,) if replacement else (),
                release_booking_id=token.id,
                release_host_ids=token.host_ids,
                details=(*details, replacement.details) if replacement else details,
                tally=tally,
            )
            return self.append_events(token, *([replacement.token] if replacement else []), conditions=conditions)

        return self.decide_on_aggregate(Token, token_id, context, decide)

    def record_calendar_conflict(
        self, context: Context, token_id: UUID, host_id: UUID, busy: Collection[Interval]
    ) -> int | None:
        """Records that a host's calendar conflicts with a meeting. Returns the position, or None if it was recorded.

        Raises NotFound, TryAgain.
        """

        def decide(_: bool) -> int | None:
            token = self.load_aggregate(Token, token_id)
            token.record_conflict(context, host_id, busy)
            return self.append_events(token)

        return self.run_decision(decide)

    def load_booking_to_change(self, context: Context, token_id: UUID) -> Token:
        """Returns the token of a booking that the caller may change. Raises NotFound, Forbidden."""
        token = self.load_aggregate(Token, token_id)
        require_booking_changeable(context, token, self.load_aggregate(Link, token.link_id))
        return token

    def resolve_target(self, target: BookingTarget) -> tuple[Token | None, LinkOffer]:
        """Returns the token, if any, and the current offer of a target. Raises LinkNotFound, LinkUnconfirmed."""
        if target.token_id is None:
            return None, self.load_offer(self.resolve_slug(target.slug or "", fresh=True), fresh=True)
        token = self.load_aggregates([target.token_id]).get(target.token_id)
        if not isinstance(token, Token) or token.issued_event is None:
            raise LinkNotFound
        if token.booked_event is None and self.reader.is_unconfirmed(token.id):
            raise LinkUnconfirmed
        return token, replace(self.load_offer(token.link_id, fresh=True), token=token)

    def resolve_slug(self, slug: str, fresh: bool) -> UUID:
        """Returns the id of the link with a slug. Raises LinkNotFound."""
        cached_id = None if fresh else self.application.cache.find_link_id(slug)
        id = cached_id or self.reader.find_claims("slug", [slug]).get(slug)
        if id is None or not isinstance(self.load_aggregates([id], fresh=False).get(id), Link):
            raise LinkNotFound
        return id

    def load_or_issue_token(
        self, id: UUID, link_id: UUID | None, context: Context, is_new_id: bool, state: TeamState | None = None
    ) -> Token:
        """Returns a single-use link's token, or a new one of a core link. `is_new_id`: it cannot exist yet.

        A `state` has the token's events already.
        """
        if state is None:
            aggregate = None if is_new_id else self.load_aggregates([id]).get(id)
        else:
            aggregate = Token(id).copy_with_events(state.events) if state.events else None
        if isinstance(aggregate, Token) and (link_id or aggregate.issued_event):
            return aggregate.copy_with_events(())
        if link_id is None:
            raise LinkNotFound
        token = Token(id)
        token.issue_directly(link_id, context)
        return token
