"""Feeds that mean harm: each ends soon, takes nobody's memory, and is reported by the rule that it breaks."""

import gzip
import resource
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import pytest

from domain.availability.hours import Interval
from integrations.calendars.accounts import Account
from integrations.calendars.errors import (
    BrokenCalendar,
    CalendarError,
    NoConnection,
    NotACalendar,
    TooComplex,
    TooLarge,
    TooManyRedirects,
    TooSlow,
    WrongEncoding,
    WrongStatus,
)
from integrations.calendars.fetch import Validators, fetch_calendar
from integrations.calendars.http_client import GuardedHttpClient
from integrations.calendars.sandbox import CalendarOwner, read_busy_times
from tests.integrations.calendars.feed_server import (
    FeedServer,
    RequestHandler,
    build_feed,
    run_feed_server,
    send_response,
)

YEAR = Interval(datetime(2027, 3, 1, tzinfo=UTC), datetime(2028, 3, 1, tzinfo=UTC))
AT = "DTSTART:20270310T100000Z\nDURATION:PT1H\n"
LONG_AGO = "DTSTART:00010301T100000Z\nDURATION:PT1M\n"
SECONDS = ",".join(map(str, range(60)))
MB = 1_000_000


def drip_bytes(handler: Any) -> None:
    """A byte now and then, for ever: each read succeeds."""
    handler.send_response(200)
    handler.end_headers()
    for byte in b"BEGIN:VCALENDAR\n" * 100:
        handler.wfile.write(bytes([byte]))
        handler.wfile.flush()
        time.sleep(0.02)


def keep_silent(handler: Any) -> None:
    """No answer at all."""
    time.sleep(2)


def send_endless_body(handler: Any) -> None:
    """A body without an end."""
    handler.send_response(200)
    handler.end_headers()
    piece = b"BEGIN:VCALENDAR\n" + b"X-PADDING:" + b"x" * MB + b"\n"
    for _ in range(60):
        handler.wfile.write(piece)


def send_garbage(handler: Any) -> None:
    """Something that is not HTTP."""
    handler.wfile.write(b"\x00\xff" * 5_000)


def send_many_headers(handler: Any) -> None:
    """Headers without an end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"X-Header: " + b"y" * 2_000_000 + b"\r\n\r\n")


def send_truncated_body(handler: Any) -> None:
    """Less than was announced."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    handler.wfile.write(build_feed(AT).encode())


def build_encoded_handler(body: bytes, encoding: str) -> RequestHandler:
    """A body that says how it is packed."""
    return lambda handler: send_response(handler, 200, body, {"Content-Encoding": encoding})


def build_gzip_bomb(size: int) -> bytes:
    """A gzip file of a calendar's beginning and very many spaces."""
    compressor = zlib.compressobj(9, wbits=31)
    pieces = [compressor.compress(b"BEGIN:VCALENDAR\n"), *(compressor.compress(b" " * MB) for _ in range(size // MB))]
    return b"".join([*pieces, compressor.flush()])


def redirect_to_self(handler: Any) -> None:
    """To itself, each time a little longer."""
    send_response(handler, 302, b"", {"Location": handler.path + "x"})


def build_large_feed(count: int, entry: Callable[[int], str]) -> str:
    """A feed of many entries."""
    return build_feed(*(entry(number) for number in range(count)))


ZONE = """BEGIN:VTIMEZONE
TZID:Evil
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0000
TZOFFSETTO:+0100
RRULE:FREQ=SECONDLY
END:STANDARD
END:VTIMEZONE
"""
BOMB = build_gzip_bomb(200 * MB)
HOSTILE: dict[str, tuple[str | bytes | RequestHandler, type[CalendarError] | None]] = {
    "repeats every second for ever": (build_feed(AT + "RRULE:FREQ=SECONDLY"), TooComplex),
    "repeats every minute for ever": (build_feed(AT + "RRULE:FREQ=MINUTELY"), TooComplex),
    "repeats every second, said as days": (
        build_feed(AT + f"RRULE:FREQ=DAILY;BYHOUR=0,6,12,18;BYMINUTE={SECONDS};BYSECOND={SECONDS}"),
        TooComplex,
    ),
    "repeats every second of a year": (
        build_feed(AT + f"RRULE:FREQ=YEARLY;BYHOUR=1;BYMINUTE={SECONDS};BYSECOND={SECONDS}"),
        TooComplex,
    ),
    "repeats every hour since the year 1": (build_feed(LONG_AGO + "RRULE:FREQ=HOURLY"), TooComplex),
    "a hundred of them": (build_large_feed(100, lambda n: f"UID:{n}\n{LONG_AGO}RRULE:FREQ=HOURLY"), TooComplex),
    "repeats on a day that never comes": (build_feed(AT + "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"), None),
    "an interval of nothing": (build_feed(AT + "RRULE:FREQ=DAILY;INTERVAL=0"), BrokenCalendar),
    "an interval below nothing": (build_feed(AT + "RRULE:FREQ=DAILY;INTERVAL=-1"), BrokenCalendar),
    "an interval of very many": (build_feed(AT + "RRULE:FREQ=DAILY;INTERVAL=" + "9" * 400), BrokenCalendar),
    "a rule that is none": (build_feed(AT + "RRULE:FREQ=SOMETIMES"), BrokenCalendar),
    "a rule of 100,000 parts": (build_feed(AT + "RRULE:FREQ=DAILY;BYMONTHDAY=" + "1," * 100_000 + "1"), None),
    "the year 1 to the year 9999": (
        build_feed("DTSTART;VALUE=DATE:00010101\nDTEND;VALUE=DATE:99991231"),
        BrokenCalendar,
    ),
    "the end of the year 9999, daily": (build_feed("DTSTART:99991231T235959Z\nRRULE:FREQ=DAILY"), None),
    "a day that does not exist": (build_feed("DTSTART:20270230T100000Z"), BrokenCalendar),
    "no start": (build_feed("UID:1"), BrokenCalendar),
    "a start that is no time": (build_feed("DTSTART:tomorrow"), BrokenCalendar),
    "ends before it begins": (build_feed("DTSTART:20270310T100000Z\nDTEND:20270309T100000Z"), None),
    "a duration of a million years": (build_feed("DTSTART:20270310T100000Z\nDURATION:P99999999999D"), BrokenCalendar),
    "a duration that goes back": (build_feed("DTSTART:20270310T100000Z\nDURATION:-PT1H"), None),
    "a zone that nobody knows": (build_feed("DTSTART;TZID=Nowhere/Else:20270310T100000"), BrokenCalendar),
    "a zone that is a path": (build_feed("DTSTART;TZID=../../etc/passwd:20270310T100000"), BrokenCalendar),
    "a zone that changes every second": (
        build_feed("DTSTART;TZID=Evil:20270310T100000\nDURATION:PT1H", zone=ZONE),
        None,
    ),
    "a million dates": (build_feed(AT + "RDATE:" + ",".join(["20270311T100000Z"] * 500_000)), TooComplex),
    "a million dates in many lines": (build_feed(AT + "RDATE:20270311T100000Z\n" * 300_000), TooComplex),
    "a hundred thousand entries": (build_large_feed(100_000, lambda n: f"UID:{n}\n{AT}"), TooComplex),
    "a million entries": (b"BEGIN:VCALENDAR\n" + b"BEGIN:VEVENT\nEND:VEVENT\n" * 1_000_000, TooLarge),
    "larger than it may be": (b"BEGIN:VCALENDAR\n" + b"x" * 11 * MB, TooLarge),
    "one line of nine megabytes": (build_feed(AT + "SUMMARY:" + "x" * 9 * MB), None),
    "components within components": (
        "BEGIN:VCALENDAR\n" + "BEGIN:VEVENT\n" * 50_000 + "END:VEVENT\n" * 50_000 + "END:VCALENDAR",
        BrokenCalendar,
    ),
    "components that are never closed": ("BEGIN:VCALENDAR\n" + "BEGIN:X\n" * 200_000, BrokenCalendar),
    "closes what was not begun": ("BEGIN:VCALENDAR\nEND:VEVENT\nEND:VCALENDAR\n", BrokenCalendar),
    "quotes that are never closed": (build_feed('DTSTART;TZID="' + "x" * MB), BrokenCalendar),
    "bytes that are not UTF-8": (b"BEGIN:VCALENDAR\nBEGIN:VEVENT\n" + b"\xff\xfe\x00\x80" * 1000, BrokenCalendar),
    "UTF-16": (build_feed(AT).encode("utf-16"), NotACalendar),
    "a page instead": ("<!doctype html><title>Sign in</title>BEGIN:VCALENDAR", NotACalendar),
    "nothing": (b"", NotACalendar),
    "a zip file": (b"PK\x03\x04" + b"\x00" * 1000, NotACalendar),
    "a gzip bomb": (build_encoded_handler(BOMB, "gzip"), TooLarge),
    "a gzip bomb within a gzip file": (build_encoded_handler(gzip.compress(BOMB), "gzip, gzip"), WrongEncoding),
    "gzip that is broken": (build_encoded_handler(b"\x1f\x8b\x08" + b"\x00" * 20, "gzip"), WrongEncoding),
    "gzip that breaks off": (
        build_encoded_handler(gzip.compress(build_feed(AT).encode())[:-12], "gzip"),
        WrongEncoding,
    ),
    "packed in a way nobody asked for": (build_encoded_handler(b"x", "br"), WrongEncoding),
    "drips": (drip_bytes, TooSlow),
    "says nothing": (keep_silent, TooSlow),
    "never ends": (send_endless_body, TooLarge),
    "is not HTTP": (send_garbage, NoConnection),
    "two megabytes of headers": (send_many_headers, NoConnection),
    "breaks off": (send_truncated_body, NoConnection),
    "leads on and on": (redirect_to_self, TooManyRedirects),
    "is broken": (lambda handler: send_response(handler, 500, b"BEGIN:VCALENDAR"), WrongStatus),
    "says that nothing has changed, though nothing is known": (
        lambda handler: send_response(handler, 304, b""),
        WrongStatus,
    ),
}


@pytest.fixture(scope="module")
def hostile_server() -> Iterator[FeedServer]:
    """A server of these feeds."""
    with run_feed_server() as running_server:
        for number, (response, _) in enumerate(HOSTILE.values()):
            running_server.feeds[f"/{number}"] = response
        for path in [path for path in running_server.feeds if HOSTILE_PATHS[path] == "leads on and on"]:
            running_server.feeds.update({path + "x" * suffix_length: redirect_to_self for suffix_length in range(8)})
        yield running_server


HOSTILE_PATHS = {f"/{number}": name for number, name in enumerate(HOSTILE)}


def measure_cpu_seconds() -> float:
    """Measure the processor time of this process and of its children that have ended, in seconds."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


@pytest.mark.parametrize("name", HOSTILE)
def test_does_no_harm(hostile_server: FeedServer, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short limits apply only where exceeding them is the result, so that a slow machine changes no result."""
    path = f"/{list(HOSTILE).index(name)}"
    secret = f"secret-{path[1:]}"
    account = Account("feed", hostile_server.build_url(path))
    memory_before, cpu_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, measure_cpu_seconds()
    rule = HOSTILE[name][1]
    web = GuardedHttpClient([ip_network("127.0.0.0/8")], seconds=1.0 if rule is TooSlow else 60.0)
    if rule is TooComplex:
        monkeypatch.setattr(
            "integrations.calendars.fetch.read_busy_times",
            lambda *arguments: read_busy_times(*arguments, cpu_seconds=1),
        )
    if rule is None:
        fetch_calendar(web, account, CalendarOwner("Europe/Berlin"), YEAR, Validators())
    else:
        with pytest.raises(rule) as refusal:
            fetch_calendar(web, account, CalendarOwner("Europe/Berlin"), YEAR, Validators())
        assert type(refusal.value) is rule
        assert len(refusal.value.sentence) < 300
        assert secret not in refusal.value.sentence
        assert hostile_server.build_url(path) not in refusal.value.sentence
    assert measure_cpu_seconds() - cpu_before < 30
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory_before < 200_000  # kB


def test_enough_is_tried() -> None:
    assert len(HOSTILE) >= 40
