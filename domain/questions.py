"""Questions: what a guest is asked when they book. Each meeting type has its own."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

QuestionKind = Literal["short", "long", "one_of", "many_of", "tick", "number", "phone"]

MAX_QUESTIONS = 20
MAX_OPTIONS = 50
MIN_OPTIONS = 2
KINDS_WITH_OPTIONS = frozenset({"one_of", "many_of"})
KEY_PATTERN = "^[a-z][a-z0-9_]{0,39}$"


class Question(BaseModel):
    """A question of a meeting type; `options` are those of "one_of" and "many_of"."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    label: str
    kind: QuestionKind
    required: bool = False
    options: tuple[str, ...] = ()
