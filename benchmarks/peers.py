"""Measure alternatives in the same run: the eventsourcing library's recorder and runner, and message-db."""

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
from benchmarks.appending import measure_transactions_per_second
from benchmarks.sizes import Sizes
from store.embedded.server import Server

PACKAGE = "@eventide/message-db@1.3.1"
RUNNER_EVENTS = 2_000
SQL_FILES = (
    *("schema/message-store", "tables/messages", "types/message"),
    *(f"functions/{name}" for name in ("hash-64", "acquire-lock", "category", "is-category", "id", "cardinal-id")),
    *("functions/stream-version", "functions/write-message"),
    *(f"indexes/messages-{name}" for name in ("id", "stream", "category")),
)
# the same two events, each in one call, in one transaction and one round trip
WRITE_MESSAGES = r"""
\set n random(1, 9000000000000000)
\startpipeline
BEGIN;
SELECT message_store.write_message(md5('a' || :n), 'token-' || :n, 'DirectIssued', '{data}', NULL, -1);
SELECT message_store.write_message(md5('b' || :n), 'token-' || :n, 'MeetingBooked', '{data}', NULL, 0);
COMMIT;
\endpipeline
""".replace("{data}", '{"padding": "' + "x" * 700 + '"}')


def measure_peers(server: Server, sizes: Sizes) -> Iterator[str]:
    """Measure each alternative. Yield a line with its result, or with the reason why it was left out."""
    appends_per_second = measure_recorder(server, sizes)
    yield f"eventsourcing's recorder, the same two events, 16 threads: {appends_per_second:,.0f} appends/s"
    yield f"eventsourcing's runner: {library_runner.measure_events_per_second(server, RUNNER_EVENTS):,.0f} events/s"
    yield measure_message_db(server, sizes)


def measure_recorder(server: Server, sizes: Sizes) -> float:
    """Measure appends of two events per second by the library's own recorder, in threads of one process."""
    url = server.build_url(OWNER_ROLE, DATABASE)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA recorder")
    settings = library_runner.build_settings(url)
    parameters = {
        name: settings[f"POSTGRES_{name.upper()}"] for name in ("dbname", "host", "port", "user", "password", "schema")
    }
    datastore = PostgresDatastore(**{**parameters, "schema": "recorder"}, pool_size=16, originator_id_type="uuid")
    recorder = PostgresApplicationRecorder(datastore, events_table_name="stored_events")
    recorder.create_table()
    state, deadline = b"x" * 700, time.perf_counter() + sizes.seconds

    def append_events(_: int) -> int:
        count = 0
        while time.perf_counter() < deadline:
            id = uuid4()
            recorder.insert_events([StoredEvent(id, version, "Topic", state) for version in (1, 2)])
            count += 1
        return count

    with ThreadPoolExecutor(16) as pool:
        appended = sum(pool.map(append_events, range(16)))
    datastore.close()
    return appended / sizes.seconds


def measure_message_db(server: Server, sizes: Sizes) -> str:
    """Measure message-db's SQL, from its npm package."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            command = ["npm", "pack", "--silent", PACKAGE]
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
        except (OSError, subprocess.SubprocessError) as error:
            return f"message-db: left out, its package could not be fetched ({type(error).__name__})"
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as archive:
            archive.extractall(folder, filter="data")
        with psycopg.connect(server.build_url(database=DATABASE), autocommit=True) as connection:
            for path in SQL_FILES:
                connection.execute((Path(folder) / "package" / "database" / f"{path}.sql").read_text())
            connection.execute(
                "ALTER DATABASE oncelink SET search_path = message_store"
            )  # its functions call each other so
    rate = measure_transactions_per_second(server, WRITE_MESSAGES, 16, sizes.seconds)
    return f"message-db, the same two events, 16 writers: {rate:,.0f} appends/s"
