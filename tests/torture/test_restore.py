"""After a restore no spent single-use link is bookable again before an operator has reconciled it."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from fastapi.testclient import TestClient

from api.app import build
from api.server import DATABASE
from api.settings import read_settings
from store.schema import SERVICE_ROLE
from tests.api_driver import House
from tests.conftest import SECRET
from tests.once.guests import books, outcome
from tests.torture.restored import Cluster, archiving, block, copied


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL that archives its WAL."""
    folder = Path(tempfile.mkdtemp(prefix="oncelink-restore-", dir="/tmp"))
    try:
        with archiving(folder) as found:
            yield found
    finally:
        shutil.rmtree(folder)


@contextmanager
def served(cluster: Cluster) -> Iterator[TestClient]:
    """The service on it."""
    url = cluster.url(SERVICE_ROLE, DATABASE)
    settings = read_settings(database_url=url, secret_keys=SECRET, base_url="http://testserver")
    with TestClient(build(settings), raise_server_exceptions=False) as client:
        yield client


def instant(cluster: Cluster) -> str:
    """Now, by the server's clock."""
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        row = connection.execute("SELECT clock_timestamp()::text").fetchone()
        connection.execute("SELECT pg_sleep(0.05)")
    assert row is not None
    return str(row[0])


def reconcile(cluster: Cluster, options: str = "", expect: int = 0) -> dict[str, object]:
    """What `oncelink reconcile` says."""
    said = cluster.oncelink(f"oncelink reconcile --json {options}", expect, ONCELINK_SECRET_KEYS=SECRET)
    found: dict[str, object] = json.loads(said)
    return found


def test_the_runbook(cluster: Cluster) -> None:
    """Base backup and WAL to a second; the bookings after that second are lost, and their links are not bookable."""
    with served(cluster) as client:
        house = House.furnished(client)
        link = house.link()
        cluster.postgres(block("Back up"))
        spent_before, spent_after, unspent = house.codes(link, 3)
        starts = house.slots(spent_before)
        house.book(spent_before, starts[0])
        moment = instant(cluster)
        lost = house.book(spent_after, starts[1])
        issued_after = house.codes(link)[0]
    cluster.postgres(block("Put it back"), MOMENT=moment)
    cluster.start()
    cluster.wait_until_recovered()

    checks = json.loads(cluster.oncelink("oncelink doctor --json", 1, ONCELINK_SECRET_KEYS=SECRET))
    to_do = {check["name"] for check in checks if not check["ok"]}
    assert to_do - {"follower"} == {"restore"}  # nobody follows yet
    with served(cluster) as client:
        house.client = client
        assert house.get(f"/v1/manage/{lost['manage_url'].rsplit('/', 1)[1]}", expect=404)["code"] == "link_not_found"
        for code in (spent_after, unspent):
            assert outcome(books(client, code, starts[2])) == "503 link_unconfirmed"
            assert outcome(client.get(f"/v1/book/{code}")) == "503 link_unconfirmed"
        assert outcome(books(client, spent_before, starts[2])) == "410 link_used"
        assert outcome(books(client, issued_after, starts[2])) == "404 link_not_found"
        house.book(link["slug"], starts[3])  # a core link is not for one booking, and works
        issued_since = house.codes(link)[0]
        house.book(issued_since, starts[4])  # nor is there a doubt about what was issued since

    found = reconcile(cluster, expect=1)
    ids = {one["id"] for one in found["unconfirmed"]}  # type: ignore[attr-defined]
    assert len(ids) == 2
    keep = next(id for id in ids if id == token_of(unspent))
    cluster.oncelink(block("Reconcile"), KEEP=keep, ONCELINK_SECRET_KEYS=SECRET)
    assert reconcile(cluster) == {"unconfirmed_until": None, "unconfirmed": [], "revoked": []}
    with served(cluster) as client:
        house.client = client
        house.log()
        cluster.oncelink("oncelink doctor", ONCELINK_SECRET_KEYS=SECRET)
        assert outcome(books(client, spent_after, starts[1])) == "410 link_revoked"
        assert outcome(books(client, unspent, starts[2])) == "201"


def token_of(code: str) -> str:
    """The id behind a code."""
    from store.credentials.codes import Codes

    return str(Codes([SECRET]).open(code, "book"))


def test_a_copy_of_the_files_put_back_is_noticed(cluster: Cluster) -> None:
    """Without any recovery: neither the cluster's number nor its timeline is another."""
    with served(cluster) as client:
        house = House(client)
        house.hire("copier", ["manager"])
        house.ids["type"] = house.get("/v1/meeting-types", "copier")["items"][0]["id"]
        house.patch("/v1/me", {"weekly_hours": {"mon": [["00:00", "24:00"]]}}, "copier")
        link = house.link("Copy", "copier")
        code, other = house.codes(link, 2, "copier")
        starts = house.slots(code, 14)
    cluster.stop()
    copied(cluster, "copy")
    cluster.start()
    with served(cluster) as client:
        assert outcome(books(client, code, starts[0])) == "201"  # a restart is no restore
    cluster.stop()
    copied(cluster, "copy")
    cluster.start()
    with served(cluster) as client:
        assert outcome(books(client, code, starts[1])) == "503 link_unconfirmed"
    reconcile(cluster, "--nothing-lost")
    with served(cluster) as client:
        assert outcome(books(client, other, starts[1])) == "201"
        last = House(client, house.keys, house.ids).codes(link, 1, "copier")[0]
    reconcile(cluster, "--restored", expect=1)
    with served(cluster) as client:
        assert outcome(books(client, last, starts[2])) == "503 link_unconfirmed"
    cluster.oncelink(f"oncelink reconcile --revoke --keep {token_of(other)}", 2, ONCELINK_SECRET_KEYS=SECRET)
    reconcile(cluster, "--revoke")
    with served(cluster) as client:
        assert outcome(books(client, last, starts[2])) == "410 link_revoked"
