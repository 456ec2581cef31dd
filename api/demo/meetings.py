"""Three weeks of the sample organisation's bookings, told in order: each step names the version that it makes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import TypeVar
from uuid import UUID, uuid4, uuid5

from api.demo.guests import GUEST_REASONS, GUESTS, HOST_REASONS, NOTES, REVOKE_REASONS, Guest
from api.demo.organisation import PEOPLE
from api.services import Oncelink
from domain.availability.hours import Interval
from domain.availability.offer import Offer
from domain.commands.scheduling import Door, Wish
from domain.commands.single_use_links import Given
from domain.event import Actor, Context, Source
from domain.link import Link
from domain.token import Token

# What becomes of a token, a letter each: booked, moved, moved twice, cancelled by its guest, moved and then cancelled,
# cancelled by its host; a single-use link may also be revoked, or stay unused.
FATES: dict[str, tuple[str, ...]] = {
    "b": ("book",),
    "m": ("book", "move"),
    "t": ("book", "move", "move"),
    "g": ("book", "cancel_as_guest"),
    "x": ("book", "move", "cancel_as_guest"),
    "h": ("book", "cancel_as_host"),
    "r": ("revoke",),
    ".": (),
}
DIRECT = {  # bookings on the core links, spread over three weeks
    "julio": "bmbgbbhbbtb",
    "deep-dive": "bmbbgbb",
    "ask": "bbmhb",
    "tour-julio": "bbg",
    "tour-sam": "bmbx",
    "tour-priya": "bbb",
}
WEEKS = timedelta(days=21)
UNTIL = timedelta(hours=15)  # before now, so that whatever follows a booking is past too
REACTION = timedelta(hours=7)
AHEAD = (2, 5, 3, 9, 4, 7, 12)  # days from a booking to its meeting
SEARCH = timedelta(days=5)  # longer than a weekend with a day off beside it

T = TypeVar("T")


@dataclass(frozen=True)
class Batch:
    """Single-use links that somebody issued at once, and what became of each."""

    key: str
    link: str
    issuer: str
    days_ago: float
    label: str | None
    fates: str
    source: Source = "web"
    metadata: dict[str, str] = field(default_factory=dict)
    named: bool = True

    @property
    def token_ids(self) -> list[UUID]:
        """The ids of the links, as `Issuing.issue` makes them from its key."""
        first = PEOPLE[self.issuer].created(self.key)
        return [first, *(uuid5(first, str(number)) for number in range(1, len(self.fates)))]


NEWSLETTER = Batch("newsletter", "julio", "julio", 1.2, "Newsletter", "....", "web", named=False)
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
    """Something that happened to a token; it is done when the token has reached the version."""

    at: datetime
    token_id: UUID
    version: int
    act: Callable[[], object]


class Meetings:
    """The story of the bookings, from the day that the sample was begun."""

    def __init__(self, oncelink: Oncelink, links: Mapping[str, UUID], today: datetime) -> None:
        self.oncelink = oncelink
        self.scheduling = oncelink.scheduling
        self.links = links
        self.today = today

    def tell(self) -> None:
        """Does whatever has not been done yet, in the order of time."""
        numbers = count()
        direct = [step for link, fates in DIRECT.items() for step in self.of_link(link, fates, numbers)]
        steps = sorted([*direct, *self.of_batches(numbers)], key=lambda step: step.at)
        known = self.scheduling.load({step.token_id for step in steps})
        for step in steps:
            if step.token_id not in known or known[step.token_id].version < step.version:
                step.act()

    def of_link(self, link: str, fates: str, numbers: Iterator[int]) -> Iterator[Step]:
        """Bookings on a core link. A link that a manager has taken from its host meanwhile has none."""
        if link not in self.links:
            return
        pause = (WEEKS - UNTIL) / len(fates)
        slug = self.oncelink.publishing.get(Link, self.links[link], fresh=False).properties.slug
        for place, fate in enumerate(fates):
            number = next(numbers)
            at = self.today - WEEKS + pause * place + timedelta(minutes=(number * 397) % 1440) * 0.5
            key = f"sample-{link}-{place}"
            token_id = uuid5(self.links[link], key)
            yield from self.fate_of(token_id, Door(slug=slug), fate, at, number, key)

    def of_batches(self, numbers: Iterator[int]) -> Iterator[Step]:
        """Single-use links, and what became of them."""
        for batch in BATCHES:
            if batch.link not in self.links:
                continue
            issued_at = self.today - timedelta(days=batch.days_ago)
            guests = [pick(GUESTS, next(numbers)) for _ in batch.fates]
            yield self.issuing(batch, guests, issued_at)
            for place, (token_id, fate) in enumerate(zip(batch.token_ids, batch.fates, strict=True)):
                at = issued_at + timedelta(hours=5 + 11 * place)
                number = GUESTS.index(guests[place]) + (place % 4 == 1)  # a colleague may book instead
                yield from self.fate_of(token_id, Door(token_id=token_id), fate, at, number, None)

    def issuing(self, batch: Batch, guests: Sequence[Guest], at: datetime) -> Step:
        """The step that makes the links of a batch, all in one append."""

        def act() -> None:
            recipients = [{"name": guest.name, "email": guest.email} if batch.named else None for guest in guests]
            given = [Given(recipient, batch.label, batch.metadata) for recipient in recipients]
            context = PEOPLE[batch.issuer].at(at, batch.source)
            self.oncelink.issuing.issue(context, self.links[batch.link], given, batch.key, {})

        return Step(at, batch.token_ids[0], 1, act)

    def fate_of(
        self, token_id: UUID, door: Door, fate: str, at: datetime, number: int, key: str | None
    ) -> Iterator[Step]:
        """What happens to one token: issued or made on the spot, each further event is one version more."""

        def step(place: int, does: str) -> Step:
            instant = at + REACTION * place

            def act() -> None:
                if does == "book":
                    self.book(door, token_id, number, instant, key)
                else:
                    getattr(self, does)(token_id, number, instant)

            return Step(instant, token_id, 2 + place, act)

        return (step(place, does) for place, does in enumerate(FATES[fate]))

    def book(self, door: Door, token_id: UUID, number: int, at: datetime, key: str | None) -> None:
        """A guest books a time that is on offer."""
        guest = pick(GUESTS, number)
        link_id = door.token_id and self.scheduling.get(Token, token_id).link_id
        offer = self.scheduling.offer(link_id or self.scheduling.link_at(door.slug or "", fresh=False), fresh=False)
        notes = pick(NOTES, number // 3) if number % 3 == 0 else None
        wish = Wish(self.free_time(offer, number, at), {"guest": guest._asdict(), "notes": notes}, key)
        self.scheduling.book(as_guest(at), door, wish)

    def move(self, token_id: UUID, number: int, at: datetime) -> None:
        """A guest moves their meeting to another time that is on offer."""
        offer = self.scheduling.offer_of_booking(self.scheduling.get(Token, token_id), fresh=False)
        self.scheduling.reschedule(as_guest(at), token_id, self.free_time(offer, number + 3, at))

    def cancel_as_guest(self, token_id: UUID, number: int, at: datetime) -> None:
        """A guest cancels; most say why."""
        self.scheduling.cancel(as_guest(at), token_id, None if number % 4 == 1 else pick(GUEST_REASONS, number))

    def cancel_as_host(self, token_id: UUID, number: int, at: datetime) -> None:
        """The host cancels, and says why."""
        booked = self.scheduling.get(Token, token_id).booked
        host = next(person for person in PEOPLE.values() if booked and person.id == booked.host_ids[0])
        self.scheduling.cancel(host.at(at), token_id, pick(HOST_REASONS, number))

    def revoke(self, token_id: UUID, number: int, at: datetime) -> None:
        """Whoever issued a link withdraws it."""
        issued = self.scheduling.get(Token, token_id).issued
        issuer = next(person for person in PEOPLE.values() if issued and person.id == issued.issued_by)
        self.oncelink.issuing.revoke(issuer.at(at), token_id, pick(REVOKE_REASONS, number))

    def free_time(self, offer: Offer, number: int, at: datetime) -> datetime:
        """One of the first times that are really on offer some days ahead."""
        start = at + timedelta(days=pick(AHEAD, number))
        found = self.scheduling.slots(offer, Interval(start, start + SEARCH), at)
        return pick(found[:14], number * 5).start


def as_guest(at: datetime) -> Context:
    """What a guest does at an instant, which may be past."""
    return Context(at, Actor(kind="guest"), uuid4().hex, "web")


def pick(choices: Sequence[T], number: int) -> T:
    """One of several, always the same for a number."""
    return choices[number % len(choices)]
