"""Questions of meeting types and answers of guests, as the API answers them."""

from typing import Any

from typing_extensions import TypedDict

from domain.questions import Question, QuestionKind


class QuestionRow(TypedDict):
    """A question; `options` are those of "one_of" and "many_of"."""

    key: str
    label: str
    kind: QuestionKind
    required: bool
    options: list[str]


class AnswerRow(TypedDict):
    """An answer with its question as it was asked.

    `value` is a text, of many_of a list of texts, of tick true, of number a number, of phone a number as E.164 has it.
    """

    key: str
    label: str
    kind: QuestionKind
    value: str | bool | int | float | list[str]


def to_question_row(question: Question) -> QuestionRow:
    """A question of the domain as the API answers it."""
    row: Any = question.model_dump(mode="json")
    return row  # type: ignore[no-any-return]
