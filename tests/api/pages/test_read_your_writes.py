"""What a page just wrote, the next list has; a list that cannot have it yet says so, and still shows."""

from api.pages.rendering.flash_messages import NOTICE_COOKIE, POSITION_COOKIE
from tests.api.pages.page_client import PageClient, extract_text
from tests.api.refusals import find_last_position
from tests.api_driver import ApiDriver


def test_a_change_leaves_its_position_and_a_sentence(shared_api: ApiDriver) -> None:
    link = shared_api.create_link("Switched")
    page_client = PageClient(shared_api, "member")
    response = page_client.post(f"/links/{link['id']}/disable", {"back": "/links?q=switched"})
    assert response.headers["location"] == "/links?q=switched"
    assert int(page_client.client.cookies[POSITION_COOKIE]) == find_last_position(shared_api)
    page = page_client.get("/links?q=switched")
    assert "Disabled “Switched”" in extract_text(page)
    assert ">Disabled<" in page.text
    assert NOTICE_COOKIE not in page_client.client.cookies
    assert "Disabled “Switched”" not in extract_text(page_client.get("/links"))


def test_a_list_that_is_behind_says_so(shared_api: ApiDriver) -> None:
    page_client = PageClient(shared_api, "member")
    page_client.client.cookies.set(POSITION_COOKIE, str(find_last_position(shared_api) + 1000))
    response = page_client.get("/links")
    assert response.status_code == 200
    assert "still catching up" in extract_text(response)


def test_a_notice_cannot_hold_markup(shared_api: ApiDriver) -> None:
    page_client = PageClient(shared_api, "member")
    page_client.client.cookies.set(NOTICE_COOKIE, "%3Cscript%3Ealert(1)%3C%2Fscript%3E")
    page = page_client.get("/links").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
