"""What a page just wrote, the next list has; a list that cannot have it yet says so, and still shows."""

from api.pages.rendering.flash_messages import NOTICE, POSITION
from tests.api.pages.page_client import Visitor, text_of
from tests.api.refusals import head
from tests.api_driver import House


def test_a_change_leaves_its_position_and_a_sentence(shared_house: House) -> None:
    link = shared_house.link("Switched")
    visitor = Visitor(shared_house, "member")
    answer = visitor.post(f"/links/{link['id']}/disable", {"back": "/links?q=switched"})
    assert answer.headers["location"] == "/links?q=switched"
    assert int(visitor.client.cookies[POSITION]) == head(shared_house)
    page = visitor.get("/links?q=switched")
    assert "Disabled “Switched”" in text_of(page)
    assert ">Disabled<" in page.text
    assert NOTICE not in visitor.client.cookies
    assert "Disabled “Switched”" not in text_of(visitor.get("/links"))


def test_a_list_that_is_behind_says_so(shared_house: House) -> None:
    visitor = Visitor(shared_house, "member")
    visitor.client.cookies.set(POSITION, str(head(shared_house) + 1000))
    answer = visitor.get("/links")
    assert answer.status_code == 200
    assert "still catching up" in text_of(answer)


def test_a_notice_cannot_hold_markup(shared_house: House) -> None:
    visitor = Visitor(shared_house, "member")
    visitor.client.cookies.set(NOTICE, "%3Cscript%3Ealert(1)%3C%2Fscript%3E")
    page = visitor.get("/links").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
