"""Screenshots of every page, light, dark and phone, into screenshots/: `python -m tests.browser.screenshots [WORD…]`.

With words, only pages whose name has one of them. Each page is a line of PAGES: its name, its path, and who looks.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from api.demo.demo import furnished
from api.demo.organisation import FOUNDER, JULIO, PEOPLE
from api.settings import OUR_EXTENSION, read_settings
from projections.following.positions import position
from tests.browser.browsing import PHONE, WIDE, Browsing, Guard, Live, browser, live
from tests.browser.extending import extended

FOLDER = Path("screenshots")
LINK = JULIO.created("julio")
TYPE = FOUNDER.created("discovery")
TOUR = PEOPLE["claire"].created("product-tour")
PROPERTIES = f"/links/new/properties?meeting_type_id={TYPE}"
ID = OUR_EXTENSION.removeprefix("chrome-extension://")
LOOKS = {"light": ("light", WIDE), "dark": ("dark", WIDE), "phone": ("light", PHONE)}


@dataclass(frozen=True)
class Shot:
    """A page to take a picture of; `before` does something on it first."""

    name: str
    path: str
    who: str | None = "julio"
    before: Callable[[Page], object] | None = None
    refused: bool = False  # the answer's status says so, and the browser's console too


def open_split(page: Page) -> None:
    """Opens the menu of the first split button."""
    page.locator(".split-more").first.click()


def open_for_somebody(page: Page) -> None:
    """Opens the dialog for one recipient."""
    open_split(page)
    page.locator("[data-single-use-for]:visible").click()


def copy_single_use(page: Page) -> None:
    """Makes a single-use link, so that a toast tells of it."""
    open_split(page)
    page.locator("[data-single-use]:visible").click()
    page.locator("[data-toast]").wait_for()


def open_meeting(page: Page) -> None:
    """Opens the first meeting of the log."""
    page.locator("tbody th a").first.click()
    page.locator(".story").wait_for()


def open_reassign(page: Page) -> None:
    """Opens the first meeting of the list, and asks who else could host it."""
    open_meeting(page)
    page.get_by_role("link", name="Reassign").click()
    page.locator("button[name=host_id]").first.wait_for()


def open_timeline(page: Page) -> None:
    """Opens the stream of the first event."""
    page.locator("tbody th a").first.click()
    page.locator(".slider").wait_for()


def ready(page: Page) -> None:
    """Waits for the guest's month."""
    page.locator("[data-picker][data-ready]").wait_for()


def choose_time(page: Page) -> None:
    """Chooses the last time of the day that is shown, which may be the only one that is left of today."""
    ready(page)
    page.locator("a.time").last.click()


def choose_zone(page: Page) -> None:
    """Looks for a time zone."""
    ready(page)
    page.locator("summary.zone-now").click()
    page.get_by_role("combobox").fill("new")


def book(page: Page) -> None:
    """Books a meeting."""
    choose_time(page)
    page.get_by_label("Name").fill("Grace Guest")
    page.get_by_label("E-mail").fill("grace@acme.example")
    page.get_by_role("button", name="Confirm booking").click()
    page.wait_for_url("**/m/**")


def reschedule(page: Page) -> None:
    """Books a meeting, and looks where it could be moved to."""
    book(page)
    page.get_by_role("link", name="Reschedule").click()
    ready(page)


def cancel(page: Page) -> None:
    """Books a meeting, and is asked whether to cancel it."""
    book(page)
    page.get_by_role("link", name="Cancel meeting").click()


def publish(page: Page) -> None:
    """Sends the wizard's form."""
    page.get_by_role("button", name="Publish the link").click()
    page.locator("#slug[aria-invalid]").wait_for()


def save_after_somebody_else(page: Page) -> None:
    """Saves an edit of a link that is changed meanwhile."""
    own = {"Origin": page.url.split("/links")[0]}
    made = page.request.post("/v1/links", data={"name": "Coffee", "meeting_type_id": str(TYPE)}, headers=own).json()
    page.goto(f"/links/{made['id']}/edit")
    page.locator("#name").fill("Coffee with Julio")
    page.locator("#expires_at").fill("2030-06-28T18:00")
    changed = {"name": "Coffee break", "co_host_ids": [str(PEOPLE["mira"].id)]}
    assert page.request.patch(f"/v1/links/{made['id']}", data=changed, headers=own).status == 200
    page.get_by_role("button", name="Save", exact=True).click()
    page.locator(".compare").wait_for()


def show_single_use(page: Page) -> None:
    """Opens the first single-use link."""
    page.locator("#list tbody th a").first.click()
    page.locator("#question[open]").wait_for()


def ask_to_revoke(page: Page) -> None:
    """Asks to revoke the first unused single-use link."""
    page.locator("#list tr", has_text="Active").locator("[data-menu]").first.click()
    page.locator("a[href*=revoke]:visible").click()
    page.locator("#question[open]").wait_for()


def choose_other_type(page: Page) -> None:
    """Changes a form, so that it says what that touches."""
    page.locator("#meeting_type_id").select_option(index=1)
    page.locator(".touched-changes").wait_for()


def take_a_host_off(page: Page) -> None:
    """Takes a host off a managed link's form."""
    page.locator("input[name=host_ids]:checked").first.uncheck()
    page.locator(".touched-changes").wait_for()


def view_links(page: Page) -> None:
    """Opens the View Links window."""
    page.get_by_role("link", name="View Links").first.click()
    page.locator("#question[open]").wait_for()


PAGES = [
    Shot("book", "/book/julio-deep-dive", None, ready),
    Shot("book-zone", "/book/julio-deep-dive", None, choose_zone),
    Shot("book-details", "/book/julio-deep-dive", None, choose_time),
    Shot("booked", "/book/julio", None, book),
    Shot("booked-reschedule", "/book/julio", None, reschedule),
    Shot("booked-cancel", "/book/julio", None, cancel),
    Shot("link-unknown", "/s/unknown", None, refused=True),
    Shot("sign-in", "/sign-in", None),
    Shot("sign-in-gone", "/sign-in/unknown", None, refused=True),
    Shot("my-links", "/links"),
    Shot("my-links-empty", "/links?q=zebra"),
    Shot("my-links-menu", "/links", before=open_split),
    Shot("my-links-somebody", "/links", before=open_for_somebody),
    Shot("my-links-toast", "/links", before=copy_single_use),
    Shot("library", "/links/library", "claire"),
    Shot("link-wizard-type", "/links/new"),
    Shot("link-wizard-properties", f"{PROPERTIES}&name=Roadmap+talk"),
    Shot(
        "link-wizard-error",
        f"/links/new/properties?meeting_type_id={TYPE}&name=Roadmap&slug=julio",
        before=publish,
        refused=True,
    ),
    Shot("link-wizard-finished", f"/links/new/{LINK}"),
    Shot("link", f"/links/{LINK}"),
    Shot("link-single-use", f"/links/{LINK}", before=show_single_use),
    Shot("link-revoke", f"/links/{LINK}", before=ask_to_revoke),
    Shot("link-edit", f"/links/{LINK}/edit", before=choose_other_type),
    Shot("link-conflict", "/links", before=save_after_somebody_else, refused=True),
    Shot("all-links", "/management/links", "claire"),
    Shot("managed-links", "/management/managed", "claire"),
    Shot("view-links", "/management/managed", "claire", view_links),
    Shot("managed-wizard", f"/management/managed/new/properties?meeting_type_id={TYPE}&name=Onboarding", "claire"),
    Shot("managed-wizard-finished", f"/management/managed/new/{TOUR}", "claire"),
    Shot("managed-edit", f"/management/managed/{TOUR}/edit", "claire", take_a_host_off),
    Shot("question", f"/links/{JULIO.created('julio')}/delete"),
    Shot("meeting-log", "/meeting-log", "claire"),
    Shot("meeting-log-filters", "/meeting-log?link_type=single_use&hide_single_use=true", "claire"),
    Shot("meeting-log-hidden", "/meeting-log?hide_single_use=true&starts_from=2026-01-01", "claire"),
    Shot("meeting", "/meeting-log", "claire", before=open_meeting),
    Shot("reassign", "/meeting-log?starts_from=2026-01-01&sort=-starts_at", "claire", before=open_reassign),
    Shot("handing-over", "/management/people", "claire"),
    Shot("handing-over-person", f"/management/people/{JULIO.id}", "claire"),
    Shot("history", "/history", "tomasz"),
    Shot("people", "/admin/people", "tomasz"),
    Shot("person", f"/admin/people/{JULIO.id}", "tomasz"),
    Shot("person-new", "/admin/people/new", "tomasz"),
    Shot("deactivate", f"/admin/people/{JULIO.id}/deactivate", "tomasz"),
    Shot("meeting-types", "/admin/meeting-types", "tomasz"),
    Shot("meeting-type-new", "/admin/meeting-types/new", "tomasz"),
    Shot("read-models", "/admin/read-models", "tomasz"),
    Shot("usage", "/usage", "claire"),
    Shot("settings", "/settings"),
    Shot("settings-extension", f"/settings/extension?extension={ID}&challenge={'a' * 43}"),
    Shot("timeline", "/history?type=Rescheduled", "tomasz", before=open_timeline),
    Shot("not-found", "/nowhere", "tomasz", refused=True),
]


def take(browsing: Browsing, shot: Shot) -> None:
    """Pictures of one page in every look."""
    for look, (scheme, size) in LOOKS.items():
        page = browsing.window(
            shot.who, viewport=size, color_scheme=scheme, device_scale_factor=1, reduced_motion="reduce"
        )
        page.goto(shot.path)
        page.evaluate("document.fonts.ready")
        if shot.before:
            shot.before(page)
        page.screenshot(path=FOLDER / f"{shot.name}-{look}.png", full_page=look != "phone" and not shot.before)
        page.context.close()


def main(words: list[str]) -> None:
    """Takes the pictures of a sample organisation made for them."""
    FOLDER.mkdir(exist_ok=True)
    shots = [shot for shot in PAGES if not words or any(word in shot.name for word in words)]
    with tempfile.TemporaryDirectory() as folder:
        settings = read_settings(data_dir=Path(folder) / "data", database_url="")
        with furnished(settings, fresh=False) as (running, _), live(running) as served:
            wait_for_lists(served)
            take_pages(served, shots)
            if not words or any(word in "extension" for word in words):
                take_extension(served, Path(folder))


def take_pages(served: Live, shots: list[Shot]) -> None:
    """Pictures of pages, and what went wrong in them."""
    guard = Guard(served.base_url)
    guard.expect("status of 4")
    with sync_playwright() as driver, browser(driver) as chromium:
        for shot in shots:
            take(Browsing(served, chromium, guard), shot)
            print(shot.name)
    for problem in sorted(set(guard.found)):
        print("!", problem)


def take_extension(served: Live, folder: Path) -> None:
    """Pictures of the extension's popup: its links, and what was made of them."""
    with sync_playwright() as driver, extended(driver, served, folder) as chrome:
        popup = chrome.connected()
        popup.keyboard.press("Shift+Enter")
        popup.locator(".toast").wait_for()
        popup.locator(".toast").wait_for(state="detached")
        for tab in ("Links", "Single-use"):
            popup.get_by_role("tab", name=tab).click()
            for scheme in ("light", "dark"):
                popup.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                popup.screenshot(path=FOLDER / f"extension-{tab.lower()}-{scheme}.png")
    print("extension")


def wait_for_lists(served: Live) -> None:
    """Lets the read models reach the end of the log."""
    while (where := position(served.oncelink.database)).position < where.head:
        time.sleep(0.05)


if __name__ == "__main__":
    main(sys.argv[1:])
