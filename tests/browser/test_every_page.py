"""What holds of every page: no axe violation in light and dark, no error on the console, nothing from elsewhere."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from api.clock import now
from api.demo.organisation import PEOPLE
from projections.following.positions import position
from tests.browser.browsing import PHONE, Browsing, Guard, Live, violations
from tests.browser.screenshots import PAGES, Shot


def head(live: Live) -> int:
    """The last position of the log."""
    return position(live.oncelink.database).head


@pytest.fixture(scope="module")
def windows(served: Live, chromium: Browser) -> Iterator[Browsing]:
    """One window for each person, for all the pages that they look at."""
    found = Browsing(served, chromium, Guard(served.base_url))
    yield found
    found.close()
    assert found.guard.found == []


@pytest.fixture
def same(windows: Browsing) -> Iterator[Browsing]:
    """Those windows; nothing may have gone wrong in them (what is heard later fails the test that follows)."""
    yield windows
    windows.guard.expected.clear()
    found, windows.guard.found = windows.guard.found, []
    assert found == []


@pytest.mark.parametrize("shot", PAGES, ids=lambda shot: shot.name)
def test_is_accessible_and_quiet(same: Browsing, shot: Shot) -> None:
    same.guard.expect("status of 4(04|10|12|22)") if shot.refused else None
    page = same.same_window(shot.who)
    before = head(same.live)
    page.goto(shot.path)
    assert page.evaluate("document.readyState") == "complete"
    assert head(same.live) == before  # looking, scripts and all, changes nothing
    if shot.before:
        shot.before(page)
    assert [found for scheme in ("light", "dark") for found in violations(page, scheme)] == []
    assert page.title().endswith("· Oncelink")


def test_is_accessible_on_a_phone(browsing: Browsing) -> None:
    page = browsing.window("julio", viewport=PHONE)
    page.goto("/links")
    page.get_by_role("button", name="Open the navigation").click()
    assert violations(page, "light") == []


class TestSigningIn:
    """As a person does it."""

    def test_by_the_button_of_the_link(self, browsing: Browsing) -> None:
        code = browsing.live.oncelink.keys.sign_in_code(PEOPLE["julio"].id, now())
        page = browsing.window()
        page.goto("/links?status=active")
        expect(page).to_have_url(f"{browsing.live.base_url}/sign-in?next=/links%3Fstatus%3Dactive")
        page.goto(f"/sign-in/{code}")
        page.get_by_role("button", name="Sign in to Oncelink").click()
        expect(page.get_by_role("heading", name="My Links")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("menuitem", name="On this device").click()
        expect(page.locator("[data-toast]")).to_contain_text("You are signed out")
        page.goto("/links")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()

    def test_asking_for_a_link(self, browsing: Browsing) -> None:
        page = browsing.window()
        page.goto("/sign-in")
        page.get_by_label("E-mail address").fill("nobody@nexora.example")
        page.get_by_role("button", name="Mail me a sign-in link").click()
        expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()


def background(page: Page) -> str:
    """The colour behind a page."""
    return str(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))


class TestColours:
    """Light, dark, or as the system."""

    def test_are_remembered(self, browsing: Browsing) -> None:
        page = browsing.window("julio", color_scheme="light")
        page.goto("/links")
        light = background(page)
        page.get_by_role("button", name="Dark").click()
        dark = background(page)
        assert dark != light
        page.goto("/links/library")
        assert background(page) == dark
        expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
        page.get_by_role("button", name="As the system").click()
        assert background(page) == light

    def test_follow_the_system(self, browsing: Browsing) -> None:
        found = set()
        for scheme in ("light", "dark"):
            page = browsing.window("julio", color_scheme=scheme)
            page.goto("/links")
            found.add(background(page))
        assert len(found) == 2


def test_motion_stops_where_it_is_not_wanted(browsing: Browsing) -> None:
    page = browsing.window("julio", reduced_motion="reduce")
    page.goto("/links")
    assert (
        float(str(page.evaluate("parseFloat(getComputedStyle(document.querySelector('.btn')).transitionDuration)")))
        < 0.001
    )


def focused(page: Page) -> str:
    """The outline of what has the focus."""
    return str(page.evaluate("getComputedStyle(document.activeElement).outlineStyle"))


def test_focus_is_visible_and_the_navigation_can_be_skipped(browsing: Browsing) -> None:
    page = browsing.window("julio")
    page.goto("/links")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert focused(page) != "none"
    assert page.evaluate("document.activeElement.closest('main') !== null")
