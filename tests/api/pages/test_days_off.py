"""Limits, holidays and absences on the pages: one's own, and those of everybody for admins."""

from tests.api.pages.page_client import PageClient
from tests.api_driver import ApiDriver


def test_settings_and_people_have_limits_holidays_and_absences(api: ApiDriver) -> None:
    me = api.get("/v1/me", "member")
    form = {
        "version": str(me["version"]), "time_zone": "UTC", "mon_from": "09:00", "mon_to": "17:00", "days_off": "on",
        "per_day": "3", "per_week": "", "country": "DE", "region": "by",
        "away_from": "2027-03-01", "away_to": "2027-03-05", "away_message": "Back on Monday.",
    }  # fmt: skip
    client = PageClient(api, "member")
    assert client.get("/settings").status_code == 200  # without any of them yet
    wrong = client.post("/settings/hours", form | {"region": "zz", "per_day": "none"})
    assert wrong.status_code == 422
    assert 'value="Back on Monday."' in wrong.text  # what was typed is not lost
    assert client.post("/settings/hours", form).status_code == 303
    after = api.get("/v1/me", "member")
    absence = {"from": "2027-03-01", "to": "2027-03-05", "message": "Back on Monday.", "instead_link_id": None}
    assert after["absences"] == [absence]
    assert after["limits"] == {"per_day": 3, "per_week": None}
    assert after["holidays"] == {"country": "DE", "region": "BY", "except": []}
    for page in (client.get("/settings"), PageClient(api, "admin").get(f"/admin/people/{me['id']}")):
        assert "<option selected>DE</option>" in page.text
        assert 'value="2027-03-05"' in page.text
    del form["days_off"]  # a form without this part changes none of it
    assert (
        client.post("/settings/hours", form | {"version": str(after["version"]), "mon_to": "16:00"}).status_code == 303
    )
    assert api.get("/v1/me", "member")["absences"] == [absence]


def test_meeting_types_have_limits(api: ApiDriver) -> None:
    client = PageClient(api, "admin")
    path = f"/admin/meeting-types/{api.ids['type']}"
    form = {"name": "Intro", "duration_minutes": "30", "per_day": "2", "per_week": "", "version": "1"}
    assert client.post(path, form | {"per_day": "0"}).status_code == 422
    assert client.post(path, form).status_code == 303
    saved = api.get(f"/v1/meeting-types/{api.ids['type']}", "admin")
    assert saved["limits"] == {"per_day": 2, "per_week": None}
    assert 'value="2"' in client.get(path).text
