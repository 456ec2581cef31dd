"""The extension in a real browser against the real server: connect, search, copy, revoke, and what may go wrong."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Page, Playwright, expect

from api.demo.organisation import JULIO
from tests.browser.browsing import LiveServer, find_violations, read_clipboard, run_live_server
from tests.browser.copied_links import book_slot, drop_responses, read_code_from_clipboard
from tests.browser.extending import (
    ROOT,
    ExtensionDriver,
    run_extension,
    wait_until,
)

LINK = "Discovery call with Julio"


@pytest.fixture(scope="module")
def extension(
    driver: Playwright, live_server: LiveServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ExtensionDriver]:
    """One browser for the file; afterwards nothing may have gone wrong in it, as far as Chrome itself can tell."""
    with run_extension(driver, live_server, tmp_path_factory.mktemp("extension")) as driver_of_extension:
        yield driver_of_extension
        assert driver_of_extension.problems == []


@pytest.fixture
def disconnected_extension(extension: ExtensionDriver) -> ExtensionDriver:
    """Nobody has connected."""
    extension.reset_state()
    return extension


@pytest.fixture
def popup(extension: ExtensionDriver) -> Page:
    """The popup of Julio, connected."""
    return extension.open_saved_popup()


def type_search(popup: Page, text: str) -> None:
    """Types into the search field, which has the focus."""
    expect(popup.get_by_role("combobox")).to_be_focused()
    popup.keyboard.press("Control+A")
    popup.keyboard.type(text)


def find_toast(popup: Page) -> Any:
    """What the popup says that it did."""
    return popup.locator(".toast")


def list_names(popup: Page) -> list[str]:
    """The links that are shown, in order."""
    return popup.locator("#rows .name").all_inner_texts()


class TestConnecting:
    """A person agrees on the server's page."""

    def test_hands_over_a_key_that_is_in_no_address(self, disconnected_extension: ExtensionDriver) -> None:
        disconnected_extension.sign_in("julio")
        popup = disconnected_extension.open_popup()
        assert [violation for scheme in ("light", "dark") for violation in find_violations(popup, scheme)] == []
        consent_url, result_url = disconnected_extension.connect_to_server(popup)
        connection = disconnected_extension.read_storage("connection")
        assert connection["person"]["name"] == "Julio Ferreira"
        assert connection["server"] == disconnected_extension.live_server.base_url
        assert disconnected_extension.read_storage("pairing") is None
        assert re.search(r"/settings/extension\?extension=[a-p]{32}&challenge=[\w-]{43}$", consent_url)
        assert result_url == f"{disconnected_extension.live_server.base_url}/settings/extension"
        holder = disconnected_extension.live_server.services.api_keys.find_holder(connection["key"])
        assert holder
        assert (holder.person_id, holder.scope) == (JULIO.id, "extension")

    def test_also_by_a_code_that_is_pasted(self, disconnected_extension: ExtensionDriver) -> None:
        disconnected_extension.sign_in("julio")
        popup = disconnected_extension.open_popup()
        popup.get_by_label("Address of the server").fill(disconnected_extension.live_server.base_url)
        with disconnected_extension.context.expect_page() as page_info:
            popup.get_by_role("button", name="Connect").click()
        disconnected_extension.worker.evaluate("chrome.scripting.unregisterContentScripts()")
        page_info.value.get_by_role("button", name="Connect it").click()
        code = page_info.value.locator("[data-pairing-code]").inner_text()
        page_info.value.close()
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
    def test_only_where_nobody_reads_along(
        self, disconnected_extension: ExtensionDriver, address: str, sentence: str
    ) -> None:
        popup = disconnected_extension.open_popup()
        popup.get_by_label("Address of the server").fill(address)
        popup.get_by_role("button", name="Connect").click()
        expect(popup.get_by_text(sentence)).to_be_visible()
        assert disconnected_extension.read_storage("pairing") is None

    def test_disconnecting_ends_the_key(self, disconnected_extension: ExtensionDriver) -> None:
        popup = disconnected_extension.open_connected_popup()
        key = disconnected_extension.read_storage("connection")["key"]
        popup.get_by_role("button", name="Connection of Julio").click()
        popup.get_by_role("menuitem", name="Disconnect").click()
        expect(popup.get_by_role("heading", name="Connect to your server")).to_be_visible()
        assert disconnected_extension.live_server.services.api_keys.find_holder(key) is None
        assert disconnected_extension.worker.evaluate("chrome.storage.local.get()").keys() <= {"pins", "used"}

    def test_a_key_that_was_revoked_meanwhile(self, disconnected_extension: ExtensionDriver) -> None:
        popup = disconnected_extension.open_connected_popup()
        issued_before = disconnected_extension.count_issued_links()
        disconnected_extension.live_server.services.api_keys.delete_key(
            UUID(disconnected_extension.read_storage("connection")["keyId"]), JULIO.id
        )
        popup.keyboard.press("Shift+Enter")
        expect(popup.get_by_role("heading", name="This connection has ended")).to_be_visible()
        expect(popup.get_by_text("revoked or has expired")).to_be_visible()
        expect(popup.get_by_label("Address of the server")).to_have_value(disconnected_extension.live_server.base_url)
        assert disconnected_extension.read_storage("links") is None
        assert disconnected_extension.count_issued_links() == issued_before
        disconnected_extension.connect_to_server(popup)


class TestCopying:
    """From the popup, by keyboard or by mouse."""

    def test_is_accessible(self, popup: Page) -> None:
        assert [violation for scheme in ("light", "dark") for violation in find_violations(popup, scheme)] == []
        popup.get_by_role("button", name=f"More ways to copy {LINK}").click()
        assert find_violations(popup, "light") == []
        popup.keyboard.press("Escape")
        popup.get_by_role("tab", name="Single-use").click()
        assert [violation for scheme in ("light", "dark") for violation in find_violations(popup, scheme)] == []

    def test_searches_as_one_types(self, popup: Page) -> None:
        all_names = list_names(popup)
        assert {LINK, "Deep dive", "Ask a sales engineer"} <= set(all_names)
        type_search(popup, "disc wi")
        assert list_names(popup) == [LINK]
        type_search(popup, "MIRA")
        assert "Ask a sales engineer" in list_names(popup)
        assert LINK not in list_names(popup)
        type_search(popup, "zebra")
        expect(popup.get_by_role("heading", name="No link is called that")).to_be_visible()
        popup.keyboard.press("Enter")
        popup.keyboard.press("Escape")
        assert list_names(popup) == all_names

    def test_also_finds_at_the_server_what_is_too_much_to_keep(self, extension: ExtensionDriver, popup: Page) -> None:
        extension.worker.evaluate("chrome.storage.local.remove('links')")
        empty_page = {"items": [], "next_cursor": "more"}
        popup.route(re.compile(r"/v1/links\?(?!.*q=)"), lambda route: route.fulfill(json=empty_page))
        popup.reload()
        expect(popup.get_by_role("heading", name="No links yet")).to_be_visible()
        wait_until(popup, lambda: (extension.read_storage("links") or {}).get("more") is True)
        type_search(popup, "discovery call with")
        expect(popup.get_by_role("row")).to_contain_text(LINK)
        popup.keyboard.press("Enter")
        expect(find_toast(popup)).to_contain_text("any number of times")

    def test_enter_copies_the_link(self, extension: ExtensionDriver, popup: Page) -> None:
        issued_before = extension.count_issued_links()
        type_search(popup, "discovery call with")
        popup.keyboard.press("Enter")
        expect(find_toast(popup)).to_contain_text("any number of times")
        assert read_clipboard(popup) == f"{extension.live_server.base_url}/book/julio"
        assert extension.count_issued_links() == issued_before

    def test_shift_enter_copies_a_single_use_link_that_books_once(
        self, extension: ExtensionDriver, popup: Page
    ) -> None:
        type_search(popup, "discovery call with")
        popup.keyboard.press("Shift+Enter")
        expect(find_toast(popup)).to_contain_text("Copied a single-use link. It books one meeting")
        code = read_code_from_clipboard(popup)
        assert book_slot(popup, code, extension.live_server.base_url) == 201
        assert book_slot(popup, code, extension.live_server.base_url) == 410
        popup.reload()
        popup.get_by_role("tab", name="Single-use").click()
        expect(popup.locator("#made-rows .row").first).to_contain_text("Booked")

    def test_the_split_button_is_that_of_the_pages(self, extension: ExtensionDriver, popup: Page) -> None:
        button = popup.get_by_role("button", name="Copy Link Deep dive", exact=True)
        row = popup.locator("#rows .row").filter(has=button)
        button.click()
        expect(find_toast(popup)).to_contain_text("Copied the link Deep dive")
        row.get_by_role("button", name="More ways to copy").click()
        expect(popup.get_by_role("menuitem", name="Copy Single-Use Link")).to_be_focused()
        issued_before = extension.count_issued_links()
        popup.keyboard.press("Enter")
        expect(find_toast(popup)).to_contain_text("Copied a single-use link")
        read_code_from_clipboard(popup)
        assert extension.count_issued_links() == issued_before + 1

    def test_for_a_recipient(self, extension: ExtensionDriver, popup: Page) -> None:
        field = popup.get_by_label("For whom a single-use link is")
        field.fill("Ada <no address>")
        field.press("Enter")
        expect(popup.get_by_text("“no address” is not an e-mail address.")).to_be_visible()
        field.fill("Ada Lovelace <ada@acme.example>")
        field.press("Enter")
        expect(find_toast(popup)).to_contain_text("for Ada Lovelace")
        expect(field).to_have_value("")
        popup.get_by_role("tab", name="Single-use").click()
        expect(popup.locator("#made-rows .row").first).to_contain_text("For Ada Lovelace")
        [single_use_link, *_] = extension.read_storage("made")
        assert single_use_link["recipient"] == {"name": "Ada Lovelace", "email": "ada@acme.example"}
        assert single_use_link["source"] == "extension"
        assert single_use_link["url"] == read_clipboard(popup)

    def test_pinned_ones_come_first_then_recent_ones(self, popup: Page) -> None:
        type_search(popup, "product")
        popup.keyboard.press("Enter")
        expect(find_toast(popup)).to_be_visible()
        type_search(popup, "ask a")
        popup.get_by_role("button", name="More ways to copy Ask a sales engineer").click()
        popup.get_by_role("menuitem", name="Pin to the top").click()
        expect(popup.get_by_role("combobox")).to_be_focused()
        popup.keyboard.press("Escape")
        expect(popup.locator(".group").nth(1)).to_have_text("Recent")
        assert popup.locator(".group").all_inner_texts() == ["Pinned", "Recent", "Yours"]
        assert list_names(popup)[:2] == ["Ask a sales engineer", "Product tour"]
        popup.reload()
        expect(popup.get_by_role("row").first).to_contain_text("Ask a sales engineer")

    def test_arrows_choose_the_row(self, popup: Page) -> None:
        first_name, second_name, *_ = list_names(popup)
        selected_row = popup.locator('#rows [aria-selected="true"]')
        expect(selected_row).to_contain_text(first_name)
        popup.keyboard.press("ArrowDown")
        expect(selected_row).to_contain_text(second_name)
        row = popup.get_by_role("combobox").get_attribute("aria-activedescendant")
        assert popup.locator(f"#{row}").inner_text().startswith(second_name)
        popup.keyboard.press("ArrowUp")
        popup.keyboard.press("ArrowUp")
        expect(selected_row).to_contain_text(list_names(popup)[-1])

    def test_opens_by_a_shortcut(self, extension: ExtensionDriver) -> None:
        [command] = extension.worker.evaluate("chrome.commands.getAll()")
        assert (command["name"], command["shortcut"]) == ("_execute_action", "Alt+Shift+O")


class TestWhatWasMade:
    """The last ten single-use links."""

    def test_are_copied_again_and_revoked(self, extension: ExtensionDriver, popup: Page) -> None:
        type_search(popup, "deep")
        popup.keyboard.press("Shift+Enter")
        expect(find_toast(popup)).to_contain_text("Copied a single-use link")
        code = read_code_from_clipboard(popup)
        popup.evaluate("navigator.clipboard.writeText('')")
        popup.get_by_role("tab", name="Single-use").click()
        row = popup.locator("#made-rows .row").first
        expect(row).to_contain_text("Active")
        row.get_by_role("button", name="Copy again").click()
        expect(find_toast(popup)).to_contain_text("again")
        assert read_code_from_clipboard(popup) == code
        row.get_by_role("button", name="Revoke").click()
        assert popup.request.get(f"{extension.live_server.base_url}/v1/book/{code}").status == 200
        row.get_by_role("button", name="Really revoke").click()
        expect(row).to_contain_text("Revoked")
        assert popup.request.get(f"{extension.live_server.base_url}/v1/book/{code}").json()["code"] == "link_revoked"
        expect(row.get_by_role("button")).to_have_count(0)

    def test_are_ten_and_ones_own(self, extension: ExtensionDriver, popup: Page) -> None:
        key = extension.read_storage("connection")["key"]
        link = next(row["id"] for row in extension.read_storage("links")["rows"] if row["name"] == LINK)
        issue = f"{extension.live_server.base_url}/v1/links/{link}/single-use"
        assert popup.request.post(issue, data={"count": 12}, headers={"Authorization": f"Bearer {key}"}).status == 201
        popup.reload()
        popup.get_by_role("tab", name="Single-use").click()
        expect(popup.locator("#made-rows .row")).to_have_count(10)
        assert {single_use_link["issued_by"]["id"] for single_use_link in extension.read_storage("made")} == {
            str(JULIO.id)
        }


class TestWhenItGoesWrong:
    """Offline, slow, lost."""

    def test_offline_says_so_and_makes_nothing(self, extension: ExtensionDriver, popup: Page) -> None:
        issued_before = extension.count_issued_links()
        extension.context.set_offline(True)
        popup.keyboard.press("Shift+Enter")
        expect(find_toast(popup)).to_have_text("You are offline, so nothing was made.")
        extension.context.set_offline(False)
        popup.keyboard.press("Enter")
        expect(find_toast(popup)).to_contain_text("Copied the link")
        assert extension.count_issued_links() == issued_before
        assert not extension.read_storage("unanswered")

    def test_a_lost_reply_is_asked_for_again(self, extension: ExtensionDriver, popup: Page) -> None:
        issued_before, keys = extension.count_issued_links(), drop_responses(popup, 2)
        popup.keyboard.press("Shift+Enter")
        expect(find_toast(popup)).to_contain_text("Copied a single-use link")
        assert (len(keys), len(set(keys))) == (3, 1)
        assert extension.count_issued_links() == issued_before + 1
        assert (
            popup.request.get(f"{extension.live_server.base_url}/v1/book/{read_code_from_clipboard(popup)}").status
            == 200
        )

    def test_also_by_the_next_press_in_another_popup(self, extension: ExtensionDriver, popup: Page) -> None:
        issued_before, keys = extension.count_issued_links(), drop_responses(popup, 3)
        type_search(popup, "deep")
        popup.keyboard.press("Shift+Enter")
        expect(find_toast(popup)).to_contain_text("nothing is made twice")
        popup.close()
        other_popup = extension.open_popup()
        later_keys = drop_responses(other_popup, 0)
        expect(other_popup.get_by_role("row").first).to_be_visible()
        type_search(other_popup, "deep")
        other_popup.keyboard.press("Shift+Enter")
        expect(find_toast(other_popup)).to_contain_text("Copied a single-use link")
        assert set(keys) == set(later_keys)
        assert extension.count_issued_links() == issued_before + 1
        expect(other_popup.locator("#links")).not_to_have_attribute("aria-busy", "true")
        first = read_clipboard(other_popup)
        other_popup.keyboard.press("Shift+Enter")
        wait_until(other_popup, lambda: read_clipboard(other_popup) != first)
        assert len(set(later_keys)) == 2
        assert extension.count_issued_links() == issued_before + 2

    def test_what_was_revoked_meanwhile_is_no_answer(self, extension: ExtensionDriver, popup: Page) -> None:
        drop_responses(popup, 3)
        popup.keyboard.press("Shift+Enter")
        expect(find_toast(popup)).to_contain_text("nothing is made twice")
        key = {"Authorization": f"Bearer {extension.read_storage('connection')['key']}"}
        popup.reload()
        popup.get_by_role("tab", name="Single-use").click()
        expect(popup.locator("#made-rows .row").first).to_contain_text("Active")
        [lost_link, *_] = extension.read_storage("made")
        revoke = f"{extension.live_server.base_url}/v1/single-use/{lost_link['id']}/revoke"
        assert popup.request.post(revoke, data={}, headers=key).status == 200
        popup.get_by_role("tab", name="Links").click()
        popup.get_by_role("combobox").press("Shift+Enter")
        expect(find_toast(popup)).to_contain_text("Copied a single-use link")
        assert read_clipboard(popup) != lost_link["url"]
        assert (
            popup.request.get(f"{extension.live_server.base_url}/v1/book/{read_code_from_clipboard(popup)}").status
            == 200
        )

    def test_the_last_list_is_shown_while_the_server_is_down(self, disconnected_extension: ExtensionDriver) -> None:
        first = disconnected_extension.live_server
        try:
            with run_live_server(first.services.settings) as second_server:
                disconnected_extension.live_server = second_server
                names_before = list_names(disconnected_extension.open_connected_popup())
            issued_before = disconnected_extension.count_issued_links_on(first)
            popup = disconnected_extension.open_popup()
            expect(popup.get_by_role("row").first).to_be_visible()
            assert list_names(popup) == names_before
            expect(popup.locator("#bar")).to_contain_text("could not be reached. This is the list of")
            popup.keyboard.press("Shift+Enter")
            expect(find_toast(popup)).to_contain_text("The server could not be reached. Press again")
            popup.get_by_role("button", name="Connection of Julio").click()
            popup.get_by_role("menuitem", name="Disconnect").click()
            expect(popup.locator("#bar")).to_contain_text("So the key still works")
            popup.get_by_role("button", name="Connection of Julio").click()
            popup.get_by_role("menuitem", name="Forget it here").click()
            expect(popup.get_by_role("heading", name="Connect to your server")).to_be_visible()
            assert disconnected_extension.count_issued_links_on(first) == issued_before
        finally:
            disconnected_extension.live_server = first


def test_chrome_loads_it_without_errors(extension: ExtensionDriver) -> None:
    page = extension.context.new_page()
    page.goto("chrome://extensions")
    infos = page.evaluate("chrome.developerPrivate.getExtensionsInfo()")
    [own_info] = [info for info in infos if f"chrome-extension://{info['id']}" == ROOT]
    page.close()
    load_errors = {
        name: own_info[name] for name in ("manifestErrors", "runtimeErrors", "installWarnings", "runtimeWarnings")
    }
    assert load_errors == {name: [] for name in load_errors}
    assert own_info["version"]
    assert re.fullmatch(r"ENABLED", own_info["state"])
