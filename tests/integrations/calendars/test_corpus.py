"""Feeds as the world writes them give the expected busy times, however their lines are broken, folded and coded."""

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from domain.availability.hours import Interval
from integrations.calendars.recurrence import compute_answer, compute_busy_times, merge_times
from integrations.calendars.sandbox import to_interval
from tests.integrations.calendars.corpus import CORPUS
from tests.integrations.calendars.feed_server import build_feed
from tests.integrations.calendars.irregular_feeds import IRREGULAR_FEEDS

FEEDS = {**CORPUS, **IRREGULAR_FEEDS}
OWNER_ADDRESSES = ("owner@example.org",)
BERLIN = ZoneInfo("Europe/Berlin")
MARCH, MAY = datetime(2027, 3, 1, tzinfo=UTC), datetime(2027, 5, 1, tzinfo=UTC)


def fold_lines(text: str) -> bytes:
    """Lines of 75 octets at most, as RFC 5545 asks; a character may be cut in two."""
    lines = []
    for line in text.encode().split(b"\n"):
        while len(line) > 60:
            lines.append(line[:60])
            line = b" " + line[60:]
        lines.append(line)
    return b"\r\n".join(lines)


ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "as it is": str.encode,
    "with CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "with CR alone": lambda text: text.replace("\n", "\r").encode(),
    "with a mark of UTF-8": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "folded": fold_lines,
    "with empty lines": lambda text: b"\n" + text.replace("\n", "\n\n").encode(),
    "in small letters": lambda text: text.replace("BEGIN:", "begin:").replace("END:", "end:").encode(),
    "with letters that are not UTF-8": lambda text: (
        text.replace("\nEND:VEVENT", "\nSUMMARY:caf\x00\nEND:VEVENT").encode().replace(b"caf\x00", b"caf\xe9\xff")
    ),
}


def parse_interval(text: str) -> Interval:
    """`0310 1000-1100` or `0309 2300-0311 2300`, as an interval."""
    start_text, end_text = text.split("-")
    end_text = end_text if " " in end_text else f"{start_text[:4]} {end_text}"
    start, until = (
        datetime.strptime(f"2027{text_part} +0000", "%Y%m%d %H%M %z") for text_part in (start_text, end_text)
    )
    return Interval(start, until)


def find_busy_times(*files: bytes, zone: ZoneInfo = BERLIN) -> list[Interval]:
    """The busy times of March and April."""
    return [to_interval(*pair) for pair in merge_times(compute_busy_times(files, zone, MARCH, MAY, OWNER_ADDRESSES))]


@pytest.mark.parametrize(("text", "expected"), FEEDS.values(), ids=FEEDS)
def test_feed(text: str, expected: list[str]) -> None:
    assert find_busy_times(text.encode()) == [parse_interval(interval) for interval in expected]
    assert find_busy_times(b"\xef\xbb\xbf" + fold_lines(text)) == [parse_interval(interval) for interval in expected]


@pytest.mark.parametrize("encoding_name", ENCODINGS)
@pytest.mark.parametrize(
    "name", ["google: one of a series moved, one cancelled, one left out", "outlook: what its states mean"]
)
def test_however_it_is_written(name: str, encoding_name: str) -> None:
    text, expected = CORPUS[name]
    assert find_busy_times(ENCODINGS[encoding_name](text)) == [parse_interval(interval) for interval in expected]


def test_floating_times_and_days_are_where_the_person_is() -> None:
    text = CORPUS["icloud: floating, where the person is"][0].encode()
    assert find_busy_times(text, zone=ZoneInfo("America/Los_Angeles")) == [parse_interval("0310 1700-1800")]
    day = CORPUS["icloud: a day without an end is that day"][0].encode()
    assert find_busy_times(day, zone=ZoneInfo("Pacific/Auckland")) == [parse_interval("0309 1100-0310 1100")]
    assert find_busy_times(day, zone=ZoneInfo("Pacific/Honolulu")) == [parse_interval("0310 1000-0311 1000")]


def test_files_of_several_calendars_do_not_replace_each_other() -> None:
    """A copy of an entry with the same id in another calendar is an entry of its own."""
    calendar_text = (
        b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:same\nDTSTART:20270310T100000Z\nDURATION:PT1H\nEND:VEVENT\nEND:VCALENDAR"
    )
    assert find_busy_times(calendar_text, calendar_text.replace(b"0310", b"0312")) == [
        parse_interval("0310 1000-1100"),
        parse_interval("0312 1000-1100"),
    ]


def test_our_own_meetings_are_told_apart() -> None:
    id = "0d9f0ac4-95a7-4b53-8a1e-0f6b6d1a2c3d"
    report = compute_answer(
        [build_feed(f"UID:{id}@oncelink\nDTSTART:20270310T100000Z\nDURATION:PT1H").encode()],
        "UTC",
        MARCH.timestamp(),
        MAY.timestamp(),
    )
    assert (report["busy"], [meeting[0] for meeting in report["meetings"]]) == ([], [id])


def test_the_corpus_is_large_enough() -> None:
    assert len(CORPUS) >= 30
