"""Questions of a meeting type as rows of a form: added, removed and moved by buttons that send the form."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any, get_args

from pydantic import BaseModel
from slugify import slugify

from api.pages.rendering.forms import InvalidForm, validate_form
from api.v1.bodies.questions import NewQuestion
from domain.questions import KINDS_WITH_OPTIONS, MAX_QUESTIONS, Question, QuestionKind

KIND_NAMES = {
    "short": "One line",
    "long": "Several lines",
    "one_of": "One of some options",
    "many_of": "Any of some options",
    "tick": "A box to tick",
    "number": "A number",
    "phone": "A phone number",
}
assert set(KIND_NAMES) == set(get_args(QuestionKind))


@dataclass(frozen=True)
class QuestionFields:
    """A question as typed; the options have a line each."""

    label: str = ""
    key: str = ""
    kind: str = "short"
    required: str = "false"
    options: str = ""

    @property
    def is_blank(self) -> bool:
        """Whether nothing was typed."""
        return not (self.label.strip() or self.key.strip() or self.options.strip())

    def list_options(self) -> list[str]:
        """List the options, where the kind has any; for another kind the page hides what was typed."""
        lines = self.options.splitlines() if self.kind in KINDS_WITH_OPTIONS else []
        return [line.strip() for line in lines if line.strip()]


class QuestionRows(BaseModel):
    """The rows as a form sends them: a list for each field, which have the same length."""

    question_label: list[str] = []
    question_key: list[str] = []
    question_kind: list[str] = []
    question_required: list[str] = []
    question_options: list[str] = []

    @property
    def questions(self) -> list[QuestionFields]:
        """Return the rows."""
        columns = (self.question_label, self.question_key, self.question_kind, self.question_required)
        return [QuestionFields(*row) for row in zip(*columns, self.question_options, strict=False)]

    @classmethod
    def to_columns(cls, questions: Sequence[QuestionFields]) -> dict[str, list[str]]:
        """Convert rows to the fields of the form."""
        return {f"question_{name}": [asdict(row)[name] for row in questions] for name in asdict(QuestionFields())}

    @classmethod
    def from_questions(cls, questions: Sequence[Question]) -> dict[str, list[str]]:
        """Create the fields of the form from the questions as they are."""
        return cls.to_columns(
            [
                QuestionFields(
                    question.label,
                    question.key,
                    question.kind,
                    str(question.required).lower(),
                    "\n".join(question.options),
                )
                for question in questions
            ]
        )

    def to_questions(self) -> list[dict[str, Any]]:
        """Return the questions as the JSON API takes them; blank rows are left out, keys made where there is none."""
        rows = [row for row in self.questions if not row.is_blank]
        used_keys = {row.key.strip() for row in rows}
        return [
            {
                "key": row.key.strip() or derive_key(row.label, used_keys),
                "label": row.label.strip(),
                "kind": row.kind,
                "required": row.required == "true",
                "options": row.list_options(),
            }
            for row in rows
        ]


def derive_key(label: str, used_keys: set[str]) -> str:
    """Derive the key of a question from its label, and add it to those that are used."""
    words = slugify(label, separator="_", max_length=30, word_boundary=True).lstrip("_0123456789") or "question"
    key = next(key for number in count(1) if (key := words if number == 1 else f"{words}_{number}") not in used_keys)
    used_keys.add(key)
    return key


def change_rows(questions: Sequence[QuestionFields], change: str) -> list[QuestionFields]:
    """Return the rows after a press of a button: `add`, or `remove`, `up` or `down` with a row's number from 0."""
    rows = list(questions)
    action, _, number = change.partition("-")
    if action == "add" and len(rows) < MAX_QUESTIONS:
        return [*rows, QuestionFields()]
    if not number.isdecimal() or int(number) >= len(rows):
        return rows
    row = rows.pop(index := int(number))
    if action != "remove":
        rows.insert(max(0, index - 1) if action == "up" else index + (action == "down"), row)
    return rows


def validate_questions(questions: Sequence[Mapping[str, Any]]) -> None:
    """Validate each question by itself, so that an error names its row. Raises InvalidForm."""
    errors: dict[str, str] = {}
    for number, question in enumerate(questions):
        try:
            validate_form(NewQuestion, question)
        except InvalidForm as error:
            errors |= {f"question-{number}-{name}": message for name, message in error.errors.items()}
    if errors:
        raise InvalidForm(errors)
