"""The extension in a real browser against the real server."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.browsing import Live
from tests.browser.extending import Extended, extended


@pytest.fixture
def fresh(served: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Extended]:
    """A browser with the extension, which nobody has connected yet."""
    with extended(served, tmp_path_factory.mktemp("extension")) as found:
        yield found


def test_connects(fresh: Extended) -> None:
    popup = fresh.connected()
    print(fresh.kept("connection"))
    print(popup.locator("body").inner_text())
    for scheme in ("light", "dark"):
        popup.emulate_media(color_scheme=scheme)
        popup.screenshot(path=f"/tmp/webext/popup-{scheme}.png")
    page = fresh.context.new_page()
    page.goto("chrome://extensions")
    print(
        page.evaluate(
            "chrome.developerPrivate.getExtensionsInfo().then(all => all.map(o => [o.id, o.manifestErrors, o.runtimeErrors, o.installWarnings, o.commands, o.runtimeWarnings]))"
        )
    )
    print(fresh.worker.evaluate("typeof chrome.contextMenus.onClicked.dispatch"))
    expect(popup.get_by_role("row").first).to_be_visible()
