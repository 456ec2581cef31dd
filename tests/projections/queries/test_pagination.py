"""Pages lose and repeat nothing, lead back as they led on, and refuse cursors that are not theirs."""

from uuid import UUID

import pytest

from domain.refusals import Invalid
from projections import meeting_log, people
from projections.catalogue import from_live_tables
from projections.meeting_log import MeetingFilters
from store.database import Database
from tests.projections.conftest import SourceFactory
from tests.projections.story import DAY, START, LogBuilder, follow_log


def test_pages(builder: LogBuilder, source_factory: SourceFactory) -> None:
    ids = [builder.add_person(f"Person {number}") for number in range(7)]
    source, ids_seen, cursor = source_factory(), [], None
    while True:
        page = people.list_people(source, sort="name", limit=3, cursor=cursor)
        ids_seen += [row["id"] for row in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert ids_seen == ids
    assert [row["id"] for row in people.list_people(source).items] == ids[::-1]


@pytest.mark.parametrize("sort", ["name", "-name"])
def test_pages_lead_back_as_they_led_on(builder: LogBuilder, source_factory: SourceFactory, sort: str) -> None:
    for number in range(7):
        builder.add_person(f"Person {number}")
    source = source_factory()
    pages = [people.list_people(source, sort=sort, limit=3)]
    while cursor := pages[-1].next_cursor:
        pages.append(people.list_people(source, sort=sort, limit=3, cursor=cursor))
    assert [len(page.items) for page in pages] == [3, 3, 1]
    current_page = pages[-1]
    for expected_page in reversed(pages[:-1]):
        assert current_page.previous_cursor
        current_page = people.list_people(source, sort=sort, limit=3, cursor=current_page.previous_cursor)
        assert current_page.items == expected_page.items
        assert current_page.next_cursor == expected_page.next_cursor
    assert current_page.previous_cursor is None


def test_pages_lose_and_repeat_nothing(
    builder: LogBuilder, source_factory: SourceFactory, ada: UUID, intro: UUID
) -> None:
    link, start = builder.create_link(ada, intro), START + 30 * DAY
    tokens = [builder.book_meeting(link, [ada], intro, start) for _ in range(5)]
    source, ids_seen, cursor = source_factory(), [], None
    for _ in range(3):
        page = meeting_log.list_meetings(source, MeetingFilters(), "starts_at", limit=2, cursor=cursor)
        ids_seen += [row["booking_id"] for row in page.items]
        cursor = page.next_cursor
    assert cursor is None
    assert ids_seen == sorted(tokens)


class TestCursors:
    @pytest.mark.parametrize("cursor", ["", "x", "é", "WzFd", "bnVsbA", "WyItYm9va2VkX2F0IiwxLDJd", "A" * 5000])
    def test_malformed(self, live_database: Database, cursor: str) -> None:
        with pytest.raises(Invalid) as error:
            meeting_log.list_meetings(from_live_tables(live_database), MeetingFilters(), cursor=cursor)
        assert error.value.field == "cursor"

    def test_of_another_sort(self, builder: LogBuilder, live_database: Database) -> None:
        for name in ("Ada", "Bob"):
            builder.add_person(name)
        follow_log(live_database)
        cursor = people.list_people(from_live_tables(live_database), limit=1).next_cursor
        assert cursor is not None
        assert len(people.list_people(from_live_tables(live_database), limit=1, cursor=cursor).items) == 1
        with pytest.raises(Invalid):
            people.list_people(from_live_tables(live_database), sort="name", cursor=cursor)
