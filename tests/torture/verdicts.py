"""Checks after the torture: of the log, of the read models, and of the answers that clients got."""

import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg

from domain.personal_details import compute_key_digest
from projections.catalogue import READ_MODELS
from projections.following.positions import read_positions
from replay.verify.read_models import find_differing_rows
from replay.verify.verify_connection import NO_TIMEOUTS, VerifyConnection
from store.database import Database
from tests.once.guests import check_calendar
from tests.torture.checker import Checker, Undecided, Verdict
from tests.torture.rounds import Round

BOOKINGS = """
SELECT stream_id, data ->> 'request_key' AS key, data ->> 'starts_at' AS starts_at FROM {schema}.events
WHERE type LIKE 'MeetingBooked.%%'
"""
TIMEOUT_SECONDS = 30.0


def find_unexplained_history(round: Round) -> Iterator[str]:
    """Find a history that no order of single operations explains."""
    try:
        verdict = Checker(round.model, round.history.operations).check_history(round.initial_state)
    except Undecided as error:
        yield f"undecided: {error}"
        return
    if not verdict.explained:
        yield describe_verdict(verdict)


def describe_verdict(verdict: Verdict) -> str:
    """Describe where every order ends."""
    lines = [*("  " + str(operation) for operation in verdict.order[-12:]), "  -- none of these can come next:"]
    return "\n".join(
        ["no order explains this history:", *lines, *("  " + str(operation) for operation in verdict.blocked)]
    )


def find_broken_promises(rounds: list[Round], database: Database) -> Iterator[str]:
    """Find acknowledged bookings missing from the log, tokens booked twice, and winners told that somebody else won."""
    bookings: dict[UUID, list[Any]] = {}
    for row in database.fetch_rows(BOOKINGS):
        bookings.setdefault(row["stream_id"], []).append(row)
    yield from (f"token {token} was booked {len(rows)} times" for token, rows in bookings.items() if len(rows) > 1)
    for round in rounds:
        for operation in round.history.operations:
            if operation.action.verb != "book" or operation.answer is None:
                continue
            rows = bookings.get(UUID(round.ids[operation.action.target]), [])
            digest = compute_key_digest(operation.action.key) if operation.action.key else None
            if operation.answer[0] == "booked" and not any(row["key"] == digest for row in rows):
                yield f"an acknowledged booking is lost: {operation}"
            if operation.answer[0] == "link_used" and digest and any(row["key"] == digest for row in rows):
                yield f"a winner was told that somebody else won: {operation}"


def find_calendar_problems(database: Database) -> Iterator[str]:
    """Find meetings of one host at the same time, and reservations that are not those of the log."""
    try:
        check_calendar(database)
    except AssertionError as error:
        yield f"the calendar: {str(error)[:2000] or 'reservations are not what the log says'}"


def find_read_model_differences(database: Database) -> Iterator[str]:
    """Find rows of read models that a replay does not give, once they have followed to the end of the log.

    Outbox workers still append notifications, so each model is compared in one snapshot.
    """
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while (positions := read_positions(database)).position < positions.head:
        if time.monotonic() > deadline:
            yield f"the read models stay at {positions.position} of {positions.head}"
            return
        time.sleep(0.05)
    with database.connect(options=NO_TIMEOUTS) as connection:
        for model in READ_MODELS:
            count, first = find_differing_rows(VerifyConnection(database, connection), model)
            if count:
                rows = "\n".join(["", *(f"  {problem}" for problem in first)])
                yield f"the read model {model.name} is not what a replay gives, in {count} rows:{rows}"


def find_excess_privileges(database: Database) -> Iterator[str]:
    """Find ways in which the service's own role could change the log."""
    for statement in (
        "UPDATE {schema}.events SET type = type",
        "DELETE FROM {schema}.events",
        "TRUNCATE {schema}.events",
    ):
        try:
            with database.connect(autocommit=False) as connection:
                connection.execute(
                    database.compose_query(statement + (" WHERE false" if "TRUNCATE" not in statement else ""))
                )
                connection.rollback()
        except psycopg.errors.InsufficientPrivilege:
            continue
        yield f"the service's role may change the log: {statement.split()[0]}"
