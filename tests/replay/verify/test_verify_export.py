"""A full export proves the same as the database, without it: only the file and the kept checkpoint."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api.http.event_lines import format_instant, render_event_line
from replay.export import EventExport, hide_secrets
from replay.tree.checkpoint import Checkpoint, read_checkpoints, sign_checkpoint
from replay.tree.leaf_encoding import hash_event
from replay.tree.sealed_tree import SealedTree
from replay.tree.signed_note import Signer
from replay.verify.export import BadExport, verify_export
from tests.conftest import SECRET
from tests.replay.verify.conftest import SealedLog

SIGNER = Signer.from_secret("meet.example/oncelink", SECRET)
EXPORT = """SELECT position, to_char(recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS recorded_at,
    stream_id::text, version, type, data FROM {schema}.events ORDER BY position"""

Write = Callable[[list[dict[str, Any]]], Path]


@pytest.fixture
def events(sealed_log: SealedLog) -> list[dict[str, Any]]:
    """The log, as an export has it."""
    return sealed_log.fetch_rows(EXPORT)


@pytest.fixture
def saved_checkpoint(sealed_log: SealedLog) -> Checkpoint:
    return read_checkpoints(sign_checkpoint(SealedTree(sealed_log.database), SIGNER).encode(), [SIGNER.verifier])[0]


@pytest.fixture
def export_writer(tmp_path: Path) -> Write:
    """A callable that writes an export. Returns its path."""

    def write_export(events: list[dict[str, Any]]) -> Path:
        path = tmp_path / "events.jsonl"
        path.write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
        return path

    return write_export


def test_a_full_export_has_the_root_of_the_checkpoint(
    events: list[dict[str, Any]], saved_checkpoint: Checkpoint, export_writer: Write
) -> None:
    report, root = verify_export(export_writer(events), [saved_checkpoint])
    assert report.problems == []
    assert report.checked_events == saved_checkpoint.size == len(events)
    assert root == saved_checkpoint.root


def test_neither_spaces_nor_order_of_names_matter(
    events: list[dict[str, Any]], saved_checkpoint: Checkpoint, export_writer: Write
) -> None:
    reordered = [json.loads(json.dumps(event, sort_keys=True)) for event in events]
    reordered = [dict(reversed(event.items())) | {"data": dict(reversed(event["data"].items()))} for event in reordered]
    assert verify_export(export_writer(reordered), [saved_checkpoint])[1] == saved_checkpoint.root


def test_changes_are_named(
    sealed_log: SealedLog, events: list[dict[str, Any]], saved_checkpoint: Checkpoint, export_writer: Write
) -> None:
    index = next(number for number, event in enumerate(events) if event["stream_id"] == sealed_log.tokens[1])
    changed_events = [
        *events[:index],
        {**events[index], "data": {**events[index]["data"], "request_id": "x"}},
        *events[index + 1 :],
    ]
    [problem] = verify_export(export_writer(changed_events), [saved_checkpoint])[0].problems
    assert problem.position == events[index]["position"]
    problems = verify_export(export_writer(events[:index] + events[index + 1 :]), [saved_checkpoint])[0].problems
    assert {(item.check, item.position) for item in problems} >= {("checkpoint", events[index]["position"])}
    assert any(item.check == "versions" and str(item.stream_id) == sealed_log.tokens[1] for item in problems)


def test_an_export_that_is_too_short(
    events: list[dict[str, Any]], saved_checkpoint: Checkpoint, export_writer: Write
) -> None:
    [problem] = verify_export(export_writer(events[:-2]), [saved_checkpoint])[0].problems
    assert problem.position == events[-2]["position"]
    assert "the end is gone" in problem.difference
    [problem] = verify_export(export_writer([]), [saved_checkpoint])[0].problems
    assert "the end is gone" in problem.difference


def test_events_out_of_order(events: list[dict[str, Any]], export_writer: Write) -> None:
    problems = verify_export(export_writer([*events, events[-1]]))[0].problems
    assert {problem.check for problem in problems} == {"positions", "versions"}
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
def test_a_damaged_line_is_named(events: list[dict[str, Any]], export_writer: Write, line: str) -> None:
    path = export_writer(events[:2])
    path.write_bytes(path.read_bytes() + line.encode("latin-1") + b"\n")
    with pytest.raises(BadExport, match="Line 3 is not an event"):
        verify_export(path)


def test_a_secret_is_withheld_and_the_proof_holds(sealed_log: SealedLog, tmp_path: Path) -> None:
    builder_rows = list(EventExport(sealed_log.database, 10**9).iterate_rows())
    row = {
        **builder_rows[0],
        "type": "PersonUpdated.v1",
        "data": '{"busy_feed_url": "https://calendar.example/secret"}',
    }
    whole = {"data": json.loads(row["data"]), "recorded_at": format_instant(row["recorded_at"])}
    whole_event = {**row, **whole, "stream_id": str(row["stream_id"])}
    line = render_event_line(hide_secrets(row))
    assert "secret" not in line
    path = tmp_path / "events.jsonl"
    path.write_text(line)
    event = json.loads(line)
    assert event["data"] == {"busy_feed_url": None}
    assert event["leaf"] == hash_event(whole_event).hex()
    report, root = verify_export(path)
    assert (report.withheld_events, root) == (1, hash_event(whole_event))
    for changed in ({"type": "LinkUpdated.v1"}, {"data": {"busy_feed_url": "x"}}, {"data": {}}, {"leaf": "00"}):
        path.write_text(json.dumps({**event, **changed}))
        report, root = verify_export(path)
        assert (report.withheld_events, root) == (0, hash_event({**event, **changed}))


def test_an_event_without_an_address_is_exported_as_it_is(sealed_log: SealedLog) -> None:
    [row, *_] = EventExport(sealed_log.database, 10**9).iterate_rows()
    for data in ('{"busy_feed_url": null}', '{"name": "\\"busy_feed_url\\": \\"x"}'):
        assert hide_secrets({**row, "data": data}) == {**row, "data": data}
