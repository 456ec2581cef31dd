"""Health: readiness says when a disk is full, and each connection says in PostgreSQL what it is for."""

import os
from pathlib import Path

import psycopg
import pytest

from store.connection_names import get_process_name
from tests.api_driver import ApiDriver
from tests.conftest import SchemaPools
from tests.waiting import wait_until

DISK_FULL = """
CREATE FUNCTION {schema}.fill_disk() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER fill_disk BEFORE INSERT ON {schema}.events FOR EACH ROW EXECUTE FUNCTION {schema}.fill_disk();
"""
ROLES = """
SELECT split_part(application_name, ' ', 2) AS role, application_name FROM pg_stat_activity
WHERE split_part(application_name, ' ', 1) = %s
"""


def test_readiness_says_when_the_database_has_no_room(
    api: ApiDriver, superuser_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slug = api.create_link()["slug"]
    start = api.list_slots(slug)[0]
    assert api.get("/readyz")["reasons"] == []
    schema = api.services.settings.db_schema
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute(DISK_FULL.format(schema=schema))
        try:
            assert api.book_meeting(slug, start, expect=503)["code"] == "try_again"
            assert any("disk of the database is full" in reason for reason in api.get("/readyz", expect=503)["reasons"])
        finally:
            connection.execute(f"DROP FUNCTION {schema}.fill_disk CASCADE")
    api.book_meeting(slug, start)
    monkeypatch.setattr("store.database.DISK_FULL_SECONDS", 0.0)
    assert api.get("/readyz")["reasons"] == []


def test_readiness_says_when_the_embedded_database_has_hardly_any_left(
    api: ApiDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.v1.health.MIN_FREE_BYTES", 2**80)
    assert api.get("/readyz")["reasons"] == [], "this database is not in the data folder"
    folder: Path = api.services.settings.data_dir / "postgres"
    folder.mkdir()
    (folder / "PG_VERSION").write_text("18\n")
    [reason] = api.get("/readyz", expect=503)["reasons"]
    assert "nearly full" in reason


def test_connections_say_what_they_are_for(schema_pools: SchemaPools, tmp_path: Path, superuser_url: str) -> None:
    with schema_pools.run_service(tmp_path, couriers=1) as api:
        api.create_link()
        schema = api.services.settings.db_schema
        expected = {"web", "follower", "listener", "notifier", "outbox"}

        def list_roles() -> dict[str, str]:
            with psycopg.connect(superuser_url) as connection:
                return dict(connection.execute(ROLES, (schema,)).fetchall())

        wait_until(lambda: list_roles().keys() >= expected, "every role is connected")
        assert set(list_roles()) == expected
        assert all(name.endswith(get_process_name()) for name in list_roles().values())
        assert get_process_name().endswith(f":{os.getpid()}")
        with api.services.database.connect("verify"):
            assert "verify" in list_roles()
