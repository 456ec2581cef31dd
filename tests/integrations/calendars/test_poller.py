"""What happens by itself: a person's busy_feed_url, looking when due, people who leave, and who looks."""

import logging
import threading
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from api.app import build_app
from api.clock import read_clock
from api.settings import Settings
from integrations.calendars.sync import LEASE
from store.busy_calendars import BusyCalendars
from tests.api.pages.page_client import PageClient, extract_text
from tests.api_driver import ApiDriver
from tests.conftest import retire_key
from tests.integrations.calendars.caldav_server import PASSWORD, USER, CalDavServer
from tests.integrations.calendars.calendar_owner import (
    add_calendar,
    build_entry,
    fetch_rows,
    list_calendars,
    list_events,
    refresh_calendar,
    wait_for,
)
from tests.integrations.calendars.feed_server import FeedServer, build_feed


def wait_until_read(api: ApiDriver, who: str = "member") -> Any:
    """List a person's calendars once each of them was fetched or has failed."""

    def list_if_read() -> Any:
        calendar_rows = list_calendars(api, who)
        return (
            calendar_rows
            if calendar_rows and all(calendar["state"] != "waiting" for calendar in calendar_rows)
            else None
        )

    return wait_for(list_if_read)


def make_due(api: ApiDriver, calendar: Any) -> None:
    """Make a calendar due."""
    fetch_rows(api, f"UPDATE {{schema}}.busy_calendars SET due_at = now() WHERE id = '{calendar['id']}' RETURNING id")
    api.services.fetcher.wake()


class TestBusyFeedUrl:
    """The one feed in a person's properties is a calendar like the others."""

    def test_is_read_as_soon_as_it_is_set(self, owners_api: ApiDriver, feeds: FeedServer) -> None:
        link = owners_api.create_link()
        slots = owners_api.list_slots(link["slug"])
        feeds.feeds["/one.ics"] = build_feed(build_entry(slots[1]))
        url = feeds.build_url("/one.ics")
        path = f"/v1/people/{owners_api.ids['member']}"
        assert owners_api.patch(path, {"busy_feed_url": url}, "admin")["busy_feed_url"] == url
        [calendar] = wait_until_read(owners_api)
        assert (calendar["is_busy_feed_url"], calendar["kind"], calendar["busy_soon"]) == (True, "feed", 1)
        assert slots[1] not in owners_api.list_slots(link["slug"])

    def test_can_be_set_and_cleared_by_oneself(self, owners_api: ApiDriver, feeds: FeedServer) -> None:
        feeds.feeds["/one.ics"] = build_feed()
        assert owners_api.patch("/v1/me", {"busy_feed_url": feeds.build_url("/one.ics")}, "member")["busy_feed_url"]
        wait_until_read(owners_api)
        assert owners_api.patch("/v1/me", {"busy_feed_url": None}, "member")["busy_feed_url"] is None
        wait_for(lambda: list_calendars(owners_api) == [])

    def test_removing_its_calendar_clears_it(self, owners_api: ApiDriver, feeds: FeedServer) -> None:
        feeds.feeds["/one.ics"] = build_feed()
        owners_api.patch("/v1/me", {"busy_feed_url": feeds.build_url("/one.ics")}, "member")
        [calendar] = wait_until_read(owners_api)
        response = owners_api.send_request("DELETE", f"/v1/me/calendars/{calendar['id']}", None, "member")
        assert response.status_code == 204
        assert int(response.headers["Oncelink-Position"]) > 0
        assert owners_api.get("/v1/me", "member")["busy_feed_url"] is None

    def test_another_address_takes_over_once_it_was_read(self, owners_api: ApiDriver, feeds: FeedServer) -> None:
        link = owners_api.create_link()
        slots = owners_api.list_slots(link["slug"])
        feeds.feeds["/one.ics"] = build_feed(build_entry(slots[1]))
        owners_api.patch("/v1/me", {"busy_feed_url": feeds.build_url("/one.ics")}, "member")
        wait_until_read(owners_api)
        owners_api.patch("/v1/me", {"busy_feed_url": feeds.build_url("/two.ics")}, "member")
        wait_for(lambda: "/two.ics" in feeds.requested_paths and list_calendars(owners_api)[0]["state"] == "failing")
        assert slots[1] not in owners_api.list_slots(link["slug"])
        feeds.feeds["/two.ics"] = build_feed(build_entry(slots[2]))
        make_due(owners_api, list_calendars(owners_api)[0])
        wait_for(lambda: set(slots) - set(owners_api.list_slots(link["slug"])) == {slots[2]})


class TestPolling:
    """Calendars are looked at when they are due, by one process, and for active people only."""

    def test_a_conflict_is_found_in_the_background(self, owners_api: ApiDriver, feeds: FeedServer) -> None:
        link = owners_api.create_link()
        slots = owners_api.list_slots(link["slug"])
        calendar = add_calendar(owners_api, feeds)
        owners_api.book_meeting(link["slug"], slots[2])
        feeds.feeds["/julio.ics"] = build_feed(build_entry(slots[2]))
        make_due(owners_api, calendar)
        wait_for(lambda: list_events(owners_api))

    def test_another_zone_is_read_for(self, owners_api: ApiDriver, feeds: FeedServer) -> None:
        link = owners_api.create_link()
        day = (read_clock() + timedelta(days=2)).date()
        add_calendar(owners_api, feeds, f"DTSTART:{day:%Y%m%d}T120000\nDURATION:PT30M")
        assert f"{day}T12:00:00Z" not in owners_api.list_slots(link["slug"])
        owners_api.patch("/v1/me", {"time_zone": "Asia/Tokyo"}, "member")
        wait_for(lambda: f"{day}T03:00:00Z" not in owners_api.list_slots(link["slug"]))
        assert f"{day}T12:00:00Z" in owners_api.list_slots(link["slug"])

    def test_not_for_who_has_left(self, owners_api: ApiDriver, feeds: FeedServer) -> None:
        calendar = add_calendar(owners_api, feeds)
        person = f"/v1/people/{owners_api.ids['member']}"
        owners_api.post(f"{person}/deactivate", None, "admin")
        request_count = len(feeds.requested_paths)
        make_due(owners_api, calendar)
        query = f"""SELECT id FROM {{schema}}.busy_calendars
            WHERE id = '{calendar["id"]}' AND due_at > now() + interval '1 hour'"""
        wait_for(lambda: fetch_rows(owners_api, query))
        assert len(feeds.requested_paths) == request_count
        owners_api.post(f"{person}/activate", None, "admin")
        wait_for(lambda: len(feeds.requested_paths) > request_count)

    def test_each_is_leased_to_one(self, owners_api: ApiDriver, feeds: FeedServer) -> None:
        for number in range(4):
            add_calendar(owners_api, feeds, path=f"/{number}.ics")
        due_time = read_clock() + timedelta(
            hours=1
        )  # when all of them are due, and the service itself has looked at none
        store, start_barrier = BusyCalendars(owners_api.services.database), threading.Barrier(4)
        leased_ids: list[UUID] = []

        def lease_calendars() -> None:
            start_barrier.wait()
            leased_ids.extend(calendar.id for calendar in store.lease_due_calendars(due_time, due_time + LEASE, 100))

        threads = [threading.Thread(target=lease_calendars) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(leased_ids) == len(set(leased_ids)) >= 4
        assert store.lease_due_calendars(due_time, due_time + LEASE, 100) == []
        assert len(store.lease_due_calendars(due_time + LEASE, due_time + 2 * LEASE, 100)) == len(
            leased_ids
        )  # whoever had them died
        fetch_rows(owners_api, "UPDATE {schema}.busy_calendars SET leased_until = NULL RETURNING id")


class TestAccount:
    """A CalDAV account: all its calendars are read, or those that are chosen."""

    @pytest.fixture
    def caldav_account(self, owners_api: ApiDriver, radicale: CalDavServer) -> Any:
        """The account, added."""
        slots = owners_api.list_slots(owners_api.create_link()["slug"])
        for name, slot in (("work", slots[1]), ("home", slots[2])):
            text = build_feed(build_entry(slot, name)).replace("UID", "DTSTAMP:20270101T000000Z\r\nUID")
            radicale.put_entry(f"{radicale.url}{USER}/{name}/", name, text)
        body = {"kind": "caldav", "url": radicale.url, "user": USER, "password": PASSWORD}
        return owners_api.post("/v1/me/calendars", body, "member", 201)

    def test_all_calendars_are_read(self, owners_api: ApiDriver, radicale: CalDavServer, caldav_account: Any) -> None:
        assert caldav_account["busy_soon"] == 2
        assert sorted(
            (calendar["name"], calendar["read"], calendar["write"]) for calendar in caldav_account["calendars"]
        ) == [
            ("Home", True, False),
            ("Work", True, False),
        ]
        request_count = len(radicale.requests)
        refresh_calendar(owners_api, caldav_account)
        assert {request.partition(" ")[0] for request in radicale.requests[request_count:]} == {
            "PROPFIND"
        }  # nothing has changed
        radicale.remove_entry(f"{radicale.url}{USER}/work/", "work")
        assert refresh_calendar(owners_api, caldav_account)["busy_soon"] == 1

    def test_some_are_chosen(self, owners_api: ApiDriver, radicale: CalDavServer, caldav_account: Any) -> None:
        work = f"{radicale.url}{USER}/work/"
        path = f"/v1/me/calendars/{caldav_account['id']}/choose"
        account_after = owners_api.post(path, {"calendars": [work], "write_to": work}, "member")
        assert [
            (calendar["name"], calendar["read"], calendar["write"])
            for calendar in account_after["calendars"]
            if calendar["read"]
        ] == [("Work", True, True)]
        wait_for(lambda: list_calendars(owners_api)[0]["busy_soon"] == 1)
        stored_calendar = owners_api.services.calendar_sync.store.list_calendars(UUID(owners_api.ids["member"]))[0]
        assert owners_api.services.calendar_sync.decrypt_account(stored_calendar).write_to == work
        assert owners_api.post(path, {"write_to": None}, "member")["calendars"][0]["write"] is False
        response = owners_api.send_request("POST", path, {"write_to": f"{radicale.url}{USER}/tasks/"}, "member")
        assert [error["field"] for error in response.json()["errors"]] == ["calendars"]

    def test_a_wrong_password_is_said(self, owners_api: ApiDriver, radicale: CalDavServer) -> None:
        body = {"kind": "caldav", "url": radicale.url, "user": USER, "password": "not-this-one"}
        response = owners_api.send_request("POST", "/v1/me/calendars", body, "member")
        assert response.status_code == 422
        assert response.json()["errors"] == [
            {"field": "password", "message": "The calendar's server does not accept this user name and password."}
        ]
        assert "not-this-one" not in response.text


@pytest.fixture
def log_lines() -> Iterator[StringIO]:
    """What the service logs, however its logging is set up meanwhile."""
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    logger = logging.getLogger("oncelink")
    logger.addHandler(handler)
    yield stream
    logger.removeHandler(handler)


def test_secrets_are_in_no_table_event_answer_or_log_line(
    owners_api: ApiDriver, feeds: FeedServer, radicale: CalDavServer, log_lines: StringIO
) -> None:
    secret = "zq-secret-feed"
    calendar = add_calendar(owners_api, feeds, path=f"/{secret}.ics")
    body = {"kind": "caldav", "url": f"{radicale.url}?zq-secret", "user": USER, "password": PASSWORD}
    owners_api.post("/v1/me/calendars", body, "member", 201)
    feeds.feeds.clear()
    refresh_calendar(owners_api, calendar)
    response = owners_api.send_request(
        "POST", "/v1/me/calendars", {"url": feeds.build_url(f"/{secret}-2.ics")}, "member"
    )
    assert response.status_code == 422
    messages = [
        str(fetch_rows(owners_api, "SELECT c::text, encode(c.sealed, 'escape') FROM {schema}.busy_calendars c")),
        str(fetch_rows(owners_api, "SELECT data::text FROM {schema}.events")),
        str(list_calendars(owners_api)),
        response.text,
        log_lines.getvalue(),
        str(owners_api.services.calendar_sync.store.list_calendars(UUID(owners_api.ids["member"]))),
    ]
    for text in messages:
        assert len(text) > 20
        assert "zq-secret" not in text
        assert PASSWORD not in text
    assert "could not be read" in log_lines.getvalue()


def test_another_secret_key_is_said_and_loses_nothing(loopback_settings: Settings, feeds: FeedServer) -> None:
    """Without the key that sealed it the address is gone; that is said, and what was known holds."""
    with TestClient(build_app(loopback_settings)) as client:
        owners_api = ApiDriver.create_organisation(client)
        link = owners_api.create_link()
        slots = owners_api.list_slots(link["slug"])
        add_calendar(owners_api, feeds, build_entry(slots[1]))
    retire_key(loopback_settings)
    with TestClient(
        build_app(use_secret_keys(loopback_settings, "another-secret-key-another-secret-key-another"))
    ) as client:
        restarted_api = ApiDriver(client, owners_api.keys, owners_api.ids)
        [calendar] = list_calendars(restarted_api)
        refreshed = refresh_calendar(restarted_api, calendar)
        assert refreshed["state"] == "failing"
        assert slots[1] not in restarted_api.list_slots(link["slug"])
    assert "the secret key was changed" in refreshed["problem"]


def use_secret_keys(settings: Settings, keys: str) -> Settings:
    """The settings with other secret keys."""
    changed_settings = settings.model_copy(update={"secret_keys": keys})
    changed_settings.__dict__.pop("keys", None)
    return changed_settings


def test_metrics_and_the_pages_say_that_a_calendar_fails(owners_api: ApiDriver, feeds: FeedServer) -> None:
    calendar = add_calendar(owners_api, feeds)
    slot = owners_api.list_slots((link := owners_api.create_link())["slug"])[2]
    booking = owners_api.book_meeting(link["slug"], slot)["booking"]["id"]
    feeds.feeds["/julio.ics"] = build_feed(build_entry(slot))
    refresh_calendar(owners_api, calendar)
    feeds.feeds.clear()
    refresh_calendar(owners_api, calendar)
    metrics = dict(
        line.rsplit(" ", 1) for line in owners_api.client.get("/metrics").text.splitlines() if line[0] != "#"
    )
    assert float(metrics["oncelink_calendars_failing"]) >= 1
    assert float(metrics["oncelink_calendars"]) >= float(metrics["oncelink_calendars_failing"])
    page_client = PageClient(owners_api, "member")
    assert "127.0.0.1 has not been readable since" in extract_text(page_client.get("/links"))
    settings = extract_text(page_client.get("/settings"))
    assert "The calendar's server refused. Its answer was 404." in settings.replace("&#39;", "'")
    assert "1 busy entry in the next 60 days" in settings
    meeting = extract_text(page_client.get(f"/meeting-log/{booking}"))
    assert "The calendar of Member was found to have something else at this time." in meeting
    assert "has not been readable since" not in extract_text(PageClient(owners_api, "engineer").get("/links"))


def test_calendars_are_sealed_again_with_a_new_key(loopback_settings: Settings, feeds: FeedServer) -> None:
    with TestClient(build_app(loopback_settings)) as client:
        owners_api = ApiDriver.create_organisation(client)
        calendar = add_calendar(owners_api, feeds)
    new_key = "another-secret-key-another-secret-key-another"
    for keys in (f"{new_key},{loopback_settings.secret_keys}", new_key):
        with TestClient(build_app(use_secret_keys(loopback_settings, keys))) as client:
            assert refresh_calendar(ApiDriver(client, owners_api.keys, owners_api.ids), calendar)["state"] == "read"
        retire_key(loopback_settings)
