"""A figure: what was measured beside its floor in the same run, the bound that it must keep, and whether it does."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Measure = Callable[[], float]


@dataclass(frozen=True)
class Figure:
    """One value and one of the floor for each round; without a floor the bound is one of the values themselves."""

    name: str
    unit: str
    values: Sequence[float]
    floors: Sequence[float]
    bound: float
    at_most: bool = False
    floor: str = "floor"
    where: str = "native"

    @property
    def each(self) -> list[float]:
        """What each round reached: the share of its own floor, or the value where there is no floor."""
        if not self.floors:
            return list(self.values)
        return [value / floor for value, floor in zip(self.values, self.floors, strict=True)]

    @property
    def reached(self) -> float:
        """The median round."""
        return statistics.median(self.each)

    @property
    def holds(self) -> bool:
        """Whether the bound is kept."""
        return self.reached <= self.bound if self.at_most else self.reached >= self.bound

    @property
    def wanted(self) -> str:
        """The bound as people write it."""
        return f"{'≤' if self.at_most else '≥'} {self.bound:g}{' ×' if self.floors else ' ' + self.unit}"

    def __str__(self) -> str:
        found = f"{self.name}, {self.where}: {statistics.median(self.values):,.4g} {self.unit}"
        if self.floors:
            found += f", {self.floor} {statistics.median(self.floors):,.4g}: {self.reached:.2f}"
        spread = f"{min(self.each):.3g}–{max(self.each):.3g}"
        return f"{found} ({spread}; wanted {self.wanted}){'' if self.holds else '  MISSED'}"


def in_turns(rounds: int, ours: Measure, floor: Measure) -> tuple[list[float], list[float]]:
    """Measures both so many times, in turns, and who goes first in turns too; the values of both."""
    values, floors = [], []
    for number in range(rounds):
        for measure, found in ((ours, values), (floor, floors))[:: 1 if number % 2 else -1]:
            found.append(measure())
    return values, floors
