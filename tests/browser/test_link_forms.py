"""The wizard and the edit of links in a browser: live checks, what saving touches, and two edits at once."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from api.demo.organisation import FOUNDER, PEOPLE
from tests.browser.browsing import PHONE, BrowserWindows
from tests.browser.screenshots import PAGES, wait_for_lists

DEEP_DIVE = str(FOUNDER.derive_created_id("deep-dive"))
DISCOVERY = str(FOUNDER.derive_created_id("discovery"))


def send_as_viewer(page: Page, windows: BrowserWindows, method: str, path: str, body: Any) -> Any:
    """A request of the page's person to the JSON API, which lists then know of."""
    headers = {"Origin": windows.live_server.base_url}
    response = page.request.fetch(path, method=method, data=body, headers=headers)
    assert response.ok, response.text()
    wait_for_lists(windows.live_server)
    return response.json()


def create_link(page: Page, windows: BrowserWindows, name: str, **extra: Any) -> Any:
    """A new link of the page's person."""
    return send_as_viewer(page, windows, "POST", "/v1/links", {"name": name, "meeting_type_id": DISCOVERY, **extra})


def fetch_meeting_type_name(page: Page, code: str) -> str:
    """The name of the meeting type that a guest sees behind a code."""
    return str(page.request.get(f"/v1/book/{code}").json()["meeting_type"]["name"])


class TestWizard:
    """Three steps."""

    def test_checks_the_slug_while_one_types_and_offers_a_free_one(self, windows: BrowserWindows) -> None:
        page = windows.open_window("julio")
        create_link(page, windows, "Taken", slug="taken-already")
        page.goto(f"/links/new/properties?meeting_type_id={DISCOVERY}")
        check = page.locator("#slug-check")
        page.locator("#name").fill("Road map: Q3")
        expect(check).to_contain_text("road-map-q3")
        page.locator("#slug").fill("taken-already")
        expect(check).to_contain_text("Another link already has this slug")
        check.get_by_role("button", name="Use it").click()
        expect(page.locator("#slug")).to_have_value("taken-already-2")
        expect(check).to_contain_text("This slug is free")
        page.locator("#slug").fill("Not a slug")
        expect(check).to_contain_text("Use 1 to 40 of")

    def test_keeps_everything_over_the_steps_and_over_a_refusal(self, windows: BrowserWindows) -> None:
        windows.guard.expect_message("status of 422")
        page = windows.open_window("julio")
        create_link(page, windows, "Taken", slug="taken-too")
        page.goto("/links/new")
        page.get_by_role("radio", name="Discovery call").check()
        page.get_by_role("button", name="Continue").click()
        page.locator("#name").fill("Architecture review")
        page.locator("#slug").fill("taken-too")
        page.get_by_role("checkbox", name="Mira").check()
        page.locator("#expires_at").fill("2030-03-01T18:30")
        page.get_by_role("checkbox", name="In the library").check()
        page.get_by_role("button", name="Change").click()
        expect(page.get_by_role("radio", name="Discovery call")).to_be_checked()
        page.get_by_role("radio", name="Technical deep dive").check()
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("button", name="Publish the link").click()
        expect(page.locator("#slug-check")).to_contain_text("“taken-too-2” is free")
        expect(page.locator("#slug")).to_be_focused()
        expect(page.locator("#name")).to_have_value("Architecture review")
        expect(page.get_by_role("checkbox", name="Mira")).to_be_checked()
        page.get_by_role("button", name="Use it").click()
        page.get_by_role("button", name="Publish the link").click()
        expect(page.get_by_role("heading", name="Architecture review is ready")).to_be_visible()
        link = page.request.get(f"/v1/links/{page.url.rsplit('/', 1)[1]}").json()
        assert link["slug"] == "taken-too-2"
        assert link["meeting_type"]["id"] == DEEP_DIVE
        assert [co_host["name"] for co_host in link["co_hosts"]] == ["Mira Lindqvist"]
        assert link["expires_at"] == "2030-03-01T18:30:00Z"  # Lisbon in winter
        assert link["in_library"] is True

    def test_two_presses_make_one_link(self, windows: BrowserWindows) -> None:
        page = windows.open_window("julio")
        page.goto(f"/links/new/properties?meeting_type_id={DISCOVERY}")
        page.locator("#name").fill("Pressed twice")
        page.locator("form.form-sheet").evaluate("""form => {
            const body = new URLSearchParams(new FormData(form));
            return fetch(form.action, {method: "POST", body}).then((answer) => answer.status);
        }""")
        page.get_by_role("button", name="Publish the link").click()
        expect(page.get_by_role("heading", name="Pressed twice is ready")).to_be_visible()
        page.goto("/links?q=pressed")
        expect(page.locator("tbody tr")).to_have_count(1)

    def test_works_without_javascript(self, windows: BrowserWindows) -> None:
        page = windows.open_window("julio", java_script_enabled=False)
        page.goto("/links/new")
        page.get_by_role("radio").first.check()
        page.get_by_role("button", name="Continue").click()
        page.locator("#name").fill("Without scripts")
        page.get_by_role("button", name="Publish the link").click()
        expect(page.get_by_role("heading", name="Without scripts is ready")).to_be_visible()
        page.goto(page.url.replace("/links/new/", "/links/") + "/edit")
        page.locator("#meeting_type_id").select_option(label="Technical deep dive · 1 h")
        page.get_by_role("button", name="Preview").click()
        expect(page.locator("#touched")).to_contain_text("Technical deep dive")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.locator("[data-toast]")).to_contain_text("Saved")


class TestEdit:
    """A link's form."""

    def test_says_what_it_touches_and_reaches_an_unused_single_use_link(self, windows: BrowserWindows) -> None:
        page = windows.open_window("julio")
        link = create_link(page, windows, "Followed")
        issued_links = send_as_viewer(page, windows, "POST", f"/v1/links/{link['id']}/single-use", {"count": 3})[
            "items"
        ]
        code = issued_links[0]["code"]
        guest = windows.open_window()
        assert fetch_meeting_type_name(guest, code) == "Discovery call"
        page.goto(f"/links/{link['id']}")
        page.get_by_role("link", name="Edit").click()
        expect(page.locator("#touched")).to_contain_text("3 unused single-use links follow this link")
        page.locator("#meeting_type_id").select_option(label="Technical deep dive · 1 h")
        expect(page.locator("#touched")).to_contain_text(
            "3 unused single-use links will show the new meeting type Technical deep dive."
        )
        assert fetch_meeting_type_name(guest, code) == "Discovery call"
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.locator("[data-toast]")).to_contain_text("3 unused single-use links follow it")
        expect(page.locator("#story")).to_contain_text("changed")
        assert fetch_meeting_type_name(guest, code) == "Technical deep dive"

    def test_compares_with_what_somebody_saved_meanwhile(self, windows: BrowserWindows) -> None:
        windows.guard.expect_message("status of 412")
        page, other_page = windows.open_window("julio"), windows.open_window("claire")
        link = create_link(page, windows, "Ours")
        page.goto(f"/links/{link['id']}/edit")
        page.locator("#name").fill("Mine")
        page.locator("#expires_at").fill("2031-01-02T10:00")
        other_edit = {"name": "Theirs", "co_host_ids": [str(PEOPLE["mira"].id)]}
        send_as_viewer(other_page, windows, "PATCH", f"/v1/links/{link['id']}", other_edit)
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.locator(".meanwhile")).to_contain_text("Claire Dubois changed the link")
        rows = page.locator(".compare tbody tr")
        expect(rows).to_have_count(3)
        expect(rows.filter(has_text="Name")).to_contain_text("Both changed it")
        expect(page.get_by_role("radio", name="Name, mine: Mine")).to_be_checked()
        expect(page.get_by_role("radio", name="Co-hosts, theirs: Mira Lindqvist")).to_be_checked()
        expect(page.get_by_role("radio", name="Expires, mine")).to_be_checked()
        page.get_by_role("radio", name="Name, theirs").check()
        page.get_by_role("button", name="Save what is chosen").click()
        expect(page.locator("[data-toast]")).to_contain_text("Saved")
        now = page.request.get(f"/v1/links/{link['id']}").json()
        assert now["name"] == "Theirs"
        assert [co_host["name"] for co_host in now["co_hosts"]] == ["Mira Lindqvist"]
        assert now["expires_at"] == "2031-01-02T10:00:00Z"

    def test_of_a_managed_link_warns_of_a_host_taken_off(self, windows: BrowserWindows) -> None:
        page = windows.open_window("claire")
        hosts = [str(PEOPLE[who].id) for who in ("sam", "priya")]
        body = {"name": "Road show", "slug": "road-show", "meeting_type_id": DISCOVERY, "host_ids": hosts}
        managed = send_as_viewer(page, windows, "POST", "/v1/managed-links", body)
        links = page.request.get(f"/v1/managed-links/{managed['id']}/links").json()["items"]
        [of_sam] = [link for link in links if link["owner"]["id"] == hosts[0]]
        send_as_viewer(page, windows, "POST", f"/v1/links/{of_sam['id']}/single-use", {"count": 2})
        page.goto(f"/management/managed/{managed['id']}/edit")
        page.get_by_role("checkbox", name="Sam").uncheck()
        page.get_by_role("checkbox", name="Mira").check()
        effects = page.locator("#touched")
        expect(effects).to_contain_text(
            "The link of Sam Whitfield is deleted for good: 2 unused single-use links of it stop working."
        )
        expect(effects).to_contain_text("Mira Lindqvist gets a link of their own")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_role("heading", name="Road show")).to_be_visible()
        expect(page.locator(".host-link")).to_have_count(2)
        assert page.request.get(f"/v1/links/{of_sam['id']}").json()["status"] == "deleted"


class TestSingleUseLinks:
    """On a link's page."""

    def test_are_revoked_with_a_reason(self, windows: BrowserWindows) -> None:
        page = windows.open_window("julio")
        link = create_link(page, windows, "To be revoked")
        to_whom = {"recipients": [{"name": "Ada Lovelace"}], "label": "Fair"}
        [single_use_link] = send_as_viewer(page, windows, "POST", f"/v1/links/{link['id']}/single-use", to_whom)[
            "items"
        ]
        page.goto(f"/links/{link['id']}?q=ada")
        row = page.locator("#list tbody tr")
        row.get_by_role("link", name="Ada Lovelace").click()
        dialog = page.get_by_role("dialog", name="Single-use link for Ada Lovelace")
        expect(dialog.get_by_label("Its address")).to_have_value(single_use_link["url"])
        dialog.get_by_role("link", name="Revoke").click()
        asking = page.get_by_role("dialog", name="Revoke the single-use link for Ada Lovelace?")
        asking.get_by_label("Reason").fill("Wrong address")
        asking.get_by_role("button", name="Revoke it").click()
        expect(page.locator("[data-toast]")).to_contain_text("Revoked the single-use link for Ada Lovelace.")
        expect(page).to_have_url(f"{windows.live_server.base_url}/links/{link['id']}?q=ada")
        expect(row).to_contain_text("Revoked")
        assert windows.open_window().request.get(f"/v1/book/{single_use_link['code']}").json()["code"] == "link_revoked"
        row.get_by_role("link", name="Ada Lovelace").click()
        expect(dialog).to_contain_text("Wrong address")


def test_the_view_links_window_has_an_address_of_its_own(windows: BrowserWindows) -> None:
    page = windows.open_window("claire")
    page.goto("/management/managed?sort=name")
    page.get_by_role("link", name="View Links of Product tour").click()
    dialog = page.get_by_role("dialog", name="Product tour")
    expect(dialog.locator("[data-split]")).to_have_count(3)
    window = page.url
    assert "/management/managed/" in window
    page.keyboard.press("Escape")
    expect(page).to_have_url(f"{windows.live_server.base_url}/management/managed?sort=name")
    page.goto(window)
    expect(page.locator("main [data-split]")).to_have_count(3)


LINK_PAGES = {shot.path: shot for shot in PAGES if shot.path.startswith(("/links/", "/management/"))}


@pytest.mark.parametrize("who", sorted({str(shot.who) for shot in LINK_PAGES.values()}))
def test_nothing_is_wider_than_a_phone(windows: BrowserWindows, who: str) -> None:
    page = windows.open_window(who, viewport=PHONE)
    widths = {}
    for shot in (shot for shot in LINK_PAGES.values() if shot.who == who):
        page.goto(shot.path)
        widths[shot.name] = int(str(page.evaluate("document.documentElement.scrollWidth")))
    assert widths
    assert {name: width for name, width in widths.items() if width > PHONE["width"]} == {}
