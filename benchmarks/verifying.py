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
from benchmarks.environment import SECRET, format_quantiles, run_database_server
from projections.rebuild import live_tables
from replay.tree import checkpoint, merkle, subtree_digests
from replay.tree.checkpoint import Checkpoint
from replay.tree.sealed_tree import SealedTree
from replay.tree.sealer import BATCH_SIZE, seal_batch
from replay.tree.signed_note import Signer
from replay.verify.export import verify_export
from replay.verify.problems import Report
from replay.verify.verification import find_log_problems, find_read_model_problems, run_verification
from replay.verify.verify_connection import NO_TIMEOUTS, VerifyConnection
from store.database import Database
from store.schema import SERVICE_ROLE

SIGNER = Signer.from_secret("benchmark/oncelink", SECRET)
SAMPLE_SIZES = (10_000, 100_000, 1_000_000)
PROOFS = 300


def main(events: str = "1000000") -> None:
    """Measure every figure on one log."""
    with run_database_server("native") as server:
        started_at = time.perf_counter()
        big_log.fill_log(server.build_url(OWNER_ROLE, DATABASE), int(events))
        database = Database(server.build_url(SERVICE_ROLE, DATABASE)).open()
        live_tables.ensure_tables(database)
        print(f"{int(events):,} events, made in {time.perf_counter() - started_at:.0f} s")
        measure_sealing(database, int(events))
        measure_proofs(database)
        checkpoints = sign_checkpoints(database)
        report = measure_verification(database, checkpoints)
        assert report.is_clean, report.problems[:10]
        measure_export_verification(database, checkpoints)
        database.close()
    print(f"memory of this process at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def measure_sealing(database: Database, events: int) -> None:
    """Measure the cost of sealing an event, in the batches that end at 10,000, 100,000 and all events."""
    costs: dict[int, float] = {}
    size = 0
    started_at = time.perf_counter()
    while size < events:
        batch_started_at = time.perf_counter()
        count = seal_batch(database)
        size += count
        costs[size] = (time.perf_counter() - batch_started_at) / max(1, count) * 1e6
    print(f"sealed in {time.perf_counter() - started_at:.1f} s, batches of {BATCH_SIZE:,}")
    for sample_size in sorted({*SAMPLE_SIZES, events}):
        nearby_costs = sorted(
            cost for position, cost in costs.items() if sample_size - 10 * BATCH_SIZE < position <= sample_size
        )
        if nearby_costs and sample_size <= events:
            print(f"  around {sample_size:>9,}: {nearby_costs[len(nearby_costs) // 2]:.1f} µs an event")


def measure_proofs(database: Database) -> None:
    """Measure the milliseconds of each kind of proof, and verify every proof."""
    tree = SealedTree(database)
    head = tree.read_head()
    root = tree.compute_root(head.size)
    inclusion, consistency, max_length = [], [], 0
    for number in range(0, head.size, max(1, head.size // PROOFS)):
        started_at = time.perf_counter()
        proof = tree.prove_inclusion(number, head.size)
        inclusion.append(time.perf_counter() - started_at)
        assert merkle.verify_inclusion(root, head.size, number, tree.read_nodes(0, number, number + 1)[0], proof)
        max_length = max(max_length, len(proof))
        started_at = time.perf_counter()
        consistency_proof = tree.prove_consistency(number, head.size)
        consistency.append(time.perf_counter() - started_at)
        assert merkle.verify_consistency(number, tree.compute_root(number), head.size, root, consistency_proof)
    print(f"inclusion proof:   {format_quantiles(inclusion)}, at most {max_length} hashes")
    print(f"consistency proof: {format_quantiles(consistency)}")


def sign_checkpoints(database: Database) -> list[Checkpoint]:
    """Sign a checkpoint with the default number of digests, and one with a digest for every event."""
    checkpoints = []
    for name, max_digests in (("default", subtree_digests.MAX_DIGESTS), ("--exact", None)):
        started_at = time.perf_counter()
        note = checkpoint.sign_checkpoint(SealedTree(database), SIGNER, max_digests)
        print(f"checkpoint, {name}: {(time.perf_counter() - started_at) * 1000:.0f} ms, {len(note):,} bytes")
        checkpoints += checkpoint.read_checkpoints(note.encode(), [SIGNER.verifier])
    return checkpoints[:1]


def measure_verification(database: Database, checkpoints: list[Checkpoint]) -> Report:
    """Measure the whole of `oncelink verify --checkpoint`, then its two halves one after the other, check by check."""
    started_at = time.perf_counter()
    report = run_verification(database, checkpoints)
    print(
        f"verified {report.checked_events:,} events in {time.perf_counter() - started_at:.1f} s; one after the other:"
    )
    times: list[tuple[str, float]] = []

    def record_time(name: str) -> None:
        times.append((name, time.perf_counter()))

    with database.connect(options=NO_TIMEOUTS) as connection:
        verify_connection, second_report = VerifyConnection(database, connection), Report()
        find_log_problems(verify_connection, second_report, checkpoints, record_time)
        find_read_model_problems(verify_connection, second_report, record_time)
        record_time("")
    for (name, start), (_, end) in pairwise(times):
        print(f"  {name:<22}{end - start:6.2f} s")
    return report


def measure_export_verification(database: Database, checkpoints: list[Checkpoint]) -> None:
    """Measure the verification of a full export, without the database."""
    query = """SELECT position, to_char(recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        stream_id::text, version, type, data::text FROM {schema}.events ORDER BY position"""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        with database.connect(options=NO_TIMEOUTS) as connection, connection.transaction():
            cursor = connection.cursor("all", row_factory=tuple_row)
            for position, recorded_at, stream, version, type_, data in cursor.execute(database.compose_query(query)):
                envelope = json.dumps(
                    {
                        "position": position,
                        "recorded_at": recorded_at,
                        "stream_id": stream,
                        "version": version,
                        "type": type_,
                    }
                )
                file.write(f'{envelope[:-1]}, "data": {data}}}\n')
        file.flush()
        started_at = time.perf_counter()
        report, root = verify_export(Path(file.name), checkpoints)
        assert report.is_clean, report.problems[:10]
        assert root == checkpoints[-1].root
        print(f"verified the export of {report.checked_events:,} events in {time.perf_counter() - started_at:.1f} s")
