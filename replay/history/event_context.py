"""What an event is told with: names as they were at its position, what its token is about, and personal details."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from replay.history.event_rows import LogRow, as_id, as_ids, as_object
from store.database import Database

ONE = (
    *("link_id", "owner_id", "meeting_type_id", "issued_by", "managed_link_id", "created_by_id", "person_id"),
    "host_id",
)
SEVERAL = ("co_host_ids", "host_ids", "previous_host_ids")
OF_TOKENS = (
    *("SingleUseIssued", "DirectIssued", "SingleUseRevoked"),
    *("MeetingBooked", "Rescheduled", "MeetingReassigned", "MeetingCancelled", "CalendarConflictFound"),
    *("MailSent", "MailFailed", "MailRequested"),
    *("CalendarWritten", "CalendarFailed", "CalendarRequested"),
)
ERASED = "PersonalDetailsErased"

NAMES = """
SELECT wanted.id, wanted.position, known.name
FROM unnest(%(ids)s::uuid[], %(positions)s::bigint[]) AS wanted (id, position)
CROSS JOIN LATERAL (
    SELECT e.data ->> 'name' AS name FROM {schema}.events AS e
    WHERE e.stream_id = wanted.id AND e.position <= wanted.position AND e.data ? 'name'
    ORDER BY e.version DESC LIMIT 1
) AS known
"""
TOKENS = """
SELECT e.stream_id, e.version, split_part(e.type, '.', 1) AS name, e.data FROM {schema}.events AS e
WHERE e.stream_id = ANY(%(tokens)s) AND (e.type ^@ 'SingleUseIssued.' OR e.type ^@ 'DirectIssued.'
    OR e.type ^@ 'MeetingBooked.' OR e.type ^@ 'MeetingReassigned.') ORDER BY e.version
"""
DETAILS = "SELECT id, data FROM {schema}.personal_details WHERE id = ANY(%(ids)s)"


@dataclass(slots=True)
class TokenFacts:
    """The payloads of what a token was issued for, of the meeting that was booked with it, and of its new hosts."""

    issued: Mapping[str, Any] = field(default_factory=dict)
    booked: Mapping[str, Any] = field(default_factory=dict)
    reassigned: list[tuple[int, Mapping[str, Any]]] = field(default_factory=list)
    single_use: bool = False

    def hosted(self, row: LogRow) -> Mapping[str, Any]:
        """The payload that says who hosted the meeting right before an event."""
        return next((data for version, data in reversed(self.reassigned) if version < row.version), self.booked)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What some events are told with, looked up for all of them at once."""

    names: Mapping[tuple[UUID, int], str]
    tokens: Mapping[UUID, TokenFacts]
    details: Mapping[UUID, Mapping[str, Any]]

    def name(self, id: UUID | None, row: LogRow) -> str | None:
        """A thing's name as it was at an event's position."""
        return None if id is None else self.names.get((id, row.position))

    def token(self, row: LogRow) -> TokenFacts:
        """What the event's token is about."""
        return self.tokens.get(row.stream_id, TokenFacts())


def surroundings(db: Database, rows: Sequence[LogRow]) -> Surroundings:
    """What these events are told with, in three queries. Raises DatabaseAway."""
    tokens = tokens_of(db, [row.stream_id for row in rows if row.name in (*OF_TOKENS, ERASED)])
    wanted = {(id, row.position) for row in rows for id in referred(row, tokens.get(row.stream_id))}
    ids, positions = [id for id, _ in wanted], [position for _, position in wanted]
    names = db.rows(NAMES, {"ids": ids, "positions": positions}) if wanted else []
    details = {id for row in rows for id in details_of(row, tokens.get(row.stream_id))}
    found = db.rows(DETAILS, {"ids": list(details)}) if details else []
    return Surroundings(
        {(row["id"], row["position"]): row["name"] for row in names},
        tokens,
        {row["id"]: as_object(row["data"]) for row in found},
    )


def tokens_of(db: Database, ids: Sequence[UUID]) -> dict[UUID, TokenFacts]:
    """What tokens were issued and booked for."""
    tokens: dict[UUID, TokenFacts] = {}
    for row in db.rows(TOKENS, {"tokens": list(set(ids))}) if ids else ():
        facts = tokens.setdefault(row["stream_id"], TokenFacts())
        if row["name"] == "MeetingBooked":
            facts.booked = as_object(row["data"])
        elif row["name"] == "MeetingReassigned":
            facts.reassigned.append((row["version"], as_object(row["data"])))
        else:
            facts.issued, facts.single_use = as_object(row["data"]), row["name"] == "SingleUseIssued"
    return tokens


def referred(row: LogRow, token: TokenFacts | None) -> Iterator[UUID]:
    """Everything that an event speaks of: its stream, its actor, what its payload and its token name."""
    yield row.stream_id
    if row.actor_id is not None:
        yield row.actor_id
    payloads = [row.data, row.before, *((token.issued, token.booked, token.hosted(row)) if token else ())]
    for payload in payloads:
        one = (as_id(payload.get(name)) for name in ONE)
        yield from (id for id in one if id is not None)
        for name in SEVERAL:
            yield from as_ids(payload.get(name))


def details_of(row: LogRow, token: TokenFacts | None) -> Iterator[UUID]:
    """The personal details that an event, and its token so far, refer to."""
    payloads = [row.data, *((token.issued, token.booked) if token else ())]
    found = (as_id(payload.get("details_id")) for payload in payloads)
    yield from (id for id in found if id is not None)
