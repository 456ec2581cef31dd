"""Meeting types, as queries of the live tables and of the log return them."""

from uuid import UUID

from domain.meeting_type import MeetingTypeUpdated
from projections import meeting_types
from tests.projections.conftest import SourceFactory
from tests.projections.story import LogBuilder


def test_a_meeting_type_as_last_changed(builder: LogBuilder, source_factory: SourceFactory, intro: UUID) -> None:
    row = meeting_types.find_meeting_type(source_factory(), intro)
    assert row is not None
    assert (row["duration_minutes"], row["slot_step_minutes"], row["booking_window_days"]) == (30, 30, 60)
    builder.append_event(
        intro, MeetingTypeUpdated, name="Demo", duration_minutes=45, slot_step_minutes=15, location="Room 1"
    )
    row = meeting_types.find_meeting_type(source_factory(), intro)
    assert row is not None
    assert (row["name"], row["duration_minutes"], row["slot_step_minutes"]) == ("Demo", 45, 15)
    assert (row["location"], row["version"]) == ("Room 1", 2)
    assert [row["id"] for row in meeting_types.list_meeting_types(source_factory(), q="dem").items] == [intro]
