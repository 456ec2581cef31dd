"""Errors of forms: at their fields, announced and focused without JavaScript, and nothing that was typed is lost."""

import re
from typing import Any

import pytest

from tests.api.pages.page_client import PageClient
from tests.api.refusals import assert_problem
from tests.api_driver import ApiDriver

MAX_SIGN_IN_REQUESTS = 50


def find_fieldset(html: str, day: str) -> str:
    """Return the part of the hours form that belongs to a weekday."""
    start = html.index(f'data-hours-day="{day}"')
    return html[start : html.index("</fieldset>", start)]


def list_invalid(html: str) -> list[str]:
    """List the names of the controls that are marked as invalid, each with an error that is on the page."""
    controls = [tag for tag in re.findall(r"<(?:input|select|textarea)[^>]*>", html) if 'aria-invalid="true"' in tag]
    for control in controls:
        [described_by] = re.findall(r'aria-describedby="([^"]+)"', control)
        assert re.search(f'class="(field-error|slug-check)" id="{described_by.split()[0]}"', html)
    return [name for control in controls for name in re.findall(r' name="([^"]+)"', control)]


class TestHours:
    """Hours name the day that is wrong."""

    def test_weekday(self, shared_api: ApiDriver) -> None:
        form = {"time_zone": "UTC", "tue_from": "17:00", "tue_to": "09:00", "wed_from": "10:00", "wed_to": ""}
        response = PageClient(shared_api, "member").post("/settings/hours", form)
        assert response.status_code == 422
        assert list_invalid(response.text) == ["tue_from", "tue_to", "wed_from", "wed_to"]
        assert "The begin must be before the end." in find_fieldset(response.text, "tue")
        assert "The end must be a time" in find_fieldset(response.text, "wed")
        assert response.text.count(" autofocus") == 1
        assert " autofocus" in find_fieldset(response.text, "tue")
        assert 'name="wed_from" value="10:00"' in response.text

    @pytest.mark.parametrize("path", ["/settings/hours", "/admin/people/new"])
    def test_date(self, shared_api: ApiDriver, path: str) -> None:
        form = {
            "time_zone": "UTC",
            "name": "Ann Lee",
            "email": "ann@nexora.example",
            "roles": "member",
            "on_date": ["2100-12-24", "2001-02-03", "2100-12-26"],
            "on_date_from": ["09:00", "12:00", ""],
            "on_date_to": ["12:00", "11:00", ""],
        }
        response = PageClient(shared_api, "admin").post(path, form)
        assert response.status_code == 422
        assert list_invalid(response.text) == ["on_date_from", "on_date_to"]
        assert 'id="2001-02-03-error"' in response.text
        for date in form["on_date"]:
            assert f'name="on_date" value="{date}"' in response.text

    def test_times_without_their_date_are_not_dropped(self, shared_api: ApiDriver) -> None:
        form = {"time_zone": "UTC", "on_date": "", "on_date_from": "09:00", "on_date_to": "12:00"}
        response = PageClient(shared_api, "member").post("/settings/hours", form)
        assert response.status_code == 422
        assert set(list_invalid(response.text)) == {"on_date"}
        assert 'name="on_date_from" value="09:00"' in response.text

    @pytest.mark.parametrize(("field", "day"), [("weekly_hours", "tue"), ("date_overrides", "2026-12-24")])
    def test_api_names_the_day(self, shared_api: ApiDriver, field: str, day: str) -> None:
        body = {field: {day: [["17:00", "09:00"]]}}
        response = shared_api.send_request("PATCH", "/v1/me", body, "member")
        assert_problem(response, 422, "invalid")
        assert response.json()["errors"] == [
            {"field": f"{field}.{day}", "message": "The begin must be before the end."}
        ]


class TestKeepsWhatWasTyped:
    """A refused form is shown as it was sent."""

    @pytest.mark.parametrize(
        ("path", "form", "invalid"),
        [
            ("feed", {"feed_url": "ftp://calendar.example/a.ics", "feed_name": "Home"}, ["feed_url"]),
            ("feed", {"feed_url": "http://calendar.example/a.ics", "feed_name": "a\tb"}, ["feed_name"]),
            (
                "account",
                {"account_url": "http:/nowhere", "account_user": "ann", "account_password": "secret word"},
                ["account_url"],
            ),
        ],
    )
    def test_calendar(self, shared_api: ApiDriver, path: str, form: dict[str, str], invalid: list[str]) -> None:
        response = PageClient(shared_api, "member").post(f"/settings/calendars/{path}", form)
        assert response.status_code == 422
        assert list_invalid(response.text) == invalid
        for name, value in form.items():
            assert (value in response.text) == (name != "account_password")

    def test_key_name(self, shared_api: ApiDriver) -> None:
        response = PageClient(shared_api, "member").post("/settings/keys", {"key_name": "k" * 201})
        assert (response.status_code, list_invalid(response.text)) == (422, ["key_name"])
        assert "k" * 201 in response.text

    def test_long_address(self, shared_api: ApiDriver) -> None:
        address = f"{'a' * 300}@nexora.example"
        response = PageClient(shared_api).post("/sign-in", {"email": address})
        assert (response.status_code, list_invalid(response.text)) == (422, ["email"])
        assert address in response.text

    @pytest.mark.parametrize(
        ("path", "form", "invalid"),
        [
            ("/admin/people/new", {"name": "Ann", "email": "ann@nexora.example", "time_zone": "UTC"}, ["roles"] * 5),
            ("/admin/meeting-types/new", {"name": "Intro", "duration_minutes": "soon"}, ["duration_minutes"]),
            ("/links/new/properties", {"name": "n" * 201, "slug": "no/slug"}, ["name", "slug"]),
        ],
    )
    def test_other_forms(self, shared_api: ApiDriver, path: str, form: Any, invalid: list[str]) -> None:
        form = form | ({"meeting_type_id": shared_api.ids["type"]} if path.startswith("/links") else {})
        response = PageClient(shared_api, "admin").post(path, form)
        assert response.status_code == 422
        assert list_invalid(response.text) == invalid
        assert response.text.count(" autofocus") == 1
        for value in form.values():
            assert f'value="{value}"' in response.text

    def test_messages_to_recipients(self, shared_api: ApiDriver) -> None:
        """One that is too long: of a single-use link, and of a list of them, with what was ticked."""
        client, link = PageClient(shared_api, "member"), shared_api.create_link("Messages")
        body = {"recipients": [{"name": "Grace", "email": "grace@guest.example"}]}
        [one] = shared_api.post(f"/v1/links/{link['id']}/single-use", body, "member", 201)["items"]
        response = client.post(f"/links/{link['id']}/single-use/{one['id']}/send", {"message": "m" * 2001})
        assert (response.status_code, list_invalid(response.text)) == (422, ["message"])
        assert f">{'m' * 2001}</textarea>" in response.text
        form = {"recipients": '[{"name": "Ada", "email": "ada@guest.example"}]', "send": "on", "key": "k" * 32}
        response = client.upload(f"/links/{link['id']}/recipients/made", form | {"message": "m" * 2001})
        assert (response.status_code, list_invalid(response.text)) == (422, ["message"])
        assert f">{'m' * 2001}</textarea>" in response.text
        nameless = form | {"recipients": '[{"name": "Ada"}]', "message": "Typed"}
        response = client.upload(f"/links/{link['id']}/recipients/made", nameless)
        assert (response.status_code, ">Typed</textarea>" in response.text) == (422, True)
        assert "everybody needs an e-mail address" in response.text
        assert re.search(r'name="send" value="on" checked', response.text)

    def test_too_many_requests(self, api: ApiDriver) -> None:
        """What can be repeated later is sent again by one button."""
        page_client, form = PageClient(api), {"email": "ann@nexora.example", "next": "/links/new"}
        for _ in range(MAX_SIGN_IN_REQUESTS):
            response = page_client.post("/sign-in", form)
            if response.status_code == 429:
                break
        assert "What you filled in is kept." in response.text
        assert '<form class="mt-6" method="post" action="/sign-in">' in response.text
        for name, value in form.items():
            assert f'<input type="hidden" name="{name}" value="{value}">' in response.text
