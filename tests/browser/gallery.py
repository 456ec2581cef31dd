"""The six pictures of the README, into docs/gallery/: `python -m tests.browser.gallery`."""

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from api.demo.demo import run_sample_database
from api.settings import read_settings
from tests.browser.browsing import BrowserWindows, PageGuard, run_browser, run_live_server
from tests.browser.screenshots import PAGES, wait_for_lists

FOLDER = Path("docs/gallery")
PICTURE_SIZE = {"width": 1280, "height": 800}
PICTURES = {
    "book": "light",
    "my-links-menu": "light",
    "link-edit": "light",
    "meeting-log": "dark",
    "timeline": "light",
    "usage": "dark",
}


def take_pictures() -> None:
    """Takes them of a sample organisation made for them."""
    FOLDER.mkdir(exist_ok=True)
    shots = {shot.name: shot for shot in PAGES}
    with tempfile.TemporaryDirectory() as folder:
        settings = read_settings(data_dir=Path(folder) / "data", database_url="")
        with (
            run_sample_database(settings, fresh=False) as (running, _),
            run_live_server(running) as live_server,
            sync_playwright() as driver,
            run_browser(driver) as chromium,
        ):
            wait_for_lists(live_server)
            windows = BrowserWindows(live_server, chromium, PageGuard(live_server.base_url))
            for name, scheme in PICTURES.items():
                shot = shots[name]
                page = windows.open_window(
                    shot.who, viewport=PICTURE_SIZE, color_scheme=scheme, reduced_motion="reduce"
                )
                page.goto(shot.path)
                page.evaluate("document.fonts.ready")
                if shot.prepare:
                    shot.prepare(page)
                page.screenshot(path=FOLDER / f"{name}.png")


if __name__ == "__main__":
    take_pictures()
