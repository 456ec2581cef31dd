"""Menus stay at their buttons while things scroll."""

from playwright.sync_api import Locator, expect

from tests.browser.browsing import TWO_FRAMES, Browsing


def top(thing: Locator) -> float:
    """How far below the top of the window a thing is, in pixels."""
    box = thing.bounding_box()
    assert box
    return box["y"]


def test_a_menu_goes_with_its_button_and_closes_with_it_out_of_sight(browsing: Browsing) -> None:
    page = browsing.window("julio", viewport={"width": 1440, "height": 420})
    page.goto("/links")
    page.evaluate("document.body.style.paddingBottom = '3000px'")
    button = page.get_by_role("button", name="More ways to copy").first
    button.scroll_into_view_if_needed()
    button.click()
    menu = page.get_by_role("menu", name="More ways to copy")
    expect(menu).to_be_visible()
    before, distance = top(button), top(menu) - top(button)
    page.evaluate("scrollBy(0, 30)")
    page.evaluate(TWO_FRAMES)
    expect(menu).to_be_visible()
    assert top(button) < before
    assert top(menu) - top(button) == distance
    expect(button).to_have_attribute("aria-expanded", "true")
    page.evaluate("scrollBy(0, 4000)")
    expect(menu).to_be_hidden()
    expect(button).to_have_attribute("aria-expanded", "false")
