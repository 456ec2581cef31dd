"""What has to be told to whom: which events are told, over which channels, and where each telling stands.

A table says it, for this module's state of one token as for the read model `projections/outbox.py`; a test holds both
against each other. To tell more, add a row to `CAUSES`; to tell it another way, a row to `CHANNELS`.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple
from uuid import UUID

from domain.event import Event

Role = Literal["guest", "host", "co_host", "former_host"]
State = Literal["owed", "sent", "failed"]
EVERYBODY: tuple[Role, ...] = ("guest", "host", "co_host", "former_host")
# seconds from a failure to the next attempt; after the last of them a failure is for good
BACK_OFF = (10, 60, 300, 1_800, 7_200, 21_600, 43_200, 86_400)
MOST_UNKNOWN = 2  # attempts whose outcome nobody knows: no mail goes out more often than that with one Message-ID


@dataclass(frozen=True, slots=True)
class Cause:
    """What is told of an event, to whom, and whether it makes needless what was owed to the same people before.

    `changes` says that a calendar's entry is another one afterwards, so that its sequence rises. An event that names
    one host, `host_id`, is told to no other.
    """

    what: str
    roles: tuple[Role, ...] = EVERYBODY
    replaces: bool = True
    changes: bool = True
    channels: tuple[str, ...] = ("mail", "calendar")


@dataclass(frozen=True, slots=True)
class Channel:
    """The events of a channel, by their names without version, and whom it reaches."""

    sent: str
    failed: str
    requested: str
    roles: tuple[Role, ...] = EVERYBODY

    @property
    def events(self) -> tuple[str, str, str]:
        """All of them."""
        return self.sent, self.failed, self.requested


CAUSES: dict[str, Cause] = {
    "MeetingBooked": Cause("booked", changes=False),
    "Rescheduled": Cause("rescheduled"),
    "MeetingReassigned": Cause("reassigned"),
    "MeetingCancelled": Cause("cancelled"),
    "CalendarConflictFound": Cause("conflict", replaces=False, changes=False, channels=("mail",)),
}
CHANNELS: dict[str, Channel] = {
    "mail": Channel("MailSent", "MailFailed", "MailRequested"),
    "calendar": Channel(
        "CalendarWritten", "CalendarFailed", "CalendarRequested", roles=("host", "co_host", "former_host")
    ),
}
CHANNEL_OF = {name: channel for channel, its in CHANNELS.items() for name in its.events}


class Telling(NamedTuple):
    """One thing that is owed: what an event of the stream (by its version) means for one recipient, over a channel."""

    cause_version: int
    channel: str
    to: Role
    person_id: UUID | None = None

    def id(self, token_id: UUID) -> UUID:
        """Its id, always the same."""
        parts = (token_id, self.cause_version, self.channel, self.to, self.person_id)
        text = ".".join(str(part) for part in parts if part is not None)
        return UUID(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest())


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a telling got: attempts since it was last asked for, and how many of these nobody knows the end of."""

    state: State = "owed"
    attempts: int = 0
    unknown: int = 0
    requests: int = 0


@dataclass(frozen=True, slots=True)
class Outbox:
    """What is owed of one token, folded from its stream."""

    causes: tuple[Event, ...] = ()
    told: Mapping[Telling, Standing] = field(default_factory=dict)
    erased: frozenset[UUID] = frozenset()

    def after(self, event: Event) -> "Outbox":
        """The outbox after one more event of the stream: total, like all folding."""
        name = name_of(event)
        if name in CAUSES:
            return replace(self, causes=(*self.causes, event))
        if name in CHANNEL_OF:
            telling = telling_of(event)
            return replace(self, told={**self.told, telling: after_telling(self.standing(telling), name, event)})
        if name == "PersonalDetailsErased":
            return replace(self, erased=self.erased.union(getattr(event, "details_ids", ())))
        return self

    def standing(self, telling: Telling) -> Standing:
        """How far a telling got."""
        return self.told.get(telling, Standing())

    def tellings(self) -> Iterator[Telling]:
        """Everything that was ever owed, the superseded too."""
        for cause in self.causes:
            known = CAUSES[name_of(cause)]
            for channel, its in CHANNELS.items():
                for to, person_id in self.recipients(cause):
                    if channel in known.channels and to in known.roles and to in its.roles:
                        yield Telling(cause.originator_version, channel, to, person_id)

    def recipients(self, cause: Event) -> Iterator[tuple[Role, UUID | None]]:
        """The guest, the hosts that the meeting had after an event, or the one that it is about, and those it took."""
        yield "guest", None
        hosts: tuple[UUID, ...] = ()
        for event in self.causes:
            if event.originator_version <= cause.originator_version:
                hosts = getattr(event, "host_ids", hosts)
        for number, host in enumerate(hosts):
            if getattr(cause, "host_id", host) == host:
                yield "co_host" if number else "host", host
        for host in getattr(cause, "previous_host_ids", ()):
            if host not in hosts:
                yield "former_host", host

    def is_superseded(self, telling: Telling) -> bool:
        """Whether something later replaces it for the same recipient."""
        return any(
            later.cause_version > telling.cause_version
            and (later.channel, later.person_id) == (telling.channel, telling.person_id)
            and CAUSES[name_of(self.cause(later))].replaces
            for later in self.tellings()
        )

    def is_erased(self, telling: Telling) -> bool:
        """Whether it was for a guest of whom nothing is known any more."""
        booked = next((cause for cause in self.causes if name_of(cause) == "MeetingBooked"), None)
        return telling.to == "guest" and getattr(booked, "details_id", None) in self.erased

    def makes_sense(self, telling: Telling) -> bool:
        """Whether it may be told, again or for the first time."""
        known = telling in set(self.tellings())
        return known and not self.is_superseded(telling) and not self.is_erased(telling)

    def is_open(self, telling: Telling) -> bool:
        """Whether it has to be told now or later."""
        return self.standing(telling).state == "owed" and self.makes_sense(telling)

    def is_first(self, telling: Telling) -> bool:
        """Whether its reader was told nothing of the meeting before."""
        return not any(
            standing.state == "sent"
            and (earlier.channel, earlier.person_id) == (telling.channel, telling.person_id)
            and earlier.cause_version < telling.cause_version
            for earlier, standing in self.told.items()
        )

    def cause(self, telling: Telling) -> Event:
        """The event that is told. Raises KeyError."""
        found = {cause.originator_version: cause for cause in self.causes}
        return found[telling.cause_version]

    def about(self, telling: Telling) -> dict[str, Any]:
        """How an event speaks of a telling."""
        what = CAUSES[name_of(self.cause(telling))].what
        return {"cause_version": telling.cause_version, "what": what, "to": telling.to, "person_id": telling.person_id}


def after_telling(before: Standing, name: str, event: Any) -> Standing:
    """How far a telling got after an event of its channel."""
    channel = CHANNELS[CHANNEL_OF[name]]
    if name == channel.requested:
        return Standing(requests=before.requests + 1)
    if name == channel.sent:
        return replace(before, state="sent", attempts=event.attempt)
    unknown = before.unknown + (event.reason == "unknown_outcome")
    return replace(before, state="failed" if event.last else "owed", attempts=event.attempt, unknown=unknown)


def telling_of(event: Any) -> Telling:
    """What an event of a channel speaks of."""
    return Telling(event.cause_version, CHANNEL_OF[name_of(event)], event.to, event.person_id)


def name_of(event: Event) -> str:
    """An event's name without its version."""
    return event.stored_name.partition(".")[0]


def sequence(story: Iterator[Event]) -> int:
    """How often a meeting was changed, as calendars count it."""
    changing = [name for name, cause in CAUSES.items() if cause.changes]
    return sum(name_of(event) in changing for event in story)
