"""Whether the owner of a calendar takes part in an entry of it: who declined an invitation is free."""

import re
from collections.abc import Collection

from integrations.calendars.content_lines import split_line

DECLINED = "X-ONCELINK-DECLINED"  # stands in the filtered calendar for the lines that name its owner
ADDRESS_PARAMETER = re.compile(r';EMAIL="?([^";]+)"?', re.IGNORECASE)  # RFC 7986, 6.2
DECLINED_PARAMETER = re.compile(r';PARTSTAT="?DECLINED"?(?=;|$)', re.IGNORECASE)


def is_declined_by(line: str, addresses: Collection[str]) -> bool | None:
    """Whether a participant's line says that one of these addresses declined; None when it names another.

    Addresses are in lower case, as calendars write them in any.
    """
    head, _, value = split_line(line)
    names = {value.strip().lower().removeprefix("mailto:"), *map(str.lower, ADDRESS_PARAMETER.findall(head))}
    if names.isdisjoint(addresses):
        return None
    return DECLINED_PARAMETER.search(head) is not None
