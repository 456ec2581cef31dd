"""The extension in a real browser against the real server: connect, search, copy, revoke, and what may go wrong."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Page, Playwright, expect

from api.demo.organisation import JULIO
from tests.browser.browsing import Live, copied, live, violations
from tests.browser.extending import ROOT, Extended, book, code_on_clipboard, extended, losing_replies, until

LINK = "Discovery call with Julio"


@pytest.fixture(scope="module")
def chrome(driver: Playwright, served: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Extended]:
    """One browser for the file; afterwards nothing may have gone wrong in it, as far as Chrome itself can tell."""
    with extended(driver, served, tmp_path_factory.mktemp("extension")) as found:
        yield found
        assert found.problems == []


@pytest.fixture
def fresh(chrome: Extended) -> Extended:
    """Nobody has connected."""
    chrome.start_anew()
    return chrome


@pytest.fixture
def popup(chrome: Extended) -> Page:
    """The popup of Julio, connected."""
    return chrome.ready()


def search(popup: Page, words: str) -> None:
    """Types into the search field, which has the focus."""
    expect(popup.get_by_role("combobox")).to_be_focused()
    popup.keyboard.press("Control+A")
    popup.keyboard.type(words)


def toast(popup: Page) -> Any:
    """What the popup says that it did."""
    return popup.locator(".toast")


def names(popup: Page) -> list[str]:
    """The links that are shown, in order."""
    return popup.locator("#rows .name").all_inner_texts()


class TestConnecting:
    """A person agrees on the server's page."""

    def test_hands_over_a_key_that_is_in_no_address(self, fresh: Extended) -> None:
        fresh.sign_in("julio")
        popup = fresh.popup()
        assert [one for scheme in ("light", "dark") for one in violations(popup, scheme)] == []
        asked, agreed = fresh.connect(popup)
        kept = fresh.kept("connection")
        assert kept["person"]["name"] == "Julio Ferreira"
        assert kept["server"] == fresh.live.base_url
        assert fresh.kept("pairing") is None
        assert re.search(r"/settings/extension\?extension=[a-p]{32}&challenge=[\w-]{43}$", asked)
        assert agreed == f"{fresh.live.base_url}/settings/extension"
        holder = fresh.live.oncelink.keys.holder(kept["key"])
        assert holder
        assert (holder.person_id, holder.scope) == (JULIO.id, "extension")

    def test_also_by_a_code_that_is_pasted(self, fresh: Extended) -> None:
        fresh.sign_in("julio")
        popup = fresh.popup()
        popup.get_by_label("Address of the server").fill(fresh.live.base_url)
        with fresh.context.expect_page() as opened:
            popup.get_by_role("button", name="Connect").click()
        fresh.worker.evaluate("chrome.scripting.unregisterContentScripts()")
        opened.value.get_by_role("button", name="Connect it").click()
        code = opened.value.locator("[data-pairing-code]").inner_text()
        opened.value.close()
        popup.bring_to_front()
        popup.get_by_label("Code").fill("a" * 43)
        popup.get_by_role("button", name="Connect").click()
        expect(popup.get_by_text("This code was used or is too old")).to_be_visible()
        popup.get_by_label("Code").fill(code)
        popup.get_by_role("button", name="Connect").click()
        expect(popup.get_by_role("row").first).to_be_visible()

    @pytest.mark.parametrize(
        ("address", "sentence"),
        [("http://meet.example.com", "must begin with https"), ("ftp://a.example", "https"), ("", "Give the address")],
    )
    def test_only_where_nobody_reads_along(self, fresh: Extended, address: str, sentence: str) -> None:
        popup = fresh.popup()
        popup.get_by_label("Address of the server").fill(address)
        popup.get_by_role("button", name="Connect").click()
        expect(popup.get_by_text(sentence)).to_be_visible()
        assert fresh.kept("pairing") is None

    def test_disconnecting_ends_the_key(self, fresh: Extended) -> None:
        popup = fresh.connected()
        key = fresh.kept("connection")["key"]
        popup.get_by_role("button", name="Connection of Julio").click()
        popup.get_by_role("menuitem", name="Disconnect").click()
        expect(popup.get_by_role("heading", name="Connect to your server")).to_be_visible()
        assert fresh.live.oncelink.keys.holder(key) is None
        assert fresh.worker.evaluate("chrome.storage.local.get()").keys() <= {"pins", "used"}

    def test_a_key_that_was_revoked_meanwhile(self, fresh: Extended) -> None:
        popup = fresh.connected()
        before = fresh.issued()
        fresh.live.oncelink.keys.delete(UUID(fresh.kept("connection")["keyId"]), JULIO.id)
        popup.keyboard.press("Shift+Enter")
        expect(popup.get_by_role("heading", name="This connection has ended")).to_be_visible()
        expect(popup.get_by_text("revoked or has expired")).to_be_visible()
        expect(popup.get_by_label("Address of the server")).to_have_value(fresh.live.base_url)
        assert fresh.kept("links") is None
        assert fresh.issued() == before
        fresh.connect(popup)


class TestCopying:
    """From the popup, by keyboard or by mouse."""

    def test_is_accessible(self, popup: Page) -> None:
        assert [one for scheme in ("light", "dark") for one in violations(popup, scheme)] == []
        popup.get_by_role("button", name=f"More ways to copy {LINK}").click()
        assert violations(popup, "light") == []
        popup.keyboard.press("Escape")
        popup.get_by_role("tab", name="Single-use").click()
        assert [one for scheme in ("light", "dark") for one in violations(popup, scheme)] == []

    def test_searches_as_one_types(self, popup: Page) -> None:
        everything = names(popup)
        assert {LINK, "Deep dive", "Ask a sales engineer"} <= set(everything)
        search(popup, "disc wi")
        assert names(popup) == [LINK]
        search(popup, "MIRA")
        assert "Ask a sales engineer" in names(popup)
        assert LINK not in names(popup)
        search(popup, "zebra")
        expect(popup.get_by_role("heading", name="No link is called that")).to_be_visible()
        popup.keyboard.press("Enter")
        popup.keyboard.press("Escape")
        assert names(popup) == everything

    def test_also_finds_at_the_server_what_is_too_much_to_keep(self, chrome: Extended, popup: Page) -> None:
        chrome.worker.evaluate("chrome.storage.local.remove('links')")
        nothing = {"items": [], "next_cursor": "more"}
        popup.route(re.compile(r"/v1/links\?(?!.*q=)"), lambda route: route.fulfill(json=nothing))
        popup.reload()
        expect(popup.get_by_role("heading", name="No links yet")).to_be_visible()
        until(popup, lambda: (chrome.kept("links") or {}).get("more") is True)
        search(popup, "discovery call with")
        expect(popup.get_by_role("row")).to_contain_text(LINK)
        popup.keyboard.press("Enter")
        expect(toast(popup)).to_contain_text("any number of times")

    def test_enter_copies_the_link(self, chrome: Extended, popup: Page) -> None:
        before = chrome.issued()
        search(popup, "discovery call with")
        popup.keyboard.press("Enter")
        expect(toast(popup)).to_contain_text("any number of times")
        assert copied(popup) == f"{chrome.live.base_url}/book/julio"
        assert chrome.issued() == before

    def test_shift_enter_copies_a_single_use_link_that_books_once(self, chrome: Extended, popup: Page) -> None:
        search(popup, "discovery call with")
        popup.keyboard.press("Shift+Enter")
        expect(toast(popup)).to_contain_text("Copied a single-use link. It books one meeting")
        code = code_on_clipboard(popup)
        assert book(popup, chrome.live.base_url, code) == 201
        assert book(popup, chrome.live.base_url, code) == 410
        popup.reload()
        popup.get_by_role("tab", name="Single-use").click()
        expect(popup.locator("#made-rows .row").first).to_contain_text("Booked")

    def test_the_split_button_is_that_of_the_pages(self, chrome: Extended, popup: Page) -> None:
        row = popup.locator("#rows .row").filter(has_text="Deep dive")
        row.get_by_role("button", name="Copy Link").click()
        expect(toast(popup)).to_contain_text("Copied the link Deep dive")
        row.get_by_role("button", name="More ways to copy").click()
        expect(popup.get_by_role("menuitem", name="Copy Single-Use Link")).to_be_focused()
        before = chrome.issued()
        popup.keyboard.press("Enter")
        expect(toast(popup)).to_contain_text("Copied a single-use link")
        code_on_clipboard(popup)
        assert chrome.issued() == before + 1

    def test_for_a_recipient(self, chrome: Extended, popup: Page) -> None:
        field = popup.get_by_label("For whom a single-use link is")
        field.fill("Ada <no address>")
        field.press("Enter")
        expect(popup.get_by_text("“no address” is not an e-mail address.")).to_be_visible()
        field.fill("Ada Lovelace <ada@acme.example>")
        field.press("Enter")
        expect(toast(popup)).to_contain_text("for Ada Lovelace")
        expect(field).to_have_value("")
        popup.get_by_role("tab", name="Single-use").click()
        expect(popup.locator("#made-rows .row").first).to_contain_text("For Ada Lovelace")
        [made, *_] = chrome.kept("made")
        assert made["recipient"] == {"name": "Ada Lovelace", "email": "ada@acme.example"}
        assert made["source"] == "extension"
        assert made["url"] == copied(popup)

    def test_pinned_ones_come_first_then_recent_ones(self, popup: Page) -> None:
        search(popup, "product")
        popup.keyboard.press("Enter")
        expect(toast(popup)).to_be_visible()
        search(popup, "ask a")
        popup.get_by_role("button", name="More ways to copy Ask a sales engineer").click()
        popup.get_by_role("menuitem", name="Pin to the top").click()
        expect(popup.get_by_role("combobox")).to_be_focused()
        popup.keyboard.press("Escape")
        expect(popup.locator(".group").nth(1)).to_have_text("Recent")
        assert popup.locator(".group").all_inner_texts() == ["Pinned", "Recent", "Yours"]
        assert names(popup)[:2] == ["Ask a sales engineer", "Product tour"]
        popup.reload()
        expect(popup.get_by_role("row").first).to_contain_text("Ask a sales engineer")

    def test_arrows_choose_the_row(self, popup: Page) -> None:
        first, second, *_ = names(popup)
        chosen = popup.locator('#rows [aria-selected="true"]')
        expect(chosen).to_contain_text(first)
        popup.keyboard.press("ArrowDown")
        expect(chosen).to_contain_text(second)
        row = popup.get_by_role("combobox").get_attribute("aria-activedescendant")
        assert popup.locator(f"#{row}").inner_text().startswith(second)
        popup.keyboard.press("ArrowUp")
        popup.keyboard.press("ArrowUp")
        expect(chosen).to_contain_text(names(popup)[-1])

    def test_opens_by_a_shortcut(self, chrome: Extended) -> None:
        [command] = chrome.worker.evaluate("chrome.commands.getAll()")
        assert (command["name"], command["shortcut"]) == ("_execute_action", "Alt+Shift+O")


class TestWhatWasMade:
    """The last ten single-use links."""

    def test_are_copied_again_and_revoked(self, chrome: Extended, popup: Page) -> None:
        search(popup, "deep")
        popup.keyboard.press("Shift+Enter")
        expect(toast(popup)).to_contain_text("Copied a single-use link")
        code = code_on_clipboard(popup)
        popup.evaluate("navigator.clipboard.writeText('')")
        popup.get_by_role("tab", name="Single-use").click()
        row = popup.locator("#made-rows .row").first
        expect(row).to_contain_text("Active")
        row.get_by_role("button", name="Copy again").click()
        expect(toast(popup)).to_contain_text("again")
        assert code_on_clipboard(popup) == code
        row.get_by_role("button", name="Revoke").click()
        assert popup.request.get(f"{chrome.live.base_url}/v1/book/{code}").status == 200
        row.get_by_role("button", name="Really revoke").click()
        expect(row).to_contain_text("Revoked")
        assert popup.request.get(f"{chrome.live.base_url}/v1/book/{code}").json()["code"] == "link_revoked"
        expect(row.get_by_role("button")).to_have_count(0)

    def test_are_ten_and_ones_own(self, chrome: Extended, popup: Page) -> None:
        key = chrome.kept("connection")["key"]
        link = next(one["id"] for one in chrome.kept("links")["rows"] if one["name"] == LINK)
        issue = f"{chrome.live.base_url}/v1/links/{link}/single-use"
        assert popup.request.post(issue, data={"count": 12}, headers={"Authorization": f"Bearer {key}"}).status == 201
        popup.reload()
        popup.get_by_role("tab", name="Single-use").click()
        expect(popup.locator("#made-rows .row")).to_have_count(10)
        assert {one["issued_by"]["id"] for one in chrome.kept("made")} == {str(JULIO.id)}


class TestWhenItGoesWrong:
    """Offline, slow, lost."""

    def test_offline_says_so_and_makes_nothing(self, chrome: Extended, popup: Page) -> None:
        before = chrome.issued()
        chrome.context.set_offline(True)
        popup.keyboard.press("Shift+Enter")
        expect(toast(popup)).to_have_text("You are offline, so nothing was made.")
        chrome.context.set_offline(False)
        popup.keyboard.press("Enter")
        expect(toast(popup)).to_contain_text("Copied the link")
        assert chrome.issued() == before
        assert not chrome.kept("unanswered")

    def test_a_lost_reply_is_asked_for_again(self, chrome: Extended, popup: Page) -> None:
        before, keys = chrome.issued(), losing_replies(popup, 2)
        popup.keyboard.press("Shift+Enter")
        expect(toast(popup)).to_contain_text("Copied a single-use link")
        assert (len(keys), len(set(keys))) == (3, 1)
        assert chrome.issued() == before + 1
        assert popup.request.get(f"{chrome.live.base_url}/v1/book/{code_on_clipboard(popup)}").status == 200

    def test_also_by_the_next_press_in_another_popup(self, chrome: Extended, popup: Page) -> None:
        before, keys = chrome.issued(), losing_replies(popup, 3)
        search(popup, "deep")
        popup.keyboard.press("Shift+Enter")
        expect(toast(popup)).to_contain_text("nothing is made twice")
        popup.close()
        again = chrome.popup()
        later = losing_replies(again, 0)
        expect(again.get_by_role("row").first).to_be_visible()
        search(again, "deep")
        again.keyboard.press("Shift+Enter")
        expect(toast(again)).to_contain_text("Copied a single-use link")
        assert set(keys) == set(later)
        assert chrome.issued() == before + 1
        expect(again.locator("#links")).not_to_have_attribute("aria-busy", "true")
        first = copied(again)
        again.keyboard.press("Shift+Enter")
        until(again, lambda: copied(again) != first)
        assert len(set(later)) == 2
        assert chrome.issued() == before + 2

    def test_what_was_revoked_meanwhile_is_no_answer(self, chrome: Extended, popup: Page) -> None:
        losing_replies(popup, 3)
        popup.keyboard.press("Shift+Enter")
        expect(toast(popup)).to_contain_text("nothing is made twice")
        key = {"Authorization": f"Bearer {chrome.kept('connection')['key']}"}
        popup.reload()
        popup.get_by_role("tab", name="Single-use").click()
        expect(popup.locator("#made-rows .row").first).to_contain_text("Active")
        [lost, *_] = chrome.kept("made")
        revoke = f"{chrome.live.base_url}/v1/single-use/{lost['id']}/revoke"
        assert popup.request.post(revoke, data={}, headers=key).status == 200
        popup.get_by_role("tab", name="Links").click()
        popup.get_by_role("combobox").press("Shift+Enter")
        expect(toast(popup)).to_contain_text("Copied a single-use link")
        assert copied(popup) != lost["url"]
        assert popup.request.get(f"{chrome.live.base_url}/v1/book/{code_on_clipboard(popup)}").status == 200

    def test_the_last_list_is_shown_while_the_server_is_down(self, fresh: Extended) -> None:
        first = fresh.live
        try:
            with live(first.oncelink.settings) as second:
                fresh.live = second
                shown = names(fresh.connected())
            before = fresh.issued_by(first)
            popup = fresh.popup()
            expect(popup.get_by_role("row").first).to_be_visible()
            assert names(popup) == shown
            expect(popup.locator("#bar")).to_contain_text("could not be reached. This is the list of")
            popup.keyboard.press("Shift+Enter")
            expect(toast(popup)).to_contain_text("The server could not be reached. Press again")
            popup.get_by_role("button", name="Connection of Julio").click()
            popup.get_by_role("menuitem", name="Disconnect").click()
            expect(popup.locator("#bar")).to_contain_text("So the key still works")
            popup.get_by_role("button", name="Connection of Julio").click()
            popup.get_by_role("menuitem", name="Forget it here").click()
            expect(popup.get_by_role("heading", name="Connect to your server")).to_be_visible()
            assert fresh.issued_by(first) == before
        finally:
            fresh.live = first


def test_chrome_finds_nothing_wrong_with_it(chrome: Extended) -> None:
    page = chrome.context.new_page()
    page.goto("chrome://extensions")
    all_of_them = page.evaluate("chrome.developerPrivate.getExtensionsInfo()")
    [ours] = [one for one in all_of_them if f"chrome-extension://{one['id']}" == ROOT]
    page.close()
    found = {name: ours[name] for name in ("manifestErrors", "runtimeErrors", "installWarnings", "runtimeWarnings")}
    assert found == {name: [] for name in found}
    assert ours["version"]
    assert re.fullmatch(r"ENABLED", ours["state"])
