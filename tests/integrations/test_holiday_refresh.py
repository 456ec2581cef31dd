"""What the calendar of public holidays learns later is recorded by itself, once, and changes nothing before."""

from uuid import UUID

from domain.person import Person
from tests.api.refusals import find_last_position
from tests.api_driver import ApiDriver


def test_a_later_edition_of_the_calendar_changes_no_history(api: ApiDriver) -> None:
    me = api.patch("/v1/me", {"holidays": {"country": "DE", "region": "BE"}}, "member")
    api.patch("/v1/me", {"weekly_hours": {}}, "engineer")  # who keeps no holidays
    services, id = api.services, UUID(api.ids["member"])
    api.send_request("GET", "/v1/people", who="admin", Oncelink_Min_Position=str(find_last_position(api)))
    worker = services.holiday_refresh
    assert worker.refresh_holidays() == 0  # the calendar says what it said
    list_holidays = services.administration.list_holidays
    services.administration.list_holidays = lambda *place: (*list_holidays(*place), ("2029-05-08", "A new holiday"))
    assert worker.refresh_holidays() == 1
    assert worker.refresh_holidays() == 0
    load = services.scheduling.application.load_aggregate_at_version
    before, after = (load(Person, id, version).properties.holidays for version in (me["version"], me["version"] + 1))
    assert before is not None
    assert after is not None
    assert set(after.days) - set(before.days) == {("2029-05-08", "A new holiday")}
    assert ("2029-05-08", "A new holiday") not in before.days
    assert any(name.startswith("Christmas") or name == "Christmas Day" for _, name in before.days)
    assert api.get("/v1/me", "member")["version"] == me["version"] + 1
