"""The six pictures of the README, into docs/gallery/: `python -m tests.browser.gallery`."""

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from api.demo.demo import furnished
from api.settings import read_settings
from tests.browser.browsing import Browsing, Guard, browser, live
from tests.browser.screenshots import PAGES, wait_for_lists

FOLDER = Path("docs/gallery")
SIZE = {"width": 1280, "height": 800}
PICTURES = {
    "book": "light",
    "my-links-menu": "light",
    "link-edit": "light",
    "meeting-log": "dark",
    "timeline": "light",
    "usage": "dark",
}


def main() -> None:
    """Takes them of a sample organisation made for them."""
    FOLDER.mkdir(exist_ok=True)
    shots = {shot.name: shot for shot in PAGES}
    with tempfile.TemporaryDirectory() as folder:
        settings = read_settings(data_dir=Path(folder) / "data", database_url="")
        with (
            furnished(settings, fresh=False) as (running, _),
            live(running) as served,
            sync_playwright() as driver,
            browser(driver) as chromium,
        ):
            wait_for_lists(served)
            browsing = Browsing(served, chromium, Guard(served.base_url))
            for name, scheme in PICTURES.items():
                shot = shots[name]
                page = browsing.window(shot.who, viewport=SIZE, color_scheme=scheme, reduced_motion="reduce")
                page.goto(shot.path)
                page.evaluate("document.fonts.ready")
                if shot.before:
                    shot.before(page)
                page.screenshot(path=FOLDER / f"{name}.png")


if __name__ == "__main__":
    main()
