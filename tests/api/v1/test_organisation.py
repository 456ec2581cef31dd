"""/v1/organisation and its page: defaults, changes, conflicts, and what guests read of it."""

from typing import Any

import pytest

from domain.organisation import ORGANISATION_ID, OrganisationProperties
from tests.api.pages.page_client import PageClient, extract_text
from tests.api.refusals import assert_problem, find_last_position
from tests.api_driver import ApiDriver

PATH = "/v1/organisation"
DEFAULTS = {**OrganisationProperties().model_dump(), "version": 0}
CHANGES = {
    "name": "Nexora 🚀 Systems",
    "time_zone": "Europe/Berlin",
    "default_locale": "pt-BR",
    "support_contact": "hello@nexora.example",
    "privacy_url": "https://nexora.example/privacy",
    "imprint_url": "https://nexora.example/imprint",
    "replacement": "host_cancelled",
    "calendar_changes": "follow",
    "retention_months": 24,
}


def test_has_defaults_before_anybody_changed_it(api: ApiDriver) -> None:
    response = api.send_request("GET", PATH, who="analyst")
    assert response.json() == DEFAULTS
    assert response.headers["ETag"] == '"0"'
    assert api.services.organisation.load_organisation().id == ORGANISATION_ID


def test_is_named_as_the_sender_of_mail(api: ApiDriver) -> None:
    settings = api.services.settings
    with_name = settings.model_copy(update={"mail_from": "Nexora <booking@nexora.example>"})
    assert with_name.organisation_defaults.name == "Nexora"
    without_name = settings.model_copy(update={"mail_from": "booking@nexora.example"})
    assert without_name.organisation_defaults == OrganisationProperties()


def test_is_changed_by_admins_one_version_after_the_other(api: ApiDriver) -> None:
    after = api.patch(PATH, CHANGES, "admin", If_Match='"0"')
    assert after == {**CHANGES, "version": 1} == api.get(PATH, "member")
    position = find_last_position(api)
    assert api.patch(PATH, CHANGES, "admin")["version"] == 1
    assert find_last_position(api) == position
    cleared = dict.fromkeys(("support_contact", "privacy_url", "imprint_url", "retention_months"))
    assert api.patch(PATH, cleared, "admin") == {**CHANGES, **cleared, "version": 2}
    assert_problem(api.send_request("PATCH", PATH, {"name": "x"}, "admin", If_Match='"1"'), 412, "version_conflict")
    history = api.get(f"/v1/history/streams/{ORGANISATION_ID}", "auditor")["items"]
    assert [event["type"] for event in history] == ["OrganisationUpdated.v1"] * 2
    assert "changed the organisation “Nexora" in history[0]["sentence"]
    assert "replacement from “manual” to “host_cancelled”" in history[0]["sentence"]
    assert "retention months from 24 to none" in history[1]["sentence"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""), ("name", None), ("name", "x" * 201), ("time_zone", "Mars/Olympus"), ("default_locale", "d"),
        ("default_locale", "english!"), ("support_contact", "a\nb"), ("privacy_url", "javascript:alert(1)"),
        ("imprint_url", "nexora.example"), ("replacement", "always"), ("replacement", None), ("calendar_changes", ""),
        ("retention_months", 0), ("retention_months", 601), ("retention_months", "24"), ("logo", "x"),
    ],
)  # fmt: skip
def test_refuses(shared_api: ApiDriver, unchanged_log: None, field: str, value: Any) -> None:
    response = shared_api.send_request("PATCH", PATH, {field: value}, "admin")
    assert_problem(response, 422, "invalid")
    assert [error["field"] for error in response.json()["errors"]] == [field]


def test_the_first_change_races(api: ApiDriver) -> None:
    """Two admins who both change the organisation for the first time: the second one sees a conflict."""
    admin = PageClient(api, "admin")
    api.patch(PATH, {"name": "First"}, "admin")
    assert_problem(api.send_request("PATCH", PATH, {"name": "Other"}, "admin", If_Match='"0"'), 412, "version_conflict")
    page = admin.post("/admin/organisation", {**CHANGES, "name": "Second", "version": "0"})
    assert page.status_code == 412
    assert "Somebody saved this while you were writing" in page.text
    assert 'value="Second"' in page.text


class TestPage:
    """/admin/organisation"""

    def test_keeps_what_was_typed_and_saves(self, api: ApiDriver) -> None:
        admin = PageClient(api, "admin")
        assert PageClient(api, "manager").get("/admin/organisation").status_code == 403
        form = {**CHANGES, "retention_months": "24", "version": "0"}
        refused = admin.post("/admin/organisation", {**form, "privacy_url": "nexora", "retention_months": "many"})
        assert refused.status_code == 422
        assert 'name="privacy_url" aria-invalid="true"' in refused.text
        assert 'value="many"' in refused.text
        assert admin.post("/admin/organisation", form).status_code == 303
        page = admin.get("/admin/organisation").text
        assert 'value="host_cancelled" required checked' in page
        assert api.get(PATH, "admin") == {**CHANGES, "version": 1}
        assert "Organisation" in extract_text(admin.get("/admin/organisation"))

    def test_guests_read_it_on_every_page(self, api: ApiDriver) -> None:
        api.create_link(slug="intro")
        guest = PageClient(api)
        assert "guest-foot-links" not in guest.get("/book/intro").text
        api.patch(PATH, CHANGES, "admin")
        for path in ("/book/intro", "/book/nowhere"):
            page = guest.get(path).text
            assert '<a class="text-link" href="mailto:hello@nexora.example">' in page
            assert 'href="https://nexora.example/privacy">Privacy</a>' in page
            assert 'href="https://nexora.example/imprint">Imprint</a>' in page
            assert "Nexora 🚀 Systems" in page

    @pytest.mark.parametrize(
        ("contact", "expected"),
        [
            ("+49 30 1234-567", '<a class="text-link" href="tel:+49301234567">'),
            (
                "https://help.example/?a=1&b=2",
                '<a class="text-link" href="https://help.example/?a=1&amp;b=2">Contact</a>',
            ),
            ("Ask <b>Ada</b>", "<bdi>Ask &lt;b&gt;Ada&lt;/b&gt;</bdi>"),
        ],
    )
    def test_a_contact_opens_as_what_it_is(self, shared_api: ApiDriver, contact: str, expected: str) -> None:
        shared_api.patch(PATH, {"support_contact": contact}, "admin")
        assert expected in PageClient(shared_api).get("/book/nowhere").text
