"""The CalDAV client against Radicale: finding calendars, reading a time of them, writing by UID and tag."""

from datetime import UTC, datetime

import pytest

from integrations.calendars.caldav import CalDavClient
from integrations.calendars.errors import (
    EntryChanged,
    ForeignRedirect,
    NoConnection,
    NotCalDav,
    PasswordInTheClear,
    PrivateAddress,
    WrongLogin,
)
from integrations.calendars.http_client import GuardedHttpClient, Login
from tests.integrations.calendars.caldav_server import PASSWORD, USER, CalDavServer

LOGIN = Login(USER, PASSWORD)
MARCH, APRIL = datetime(2027, 3, 1, tzinfo=UTC), datetime(2027, 4, 1, tzinfo=UTC)


def build_entry(uid: str, start: str, extra_lines: str = "") -> str:
    """A calendar file with one entry of an hour."""
    lines = f"""BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//x//y//EN
BEGIN:VEVENT
UID:{uid}
DTSTAMP:20270101T000000Z
DTSTART:{start}
DURATION:PT1H
SUMMARY:x
{extra_lines}END:VEVENT
END:VCALENDAR
"""
    return lines.replace("\n", "\r\n")


def create_client(http_client: GuardedHttpClient, radicale: CalDavServer, path: str = "") -> CalDavClient:
    """The account, by an address of its server."""
    return CalDavClient(http_client, radicale.url + path, LOGIN)


class TestFinds:
    @pytest.mark.parametrize("path", ["", f"{USER}/", "nowhere/at/all/"])
    def test_every_calendar_of_events_whatever_address_was_given(
        self, http_client: GuardedHttpClient, radicale: CalDavServer, path: str
    ) -> None:
        collections = create_client(http_client, radicale, path).find_calendars()
        assert sorted((collection.name, collection.writable) for collection in collections) == [
            ("Home", True),
            ("Work", True),
        ]
        assert {collection.url for collection in collections} == {
            f"{radicale.url}{USER}/{name}/" for name in ("work", "home")
        }

    def test_one_calendar_by_its_own_address(self, http_client: GuardedHttpClient, radicale: CalDavServer) -> None:
        [collection] = create_client(http_client, radicale, f"{USER}/work/").find_calendars()
        assert collection.name == "Work"

    def test_that_something_changed(self, http_client: GuardedHttpClient, radicale: CalDavServer) -> None:
        client, url = create_client(http_client, radicale), f"{radicale.url}{USER}/work/"
        tag_before = client.fetch_calendar(url).tag
        assert client.fetch_calendar(url).tag == tag_before is not None
        client.put(url, "a@x", build_entry("a@x", "20270310T100000Z").encode())
        assert client.fetch_calendar(url).tag != tag_before


class TestReads:
    def test_the_entries_that_touch_a_time(self, http_client: GuardedHttpClient, radicale: CalDavServer) -> None:
        url = f"{radicale.url}{USER}/work/"
        radicale.put_entry(url, "before", build_entry("before", "20270210T100000Z"))
        radicale.put_entry(url, "within", build_entry("within", "20270310T100000Z"))
        radicale.put_entry(url, "weekly", build_entry("weekly", "20270101T100000Z", "RRULE:FREQ=WEEKLY\n"))
        objects = create_client(http_client, radicale).fetch_objects(url, MARCH, APRIL)
        assert sorted(calendar_object.url.rpartition("/")[2] for calendar_object in objects) == [
            "weekly.ics",
            "within.ics",
        ]
        assert all(calendar_object.etag for calendar_object in objects)
        assert all(b"BEGIN:VEVENT" in calendar_object.data for calendar_object in objects)


class TestWrites:
    def test_moves_and_removes_by_uid(self, http_client: GuardedHttpClient, radicale: CalDavServer) -> None:
        client, url = create_client(http_client, radicale), f"{radicale.url}{USER}/work/"
        uid = "0f5a 7+ü@oncelink"
        client.put(url, uid, build_entry(uid, "20270310T100000Z").encode(), new=True)
        calendar_object = client.get(url, uid)
        assert calendar_object is not None
        with pytest.raises(EntryChanged):
            client.put(url, uid, build_entry(uid, "20270310T110000Z").encode(), new=True)
        client.put(url, uid, build_entry(uid, "20270310T120000Z").encode(), calendar_object.etag)
        with pytest.raises(EntryChanged):
            client.put(url, uid, build_entry(uid, "20270310T130000Z").encode(), calendar_object.etag)
        assert [text.count("T120000Z") for text in radicale.read_entries(url).values()] == [1]
        with pytest.raises(EntryChanged):
            client.delete(url, uid, calendar_object.etag)
        assert client.delete(url, uid) is True
        assert client.delete(url, uid) is False
        assert client.get(url, uid) is None
        assert radicale.read_entries(url) == {}


class TestRefuses:
    def test_a_wrong_password(self, http_client: GuardedHttpClient, radicale: CalDavServer) -> None:
        with pytest.raises(WrongLogin):
            CalDavClient(http_client, radicale.url, Login(USER, "wrong")).find_calendars()

    def test_a_server_that_is_gone(self, http_client: GuardedHttpClient, radicale: CalDavServer) -> None:
        radicale.stop_server()
        with pytest.raises(NoConnection):
            create_client(http_client, radicale).find_calendars()
        radicale.start_server()
        assert create_client(http_client, radicale).find_calendars()

    def test_loopback_unless_allowed(self, radicale: CalDavServer) -> None:
        with pytest.raises(PrivateAddress):
            CalDavClient(GuardedHttpClient(), radicale.url, LOGIN).find_calendars()
        assert radicale.requests == ["MKCALENDAR /julio/work/", "MKCALENDAR /julio/home/", "MKCALENDAR /julio/tasks/"]

    def test_a_password_over_the_open_internet(self) -> None:
        with pytest.raises(PasswordInTheClear):
            CalDavClient(
                GuardedHttpClient(resolve=lambda *_: ["93.184.216.34"]), "http://dav.example/", LOGIN
            ).find_calendars()

    def test_to_send_the_password_elsewhere(self, http_client: GuardedHttpClient) -> None:
        client = CalDavClient(http_client, "https://dav.one.example/", LOGIN)
        assert client.resolve_href("https://dav.one.example/a/", "/b/") == "https://dav.one.example/b/"
        assert client.resolve_href("https://dav.one.example/", "https://p7-dav.one.example/b/")
        for elsewhere in ("https://dav.two.example/", "https://one.example.evil.example/", "//evil.example/b/"):
            with pytest.raises(ForeignRedirect):
                client.resolve_href("https://dav.one.example/a/", elsewhere)

    def test_what_is_not_caldav(self, http_client: GuardedHttpClient, radicale: CalDavServer) -> None:
        with pytest.raises(NotCalDav):
            create_client(http_client, radicale).fetch_objects(f"{radicale.url}{USER}/nothing/", MARCH, APRIL)
