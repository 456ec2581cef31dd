"""The split button: one click makes a single-use link and copies it; what was copied books once."""

import re
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.browser.browsing import BrowserWindows, read_clipboard
from tests.browser.copied_links import book_slot, drop_responses, read_code_from_clipboard
from tests.browser.screenshots import wait_for_lists

LINK = "Discovery call with Julio"
READ_SELECTION = """() => {
    const field = document.activeElement;
    return field.value.slice(field.selectionStart, field.selectionEnd);
}"""
REFUSE_CLIPBOARD = (
    "const no = () => Promise.reject(new Error()); Object.assign(navigator.clipboard, {write: no, writeText: no})"
)


def find_split_button(page: Page, link: str) -> Any:
    """The split button of a link."""
    return page.locator(f'[data-split][data-name="{link}"]')


def open_menu(page: Page, link: str) -> Any:
    """The open menu of a link's split button."""
    find_split_button(page, link).get_by_role("button", name="More ways to copy").click()
    menu = page.get_by_role("menu", name="More ways to copy")
    expect(menu).to_be_visible()
    return menu


def copy_single_use_link(page: Page, link: str) -> str:
    """Copies a new single-use link; its code."""
    open_menu(page, link).get_by_role("menuitem", name="Copy Single-Use Link").click()
    expect(page.locator("[data-toast]").last).to_contain_text("Copied a single-use link")
    return read_code_from_clipboard(page)


@pytest.mark.parametrize(("path", "who"), [("/links", "julio"), ("/links/library", "sam")])
def test_a_copied_single_use_link_books_once(windows: BrowserWindows, path: str, who: str) -> None:
    page = windows.open_window(who)
    page.goto(path)
    names = page.locator("[data-split]:has(.split-more)").evaluate_all("all => all.map((one) => one.dataset.name)")
    link = next(name for name in names if names.count(name) == 1)  # two links may have one name
    code = copy_single_use_link(page, link)
    second_page, third = windows.open_window(), windows.open_window()
    assert book_slot(second_page, code) == 201
    assert book_slot(third, code) == 410
    wait_for_lists(windows.live_server)
    page.reload()
    expect(page.locator("tr", has=find_split_button(page, link))).to_contain_text("booked")


def test_copies_the_link_itself(windows: BrowserWindows) -> None:
    page = windows.open_window("julio")
    page.goto("/links")
    find_split_button(page, LINK).get_by_role("button", name="Copy Link", exact=True).click()
    expect(page.locator("[data-toast]")).to_contain_text("any number of times")
    assert read_clipboard(page).endswith("/book/julio")


def test_says_for_whom_and_until_when(windows: BrowserWindows) -> None:
    page = windows.open_window("claire")
    page.goto("/links/library")
    name = page.locator("[data-split]").first.get_attribute("data-name")
    assert name
    open_menu(page, name).get_by_role("menuitem", name="For somebody").click()
    dialog = page.get_by_role("dialog", name="Single-use link for somebody")
    dialog.get_by_label("Name").fill("Grace Hopper")
    dialog.get_by_label("Label").fill("Renewal")
    windows.guard.expect_message("422")
    dialog.get_by_label("E-mail address").fill("grace@acme")
    dialog.get_by_role("button", name="Make and copy").click()
    expect(dialog.get_by_label("E-mail address")).to_be_focused()
    expect(dialog.get_by_label("E-mail address")).to_have_attribute("aria-invalid", "true")
    expect(dialog.get_by_label("E-mail address")).to_have_accessible_description("This is not an e-mail address.")
    expect(dialog.get_by_label("Name")).to_have_value("Grace Hopper")
    expect(page.locator("[data-toast]")).to_have_count(0)
    dialog.get_by_label("E-mail address").fill("grace@acme.example")
    dialog.get_by_role("button", name="Make and copy").click()
    expect(dialog).to_be_hidden()
    toast = page.locator("[data-toast]").last
    expect(toast).to_contain_text("for Grace Hopper")
    expect(toast).to_contain_text(re.compile("does not expire by itself|lasts until"))
    code = read_code_from_clipboard(page)
    wait_for_lists(windows.live_server)
    single_use_links = page.request.get("/v1/single-use?q=grace&sort=-issued_at").json()["items"]
    [single_use_link] = [row for row in single_use_links if row["code"] == code]
    assert single_use_link["recipient"] == {"name": "Grace Hopper", "email": "grace@acme.example"}
    assert single_use_link["label"] == "Renewal"
    assert single_use_link["source"] == "web"


def test_says_when_the_link_cannot_be_booked_now(windows: BrowserWindows) -> None:
    page = windows.open_window("julio")
    page.goto("/links")
    copy_single_use_link(page, "Web Week Lisbon")
    expect(page.locator("[data-toast]").last).to_contain_text("cannot be booked now: the link is expired")


def test_several_at_once_from_names_to_a_csv_of_links(windows: BrowserWindows) -> None:
    page = windows.open_window("julio")
    page.goto("/links")
    open_menu(page, LINK).get_by_role("menuitem", name="Several at once").click()
    address = f"ada-{uuid4().hex[:8]}@acme.example"  # who holds no link from another test
    page.get_by_label("Recipients, one a line").fill(f'name;email\nAda Lovelace;{address}\n"Hopper; Grace";\n=1+1;')
    page.get_by_label("Label for all").fill("Fair")
    page.get_by_role("button", name="Look at the list").click()
    expect(page.get_by_role("heading", name="3 links")).to_be_visible()
    page.get_by_role("button", name="Make 3 links").click()
    expect(page.locator("[data-toast]")).to_contain_text("Made 3 single-use links")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").click()
    text = download.value.path().read_text(encoding="utf-8-sig")
    titles, *lines = text.strip().splitlines()
    assert titles == "name,email,label,link,expires_at"
    assert [line.split(",http")[0] for line in lines] == [
        f"Ada Lovelace,{address},Fair",
        "Hopper; Grace,,Fair",
        "'=1+1,,Fair",
    ]
    codes = re.findall(r"/s/([\w-]{43})", text)
    assert len(set(codes)) == 3
    assert all(page.request.get(f"/v1/book/{code}").status == 200 for code in codes)


def test_shows_the_link_selected_where_the_clipboard_is_refused(windows: BrowserWindows) -> None:
    page = windows.open_window("julio", clipboard=False)
    page.add_init_script(
        "navigator.clipboard.write = navigator.clipboard.writeText = () => Promise.reject(new Error())"
    )
    page.goto("/links")
    open_menu(page, LINK).get_by_role("menuitem", name="Copy Single-Use Link").click()
    dialog = page.get_by_role("dialog", name="Copy it by hand")
    expect(dialog).to_be_visible()
    selection = page.evaluate(READ_SELECTION)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/s/[\w-]{43}", selection)


class TestALostReply:
    """A press whose answer never comes, or comes late, never makes two."""

    def test_is_asked_again_under_the_same_key(self, windows: BrowserWindows) -> None:
        page = windows.open_window("julio")
        page.goto("/links")
        windows.guard.expect_message("Failed to load resource")
        keys = drop_responses(page, 1)
        code = copy_single_use_link(page, LINK)
        assert len(keys) == 2
        assert len(set(keys)) == 1
        assert page.request.get(f"/v1/book/{code}").status == 200

    def test_and_the_next_press_finds_it(self, windows: BrowserWindows) -> None:
        page = windows.open_window("julio")
        page.goto("/links")
        windows.guard.expect_message("Failed to load resource")
        issued_before = count_issued_links(page)
        keys = drop_responses(page, 3)
        open_menu(page, LINK).get_by_role("menuitem", name="Copy Single-Use Link").click()
        expect(page.locator("[data-toast]").last).to_contain_text("nothing is made twice")
        copy_single_use_link(page, LINK)
        assert len(keys) == 4
        assert len(set(keys)) == 1
        assert count_issued_links(page) == issued_before + 1


def count_issued_links(page: Page) -> int:
    """How many single-use links the link has, from the log."""
    id = page.locator(f'[data-split][data-name="{LINK}"]').get_attribute("data-link")
    return int(page.request.get(f"/v1/links/{id}").json()["single_use"]["issued"])


def test_the_menu_works_by_keyboard(windows: BrowserWindows) -> None:
    page = windows.open_window("julio")
    page.goto("/links")
    split = find_split_button(page, LINK)
    menu_button = split.get_by_role("button", name="More ways to copy")
    menu_button.focus()
    expect(menu_button).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("Enter")
    expect(menu_button).to_have_attribute("aria-expanded", "true")
    item = page.get_by_role("menu", name="More ways to copy").get_by_role("menuitem")
    expect(item.nth(0)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(item.nth(1)).to_be_focused()
    page.keyboard.press("End")
    expect(item.nth(2)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(item.nth(0)).to_be_focused()
    page.keyboard.press("s")
    expect(item.nth(2)).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu_button).to_be_focused()
    expect(menu_button).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("[data-toast]")).to_contain_text("Copied a single-use link")
    expect(menu_button).to_be_focused()
    read_code_from_clipboard(page)


def test_presses_while_one_is_under_way_make_no_more(windows: BrowserWindows) -> None:
    page = windows.open_window("julio")
    page.goto("/links")
    issued_before = count_issued_links(page)
    open_menu(page, LINK).evaluate("""menu => {
        const item = menu.querySelector("[data-single-use]");
        for (let press = 0; press < 3; press++) item.click();
    }""")
    expect(page.locator("[data-toast]")).to_have_count(1)
    assert count_issued_links(page) == issued_before + 1
