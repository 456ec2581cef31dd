"""Verifies a full export of the log without any database: its order, its tree, and saved checkpoints."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from replay.tree.checkpoint import Checkpoint
from replay.tree.leaf_encoding import NotAnEvent, hash_of
from replay.verify.checkpoint_comparison import Comparison
from replay.verify.problems import Problem, Report, first_of

KINDS: dict[str, type] = {
    "position": int, "recorded_at": str, "stream_id": str, "version": int, "type": str, "data": dict,
}  # fmt: skip


class BadExport(ValueError):
    """A line that is not an event; the message names it."""


def verify_export(path: Path, checkpoints: Sequence[Checkpoint] = ()) -> tuple[Report, bytes]:
    """Checks the events of a JSONL file, and the root that they have. Raises BadExport, OSError."""
    report = Report(checkpoints=len(checkpoints))
    comparison = Comparison(checkpoints)
    report.problems += first_of("versions", in_order(path, comparison))
    report.checked_events = comparison.tree.size
    report.unproven_events = comparison.tree.size - max((one.size for one in checkpoints), default=0)
    report.unproven_events = max(0, report.unproven_events)
    report.problems += comparison.problems()
    return report, comparison.tree.root()


def in_order(path: Path, comparison: Comparison) -> Iterator[Problem]:
    """Shows each event to the checkpoints; what is wrong with positions and versions."""
    versions: dict[str, int] = {}
    for number, event in events(path):
        position, stream, version = event["position"], event["stream_id"], event["version"]
        before = versions.get(stream, 0)
        if position <= comparison.position:
            said = f"line {number} does not come after position {comparison.position}."
            yield Problem("positions", said, UUID(stream), position)
        if version != before + 1:
            yield Problem("versions", f"version {version} follows version {before}.", UUID(stream), position)
        versions[stream] = version
        try:
            comparison.add(position, hash_of(event))
        except NotAnEvent as error:
            raise BadExport(f"Line {number} is not an event: {error}.") from None


def events(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The events of a file with the numbers of their lines. Raises BadExport, OSError."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                event = json.loads(line)
                wrong = [name for name, kind in KINDS.items() if type(event.get(name)) is not kind]
                UUID(event["stream_id"])
            except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
                raise BadExport(
                    f"Line {number} is not an event: it is damaged, or this is not a JSONL export."
                ) from None
            if wrong:
                raise BadExport(f"Line {number} is not an event: {', '.join(wrong)} is missing or of the wrong kind.")
            yield number, event
