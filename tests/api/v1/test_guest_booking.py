"""A guest books: once."""

from tests.api_driver import ApiDriver, extract_code


class TestBook:
    """POST /v1/book/{code}"""

    def test_books_and_then_refuses(self, api: ApiDriver) -> None:
        link = api.create_link()
        [code] = api.create_codes(link)
        start, other_start, *_ = api.list_slots(code)
        booking = api.book_meeting(code, start)
        assert booking["booking"]["start"] == start
        assert api.book_meeting(code, other_start, expect=410)["code"] == "link_used"
        assert [row["link_type"] for row in api.list_meetings()] == ["single_use"]
        manage = extract_code(booking["manage_url"])
        rescheduled = api.post(f"/v1/manage/{manage}/reschedule", {"start": other_start})
        assert rescheduled["booking"]["start"] == other_start
        assert api.list_meetings()[0]["status"] == "rescheduled"
