"""E-mail addresses that are equal however they were typed."""

import re
import unicodedata


def fold_address(email: str) -> str:
    """Returns the form by which addresses are compared: Unicode's NFKC, each character in its simple lower case.

    The SQL function `address_key` does the same. It is no full case folding: `ß` is not `ss`, in domains neither
    (RFC 5892, 2.6), and whoever erases the one must not erase the other.
    """
    return "".join(character.lower()[:1] for character in unicodedata.normalize("NFKC", email))


def fold_mailbox(email: str) -> str:
    """Returns the folded address without what follows a plus sign: it leads to the same mailbox (RFC 5233).

    The SQL function `mailbox_of` does the same.
    """
    return re.sub(r'^([^"+@]+)\+[^@]*@', r"\1@", fold_address(email))
