"""The outbox: a read model with a row for each notification, and its delivery state.

It is built from the same rules as the domain's own state of a token, `domain/notifications/outbox.py`. It only finds
what may be due: an outbox worker asks the log before it sends.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypedDict, cast
from uuid import UUID

from psycopg.rows import DictRow

from domain.notifications.outbox import CHANNELS, NOTIFICATION_RULES, RETRY_DELAYS_SECONDS
from projections.queries.name_lookups import PERSON, Named, to_named_or_none
from projections.queries.pagination import Page, Sort
from projections.queries.query import Listing, QuerySource, WhereClause
from projections.read_model import ReadModel, is_event

NOTIFICATION_EVENTS = [name for channel in CHANNELS.values() for name in channel.events]
ERASED = "PersonalDetailsErased"
HOST_EVENTS = ["MeetingBooked", "MeetingReassigned"]
TIME_EVENTS = ["MeetingBooked", "Rescheduled"]


def is_any_event(names: list[str]) -> str:
    """SQL: whether an event has one of these names."""
    return "(" + " OR ".join(map(is_event, names)) + ")"


def build_array(values: tuple[str, ...]) -> str:
    """SQL: an array of texts."""
    return f"ARRAY[{', '.join(repr(value) for value in values)}]"


CAUSE_TABLE = ", ".join(
    f"('{name}', '{rule.what}', {build_array(rule.roles)}, {str(rule.replaces).lower()}, {build_array(rule.channels)})"
    for name, rule in NOTIFICATION_RULES.items()
)
CHANNEL_TABLE = ", ".join(
    f"('{channel}', {build_array(rule.roles)}, '{rule.sent_event}', '{rule.failed_event}', '{rule.requested_event}')"
    for channel, rule in CHANNELS.items()
)
BACK_OFF_DELAY = f"make_interval(secs => (ARRAY{list(RETRY_DELAYS_SECONDS)})[attempts])"

INVITATION_LIFE = "interval '30 days'"  # an invitation that could not be sent for so long is not sent any more

OUTBOX = ReadModel(
    name="outbox",
    version=3,
    key="booking_id",
    table="""
        owed_id uuid PRIMARY KEY,
        booking_id uuid NOT NULL,
        cause_version int NOT NULL,
        what text NOT NULL,
        caused_at timestamptz NOT NULL,
        channel text NOT NULL,
        recipient_role text NOT NULL,
        person_id uuid,
        recipient text NOT NULL,
        state text NOT NULL,
        attempts int NOT NULL,
        requests int NOT NULL,
        failure text,
        message_id text,
        told_at timestamptz,
        due_at timestamptz NOT NULL,
        ends_at timestamptz NOT NULL
    """,
    indexes=(
        "(booking_id)",
        "(person_id, due_at) WHERE state = 'owed' AND channel = 'calendar'",
        "(channel, due_at, ends_at) WHERE state = 'owed'",
        "(ends_at) WHERE state = 'failed'",
        "(caused_at, owed_id)",
    ),
    rows=f"""
        SELECT md5(concat_ws('.', stream_id, cause_version, channel, recipient_role, person_id))::uuid AS owed_id,
               stream_id AS booking_id, cause_version, what, caused_at, channel, recipient_role, person_id,
               coalesce(person_id::text, 'guest') AS recipient,
               CASE WHEN state = 'sent' THEN 'sent' WHEN person_id IS NULL AND erased THEN 'erased'
                    WHEN cause_version < max(cause_version) FILTER (WHERE replaces)
                         OVER (PARTITION BY stream_id, channel, person_id) THEN 'superseded' ELSE state END AS state,
               attempts, requests, failure, message_id, told_at,
               CASE WHEN told_at IS NULL THEN caused_at WHEN attempts = 0 THEN told_at
                    ELSE told_at + coalesce({BACK_OFF_DELAY}, interval '0') END AS due_at, ends_at
        FROM (
            SELECT cause.stream_id, cause.version AS cause_version, known.what, known.replaces, cause.at AS caused_at,
                   channel.name AS channel, recipient.role AS recipient_role, recipient.person_id,
                   cause.erased @> jsonb_build_array(jsonb_build_array(cause.details)) AS erased,
                   CASE WHEN said.name = channel.sent THEN 'sent' WHEN said.last THEN 'failed' ELSE 'owed' END AS state,
                   CASE WHEN said.name IN (channel.sent, channel.failed) THEN said.attempt ELSE 0 END AS attempts,
                   coalesce(said.requests, 0) AS requests,
                   CASE WHEN said.name = channel.failed THEN said.reason END AS failure, said.message_id,
                   said.at AS told_at, CASE WHEN cause.invited IS NULL THEN cause.ends[cardinality(cause.ends)]
                        ELSE greatest(cause.at, said.at) + {INVITATION_LIFE} END AS ends_at
            FROM (
                SELECT stream_id, version, split_part(type, '.', 1) AS name,
                       (data ->> 'occurred_at')::timestamptz AS at, (data ->> 'host_id')::uuid AS host_id,
                       CASE WHEN {is_event("PersonInvited")} THEN (data ->> 'person_id')::uuid END AS invited,
                       coalesce(data -> 'previous_host_ids', '[]') AS former,
                       array_agg(data -> 'host_ids') FILTER (WHERE {is_any_event(HOST_EVENTS)}) OVER so_far AS hosts,
                       array_agg((data ->> 'ends_at')::timestamptz)
                            FILTER (WHERE {is_any_event(TIME_EVENTS)}) OVER story AS ends,
                       max(data ->> 'details_id') FILTER (WHERE {is_event("MeetingBooked")}) OVER story AS details,
                       jsonb_agg(data -> 'details_ids') FILTER (WHERE {is_event(ERASED)}) OVER story AS erased,
                       jsonb_agg(jsonb_build_object('version', version, 'name', split_part(type, '.', 1),
                           'at', data -> 'occurred_at') || (data - 'occurred_at'))
                           FILTER (WHERE {is_any_event(NOTIFICATION_EVENTS)}) OVER story AS notification_events
                FROM {{log}} AS log
                WINDOW so_far AS (PARTITION BY stream_id ORDER BY version),
                       story AS (so_far ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
            ) AS cause
            JOIN (VALUES {CAUSE_TABLE}) AS known (name, what, roles, replaces, channels) ON known.name = cause.name
            CROSS JOIN LATERAL (SELECT cause.hosts[cardinality(cause.hosts)]) AS latest (hosts)
            CROSS JOIN LATERAL (
                SELECT 'guest' AS role, NULL::uuid AS person_id
                UNION ALL
                SELECT CASE n WHEN 1 THEN 'host' ELSE 'co_host' END, host::uuid
                FROM jsonb_array_elements_text(latest.hosts) WITH ORDINALITY AS h(host, n)
                WHERE cause.host_id IS NULL OR cause.host_id = host::uuid
                UNION ALL
                SELECT 'former_host', host::uuid FROM jsonb_array_elements_text(cause.former) AS h(host)
                WHERE NOT latest.hosts ? host
                UNION ALL
                SELECT 'person', cause.invited WHERE cause.invited IS NOT NULL
            ) AS recipient
            JOIN (VALUES {CHANNEL_TABLE}) AS channel (name, roles, sent, failed, requested)
                ON channel.name = ANY (known.channels)
                AND recipient.role = ANY (known.roles) AND recipient.role = ANY (channel.roles)
            LEFT JOIN LATERAL (
                SELECT t.*, (count(*) FILTER (WHERE t.name = channel.requested) OVER ())::int AS requests
                FROM jsonb_to_recordset(cause.notification_events) AS t (version int, name text, at timestamptz,
                    cause_version int, "to" text, person_id uuid, attempt int, reason text, message_id text,
                    last boolean)
                WHERE t.cause_version = cause.version AND t."to" = recipient.role
                    AND t.person_id IS NOT DISTINCT FROM recipient.person_id
                    AND t.name IN (channel.sent, channel.failed, channel.requested)
                ORDER BY t.version DESC LIMIT 1
            ) AS said ON true
            WHERE latest.hosts IS NOT NULL OR cause.invited IS NOT NULL
        ) AS owed
    """,
    events=(*NOTIFICATION_RULES, *NOTIFICATION_EVENTS, ERASED),
)


class OutboxRow(TypedDict):
    """A notification that is or was due, as the API answers. `person` is null for the guest."""

    id: UUID
    booking_id: UUID
    cause_version: int
    what: str
    caused_at: datetime
    channel: str
    to: str
    person: Named | None
    state: Literal["owed", "sent", "failed", "superseded", "erased", "lapsed", "before"]
    attempts: int
    requests: int
    failure: str | None
    told_at: datetime | None
    due_at: datetime


# calendar notifications are due only for people who have a writable calendar, which may change at any time
IS_DELIVERABLE = """(o.channel <> 'calendar' OR o.told_at IS NOT NULL
    OR o.person_id IN (SELECT w.person_id FROM {schema}.calendar_writers AS w))"""
# `lapsed`: the meeting ended before the notification was sent; `before`: it was caused before there was an outbox
STATE = """CASE WHEN o.state <> 'owed' THEN o.state
    WHEN o.due_at < (SELECT b.began_at FROM {schema}.outbox_beginning AS b) THEN 'before'
    WHEN o.ends_at <= %(now)s THEN 'lapsed' ELSE 'owed' END"""
COPIED_COLUMNS = (
    *("booking_id", "cause_version", "what", "caused_at", "channel", "state", "attempts", "requests"),
    *("failure", "told_at", "due_at"),
)


def to_outbox_row(record: DictRow) -> OutboxRow:
    """A record as a row of the API."""
    renamed_values = {
        "id": record["owed_id"],
        "to": record["recipient_role"],
        "person": to_named_or_none(record["person"]),
    }
    return cast(OutboxRow, renamed_values | {name: record[name] for name in COPIED_COLUMNS})


LISTING = Listing(
    columns=f"""o.owed_id, o.booking_id, o.cause_version, o.what, o.caused_at, o.channel, o.recipient_role,
        {PERSON.look_up("o.person_id")} AS person, {STATE} AS state,
        o.attempts, o.requests, o.failure, o.told_at,
        o.due_at""",
    relation="outbox AS o",
    key="o.owed_id",
    sorts={"caused_at": Sort("o.caused_at", "timestamptz"), "ends_at": Sort("o.ends_at", "timestamptz")},
    to_row=to_outbox_row,
)
RECIPIENT_ORDER = ("guest", "host", "co_host", "former_host", "person")


def list_booking_notifications(source: QuerySource, id: UUID, now: datetime) -> list[OutboxRow]:
    """All notifications of one booking, latest cause first."""
    rows = LISTING.find_rows(source, f"o.booking_id = %(id)s AND {IS_DELIVERABLE}", {"id": id, "now": now})
    return sorted(
        rows, key=lambda row: (-row["cause_version"], row["channel"], RECIPIENT_ORDER.index(row["to"]), str(row["id"]))
    )


def list_notifications(
    source: QuerySource, now: datetime, sort: str = "-caused_at", limit: int = 50, cursor: str | None = None
) -> Page[OutboxRow]:
    """One page of all notifications, newest first. Raises Invalid for an unknown sort or a foreign cursor."""
    return LISTING.fetch_page(source, WhereClause((IS_DELIVERABLE,), {"now": now}), sort, limit, cursor)


# mails about meetings to come that were given up, or whose last attempt failed
IS_UNSENT = """o.channel = 'mail' AND o.ends_at > %(now)s
    AND (o.state = 'failed' OR (o.state = 'owed' AND o.failure IS NOT NULL))"""
UNSENT_COUNT = f"SELECT count(*) AS count FROM (SELECT FROM outbox AS o WHERE {IS_UNSENT} LIMIT %(limit)s) AS unsent"


def list_unsent_mails(
    source: QuerySource, now: datetime, limit: int = 50, cursor: str | None = None
) -> Page[OutboxRow]:
    """One page of the mails that were not sent, those of the soonest meeting first. Raises Invalid for the cursor."""
    return LISTING.fetch_page(source, WhereClause((IS_UNSENT,), {"now": now}), "ends_at", limit, cursor)


def count_unsent_mails(source: QuerySource, now: datetime, limit: int) -> int:
    """How many mails were not sent, counted up to a limit."""
    return cast(int, source.fetch_rows(UNSENT_COUNT, {"now": now, "limit": limit})[0]["count"])


@dataclass(frozen=True, slots=True)
class ChannelBacklog:
    """How much a channel has to send, since when the oldest waits, and how many failed for meetings still to come."""

    channel: str
    owed: int
    oldest: datetime | None
    failed: int


BACKLOG_COUNTS = f"""
SELECT channel.name AS channel,
       (SELECT count(*) FROM outbox AS o WHERE o.state = 'owed' AND o.channel = channel.name AND o.ends_at > %(now)s
            AND {IS_DELIVERABLE}
            AND o.due_at >= (SELECT b.began_at FROM {{schema}}.outbox_beginning AS b))::int AS owed,
       (SELECT min(o.caused_at) FROM outbox AS o WHERE o.state = 'owed' AND o.channel = channel.name
            AND o.ends_at > %(now)s AND {IS_DELIVERABLE}
            AND o.due_at >= (SELECT b.began_at FROM {{schema}}.outbox_beginning AS b)) AS oldest,
       (SELECT count(*) FROM outbox AS o WHERE o.state = 'failed' AND o.channel = channel.name
            AND o.ends_at > %(now)s)::int AS failed
FROM (VALUES {CHANNEL_TABLE}) AS channel (name, roles, sent, failed, requested)
"""


def count_backlogs(source: QuerySource, now: datetime) -> list[ChannelBacklog]:
    """The backlog of every channel."""
    return [ChannelBacklog(**row) for row in source.fetch_rows(BACKLOG_COUNTS, {"now": now})]
