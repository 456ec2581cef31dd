"""Questions on the guest's form without JavaScript, and what an address fills in."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.api.scriptless_browser import ScriptlessBrowser
from tests.api_driver import GUEST, ApiDriver

QUESTIONS = [
    {"key": "company", "label": "Your company", "kind": "short", "required": True},
    {"key": "goal", "label": "Your goal", "kind": "long"},
    {"key": "size", "label": "Team size", "kind": "one_of", "options": ["1–10", "more"]},
    {"key": "topics", "label": "Topics", "kind": "many_of", "options": ["Price", "API & <more>"]},
    {"key": "recorded", "label": "You may record it", "kind": "tick"},
    {"key": "seats", "label": "Seats", "kind": "number"},
    {"key": "phone", "label": "Phone", "kind": "phone"},
]
FIELDS = {"name": GUEST["name"], "email": GUEST["email"], "q_recorded": "", "q_topics": ""}


@pytest.fixture
def guest(shared_api: ApiDriver) -> Iterator[ScriptlessBrowser]:
    """A guest's browser; the meeting type asks its questions meanwhile."""
    path = f"/v1/meeting-types/{shared_api.ids['type']}"
    shared_api.patch(path, {"questions": QUESTIONS}, "admin")
    yield ScriptlessBrowser(shared_api.client)
    shared_api.patch(path, {"questions": []}, "admin")


def issue_link(api: ApiDriver, **issue: Any) -> str:
    """The path of a new single-use link."""
    link = api.create_link("Asks")
    issued = api.post(f"/v1/links/{link['id']}/single-use", issue, "member", 201)
    return f"/s/{issued['items'][0]['code']}"


class TestForm:
    """The form of a link whose meeting type asks questions."""

    def test_keeps_what_was_typed_and_books(self, shared_api: ApiDriver, guest: ScriptlessBrowser) -> None:
        form = guest.choose_time(issue_link(shared_api)).form
        typed = {**FIELDS, "q_goal": "One\nTwo", "q_topics": "API & <more>", "q_seats": "many", "q_phone": "030"}
        page = guest.submit_form(form, **typed)
        assert page.status == 422
        for sentence in ("Please answer this question.", "This must be a number.", "country code"):
            assert sentence in page.text
        assert page.form.fields["q_goal"].strip() == "One\nTwo"
        assert page.form.fields["q_seats"] == "many"
        assert 'value="API &amp; &lt;more&gt;" checked' in page.response.text
        assert 'name="q_company"' in page.response.text
        assert 'aria-invalid="true" aria-describedby="q_company-error"' in page.response.text
        right = {**typed, "q_company": "Acme", "q_seats": "2,5", "q_phone": "+49 30 901820", "q_size": "more"}
        booked = guest.submit_form(page.form, **right)
        assert (booked.status, booked.path[:3]) == (200, "/m/")
        assert "Your company Acme" in booked.text
        row = shared_api.list_meetings()[0]
        values = {answer["key"]: answer["value"] for answer in row["answers"]}
        assert values == {
            "company": "Acme",
            "goal": "One\nTwo",
            "size": "more",
            "topics": ["API & <more>"],
            "seats": 2.5,
            "phone": "+4930901820",
        }

    def test_a_retry_by_the_other_way_is_the_same_request(
        self, shared_api: ApiDriver, guest: ScriptlessBrowser
    ) -> None:
        path = issue_link(shared_api)
        form = guest.choose_time(path).form
        response = guest.post_form(form, **FIELDS, q_company="Acme", q_seats="2,0", q_goal="a\r\nb")
        assert response.status_code == 303
        body = {
            "start": form.fields["start"],
            "guest": {**GUEST, "time_zone": form.fields["time_zone"]},
            "answers": {"company": "Acme", "goal": "a\nb", "seats": 2},
        }
        key = form.fields["key"]
        again = shared_api.send_request("POST", f"/v1/book/{path[3:]}", body, Idempotency_Key=key)
        assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")

    def test_a_question_that_went_meanwhile(self, shared_api: ApiDriver, guest: ScriptlessBrowser) -> None:
        form = guest.choose_time(issue_link(shared_api)).form
        left = [question for question in QUESTIONS if question["key"] != "seats"]
        shared_api.patch(f"/v1/meeting-types/{shared_api.ids['type']}", {"questions": left}, "admin")
        page = guest.submit_form(form, **FIELDS, q_company="Acme", q_seats="2")
        assert page.status == 422
        assert "What is asked has changed meanwhile." in page.text
        assert page.form.fields["q_company"] == "Acme"
        assert guest.submit_form(page.form, q_recorded="", q_topics="").path.startswith("/m/")


class TestPrefill:
    """`?name=&email=&q_{key}=`"""

    QUERY = (
        "name=Ada%20L&email=ada@x.example&q_company=Acme&q_size=more&q_topics=Price&q_topics=API%20%26%20%3Cmore%3E"
        "&q_recorded=yes&q_nobody=asks&other=1"
    )

    def test_is_carried_to_the_form(self, shared_api: ApiDriver, guest: ScriptlessBrowser) -> None:
        path = issue_link(shared_api)
        month = guest.open_page(f"{path}?{self.QUERY}&time_zone=Europe/Berlin")
        assert month.response.headers["referrer-policy"] == "no-referrer"
        day = guest.open_page(list(month.list_days().values())[-1])
        [zone_form] = [form for form in day.parser.forms if form.method == "get"]
        assert zone_form.fields["email"] == "ada@x.example"
        href = list(day.list_times().values())[-1]
        assert set(parse_qs(urlsplit(href).query)) == {
            *("name", "email", "q_company", "q_size", "q_topics", "q_recorded", "start", "time_zone")
        }
        page = guest.open_page(href)
        fields = page.form.fields
        assert (fields["name"], fields["email"], fields["q_company"]) == ("Ada L", "ada@x.example", "Acme")
        assert (fields["q_size"], page.response.text.count("checked")) == ("more", 4)

    def test_what_cannot_be_typed_is_left_out(self, shared_api: ApiDriver, guest: ScriptlessBrowser) -> None:
        path = issue_link(shared_api)
        form = guest.choose_time(f"{path}?q_size=cats&q_company=a%00b&name={'n' * 300}").form
        assert (form.fields["q_size"], form.fields["q_company"], form.fields["name"]) == ("", "", "n" * 200)

    def test_the_recipient_wins(self, shared_api: ApiDriver, guest: ScriptlessBrowser) -> None:
        path = issue_link(shared_api, recipients=[{"email": "grace@own.example"}])
        form = guest.choose_time(f"{path}?{self.QUERY}").form
        assert (form.fields["name"], form.fields["email"]) == ("Ada L", "grace@own.example")
