"""Request bodies of questions: what a meeting type asks of its guests, and their answers."""

from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    Field,
    StrictBool,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from api.field_types import Name, RequestBody, require_unique
from domain.answers import MAX_LONG_ANSWER, normalize_answer
from domain.questions import (
    KEY_PATTERN,
    KINDS_WITH_OPTIONS,
    MAX_OPTIONS,
    MAX_QUESTIONS,
    MIN_OPTIONS,
    Question,
    QuestionKind,
)

TEXT_SCHEMA = {"type": "string", "maxLength": MAX_LONG_ANSWER}
ANSWER_SCHEMA: dict[str, Any] = {
    "anyOf": [
        TEXT_SCHEMA,
        {"type": "number"},
        {"type": "boolean"},
        {"type": "array", "items": TEXT_SCHEMA, "maxItems": MAX_OPTIONS},
        {"type": "null"},
    ]
}
Key = Annotated[str, StringConstraints(pattern=KEY_PATTERN)]
Options = Annotated[list[Name], Field(max_length=MAX_OPTIONS, validate_default=True), AfterValidator(require_unique)]


class NewQuestion(RequestBody):
    """A question to ask. Its `key` names the answer everywhere; `options` are for the kinds one_of and many_of."""

    key: Key
    label: Name
    kind: QuestionKind
    required: StrictBool = False
    options: Options = []  # noqa: RUF012

    @field_validator("options")
    @classmethod
    def require_fitting_options(cls, options: list[str], info: ValidationInfo) -> list[str]:
        """Require options where guests choose, and none elsewhere. Raises ValueError."""
        has_options = info.data.get("kind") in KINDS_WITH_OPTIONS
        if has_options and len(options) < MIN_OPTIONS:
            raise ValueError(f"A question of this kind needs at least {MIN_OPTIONS} options.")
        if options and "kind" in info.data and not has_options:
            raise ValueError("Only questions of the kinds one_of and many_of have options.")
        return options


def require_different_keys(questions: list[NewQuestion]) -> list[NewQuestion]:
    """Require each key once. Raises ValueError."""
    if len({question.key for question in questions}) < len(questions):
        raise ValueError("Each key may stand only once.")
    return questions


Questions = Annotated[list[NewQuestion], Field(max_length=MAX_QUESTIONS), AfterValidator(require_different_keys)]


def validate_answer(value: Any) -> Any:
    """Validate the type of an answer; its question decides the rest. Raises ValueError."""
    texts = value if isinstance(value, list) else [value] if isinstance(value, str) else []
    if any(not isinstance(text, str) for text in texts) or isinstance(value, dict) or len(texts) > MAX_OPTIONS:
        raise ValueError("Send a text, a number, true or false, or a list of texts.")
    if any(len(text) > MAX_LONG_ANSWER for text in texts):
        raise ValueError(f"A text has at most {MAX_LONG_ANSWER} characters.")
    return normalize_answer(value)


Answers = Annotated[
    dict[str, Annotated[Any, AfterValidator(validate_answer), WithJsonSchema(ANSWER_SCHEMA)]],
    Field(max_length=MAX_QUESTIONS, description="By the keys of the questions; each value as its kind says."),
]


def to_questions(questions: list[NewQuestion]) -> tuple[Question, ...]:
    """Convert to questions of the domain."""
    return tuple(Question(**question.model_dump()) for question in questions)
