"""Text that somebody typed, made fit for one line of a mail or calendar: nothing in it can end the line or turn it."""

import re
import unicodedata

# what reverses or isolates the direction of text could make a line look like another one
TURNING = {
    *"\u061c\u200e\u200f",
    *map(chr, range(0x202A, 0x202F)),
    *map(chr, range(0x2066, 0x206A)),
    "\ufeff",
}
LOOKS_LIKE_AN_ADDRESS = re.compile(r"[:/@\\<>|]|\.\w|www", re.IGNORECASE)


def one_line(text: str, most: int = 200) -> str:
    """A text on one line, without controls, cut where it is long."""
    line = " ".join("".join(" " if is_control(letter) else letter for letter in unturned(text)).split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def lines(text: str) -> list[str]:
    """A text's lines, each without controls; empty ones at the end are left out."""
    found = [one_line(line, 2_000) for line in unturned(text).replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    while found and not found[-1]:
        found.pop()
    return found


def unturned(text: str) -> str:
    """A text without letters that only turn its direction."""
    return "".join(letter for letter in text if letter not in TURNING)


def is_control(letter: str) -> bool:
    """Whether a letter is none: it ends a line, or moves something."""
    return unicodedata.category(letter) in {"Cc", "Zl", "Zp", "Cs"}


def greetable(name: str) -> bool:
    """Whether a name may stand in a mail to an address that its owner may not have typed: it must not advertise."""
    return len(name) <= 60 and not LOOKS_LIKE_AN_ADDRESS.search(name)
