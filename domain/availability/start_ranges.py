"""Ranges of instants at which a meeting may start, as a list that policies narrow."""

from collections.abc import Sequence
from datetime import datetime

StartRange = tuple[datetime, datetime]
"""The instants from a first to a last one, both included and aware, in UTC. A plain tuple: there are many of them."""

StartRanges = Sequence[StartRange]
"""Sorted ranges that do not overlap."""


def intersect_ranges(left: StartRanges, right: StartRanges) -> list[StartRange]:
    """Returns the instants that are in both."""
    result: list[StartRange] = []
    left_index = right_index = 0
    while left_index < len(left) and right_index < len(right):
        (left_first, left_last), (right_first, right_last) = left[left_index], right[right_index]
        first = left_first if left_first > right_first else right_first
        last = left_last if left_last < right_last else right_last
        if first <= last:
            result.append((first, last))
        if left_last < right_last:
            left_index += 1
        else:
            right_index += 1
    return result
