"""E-mail addresses as mail servers and calendars take them: the domain in ASCII (RFC 5891), the rest as it is."""

from urllib.parse import quote

from email_validator import EmailNotValidError, validate_email

ENCODED_WORD_START = "=?"  # how an encoded word begins (RFC 2047)
MAILTO_CHARACTERS = "!$&'*+,;:="  # besides letters and digits, what a mailto URI holds as it is (RFC 6068, 2)


class InvalidEmailAddress(ValueError):
    """An e-mail address that no mail can be sent to."""


def normalize_address(email: str) -> str:
    """Normalise an address for mail servers: its domain in ASCII. Raises InvalidEmailAddress."""
    try:
        address = validate_email(email, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as error:
        raise InvalidEmailAddress from error
    if ENCODED_WORD_START in address.local_part:  # mail programs would read another address
        raise InvalidEmailAddress
    return f"{address.local_part}@{address.ascii_domain}"


def to_mailto_uri(email: str) -> str:
    """Convert an address to a mailto URI, in ASCII whatever letters it has (RFC 6068, 2)."""
    try:
        address = normalize_address(email)
    except InvalidEmailAddress:  # of a log that is older than our rules: as it stands
        address = email
    local_part, _, domain = address.rpartition("@")
    return f"mailto:{quote(local_part, safe=MAILTO_CHARACTERS)}@{domain}"
