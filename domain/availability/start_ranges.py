"""Ranges of instants at which a meeting may start, as a list that policies narrow."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from domain.availability.hours import Interval

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


def merge_ranges(sets: Iterable[StartRanges]) -> list[StartRange]:
    """Returns the instants that are in any of these ranges."""
    result: list[StartRange] = []
    for first, last in sorted(ranges for its_ranges in sets for ranges in its_ranges):
        if result and first <= result[-1][1]:
            result[-1] = result[-1][0], max(last, result[-1][1])
        else:
            result.append((first, last))
    return result


def exclude_intervals(ranges: StartRanges, intervals: Iterable[Interval]) -> StartRanges:
    """Returns the instants that are in none of these sorted intervals [start, end)."""
    for start, end in intervals:
        if ranges and start <= ranges[-1][1] and end > ranges[0][0]:
            before = (ranges[0][0], start - datetime.resolution)
            ranges = intersect_ranges(ranges, [before, (end, max(end, ranges[-1][1]))])
    return ranges
