"""My Links and the Links Library: search, filters, sort and pages in the URL; switching off, deleting, warnings."""

import re

import pytest
from playwright.sync_api import Page, expect

from api.demo.organisation import JULIO
from tests.browser.browsing import PHONE, BrowserWindows, find_overflow
from tests.browser.hosting import add_host
from tests.browser.screenshots import wait_for_lists


def list_names(page: Page) -> list[str]:
    """The links of the table, from top to bottom."""
    return page.locator("#list .main-cell > a").all_inner_texts()


class TestFilters:
    """Whatever narrows the list is in the address."""

    def test_search_goes_into_the_address_and_comes_out_of_it(self, windows: BrowserWindows) -> None:
        page = windows.open_window("julio")
        page.goto("/links")
        all_names = list_names(page)
        page.get_by_role("searchbox").fill("deep")
        expect(page.locator("#list tbody tr")).to_have_count(1)
        assert page.url.endswith("/links?q=deep")
        assert list_names(page) == ["Deep dive"]
        expect(page.get_by_role("link", name="Clear")).to_be_visible()
        page.go_back()
        expect(page.locator("#list tbody tr")).to_have_count(len(all_names))
        page.goto("/links?q=deep")
        expect(page.get_by_role("searchbox")).to_have_value("deep")
        assert list_names(page) == ["Deep dive"]

    def test_a_state(self, windows: BrowserWindows) -> None:
        page = windows.open_window("julio")
        page.goto("/links")
        page.get_by_label("State").select_option("Expired")
        expect(page.locator("#list tbody tr")).to_have_count(1)
        assert page.url.endswith("/links?status=expired")
        expect(page.locator("#list .pill")).to_have_text("Expired")

    def test_the_last_choice_counts_however_late_answers_come(self, windows: BrowserWindows) -> None:
        page = windows.open_window("julio")
        page.goto("/links")
        page.route(re.compile("status="), lambda route: (page.wait_for_timeout(500), route.fallback()))
        for state in ("Active", "Disabled", "Expired"):
            page.get_by_label("State").select_option(state)
        expect(page).to_have_url(re.compile("status=expired$"))
        expect(page.locator("#list tbody tr")).to_have_count(1)
        expect(page.locator("#list .pill")).to_have_text("Expired")

    def test_nothing_found_says_what_to_do(self, windows: BrowserWindows) -> None:
        page = windows.open_window("julio")
        page.goto("/links?q=zebra")
        expect(page.get_by_role("heading", name="No link is like that")).to_be_visible()
        page.get_by_role("link", name="Show all my links").click()
        expect(page.locator("#list tbody tr").first).to_be_visible()

    def test_sorts_by_name(self, windows: BrowserWindows) -> None:
        page = windows.open_window("julio")
        page.goto("/links")
        page.get_by_role("columnheader", name="Link").get_by_role("link").click()
        expect(page.get_by_role("columnheader", name="Link", exact=True)).to_have_attribute("aria-sort", "ascending")
        assert list_names(page) == sorted(list_names(page), key=str.lower)
        page.get_by_role("columnheader", name="Link").get_by_role("link").click()
        expect(page.get_by_role("columnheader", name="Link", exact=True)).to_have_attribute("aria-sort", "descending")
        assert list_names(page) == sorted(list_names(page), key=str.lower, reverse=True)

    def test_works_without_javascript(self, windows: BrowserWindows) -> None:
        page = windows.open_window("julio", java_script_enabled=False)
        page.goto("/links")
        page.get_by_role("searchbox").fill("deep")
        page.get_by_role("button", name="Apply").click()
        assert list_names(page) == ["Deep dive"]


class TestPages:
    """More links than a page holds."""

    @pytest.fixture
    def page_of_many_links(self, windows: BrowserWindows) -> Page:
        """A window of a person with 57 links."""
        page = windows.open_window("priya")
        origin = {"Origin": windows.live_server.base_url}
        kind = page.request.get("/v1/meeting-types").json()["items"][0]["id"]
        for number in range(57):
            body = {"name": f"Batch {number:02}", "slug": f"batch-{number:02}", "meeting_type_id": kind}
            assert page.request.post("/v1/links", data=body, headers=origin).status in (201, 409)
        wait_for_lists(windows.live_server)
        return page

    def test_have_no_totals_and_lead_on(self, page_of_many_links: Page) -> None:
        page_of_many_links.goto("/links?q=batch&sort=name")
        expect(page_of_many_links.locator(".pager")).to_contain_text("1–50 of many")
        first = list_names(page_of_many_links)
        page_of_many_links.get_by_role("link", name="Next").click()
        expect(page_of_many_links.locator(".pager")).to_contain_text("51–57 of 57")
        assert first + list_names(page_of_many_links) == [f"Batch {number:02}" for number in range(57)]
        page_of_many_links.get_by_role("link", name="Previous").click()
        expect(page_of_many_links.locator(".pager")).to_contain_text("1–50 of many")
        assert list_names(page_of_many_links) == first


class TestSwitching:
    """Disable, enable, delete: after a question that says what it touches."""

    def test_disabling_warns_and_shows_at_once(self, windows: BrowserWindows) -> None:
        page = windows.open_window("julio")
        page.goto("/links?q=julio&sort=name")
        page.get_by_role("button", name="More for Discovery call with Julio").click()
        page.get_by_role("menuitem", name="Disable").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text(re.compile(r"\d+ unused single-use links? of it can no longer be booked"))
        dialog.get_by_role("link", name="Keep it").click()
        expect(dialog).to_be_hidden()
        page.get_by_role("button", name="More for Discovery call with Julio").click()
        page.get_by_role("menuitem", name="Disable").click()
        page.get_by_role("button", name="Disable the link").click()
        row = page.locator(f"#link-{JULIO.derive_created_id('julio')}")
        expect(row.locator(".pill")).to_have_text("Disabled")
        assert page.url.endswith("/links?q=julio&sort=name")
        expect(page.locator("[data-toast]")).to_contain_text("Disabled “Discovery call with Julio”")
        page.get_by_role("button", name="More for Discovery call with Julio").click()
        page.get_by_role("menuitem", name="Enable").click()
        expect(row.locator(".pill")).to_have_text("Active")

    def test_deleting_without_javascript(self, windows: BrowserWindows) -> None:
        page = windows.open_window("sam", java_script_enabled=False)
        kind = page.request.get("/v1/meeting-types").json()["items"][0]["id"]
        link = page.request.post(
            "/v1/links",
            data={"name": "Short-lived", "meeting_type_id": kind},
            headers={"Origin": windows.live_server.base_url},
        ).json()
        page.goto(f"/links/{link['id']}/delete")
        expect(page.get_by_text("No unused single-use link")).to_be_visible()
        page.get_by_role("button", name="Delete the link").click()
        expect(page.get_by_text("Deleted “Short-lived”")).to_be_visible()
        assert "Short-lived" not in list_names(page)


def test_a_phone_shows_every_row_without_scrolling_sideways(windows: BrowserWindows) -> None:
    page = windows.open_window("julio", viewport=PHONE)
    page.goto("/links")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.get_by_role("button", name="Open the navigation").click()
    drawer = page.get_by_role("dialog", name="Navigation")
    drawer.get_by_role("link", name="Links Library").click()
    expect(page.get_by_role("heading", name="Links Library")).to_be_visible()


def test_what_was_issued_is_counted_on_the_next_look(windows: BrowserWindows) -> None:
    page = windows.open_window("mira")
    page.goto("/links/library")
    split = page.locator("[data-split]").first
    row = page.locator("#list tbody tr").first
    count_before = int(row.locator(".count").inner_text()) if row.locator(".count").count() else 0
    split.get_by_role("button", name="More ways to copy").click()
    page.get_by_role("menuitem", name="Copy Single-Use Link").click()
    expect(page.locator("[data-toast]")).to_contain_text("Copied")
    page.reload()
    expect(page.locator("#list tbody tr").first.locator(".count")).to_have_text(str(count_before + 1))


def test_links_without_any_free_time_say_so_once_the_list_is_shown(windows: BrowserWindows) -> None:
    """Also after the list was searched, and for the hosts of a managed link in its dialog."""
    with add_host(windows.live_server) as api:
        api.patch("/v1/me", {"weekly_hours": {}}, "member")
        api.create_link("Never free")
        page = windows.open_window("claire")
        wait_for_lists(windows.live_server)
        page.goto("/management/links?q=zebra")
        page.get_by_role("searchbox").fill("never free")
        row = page.locator("#list tbody tr")
        expect(row).to_contain_text("No free time in 30 days: the host's hours")
        assert find_overflow(page, 320) == []
        managed = {"name": "Nowhere", "slug": "nowhere", "meeting_type_id": api.ids["type"]}
        headers = {"Origin": windows.live_server.base_url}
        data = managed | {"host_ids": [api.ids["member"]]}
        assert page.request.post("/v1/managed-links", data=data, headers=headers).status == 201
        wait_for_lists(windows.live_server)
        page.goto("/management/managed?q=nowhere")
        page.get_by_role("link", name="View Links").click()
        expect(page.locator("#question")).to_contain_text("No free time in 30 days")
