"""Makes text from anybody safe for one line of a mail or calendar."""

import re
import unicodedata

# what reverses or isolates the direction of text could make a line look like another one
DIRECTION_CHARACTERS = {
    *"\u061c\u200e\u200f",
    *map(chr, range(0x202A, 0x202F)),
    *map(chr, range(0x2066, 0x206A)),
    "\ufeff",
}
DIRECTION_CHARACTER = re.compile(f"[{''.join(sorted(DIRECTION_CHARACTERS))}]")
# what makes programs find an address in a text: signs of a URL, and a full stop (also those of IDNA) before a letter
ADDRESS_SIGNS = re.compile(r"[:/\\@]+")
FULL_STOP_BEFORE_LETTER = re.compile(r"([.\u3002\uff0e\uff61])(?=\w)")
LOOKS_LIKE_AN_ADDRESS = re.compile(r"[:/@\\<>|]|\.\w|www", re.IGNORECASE)


def to_one_line(text: str, max_length: int = 200) -> str:
    """Convert a text to one line without control characters, cut to a maximum length."""
    line = " ".join(
        "".join(" " if is_control(character) else character for character in remove_direction_characters(text)).split()
    )
    return line if len(line) <= max_length else f"{line[: max_length - 1].rstrip()}…"


def to_display_name(name: str) -> str:
    """Convert a name to one line in which no program finds a URL or an e-mail address to make a link of.

    `https://evil.example` becomes `https evil. example`; `J.R.R. Tolkien` becomes `J. R. R. Tolkien`.
    """
    words = ADDRESS_SIGNS.sub(" ", remove_direction_characters(name))
    return to_one_line(FULL_STOP_BEFORE_LETTER.sub(r"\1 ", words))


def to_lines(text: str) -> list[str]:
    """Split a text into lines without control characters; drop empty lines at the end."""
    lines = [
        to_one_line(line, 2_000)
        for line in remove_direction_characters(text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    ]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def remove_direction_characters(text: str) -> str:
    """Remove characters that only change the text's direction."""
    return DIRECTION_CHARACTER.sub("", text)


def is_control(character: str) -> bool:
    """Whether a character is a control character, a separator or a surrogate."""
    return unicodedata.category(character) in {"Cc", "Zl", "Zp", "Cs"}


def is_greetable(name: str) -> bool:
    """Whether a name may stand in a mail to an address that its owner may not have typed: it must not advertise."""
    return len(name) <= 60 and not LOOKS_LIKE_AN_ADDRESS.search(name)
