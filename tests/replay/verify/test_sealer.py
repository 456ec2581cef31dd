"""The sealer: every settled event once, in order, by whoever comes first; and nobody but SQL writes a seal."""

import threading
import time
from collections.abc import Callable

import psycopg
import pytest
from fastapi.testclient import TestClient

from api.app import build
from api.settings import Settings
from projections.rebuild import live_tables
from replay.tree import merkle
from replay.tree.merkle import Growing
from replay.tree.sealed_tree import BrokenTree, Head, SealedTree
from replay.tree.sealer import Sealer, seal, seal_all
from store.database import Database
from tests.api_driver import House
from tests.replay.verify.conftest import World

PATIENCE = 60.0
# each tenth of them leaves a gap behind it, as an append that was rolled back does
EVENTS = """INSERT INTO {schema}.events (stream_id, version, type, data)
    SELECT gen_random_uuid(), 1 + 0 * max(CASE WHEN n %% 10 = 0 THEN nextval(%s) ELSE 0 END), 'LinkCreated.v1', '{{}}'
    FROM generate_series(1, %s) AS n GROUP BY n ORDER BY n"""
FOLLOWED = "UPDATE {schema}.follower SET position = (SELECT max(position) FROM {schema}.events)"


def eventually(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def grown(database: Database, superuser_url: str) -> Callable[[int], None]:
    """Makes the log grow by so many events, followed, with a gap behind each tenth of them."""

    def grow(count: int) -> None:
        with psycopg.connect(superuser_url, autocommit=True) as connection:
            connection.execute(database.text(EVENTS), (f"{database.schema}.events_position_seq", count))
            connection.execute(database.text(FOLLOWED))

    return grow


def leaves(database: Database) -> list[bytes]:
    """The hashes of the events themselves, in order."""
    query = """SELECT {schema}.leaf_hash(position, recorded_at, stream_id, version, type, data) AS hash
        FROM {schema}.events ORDER BY position"""
    return [bytes(row["hash"]) for row in database.rows(query)]


def root_of(hashes: list[bytes]) -> bytes:
    growing = Growing()
    for one in hashes:
        growing.add(one)
    return growing.root()


def test_batches_do_not_matter(database: Database, grown: Callable[[int], None]) -> None:
    tree = SealedTree(database)
    assert tree.head() == Head(0, 0)
    assert tree.root(0) == merkle.EMPTY_ROOT
    grown(150)
    assert seal(database, 7) == 7
    assert seal(database, 1) == 1
    assert seal(database, 100) == 100
    grown(4000)
    assert seal_all(database) == 150 - 108 + 4000
    assert seal(database) == 0
    hashes = leaves(database)
    size = tree.head().size
    assert size == len(hashes) == 4150
    for some in (1, 63, 64, 65, 108, 4095, 4096, size):
        assert tree.root(some) == root_of(hashes[:some])
    heights = database.rows("SELECT height, count(*) AS nodes FROM {schema}.sealed_nodes GROUP BY 1 ORDER BY 1")
    assert [(row["height"], row["nodes"]) for row in heights] == [(1, 64), (2, 1)]


def test_only_what_is_followed_is_sealed(database: Database, grown: Callable[[int], None], superuser_url: str) -> None:
    grown(5)
    with psycopg.connect(superuser_url) as connection:
        connection.execute(database.text(EVENTS), (f"{database.schema}.events_position_seq", 1))
    assert seal_all(database) == 5


def test_proofs_of_a_stored_tree(world: World) -> None:
    tree = SealedTree(world.database)
    size = tree.head().size
    root = tree.root(size)
    for row in world.rows("SELECT position, number, hash FROM {schema}.sealed_events"):
        leaf = tree.leaf(row["position"])
        assert leaf is not None
        proof = tree.inclusion(leaf.number, size)
        assert merkle.includes(root, size, leaf.number, leaf.hash, proof)
        assert merkle.extends(leaf.number, tree.root(leaf.number), size, root, tree.consistency(leaf.number, size))
    assert tree.leaf(10**9) is None


def test_a_tree_with_a_hole_says_so(database: Database, grown: Callable[[int], None], superuser_url: str) -> None:
    grown(10)
    seal_all(database)
    with psycopg.connect(superuser_url) as connection:
        connection.execute(database.text("DELETE FROM {schema}.sealed_events WHERE number = 3"))
    with pytest.raises(BrokenTree):
        SealedTree(database).root(10)


def test_many_sealers_seal_each_event_once(database: Database, grown: Callable[[int], None]) -> None:
    grown(500)
    barrier = threading.Barrier(6)

    def work() -> None:
        barrier.wait()
        while (sealed := seal(database, 9)) != 0:
            assert sealed in (-1, *range(1, 10))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert SealedTree(database).root(500) == root_of(leaves(database))


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
    with database.connection() as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(database.text(query.replace("TABLE", table)))


def test_refuses_a_snapshot_that_is_too_old(database: Database) -> None:
    with database.connect(autocommit=False) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with pytest.raises(psycopg.errors.RaiseException, match="READ COMMITTED"):
            connection.execute(database.text("SELECT {schema}.seal(1)"))


def test_seals_only_while_it_leads(database: Database, grown: Callable[[int], None]) -> None:
    live_tables.ensure(database)
    grown(3)
    leads = threading.Event()
    sealer = Sealer(database, leads.is_set).start()
    try:
        time.sleep(0.2)
        assert SealedTree(database).head().size == 0
        leads.set()
        eventually(lambda: SealedTree(database).head().size == 3)
        assert sealer.alive
        assert sealer.error is None
    finally:
        sealer.stop()
    assert not sealer.alive


def test_a_running_service_seals_by_itself(settings: Settings) -> None:
    with TestClient(build(settings), raise_server_exceptions=False) as client:
        house = House.furnished(client)
        tree = SealedTree(house.oncelink.database)
        last = house.oncelink.database.rows("SELECT max(position) AS at FROM {schema}.events")[0]["at"]
        eventually(lambda: tree.head().position == last)
        assert tree.root(tree.head().size) == root_of(leaves(house.oncelink.database))
        assert tree.leaf(last) is not None
