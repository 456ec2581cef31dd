"""Isolates what people typed from the sentence around it, so that right-to-left names keep their order and ours."""

import re
import unicodedata

FIRST_STRONG_ISOLATE, POP_DIRECTIONAL_ISOLATE = "\u2068", "\u2069"
# the characters that open or close an embedding, override or isolate (Unicode Standard Annex 9, section 2)
DIRECTIONAL_CONTROL = re.compile("[\u202a-\u202e\u2066-\u2069]")
RIGHT_TO_LEFT_CLASSES = frozenset({"R", "AL", "AN"})


def isolate_text(text: str) -> str:
    """Wrap a text in FSI and PDI if a character of it reads from right to left; controls in it are removed.

    Unicode Standard Annex 9, section 6.3, recommends isolates around inserted text where there is no markup.
    """
    letters = (character for character in text if unicodedata.category(character) != "Cf")  # a mark alone is none
    if not any(unicodedata.bidirectional(letter) in RIGHT_TO_LEFT_CLASSES for letter in letters):
        return text
    return f"{FIRST_STRONG_ISOLATE}{DIRECTIONAL_CONTROL.sub('', text)}{POP_DIRECTIONAL_ISOLATE}"
