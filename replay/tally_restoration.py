"""Writes the tallies of teams as the log counts them, beside bookings that go on."""

import json
from dataclasses import dataclass
from uuid import UUID

import psycopg

from domain.refusals import TryAgain
from domain.tally import Tally
from replay.verify.tallies import recount_log
from replay.verify.verify_connection import NO_TIMEOUTS, VerifyConnection
from store.database import Database

MAX_ATTEMPTS = 5
STALE_TALLY = "OL001"
STORED = """
SELECT t.team_id, t.version, coalesce(jsonb_agg(jsonb_build_object(
    'person', m.person_id, 'month', m.month, 'count', m.count, 'levelled_at', m.levelled_at, 'chosen_at', m.chosen_at
) ORDER BY m.person_id) FILTER (WHERE m.person_id IS NOT NULL), '[]') AS members
FROM {schema}.tallies t LEFT JOIN {schema}.member_tallies m USING (team_id) GROUP BY t.team_id, t.version
"""
COUNTED = """
SELECT coalesce(jsonb_agg(jsonb_build_object(
    'person', m.person, 'month', m.month, 'count', m.count, 'levelled_at', m.levelled_at, 'chosen_at', m.chosen_at
) ORDER BY m.person), '[]') AS members
FROM jsonb_to_recordset(%s::jsonb)
    AS m(person uuid, month date, count int, levelled_at timestamptz, chosen_at timestamptz)
"""
RESTORE = "SELECT {schema}.restore_tally(%s, %s, %s)"


@dataclass(frozen=True, slots=True)
class RestoredTally:
    """A team whose tally differed from the log, with how many members it has now."""

    team_id: UUID
    members: int


def restore_tallies(db: Database) -> list[RestoredTally]:
    """Writes each tally that differs from what the log counts. Returns those that did.

    The recount and the tallies are of one snapshot; a tally that a booking changes meanwhile is recounted again.
    Raises TryAgain when one changes each time, DatabaseAway.
    """
    restored: dict[UUID, RestoredTally] = {}
    for _ in range(MAX_ATTEMPTS):
        is_stale = False
        for tally, version in list_differing_tallies(db):
            try:
                write_tally(db, tally, version)
            except psycopg.Error as error:
                if error.sqlstate != STALE_TALLY:
                    raise
                is_stale = True
            else:
                restored[tally.team_id] = RestoredTally(tally.team_id, len(tally.members))
        if not is_stale:
            return list(restored.values())
    raise TryAgain


def list_differing_tallies(db: Database) -> list[tuple[Tally, int]]:
    """The tallies that the log counts otherwise than they are stored, each with the version that is stored."""
    with db.connect("verify", options=NO_TIMEOUTS) as raw_connection:
        connection = VerifyConnection(db, raw_connection)
        with connection.hold_snapshot():
            recount = recount_log(connection)
            stored = {row["team_id"]: row for row in connection.fetch_rows(STORED)}
            counted = dict(recount.tallies)
            for team_id in stored.keys() - counted.keys():
                counted[team_id] = Tally(team_id, 0, {})
            return [
                (tally, stored[team_id]["version"] if team_id in stored else 0)
                for team_id, tally in sorted(counted.items())
                if encode(connection, tally) != (stored[team_id]["members"] if team_id in stored else [])
            ]


def encode(connection: VerifyConnection, tally: Tally) -> object:
    """The members of a tally as PostgreSQL writes those that are stored."""
    query = connection.db.compose_query(COUNTED)
    row = connection.connection.execute(query, (to_json(tally),)).fetchone()
    assert row is not None
    return row["members"]


def write_tally(db: Database, tally: Tally, version: int) -> None:
    """Writes a tally in place of that of a version."""
    with db.acquire_connection() as connection:
        connection.execute(db.compose_query(RESTORE), (tally.team_id, version, to_json(tally)))


def to_json(tally: Tally) -> str:
    """The members of a tally as the SQL functions take them."""
    return json.dumps(
        [
            {
                "person": str(id),
                "month": member.month.isoformat(),
                "count": member.count,
                "levelled_at": member.levelled_at.isoformat(),
                "chosen_at": member.chosen_at.isoformat() if member.chosen_at else None,
            }
            for id, member in tally.members.items()
        ]
    )
