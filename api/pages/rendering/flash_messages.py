"""Flash messages: a message and a log position for the next page, in cookies that live a few seconds."""

from dataclasses import dataclass
from urllib.parse import quote, unquote

from fastapi import Response

from domain.text_direction import FIRST_STRONG_ISOLATE, POP_DIRECTIONAL_ISOLATE
from integrations.plain_text import DIRECTION_CHARACTERS, is_control

NOTICE_COOKIE = "oncelink_notice"
POSITION_COOKIE = "oncelink_position"  # read by wait_for_position; also set by web/static/js/api_client.js
COOKIE_SECONDS = 20
MAX_LENGTH = 300  # an emoji takes 12 characters of a cookie, and browsers drop one of more than 4,096


@dataclass(frozen=True)
class Notice:
    """A message about what was just done."""

    sentence: str

    @classmethod
    def from_cookie(cls, value: str | None) -> "Notice | None":
        """Return the message of a cookie, or None."""
        text = remove_controls(unquote(value)) if value else ""
        return cls(text) if text else None


def remove_controls(sentence: str) -> str:
    """Remove what is no text from a sentence, but the isolates around its names; cut it to the maximum length."""
    isolates = (FIRST_STRONG_ISOLATE, POP_DIRECTIONAL_ISOLATE)
    text = (
        character
        for character in sentence
        if character in isolates or not (character in DIRECTION_CHARACTERS or is_control(character))
    )
    return "".join(text)[:MAX_LENGTH]


def set_notice(response: Response, sentence: str | None = None, position: int | None = None) -> None:
    """Set the cookies with a message and a position for the next page."""
    if sentence:
        response.set_cookie(
            NOTICE_COOKIE,
            quote(remove_controls(sentence)),
            max_age=COOKIE_SECONDS,
            httponly=True,
            samesite="lax",
        )
    if position is not None:
        response.set_cookie(POSITION_COOKIE, str(position), max_age=COOKIE_SECONDS, samesite="lax")
