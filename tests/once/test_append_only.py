"""The service's role can add to the log, and do nothing else to it."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import Connection, IsolationLevel

from api.server import DATABASE, OWNER_ROLE
from store.embedded.server import Server

TABLES = ("events", "reservations", "claims", "personal_details")
NOTHING = "'[]', '[]', '[]', '[]', '{}', '[]'"
CHANGES = (
    "INSERT INTO {table} DEFAULT VALUES",
    "UPDATE {table} SET {column} = {column}",
    "DELETE FROM {table}",
    "TRUNCATE {table}",
    "COPY {table} FROM STDIN",
    "LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE",
    "ALTER TABLE {table} ADD COLUMN more int",
    "ALTER TABLE {table} DISABLE TRIGGER ALL",
    "ALTER TABLE {table} OWNER TO CURRENT_USER",
    "CREATE INDEX ON {table} ({column})",
    "CREATE RULE no_insert AS ON INSERT TO {table} DO INSTEAD NOTHING",
    "DROP TABLE {table} CASCADE",
)
COLUMNS = {"events": "data", "reservations": "during", "claims": "value", "personal_details": "data"}
OTHER_CHANGES = (
    "ALTER SEQUENCE {schema}.events_position_seq RESTART",
    "SELECT setval('{schema}.events_position_seq', 1)",
    "SELECT nextval('{schema}.events_position_seq')",
    "DROP INDEX {schema}.one_booking_per_token",
    "DROP FUNCTION {schema}.append(jsonb, jsonb, jsonb, jsonb, jsonb, jsonb)",
    "ALTER FUNCTION {schema}.append(jsonb, jsonb, jsonb, jsonb, jsonb, jsonb) SECURITY INVOKER",
    "CREATE OR REPLACE FUNCTION {schema}.settle() RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint'",
    "ALTER VIEW {schema}.stored_events RENAME TO other",
    "DROP SCHEMA {schema} CASCADE",
    "SET ROLE oncelink_owner",
    "SET session_replication_role = replica",
)
EVENT = "INSERT INTO {schema}.events (stream_id, version, type, data) VALUES ('{stream}', {version}, '{type}', '{{}}')"
CALL_APPEND = """SELECT {schema}.append(
    '[{{"stream": "{stream}", "version": {version}, "type": "{type}", "data": {{}}}}]', '[]', '[]', '[]', '{{}}', '[]'
)"""


@pytest.fixture
def service_connection(service_url: str) -> Iterator[Connection[Any]]:
    """A connection as the service's role."""
    with psycopg.connect(service_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def owner_connection(server: Server) -> Iterator[Connection[Any]]:
    """A connection as the owner of the log."""
    with psycopg.connect(server.build_url(OWNER_ROLE, DATABASE), autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("table", TABLES)
def test_nothing_is_changed_by_hand(table: str, schema: str, service_connection: Connection[Any]) -> None:
    assert service_connection.execute(f"SELECT * FROM {schema}.{table}").fetchall() == []
    for change in CHANGES:
        with pytest.raises(psycopg.errors.InsufficientPrivilege), service_connection.transaction():
            service_connection.execute(change.format(table=f"{schema}.{table}", column=COLUMNS[table]))


def test_the_service_cannot_allow_itself_more(schema: str, service_connection: Connection[Any]) -> None:
    """PostgreSQL answers such a GRANT with a warning only; it must not have worked."""
    for table in TABLES:
        service_connection.execute(f"GRANT ALL ON {schema}.{table} TO CURRENT_USER")
        for privilege in ("INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"):
            row = service_connection.execute(
                "SELECT has_table_privilege(%s, %s)", (f"{schema}.{table}", privilege)
            ).fetchone()
            assert row == (False,), (table, privilege)


def test_what_keeps_the_log_is_not_touched(schema: str, service_connection: Connection[Any]) -> None:
    for change in OTHER_CHANGES:
        with pytest.raises(psycopg.errors.InsufficientPrivilege), service_connection.transaction():
            service_connection.execute(change.format(schema=schema))


@pytest.mark.parametrize("level", [IsolationLevel.REPEATABLE_READ, IsolationLevel.SERIALIZABLE])
@pytest.mark.parametrize("call", [f"append({NOTHING})", "settle()"])
def test_old_snapshots_are_refused(
    call: str, level: IsolationLevel, schema: str, service_connection: Connection[Any]
) -> None:
    """Under these, a statement would not see what was committed while it waited for its locks."""
    service_connection.execute(f"SELECT {schema}.{call}")
    service_connection.isolation_level = level
    with pytest.raises(psycopg.errors.RaiseException, match="READ COMMITTED"), service_connection.transaction():
        service_connection.execute(f"SELECT {schema}.{call}")


@pytest.mark.parametrize("statement", [EVENT, CALL_APPEND])
@pytest.mark.parametrize("second", ["MeetingBooked.v1", "MeetingBooked.v2"])
def test_a_stream_has_one_meeting(statement: str, second: str, schema: str, owner_connection: Connection[Any]) -> None:
    """Also when the owner of the log writes it, and whatever the event's version."""
    stream = uuid4()
    owner_connection.execute(statement.format(schema=schema, stream=stream, version=1, type="MeetingBooked.v1"))
    owner_connection.execute(statement.format(schema=schema, stream=stream, version=2, type="Rescheduled.v1"))
    with pytest.raises(psycopg.errors.UniqueViolation, match="one_booking_per_token"):
        owner_connection.execute(statement.format(schema=schema, stream=stream, version=3, type=second))


def test_a_version_is_written_once(schema: str, owner_connection: Connection[Any]) -> None:
    stream = uuid4()
    owner_connection.execute(EVENT.format(schema=schema, stream=stream, version=1, type="DirectIssued.v1"))
    with pytest.raises(psycopg.errors.UniqueViolation):
        owner_connection.execute(EVENT.format(schema=schema, stream=stream, version=1, type="DirectIssued.v1"))
