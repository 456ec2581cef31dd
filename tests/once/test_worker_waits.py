"""A worker that is started while the database is away waits for it, instead of ending its server."""

from threading import Timer

import psycopg
import pytest
from fastapi.testclient import TestClient

from api.app import build_app
from api.settings import Settings
from tests.once.database_proxy import DatabaseProxy

AWAY_SECONDS = 0.5


def test_it_starts_when_the_database_is_back(proxied_settings: Settings, proxy: DatabaseProxy) -> None:
    proxy.stop_listening()
    Timer(AWAY_SECONDS, proxy.start_listening).start()
    with TestClient(build_app(proxied_settings, database_wait_seconds=30.0)) as client:
        assert client.get("/healthz").status_code == 200


def test_without_a_wait_it_fails_at_once(proxied_settings: Settings, proxy: DatabaseProxy) -> None:
    proxy.stop_listening()
    with pytest.raises(psycopg.OperationalError), TestClient(build_app(proxied_settings)):
        pass
