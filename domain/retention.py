"""How long the details of guests are kept."""

from calendar import monthrange
from datetime import datetime


def subtract_months(instant: datetime, months: int) -> datetime:
    """Returns the instant so many months earlier, at the same time of day: on the month's last day where it is shorter.

    The details of meetings that ended at it or before are kept no longer.
    """
    year, month_index = divmod(instant.year * 12 + instant.month - 1 - months, 12)
    day = min(instant.day, monthrange(year, month_index + 1)[1])
    return instant.replace(year=year, month=month_index + 1, day=day)
