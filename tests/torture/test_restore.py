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

from api.app import build_app
from api.server import DATABASE
from api.settings import read_settings
from store.schema import SERVICE_ROLE
from tests.api_driver import ApiDriver
from tests.conftest import SECRET
from tests.once.guests import book_slot, to_outcome
from tests.torture.restored import ArchivingCluster, copy_data, read_commands, run_archiving_cluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[ArchivingCluster]:
    """A PostgreSQL that archives its WAL."""
    folder = Path(tempfile.mkdtemp(prefix="oncelink-restore-", dir="/tmp"))
    try:
        with run_archiving_cluster(folder) as archiving_cluster:
            yield archiving_cluster
    finally:
        shutil.rmtree(folder)


@contextmanager
def run_service(cluster: ArchivingCluster) -> Iterator[TestClient]:
    """Run the service on the cluster."""
    url = cluster.build_url(SERVICE_ROLE, DATABASE)
    settings = read_settings(database_url=url, secret_keys=SECRET, base_url="http://testserver")
    with TestClient(build_app(settings), raise_server_exceptions=False) as client:
        yield client


def read_server_time(cluster: ArchivingCluster) -> str:
    """Read the server's clock."""
    with psycopg.connect(cluster.build_url(), autocommit=True) as connection:
        row = connection.execute("SELECT clock_timestamp()::text").fetchone()
        connection.execute("SELECT pg_sleep(0.05)")
    assert row is not None
    return str(row[0])


def run_reconcile(cluster: ArchivingCluster, options: str = "", expect: int = 0) -> dict[str, object]:
    """Run `oncelink reconcile`. Return its JSON output."""
    output = cluster.run_oncelink(f"oncelink reconcile --json {options}", expect, ONCELINK_SECRET_KEYS=SECRET)
    report: dict[str, object] = json.loads(output)
    return report


def test_the_runbook(cluster: ArchivingCluster) -> None:
    """Base backup and WAL to a second; the bookings after that second are lost, and their links are not bookable."""
    with run_service(cluster) as client:
        api = ApiDriver.create_organisation(client)
        link = api.create_link()
        cluster.run_as_postgres(read_commands("Back up"))
        spent_before, spent_after, unspent = api.create_codes(link, 3)
        starts = api.list_slots(spent_before)
        api.book_meeting(spent_before, starts[0])
        restore_point = read_server_time(cluster)
        lost_booking = api.book_meeting(spent_after, starts[1])
        issued_after = api.create_codes(link)[0]
    cluster.run_as_postgres(read_commands("Put it back"), MOMENT=restore_point)
    cluster.start_server()
    cluster.wait_until_recovered()

    checks = json.loads(cluster.run_oncelink("oncelink doctor --json", 1, ONCELINK_SECRET_KEYS=SECRET))
    failed_checks = {check["name"] for check in checks if not check["ok"]}
    assert failed_checks - {"follower"} == {"restore"}  # nobody follows yet
    with run_service(cluster) as client:
        api.client = client
        assert (
            api.get(f"/v1/manage/{lost_booking['manage_url'].rsplit('/', 1)[1]}", expect=404)["code"]
            == "link_not_found"
        )
        for code in (spent_after, unspent):
            assert to_outcome(book_slot(client, code, starts[2])) == "503 link_unconfirmed"
            assert to_outcome(client.get(f"/v1/book/{code}")) == "503 link_unconfirmed"
        assert to_outcome(book_slot(client, spent_before, starts[2])) == "410 link_used"
        assert to_outcome(book_slot(client, issued_after, starts[2])) == "404 link_not_found"
        api.book_meeting(link["slug"], starts[3])  # a core link is not for one booking, and works
        issued_since = api.create_codes(link)[0]
        api.book_meeting(issued_since, starts[4])  # nor is there a doubt about what was issued since

    report = run_reconcile(cluster, expect=1)
    ids = {link_row["id"] for link_row in report["unconfirmed"]}  # type: ignore[attr-defined]
    assert len(ids) == 2
    kept_id = next(id for id in ids if id == parse_token_id(unspent))
    cluster.run_oncelink(read_commands("Reconcile"), KEEP=kept_id, ONCELINK_SECRET_KEYS=SECRET)
    report = run_reconcile(cluster)
    assert (report["unconfirmed_until"], report["unconfirmed"], report["revoked"]) == (None, [], [])
    with run_service(cluster) as client:
        api.client = client
        api.list_meetings()
        cluster.run_oncelink("oncelink doctor", ONCELINK_SECRET_KEYS=SECRET)
        assert to_outcome(book_slot(client, spent_after, starts[1])) == "410 link_revoked"
        assert to_outcome(book_slot(client, unspent, starts[2])) == "201"


def parse_token_id(code: str) -> str:
    """Parse the token id of a code."""
    from store.credentials.codes import Codes

    return str(Codes([SECRET]).open_code(code, "book"))


def test_a_copy_of_the_files_put_back_is_noticed(cluster: ArchivingCluster) -> None:
    """Without any recovery: neither the cluster's number nor its timeline is another."""
    with run_service(cluster) as client:
        api = ApiDriver(client)
        api.add_person("copier", ["manager"])
        api.ids["type"] = api.get("/v1/meeting-types", "copier")["items"][0]["id"]
        api.patch("/v1/me", {"weekly_hours": {"mon": [["00:00", "24:00"]]}}, "copier")
        link = api.create_link("Copy", "copier")
        code, other_code = api.create_codes(link, 2, "copier")
        starts = api.list_slots(code, 14)
    cluster.stop_server()
    copy_data(cluster, "copy")
    cluster.start_server()
    with run_service(cluster) as client:
        assert to_outcome(book_slot(client, code, starts[0])) == "201"  # a restart is no restore
    cluster.stop_server()
    copy_data(cluster, "copy")
    cluster.start_server()
    with run_service(cluster) as client:
        assert to_outcome(book_slot(client, code, starts[1])) == "503 link_unconfirmed"
    run_reconcile(cluster, "--nothing-lost")
    with run_service(cluster) as client:
        assert to_outcome(book_slot(client, other_code, starts[1])) == "201"
        last_code = ApiDriver(client, api.keys, api.ids).create_codes(link, 1, "copier")[0]
    run_reconcile(cluster, "--restored", expect=1)
    with run_service(cluster) as client:
        assert to_outcome(book_slot(client, last_code, starts[2])) == "503 link_unconfirmed"
    cluster.run_oncelink(
        f"oncelink reconcile --revoke --keep {parse_token_id(other_code)}", 2, ONCELINK_SECRET_KEYS=SECRET
    )
    run_reconcile(cluster, "--revoke")
    with run_service(cluster) as client:
        assert to_outcome(book_slot(client, last_code, starts[2])) == "410 link_revoked"
