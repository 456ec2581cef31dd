"""Tests of the schema pool: a reused schema is in its prepared state."""

from pathlib import Path

import psycopg
import pytest
from fastapi.testclient import TestClient

from api.app import build_app
from store.embedded.server import Server
from tests.api_driver import ApiDriver
from tests.conftest import SchemaPools
from tests.schema_pool import SchemaPool, SchemaSnapshot


def take_snapshot(superuser_url: str, name: str) -> SchemaSnapshot:
    """Take a snapshot of a schema."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        return SchemaSnapshot(connection, name)


def test_what_a_test_did_is_gone(server: Server, schema_pools: SchemaPools, superuser_url: str, tmp_path: Path) -> None:
    pool = SchemaPool(server, schema_pools.create_organisation)
    with pool.hold_schema() as (name, api):
        snapshot_before = take_snapshot(superuser_url, name)
        with TestClient(build_app(schema_pools.build_settings(name, tmp_path))) as client:
            ApiDriver(client, dict(api.keys), dict(api.ids)).create_link()
        snapshot_after = take_snapshot(superuser_url, name)
        assert snapshot_after.rows["events"] != snapshot_before.rows["events"]
        assert snapshot_after.sequences != snapshot_before.sequences
    with pool.hold_schema() as (reused_name, _):
        assert reused_name == name
        snapshot = take_snapshot(superuser_url, name)
        assert (snapshot.rows, snapshot.sequences, snapshot.structure) == (
            snapshot_before.rows,
            snapshot_before.sequences,
            snapshot_before.structure,
        )


@pytest.mark.parametrize(
    "change",
    [
        "DROP INDEX one_booking_per_token",
        "ALTER TABLE reservations DROP CONSTRAINT reservations_host_id_during_excl",
        "CREATE TABLE more ()",
        "GRANT DELETE ON events TO oncelink_service",
        "CREATE OR REPLACE FUNCTION words(text) RETURNS tsvector LANGUAGE sql IMMUTABLE RETURN ''::tsvector",
    ],
)
def test_what_is_built_otherwise_is_not_used_again(server: Server, superuser_url: str, change: str) -> None:
    pool = SchemaPool[None](server, lambda name: None)
    with pool.hold_schema() as (name, _), psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute(f"SET search_path = {name}, public")
        connection.execute(change)
    with pool.hold_schema() as (other_name, _):
        assert other_name != name
    with psycopg.connect(superuser_url) as connection:
        assert connection.execute("SELECT FROM pg_namespace WHERE nspname = %s", (name,)).fetchone() is None
