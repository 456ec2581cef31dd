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
    NoConnection,
    NotACalendar,
    TooLarge,
    TooManyRedirects,
    TooMuch,
    TooSlow,
    Trouble,
    WrongEncoding,
    WrongStatus,
)
from integrations.calendars.fetch import Validators, look
from integrations.calendars.http_client import Web
from integrations.calendars.sandbox import read
from tests.integrations.calendars.feed_server import Answering, FeedServer, feed, feed_server, sends

YEAR = Interval(datetime(2027, 3, 1, tzinfo=UTC), datetime(2028, 3, 1, tzinfo=UTC))
AT = "DTSTART:20270310T100000Z\nDURATION:PT1H\n"
LONG_AGO = "DTSTART:00010301T100000Z\nDURATION:PT1M\n"
SECONDS = ",".join(map(str, range(60)))
MB = 1_000_000


def drips(handler: Any) -> None:
    """A byte now and then, for ever: each read succeeds."""
    handler.send_response(200)
    handler.end_headers()
    for letter in b"BEGIN:VCALENDAR\n" * 100:
        handler.wfile.write(bytes([letter]))
        handler.wfile.flush()
        time.sleep(0.02)


def silent(handler: Any) -> None:
    """No answer at all."""
    time.sleep(2)


def endless(handler: Any) -> None:
    """A body without an end."""
    handler.send_response(200)
    handler.end_headers()
    piece = b"BEGIN:VCALENDAR\n" + b"X-PADDING:" + b"x" * MB + b"\n"
    for _ in range(60):
        handler.wfile.write(piece)


def garbled(handler: Any) -> None:
    """Something that is not HTTP."""
    handler.wfile.write(b"\x00\xff" * 5_000)


def many_headers(handler: Any) -> None:
    """Headers without an end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"X-Header: " + b"y" * 2_000_000 + b"\r\n\r\n")


def broken_off(handler: Any) -> None:
    """Less than was announced."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    handler.wfile.write(feed(AT).encode())


def encoded(body: bytes, encoding: str) -> Answering:
    """A body that says how it is packed."""
    return lambda handler: sends(handler, 200, body, {"Content-Encoding": encoding})


def bomb(size: int) -> bytes:
    """A gzip file of a calendar's beginning and very many spaces."""
    packing = zlib.compressobj(9, wbits=31)
    pieces = [packing.compress(b"BEGIN:VCALENDAR\n"), *(packing.compress(b" " * MB) for _ in range(size // MB))]
    return b"".join([*pieces, packing.flush()])


def redirects(handler: Any) -> None:
    """To itself, each time a little longer."""
    sends(handler, 302, b"", {"Location": handler.path + "x"})


def many(count: int, entry: Callable[[int], str]) -> str:
    """A feed of many entries."""
    return feed(*(entry(number) for number in range(count)))


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
BOMB = bomb(200 * MB)
HOSTILE: dict[str, tuple[str | bytes | Answering, type[Trouble] | None]] = {
    "repeats every second for ever": (feed(AT + "RRULE:FREQ=SECONDLY"), TooMuch),
    "repeats every minute for ever": (feed(AT + "RRULE:FREQ=MINUTELY"), TooMuch),
    "repeats every second, said as days": (
        feed(AT + f"RRULE:FREQ=DAILY;BYHOUR=0,6,12,18;BYMINUTE={SECONDS};BYSECOND={SECONDS}"),
        TooMuch,
    ),
    "repeats every second of a year": (
        feed(AT + f"RRULE:FREQ=YEARLY;BYHOUR=1;BYMINUTE={SECONDS};BYSECOND={SECONDS}"),
        TooMuch,
    ),
    "repeats every hour since the year 1": (feed(LONG_AGO + "RRULE:FREQ=HOURLY"), TooMuch),
    "a hundred of them": (many(100, lambda n: f"UID:{n}\n{LONG_AGO}RRULE:FREQ=HOURLY"), TooMuch),
    "repeats on a day that never comes": (feed(AT + "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"), None),
    "an interval of nothing": (feed(AT + "RRULE:FREQ=DAILY;INTERVAL=0"), BrokenCalendar),
    "an interval below nothing": (feed(AT + "RRULE:FREQ=DAILY;INTERVAL=-1"), BrokenCalendar),
    "an interval of very many": (feed(AT + "RRULE:FREQ=DAILY;INTERVAL=" + "9" * 400), BrokenCalendar),
    "a rule that is none": (feed(AT + "RRULE:FREQ=SOMETIMES"), BrokenCalendar),
    "a rule of 100,000 parts": (feed(AT + "RRULE:FREQ=DAILY;BYMONTHDAY=" + "1," * 100_000 + "1"), None),
    "the year 1 to the year 9999": (feed("DTSTART;VALUE=DATE:00010101\nDTEND;VALUE=DATE:99991231"), BrokenCalendar),
    "the end of the year 9999, daily": (feed("DTSTART:99991231T235959Z\nRRULE:FREQ=DAILY"), None),
    "a day that does not exist": (feed("DTSTART:20270230T100000Z"), BrokenCalendar),
    "no start": (feed("UID:1"), BrokenCalendar),
    "a start that is no time": (feed("DTSTART:tomorrow"), BrokenCalendar),
    "ends before it begins": (feed("DTSTART:20270310T100000Z\nDTEND:20270309T100000Z"), None),
    "a duration of a million years": (feed("DTSTART:20270310T100000Z\nDURATION:P99999999999D"), BrokenCalendar),
    "a duration that goes back": (feed("DTSTART:20270310T100000Z\nDURATION:-PT1H"), None),
    "a zone that nobody knows": (feed("DTSTART;TZID=Nowhere/Else:20270310T100000"), BrokenCalendar),
    "a zone that is a path": (feed("DTSTART;TZID=../../etc/passwd:20270310T100000"), BrokenCalendar),
    "a zone that changes every second": (feed("DTSTART;TZID=Evil:20270310T100000\nDURATION:PT1H", zone=ZONE), None),
    "a million dates": (feed(AT + "RDATE:" + ",".join(["20270311T100000Z"] * 500_000)), TooMuch),
    "a million dates in many lines": (feed(AT + "RDATE:20270311T100000Z\n" * 300_000), TooMuch),
    "a hundred thousand entries": (many(100_000, lambda n: f"UID:{n}\n{AT}"), TooMuch),
    "a million entries": (b"BEGIN:VCALENDAR\n" + b"BEGIN:VEVENT\nEND:VEVENT\n" * 1_000_000, TooLarge),
    "larger than it may be": (b"BEGIN:VCALENDAR\n" + b"x" * 11 * MB, TooLarge),
    "one line of nine megabytes": (feed(AT + "SUMMARY:" + "x" * 9 * MB), None),
    "components within components": (
        "BEGIN:VCALENDAR\n" + "BEGIN:VEVENT\n" * 50_000 + "END:VEVENT\n" * 50_000 + "END:VCALENDAR",
        BrokenCalendar,
    ),
    "components that are never closed": ("BEGIN:VCALENDAR\n" + "BEGIN:X\n" * 200_000, BrokenCalendar),
    "closes what was not begun": ("BEGIN:VCALENDAR\nEND:VEVENT\nEND:VCALENDAR\n", BrokenCalendar),
    "quotes that are never closed": (feed('DTSTART;TZID="' + "x" * MB), BrokenCalendar),
    "bytes that are not UTF-8": (b"BEGIN:VCALENDAR\nBEGIN:VEVENT\n" + b"\xff\xfe\x00\x80" * 1000, BrokenCalendar),
    "UTF-16": (feed(AT).encode("utf-16"), NotACalendar),
    "a page instead": ("<!doctype html><title>Sign in</title>BEGIN:VCALENDAR", NotACalendar),
    "nothing": (b"", NotACalendar),
    "a zip file": (b"PK\x03\x04" + b"\x00" * 1000, NotACalendar),
    "a gzip bomb": (encoded(BOMB, "gzip"), TooLarge),
    "a gzip bomb within a gzip file": (encoded(gzip.compress(BOMB), "gzip, gzip"), WrongEncoding),
    "gzip that is broken": (encoded(b"\x1f\x8b\x08" + b"\x00" * 20, "gzip"), WrongEncoding),
    "gzip that breaks off": (encoded(gzip.compress(feed(AT).encode())[:-12], "gzip"), WrongEncoding),
    "packed in a way nobody asked for": (encoded(b"x", "br"), WrongEncoding),
    "drips": (drips, TooSlow),
    "says nothing": (silent, TooSlow),
    "never ends": (endless, TooLarge),
    "is not HTTP": (garbled, NoConnection),
    "two megabytes of headers": (many_headers, NoConnection),
    "breaks off": (broken_off, NoConnection),
    "leads on and on": (redirects, TooManyRedirects),
    "is broken": (lambda handler: sends(handler, 500, b"BEGIN:VCALENDAR"), WrongStatus),
    "says that nothing has changed, though nothing is known": (lambda handler: sends(handler, 304, b""), WrongStatus),
}


@pytest.fixture(scope="module")
def server() -> Iterator[FeedServer]:
    """A server of these feeds."""
    with feed_server() as found:
        for number, (answered, _) in enumerate(HOSTILE.values()):
            found.feeds[f"/{number}"] = answered
        for path in [path for path in found.feeds if HOSTILE_PATHS[path] == "leads on and on"]:
            found.feeds.update({path + "x" * more: redirects for more in range(8)})
        yield found


HOSTILE_PATHS = {f"/{number}": name for number, name in enumerate(HOSTILE)}


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second of the processor, not twenty."""
    monkeypatch.setattr("integrations.calendars.fetch.read", lambda *asked: read(*asked, cpu_seconds=1))


@pytest.mark.parametrize("name", HOSTILE)
def test_does_no_harm(server: FeedServer, name: str) -> None:
    path = f"/{list(HOSTILE).index(name)}"
    secret = f"secret-{path[1:]}"
    account = Account("feed", server.url(path))
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    rule = HOSTILE[name][1]
    web = Web([ip_network("127.0.0.0/8")], seconds=1.0 if callable(HOSTILE[name][0]) else 20.0)
    if rule is None:
        look(web, account, "Europe/Berlin", YEAR, Validators())
    else:
        with pytest.raises(rule) as refused:
            look(web, account, "Europe/Berlin", YEAR, Validators())
        assert type(refused.value) is rule
        assert len(refused.value.sentence) < 300
        assert secret not in refused.value.sentence
        assert server.url(path) not in refused.value.sentence
    assert time.monotonic() - began < 30
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB


def test_enough_is_tried() -> None:
    assert len(HOSTILE) >= 40
