"""A limit tried on a month over HTTP and on its page."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.api.pages.page_client import PageClient, extract_text
from tests.api.refusals import assert_problem
from tests.api_driver import GUEST, ApiDriver

LATER = datetime.now(UTC).date() + timedelta(days=21)
MONDAY = LATER - timedelta(days=LATER.weekday())


def book_three(api: ApiDriver, slug: str, first: date) -> None:
    """Book three meetings of a day."""
    api.create_link(slug.capitalize(), slug=slug)
    for hour in (9, 10, 11):
        start = f"{first}T{hour:02}:00:00Z"
        api.post(f"/v1/book/{slug}", {"start": start, "guest": GUEST}, None, 201)


def test_says_what_would_have_been_refused(shared_api: ApiDriver) -> None:
    book_three(shared_api, "tried", MONDAY)
    member_id, month = shared_api.ids["member"], f"{MONDAY:%Y-%m}"
    for path, who in ((f"/v1/people/{member_id}", "member"), (f"/v1/meeting-types/{shared_api.ids['type']}", "admin")):
        answer = shared_api.get(f"{path}/limit-trial?per_day=2&month={month}", who)
        assert (answer["refused"], answer["month"]) == (1, month)
        [item] = answer["items"]
        assert (item["kind"], item["starts_at"], item["host"]["id"]) == ("booked", f"{MONDAY}T11:00:00Z", member_id)
        assert shared_api.get(f"{path}/limit-trial?per_day=3&month={month}", who)["refused"] == 0
        assert shared_api.get(f"{path}/limit-trial?per_day=1", who)["refused"] == 0  # last month
    page = PageClient(shared_api, "member").get(f"/settings/limit-trial?per_day=1&month={month}")
    assert "this would have refused 2 ." in extract_text(page)


@pytest.mark.parametrize(
    "query", ["", "per_day=0", "per_day=x", "per_day=1001", "per_day=1&month=2026-13", "per_week=1&month=x"]
)
def test_bad_input(shared_api: ApiDriver, query: str) -> None:
    path = f"/v1/people/{shared_api.ids['member']}/limit-trial?{query}"
    assert_problem(shared_api.send_request("GET", path, who="member"), 422, "invalid")


def test_the_page_names_the_field_and_the_rule(shared_api: ApiDriver) -> None:
    client = PageClient(shared_api, "admin")
    for path in (f"/admin/people/{shared_api.ids['member']}", f"/admin/meeting-types/{shared_api.ids['type']}"):
        assert client.get(f"{path}/limit-trial").status_code == 200
        page = client.get(f"{path}/limit-trial?per_day=many&month=never")
        assert page.status_code == 422
        assert 'id="per_day-error"' in page.text
        assert 'value="many"' in page.text
        assert "Try a limit on last month" in client.get(path).text
    assert (
        PageClient(shared_api, "member").get(f"/admin/people/{shared_api.ids['admin']}/limit-trial").status_code == 403
    )
