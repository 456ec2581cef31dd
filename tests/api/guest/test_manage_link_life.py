"""A guest's link to their booking ends some time after the meeting, wherever it is used."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.api.attacks import OPERATIONS
from tests.api.refusals import assert_problem, find_last_position
from tests.api.scriptless_browser import ScriptlessBrowser
from tests.api_driver import GUEST, ApiDriver, extract_code

LIFETIME = timedelta(days=90)
SECOND = timedelta(seconds=1)
PAGES = ("", "/reschedule", "/cancel", "/meeting.ics")


def book_meeting(api: ApiDriver, number: int) -> tuple[str, list[str]]:
    """Book the meeting of a single-use link. Returns its manage code, and the starts on offer from its own on."""
    [code] = api.create_codes(api.create_link(f"Ends {number}"))
    starts = api.list_slots(code)[number:]
    return extract_code(api.book_meeting(code, starts[0])["manage_url"]), starts


def leave_alone(api: ApiDriver, code: str, starts: list[str]) -> str:
    """Change nothing. Returns the start that counts."""
    return starts[0]


def move_meeting(api: ApiDriver, code: str, starts: list[str]) -> str:
    """Move the meeting to a later time. Returns the start that counts: the new one."""
    api.post(f"/v1/manage/{code}/reschedule", {"start": starts[9]})
    return starts[9]


def cancel_meeting(api: ApiDriver, code: str, starts: list[str]) -> str:
    """Cancel the meeting. Returns the start that counts: the one that it had."""
    api.post(f"/v1/manage/{code}/cancel", {})
    return starts[0]


@pytest.mark.parametrize(("number", "change"), [*enumerate([leave_alone, move_meeting, cancel_meeting])])
def test_ends_90_days_after_the_meeting_as_it_stands(
    shared_api: ApiDriver, number: int, change: Callable[[ApiDriver, str, list[str]], str]
) -> None:
    code, starts = book_meeting(shared_api, number * 12)
    end = datetime.fromisoformat(change(shared_api, code, starts)) + timedelta(minutes=30)
    with shared_api.clock.stop_at(end + LIFETIME - SECOND):
        assert shared_api.get(f"/v1/manage/{code}")["booking"]["guest"] == GUEST
        assert GUEST["name"] in shared_api.client.get(f"/m/{code}").text
    with shared_api.clock.stop_at(end + LIFETIME):
        assert_problem(shared_api.send_request("GET", f"/v1/manage/{code}"), 410, "manage_link_expired")
        assert shared_api.client.get(f"/m/{code}").status_code == 410


def test_on_every_route_and_page(shared_api: ApiDriver) -> None:
    code, starts = book_meeting(shared_api, 40)
    operations = [(path, method) for path, method, _ in OPERATIONS if path.startswith("/v1/manage/{code}")]
    assert len(operations) == 4
    browser, position_before = ScriptlessBrowser(shared_api.client), find_last_position(shared_api)
    with shared_api.clock.stop_at(datetime.fromisoformat(starts[0]) + timedelta(days=91)):
        query = "?from=2030-01-01&to=2030-01-01&time_zone=UTC"
        for path, method in operations:
            address = path.replace("{code}", code) + (query if path.endswith("/slots") else "")
            body: Any = {"start": starts[1]} if path.endswith("/reschedule") else {} if method == "post" else None
            response = shared_api.send_request(method.upper(), address, body)
            assert_problem(response, 410, "manage_link_expired")
        for page in PAGES:
            response = shared_api.client.get(f"/m/{code}{page}")
            assert response.status_code == 410
            assert not any(value in response.text for value in GUEST.values())
        assert shared_api.client.post(f"/m/{code}/cancel").status_code == 410
        closed_page = browser.open_page(f"/m/{code}")
    assert "This meeting is long over" in closed_page.text
    assert "You met Member." in closed_page.text
    assert find_last_position(shared_api) == position_before


def test_the_setting_holds(shared_api: ApiDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    code, starts = book_meeting(shared_api, 60)
    monkeypatch.setattr(shared_api.services.settings, "manage_link_days", 1)
    with shared_api.clock.stop_at(datetime.fromisoformat(starts[0]) + timedelta(days=1, minutes=30)):
        assert_problem(shared_api.send_request("GET", f"/v1/manage/{code}"), 410, "manage_link_expired")
