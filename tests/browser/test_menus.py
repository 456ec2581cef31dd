"""Menus stay at their buttons while things scroll."""

from playwright.sync_api import Locator, expect

from tests.browser.browsing import TWO_FRAMES, BrowserWindows


def measure_top(locator: Locator) -> float:
    """How far below the top of the window a thing is, in pixels."""
    bounding_box = locator.bounding_box()
    assert bounding_box
    return bounding_box["y"]


def test_a_menu_goes_with_its_button_and_closes_with_it_out_of_sight(windows: BrowserWindows) -> None:
    page = windows.open_window("julio", viewport={"width": 1440, "height": 900})
    page.goto("/links")
    page.evaluate("document.body.style.paddingBottom = '3000px'")
    button = page.get_by_role("button", name="More ways to copy").first
    button.evaluate("(element) => element.scrollIntoView({block: 'center'})")
    button.click()
    menu = page.get_by_role("menu", name="More ways to copy")
    expect(menu).to_be_visible()
    top_before, distance = measure_top(button), measure_top(menu) - measure_top(button)
    page.evaluate("scrollBy(0, 30)")
    page.evaluate(TWO_FRAMES)
    expect(menu).to_be_visible()
    assert measure_top(button) < top_before
    assert measure_top(menu) - measure_top(button) == distance
    expect(button).to_have_attribute("aria-expanded", "true")
    page.evaluate("scrollBy(0, 4000)")
    expect(menu).to_be_hidden()
    expect(button).to_have_attribute("aria-expanded", "false")
