"""Answers to questions: each kind has its rule, and what is kept passes it again."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.answers import InvalidAnswers, check_answers, format_answer
from domain.questions import Question

OPTIONS = ("a", "b", "c")
KINDS = ("short", "long", "one_of", "many_of", "tick", "number", "phone")
QUESTIONS = [
    Question(key=kind, label=kind, kind=kind, options=OPTIONS if kind.endswith("_of") else ())  # type: ignore[arg-type]
    for kind in KINDS
]
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([*OPTIONS, "+4930901820"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from([*KINDS, "other"]), JSON_VALUES))
def test_is_refused_by_name_or_kept_in_its_one_form(sent: dict[str, Any]) -> None:
    try:
        answers = check_answers(QUESTIONS, sent)
    except InvalidAnswers as error:
        refused_keys = {name.removeprefix("answers.") for name in error.errors}
        assert refused_keys <= set(sent)
        return
    values = {answer["key"]: answer["value"] for answer in answers}
    assert check_answers(QUESTIONS, values) == answers
    assert all(format_answer(answer) for answer in answers)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_no_answer(kind: Any) -> None:
    question = Question(key="k", label="K", kind=kind, options=OPTIONS)
    for nothing in (None, "", "  \n", [], False):
        assert check_answers([question], {"k": nothing}) == []
        with pytest.raises(InvalidAnswers):
            check_answers([question.model_copy(update={"required": True})], {"k": nothing})


def test_a_phone_number_is_kept_as_e164() -> None:
    question = Question(key="phone", label="Phone", kind="phone")
    for text in ("+49 (0) 30 90 18 20", "+49-30-901820", "+4930901820", "tel:+49-30-901820"):
        assert check_answers([question], {"phone": text})[0]["value"] == "+4930901820"
