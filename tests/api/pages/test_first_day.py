"""The first day: where people land, the zone that they confirm, and the list on My Links until it is done."""

import pytest

from api.cli.people import add_person, make_api_key
from tests.api.pages.page_client import PageClient, create_sign_in_path, extract_text
from tests.api.refusals import fetch_list, find_last_position
from tests.api_driver import ApiDriver


@pytest.fixture
def page_client(api: ApiDriver) -> PageClient:
    """A person who has just been added, in UTC, and who has signed in for the first time."""
    api.ids["new"] = str(add_person(api.services, "new@nexora.example", ["member"], "Nora New", "UTC"))
    return PageClient(api, "new")


@pytest.mark.parametrize(
    ("roles", "path"),
    [
        (["member"], "/links"),
        (["admin"], "/links"),
        (["auditor"], "/history"),
        (["analyst"], "/usage"),
        (["analyst", "auditor"], "/history"),
        (["analyst", "member"], "/links"),
    ],
)
def test_everybody_lands_where_most_of_their_work_is(shared_api: ApiDriver, roles: list[str], path: str) -> None:
    who = "-".join(["lands", *roles])
    shared_api.add_person(who, roles)
    page_client = PageClient(shared_api, who)
    assert page_client.get("/").headers["location"] == path
    assert page_client.get(path).status_code == 200


class TestTimeZone:
    """`/welcome`."""

    def test_is_asked_for_at_the_first_sign_in_only(self, api: ApiDriver, page_client: PageClient) -> None:
        again = PageClient(api)
        path = make_sign_in_path(api)
        assert again.post(path, {"next": "/usage"}).headers["location"] == "/welcome?next=%2Fusage"
        page = again.get("/welcome?next=%2Fusage")
        assert 'value="UTC"' in page.text
        answer = again.post("/welcome", {"time_zone": "Europe/Berlin", "next": "/usage"})
        assert answer.headers["location"] == "/usage"
        assert api.get(f"/v1/people/{api.ids['new']}", "admin")["time_zone"] == "Europe/Berlin"
        assert PageClient(api).post(make_sign_in_path(api), {"next": "/usage"}).headers["location"] == "/usage"

    def test_a_confirmed_zone_that_is_right_appends_nothing(self, api: ApiDriver, page_client: PageClient) -> None:
        position_before = find_last_position(api)
        assert page_client.post("/welcome", {"time_zone": "UTC", "next": "//evil.example"}).headers["location"] == "/"
        assert find_last_position(api) == position_before
        assert PageClient(api).post(make_sign_in_path(api)).headers["location"] == "/"

    def test_a_wrong_zone_is_refused_at_its_field(self, page_client: PageClient) -> None:
        refused = page_client.post("/welcome", {"time_zone": "Mars/Base", "next": "/usage"})
        assert refused.status_code == 422
        assert 'value="Mars/Base"' in refused.text
        assert 'aria-invalid="true"' in refused.text
        assert 'name="next" value="/usage"' in refused.text

    def test_a_city_a_country_or_an_abbreviation_will_do(self, api: ApiDriver, page_client: PageClient) -> None:
        several = page_client.post("/welcome", {"time_zone": "australia", "next": "/usage"})
        assert several.status_code == 422
        assert "Several time zones are called that." in extract_text(several)
        assert 'name="chosen_zone" value="Australia/Sydney"' in several.text
        chosen = {"time_zone": "australia", "chosen_zone": "Australia/Sydney", "next": "/usage"}
        assert page_client.post("/welcome", chosen).headers["location"] == "/usage"
        assert "Your time zone is Sydney, Australia." in extract_text(page_client.get("/links"))
        assert page_client.post("/welcome", {"time_zone": "munich"}).status_code == 303
        text = extract_text(page_client.get("/links/new"))
        assert api.get("/v1/me", make_key(api))["time_zone"] == "Europe/Berlin"
        assert "Europe/Berlin" not in text


class TestList:
    """The list on My Links."""

    def test_stands_until_every_step_is_done(self, api: ApiDriver, page_client: PageClient) -> None:
        text = extract_text(page_client.get("/links"))
        assert "0 of 5 done" in text
        assert "Your time zone: UTC" in text
        assert page_client.post("/welcome/preview").status_code == 404
        page_client.post("/welcome", {"time_zone": "UTC", "next": "/links"})
        page_client.post("/welcome/steps/hours")
        page_client.post("/welcome/steps/calendar")
        assert "3 of 5 done" in extract_text(page_client.get("/links"))

        api.post("/v1/links", {"name": "Chat", "meeting_type_id": api.ids["type"]}, make_key(api), 201)
        fetch_list(api, "/v1/links", "manager")
        assert "4 of 5 done" in extract_text(page_client.get("/links"))
        assert page_client.post("/welcome/preview").headers["location"] == "/book/chat"
        assert "of 5 done" not in extract_text(page_client.get("/links"))

    def test_saving_the_hours_answers_zone_and_hours(self, page_client: PageClient) -> None:
        assert page_client.post("/settings/hours", {"time_zone": "Asia/Tokyo", "mon_from": "09:00", "mon_to": "10:00"})
        text = extract_text(page_client.get("/links"))
        assert "2 of 5 done" in text
        assert "Your time zone: Tokyo, Japan (done)" in text

    def test_can_be_put_away(self, api: ApiDriver, page_client: PageClient) -> None:
        position_before = find_last_position(api)
        assert page_client.post("/welcome/steps/finished").headers["location"] == "/links"
        assert "of 5 done" not in extract_text(page_client.get("/links"))
        assert page_client.post("/welcome/steps/link").status_code == 422
        assert find_last_position(api) == position_before

    def test_is_not_for_those_who_host_nothing(self, api: ApiDriver) -> None:
        api.ids["reader"] = str(add_person(api.services, "reader@nexora.example", ["auditor"], None, "UTC"))
        assert "of 5 done" not in extract_text(PageClient(api, "reader").get("/links"))


def make_sign_in_path(api: ApiDriver) -> str:
    """Return the path of another sign-in link of the new person."""
    return create_sign_in_path(api, "new")


def make_key(api: ApiDriver) -> str:
    """Make an API key for the new person; return their name in the driver."""
    api.keys["new"] = make_api_key(api.services, "new@nexora.example", "tests")
    return "new"
