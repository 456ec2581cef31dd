"""A rebuild begins at once, and only for names that exist."""

import pytest

from domain.refusals import NotFound, RebuildRunning
from replay.rebuild import begin_rebuild
from store.database import Database


def test_unknown_names(live_database: Database) -> None:
    with pytest.raises(NotFound):
        begin_rebuild(live_database, ["people", "zqx"])
    begin_rebuild(live_database, ["people"]).run()


def test_has_begun_before_it_runs(live_database: Database) -> None:
    rebuild = begin_rebuild(live_database, ["people"])
    assert live_database.fetch_rows("SELECT read_model FROM {schema}.rebuilds") == [{"read_model": "people"}]
    with pytest.raises(RebuildRunning):
        begin_rebuild(live_database, ["links"])
    rebuild.run()
    assert live_database.fetch_rows("SELECT FROM {schema}.rebuilds") == []
