"""The CalDAV client against Radicale: finding calendars, reading a time of them, writing by UID and tag."""

from datetime import UTC, datetime

import pytest

from integrations.calendars.caldav import CalDav
from integrations.calendars.errors import (
    Changed,
    ForeignRedirect,
    InsideAddress,
    NoConnection,
    NotCalDav,
    PasswordInTheClear,
    WrongLogin,
)
from integrations.calendars.http_client import Login, Web
from tests.integrations.calendars.caldav_server import PASSWORD, USER, CalDavServer

LOGIN = Login(USER, PASSWORD)
MARCH, APRIL = datetime(2027, 3, 1, tzinfo=UTC), datetime(2027, 4, 1, tzinfo=UTC)


def entry(uid: str, start: str, more: str = "") -> str:
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
{more}END:VEVENT
END:VCALENDAR
"""
    return lines.replace("\n", "\r\n")


def account(web: Web, radicale: CalDavServer, path: str = "") -> CalDav:
    """The account, by an address of its server."""
    return CalDav(web, radicale.url + path, LOGIN)


class TestFinds:
    @pytest.mark.parametrize("path", ["", f"{USER}/", "nowhere/at/all/"])
    def test_every_calendar_of_events_whatever_address_was_given(
        self, web: Web, radicale: CalDavServer, path: str
    ) -> None:
        found = account(web, radicale, path).collections()
        assert sorted((one.name, one.writable) for one in found) == [("Home", True), ("Work", True)]
        assert {one.url for one in found} == {f"{radicale.url}{USER}/{name}/" for name in ("work", "home")}

    def test_one_calendar_by_its_own_address(self, web: Web, radicale: CalDavServer) -> None:
        [found] = account(web, radicale, f"{USER}/work/").collections()
        assert found.name == "Work"

    def test_that_something_changed(self, web: Web, radicale: CalDavServer) -> None:
        client, url = account(web, radicale), f"{radicale.url}{USER}/work/"
        before = client.collection(url).tag
        assert client.collection(url).tag == before is not None
        client.put(url, "a@x", entry("a@x", "20270310T100000Z").encode())
        assert client.collection(url).tag != before


class TestReads:
    def test_the_entries_that_touch_a_time(self, web: Web, radicale: CalDavServer) -> None:
        url = f"{radicale.url}{USER}/work/"
        radicale.put(url, "before", entry("before", "20270210T100000Z"))
        radicale.put(url, "within", entry("within", "20270310T100000Z"))
        radicale.put(url, "weekly", entry("weekly", "20270101T100000Z", "RRULE:FREQ=WEEKLY\n"))
        found = account(web, radicale).entries(url, MARCH, APRIL)
        assert sorted(one.url.rpartition("/")[2] for one in found) == ["weekly.ics", "within.ics"]
        assert all(one.etag for one in found)
        assert all(b"BEGIN:VEVENT" in one.data for one in found)


class TestWrites:
    def test_moves_and_removes_by_uid(self, web: Web, radicale: CalDavServer) -> None:
        client, url = account(web, radicale), f"{radicale.url}{USER}/work/"
        uid = "0f5a 7+ü@oncelink"
        client.put(url, uid, entry(uid, "20270310T100000Z").encode(), new=True)
        found = client.get(url, uid)
        assert found is not None
        with pytest.raises(Changed):
            client.put(url, uid, entry(uid, "20270310T110000Z").encode(), new=True)
        client.put(url, uid, entry(uid, "20270310T120000Z").encode(), found.etag)
        with pytest.raises(Changed):
            client.put(url, uid, entry(uid, "20270310T130000Z").encode(), found.etag)
        assert [one.count("T120000Z") for one in radicale.stored(url).values()] == [1]
        with pytest.raises(Changed):
            client.delete(url, uid, found.etag)
        assert client.delete(url, uid) is True
        assert client.delete(url, uid) is False
        assert client.get(url, uid) is None
        assert radicale.stored(url) == {}


class TestRefuses:
    def test_a_wrong_password(self, web: Web, radicale: CalDavServer) -> None:
        with pytest.raises(WrongLogin):
            CalDav(web, radicale.url, Login(USER, "wrong")).collections()

    def test_a_server_that_is_gone(self, web: Web, radicale: CalDavServer) -> None:
        radicale.stop()
        with pytest.raises(NoConnection):
            account(web, radicale).collections()
        radicale.start()
        assert account(web, radicale).collections()

    def test_loopback_unless_allowed(self, radicale: CalDavServer) -> None:
        with pytest.raises(InsideAddress):
            CalDav(Web(), radicale.url, LOGIN).collections()
        assert radicale.requests == ["MKCALENDAR /julio/work/", "MKCALENDAR /julio/home/", "MKCALENDAR /julio/tasks/"]

    def test_a_password_over_the_open_internet(self) -> None:
        with pytest.raises(PasswordInTheClear):
            CalDav(Web(resolve=lambda *_: ["93.184.216.34"]), "http://dav.example/", LOGIN).collections()

    def test_to_send_the_password_elsewhere(self, web: Web) -> None:
        client = CalDav(web, "https://dav.one.example/", LOGIN)
        assert client.target("https://dav.one.example/a/", "/b/") == "https://dav.one.example/b/"
        assert client.target("https://dav.one.example/", "https://p7-dav.one.example/b/")
        for elsewhere in ("https://dav.two.example/", "https://one.example.evil.example/", "//evil.example/b/"):
            with pytest.raises(ForeignRedirect):
                client.target("https://dav.one.example/a/", elsewhere)

    def test_what_is_not_caldav(self, web: Web, radicale: CalDavServer) -> None:
        with pytest.raises(NotCalDav):
            account(web, radicale).entries(f"{radicale.url}{USER}/nothing/", MARCH, APRIL)
