"""The outbox: a read model with a row for each notification, and its delivery state.

It is built from the same rules as the domain's own state of a token, `domain/notifications/outbox.py`. It only finds
what may be due: an outbox worker asks the log before it sends.
"""

from datetime import datetime
from typing import Literal, TypedDict, cast
from uuid import UUID

from psycopg.rows import DictRow

from domain.notifications.rules import (
    CHANNELS,
    FOLLOWED_UP_ROLES,
    NOTIFICATION_RULES,
    REMINDED_ROLES,
    RETRY_DELAYS_SECONDS,
    SCHEDULED_CHANNEL,
)
from domain.notifications.schedule import FOLLOW_UP_LIFE, NO_SHOW_PERIOD
from domain.token_events import MeetingBooked
from projections.queries.name_lookups import PERSON, Named, to_named_or_none
from projections.queries.pagination import Page, Sort
from projections.queries.query import Listing, QuerySource, WhereClause
from projections.read_model import ReadModel, is_event

NOTIFICATION_EVENTS = [name for channel in CHANNELS.values() for name in channel.events]
ERASED = "PersonalDetailsErased"
HOST_EVENTS = ["MeetingBooked", "MeetingReassigned"]
PERSON_EVENTS = [name for name, rule in NOTIFICATION_RULES.items() if rule.roles == ("person",)]
TIME_EVENTS = ["MeetingBooked", "Rescheduled"]


def is_any_event(names: list[str]) -> str:
    """SQL: whether an event has one of these names."""
    return "(" + " OR ".join(map(is_event, names)) + ")"


def build_array(values: tuple[str, ...]) -> str:
    """SQL: an array of texts."""
    return f"ARRAY[{', '.join(repr(value) for value in values)}]"


CAUSE_TABLE = ", ".join(
    f"('{name}', '{rule.what}', {build_array(rule.roles)}, {rule.replaces}, {rule.schedules}, "
    f"{build_array(rule.channels)})"
    for name, rule in NOTIFICATION_RULES.items()
)
CHANNEL_TABLE = ", ".join(
    f"('{channel}', {build_array(rule.roles)}, '{rule.sent_event}', '{rule.failed_event}', '{rule.requested_event}')"
    for channel, rule in CHANNELS.items()
)
BACK_OFF_DELAY = f"make_interval(secs => (ARRAY{list(RETRY_DELAYS_SECONDS)})[attempts])"

INVITATION_LIFE = "interval '30 days'"  # an invitation that could not be sent for so long is not sent any more
DEFAULT_REMINDERS = f"'{list(MeetingBooked.model_fields['reminders_minutes'].default)}'::jsonb"
# the mail about an event itself, and those that it schedules: reminders before the meeting, a follow-up after it
OFFSETS = f"""
    SELECT NULL::int AS minutes, NULL::timestamptz AS due_at, NULL::timestamptz AS useful_until
    UNION ALL
    SELECT -before.minutes, cause.starts_at - make_interval(mins => before.minutes),
           cause.starts_at - make_interval(mins => before.next_minutes)
    FROM (SELECT m::int AS minutes, coalesce(lead(m::int) OVER (ORDER BY m::int DESC), 0) AS next_minutes
          FROM jsonb_array_elements_text(cause.reminders) AS r(m)) AS before
    WHERE known.schedules AND channel.name = '{SCHEDULED_CHANNEL}'
        AND recipient.role = ANY ({build_array(REMINDED_ROLES)})
        AND cause.starts_at - make_interval(mins => before.minutes) > cause.at
    UNION ALL
    SELECT cause.follow_up, cause.ends_at + make_interval(mins => cause.follow_up),
           cause.ends_at + make_interval(mins => cause.follow_up) + interval '{FOLLOW_UP_LIFE.days} days'
    WHERE cause.follow_up IS NOT NULL AND known.schedules AND channel.name = '{SCHEDULED_CHANNEL}'
        AND recipient.role = ANY ({build_array(FOLLOWED_UP_ROLES)})
"""

OUTBOX = ReadModel(
    name="outbox",
    version=6,
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
        offset_minutes int,
        scheduled_at timestamptz,
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
        SELECT md5(concat_ws('.', stream_id, cause_version, channel, recipient_role, person_id,
                             offset_minutes))::uuid AS owed_id,
               stream_id AS booking_id, cause_version, what, caused_at, channel, recipient_role, person_id,
               offset_minutes, scheduled_at, coalesce(person_id::text, 'guest') AS recipient,
               CASE WHEN state = 'sent' THEN 'sent' WHEN person_id IS NULL AND erased THEN 'erased'
                    WHEN withdrawn THEN 'superseded'
                    WHEN cause_version < max(cause_version) FILTER (WHERE replaces)
                         OVER (PARTITION BY stream_id, channel, person_id) THEN 'superseded' ELSE state END AS state,
               attempts, requests, failure, message_id, told_at,
               CASE WHEN told_at IS NULL THEN coalesce(scheduled_at, caused_at) WHEN attempts = 0 THEN told_at
                    ELSE told_at + coalesce({BACK_OFF_DELAY}, interval '0') END AS due_at, ends_at
        FROM (
            SELECT cause.stream_id, cause.version AS cause_version, known.replaces, cause.at AS caused_at,
                   CASE WHEN planned.minutes < 0 THEN 'reminder' WHEN planned.minutes >= 0 THEN 'follow_up'
                        ELSE known.what END AS what, planned.minutes AS offset_minutes, planned.due_at AS scheduled_at,
                   CASE WHEN planned.minutes >= 0 THEN cause.is_no_show WHEN cause.name = 'NoShowMarked'
                        THEN NOT cause.is_no_show OR cause.version < cause.marked
                        WHEN cause.recipient IS NOT NULL THEN cause.revoked ELSE false END AS withdrawn,
                   channel.name AS channel, recipient.role AS recipient_role, recipient.person_id,
                   cause.erased @> jsonb_build_array(jsonb_build_array(coalesce(cause.recipient, cause.details)))
                       AS erased,
                   CASE WHEN said.name = channel.sent THEN 'sent' WHEN said.last THEN 'failed' ELSE 'owed' END AS state,
                   CASE WHEN said.name IN (channel.sent, channel.failed) THEN said.attempt ELSE 0 END AS attempts,
                   coalesce(said.requests, 0) AS requests,
                   CASE WHEN said.name = channel.failed THEN said.reason END AS failure, said.message_id,
                   said.at AS told_at, CASE WHEN planned.useful_until IS NOT NULL THEN planned.useful_until
                        WHEN cause.name = 'NoShowMarked' THEN cause.at + interval '{NO_SHOW_PERIOD.days} days'
                        WHEN cause.invited IS NULL AND cause.recipient IS NULL THEN cause.ends[cardinality(cause.ends)]
                        ELSE greatest(cause.at, said.at) + {INVITATION_LIFE} END AS ends_at
            FROM (SELECT *, coalesce(marked > coalesce(unmarked, 0), false) AS is_no_show FROM (
                SELECT stream_id, version, split_part(type, '.', 1) AS name,
                       (data ->> 'occurred_at')::timestamptz AS at, (data ->> 'host_id')::uuid AS host_id,
                       CASE WHEN {is_any_event(PERSON_EVENTS)} THEN (data ->> 'person_id')::uuid END AS invited,
                       data ->> 'recipient_details_id' AS recipient,
                       coalesce(bool_or({is_event("SingleUseRevoked")}) OVER story, false) AS revoked,
                       coalesce(data -> 'previous_host_ids', '[]') AS former,
                       coalesce((data ->> 'tell_guest')::boolean, true) AS tells,
                       (data ->> 'starts_at')::timestamptz AS starts_at, (data ->> 'ends_at')::timestamptz AS ends_at,
                       (array_agg(coalesce(data -> 'reminders_minutes', {DEFAULT_REMINDERS}))
                            FILTER (WHERE {is_event("MeetingBooked")}) OVER story)[1] AS reminders,
                       max((data ->> 'follow_up_minutes')::int)
                            FILTER (WHERE {is_event("MeetingBooked")}) OVER story AS follow_up,
                       max(version) FILTER (WHERE {is_event("NoShowMarked")}) OVER story AS marked,
                       max(version) FILTER (WHERE {is_event("NoShowUnmarked")}) OVER story AS unmarked,
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
            ) AS told) AS cause
            JOIN (VALUES {CAUSE_TABLE}) AS known (name, what, roles, replaces, schedules, channels)
                ON known.name = cause.name AND cause.tells
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
                UNION ALL
                SELECT 'recipient', NULL WHERE cause.recipient IS NOT NULL
            ) AS recipient
            JOIN (VALUES {CHANNEL_TABLE}) AS channel (name, roles, sent, failed, requested)
                ON channel.name = ANY (known.channels)
                AND recipient.role = ANY (known.roles) AND recipient.role = ANY (channel.roles)
            CROSS JOIN LATERAL ({OFFSETS}) AS planned
            LEFT JOIN LATERAL (
                SELECT t.*, (count(*) FILTER (WHERE t.name = channel.requested) OVER ())::int AS requests
                FROM jsonb_to_recordset(cause.notification_events) AS t (version int, name text, at timestamptz,
                    cause_version int, "to" text, person_id uuid, offset_minutes int, attempt int, reason text,
                    message_id text, last boolean)
                WHERE t.cause_version = cause.version AND t."to" = recipient.role
                    AND t.person_id IS NOT DISTINCT FROM recipient.person_id
                    AND t.offset_minutes IS NOT DISTINCT FROM planned.minutes
                    AND t.name IN (channel.sent, channel.failed, channel.requested)
                ORDER BY t.version DESC LIMIT 1
            ) AS said ON true
            WHERE (latest.hosts IS NOT NULL OR cause.invited IS NOT NULL OR cause.recipient IS NOT NULL)
                AND (planned.minutes IS NULL OR said.name IS NOT NULL
                    OR planned.due_at >= (SELECT reminders_began_at FROM {{schema}}.outbox_beginning))
        ) AS owed
    """,
    events=(*NOTIFICATION_RULES, "NoShowUnmarked", *NOTIFICATION_EVENTS, ERASED, "SingleUseRevoked"),
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
    offset_minutes: int | None
    scheduled_at: datetime | None
    state: Literal["owed", "scheduled", "sent", "failed", "superseded", "erased", "lapsed", "before"]
    attempts: int
    requests: int
    failure: str | None
    told_at: datetime | None
    due_at: datetime


# calendar notifications are due only for people who have a writable calendar, which may change at any time
IS_DELIVERABLE = """(o.channel <> 'calendar' OR o.told_at IS NOT NULL
    OR o.person_id IN (SELECT w.person_id FROM {schema}.calendar_writers AS w))"""
# `lapsed`: it was of no use any more before it was sent; `before`: it was caused before there was an outbox
STATE = """CASE WHEN o.state <> 'owed' THEN o.state
    WHEN o.due_at < (SELECT b.began_at FROM {schema}.outbox_beginning AS b) THEN 'before'
    WHEN o.ends_at <= %(now)s THEN 'lapsed' WHEN o.scheduled_at > %(now)s THEN 'scheduled' ELSE 'owed' END"""
COPIED_COLUMNS = (
    *("booking_id", "cause_version", "what", "caused_at", "channel", "state", "attempts", "requests"),
    *("failure", "told_at", "due_at", "offset_minutes", "scheduled_at"),
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
        o.due_at, o.offset_minutes, o.scheduled_at""",
    relation="outbox AS o",
    key="o.owed_id",
    sorts={"caused_at": Sort("o.caused_at", "timestamptz"), "ends_at": Sort("o.ends_at", "timestamptz")},
    to_row=to_outbox_row,
)
RECIPIENT_ORDER = ("guest", "host", "co_host", "former_host", "person", "recipient")


def list_booking_notifications(source: QuerySource, id: UUID, now: datetime) -> list[OutboxRow]:
    """All notifications of one booking, latest cause first."""
    rows = LISTING.find_rows(source, f"o.booking_id = %(id)s AND {IS_DELIVERABLE}", {"id": id, "now": now})
    return sorted(
        rows,
        key=lambda row: (
            -row["cause_version"],
            row["channel"],
            row["offset_minutes"] is not None,
            row["offset_minutes"] or 0,
            RECIPIENT_ORDER.index(row["to"]),
            str(row["id"]),
        ),
    )


def list_notifications(
    source: QuerySource, now: datetime, sort: str = "-caused_at", limit: int = 50, cursor: str | None = None
) -> Page[OutboxRow]:
    """One page of all notifications, newest first. Raises Invalid for an unknown sort or a foreign cursor."""
    return LISTING.fetch_page(source, WhereClause((IS_DELIVERABLE,), {"now": now}), sort, limit, cursor)
