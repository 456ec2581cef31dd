"""Screenshots of every page, light, dark and phone, into screenshots/: `python -m tests.browser.screenshots [WORD…]`.

With words, only pages whose name has one of them. Each page is a line of PAGES: its name, its path, and who looks.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from api.clock import read_clock
from api.demo.demo import run_sample_database
from api.demo.organisation import FOUNDER, JULIO, PEOPLE
from api.settings import OUR_EXTENSION, read_settings
from projections.following.positions import read_positions
from tests.browser.browsing import PHONE, WIDE, BrowserWindows, LiveServer, PageGuard, run_browser, run_live_server
from tests.browser.extending import run_extension
from tests.browser.extreme_values import LONG_LINK, LONG_PERSON, LONG_SLUG, LONG_TYPE, add_extreme_values

FOLDER = Path("screenshots")
YESTERDAY = read_clock().date() - timedelta(days=1)
LINK = JULIO.derive_created_id("julio")
TEAM = PEOPLE["claire"].derive_created_id("sales-engineering")
TYPE = FOUNDER.derive_created_id("discovery")
TOUR = PEOPLE["claire"].derive_created_id("product-tour")
PROPERTIES = f"/links/new/properties?meeting_type_id={TYPE}"
ID = OUR_EXTENSION.removeprefix("chrome-extension://")
VARIANTS = {"light": ("light", WIDE), "dark": ("dark", WIDE), "phone": ("light", PHONE)}


@dataclass(frozen=True)
class Screenshot:
    """A page to take a picture of. `prepare` does something on the page first."""

    name: str
    path: str
    who: str | None = "julio"
    prepare: Callable[[Page], object] | None = None
    is_refusal: bool = False  # the answer's status says so, and the browser's console too


def open_split(page: Page) -> None:
    """Opens the menu of the first split button."""
    page.locator(".split-more").first.click()


def open_recipient_dialog(page: Page) -> None:
    """Opens the dialog for one recipient."""
    open_split(page)
    page.locator("[data-single-use-for]:visible").click()


def show_recipients_preview(page: Page) -> None:
    """Looks at a list with a duplicate, lines that cannot be read, long and right-to-left names."""
    names = (
        "x" * 120,
        "שרה לוי, sara@list.example",
        "Grace 🚀 Hopper, grace@list.example",
        "Again, GRACE@list.example",
    )
    page.get_by_label("Recipients, one a line").fill(
        "\n".join((*names, f"Bob, {'nowhere' * 15}@", "A,B,c@list.example"))
    )
    page.get_by_role("button", name="Look at the list").click()
    page.get_by_role("button", name="Make").wait_for()


def make_recipients(page: Page) -> None:
    """Makes the links of a list."""
    show_recipients_preview(page)
    for box in page.get_by_role("checkbox", name="Make a second link").all():  # they hold links from another picture
        box.check()
    page.get_by_role("button", name="Make").click()
    page.get_by_role("link", name="Download as CSV").wait_for()


def copy_single_use_link(page: Page) -> None:
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


def open_reassign_confirmation(page: Page) -> None:
    """Chooses somebody, and is asked before the meeting is given away."""
    open_reassign(page)
    page.locator("button[name=host_id]").first.click()
    page.get_by_label("Message to").fill("I am away that week, and leave you in the best hands.")


def select_two(page: Page) -> None:
    """Selects two rows."""
    for tick in page.locator("input[name=ids]").all()[:2]:
        tick.check()


def open_move(page: Page) -> None:
    """Opens the first meeting of the list, and looks where it could be moved to."""
    open_meeting(page)
    page.get_by_role("link", name="Reschedule").click()
    page.locator("[aria-current=time]").wait_for()


def open_move_confirmation(page: Page) -> None:
    """Chooses a time, and is asked before the meeting is moved."""
    open_move(page)
    page.locator("button[name=start]").last.click()
    page.get_by_label("Message to").wait_for()


def open_no_show(page: Page) -> None:
    """Opens the first meeting of the list, and is asked whether its guest did not come."""
    open_meeting(page)
    page.get_by_role("link", name="No-show").click()
    page.get_by_role("button", name="Mark as a no-show").wait_for()


def show_mail_previews(page: Page) -> None:
    """Writes a follow-up, and looks how the mails read."""
    page.locator("#name").fill("Introduction")
    page.locator("#message").fill("Thank you for your time!\nThe slides are on our page.")
    page.get_by_role("button", name="Preview the mails").click()
    page.get_by_text("Subject: Following up").wait_for()


def open_timeline(page: Page) -> None:
    """Opens the stream of the first event."""
    page.locator("tbody th a").first.click()
    page.locator(".slider").wait_for()


def wait_for_month(page: Page) -> None:
    """Waits for the guest's month."""
    page.locator("[data-picker][data-ready]").wait_for()


def choose_time(page: Page) -> None:
    """Chooses the last time of the day that is shown, which may be the only one that is left of today."""
    wait_for_month(page)
    page.locator("a.time").last.click()


def choose_zone(page: Page) -> None:
    """Looks for a time zone."""
    wait_for_month(page)
    page.locator("summary.zone-now").click()
    page.get_by_role("combobox").fill("new")


def book_meeting(page: Page) -> None:
    """Books a meeting."""
    choose_time(page)
    page.get_by_label("Name").fill("Grace Guest")
    page.get_by_label("E-mail").fill("grace@acme.example")
    page.get_by_role("button", name="Confirm booking").click()
    page.wait_for_url("**/m/**")


def open_reschedule(page: Page) -> None:
    """Books a meeting, and looks where it could be moved to."""
    book_meeting(page)
    page.get_by_role("link", name="Reschedule").click()
    wait_for_month(page)


def open_cancel(page: Page) -> None:
    """Books a meeting, and is asked whether to cancel it."""
    book_meeting(page)
    page.get_by_role("link", name="Cancel meeting").click()


def publish_link(page: Page) -> None:
    """Sends the wizard's form."""
    page.get_by_role("button", name="Publish the link").click()
    page.locator("#slug[aria-invalid]").wait_for()


def save_with_conflict(page: Page) -> None:
    """Saves an edit of a link that is changed meanwhile."""
    headers = {"Origin": page.url.split("/links")[0]}
    link = page.request.post("/v1/links", data={"name": "Coffee", "meeting_type_id": str(TYPE)}, headers=headers).json()
    page.goto(f"/links/{link['id']}/edit")
    page.locator("#name").fill("Coffee with Julio")
    page.locator("#expires_at").fill("2030-06-28T18:00")
    other_edit = {"name": "Coffee break", "co_host_ids": [str(PEOPLE["mira"].id)]}
    assert page.request.patch(f"/v1/links/{link['id']}", data=other_edit, headers=headers).status == 200
    page.get_by_role("button", name="Save", exact=True).click()
    page.locator(".compare").wait_for()


def open_single_use_link(page: Page) -> None:
    """Opens the first single-use link."""
    page.locator("#list tbody th a").first.click()
    page.locator("#question[open]").wait_for()


def open_revoke(page: Page) -> None:
    """Asks to revoke the first unused single-use link."""
    page.locator("#list tr", has_text="Active").locator("[data-menu]").first.click()
    page.locator("a[href*=revoke]:visible").click()
    page.locator("#question[open]").wait_for()


def open_delete(page: Page) -> None:
    """Asks to delete the link with the longest name."""
    page.locator(f"#link-{LONG_LINK} [data-menu^=more]").click()
    page.locator("a[href*=delete]:visible").click()
    page.locator("#question[open]").wait_for()


def choose_other_meeting_type(page: Page) -> None:
    """Changes a form, so that it says what that touches."""
    page.locator("#meeting_type_id").select_option(index=1)
    page.locator(".touched-changes").wait_for()


def remove_host(page: Page) -> None:
    """Takes a host off a managed link's form."""
    page.locator("input[name=host_ids]:checked").first.uncheck()
    page.locator(".touched-changes").wait_for()


def open_view_links(page: Page) -> None:
    """Opens the View Links window."""
    page.get_by_role("link", name="View Links").first.click()
    page.locator("#question[open]").wait_for()


PAGES = [
    Screenshot("book", "/book/julio-deep-dive", None, wait_for_month),
    Screenshot("book-zone", "/book/julio-deep-dive", None, choose_zone),
    Screenshot("book-details", "/book/julio-deep-dive", None, choose_time),
    Screenshot("booked", "/book/julio", None, book_meeting),
    Screenshot("booked-reschedule", "/book/julio", None, open_reschedule),
    Screenshot("booked-cancel", "/book/julio", None, open_cancel),
    Screenshot("link-unknown", "/s/unknown", None, is_refusal=True),
    Screenshot("sign-in", "/sign-in", None),
    Screenshot("sign-in-gone", "/sign-in/unknown", None, is_refusal=True),
    Screenshot("welcome", "/welcome?next=/links"),
    Screenshot("my-links", "/links"),
    Screenshot("my-links-empty", "/links?q=zebra"),
    Screenshot("my-links-menu", "/links", prepare=open_split),
    Screenshot("my-links-somebody", "/links", prepare=open_recipient_dialog),
    Screenshot("my-links-toast", "/links", prepare=copy_single_use_link),
    Screenshot("library", "/links/library", "claire"),
    Screenshot("link-wizard-type", "/links/new"),
    Screenshot("link-wizard-properties", f"{PROPERTIES}&name=Roadmap+talk"),
    Screenshot(
        "link-wizard-error",
        f"/links/new/properties?meeting_type_id={TYPE}&name=Roadmap&slug=julio",
        prepare=publish_link,
        is_refusal=True,
    ),
    Screenshot("link-wizard-finished", f"/links/new/{LINK}"),
    Screenshot("link", f"/links/{LINK}"),
    Screenshot("link-single-use", f"/links/{LINK}", prepare=open_single_use_link),
    Screenshot("link-revoke", f"/links/{LINK}", prepare=open_revoke),
    Screenshot("link-recipients", f"/links/{LINK}/recipients"),
    Screenshot("link-recipients-preview", f"/links/{LINK}/recipients", prepare=show_recipients_preview),
    Screenshot("link-recipients-made", f"/links/{LINK}/recipients", prepare=make_recipients),
    Screenshot("single-use-links", "/single-use", prepare=select_two),
    Screenshot("link-edit", f"/links/{LINK}/edit", prepare=choose_other_meeting_type),
    Screenshot("link-conflict", "/links", prepare=save_with_conflict, is_refusal=True),
    Screenshot("all-links", "/management/links", "claire"),
    Screenshot("teams", "/teams", "claire"),
    Screenshot("team", f"/teams/{TEAM}", "claire"),
    Screenshot("team-recount", f"/teams/{TEAM}/recount", "claire"),
    Screenshot("team-edit", f"/teams/{TEAM}/edit", "claire"),
    Screenshot("team-calendar", f"/teams/{TEAM}/calendar", "claire"),
    Screenshot("managed-links", "/management/managed", "claire"),
    Screenshot("view-links", "/management/managed", "claire", open_view_links),
    Screenshot(
        "managed-wizard", f"/management/managed/new/properties?meeting_type_id={TYPE}&name=Onboarding", "claire"
    ),
    Screenshot("managed-wizard-finished", f"/management/managed/new/{TOUR}", "claire"),
    Screenshot("managed-edit", f"/management/managed/{TOUR}/edit", "claire", remove_host),
    Screenshot("question", f"/links/{JULIO.derive_created_id('julio')}/delete"),
    Screenshot("meeting-log", "/meeting-log", "claire"),
    Screenshot("meeting-log-filters", "/meeting-log?link_type=single_use&hide_single_use=true", "claire"),
    Screenshot("meeting-log-hidden", "/meeting-log?hide_single_use=true&starts_from=2026-01-01", "claire"),
    Screenshot("meeting", "/meeting-log", "claire", prepare=open_meeting),
    Screenshot(
        "reassign",
        "/meeting-log?starts_from=2026-01-01&status=scheduled&sort=-starts_at",
        "claire",
        prepare=open_reassign,
    ),
    Screenshot(
        "reassign-confirm",
        "/meeting-log?starts_from=2026-01-01&status=scheduled&sort=-starts_at",
        "claire",
        prepare=open_reassign_confirmation,
    ),
    Screenshot(
        "move", "/meeting-log?starts_from=2026-01-01&status=scheduled&sort=-starts_at", "claire", prepare=open_move
    ),
    Screenshot(
        "move-confirm",
        "/meeting-log?starts_from=2026-01-01&status=scheduled&sort=-starts_at",
        "claire",
        prepare=open_move_confirmation,
    ),
    Screenshot("meeting-log-not-booked", "/meeting-log?status=not_booked", "claire"),
    Screenshot(
        "no-show", f"/meeting-log?status=scheduled&sort=-starts_at&starts_to={YESTERDAY}", "claire", open_no_show
    ),
    Screenshot("handing-over", "/management/people", "claire"),
    Screenshot("handing-over-person", f"/management/people/{JULIO.id}", "claire"),
    Screenshot("verification", "/history/verification", "ingrid"),
    Screenshot("history", "/history", "tomasz"),
    Screenshot("why", f"/links/{LINK}/why"),
    Screenshot("extreme-why", f"/links/{LONG_LINK}/why", "claire"),
    Screenshot("webhooks", "/admin/webhooks", "claire"),
    Screenshot("all-keys", "/admin/keys", "tomasz"),
    Screenshot("access-log", "/access-log", "ingrid"),
    Screenshot("sign-in-refused", "/sign-in/oidc", None, is_refusal=True),
    Screenshot("people", "/admin/people", "tomasz"),
    Screenshot("person", f"/admin/people/{JULIO.id}", "tomasz"),
    Screenshot("person-new", "/admin/people/new", "tomasz"),
    Screenshot("deactivate", f"/admin/people/{JULIO.id}/deactivate", "tomasz"),
    Screenshot("meeting-types", "/admin/meeting-types", "tomasz"),
    Screenshot("meeting-type-new", "/admin/meeting-types/new", "tomasz"),
    Screenshot("organisation", "/admin/organisation", "tomasz"),
    Screenshot("meeting-type-mails", "/admin/meeting-types/new", "tomasz", show_mail_previews),
    Screenshot("mail", "/admin/mail", "tomasz"),
    Screenshot("read-models", "/admin/read-models", "tomasz"),
    Screenshot("usage", "/usage", "claire"),
    Screenshot("settings", "/settings"),
    Screenshot("settings-extension", f"/settings/extension?extension={ID}&challenge={'a' * 43}"),
    Screenshot("timeline", "/history?type=Rescheduled", "tomasz", prepare=open_timeline),
    Screenshot("questions", "/book/julio-deep-dive", None, choose_time),
    Screenshot("extreme-questions", f"/book/{LONG_SLUG}", None, choose_time),
    Screenshot("extreme-book", f"/book/{LONG_SLUG}", None, wait_for_month),
    Screenshot("extreme-booked", f"/book/{LONG_SLUG}", None, book_meeting),
    Screenshot("extreme-link", f"/links/{LONG_LINK}"),
    Screenshot("extreme-link-edit", f"/links/{LONG_LINK}/edit", prepare=choose_other_meeting_type),
    Screenshot("extreme-delete", "/links", prepare=open_delete),
    Screenshot("extreme-person", f"/admin/people/{LONG_PERSON}", "tomasz"),
    Screenshot("extreme-meeting-type", f"/admin/meeting-types/{LONG_TYPE}", "tomasz"),
    Screenshot("extreme-meeting", "/meeting-log?status=cancelled&q=Wolfe", "claire", prepare=open_meeting),
    Screenshot("extreme-timeline", "/history?type=MeetingCancelled", "tomasz", prepare=open_timeline),
    Screenshot("not-found", "/nowhere", "tomasz", is_refusal=True),
]


def take_screenshots(windows: BrowserWindows, shot: Screenshot) -> None:
    """Pictures of one page in every look."""
    for variant, (scheme, size) in VARIANTS.items():
        page = windows.open_window(
            shot.who, viewport=size, color_scheme=scheme, device_scale_factor=1, reduced_motion="reduce"
        )
        page.goto(shot.path)
        page.evaluate("document.fonts.ready")
        if shot.prepare:
            shot.prepare(page)
        page.screenshot(path=FOLDER / f"{shot.name}-{variant}.png", full_page=variant != "phone" and not shot.prepare)
        page.context.close()


def take_selected_screenshots(patterns: list[str]) -> None:
    """Takes the pictures of a sample organisation made for them."""
    FOLDER.mkdir(exist_ok=True)
    shots = [shot for shot in PAGES if not patterns or any(pattern in shot.name for pattern in patterns)]
    with tempfile.TemporaryDirectory() as folder:
        # nobody answers there: the page has the button, and the way there fails
        provider = {"oidc_issuer": "http://127.0.0.1:9", "oidc_client_id": "x", "oidc_provider_name": "Nexora ID"}
        settings = read_settings(data_dir=Path(folder) / "data", database_url="", **provider)
        with run_sample_database(settings, fresh=False) as (running, _), run_live_server(running) as live_server:
            add_extreme_values(live_server.services, read_clock())
            wait_for_lists(live_server)
            take_pages(live_server, shots)
            if not patterns or any(pattern in "extension" for pattern in patterns):
                take_extension(live_server, Path(folder))


def take_pages(live_server: LiveServer, shots: list[Screenshot]) -> None:
    """Pictures of pages, and what went wrong in them."""
    guard = PageGuard(live_server.base_url)
    guard.expect_message("status of (4|503)")
    with sync_playwright() as driver, run_browser(driver) as chromium:
        for shot in shots:
            take_screenshots(BrowserWindows(live_server, chromium, guard), shot)
            print(shot.name)
    for problem in sorted(set(guard.problems)):
        print("!", problem)


def take_extension(live_server: LiveServer, folder: Path) -> None:
    """Pictures of the extension's popup: its links, and what was made of them."""
    with sync_playwright() as driver, run_extension(driver, live_server, folder) as extension:
        popup = extension.open_connected_popup()
        popup.keyboard.press("Shift+Enter")
        popup.locator(".toast").wait_for()
        popup.locator(".toast").wait_for(state="detached")
        for tab in ("Links", "Single-use"):
            popup.get_by_role("tab", name=tab).click()
            for scheme in ("light", "dark"):
                popup.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                popup.screenshot(path=FOLDER / f"extension-{tab.lower()}-{scheme}.png")
    print("extension")


def wait_for_lists(live_server: LiveServer) -> None:
    """Lets the read models reach the end of the log."""
    while (positions := read_positions(live_server.services.database)).position < positions.head:
        time.sleep(0.05)


if __name__ == "__main__":
    take_selected_screenshots(sys.argv[1:])
