"""The sample organisation: completed however often it was cut off, and thrown away only where it is a demo's."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.cli.people import add_person
from api.clock import read_clock
from api.demo.data_folder import discard_database, mark_folder
from api.demo.sample import AnotherOrganisation, create_sample
from api.server import CannotStart
from api.services import Services
from api.settings import Settings
from api.startup import open_services
from projections import outbox, outbox_backlog
from store.recorder import LogRecorder

BOOKINGS = 52


class ProcessKilled(BaseException):
    """The process ended here."""


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    opened_services = open_services(settings)
    yield opened_services
    opened_services.close()


def count_events(services: Services) -> Counter[str]:
    rows = services.database.fetch_rows("SELECT type, count(*) AS n FROM {schema}.events GROUP BY type")
    return Counter({row["type"]: row["n"] for row in rows})


class TestTheSample:
    def test_is_completed_however_often_it_was_cut_off(
        self, services: Services, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        insert_events, remaining_writes = LogRecorder.insert_events, 0

        def insert_until_killed(recorder: LogRecorder, events: Sequence[Any], **kwargs: Any) -> Sequence[int]:
            nonlocal remaining_writes
            if not remaining_writes:
                raise ProcessKilled
            remaining_writes -= 1
            return insert_events(recorder, events, **kwargs)

        monkeypatch.setattr(LogRecorder, "insert_events", insert_until_killed)
        today = datetime(2026, 10, 23, 8, 30, tzinfo=UTC)  # before a change of the clocks
        attempt_count = 0
        is_finished = False
        while not is_finished:
            remaining_writes, attempt_count = 4 + attempt_count, attempt_count + 1
            try:
                create_sample(services, today + timedelta(hours=7 * attempt_count))
                is_finished = True
            except ProcessKilled:
                services.aggregate_cache.aggregates.clear()
        assert attempt_count > 5
        counts = count_events(services)
        assert (counts["PersonAdded.v1"], counts["LinkCreated.v1"], counts["MeetingBooked.v1"]) == (9, 7, BOOKINGS)
        assert (counts["TeamCreated.v1"], counts["LinkCreated.v2"]) == (1, 1)
        assert counts["MeetingBooked.v2"] == 5  # with a member of the team
        assert (counts["Rescheduled.v1"], counts["MeetingCancelled.v1"], counts["SingleUseRevoked.v1"]) == (12, 10, 2)
        assert counts["NoShowMarked.v1"] == 1
        remaining_writes = 1000
        create_sample(services, today + timedelta(days=40))
        assert count_events(services) == counts
        [row] = services.database.fetch_rows(
            "SELECT max((data ->> 'occurred_at')::timestamptz) AS last FROM {schema}.events"
        )
        assert row["last"] <= today + timedelta(hours=7)

    def test_owes_nobody_any_mail(self, services: Services) -> None:
        create_sample(services, read_clock())
        waiting = [
            (backlog.channel, backlog.owed, backlog.failed)
            for backlog in outbox_backlog.count_backlogs(services.from_log(), read_clock())
        ]
        assert sorted(waiting) == [("calendar", 0, 0), ("mail", 0, 0)]
        notifications = outbox.list_notifications(services.from_log(), read_clock(), limit=200).items
        assert len(notifications) >= BOOKINGS
        assert {row["state"] for row in notifications} <= {"before", "superseded", "scheduled"}

    def test_stays_out_of_somebody_elses_organisation(self, services: Services) -> None:
        add_person(services, "ada@example.com", ["admin"], "Ada", "UTC")
        counts_before = count_events(services)
        with pytest.raises(AnotherOrganisation):
            create_sample(services, datetime.now(UTC))
        assert count_events(services) == counts_before


class TestThrowingAway:
    def test_leaves_a_database_alone_that_no_demo_made(self, tmp_path: Path) -> None:
        (tmp_path / "postgres").mkdir()
        (tmp_path / "postgres/PG_VERSION").write_text("18")
        mark_folder(tmp_path)  # too late: it is there already
        with pytest.raises(CannotStart, match="was not made by"):
            discard_database(tmp_path)
        assert (tmp_path / "postgres/PG_VERSION").exists()

    def test_finishes_what_was_begun(self, tmp_path: Path) -> None:
        (tmp_path / "postgres.discarded").mkdir()
        discard_database(tmp_path)
        assert not (tmp_path / "postgres.discarded").exists()
