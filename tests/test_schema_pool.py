"""A schema that is used again is as it was."""

from pathlib import Path

import psycopg
import pytest
from fastapi.testclient import TestClient

from api.app import build
from store.embedded.server import Server
from tests.api_driver import House
from tests.conftest import Shelves
from tests.schema_pool import Shelf, State


def state(superuser_url: str, name: str) -> State:
    """What is in a schema now."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        return State(connection, name)


def test_what_a_test_did_is_gone(server: Server, shelves: Shelves, superuser_url: str, tmp_path: Path) -> None:
    shelf = Shelf(server, shelves.furnish)
    with shelf.taken() as (name, house):
        before = state(superuser_url, name)
        with TestClient(build(shelves.settings(name, tmp_path))) as client:
            House(client, dict(house.keys), dict(house.ids)).link()
        after = state(superuser_url, name)
        assert after.rows["events"] != before.rows["events"]
        assert after.sequences != before.sequences
    with shelf.taken() as (again, _):
        assert again == name
        found = state(superuser_url, name)
        assert (found.rows, found.sequences, found.shape) == (before.rows, before.sequences, before.shape)


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
    shelf = Shelf[None](server, lambda name: None)
    with shelf.taken() as (name, _), psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute(f"SET search_path = {name}, public")
        connection.execute(change)
    with shelf.taken() as (another, _):
        assert another != name
    with psycopg.connect(superuser_url) as connection:
        assert connection.execute("SELECT FROM pg_namespace WHERE nspname = %s", (name,)).fetchone() is None
