"""One's calendars on the page of settings, in a browser: adding, what is said of them, choosing, removing."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from api.clock import read_clock
from tests.browser.browsing import BrowserWindows, find_violations
from tests.integrations.calendars.caldav_server import PASSWORD, USER, CalDavServer, run_caldav_server
from tests.integrations.calendars.calendar_owner import build_entry
from tests.integrations.calendars.feed_server import FeedServer, build_feed, run_feed_server


@pytest.fixture
def feeds() -> Iterator[FeedServer]:
    """A server of feeds on loopback."""
    with run_feed_server() as server:
        yield server


@pytest.fixture
def radicale(tmp_path: Path) -> Iterator[CalDavServer]:
    """A CalDAV server on loopback."""
    with run_caldav_server(tmp_path) as server:
        yield server


def test_ones_calendars(windows: BrowserWindows, feeds: FeedServer, radicale: CalDavServer) -> None:
    feeds.feeds["/julio.ics"] = build_feed(build_entry((read_clock() + timedelta(days=3)).isoformat()))
    page = windows.open_window("julio")
    page.goto("/settings")
    windows.guard.expect_message("status of 422")
    page.get_by_label("Its address").fill(feeds.build_url("/nothing.ics"))
    page.get_by_role("button", name="Add the feed").click()
    expect(page.locator("#feed_url-error")).to_contain_text("Its answer was 404")
    expect(page.get_by_label("Its address")).to_have_value(feeds.build_url("/nothing.ics"))

    page.get_by_label("Its address").fill(feeds.build_url("/julio.ics"))
    page.get_by_label("What to call it").fill("Work, as a feed")
    page.get_by_role("button", name="Add the feed").click()
    expect(page.locator("[data-toast]")).to_contain_text("Added Work, as a feed: 1 busy entry in the next 60 days")
    work = page.get_by_role("article", name="Work, as a feed")
    expect(work).to_contain_text(re.compile(r"Read\s+Feed\s+1 busy entry in the next 60 days"))

    page.get_by_label("Server").fill(radicale.url)
    page.get_by_label("User name").fill(USER)
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Connect the account").click()
    expect(page.locator("#account_password-error")).to_contain_text("does not accept")
    page.get_by_label("Server").fill(radicale.url)
    page.get_by_label("User name").fill(USER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Connect the account").click()
    account = page.get_by_role("article", name="127.0.0.1")
    account.get_by_label("Home").uncheck()
    account.get_by_label("Write my meetings to").select_option(label="Work")
    account.get_by_role("button", name="Save the choice").click()
    expect(page.locator("[data-toast]")).to_contain_text("Saved which calendars are used.")
    expect(account.get_by_label("Home")).not_to_be_checked()
    expect(account.get_by_label("Write my meetings to").locator("option:checked")).to_have_text("Work")

    feeds.stop_server()
    work.get_by_role("button", name="Read Work, as a feed now").click()
    expect(work).to_contain_text("Cannot be read")
    expect(work).to_contain_text("What was known then still holds.")
    for scheme in ("light", "dark"):
        assert find_violations(page, scheme) == []
    assert PASSWORD not in page.content()
    assert "julio.ics" not in page.content()
    page.goto("/links")
    expect(page.get_by_role("status").filter(has_text="has not been readable since")).to_be_visible()
    page.get_by_role("link", name="Look at your calendars").click()

    for name in ("Work, as a feed", "127.0.0.1"):
        page.get_by_role("button", name=f"Remove {name}").click()
        expect(page.get_by_role("article", name=name)).to_have_count(0)
