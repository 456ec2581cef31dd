"""The result of a verification: each problem with its stream, its position, and what differs."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

MAX_PROBLEMS_PER_CHECK = 200


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that differs from the log, or one event that differs from what was sealed."""

    check: str
    difference: str
    stream_id: UUID | None = None
    position: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The problem as JSON data."""
        return {**asdict(self), "stream_id": self.stream_id and str(self.stream_id)}

    def __str__(self) -> str:
        where = [f"position {self.position}"] if self.position is not None else []
        where += [f"stream {self.stream_id}"] if self.stream_id else []
        return f"{self.check}: {', '.join([*where, self.difference])}" if where else f"{self.check}: {self.difference}"


@dataclass(slots=True)
class Report:
    """The result of a verification: how much was checked, and every problem.

    `withheld_events` of an export are without a calendar's address: their hash is proven, and not what they show.
    """

    checked_events: int = 0
    sealed_events: int = 0
    unproven_events: int = 0
    withheld_events: int = 0
    checkpoints: int = 0
    problems: list[Problem] = field(default_factory=list)
    read_models: dict[str, int] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        """Whether nothing differs."""
        return not self.problems and not any(self.read_models.values())

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON data."""
        fields = {name: getattr(self, name) for name in REPORT_FIELDS}
        return {**fields, "problems": [problem.to_dict() for problem in self.problems]}


REPORT_FIELDS = ("checked_events", "sealed_events", "unproven_events", "withheld_events", "checkpoints", "read_models")


def limit_problems(check: str, problems: Iterable[Problem], limit: int = MAX_PROBLEMS_PER_CHECK) -> Iterator[Problem]:
    """The first problems of a check, then one that says how many more there are."""
    omitted_count = 0
    for number, problem in enumerate(problems):
        if number < limit:
            yield problem
        else:
            omitted_count += 1
    if omitted_count:
        yield Problem(check, f"… and {omitted_count} more of this kind.")
