"""The page Meeting Logs over a million meetings, with each filter: `python -m benchmarks meeting_log_html [ROWS]`."""

import http.client
import statistics
import sys
import time
from uuid import UUID

import psycopg

from api.cli.people import by_operator
from api.clock import now
from api.http.dependencies import SESSION
from api.server import DATABASE, OWNER_ROLE
from benchmarks import big_log
from benchmarks.big_log import id_of
from benchmarks.environment import server
from benchmarks.meeting_log_pages import filled
from benchmarks.over_http import served
from domain.commands.command_application import Memory
from domain.commands.people import Staffing
from domain.person import PersonProperties
from projections.rebuild import live_tables
from projections.rebuild.progress import UNHURRIED
from store.credentials.api_keys import Keys
from store.credentials.sessions import Sessions
from store.database import Database
from store.embedded.server import Server
from store.reader import Reader
from store.recorder import LogFactory
from store.schema import SERVICE_ROLE

ROWS = 1_000_000
EVENTS = 20_000
ASKED = 40
MOST_MS = 50.0
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
    "host": f"host_id={id_of('person', 7)}",
    "link": f"link_id={id_of('link', 7)}",
    "meeting type": f"meeting_type_id={id_of('meeting type', 7)}",
    "booked on days": "booked_from=2025-02-01&booked_to=2025-02-10",
    "starts on days": "starts_from=2025-02-01&starts_to=2025-02-10",
    "sort by start": "sort=starts_at",
    "a rare word": "q=zor",
    "a common word": "q=guest",
}


def main(rows: str = str(ROWS)) -> None:
    """Milliseconds of each page, from asking to the last byte; exit code 1 when one takes longer than wanted."""
    with server("native") as found:
        url = found.url(SERVICE_ROLE, DATABASE)
        big_log.fill(found.url(OWNER_ROLE, DATABASE), EVENTS)
        database = Database(url).open()
        live_tables.ensure(database)
        manager = hired(database)
        fill(database, found, int(rows))
        code = Keys(database).sign_in_code(manager, now())
        session = Sessions(database).begin(code, now())
        database.close()
        with served(url, 1) as (port, _):
            slow = [name for name, query in FILTERS.items() if shown(port, str(session), name, query) > MOST_MS]
    if slow:
        sys.exit(f"over {MOST_MS:.0f} ms: {', '.join(slow)}")


def hired(database: Database) -> UUID:
    """A manager, who sees the whole log."""
    staffing = Staffing(LogFactory(database), Reader(database), Memory())
    who = PersonProperties(name="Claire", email="claire@nexora.example", time_zone="UTC", roles=("manager",))
    return staffing.add_person(by_operator(), who).id


def fill(database: Database, found: Server, rows: int) -> None:
    """The live table with that many meetings, and what their guests gave."""
    with psycopg.connect(found.url(database=DATABASE), autocommit=True, options=UNHURRIED) as connection:
        table = filled(database, connection, rows)
        connection.execute(database.text(DETAILS.replace("{table}", table)), ())
        connection.execute(database.text("VACUUM ANALYZE {schema}.personal_details"))


def shown(port: int, session: str, name: str, query: str) -> float:
    """The median of one page's milliseconds, printed with its spread and size."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    taken, size = [], 0
    for _ in range(ASKED):
        began = time.perf_counter()
        connection.request("GET", f"/meeting-log?{query}", headers={"Cookie": f"{SESSION}={session}"})
        answer = connection.getresponse()
        size = len(answer.read())
        taken.append((time.perf_counter() - began) * 1000)
        assert answer.status == 200, answer.status
    connection.close()
    p50 = statistics.median(taken)
    print(f"{name:16} p50 {p50:6.1f} ms, {min(taken):.1f}–{max(taken):.1f} ms, {size:,} bytes", flush=True)
    return p50
