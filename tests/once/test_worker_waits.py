"""A worker that is started while the database is away waits for it, instead of ending its server."""

from threading import Timer

import psycopg
import pytest
from fastapi.testclient import TestClient

from api.app import build
from api.settings import Settings
from tests.once.database_proxy import Proxy

AWAY_SECONDS = 0.5


def test_it_starts_when_the_database_is_back(behind_proxy: Settings, proxy: Proxy) -> None:
    proxy.shut()
    Timer(AWAY_SECONDS, proxy.open).start()
    with TestClient(build(behind_proxy, patience=30.0)) as client:
        assert client.get("/healthz").status_code == 200


def test_without_patience_it_says_so_at_once(behind_proxy: Settings, proxy: Proxy) -> None:
    proxy.shut()
    with pytest.raises(psycopg.OperationalError), TestClient(build(behind_proxy)):
        pass
