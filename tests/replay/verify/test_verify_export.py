"""A full export proves the same as the database does, without it: nothing but the file and what the auditor kept."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from replay.tree.checkpoint import Checkpoint, opened, take
from replay.tree.sealed_tree import SealedTree
from replay.tree.signed_note import Signer
from replay.verify.export import BadExport, verify_export
from tests.conftest import SECRET
from tests.replay.verify.conftest import World

SIGNER = Signer.derived("meet.example/oncelink", SECRET)
EXPORT = """SELECT position, to_char(recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS recorded_at,
    stream_id::text, version, type, data FROM {schema}.events ORDER BY position"""

Write = Callable[[list[dict[str, Any]]], Path]


@pytest.fixture
def events(world: World) -> list[dict[str, Any]]:
    """The log, as an export has it."""
    return world.rows(EXPORT)


@pytest.fixture
def saved(world: World) -> Checkpoint:
    return opened(take(SealedTree(world.database), SIGNER).encode(), [SIGNER.verifier])[0]


@pytest.fixture
def written(tmp_path: Path) -> Write:
    """Writes an export."""

    def write(events: list[dict[str, Any]]) -> Path:
        path = tmp_path / "events.jsonl"
        path.write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
        return path

    return write


def test_a_full_export_has_the_root_of_the_checkpoint(
    events: list[dict[str, Any]], saved: Checkpoint, written: Write
) -> None:
    report, root = verify_export(written(events), [saved])
    assert report.problems == []
    assert report.checked_events == saved.size == len(events)
    assert root == saved.root


def test_neither_spaces_nor_order_of_names_matter(
    events: list[dict[str, Any]], saved: Checkpoint, written: Write
) -> None:
    turned = [json.loads(json.dumps(event, sort_keys=True)) for event in events]
    turned = [dict(reversed(event.items())) | {"data": dict(reversed(event["data"].items()))} for event in turned]
    assert verify_export(written(turned), [saved])[1] == saved.root


def test_changes_are_named(world: World, events: list[dict[str, Any]], saved: Checkpoint, written: Write) -> None:
    at = next(number for number, event in enumerate(events) if event["stream_id"] == world.tokens[1])
    changed = [*events[:at], {**events[at], "data": {**events[at]["data"], "request_id": "x"}}, *events[at + 1 :]]
    [problem] = verify_export(written(changed), [saved])[0].problems
    assert problem.position == events[at]["position"]
    gone = verify_export(written(events[:at] + events[at + 1 :]), [saved])[0].problems
    assert {(one.check, one.position) for one in gone} >= {("checkpoint", events[at]["position"])}
    assert any(one.check == "versions" and str(one.stream_id) == world.tokens[1] for one in gone)


def test_an_export_that_is_too_short(events: list[dict[str, Any]], saved: Checkpoint, written: Write) -> None:
    [problem] = verify_export(written(events[:-2]), [saved])[0].problems
    assert problem.position == events[-2]["position"]
    assert "the end is gone" in problem.difference
    [problem] = verify_export(written([]), [saved])[0].problems
    assert "the end is gone" in problem.difference


def test_events_out_of_order(events: list[dict[str, Any]], written: Write) -> None:
    problems = verify_export(written([*events, events[-1]]))[0].problems
    assert {one.check for one in problems} == {"positions", "versions"}
    assert problems[0].position == events[-1]["position"]


LINE = {"position": 1, "recorded_at": "", "stream_id": "5a0d4c3c-0a0b-4c4a-9c8c-0a0b4c4a9c8c", "version": 1, "type": ""}
DAMAGED = [
    *("", "{", "[]", "7", "null", "{}", '{"position": 1}', "\xff", "[" * 100_000),
    json.dumps({**LINE, "data": {}, "position": True}),
    json.dumps({**LINE, "data": {}, "stream_id": "5a0d4c3c"}),
    json.dumps({**LINE, "data": {"a": 1.5}}),
    json.dumps(LINE),
]


@pytest.mark.parametrize("line", DAMAGED)
def test_a_damaged_line_is_named(events: list[dict[str, Any]], written: Write, line: str) -> None:
    path = written(events[:2])
    path.write_bytes(path.read_bytes() + line.encode("latin-1") + b"\n")
    with pytest.raises(BadExport, match="Line 3 is not an event"):
        verify_export(path)
