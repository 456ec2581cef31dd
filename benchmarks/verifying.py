"""Sealing, proving and verifying a big log: `python -m benchmarks verifying [EVENTS]`."""

import json
import resource
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from psycopg.rows import tuple_row

from api.server import DATABASE, OWNER_ROLE
from benchmarks import big_log
from benchmarks.environment import SECRET, quantiles, server
from projections.rebuild import live_tables
from replay.tree import checkpoint, merkle
from replay.tree.checkpoint import Checkpoint
from replay.tree.sealed_tree import SealedTree
from replay.tree.sealer import BATCH, seal
from replay.tree.signed_note import Signer
from replay.verify.export import verify_export
from replay.verify.problems import Report
from replay.verify.verification import of_log, of_read_models, verify
from replay.verify.verify_connection import UNHURRIED, Ask
from store.database import Database
from store.schema import SERVICE_ROLE

SIGNER = Signer.derived("benchmark/oncelink", SECRET)
MARKS = (10_000, 100_000, 1_000_000)
PROOFS = 300


def main(events: str = "1000000") -> None:
    """Every figure on one log."""
    with server("native") as found:
        began = time.perf_counter()
        big_log.fill(found.url(OWNER_ROLE, DATABASE), int(events))
        database = Database(found.url(SERVICE_ROLE, DATABASE)).open()
        live_tables.ensure(database)
        print(f"{int(events):,} events, made in {time.perf_counter() - began:.0f} s")
        sealing(database, int(events))
        proving(database)
        saved = taken(database)
        report = verifying(database, saved)
        assert report.is_clean, report.problems[:10]
        exporting(database, saved)
        database.close()
    print(f"memory of this process at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def sealing(database: Database, events: int) -> None:
    """What an event costs to seal, in the batches that end at 10,000, 100,000 and all events."""
    costs: dict[int, float] = {}
    size = 0
    began = time.perf_counter()
    while size < events:
        batch = time.perf_counter()
        sealed = seal(database)
        size += sealed
        costs[size] = (time.perf_counter() - batch) / max(1, sealed) * 1e6
    print(f"sealed in {time.perf_counter() - began:.1f} s, batches of {BATCH:,}")
    for mark in sorted({*MARKS, events}):
        near = sorted(cost for at, cost in costs.items() if mark - 10 * BATCH < at <= mark)
        if near and mark <= events:
            print(f"  around {mark:>9,}: {near[len(near) // 2]:.1f} µs an event")


def proving(database: Database) -> None:
    """Milliseconds for a proof, each checked."""
    tree = SealedTree(database)
    head = tree.head()
    root = tree.root(head.size)
    inclusion, consistency, longest = [], [], 0
    for number in range(0, head.size, max(1, head.size // PROOFS)):
        began = time.perf_counter()
        proof = tree.inclusion(number, head.size)
        inclusion.append(time.perf_counter() - began)
        assert merkle.includes(root, head.size, number, tree.nodes(0, number, number + 1)[0], proof)
        longest = max(longest, len(proof))
        began = time.perf_counter()
        extended = tree.consistency(number, head.size)
        consistency.append(time.perf_counter() - began)
        assert merkle.extends(number, tree.root(number), head.size, root, extended)
    print(f"inclusion proof:   {quantiles(inclusion)}, at most {longest} hashes")
    print(f"consistency proof: {quantiles(consistency)}")


def taken(database: Database) -> list[Checkpoint]:
    """A checkpoint as it is by default, and one with a mark for every event."""
    saved = []
    for name, most in (("default", checkpoint.marks.MOST), ("--exact", None)):
        began = time.perf_counter()
        note = checkpoint.take(SealedTree(database), SIGNER, most)
        print(f"checkpoint, {name}: {(time.perf_counter() - began) * 1000:.0f} ms, {len(note):,} bytes")
        saved += checkpoint.opened(note.encode(), [SIGNER.verifier])
    return saved[:1]


def verifying(database: Database, saved: list[Checkpoint]) -> Report:
    """The whole of `oncelink verify --checkpoint`, and then its two halves one after the other, check by check."""
    began = time.perf_counter()
    report = verify(database, saved)
    print(f"verified {report.checked_events:,} events in {time.perf_counter() - began:.1f} s; one after the other:")
    times: list[tuple[str, float]] = []

    def told(name: str) -> None:
        times.append((name, time.perf_counter()))

    with database.connect(options=UNHURRIED) as connection:
        ask, again = Ask(database, connection), Report()
        of_log(ask, again, saved, told)
        of_read_models(ask, again, told)
        told("")
    for (name, start), (_, end) in pairwise(times):
        print(f"  {name:<22}{end - start:6.2f} s")
    return report


def exporting(database: Database, saved: list[Checkpoint]) -> None:
    """The same from a full export, without the database."""
    query = """SELECT position, to_char(recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        stream_id::text, version, type, data::text FROM {schema}.events ORDER BY position"""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        with database.connect(options=UNHURRIED) as connection, connection.transaction():
            cursor = connection.cursor("all", row_factory=tuple_row)
            for position, at, stream, version, type_, data in cursor.execute(database.text(query)):
                begin = json.dumps(
                    {"position": position, "recorded_at": at, "stream_id": stream, "version": version, "type": type_}
                )
                file.write(f'{begin[:-1]}, "data": {data}}}\n')
        file.flush()
        began = time.perf_counter()
        report, root = verify_export(Path(file.name), saved)
        assert report.is_clean, report.problems[:10]
        assert root == saved[-1].root
        print(f"verified the export of {report.checked_events:,} events in {time.perf_counter() - began:.1f} s")
