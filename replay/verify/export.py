"""Verifies a full export of the log without any database: its order, its tree, and saved checkpoints."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from replay.tree.checkpoint import Checkpoint
from replay.tree.leaf_encoding import WITHHELD_FIELD, InvalidEvent, hash_event
from replay.verify.checkpoint_comparison import CheckpointComparison
from replay.verify.problems import Problem, Report, limit_problems

LEAF = re.compile(r"[0-9a-f]{64}")
FIELD_TYPES: dict[str, type] = {
    "position": int, "recorded_at": str, "stream_id": str, "version": int, "type": str, "data": dict,
}  # fmt: skip


class BadExport(ValueError):
    """A line of an export is not an event. The message names the line."""


def verify_export(path: Path, checkpoints: Sequence[Checkpoint] = ()) -> tuple[Report, bytes]:
    """Verifies the events of a JSONL file. Returns the report and the root over them. Raises BadExport, OSError."""
    report = Report(checkpoints=len(checkpoints))
    comparison = CheckpointComparison(checkpoints)
    report.problems += limit_problems("versions", check_order(path, comparison, report))
    report.checked_events = comparison.tree.size
    report.unproven_events = comparison.tree.size - max((checkpoint.size for checkpoint in checkpoints), default=0)
    report.unproven_events = max(0, report.unproven_events)
    report.problems += comparison.list_problems()
    return report, comparison.tree.compute_root()


def check_order(path: Path, comparison: CheckpointComparison, report: Report) -> Iterator[Problem]:
    """Compares each event with the checkpoints. Yields the problems of positions and versions. Raises BadExport."""
    versions: dict[str, int] = {}
    for number, event in read_events(path):
        position, stream_id, version = event["position"], event["stream_id"], event["version"]
        previous_version = versions.get(stream_id, 0)
        if position <= comparison.position:
            message = f"line {number} does not come after position {comparison.position}."
            yield Problem("positions", message, UUID(stream_id), position)
        if version != previous_version + 1:
            yield Problem(
                "versions", f"version {version} follows version {previous_version}.", UUID(stream_id), position
            )
        versions[stream_id] = version
        report.withheld_events += is_withheld(event)
        try:
            comparison.add_event(position, hash_exported_event(event))
        except InvalidEvent as error:
            raise BadExport(f"Line {number} is not an event: {error}.") from None


def is_withheld(event: Mapping[str, Any]) -> bool:
    """Whether an event is without a secret that it had: a person's, which has the hash of the whole event instead."""
    has_leaf = isinstance(event.get("leaf"), str) and LEAF.fullmatch(event["leaf"]) is not None
    return has_leaf and event["type"].startswith("Person") and event["data"].get(WITHHELD_FIELD, "") is None


def hash_exported_event(event: Mapping[str, Any]) -> bytes:
    """The leaf hash of an exported event: computed, or as the export has it. Raises InvalidEvent."""
    computed_hash = hash_event(event)
    return bytes.fromhex(event["leaf"]) if is_withheld(event) else computed_hash


def read_events(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The events of a file with their line numbers, from 1. Raises BadExport, OSError."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                event = json.loads(line)
                invalid_fields = [
                    name for name, field_type in FIELD_TYPES.items() if type(event.get(name)) is not field_type
                ]
                UUID(event["stream_id"])
            except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
                raise BadExport(
                    f"Line {number} is not an event: it is damaged, or this is not a JSONL export."
                ) from None
            if invalid_fields:
                raise BadExport(
                    f"Line {number} is not an event: {', '.join(invalid_fields)} is missing or of the wrong kind."
                )
            yield number, event
