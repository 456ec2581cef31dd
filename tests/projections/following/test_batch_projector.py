"""A batch sets poison streams aside, and steps down from a version that it does not know."""

from uuid import uuid4

import pytest

from projections import people
from projections.catalogue import READ_MODELS, from_live_tables
from projections.following.batch_projector import BatchProjector, SteppedDown
from projections.following.positions import read_positions
from projections.rebuild import live_tables
from store.database import Database
from tests.projections.read_model_driver import build_next_version, is_current
from tests.projections.story import LogBuilder, find_differences, follow_log


class TestDeadLetters:
    def test_a_poisoned_stream_is_named_while_the_others_go_on(
        self, live_database: Database, builder: LogBuilder
    ) -> None:
        valid_ids = [builder.add_person(f"Person {number}") for number in range(5)]
        poisoned_id = uuid4()
        builder.append_malformed_event(
            poisoned_id, "PersonAdded.v1", {"name": "No address", "occurred_at": "2026-01-01T00:00:00Z"}
        )
        valid_ids += [builder.add_person(f"Later {number}") for number in range(5)]
        follow_log(live_database)
        assert is_current(live_database)
        dead_letters = live_database.fetch_rows("SELECT read_model, stream_id, error FROM {schema}.dead_letters")
        assert [(row["read_model"], row["stream_id"]) for row in dead_letters] == [("people", poisoned_id)]
        assert "email" in dead_letters[0]["error"]
        assert [row["id"] for row in people.find_people(from_live_tables(live_database), valid_ids)] == valid_ids
        assert people.find_person(from_live_tables(live_database), poisoned_id) is None

    def test_is_gone_once_the_stream_folds(self, live_database: Database, builder: LogBuilder) -> None:
        poisoned_id = uuid4()
        builder.append_malformed_event(
            poisoned_id, "PersonAdded.v1", {"name": "No address", "occurred_at": "2026-01-01T00:00:00Z"}
        )
        follow_log(live_database)
        payload = {"name": "Ada", "email": "a@example.com", "time_zone": "UTC", "roles": [], "weekly_hours": {}}
        builder.append_malformed_event(
            poisoned_id, "PersonUpdated.v1", payload | {"date_overrides": {}, "occurred_at": "2026-01-01T00:00:00Z"}
        )
        follow_log(live_database)
        assert live_database.fetch_rows("SELECT FROM {schema}.dead_letters") == []
        assert people.find_person(from_live_tables(live_database), poisoned_id) is not None
        assert list(find_differences(live_database)) == []


def test_folds_nothing_into_a_version_it_does_not_know(live_database: Database, builder: LogBuilder) -> None:
    live_tables.ensure_tables(live_database, build_next_version())
    builder.add_person("Ada")
    with live_database.connect() as connection, pytest.raises(SteppedDown):
        BatchProjector(live_database, connection, READ_MODELS).project_batch(builder.position)
    assert read_positions(live_database).position == 0
