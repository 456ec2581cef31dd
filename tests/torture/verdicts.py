"""What must be true when the torture is over: of the log, of the read models, and of what clients were told."""

import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg

from domain.personal_details import key_digest
from projections.catalogue import READ_MODELS
from projections.following.positions import position
from replay.verify.read_models import differing_rows
from replay.verify.verify_connection import UNHURRIED, Ask
from store.database import Database
from tests.once.guests import check_calendar
from tests.torture.checker import Checker, Undecided, Verdict
from tests.torture.rounds import Round

BOOKED = """
SELECT stream_id, data ->> 'request_key' AS key, data ->> 'starts_at' AS starts_at FROM {schema}.events
WHERE type LIKE 'MeetingBooked.%%'
"""
PATIENCE = 30.0


def of_round(round: Round) -> Iterator[str]:
    """A history that no order of single operations explains."""
    try:
        verdict = Checker(round.desk, round.history.operations).check(round.begin)
    except Undecided as error:
        yield f"undecided: {error}"
        return
    if not verdict.explained:
        yield explanation(verdict)


def explanation(verdict: Verdict) -> str:
    """Where every order ends."""
    lines = [*("  " + str(one) for one in verdict.order[-12:]), "  -- none of these can come next:"]
    return "\n".join(["no order explains this history:", *lines, *("  " + str(one) for one in verdict.stuck_at)])


def of_promises(rounds: list[Round], database: Database) -> Iterator[str]:
    """Acknowledged bookings that the log has not, tokens booked twice, winners told that somebody else won."""
    booked: dict[UUID, list[Any]] = {}
    for row in database.rows(BOOKED):
        booked.setdefault(row["stream_id"], []).append(row)
    yield from (f"token {token} was booked {len(rows)} times" for token, rows in booked.items() if len(rows) > 1)
    for round in rounds:
        for one in round.history.operations:
            if one.action.verb != "book" or one.answer is None:
                continue
            rows = booked.get(UUID(round.ids[one.action.about]), [])
            digest = key_digest(one.action.key) if one.action.key else None
            if one.answer[0] == "booked" and not any(row["key"] == digest for row in rows):
                yield f"an acknowledged booking is lost: {one}"
            if one.answer[0] == "link_used" and digest and any(row["key"] == digest for row in rows):
                yield f"a winner was told that somebody else won: {one}"


def of_calendar(database: Database) -> Iterator[str]:
    """Meetings of one host at the same time, and reservations that are not what the log says."""
    try:
        check_calendar(database)
    except AssertionError as error:
        yield f"the calendar: {str(error)[:2000] or 'reservations are not what the log says'}"


def of_read_models(database: Database) -> Iterator[str]:
    """Rows of read models that a replay of the log does not give, once they have followed to its end.

    Couriers still write what they told whom, so each is compared in one snapshot.
    """
    deadline = time.monotonic() + PATIENCE
    while (at := position(database)).position < at.head:
        if time.monotonic() > deadline:
            yield f"the read models stay at {at.position} of {at.head}"
            return
        time.sleep(0.05)
    with database.connect(options=UNHURRIED) as connection:
        for model in READ_MODELS:
            count, first = differing_rows(Ask(database, connection), model)
            if count:
                rows = "\n".join(["", *(f"  {problem}" for problem in first)])
                yield f"the read model {model.name} is not what a replay gives, in {count} rows:{rows}"


def of_rights(database: Database) -> Iterator[str]:
    """Ways in which the service's own role could change what happened."""
    for statement in (
        "UPDATE {schema}.events SET type = type",
        "DELETE FROM {schema}.events",
        "TRUNCATE {schema}.events",
    ):
        try:
            with database.connect(autocommit=False) as connection:
                connection.execute(database.text(statement + (" WHERE false" if "TRUNCATE" not in statement else "")))
                connection.rollback()
        except psycopg.errors.InsufficientPrivilege:
            continue
        yield f"the service's role may change the log: {statement.split()[0]}"
