"""The menu of editable fields: the link is put at the caret, once, and for whom only when an address was selected."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Playwright, expect

from tests.browser.browsing import LiveServer
from tests.browser.copied_links import book_slot
from tests.browser.extending import ExtensionDriver, run_extension, wait_until
from tests.browser.screenshots import wait_for_lists

LINK = "Discovery call with Julio"
MAIL_PAGE = """<!doctype html><title>Mail</title><h1>ada@acme.example</h1>
<div id="letter" contenteditable="true">Dear ada@acme.example, please choose a time: </div>
<textarea id="area">before after</textarea><input id="line" value="x">
<input id="email" type="email" value="a@b.example"><input id="fixed" readonly value="fixed">
<iframe srcdoc="<div id=inner contenteditable>inner </div>"></iframe>"""
SET_CARET = """([selector, from, to]) => {
    const field = document.querySelector(selector);
    field.focus();
    if (field.setSelectionRange) return field.setSelectionRange(from, to);
    const range = document.createRange();
    range.setStart(field.firstChild, from);
    range.setEnd(field.firstChild, to);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
}"""
PRESS_MENU_ITEM = """async ([link, url, selectionText, inner]) => {
    const [tab] = await chrome.tabs.query({ url });
    const target = { tabId: tab.id, allFrames: true };
    const seen = await chrome.scripting.executeScript({ target, func: () => window !== top });
    const { frameId } = seen.find((one) => one.result === inner);
    chrome.contextMenus.onClicked.dispatch({ menuItemId: link, editable: true, frameId, selectionText }, tab);
}"""
HAS_MENU_ITEM = "async (id) => chrome.contextMenus.update(id, { enabled: true }).then(() => true, () => false)"
URL = re.compile(r"http://127\.0\.0\.1:\d+/s/([\w-]{43})")


@pytest.fixture(scope="module")
def extension(
    driver: Playwright, live_server: LiveServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ExtensionDriver]:
    """One browser for the file, connected."""
    with run_extension(driver, live_server, tmp_path_factory.mktemp("extension")) as driver_of_extension:
        driver_of_extension.open_connected_popup().close()
        yield driver_of_extension
        assert driver_of_extension.problems == []


@pytest.fixture
def mail_page(extension: ExtensionDriver) -> Iterator[Page]:
    """A page with fields to write in."""
    page = extension.context.new_page()
    address = f"{extension.live_server.base_url}/mail"
    page.route(address, lambda route: route.fulfill(body=MAIL_PAGE, content_type="text/html"))
    page.goto(address)
    page.bring_to_front()
    yield page
    page.close()


def find_link_id(extension: ExtensionDriver) -> str:
    """The id that the menu has for the link."""
    return str(next(row["id"] for row in extension.read_storage("links")["rows"] if row["name"] == LINK))


def press_menu_item(
    extension: ExtensionDriver, page: Page, selected_text: str = "", inner: bool = False, link: str | None = None
) -> None:
    """Trigger the menu's item as Chrome does; a test cannot press a menu outside of the page."""
    extension.worker.evaluate(PRESS_MENU_ITEM, [link or find_link_id(extension), page.url, selected_text, inner])


def read_field(page: Page, selector: str) -> str:
    """What is in a field."""
    return str(page.locator(selector).evaluate("field => field.value ?? field.textContent"))


def find_inserted_codes(page: Page, selector: str, count: int = 1) -> list[Any]:
    """Wait for the codes of the links in a field and return them."""
    page.wait_for_function(
        "([selector, count]) => { const field = document.querySelector(selector);"
        " return (field.value ?? field.textContent).split('/s/').length > count; }",
        arg=[selector, count],
    )
    return URL.findall(read_field(page, selector))


def fetch_newest_link(extension: ExtensionDriver, page: Page) -> Any:
    """Fetch the newest single-use link."""
    headers = {"Authorization": f"Bearer {extension.read_storage('connection')['key']}"}
    wait_for_lists(extension.live_server)
    return page.request.get(f"{extension.live_server.base_url}/v1/single-use?limit=1", headers=headers).json()["items"][
        0
    ]


class TestInserting:
    """`Insert a single-use link of …`."""

    def test_at_the_caret_of_a_letter_it_books_exactly_once(self, extension: ExtensionDriver, mail_page: Page) -> None:
        mail_page.evaluate(SET_CARET, ["#letter", 5, 5])
        press_menu_item(extension, mail_page)
        [code] = find_inserted_codes(mail_page, "#letter")
        assert re.fullmatch(
            r"Dear \S+/s/\S{43}ada@acme.example, please choose a time: ", read_field(mail_page, "#letter")
        )
        assert book_slot(mail_page, code, extension.live_server.base_url) == 201
        assert book_slot(mail_page, code, extension.live_server.base_url) == 410
        mail_page.keyboard.press("Control+Z")
        expect(mail_page.locator("#letter")).not_to_contain_text("/s/")

    def test_takes_no_recipient_from_the_page_by_itself(self, extension: ExtensionDriver, mail_page: Page) -> None:
        for selected_text in ("", "please choose", "ada@acme.example, please", "Dear ada@acme.example"):
            mail_page.evaluate(SET_CARET, ["#letter", 5, 5])
            press_menu_item(extension, mail_page, selected_text)
            [code] = find_inserted_codes(mail_page, "#letter")
            single_use_link = fetch_newest_link(extension, mail_page)
            assert single_use_link["code"] == code
            assert single_use_link["recipient"] is None
            assert single_use_link["source"] == "extension"
            mail_page.reload()

    def test_is_for_the_selected_address_which_stays(self, extension: ExtensionDriver, mail_page: Page) -> None:
        mail_page.evaluate(SET_CARET, ["#letter", 5, 21])
        press_menu_item(extension, mail_page, "ada@acme.example")
        find_inserted_codes(mail_page, "#letter")
        assert re.match(r"Dear ada@acme\.example http\S+/s/\S{43}, please choose", read_field(mail_page, "#letter"))
        assert fetch_newest_link(extension, mail_page)["recipient"] == {"name": None, "email": "ada@acme.example"}

    @pytest.mark.parametrize(("field", "at", "form"), [("#area", 7, r"before http\S+after"), ("#line", 1, r"xhttp\S+")])
    def test_in_plain_fields(self, extension: ExtensionDriver, mail_page: Page, field: str, at: int, form: str) -> None:
        mail_page.evaluate("field => document.querySelector(field).oninput = () => (document.title = 'heard')", field)
        mail_page.evaluate(SET_CARET, [field, at, at])
        press_menu_item(extension, mail_page)
        find_inserted_codes(mail_page, field)
        assert re.fullmatch(form, read_field(mail_page, field))
        assert mail_page.title() == "heard"

    def test_in_a_frame(self, extension: ExtensionDriver, mail_page: Page) -> None:
        frame = mail_page.frames[1]
        frame.evaluate(SET_CARET, ["#inner", 6, 6])
        press_menu_item(extension, mail_page, inner=True)
        expect(frame.locator("#inner")).to_have_text(URL)

    @pytest.mark.parametrize("field", ["#email", "#fixed", "h1"])
    def test_makes_nothing_where_nothing_can_be_put(
        self, extension: ExtensionDriver, mail_page: Page, field: str
    ) -> None:
        issued_before = extension.count_issued_links()
        mail_page.locator(field).focus()
        press_menu_item(extension, mail_page)
        wait_until(mail_page, lambda: read_badge(extension) == "!")
        assert extension.count_issued_links() == issued_before
        popup = extension.open_popup()
        expect(popup.locator("#bar")).to_contain_text("nothing was made")
        wait_until(popup, lambda: read_badge(extension) == "")
        popup.close()

    def test_two_presses_at_once_make_two(self, extension: ExtensionDriver, mail_page: Page) -> None:
        mail_page.evaluate(SET_CARET, ["#letter", 5, 5])
        press_menu_item(extension, mail_page)
        press_menu_item(extension, mail_page)
        codes = find_inserted_codes(mail_page, "#letter", 2)
        assert len(set(codes)) == 2

    def test_a_refusal_is_said(self, extension: ExtensionDriver, mail_page: Page) -> None:
        issued_before = extension.count_issued_links()
        mail_page.evaluate(SET_CARET, ["#letter", 5, 5])
        press_menu_item(extension, mail_page, link="00000000-0000-0000-0000-000000000000")
        wait_until(mail_page, lambda: read_badge(extension) == "!")
        assert "No link was inserted" in extension.read_storage("notice")
        assert "/s/" not in read_field(mail_page, "#letter")
        assert extension.count_issued_links() == issued_before


def read_badge(extension: ExtensionDriver) -> str:
    """The mark on the extension's button."""
    return str(extension.worker.evaluate("chrome.action.getBadgeText({})"))


def has_menu_item(extension: ExtensionDriver, id: str) -> bool:
    """Whether the menu has an item."""
    return bool(extension.worker.evaluate(HAS_MENU_ITEM, id))


def test_the_menu_has_the_links_while_connected(extension: ExtensionDriver) -> None:
    id, popup = find_link_id(extension), extension.open_popup()
    wait_until(popup, lambda: has_menu_item(extension, "insert") and has_menu_item(extension, id))
    assert not has_menu_item(extension, "00000000-0000-0000-0000-000000000000")
    popup.get_by_role("button", name="Connection of Julio").click()
    popup.get_by_role("menuitem", name="Disconnect").click()
    wait_until(popup, lambda: not has_menu_item(extension, "insert") and not has_menu_item(extension, id))
    extension.connect_to_server(popup)
    wait_until(popup, lambda: has_menu_item(extension, "insert") and has_menu_item(extension, id))
