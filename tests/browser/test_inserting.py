"""The menu of editable fields: the link is put at the caret, once, and for whom only when an address was selected."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Playwright, expect

from tests.browser.browsing import Live
from tests.browser.extending import Extended, book, extended, until
from tests.browser.screenshots import wait_for_lists

LINK = "Discovery call with Julio"
MAIL = """<!doctype html><title>Mail</title><h1>ada@acme.example</h1>
<div id="letter" contenteditable="true">Dear ada@acme.example, please choose a time: </div>
<textarea id="area">before after</textarea><input id="line" value="x">
<input id="email" type="email" value="a@b.example"><input id="fixed" readonly value="fixed">
<iframe srcdoc="<div id=inner contenteditable>inner </div>"></iframe>"""
CARET = """([selector, from, to]) => {
    const field = document.querySelector(selector);
    field.focus();
    if (field.setSelectionRange) return field.setSelectionRange(from, to);
    const range = document.createRange();
    range.setStart(field.firstChild, from);
    range.setEnd(field.firstChild, to);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
}"""
PRESS = """async ([link, url, selectionText, inner]) => {
    const [tab] = await chrome.tabs.query({ url });
    const target = { tabId: tab.id, allFrames: true };
    const seen = await chrome.scripting.executeScript({ target, func: () => window !== top });
    const { frameId } = seen.find((one) => one.result === inner);
    chrome.contextMenus.onClicked.dispatch({ menuItemId: link, editable: true, frameId, selectionText }, tab);
}"""
EXISTS = "async (id) => chrome.contextMenus.update(id, { enabled: true }).then(() => true, () => false)"
URL = re.compile(r"http://127\.0\.0\.1:\d+/s/([\w-]{43})")


@pytest.fixture(scope="module")
def chrome(driver: Playwright, served: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Extended]:
    """One browser for the file, connected."""
    with extended(driver, served, tmp_path_factory.mktemp("extension")) as found:
        found.connected().close()
        yield found
        assert found.problems == []


@pytest.fixture
def mail(chrome: Extended) -> Iterator[Page]:
    """A page where somebody writes."""
    page = chrome.context.new_page()
    address = f"{chrome.live.base_url}/mail"
    page.route(address, lambda route: route.fulfill(body=MAIL, content_type="text/html"))
    page.goto(address)
    page.bring_to_front()
    yield page
    page.close()


def link_id(chrome: Extended) -> str:
    """The id that the menu has for the link."""
    return str(next(one["id"] for one in chrome.kept("links")["rows"] if one["name"] == LINK))


def press(chrome: Extended, page: Page, selected: str = "", inner: bool = False, link: str | None = None) -> None:
    """The menu's item, as Chrome tells of it: no test can press a menu that is not of the page."""
    chrome.worker.evaluate(PRESS, [link or link_id(chrome), page.url, selected, inner])


def text_of(page: Page, selector: str) -> str:
    """What is in a field."""
    return str(page.locator(selector).evaluate("field => field.value ?? field.textContent"))


def inserted(page: Page, selector: str, count: int = 1) -> list[Any]:
    """The codes of the links in a field, once they are there."""
    page.wait_for_function(
        "([selector, count]) => { const field = document.querySelector(selector);"
        " return (field.value ?? field.textContent).split('/s/').length > count; }",
        arg=[selector, count],
    )
    return URL.findall(text_of(page, selector))


def made(chrome: Extended, page: Page) -> Any:
    """The newest single-use link."""
    headers = {"Authorization": f"Bearer {chrome.kept('connection')['key']}"}
    wait_for_lists(chrome.live)
    return page.request.get(f"{chrome.live.base_url}/v1/single-use?limit=1", headers=headers).json()["items"][0]


class TestInserting:
    """`Insert a single-use link of …`."""

    def test_at_the_caret_of_a_letter_it_books_exactly_once(self, chrome: Extended, mail: Page) -> None:
        mail.evaluate(CARET, ["#letter", 5, 5])
        press(chrome, mail)
        [code] = inserted(mail, "#letter")
        assert re.fullmatch(r"Dear \S+/s/\S{43}ada@acme.example, please choose a time: ", text_of(mail, "#letter"))
        assert book(mail, chrome.live.base_url, code) == 201
        assert book(mail, chrome.live.base_url, code) == 410
        mail.keyboard.press("Control+Z")
        expect(mail.locator("#letter")).not_to_contain_text("/s/")

    def test_takes_no_recipient_from_the_page_by_itself(self, chrome: Extended, mail: Page) -> None:
        for selected in ("", "please choose", "ada@acme.example, please", "Dear ada@acme.example"):
            mail.evaluate(CARET, ["#letter", 5, 5])
            press(chrome, mail, selected)
            [code] = inserted(mail, "#letter")
            issued = made(chrome, mail)
            assert issued["code"] == code
            assert issued["recipient"] is None
            assert issued["source"] == "extension"
            mail.reload()

    def test_is_for_the_selected_address_which_stays(self, chrome: Extended, mail: Page) -> None:
        mail.evaluate(CARET, ["#letter", 5, 21])
        press(chrome, mail, "ada@acme.example")
        inserted(mail, "#letter")
        assert re.match(r"Dear ada@acme\.example http\S+/s/\S{43}, please choose", text_of(mail, "#letter"))
        assert made(chrome, mail)["recipient"] == {"name": None, "email": "ada@acme.example"}

    @pytest.mark.parametrize(("field", "at", "form"), [("#area", 7, r"before http\S+after"), ("#line", 1, r"xhttp\S+")])
    def test_in_plain_fields(self, chrome: Extended, mail: Page, field: str, at: int, form: str) -> None:
        mail.evaluate("field => document.querySelector(field).oninput = () => (document.title = 'heard')", field)
        mail.evaluate(CARET, [field, at, at])
        press(chrome, mail)
        inserted(mail, field)
        assert re.fullmatch(form, text_of(mail, field))
        assert mail.title() == "heard"

    def test_in_a_frame(self, chrome: Extended, mail: Page) -> None:
        frame = mail.frames[1]
        frame.evaluate(CARET, ["#inner", 6, 6])
        press(chrome, mail, inner=True)
        expect(frame.locator("#inner")).to_have_text(URL)

    @pytest.mark.parametrize("field", ["#email", "#fixed", "h1"])
    def test_makes_nothing_where_nothing_can_be_put(self, chrome: Extended, mail: Page, field: str) -> None:
        before = chrome.issued()
        mail.locator(field).focus()
        press(chrome, mail)
        until(mail, lambda: badge(chrome) == "!")
        assert chrome.issued() == before
        popup = chrome.popup()
        expect(popup.locator("#bar")).to_contain_text("nothing was made")
        until(popup, lambda: badge(chrome) == "")
        popup.close()

    def test_two_presses_at_once_make_two(self, chrome: Extended, mail: Page) -> None:
        mail.evaluate(CARET, ["#letter", 5, 5])
        press(chrome, mail)
        press(chrome, mail)
        codes = inserted(mail, "#letter", 2)
        assert len(set(codes)) == 2

    def test_a_refusal_is_said(self, chrome: Extended, mail: Page) -> None:
        before = chrome.issued()
        mail.evaluate(CARET, ["#letter", 5, 5])
        press(chrome, mail, link="00000000-0000-0000-0000-000000000000")
        until(mail, lambda: badge(chrome) == "!")
        assert "No link was inserted" in chrome.kept("notice")
        assert "/s/" not in text_of(mail, "#letter")
        assert chrome.issued() == before


def badge(chrome: Extended) -> str:
    """The mark on the extension's button."""
    return str(chrome.worker.evaluate("chrome.action.getBadgeText({})"))


def there(chrome: Extended, id: str) -> bool:
    """Whether the menu has an item."""
    return bool(chrome.worker.evaluate(EXISTS, id))


def test_the_menu_has_the_links_while_connected(chrome: Extended) -> None:
    id, popup = link_id(chrome), chrome.popup()
    until(popup, lambda: there(chrome, "insert") and there(chrome, id))
    assert not there(chrome, "00000000-0000-0000-0000-000000000000")
    popup.get_by_role("button", name="Connection of Julio").click()
    popup.get_by_role("menuitem", name="Disconnect").click()
    until(popup, lambda: not there(chrome, "insert") and not there(chrome, id))
    chrome.connect(popup)
    until(popup, lambda: there(chrome, "insert") and there(chrome, id))
