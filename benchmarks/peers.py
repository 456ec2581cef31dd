"""Others that one could have used, in the same run: the eventsourcing library's recorder and runner, and message-db."""

import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import psycopg
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore

from api.server import DATABASE, OWNER_ROLE
from benchmarks import library_runner
from benchmarks.appending import per_second
from benchmarks.sizes import Sizes
from store.embedded.server import Server

PACKAGE = "@eventide/message-db@1.3.1"
EVENTS_OF_RUNNER = 2_000
PARTS = (
    *("schema/message-store", "tables/messages", "types/message"),
    *(f"functions/{name}" for name in ("hash-64", "acquire-lock", "category", "is-category", "id", "cardinal-id")),
    *("functions/stream-version", "functions/write-message"),
    *(f"indexes/messages-{name}" for name in ("id", "stream", "category")),
)
# the same two events, each in one call, in one transaction and one round trip
WRITES = r"""
\set n random(1, 9000000000000000)
\startpipeline
BEGIN;
SELECT message_store.write_message(md5('a' || :n), 'token-' || :n, 'DirectIssued', '{data}', NULL, -1);
SELECT message_store.write_message(md5('b' || :n), 'token-' || :n, 'MeetingBooked', '{data}', NULL, 0);
COMMIT;
\endpipeline
""".replace("{data}", '{"padding": "' + "x" * 700 + '"}')


def sentences(found: Server, sizes: Sizes) -> Iterator[str]:
    """What each of them reached, or why it was left out."""
    recorded = recorded_per_second(found, sizes)
    yield f"eventsourcing's recorder, the same two events, 16 threads: {recorded:,.0f} appends/s"
    yield f"eventsourcing's runner: {library_runner.events_per_second(found, EVENTS_OF_RUNNER):,.0f} events/s"
    yield message_db(found, sizes)


def recorded_per_second(found: Server, sizes: Sizes) -> float:
    """Appends of two events by the library's own recorder, in threads of one process."""
    url = found.url(OWNER_ROLE, DATABASE)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA recorder")
    there = library_runner.settings(url)
    names = {
        name: there[f"POSTGRES_{name.upper()}"] for name in ("dbname", "host", "port", "user", "password", "schema")
    }
    datastore = PostgresDatastore(**{**names, "schema": "recorder"}, pool_size=16, originator_id_type="uuid")
    recorder = PostgresApplicationRecorder(datastore, events_table_name="stored_events")
    recorder.create_table()
    state, until = b"x" * 700, time.perf_counter() + sizes.seconds

    def write(_: int) -> int:
        done = 0
        while time.perf_counter() < until:
            id = uuid4()
            recorder.insert_events([StoredEvent(id, version, "Topic", state) for version in (1, 2)])
            done += 1
        return done

    with ThreadPoolExecutor(16) as pool:
        appended = sum(pool.map(write, range(16)))
    datastore.close()
    return appended / sizes.seconds


def message_db(found: Server, sizes: Sizes) -> str:
    """Message-db's SQL, as its npm package has it."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            command = ["npm", "pack", "--silent", PACKAGE]
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
        except (OSError, subprocess.SubprocessError) as error:
            return f"message-db: left out, its package could not be fetched ({type(error).__name__})"
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as packed:
            packed.extractall(folder, filter="data")
        with psycopg.connect(found.url(database=DATABASE), autocommit=True) as connection:
            for part in PARTS:
                connection.execute((Path(folder) / "package" / "database" / f"{part}.sql").read_text())
            connection.execute(
                "ALTER DATABASE oncelink SET search_path = message_store"
            )  # its functions call each other so
    return f"message-db, the same two events, 16 writers: {per_second(found, WRITES, 16, sizes.seconds):,.0f} appends/s"
