"""A figure: values measured against a floor in the same run, and the bound that their ratio must keep."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Measure = Callable[[], float]


@dataclass(frozen=True)
class Figure:
    """One value and one floor value per round. Without a floor the bound applies to the values themselves."""

    name: str
    unit: str
    values: Sequence[float]
    floors: Sequence[float]
    bound: float
    at_most: bool = False
    floor: str = "floor"
    flush_mode: str = "native"

    @property
    def ratios(self) -> list[float]:
        """The result of each round: the ratio to its own floor, or the value where there is no floor."""
        if not self.floors:
            return list(self.values)
        return [value / floor for value, floor in zip(self.values, self.floors, strict=True)]

    @property
    def result(self) -> float:
        """The median round."""
        return statistics.median(self.ratios)

    @property
    def is_within_bound(self) -> bool:
        """Whether the bound is kept."""
        return self.result <= self.bound if self.at_most else self.result >= self.bound

    @property
    def bound_text(self) -> str:
        """The bound as people write it."""
        return f"{'≤' if self.at_most else '≥'} {self.bound:g}{' ×' if self.floors else ' ' + self.unit}"

    def __str__(self) -> str:
        text = f"{self.name}, {self.flush_mode}: {statistics.median(self.values):,.4g} {self.unit}"
        if self.floors:
            text += f", {self.floor} {statistics.median(self.floors):,.4g}: {self.result:.2f}"
        spread = f"{min(self.ratios):.3g}–{max(self.ratios):.3g}"
        return f"{text} ({spread}; wanted {self.bound_text}){'' if self.is_within_bound else '  MISSED'}"


def measure_in_turns(rounds: int, subject: Measure, floor: Measure) -> tuple[list[float], list[float]]:
    """Measure both `rounds` times in turns, alternating which goes first. Return the values of both."""
    values, floors = [], []
    for number in range(rounds):
        for measure, results in ((subject, values), (floor, floors))[:: 1 if number % 2 else -1]:
            results.append(measure())
    return values, floors
