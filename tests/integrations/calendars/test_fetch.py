"""How a feed's address is asked: by which method, by https or http, and for whose times."""

from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any
from uuid import UUID

import pytest
from httpcore2 import ConnectError
from httpx2 import URL, Headers

from domain.availability.hours import Interval
from domain.person import Person, PersonProperties
from integrations.calendars.accounts import Account
from integrations.calendars.errors import NoConnection, TooManyRedirects
from integrations.calendars.fetch import Validators, fetch_calendar, request_feed
from integrations.calendars.http_client import GuardedHttpClient, HttpResponse, Login
from integrations.calendars.network import GuardedBackend
from integrations.calendars.sandbox import CalendarOwner
from integrations.calendars.sync import build_owner
from tests.integrations.calendars.feed_server import FeedServer, build_feed, run_feed_server, send_response

LOOPBACK = [ip_network("127.0.0.0/8")]
YEAR = Interval(datetime(2027, 3, 1, tzinfo=UTC), datetime(2028, 3, 1, tzinfo=UTC))
INVITATION = "UID:1\nDTSTART:20270310T100000Z\nDURATION:PT1H\nATTENDEE;PARTSTAT=DECLINED:mailto:Owner@Example.org"


@pytest.fixture
def feed_server() -> Iterator[FeedServer]:
    """A server that speaks http only."""
    with run_feed_server() as running_server:
        running_server.feeds["/busy.ics"] = build_feed(INVITATION)
        yield running_server


def redirect(status: int) -> Any:
    """An answer that leads to the feed."""
    return lambda handler: send_response(handler, status, b"", {"Location": "/busy.ics"})


class SeeOtherClient(GuardedHttpClient):
    """A client whose every answer is 303."""

    def exchange(self, method: str, url: URL, *arguments: Any) -> HttpResponse:
        return HttpResponse(url, 303, Headers({"Location": "/elsewhere"}), b"")


class TestSeeOther:
    """303 asks for GET (RFC 9110, 15.4.4)."""

    def test_is_followed_by_get(self, feed_server: FeedServer) -> None:
        feed_server.feeds["/old.ics"] = redirect(303)
        response = GuardedHttpClient(LOOPBACK).request("GET", feed_server.build_url("/old.ics"))
        assert (response.status, response.url.path) == (200, "/busy.ics")

    def test_is_an_answer_to_another_method(self) -> None:
        response = SeeOtherClient().request("PROPFIND", "https://public.example/calendars")
        assert response.status == 303
        with pytest.raises(TooManyRedirects):
            SeeOtherClient().request("GET", "https://public.example/calendars")


class TestWebcal:
    """An address that says neither http nor https: encrypted where it can be, in the clear only inside."""

    def test_of_a_server_inside_that_speaks_http_only(self, feed_server: FeedServer) -> None:
        url = feed_server.build_url("/busy.ics").replace("http:", "webcal:")
        assert request_feed(GuardedHttpClient(LOOPBACK), url, {}).status == 200
        assert feed_server.requested_paths == ["/busy.ics"]

    def test_of_a_server_outside_stays_encrypted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        connection_attempts = []

        def refuse_connection(backend: GuardedBackend, address: Any, port: int, options: Any) -> Any:
            connection_attempts.append(port)
            raise ConnectError

        monkeypatch.setattr(GuardedBackend, "connect_address", refuse_connection)
        client = GuardedHttpClient(LOOPBACK, resolve=lambda host, port, seconds: ["93.184.216.34"])
        with pytest.raises(NoConnection):
            request_feed(client, "webcal://public.example/busy.ics", {})
        assert connection_attempts == [443]

    @pytest.mark.parametrize("scheme", ["webcals", "https"])
    def test_what_asks_for_encryption_gets_it(self, feed_server: FeedServer, scheme: str) -> None:
        url = feed_server.build_url("/busy.ics").replace("http:", f"{scheme}:")
        with pytest.raises(NoConnection):
            request_feed(GuardedHttpClient(LOOPBACK), url, {})
        assert feed_server.requested_paths == []


@pytest.mark.parametrize(("address", "busy_count"), [("owner@example.org", 0), ("other@example.org", 1)])
def test_what_its_owner_declined_takes_no_time(feed_server: FeedServer, address: str, busy_count: int) -> None:
    account = Account("feed", feed_server.build_url("/busy.ics"))
    owner = CalendarOwner("Europe/Berlin", frozenset({address}))
    report = fetch_calendar(GuardedHttpClient(LOOPBACK), account, owner, YEAR, Validators()).report
    assert report is not None
    assert len(report.busy) == busy_count


def test_its_owner_has_the_address_of_the_person_and_of_the_account() -> None:
    person = Person(UUID(int=1))
    person.properties = PersonProperties(name="Ann", email="Ann@Nexora.example", time_zone="Asia/Tokyo", roles=())
    account = Account("caldav", "https://dav.example/", Login("Ann.Private@Dav.example", "secret"))
    assert build_owner(person, account) == CalendarOwner(
        "Asia/Tokyo", frozenset({"ann@nexora.example", "ann.private@dav.example"})
    )
    assert build_owner(person, Account("feed", "https://feed.example/")).addresses == {"ann@nexora.example"}
