"""Questions of meeting types, and the answers of guests."""

import csv
import io
from typing import Any

import pytest

from tests.api_driver import GUEST, ApiDriver, extract_code

QUESTIONS = [
    {"key": "company", "label": "Your company", "kind": "short", "required": True},
    {"key": "goal", "label": "What do you want to achieve?", "kind": "long"},
    {"key": "size", "label": "Team size", "kind": "one_of", "options": ["1–10", "11–100", "more"]},
    {"key": "topics", "label": "Topics", "kind": "many_of", "options": ["Price", "Security", "API"]},
    {"key": "recorded", "label": "You may record the call", "kind": "tick"},
    {"key": "seats", "label": "Seats", "kind": "number"},
    {"key": "phone", "label": "Phone", "kind": "phone"},
]
ANSWERS = {
    "company": " Acme ",
    "goal": "Less work.\nMore joy.",
    "size": "11–100",
    "topics": ["API", "Price"],
    "recorded": True,
    "seats": 12.0,
    "phone": "+49 (0)30 901820",
}
KEPT_VALUES = {
    "company": "Acme",
    "goal": "Less work.\nMore joy.",
    "size": "11–100",
    "topics": ["Price", "API"],
    "recorded": True,
    "seats": 12,
    "phone": "+4930901820",
}


def set_questions(api: ApiDriver, questions: Any = QUESTIONS) -> Any:
    """Let the meeting type ask these questions."""
    return api.patch(f"/v1/meeting-types/{api.ids['type']}", {"questions": questions}, "admin")


def book(api: ApiDriver, code: str, answers: Any, expect: int = 201, start: str = "", **headers: str) -> Any:
    """Book a meeting with answers."""
    body = {"start": start or api.list_slots(code)[0], "guest": GUEST, "answers": answers}
    return api.post(f"/v1/book/{code}", body, None, expect, **headers)


def to_values(answers: Any) -> Any:
    """The values of kept answers by their keys."""
    return {answer["key"]: answer["value"] for answer in answers}


class TestMeetingTypes:
    """`questions` of /v1/meeting-types"""

    def test_are_kept_in_order(self, api: ApiDriver) -> None:
        assert api.get(f"/v1/meeting-types/{api.ids['type']}", "admin")["questions"] == []
        first_questions = set_questions(api)["questions"]
        assert first_questions == [{"required": False, "options": [], **question} for question in QUESTIONS]
        assert set_questions(api, list(reversed(QUESTIONS)))["questions"] == first_questions[::-1]

    @pytest.mark.parametrize(
        ("question", "field"),
        [
            ({"key": "Company"}, "questions.0.key"),
            ({"key": "1st"}, "questions.0.key"),
            ({"key": "a" * 41}, "questions.0.key"),
            ({"label": ""}, "questions.0.label"),
            ({"label": "a" * 201}, "questions.0.label"),
            ({"kind": "date"}, "questions.0.kind"),
            ({"required": "yes"}, "questions.0.required"),
            ({"kind": "one_of"}, "questions.0.options"),
            ({"kind": "one_of", "options": ["only one"]}, "questions.0.options"),
            ({"kind": "many_of", "options": ["same", "same"]}, "questions.0.options"),
            ({"kind": "many_of", "options": [str(number) for number in range(51)]}, "questions.0.options"),
            ({"options": ["a", "b"]}, "questions.0.options"),
            ({"hint": "?"}, "questions.0.hint"),
        ],
    )
    def test_bad_ones_are_refused(self, api: ApiDriver, question: Any, field: str) -> None:
        body = {"questions": [{"key": "company", "label": "Company", "kind": "short", **question}]}
        problem = api.patch(f"/v1/meeting-types/{api.ids['type']}", body, "admin", 422)
        assert problem["errors"][0]["field"] == field

    def test_each_key_once_and_not_too_many(self, api: ApiDriver) -> None:
        question = {"key": "company", "label": "Company", "kind": "short"}
        path = f"/v1/meeting-types/{api.ids['type']}"
        for questions in ([question, question], [{**question, "key": f"q{number}"} for number in range(21)]):
            problem = api.patch(path, {"questions": questions}, "admin", 422)
            assert problem["errors"][0]["field"] == "questions"


class TestAnswers:
    """`answers` of POST /v1/book/{code}"""

    def test_are_everywhere(self, api: ApiDriver) -> None:
        set_questions(api)
        link = api.create_link()
        issued = api.post(f"/v1/links/{link['id']}/single-use", {"metadata": {"deal": "D-7"}}, "member", 201)
        [code] = [item["code"] for item in issued["items"]]
        assert [question["key"] for question in api.get(f"/v1/book/{code}")["questions"]] == list(ANSWERS)
        new_booking = book(api, code, ANSWERS)
        assert to_values(new_booking["booking"]["answers"]) == KEPT_VALUES
        managed = api.get(f"/v1/manage/{extract_code(new_booking['manage_url'])}")
        assert managed["booking"]["answers"] == new_booking["booking"]["answers"]
        [row] = api.list_meetings()
        booking = api.get(f"/v1/bookings/{row['booking_id']}", "member")
        for one in (row, booking):
            assert one["answers"] == new_booking["booking"]["answers"]
            assert one["metadata"] == {"deal": "D-7"}
        assert "metadata" not in new_booking["booking"]  # it is the organisation's own
        text = api.send_request("GET", "/v1/meeting-log", who="manager", Accept="text/csv").text
        [record] = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
        assert '"value": "Acme"' in record["answers"]
        assert record["metadata"] == '{"deal": "D-7"}'

    def test_unused_links_follow_and_old_answers_keep_old_questions(self, api: ApiDriver) -> None:
        link = api.create_link()
        first, second = api.create_codes(link, 2)
        set_questions(api)
        new_booking = book(api, first, {"company": "Acme"})
        set_questions(api, [{"key": "company", "label": "Firm", "kind": "one_of", "options": ["A", "B"]}])
        assert api.get(f"/v1/book/{second}")["questions"][0]["label"] == "Firm"
        book(api, second, {"company": "Acme"}, 422)
        book(api, second, {"company": "B"})
        managed = api.get(f"/v1/manage/{extract_code(new_booking['manage_url'])}")
        old_answer = {"key": "company", "label": "Your company", "kind": "short", "value": "Acme"}
        assert managed["booking"]["answers"] == [old_answer]

    @pytest.mark.parametrize(
        ("answers", "key", "rule"),
        [
            ({}, "company", "answer"),
            ({"company": "  "}, "company", "answer"),
            ({"company": None}, "company", "answer"),
            ({"company": "a\nb"}, "company", "Line breaks"),
            ({"company": "a" * 201}, "company", "200"),
            ({"company": 7}, "company", "text"),
            ({"size": "12"}, "size", "options"),
            ({"size": ["more"]}, "size", "options"),
            ({"topics": "Price"}, "topics", "list"),
            ({"topics": ["Price", "Cats"]}, "topics", "options"),
            ({"recorded": "yes"}, "recorded", "true or false"),
            ({"seats": "12"}, "seats", "number"),
            ({"seats": True}, "seats", "number"),
            ({"seats": 10**16}, "seats", "too large"),
            ({"phone": "030 901820"}, "phone", "country code"),
            ({"phone": "+49 1"}, "phone", "phone number"),
            ({"phone": "call me"}, "phone", "country code"),
            ({"shoe_size": 43}, "shoe_size", "no such question"),
        ],
    )
    def test_bad_ones_name_key_and_rule(self, api: ApiDriver, answers: Any, key: str, rule: str) -> None:
        set_questions(api)
        [code] = api.create_codes(api.create_link())
        problem = book(api, code, {"company": "Acme", **answers} if answers else {}, 422)
        assert problem["code"] == "invalid"
        [error] = problem["errors"]
        assert error["field"] == f"answers.{key}"
        assert rule in error["message"]
        assert api.get(f"/v1/book/{code}")["kind"] == "single_use"  # and the link stays usable

    def test_all_errors_at_once(self, api: ApiDriver) -> None:
        set_questions(api)
        [code] = api.create_codes(api.create_link())
        problem = book(api, code, {"seats": "many", "cats": 2}, 422)
        assert {error["field"] for error in problem["errors"]} == {"answers.company", "answers.seats", "answers.cats"}

    def test_a_required_tick_must_be_true(self, api: ApiDriver) -> None:
        set_questions(api, [{"key": "terms", "label": "I agree", "kind": "tick", "required": True}])
        [code] = api.create_codes(api.create_link())
        assert book(api, code, {"terms": False}, 422)["errors"][0]["field"] == "answers.terms"
        assert to_values(book(api, code, {"terms": True})["booking"]["answers"]) == {"terms": True}

    def test_a_key_covers_them(self, api: ApiDriver) -> None:
        set_questions(api)
        [code] = api.create_codes(api.create_link())
        key, start = {"Idempotency_Key": "k" * 32}, api.list_slots(code)[0]
        new_booking = book(api, code, ANSWERS, start=start, **key)
        set_questions(api, [])  # the answer to a repeated request stays
        assert book(api, code, {**ANSWERS, "seats": 12}, start=start, **key) == new_booking
        problem = book(api, code, {**ANSWERS, "company": "Other"}, 422, start=start, **key)
        assert problem["code"] == "idempotency_key_reused"

    def test_are_erased_with_the_guest(self, api: ApiDriver) -> None:
        set_questions(api)
        [code] = api.create_codes(api.create_link())
        new_booking = book(api, code, ANSWERS)
        api.post("/v1/erasures", {"email": GUEST["email"]}, "admin", 201)
        [row] = api.list_meetings()
        assert (row["answers"], row["guest"], row["erased"]) == ([], None, True)
        assert api.get(f"/v1/manage/{extract_code(new_booking['manage_url'])}")["booking"]["answers"] == []
        rows = api.services.database.fetch_rows("SELECT data::text AS text FROM {schema}.personal_details")
        assert not any("Acme" in row["text"] for row in rows)


class TestLocale:
    """`guest.locale` of POST /v1/book/{code}"""

    def test_is_kept_with_the_booking(self, api: ApiDriver) -> None:
        first, second = api.create_codes(api.create_link(), 2)
        start = api.list_slots(first)[0]
        body = {"start": start, "guest": {**GUEST, "locale": "pt-BR"}}
        new_booking = api.post(f"/v1/book/{first}", body, None, 201)
        assert api.get(f"/v1/bookings/{new_booking['booking']['id']}", "member")["locale"] == "pt-BR"
        body["guest"]["locale"] = "Portuguese, please"
        problem = api.post(f"/v1/book/{second}", body, None, 422)
        assert problem["errors"][0]["field"] == "guest.locale"
