"""What one page leaves for the next, in cookies of a few seconds: a sentence to show, a position to wait for."""

from dataclasses import dataclass
from urllib.parse import quote, unquote

from fastapi import Response

NOTICE = "oncelink_notice"
POSITION = "oncelink_position"  # read by caught_up; also set by web/static/js/asking.js
SECONDS = 20
LONGEST = 400


@dataclass(frozen=True)
class Notice:
    """A sentence about what was just done."""

    sentence: str

    @classmethod
    def read(cls, value: str | None) -> "Notice | None":
        """The sentence of a cookie."""
        text = unquote(value)[:LONGEST] if value else ""
        return cls(text) if text.isprintable() and text else None


def set_notice(answer: Response, sentence: str | None = None, position: int | None = None) -> None:
    """Leaves a sentence and a position for the next page."""
    if sentence:
        answer.set_cookie(NOTICE, quote(sentence[:LONGEST]), max_age=SECONDS, httponly=True, samesite="lax")
    if position is not None:
        answer.set_cookie(POSITION, str(position), max_age=SECONDS, samesite="lax")
