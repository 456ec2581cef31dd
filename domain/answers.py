"""Answers of guests to the questions of a meeting type: checked when they book, kept as they were asked."""

import math
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from domain.questions import Question
from domain.refusals import Invalid

MAX_SHORT_ANSWER = 200
MAX_LONG_ANSWER = 2_000
MAX_NAMED = 100  # characters of a key that an error repeats
MAX_NUMBER = 10**15  # numbers up to here are exact in JSON of every client (RFC 8259, 6)
UNKNOWN_QUESTION = "There is no such question."
NOT_ANSWERED = "Please answer this question."


class InvalidAnswers(Invalid):
    """Some answers break a rule."""

    code = "invalid"

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(*next(iter(errors.items())))
        self.all_errors = dict(errors)

    @property
    def errors(self) -> Mapping[str, str]:
        """The message of each answer that breaks a rule."""
        return self.all_errors


class WrongAnswer(Exception):
    """An answer breaks the rule of its question, which the message says."""


def check_answers(questions: Sequence[Question], sent: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns the answers as they are kept: each {key, label, kind, value}, in the order of the questions.

    Null, an empty text or list, and a tick that is false are no answer. Raises InvalidAnswers with every answer that
    breaks a rule, the missing ones and those to no question included.
    """
    errors = {
        f"answers.{key[:MAX_NAMED]}": UNKNOWN_QUESTION for key in sent.keys() - {question.key for question in questions}
    }
    answers = []
    for question in questions:
        try:
            value = check_answer(question, sent.get(question.key))
        except WrongAnswer as error:
            errors[f"answers.{question.key}"] = str(error)
        else:
            if value is not None:
                answers.append({**question.model_dump(include={"key", "label", "kind"}), "value": value})
    if errors:
        raise InvalidAnswers(errors)
    return answers


def check_answer(question: Question, value: Any) -> Any:
    """Returns one answer in its one form; None for no answer. Raises WrongAnswer."""
    text = value.strip() if isinstance(value, str) else value
    if text is None or text is False or text in ("", []):
        if question.required:
            raise WrongAnswer("Please tick this box." if question.kind == "tick" else NOT_ANSWERED)
        return None
    return CHECKS[question.kind](question, text)


def check_short(_: Question, value: Any) -> str:
    """Returns a text of one line. Raises WrongAnswer."""
    text = require_text(value, MAX_SHORT_ANSWER)
    if "\n" in text or "\t" in text:
        raise WrongAnswer("Line breaks and tabs are not allowed.")
    return text


def check_long(_: Question, value: Any) -> str:
    """Returns a text of any lines. Raises WrongAnswer."""
    return require_text(value, MAX_LONG_ANSWER)


def check_one_of(question: Question, value: Any) -> str:
    """Returns one of the options. Raises WrongAnswer."""
    if not isinstance(value, str) or value not in question.options:
        raise WrongAnswer("Choose one of the options.")
    return value


def check_many_of(question: Question, value: Any) -> list[str]:
    """Returns the chosen options, in their order. Raises WrongAnswer."""
    is_list = isinstance(value, list) and all(isinstance(item, str) for item in value)
    if not is_list or not set(value) <= set(question.options):
        raise WrongAnswer("Choose among the options, as a list.")
    return [option for option in question.options if option in value]


def check_tick(_: Question, value: Any) -> bool:
    """Returns that the box is ticked. Raises WrongAnswer."""
    if value is not True:
        raise WrongAnswer("This is ticked or not: true or false.")
    return True


def check_number(_: Question, value: Any) -> int | float:
    """Returns a number. Raises WrongAnswer."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise WrongAnswer("This must be a number.")
    if abs(value) > MAX_NUMBER:
        raise WrongAnswer("This number is too large.")
    return value


def check_phone(_: Question, value: Any) -> str:
    """Returns a phone number as E.164 writes it: a plus sign and digits. Raises WrongAnswer."""
    import phonenumbers  # loads much, for one kind of question

    try:
        number = phonenumbers.parse(require_text(value, MAX_SHORT_ANSWER), None)
    except phonenumbers.NumberParseException:
        raise WrongAnswer("Write the phone number with its country code, for example +49 30 901820.") from None
    if not phonenumbers.is_valid_number(number):
        raise WrongAnswer("There is no such phone number.")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def require_text(value: Any, max_length: int) -> str:
    """Returns a text that is not too long. Raises WrongAnswer."""
    if not isinstance(value, str):
        raise WrongAnswer("This must be a text.")
    if len(value) > max_length:
        raise WrongAnswer(f"This must have at most {max_length} characters.")
    return value


CHECKS = {
    "short": check_short,
    "long": check_long,
    "one_of": check_one_of,
    "many_of": check_many_of,
    "tick": check_tick,
    "number": check_number,
    "phone": check_phone,
}


def format_answer(answer: Mapping[str, Any]) -> str:
    """Returns the value of a kept answer as people read it."""
    value = answer["value"]
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return ", ".join(value) if isinstance(value, list) else str(value)


def normalize_answer(value: Any) -> Any:
    """Returns a sent value in its one form, so that a request that is repeated is the same: NFC, and 3 for 3.0."""
    if isinstance(value, list):
        return [normalize_answer(item) for item in value]
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    return int(value) if isinstance(value, float) and value.is_integer() else value
