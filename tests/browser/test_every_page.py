"""What holds of every page: no axe violation in light and dark, no error on the console, nothing from elsewhere."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from api.clock import read_clock
from api.demo.organisation import PEOPLE
from projections.following.positions import read_positions
from tests.browser.browsing import PHONE, BrowserWindows, LiveServer, PageGuard, find_overflow, find_violations
from tests.browser.screenshots import PAGES, Screenshot

WIDTHS = (1440, 1024, 768, 390, 320)
# texts with letters that read from right to left, outside of an element that isolates them
FIND_MIXED_TEXT = """() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const texts = [];
    while (walker.nextNode()) {
        const isMixed = /\\p{Script=Hebrew}|\\p{Script=Arabic}/u.test(walker.currentNode.data);
        if (isMixed && !walker.currentNode.parentElement.closest("bdi, option, textarea, script, [hidden]"))
            texts.push(walker.currentNode.data.trim());
    }
    return texts;
}"""


def find_last_position(live: LiveServer) -> int:
    """The last position of the log."""
    return read_positions(live.services.database).head


@pytest.fixture(scope="module")
def shared_windows(live_server: LiveServer, chromium: Browser) -> Iterator[BrowserWindows]:
    """One window for each person, shared by all pages that they look at."""
    browser_windows = BrowserWindows(live_server, chromium, PageGuard(live_server.base_url))
    yield browser_windows
    browser_windows.close_windows()
    assert browser_windows.guard.problems == []


@pytest.fixture
def guarded_windows(shared_windows: BrowserWindows) -> Iterator[BrowserWindows]:
    """The shared windows. Asserts that no page caused a problem in them."""
    yield shared_windows
    shared_windows.guard.expected.clear()
    problems, shared_windows.guard.problems = shared_windows.guard.problems, []
    assert problems == []


@pytest.mark.parametrize("shot", PAGES, ids=lambda shot: shot.name)
def test_is_accessible_and_quiet(guarded_windows: BrowserWindows, shot: Screenshot) -> None:
    guarded_windows.guard.expect_message("status of 4(04|10|12|22)") if shot.is_refusal else None
    page = guarded_windows.share_window(shot.who)
    position_before = find_last_position(guarded_windows.live_server)
    page.goto(shot.path)
    assert page.evaluate("document.readyState") == "complete"
    assert (
        find_last_position(guarded_windows.live_server) == position_before
    )  # looking, scripts and all, changes nothing
    if shot.prepare:
        shot.prepare(page)
    assert find_violations(page, "light") == []
    assert [place for width in WIDTHS for place in find_overflow(page, width)] == []
    assert find_violations(page, "dark", every_rule=True) == []  # at the last width, 320 px
    assert page.evaluate(FIND_MIXED_TEXT) == []
    assert page.title().endswith("· Oncelink")


def test_is_accessible_on_a_phone(windows: BrowserWindows) -> None:
    page = windows.open_window("julio", viewport=PHONE)
    page.goto("/links")
    page.get_by_role("button", name="Open the navigation").click()
    assert find_violations(page, "light") == []


class TestSigningIn:
    """As a person does it."""

    def test_by_the_button_of_the_link(self, windows: BrowserWindows) -> None:
        code = windows.live_server.services.api_keys.create_sign_in_code(PEOPLE["julio"].id, read_clock())
        page = windows.open_window()
        page.goto("/links?status=active")
        expect(page).to_have_url(f"{windows.live_server.base_url}/sign-in?next=/links%3Fstatus%3Dactive")
        page.goto(f"/sign-in/{code}")
        page.get_by_role("button", name="Sign in to Oncelink").click()
        expect(page.get_by_role("heading", name="My Links")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("menuitem", name="On this device").click()
        expect(page.locator("[data-toast]")).to_contain_text("You are signed out")
        page.goto("/links")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()

    def test_asking_for_a_link(self, windows: BrowserWindows) -> None:
        page = windows.open_window()
        page.goto("/sign-in")
        page.get_by_label("E-mail address").fill("nobody@nexora.example")
        page.get_by_role("button", name="Mail me a sign-in link").click()
        expect(page.get_by_role("heading", name="No mail was sent")).to_be_visible()


def read_background(page: Page) -> str:
    """The colour behind a page."""
    return str(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))


class TestColours:
    """Light, dark, or as the system."""

    def test_are_remembered(self, windows: BrowserWindows) -> None:
        page = windows.open_window("julio", color_scheme="light")
        page.goto("/links")
        light_colour = read_background(page)
        page.get_by_role("button", name="Dark").click()
        dark_colour = read_background(page)
        assert dark_colour != light_colour
        page.goto("/links/library")
        assert read_background(page) == dark_colour
        expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
        page.get_by_role("button", name="As the system").click()
        assert read_background(page) == light_colour

    def test_follow_the_system(self, windows: BrowserWindows) -> None:
        colours = set()
        for scheme in ("light", "dark"):
            page = windows.open_window("julio", color_scheme=scheme)
            page.goto("/links")
            colours.add(read_background(page))
        assert len(colours) == 2


def test_motion_stops_where_it_is_not_wanted(windows: BrowserWindows) -> None:
    page = windows.open_window("julio", reduced_motion="reduce")
    page.goto("/links")
    assert (
        float(str(page.evaluate("parseFloat(getComputedStyle(document.querySelector('.btn')).transitionDuration)")))
        < 0.001
    )


def read_focus_outline(page: Page) -> str:
    """The outline of what has the focus."""
    return str(page.evaluate("getComputedStyle(document.activeElement).outlineStyle"))


def test_focus_is_visible_and_the_navigation_can_be_skipped(windows: BrowserWindows) -> None:
    page = windows.open_window("julio")
    page.goto("/links")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert read_focus_outline(page) != "none"
    assert page.evaluate("document.activeElement.closest('main') !== null")


FIND_DAY_COLOURS = """month => [...month.shadowRoot.querySelectorAll('button')].map(
    (day) => [day.getAttribute('aria-pressed') === 'true', getComputedStyle(day).backgroundColor])"""


def test_forced_colours_show_what_is_chosen(windows: BrowserWindows) -> None:
    page = windows.open_window("claire", forced_colors="active")
    page.goto("/meeting-log")
    for element in (".nav-item", ".view"):
        chosen = read_own_background(page, f"{element}[aria-current]")
        assert chosen != read_own_background(page, f"{element}:not([aria-current])"), element
    page.goto("/book/julio")
    page.locator("[data-picker][data-ready]").wait_for()
    chosen = read_own_background(page, "[data-clock] [aria-pressed=true]")
    assert chosen != read_own_background(page, "[data-clock] [aria-pressed=false]")
    colours = page.locator("calendar-month").evaluate(FIND_DAY_COLOURS)
    chosen_colours = {colour for is_chosen, colour in colours if is_chosen}
    assert chosen_colours
    assert chosen_colours.isdisjoint({colour for is_chosen, colour in colours if not is_chosen})
    page.locator("summary.zone-now").click()
    page.get_by_role("option").nth(1).wait_for()
    chosen = read_own_background(page, "[aria-selected=true]")
    assert chosen != read_own_background(page, "[aria-selected=false]")


def read_own_background(page: Page, selector: str) -> str:
    """The background of the first element that a selector finds."""
    return str(page.locator(selector).first.evaluate("element => getComputedStyle(element).backgroundColor"))
