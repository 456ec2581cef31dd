"""Flash messages: a message and a log position for the next page, in cookies that live a few seconds."""

from dataclasses import dataclass
from urllib.parse import quote, unquote

from fastapi import Response

NOTICE_COOKIE = "oncelink_notice"
POSITION_COOKIE = "oncelink_position"  # read by wait_for_position; also set by web/static/js/api_client.js
COOKIE_SECONDS = 20
MAX_LENGTH = 400


@dataclass(frozen=True)
class Notice:
    """A message about what was just done."""

    sentence: str

    @classmethod
    def from_cookie(cls, value: str | None) -> "Notice | None":
        """Return the message of a cookie, or None."""
        text = unquote(value)[:MAX_LENGTH] if value else ""
        return cls(text) if text.isprintable() and text else None


def set_notice(response: Response, sentence: str | None = None, position: int | None = None) -> None:
    """Set the cookies with a message and a position for the next page."""
    if sentence:
        response.set_cookie(
            NOTICE_COOKIE, quote(sentence[:MAX_LENGTH]), max_age=COOKIE_SECONDS, httponly=True, samesite="lax"
        )
    if position is not None:
        response.set_cookie(POSITION_COOKIE, str(position), max_age=COOKIE_SECONDS, samesite="lax")
