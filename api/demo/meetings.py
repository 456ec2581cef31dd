"""Three weeks of the sample organisation's bookings, in order; each step names the version that it makes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any, TypeVar
from uuid import UUID, uuid4, uuid5

from api.demo.guests import GUEST_REASONS, GUESTS, HOST_REASONS, NOTES, REVOKE_REASONS, Guest
from api.demo.organisation import PEOPLE, SamplePerson
from api.services import Services
from domain.availability.hours import Interval
from domain.commands.booking_request import BookingRequest, BookingTarget
from domain.commands.single_use_links import SingleUseDetails
from domain.event import Actor, Context, Source
from domain.link import Link
from domain.offer import Offer
from domain.token import Token

# What becomes of a token, a letter each: booked, moved, moved twice, cancelled by its guest, moved and then cancelled,
# cancelled by its host, missed by its guest; a single-use link may also be revoked, or stay unused.
OUTCOMES: dict[str, tuple[str, ...]] = {
    "b": ("book",),
    "m": ("book", "move"),
    "t": ("book", "move", "move"),
    "g": ("book", "cancel_as_guest"),
    "x": ("book", "move", "cancel_as_guest"),
    "h": ("book", "cancel_as_host"),
    "n": ("book", "mark_no_show"),
    "r": ("revoke",),
    ".": (),
}
DIRECT_BOOKINGS = {  # bookings on the core links, spread over three weeks
    "julio": "nmbgbbhbbtb",
    "deep-dive": "bmbbgbb",
    "ask": "bbmhb",
    "tour-julio": "bbg",
    "tour-sam": "bmbx",
    "tour-priya": "bbb",
}
TEAM_BOOKINGS = {"architecture": "bbbbb"}  # with the sales engineering team
PERIOD = timedelta(days=21)
LAST_BOOKING_AGE = timedelta(hours=15)  # before now, so that whatever follows a booking is past too
REACTION_TIME = timedelta(hours=7)
DAYS_AHEAD = (2, 5, 3, 9, 4, 7, 12)  # days from a booking to its meeting
SEARCH_PERIOD = timedelta(days=5)  # longer than a weekend with a day off beside it

T = TypeVar("T")


@dataclass(frozen=True)
class Batch:
    """Single-use links issued at once, with the outcome of each as a letter of `OUTCOMES`."""

    key: str
    link: str
    issuer: str
    days_ago: float
    label: str | None
    outcomes: str
    source: Source = "web"
    metadata: dict[str, str] = field(default_factory=dict)
    has_recipients: bool = True

    @property
    def token_ids(self) -> list[UUID]:
        """The ids of the links, as `SingleUseLinkCommands.issue_links` derives them from its key."""
        first_id = PEOPLE[self.issuer].derive_created_id(self.key)
        return [first_id, *(uuid5(first_id, str(number)) for number in range(1, len(self.outcomes)))]


NEWSLETTER = Batch("newsletter", "julio", "julio", 1.2, "Newsletter", "....", "web", has_recipients=False)
BATCHES = (
    Batch("autumn", "julio", "julio", 20.2, "Autumn outreach", "bmbg.bhr", metadata={"campaign": "autumn"}),
    Batch("web-week", "web-week", "julio", 18.4, "Met at the stand", "bt.b..", "extension", {"source": "badge scan"}),
    Batch("proof", "deep-dive", "julio", 15.1, "Proof of concept", "bmb.r", "extension"),
    Batch("crm", "tour-sam", "sam", 11.6, "Renewals", "bb.g", "api", {"crm": "opportunity", "stage": "renewal"}),
    Batch("engineer", "ask", "priya", 8.3, "Before the tender", "bx.."),
    Batch("referrals", "julio", "claire", 5.5, "Referrals of partners", "b.b.", "web", {"partner": "Hexagon"}),
    NEWSLETTER,
)


@dataclass(frozen=True)
class Step:
    """A command on a token; it is done once the token has reached the version."""

    at: datetime
    token_id: UUID
    version: int
    apply: Callable[[], object]


class SampleBookings:
    """Plans and creates the sample's bookings."""

    def __init__(self, services: Services, links: Mapping[str, UUID], today: datetime) -> None:
        self.services = services
        self.scheduling = services.scheduling
        self.links = links
        self.today = today

    def create_missing(self) -> None:
        """Run every step that is not done yet, in the order of time."""
        numbers = count()
        direct_steps = [
            step
            for link, outcomes in DIRECT_BOOKINGS.items()
            for step in self.plan_link_bookings(link, outcomes, numbers)
        ]
        batch_steps = list(self.plan_batches(numbers))
        team_steps = [
            step
            for link, outcomes in TEAM_BOOKINGS.items()
            for step in self.plan_link_bookings(link, outcomes, numbers)
        ]
        steps = sorted([*direct_steps, *batch_steps, *team_steps], key=lambda step: step.at)
        tokens = self.scheduling.load_aggregates({step.token_id for step in steps})
        for step in steps:
            if step.token_id not in tokens or tokens[step.token_id].version < step.version:
                step.apply()

    def plan_link_bookings(self, link: str, outcomes: str, numbers: Iterator[int]) -> Iterator[Step]:
        """Plan bookings on a core link; none when a manager has taken the link from its host."""
        if link not in self.links:
            return
        pause = (PERIOD - LAST_BOOKING_AGE) / len(outcomes)
        slug = self.services.links.load_aggregate(Link, self.links[link], fresh=False).properties.slug
        for index, outcome in enumerate(outcomes):
            number = next(numbers)
            at = self.today - PERIOD + pause * index + timedelta(minutes=(number * 397) % 1440) * 0.5
            key = f"sample-{link}-{index}"
            token_id = uuid5(self.links[link], key)
            yield from self.plan_outcome(token_id, BookingTarget(slug=slug), outcome, at, number, key)

    def plan_batches(self, numbers: Iterator[int]) -> Iterator[Step]:
        """Plan the batches of single-use links, and their outcomes."""
        for batch in BATCHES:
            if batch.link not in self.links:
                continue
            issued_at = self.today - timedelta(days=batch.days_ago)
            guests = [pick(GUESTS, next(numbers)) for _ in batch.outcomes]
            yield self.plan_issue(batch, guests, issued_at)
            for index, (token_id, outcome) in enumerate(zip(batch.token_ids, batch.outcomes, strict=True)):
                at = issued_at + timedelta(hours=5 + 11 * index)
                number = GUESTS.index(guests[index]) + (index % 4 == 1)  # a colleague may book instead
                yield from self.plan_outcome(token_id, BookingTarget(token_id=token_id), outcome, at, number, None)

    def plan_issue(self, batch: Batch, guests: Sequence[Guest], at: datetime) -> Step:
        """Plan the step that issues a batch, in one append."""

        def issue_batch() -> None:
            recipients = [
                {"name": guest.name, "email": guest.email} if batch.has_recipients else None for guest in guests
            ]
            details = [SingleUseDetails(recipient, batch.label, batch.metadata) for recipient in recipients]
            context = PEOPLE[batch.issuer].build_context(at, batch.source)
            self.services.single_use_links.issue_links(context, self.links[batch.link], details, batch.key, {})

        return Step(at, batch.token_ids[0], 1, issue_batch)

    def plan_outcome(
        self, token_id: UUID, target: BookingTarget, outcome: str, at: datetime, number: int, key: str | None
    ) -> Iterator[Step]:
        """Plan one token's steps; each further event is one version more."""

        def build_step(index: int, action: str) -> Step:
            instant = at + REACTION_TIME * index
            if action == "mark_no_show":  # when the meeting has certainly begun
                instant = at + timedelta(days=pick(DAYS_AHEAD, number)) + SEARCH_PERIOD

            def apply_action() -> None:
                if action == "book":
                    self.book(target, token_id, number, instant, key)
                else:
                    getattr(self, action)(token_id, number, instant)

            return Step(instant, token_id, 2 + index, apply_action)

        return (build_step(index, action) for index, action in enumerate(OUTCOMES[outcome]))

    def book(self, target: BookingTarget, token_id: UUID, number: int, at: datetime, key: str | None) -> None:
        """A guest books a time that is on offer."""
        guest = pick(GUESTS, number)
        link_id = target.token_id and self.scheduling.load_aggregate(Token, token_id).link_id
        offer = self.scheduling.load_offer(
            link_id or self.scheduling.resolve_slug(target.slug or "", fresh=False), fresh=False
        )
        notes = pick(NOTES, number // 3) if number % 3 == 0 else None
        request = BookingRequest(
            self.find_free_time(offer, number, at),
            {"guest": guest._asdict(), "notes": notes},
            key,
            answers=give_answers(offer, number),
        )
        self.scheduling.book_meeting(build_guest_context(at), target, request)

    def move(self, token_id: UUID, number: int, at: datetime) -> None:
        """A guest moves their meeting to another time that is on offer."""
        offer = self.scheduling.load_booking_offer(self.scheduling.load_aggregate(Token, token_id), fresh=False)
        self.scheduling.reschedule_meeting(
            build_guest_context(at), token_id, self.find_free_time(offer, number + 3, at)
        )

    def cancel_as_guest(self, token_id: UUID, number: int, at: datetime) -> None:
        """A guest cancels; most say why."""
        self.scheduling.cancel_meeting(
            build_guest_context(at), token_id, None if number % 4 == 1 else pick(GUEST_REASONS, number)
        )

    def cancel_as_host(self, token_id: UUID, number: int, at: datetime) -> None:
        """The host cancels, and says why."""
        self.scheduling.cancel_meeting(self.find_host(token_id).build_context(at), token_id, pick(HOST_REASONS, number))

    def mark_no_show(self, token_id: UUID, number: int, at: datetime) -> None:
        """The host says that the guest did not come."""
        self.services.no_shows.mark_no_show(self.find_host(token_id).build_context(at), token_id, tell_guest=False)

    def revoke(self, token_id: UUID, number: int, at: datetime) -> None:
        """Whoever issued a link withdraws it."""
        issued_event = self.scheduling.load_aggregate(Token, token_id).issued_event
        issuer = next(person for person in PEOPLE.values() if issued_event and person.id == issued_event.issued_by)
        self.services.single_use_links.revoke_link(issuer.build_context(at), token_id, pick(REVOKE_REASONS, number))

    def find_host(self, token_id: UUID) -> SamplePerson:
        """Find the person who hosted a meeting when it was booked."""
        booked_event = self.scheduling.load_aggregate(Token, token_id).booked_event
        return next(person for person in PEOPLE.values() if booked_event and person.id == booked_event.host_ids[0])

    def find_free_time(self, offer: Offer, number: int, at: datetime) -> datetime:
        """Find one of the first offered slots some days ahead; returns its start."""
        start = at + timedelta(days=pick(DAYS_AHEAD, number))
        slots = self.scheduling.list_slots(offer, Interval(start, start + SEARCH_PERIOD), at)
        return pick(slots[:14], number * 5).start


def give_answers(offer: Offer, number: int) -> dict[str, Any]:
    """Give a guest's answers to what a meeting type of the sample asks: options of a list, and numbers."""
    answers: dict[str, Any] = {}
    for question in offer.meeting_type.properties.questions:
        if question.kind == "many_of":
            answers[question.key] = [pick(question.options, number), pick(question.options, number + 1)]
        if question.kind == "number":
            answers[question.key] = 5 * (number % 12 + 1)
    return answers


def build_guest_context(at: datetime) -> Context:
    """Build the context of a guest's command at an instant, which may be past."""
    return Context(at, Actor(kind="guest"), uuid4().hex, "web")


def pick(choices: Sequence[T], number: int) -> T:
    """One of several, always the same for a number."""
    return choices[number % len(choices)]
