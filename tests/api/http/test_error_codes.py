"""Error codes: every one registered, explained, documented where it can be the answer, and checked in all tests."""

import ast
import re
from pathlib import Path

import httpx2
import pytest

from api.generate_docs import ERRORS, render_errors
from api.http.error_codes import ERROR_CODES, PHRASES, REFUSAL_STATUSES
from api.http.problem_details import describe_problems
from domain import refusals
from domain.refusals import Refusal
from tests.api.attacks import OPERATIONS
from tests.api_driver import ApiDriver
from tests.architecture.source_files import list_files, list_nodes
from tests.documented_codes import assert_code_is_documented, list_codes

REFUSALS = [
    refusal
    for refusal in vars(refusals).values()
    if isinstance(refusal, type) and issubclass(refusal, Refusal) and refusal is not Refusal
]


def create_refusal(refusal: type[Refusal]) -> Refusal:
    """Create a refusal of this type, whatever it takes."""
    return refusal("field", "message") if refusal is refusals.Invalid else refusal()


class TestRegistry:
    """Every code that the code raises, with status, meaning and what to do."""

    @pytest.mark.parametrize("refusal", REFUSALS)
    def test_has_every_refusal(self, refusal: type[Refusal]) -> None:
        code = create_refusal(refusal).code
        assert REFUSAL_STATUSES[refusal] == ERROR_CODES[code].status or refusal is refusals.NoOtherSlotOffered

    def test_has_every_code_that_is_written_out(self) -> None:
        calls = [
            node
            for path in list_files("api")
            for node in list_nodes(path)
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("build_problem_response")
        ]
        codes = {node.value for call in calls for node in call.args if isinstance(node, ast.Constant)} - set(PHRASES)
        assert {"body_too_large", "internal_error"} <= {code for code in codes if re.fullmatch(r"[a-z_]+", str(code))}
        assert {code for code in codes if re.fullmatch(r"[a-z_]+", str(code))} <= ERROR_CODES.keys()

    def test_has_no_code_that_nothing_answers_with(self) -> None:
        raised = {create_refusal(refusal).code for refusal in REFUSALS}
        text = "".join(path.read_text() for path in list_files("api/http") if path.name != "error_codes.py")
        text += Path("api/app.py").read_text() + Path("api/http/error_codes.py").read_text().partition("USUAL_CODES")[2]
        assert {code for code in ERROR_CODES.keys() - raised if f'"{code}"' not in text} == set()

    def test_explains_each_in_sentences(self) -> None:
        for code, error in ERROR_CODES.items():
            assert re.fullmatch(r"[a-z]+(_[a-z]+)*", code)
            assert error.meaning.endswith(".")
            assert error.action.endswith(".")
            assert error.status in PHRASES

    def test_the_page_is_current(self) -> None:
        assert render_errors() == ERRORS.read_text(encoding="utf-8"), "run `python -m api.generate_docs`"
        assert set(re.findall(r"^\| `(\w+)` \|", ERRORS.read_text(encoding="utf-8"), re.M)) == ERROR_CODES.keys()


class TestDocumentedCodes:
    """The enum of codes of each response."""

    def test_every_problem_has_one(self) -> None:
        count = 0
        for _, _, operation in OPERATIONS:
            for status, response in operation["responses"].items():
                if "application/problem+json" in response.get("content", {}):
                    codes = list_codes(operation, int(status))
                    assert codes
                    assert {ERROR_CODES[code].status for code in codes} == {int(status)}
                    assert all(f"`{code}`" in response["description"] for code in codes)
                    count += 1
        assert count > 300

    def test_a_key_may_be_reused_and_a_list_be_behind(self) -> None:
        for _, _, operation in OPERATIONS:
            headers = {parameter["name"] for parameter in operation.get("parameters", [])}
            assert ("idempotency_key_reused" in list_codes(operation, 422)) is ("Idempotency-Key" in headers)
            assert ("read_model_behind" in list_codes(operation, 503)) is ("Oncelink-Min-Position" in headers)

    @pytest.mark.parametrize("item", [409, 410, "no_such_code"])
    def test_cannot_be_left_open(self, item: int | str) -> None:
        with pytest.raises(KeyError):
            describe_problems(item)

    def test_are_compared_with_every_answer_in_tests(self, shared_api: ApiDriver) -> None:
        assert assert_code_is_documented in shared_api.client.event_hooks["response"]
        for path, status, code in (
            ("/v1/me", 401, "forbidden"),
            ("/v1/me", 409, "slug_taken"),
            ("/v1/nothing", 409, "slug_taken"),
        ):
            request = httpx2.Request("GET", f"http://testserver{path}")
            headers = {"content-type": "application/problem+json"}
            response = httpx2.Response(status, headers=headers, json={"code": code}, request=request)
            with pytest.raises(AssertionError, match=code):
                assert_code_is_documented(response)


class TestAnswers:
    """Errors that no operation lists."""

    def test_a_wrong_method_and_an_unknown_path(self, shared_api: ApiDriver) -> None:
        assert shared_api.send_request("PUT", "/v1/links").json()["code"] == "method_not_allowed"
        assert shared_api.send_request("GET", "/v1/nothing").json()["code"] == "not_found"
