"""What a check of the log found: each problem with its stream, its position, and what differs."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

MOST_OF_A_KIND = 200


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as the log says, or one event that is not as it was."""

    check: str
    difference: str
    stream_id: UUID | None = None
    position: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """The problem as JSON has it."""
        return {**asdict(self), "stream_id": self.stream_id and str(self.stream_id)}

    def __str__(self) -> str:
        where = [f"position {self.position}"] if self.position is not None else []
        where += [f"stream {self.stream_id}"] if self.stream_id else []
        return f"{self.check}: {', '.join([*where, self.difference])}" if where else f"{self.check}: {self.difference}"


@dataclass(slots=True)
class Report:
    """What a check looked at, and every problem that it found."""

    checked_events: int = 0
    sealed_events: int = 0
    unproven_events: int = 0
    checkpoints: int = 0
    problems: list[Problem] = field(default_factory=list)
    read_models: dict[str, int] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        """Whether nothing differs."""
        return not self.problems and not any(self.read_models.values())

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON has it."""
        fields = {name: getattr(self, name) for name in REPORTED}
        return {**fields, "problems": [problem.as_dict() for problem in self.problems]}


REPORTED = ("checked_events", "sealed_events", "unproven_events", "checkpoints", "read_models")


def first_of(check: str, problems: Iterable[Problem], most: int = MOST_OF_A_KIND) -> Iterator[Problem]:
    """The first problems of a check, and how many more there are."""
    more = 0
    for number, problem in enumerate(problems):
        if number < most:
            yield problem
        else:
            more += 1
    if more:
        yield Problem(check, f"… and {more} more of this kind.")
