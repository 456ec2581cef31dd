"""What happens by itself: a person's busy_feed_url, looking when due, people who leave, and who looks."""

import threading
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from api.app import build
from api.clock import now
from api.settings import Settings
from integrations.calendars.sync import LEASE
from store.busy_calendars import BusyCalendars
from tests.api.pages.page_client import Visitor, text_of
from tests.api_driver import House
from tests.conftest import retire_key
from tests.integrations.calendars.caldav_server import PASSWORD, USER, CalDavServer
from tests.integrations.calendars.calendar_owner import adds, calendars, entry, events, eventually, refreshed, rows
from tests.integrations.calendars.feed_server import FeedServer, feed


def read(house: House, who: str = "member") -> Any:
    """Somebody's calendars, once all of them were read or found failing."""

    def settled() -> Any:
        found = calendars(house, who)
        return found if found and all(one["state"] != "waiting" for one in found) else None

    return eventually(settled)


def due(house: House, calendar: Any) -> None:
    """Has a calendar's time come."""
    rows(house, f"UPDATE {{schema}}.busy_calendars SET due_at = now() WHERE id = '{calendar['id']}' RETURNING id")
    house.oncelink.fetcher.wake()


class TestBusyFeedUrl:
    """The one feed in a person's properties is a calendar like the others."""

    def test_is_read_as_soon_as_it_is_set(self, office: House, feeds: FeedServer) -> None:
        link = office.link()
        slots = office.slots(link["slug"])
        feeds.feeds["/one.ics"] = feed(entry(slots[1]))
        url = feeds.url("/one.ics")
        path = f"/v1/people/{office.ids['member']}"
        assert office.patch(path, {"busy_feed_url": url}, "admin")["busy_feed_url"] == url
        [calendar] = read(office)
        assert (calendar["is_busy_feed_url"], calendar["kind"], calendar["busy_soon"]) == (True, "feed", 1)
        assert slots[1] not in office.slots(link["slug"])

    def test_can_be_set_and_cleared_by_oneself(self, office: House, feeds: FeedServer) -> None:
        feeds.feeds["/one.ics"] = feed()
        assert office.patch("/v1/me", {"busy_feed_url": feeds.url("/one.ics")}, "member")["busy_feed_url"]
        read(office)
        assert office.patch("/v1/me", {"busy_feed_url": None}, "member")["busy_feed_url"] is None
        eventually(lambda: calendars(office) == [])

    def test_removing_its_calendar_clears_it(self, office: House, feeds: FeedServer) -> None:
        feeds.feeds["/one.ics"] = feed()
        office.patch("/v1/me", {"busy_feed_url": feeds.url("/one.ics")}, "member")
        [calendar] = read(office)
        answer = office.send("DELETE", f"/v1/me/calendars/{calendar['id']}", None, "member")
        assert answer.status_code == 204
        assert int(answer.headers["Oncelink-Position"]) > 0
        assert office.get("/v1/me", "member")["busy_feed_url"] is None

    def test_another_address_takes_over_once_it_was_read(self, office: House, feeds: FeedServer) -> None:
        link = office.link()
        slots = office.slots(link["slug"])
        feeds.feeds["/one.ics"] = feed(entry(slots[1]))
        office.patch("/v1/me", {"busy_feed_url": feeds.url("/one.ics")}, "member")
        read(office)
        office.patch("/v1/me", {"busy_feed_url": feeds.url("/two.ics")}, "member")
        eventually(lambda: "/two.ics" in feeds.asked and calendars(office)[0]["state"] == "failing")
        assert slots[1] not in office.slots(link["slug"])
        feeds.feeds["/two.ics"] = feed(entry(slots[2]))
        due(office, calendars(office)[0])
        eventually(lambda: set(slots) - set(office.slots(link["slug"])) == {slots[2]})


class TestLooking:
    """Calendars are looked at when they are due, by one process, and for active people only."""

    def test_a_conflict_is_found_in_the_background(self, office: House, feeds: FeedServer) -> None:
        link = office.link()
        slots = office.slots(link["slug"])
        calendar = adds(office, feeds)
        office.book(link["slug"], slots[2])
        feeds.feeds["/julio.ics"] = feed(entry(slots[2]))
        due(office, calendar)
        eventually(lambda: events(office))

    def test_another_zone_is_read_for(self, office: House, feeds: FeedServer) -> None:
        link = office.link()
        day = (now() + timedelta(days=2)).date()
        adds(office, feeds, f"DTSTART:{day:%Y%m%d}T120000\nDURATION:PT30M")
        assert f"{day}T12:00:00Z" not in office.slots(link["slug"])
        office.patch("/v1/me", {"time_zone": "Asia/Tokyo"}, "member")
        eventually(lambda: f"{day}T03:00:00Z" not in office.slots(link["slug"]))
        assert f"{day}T12:00:00Z" in office.slots(link["slug"])

    def test_not_for_who_has_left(self, office: House, feeds: FeedServer) -> None:
        calendar = adds(office, feeds)
        person = f"/v1/people/{office.ids['member']}"
        office.post(f"{person}/deactivate", None, "admin")
        asked = len(feeds.asked)
        due(office, calendar)
        later = f"""SELECT id FROM {{schema}}.busy_calendars
            WHERE id = '{calendar["id"]}' AND due_at > now() + interval '1 hour'"""
        eventually(lambda: rows(office, later))
        assert len(feeds.asked) == asked
        office.post(f"{person}/activate", None, "admin")
        eventually(lambda: len(feeds.asked) > asked)

    def test_each_is_leased_to_one(self, office: House, feeds: FeedServer) -> None:
        for number in range(4):
            adds(office, feeds, path=f"/{number}.ics")
        later = now() + timedelta(hours=1)  # when all of them are due, and the service itself has looked at none
        store, barrier = BusyCalendars(office.oncelink.database), threading.Barrier(4)
        leased: list[UUID] = []

        def takes() -> None:
            barrier.wait()
            leased.extend(one.id for one in store.lease(later, later + LEASE, 100))

        threads = [threading.Thread(target=takes) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(leased) == len(set(leased)) >= 4
        assert store.lease(later, later + LEASE, 100) == []
        assert len(store.lease(later + LEASE, later + 2 * LEASE, 100)) == len(leased)  # whoever had them died
        rows(office, "UPDATE {schema}.busy_calendars SET leased_until = NULL RETURNING id")


class TestAccount:
    """A CalDAV account: all its calendars are read, or those that are chosen."""

    @pytest.fixture
    def account(self, office: House, radicale: CalDavServer) -> Any:
        """The account, added."""
        slots = office.slots(office.link()["slug"])
        for name, slot in (("work", slots[1]), ("home", slots[2])):
            text = feed(entry(slot, name)).replace("UID", "DTSTAMP:20270101T000000Z\r\nUID")
            radicale.put(f"{radicale.url}{USER}/{name}/", name, text)
        body = {"kind": "caldav", "url": radicale.url, "user": USER, "password": PASSWORD}
        return office.post("/v1/me/calendars", body, "member", 201)

    def test_all_calendars_are_read(self, office: House, radicale: CalDavServer, account: Any) -> None:
        assert account["busy_soon"] == 2
        assert sorted((one["name"], one["read"], one["write"]) for one in account["calendars"]) == [
            ("Home", True, False),
            ("Work", True, False),
        ]
        asked = len(radicale.requests)
        refreshed(office, account)
        assert {one.partition(" ")[0] for one in radicale.requests[asked:]} == {"PROPFIND"}  # nothing has changed
        radicale.remove(f"{radicale.url}{USER}/work/", "work")
        assert refreshed(office, account)["busy_soon"] == 1

    def test_some_are_chosen(self, office: House, radicale: CalDavServer, account: Any) -> None:
        work = f"{radicale.url}{USER}/work/"
        path = f"/v1/me/calendars/{account['id']}/choose"
        chosen = office.post(path, {"calendars": [work], "write_to": work}, "member")
        assert [(one["name"], one["read"], one["write"]) for one in chosen["calendars"] if one["read"]] == [
            ("Work", True, True)
        ]
        eventually(lambda: calendars(office)[0]["busy_soon"] == 1)
        kept = office.oncelink.calendars.store.of_person(UUID(office.ids["member"]))[0]
        assert office.oncelink.calendars.account(kept).write_to == work
        assert office.post(path, {"write_to": None}, "member")["calendars"][0]["write"] is False
        wrong = office.send("POST", path, {"write_to": f"{radicale.url}{USER}/tasks/"}, "member")
        assert [one["field"] for one in wrong.json()["errors"]] == ["calendars"]

    def test_a_wrong_password_is_said(self, office: House, radicale: CalDavServer) -> None:
        body = {"kind": "caldav", "url": radicale.url, "user": USER, "password": "not-this-one"}
        answer = office.send("POST", "/v1/me/calendars", body, "member")
        assert answer.status_code == 422
        assert answer.json()["errors"] == [
            {"field": "password", "message": "The calendar's server does not accept this user name and password."}
        ]
        assert "not-this-one" not in answer.text


def test_secrets_are_in_no_table_event_answer_or_log_line(
    office: House, feeds: FeedServer, radicale: CalDavServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="oncelink")
    secret = "zq-secret-feed"
    calendar = adds(office, feeds, path=f"/{secret}.ics")
    body = {"kind": "caldav", "url": f"{radicale.url}?zq-secret", "user": USER, "password": PASSWORD}
    office.post("/v1/me/calendars", body, "member", 201)
    feeds.feeds.clear()
    refreshed(office, calendar)
    refused = office.send("POST", "/v1/me/calendars", {"url": feeds.url(f"/{secret}-2.ics")}, "member")
    assert refused.status_code == 422
    said = [
        str(rows(office, "SELECT c::text, encode(c.sealed, 'escape') FROM {schema}.busy_calendars c")),
        str(rows(office, "SELECT data::text FROM {schema}.events")),
        str(calendars(office)),
        refused.text,
        caplog.text,
        str(office.oncelink.calendars.store.of_person(UUID(office.ids["member"]))),
    ]
    for text in said:
        assert len(text) > 20
        assert "zq-secret" not in text
        assert PASSWORD not in text
    assert "could not be read" in caplog.text


def test_another_secret_key_is_said_and_loses_nothing(allowed: Settings, feeds: FeedServer) -> None:
    """Without the key that sealed it the address is gone; that is said, and what was known holds."""
    with TestClient(build(allowed)) as client:
        office = House.furnished(client)
        link = office.link()
        slots = office.slots(link["slug"])
        adds(office, feeds, entry(slots[1]))
    retire_key(allowed)
    with TestClient(build(with_keys(allowed, "another-secret-key-another-secret-key-another"))) as client:
        again = House(client, office.keys, office.ids)
        [calendar] = calendars(again)
        found = refreshed(again, calendar)
        assert found["state"] == "failing"
        assert slots[1] not in again.slots(link["slug"])
    assert "the secret key was changed" in found["problem"]


def with_keys(settings: Settings, keys: str) -> Settings:
    """The settings with other secret keys."""
    found = settings.model_copy(update={"secret_keys": keys})
    found.__dict__.pop("keys", None)
    return found


def test_metrics_and_the_pages_say_that_a_calendar_fails(office: House, feeds: FeedServer) -> None:
    calendar = adds(office, feeds)
    slot = office.slots((link := office.link())["slug"])[2]
    booking = office.book(link["slug"], slot)["booking"]["id"]
    feeds.feeds["/julio.ics"] = feed(entry(slot))
    refreshed(office, calendar)
    feeds.feeds.clear()
    refreshed(office, calendar)
    metrics = dict(line.rsplit(" ", 1) for line in office.client.get("/metrics").text.splitlines() if line[0] != "#")
    assert float(metrics["oncelink_calendars_failing"]) >= 1
    assert float(metrics["oncelink_calendars"]) >= float(metrics["oncelink_calendars_failing"])
    visitor = Visitor(office, "member")
    assert "127.0.0.1 has not been readable since" in text_of(visitor.get("/links"))
    settings = text_of(visitor.get("/settings"))
    assert "The calendar's server refused. Its answer was 404." in settings.replace("&#39;", "'")
    assert "1 busy entry in the next 60 days" in settings
    meeting = text_of(visitor.get(f"/meeting-log/{booking}"))
    assert "The calendar of Member was found to have something else at this time." in meeting
    assert "has not been readable since" not in text_of(Visitor(office, "engineer").get("/links"))


def test_calendars_are_sealed_again_with_a_new_key(allowed: Settings, feeds: FeedServer) -> None:
    with TestClient(build(allowed)) as client:
        office = House.furnished(client)
        calendar = adds(office, feeds)
    new = "another-secret-key-another-secret-key-another"
    for keys in (f"{new},{allowed.secret_keys}", new):
        with TestClient(build(with_keys(allowed, keys))) as client:
            assert refreshed(House(client, office.keys, office.ids), calendar)["state"] == "read"
        retire_key(allowed)
