"""The context of events: names at their position, their token's issue and booking, and personal details."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from replay.history.event_rows import LogRow, to_id, to_ids, to_object
from store.database import Database

ID_FIELDS = (
    *("link_id", "owner_id", "meeting_type_id", "issued_by", "managed_link_id", "created_by_id", "person_id"),
    *("host_id", "team_id"),
)
ID_LIST_FIELDS = ("co_host_ids", "host_ids", "previous_host_ids")
TOKEN_EVENTS = (
    *("SingleUseIssued", "DirectIssued", "SingleUseRevoked", "SingleUseSendRequested"),
    *("MeetingBooked", "Rescheduled", "MeetingReassigned", "MeetingCancelled", "CalendarConflictFound"),
    *("NoShowMarked", "NoShowUnmarked"),
    *("MailSent", "MailFailed", "MailRequested"),
    *("CalendarWritten", "CalendarFailed", "CalendarRequested"),
)
DETAILS_ERASED = "PersonalDetailsErased"

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
class TokenContext:
    """The payloads of a token's issue, booking and reassignments; empty where there is none."""

    issue: Mapping[str, Any] = field(default_factory=dict)
    booking: Mapping[str, Any] = field(default_factory=dict)
    reassignments: list[tuple[int, Mapping[str, Any]]] = field(default_factory=list)
    is_single_use: bool = False

    def find_hosts_payload(self, row: LogRow) -> Mapping[str, Any]:
        """The payload that has the hosts of the meeting right before an event."""
        return next((data for version, data in reversed(self.reassignments) if version < row.version), self.booking)


@dataclass(frozen=True, slots=True)
class EventContext:
    """The context of some events, looked up for all at once; `zone` is that of times in sentences, None for UTC."""

    names: Mapping[tuple[UUID, int], str]
    tokens: Mapping[UUID, TokenContext]
    details: Mapping[UUID, Mapping[str, Any]]
    zone: str | None = None

    def find_name(self, id: UUID | None, row: LogRow) -> str | None:
        """A thing's name at an event's position; None when it had none."""
        return None if id is None else self.names.get((id, row.position))

    def find_token(self, row: LogRow) -> TokenContext:
        """The context of the event's token; an empty one when it has none."""
        return self.tokens.get(row.stream_id, TokenContext())


def load_event_context(db: Database, rows: Sequence[LogRow], zone: str | None = None) -> EventContext:
    """The context of these events, in three queries. Raises DatabaseAway."""
    tokens = load_tokens(db, [row.stream_id for row in rows if row.name in (*TOKEN_EVENTS, DETAILS_ERASED)])
    name_keys = {(id, row.position) for row in rows for id in iterate_references(row, tokens.get(row.stream_id))}
    ids, positions = [id for id, _ in name_keys], [position for _, position in name_keys]
    name_records = db.fetch_rows(NAMES, {"ids": ids, "positions": positions}) if name_keys else []
    details_ids = {id for row in rows for id in iterate_details_ids(row, tokens.get(row.stream_id))}
    details_records = db.fetch_rows(DETAILS, {"ids": list(details_ids)}) if details_ids else []
    return EventContext(
        {(row["id"], row["position"]): row["name"] for row in name_records},
        tokens,
        {row["id"]: to_object(row["data"]) for row in details_records},
        zone,
    )


def load_tokens(db: Database, ids: Sequence[UUID]) -> dict[UUID, TokenContext]:
    """The contexts of tokens, by their ids."""
    tokens: dict[UUID, TokenContext] = {}
    for row in db.fetch_rows(TOKENS, {"tokens": list(set(ids))}) if ids else ():
        token = tokens.setdefault(row["stream_id"], TokenContext())
        if row["name"] == "MeetingBooked":
            token.booking = to_object(row["data"])
        elif row["name"] == "MeetingReassigned":
            token.reassignments.append((row["version"], to_object(row["data"])))
        else:
            token.issue, token.is_single_use = to_object(row["data"]), row["name"] == "SingleUseIssued"
    return tokens


def iterate_references(row: LogRow, token: TokenContext | None) -> Iterator[UUID]:
    """Every id that an event refers to: its stream, its actor, and the ids in its payload and its token's payloads."""
    yield row.stream_id
    if row.actor_id is not None:
        yield row.actor_id
    payloads = [row.data, row.before, *((token.issue, token.booking, token.find_hosts_payload(row)) if token else ())]
    for payload in payloads:
        single_ids = (to_id(payload.get(name)) for name in ID_FIELDS)
        yield from (id for id in single_ids if id is not None)
        for name in ID_LIST_FIELDS:
            yield from to_ids(payload.get(name))
        yield from list_member_ids(payload)
        chosen = to_object(payload.get("chosen"))
        yield from (id for id in (to_id(chosen.get("team_id")), to_id(chosen.get("person_id"))) if id is not None)


def list_member_ids(payload: Mapping[str, Any]) -> list[UUID]:
    """The ids of the members in the payload of a team's event."""
    members = payload.get("members")
    return to_ids([to_object(member).get("person_id") for member in members] if isinstance(members, list) else [])


def iterate_details_ids(row: LogRow, token: TokenContext | None) -> Iterator[UUID]:
    """The ids of the personal details that an event, and its token so far, refer to."""
    payloads = [row.data, *((token.issue, token.booking) if token else ())]
    ids = (to_id(payload.get("details_id")) for payload in payloads)
    yield from (id for id in ids if id is not None)
