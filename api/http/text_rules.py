"""The characters that no text of a request may have, in a body or a query."""


def find_broken_rule(text: str) -> str | None:
    """Find the rule that a text breaks: no surrogates; newline and tab are the only control characters."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        return "Half of a surrogate pair is not a character."
    if any((character < " " and character not in "\n\t") or "\x7f" <= character <= "\x9f" for character in text):
        return "Control characters are not allowed."
    return None
