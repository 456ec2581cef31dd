"""What the page of a booking tells its guest: where the mail went, who cancelled, and how to add it to a calendar."""

from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest

from domain.token import Token
from integrations.mail.meeting_mails import describe_canceller
from tests.api.scriptless_browser import ScriptlessBrowser
from tests.api_driver import ApiDriver, extract_code


@pytest.fixture
def guest(shared_api: ApiDriver) -> ScriptlessBrowser:
    """A guest's browser."""
    return ScriptlessBrowser(shared_api.client)


def book_on(api: ApiDriver, code: str) -> tuple[str, str]:
    """Book the first free time. Returns the path of the booking's page, and the id of the booking."""
    booking = api.book_meeting(code, api.list_slots(code)[-1])
    return f"/m/{extract_code(booking['manage_url'])}", booking["booking"]["id"]


class TestCancelledByTheHost:
    """Who it was, why, and what to do."""

    def test_on_a_core_link(self, shared_api: ApiDriver, guest: ScriptlessBrowser) -> None:
        link = shared_api.create_link("Called off")
        path, id = book_on(shared_api, link["slug"])
        shared_api.post(f"/v1/bookings/{id}/cancel", {"reason": "I am ill today."}, "member")
        page = guest.open_page(path)
        assert "Member cancelled it." in page.text
        assert "I am ill today." in page.text
        assert page.find_link("Choose another time") == f"/book/{link['slug']}"

    def test_on_a_single_use_link_whose_core_link_stays_secret(
        self, shared_api: ApiDriver, guest: ScriptlessBrowser
    ) -> None:
        link = shared_api.create_link("Called off once")
        path, id = book_on(shared_api, shared_api.create_codes(link)[0])
        shared_api.post(f"/v1/bookings/{id}/cancel", {}, "member")
        page = guest.open_page(path)
        assert "ask Member for a new link" in page.text
        assert link["slug"] not in page.response.text

    def test_names_who_did_it_and_whom_to_ask(self, shared_api: ApiDriver, guest: ScriptlessBrowser) -> None:
        path, id = book_on(shared_api, shared_api.create_codes(shared_api.create_link("Called off by a manager"))[0])
        shared_api.post(f"/v1/bookings/{id}/cancel", {}, "manager")
        text = guest.open_page(path).text
        assert "Manager cancelled it." in text
        assert "ask Member for a new link" in text
        services = shared_api.services
        token = services.scheduling.load_aggregate(Token, UUID(id))
        details = services.meeting_details.load_details(token)
        assert [describe_canceller(details, for_guest) for for_guest in (True, False)] == ["Manager", "Manager"]

    def test_by_the_guest(self, shared_api: ApiDriver, guest: ScriptlessBrowser) -> None:
        path, _ = book_on(shared_api, shared_api.create_link("Called off by the guest")["slug"])
        shared_api.post(f"/v1/manage/{path[3:]}/cancel", {})
        assert "You cancelled it." in guest.open_page(path).text


class TestMail:
    """Never more than is known."""

    def test_where_there_is_no_mail_server(self, shared_api: ApiDriver, guest: ScriptlessBrowser) -> None:
        path, _ = book_on(shared_api, shared_api.create_link("No mail")["slug"])
        assert shared_api.services.settings.mail_method == "none"
        assert "This server sends no mail" in guest.open_page(path).text

    def test_where_it_goes(
        self, shared_api: ApiDriver, guest: ScriptlessBrowser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path, _ = book_on(shared_api, shared_api.create_link("Mail")["slug"])
        monkeypatch.setattr(shared_api.services.settings, "smtp_url", "smtps://mail.example")
        assert "is on its way to grace@guest.example" in guest.open_page(path).text


def test_adds_the_meeting_to_calendars(shared_api: ApiDriver, guest: ScriptlessBrowser) -> None:
    path, _ = book_on(shared_api, shared_api.create_link("Calendars")["slug"])
    page = guest.open_page(path)
    start = shared_api.get(f"/v1/manage/{path[3:]}")["booking"]["start"].replace("-", "").replace(":", "")
    google = urlsplit(page.find_link("Google Calendar"))
    query = parse_qs(google.query)
    assert google.netloc == "calendar.google.com"
    assert query["text"] == ["Intro with Member"]
    assert query["dates"][0].startswith(f"{start}/")
    assert path in query["details"][0]
    for name, host in (("Outlook.com", "outlook.live.com"), ("Microsoft 365", "outlook.office.com")):
        link = urlsplit(page.find_link(name))
        assert link.netloc == host
        assert parse_qs(link.query)["startdt"][0].replace("-", "").replace(":", "") == start
    opened = shared_api.client.get(page.find_link("Apple Calendar"))
    assert "content-disposition" not in opened.headers
    assert opened.headers["content-type"].startswith("text/calendar")
    assert "attachment" in shared_api.client.get(page.find_link("Calendar file")).headers["content-disposition"]
