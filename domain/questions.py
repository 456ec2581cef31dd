"""Questions: what a guest is asked when they book."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

QuestionKind = Literal["short", "long", "one_of", "many_of", "tick", "number", "phone"]


class Question(BaseModel):
    """A question of a meeting type; `options` are those of "one_of" and "many_of"."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    label: str
    kind: QuestionKind
    required: bool = False
    options: tuple[str, ...] = ()
