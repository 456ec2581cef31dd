"""The sample organisation: completed however often it was cut off, and thrown away only where it is a demo's."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.cli.people import add_person
from api.clock import now
from api.demo.data_folder import mark, throw_away
from api.demo.sample import AnotherOrganisation, furnish
from api.server import CannotStart
from api.services import Oncelink
from api.settings import Settings
from api.startup import opened
from projections import outbox
from store.recorder import LogRecorder

BOOKINGS = 52


class Killed(BaseException):
    """The process ended here."""


@pytest.fixture
def oncelink(settings: Settings) -> Iterator[Oncelink]:
    found = opened(settings)
    yield found
    found.close()


def counted(oncelink: Oncelink) -> Counter[str]:
    rows = oncelink.database.rows("SELECT type, count(*) AS n FROM {schema}.events GROUP BY type")
    return Counter({row["type"]: row["n"] for row in rows})


class TestTheSample:
    def test_is_completed_however_often_it_was_cut_off(
        self, oncelink: Oncelink, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        append, left = LogRecorder.insert_events, 0

        def mortal(recorder: LogRecorder, events: Sequence[Any], **kwargs: Any) -> Sequence[int]:
            nonlocal left
            if not left:
                raise Killed
            left -= 1
            return append(recorder, events, **kwargs)

        monkeypatch.setattr(LogRecorder, "insert_events", mortal)
        today = datetime(2026, 10, 23, 8, 30, tzinfo=UTC)  # before a change of the clocks
        lives = 0
        finished = False
        while not finished:
            left, lives = 4 + lives, lives + 1
            try:
                furnish(oncelink, today + timedelta(hours=7 * lives))
                finished = True
            except Killed:
                oncelink.memory.streams.clear()
        assert lives > 5
        found = counted(oncelink)
        assert (found["PersonAdded.v1"], found["LinkCreated.v1"], found["MeetingBooked.v1"]) == (8, 7, BOOKINGS)
        assert (found["Rescheduled.v1"], found["MeetingCancelled.v1"], found["SingleUseRevoked.v1"]) == (12, 10, 2)
        left = 1000
        furnish(oncelink, today + timedelta(days=40))
        assert counted(oncelink) == found
        [row] = oncelink.database.rows("SELECT max((data ->> 'occurred_at')::timestamptz) AS last FROM {schema}.events")
        assert row["last"] <= today + timedelta(hours=7)

    def test_owes_nobody_any_mail(self, oncelink: Oncelink) -> None:
        furnish(oncelink, now())
        waiting = [(one.channel, one.owed, one.failed) for one in outbox.waiting(oncelink.from_log(), now())]
        assert sorted(waiting) == [("calendar", 0, 0), ("mail", 0, 0)]
        listed = outbox.page(oncelink.from_log(), now(), limit=200).items
        assert len(listed) >= BOOKINGS
        assert {row["state"] for row in listed} <= {"before", "superseded"}

    def test_stays_out_of_somebody_elses_organisation(self, oncelink: Oncelink) -> None:
        add_person(oncelink, "ada@example.com", ["admin"], "Ada", "UTC")
        before = counted(oncelink)
        with pytest.raises(AnotherOrganisation):
            furnish(oncelink, datetime.now(UTC))
        assert counted(oncelink) == before


class TestThrowingAway:
    def test_leaves_a_database_alone_that_no_demo_made(self, tmp_path: Path) -> None:
        (tmp_path / "postgres").mkdir()
        (tmp_path / "postgres/PG_VERSION").write_text("18")
        mark(tmp_path)  # too late: it is there already
        with pytest.raises(CannotStart, match="was not made by"):
            throw_away(tmp_path)
        assert (tmp_path / "postgres/PG_VERSION").exists()

    def test_finishes_what_was_begun(self, tmp_path: Path) -> None:
        (tmp_path / "postgres.discarded").mkdir()
        throw_away(tmp_path)
        assert not (tmp_path / "postgres.discarded").exists()
