"""Details of guests end with the organisation's retention: once, in the log, batch by batch, and nothing too early."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from integrations import retention
from tests.api.pages.page_client import PageClient, extract_text
from tests.api.refusals import find_last_position
from tests.api.remaining_data import count_unexplained_details, iterate_relations
from tests.api_driver import ApiDriver

ERASURES = "SELECT count(*)::int AS count FROM {schema}.events WHERE type LIKE 'PersonalDetailsErased.%%'"


def book_meetings(api: ApiDriver, count: int) -> tuple[list[dict[str, Any]], datetime]:
    """Book meetings of different guests one after the other; returns them, and when the last but one ended."""
    api.create_link(slug="intro")
    bookings = []
    for number, start in enumerate(api.list_slots("intro")[:count]):
        guest = {"name": f"Wanda{number} Zqx", "email": f"w{number}@zqx.example", "time_zone": "UTC"}
        bookings.append(api.post("/v1/book/intro", {"start": start, "guest": guest}, None, 201)["booking"])
    return bookings, datetime.fromisoformat(bookings[-2]["end"])


def count_erasures(api: ApiDriver) -> int:
    """Count the events of erasures."""
    return int(api.services.database.fetch_rows(ERASURES)[0]["count"])


def test_erases_what_ended_long_enough_ago(api: ApiDriver, superuser_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "MAX_STREAMS_PER_APPEND", 2)
    bookings, ended_at = book_meetings(api, 6)
    api.patch("/v1/organisation", {"retention_months": 1}, "admin")
    api.post(f"/v1/bookings/{bookings[0]['id']}/cancel", {"reason": "Zqx is ill"}, "member")
    api.list_meetings()
    worker = api.services.retention
    month = timedelta(days=32)
    with api.clock.stop_at(ended_at + month - timedelta(days=4)):
        assert worker.erase_overdue_details() == 0
    with api.clock.stop_at(retention.subtract_months(ended_at + month, 0).replace(day=ended_at.day)):
        assert worker.erase_overdue_details() == 5
        position = find_last_position(api)
        assert worker.erase_overdue_details() == 0
        assert find_last_position(api) == position
    assert count_erasures(api) == 5 + 3  # an event for each meeting, and one that ends each batch
    rows = {row["booking_id"]: row for row in api.list_meetings("limit=200")}
    assert [rows[booking["id"]]["erased"] for booking in bookings] == [True] * 5 + [False]
    assert rows[bookings[5]["id"]]["guest"]["name"] == "Wanda5 Zqx"
    assert all(rows[booking["id"]]["starts_at"] == booking["start"] for booking in bookings)
    schema = api.services.settings.db_schema
    assert count_unexplained_details(superuser_url, schema) == (0, 0)
    remains = {name for name, content in iterate_relations(superuser_url, schema) if "wanda0" in content}
    assert remains == set()
    assert (
        "The system erased the personal details of a booking"
        in api.get(f"/v1/history/streams/{bookings[1]['id']}", "auditor")["items"][-1]["sentence"]
    )


def test_is_due_when_the_organisation_says_so(api: ApiDriver) -> None:
    worker = api.services.retention
    assert not worker.is_due()
    assert worker.erase_overdue_details() == 0
    api.patch("/v1/organisation", {"retention_months": 12}, "admin")
    worker.last_run = (12, api.clock())
    assert not worker.is_due()
    api.patch("/v1/organisation", {"retention_months": 11}, "admin")
    assert worker.is_due()
    worker.last_run = (11, api.clock() - retention.PERIOD)
    assert worker.is_due()


def test_the_page_says_what_it_would_erase(api: ApiDriver) -> None:
    _, ended_at = book_meetings(api, 3)
    api.list_meetings()
    admin = PageClient(api, "admin")
    path = "/admin/organisation?version=0&retention_months="
    assert "Right now no meeting is older" in extract_text(admin.get(f"{path}1"))
    assert "Right now" not in extract_text(admin.get(f"{path}many"))
    api.clock.advance(days=40)
    sign_in_path = f"/sign-in/{api.services.api_keys.create_sign_in_code(UUID(api.ids['admin']), api.clock())}"
    assert admin.post(sign_in_path).status_code == 303
    page = extract_text(admin.get(f"{path}1"))
    assert "Right now that is 3 meetings with 3 records" in page
    assert ended_at < api.clock()


def test_a_meeting_erased_by_hand_is_not_erased_again(api: ApiDriver, superuser_url: str) -> None:
    bookings, ended_at = book_meetings(api, 2)
    api.patch("/v1/organisation", {"retention_months": 1}, "admin")
    api.post("/v1/erasures", {"email": "w0@zqx.example"}, "admin", 201)
    api.list_meetings()
    with api.clock.stop_at(ended_at + timedelta(days=60)):
        assert api.services.retention.erase_overdue_details() == 1
    with psycopg.connect(superuser_url) as connection:
        query = api.services.database.compose_query("SELECT count(*) FROM {schema}.personal_details")
        assert connection.execute(query).fetchone() == (0,)
    assert len(bookings) == 2
