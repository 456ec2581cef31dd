"""Loading makes all indexes, and stops at a poison stream by name."""

from uuid import uuid4

import pytest

from projections import meeting_log
from projections.rebuild.load import CannotFold
from replay.rebuild import begin_rebuild
from store.database import Database
from tests.projections.read_model_driver import list_leftover_tables, list_live_tables
from tests.projections.story import LogBuilder, follow_log


def test_indexes_are_those_of_the_read_model(filled_database: Database) -> None:
    begin_rebuild(filled_database, ["meeting_log"]).run()
    count = "SELECT count(*) AS n FROM pg_indexes WHERE schemaname = %s AND tablename = %s"
    rows = filled_database.fetch_rows(count, (filled_database.schema, list_live_tables(filled_database)["meeting_log"]))
    assert rows[0]["n"] == 1 + len(meeting_log.MEETING_LOG.indexes)


@pytest.mark.usefixtures("small_slices")
def test_a_poison_stream_stops_it_by_name(filled_database: Database, superuser_url: str) -> None:
    builder, poisoned_id = LogBuilder(filled_database, superuser_url), uuid4()
    for _ in range(3):
        builder.add_person("Good")
    builder.append_malformed_event(
        poisoned_id, "PersonAdded.v1", {"name": "No address", "occurred_at": "2026-01-01T00:00:00Z"}
    )
    follow_log(filled_database)
    tables_before = list_live_tables(filled_database)
    with pytest.raises(CannotFold) as failure:
        begin_rebuild(filled_database).run()
    assert f"people cannot fold stream {poisoned_id}: null value in column" in failure.value.sentence
    assert "No address" not in failure.value.sentence
    assert list_live_tables(filled_database) == tables_before
    assert list_leftover_tables(filled_database) == []
