"""The sealer seals every settled event once and in order, whichever process runs it; only SQL can write a seal."""

import threading
import time
from collections.abc import Callable

import psycopg
import pytest
from fastapi.testclient import TestClient

from api.app import build_app
from api.settings import Settings
from projections.rebuild import live_tables
from replay.tree import merkle
from replay.tree.merkle import IncrementalTree
from replay.tree.sealed_tree import BrokenTree, SealedTree, TreeHead
from replay.tree.sealer import Sealer, seal_all_events, seal_batch
from store.database import Database
from tests.api_driver import ApiDriver
from tests.replay.verify.conftest import SealedLog
from tests.waiting import wait_until

TIMEOUT_SECONDS = 60.0
# each tenth of them leaves a gap behind it, as an append that was rolled back does
EVENTS = """INSERT INTO {schema}.events (stream_id, version, type, data)
    SELECT gen_random_uuid(), 1 + 0 * max(CASE WHEN n %% 10 = 0 THEN nextval(%s) ELSE 0 END), 'LinkCreated.v1', '{{}}'
    FROM generate_series(1, %s) AS n GROUP BY n ORDER BY n"""
FOLLOWED = "UPDATE {schema}.follower SET position = (SELECT max(position) FROM {schema}.events)"


@pytest.fixture
def log_extender(database: Database, superuser_url: str) -> Callable[[int], None]:
    """A callable that appends this many events, followed, with a gap after each tenth."""

    def extend_log(count: int) -> None:
        with psycopg.connect(superuser_url, autocommit=True) as connection:
            connection.execute(database.compose_query(EVENTS), (f"{database.schema}.events_position_seq", count))
            connection.execute(database.compose_query(FOLLOWED))

    return extend_log


def read_leaf_hashes(database: Database) -> list[bytes]:
    """Read the hashes of the events themselves, in order."""
    query = """SELECT {schema}.leaf_hash(position, recorded_at, stream_id, version, type, data) AS hash
        FROM {schema}.events ORDER BY position"""
    return [bytes(row["hash"]) for row in database.fetch_rows(query)]


def compute_root(hashes: list[bytes]) -> bytes:
    tree = IncrementalTree()
    for event_hash in hashes:
        tree.add_leaf(event_hash)
    return tree.compute_root()


def test_batches_do_not_matter(database: Database, log_extender: Callable[[int], None]) -> None:
    tree = SealedTree(database)
    assert tree.read_head() == TreeHead(0, 0)
    assert tree.compute_root(0) == merkle.EMPTY_ROOT
    log_extender(150)
    assert seal_batch(database, 7) == 7
    assert seal_batch(database, 1) == 1
    assert seal_batch(database, 100) == 100
    log_extender(4000)
    assert seal_all_events(database) == 150 - 108 + 4000
    assert seal_batch(database) == 0
    hashes = read_leaf_hashes(database)
    size = tree.read_head().size
    assert size == len(hashes) == 4150
    for sample_size in (1, 63, 64, 65, 108, 4095, 4096, size):
        assert tree.compute_root(sample_size) == compute_root(hashes[:sample_size])
    heights = database.fetch_rows("SELECT height, count(*) AS nodes FROM {schema}.sealed_nodes GROUP BY 1 ORDER BY 1")
    assert [(row["height"], row["nodes"]) for row in heights] == [(1, 64), (2, 1)]


def test_only_what_is_followed_is_sealed(
    database: Database, log_extender: Callable[[int], None], superuser_url: str
) -> None:
    log_extender(5)
    with psycopg.connect(superuser_url) as connection:
        connection.execute(database.compose_query(EVENTS), (f"{database.schema}.events_position_seq", 1))
    assert seal_all_events(database) == 5


def test_proofs_of_a_stored_tree(sealed_log: SealedLog) -> None:
    tree = SealedTree(sealed_log.database)
    size = tree.read_head().size
    root = tree.compute_root(size)
    for row in sealed_log.fetch_rows("SELECT position, number, hash FROM {schema}.sealed_events"):
        leaf = tree.find_leaf(row["position"])
        assert leaf is not None
        proof = tree.prove_inclusion(leaf.number, size)
        assert merkle.verify_inclusion(root, size, leaf.number, leaf.hash, proof)
        assert merkle.verify_consistency(
            leaf.number, tree.compute_root(leaf.number), size, root, tree.prove_consistency(leaf.number, size)
        )
    assert tree.find_leaf(10**9) is None


def test_a_tree_with_a_hole_says_so(
    database: Database, log_extender: Callable[[int], None], superuser_url: str
) -> None:
    log_extender(10)
    seal_all_events(database)
    with psycopg.connect(superuser_url) as connection:
        connection.execute(database.compose_query("DELETE FROM {schema}.sealed_events WHERE number = 3"))
    with pytest.raises(BrokenTree):
        SealedTree(database).compute_root(10)


def test_many_sealers_seal_each_event_once(database: Database, log_extender: Callable[[int], None]) -> None:
    log_extender(500)
    barrier = threading.Barrier(6)

    def seal_all() -> None:
        barrier.wait()
        while (count := seal_batch(database, 9)) != 0:
            assert count in (-1, *range(1, 10))

    threads = [threading.Thread(target=seal_all) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert SealedTree(database).compute_root(500) == compute_root(read_leaf_hashes(database))


@pytest.mark.parametrize("table", ["sealed_events", "sealed_nodes"])
@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM {schema}.TABLE",
        "TRUNCATE {schema}.TABLE",
        "UPDATE {schema}.TABLE SET hash = ''",
        "INSERT INTO {schema}.TABLE SELECT * FROM {schema}.TABLE",
    ],
)
def test_the_service_cannot_write_seals(database: Database, table: str, query: str) -> None:
    with database.acquire_connection() as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(database.compose_query(query.replace("TABLE", table)))


def test_refuses_a_snapshot_that_is_too_old(database: Database) -> None:
    with database.connect(autocommit=False) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with pytest.raises(psycopg.errors.RaiseException, match="READ COMMITTED"):
            connection.execute(database.compose_query("SELECT {schema}.seal(1)"))


def test_seals_only_while_it_leads(database: Database, log_extender: Callable[[int], None]) -> None:
    live_tables.ensure_tables(database)
    log_extender(3)
    is_leader = threading.Event()
    sealer = Sealer(database, is_leader.is_set).start()
    try:
        time.sleep(0.2)
        assert SealedTree(database).read_head().size == 0
        is_leader.set()
        wait_until(lambda: SealedTree(database).read_head().size == 3)
        assert sealer.is_alive
        assert sealer.error is None
    finally:
        sealer.stop()
    assert not sealer.is_alive


def test_a_running_service_seals_by_itself(settings: Settings) -> None:
    with TestClient(build_app(settings), raise_server_exceptions=False) as client:
        api = ApiDriver.create_organisation(client)
        tree = SealedTree(api.services.database)
        last = api.services.database.fetch_rows("SELECT max(position) AS at FROM {schema}.events")[0]["at"]
        wait_until(lambda: tree.read_head().position == last)
        assert tree.compute_root(tree.read_head().size) == compute_root(read_leaf_hashes(api.services.database))
        assert tree.find_leaf(last) is not None
