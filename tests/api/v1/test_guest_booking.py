"""A guest books: once."""

from tests.api_driver import House, code_of


class TestBook:
    """POST /v1/book/{code}"""

    def test_books_and_then_refuses(self, house: House) -> None:
        link = house.link()
        [code] = house.codes(link)
        start, other, *_ = house.slots(code)
        made = house.book(code, start)
        assert made["booking"]["start"] == start
        assert house.book(code, other, expect=410)["code"] == "link_used"
        assert [row["link_type"] for row in house.log()] == ["single_use"]
        manage = code_of(made["manage_url"])
        moved = house.post(f"/v1/manage/{manage}/reschedule", {"start": other})
        assert moved["booking"]["start"] == other
        assert house.log()[0]["status"] == "rescheduled"
