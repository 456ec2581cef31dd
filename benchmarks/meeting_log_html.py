"""Measure the page Meeting Logs over a million meetings: `python -m benchmarks meeting_log_html [ROWS]`."""

import http.client
import statistics
import sys
import time
from uuid import UUID

import psycopg

from api.cli.people import build_operator_context
from api.clock import read_clock
from api.http.dependencies import SESSION_COOKIE
from api.server import DATABASE, OWNER_ROLE
from benchmarks import big_log
from benchmarks.big_log import derive_id
from benchmarks.environment import run_database_server
from benchmarks.http.bookings import run_service
from benchmarks.meeting_log_pages import fill_live_table
from domain.commands.aggregate_cache import AggregateCache
from domain.commands.command_application import CommandApplication
from domain.commands.people import AdministrationCommands
from domain.person import PersonProperties
from integrations.public_holidays import list_holidays
from projections.rebuild import live_tables
from projections.rebuild.progress import NO_TIMEOUTS
from store.credentials.api_keys import ApiKeys
from store.credentials.sessions import Sessions
from store.database import Database
from store.embedded.server import Server
from store.reader import PostgresLogReader
from store.recorder import LogRecorder
from store.schema import SERVICE_ROLE

ROWS = 1_000_000
EVENTS = 20_000
REQUESTS_PER_PAGE = 40
MAX_MS = 50.0
# everybody has a guest: one name in a thousand begins with "zora"
DETAILS = """
INSERT INTO {schema}.personal_details (id, stream_id, salt, data, words)
SELECT details_id, booking_id, '\\x00', jsonb_build_object('guest', jsonb_build_object(
    'name', name, 'email', name || '@guests.example', 'time_zone', 'UTC'), 'notes', NULL), {schema}.words(name)
FROM (SELECT details_id, booking_id,
    CASE WHEN row_number() OVER () %% 1000 = 0 THEN 'zora' ELSE 'guest' || (row_number() OVER () %% 5000) END AS name
    FROM {schema}."{table}") AS booked
"""
FILTERS = {
    "nothing": "",
    "hide_single_use": "hide_single_use=true",
    "link_type": "link_type=managed",
    "status": "status=cancelled",
    "host": f"host_id={derive_id('person', 7)}",
    "link": f"link_id={derive_id('link', 7)}",
    "meeting type": f"meeting_type_id={derive_id('meeting type', 7)}",
    "booked on days": "booked_from=2025-02-01&booked_to=2025-02-10",
    "starts on days": "starts_from=2025-02-01&starts_to=2025-02-10",
    "sort by start": "sort=starts_at",
    "a rare word": "q=zor",
    "a common word": "q=guest",
}


def main(rows: str = str(ROWS)) -> None:
    """Milliseconds of each page, from asking to the last byte; exit code 1 when one takes longer than wanted."""
    with run_database_server("native") as server:
        url = server.build_url(SERVICE_ROLE, DATABASE)
        big_log.fill_log(server.build_url(OWNER_ROLE, DATABASE), EVENTS)
        database = Database(url).open()
        live_tables.ensure_tables(database)
        manager = add_manager(database)
        fill_meeting_log(database, server, int(rows))
        code = ApiKeys(database).create_sign_in_code(manager, read_clock())
        session = Sessions(database).begin_session(code, read_clock())
        database.close()
        with run_service(url, 1) as (port, _):
            slow = [name for name, query in FILTERS.items() if measure_page(port, str(session), name, query) > MAX_MS]
    if slow:
        sys.exit(f"over {MAX_MS:.0f} ms: {', '.join(slow)}")


def add_manager(database: Database) -> UUID:
    """Add a manager, who sees the whole log. Return the id."""
    application = CommandApplication(LogRecorder(database), PostgresLogReader(database), AggregateCache())
    person = PersonProperties(name="Claire", email="claire@nexora.example", time_zone="UTC", roles=("manager",))
    return AdministrationCommands(application, list_holidays).add_person(build_operator_context(), person).id


def fill_meeting_log(database: Database, server: Server, rows: int) -> None:
    """Fill the live table with this many meetings and the guests' personal details."""
    with psycopg.connect(server.build_url(database=DATABASE), autocommit=True, options=NO_TIMEOUTS) as connection:
        table = fill_live_table(database, connection, rows)
        connection.execute(database.compose_query(DETAILS.replace("{table}", table)), ())
        connection.execute(database.compose_query("VACUUM ANALYZE {schema}.personal_details"))


def measure_page(port: int, session: str, name: str, query: str) -> float:
    """Measure the median milliseconds of one page, and print it with its spread and size."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    milliseconds, size = [], 0
    for _ in range(REQUESTS_PER_PAGE):
        started_at = time.perf_counter()
        connection.request("GET", f"/meeting-log?{query}", headers={"Cookie": f"{SESSION_COOKIE}={session}"})
        response = connection.getresponse()
        size = len(response.read())
        milliseconds.append((time.perf_counter() - started_at) * 1000)
        assert response.status == 200, response.status
    connection.close()
    p50 = statistics.median(milliseconds)
    print(
        f"{name:16} p50 {p50:6.1f} ms, {min(milliseconds):.1f}–{max(milliseconds):.1f} ms, {size:,} bytes", flush=True
    )
    return p50
