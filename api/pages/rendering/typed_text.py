"""Renders what people typed as `<bdi>`: it keeps its own direction, and breaks anywhere instead of widening a page."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Protocol

from markupsafe import Markup, escape

ISOLATE = re.compile("\u2068([^\u2068\u2069]*)\u2069")
BDI = Markup("<bdi>{}</bdi>")
JOINERS = {"\u200d", "\ufe0f"}  # zero width joiner, emoji presentation
SKIN_TONES = range(0x1F3FB, 0x1F400)
REGIONAL_INDICATORS = range(0x1F1E6, 0x1F200)  # two of them are a flag


class Named(Protocol):
    """Anything with a name."""

    name: str


def render_typed_text(text: object) -> Markup:
    """Render a text that somebody typed; nothing for an empty one. A number is one, too, also 0."""
    if text is None or text == "":
        return Markup()
    return BDI.format(render_isolated_text(text) if isinstance(text, str) else text)


def render_names(things: Iterable[Named | Mapping[str, str] | str], separator: str = ", ") -> Markup:
    """Render the names of people or things as a list."""
    return escape(separator).join(render_typed_text(get_name(thing)) for thing in things)


def get_name(thing: Named | Mapping[str, str] | str) -> str:
    """Return the name of a thing, or a name as it is."""
    if isinstance(thing, str):
        return thing
    return thing["name"] if isinstance(thing, Mapping) else thing.name


def render_isolated_text(sentence: str) -> Markup:
    """Render a sentence, each isolate of its plain text (`domain.text_direction`) as an element."""
    if isinstance(sentence, Markup):
        return sentence
    pieces = ISOLATE.split(sentence)
    return Markup().join(BDI.format(piece) if index % 2 else escape(piece) for index, piece in enumerate(pieces))


def take_initial(name: str) -> str:
    """Return the first letter of a name in upper case: all of an emoji, and an accent with its letter."""
    name = unicodedata.normalize("NFC", name)
    initial = name[:1]
    for character in name[1:]:
        is_flag = len(initial) == 1 and {ord(initial), ord(character)} <= set(REGIONAL_INDICATORS)
        is_joined = initial.endswith("\u200d") or character in JOINERS or ord(character) in SKIN_TONES
        if not (is_flag or is_joined or unicodedata.category(character).startswith("M")):
            break
        initial += character
    return initial.upper()
