"""Single-use links for a list of recipients: previewed, made once when confirmed, downloaded; all without a script."""

import re
from html import unescape
from typing import Any

import httpx2
import pytest

from tests.api.pages.page_client import PageClient, extract_text
from tests.api.refusals import fetch_list, find_last_position
from tests.api_driver import ApiDriver

HIDDEN_FIELD = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')


@pytest.fixture
def link(shared_api: ApiDriver) -> Any:
    """A link of its own for each test."""
    return shared_api.create_link("List")


def read_confirmation(page: httpx2.Response) -> dict[str, str]:
    """The hidden fields of a preview's form."""
    return {name: unescape(value) for name, value in HIDDEN_FIELD.findall(page.text)}


def test_nothing_is_made_before_the_list_is_confirmed(shared_api: ApiDriver, link: Any) -> None:
    page_client = PageClient(shared_api, "member")
    path = f"/links/{link['id']}/recipients"
    assert f'href="{path}"' in page_client.get(f"/links/{link['id']}").text
    lines = "".join(f"Guest {number},Nr {number},guest{number}@list.example\r\n" for number in range(101))
    text = f"First Name,Last Name,Email\r\n{lines}Guest 7,Again,GUEST7@list.example\r\nBob,,nowhere\r\n"
    position_before = find_last_position(shared_api)
    preview = page_client.upload(path, {"label": "Fair", "list": ""}, text.encode("utf-16"))
    assert preview.status_code == 200
    preview_text = extract_text(preview)
    assert "101 links, 1 duplicate, 1 line left out" in preview_text
    assert "Line 103" in preview_text
    assert "The same address stands in line 9." in preview_text
    assert "Line 104 Bob, nowhere: The address: This is not an e-mail address." in preview_text
    assert find_last_position(shared_api) == position_before

    fields = read_confirmation(preview)
    first = page_client.upload(f"{path}/made", fields)
    assert first.status_code == 303
    assert page_client.upload(f"{path}/made", fields).headers["location"] == first.headers["location"]
    assert shared_api.get(f"/v1/links/{link['id']}", "member")["single_use"]["issued"] == 101

    links_page = page_client.get(first.headers["location"])
    [download] = re.findall(r'href="([^"]+made\.csv[^"]+)"', links_page.text)
    csv_file = page_client.get(unescape(download))
    assert csv_file.content.startswith(b"\xef\xbb\xbfname,email,label,link,expires_at\r\n")
    assert "attachment" in csv_file.headers["content-disposition"]
    rows = csv_file.text.strip().splitlines()[1:]
    assert len(rows) == 101
    assert rows[0].startswith("Guest 0 Nr 0,guest0@list.example,Fair,http")
    assert shared_api.get(f"/v1/book/{rows[100].split(',')[3].rsplit('/', 1)[1]}")["kind"] == "single_use"
    assert PageClient(shared_api, "manager").get(first.headers["location"]).status_code == 404


def test_whoever_holds_an_unused_link_gets_a_second_one_only_when_asked(shared_api: ApiDriver, link: Any) -> None:
    body = {"recipients": [{"name": "Ann", "email": "Ann@list.example"}, {"name": "Åsa"}]}
    shared_api.post(f"/v1/links/{link['id']}/single-use", body, "member", 201)
    fetch_list(shared_api, "/v1/single-use", "member")
    page_client = PageClient(shared_api, "member")
    path = f"/links/{link['id']}/recipients"
    preview = page_client.upload(path, {"list": "Ann,ann@LIST.example\nÅsa\nBen,ben@list.example", "label": ""})
    assert "1 link, 2 with an unused link already" in extract_text(preview)
    fields = read_confirmation(preview)
    assert page_client.upload(f"{path}/made", fields).status_code == 303
    assert shared_api.get(f"/v1/links/{link['id']}", "member")["single_use"]["issued"] == 3
    changed = page_client.upload(f"{path}/made", fields | {"with_holders": "on"})
    assert changed.status_code == 422
    assert "Ben,ben@list.example" in unescape(changed.text)
    again = read_confirmation(page_client.upload(path, {"list": "Ann,ann@list.example", "label": ""}))
    assert page_client.upload(f"{path}/made", again | {"with_holders": "on"}).status_code == 303
    assert shared_api.get(f"/v1/links/{link['id']}", "member")["single_use"]["issued"] == 4


@pytest.mark.parametrize(
    ("text", "file", "sentence"),
    [
        ("", b"", "Give at least one name or address"),
        ("\n,;\n", b"", "Give at least one name or address"),
        ("".join(f"Guest {number}\n" for number in range(1001)), b"", "These are 1001 recipients; at most 1000"),
        ("Typed before", b"PK\x03\x04\x00\x00", "This is not a text file"),
    ],
)
def test_a_list_that_cannot_be_used_keeps_what_was_typed(
    shared_api: ApiDriver, link: Any, text: str, file: bytes, sentence: str
) -> None:
    refused = PageClient(shared_api, "member").upload(
        f"/links/{link['id']}/recipients", {"list": text, "label": "Kept"}, file
    )
    assert refused.status_code == 422
    assert sentence in extract_text(refused)
    assert 'aria-invalid="true"' in refused.text
    assert 'value="Kept"' in refused.text
    assert text.strip()[:12] in refused.text


def test_only_whoever_may_copy_the_link_gets_there(shared_api: ApiDriver, link: Any) -> None:
    path = f"/links/{link['id']}/recipients"
    for who, status in (("engineer", 404), ("auditor", 403), ("analyst", 403), ("manager", 200)):
        assert PageClient(shared_api, who).get(path).status_code == status
        assert PageClient(shared_api, who).upload(path, {"list": "Ann"}).status_code == status
    broken = {"key": "x" * 22, "recipients": '[{"name": "Ann", "role": "admin"}]'}
    assert PageClient(shared_api, "member").upload(f"{path}/made", broken).status_code == 422
