"""Questions on a guest's form: the answers that it sends, and what an address fills in."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.datastructures import QueryParams

from api.http.text_rules import find_broken_rule
from domain.answers import MAX_LONG_ANSWER, MAX_SHORT_ANSWER, UNKNOWN_QUESTION, InvalidAnswers, normalize_answer
from projections.questions import QuestionRow

PREFIX = "q_"  # of the fields of answers, in forms and addresses
MAX_LENGTHS = {"name": 200, "email": 254}
NUMBER = re.compile(r"[+-]?\d{1,15}([.,]\d{1,10})?")  # as form.js has it
CHANGED_MESSAGE = "What is asked has changed meanwhile. Please check your answers, and confirm again."


def parse_answers(fields: Mapping[str, str]) -> dict[str, Any]:
    """Return the answers of a form, as the JSON API takes them; what is left empty is no answer.

    The field `asked` says which questions the form asks, and of which kinds. A list has a line for each value.
    """
    pairs = (pair.partition(":") for pair in fields.get("asked", "").split())
    values = {key: parse_answer(kind, fields.get(PREFIX + key, "")) for key, _, kind in pairs}
    return {key: normalize_answer(value) for key, value in values.items() if value is not None}


def parse_answer(kind: str, text: str) -> Any:
    """Return one answer; a text that is no number stays as it is, for the validation to refuse."""
    text = text.strip()
    if not text:
        return None
    if kind == "many_of":
        return text.splitlines()
    if kind == "tick":
        return True
    if kind == "number" and NUMBER.fullmatch(text):
        return float(text.replace(",", "."))
    return text


def find_broken_answers(answers: Mapping[str, Any]) -> dict[str, str]:
    """Return the errors of answers with characters that no text may have, by field of the form."""
    texts = ((key, text) for key, value in answers.items() for text in (value if isinstance(value, list) else [value]))
    rules = ((key, find_broken_rule(text)) for key, text in texts if isinstance(text, str))
    return {PREFIX + key: rule for key, rule in rules if rule}


def to_form_errors(error: InvalidAnswers) -> dict[str, str]:
    """Return refused answers as errors by field of the form; an answer to no question concerns the whole form."""
    errors: dict[str, str] = {}
    for name, message in error.errors.items():
        if message == UNKNOWN_QUESTION:
            errors["form"] = CHANGED_MESSAGE
        else:
            errors[PREFIX + name.removeprefix("answers.")] = message
    return errors


def read_prefill(query: QueryParams, questions: Sequence[QuestionRow]) -> dict[str, str]:
    """Return what an address fills into the form: `name`, `email`, and answers as `q_{key}`, if they can be typed.

    Several values of one question, or an option in a line each, choose several options.
    """
    values = {name: query.get(name, "").strip()[:length] for name, length in MAX_LENGTHS.items()}
    for question in questions:
        name = PREFIX + question["key"]
        values[name] = limit_answer(question, "\n".join(query.getlist(name)))
    return {name: value for name, value in values.items() if value and find_broken_rule(value) is None}


def limit_answer(question: QuestionRow, text: str) -> str:
    """Return the text as the field of a question can have it; empty if it cannot."""
    match question["kind"]:
        case "one_of":
            return text if text in question["options"] else ""
        case "many_of":
            return "\n".join(option for option in question["options"] if option in text.splitlines())
        case "tick":
            return "true" if text.lower() in ("true", "1", "yes", "on") else ""
        case "long":
            return text[:MAX_LONG_ANSWER]
        case _:
            return " ".join(text.split())[:MAX_SHORT_ANSWER]
