"""Judges one start by every policy that the offer is made of, each by itself, for each person by themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from domain.availability.grid import iterate_runs
from domain.availability.hours import Interval
from domain.availability.slots import (
    Availability,
    Policy,
    exclude_absences,
    exclude_full_periods,
    exclude_holidays,
    limit_to_booking_window,
    limit_to_free_time,
    limit_to_minimum_notice,
    limit_to_weekly_hours,
)
from domain.offer import LinkOffer, Offer
from domain.person import Person
from domain.refusals import LinkSingleUseOnly, Refusal

PolicyName = Literal[
    "link", "minimum_notice", "booking_window", "grid", "active", "hours", "absence", "holiday", "limit", "time", "team"
]
PersonRole = Literal["host", "member"]

RULES_OF_TYPE: Sequence[tuple[PolicyName, Policy]] = (
    ("minimum_notice", limit_to_minimum_notice),
    ("booking_window", limit_to_booking_window),
)
RULES_OF_PEOPLE: Sequence[tuple[PolicyName, Policy]] = (
    ("hours", limit_to_weekly_hours),
    ("absence", exclude_absences),
    ("holiday", exclude_holidays),
    ("limit", exclude_full_periods),
    ("time", limit_to_free_time),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one policy says of a start, about one person where it is about people.

    `code` is that of the refusal where the link itself is closed.
    """

    policy: PolicyName
    passes: bool
    person: Person | None = None
    role: PersonRole | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """All verdicts on a start: those of the link and its meeting type, then those of each host and member."""

    start: datetime
    verdicts: tuple[Verdict, ...]

    @property
    def is_on_offer(self) -> bool:
        """Whether the start is on offer: everything passes, and with a team all of one member."""
        return all(verdict.passes for verdict in self.verdicts if verdict.role != "member")

    @property
    def failures(self) -> list[Verdict]:
        """The verdicts that keep the start from being on offer; those of members only where every member has one."""
        failed = [verdict for verdict in self.verdicts if not verdict.passes]
        has_free_member = all(verdict.policy != "team" for verdict in failed)
        return [verdict for verdict in failed if not (verdict.role == "member" and has_free_member)]


def judge_start(
    offer: LinkOffer, start: datetime, now: datetime, unavailable: Mapping[UUID, Sequence[Interval]]
) -> Judgement:
    """Judges a start (aware, UTC). `unavailable` is the taken time of each host and member of the team."""
    verdicts = [judge_link(offer, now), *judge_rules(offer, start, now)]
    for host in offer.hosts:
        verdicts += judge_person(offer, host, "host", start, now, unavailable.get(host.id, ()))
    if offer.team is not None:
        of_members = [
            judge_person(offer, member, "member", start, now, unavailable.get(member.id, ()))
            for member in offer.members
        ]
        is_any_free = any(all(verdict.passes for verdict in of_member) for of_member in of_members)
        verdicts.append(Verdict("team", is_any_free))
        verdicts += [verdict for of_member in of_members for verdict in of_member]
    return Judgement(start, tuple(verdicts))


def judge_link(offer: LinkOffer, now: datetime) -> Verdict:
    """Judges whether the link is open. A link whose own address books nothing is: its single-use links are offered."""
    try:
        offer.refuse_if_closed(now)
    except LinkSingleUseOnly:
        pass
    except Refusal as refusal:
        return Verdict("link", passes=False, code=refusal.code)
    return Verdict("link", passes=True)


def judge_rules(offer: Offer, start: datetime, now: datetime) -> list[Verdict]:
    """Judges what the meeting type says, and the grid of the first host's hours."""
    rules = offer.meeting_type.properties.rules
    availability = Availability.from_hosts(rules, [], (), (start, start), now)
    verdicts = [Verdict(name, bool(policy(availability, [(start, start)]))) for name, policy in RULES_OF_TYPE]
    is_on_grid = any(iterate_runs(offer.get_hours(offer.hosts[0]), rules.step, [(start, start)]))
    return [*verdicts, Verdict("grid", is_on_grid)]


def judge_person(
    offer: Offer, person: Person, role: PersonRole, start: datetime, now: datetime, unavailable: Sequence[Interval]
) -> list[Verdict]:
    """Judges whether one person could take a meeting at a start."""
    rules = offer.meeting_type.properties.rules
    availability = Availability.from_hosts(rules, [offer.get_hours(person)], unavailable, (start, start), now)
    verdicts = [
        Verdict(name, bool(policy(availability, [(start, start)])), person, role) for name, policy in RULES_OF_PEOPLE
    ]
    if not person.active:
        verdicts = [verdict for verdict in verdicts if verdict.policy != "hours"]
    return [Verdict("active", person.active, person, role), *verdicts]
