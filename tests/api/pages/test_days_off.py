"""Limits, holidays and absences on the pages: one's own, and those of everybody for admins."""

import re
from typing import Any

import httpx2

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
        assert '<option value="DE" selected>Germany</option>' in page.text
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


def test_holidays_are_ticked_off_and_guests_led_to_a_colleague(api: ApiDriver) -> None:
    colleague = api.create_link("Instead of me", "manager", slug="instead", in_library=True)
    api.create_link("Not shared", "manager", slug="not-shared")
    client = PageClient(api, "member")

    def send(**changes: Any) -> httpx2.Response:
        version = str(api.get("/v1/me", "member")["version"])
        hours = {"version": version, "time_zone": "UTC", "mon_from": "09:00", "mon_to": "17:00", "days_off": "on"}
        return client.post("/settings/hours", hours | {"country": "DE"} | changes)

    assert "Save to see the days" not in client.get("/settings").text
    assert send().status_code == 303
    page = client.get("/settings").text
    days = re.findall(r'name="holiday_in_form" value="([^"]+)"', page)
    assert len(days) >= 9
    assert page.count('name="holiday_kept"') == page.count(" checked><span><strong>") == len(days)
    assert ("Instead of me" in page, "Not shared" in page) == (True, False)
    absence = {"away_from": "2027-03-01", "away_to": "2027-03-05", "away_message": "", "away_link": colleague["id"]}
    assert send(holiday_in_form=days, holiday_kept=days[1:], **absence).status_code == 303
    me = api.get("/v1/me", "member")
    assert me["holidays"]["except"] == days[:1]
    assert me["absences"][0]["instead_link_id"] == colleague["id"]
    page = client.get("/settings").text
    assert page.count(" checked><span><strong>") == len(days) - 1
    assert f'value="{colleague["id"]}" selected' in page
    # a day that the form does not show stays ticked off; another country begins anew
    assert send(**absence).status_code == 303
    assert api.get("/v1/me", "member")["holidays"]["except"] == days[:1]
    assert send(country="FR", holiday_in_form=days, holiday_kept=days[1:], **absence).status_code == 303
    assert api.get("/v1/me", "member")["holidays"] == {"country": "FR", "region": None, "except": []}
    wrong = send(country="FR", **{**absence, "away_link": "nothing"})
    assert wrong.status_code == 422
    assert 'value="2027-03-05"' in wrong.text
    too_long = send(country="FR", region="B" * 40, **{**absence, "away_message": "m" * 3000})
    assert too_long.status_code == 422
    assert "m" * 3000 in too_long.text
