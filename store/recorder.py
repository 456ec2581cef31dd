"""The eventsourcing library's recorder over our own log: one append function, one round trip."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NoReturn, cast
from uuid import UUID

import psycopg
from eventsourcing.persistence import AggregateRecorder, StoredEvent

from domain.log import AppendConditions, OutcomeUnknown, StaleRead
from domain.refusals import (
    EmailTaken,
    LinkUnconfirmed,
    MailedCodeWrong,
    ProofOfWorkRequired,
    SlotTaken,
    SlugTaken,
    TooManyBookings,
    TooManyMails,
)
from domain.tally import TallyChange
from store.database import Database, DatabaseAway

APPEND = "SELECT {schema}.append(%s, %s, %s, %s, %s, %s) AS positions"
# a slot that a host's own calendar fills is taken; checked in the statement that appends, so it costs no round trip
APPEND_UNLESS_BUSY = """
SELECT CASE WHEN EXISTS (
    SELECT FROM {schema}.busy_intervals WHERE person_id = ANY (%s) AND during && tstzrange(%s, %s)
) THEN NULL ELSE {schema}.append(%s, %s, %s, %s, %s, %s) END AS positions
"""
APPEND_WITHIN_QUOTA = APPEND_UNLESS_BUSY.replace("append(", "append_within_quota(%s, ")
APPEND_WITH_TALLY = APPEND.replace("append(", "append_with_tally(%s, %s, %s, ")
APPEND_WITH_TALLY_UNLESS_BUSY = APPEND_UNLESS_BUSY.replace("append(", "append_with_tally(%s, %s, %s, ")
APPEND_WITH_PROOF = APPEND_UNLESS_BUSY.replace("append(", "append_with_proof(%s, %s, ")
CLAIM_REFUSALS = {"slug_taken": SlugTaken, "email_taken": EmailTaken}
PROOF_REFUSALS = {"proof_of_work": ProofOfWorkRequired, "mailed_code": MailedCodeWrong}
QUOTA_REFUSALS = {"bookings": TooManyBookings, "mails": TooManyMails}
SELECT_EVENTS = """
SELECT originator_id, originator_version, topic, state FROM {schema}.stored_events
WHERE originator_id = %s AND originator_version > %s AND originator_version <= coalesce(%s, 2147483647)
"""


class LogRecorder(AggregateRecorder):
    """Appends with the SQL function `append` and reads streams. Commands pass `conditions`."""

    def __init__(self, database: Database) -> None:
        self.database = database
        statements = (
            *(APPEND, APPEND_UNLESS_BUSY, APPEND_WITHIN_QUOTA, APPEND_WITH_PROOF),
            *(APPEND_WITH_TALLY, APPEND_WITH_TALLY_UNLESS_BUSY),
        )
        self.statements = {
            statement: database.compose_query(statement) for statement in (*statements, *map(add_limits, statements))
        }

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:
        """Appends events under their conditions.

        Raises StaleRead, SlotTaken, SlugTaken, EmailTaken, LinkUnconfirmed, TooManyBookings, TooManyMails,
        ProofOfWorkRequired and MailedCodeWrong for a proof that is spent, OutcomeUnknown when the answer was lost,
        DatabaseAway.
        """
        conditions = kwargs.get("conditions") or AppendConditions()
        params: list[Any] = [
            *build_busy_arguments(conditions),
            *build_limit_arguments(conditions),
            *build_guest_arguments(conditions),
            *build_append_arguments(stored_events, conditions),
        ]
        with self.database.acquire_connection() as connection:
            try:
                row = connection.execute(self.statements[choose_statement(conditions)], params).fetchone()
            except psycopg.Error as error:
                self.database.record_error(error)
                raise_refusal(error)
        if row and row["positions"] is None:
            raise SlotTaken
        return cast(Sequence[int], row["positions"]) if row else ()

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Selects the events of one stream, in order of version."""
        query = f"{SELECT_EVENTS} ORDER BY originator_version {'DESC' if desc else 'ASC'} LIMIT %s"
        rows = self.database.fetch_rows(query, (originator_id, gt or 0, lte, limit))
        return [
            StoredEvent(row["originator_id"], row["originator_version"], row["topic"], bytes(row["state"]))
            for row in rows
        ]


def choose_statement(conditions: AppendConditions) -> str:
    """Returns the statement that appends under such conditions. Quotas, proofs and limits are only on reservations."""
    statement = APPEND_UNLESS_BUSY if conditions.reservation else APPEND
    if conditions.tally is not None:
        statement = APPEND_WITH_TALLY_UNLESS_BUSY if conditions.reservation else APPEND_WITH_TALLY
    elif conditions.proof is not None:
        statement = APPEND_WITH_PROOF
    elif conditions.quota is not None:
        statement = APPEND_WITHIN_QUOTA
    return add_limits(statement) if conditions.limits else statement


def add_limits(statement: str) -> str:
    """Returns the statement of an append that a full day or week refuses, as a time that is taken does.

    The function locks and counts before the append takes any lock, and costs no round trip.
    """
    return statement.replace("THEN NULL ELSE", "THEN NULL WHEN NOT {schema}.is_within_limits(%s) THEN NULL ELSE")


def build_limit_arguments(conditions: AppendConditions) -> list[str]:
    """Returns the argument of `is_within_limits`: the days and weeks, and the booking that does not count itself."""
    if not conditions.limits:
        return []
    windows = [
        {
            "host": str(window.host_id),
            "type": window.meeting_type_id and str(window.meeting_type_id),
            "from": window.interval.start.isoformat(),
            "until": window.interval.end.isoformat(),
            "most": window.most,
        }
        for window in conditions.limits
    ]
    team_id = conditions.tally and str(conditions.tally.team_id)
    return [json.dumps({"but": str(conditions.release_booking_id or ""), "windows": windows, "team": team_id})]


def build_busy_arguments(conditions: AppendConditions) -> list[Any]:
    """Returns the hosts and the interval in which their calendars must be free; empty without a reservation."""
    reservation = conditions.reservation
    if reservation is None:
        return []
    host_ids = reservation.host_ids if reservation.new_host_ids is None else reservation.new_host_ids
    return [list(host_ids), reservation.interval.start, reservation.interval.end]


def build_guest_arguments(conditions: AppendConditions) -> list[str | None]:
    """Returns the arguments with which the other functions around `append` begin; empty for `append` itself."""
    quota, proof = conditions.quota, conditions.proof
    quota_fields = quota and {
        "now": quota.now.isoformat(),
        "bookings": quota.bookings,
        "link": quota.link_id and str(quota.link_id),
        "mails": quota.mails,
        "details": quota.details_id and str(quota.details_id),
    }
    proof_fields = proof and {
        "kind": proof.kind,
        "hash": proof.hash.hex(),
        "now": proof.now.isoformat(),
        "expires_at": proof.expires_at.isoformat(),
    }
    if conditions.tally is not None:
        fields = [build_tally_fields(conditions.tally), proof_fields, quota_fields]
        return [None if part is None else json.dumps(part) for part in fields]
    if proof_fields is not None:
        return [json.dumps(proof_fields), json.dumps(quota_fields or {})]
    return [json.dumps(quota_fields)] if quota_fields else []


def build_tally_fields(tally: TallyChange) -> dict[str, Any]:
    """Returns the change of a tally as `append_with_tally` takes it."""
    members = [
        {
            "person": str(id),
            "month": member.month.isoformat(),
            "count": member.count,
            "levelled_at": member.levelled_at.isoformat(),
            "chosen_at": member.chosen_at and member.chosen_at.isoformat(),
        }
        for id, member in tally.members.items()
    ]
    return {"team": str(tally.team_id), "version": tally.version, "members": members}


def build_append_arguments(events: Sequence[StoredEvent], conditions: AppendConditions) -> list[str]:
    """Returns the JSON arguments of the SQL function `append`, in its order."""
    reservation = conditions.reservation
    reserved_hosts = {} if reservation is None else {str(host): False for host in reservation.host_ids}
    hosts = reserved_hosts | {str(host): True for host in conditions.release_host_ids}
    return [
        "[" + ",".join(map(build_event_argument, events)) + "]",
        json.dumps([[str(aggregate.id), aggregate.version] for aggregate in conditions.reads]),
        json.dumps(list(hosts.items())),
        json.dumps(
            [{"kind": claim.kind, "value": claim.value, "stream": str(claim.stream_id)} for claim in conditions.claims]
        ),
        json.dumps(build_reservations_argument(conditions)),
        json.dumps(build_details_argument(conditions)),
    ]


def build_details_argument(conditions: AppendConditions) -> list[dict[str, Any]]:
    """Returns the personal details that an append stores, and the address that it erases."""
    rows = [
        {
            "id": str(details.id),
            "stream": str(details.stream_id),
            "salt": details.salt.hex(),
            "data": details.data,
            "words": details.words,
        }
        for details in conditions.details
    ]
    return rows if conditions.erased_address is None else [*rows, {"erase": conditions.erased_address}]


def build_event_argument(event: StoredEvent) -> str:
    """Returns one event as JSON for `append`. Its data is JSON already."""
    data = event.state.decode()
    version = event.originator_version
    return f'{{"stream":"{event.originator_id}","version":{version},"type":"{event.topic}","data":{data}}}'


def build_reservations_argument(conditions: AppendConditions) -> dict[str, Any]:
    """Returns the reservations that an append releases and makes."""
    reservation = conditions.reservation
    return {
        "release": [] if conditions.release_booking_id is None else [str(conditions.release_booking_id)],
        "reserve": []
        if reservation is None
        else [
            {
                "booking": str(reservation.booking_id),
                "host": str(host),
                "start": reservation.interval.start.isoformat(),
                "end": reservation.interval.end.isoformat(),
            }
            for host in reservation.host_ids
        ],
    }


def raise_refusal(error: psycopg.Error) -> NoReturn:
    """Raises the domain's exception for a failed append: StaleRead, a refusal, OutcomeUnknown or DatabaseAway."""
    match error.sqlstate:
        case "OL001" if error.diag.message_primary == "stale_tally":
            raise StaleRead(UUID(str(error.diag.message_detail))) from error
        case "OL001" | "40001" | "40P01" | "23505":
            raise StaleRead from error
        case "OL002":
            raise CLAIM_REFUSALS[str(error.diag.message_primary)] from error
        case "OL003":
            raise SlotTaken from error
        case "OL004":
            raise LinkUnconfirmed from error
        case "OL005":
            wait = timedelta(seconds=float(str(error.diag.message_detail)))
            raise QUOTA_REFUSALS[str(error.diag.message_primary)](wait) from error
        case "OL006":
            raise PROOF_REFUSALS[str(error.diag.message_primary)] from error
        case "55P03" | "57014" | "53300":
            raise DatabaseAway(str(error)) from error
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        raise OutcomeUnknown from error
    raise error
